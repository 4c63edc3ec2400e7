"""What a site's owner should mend: notes of every place, and what lint finds between places.

Each stands once, with file, line and remedy.
"""

from collections.abc import Iterator
from typing import NamedTuple

from reservation_middleware.model import Level
from reservation_middleware.owners.lint.finding import Confidence
from reservation_middleware.owners.lint.places import served_site
from reservation_middleware.owners.lint.registry import find_between
from reservation_middleware.syntax.path import split_url

from .inspection import Inspection, file_of


class ShownFinding(NamedTuple):
    """One thing to mend.

    Attributes:
        ident: stable identifier.
        level: how much it matters.
        file: short name of the document, or its address.
        line: from 1, None where it has none.
        summary: what is the matter, one sentence.
        remedy: what to do.
        reference: the text that says so.
        document: the document's address.
        write: what to write instead, ready to be pasted; empty where the remedy says it all.
    """

    ident: str
    level: Level
    file: str
    line: int | None
    summary: str
    remedy: str
    reference: str
    document: str
    write: str = ""

    @property
    def place(self) -> str:
        """File and line, as editors take them."""
        return f"{self.file}:{self.line}" if self.line else self.file


_ORDER = {Level.ERROR: 0, Level.WARNING: 1, Level.INFO: 2}


def findings(inspection: Inspection) -> tuple[ShownFinding, ...]:
    """All that there is to mend or to know, worst first, then by file and line."""
    found = dict.fromkeys(
        ShownFinding(
            note.kind.ident,
            note.kind.level,
            file_of(note.document, inspection.places),
            note.line,
            note.summary,
            note.kind.remedy,
            note.kind.reference,
            note.document,
        )
        for note in inspection.notes
    )
    return tuple(sorted((*found, *_between(inspection)), key=_rank))


def _between(inspection: Inspection) -> Iterator[ShownFinding]:
    """What lint finds in what the documents of the site say together."""
    site = served_site(inspection.documents, split_url(inspection.decision.url)[0])
    for finding in find_between(site):
        if finding.kind.confidence is not Confidence.PEDANTIC:
            yield ShownFinding(
                finding.kind.ident,
                finding.kind.level,
                file_of(finding.source.document.url, inspection.places),
                finding.line,
                finding.summary,
                finding.kind.remedy,
                finding.kind.reference,
                finding.source.document.url,
                "" if finding.remedy == finding.kind.remedy else finding.remedy,
            )


def to_mend(found: tuple[ShownFinding, ...]) -> tuple[ShownFinding, ...]:
    """Errors and warnings only."""
    return tuple(finding for finding in found if finding.level is not Level.INFO)


def _rank(finding: ShownFinding) -> tuple[int, str, int]:
    return _ORDER[finding.level], finding.file, finding.line or 0
