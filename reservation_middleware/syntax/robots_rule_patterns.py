"""The patterns of robots.txt rules, and which rule decides where several match.

Groups that several agents share, beside groups of their own, are put in order once for all.
"""

from collections.abc import Sequence
from itertools import accumulate
from operator import itemgetter

from .pattern_index import PatternIndex
from .robots import BareRule, Rule

#: The answer where no rule is about a path.
FREE: tuple[bool, "Rule | None"] = (True, None)


class RulePatterns:
    """Patterns of rules, each with the rule that decides where it matches.

    Args:
        rules: of a group.
        last: last characters of patterns that Protego reads in another way, too.
    """

    __slots__ = ("_found", "_index", "_last", "_owners", "_patterns", "_rules")

    def __init__(self, rules: Sequence[BareRule], last: str) -> None:
        self._rules, self._last = rules, last
        # Made for the first path that they are asked for: a site's pages may get all their
        # answers from other patterns.
        self._patterns: Sequence[str] | None = None
        self._owners: Sequence[BareRule] = ()
        self._index: PatternIndex | None = None
        #: The path that was asked about last, and what matches: several groups may ask.
        self._found: tuple[str, list[int]] = "", []

    @property
    def patterns(self) -> Sequence[str]:
        """The patterns, each once."""
        if self._patterns is None:
            self._patterns = self._named()
        return self._patterns

    @property
    def owners(self) -> Sequence[BareRule]:
        """The rules that decide, one for each of the patterns."""
        if self._patterns is None:
            self._patterns = self._named()
        return self._owners

    @property
    def index(self) -> PatternIndex:
        """The patterns, ready to be looked up."""
        if self._index is None:
            self._index = PatternIndex(self.patterns)
            self._patterns = self._index.texts  # not both
        return self._index

    def matching(self, path: str) -> list[int]:
        """Numbers of the patterns that match a canonical path, kept for the next who asks."""
        if self._found[0] != path:
            self._found = path, self.index.matching(path)
        return self._found[1]

    def _named(self) -> Sequence[str]:
        """Find the rules that decide, and their patterns."""
        rules = self._rules
        patterns = [path for _, path, _ in rules]
        whole = "\n".join(("", *patterns, ""))
        read = "\nh" in whole or any(f"{last}\n" in whole for last in self._last)
        if not read and len(set(patterns)) == len(patterns):
            self._owners = rules
            return patterns
        # Of rules with one pattern the first that allows decides, else the first.
        owners: dict[str, BareRule] = {}
        for rule in rules:
            known = owners.setdefault(rule[1], rule)
            if known is not rule and rule[0] and not known[0]:
                owners[rule[1]] = rule
        # Behind the rules, so that a rule has its number whatever is read into others.
        for rule in rules if read else ():
            if rule[1][-1] in self._last or rule[1][0] == "h":
                for pattern in readings(rule):
                    known = owners.setdefault(pattern, rule)
                    if rule[0] and not known[0]:
                        owners[pattern] = rule
        self._owners = tuple(owners.values())
        return list(owners)

    def of_beginning(self, path: str) -> tuple[bool, Rule | None]:
        """Whether a target that was cut may be fetched: what may match its end disallows."""
        may_match = (self.owners[number] for number in self.index.perhaps(path))
        rule = next((rule for rule in may_match if not rule[0]), None)
        if rule is not None:
            return False, Rule(*rule)
        # An end is not known, so it allows nothing.
        found = [
            number
            for number in self.index.matching(path)
            if not self.index.texts[number].endswith("$")
        ]
        if not found:
            return FREE
        decides = most_open([self.owners[number] for number in self.index.most_octets(found)])
        return decides.allow, decides


def most_open(rules: Sequence[BareRule]) -> Rule:
    """The first rule that allows, else the first."""
    return Rule(*(rules[0] if len(rules) == 1 else max(rules, key=itemgetter(0))))


def readings(rule: BareRule) -> tuple[str, ...]:
    """The patterns that Protego reads a rule as, beside the one that is written."""
    allow, path, _ = rule
    if path.endswith("$"):
        return (path[:-1] + "%24",)  # some authors mean the character
    if allow and path.endswith("/index.html"):
        return (path.removesuffix("index.html") + "$",)
    if path.startswith(("http://", "https://")):
        return ("/" + path,)
    return ()


class Joined(RulePatterns):
    """The patterns of several groups, asked as one."""

    __slots__ = ()

    def __init__(self, parts: Sequence[RulePatterns]) -> None:
        super().__init__((), "")
        self._owners = [rule for part in parts for rule in part.owners]
        self._index = _JoinedIndex(parts)
        self._patterns = self._index.texts


class _JoinedIndex(PatternIndex):
    """The indexes of several groups; a number counts the patterns of those before, too."""

    __slots__ = ("_offsets", "_parts")

    def __init__(self, parts: Sequence[RulePatterns]) -> None:
        self._texts = [text for part in parts for text in part.index.texts]
        self._octets = {}
        self._parts = parts
        self._offsets = (0, *accumulate(len(part.owners) for part in parts))

    def matching(self, path: str) -> list[int]:
        """Numbers of the patterns that match a canonical path."""
        return [
            offset + number
            for offset, part in zip(self._offsets, self._parts, strict=False)
            for number in part.matching(path)
        ]

    def perhaps(self, path: str) -> list[int]:
        """Numbers of the patterns that a path which was cut may match beyond its end."""
        return [
            offset + number
            for offset, part in zip(self._offsets, self._parts, strict=False)
            for number in part.index.perhaps(path)
        ]
