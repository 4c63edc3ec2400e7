"""Findings between what is published and what the owner means: ``lint --intent FILE``."""

from collections.abc import Iterator, Mapping, Sequence

from reservation_middleware.model import CRAWL, LEAVES, Decision, Level, Preference, Reason
from reservation_middleware.owners.intent import Crawl, SiteIntent, Use
from reservation_middleware.syntax.path import judged
from reservation_middleware.syntax.robots_rules import GroupRules

from .finding import Confidence, Finding, FindingKind, found
from .places import LintedSite
from .source import LintSource

_AIPREF = "https://datatracker.ietf.org/doc/html/draft-ietf-aipref-vocab-08#section-5.1"
#: Content-Signal's words by leaf.
_WORDS = {"search": "search", "ai-input": "ai-input", "ai-train-gen": "ai-train"}

MISSING = FindingKind(
    ident="intent-missing",
    level=Level.ERROR,
    summary="this is meant and nothing says it: {}",
    what="The intent file has a yes or a no for a use, and no signal of the site speaks of it.",
    why="Who is not told no may take silence for leave, above all where the law asks for a reservation.",
    before='# intent.toml\n[use]\nai-train = "no"\n# robots.txt\nUser-agent: *\nAllow: /\n',
    after="# robots.txt\nUser-agent: *\nAllow: /\nContent-Signal: ai-train=no\n",
    remedy="`reservations generate` writes the signals that say it.",
    reference=_AIPREF,
)
YES_MISSING = FindingKind(
    ident="intent-yes-missing",
    level=Level.INFO,
    summary="a yes that is meant is said nowhere: {}",
    what="The intent file allows a use, and no signal of the site speaks of it.",
    why="Crawlers that want a yes before they use anything will not take silence for one.",
    before='# intent.toml\n[use]\nsearch = "yes"\n# robots.txt\nUser-agent: *\nAllow: /\n',
    after="# robots.txt\nUser-agent: *\nAllow: /\nContent-Signal: search=yes\n",
    remedy="`reservations generate` writes the signals that say it.",
    reference=_AIPREF,
)
CONTRADICTED = FindingKind(
    ident="intent-contradicted",
    level=Level.ERROR,
    summary="the opposite of what is meant is published: {}",
    what="A signal says yes to what the intent file reserves, or no to what it allows.",
    why="A reader obeys what is published.",
    before='# intent.toml\n[use]\nai-train = "no"\n# robots.txt\nContent-Signal: ai-train=yes\n',
    after="# robots.txt\nContent-Signal: ai-train=no\n",
    remedy="Change the line, or the intent.",
    reference=_AIPREF,
)
ONE_PLACE = FindingKind(
    ident="intent-one-place",
    level=Level.INFO,
    confidence=Confidence.LIKELY,
    summary="only one signal says it, which some crawlers do not read: {}",
    what="A reservation that is meant is published by one family of signals only.",
    why=(
        "Crawlers differ in what they read: some look for robots.txt groups only, others for "
        "tdmrep.json or Content-Signal."
    ),
    before="# robots.txt\nUser-agent: *\nContent-Signal: ai-train=no\n",
    after='# robots.txt\nUser-agent: *\nContent-Signal: ai-train=no\n\n# /.well-known/tdmrep.json\n[{"location": "/", "tdm-reservation": 1}]\n',
    remedy="Say it a second time: `reservations generate` writes all signals that can.",
    reference="https://www.w3.org/community/reports/tdmrep/CG-FINAL-tdmrep-20240510/",
)
WRONG_PURPOSE = FindingKind(
    ident="intent-wrong-purpose",
    level=Level.WARNING,
    summary="a signal hits a use that is not meant: {}",
    what="A signal says no to a use of which the intent file says nothing, or that it allows.",
    why="Words of the families differ in what they cover: a TDM reservation is about training, too.",
    before='# intent.toml\n[use]\nsearch = "yes"\n# robots.txt\nUser-agent: *\nDisallow: /\n',
    after="# robots.txt\nUser-agent: GPTBot\nDisallow: /\n",
    remedy="Say it with a signal that covers only what is meant.",
    reference="https://reservation-middleware.example/spec/vocabulary",
)
CRAWLER = FindingKind(
    ident="intent-crawler",
    level=Level.ERROR,
    summary="robots.txt says something else to a crawler than is meant: {}",
    what="The intent file names a crawler with crawl = yes or no, and robots.txt says the opposite.",
    why="robots.txt is what the crawler obeys.",
    before='# intent.toml\n[[agent]]\ntoken = "GPTBot"\ncrawl = "no"\n# robots.txt\nUser-agent: *\nAllow: /\n',
    after="# robots.txt\nUser-agent: GPTBot\nDisallow: /\n\nUser-agent: *\nAllow: /\n",
    remedy="Give the crawler a group of its own.",
    reference="https://www.rfc-editor.org/rfc/rfc9309#section-2.2.1",
)
KINDS = (MISSING, YES_MISSING, CONTRADICTED, ONE_PLACE, WRONG_PURPOSE, CRAWLER)


