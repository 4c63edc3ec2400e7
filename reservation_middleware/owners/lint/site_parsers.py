"""Constructs of robots.txt that widely used parsers read differently.

From a table of constructs: no other parser runs here. tests/owners/test_lint_parsers.py runs Protego
and Python's own parser over each entry's sample, and says if one of them has changed.
"""

import re
from collections.abc import Callable, Iterator

import msgspec

from reservation_middleware.model import Level
from reservation_middleware.syntax.robots import Group, RobotsFile
from reservation_middleware.syntax.robots_names import BROWSERS

from .finding import Confidence, Edit, Finding, FindingKind, Fix, found
from .places import LintedSite

_RFC = "https://www.rfc-editor.org/rfc/rfc9309#section-2.2"
#: Findings of one construct that are shown for one file.
_MOST = 3
_VERSION = re.compile(r"[A-Za-z0-9_.-]+/v?\d[\w.]*")
_BEHIND = re.compile(r"[\w.-]\S*?\s*(?:\(|\+?https?://|/[^\d\s])", re.IGNORECASE)
#: Characters of a name that ``_BEHIND`` looks at: its time grows with their square.
_LOOKED_AT = 500
_OTHER_ENDS = re.compile("[\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029]")

DISAGREE = FindingKind(
    ident="site-parsers-disagree",
    level=Level.WARNING,
    summary="widely used parsers read this differently: {}",
    what=(
        "A line, or its place, means one thing by RFC 9309 and another to parsers in wide use, so "
        "that some crawlers obey it and others do not. The table of such constructs was made by "
        "running the parsers."
    ),
    why="A rule that only some crawlers see is no rule to the others.",
    before="User-agent: GPTBot\n\nDisallow: /\n",
    after="User-agent: GPTBot\nDisallow: /\n",
    remedy="Write the construct in the way that all of them read alike.",
    reference=_RFC,
    parsers=(
        "RFC 9309 and Google's parser: an empty line ends no group",
        "urllib.robotparser (Python 3.11 to 3.14): an empty line after User-agent drops the group",
        "urllib.robotparser: of two groups for one name only the first counts",
        "Protego 0.7 and urllib.robotparser: GPTBot/1.1 is not GPTBot",
        "Protego 0.7: Crawl-delay between User-agent lines splits the group",
        "Protego 0.7 and urllib.robotparser: U+2028 and form feeds end a line",
    ),
)
ORDER = FindingKind(
    ident="site-parsers-first-match",
    level=Level.INFO,
    confidence=Confidence.PEDANTIC,
    summary="a parser that takes the first rule that matches never sees this Allow: {}",
    what="An Allow stands below a Disallow that is shorter and matches, too.",
    why=(
        "By RFC 9309 the longest match counts, whatever the order. Python's urllib.robotparser "
        "takes the first, so that its crawlers stay out of what is allowed."
    ),
    before="User-agent: *\nDisallow: /shop/\nAllow: /shop/press/\n",
    after="User-agent: *\nAllow: /shop/press/\nDisallow: /shop/\n",
    remedy="Put the Allow line above the shorter Disallow line.",
    reference=_RFC + ".2",
    parsers=(
        "RFC 9309, Google's parser, Protego, robotspy: the longest match",
        "urllib.robotparser (Python 3.11 to 3.14): the first match",
    ),
)
KINDS = (DISAGREE, ORDER)


class Construct(msgspec.Struct, frozen=True):
    """Something that parsers read differently.

    Attributes:
        what: in a few words.
        sample: a file that holds it.
        asked: an agent and a path about which they differ.
        blocked_by: those of "us", "protego" and "urllib" by which the sample blocks the path.
        lines: finds it: lines, from 1, each with what to write.
        kind: of the findings.
    """

    what: str
    sample: str
    asked: tuple[str, str]
    blocked_by: frozenset[str]
    lines: Callable[[RobotsFile], Iterator[tuple[int, str, Fix | None]]]
    kind: FindingKind = DISAGREE


def _empty_line(robots: RobotsFile) -> Iterator[tuple[int, str, Fix | None]]:
    """User-agent lines that an empty line parts from their rules."""
    for group in robots.groups:
        if not group.tokens or not group.plain:
            continue
        last, first = group.tokens[-1][1], group.plain[0][2]
        inside = range(last + 1, first)
        blanks = [number for number in inside if not robots.line(number)]
        # A comment, or any other line, after the empty one changes nothing: it is the empty line
        # that counts.
        if blanks:
            edits = tuple(Edit(number, number + 1, ()) for number in blanks)
            yield last, "Delete the empty line below it.", Fix(edits=edits)


def _twice(robots: RobotsFile) -> Iterator[tuple[int, str, Fix | None]]:
    """Further groups for a name that has a group with other rules."""
    for token in robots.tokens:
        groups = [group for group in robots.parts(token) if group.plain or group.records]
        for group in groups[1:]:
            if not _rules(group) <= _rules(groups[0]):
                line = group.line_of(token)
                if line is not None:
                    first = groups[0].line_of(token)
                    yield line, f"Move these rules into the group in line {first}.", None


def _rules(group: Group) -> set[tuple[bool, str]]:
    return {(allow, path) for allow, path, _ in group.plain}


