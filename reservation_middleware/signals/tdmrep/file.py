"""The file of TDMRep: rules in an array, the first that matches applies.

What is read beside the letter is in ``near_misses.py``. Reference:
https://www.w3.org/community/reports/tdmrep/CG-FINAL-tdmrep-20240510/#sec-tdmrep-file
"""

import re

import msgspec
from msgspec.structs import replace

from reservation_middleware.model import Level, Note, NoteKind, Outcome, Scope, Statement
from reservation_middleware.signals.base import Link, ParsedDocument, Place, shorten
from reservation_middleware.syntax import octets
from reservation_middleware.syntax.charset import ascii_based
from reservation_middleware.syntax.path import MAX_PATTERN, split_url
from reservation_middleware.syntax.spelling import nearest, shown

from .near_misses import (
    MISNAMED,
    NEAR_MISS,
    TDM_RULE,
    LocationReader,
    TdmRule,
    is_given,
    rules_inside,
)
from .policy import POLICY
from .statements import (
    MISSPELT,
    PROPERTIES,
    SPEC,
    TWICE,
    VALUE,
    Entry,
    Said,
    TdmrepFindings,
    statement,
)

TDMREP_JSON = Place("tdmrep.json", "/.well-known/tdmrep.json", 512 * 1024, probed=True)
#: Rules of one file that are read, and policies that it may point to.
_MOST_RULES, _MOST_LINKS = 10_000, 100

UNREACHABLE = NoteKind(
    "tdmrep-file-unreachable",
    Level.INFO,
    "tdmrep.json could not be had ({}); the site counts as not using the protocol",
    "Answer with 404 if there is no such file.",
    SPEC + "sec-tdmrep-file",
)
NOT_JSON = NoteKind(
    "tdmrep-file-not-json",
    Level.WARNING,
    "what was served as tdmrep.json is no JSON array of rules, so nothing of it was read",
    "Serve a JSON array of rules, or answer 404 if there is none.",
    SPEC + "sec-tdmrep-file",
)
NOT_UTF_8 = NoteKind(
    "tdmrep-file-not-utf-8",
    Level.WARNING,
    "tdmrep.json is not in UTF-8; its reservations were read all the same, a 0 does not count",
    "Save the file in UTF-8.",
    SPEC + "sec-tdmrep-file",
)
NOT_ARRAY = NoteKind(
    "tdmrep-file-not-array",
    Level.WARNING,
    "tdmrep.json is an object where an array of rules should be; of its rules no 0 counts",
    'Put the rules into an array: [{"location": "/", "tdm-reservation": 1}].',
    SPEC + "sec-tdmrep-file",
)
NOT_RULE = NoteKind(
    "tdmrep-rule-invalid",
    Level.WARNING,
    "rule {} of tdmrep.json has no location and was skipped; unless it says 0, no 0 behind it counts",
    "Give every rule a location and a tdm-reservation.",
    SPEC + "sec-tdmrep-file",
)
UNMATCHED = NoteKind(
    "tdmrep-location-unmatched",
    Level.WARNING,
    "a location that no path can match, so that its rule says nothing: {}",
    "Begin it with a slash (or *), write # as %23, and keep it below 8 KiB.",
    SPEC + "sec-tdmrep-file",
)
STRING = NoteKind(
    "tdmrep-value-string",
    Level.WARNING,
    "a tdm-reservation in quotes was read as the number {}",
    "Write the number without quotes.",
    SPEC + "sec-properties",
)
TOO_LARGE = NoteKind(
    "tdmrep-file-too-large",
    Level.WARNING,
    "tdmrep.json is too large: {}",
    "Use patterns with * instead of one rule per page.",
    SPEC + "sec-tdmrep-file",
)


_MEMBER = b'"tdm-reservation"'
_VALUES = _MEMBER + rb"\s*:\s*([^\s,}]{1,5})"
_ZERO, _ONE = ("0", '"0"', "0.0"), ("1", '"1"', "1.0")
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_TEXT = msgspec.json.Decoder(str)
_NOTHING = Said(None, None)
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NAMES = ("location", *PROPERTIES)
#: A document with so many notes needs no more of them.
_ENOUGH = 20


