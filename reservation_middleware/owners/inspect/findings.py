"""What a site's owner should mend: notes of every place, each once, with file, line and remedy.

``findings`` is the seam: whatever else is found about an inspection is added there.
"""

from typing import NamedTuple

from reservation_middleware.model import Level

from .inspection import Inspection, file_of


class Finding(NamedTuple):
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


def findings(inspection: Inspection) -> tuple[Finding, ...]:
    """All that there is to mend or to know, worst first, then by file and line."""
    found = dict.fromkeys(
        Finding(
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
    return tuple(sorted(found, key=_rank))


def to_mend(found: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Errors and warnings only."""
    return tuple(finding for finding in found if finding.level is not Level.INFO)


def _rank(finding: Finding) -> tuple[int, str, int]:
    return _ORDER[finding.level], finding.file, finding.line or 0
