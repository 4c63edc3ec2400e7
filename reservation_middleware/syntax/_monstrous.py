"""Pages that are not given to the parser as a whole, and what is given to it instead.

A third room of ``html.py``: a tree builder may take time quadratic in depth and in attributes
per tag. Linear in the length of the page, whatever it holds.
"""

import re
from collections.abc import Sequence

from ._prescan import solid
from ._tags import LONG_TAG, SCRIPTS, SPELLED

#: Metas of interest that are kept, and other elements; a page with more is not trying to be
#: understood.
MAX_METAS, MAX_ELEMENTS = 256, 64
#: Characters of an element's text that are kept.
MAX_TEXT = 256 * 1024
#: Words in all tags that are looked at.
MOST_HITS = 10_000
# Beyond these a page is not given to the parser as a whole: tags, attributes of one tag,
# open elements.
_MANY_TAGS, _MANY, _DEEP = 50_000, 1_000, 600
# So many tags cannot be too deep, however they are nested.
_HARMLESS = 4_000
# A name and white space: a comparison in a script seldom looks so.
_LONG = re.compile(rb"<[a-zA-Z][a-zA-Z0-9:-]*+[\s/][^>]{2048,}+")
_QUOTED = re.compile(rb"""\"[^"]*+"|'[^']*+'""")
_ELEMENT = re.compile(rb"<(/?)([a-zA-Z][^\s/>]*+)")
# Elements that hold nothing, or that the next of their kind ends.
_FLAT = frozenset(
    b"area base br col embed hr img input link meta param source track wbr "
    b"p li dt dd tr td th option optgroup thead tbody tfoot body head html".split()
)
# A tag up to its end, ``>`` inside quotes left alone. Possessive, so linear. A quote
# that is never closed may stand in an unquoted value (``content=don't``): it ends nothing.
_REST = rb"""(?:[^>"']++|"[^"]*+"|'[^']*+'|["'])*+"""
META_TAG = re.compile(rb"<[mM][eE][tT][aA]" + _REST)
#: Tags other than metas that may hold something of interest.
OTHER_TAG = re.compile(rb"<(?:[lL][iI][nN][kK]|[sS][cC][rR][iI][pP][tT]|[aA])[\s/]" + _REST)
_MARKS = tuple(kind.encode() for kind in SCRIPTS)


def is_monstrous(body: bytes) -> bool:
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
    # Only an end that fits the last beginning surely ends something.
    names: list[bytes] = [b""]
    for close, name in _ELEMENT.findall(body.lower()):
        if close:
            if name == names[-1]:
                names.pop()
        elif name not in _FLAT:
            names.append(name)
            if len(names) > _DEEP:
                return True
    return False


def _attributes(tag: bytes) -> int:
    """About how many attributes a tag has, if not too many; what is quoted is none."""
    return len(_QUOTED.sub(b"", tag).split(None, _MANY + 1))


def speaking_elements(body: bytes, words: Sequence[bytes]) -> list[bytes]:
    """The first tags of other elements in which a word occurs, scripts whole; in order."""
    lower = body.lower()
    word = _Next(lower, b"|".join(re.escape(word.lower()) for word in words))
    script_end = _Next(lower, b"</script")
    found: list[bytes] = []
    inside, room = 0, len(body)
    for count, hit in enumerate(OTHER_TAG.finditer(lower)):
        if count == MOST_HITS or len(found) == 2 * MAX_ELEMENTS:
            break
        start, end = hit.span()
        if end - start > LONG_TAG:
            continue
        if hit[0].startswith(b"<script"):
            if not any(mark in hit[0] for mark in _MARKS):
                continue
            close = script_end.behind(end)
            if close == len(body):
                break
            end = close + len(b"</script")
        if end - start > MAX_TEXT or word.behind(start) >= end or _attributes(hit[0]) > _MANY:
            continue
        if start < inside:
            # A script in a script again and again: the first of them holds them all.
            room -= end - start
            if room < 0:
                continue
        inside = max(inside, end)
        found.append(body[start:end])
    return found


class _Next:
    """Where a pattern stands next, asked of places in their order."""

    def __init__(self, text: bytes, pattern: bytes) -> None:
        self._text = text
        self._pattern = re.compile(pattern)
        self._at = -1

    def behind(self, place: int) -> int:
        """Its next beginning at or behind a place, the length of the text if there is none."""
        if self._at < place:
            hit = self._pattern.search(self._text, place)
            self._at = hit.start() if hit else len(self._text)
        return self._at


def speaking_metas(tags: Sequence[bytes], words: Sequence[bytes]) -> list[bytes]:
    """The first tags in which a word occurs, or something that may spell one; in order."""
    everything = _joined(tags)
    lower = solid(everything)
    found: set[int] = set()
    for text, pattern in (
        (lower, re.compile(b"|".join(map(re.escape, words)))),
        (everything, SPELLED),
    ):
        number = position = 0
        for count, hit in enumerate(pattern.finditer(text)):
            if count == MOST_HITS:
                break
            number += text.count(b"\0", position, hit.start())
            position = hit.start()
            found.add(number)
    return [
        tags[number]
        for number in sorted(found)[: 2 * MAX_METAS]
        if len(tags[number]) <= LONG_TAG and _attributes(tags[number]) <= _MANY
    ]


def _joined(tags: Sequence[bytes]) -> bytes:
    everything = b"\0".join(tags)
    if everything.count(b"\0") == len(tags) - 1:
        return everything
    return b"\0".join([tag.replace(b"\0", b" ") for tag in tags])
