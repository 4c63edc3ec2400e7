"""Many path patterns looked up at once: what a path cannot match is never tried.

The second room of ``path.py``, which says what one pattern matches. Here: an index that
thousands of patterns made to hurt do not slow down.
"""

from collections.abc import Iterable, Sequence

from .path import HALF, MAX_PATTERN, Pattern, canonical, octets
from .places import Places, places

#: Prefixes are looked up by so many first characters.
_HEAD = 4
#: Stars of a pattern that are looked at for a literal that a path must have.
_FEW_STARS = 8
#: In a path this long the literals of so many patterns are looked up and not searched for.
_LONG, _MANY = 256, 8


def _prefixes(texts: Sequence[str]) -> list[str]:
    """What ``Pattern(text).prefix`` is of each, without the cost of the patterns."""
    heads = [text.removesuffix("$").partition("*")[0] for text in texts]
    # All at once, since escapes end with their line.
    found = canonical("\n".join(heads)).split("\n")
    if len(found) != len(heads):  # an escape was a line end
        found = list(map(canonical, heads))
    if any(map(HALF.search, found)):
        found = [HALF.split(head, maxsplit=1)[0] for head in found]
    return found


def _needle(text: str) -> str:
    """A literal after the first star: no path without it matches."""
    text = text.removesuffix("$")
    if "%" in text:
        _, star, last = text.rpartition("*")
        if not star:
            return ""
        if last.find("%") == len(last) - 3 and last.endswith("%24"):
            return last[:-3] + "$"  # as every pattern with an anchor is read, too
        # What stands before the first escape or behind the last one is as it is.
        head, escape, _ = last.partition("%")
        return head or (last.rpartition("%")[2][2:] if escape else "")
    # The longest of a few: a pattern may have thousands of stars.
    return max(text.rsplit("*", _FEW_STARS)[1:], key=len, default="")


class PatternIndex:
    """Patterns by literal prefix, so that most paths are answered without a match.

    Looking a path up costs one slice per distinct length of the prefixes that begin as it
    does, however many patterns there are; a pattern is made when a path first has its prefix.
    """

    __slots__ = (
        *("_by_prefix", "_lengths", "_needles", "_octets", "_patterns", "_several", "_short"),
        "_texts",
    )

    def __init__(self, patterns: Iterable[str]) -> None:
        self._texts = [text if len(text) <= MAX_PATTERN else "\0" for text in patterns]
        #: Those that are more than a prefix, or two literals with a star between; None until needed.
        self._patterns: dict[int, Pattern | None] = {}
        self._octets: dict[int, int] = {}
        #: What a path must hold after the prefix to match, None for mere prefixes.
        self._needles: list[str | None]
        whole = "\n".join(self._texts)
        if "*" in whole or "$" in whole or "%" in whole:
            prefixes = self._take_apart()
        else:
            prefixes, self._needles = self._texts, [None] * len(self._texts)
        #: A pattern of each prefix, and all patterns of those that several have.
        self._by_prefix = by_prefix = dict(zip(prefixes, range(len(prefixes)), strict=True))
        self._several: dict[str, list[int]] = {}
        if len(by_prefix) < len(prefixes):
            for number, prefix in enumerate(prefixes):
                if by_prefix[prefix] != number:
                    self._several.setdefault(prefix, []).append(number)
            for prefix, numbers in self._several.items():
                numbers.append(by_prefix[prefix])
        lengths: dict[str, set[int]] = {}
        short = set()
        heads = [prefix[:_HEAD] for prefix in by_prefix]
        for head, length in set(zip(heads, map(len, by_prefix), strict=True)):
            if length < _HEAD:
                short.add(length)
            else:
                lengths.setdefault(head, set()).add(length)
        self._short = tuple(sorted(short))
        #: Lengths of the prefixes that may fit, by the first characters of a path.
        self._lengths = {head: (*self._short, *sorted(more)) for head, more in lengths.items()}

    def _take_apart(self) -> list[str]:
        """The prefixes; needles are found on the way."""
        prefixes: list[str] = []
        self._needles = []
        escaped: list[int] = []
        add, add_prefix = self._needles.append, prefixes.append
        for number, text in enumerate(self._texts):
            prefix, star, rest = text.partition("*")
            needle: str | None = rest if star else None
            if "%" in text or text[-1:] == "$" or "*" in rest:
                self._patterns[number] = None
                if "%" in text:
                    escaped.append(number)
                    needle = _needle(text)
                elif "*" in rest:
                    needle = _needle(text)
                elif star:
                    needle = rest[:-1]
                else:
                    prefix, needle = text[:-1], ""
            add(needle)
            add_prefix(prefix)
        if escaped:
            for number, prefix in zip(
                escaped, _prefixes([self._texts[number] for number in escaped]), strict=True
            ):
                prefixes[number] = prefix
        return prefixes

    @property
    def texts(self) -> Sequence[str]:
        """The patterns, as far as they can match."""
        return self._texts

    def octets(self, number: int) -> int:
        """Octets of a pattern, the measure of precedence."""
        known = self._octets.get(number)
        if known is None:
            known = self._octets[number] = octets(self._texts[number])
        return known

    def matching(self, path: str) -> list[int]:
        """Numbers of the patterns that match a canonical path."""
        found: list[int] = []
        by_prefix = self._by_prefix
        needles = self._needles
        size = len(path)
        held = places(path) if size > _LONG and len(self._texts) > _MANY else None
        for length in self._lengths.get(path[:_HEAD], self._short):
            if length > size:
                break
            number = by_prefix.get(path[:length])
            if number is not None:
                numbers: Sequence[int] = self._several.get(path[:length]) or (number,)
                for number in numbers:
                    needle = needles[number]
                    if needle is None or (
                        (held is not None or needle in path)
                        and self._matches(number, path, length, held)
                    ):
                        found.append(number)
        return found

    def perhaps(self, path: str) -> list[int]:
        """Numbers of the patterns that a path which was cut may match beyond its end."""
        found: list[int] = []
        for length in self._lengths.get(path[:_HEAD], self._short):
            number = self._by_prefix.get(path[:length])
            if number is not None:
                numbers = self._several.get(path[:length]) or (number,)
                found += [one for one in numbers if self._needles[one] is not None]
        return found

    def longest(self, path: str) -> Sequence[int]:
        """Numbers of the matching patterns with the most octets; several if they tie."""
        return self.most_octets(self.matching(path))

    def most_octets(self, numbers: Sequence[int]) -> Sequence[int]:
        """Of some patterns those with the most octets."""
        if len(numbers) < 2:
            return numbers
        lengths = list(map(self.octets, numbers))
        most = max(lengths)
        return [number for number, length in zip(numbers, lengths, strict=True) if length == most]

    def _matches(self, number: int, path: str, length: int, held: Places | None) -> bool:
        """Whether a path matches a pattern whose prefix, of that length, it begins with."""
        try:
            pattern = self._patterns[number]
        except KeyError:  # a prefix, a star and the needle
            return (held or path).find(self._needles[number] or "", length) >= 0
        if held is not None and held.find(self._needles[number] or "") < 0:
            return False
        if pattern is None:
            pattern = self._patterns[number] = Pattern(self._texts[number])
        return pattern.matches(path, held)