def read_file(source: ParsedDocument) -> TdmrepFindings | None:
    """The rules of a file; None where there is none."""
    document = source.document
    if document.outcome is Outcome.UNREACHABLE:
        why = document.problem or f"HTTP {document.status}"
        return TdmrepFindings(source, [source.note(UNREACHABLE, why)], entries=())
    if document.outcome is Outcome.UNAVAILABLE or document.body is None:
        return None
    if len(document.body) > TDMREP_JSON.limit:
        return TdmrepFindings(
            source, [source.note(TOO_LARGE, "nothing of it was read")], entries=()
        )
    notes: list[Note] = []
    based = ascii_based(document.body, document.charset, markup=False)
    body = based.removeprefix(b"\xef\xbb\xbf").strip()
    text = octets.text_of(body)
    is_array = True
    try:
        rules = _ARRAY.decode(text)  # str, since Raw does not check UTF-8
    except (msgspec.DecodeError, RecursionError):
        rules, is_array = rules_inside(text), False
        if not rules:
            return TdmrepFindings(source, [source.note(NOT_JSON)], entries=())
        notes.append(source.note(NOT_ARRAY))
    # JSON is UTF-8 (RFC 8259 §8.1).
    is_utf_8 = based is document.body and text.encode() == body
    if not is_utf_8:
        notes.append(source.note(NOT_UTF_8))
    if len(rules) > _MOST_RULES:
        notes.append(source.note(TOO_LARGE, f"only the first {_MOST_RULES} rules were read"))
    reader = _Reader(source, notes, is_array=is_array, allows=is_utf_8)
    for number, raw in enumerate(rules[:_MOST_RULES], 1):
        reader.read(number, raw)
    return TdmrepFindings(source, notes, entries=reader.entries, links=reader.links())


def may_match(location: str) -> bool:
    """Whether there is a path that a location can match."""
    return location.startswith(("/", "*")) and "#" not in location and len(location) <= MAX_PATTERN


