"""XML from strangers: parsed with bounds, or refused with a reason.

Here: parsing and positions. Not here: any vocabulary. A document type declaration is
refused as a whole, so no entity is ever defined, loaded or expanded.
Reference: https://www.w3.org/TR/xml/
"""

import re

from lxml import etree

from .charset import ascii_based, codec_of

#: Bytes of a document that is parsed, and elements that may be open at once.
LIMIT, MAX_DEPTH = 1024 * 1024, 100
#: Tags of a document that is parsed: a tree takes far more memory than short elements.
MAX_TAGS = 50_000

# Asked of the library, since a walk would take longer than the parse.
_TOO_DEEP = etree.XPath(f"boolean({'/*' * (MAX_DEPTH + 1)})")
# The text of a subtree, gathered without an object for each piece.
_TEXT = etree.XPath("string()", smart_strings=False)
_DOCTYPE = rb"(?i)<!\s*DOCTYPE"
_DECLARATION = rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([^\"'>]{0,100})[\"'][^>]{0,100}\?>"


class XmlError(ValueError):
    """What is wrong with a document, in a few words, and the line if it is known."""

    def __init__(self, why: str, line: int | None = None) -> None:
        super().__init__(why)
        self.line = line


class TooLargeError(XmlError):
    """A document that may be right, but is more than is parsed."""


def parse(body: bytes, charset: str = "") -> etree._Element:
    """The root element of a document.

    Args:
        body: the document.
        charset: that it was sent with (RFC 7303 §3), "" if none was. It counts where the document
            cannot be read as it declares itself.

    Raises:
        TooLargeError: it is longer or has more tags than what is parsed.
        XmlError: too deep, not well-formed, or with a document type.
    """
    if len(body) > LIMIT:
        raise TooLargeError(f"longer than {LIMIT // 1024} KiB")
    given, body = body, ascii_based(body, charset)
    converted = body is not given
    body = body.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
    declared = re.match(_DECLARATION, body)
    if declared and (converted or codec_of(declared[1].decode("latin-1")) != ""):
        # What is declared was undone, or is wrong. The parser knows UTF-7, too, in which a
        # document type would not be seen here.
        body = body[declared.end() :]
    if re.search(_DOCTYPE, body):
        raise XmlError("it has a document type declaration")
    if body.count(b"<") > MAX_TAGS:
        raise TooLargeError(f"more than {MAX_TAGS} tags")
    try:
        root = _root(body)
    except XmlError:
        if not charset or converted or codec_of(charset) != "":
            raise
        root = _root(body, charset)
    if root is None:
        raise XmlError("no element in it")
    if _TOO_DEEP(root):
        raise XmlError(f"more than {MAX_DEPTH} elements inside each other")
    return root


def _root(body: bytes, encoding: str | None = None) -> etree._Element | None:
    """The root of a document in a given encoding, else in the one that it declares or UTF-8."""
    try:
        parser = etree.XMLParser(
            encoding=encoding,
            resolve_entities=False,
            load_dtd=False,
            no_network=True,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        )
        return etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:
        line = error.lineno if isinstance(error, etree.XMLSyntaxError) else None
        raise XmlError(str(error).partition(", line ")[0][:200] or "not XML", line) from None


def name_of(element: etree._Element) -> tuple[str, str]:
    """Namespace and local name of an element, the namespace "" where it has none."""
    name = etree.QName(element)
    return name.namespace or "", name.localname


def text_of(element: etree._Element) -> str:
    """All text in an element, white space collapsed."""
    # Most have nothing but text, for which no walk is needed.
    whole: str = _TEXT(element) if len(element) else element.text or ""
    return " ".join(whole.split())
