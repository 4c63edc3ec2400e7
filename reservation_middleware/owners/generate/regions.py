"""Regions of a site: the path patterns of an intent, the longest first, and what is meant in each.

A region is what a file, a header field or a tag has to speak of by itself. Pairs of patterns of
which one begins with a star overlap; such a pair is a region of its own, since formats where only
the longest pattern counts would lose half of what is meant there. Patterns: RFC 9309 §2.2.3.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import quote

import msgspec

from reservation_middleware.model import LEAVES, Preference
from reservation_middleware.model.vocabulary import AI_INDEX, AI_INPUT, TDM, TRAIN
from reservation_middleware.owners.intent import SiteIntent, Use, by_leaf
from reservation_middleware.syntax.path import Pattern, judged, octets

#: What TDMRep's reservation covers.
_MINING = (AI_INDEX, AI_INPUT, *TRAIN, TDM)
#: Reserved and unreserved characters (RFC 3986 §2.2, §2.3) that stay as they are in a path; quotes,
#: backslashes, braces and the like are percent-encoded, so that they mean nothing to any server.
_PATH_CHARACTERS = "/*$%-._~!&'()+,:;=?@"
_SAMPLE = "reservations-sample"

_PREFERENCES = {
    Use.YES: Preference.ALLOWED,
    Use.NO: Preference.DISALLOWED,
    Use.LICENCE: Preference.DISALLOWED,
    Use.UNSAID: Preference.UNKNOWN,
}


class Region(msgspec.Struct, frozen=True, kw_only=True):
    """Paths for which the same is meant.

    Attributes:
        pattern: a path pattern, "" for the rest of the site.
        sample: a path that is in this region and in no narrower one.
        meant: by leaf; a leaf that the intent does not mention is left out.
        usage: preference by leaf, as it is written.
        implied: leaves that the intent does not mention and that are written as reserved, since the
            words of a signal that says what is meant cover them, too.
    """

    pattern: str
    sample: str
    meant: Mapping[str, Use]
    usage: Mapping[str, Preference]
    implied: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """How people are told of it."""
        return self.pattern or "everywhere else"

    @property
    def licensed(self) -> tuple[str, ...]:
        """The leaves for which a licence is on offer."""
        return tuple(leaf for leaf, use in self.meant.items() if use is Use.LICENCE)

    def regex(self, run: str = ".*", end: str = "$") -> str:
        """Its pattern as a regular expression that RE2, PCRE, Python and JavaScript share.

        Args:
            run: what stands for a star.
            end: what stands for a dollar at the end.
        """
        parts = self._literals()
        return "^" + run.join(map(_literal, parts)) + (end if self._is_anchored else "")

    @property
    def shell(self) -> str:
        """Its pattern as a pattern of the shell's ``case``, literal parts quoted."""
        quoted = ("'" + part.replace("'", "'\\''") + "'" for part in self._literals())
        return "*".join(quoted) + ("" if self._is_anchored else "*")

    @property
    def _is_anchored(self) -> bool:
        return self.pattern.endswith("$")

    def _literals(self) -> list[str]:
        return self.pattern.removesuffix("$").split("*")


def _literal(text: str) -> str:
    """Text that stands for itself in a regular expression."""
    return re.sub(r"[\\.^$*+?()\[\]{}|]", r"\\\g<0>", text)


class Regions(msgspec.Struct, frozen=True):
    """All regions of a site, and path patterns that no region could be made of.

    Attributes:
        narrow: those with a pattern, the longest first.
        rest: the rest of the site.
        hidden: patterns whose paths all belong to narrower ones, or of which no path was found.
    """

    narrow: tuple[Region, ...]
    rest: Region
    hidden: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Region]:
        """The narrow ones, the longest first, then the rest."""
        return iter((*self.narrow, self.rest))

    def of(self, target: str) -> Region:
        """The region of a path and query."""
        asked = judged(target)
        matching = (region for region in self.narrow if Pattern(region.pattern).matches(asked))
        return next(matching, self.rest)


def encoded(pattern: str) -> str:
    """A path pattern in ASCII, without characters that mean something to shells or servers.

    >>> encoded('/bücher/"neu"/*.pdf$')
    '/b%C3%BCcher/%22neu%22/*.pdf$'
    """
    return quote(pattern, safe=_PATH_CHARACTERS)


def regions(intent: SiteIntent) -> Regions:
    """The regions of a site, the longest pattern first, as the longest match counts."""
    own = list(dict.fromkeys(encoded(path.match) for path in intent.path))
    own = [pattern for pattern in own if pattern not in ("/", "*", "/*")]
    patterns = sorted(dict.fromkeys((*own, *_overlaps(own))), key=octets, reverse=True)
    narrow, hidden = [], []
    for pattern in patterns:
        sample = _sample(pattern, patterns)
        if sample is None:
            hidden.append(pattern)
        else:
            narrow.append(_region(intent, pattern, sample))
    return Regions(
        tuple(narrow),
        _region(intent, "", _sample("", patterns) or f"/{_SAMPLE}"),
        tuple(pattern for pattern in hidden if pattern in own),
    )


def _overlaps(patterns: Sequence[str]) -> Iterable[str]:
    """Patterns of the paths that match both of two, where one of them begins with a star."""
    for first in patterns:
        for second in patterns:
            if first.startswith("/") and second.startswith("*") and not first.endswith("$"):
                yield first.rstrip("*") + second


def _sample(pattern: str, patterns: Sequence[str]) -> str | None:
    """A path for which a pattern is the longest that matches; None if none was found."""
    anchored = pattern.endswith("$")
    body = pattern.removesuffix("$") if anchored else pattern
    for filling in ("", _SAMPLE, "x", f"/{_SAMPLE}"):
        path = body.replace("*", filling)
        for ending in ("",) if anchored else ("", _SAMPLE, f"/{_SAMPLE}"):
            target = path + ending
            target = target if target.startswith("/") else f"/{target}"
            asked = judged(target)
            matching = [found for found in patterns if Pattern(found).matches(asked)]
            if (matching[:1] or [""]) == [pattern]:
                return target
    return None


def _region(intent: SiteIntent, pattern: str, sample: str) -> Region:
    meant = _meant(intent, sample)
    usage = {leaf: _PREFERENCES[use] for leaf, use in meant.items()}
    implied = [leaf for leaf in _implied(meant) if leaf not in meant]
    usage.update(dict.fromkeys(implied, Preference.DISALLOWED))
    return Region(pattern=pattern, sample=sample, meant=meant, usage=usage, implied=tuple(implied))


def _meant(intent: SiteIntent, target: str) -> dict[str, Use]:
    """What is meant at a path, without the leaves that no table speaks of (``SiteIntent.usage``)."""
    spoken = set(by_leaf(intent.use))
    asked = judged(target)
    for path in intent.path:
        if Pattern(path.match).matches(asked):
            spoken |= set(by_leaf(path.use))
    return {leaf: use for leaf, use in intent.usage(target).items() if leaf in spoken}


def _implied(meant: Mapping[str, Use]) -> tuple[str, ...]:
    """Leaves that are covered by the words for what is reserved (``spec/vocabulary.md``, terms)."""
    reserved = {leaf for leaf, use in meant.items() if use.is_reserved}
    if TDM in reserved:
        return _MINING
    return (AI_INDEX,) if AI_INPUT in reserved else ()


__all__ = ["LEAVES", "Region", "Regions", "encoded", "regions"]
