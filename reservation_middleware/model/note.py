"""A note: something worth saying about a site's documents that decides nothing by itself.

Every kind of note is declared once, beside the signal that emits it, and has a vector
that emits it.
"""

from enum import StrEnum

import msgspec


class Level(StrEnum):
    """How much a note matters to the site owner."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class NoteKind(msgspec.Struct, frozen=True):
    """What can be noted, declared once.

    Attributes:
        ident: stable identifier, prefixed with the signal's name.
        level: how much it matters.
        summary: one sentence; ``{}`` is replaced by the detail.
        remedy: what the site owner should do.
        reference: the text that says so.

    """

    ident: str
    level: Level
    summary: str
    remedy: str
    reference: str


class Note(msgspec.Struct, frozen=True):
    """One kind of note, met in one place."""

    kind: NoteKind
    document: str
    line: int | None = None
    detail: str = ""

    @property
    def summary(self) -> str:
        """The sentence with its detail; the detail comes from the site and is cut short."""
        return self.kind.summary.replace("{}", self.detail[:120])
