"""A glance at a whole page: its metas, and whether a word occurs in it at all.

Most pages hold none of the words that matter, in no place. All words are searched for at once,
which costs a fraction of finding the tags first. Linear in the length of the page.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

from ahocorasick_rs import BytesAhoCorasick, MatchKind

from .tags import SPELLED

#: How scripts of data call themselves that are looked into if a word stands in them.
DATA = b"application/ld+json"
#: So many bytes are searched at a time, so that what is found is bounded, too.
_PART = 128 * 1024
#: A page with more of them needs a closer look.
_MOST_METAS, _MOST_HITS = 1_000, 1_000
#: References of a part that are looked at one by one.
_MOST_REFERENCES = 200
_META, _BEHIND = b"<meta", b"/ \t\n\r\f"
_AND = ord("&")
# How references begin that may spell a word: by number, or by a name of punctuation or white
# space ("fj" besides). In lower case, as all is that is searched.
_NUMBERS = (*(b"&#%d" % digit for digit in range(10)), b"&#x")
_NAMES = (
    *(b"&plus;", b"&period;", b"&sol;", b"&colon;", b"&lowbar;", b"&underbar;"),
    *(b"&tab;", b"&newline;", b"&fjlig;"),
)

Search = Callable[[bytes], list[tuple[int, int, int]]]


class Hit(NamedTuple):
    """A word, or how a script of data calls itself, and where it begins."""

    word: bytes
    at: int


class FoundWords(NamedTuple):
    """What a page holds at first sight.

    Attributes:
        metas: its meta tags up to the first ">", which is left out.
        starts: where these begin.
        hits: words that occur in it, wherever they stand.
    """

    metas: Sequence[bytes]
    starts: Sequence[int]
    hits: Sequence[Hit]


def find_words(body: bytes, words: tuple[bytes, ...]) -> FoundWords | None:
    """Look for words and meta tags anywhere in a page.

    Returns:
        None for a page that needs a closer look: there is too much in it, or references in it
        may spell words.

    Args:
        body: the page, tags in ASCII.
        words: ASCII lower case.
    """
    searches = _searches(words)
    metas: list[bytes] = []
    starts: list[int] = []
    hits: list[Hit] = []
    # What stands across two parts is found in the first.
    size, step = len(body), _PART - searches.longest
    end = -1  # of the last meta, the page's where it is never ended
    room = size
    for begin in range(0, size, step):
        part = (body if size <= _PART else body[begin : begin + _PART]).lower()
        found = searches.words(part)
        if len(found) > _MOST_METAS + _MOST_HITS:
            return None
        for number, at, _ in found:
            start = begin + at
            if number:
                if not hits or start > hits[-1].at:
                    hits.append(Hit(searches.named[number], start))
                continue
            if end < start:
                end = body.find(b">", start)
                if end < 0:
                    end = size
            # One that is never ended is none; one found twice does no harm.
            if end < size and body[start + len(_META)] in _BEHIND:
                room -= end - start
                if room < 0:
                    return None  # one inside of the other, again and again
                metas.append(body[start:end])
                starts.append(start)
        if len(metas) > _MOST_METAS or len(hits) > _MOST_HITS:
            return None
        if _AND in part:
            references = searches.references(part)
            if len(references) > _MOST_REFERENCES:
                return None
            if any(SPELLED.match(body, begin + at) for _, at, _ in references):
                return None
        if begin + _PART >= size:
            break
    return FoundWords(metas, starts, hits)


def holds(text: bytes, words: tuple[bytes, ...]) -> bool:
    """Whether one of some words occurs in a text."""
    search = _search(words)
    if len(text) <= _PART:
        return bool(search(text))
    step = _PART - max(map(len, words))
    return any(search(text[begin : begin + _PART]) for begin in range(0, len(text), step))


class _Searches(NamedTuple):
    named: tuple[bytes, ...]
    words: Search
    references: Search
    longest: int


@cache
def _searches(words: tuple[bytes, ...]) -> _Searches:
    named = (_META, *words, DATA)
    longest = max(map(len, (*named, *_NAMES)))
    return _Searches(named, _search(named), _search((*_NUMBERS, *_NAMES)), longest)


@cache
def _search(words: tuple[bytes, ...]) -> Search:
    # With other kinds of matches several bytes at a time are not searched.
    return BytesAhoCorasick(words, matchkind=MatchKind.LeftmostFirst).find_matches_as_indexes
