"""What a body is, by how it begins: a page, XML, or octets that are no text.

Media types are often wrong or missing. Here: first octets. Not here: images and other files with
metadata, which ``media`` knows. Reference: https://mimesniff.spec.whatwg.org/
"""

import re

from .charset import ascii_based

#: Octets of a body by which it is told what it is (WHATWG MIME Sniffing §5.2).
LIMIT = 1445

# Comments and an XML declaration may come first. What stands in them is passed over once.
_PROLOG = rb"(?is)[ \t\r\n\f]*+(?:(?><!--.*?-->|<\?.*?>)[ \t\r\n\f]*+)*+"
_PAGE = _PROLOG + rb"<(?:!doctype[ \t\r\n\f]+html|html|head|title|body)[ \t\r\n\f/>]"
# What may come before the root of an XML document, and the root.
_BEFORE = rb"(?is)(?:[^<]|<!--.*?-->|<\?.*?>|<!doctype[^>\[]*+(?:\[[^\]]*+\])?+[^>]*+>)*+"
_ROOT = _BEFORE + rb"<([A-Za-z_][^ \t\r\n/>]*+)[ \t\r\n/>]"
_BLANK = b" \t\r\n\f"
# How text that may be markup begins: with a bracket, blanks, byte order marks, NULs, EBCDIC.
_MAY_BE_MARKUP = re.compile(rb"[<\xff\xfe\xef+\0L]|\Z")
#: Octets that no text has (§3, binary data byte).
_BINARY = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_FIRST = 64 * 1024
_NEVER_PAGES = ("image/", "audio/", "video/", "font/", "multipart/", "message/")


def begins_as_page(body: bytes, charset: str = "") -> bool:
    """Whether a body begins as an HTML document does, whatever it was sent as.

    Args:
        body: its octets, or the first of them.
        charset: that it was sent with, "" if none was.
    """
    return _may_be_markup(body) and bool(re.match(_PAGE, _unmarked(body, charset)))


def may_become_page(beginning: bytes) -> bool:
    """Whether more octets may show that a body is a page."""
    return len(beginning) < LIMIT and _may_be_markup(beginning)


def may_be_page(media_type: str) -> bool:
    """Whether a page may have been sent by mistake as a media type (lower case, no parameters).

    Where an image, sound or a font is due, a page is that of an error.
    """
    return not media_type.startswith(_NEVER_PAGES)


def is_xml(media_type: str) -> bool:
    """Whether a media type (lower case, no parameters) is one of XML (RFC 7303 §4.2)."""
    return media_type.endswith("+xml") or media_type in ("application/xml", "text/xml")


def is_xhtml(body: bytes, charset: str = "") -> bool:
    """Whether the root of an XML document is ``html``."""
    return root_of(body, charset) == "html"


def root_of(body: bytes, charset: str = "") -> str:
    """The name of an XML document's first element, "" where none begins in its first 64 KiB."""
    found = re.match(_ROOT, ascii_based(body[:_FIRST], charset))
    return found[1].decode("utf-8", "replace").lower() if found else ""


def is_binary(body: bytes) -> bool:
    """Whether a body is no text in any encoding that is known."""
    return bool(_BINARY.search(_unmarked(body, "")))


def _may_be_markup(body: bytes) -> bool:
    return bool(_MAY_BE_MARKUP.match(body[:LIMIT].lstrip(_BLANK)))


def _unmarked(body: bytes, charset: str) -> bytes:
    return ascii_based(body[:LIMIT], charset).removeprefix(b"\xef\xbb\xbf")
