"""An inspection in sentences, in the order of need: verdict, agents, what to mend, offers, what was read.

One summary for text, HTML and Markdown; each escapes what a site said as it must.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from reservation_middleware.decide.profiles import PROFILES, profile
from reservation_middleware.decide.reading import probed
from reservation_middleware.model import (
    PAGE,
    Action,
    Decision,
    Level,
    Offer,
    Preference,
    Probes,
    Reason,
    expand,
)
from reservation_middleware.model.plural import counted
from reservation_middleware.report.offers import address, terms
from reservation_middleware.report.words import VALUES, listed, network_problem, purposes

from .findings import ShownFinding, findings, to_mend
from .inspection import Inspection, State, file_of, speaking
from .looker import OWN_TOKEN
from .matrix import MatrixRow, Value, decisions, table

#: Superscripts of footnotes.
SWITCH, UNBOUND = "¹", "²"
#: Footnotes of the rows: on a terminal, and on a page.
SHORT = (
    "* by User-agent: *",
    f"{SWITCH} never fetches, a switch",
    f"{UNBOUND} operator: robots.txt does not bind it",
    "partial: for some kinds of it only",
)
LONG = (
    "* inherited from the group for everyone (User-agent: *)",
    f"{SWITCH} a switch: it never fetches, and rules what its operator's crawlers bring home",
    f"{UNBOUND} the site says no, and the operator says robots.txt does not bind it",
    "partial: yes or no for some kinds of this use only",
)


class Verdict(NamedTuple):
    """The answer.

    Attributes:
        mark: BLOCK, PROCEED, NOT REACHED or NOT READ.
        headline: one sentence.
        because: what it rests on, the deciding line first.
        elsewhere: what places say that the profile does not ask.
    """

    mark: str
    headline: str
    because: tuple[str, ...]
    elsewhere: tuple[str, ...]


class Summary(NamedTuple):
    """All that forms show, in their order.

    Attributes:
        inspection: what it is about.
        judged: decisions by product token.
        verdict: the answer.
        rows: agents × uses.
        findings: all of them; ``mend`` has errors and warnings.
        offers: licences on offer, a line each.
        read: what was read, in one sentence.
        also: what else is to be known: other addresses, samples, what was served.
    """

    inspection: Inspection
    judged: Mapping[str, Decision]
    verdict: Verdict
    rows: tuple[MatrixRow, ...]
    findings: tuple[ShownFinding, ...]
    offers: tuple[str, ...]
    read: str
    also: tuple[str, ...]

    @property
    def mend(self) -> tuple[ShownFinding, ...]:
        """Errors and warnings."""
        return to_mend(self.findings)

    @property
    def who(self) -> str:
        """Whom the answer is for."""
        return who(self.inspection.decision.agent)


def summarize(inspection: Inspection) -> Summary:
    """Put an inspection into sentences."""
    judged = decisions(inspection.check, inspection.policy, inspection.agent)
    rows = table(inspection.check, judged)
    return Summary(
        inspection,
        judged,
        _verdict(inspection),
        rows,
        findings(inspection),
        tuple(dict.fromkeys(map(_offer, inspection.whole.offers))),
        _read(inspection),
        tuple(_also(inspection, judged)),
    )


def who(token: str) -> str:
    """A product token as a sentence names it."""
    return "Crawlers" if token == "*" else token


def name_of(row: MatrixRow, token: str) -> str:
    """A token with the marks of its footnotes."""
    mark = SWITCH if row.is_switch else ""
    return ("everyone (*)" if token == "*" else token) + mark


def moment(time: datetime) -> str:
    """A time as people read it: ``28 Nov 23:29 UTC``."""
    time = time.astimezone(UTC)
    return f"{time.day} {time:%b %H:%M} UTC"


def where(reason: Reason, inspection: Inspection) -> str:
    """Where a reason stands: ``robots.txt line 3``, ``the page's meta in line 1``."""
    file = file_of(reason.document, inspection.places)
    if file == PAGE or reason.document == inspection.decision.url:
        if reason.carrier == "header":
            return "the page's header"
        return f"the page's {reason.carrier}" + (f" in line {reason.line}" if reason.line else "")
    return f"{file} line {reason.line}" if reason.line else file


