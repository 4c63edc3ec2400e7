"""The PLUS data mining property in the XMP of images, PDF and other files.

Here: what ``plus:DataMining`` says, the licensor and licence beside it as offers, and the
names of the work. TDMRep and RSL in the same XMP are read elsewhere. Reference:
https://ns.useplus.org/LDF/ldf-XMPSpecification (IPTC Photo Metadata Standard 2023.1, Data Mining)
"""

import re
from collections.abc import Iterable, Iterator, Sequence

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
from reservation_middleware.syntax.media import Media, Property

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
    without_doubted,
)

_PLUS = "http://ns.useplus.org/ldf/xmp/1.0/"
_RIGHTS = "http://ns.adobe.com/xap/1.0/rights/"
_MM = "http://ns.adobe.com/xap/1.0/mm/"
_PRISM = "http://prismstandard.org/namespaces/"
_INVENTED = ("DMI-", "DataMining")
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
    "DMI-PROHIBITED-SEECONSTRAINT": ((_PLUS, "OtherConstraints"),),
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

_SCHEMES = {
    (_MM, "DocumentID"): "xmp-document",
    (_MM, "InstanceID"): "xmp-instance",
    (_MM, "OriginalDocumentID"): "xmp-original",
    ("http://ns.adobe.com/pdfx/1.3/", "doi"): "doi",
    ("http://crossref.org/crossmark/1.0/", "DOI"): "doi",
}
#: Properties whose values may be identifiers of any scheme.
_MIXED = (
    *(
        ("http://purl.org/dc/elements/1.1/", "identifier"),
        ("http://ns.adobe.com/xap/1.0/", "Identifier"),
    ),
    *((_PLUS, name) for name in ("ImageCreatorID", "CopyrightOwnerID", "LicensorID")),
)
_KINDS = (
    (
        "doi",
        r"(?i)(?:doi:|https?://(?:dx\.)?doi\.org/)?\s*(10\.\d{4,9}/\S+)",
    ),
    ("iscc", r"(?i)(ISCC:[A-Z2-7]{10,80})"),
    (
        "isni",
        r"(?i)(?:(?:urn:)?isni[: ]\s*|https?://(?:www\.)?isni\.org/(?:isni/)?)((?:\d{4}[ -]?){3}\d{3}[\dX])",
    ),
)

_MAIL = r"(?i)\s*(?:mailto:)?([^\s@<>]{1,64}@[^\s@<>]{1,255})\s*"
_PHONE = r"(?i)\s*(?:tel:)?\s*(\+?\d[\d ()./-]{3,40})\s*"


_VOCABULARY = "http://ns.useplus.org/ldf/vocab/"
#: The keys that are written, those that cover most first.
_WRITTEN = (
    "DMI-PROHIBITED",
    "DMI-PROHIBITED-EXCEPTSEARCHENGINEINDEXING",
    "DMI-ALLOWED",
    "DMI-PROHIBITED-AIMLTRAINING",
    "DMI-PROHIBITED-GENAIMLTRAINING",
)


