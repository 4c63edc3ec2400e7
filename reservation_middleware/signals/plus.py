"""The PLUS data mining property in the XMP of images, PDF and other files.

Here: what ``plus:DataMining`` says, the licensor and licence beside it as offers, and the
names of the work. TDMRep and RSL in the same XMP are read elsewhere. Reference:
https://ns.useplus.org/LDF/ldf-XMPSpecification (IPTC Photo Metadata Standard 2023.1, Data Mining)
"""

from collections.abc import Iterator, Sequence

from reservation_middleware.model import (
    Identifier,
    Level,
    Note,
    NoteKind,
    Offer,
    Preference,
    Statement,
)
from reservation_middleware.model.vocabulary import (
    AI_INDEX,
    LEAVES,
    SEARCH,
    TDM,
    TRAIN,
    TRAIN_GEN,
)
from reservation_middleware.syntax.media import Media

from ._plus import PLUS, RIGHTS, identifiers, offers
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
    combine,
    for_display,
    shorten,
)

_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_SPEC = "https://www.iptc.org/std/photometadata/specification/IPTC-PhotoMetadata#data-mining"
#: Statements, conditions, offers and identifiers of one file.
_MOST = 8

VALUE = NoteKind(
    "plus-value-unknown",
    Level.WARNING,
    "plus:DataMining has a value that is not in its vocabulary and says nothing: {}",
    "Use a key of the PLUS vocabulary, such as DMI-PROHIBITED-AIMLTRAINING.",
    _SPEC,
)
INVENTED = NoteKind(
    "plus-property-invented",
    Level.WARNING,
    "{} is no IPTC property and says nothing",
    "Use plus:DataMining.",
    _SPEC,
)
CONSTRAINT = NoteKind(
    "plus-constraint-missing",
    Level.WARNING,
    "{} points to a text in the same file that is not there; everything counts as prohibited",
    "Add the text, or use DMI-PROHIBITED.",
    _SPEC,
)
UNREADABLE = NoteKind(
    "plus-unreadable",
    Level.INFO,
    "embedded metadata could not be read: {}",
    "Check the file with a metadata tool.",
    _SPEC,
)

_CONDITIONAL = {
    "DMI-PROHIBITED-SEECONSTRAINT": ((PLUS, "OtherConstraints"),),
    "DMI-PROHIBITED-SEEEMBEDDEDRIGHTSEXPR": (
        (_IPTC, "EmbdEncRightsExpr"),
        (_IPTC, "EncRightsExpr"),
    ),
    "DMI-PROHIBITED-SEELINKEDRIGHTSEXPR": (
        (_IPTC, "LinkedEncRightsExpr"),
        (_IPTC, "LinkedRightsExpr"),
    ),
}
_ALL_BUT_SEARCH = tuple(leaf for leaf in LEAVES if leaf != SEARCH)


class PlusFindings(Findings):
    """What the XMP of one file says."""

    __slots__ = ("identifiers", "offers", "said")

    def __init__(
        self,
        source: ParsedDocument,
        notes: Sequence[Note],
        said: Sequence[Statement],
        offers: Sequence[Offer],
        identifiers: Sequence[Identifier],
    ) -> None:
        super().__init__(source.place, tuple(notes[:_MOST]))
        self.said = tuple(said)
        self.offers = tuple(offers[:_MOST])
        self.identifiers = tuple(identifiers[:_MOST])

    def statements(self) -> tuple[Statement, ...]:
        """All statements."""
        return self.said


