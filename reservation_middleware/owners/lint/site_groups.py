"""Findings between the groups of a robots.txt: what is lost, contradicted, or shut by accident."""

import re
from collections.abc import Iterator, Sequence

from reservation_middleware.model import Level
from reservation_middleware.model.vocabulary import LEAVES
from reservation_middleware.owners.intent import Crawl
from reservation_middleware.syntax.robots import Group, Record, RobotsFile
from reservation_middleware.syntax.robots_unread import strays

from .finding import Confidence, Edit, Finding, FindingKind, Fix, found
from .places import LintedSite
from .site_rules import joined_names

_RFC = "https://www.rfc-editor.org/rfc/rfc9309#section-2.2.1"
#: Keys of lines that say what may be done with the content, as they are written, with what makes
#: a value a reservation.
_SIGNALS = {
    "content-signal": ("Content-Signal", re.compile(r"=\s*no\b", re.IGNORECASE)),
    "content-usage": ("Content-Usage", re.compile(r"=\s*n\b", re.IGNORECASE)),
    "license": ("License", re.compile(r"\S")),
    "disallowaitraining": ("DisallowAITraining", re.compile(r"\S")),
}
_ALL_USES = frozenset(LEAVES)
#: How the block begins and ends that a CDN puts before a site's own lines; bounded, since a line may
#: have half a megabyte of such words.
_BEGIN = re.compile(
    rb"^[ \t]*#.{0,100}?\bBEGIN\b.{0,100}?\bmanaged\b", re.IGNORECASE | re.MULTILINE
)
_END = re.compile(
    rb"^[ \t]*#.{0,100}?\bEND\b.{0,100}?\bmanaged\b[^\r\n]*", re.IGNORECASE | re.MULTILINE
)
_SEARCH = ("googlebot",)
_TRAINING = ("gptbot", "ccbot", "claudebot")
_SHUT = ("/", "/*", "*")

LOSES = FindingKind(
    ident="site-group-loses-signal",
    level=Level.WARNING,
    confidence=Confidence.LIKELY,
    summary="{}: this group has none of the signal that the group for everyone has",
    what=(
        "The group for everyone (*) holds a line about AI use, and a group for a named crawler, "
        "which may fetch pages, does not."
    ),
    why=(
        "A crawler that has a group of its own never reads the group for everyone, so that the "
        "signal says nothing to it (RFC 9309 §2.2.1)."
    ),
    before=(
        "User-agent: *\nContent-Signal: ai-train=no\nAllow: /\n\n"
        "User-agent: ExampleBot\nDisallow: /private/\n"
    ),
    after=(
        "User-agent: *\nContent-Signal: ai-train=no\nAllow: /\n\n"
        "User-agent: ExampleBot\nContent-Signal: ai-train=no\nDisallow: /private/\n"
    ),
    remedy="Repeat the signal's line in the named group.",
    reference=_RFC,
)
LAST_GROUP = FindingKind(
    ident="site-signal-in-last-group",
    level=Level.WARNING,
    confidence=Confidence.LIKELY,
    summary="{}: this signal stands in the last group, so it speaks to that group's crawlers only",
    what=(
        "The only line of a signal stands below the rules of the last group, which names some "
        "crawlers that may fetch nothing anyway."
    ),
    why="Lines that are added at the end of a file belong to the last group, whoever that names.",
    before="User-agent: *\nAllow: /\n\nUser-agent: CCBot\nDisallow: /\nContent-Signal: ai-train=no\n",
    after="User-agent: *\nContent-Signal: ai-train=no\nAllow: /\n\nUser-agent: CCBot\nDisallow: /\n",
    remedy="Move the line into the group for everyone, below User-agent: *.",
    reference=_RFC,
)
MANAGED = FindingKind(
    ident="site-managed-block-contradicts",
    level=Level.ERROR,
    summary="the block that a CDN puts in front and the site's own lines contradict each other: {}",
    what=(
        "A block between managed-content marks and the site's own groups name one crawler, and say "
        "different things to it. Groups for one name are combined."
    ),
    why=(
        "Of an Allow and a Disallow that are equally long the Allow counts, so that one of the two "
        "is void."
    ),
    before=(
        "# BEGIN Cloudflare Managed content\nUser-agent: GPTBot\nDisallow: /\n"
        "# END Cloudflare Managed Content\n\nUser-agent: GPTBot\nAllow: /\n"
    ),
    after=(
        "# BEGIN Cloudflare Managed content\nUser-agent: GPTBot\nDisallow: /\n"
        "# END Cloudflare Managed Content\n"
    ),
    remedy="Say it in one of the two places: delete the own group, or switch the managed block off.",
    reference="https://developers.cloudflare.com/bots/additional-configurations/managed-robots-txt/",
)
SEARCH = FindingKind(
    ident="site-search-blocked-training-allowed",
    level=Level.WARNING,
    confidence=Confidence.LIKELY,
    summary="search engines are kept out and AI training is let in: {}",
    what="Search crawlers may fetch nothing, or search is refused, and AI training is not.",
    why="Most sites mean the opposite; a line is often copied into the wrong group.",
    before="User-agent: Googlebot\nDisallow: /\n\nUser-agent: *\nAllow: /\n",
    after="User-agent: GPTBot\nDisallow: /\n\nUser-agent: *\nAllow: /\n",
    remedy="Name the AI crawlers in the group that blocks, or say Content-Signal: search=yes, ai-train=no.",
    reference="https://contentsignals.org/",
)
STAGING = FindingKind(
    ident="site-staging-disallow",
    level=Level.WARNING,
    confidence=Confidence.LIKELY,
    summary="nobody may fetch anything, search engines included: a rule of a staging site?",
    what="The group for everyone shuts the whole site, and no group lets anybody in.",
    why="Such a file belongs to a staging site. Once it is live, the site leaves all search results.",
    before="User-agent: *\nDisallow: /\n",
    after="User-agent: *\nAllow: /\nContent-Signal: search=yes, ai-train=no\n",
    remedy="User-agent: *\nAllow: /",
    reference="https://www.rfc-editor.org/rfc/rfc9309#section-2.2.2",
)
KINDS = (LOSES, LAST_GROUP, MANAGED, SEARCH, STAGING)


