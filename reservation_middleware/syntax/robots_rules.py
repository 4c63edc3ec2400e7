"""Allow and Disallow inside one group: RFC 9309 §2.2.2.

Protego decides; it is shown one group only, once for each set of rules that match a path.
Our own matcher names the deciding line; it decides itself where a rule holds octets that are no
UTF-8 or half an escape, which Protego compares otherwise than the RFC. A corpus test keeps the
two in agreement.
"""

import re
from collections.abc import Sequence
from string import printable, whitespace
from urllib.parse import quote

from protego import Protego

from .path import MAX_TARGET, is_utf_8, octets
from .pattern_index import PatternIndex
from .robots import BareRule, Group, Rule
from .robots_rule_patterns import FREE, Joined, RulePatterns, most_open, readings

# Protego's parse is linear but slow: of a group this large it is shown only some of the
# rules that match the path that is asked about with the most octets.
_WHOLE, _SHOWN = 500, 20

_ANY_HOST = "http://a"

# A "%" that starts no escape: Protego takes it for the start of any.
_BARE = re.compile(r"%(?![0-9A-Fa-f]{2})")

# What Protego may see as it stands. It splits lines at U+2028, VT, FF and others and
# strips any white space, where RFC 9309 has CR, LF, SP and HTAB only.
_PLAIN = "".join(sorted(set(printable) - set(whitespace))) + " "


class GroupRules:
    """The rules of one group, ready to be asked."""

    __slots__ = (
        *("_dollars", "_only", "_parts", "_protego", "_read", "_rules"),
        *("asked", "protego_differs", "with_dollars"),
    )

    def __init__(self, rules: Sequence[BareRule], parts: Sequence["GroupRules"] = ()) -> None:
        self._rules, self._parts = rules, parts
        self._dollars: RulePatterns | None = None
        self._read: Sequence[str] | None = None
        self._protego: Protego | None = None
        self._only: tuple[bool, Rule] | None = None
        if parts:
            self.asked: RulePatterns = Joined([part.asked for part in parts])
            self.with_dollars: bool = any(part.with_dollars for part in parts)
            self.protego_differs: bool = any(part.protego_differs for part in parts)
            return
        paths = [path for _, path, _ in rules]
        self.asked = RulePatterns(rules, "l")
        text = "\n".join(paths) + "\n"  # escapes end with their line
        # What Protego reads into a final "$" matters for few paths, so it is made for these.
        self.with_dollars = "$\n" in text
        self.protego_differs = "%" in text and (
            not is_utf_8(text) or _BARE.search(text) is not None
        )
        # A group's only rule that is about everything decides every path.
        only = Rule(*rules[0]) if paths == ["/"] else None
        self._only = (only.allow, only) if only else None

    @staticmethod
    def of(group: Group) -> "GroupRules":
        """The rules of a group, made once."""
        found = group.memo.get("rules")
        if not isinstance(found, GroupRules):
            parts = [part for part in group.parts if part.plain]
            large = len(group.plain) > _WHOLE and len(parts) > 1
            several = [GroupRules.of(part) for part in parts] if large else ()
            found = group.memo["rules"] = GroupRules(group.plain, several)
        return found

    @property
    def patterns(self) -> Sequence[str]:
        """On which of these a path matches depends what is decided; nothing else matters, but
        where Protego does not agree with the rule that is named.
        """
        if self._only:
            return ()
        texts = self.asked.patterns
        if not self.with_dollars:
            return texts
        if self._parts:  # each of which knows its own
            return [text for part in self._parts for text in part.patterns or part.asked.patterns]
        if self._read is None:
            ends = (rule for rule in self._rules if rule[1][-1] == "$")
            read = (pattern for rule in ends for pattern in readings(rule))
            self._read = tuple(dict.fromkeys((*texts, *read)))
        return self._read

    @property
    def index(self) -> PatternIndex | None:
        """The same, ready to be looked up; None where they are looked up in two ways."""
        return None if self._only or self.with_dollars else self.asked.index

    @property
    def dollars(self) -> RulePatterns:
        """The patterns with what Protego reads into a final "$", made for the first who asks."""
        if self._dollars is None:
            if self._parts:
                self._dollars = Joined([part.dollars for part in self._parts])
            else:
                self._dollars = RulePatterns(self._rules, "l$")
        return self._dollars

    def _of(self, path: str) -> RulePatterns:
        """The patterns that may match a canonical path."""
        return self.dollars if self.with_dollars and "$" in path else self.asked

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
        asked = self._of(path)
        if len(target) >= MAX_TARGET:
            return asked.of_beginning(path)
        numbers = asked.index.matching(path)
        if not numbers:
            return FREE
        best = asked.index.most_octets(numbers)
        return self._decide([asked.owners[number] for number in best], target)

    def _decide(self, rules: Sequence[BareRule], target: str) -> tuple[bool, Rule | None]:
        """Ask Protego: once for each set of rules that match, whatever the path."""
        rule = most_open(rules)
        if self.protego_differs:
            return rule.allow, rule
        if len(self._rules) > _WHOLE:
            protego = _protego([rule, *rules[:_SHOWN]])
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

    def longest(self, path: str, *, cut: bool = False) -> tuple[int, Rule | None]:
        """The matching rule with the most octets (Allow on a tie), and how many those are."""
        if self._only is not None:
            return 1, self._only[1]
        asked = self._of(path)
        if cut:
            _, beginning = asked.of_beginning(path)
            return (octets(beginning.path), beginning) if beginning else (0, None)
        best = asked.index.longest(path)
        if not best:
            return 0, None
        rule = most_open([asked.owners[number] for number in best])
        return asked.index.octets(best[0]), rule

    def deciding(self, path: str, *, cut: bool = False) -> Rule | None:
        """The rule that decides a canonical path; of one that was cut what may match its end."""
        return self.longest(path, cut=cut)[1]


def _protego(rules: Sequence[BareRule]) -> Protego:
    lines = ["User-agent: *"]
    lines += [
        f"{'Allow' if allow else 'Disallow'}: {quote(path, safe=_PLAIN)}"
        for allow, path, _ in rules
    ]
    return Protego.parse("\n".join(lines))


__all__ = ["FREE", "GroupRules"]
