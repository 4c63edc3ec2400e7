"""Pages that are not given to the parser as a whole, and what is given to it instead.

A third room of ``html.py``: a tree builder may take time quadratic in depth and in attributes
per tag. Linear in the length of the page, whatever it holds.
"""

import re
from collections.abc import Sequence
from math import isqrt

from ._prescan import solid
from ._tags import LONG_TAG, SCRIPTS, SPELLED, WHOLE, attributes, compiled

#: Metas of interest that are kept, and other elements; a page with more is not trying to be
#: understood.
MAX_METAS, MAX_ELEMENTS = 256, 64
#: Characters of an element's text that are kept.
MAX_TEXT = 256 * 1024
#: Words in all tags that are looked at.
MOST_HITS = 10_000
# Beyond these a page is not given to the parser as a whole: tags, open elements, tags whose
# attributes are added to those of the first, pairs of attributes of one tag.
_MANY_TAGS, _DEEP, _MANY_ADDED, _MANY_PAIRS = 50_000, 600, 100, 10_000_000
# A tag with fewer bytes has few attributes. One with more of them is not looked at by itself, either.
_SHORT, _MOST_ATTRIBUTES = 400, 1_000
# Elements that are made again where they were not closed, and how many of them may be.
_MADE_AGAIN = frozenset(
    b"a b big code em font i nobr s small strike strong tt u".split(),
)
_MANY_AGAIN = 200_000
_MOST_PAIRED = isqrt(_MANY_PAIRS) + 1
# Bytes of tags in tags that are looked at, besides those of the page.
_SLACK = 1024 * 1024
# Whatever begins like a tag, also inside of another, and its attributes.
_ANY_TAG = compiled(rb"<(?=[a-zA-Z][^~/>]*+(%b))" % WHOLE.pattern)
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

    A tree builder may take time quadratic in depth and in attributes per tag, and memory
    quadratic in elements like ``<font>`` that are not closed.
    """
    tags = body.count(b"<")
    if tags > _MANY_TAGS:
        return True
    if _has_crowded_tag(body):
        return True
    if tags <= _DEEP:
        return False
    lower = body.lower()
    if lower.count(b"<html") + lower.count(b"<body") > _MANY_ADDED:
        return True
    # Only an end that fits the last beginning surely ends something.
    names: list[bytes] = [b""]
    kept = again = 0
    for close, name in _ELEMENT.findall(lower):
        again += kept
        if close:
            if name == names[-1]:
                names.pop()
                kept -= name in _MADE_AGAIN
        elif name not in _FLAT:
            names.append(name)
            kept += name in _MADE_AGAIN
            if len(names) > _DEEP or again > _MANY_AGAIN:
                return True
    return False


def _has_crowded_tag(body: bytes) -> bool:
    """Whether tags have too many attributes, wherever comments and scripts begin and end."""
    room = 2 * len(body) + _SLACK
    pairs = last = 0
    for hit in _ANY_TAG.finditer(body):
        start, end = hit.span(1)
        room -= end - start
        # Those that end alike are one, or parts of it.
        if end - start > _SHORT and end != last:
            last = end
            pairs += attributes(body, start, end, _MOST_PAIRED) ** 2
        # Tags in tags again and again are not looked at each by itself.
        if room < 0 or pairs > _MANY_PAIRS:
            return True
    return False


def _is_readable(tag: bytes) -> bool:
    """Whether a tag is one that a parser may be given, however long it takes."""
    begin = _ANY_TAG.match(tag)
    most = _MOST_ATTRIBUTES + 1
    return len(tag) <= LONG_TAG and not (begin and attributes(tag, *begin.span(1), most) == most)


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
        if not _is_readable(hit[0]):
            continue
        if hit[0].startswith(b"<script"):
            if not any(mark in hit[0] for mark in _MARKS):
                continue
            close = script_end.behind(end)
            if close == len(body):
                break
            end = close + len(b"</script")
        if end - start > MAX_TEXT or word.behind(start) >= end:
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
    return [tags[number] for number in sorted(found)[: 2 * MAX_METAS] if _is_readable(tags[number])]


def _joined(tags: Sequence[bytes]) -> bytes:
    everything = b"\0".join(tags)
    if everything.count(b"\0") == len(tags) - 1:
        return everything
    return b"\0".join([tag.replace(b"\0", b" ") for tag in tags])
