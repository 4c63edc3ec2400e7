"""The first look at a page's bytes: is there anything of interest in it?

It may take for a tag what is none, so that it need not know
where comments and scripts begin and end; it never leaves out what is one. Linear in the
length of the page, whatever it holds.

Reference: https://html.spec.whatwg.org/multipage/parsing.html#tokenization
"""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import islice
from typing import NamedTuple

from .hits import any_in_markup
from .tags import LONG_TAG, SCRIPT_END, SCRIPTS, SPELLED, START, WHOLE, compiled, is_open, says
from .words import FoundWords, find_words, holds

# Beyond these a page is not looked at more closely, but given on as it is: scripts whose tags
# differ, tags of interest, tags that do not end with the first ">".
_MOST_SCRIPTS, _MOST_TAGS, _MOST_DOUBTS = 16, 1_000, 1_000
# So many "<" are looked at; they are counted in pages that are larger than this.
_MOST_BEGINNINGS, _LARGE = 120_000, 1024 * 1024

_MARKS = tuple(kind.encode() for kind in SCRIPTS)
# Tags up to the first ">", which ends them unless a quote is open there. The look at one
# letter first spares most tags of a page the alternatives.
_METAS = compiled(rb"<[mM](?i:eta)[~/][^>]*+")
_TAGS = compiled(rb"<(?=[aAmMlLsS])(?i:a|meta|link|script)[~/][^>]*+")
# Single bytes are numbers here: ``b"x" in tag`` takes five times as long.
_PLUS, _AND = b"+&"


class ScanResult(NamedTuple):
    """What a page seems to hold.

    Attributes:
        tags: its meta tags, without what ends them.
        metas: whether a word occurs in one of them, or something that may spell one.
        elements: whether one occurs in what another element is for, or in a script.
        end: up to where the page must be parsed to see all of it.
    """

    tags: Sequence[bytes] = ()
    metas: bool = False
    elements: bool = False
    end: int = 0


_NOTHING = ScanResult()


def _cut(body: bytes) -> bytes:
    """A page up to where it has far more tags than pages have."""
    if len(body) < _LARGE or body.count(b"<") <= _MOST_BEGINNINGS:
        return body
    low, high, before = 0, len(body), 0
    while high - low > 1:
        middle = (low + high) // 2
        more = body.count(b"<", low, middle)
        if before + more > _MOST_BEGINNINGS:
            high = middle
        else:
            low, before = middle, before + more
    return body[:low]


def scan(body: bytes, words: Sequence[bytes], element_words: Sequence[bytes]) -> ScanResult:
    """Look for words in the tags of a page, and in its scripts of RSL or JSON-LD.

    Why nothing is missed: a tag that a parser sees begins where one of these does or inside
    of one, and ends with it unless a quote is open there; then ``_whole`` adds what it is.
    (The exception is a script inside an SVG image, which a parser reads like other text: its
    words are looked for as they stand there.)

    Args:
        body: the page, tags in ASCII.
        words: in metas; lower case, no white space.
        element_words: in other elements, as they are usually written.
    """
    lower = _lower(tuple(element_words))
    seen = find_words(body, lower)
    if (
        seen is not None
        and not any(map(is_open, seen.metas))
        and not any_in_markup(body, seen.hits, lower)
    ):
        return _by_metas(body, seen, words)
    body = _cut(body)
    pattern = _TAGS if element_words else _METAS
    tags = pattern.findall(body)
    if tags and body.endswith(tags[-1]):
        tags.pop()  # it is never ended, and nothing inside of it is
    doubtful = set(filter(is_open, tags))
    if doubtful:
        tags = [tag for tag in tags if tag not in doubtful]
        tags += _whole(body, doubtful, pattern)
    everything = b">".join(tags)
    metas = [tag for tag in tags if tag[1] in b"mM"] if element_words else tags
    nested = everything.count(b"<") > len(tags)
    if nested:
        metas = [tag for tag in tags if tag[1] in b"mM" or b"<" in tag[1:]]
    speak = bool(metas) and speaks(b">".join(metas), words)
    found: Sequence[bytes] = ()
    scripts = 0
    if element_words:
        found = _for(tags, lower, everything)
        scripts = _end_of_scripts(body, tags, element_words)
    if not speak and not found and not scripts:
        return _NOTHING
    end = scripts
    if doubtful or nested or len(found) == _MOST_TAGS or any(tag[1] in b"aA" for tag in found):
        # The tags are not in order, or what follows matters: an anchor's text, and elements
        # that are made again where it is not closed.
        end = len(body)
    else:
        if found:
            end = max(end, _end(body, found[-1]))
        if speak:
            last = _last_speaking(b">".join(metas), words)
            end = len(body) if last is None else max(end, _end(body, metas[last]))
    return ScanResult(metas, speak, bool(found or scripts), end)


