"""What a page of HTML says: metas, links, anchors and scripts in which certain words stand.

Half of all pages have robots metas and nearly all of them say ``index, follow``, so words that
matter are looked for, not tags (``words``). Where one stands in something like a tag (``hits``)
the page is tokenized up to there, and what hides tags in HTML hides them (``tokens``).
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from reservation_middleware.syntax.charset import ascii_based

from .elements import MAX_ELEMENTS, MAX_METAS, NOTHING, Element, Html, Meta
from .tags import TagReader, tag_reader

if TYPE_CHECKING:
    from .hits import Need

#: Bytes of a page that are looked at.
LIMIT = 8 * 1024 * 1024

# Where SVG and MathML begin and end, and elements whose text a tokenizer would look for.
_FOREIGN_OR_EMPTY = (
    rb"<(?:(/?)(?i:svg|math)(?=[ \t\r\n\f/>])"
    rb"|((?i:script|title|style|noscript|template|textarea|iframe|noframes|noembed|xmp))"
    rb"((?:[ \t\r\n\f](?:[^<>\"'/]|\"[^\"]{0,2000}+\"|'[^']{0,2000}+'|/(?!>))*+)?)/>)"
)


def read(
    body: bytes,
    words: Sequence[bytes],
    element_words: Sequence[bytes] = (),
    *,
    charset: str = "",
    xml: bool = False,
) -> Html:
    """The named metas and the other elements of a page in which one of some words stands.

    Args:
        body: the page, decoded from its content coding.
        words: what to look for in names and contents of metas, ASCII lower case; a blank in one
            stands for white space that may be there, or not.
        element_words: what to look for in what elements are for (their ``rel``, ``itemprop``,
            ``property`` or ``type``) and in scripts of RSL or JSON-LD, as it is usually written.
        charset: the charset parameter of its Content-Type, if any.
        xml: whether it is XHTML, in which any element may be empty (``<script/>``).
    """
    page = ascii_based(body[:LIMIT], charset)
    reader = tag_reader(tuple(words), tuple(element_words))
    hits = reader.everywhere.hits(page)
    found = NOTHING
    if hits is None or hits:
        # Imported here, since turbohtml takes longer to import than most pages to be read.
        from .hits import needed  # noqa: PLC0415 - see above

        need = needed(page, hits, reader)
        if need.end:
            found = _tokenized(page[: need.end], reader, need, xml=xml)
    return found._replace(truncated=True) if len(body) > LIMIT else found


def _tokenized(page: bytes, reader: TagReader, need: "Need", *, xml: bool) -> Html:
    from .tokens import UnendedElementError, read_tokens  # noqa: PLC0415 - see above

    if not xml:
        with suppress(UnendedElementError):
            tags = need.tags and _in_characters(need.tags, page)
            return read_tokens(page.decode("utf-8", "replace"), reader, tags)
    text = _with_ends(page, xml=xml).decode("utf-8", "replace")
    return read_tokens(text, reader, never_empty=frozenset())


def _in_characters(tags: Mapping[int, str], page: bytes) -> Mapping[int, str]:
    """Names of tags by the characters where they begin, of those by octets."""
    if page.isascii():
        return tags
    found = {}
    octets = characters = 0
    for start in sorted(tags):
        characters += len(page[octets:start].decode("utf-8", "replace"))
        octets = start
        found[characters] = tags[start]
    return found


def _with_ends(page: bytes, *, xml: bool) -> bytes:
    """A page with end tags for empty elements where these may go without: XML, SVG, MathML."""
    may_be_empty = xml

    def ended(found: "re.Match[bytes]") -> bytes:
        nonlocal may_be_empty
        if found[2]:
            return b"<%b%b></%b>" % found.group(2, 3, 2) if may_be_empty else found[0]
        may_be_empty = xml or not found[1]
        return found[0]

    return re.sub(_FOREIGN_OR_EMPTY, ended, page)


def metas(body: bytes, words: Sequence[bytes], *, charset: str = "") -> tuple[Meta, ...]:
    """The named metas alone; see ``read``."""
    return read(body, words, charset=charset).metas


__all__ = [
    "LIMIT",
    "MAX_ELEMENTS",
    "MAX_METAS",
    "NOTHING",
    "Element",
    "Html",
    "Meta",
    "metas",
    "read",
]
