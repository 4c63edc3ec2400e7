"""What TDMRep says, whatever carries it: the two properties, and findings.

Reference:
https://www.w3.org/community/reports/tdmrep/CG-FINAL-tdmrep-20240510/#sec-properties
"""

from collections.abc import Sequence
from typing import Self

import msgspec

from reservation_middleware.model import Level, Note, NoteKind, Preference, Scope, Statement
from reservation_middleware.model.vocabulary import AI_INDEX, AI_INPUT, TDM, TRAIN
from reservation_middleware.signals.base import Findings, Link, ParsedDocument, Question, Term
from reservation_middleware.syntax.path import has_reserved, judged, keep_reserved
from reservation_middleware.syntax.pattern_index import PatternIndex

NAME = "tdmrep"
SPEC = "https://www.w3.org/community/reports/tdmrep/CG-FINAL-tdmrep-20240510/#"
TERM = Term((AI_INDEX, *TRAIN, TDM), (AI_INDEX, AI_INPUT, *TRAIN, TDM))
#: Notes of one document that are kept.
_MOST = 10

VALUE = NoteKind(
    "tdmrep-value-invalid",
    Level.WARNING,
    "a tdm-reservation other than 1 or 0 counts as not set: {}",
    "Use the number 1 (reserved) or 0 (not reserved).",
    SPEC + "sec-properties",
)
TWICE = NoteKind(
    "tdmrep-value-twice",
    Level.WARNING,
    "tdm-reservation is given more than once, with different values; 1 counts: {}",
    "Send one tdm-reservation: 1 (reserved) or 0 (not reserved).",
    SPEC + "sec-properties",
)
MISSPELT = NoteKind(
    "tdmrep-misspelt",
    Level.WARNING,
    "a name that is nearly one of the protocol's says nothing: {}",
    "Write tdm-reservation, tdm-policy, and location in a tdmrep.json.",
    SPEC + "sec-properties",
)
#: The protocol's names.
PROPERTIES = ("tdm-reservation", "tdm-policy")


class Said(msgspec.Struct, frozen=True):
    """The two properties, each None where it is not set."""

    reservation: Statement | None
    policy: str | None
    line: int | None = None

    @property
    def asks(self) -> bool:
        """Whether the policy may matter: with a reservation of 0 it should not be processed."""
        return self.policy is not None and (
            self.reservation is None or self.reservation.preference is Preference.DISALLOWED
        )


class Entry(msgspec.Struct, frozen=True):
    """A rule of the file.

    Attributes:
        location: what it is about.
        said: what it says where near misses count.
        letter: what it says to the letter, None where it is no rule then.
    """

    location: str
    said: Said
    letter: Said | None


class TdmrepFindings(Findings):
    """The rules of a file, or what a head or a page says."""

    __slots__ = ("_entries", "_letter", "index", "said", "source", "tells_reserved")

    def __init__(
        self,
        source: ParsedDocument,
        notes: Sequence[Note],
        said: Sequence[Said] = (),
        *,
        entries: Sequence[Entry] | None = None,
        links: Sequence[Link] = (),
    ) -> None:
        super().__init__(source.place, tuple(notes[:_MOST]), tuple(links))
        self.source = source
        self._entries = entries
        self._letter: Self | None = None
        self.said = tuple(said if entries is None else (one.said for one in entries))
        locations = [one.location for one in entries or ()]
        #: Whether a percent-encoded reserved character in a path may matter.
        self.tells_reserved = any(map(has_reserved, locations))
        if self.tells_reserved:
            locations = list(map(keep_reserved, locations))
        #: None for carriers that speak about their own page only.
        self.index = None if entries is None else PatternIndex(locations)

    @property
    def to_the_letter(self) -> Self:
        """The rules as they stand."""
        entries = self._entries
        if entries is None or all(one.letter is one.said for one in entries):
            return self
        if self._letter is None:
            rules = [Entry(one.location, one.letter, one.letter) for one in entries if one.letter]
            self._letter = type(self)(self.source, self.notes, entries=rules, links=self.links)
        return self._letter

    def statements(self) -> tuple[Statement, ...]:
        """All valid reservations."""
        return tuple(said.reservation for said in self.said if said.reservation)

    def about(self, question: Question) -> Said | None:
        """What is said about a page: of the file's rules the first that matches."""
        if self.index is None:
            return self.said[0] if self.said else None
        path = judged(keep_reserved(question.target)) if self.tells_reserved else question.path
        first = min(self.index.matching(path), default=None)
        if first is None:
            return None
        said = self.said[first]
        # Of thousands of rules few are ever asked for.
        if not said.policy:
            return said
        return msgspec.structs.replace(said, policy=self.source.address(said.policy))


def textual(
    source: ParsedDocument, carrier: str, value: str, line: int | None, notes: list[Note]
) -> Statement | None:
    """A reservation given as text; of a repeated one a 1 counts, and a 0 where no other is there.

    The report has one value, so that two that differ are an error; but who wrote a 1 reserves.
    """
    values = {part.strip() for part in value.split(",")}
    if len(values) > 1 and "1" in values:
        notes.append(source.note(TWICE, value[:80], line))
        values = {"1"}
    only = values.pop() if len(values) == 1 else ""
    if only not in ("0", "1"):
        notes.append(source.note(VALUE, value, line))
        return None
    return statement(source, carrier, only, f"tdm-reservation: {only}", line, Scope())


def statement(
    source: ParsedDocument, carrier: str, value: str, text: str, line: int | None, scope: Scope
) -> Statement:
    """A reservation of 1 or 0."""
    reserved = value == "1"
    return Statement(
        signal=NAME,
        carrier=carrier,
        category=TDM,
        covers=TERM.no if reserved else TERM.yes,
        preference=Preference.DISALLOWED if reserved else Preference.ALLOWED,
        text=text,
        span=source.span(line),
        scope=scope,
    )
