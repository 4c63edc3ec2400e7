"""Finding words in a page: all of them at once, in any case, also where references spell them.

What a word stands in, a tag or a text, is not known here. Linear in the length of the page.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import NamedTuple

from ahocorasick_rs import BytesAhoCorasick, MatchKind
from stringzilla import translate  # type: ignore[import-not-found]  # it has no stubs

#: How scripts of JSON-LD call themselves, and how a reference begins that may spell a word.
JSON_LD, REFERENCE = b"application/ld+json", b"&"
#: So many bytes are searched at a time, so that what is found is bounded, too.
_PART = 128 * 1024
#: A page with more hits in one part, or in all, is read whole.
_MOST_HITS = 1_000
_LOWER = bytes(range(256)).lower()
_BLANK = rb"[ \t\r\n\f]*+"
# How references begin that may spell a word: by number, or by a name of punctuation or white
# space ("fj" besides). In lower case, as all is that is searched.
_NUMBERS = (*(b"&#%d" % digit for digit in range(10)), b"&#x")
_NAMES = (
    *(b"&plus;", b"&period;", b"&sol;", b"&colon;", b"&lowbar;", b"&underbar;"),
    *(b"&tab;", b"&newline;", b"&fjlig;"),
)
_LONGEST_NAME = max(map(len, _NAMES))
# References to what words are made of, or to white space.
_SPELLED = (
    rb"&(?:#(?:0*+(?:9|1[023]|32|4[35-9]|5[0-8]|6[5-9]|[78]\d|90|9[5789]|1[01]\d|12[0-2])(?!\d)"
    rb"|[xX]0*+(?:[9aAcCdD]|2[0bBdDeEfF]|3[0-9aA]|[46][1-9a-fA-F]|5[0-9aAfF]|7[0-9aA])"
    rb"(?![0-9a-fA-F]))"
    rb"|(?:plus|period|sol|colon|lowbar|UnderBar|Tab|NewLine|fjlig);)"
)

_Search = Callable[[bytes], list[tuple[int, int, int]]]


class Hit(NamedTuple):
    """A word in lower case, or ``REFERENCE``, and the octet where it begins."""

    word: bytes
    at: int


class WordSearch:
    """Some words, ready to be looked for.

    Args:
        words: ASCII; a blank in one stands for white space that may be there, or not.
    """

    def __init__(self, words: Sequence[bytes]) -> None:
        wholes: dict[bytes, list[bytes]] = {}  # by their first parts, which are searched for
        for word in words:
            first, *rest = word.lower().split()
            wholes.setdefault(first, []).append(_BLANK.join(map(re.escape, (first, *rest))))
        self._named = tuple(wholes)
        self._wholes = tuple(
            None if found == [re.escape(first)] else re.compile(b"|".join(found), re.IGNORECASE)
            for first, found in wholes.items()
        )
        self._longest = max(map(len, self._named), default=0)
        self._search = _search(self._named)
        self._references = _search((*_NUMBERS, *_NAMES))

    def occurs(self, text: str) -> bool:
        """Whether one of the words stands in a text, its references resolved."""
        # As octets, since lower case is that of ASCII: a dotted capital I is no "i".
        body = text.encode("utf-8", "replace")
        if len(body) <= _PART and not self._search(body.lower()):
            return False  # nearly always: benchmark `content:with-signals`
        return any(
            self._is_whole(number, body, begin + at)
            for begin, part in _parts(body, self._longest)
            for number, at, _ in self._search(part)
        )

    def hits(self, body: bytes) -> list[Hit] | None:
        """Where the words stand in a page, and references that may spell one; in order.

        Returns:
            None where there are too many to look at each.
        """
        found: dict[int, Hit] = {}  # by place: what stands in two parts is found twice
        for begin, part in _parts(body, max(self._longest, _LONGEST_NAME)):
            words = self._search(part)
            references = self._references(part) if b"&" in part else []
            if len(words) + len(references) > _MOST_HITS:
                return None
            for number, at, _ in words:
                if self._is_whole(number, body, begin + at):
                    found[begin + at] = Hit(self._named[number], begin + at)
            for _, at, _ in references:
                if _spelled().match(body, begin + at):
                    found[begin + at] = Hit(REFERENCE, begin + at)
            if len(found) > _MOST_HITS:
                return None
        return sorted(found.values(), key=lambda hit: hit.at)

    def _is_whole(self, number: int, body: bytes, at: int) -> bool:
        whole = self._wholes[number]
        return whole is None or whole.match(body, at) is not None


def _parts(body: bytes, longest: int) -> Iterator[tuple[int, bytes]]:
    """A page in parts in lower case, each with where it begins; they overlap by a word."""
    step = _PART - longest
    for begin in range(0, len(body), step):
        yield begin, translate(body[begin : begin + _PART], _LOWER)
        if begin + _PART >= len(body):
            break


@cache
def _search(words: tuple[bytes, ...]) -> _Search:
    if not words:
        return lambda _: []
    # With other kinds of matches several bytes at a time are not searched: benchmark `content`.
    return BytesAhoCorasick(words, matchkind=MatchKind.LeftmostFirst).find_matches_as_indexes


@cache
def _spelled() -> "re.Pattern[bytes]":
    return re.compile(_SPELLED)