class PlusFindings(Findings):
    """What the XMP of one file says."""

    __slots__ = ("identifiers", "mining", "offers")

    def __init__(
        self,
        source: ParsedDocument,
        notes: Sequence[Note],
        mining: Sequence[Statement],
        offers: Sequence[Offer],
        identifiers: Sequence[Identifier],
    ) -> None:
        super().__init__(source.place, tuple(notes[:_MOST]))
        self.mining = tuple(mining)
        self.offers = tuple(offers[:_MOST])
        self.identifiers = tuple(identifiers[:_MOST])

    def statements(self) -> tuple[Statement, ...]:
        """All statements."""
        return self.mining


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
        mining: list[Statement] = []
        values: dict[str, str] = {}
        for field in file.xmp:
            if (field.namespace, field.name) == (_PLUS, "DataMining"):
                # Of values that mean the same the first counts.
                values.setdefault(_key(field.value), field.value)
            elif field.namespace == _IPTC and field.name.startswith(_INVENTED):
                notes.append(source.note(INVENTED, f"Iptc4xmpExt:{field.name}"))
        for key, value in values.items():
            mining += self._statements(source, file, key, value, notes)
        doubt = _doubt(source, file, [value for key, value in values.items() if not _known(key)])
        mining += [doubt] if doubt and mining else []
        return PlusFindings(
            source,
            notes,
            mining,
            list(_offers(source, file)),
            list(dict.fromkeys(_identifiers(source, file))),
        )

    def settle(self, found: Sequence[PlusFindings], question: Question) -> Settled | None:  # noqa: ARG002
        """One property with one value; of several the most restrictive counts."""
        mining = without_doubted([statement for findings in found for statement in findings.mining])
        offers = tuple(offer for findings in found for offer in findings.offers)
        identifiers = tuple(name for findings in found for name in findings.identifiers)
        if not mining and not offers and not identifiers:
            return None

        return Settled(
            usage=combine(mining),
            statements=for_display(mining),
            offers=offers,
            identifiers=identifiers,
        )

    def write(self, intent: Intent) -> tuple[Rendering, ...]:
        """The value of plus:DataMining that says most of what is intended, and nothing else."""
        for key in _WRITTEN:
            term = self.terms[key]
            refused = all(intent.usage.get(leaf) is Preference.DISALLOWED for leaf in term.no)
            granted = all(intent.usage.get(leaf) is Preference.ALLOWED for leaf in term.yes)
            if refused and granted:
                return (Rendering(self.carriers[0], f"{_VOCABULARY}{key}"),)
        return ()

    def _statements(
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
        conditions += _values(file, ((_RIGHTS, "UsageTerms"),))
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


def _known(key: str) -> bool:
    return key == "DMI-UNSPECIFIED" or key in Plus.terms


def _doubt(source: ParsedDocument, file: Media, unknown: Sequence[str]) -> Statement | None:
    """What may take back what ``DMI-ALLOWED`` gives: another value, or a constraint in words."""
    texts = [f"plus:DataMining: {value}" for value in unknown]
    for one in file.xmp:
        if (one.namespace, one.name) == (_PLUS, "OtherConstraints"):
            texts.append(f"plus:OtherConstraints: {one.value}")
        elif one.namespace == _IPTC and one.name.startswith(_INVENTED):
            texts.append(f"Iptc4xmpExt:{one.name}: {one.value}")
    if not texts:
        return None
    return Statement(
        signal=Plus.name,
        carrier="xmp",
        category=TDM,
        covers=LEAVES,
        preference=Preference.UNKNOWN,
        text=shorten(texts[0]),
        span=source.span(),
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
    """The values of some properties, each once."""
    fields = (field for field in (*file.xmp, *file.inner) if (field.namespace, field.name) in names)
    return tuple(dict.fromkeys(shorten(field.value) for field in fields))[:_MOST]


def _offers(source: ParsedDocument, file: Media) -> Iterator[Offer]:
    """The licensor, and where the terms stand; with or without a reservation beside them."""
    where, signal = source.document.url, Plus.name
    for field in _in_namespace((*file.xmp, *file.inner), _PLUS):
        if field.name == "LicensorURL" and (url := _http(field.value)):
            yield Offer(kind="contact", signal=signal, url=url, contact=url, document=where)
        contact = None
        if field.name == "LicensorEmail":
            found = re.fullmatch(_MAIL, field.value)
            contact = found and found[1]
        elif field.name in ("LicensorTelephone1", "LicensorTelephone2"):
            found = re.fullmatch(_PHONE, field.value)
            contact = found and "tel:" + re.sub(r"[^+\d]", "", found[1])
        if contact:
            yield Offer(kind="contact", signal=signal, contact=contact, document=where)
    for field in _in_namespace(file.xmp, _RIGHTS):
        if field.name == "WebStatement" and (url := _http(field.value)):
            yield Offer(kind="policy", signal=signal, url=url, document=where)


def _identifiers(source: ParsedDocument, file: Media) -> Iterator[Identifier]:
    """Identifiers of the work, of the file and of their people."""
    for field in (*file.xmp, *_in_namespace(file.inner, _PLUS)):
        scheme = _SCHEMES.get((field.namespace, field.name))
        value: str | None = field.value
        if field.namespace.startswith(_PRISM) and field.name == "doi":
            scheme = "doi"
        if scheme == "doi" or (field.namespace, field.name) in _MIXED:
            scheme, value = _identified(field.value)
        if scheme and value:
            yield Identifier(
                scheme=scheme, value=shorten(value), signal=Plus.name, document=source.document.url
            )


def _in_namespace(properties: Iterable[Property], namespace: str) -> Iterator[Property]:
    return (field for field in properties if field.namespace == namespace)


def _identified(value: str) -> tuple[str | None, str | None]:
    """The scheme of an identifier that shows it, and the identifier without its prefix."""
    for scheme, pattern in _KINDS:
        found = re.fullmatch(pattern, value.strip()[:400])
        if found:
            return scheme, found[1]
    return None, None


def _http(value: str) -> str | None:
    """A URL as it stands in a file, which has no base; None if it is none."""
    value = value.strip()
    plain = value.isprintable() and not re.search(r"\s", value) and len(value) <= 2048
    return value if plain and re.match(r"https?://[^/]", value, re.IGNORECASE) else None
