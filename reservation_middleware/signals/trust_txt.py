"""trust.txt: ``datatrainingallowed`` at /trust.txt, else at /.well-known/trust.txt.

All else in the file is about who belongs to whom and is not read. Reference:
https://journallist.net/reference-document-for-trust-txt-specifications
"""

import re
from collections.abc import Sequence
from itertools import islice

from reservation_middleware.model import Level, Note, NoteKind, Outcome, Preference, Statement
from reservation_middleware.model.vocabulary import TRAIN
from reservation_middleware.syntax.charset import ascii_based
from reservation_middleware.syntax.spelling import nearest

from .base import (
    NO_DEPENDENCIES,
    Carrier,
    Dependencies,
    Findings,
    Intent,
    ParsedDocument,
    Place,
    Question,
    Rendering,
    Settled,
    Signal,
    Status,
    Term,
    settled_from,
    shorten,
    terms_for,
)

_REFERENCE = "https://journallist.net/reference-document-for-trust-txt-specifications"
_LIMIT = 512 * 1024
TRUST_TXT = Place("trust.txt", "/trust.txt", _LIMIT)
WELL_KNOWN = Place(".well-known/trust.txt", "/.well-known/trust.txt", _LIMIT)
KEY = "datatrainingallowed"
#: Notes, and lines, of one document.
_MOST = 10

VALUE = NoteKind(
    "trust-txt-value-unknown",
    Level.WARNING,
    "a datatrainingallowed line that says neither =yes nor =no says nothing: {}",
    "Write datatrainingallowed=yes or datatrainingallowed=no.",
    _REFERENCE,
)
CONTRADICTION = NoteKind(
    "trust-txt-contradiction",
    Level.WARNING,
    "datatrainingallowed stands there as yes and as no; no counts",
    "Write one datatrainingallowed line.",
    _REFERENCE,
)

MISSPELT = NoteKind(
    "trust-txt-misspelt",
    Level.WARNING,
    "a name that is nearly datatrainingallowed says nothing: {}",
    "Write datatrainingallowed=yes or datatrainingallowed=no.",
    _REFERENCE,
)

# A line that may be meant to be about training, by how it begins.
_MEANT = r"^[ \t]*+((?:data|ai)[\w -]{0,40}?)[ \t]*[=:]"

# A line that makes a text a trust.txt: one of the names that the reference document has.
_LINE = (
    r"(?im)^[ \t]*+(member|belongto|control|controlledby|social|vendor|customer|disclosure|contact"
    rf"|{KEY})(?![\w-])[ \t]*(=?)([^\n]*)"
)


class TrustTxtFindings(Findings):
    """What a trust.txt says; nothing, where it is one but does not speak of training."""

    __slots__ = ("said",)

    def __init__(
        self, source: ParsedDocument, notes: Sequence[Note], said: Sequence[Statement]
    ) -> None:
        super().__init__(source.place, tuple(notes[:_MOST]))
        self.said = tuple(said)

    def statements(self) -> tuple[Statement, ...]:
        """All statements."""
        return self.said


class TrustTxt(Signal[TrustTxtFindings]):
    """datatrainingallowed."""

    name = "trust-txt"
    title = "trust.txt"
    reference = "JournalList trust.txt reference document, 4 April 2024"
    status = Status.COMMUNITY
    since = "2024-04"
    carriers = (Carrier("trust.txt", TRUST_TXT), Carrier("well-known-trust.txt", WELL_KNOWN))
    terms = {KEY: Term(TRAIN, TRAIN)}
    notes = (VALUE, CONTRADICTION, MISSPELT)

    def parse(self, source: ParsedDocument) -> TrustTxtFindings | None:
        """Read the lines; a page or other text that is served in its place is no trust.txt."""
        document = source.document
        if document.outcome is not Outcome.FETCHED or document.body is None:
            return None
        body = ascii_based(document.body[:_LIMIT], document.charset, markup=False)
        text = body.decode("utf-8-sig", "replace")
        if text.lstrip().startswith(("<", "{")):
            return None
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        notes: list[Note] = []
        said: dict[Preference, Statement] = {}
        doubt: Statement | None = None
        exists = False
        line, counted = 1, 0
        for found in re.finditer(_LINE, text):
            name, sign, value = found.groups()
            exists = exists or bool(sign)
            if name.lower() != KEY:
                continue
            line, counted = line + text.count("\n", counted, found.start()), found.start()
            word = value.partition("#")[0].strip().lower()
            if not sign or word not in ("yes", "no"):
                notes.append(source.note(VALUE, shorten(found[0].strip()), line))
                doubt = doubt or self._statement(source, Preference.UNKNOWN, found[0], line)
                continue
            preference = Preference.ALLOWED if word == "yes" else Preference.DISALLOWED
            if preference not in said:
                said[preference] = self._statement(source, preference, found[0], line)
                if len(said) == 2:
                    notes.append(source.note(CONTRADICTION, line=line))
        if not said and not notes:
            notes = _misspelt(source, text)
        heard = [*said.values(), *([doubt] if doubt and said else [])]
        return TrustTxtFindings(source, notes, heard) if exists or notes else None

    def settle(self, found: Sequence[TrustTxtFindings], question: Question) -> Settled | None:  # noqa: ARG002
        """The file at the root is the one that counts where there are two."""
        said = found[0].said
        return settled_from(said)

    def depends_on(self, found: Sequence[TrustTxtFindings], question: Question) -> Dependencies:  # noqa: ARG002
        """It says the same of every page."""
        return NO_DEPENDENCIES

    def write(self, intent: Intent) -> tuple[Rendering, ...]:
        """The one line; the rest of a trust.txt is the site's own."""
        preferences = terms_for(self.terms, intent)
        if not preferences or intent.path:  # the one record is about the whole site
            return ()
        line = f"{KEY}={'yes' if preferences[KEY] is Preference.ALLOWED else 'no'}\n"
        return (Rendering(self.carriers[0], line),)

    def _statement(
        self, source: ParsedDocument, preference: Preference, text: str, line: int
    ) -> Statement:
        term = self.terms[KEY]
        return Statement(
            signal=self.name,
            carrier=next(one.name for one in self.carriers if one.place is source.place),
            category="ai-train",
            covers=term.yes if preference is Preference.ALLOWED else term.no,
            preference=preference,
            text=shorten(text.strip()),
            span=source.span(line),
        )


def _misspelt(source: ParsedDocument, text: str) -> list[Note]:
    """Lines that were meant to be about training."""
    lines = re.finditer(_MEANT, text, re.IGNORECASE | re.MULTILINE)
    found = [line for line in islice(lines, 100) if nearest(line[1].strip(), (KEY,))]
    return [
        source.note(MISSPELT, line[0].strip(), 1 + text.count("\n", 0, line.start()))
        for line in found[:_MOST]
    ]
