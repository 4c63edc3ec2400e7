"""Pages that are not given to the parser as a whole: what is given to it instead.

A third room of ``html.py``. Linear in the length of the page, whatever it holds.
"""

import re
from collections.abc import Sequence

from .prescan import solid
from .tags import LONG_TAG, SCRIPTS, SPELLED, attributes
from .tree_cost import Next

#: Metas of interest that are kept, and other elements; a page with more is not trying to be
#: understood.
MAX_METAS, MAX_ELEMENTS = 256, 64
#: Characters of an element's text that are kept.
MAX_TEXT = 256 * 1024
#: Words in all tags that are looked at.
MOST_HITS = 10_000
# Tags that are looked at.
_MOST_TAGS = 120_000
# Attributes of a tag that is looked at by itself.
_MOST_ATTRIBUTES = 1_000
# A tag up to its end, ``>`` inside quotes left alone. Possessive, so linear. A quote
# that is never closed may stand in an unquoted value (``content=don't``): it ends nothing.
_REST = rb"""(?:[^>"']++|"[^"]*+"|'[^']*+'|["'])*+"""
META_TAG = re.compile(rb"<[mM][eE][tT][aA]" + _REST)
#: Tags other than metas that may hold something of interest.
OTHER_TAG = re.compile(rb"<(?:[lL][iI][nN][kK]|[sS][cC][rR][iI][pP][tT]|[aA])[\s/]" + _REST)
_MARKS = tuple(kind.encode() for kind in SCRIPTS)


def _is_readable(tag: bytes) -> bool:
    """Whether a tag is one that a parser may be given, however long it takes."""
    most = _MOST_ATTRIBUTES + 1
    return len(tag) <= LONG_TAG and attributes(tag, 1, len(tag), most) < most


def speaking_elements(body: bytes, words: Sequence[bytes]) -> list[bytes]:
    """The first tags of other elements in which a word occurs, scripts whole; in order."""
    lower = body.lower()
    word = Next(lower, b"|".join(re.escape(word.lower()) for word in words))
    script_end = Next(lower, b"</script")
    found: list[bytes] = []
    inside, room = 0, len(body)
    for count, hit in enumerate(OTHER_TAG.finditer(lower)):
        if count == _MOST_TAGS or len(found) == 2 * MAX_ELEMENTS:
            break
        start, end = hit.span()
        tag = hit[0]
        if tag.startswith(b"<script"):
            if not any(mark in tag for mark in _MARKS):
                continue
            close = script_end.behind(end)
            if close == len(body):
                continue  # it is never ended, and holds nothing
            end = close + len(b"</script")
        if word.behind(start) >= end or end - start > MAX_TEXT or not _is_readable(tag):
            continue
        if start < inside:
            # A script in a script again and again: the first of them holds them all.
            room -= end - start
            if room < 0:
                continue
        inside = max(inside, end)
        found.append(body[start:end])
    return found


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
