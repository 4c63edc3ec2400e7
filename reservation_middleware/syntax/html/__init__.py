"""A bounded prescan of HTML for the elements that matter: metas, links, scripts.

Half of all pages have robots metas and nearly all of them say ``index, follow``, so
the prescan looks for the words that matter, not for the tag: only a page with one of
them inside something that looks like a meta tag is parsed, as a whole, by lexbor. What
looks like a tag but stands in a comment, script, template or noscript is thus never
counted, and nothing that a whole-page parse finds is missed.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

from reservation_middleware.syntax.charset import ascii_based

from .monstrous import (
    MAX_ELEMENTS,
    MAX_METAS,
    MAX_TEXT,
    META_TAG,
    MOST_HITS,
    OTHER_TAG,
    speaking_elements,
    speaking_metas,
)
from .prescan import scan, solid
from .tags import KINDS, LONG_TAG, SCRIPTS
from .tree_cost import is_costly
from .words import holds

#: Bytes of a page that are looked at.
LIMIT = 8 * 1024 * 1024


class Meta(NamedTuple):
    """A meta element with a name: both values stripped, the name in lower case."""

    name: str
    content: str
    line: int | None


class Element(NamedTuple):
    """A link or script, or any element that carries a property.

    Attributes:
        tag: its name in lower case.
        attributes: values by lower-case name, stripped.
        text: what stands in it, of scripts and of properties.
        line: where its tag begins, None if that could not be found.
        whole: whether it stands where it is about the whole page: in the head, or directly
            in the body.
    """

    tag: str
    attributes: Mapping[str, str]
    text: str
    line: int | None
    whole: bool


class Html(NamedTuple):
    """What a page holds of interest, in document order."""

    metas: tuple[Meta, ...] = ()
    elements: tuple[Element, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.metas or self.elements)


NOTHING = Html()

# Elements of XHTML that HTML would take to be open until their end tag, with all that follows.
_EMPTY = re.compile(
    rb"<(script|title|style|noscript|template|textarea|iframe|noframes|noembed|xmp)"
    rb"((?:[ \t\r\n\f](?:[^<>\"'/]|\"[^\"]{0,2000}+\"|'[^']{0,2000}+'|/(?!>))*+)?)/>"
)


def read(
    body: bytes,
    words: Sequence[bytes],
    element_words: Sequence[bytes] = (),
    *,
    charset: str = "",
    xml: bool = False,
) -> Html:
    """The named metas and the other elements of a page in which one of some words occurs.

    Args:
        body: the page, decoded from its content coding.
        words: what to look for in names and contents of metas, ASCII lower case, no white space.
        element_words: what to look for in what other elements are for (their ``rel``,
            ``itemprop``, ``property`` or ``type``) and in scripts of RSL or JSON-LD, as it is
            usually written.
        charset: the charset parameter of its Content-Type, if any.
        xml: whether it is XHTML, in which any element may be empty (``<script/>``).

    """
    body = ascii_based(body[:LIMIT], charset)
    if xml and b"/>" in body:
        body = _EMPTY.sub(rb"<\1\2></\1>", body)
    tags, metas, elements, end = scan(body, words, element_words)
    if not metas and not elements:
        return NOTHING
    body = body[:end]
    if is_costly(body):
        # Only the tags that matter, side by side: what hides them is not looked into, so
        # that a site that reserves in such a page is heard rather than not.
        found = speaking_metas(tags, words) if metas else []
        found += speaking_elements(body, element_words) if elements else []
        body = b">\n".join(found) + b">"
    # Whatever the encoding, tags are ASCII; some versions of the parser want UTF-8.
    text = body.decode("utf-8", "replace")
    if "\ufffd" in text:
        body = text.encode()
    tree = LexborHTMLParser(body)
    return Html(
        _metas(tree, body, words) if metas else (),
        _elements(tree, body, element_words) if elements else (),
    )


def metas(body: bytes, words: Sequence[bytes], *, charset: str = "") -> tuple[Meta, ...]:
    """The named metas alone; see ``read``."""
    return read(body, words, charset=charset).metas


_SELECTOR = ",".join(
    [*(f"{tag}[{kind}]" for tag in ("link", "a", "meta") for kind in KINDS), "script[type]"]
)


def _elements(tree: LexborHTMLParser, body: bytes, words: Sequence[bytes]) -> tuple[Element, ...]:
    lower_words = [word.lower() for word in words]
    found: list[Element] = []
    lines = _TagLines(body, OTHER_TAG)
    inert: dict[int, bool] = {}
    looked = 0
    last = None
    for node in tree.css(_SELECTOR):
        if node.mem_id == last:
            continue  # it is given once for each part of the selector
        last = node.mem_id
        attributes = {
            name.lower(): (value or "").strip() for name, value in node.attributes.items()
        }
        tag = node.tag or ""
        if tag == "script":
            if attributes.get("type", "").partition(";")[0].strip().lower() not in SCRIPTS:
                continue
            text = node.text() or ""
            there = text.encode("utf-8", "replace")
            speaks = any(word in there for word in words)
        else:
            text, speaks = "", False
        if not speaks:
            said = " ".join(attributes.get(kind, "")[:LONG_TAG] for kind in KINDS)
            there = said.encode("utf-8", "replace").lower()
            if not any(word in there for word in lower_words):
                continue
        looked += 1
        if looked > MOST_HITS:
            break
        if _inert(node, inert):
            continue
        if not text and tag not in ("link", "meta"):
            text = (node.text() or "").strip()
        mark = text.strip() if tag == "script" else attributes.get("href", "")
        found.append(
            Element(
                tag,
                attributes,
                text[:MAX_TEXT],
                lines.of(tag, mark.lower()) if tag != "script" else _line_of(body, mark),
                node.parent is not None and node.parent.tag in ("head", "html", "body"),
            )
        )
        if len(found) == MAX_ELEMENTS:
            break
    return tuple(found)


def _line_of(body: bytes, text: str) -> int | None:
    """The line in which some text of a page begins."""
    at = body.find(text[:200].encode("utf-8", "replace")) if text else -1
    return None if at < 0 else body.count(b"\n", 0, at) + 1


def _metas(tree: LexborHTMLParser, body: bytes, words: Sequence[bytes]) -> tuple[Meta, ...]:
    found: list[Meta] = []
    lines = _TagLines(body, META_TAG)
    inert: dict[int, bool] = {}
    looked = 0
    for node in tree.css("meta[name][content]"):
        attributes = node.attributes
        name = (attributes["name"] or "").strip().lower()
        content = (attributes["content"] or "").strip()
        # Encoded, since lower case is that of ASCII: a dotted capital I is no "i".
        said = solid(f"{attributes['name']}\0{content[:LONG_TAG]}".encode("utf-8", "replace"))
        if not holds(said, tuple(words)):
            continue
        looked += 1
        if looked > MOST_HITS:
            break
        if _inert(node, inert):
            continue
        found.append(Meta(name, content, lines.of(name, content.lower())))
        if len(found) == MAX_METAS:
            break
    return tuple(found)


def _inert(node: LexborNode, known: dict[int, bool]) -> bool:
    """Whether an ancestor keeps an element from counting for a reader with scripts."""
    path: list[int] = []
    answer = False
    parent = node.parent
    while parent is not None:
        if parent.mem_id in known:
            answer = known[parent.mem_id]
            break
        path.append(parent.mem_id)
        if parent.tag in ("noscript", "template"):
            answer = True
            break
        parent = parent.parent
    known.update(dict.fromkeys(path, answer))
    return answer


class _TagLines:
    """Finds the source line of a parsed element, which lexbor does not keep.

    One pass over the tags, however many elements are asked for: an element that is not
    found where it should be has no line, and after some of them none has.
    """

    def __init__(self, body: bytes, tags: "re.Pattern[bytes]") -> None:
        self._body = body
        self._tags = tags.finditer(body)
        self._counted = 0
        self._line = 1
        self._misses = 0

    def of(self, name: str, content: str) -> int | None:
        if self._misses:
            return None
        wanted = name.encode(), content[:64].encode()
        for found in self._tags:
            tag = found[0].lower()
            if wanted[0] in tag and wanted[1] in tag:
                start = found.start()
                self._line += self._body.count(b"\n", self._counted, start)
                self._counted = start
                return self._line
        self._misses += 1
        return None


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
