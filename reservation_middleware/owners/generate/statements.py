"""What each signal says of each region, in its own words: lines, rules, header fields, tags.

A signal's words for a region come from its ``write``; here they are collected, one carrier at a
time. Nothing here knows files or servers. Whether the words of several regions together still say
what is meant is for ``read_back`` to show.
"""

from collections.abc import Iterable, Mapping
from functools import cache

from reservation_middleware.model import LEAVES, Preference
from reservation_middleware.model.agents import catalogue
from reservation_middleware.model.policy import POLICY_TOKENS
from reservation_middleware.model.vocabulary import expand
from reservation_middleware.owners.intent import SiteIntent, Use
from reservation_middleware.signals import SIGNALS
from reservation_middleware.signals.base import Intent
from reservation_middleware.signals.rsl.writing import (
    AskedPayment,
    document,
    exact_licence,
    licence,
    priced_licence,
    prohibiting_licence,
)
from reservation_middleware.syntax.path import split_url

from .regions import Region, Regions

RSL_FILE = "license.xml"
POLICY_FILE = "tdm-policy.json"
#: Signals whose header fields and tags are written, in this order.
HEAD_SIGNALS = ("aipref", "content-signals", "tdmrep", "robots-meta", "rsl")
_SIGNALS = {signal.name: signal for signal in SIGNALS}

#: What RSL calls a payment for this or that (§3.7).
_PAYMENTS = {"crawl": "crawl", "use": "use", "training": "training"}
_SPANS = ("day", "week", "month", "year")


def words(
    signal: str, carrier: str, region: Region, *, policy: str | None, grouped: bool = True
) -> str:
    """What a signal says of a region through one carrier, "" where it says nothing.

    Args:
        signal: its name.
        carrier: the carrier's name.
        region: which one.
        policy: address of the document that the signal points to.
        grouped: whether groups for everyone are made; else bare lines.
    """
    intent = Intent(
        usage=region.usage,
        agents=("*",) if grouped else (),
        policy=policy,
        path=region.pattern,
    )
    written = _SIGNALS[signal].write(intent)
    return next((rendering.text for rendering in written if rendering.carrier.name == carrier), "")


def policy_url(intent: SiteIntent) -> str | None:
    """Where the terms of a licence stand, None where no licence is on offer."""
    if intent.licence is None:
        return None
    return intent.licence.policy or f"{intent.origin}/{POLICY_FILE}"


def terms_for_region(intent: SiteIntent, region: Region) -> str | None:
    """Where the terms stand for what is reserved in a region; None where nothing is on offer."""
    return policy_url(intent) if region.licensed else None


def robots_lines(regions: Regions, signal: str) -> list[str]:
    """The lines of a signal for a robots.txt group: the whole site's first, then by path."""
    lines = []
    for region in (regions.rest, *regions.narrow):
        text = words(signal, "robots.txt", region, policy=None, grouped=False)
        lines += text.splitlines()
    return lines


def rule_lines(regions: Regions, signal: str, carrier: str) -> list[str]:
    """The Allow and Disallow lines of ai.txt: one for each region, the whole site's last."""
    return [
        line
        for region in regions
        for line in words(signal, carrier, region, policy=None, grouped=False).splitlines()
    ]


def control_rules(regions: Regions, intent: SiteIntent) -> Mapping[tuple[str, ...], list[str]]:
    """Rules for tokens that never fetch and stand for uses, by rules: tokens that share them.

    A token is refused a region only where all the uses that it stands for are reserved.
    """
    own = {agent.token.lower() for agent in intent.agent}
    shared: dict[tuple[str, ...], list[str]] = {}
    for token, leaves in _control_tokens().items():
        if token.lower() in own:
            continue
        rules = []
        for region in (regions.rest, *regions.narrow):
            refused = all(region.usage.get(leaf) is Preference.DISALLOWED for leaf in leaves)
            if refused or region.pattern:
                key = "Disallow" if refused else "Allow"
                rules.append(f"{key}: {region.pattern or '/'}")
        if any(rule.startswith("Disallow") for rule in rules):
            shared.setdefault(tuple(rules), []).append(token)
    return shared


