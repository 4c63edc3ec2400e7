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

# Beyond these a page is not given to the parser as a whole: tags, attributes of one tag,
# open elements; then bytes of a tag that is still looked at, and words in all tags.
_MANY_TAGS, _MANY, _DEEP = 50_000, 1_000, 600
# So many tags cannot be too deep, however they are nested.
_HARMLESS = 4_000
_LONG_TAG, _MOST_HITS = 64 * 1024, 10_000
# A name and white space: a comparison in a script seldom looks so.
_LONG = re.compile(rb"<[a-zA-Z][a-zA-Z0-9:-]*+[\s/][^>]{2048,}+")
_QUOTED = re.compile(rb"""\"[^"]*+"|'[^']*+'""")
_ELEMENT = re.compile(rb"<(/?)([a-zA-Z][^\s/>]*+)")
# Elements that hold nothing, or that the next of their kind ends.
_FLAT = frozenset(
    b"area base br col embed hr img input link meta param source track wbr "
    b"p li dt dd tr td th option optgroup thead tbody tfoot body head html".split()
)

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
        words: what to look for in names and contents, ASCII lower case, no white space.
        charset: the charset parameter of its Content-Type, if any.

    """
    body = _ascii_compatible(body[:LIMIT], charset.lower())
    tags = _TAG.findall(body)
    if not tags:
        return ()
    everything = (
        b"\0".join(tags)
        if b"\0" not in body
        else b"\0".join([tag.replace(b"\0", b" ") for tag in tags])
    )
    if not _speaks(everything, words):
        return ()
    if _is_monstrous(body):
        # Only the tags that matter, side by side: what hides them is not looked into, so
        # that a site that reserves in such a page is heard rather than not.
        body = b">\n".join(_speaking(tags, everything, words)) + b">"
    # Whatever the encoding, tags are ASCII; some versions of the parser want UTF-8.
    body = body.decode("utf-8", "replace").encode()
    return _parsed(body, tuple(word.decode("ascii") for word in words))


def _speaking(tags: Sequence[bytes], everything: bytes, words: Sequence[bytes]) -> list[bytes]:
    """The first tags in which a word occurs, or something that may spell one; in order."""
    lower = _solid(everything)
    found: set[int] = set()
    for text, pattern in (
        (lower, re.compile(b"|".join(map(re.escape, words)))),
        (everything, _SPELLED),
    ):
        number = position = 0
        for count, hit in enumerate(pattern.finditer(text)):
            if count == _MOST_HITS:
                break
            number += text.count(b"\0", position, hit.start())
            position = hit.start()
            found.add(number)
    return [
        tags[number]
        for number in sorted(found)[: 2 * MAX_METAS]
        if len(tags[number]) <= _LONG_TAG and _attributes(tags[number]) <= _MANY
    ]


def _solid(tags: bytes) -> bytes:
    """Tags in lower case without white space: it may stand in a word, as in "max-snippet: 0"."""
    return tags.lower().translate(None, b" \t\r\n\f")


def _speaks(tags: bytes, words: Sequence[bytes]) -> bool:
    """Whether a word occurs in some tags, or something that may spell one."""
    lower = _solid(tags)
    return any(word in lower for word in words) or (
        b"&" in tags and _SPELLED.search(tags) is not None
    )


def _is_monstrous(body: bytes) -> bool:
    """Whether a page is built to make a parser slow: too deep, too many or too long tags.

    A tree builder may take time quadratic in depth and in attributes per tag.
    """
    tags = body.count(b"<")
    if tags > _MANY_TAGS:
        return True
    if any(_attributes(found[0]) > _MANY for found in _LONG.finditer(body)):
        return True
    if tags <= _HARMLESS:
        return False
    depth = 0
    for close, name in _ELEMENT.findall(body):
        if close:
            depth = depth - 1 if depth else 0
        elif name.lower() not in _FLAT:
            depth += 1
            if depth > _DEEP:
                return True
    return False


def _attributes(tag: bytes) -> int:
    """About how many attributes a tag has; what is quoted is none."""
    return len(_QUOTED.sub(b"", tag).split())


def _parsed(body: bytes, words: tuple[str, ...]) -> tuple[Meta, ...]:
    found: list[Meta] = []
    lines = _TagLines(body)
    inert: dict[int, bool] = {}
    looked = 0
    for node in LexborHTMLParser(body).css("meta[name][content]"):
        attributes = node.attributes
        name = (attributes["name"] or "").strip().lower()
        content = (attributes["content"] or "").strip()
        said = "".join(f"{name} {content[:_LONG_TAG]}".lower().split())
        if not any(word in said for word in words):
            continue
        looked += 1
        if looked > _MOST_HITS:
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

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._tags = _TAG.finditer(body)
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


def _ascii_compatible(body: bytes, charset: str) -> bytes:
    """The body in an encoding in which tags are ASCII (only UTF-16 and UTF-32 are not)."""
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return body.decode("utf-16", "replace").encode()
    if charset in ("utf-16", "utf-16le", "utf-16be"):
        codec = "utf-16-be" if charset == "utf-16be" else "utf-16-le"
        return body.decode(codec, "replace").encode()
    return body