class _Reader:
    """Reads the rules of one file in their order, each to the letter and as it is meant.

    Args:
        source: the file.
        notes: gets what is wrong with it.
        is_array: whether the rules stand in an array, as they should.
        allows: whether a 0 may count; it may not behind a rule that was not understood.
    """

    __slots__ = ("_allows", "_is_array", "_links", "_locations", "_notes", "_source", "entries")

    def __init__(
        self, source: ParsedDocument, notes: list[Note], *, is_array: bool, allows: bool
    ) -> None:
        self._source = source
        self._notes = notes
        self._is_array = is_array
        self._allows = allows
        self._locations = LocationReader(split_url(source.document.url)[0])
        self._links: dict[str, Link | None] = {}
        #: The rules, some of them twice: as they stand, and as they are meant.
        self.entries: list[Entry] = []

    def links(self) -> tuple[Link, ...]:
        """The policies that the rules point to."""
        return tuple(link for link in self._links.values() if link)

    def read(self, number: int, raw: msgspec.Raw) -> None:
        """Read the next rule.

        Args:
            number: of the rule, from 1.
            raw: as it is written.
        """
        try:
            rule = TDM_RULE.decode(raw)
            location = _TEXT.decode(rule.location) if is_given(rule.location) else ""
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._skip(number, raw)
            return
        value = self._value(rule, raw)
        is_misnamed = value is None and bytes(rule.misnamed).decode("utf-8", "replace") in _ONE
        reserves = value == "1" or is_misnamed
        if not (location.strip() or reserves):
            self._skip(number, raw)
            return
        if value is None and not is_misnamed:
            given = bytes(rule.reservation).decode("utf-8", "replace")
            self._notes.append(self._source.note(VALUE, given[:80] or "none given"))
            if not given:
                self._misspelt(raw)
        policy = self._policy(rule)
        meant = self._locations.meant(location)
        if location and not may_match(location) and not (reserves and meant != location):
            self._notes.append(self._source.note(UNMATCHED, location))
        letter = None
        if self._is_array and location:
            counts = value == "1" or (value == "0" and self._allows)
            stated = self._statement(value, raw, location) if value and counts else None
            letter = Said(stated, policy)
        if not reserves:
            # A rule whose 0 does not count still is the rule that applies.
            self._keep(location, letter or _NOTHING, letter)
            return
        odd = "an object instead of an array" if not self._is_array else ""
        odd = f"{MISNAMED} instead of tdm-reservation" if is_misnamed else odd
        if letter and not odd:
            self._keep(location, letter, letter)
            if meant == location:
                return
        near = Said(replace(self._statement("1", raw, meant), near_miss=True), policy)
        if location and odd:
            self._keep(location, near, letter)
        if meant != location:
            odd = odd or (f"location {location[:80]!r}" if location.strip() else "no location")
            self._keep(meant, near, None)
            if not location:
                self._misspelt(raw)
        self._notes.append(self._source.note(NEAR_MISS, f"{odd}, in rule {number}"))

    def _skip(self, number: int, raw: msgspec.Raw) -> None:
        """Leave a rule out. Unless it says 0, it may take back what a rule behind it gives."""
        self._notes.append(self._source.note(NOT_RULE, str(number)))
        self._misspelt(raw)
        values = {value.decode("utf-8", "replace") for value in re.findall(_VALUES, bytes(raw))}
        if not values or not values.issubset(_ZERO):
            self._allows = False

    def _keep(self, location: str, said: Said, letter: Said | None) -> None:
        self.entries.append(Entry(location, said, letter))
        # A policy of its own speaks only beside a reservation: the file is the first carrier.
        known = len(self._links) >= _MOST_LINKS or said.policy in self._links
        if said.reservation and said.asks and said.policy and not known:
            self._links[said.policy] = self._source.link(POLICY, said.policy)

    def _value(self, rule: TdmRule, raw: msgspec.Raw) -> str | None:
        """The reservation, 1 or 0; None where it is neither."""
        value = bytes(rule.reservation).decode("utf-8", "replace")
        if value and bytes(raw).count(_MEMBER) > 1:
            values = {found.decode("utf-8", "replace") for found in re.findall(_VALUES, bytes(raw))}
            if value not in _ONE and not values.isdisjoint(_ONE):
                value = "1"  # of a member that is there twice, libraries take the last
                self._notes.append(
                    self._source.note(TWICE, f"{_MEMBER.decode()} twice in one rule")
                )
            elif value in _ZERO and not values.issubset(_ZERO):
                return None
        if value.startswith('"') and value.strip('" ') in ("0", "1"):
            value = value.strip('" ')
            self._notes.append(self._source.note(STRING, value))
        elif value in ("0.0", "1.0"):  # the same numbers, as some languages write them
            value = value[0]
        return value if value in ("0", "1") else None

    def _statement(self, value: str, raw: msgspec.Raw, location: str) -> Statement:
        text = shorten(" ".join(bytes(raw)[:1000].decode("utf-8", "replace").split()))
        return statement(self._source, "tdmrep.json", value, text, None, Scope(location))

    @staticmethod
    def _policy(rule: TdmRule) -> str | None:
        try:
            return _TEXT.decode(rule.policy)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None

    def _misspelt(self, raw: msgspec.Raw) -> None:
        """Note members of a rule that were meant to be those that it lacks."""
        if len(self._notes) >= _ENOUGH:
            return
        try:
            members = _MEMBERS.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        lacking = tuple(name for name in _NAMES if name not in members)
        for name in list(members)[:_ENOUGH]:
            meant = nearest(name, lacking) if name not in (*_NAMES, MISNAMED) else None
            if meant:
                self._notes.append(self._source.note(MISSPELT, f"{shown(name)} ({meant}?)"))
