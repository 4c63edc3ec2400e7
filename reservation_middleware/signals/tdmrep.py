"""W3C TDM Reservation Protocol: /.well-known/tdmrep.json, HTTP fields and HTML metas.

EPUB, PDF and the policy document itself are other files' business. Reference:
https://www.w3.org/community/reports/tdmrep/CG-FINAL-tdmrep-20240510/
"""

from collections.abc import Sequence
from html import escape
from typing import Any, NamedTuple
from urllib.parse import urljoin

import msgspec

from reservation_middleware.model import (
    Level,
    Note,
    NoteKind,
    Offer,
    Outcome,
    Preference,
    Scope,
    Statement,
)
from reservation_middleware.model.vocabulary import AI_INDEX, AI_INPUT, TDM, TRAIN
from reservation_middleware.syntax.path import PatternIndex

from ._signal import (
    CONTENT,
    HEADERS,
    Carrier,
    Findings,
    Place,
    Question,
    Settled,
    Signal,
    Source,
    Status,
    Term,
    Wish,
    Written,
    cut,
    spoken,
)

_SPEC = "https://www.w3.org/community/reports/tdmrep/CG-FINAL-tdmrep-20240510/#"
TDMREP_JSON = Place("tdmrep.json", "/.well-known/tdmrep.json", 512 * 1024, probed=True)
#: Rules of one file that are read, and notes that are kept.
_MOST_RULES, _MOST = 10_000, 10

UNREACHABLE = NoteKind(
    "tdmrep-file-unreachable",
    Level.INFO,
    "tdmrep.json could not be had ({}); the site counts as not using the protocol",
    "Answer with 404 if there is no such file.",
    _SPEC + "sec-tdmrep-file",
)
NOT_JSON = NoteKind(
    "tdmrep-file-not-json",
    Level.WARNING,
    "what was served as tdmrep.json is not JSON",
    "Serve a JSON array of rules, or answer 404 if there is none.",
    _SPEC + "sec-tdmrep-file",
)
NOT_ARRAY = NoteKind(
    "tdmrep-file-not-array",
    Level.WARNING,
    "tdmrep.json holds one rule without the array around it; it was read all the same",
    "Put the rule into an array.",
    _SPEC + "sec-tdmrep-file",
)
NOT_RULE = NoteKind(
    "tdmrep-rule-invalid",
    Level.WARNING,
    "rule {} of tdmrep.json has no location and was skipped",
    "Give every rule a location and a tdm-reservation.",
    _SPEC + "sec-tdmrep-file",
)
VALUE = NoteKind(
    "tdmrep-value-invalid",
    Level.WARNING,
    "a tdm-reservation other than 1 or 0 counts as not set: {}",
    "Use the number 1 (reserved) or 0 (not reserved).",
    _SPEC + "sec-properties",
)
STRING = NoteKind(
    "tdmrep-value-string",
    Level.WARNING,
    "a tdm-reservation in quotes was read as the number {}",
    "Write the number without quotes.",
    _SPEC + "sec-properties",
)
TOO_LARGE = NoteKind(
    "tdmrep-file-too-large",
    Level.WARNING,
    "tdmrep.json is too large: {}",
    "Use patterns with * instead of one rule per page.",
    _SPEC + "sec-tdmrep-file",
)


class _Rule(msgspec.Struct):
    """A rule of the file, its values left as they are written."""

    location: msgspec.Raw = msgspec.Raw()
    reservation: msgspec.Raw = msgspec.field(default=msgspec.Raw(), name="tdm-reservation")
    policy: msgspec.Raw = msgspec.field(default=msgspec.Raw(), name="tdm-policy")


_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_RULE = msgspec.json.Decoder(_Rule)
_TEXT = msgspec.json.Decoder(str)


class _Said(NamedTuple):
    """The two properties, each None where it is not set."""

    reservation: Statement | None
    policy: str | None
    line: int | None = None


class TdmrepFindings(Findings):
    """The rules of a file, or what a head or a page says."""

    __slots__ = ("index", "said", "source")

    def __init__(
        self,
        source: Source,
        notes: Sequence[Note],
        said: Sequence[_Said] = (),
        locations: Sequence[str] | None = None,
    ) -> None:
        super().__init__(source.place, tuple(notes[:_MOST]))
        self.source = source
        self.said = tuple(said)
        #: None for carriers that speak about their own page only.
        self.index = None if locations is None else PatternIndex(locations)

    def statements(self) -> tuple[Statement, ...]:
        """All valid reservations."""
        return tuple(said.reservation for said in self.said if said.reservation)

    def about(self, path: str) -> _Said | None:
        """What is said about a path: of the file's rules the first that matches."""
        if self.index is None:
            return self.said[0] if self.said else None
        first = min(self.index.matching(path), default=None)
        return None if first is None else self.said[first]


