"""Findings about rules of a robots.txt that are not where, or not what, they were meant to be."""

from collections.abc import Iterator

from reservation_middleware.model import Level
from reservation_middleware.model.vocabulary import LEAVES
from reservation_middleware.syntax.robots import Group, RobotsFile

from .finding import Confidence, Edit, Finding, FindingKind, Fix, found
from .places import LintedSite

#: Findings of one kind that are shown for one file.
_MOST = 10

JOINED = FindingKind(
    ident="site-group-joined",
    level=Level.ERROR,
    confidence=Confidence.LIKELY,
    summary="this group has no rule, so it goes on below and its crawlers obey the next rules: {}",
    what=(
        "A group holds a Crawl-delay or another line that is no rule, an empty line follows, and "
        "then the next User-agent line. By RFC 9309 only Allow and Disallow end a run of User-agent "
        "lines."
    ),
    why=(
        "Google and other parsers take both for one group: crawlers that should only be slow are "
        "shut out where the next group shuts its own out."
    ),
    before="User-agent: bingbot\nCrawl-delay: 2\n\nUser-agent: BadBot\nDisallow: /\n",
    after="User-agent: bingbot\nCrawl-delay: 2\nDisallow:\n\nUser-agent: BadBot\nDisallow: /\n",
    remedy="Disallow:",
    reference="https://www.rfc-editor.org/rfc/rfc9309#section-2.2.4",
    parsers=(
        "RFC 9309, Google's parser, robotspy: one group",
        "Protego 0.7, urllib.robotparser: two groups",
    ),
)
NO_SLASH = FindingKind(
    ident="site-rule-without-slash",
    level=Level.WARNING,
    confidence=Confidence.LIKELY,
    summary="the rule matches nothing, as its path begins with neither / nor *: {}",
    what="An Allow or Disallow line has a path without its slash, or a whole address.",
    why="Every path begins with a slash, so that the rule is about no page (RFC 9309 §2.2.2).",
    before="User-agent: *\nDisallow: private/\n",
    after="User-agent: *\nDisallow: /private/\n",
    remedy="Begin the path with a slash.",
    reference="https://www.rfc-editor.org/rfc/rfc9309#section-2.2.2",
)
KINDS = (JOINED, NO_SLASH)


def find(places: LintedSite) -> Iterator[Finding]:
    """Rules that go to other crawlers, or to no page."""
    robots = places.robots
    if robots is None or places.robots_source is None:
        return
    yield from _joined(places, robots)
    yield from _without_slash(places, robots)


def _runs(group: Group, robots: RobotsFile) -> Iterator[tuple[int, int, list[str]]]:
    """User-agent lines that were meant for a group of their own, without a rule in it: the line of
    its last record, the line of the next User-agent line, and its names.
    """
    if not group.plain:
        return
    names: list[str] = []
    last = 0
    for token, number in group.tokens:
        between = [record.line for record in group.records if last < record.line < number]
        ends = [line for line in between if any(not robots.line(n) for n in range(line, number))]
        if last and ends:
            after = {name for name, line in group.tokens if line >= number}
            if not after.issuperset(names):
                yield ends[-1], number, names
            names = []
        names.append(token)
        last = number


def _joined(places: LintedSite, robots: RobotsFile) -> Iterator[Finding]:
    source = places.robots_source
    assert source is not None
    for group in robots.groups:
        for record, _, names in _runs(group, robots):
            fix = Fix(
                edits=(Edit(record + 1, record + 1, ("Disallow:",)),),
                agents=frozenset(names),
                uses=frozenset(("crawl", *LEAVES)),
            )
            detail = ", ".join(names[:5]) + (" …" if len(names) > 5 else "")
            yield found(
                JOINED,
                source,
                record,
                detail=detail,
                near=robots.line(record),
                remedy="Disallow:",
                fix=fix,
            )


def _without_slash(places: LintedSite, robots: RobotsFile) -> Iterator[Finding]:
    source = places.robots_source
    assert source is not None
    number = 0
    for group in robots.groups:
        for allow, path, line in group.plain:
            if path[0] in "/*" or path.startswith("$"):
                continue
            number += 1
            if number > _MOST:
                return
            mended = _with_slash(path)
            line_mended = f"{'Allow' if allow else 'Disallow'}: {mended}" if mended else ""
            fix = Fix(
                edits=(Edit(line, line + 1, (line_mended,)),),
                agents=None if "*" in group.agents else frozenset(group.agents),
                uses=frozenset(("crawl", *LEAVES)),
            )
            yield found(
                NO_SLASH,
                source,
                line,
                detail=robots.line(line),
                near=path,
                remedy=line_mended,
                fix=fix if mended else None,
            )


def _with_slash(path: str) -> str:
    """The path that was meant, "" where that is not clear: an address, a host, another line."""
    first = path.partition("/")[0]
    if ":" in path or " " in path or ("." in first[1:] and "/" in path):
        return ""
    return f"/*{path}" if path.startswith(".") else f"/{path}"


def joined_names(robots: RobotsFile) -> set[str]:
    """Names in groups that go on below by accident."""
    return {
        name for group in robots.groups for _, _, names in _runs(group, robots) for name in names
    }