def _verdict(inspection: Inspection) -> Verdict:
    decision, name = inspection.decision, who(inspection.decision.agent)
    if inspection.problem:
        return _nothing(inspection, inspection.problem)
    page = "this page"
    uses = purposes(decision.purposes)
    is_closed = decision.crawl_action is Action.BLOCK
    if is_closed:
        headline = f"{name} may NOT fetch {page}"
    elif decision.blocked:
        headline = f"{name} may NOT use {page} for {uses}"
    else:
        headline = f"{name} may use {page} for {uses}"
    mark = "BLOCK" if decision.blocked else "PROCEED"
    return Verdict(mark, headline, tuple(_because(inspection)), tuple(_elsewhere(inspection)))


def _because(inspection: Inspection) -> Iterable[str]:
    decision, policy = inspection.decision, inspection.policy
    deciding = inspection.deciding
    held = [reason.text for reason in decision.reasons if reason.signal == "licence"]
    is_recorded = decision.verdict is Preference.DISALLOWED and not decision.blocked
    if is_recorded and not held:
        yield f"the site says no; the profile {decision.profile} records that and goes on"
    for number, reason in enumerate(deciding):
        marks = "".join(
            text
            for text, holds in (
                (" (misspelt, but clearly meant)", reason.near_miss),
                (" (aimed at other AI agents)", reason.inferred),
            )
            if holds
        )
        place = where(reason, inspection)
        if is_recorded:
            yield f"{place}: {reason.text}{marks}"
        elif not number:
            yield f"because of {place}: {reason.text}{marks}"
        else:
            yield f"{place} ({reason.text}) says so, too{marks}"
    if held and not decision.blocked:
        yield f"under {listed(list(dict.fromkeys(held)))}"
    elif not deciding and decision.verdict is Preference.UNKNOWN:
        if policy.unknown is Action.BLOCK:
            yield f"nobody said yes, and the profile {decision.profile} then blocks"
        else:
            yield f"nobody said no, and the profile {decision.profile} then proceeds"
    if any(note.kind.ident == "robots-truncated" for note in decision.notes):
        yield "robots.txt is too long: only its first 512 KiB were read"
    page = next((place for place in inspection.places if place.name == PAGE), None)
    if page is not None and page.state is not State.PRESENT:
        yield f"the page itself is {page.state} ({page.status})"
    if inspection.asked != decision.url:
        yield f"{inspection.asked} leads to this page"
    if inspection.page_problem and not decision.blocked:
        yield f"the page itself was not looked at: {inspection.page_problem}"


def _elsewhere(inspection: Inspection) -> Iterable[str]:
    """What is said where crawlers under the profile do not look."""
    leaves = set(expand(inspection.decision.purposes))
    asking = [name for name in PROFILES if profile(name).probes is Probes.ALL]
    chosen: dict[str, Reason] = {}
    for reason in inspection.elsewhere:
        speaks = reason.preference is not Preference.UNKNOWN and not reason.inferred
        if speaks and not leaves.isdisjoint(reason.covers):
            chosen.setdefault(reason.document, reason)
    usual = {place.name for place in probed(inspection.policy.probes)}
    for reason in chosen.values():
        file = file_of(reason.document, inspection.places)
        if file in usual:
            continue
        yield (
            f"{where(reason, inspection)} ({reason.text}) says {VALUES[reason.preference]}, but "
            f"{inspection.policy.profile} crawlers do not ask for {file}; {listed(asking)} "
            "crawlers do. To be understood by all, say it in robots.txt, too."
        )


