"""The file of TDMRep: rules in an array, the first that matches applies.

Reference:
https://www.w3.org/community/reports/tdmrep/CG-FINAL-tdmrep-20240510/#sec-tdmrep-file
"""

import re

import msgspec

from reservation_middleware.model import Level, Note, NoteKind, Outcome, Preference, Scope
from reservation_middleware.signals.base import Link, ParsedDocument, Place, shorten
from reservation_middleware.syntax import octets
from reservation_middleware.syntax.charset import ascii_based
from reservation_middleware.syntax.path import MAX_PATTERN

from .policy import POLICY
from .statements import SPEC, TWICE, VALUE, Said, TdmrepFindings, statement

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
    "tdmrep.json holds one rule without the array around it; it was read all the same",
    "Put the rule into an array.",
    SPEC + "sec-tdmrep-file",
)
NOT_RULE = NoteKind(
    "tdmrep-rule-invalid",
    Level.WARNING,
    "rule {} of tdmrep.json has no location and was skipped",
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


class _Rule(msgspec.Struct):
    """A rule of the file, its values left as they are written."""

    location: msgspec.Raw = msgspec.Raw()
    reservation: msgspec.Raw = msgspec.field(default=msgspec.Raw(), name="tdm-reservation")
    policy: msgspec.Raw = msgspec.field(default=msgspec.Raw(), name="tdm-policy")


_MEMBER = b'"tdm-reservation"'
_VALUES = _MEMBER + rb"\s*:\s*([^\s,}]{1,5})"
_ONE = ("1", '"1"', "1.0")
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_RULE = msgspec.json.Decoder(_Rule)
_TEXT = msgspec.json.Decoder(str)


def read_file(source: ParsedDocument) -> TdmrepFindings | None:
    """The rules of a file; None where there is none."""
    document = source.document
    if document.outcome is Outcome.UNREACHABLE:
        why = document.problem or f"HTTP {document.status}"
        return TdmrepFindings(source, [source.note(UNREACHABLE, why)], (), ())
    if document.outcome is Outcome.UNAVAILABLE or document.body is None:
        return None
    notes: list[Note] = []
    if len(document.body) > TDMREP_JSON.limit:
        return TdmrepFindings(source, [source.note(TOO_LARGE, "nothing of it was read")], (), ())
    based = ascii_based(document.body, document.charset, markup=False)
    body = based.removeprefix(b"\xef\xbb\xbf").strip()
    text = octets.text_of(body)
    try:
        rules = _ARRAY.decode(text)  # str, since Raw does not check UTF-8
    except (msgspec.DecodeError, RecursionError):
        if not _location(text):
            return TdmrepFindings(source, [source.note(NOT_JSON)], (), ())
        notes.append(source.note(NOT_ARRAY))
        rules = [msgspec.Raw(text.encode())]
    # JSON is UTF-8 (RFC 8259 §8.1).
    literal = based is document.body and text.encode() == body
    if not literal:
        notes.append(source.note(NOT_UTF_8))
    if len(rules) > _MOST_RULES:
        notes.append(source.note(TOO_LARGE, f"only the first {_MOST_RULES} rules were read"))
    said: list[Said] = []
    locations: list[str] = []
    links: dict[str, Link | None] = {}
    for number, raw in enumerate(rules[:_MOST_RULES], 1):
        location = _location(raw)
        if not location:
            notes.append(source.note(NOT_RULE, str(number)))
            continue
        if not location.startswith(("/", "*")) or "#" in location or len(location) > MAX_PATTERN:
            notes.append(source.note(UNMATCHED, location))
        locations.append(location)
        one = _said(source, _RULE.decode(raw), bytes(raw), location, notes)
        if not literal and one.reservation and one.reservation.preference is Preference.ALLOWED:
            one = one._replace(reservation=None)  # still the rule that applies
        said.append(one)
        # A policy of its own speaks only beside a reservation: the file is the first carrier.
        known = len(links) >= _MOST_LINKS or one.policy in links
        if one.reservation and one.asks and one.policy and not known:
            links[one.policy] = source.link(POLICY, one.policy)
    return TdmrepFindings(source, notes, said, locations, [link for link in links.values() if link])


def _location(rule: str | msgspec.Raw) -> str:
    """The location of a rule, "" where there is none, or no rule."""
    try:
        return _TEXT.decode(_RULE.decode(rule).location)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""


def _said(
    source: ParsedDocument, rule: _Rule, raw: bytes, location: str, notes: list[Note]
) -> Said:
    value = bytes(rule.reservation).decode("utf-8", "replace")
    if (
        value not in _ONE
        and raw.count(_MEMBER) > 1
        and any(found.decode() in _ONE for found in re.findall(_VALUES, raw))
    ):
        value = "1"  # of a member that is there twice, libraries take the last
        notes.append(source.note(TWICE, f"{_MEMBER.decode()} twice in one rule"))
    if value.startswith('"') and value.strip('" ') in ("0", "1"):
        value = value.strip('" ')
        notes.append(source.note(STRING, value))
    elif value in ("0.0", "1.0"):  # the same numbers, as some languages write them
        value = value[0]
    reservation = None
    if value in ("0", "1"):
        text = shorten(" ".join(raw[:1000].decode("utf-8", "replace").split()))
        reservation = statement(source, "tdmrep.json", value, text, None, Scope(location))
    else:
        notes.append(source.note(VALUE, value[:80] or "none given"))
    try:
        policy = _TEXT.decode(rule.policy)
    except (msgspec.DecodeError, UnicodeDecodeError):
        policy = None
    return Said(reservation, policy)
