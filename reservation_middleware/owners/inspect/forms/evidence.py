"""What stands below the first screen under ``--all``: reasons, conflicts, places, samples, notes."""

from rich.text import Text

from reservation_middleware.model import Level, Preference, Reason
from reservation_middleware.model.plural import counted
from reservation_middleware.owners.inspect.inspection import Inspection, SeenPlace, State
from reservation_middleware.owners.inspect.summary import Summary, moment, name_of, where
from reservation_middleware.report.table import safe
from reservation_middleware.report.words import STAGES, VALUES, listed, network_problem

from .lines import LABEL, Lines

_STYLES = {Preference.ALLOWED: "green", Preference.DISALLOWED: "red", Preference.UNKNOWN: "dim"}


def evidence(lines: Lines, summary: Summary) -> None:
    """Everything that the answer rests on."""
    inspection = summary.inspection
    _reasons(lines, inspection)
    _cells(lines, summary)
    _conflicts(lines, summary)
    _places(lines, inspection)
    _title(lines, "BESIDE THE PAGE", inspection.variants or inspection.samples)
    for variant in inspection.variants:
        lines.put(f"  {variant.origin}  {variant.outcome}", hang=4)
    for sample in inspection.samples:
        answer = ""
        if sample.decision is not None:
            answer = f": {sample.decision.action}s" if not sample.decision.blocked else ": blocked"
        lines.put(f"  {sample.kind} {sample.url}  {sample.outcome}{answer}", hang=4)
    identifiers = dict.fromkeys(
        f"  {name.scheme} {name.value} ({name.signal})" for name in inspection.whole.identifiers
    )
    _title(lines, "IDENTIFIERS", identifiers)
    for identifier in identifiers:
        lines.put(identifier, hang=4)
    notes = [finding for finding in summary.findings if finding.level is Level.INFO]
    _title(lines, "GOOD TO KNOW", notes)
    for finding in notes:
        lines.put(f"  {finding.place}  {finding.summary}", hang=4)
        lines.put(f"    → {finding.remedy}", hang=6)
        lines.put(f"    {finding.ident}, {finding.reference}", hang=4, style="dim")
    lines.blank()
    decision = inspection.decision
    holds = f"holds until {moment(decision.expires)}, " if decision.expires else ""
    lines.put(
        f"{'HOW':{LABEL}}decided {STAGES[decision.stage]}, {holds}asked as "
        f"{inspection.asked_as}, {counted(inspection.requests, 'request')}",
        hang=LABEL,
    )


def _title(lines: Lines, title: str, content: object) -> None:
    if content:
        lines.blank()
        lines.put(Text(title, style="bold"))


def _reasons(lines: Lines, inspection: Inspection) -> None:
    reasons = inspection.whole.reasons
    _title(lines, "WHAT IS SAID", reasons)
    usual = set(inspection.decision.reasons)
    for reason in reasons:
        marks = [
            *(["aimed at other AI agents, not counted"] if reason.inferred else []),
            *(["misspelt, but clearly meant"] if reason.near_miss else []),
            *(["this profile does not ask there"] if reason not in usual else []),
        ]
        shown = Text.assemble(
            "  ",
            (f"{VALUES[reason.preference]:{LABEL}}", _STYLES[reason.preference]),
            safe(_line(reason, inspection)),
        )
        if marks:
            shown.append(f" ({'; '.join(marks)})", style="dim")
        lines.put(shown, hang=LABEL + 2)


def _line(reason: Reason, inspection: Inspection) -> str:
    more = "; ".join(condition for condition in reason.conditions if condition not in reason.text)
    conditions = f" (conditions: {more})" if more else ""
    about = "fetch" if reason.category == "crawl" else reason.category
    return f"{about}  {where(reason, inspection)}: {reason.text}{conditions}  [{reason.signal}]"


def _cells(lines: Lines, summary: Summary) -> None:
    """The raw line behind every cell, row by row."""
    _title(lines, "BEHIND THE ANSWERS", summary.rows)
    for row in summary.rows:
        names = [name_of(row, token) for token in row.tokens]
        lines.put(f"  {listed(names, most=3)}", hang=4)
        behind: dict[Reason, list[str]] = {}
        for column in row.answers:
            for reason in row.behind(column):
                behind.setdefault(reason, []).append(column)
        for reason, columns in behind.items():
            place = where(reason, summary.inspection)
            says = VALUES[reason.preference]
            lines.put(f"    {', '.join(columns)}: {says}  {place}: {reason.text}", hang=6)
        if not behind:
            lines.put("    nothing is said", style="dim")


def _conflicts(lines: Lines, summary: Summary) -> None:
    conflicts = disagreements(summary.inspection)
    _title(lines, "DISAGREEMENTS", conflicts)
    for leaf, yes, no in conflicts:
        lines.put(f"  {leaf}: the no counts, as the most restrictive does", hang=4)
        for word, reasons in (("no", no), ("yes", yes)):
            for reason in reasons:
                place = where(reason, summary.inspection)
                lines.put(f"    {word:4} {place}: {reason.text}", hang=9)


def disagreements(
    inspection: Inspection,
) -> list[tuple[str, tuple[Reason, ...], tuple[Reason, ...]]]:
    """The uses that some places say yes to and others no, with who says what."""
    found = []
    reasons = [reason for reason in inspection.whole.reasons if not reason.inferred]
    for leaf in inspection.whole.usage:
        about = [reason for reason in reasons if leaf in reason.covers]
        yes = tuple(reason for reason in about if reason.preference is Preference.ALLOWED)
        no = tuple(reason for reason in about if reason.preference is Preference.DISALLOWED)
        if yes and no:
            found.append((leaf, yes, no))
    return found


def _places(lines: Lines, inspection: Inspection) -> None:
    _title(lines, "PLACES", inspection.places)
    for place in inspection.places:
        lines.put(f"  {place.url}  {place_words(place)}", hang=4)


def place_words(place: SeenPlace) -> str:
    """What became of a place, in words."""
    is_shown = place.status is not None and place.state is not State.NO_SUCH_FILE
    status = f" ({place.status})" if is_shown else ""
    parts = [f"{place.state}{status}"]
    if place.state is State.PRESENT:
        parts.append(counted(place.octets, "byte"))
        parts.append("speaks" if place.speaks else "says nothing")
    elif place.state is State.NOT_REACHED and place.problem:
        parts.append(network_problem(place.problem))
    if not place.is_asked:
        parts.append("not asked by this profile")
    return ", ".join(parts)