def _version(robots: RobotsFile) -> Iterator[tuple[int, str, Fix | None]]:
    """Names with a version."""
    for group in robots.groups:
        for token, number in group.tokens:
            if token in BROWSERS:
                continue  # which is told already
            value = robots.line(number).partition("#")[0].partition(":")[2].strip()
            if _VERSION.fullmatch(value):
                name = value.partition("/")[0]
                yield number, f"User-agent: {name}", _line(robots, number, f"User-agent: {name}")


def _whole_string(robots: RobotsFile) -> Iterator[tuple[int, str, Fix | None]]:
    """Names with an address or a comment behind them, as crawlers send them."""
    noted = {problem.line for problem in robots.problems}
    for group in robots.groups:
        for token, number in group.tokens:
            value = robots.line(number).partition("#")[0].partition(":")[2].strip()
            if number in noted or not _BEHIND.search(value[:_LOOKED_AT]):
                continue
            name = value[: len(token)]
            if name.lower() == token:
                yield number, f"User-agent: {name}", _line(robots, number, f"User-agent: {name}")


def _between(robots: RobotsFile) -> Iterator[tuple[int, str, Fix | None]]:
    """Crawl-delay lines between user-agent lines that no empty line parts.

    With an empty line they were meant for two groups, which site_groups tells.
    """
    for number in sorted(robots.between_agents("crawl-delay")):
        if not robots.line(number + 1):
            continue
        yield number, "Move the line below the last User-agent line of its group.", None


def _other_ends(robots: RobotsFile) -> Iterator[tuple[int, str, Fix | None]]:
    """Lines with a character that some take for the end of a line."""
    for number in range(1, robots.line_count + 1):
        line = robots.line(number)
        if not line.isprintable() and _OTHER_ENDS.search(line.partition("#")[0]):
            yield number, _OTHER_ENDS.sub("\n", line), None


def _late_allow(robots: RobotsFile) -> Iterator[tuple[int, str, Fix | None]]:
    """Allow lines below a shorter Disallow that matches, too."""
    for group in robots.groups:
        above: set[str] = set()
        order: list[tuple[bool, str]] = []
        for allow, path, number in group.plain[:_MOST_RULES]:
            if not allow:
                above.add(path)
                order.append((allow, path))
                continue
            starts = {path[:length] for length in range(1, len(path[:_LONGEST_PATH]))}
            if not starts.isdisjoint(above):
                first = next(rule for rule in order if rule[1] in starts)
                if not first[0]:
                    yield number, robots.line(number), None
            order.append((allow, path))


#: Rules of one group, and characters of a path, that are looked at for their order.
_MOST_RULES, _LONGEST_PATH = 1000, 300


def _line(robots: RobotsFile, number: int, text: str) -> Fix:
    """A fix of one line, by which no answer of ours changes."""
    del robots
    return Fix(edits=(Edit(number, number + 1, (text,)),))


CONSTRUCTS = (
    Construct(
        "an empty line between User-agent and its rules ends the group for urllib.robotparser",
        "User-agent: ExampleBot\n\nDisallow: /\n",
        ("ExampleBot", "/a"),
        frozenset({"us", "protego"}),
        _empty_line,
    ),
    Construct(
        "a second group for one name, which urllib.robotparser never reads",
        "User-agent: ExampleBot\nDisallow: /a\n\nUser-agent: ExampleBot\nDisallow: /b\n",
        ("ExampleBot", "/b"),
        frozenset({"us", "protego"}),
        _twice,
    ),
    Construct(
        "a name with a version, which Protego and urllib.robotparser take for another name",
        "User-agent: ExampleBot/1.1\nDisallow: /\n",
        ("ExampleBot", "/a"),
        frozenset({"us"}),
        _version,
    ),
    Construct(
        "more than a name, which Protego and urllib.robotparser take for another name",
        "User-agent: ExampleBot/1.1 (+https://a.example)\nDisallow: /\n",
        ("ExampleBot", "/a"),
        frozenset({"us"}),
        _whole_string,
    ),
    Construct(
        "a line between User-agent lines, at which Protego and urllib.robotparser split the group",
        "User-agent: ExampleBot\nCrawl-delay: 5\nUser-agent: OtherBot\nDisallow: /\n",
        ("ExampleBot", "/a"),
        frozenset({"us"}),
        _between,
    ),
    Construct(
        "a character inside a line that Protego and urllib.robotparser take for its end",
        "User-agent: *\nDisallow: /x\u2028Allow: /\n",
        ("ExampleBot", "/x"),
        frozenset({"protego", "urllib"}),
        _other_ends,
    ),
    Construct(
        "an Allow below a shorter Disallow",
        "User-agent: *\nDisallow: /a\nAllow: /a/b\n",
        ("ExampleBot", "/a/b"),
        frozenset({"urllib"}),
        _late_allow,
        ORDER,
    ),
)


def find(places: LintedSite) -> Iterator[Finding]:
    """The constructs that stand in the robots.txt."""
    robots, source = places.robots, places.robots_source
    if robots is None or source is None:
        return
    for construct in CONSTRUCTS:
        lines = list(construct.lines(robots))
        for number, (line, remedy, fix) in enumerate(lines[:_MOST], 1):
            detail = construct.what if construct.kind is DISAGREE else robots.line(line)
            if number == _MOST < len(lines):
                detail += f" (and {len(lines) - _MOST} more)"
            yield found(
                construct.kind,
                source,
                line,
                detail=detail,
                remedy=remedy,
                near=robots.line(line),
                fix=fix,
            )