class Tdmrep(Signal[TdmrepFindings]):
    """tdm-reservation and tdm-policy."""

    name = "tdmrep"
    title = "W3C TDM Reservation Protocol"
    reference = "CG-FINAL-tdmrep-20240510"
    status = Status.COMMUNITY
    since = "2024-05"
    carriers = (
        Carrier("tdmrep.json", TDMREP_JSON),
        Carrier("header", HEADERS),
        Carrier("meta", CONTENT),
    )
    terms = {
        "tdm-reservation": Term((AI_INDEX, *TRAIN, TDM), (AI_INDEX, AI_INPUT, *TRAIN, TDM)),
    }
    notes = (UNREACHABLE, NOT_JSON, NOT_ARRAY, NOT_RULE, VALUE, STRING, TOO_LARGE)
    fields = (b"tdm-reservation", b"tdm-policy")
    words = (b"tdm-reservation", b"tdm-policy", b"tdm:reservation", b"tdm:policy")

    def parse(self, source: Source) -> TdmrepFindings | None:
        """Read the file, the two header fields or the two metas."""
        if source.place is HEADERS:
            return self._head(source)
        if source.place is CONTENT:
            return self._page(source)
        return self._file(source)

    def settle(self, found: Sequence[TdmrepFindings], question: Question) -> Settled | None:
        """File, then header, then HTML: later supersedes, absence never resets."""
        reservation: Statement | None = None
        policy: tuple[str, str, int | None] | None = None
        for findings in found:
            said = findings.about(question.path)
            if said is None:
                continue
            reservation = said.reservation or reservation
            if said.policy:
                policy = said.policy, findings.source.document.url, said.line
        if reservation is None:
            return None
        last = reservation

        def make() -> Settled:
            offers: tuple[Offer, ...] = ()
            if policy and last.preference is Preference.DISALLOWED:
                # With reservation 0 a policy SHOULD NOT be processed.
                url, document, line = policy
                offers = (
                    Offer(kind="policy", signal=self.name, url=url, document=document, line=line),
                )
            usage = dict.fromkeys(last.covers, last.preference)
            return Settled(usage=usage, statements=(last,), offers=offers)

        return found[0].answer((last,), make) if len(found) == 1 else make()

    def write(self, wish: Wish) -> tuple[Written, ...]:
        """The file, the header fields and the metas."""
        said = spoken(self.terms, wish)
        if not said:
            return ()
        value = 1 if said["tdm-reservation"] is Preference.DISALLOWED else 0
        rule: dict[str, Any] = {"location": "/", "tdm-reservation": value}
        fields = [("tdm-reservation", str(value))]
        if wish.policy and value:
            rule["tdm-policy"] = wish.policy
            fields.append(("tdm-policy", wish.policy))
        return (
            Written(self.carriers[0], msgspec.json.format(msgspec.json.encode([rule])).decode()),
            Written(self.carriers[1], "\n".join(f"{name}: {text}" for name, text in fields)),
            Written(
                self.carriers[2],
                "\n".join(
                    f'<meta name="{name}" content="{escape(text)}">' for name, text in fields
                ),
            ),
        )

    def _file(self, source: Source) -> TdmrepFindings | None:
        document = source.document
        if document.outcome is Outcome.UNREACHABLE:
            why = document.problem or f"HTTP {document.status}"
            return TdmrepFindings(source, [source.note(UNREACHABLE, why)], (), ())
        if document.outcome is Outcome.UNAVAILABLE or document.body is None:
            return None
        notes: list[Note] = []
        if len(document.body) > TDMREP_JSON.limit:
            return TdmrepFindings(
                source, [source.note(TOO_LARGE, "nothing of it was read")], (), ()
            )
        body = document.body.removeprefix(b"\xef\xbb\xbf").strip()
        try:
            rules = _ARRAY.decode(body.decode())  # str, since Raw does not check UTF-8
        except (msgspec.ValidationError, RecursionError):
            if not body.startswith(b"{"):
                return TdmrepFindings(source, [source.note(NOT_JSON)], (), ())
            notes.append(source.note(NOT_ARRAY))
            rules = [msgspec.Raw(body)]
        except (msgspec.DecodeError, UnicodeDecodeError):
            return TdmrepFindings(source, [source.note(NOT_JSON)], (), ())
        if len(rules) > _MOST_RULES:
            notes.append(source.note(TOO_LARGE, f"only the first {_MOST_RULES} rules were read"))
        said: list[_Said] = []
        locations: list[str] = []
        for number, raw in enumerate(rules[:_MOST_RULES], 1):
            try:
                rule = _RULE.decode(raw)
                location = _TEXT.decode(rule.location)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                location = ""
            if not location:
                notes.append(source.note(NOT_RULE, str(number)))
                continue
            locations.append(location)
            said.append(self._rule(source, rule, bytes(raw), location, notes))
        return TdmrepFindings(source, notes, said, locations)

    def _rule(
        self, source: Source, rule: "_Rule", raw: bytes, location: str, notes: list[Note]
    ) -> _Said:
        value = bytes(rule.reservation).decode("utf-8", "replace")
        if value.startswith('"') and value.strip('" ') in ("0", "1"):
            value = value.strip('" ')
            notes.append(source.note(STRING, value))
        reservation = None
        if value in ("0", "1"):
            text = cut(" ".join(raw[:1000].decode("utf-8", "replace").split()))
            reservation = self._statement(source, "tdmrep.json", value, text, None, Scope(location))
        else:
            notes.append(source.note(VALUE, value[:80] or "none given"))
        try:
            policy = _absolute(source, _TEXT.decode(rule.policy))
        except (msgspec.DecodeError, UnicodeDecodeError):
            policy = None
        return _Said(reservation, policy)

    def _head(self, source: Source) -> TdmrepFindings | None:
        fields = source.document.fields
        values = fields.get("tdm-reservation")
        policies = fields.get("tdm-policy")
        if not values and not policies:
            return None
        notes: list[Note] = []
        reservation = None
        if values:
            reservation = self._value(source, "header", ", ".join(values), None, notes)
        policy = _absolute(source, policies[-1]) if policies else None
        return TdmrepFindings(source, notes, (_Said(reservation, policy),))

    def _page(self, source: Source) -> TdmrepFindings | None:
        notes: list[Note] = []
        reservation: Statement | None = None
        policy: tuple[str | None, int | None] = None, None
        for meta in source.metas:
            # The colon form belongs to EPUB and PDF; its intent is clear here, too.
            name = meta.name.replace("tdm:", "tdm-")
            if name == "tdm-reservation":
                said = self._value(source, "meta", meta.content, meta.line, notes)
                if said and (reservation is None or said.preference is Preference.DISALLOWED):
                    reservation = said
            elif name == "tdm-policy":
                policy = _absolute(source, meta.content), meta.line
        if reservation is None and policy[0] is None and not notes:
            return None
        return TdmrepFindings(source, notes, (_Said(reservation, *policy),))

    def _value(
        self, source: Source, carrier: str, value: str, line: int | None, notes: list[Note]
    ) -> Statement | None:
        """A textual value; a repeated header is accepted where all its values agree."""
        values = {part.strip() for part in value.split(",")}
        only = values.pop() if len(values) == 1 else ""
        if only not in ("0", "1"):
            notes.append(source.note(VALUE, value, line))
            return None
        return self._statement(source, carrier, only, f"tdm-reservation: {only}", line, Scope())

    def _statement(
        self, source: Source, carrier: str, value: str, text: str, line: int | None, scope: Scope
    ) -> Statement:
        term = self.terms["tdm-reservation"]
        reserved = value == "1"
        return Statement(
            signal=self.name,
            carrier=carrier,
            category=TDM,
            covers=term.no if reserved else term.yes,
            preference=Preference.DISALLOWED if reserved else Preference.ALLOWED,
            text=text,
            span=source.span(line),
            scope=scope,
        )


def _absolute(source: Source, url: str) -> str | None:
    """A policy URL, resolved against the document; None if it cannot be one."""
    url = url.strip()
    if not url or len(url) > 2048:
        return None
    try:
        found = urljoin(source.document.url, url)
    except ValueError:
        return None
    return found if found.startswith(("https://", "http://")) else None
