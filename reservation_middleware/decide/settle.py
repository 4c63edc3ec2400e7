"""What was found, put in order and settled: each family its own, the one about crawling first.

No I/O.
"""

import operator
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from reservation_middleware.model import CRAWL, NearMiss, Preference
from reservation_middleware.signals import SIGNALS, Findings, Question, Settled

_ALLOWED, _DISALLOWED, _UNKNOWN = Preference.ALLOWED, Preference.DISALLOWED, Preference.UNKNOWN
_SILENT = Settled()


def in_order(found: Iterable[tuple[int, Findings]]) -> tuple[tuple[int, tuple[Findings, ...]], ...]:
    """Findings by the signal's number, signals in their order, places in the order they came in."""
    by_signal: dict[int, list[Findings]] = {}
    for number, findings in found:
        by_signal.setdefault(number, []).append(findings)
    return tuple((number, tuple(by_signal[number])) for number in sorted(by_signal))


def settle(
    found: Iterable[tuple[int, tuple[Findings, ...]]], question: Question
) -> dict[int, Settled]:
    """Let each family settle its own, the one that governs crawling first.

    A path with dot segments is judged as it is written and as it is resolved: what either of
    them disallows is disallowed, what both allow is allowed (``spec/decision.md``, step 13).
    """
    resolved = question.resolved
    if resolved is None:
        return _settle(found, question)
    found = tuple(found)
    resolved = replace(resolved, media=question.media)
    written, meant = _settle(found, question), _settle(found, resolved)
    both = {n: _stricter(written.get(n), meant.get(n)) for n in sorted({*written, *meant})}
    return {number: one for number, one in both.items() if one is not None}


def _settle(
    found: Iterable[tuple[int, tuple[Findings, ...]]], question: Question
) -> dict[int, Settled]:
    counting = question.policy.signals
    records_near_misses = question.policy.near_miss is NearMiss.RECORD
    settled: dict[int, Settled] = {}
    for number, findings in found:
        signal = SIGNALS[number]
        if counting is not None and signal.name not in counting and not signal.governs_crawl:
            continue
        one = signal.settle(findings, question)
        if records_near_misses:
            one = _to_the_letter(number, findings, question, one)
        if one is not None:
            settled[number] = one
            if one.crawl is not None:
                question = replace(question, crawl=one.crawl)  # for the families that follow
    return settled


def _to_the_letter(
    number: int, findings: Sequence[Findings], question: Question, counted: Settled | None
) -> Settled | None:
    """What a family amounts to where its near misses are recorded: without them, but shown.

    Args:
        number: the signal's.
        findings: what was found of it.
        question: what is asked.
        counted: what it amounts to where they count.
    """
    literal = [one.to_the_letter for one in findings]
    if counted is None or all(map(operator.is_, literal, findings)):
        return counted
    left = SIGNALS[number].settle(literal, question) or _SILENT
    shown = [replace(said, inferred=True) for said in counted.statements if said.near_miss]
    return replace(
        left,
        statements=(*left.statements, *shown),
        notes=tuple(dict.fromkeys((*counted.notes, *left.notes))),
    )


def _stricter(one: Settled | None, other: Settled | None) -> Settled | None:
    """What two answers of a family about one page amount to, None where that is nothing."""
    if one is other:
        return one
    one, other = one or _SILENT, other or _SILENT
    usage = {}
    for leaf in (*one.usage, *(leaf for leaf in other.usage if leaf not in one.usage)):
        usage[leaf] = _strictest(one.usage.get(leaf, _UNKNOWN), other.usage.get(leaf, _UNKNOWN))
    crawl = one.crawl
    if crawl is not other.crawl:
        crawl = _strictest(one.crawl or _UNKNOWN, other.crawl or _UNKNOWN)
    preferences = {**usage, CRAWL: crawl}
    statements = tuple(
        said
        for said in dict.fromkeys((*one.statements, *other.statements))
        # A yes to one of two paths decides nothing.
        if said.inferred
        or said.preference is not _ALLOWED
        or any(preferences.get(leaf) is _ALLOWED for leaf in said.covers)
    )
    return Settled(
        usage=usage,
        crawl=crawl,
        unreachable=one.unreachable or other.unreachable,
        page_only=True,
        statements=statements,
        offers=tuple(dict.fromkeys((*one.offers, *other.offers))),
        identifiers=tuple(dict.fromkeys((*one.identifiers, *other.identifiers))),
        notes=tuple(dict.fromkeys((*one.notes, *other.notes))),
    )


def _strictest(one: Preference, other: Preference) -> Preference:
    """Disallowed if either is, allowed if both are, else unknown."""
    if _DISALLOWED in (one, other):
        return _DISALLOWED
    return one if one is other else _UNKNOWN