def _nothing(inspection: Inspection, problem: str) -> Verdict:
    """The verdict where nothing could be read."""
    url = inspection.decision.url
    robots = next((place for place in inspection.places if place.name == "robots.txt"), None)
    page = next((place for place in inspection.places if place.name == PAGE), None)
    seen = [place for place in (robots, page) if place is not None and place.status is not None]
    why = network_problem(problem.removeprefix("robots.txt: "))
    if not seen or (robots is not None and robots.status is None and "bot check" not in problem):
        return Verdict(
            "NOT REACHED",
            f"{url}  {why}.",
            (
                (
                    "Nothing can be said about its reservations; a crawler would leave the site "
                    "alone until robots.txt answers."
                ),
            ),
            (),
        )
    because = f"Nothing can be said about its reservations. {inspection.asked_as} asked."
    if robots is not None and robots.state is State.NOT_REACHED:
        because += " A crawler would leave the site alone until robots.txt answers."
        why = f"robots.txt: {why}"
    return Verdict("NOT READ", f"{url}  {why}.", (because,), ())


def footnotes(rows: Iterable[MatrixRow], words: Sequence[str] = SHORT) -> tuple[str, ...]:
    """What the marks in some rows mean.

    Args:
        rows: those that are shown.
        words: ``SHORT`` or ``LONG``.
    """
    answers = [answer for row in rows for answer in row.answers.values()]
    values = {answer.value for answer in answers}
    met = (
        any(answer.inherited for answer in answers),
        any(row.is_switch for row in rows),
        Value.NOT_BOUND in values,
        Value.PARTIAL in values,
    )
    return tuple(text for text, is_met in zip(words, met, strict=True) if is_met)


def _offer(offer: Offer) -> str:
    parts = (
        terms(offer),
        offer.contact or "",
        address(offer),
        f"until {offer.until}" if offer.until else "",
    )
    return ", ".join(filter(None, parts))


def _read(inspection: Inspection) -> str:
    places = inspection.places
    found = [place.name for place in speaking(places)]
    number = counted(len(places), "place")
    if not found:
        text = f"none of {number} speaks"
    else:
        verb = "speaks" if len(found) == 1 else "speak"
        text = f"{len(found)} of {number} {verb}: {', '.join(found)}"
    return f"{text} ({counted(inspection.requests, 'request')})"


def _also(inspection: Inspection, judged: Mapping[str, Decision]) -> Iterable[str]:
    if inspection.page_problem and inspection.decision.blocked and not inspection.problem:
        if inspection.page_problem.endswith("fetch it"):
            yield (
                f"the page itself was not looked at: {inspection.page_problem}; "
                "if the site is yours: --i-own-this-site"
            )
        else:
            yield f"the page itself was not looked at: {network_problem(inspection.page_problem)}"
    for token in dict.fromkeys(answer.token for answer in inspection.served):
        yield _served(inspection, token, judged.get(token) or inspection.decision)
    for variant in inspection.variants:
        if variant.differs:
            yield f"{variant.origin}: {variant.outcome}"
    for sample in inspection.samples:
        if sample.decision is not None and sample.decision.action is not inspection.decision.action:
            may = "may not use" if sample.decision.blocked else "may use"
            yield f"{who(sample.decision.agent)} {may} the {sample.kind} {sample.url}"


def _served(inspection: Inspection, token: str, decision: Decision) -> str:
    """What a name is served beside what the site declares for it."""
    declared = "may not fetch" if decision.crawl is Preference.DISALLOWED else "may fetch"
    parts = []
    for answer in inspection.served:
        if answer.token != token:
            continue
        got = network_problem(answer.problem) if answer.problem else f"HTTP {answer.status}"
        body = (
            ""
            if answer.problem or answer.status != answer.own_status
            else (", the same bytes" if answer.is_same else ", other bytes")
        )
        own = "no answer" if answer.own_status is None else f"HTTP {answer.own_status}"
        parts.append(f"{answer.place} {got}{body} ({OWN_TOKEN}: {own})")
    return (
        f"declared for {token}: {declared}; served to that name: {'; '.join(parts)}. "
        "The edge may verify addresses, so that the real crawler is served something else."
    )


def level_counts(found: Iterable[ShownFinding]) -> str:
    """How many errors and warnings, in words."""
    levels = [finding.level for finding in found]
    parts = [
        counted(levels.count(level), str(level))
        for level in (Level.ERROR, Level.WARNING)
        if level in levels
    ]
    return ", ".join(parts) or "nothing"
