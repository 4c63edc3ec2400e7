"""Allow and Disallow inside one group: RFC 9309 §2.2.2.

Protego decides; it is shown one group only, and only where a rule's literal prefix fits
the path. Our own matcher names the deciding line, and only when somebody asks why; it
decides itself where a rule holds half a character, which Protego cannot compare. A
corpus test keeps the two in agreement.
"""

from collections.abc import Sequence
from string import printable, whitespace
from urllib.parse import quote

from protego import Protego

from .path import PatternIndex, has_half
from .robots import Group, Rule

# Protego's parse is linear but slow: of a group this large it is shown only the rules
# whose prefix fits the path that is asked about.
_WHOLE = 500

_ANY_HOST = "http://a"

# What Protego may see as it stands. It splits lines at U+2028, VT, FF and others and
# strips any white space, where RFC 9309 has CR, LF, SP and HTAB only.
_PLAIN = "".join(sorted(set(printable) - set(whitespace))) + " "


class GroupRules:
    """The rules of one group, ready to be asked."""

    __slots__ = ("_halves", "_index", "_owner", "_protego", "_rules")

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        patterns: list[str] = []
        self._owner: list[Rule] = []
        for rule in rules:
            for pattern in _readings(rule):
                patterns.append(pattern)
                self._owner.append(rule)
        self._index = PatternIndex(patterns)
        self._protego: Protego | None = None
        self._halves = any(has_half(rule.path) for rule in rules)

    @staticmethod
    def of(group: Group) -> "GroupRules":
        """The rules of a group, made once."""
        found = group.memo.get("rules")
        if not isinstance(found, GroupRules):
            found = group.memo["rules"] = GroupRules(group.rules)
        return found

    def allows(self, target: str, path: str) -> bool:
        """Whether a target (path and query; ``path`` is its canonical form) may be fetched."""
        numbers = self._index.candidates(path)
        if not numbers:
            return True
        if self._halves:
            rule = self.deciding(path)
            return rule is None or rule.allow
        if len(self._rules) > _WHOLE:
            protego = _protego([self._owner[number] for number in numbers])
        else:
            protego = self._protego or _protego(self._rules)
            self._protego = protego
        if not target.isascii():
            target = quote(target, safe=_PLAIN, errors="replace")
        return protego.can_fetch(_ANY_HOST + target, "*")

    def deciding(self, path: str) -> Rule | None:
        """The rule that decides a canonical path: most octets, Allow on a tie."""
        rules = [self._owner[number] for number in self._index.longest(path)]
        return max(rules, key=lambda rule: rule.allow, default=None)


def _readings(rule: Rule) -> tuple[str, ...]:
    """The patterns that Protego reads a rule as, beside the one that is written."""
    path = rule.path
    if path.endswith("$"):
        # Some authors mean the character: Protego keeps both readings.
        return path, path[:-1] + "%24"
    if rule.allow and path.endswith("/index.html"):
        return path, path.removesuffix("index.html") + "$"
    if path.startswith(("http://", "https://")):
        return ("/" + path,)
    return (path,)


def _protego(rules: Sequence[Rule]) -> Protego:
    lines = ["User-agent: *"]
    lines += [
        f"{'Allow' if rule.allow else 'Disallow'}: {quote(rule.path, safe=_PLAIN)}"
        for rule in rules
    ]
    return Protego.parse("\n".join(lines))
