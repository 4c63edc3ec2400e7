"""Notes of the core as findings: the one adapter between the two.

Every kind of note is a kind of finding with its ident, level, remedy and reference.
"""

from collections.abc import Iterator, Mapping
from functools import cache

from reservation_middleware.decide.batch import FOREIGN
from reservation_middleware.decide.licences import EXPIRED
from reservation_middleware.decide.reading import STALE, TRUNCATED, UNREAD, head_reading
from reservation_middleware.decide.resolve import CONFLICT, RESOLVED
from reservation_middleware.model import PAGE, Document, Note, NoteKind, Outcome
from reservation_middleware.signals import SIGNALS
from reservation_middleware.syntax.path import split_url

from .finding import Confidence, Finding, FindingKind, found
from .fixes import fix_of
from .places import LintedSite
from .source import LintSource

#: Kinds that say what somebody seems to have meant.
_LIKELY = (
    *("robots-lines-joined", "robots-agent-browser", "robots-ai-key-unknown"),
    *("robots-comment-reservation", "robots-meta-ai-name-unknown"),
)
_LIKELY_ENDS = ("-misspelt", "-in-last-group", "-near-miss", "-invented")
#: Kinds that are about the crawler that asks, and not about the site.
_CRAWLERS = frozenset(
    (EXPIRED.ident, FOREIGN.ident, STALE.ident, RESOLVED.ident, "robots-not-asked")
)
#: Statuses with which a file that is there is served.
_OK = 200
_PAGE_TYPE = ("content-type", "text/html")


@cache
def note_kinds() -> Mapping[str, FindingKind]:
    """Every kind of note as a kind of finding, by ident."""
    several = (kind for signal in SIGNALS for kind in signal.notes)
    own = (CONFLICT, STALE, TRUNCATED, UNREAD, RESOLVED, EXPIRED, FOREIGN)
    return {kind.ident: _finding_kind(kind) for kind in (*several, *own)}


def _finding_kind(kind: NoteKind) -> FindingKind:
    likely = kind.ident in _LIKELY or kind.ident.endswith(_LIKELY_ENDS)
    return FindingKind(
        ident=kind.ident,
        level=kind.level,
        confidence=Confidence.LIKELY if likely else Confidence.CERTAIN,
        summary=kind.summary,
        what="",
        why="",
        remedy=kind.remedy,
        reference=kind.reference,
    )


def find(places: LintedSite) -> Iterator[Finding]:
    """The notes of all documents, each where it stands."""
    seen: set[tuple[str, str, int | None, str]] = set()
    for source, note, line in _notes(places):
        key = note.kind.ident, source.name, line, note.detail
        if key in seen or note.kind.ident in _CRAWLERS:
            continue
        seen.add(key)
        yield as_finding(note, source, line, places)


def as_finding(note: Note, source: LintSource, line: int | None, places: LintedSite) -> Finding:
    """One note as a finding, with its fix where there is one."""
    kind = note_kinds()[note.kind.ident]
    remedy, fix = fix_of(kind.ident, source, line, note.detail, places)
    return found(kind, source, line, detail=note.detail, remedy=remedy, fix=fix)


def _notes(places: LintedSite) -> Iterator[tuple[LintSource, Note, int | None]]:
    sources = places.sources
    for reading in places.readings:
        if reading.document.outcome is Outcome.UNREACHABLE and reading.document.status is None:
            continue  # nobody answered: that was not tested, and is no finding
        for note in reading.notes:
            yield sources[note.document], note, note.line
    for line in places.header_lines:
        if line.is_computed:
            continue
        fields = ((line.name, line.value), _PAGE_TYPE)
        document = Document(
            url=places.origin + "/",
            resource=PAGE,
            outcome=Outcome.FETCHED,
            status=_OK,
            headers=fields,
        )
        for note in head_reading(document).notes:
            yield line.source, note, line.line
    for source in places.pages:
        head, content = places.page_readings[source.document.url]
        for part in (head if source.is_url else None, content):
            for note in part.notes if part is not None else ():
                yield source, note, note.line
    yield from _between_documents(places)


def _between_documents(places: LintedSite) -> Iterator[tuple[LintSource, Note, int | None]]:
    """Notes that only a decision has: those about several documents."""
    first = next(iter(places.resources), None)
    known = {note for reading in places.readings for note in reading.notes}
    asked = [source.document.url for source in places.pages] or [places.origin + "/"]
    shown: set[tuple[str, str]] = set()
    for url in asked:
        decision = places.decide(url, "*")
        readings = places.page_readings.get(url, ())
        own = {note for reading in readings if reading for note in reading.notes}
        for note in decision.notes:
            # A disagreement between the site's files is told once, not on every page.
            reasons = tuple(sorted({reason.document for reason in decision.reasons}))
            if note in known or note in own or (note.kind.ident, str(reasons)) in shown:
                continue
            shown.add((note.kind.ident, str(reasons)))
            source, line = _where(places, note, [(r.document, r.line) for r in decision.reasons])
            source = source or places.sources.get(url) or first
            if source is not None:
                yield source, note, line


def _where(
    places: LintedSite, note: Note, reasons: list[tuple[str, int | None]]
) -> tuple[LintSource | None, int | None]:
    """Where a note of a decision stands: its document, else that of the first reason."""
    if note.line is not None and note.document in places.sources:
        return places.sources[note.document], note.line
    for document, line in reasons:
        if document in places.sources:
            return places.sources[document], line
    return None, None


def path_of(source: LintSource) -> str:
    """The path under which a source is published."""
    return split_url(source.document.url)[1]