class Plus(Signal[PlusFindings]):
    """plus:DataMining."""

    name = "plus"
    title = "PLUS data mining (IPTC)"
    reference = "IPTC Photo Metadata Standard 2023.1"
    status = Status.COMMUNITY
    since = "2023-10"
    carriers = (Carrier("xmp", CONTENT),)
    # What one value allows and what it prohibits.
    terms = {
        "DMI-ALLOWED": Term((SEARCH, AI_INDEX, *TRAIN, TDM), ()),
        "DMI-PROHIBITED-AIMLTRAINING": Term((), TRAIN),
        "DMI-PROHIBITED-GENAIMLTRAINING": Term((), (TRAIN_GEN,)),
        "DMI-PROHIBITED-EXCEPTSEARCHENGINEINDEXING": Term((SEARCH,), _ALL_BUT_SEARCH),
        "DMI-PROHIBITED": Term((), LEAVES),
        **{key: Term((), LEAVES) for key in _CONDITIONAL},
    }
    notes = (VALUE, INVENTED, CONSTRAINT, UNREADABLE)

    def parse(self, source: ParsedDocument) -> PlusFindings | None:
        """Read the XMP of a file."""
        file = source.file
        if not file:
            return None
        notes = [source.note(UNREADABLE, problem) for problem in file.problems[:_MOST]]
        if not file.xmp:
            return PlusFindings(source, notes, (), (), ()) if notes else None
        said: list[Statement] = []
        values: dict[str, str] = {}
        for one in file.xmp:
            if (one.namespace, one.name) == (PLUS, "DataMining"):
                # Of values that mean the same the first one speaks.
                values.setdefault(_key(one.value), one.value)
            elif one.namespace == _IPTC and one.name.startswith(("DMI-", "DataMining")):
                notes.append(source.note(INVENTED, f"Iptc4xmpExt:{one.name}"))
        for key, value in values.items():
            said += self._said(source, file, key, value, notes)
        return PlusFindings(
            source,
            notes,
            said,
            list(offers(source, file, self.name)),
            list(dict.fromkeys(identifiers(source, file, self.name))),
        )

    def settle(self, found: Sequence[PlusFindings], question: Question) -> Settled | None:  # noqa: ARG002
        """One property with one value; of several the most restrictive counts."""
        said = [statement for findings in found for statement in findings.said]
        doors = tuple(offer for findings in found for offer in findings.offers)
        names = tuple(one for findings in found for one in findings.identifiers)
        if not said and not doors and not names:
            return None

        return Settled(
            usage=combine(said), statements=for_display(said), offers=doors, identifiers=names
        )

    def write(self, wish: Intent) -> tuple[Rendering, ...]:  # noqa: ARG002
        """Nothing: embedding XMP is the business of whoever makes the file."""
        return ()

    def _said(
        self, source: ParsedDocument, file: Media, key: str, value: str, notes: list[Note]
    ) -> Iterator[Statement]:
        if key == "DMI-UNSPECIFIED":
            return
        term = self.terms.get(key)
        if term is None:
            notes.append(source.note(VALUE, value))
            return
        names = _CONDITIONAL.get(key, ())
        conditions = _values(file, names)
        if names and not conditions:
            notes.append(source.note(CONSTRAINT, key))
        conditions += _values(file, ((RIGHTS, "UsageTerms"),))
        for leaves, preference in (
            (term.no, Preference.DISALLOWED),
            (term.yes, Preference.ALLOWED),
        ):
            # What was left out of a file may take away, never give.
            if leaves and not (file.cut and preference is Preference.ALLOWED):
                yield Statement(
                    signal=self.name,
                    carrier="xmp",
                    category=_category(leaves),
                    covers=leaves,
                    preference=preference,
                    text=shorten(f"plus:DataMining: {value}"),
                    span=source.span(),
                    conditions=conditions[:_MOST],
                )


def _key(value: str) -> str:
    """What a value means: a URI of the vocabulary, http or https, or its last part alone."""
    return value.strip().rstrip("/").rpartition("/")[2].rpartition("#")[2].upper()


def _category(leaves: tuple[str, ...]) -> str:
    """What a statement is about in one word."""
    if len(leaves) == 1:
        return leaves[0]
    return "ai-train" if leaves == TRAIN else TDM


def _values(file: Media, names: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """What some properties say, each once."""
    found = (one for one in (*file.xmp, *file.inner) if (one.namespace, one.name) in names)
    return tuple(dict.fromkeys(shorten(one.value) for one in found))[:_MOST]
