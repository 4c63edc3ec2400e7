"""What a robots.txt holds that nothing reads, and that somebody seems to have meant.

Keys that are nearly right, names of browsers, lines that were joined, lines that were left in the
last group. For notes only: groups and rules are robots.py's business.
Reference: https://www.rfc-editor.org/rfc/rfc9309#section-2.2
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from .robots import LineProblem, Record, RobotsFile
from .robots_line import NEAR_MISSES, OTHERS, SPEAKING
from .robots_names import BROWSERS, is_joined
from .spelling import nearest

#: Unknown keys that are looked at, and records that are kept of each kind.
MAX_UNKNOWN = 100
#: A file of so few lines may have lost its line ends.
_FEW_LINES = 5
_SPEAKING = tuple(SPEAKING)


class UnreadRecords(NamedTuple):
    """Records whose keys are not known.

    Attributes:
        misspelt: those whose key was meant to be another one, by that: keys of
            ``robots_line.SPEAKING``, in lower case.
        others: the first of all others.
    """

    misspelt: Mapping[str, Sequence[Record]]
    others: Sequence[Record]


_NOTHING = UnreadRecords({}, ())


def unread_records(robots: RobotsFile) -> UnreadRecords:
    """The records that nothing reads."""
    names = robots.keys.difference(SPEAKING, NEAR_MISSES, OTHERS)
    if not names:
        return _NOTHING
    misspelt: dict[str, list[Record]] = {}
    others: list[Record] = []
    asked: dict[str, str | None] = {}
    for records in (robots.loose, *(group.records for group in robots.groups)):
        for record in records:
            if record.key not in names:
                continue
            if record.key not in asked:
                if len(asked) >= MAX_UNKNOWN:
                    continue
                asked[record.key] = nearest(record.key, _SPEAKING)
            meant = asked[record.key]
            found = others if meant is None else misspelt.setdefault(meant, [])
            if len(found) < MAX_UNKNOWN:
                found.append(record)
    return UnreadRecords(misspelt, others)


def strays(robots: RobotsFile, key: str) -> list[Record]:
    """Records with a key that stand in the last group by accident, as far as can be seen.

    The group does not name everyone, its rules are over, and an empty line or a Sitemap parts
    them from the record. What is said to everyone elsewhere is no stray.
    """
    group = robots.groups[-1] if robots.groups else None
    if group is None or not (group.plain and group.tokens):  # "User-agent" alone names none
        return []
    if any(token == "*" for token, _ in group.tokens):
        return []
    last = max(group.plain[-1][2], group.tokens[-1][1])
    own = [record for record in group.records if record.key == key and record.line > last]
    if not own:
        return []
    sitemaps = {record.line for record in group.records if record.key == "sitemap"}
    between = range(last + 1, own[-1].line)
    parted = (number for number in between if number in sitemaps or not robots.line(number))
    end = next(parted, own[-1].line)
    everyone = robots.named("*")
    others = (*robots.loose, *(everyone.records if everyone else ()))
    known = {record.value for record in others if record.key == key}
    return [record for record in own if record.line > end and record.value not in known]


def more_problems(robots: RobotsFile) -> Iterator[LineProblem]:
    """Groups that name a browser, and joined lines in a file that has hardly any.

    What the reader has told already is not told again.
    """
    named = not BROWSERS.isdisjoint(robots.tokens)
    few = robots.line_count <= _FEW_LINES
    if not named and not few:
        return
    told = {problem.line for problem in robots.problems}
    for group in robots.groups if named else ():
        for token, number in group.tokens:
            if token in BROWSERS and number not in told:
                yield LineProblem("agent-browser", number, robots.line(number))
    for number in range(1, robots.line_count + 1) if few else ():
        line = robots.line(number)
        _, colon, value = line.partition("#")[0].partition(":")
        if colon and number not in told and is_joined(value):
            yield LineProblem("lines-joined", number, line)
