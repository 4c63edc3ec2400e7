"""The files that a site publishes: robots.txt, tdmrep.json with its policy, RSL, ai.txt, trust.txt.

Each is written from what the signals say of each region. In robots.txt, ai.txt and trust.txt only
a marked block is ours. References: RFC 9309; TDMRep, 2024-05-10; https://rslstandard.org/rsl.
"""

import re
from collections.abc import Mapping, Sequence

import msgspec

from reservation_middleware.owners.intent import Crawl, SiteIntent
from reservation_middleware.syntax.path import split_url
from reservation_middleware.syntax.robots import RobotsFile

from .marked import with_block, without_block
from .regions import Regions
from .statements import (
    RSL_FILE,
    control_rules,
    odrl_policy,
    policy_url,
    robots_lines,
    rsl_document,
    rule_lines,
    terms_for_region,
    words,
)

ROBOTS_TXT, AI_TXT, TRUST_TXT = "robots.txt", "ai.txt", "trust.txt"
TDMREP = ".well-known/tdmrep.json"

EXPRESS_RESERVATION = (
    "Where a use is refused below, the rightholder expressly reserves the rights in this content",
    "against text and data mining, under Article 4(3) of Directive (EU) 2019/790.",
)

Files = Mapping[str, bytes]
#: What stands for a rule where nothing is signal_lines about fetching: it ends a group's list of names, so
#: that the next group is one of its own, and refuses nothing (RFC 9309 §2.2.1, §2.2.2).
_NEUTRAL = "Disallow:"
_SIGNAL_LINES = ("content-signals", "aipref")
_DATA_TRAINING = re.compile(rb"(?im)^[ \t]*datatrainingallowed[ \t]*=[^\r\n]*(?:\r\n|\r|\n|\Z)")


def tdmrep_json(intent: SiteIntent, regions: Regions) -> bytes | None:
    """The file of TDMRep, the narrowest paths first, since the first match counts."""
    rules: list[object] = []
    for region in regions:
        text = words("tdmrep", "tdmrep.json", region, policy=terms_for_region(intent, region))
        rules += msgspec.json.decode(text) if text else ()
    return msgspec.json.format(msgspec.json.encode(rules)) + b"\n" if rules else None


def policy_file(intent: SiteIntent, regions: Regions) -> tuple[str, bytes] | None:
    """Path and content of the policy document; None where nothing is on offer or it lives elsewhere."""
    url = policy_url(intent)
    if url is None or not any(region.licensed for region in regions):
        return None
    origin, target = split_url(url)
    if origin != intent.origin:
        return None
    text = msgspec.json.format(msgspec.json.encode(odrl_policy(intent))) + b"\n"
    return target.removeprefix("/"), text


def rsl_file(intent: SiteIntent, regions: Regions, *, priced: bool) -> bytes | None:
    """The RSL document."""
    text = rsl_document(intent, regions, priced=priced)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode() if text else None


def ai_txt(intent: SiteIntent, regions: Regions, existing: bytes) -> bytes | None:
    """Spawning's file: rules about training in a group for everyone."""
    rules = rule_lines(regions, "ai-txt", "ai.txt")
    if not rules:
        return None
    return with_block(existing, [*_sentence(intent), "User-Agent: *", *rules], AI_TXT)


def trust_txt(regions: Regions, existing: bytes) -> bytes | None:
    """JournalList's file, with its one record about training; another one is taken out."""
    line = words("trust-txt", "trust.txt", regions.rest, policy=None)
    if not line:
        return None
    rest = without_block(existing, TRUST_TXT)
    if _DATA_TRAINING.search(rest):
        existing = _DATA_TRAINING.sub(b"", rest)
    return with_block(existing, line.splitlines(), TRUST_TXT)


def robots_txt(
    intent: SiteIntent,
    regions: Regions,
    existing: bytes,
    *,
    signals: Sequence[str],
    with_rsl: bool,
) -> bytes:
    """robots.txt: a group for everyone, and groups for all that are named, each with all signals.

    A crawler obeys the group that names it and no other (RFC 9309 §2.2.1), so the signals stand in
    each group, and crawlers that the rest of the file names get a group with them, too.

    Args:
        intent: what is meant.
        regions: where.
        existing: the file as it is, empty where there is none.
        signals: the signals that say it by lines in groups.
        with_rsl: whether there is an RSL document to point to.
    """
    signal_lines = [line for name in signals for line in robots_lines(regions, name)]
    if with_rsl:
        signal_lines.append(f"License: {intent.origin}/{RSL_FILE}")
    groups = _crawl_groups(intent, signal_lines)
    named = {token.lower() for tokens, _, _ in groups for token in tokens}
    for rules, control in control_rules(regions, intent).items():
        groups.append((control, list(rules), signal_lines))
        named |= {token.lower() for token in control}
    rest = RobotsFile(without_block(existing, ROBOTS_TXT))
    others = [token for token in rest.tokens if token not in named]
    if others and signal_lines:
        groups.append((others, [_NEUTRAL], signal_lines))
    lines = list(_sentence(intent))
    for tokens, crawl_rules, signal_lines in groups:
        lines += ["", *(f"User-agent: {token}" for token in tokens), *crawl_rules, *signal_lines]
    return with_block(existing, lines if groups else [], ROBOTS_TXT)


_Group = tuple[list[str], list[str], list[str]]


def _crawl_groups(intent: SiteIntent, signal_lines: list[str]) -> list[_Group]:
    """Groups for everyone and for the crawlers of the intent: names, rules, signals."""
    everyone = intent.crawl("*")
    groups: list[_Group] = []
    rules = {None: _NEUTRAL, Crawl.YES: "Allow: /", Crawl.NO: "Disallow: /"}
    if signal_lines or everyone is not None:
        groups.append((["*"], [rules[everyone]], signal_lines))
    for crawl in Crawl:
        tokens = [
            agent.token for agent in intent.agent if agent.crawl is crawl and agent.token != "*"
        ]
        tokens = list({token.lower(): token for token in tokens}.values())
        if tokens:
            groups.append((tokens, [rules[crawl]], [] if crawl is Crawl.NO else signal_lines))
    return groups


def _sentence(intent: SiteIntent) -> list[str]:
    """The express reservation as comments, where it is wanted."""
    return [f"# {line}" for line in EXPRESS_RESERVATION] if intent.express_reservation else []


__all__ = ["Regions"]
