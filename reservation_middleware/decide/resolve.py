"""Settled preferences of several families to one answer: the steps of ``spec/decision.md``.

Sees preferences and statements, never a signal's name.
"""

from collections.abc import Mapping, Sequence

import msgspec

from reservation_middleware.model import LEAVES, Level, Note, NoteKind, Preference, Statement
from reservation_middleware.signals import Settled

CONFLICT = NoteKind(
    "conflict",
    Level.WARNING,
    "signals disagree about {}; the most restrictive counts",
    "Make all signals say the same.",
    "https://datatracker.ietf.org/doc/html/draft-ietf-aipref-vocab-08#section-5.1",
)

RESOLVED = NoteKind(
    "path-resolved",
    Level.INFO,
    "the address has dot segments or backslashes, so {} was judged beside it",
    "Nothing to mend in what the site says; ask for the address that is meant.",
    "https://www.rfc-editor.org/rfc/rfc3986#section-5.2.4",
)

_ALL_UNKNOWN: Mapping[str, Preference | None] = dict.fromkeys(LEAVES, Preference.UNKNOWN)
_ALL_NONE: Mapping[str, Preference | None] = dict.fromkeys(LEAVES, None)


class Resolved(msgspec.Struct, frozen=True):
    """One answer for all families.

    Attributes:
        crawl: whether the page may be fetched.
        unreachable: why crawl rules could not be had, None where they could.
        usage: preference per leaf, None where crawling is disallowed and nobody spoke.
        statements: those that the answer rests on.
        conflicts: leaves about which families disagree.

    """

    crawl: Preference
    unreachable: str | None
    usage: Mapping[str, Preference | None]
    statements: tuple[Statement, ...]
    conflicts: tuple[str, ...]


def resolve(settled: Sequence[Settled]) -> Resolved:
    """Combine families: any disallowed → disallowed, else any allowed → allowed, else unknown."""
    crawl = Preference.UNKNOWN
    unreachable = None
    speaking: list[Mapping[str, Preference]] = []
    statements: tuple[Statement, ...] = ()
    for one in settled:
        if one.crawl is not None:
            crawl = one.crawl
            unreachable = one.unreachable
        if one.usage:
            speaking.append(one.usage)
        if one.statements:
            statements += one.statements
    silent = _ALL_NONE if crawl is Preference.DISALLOWED else _ALL_UNKNOWN
    if not speaking:
        return Resolved(crawl, unreachable, silent, statements, ())
    usage = dict(silent)
    conflicts = []
    for leaf in LEAVES:
        said = {preferences[leaf] for preferences in speaking if leaf in preferences}
        if Preference.DISALLOWED in said:
            usage[leaf] = Preference.DISALLOWED
            if Preference.ALLOWED in said:
                conflicts.append(leaf)
        elif Preference.ALLOWED in said:
            usage[leaf] = Preference.ALLOWED
    return Resolved(crawl, unreachable, usage, statements, tuple(conflicts))


def verdict(usage: Mapping[str, Preference | None], leaves: Sequence[str]) -> Preference:
    """The answer for some purposes: disallowed if any leaf is, allowed if all are."""
    said = {usage[leaf] for leaf in leaves}
    if Preference.DISALLOWED in said:
        return Preference.DISALLOWED
    return Preference.ALLOWED if said == {Preference.ALLOWED} else Preference.UNKNOWN


def conflict_note(answer: Resolved) -> Note:
    """The note that keeps a conflict between families, at the statement that won."""
    span = next(
        (
            one.span
            for one in answer.statements
            if one.preference is Preference.DISALLOWED and set(one.covers) & set(answer.conflicts)
        ),
        None,
    )
    where = (span.document, span.line) if span else ("", None)
    return Note(CONFLICT, *where, ", ".join(answer.conflicts))