@cache
def _control_tokens() -> Mapping[str, tuple[str, ...]]:
    """Tokens that stand for uses and fetch nothing, each with its leaves."""
    known = {
        agent.token: expand(agent.purposes)
        for agent in catalogue().agents
        if agent.kind == "control" and agent.purposes
    }
    return {**known, **{token: expand(purposes) for token, purposes in POLICY_TOKENS}}


def head_fields(
    intent: SiteIntent, region: Region, signals: Iterable[str]
) -> tuple[tuple[str, str], ...]:
    """Header fields of pages in a region."""
    fields: list[tuple[str, str]] = []
    for signal in signals:
        text = words(signal, "header", region, policy=_pointed_to(intent, region, signal))
        for line in text.splitlines():
            name, _, value = line.partition(": ")
            fields.append((name, value))
    return tuple(fields)


def tags(intent: SiteIntent, region: Region, signals: Iterable[str]) -> str:
    """Elements for the head of pages in a region, a line each."""
    found: list[str] = []
    for signal in signals:
        for carrier in ("meta", "link"):
            policy = _pointed_to(intent, region, signal)
            found += words(signal, carrier, region, policy=policy).splitlines()
    return "".join(f"{line}\n" for line in found)


def _pointed_to(intent: SiteIntent, region: Region, signal: str) -> str | None:
    if signal == "rsl":
        return f"{intent.origin}/{RSL_FILE}"
    return terms_for_region(intent, region)


def rsl_document(intent: SiteIntent, regions: Regions, *, priced: bool) -> str | None:
    """An RSL document with a content for each region; None where nothing can be said.

    Args:
        intent: what is meant.
        regions: where.
        priced: whether licences that are on offer are written; else what they cover is prohibited.
    """
    contents = []
    for region in regions:
        licences = _licences(intent, region, priced=priced)
        if licences:
            contents.append((region.pattern or "/", licences))
    return document(contents) if contents else None


def _licences(intent: SiteIntent, region: Region, *, priced: bool) -> str:
    if priced and region.licensed:
        offered = priced_licence(region.licensed, region.usage, _payment(intent))
        if offered:
            free = [leaf for leaf in LEAVES if region.usage.get(leaf) is Preference.ALLOWED]
            barred = {
                leaf: Preference.DISALLOWED
                for leaf in LEAVES
                if region.usage.get(leaf) is Preference.DISALLOWED and leaf not in region.licensed
            }
            own = exact_licence(region.usage) if free else prohibiting_licence(barred)
            return offered + (own or "")
    return exact_licence(region.usage) or prohibiting_licence(region.usage) or ""


def _payment(intent: SiteIntent) -> AskedPayment:
    price = intent.licence.price if intent.licence else None
    per = price.per.lower() if price else ""
    kind = _PAYMENTS.get(per, "subscription" if per in _SPANS else "purchase")
    return AskedPayment(
        kind=kind,
        amount=price.amount if price else None,
        currency=price.currency if price else "",
        terms=policy_url(intent),
        contact=intent.contact,
    )


def odrl_policy(intent: SiteIntent) -> dict[str, object]:
    """The policy document of TDMRep: whom to ask, and that a licence is to be had.

    ODRL with TDMRep's profile:
    https://www.w3.org/community/reports/tdmrep/CG-FINAL-tdmrep-20240510/#sec-tdm-policy
    """
    duties = [{"action": "obtainConsent"}]
    if intent.licence and intent.licence.price:
        duties.append({"action": "compensate"})
    assigner: dict[str, object] = {"vcard:fn": split_url(intent.site)[0].partition("://")[2]}
    if intent.contact:
        mail = intent.contact.startswith("mailto:")
        assigner["vcard:hasEmail" if mail else "vcard:hasURL"] = intent.contact
    return {
        "@context": [
            "http://www.w3.org/ns/odrl.jsonld",
            "http://www.w3.org/ns/tdmrep.jsonld",
        ],
        "@type": "Offer",
        "profile": "http://www.w3.org/ns/tdmrep",
        "uid": policy_url(intent),
        "assigner": assigner,
        "permission": [{"target": intent.origin, "action": "tdm:mine", "duty": duties}],
    }


__all__ = ["POLICY_FILE", "RSL_FILE", "Use", "licence"]