def find(places: LintedSite) -> Iterator[Finding]:
    """What is wrong between the groups."""
    robots = places.robots
    if robots is None or places.robots_source is None:
        return
    yield from _lost(places, robots)
    yield from _last_group(places, robots)
    yield from _managed(places)
    yield from _search(places, robots)
    yield from _staging(places, robots)


def is_shut(group: Group | None) -> bool:
    """Whether a group keeps its crawlers out of everything."""
    if group is None:
        return False
    rules = group.plain
    shut = any(not allow and path in _SHUT for allow, path, _ in rules)
    return shut and not any(allow for allow, _, _ in rules)


def _lost(places: LintedSite, robots: RobotsFile) -> Iterator[Finding]:
    everyone, source = robots.named("*"), places.robots_source
    if everyone is None or source is None:
        return
    signals = {
        key: record
        for record in everyone.records
        if (signal := _SIGNALS.get(record.key)) and signal[1].search(record.value)
        for key in (record.key,)
    }
    if not signals:
        return
    for group in robots.groups:
        tokens = [token for token in group.agents if token != "*"]
        merged = robots.named(tokens[0]) if tokens else None
        if merged is None or "*" in group.agents or is_shut(merged):
            continue
        keys = {record.key for record in merged.records}
        for key, record in signals.items():
            # What another part of the crawler's groups says is not lost.
            if key in keys or group is not robots.parts(tokens[0])[0]:
                continue
            line = f"{_SIGNALS[key][0]}: {record.value}"
            below = group.tokens[-1][1] + 1
            fix = Fix(
                edits=(Edit(below, below, (line,)),), agents=frozenset(tokens), uses=_ALL_USES
            )
            names = ", ".join(tokens[:5]) + (" …" if len(tokens) > 5 else "")
            yield found(
                LOSES,
                source,
                group.tokens[0][1],
                detail=f"{names}, {line}",
                remedy=line,
                fix=fix,
                near=tokens[0],
            )


