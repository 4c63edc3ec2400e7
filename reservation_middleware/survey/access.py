"""How much of a site a group of robots.txt denies, from its rules' structure.

No path is tried that the rules do not name: a rule that denies everything stands unless some
Allow rule wins on a path of its own. Reference: RFC 9309 §2.2.2.
"""

from collections.abc import Sequence

from reservation_middleware.syntax.path import canonical, octets
from reservation_middleware.syntax.robots import Group
from reservation_middleware.syntax.robots_rules import GroupRules

from .words import Access

#: What stands for a star in a path that is tried: no rule names it, so only rules about whole
#: trees match it.
_ANYTHING = "\u2603q7"
#: Allow rules of one group whose paths are tried; with more than these that all lose, the group is
#: taken for one that denies everything.
_MOST = 2_000


def access_of(group: Group | None) -> Access:
    """What a group leaves to its agents; robots.txt itself, always allowed, does not count.

    Full: every path is denied. Partial: some are. Explicit allow: none is, and a rule allows all
    of them. None: none is. Without a group nothing is denied.
    """
    rules = group.plain if group is not None else ()
    if group is None or not rules:
        return Access.NONE
    if len(rules) == 1:  # most groups that name AI agents have one rule
        allow, path, _ = rules[0]
        if is_everything(path):
            return Access.EXPLICIT_ALLOW if allow else Access.FULL
        return Access.NONE if allow else Access.PARTIAL
    denying = [path for allow, path, _ in rules if not allow]
    allowing = [path for allow, path, _ in rules if allow]
    no = max((octets(path) for path in denying if is_everything(path)), default=0)
    yes = max((octets(path) for path in allowing if is_everything(path)), default=0)
    if no > yes:
        return Access.PARTIAL if _any_wins(group, allowing, denying, allow=True) else Access.FULL
    if _any_wins(group, denying, allowing, allow=False):
        return Access.PARTIAL
    return Access.EXPLICIT_ALLOW if yes else Access.NONE


def is_everything(path: str) -> bool:
    """Whether a rule's path matches every path, as "/", "*" and "/*" do."""
    return not path.strip("/*") and path.count("/") <= 1


def witness(path: str) -> str:
    """A canonical path that a rule's pattern matches."""
    anchored = path.endswith("$")
    tried = (path[:-1] if anchored else path).replace("*", _ANYTHING)
    return canonical(tried if tried.startswith("/") else "/" + tried)


def _any_wins(group: Group, paths: Sequence[str], others: Sequence[str], *, allow: bool) -> bool:
    """Whether some rule decides on a path of its own.

    Args:
        group: which the rules are of.
        paths: of the rules that all allow, or all deny.
        others: paths of the rules that say the opposite.
        allow: whether the first ones allow.
    """
    if not paths or not others:
        return bool(paths)
    longest, theirs = max(map(octets, paths)), max(map(octets, others))
    if longest > theirs or (allow and longest == theirs):
        return True  # the longest pattern wins, Allow on a tie (§2.2.2)
    rules = GroupRules.of(group)
    for path in paths[:_MOST]:
        deciding = rules.deciding(witness(path))
        if deciding is not None and deciding.allow is allow:
            return True
    return False
