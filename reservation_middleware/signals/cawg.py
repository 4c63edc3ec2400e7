"""Training and data mining assertions of C2PA manifests: CAWG's, and C2PA's before it.

Here: what the active manifest's assertions say. The manifest is parsed and verified by
``syntax.media``. Reference: https://cawg.io/training-and-data-mining/1.1/
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Self

from reservation_middleware.model import Level, Note, NoteKind, Preference, Statement
from reservation_middleware.model.vocabulary import AI_INPUT, TDM, TRAIN_GEN, TRAIN_NONGEN
from reservation_middleware.syntax.media import Claim

from .base import (
    CONTENT,
    Carrier,
    Findings,
    Intent,
    ParsedDocument,
    Question,
    Rendering,
    Settled,
    Signal,
    Status,
    Term,
    settled_from,
    shorten,
)
from .near_miss import near_miss_note

_SPEC = "https://cawg.io/training-and-data-mining/1.1/"
_MOST = 10
#: Labels that a text has.
LABELS = ("cawg.training-mining", "c2pa.training-mining")

UNVERIFIED = NoteKind(
    "cawg-unverified",
    Level.WARNING,
    "the C2PA manifest does not verify, so what it allows does not count",
    "Sign the file again after its last change.",
    _SPEC,
)
USE = NoteKind(
    "cawg-use-unknown",
    Level.WARNING,
    "a use other than allowed, notAllowed and constrained says nothing: {}",
    "Use one of the three words.",
    _SPEC,
)
ENTRY = NoteKind(
    "cawg-entry-unknown",
    Level.INFO,
    "an entry that the text does not have says nothing: {}",
    "Use data_mining, ai_inference, ai_training or ai_generative_training.",
    _SPEC,
)
ODD = NoteKind(
    "cawg-entry-unread",
    Level.WARNING,
    "an entry that could not be read says nothing: {}",
    "Make each entry a map with a use.",
    _SPEC,
)
NEAR_MISS = near_miss_note(
    "cawg",
    'Label it cawg.training-mining, with entries such as "cawg.ai_training": {"use": "notAllowed"}.',
    _SPEC,
)
UNREADABLE = NoteKind(
    "cawg-unreadable",
    Level.INFO,
    "the file holds a C2PA manifest that could not be read: {}",
    "Check the file with a C2PA tool.",
    _SPEC,
)


class CawgFindings(Findings):
    """What the active manifest of one file says."""

    __slots__ = ("read", "source")

    def __init__(
        self, source: ParsedDocument, notes: Sequence[Note], read: Sequence[Statement]
    ) -> None:
        super().__init__(source.place, tuple(dict.fromkeys(notes))[:_MOST])
        self.source = source
        self.read = tuple(read)

    @property
    def to_the_letter(self) -> Self:
        """The assertions without near misses."""
        if not any(read.near_miss for read in self.read):
            return self
        return type(self)(
            *(self.source, self.notes, [read for read in self.read if not read.near_miss])
        )

    def statements(self) -> tuple[Statement, ...]:
        """All statements."""
        return self.read


class Cawg(Signal[CawgFindings]):
    """cawg.training-mining and c2pa.training-mining."""

    name = "cawg"
    title = "CAWG training and data mining assertion"
    reference = "CAWG Training and Data Mining Assertion 1.1"
    status = Status.COMMUNITY
    since = "2025-05"
    carriers = (Carrier("c2pa", CONTENT),)
    terms = {
        "data_mining": Term((TDM,), (TDM,)),
        "ai_inference": Term((AI_INPUT,), (AI_INPUT,)),
        "ai_training": Term((TRAIN_NONGEN,), (TRAIN_NONGEN,)),
        "ai_generative_training": Term((TRAIN_GEN,), (TRAIN_GEN,)),
    }
    notes = (UNVERIFIED, USE, ENTRY, ODD, UNREADABLE, NEAR_MISS)

    def parse(self, source: ParsedDocument) -> CawgFindings | None:
        """Read the assertions of a file."""
        file = source.file
        if not file.claims and not file.claim_problems:
            return None
        notes = [source.note(UNREADABLE, problem) for problem in file.claim_problems[:_MOST]]
        statements = [
            statement
            for claim in file.claims
            for statement in self._statements(source, claim, notes)
        ]
        return CawgFindings(source, notes, statements)

    def settle(self, found: Sequence[CawgFindings], question: Question) -> Settled | None:  # noqa: ARG002
        """Per entry, and of several assertions the most restrictive."""
        return settled_from([statement for findings in found for statement in findings.read])

    def write(self, intent: Intent) -> tuple[Rendering, ...]:  # noqa: ARG002
        """Nothing: a manifest needs a signature."""
        return ()

    def _statements(
        self, source: ParsedDocument, claim: Claim, notes: list[Note]
    ) -> Iterator[Statement]:
        own = claim.label.partition(".")[0] + "."  # cawg. or c2pa.
        entries: Mapping[str, tuple[str, str]] = claim.entries
        notes += [source.note(ODD, unread) for unread in claim.unread]
        for name, (use, constraint) in entries.items():
            prefix, _, entry = name.partition(".")
            term = self.terms.get(entry) if prefix in ("cawg", "c2pa") else None
            if term is None:
                # Names with a prefix of somebody's own are free for their use.
                if name.startswith(("cawg.", "c2pa.")) or "." not in name:
                    notes.append(source.note(ENTRY, name))
                continue
            exact = claim.label in LABELS and name.startswith(own) and name not in claim.bare
            preference = _USES.get(use, Preference.UNKNOWN)
            if not exact and use != "notAllowed":
                # Another use, so spelled, allows nothing; what is no yes either is not understood.
                notes.append(source.note(ENTRY, name))
                if preference is Preference.ALLOWED:
                    continue
                preference = Preference.UNKNOWN
            elif not exact:
                notes.append(source.note(NEAR_MISS, f"{claim.label}: {name}"))
            elif preference is Preference.UNKNOWN:
                notes.append(source.note(USE, f"{name}: {use or 'none'}"))
            elif not claim.valid:
                notes.append(source.note(UNVERIFIED))
                if preference is Preference.ALLOWED:
                    continue
            yield Statement(
                signal=self.name,
                carrier="c2pa",
                category=term.no[0],
                covers=term.yes if preference is Preference.ALLOWED else term.no,
                preference=preference,
                text=shorten(f"{name}: {use}"),
                span=source.span(),
                conditions=(shorten(constraint),) if use == "constrained" and constraint else (),
                near_miss=not exact and preference is Preference.DISALLOWED,
            )


_USES = {
    "allowed": Preference.ALLOWED,
    "notAllowed": Preference.DISALLOWED,
    # Without a deal the constraint is not met.
    "constrained": Preference.DISALLOWED,
}