def _last_group(places: LintedSite, robots: RobotsFile) -> Iterator[Finding]:
    source = places.robots_source
    if len(robots.groups) < 2 or source is None:
        return
    group = robots.groups[-1]
    if "*" in group.agents or not is_shut(group):
        return
    last = group.plain[-1][2]
    for key, (name, _) in _SIGNALS.items():
        records = [record for record in group.records if record.key == key and record.line > last]
        others: list[Record] = [*robots.loose]
        for other in robots.groups[:-1]:
            others += other.records
        if not records or any(record.key == key for record in others):
            continue
        noted = {record.line for record in strays(robots, key)}
        for record in records:
            if record.line not in noted:
                line = f"{name}: {record.value}"
                yield found(
                    LAST_GROUP, source, record.line, detail=line, remedy=f"User-agent: *\n{line}"
                )


def _managed(places: LintedSite) -> Iterator[Finding]:
    source = places.robots_source
    body = source.body if source else b""
    begin = _BEGIN.search(body)
    end = _END.search(body, begin.end()) if begin else None
    if source is None or begin is None or end is None:
        return
    block = body[begin.start() : end.end()]
    # Lines keep their numbers: the block is blanked out.
    blank = b"\n" * len(re.findall(rb"\r\n|\r|\n", block))
    own = RobotsFile(body[: begin.start()] + blank + body[end.end() :])
    managed = RobotsFile(block)
    for token in managed.tokens:
        ours, theirs = own.named(token), managed.named(token)
        if ours is None or theirs is None:
            continue
        line = ours.line_of(token)
        if is_shut(theirs) and _opens(ours):
            yield found(MANAGED, source, line, detail=f"{token}: Disallow: / there, Allow here")
        elif is_shut(ours) and _opens(theirs):
            yield found(MANAGED, source, line, detail=f"{token}: Allow: / there, Disallow: / here")
        for key in ("content-signal", "content-usage"):
            values = [_values(group.records, key) for group in (theirs, ours)]
            differing = {
                name
                for name in values[0].keys() & values[1].keys()
                if values[0][name] != values[1][name]
            }
            if differing:
                record = next(record for record in ours.records if record.key == key)
                yield found(
                    MANAGED,
                    source,
                    record.line,
                    detail=f"{token}: {_SIGNALS[key][0]}, {', '.join(sorted(differing))}",
                )


def _opens(group: Group) -> bool:
    """Whether a group lets its crawlers into everything."""
    return any(allow and path in _SHUT for allow, path, _ in group.plain)


def _values(records: Sequence[Record], key: str) -> dict[str, str]:
    """What a signal's lines say, by use, in lower case."""
    text = ",".join(record.value for record in records if record.key == key).lower()
    return dict(re.findall(r"(?<![\w-])([\w-]+)\s*=\s*(\w+)", text))


def _search(places: LintedSite, robots: RobotsFile) -> Iterator[Finding]:
    source = places.robots_source
    assert source is not None
    joined = joined_names(robots)
    shut = [token for token in _SEARCH if token not in joined and is_shut(robots.named(token))]
    if shut and not any(is_shut(robots.group_for(token)) for token in _TRAINING):
        line = robots.parts(shut[0])[0].line_of(shut[0])
        yield found(
            SEARCH,
            source,
            line,
            detail=f"{', '.join(shut)} may fetch nothing, GPTBot may",
            near=shut[0],
        )
    for records in (robots.loose, *(group.records for group in robots.groups)):
        for record in records:
            if record.key == "content-signal":
                values = _values([record], record.key)
                if values.get("search") == "no" and values.get("ai-train") == "yes":
                    yield found(SEARCH, source, record.line, detail=record.value)


def _staging(places: LintedSite, robots: RobotsFile) -> Iterator[Finding]:
    source, everyone = places.robots_source, robots.named("*")
    if source is None or everyone is None or not is_shut(everyone):
        return
    if places.intent is not None and places.intent.crawl("*") is Crawl.NO:
        return
    if "*" not in joined_names(robots) and all(
        is_shut(robots.named(token)) for token in robots.tokens
    ):
        rule = next(rule for rule in everyone.plain if rule[1] in _SHUT and not rule[0])
        yield found(STAGING, source, rule[2], near=robots.line(rule[2]))
