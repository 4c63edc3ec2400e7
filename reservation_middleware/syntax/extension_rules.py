"""Allow and Disallow rules over file extensions, as ai.txt in Spawning's dialect has them.

This is Spawning's dialect of ai.txt: a robots.txt group whose patterns name file extensions.
"""

import re
from collections.abc import Sequence

from .path import octets
from .pattern_index import PatternIndex
from .robots import Rule

_EXTENSION = r"\*?\.([A-Za-z0-9]+)"
_IN_PATH = r"\.([a-z0-9]+)"


class ExtensionRules:
    """Rules of one group: longest match, Allow on a tie; ``*.jpg`` means the extension.

    As a robots.txt pattern ``*.c`` would match ``/a.css``, too. Here what follows the
    extension must be no letter and no digit, and its case does not matter.
    """

    __slots__ = ("_extensions", "_index", "_rules")

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._extensions: dict[str, Rule] = {}
        others: dict[str, Rule] = {}
        for rule in rules:
            found = re.fullmatch(_EXTENSION, rule.path)
            if found is None:
                # Of rules with one pattern the first that allows decides, else the first.
                same = others.setdefault(rule.path, rule)
                if rule.allow and not same.allow:
                    others[rule.path] = rule
                continue
            known = self._extensions.get(found[1].lower())
            if known is None or (rule.allow and not known.allow):
                self._extensions[found[1].lower()] = rule
        self._rules = tuple(others.values())
        self._index = PatternIndex(others)

    def deciding(self, path: str) -> Rule | None:
        """The rule that decides a canonical path."""
        found = [self._rules[number] for number in self._index.longest(path)]
        if self._extensions and "." in path:
            for word in set(re.findall(_IN_PATH, path.lower())):
                rule = self._extensions.get(word)
                if rule:
                    found.append(rule)
        return max(found, key=_strength, default=None)


def _strength(rule: Rule) -> tuple[int, bool, int]:
    star = 1 if rule.path.startswith(".") else 0  # ".jpg" is read as "*.jpg"
    return octets(rule.path) + star, rule.allow, -rule.line


def lacks_start(rule: Rule) -> bool:
    """Whether a pattern starts with neither ``/`` nor ``*``, so that as it stands nothing matches."""
    return rule.path[0] not in "/*"