def _by_metas(body: bytes, seen: FoundWords, words: Sequence[bytes]) -> ScanResult:
    """What a page holds of whose elements none is of interest but its metas."""
    metas = seen.metas
    everything = b">".join(metas)
    if not metas or not speaks(everything, words):
        return _NOTHING
    end = len(body)
    if everything.count(b"<") == len(metas):
        last = _last_speaking(everything, words)
        if last is not None:
            end = seen.starts[last] + len(metas[last]) + 1
    return ScanResult(metas, metas=True, elements=False, end=end)


def _whole(body: bytes, tags: set[bytes], pattern: "re.Pattern[bytes]") -> list[bytes]:
    """Tags that do not end with the first ``>``, and those that may begin inside of them."""
    found: list[bytes] = []
    room = len(body)
    for hit in pattern.finditer(body):
        if hit[0] not in tags:
            continue
        for start in START.finditer(body, *hit.span()):
            whole = WHOLE.match(body, start.end())
            end = whole.end() if whole else start.end()
            room -= end - start.start()
            # Where they overlap again and again the rest is one, which holds them all.
            if room < 0 or len(found) == _MOST_DOUBTS:
                return [*found, body[hit.start() :]]
            if end < len(body):  # else it is never ended
                found.append(body[start.start() : end])
    return found


def speaks(tags: bytes, words: Sequence[bytes]) -> bool:
    """Whether a word occurs in some tags, or something that may spell one."""
    return holds(solid(tags), tuple(words)) or (_AND in tags and SPELLED.search(tags) is not None)


def solid(text: bytes) -> bytes:
    """Lower case without white space, which may stand in a word, as in "max-snippet: 0"."""
    return text.lower().translate(None, b" \t\r\n\f")


@cache
def _lower(words: tuple[bytes, ...]) -> tuple[bytes, ...]:
    return tuple(word.lower() for word in words)


def _for(tags: Sequence[bytes], words: Sequence[bytes], everything: bytes) -> list[bytes]:
    """The tags in which a word, or something that may spell one, says what an element is for."""
    lower = everything.lower()
    there = [word for word in words if word in lower]
    spelled = _AND in lower and SPELLED.search(everything) is not None
    if not there and not spelled:
        return []
    found = (
        tag
        for tag in tags
        if ((spelled and _AND in tag) or any(word in tag.lower() for word in there))
        and (len(tag) > LONG_TAG or b"<" in tag[1:] or says(tag, there))
    )
    return list(islice(found, _MOST_TAGS))


def _last_speaking(tags: bytes, words: Sequence[bytes]) -> int | None:
    """Which of some tags, parted by ``>``, is the last in which a word occurs.

    None where words are spelled with references.
    """
    if _AND in tags and SPELLED.search(tags):
        return None
    lower = solid(tags)
    return lower.count(b">", 0, max(lower.rfind(word) for word in words))


def _end(body: bytes, tag: bytes) -> int:
    """Where a tag ends; the tree before it does not depend on what follows."""
    return body.rfind(tag) + len(tag) + 1


def _end_of_scripts(body: bytes, tags: Iterable[bytes], words: Sequence[bytes]) -> int:
    """Where the last script ends that is looked into and holds a word, 0 if none does."""
    found = 0
    some = {tag for tag in tags if tag[1] in b"sS" and (_PLUS in tag or _AND in tag)}
    for number, tag in enumerate(filter(_is_data, some)):
        if number == _MOST_SCRIPTS:
            return len(body)
        certain = len(tag) > LONG_TAG or says(tag, _lower(tuple(words)))
        end = 0
        while (start := body.find(tag, end)) >= 0:  # wherever the same tag stands again, too
            start += len(tag)
            close = SCRIPT_END.search(body, start)
            # Behind "<!--" what looks like its end may be none (script data escaped).
            if close is None or body.find(b"<!--", start, close.start()) >= 0:
                return len(body)
            end = close.end()
            if certain or any(body.find(word, start, end) >= 0 for word in words):
                found = max(found, end)
    return found


def _is_data(tag: bytes) -> bool:
    """Whether a script may be one that is looked into."""
    if _PLUS in tag:
        lower = tag.lower()
        return any(mark in lower for mark in _MARKS)
    return _AND in tag and SPELLED.search(tag) is not None
