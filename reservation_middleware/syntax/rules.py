"""Allow and Disallow inside one group: RFC 9309 §2.2.2.

Protego decides; it is shown one group only, once for each set of rules that match a path.
Our own matcher names the deciding line; it decides itself where a rule holds half a
character or half an escape, which Protego compares otherwise than the RFC. A corpus test
keeps the two in agreement.
"""

import re
from collections.abc import Sequence
from string import printable, whitespace
from urllib.parse import quote

from protego import Protego

from .path import PatternIndex, has_half
from .robots import Group, Rule

# Protego's parse is linear but slow: of a group this large it is shown only the rules
# that match the path that is asked about with the most octets.
_WHOLE = 500

_ANY_HOST = "http://a"

# A "%" that starts no escape: Protego takes it for the start of any.
_BARE = re.compile(r"%(?![0-9A-Fa-f]{2})")

#: The answer where no rule is about a path.
FREE: tuple[bool, "Rule | None"] = (True, None)
# Answers that are kept per group, each for so many matching rules at the most.
_MOST_ANSWERS, _KEPT = 256, 32

# What Protego may see as it stands. It splits lines at U+2028, VT, FF and others and
# strips any white space, where RFC 9309 has CR, LF, SP and HTAB only.
_PLAIN = "".join(sorted(set(printable) - set(whitespace))) + " "


class GroupRules:
    """The rules of one group, ready to be asked."""

    __slots__ = (
        *("_answers", "_index", "_last", "_only", "_owner", "_patterns", "_protego"),
        "_rules",
    )

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._patterns: Sequence[str] = ()
        self._owner: Sequence[Rule] = rules
        self._protego: Protego | None = None
        self._answers: dict[tuple[int, ...], tuple[bool, Rule | None]] = {}
        #: The last path that more rules match than are kept, for the next agent of a panel.
        self._last: tuple[str, tuple[bool, Rule | None]] | None = None
        # Made for the first path that it is asked for: a site's pages may get all their answers
        # from other patterns.
        self._index: PatternIndex | None = None
        self._only: tuple[bool, Rule] | None = None
        if len(rules) == 1 and rules[0].path == "/":
            # A group's only rule that is about everything decides every path.
            self._only = rules[0].allow, rules[0]
            return
        patterns = [rule.path for rule in rules]
        owner = list(rules)
        for rule in rules:
            if rule.path[-1] in "$l" or rule.path[0] == "h":
                for pattern in _readings(rule):
                    patterns.append(pattern)
                    owner.append(rule)
        self._patterns, self._owner = patterns, owner

    @staticmethod
    def of(group: Group) -> "GroupRules":
        """The rules of a group, made once."""
        found = group.memo.get("rules")
        if not isinstance(found, GroupRules):
            found = group.memo["rules"] = GroupRules(group.rules)
        return found

    @property
    def patterns(self) -> Sequence[str]:
        """On which of these a path matches depends what is decided; nothing else matters, but
        where Protego does not agree with the rule that is named.
        """
        return self._patterns

    @property
    def index(self) -> PatternIndex:
        """The same, ready to be looked up."""
        if self._index is None:
            self._index = PatternIndex(self._patterns)
        return self._index

    @property
    def only(self) -> Rule | None:
        """The rule that decides every path, if one does."""
        return self._only[1] if self._only else None

    def decide(self, target: str, path: str) -> tuple[bool, Rule | None]:
        """Whether a target (path and query) may be fetched, and the rule that says so.

        Args:
            target: as written.
            path: its canonical form.
        """
        if self._only is not None:
            return self._only
        if self._last is not None and self._last[0] == path:
            return self._last[1]
        numbers = self.index.matching(path)
        if not numbers:
            return FREE
        key = tuple(numbers)
        answer = self._answers.get(key)
        if answer is None:
            answer = self._decide(self.index.most_octets(numbers), target)
            # Where Protego disagrees with our matcher, it has read more than the rules.
            if answer[1] is not None and len(numbers) <= _KEPT:
                if len(self._answers) >= _MOST_ANSWERS:
                    self._answers.clear()
                self._answers[key] = answer
            elif len(numbers) > _KEPT:
                self._last = path, answer
        return answer

    def _decide(self, best: Sequence[int], target: str) -> tuple[bool, Rule | None]:
        """Ask Protego: once for each set of rules that match, whatever the path."""
        rules = [self._owner[number] for number in best]
        rule = rules[0] if len(rules) == 1 else max(rules, key=lambda rule: rule.allow)
        if any(map(_half, self._rules)):
            return rule.allow, rule
        if len(self._rules) > _WHOLE:
            protego = _protego(rules[:_WHOLE])
        else:
            protego = self._protego or _protego(self._rules)
            self._protego = protego
        if not target.isascii():
            target = quote(target, safe=_PLAIN, errors="replace")
        allowed = protego.can_fetch(_ANY_HOST + target, "*")
        return allowed, rule if rule.allow is allowed else None

    def allows(self, target: str, path: str) -> bool:
        """Whether a target may be fetched."""
        return self.decide(target, path)[0]

    def longest(self, path: str) -> tuple[int, Rule | None]:
        """The matching rule with the most octets (Allow on a tie), and how many those are."""
        if self._only is not None:
            return 1, self._only[1]
        best = self.index.longest(path)
        if not best:
            return 0, None
        rules = [self._owner[number] for number in best]
        return self.index.octets(best[0]), max(rules, key=lambda rule: rule.allow)

    def deciding(self, path: str) -> Rule | None:
        """The rule that decides a canonical path."""
        return self.longest(path)[1]


def _half(rule: Rule) -> bool:
    """Whether a rule holds half a character or half an escape."""
    path = rule.path
    return "%" in path and (has_half(path) or _BARE.search(path) is not None)


def _readings(rule: Rule) -> tuple[str, ...]:
    """The patterns that Protego reads a rule as, beside the one that is written."""
    path = rule.path
    if path.endswith("$"):
        return (path[:-1] + "%24",)  # some authors mean the character
    if rule.allow and path.endswith("/index.html"):
        return (path.removesuffix("index.html") + "$",)
    if path.startswith(("http://", "https://")):
        return ("/" + path,)
    return ()


def _protego(rules: Sequence[Rule]) -> Protego:
    lines = ["User-agent: *"]
    lines += [
        f"{'Allow' if rule.allow else 'Disallow'}: {quote(rule.path, safe=_PLAIN)}"
        for rule in rules
    ]
    return Protego.parse("\n".join(lines))
