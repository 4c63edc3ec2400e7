"""Many path patterns looked up at once: what a path cannot match is never tried.

``path.py`` says what one pattern matches. Here: an index that thousands of patterns made to
hurt do not slow down.
"""

from collections.abc import Iterable, Sequence

from .path import MAX_PATTERN, Pattern, canonical, octets
from .substring_index import SubstringIndex, places

#: Prefixes are looked up by so many first characters.
_HEAD = 4
#: Stars of a pattern that are looked at for a literal that a path must have.
_FEW_STARS = 8
#: In a path this long the literals of so many patterns are looked up and not searched for.
_LONG, _MANY = 256, 8


def _needle(rest: str) -> str:
    """A literal in what stands between the first star and the end: no path without it matches."""
    # The longest of a few: a pattern may have thousands of stars.
    return canonical(max(rest.rsplit("*", _FEW_STARS)[-_FEW_STARS:], key=len))


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
        #: Those that were tried: more than a prefix, or two literals with a star between.
        self._patterns: dict[int, Pattern] = {}
        self._octets: dict[int, int] = {}
        #: What a path must hold after the prefix to match, None for mere prefixes.
        self._needles: list[str | None]
        whole = "\n".join(self._texts)
        if "*" in whole or "$" in whole or "%" in whole or not whole.isascii():
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
        for text in self._texts:
            prefix, star, rest = text.partition("*")
            if star:
                self._needles.append(_needle(rest.removesuffix("$")))
            elif prefix[-1:] == "$":
                prefix = prefix[:-1]
                self._needles.append("")
            else:
                self._needles.append(None)
            prefixes.append(canonical(prefix))
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
                found += [
                    candidate for candidate in numbers if self._needles[candidate] is not None
                ]
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

    def _matches(self, number: int, path: str, length: int, held: SubstringIndex | None) -> bool:
        """Whether a path matches a pattern whose prefix, of that length, it begins with."""
        text, needle = self._texts[number], self._needles[number] or ""
        if text == f"{path[:length]}*{needle}":
            return (held or path).find(needle, length) >= 0
        if held is not None and held.find(needle) < 0:
            return False
        pattern = self._patterns.get(number)
        if pattern is None:
            pattern = self._patterns[number] = Pattern(text)
        return pattern.matches(path, held)
