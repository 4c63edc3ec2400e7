"""Allow and Disallow inside one group: RFC 9309 §2.2.2.

Protego decides; it is shown one group only, once for each set of rules that match a path.
Our own matcher names the deciding line; it decides itself where a rule holds half a
character or half an escape, which Protego compares otherwise than the RFC. A corpus test
keeps the two in agreement.
"""

import re
from collections.abc import Sequence
from operator import itemgetter
from string import printable, whitespace
from urllib.parse import quote

from protego import Protego

from .path import MAX_TARGET, has_half, octets
from .pattern_index import PatternIndex
from .robots import BareRule, Group, Rule

# Protego's parse is linear but slow: of a group this large it is shown only some of the
# rules that match the path that is asked about with the most octets.
_WHOLE, _SHOWN = 500, 20

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
        *("_answers", "_asked", "_dollars", "_halves", "_last", "_only", "_protego", "_rules"),
        "_with_dollars",
    )

    def __init__(self, rules: Sequence[BareRule]) -> None:
        self._rules = rules
        paths = [path for _, path, _ in rules]
        self._asked = _Asked(rules, "l")
        self._dollars: _Asked | None = None
        self._protego: Protego | None = None
        self._answers: dict[tuple[int, ...], tuple[bool, Rule | None]] = {}
        #: The last target that many rules match, and what is decided: many agents may ask for it.
        self._last: tuple[str, tuple[bool, Rule | None]] | None = None
        text = "\n".join(paths) + "\n"  # escapes end with their line
        # What Protego reads into a final "$" matters for few paths, so it is made for these.
        self._with_dollars = "$\n" in text
        self._halves = "%" in text and (has_half(text) or _BARE.search(text) is not None)
        # A group's only rule that is about everything decides every path.
        only = Rule(*rules[0]) if paths == ["/"] else None
        self._only = (only.allow, only) if only else None

    @staticmethod
    def of(group: Group) -> "GroupRules":
        """The rules of a group, made once."""
        found = group.memo.get("rules")
        if not isinstance(found, GroupRules):
            found = group.memo["rules"] = GroupRules(group.plain)
        return found

    @property
    def patterns(self) -> Sequence[str]:
        """On which of these a path matches depends what is decided; nothing else matters, but
        where Protego does not agree with the rule that is named.
        """
        if self._only:
            return ()
        texts = self._asked.patterns
        if not self._with_dollars:
            return texts
        read = (
            pattern for rule in self._rules if rule[1][-1] == "$" for pattern in _readings(rule)
        )
        return tuple(dict.fromkeys((*texts, *read)))

    @property
    def index(self) -> PatternIndex | None:
        """The same, ready to be looked up; None where they are looked up in two ways."""
        return None if self._only or self._with_dollars else self._asked.index

    def _of(self, path: str) -> "_Asked":
        """The patterns that may match a canonical path."""
        if not self._with_dollars or "$" not in path:
            return self._asked
        if self._dollars is None:
            self._dollars = _Asked(self._rules, "l$")
        return self._dollars

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
        if self._last is not None and self._last[0] == target:
            return self._last[1]
        if len(target) >= MAX_TARGET:
            return asked.of_beginning(path)
        numbers = asked.index.matching(path)
        if not numbers:
            return FREE
        # Numbers of what is read into a rule differ where more is read into others.
        key = (*numbers, -1) if asked is self._dollars else tuple(numbers)
        answer = self._answers.get(key)
        if answer is None:
            best = asked.index.most_octets(numbers)
            answer = self._decide([asked.owners[number] for number in best], target)
            # Where Protego disagrees with our matcher, it has read more than the rules.
            if len(numbers) > _KEPT:
                self._last = target, answer
            elif answer[1] is not None:
                if len(self._answers) >= _MOST_ANSWERS:
                    self._answers.clear()
                self._answers[key] = answer
        return answer

    def _decide(self, rules: Sequence[BareRule], target: str) -> tuple[bool, Rule | None]:
        """Ask Protego: once for each set of rules that match, whatever the path."""
        rule = _most_open(rules)
        if self._halves:
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
        rule = _most_open([asked.owners[number] for number in best])
        return asked.index.octets(best[0]), rule

    def deciding(self, path: str, *, cut: bool = False) -> Rule | None:
        """The rule that decides a canonical path; of one that was cut what may match its end."""
        return self.longest(path, cut=cut)[1]


class _Asked:
    """Patterns of rules, each with the rule that decides where it matches.

    Args:
        rules: of a group.
        last: last characters of patterns that Protego reads in another way, too.
    """

    __slots__ = ("_index", "_last", "_owners", "_patterns", "_rules")

    def __init__(self, rules: Sequence[BareRule], last: str) -> None:
        self._rules, self._last = rules, last
        # Made for the first path that they are asked for: a site's pages may get all their
        # answers from other patterns.
        self._patterns: Sequence[str] | None = None
        self._owners: Sequence[BareRule] = ()
        self._index: PatternIndex | None = None

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
                for pattern in _readings(rule):
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
            one for one in self.index.matching(path) if not self.index.texts[one].endswith("$")
        ]
        if not found:
            return FREE
        decides = _most_open([self.owners[number] for number in self.index.most_octets(found)])
        return decides.allow, decides


def _most_open(rules: Sequence[BareRule]) -> Rule:
    """The first rule that allows, else the first."""
    return Rule(*(rules[0] if len(rules) == 1 else max(rules, key=itemgetter(0))))


def _readings(rule: BareRule) -> tuple[str, ...]:
    """The patterns that Protego reads a rule as, beside the one that is written."""
    allow, path, _ = rule
    if path.endswith("$"):
        return (path[:-1] + "%24",)  # some authors mean the character
    if allow and path.endswith("/index.html"):
        return (path.removesuffix("index.html") + "$",)
    if path.startswith(("http://", "https://")):
        return ("/" + path,)
    return ()


def _protego(rules: Sequence[BareRule]) -> Protego:
    lines = ["User-agent: *"]
    lines += [
        f"{'Allow' if allow else 'Disallow'}: {quote(path, safe=_PLAIN)}"
        for allow, path, _ in rules
    ]
    return Protego.parse("\n".join(lines))