def find(places: LintedSite) -> Iterator[Finding]:
    """Where the site says something else than is meant."""
    intent = places.intent
    source = places.robots_source or next(places.all_sources, None)
    if intent is None or source is None:
        return
    yield from _crawlers(places, intent, source)
    seen: set[tuple[str, str, str]] = set()
    for target, url in _asked(places, intent):
        decision = places.decide(url, "*")
        for finding in _uses(places, intent, target, decision, source):
            key = finding.kind.ident, finding.source.name, finding.detail
            if key not in seen:
                seen.add(key)
                yield finding


def _asked(places: LintedSite, intent: SiteIntent) -> Iterator[tuple[str, str]]:
    """Paths to ask about, and their addresses: the root, one of each narrower path, the pages."""
    paths = ["/", *(path.match.removesuffix("$").replace("*", "x") for path in intent.path)]
    for path in paths:
        yield path, places.origin + path
    for page in places.pages[:_MOST_PAGES]:
        yield page.document.url.removeprefix(places.origin) or "/", page.document.url


_MOST_PAGES = 200


def _crawlers(places: LintedSite, intent: SiteIntent, source: LintSource) -> Iterator[Finding]:
    for agent in intent.agent:
        token = agent.token.lower()
        group = places.robots.group_for(token) if places.robots else None
        allowed, rule = True, None
        if group is not None and group.plain:
            allowed, rule = GroupRules.of(group).decide("/", judged("/"))
        if allowed is (agent.crawl is Crawl.YES):
            continue
        meant = "may fetch" if agent.crawl is Crawl.YES else "may not fetch"
        word = "Allow" if agent.crawl is Crawl.YES else "Disallow"
        yield found(
            CRAWLER,
            source,
            rule.line if rule else group.line_of(token) if group else None,
            detail=f"{agent.token} {meant}, it is meant",
            remedy=f"User-agent: {agent.token}\n{word}: /",
            near=agent.token,
        )


def _uses(
    places: LintedSite, intent: SiteIntent, target: str, decision: Decision, source: LintSource
) -> Iterator[Finding]:
    meant = intent.usage(target)
    shut = decision.crawl is Preference.DISALLOWED
    groups: dict[tuple[FindingKind, LintSource, int | None], list[str]] = {}
    for leaf in LEAVES:
        use, answer = meant[leaf], decision.usage[leaf]
        reasons = [reason for reason in decision.reasons if _counts(reason, leaf, answer)]
        kind = _kind_of(use, answer, reasons, shut=shut)
        if kind is None:
            continue
        reason = next(iter(reasons), None)
        if reason is None and kind is WRONG_PURPOSE:  # robots.txt lets nobody in
            reason = next((reason for reason in decision.reasons if reason.category == CRAWL), None)
        place = places.sources.get(reason.document) if reason else None
        line = reason.line if reason and place else None
        groups.setdefault((kind, place or source, line), []).append(leaf)
    for (kind, place, line), leaves in groups.items():
        yield found(
            kind,
            place,
            line,
            detail=_detail(leaves, meant, target),
            remedy=_remedy(kind, leaves, meant),
        )


def _counts(reason: Reason, leaf: str, answer: Preference | None) -> bool:
    return leaf in reason.covers and not reason.inferred and reason.preference is answer


def _kind_of(
    use: Use, answer: Preference | None, reasons: Sequence[Reason], *, shut: bool
) -> FindingKind | None:
    """What is wrong about one use; None if nothing is."""
    if use.is_reserved:
        if answer is Preference.ALLOWED:
            return CONTRADICTED
        if answer in (None, Preference.UNKNOWN):
            return None if shut else MISSING
        return ONE_PLACE if len({reason.signal for reason in reasons}) == 1 and not shut else None
    if use is Use.YES:
        if answer is Preference.DISALLOWED:
            return CONTRADICTED
        if shut:
            return WRONG_PURPOSE
        return YES_MISSING if answer is Preference.UNKNOWN else None
    return WRONG_PURPOSE if answer is Preference.DISALLOWED else None


def _detail(leaves: Sequence[str], meant: Mapping[str, Use], target: str) -> str:
    words = ", ".join(f"{leaf} = {meant[leaf].value}" for leaf in leaves)
    return words if target == "/" else f"{words}, at {target}"


def _remedy(kind: FindingKind, leaves: Sequence[str], meant: Mapping[str, Use]) -> str:
    """The line that says it, where Content-Signal can."""
    if kind not in (MISSING, YES_MISSING, CONTRADICTED):
        return ""
    words = {
        _WORDS[leaf]: "yes" if meant[leaf] is Use.YES else "no" for leaf in leaves if leaf in _WORDS
    }
    if words:
        return "Content-Signal: " + ", ".join(f"{word}={value}" for word, value in words.items())
    if "tdm" in leaves and meant["tdm"].is_reserved:
        return '[{"location": "/", "tdm-reservation": 1}]'
    return ""
