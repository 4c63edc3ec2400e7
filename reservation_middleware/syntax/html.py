"""A bounded prescan of HTML for ``<meta>`` elements that matter.

Half of all pages have robots metas and nearly all of them say ``index, follow``, so
the prescan looks for the words that matter, not for the tag: only a page with one of
them inside something that looks like a meta tag is parsed, as a whole, by lexbor. What
looks like a tag but stands in a comment, script, template or noscript is thus never
counted, and nothing that a whole-page parse finds is missed.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

#: Bytes of a page that are looked at.
LIMIT = 8 * 1024 * 1024
#: Metas of interest that are kept; a page with more is not trying to be understood.
MAX_METAS = 256

# A meta tag up to its end, ``>`` inside quotes left alone. Possessive, so linear. A quote
# that is never closed may stand in an unquoted value (``content=don't``): it ends nothing.
_TAG = re.compile(rb"""<[mM][eE][tT][aA](?:[^>"']++|"[^"]*+"|'[^']*+'|["'])*+""")
# Character references to letters, digits, "-" or ":": a word may be spelled with them.
_SPELLED = re.compile(
    rb"&#(?:0*(?:45|4[89]|5[0-8]|6[5-9]|[78]\d|90|9[789]|1[01]\d|12[0-2])(?!\d)"
    rb"|[xX]0*(?:2[dD]|3[0-9aA]|[46][1-9a-fA-F]|[57][0-9aA])(?![0-9a-fA-F]))"
    rb"|&colon;"
)


class Meta(NamedTuple):
    """A meta element with a name: both values stripped, the name in lower case."""

    name: str
    content: str
    line: int | None


def metas(body: bytes, words: Sequence[bytes], *, charset: str = "") -> tuple[Meta, ...]:
    """The named metas of a page in which one of ``words`` occurs, in document order.

    Args:
        body: the page, decoded from its content coding.
        words: what to look for in names and contents, ASCII lower case.
        charset: the charset parameter of its Content-Type, if any.

    """
    body = _ascii_compatible(body[:LIMIT], charset.lower())
    tags = _TAG.findall(body)
    if not tags:
        return ()
    everything = b"\0".join(tags)
    lower = everything.lower()
    if not any(word in lower for word in words) and not (
        b"&" in everything and _SPELLED.search(everything)
    ):
        return ()
    return _parsed(body, tuple(word.decode("ascii") for word in words))


def _parsed(body: bytes, words: tuple[str, ...]) -> tuple[Meta, ...]:
    found: list[Meta] = []
    lines = _TagLines(body)
    for node in LexborHTMLParser(body).css("meta[name][content]"):
        attributes = node.attributes
        name = (attributes["name"] or "").strip().lower()
        content = (attributes["content"] or "").strip()
        lower = content.lower()
        if not any(word in name or word in lower for word in words) or _inert(node):
            continue
        found.append(Meta(name, content, lines.of(name, lower)))
        if len(found) == MAX_METAS:
            break
    return tuple(found)


def _inert(node: LexborNode) -> bool:
    """Whether an ancestor keeps an element from counting for a reader with scripts."""
    parent = node.parent
    while parent is not None:
        if parent.tag in ("noscript", "template"):
            return True
        parent = parent.parent
    return False


class _TagLines:
    """Finds the source line of a parsed element, which lexbor does not keep."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._tags = [(found.start(), found[0].lower()) for found in _TAG.finditer(body)]
        self._next = 0

    def of(self, name: str, content: str) -> int | None:
        wanted = name.encode(), content[:64].encode()
        for number in range(self._next, len(self._tags)):
            start, tag = self._tags[number]
            if wanted[0] in tag and wanted[1] in tag:
                self._next = number + 1
                return self._body.count(b"\n", 0, start) + 1
        return None


def _ascii_compatible(body: bytes, charset: str) -> bytes:
    """The body in an encoding in which tags are ASCII (only UTF-16 and UTF-32 are not)."""
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return body.decode("utf-16", "replace").encode()
    if charset in ("utf-16", "utf-16le", "utf-16be"):
        codec = "utf-16-be" if charset == "utf-16be" else "utf-16-le"
        return body.decode(codec, "replace").encode()
    return body
