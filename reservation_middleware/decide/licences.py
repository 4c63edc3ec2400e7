"""Licences that the operator holds: which of them hold for a page, and what they lift.

A licence lifts what the policy makes of a reservation, never what the site says; see
``spec/licences.md`` and ``spec/decision.md``, steps 10 and 11. No I/O, and no clock: the time is
handed in. The file of licences is read by ``runtime/licence_file.py``.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache

import msgspec

from reservation_middleware.model import (
    CRAWL,
    Action,
    Decision,
    Level,
    Licence,
    LicenceError,
    Note,
    NoteKind,
    Offer,
    Policy,
    Preference,
    Reason,
    Server,
    expand,
)
from reservation_middleware.model.licence import ANY_HOST, host_name, is_host_name, is_loopback
from reservation_middleware.syntax.domains import registrable
from reservation_middleware.syntax.dot_segments import resolve
from reservation_middleware.syntax.path import (
    Pattern,
    canonical,
    resolved_target,
    split_url,
)

#: What reasons and notes about licences name.
SIGNAL, CARRIER = "licence", "licences.toml"

EXPIRED = NoteKind(
    "licence-expired",
    Level.WARNING,
    "licence {} would lift this block but has ended",
    "Renew it, or take it out of the licences file.",
    "https://reservation-middleware.example/spec/licences",
)


def apply(
    decision: Decision, policy: Policy, now: datetime | None, *, unreachable: bool = False
) -> Decision:
    """What licences held make of a decision that blocks (``spec/decision.md``, steps 10 and 11).

    Args:
        decision: as the site's words and the policy have it.
        policy: with the licences.
        now: the time; needed where a licence has dates.
        unreachable: whether robots.txt could not be had: then no rule is there to be lifted.
    """
    leaves = expand(decision.purposes)
    wanted = _wanted(decision, policy, leaves)
    rules = decision.crawl_action is Action.BLOCK and decision.crawl is Preference.DISALLOWED
    crawl = rules and not unreachable
    if not wanted and not crawl:
        return decision
    there = _there(policy.licences, decision, policy.geo)
    held = [one for one in there if _in_force(one, now)]
    reasons: list[Reason] = []
    on_usage, on_crawl = decision.usage_action, decision.crawl_action
    used = _covering(held, wanted)
    if wanted and used:
        on_usage = Action.PROCEED
        for one in used:
            covers = tuple(leaf for leaf in wanted if leaf in one.leaves)
            reasons.append(_reason(one, ", ".join(decision.purposes), covers))
    used = _covering([one for one in held if one.crawl], leaves) if crawl else ()
    if used:
        on_crawl = Action.PROCEED
        reasons += [_reason(one, CRAWL, (CRAWL,)) for one in used]
    notes = tuple(
        Note(EXPIRED, CARRIER, None, one.id)
        for one in there
        if one.until is not None
        and now is not None
        and one.until <= now
        # Only where it would have made a difference.
        and (
            (on_usage is Action.BLOCK and not one.leaves.isdisjoint(wanted))
            or (crawl and on_crawl is Action.BLOCK and one.crawl)
        )
    )
    return msgspec.structs.replace(
        decision,
        action=Action.BLOCK if Action.BLOCK in (on_crawl, on_usage) else Action.PROCEED,
        usage_action=on_usage,
        crawl_action=on_crawl,
        reasons=(*decision.reasons, *reasons),
        notes=(*decision.notes, *notes),
    )


def grants(
    licences: Sequence[Licence],
    decision: Decision,
    leaves: Sequence[str],
    *,
    geo: Sequence[str] = (),
    now: datetime | None = None,
) -> tuple[Licence, ...]:
    """The licences that together cover some leaves of a page; none if they do not."""
    there = _there(licences, decision, geo)
    return _covering([one for one in there if _in_force(one, now)], leaves)


def authorization(decision: Decision, policy: Policy, now: datetime | None) -> str | None:
    """The Authorization that a page's request may carry: a token of a licence held.

    Only where the page's own site offers licences of that token's server, the licence is
    for this page and this purpose, and nobody listens on the way.
    """
    if decision.blocked or not policy.licences:
        return None
    servers = [one for one in decision.offers if one.kind == "token-server" and one.url]
    scheme, host = _host(decision.url)
    if not servers or not (scheme == "https" or (scheme == "http" and is_loopback(host))):
        return None
    leaves = expand(decision.purposes)
    for licence in _there(policy.licences, decision, policy.geo):
        if licence.leaves.isdisjoint(leaves) or not _in_force(licence, now):
            continue
        for server in licence.servers:
            if server.token is not None and _offered(server, servers):
                return f"License {server.token.reveal()}"
    return None


def _wanted(decision: Decision, policy: Policy, leaves: Sequence[str]) -> tuple[str, ...]:
    """The leaves for whose sake a decision blocks."""
    if decision.usage_action is not Action.BLOCK:
        return ()
    usage = decision.usage
    return tuple(
        leaf
        for leaf in leaves
        if policy.on_usage(usage[leaf] or Preference.UNKNOWN) is Action.BLOCK
    )


def _there(
    licences: Sequence[Licence], decision: Decision, geo: Sequence[str]
) -> tuple[Licence, ...]:
    """Licences for a page and for where its content is used, whatever the time and purpose."""
    host = _host(decision.url)[1]
    if not is_host_name(host):
        return ()  # whatever somebody may decode it to
    target = split_url(decision.url)[1]
    path = canonical(target)
    # Segments of dots lead elsewhere than it seems.
    plain = resolved_target(decision.url, target) is None
    return tuple(
        one
        for one in licences
        if _names(one, host, decision.offers)
        and (not one.paths or (plain and any(_pattern(text).matches(path) for text in one.paths)))
        and (not one.geo or (geo and set(geo) <= set(one.geo)))
    )


def _names(licence: Licence, host: str, offers: Sequence[Offer]) -> bool:
    """Whether a licence is for a host."""
    if host in licence.hosts:
        return True
    for name in licence.hosts:
        if name.startswith("*.") and host.endswith(name[1:]):
            return True
    if ANY_HOST in licence.hosts and offers:
        servers = [one for one in offers if one.kind == "token-server" and one.url]
        if any(server.armed and _offered(server, servers) for server in licence.servers):
            return True
    # Below a registrable domain there may be a suffix, with domains of others below that.
    return any(
        (host == domain or host.endswith(f".{domain}")) and registrable(host) == domain
        for domain in licence.domains
    )


def _offered(server: Server, offers: Sequence[Offer]) -> bool:
    """Whether one of some offers is at a server, or below it."""
    origin, path = split_url(server.url)
    for offer in offers:
        where, target = split_url(offer.url or "")
        target = target.partition("?")[0]
        below = path if path.endswith("/") else f"{path}/"
        if where == origin and (f"{target}/" == below or target.startswith(below)):
            # Dots would lead out of what is below.
            return resolve(target) is None
    return False


def _in_force(licence: Licence, now: datetime | None) -> bool:
    if not licence.dated:
        return True
    if now is None:
        return False
    return (licence.start is None or licence.start <= now) and (
        licence.until is None or now < licence.until
    )


def _covering(licences: Sequence[Licence], leaves: Sequence[str]) -> tuple[Licence, ...]:
    """One licence that covers all of some leaves, else several that do together."""
    wanted = set(leaves)
    for one in licences:
        if wanted <= one.leaves:
            return (one,)
    used: list[Licence] = []
    for one in licences:
        if wanted & one.leaves:
            used.append(one)
            wanted -= one.leaves
    return () if wanted else tuple(used)


def _reason(licence: Licence, category: str, covers: tuple[str, ...]) -> Reason:
    return Reason(
        signal=SIGNAL,
        carrier=CARRIER,
        category=category,
        preference=Preference.ALLOWED,
        document=licence.paper or licence.identifier or CARRIER,
        line=None,
        text=f"licence:{licence.id}",
        inferred=False,
        covers=covers,
        digest=None,
        conditions=(),
    )


def _host(url: str) -> tuple[str, str]:
    """Scheme and host of a URL, as licences name it."""
    scheme, _, authority = split_url(url)[0].partition("://")
    return scheme, host_name(re.sub(r":\d*$", "", authority))


@lru_cache(maxsize=4096)
def _pattern(text: str) -> Pattern:
    return Pattern(text)


def licences_of(given: Iterable[object]) -> tuple[Licence, ...]:
    """Licences given as plain values, as input lines have them; tokens are not looked up.

    Raises:
        ConfigurationError: one of them cannot be used.
    """
    return tuple(checked(Licence.given(one)) for one in given)


def checked(licence: Licence) -> Licence:
    """A licence whose domains are registrable ones, and whose hosts all have one owner.

    Raises:
        LicenceError: a domain or a host is not, with what it should be.
    """
    for host in licence.hosts:
        below = host.removeprefix("*.")
        if below != host and registrable(f"x.{below}") == f"x.{below}":
            raise LicenceError(
                f"hosts: {host!r} is everybody below a public suffix; name hosts or domains",
                "hosts",
                host,
            )
    for domain in licence.domains:
        owner = registrable(domain)
        # What a public suffix is, or an address, has no domains below it.
        if owner == domain and registrable(f"x.{domain}") == domain:
            continue
        if owner == domain:
            raise LicenceError(
                f"domains: {domain!r} is a public suffix or an address", "domains", domain
            )
        raise LicenceError(
            f"domains: {domain!r} is no registrable domain; write {owner!r}, "
            f"or hosts = [{domain!r}]",
            "domains",
            domain,
        )
    return licence
