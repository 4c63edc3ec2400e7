"""Lines of a ledger: their canonical form, that they are read strictly, and their schema."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from ledger_lines import EVERY, SCHEMA

from reservation_middleware.ledger.format.canonical import canonical, new_ident, time_of, time_text
from reservation_middleware.ledger.format.lines import (
    EndLine,
    Entry,
    ErasedLine,
    PolicyLine,
    decode,
    encode,
)
from reservation_middleware.model import LedgerError

_TEXT = st.text(st.characters(codec="utf-8"))
_AWKWARD = st.sampled_from(
    [
        *(chr(code) for code in range(0x20)),
        *('"', "\\", "/", "\x7f", "\x80", "\u2028", "\u2029", "\ufeff", "\ufffe", "\uffff"),
        *("\U00010000", "\U0001f600", "\U0010ffff", "\ud7ff", "\ue000", "é", "e\u0301"),
    ]
)
_WORDS = _TEXT | st.lists(_AWKWARD).map("".join)
_KEYS = st.text(st.characters(max_codepoint=0x7F))
_NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1)
JSON = st.recursive(
    st.none() | st.booleans() | _NUMBERS | _WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_canonical_form_is_that_of_rfc_8785(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@given(JSON)
def test_a_line_in_canonical_form_comes_back(value: Any) -> None:
    entry = PolicyLine(policy={"": value})
    line = encode(entry)
    assert line == rfc8785.dumps(msgspec.to_builtins(entry))
    assert b"\n" not in line
    assert decode(line) == entry


@pytest.mark.parametrize("entry", EVERY.values(), ids=EVERY)
def test_every_kind_comes_back_and_fits_its_schema(entry: Entry) -> None:
    line = encode(entry)
    plain = msgspec.json.decode(line)
    assert line == rfc8785.dumps(plain)
    assert decode(line) == entry
    assert not list(SCHEMA.iter_errors(plain))
    assert plain.get("kind", "erased") in EVERY


@pytest.mark.parametrize("entry", EVERY.values(), ids=EVERY)
def test_what_is_unknown_missing_or_of_another_type_is_refused(entry: Entry) -> None:
    plain = msgspec.json.decode(encode(entry))
    for wrong in _wrong(plain):
        with pytest.raises(LedgerError):
            decode(canonical(wrong))
        assert not SCHEMA.is_valid(wrong)


def _wrong(plain: dict[str, Any]) -> list[dict[str, Any]]:
    optional = {"archive"} if "erased" in plain else set()
    missing = [{k: v for k, v in plain.items() if k != key} for key in plain if key not in optional]
    other = [
        {**plain, key: {"": 1}} for key in plain if key != "policy" or plain["kind"] != "policy"
    ]
    return [{**plain, "more": None}, *missing, *other]


@pytest.mark.parametrize("entry", EVERY.values(), ids=EVERY)
def test_every_other_form_of_a_line_is_refused(entry: Entry) -> None:
    line = encode(entry)
    text = line.decode()
    for other in (
        line + b" ",
        line + b"\n",
        b" " + line,
        line.replace(b":", b": ", 1),
        line.replace(b"e", rb"\u0065", 1),
        b"{" + line[line.index(b",") + 1 : -1] + b"," + line[1 : line.index(b",")] + b"}",
        (text[:-1] + "," + text[1:]).encode(),  # every key twice
        b"\xef\xbb\xbf" + line,
    ):
        with pytest.raises(LedgerError):
            decode(other)


@pytest.mark.parametrize(
    "line", [b"", b"{}", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"a":' * 100_000, b'{"kind":1}']
)
def test_what_is_no_line_is_refused(line: bytes) -> None:
    with pytest.raises(LedgerError):
        decode(line)


@given(st.binary())
def test_no_bytes_are_an_error_of_another_kind(line: bytes) -> None:
    with pytest.raises(LedgerError):
        decode(line)


def test_numbers_that_no_float_holds_are_refused() -> None:
    line = encode(EVERY["gap"])
    most = decode(line.replace(b'"lost":3', b'"lost":9007199254740991'))
    assert encode(most).count(b"9007199254740991")
    with pytest.raises(LedgerError):
        decode(line.replace(b'"lost":3', b'"lost":9007199254740992'))


def test_half_characters_are_replaced() -> None:
    entry = PolicyLine(policy={"a": ["\ud800x", {"b": "\udcff"}]})
    assert decode(encode(entry)) == PolicyLine(policy={"a": ["?x", {"b": "?"}]})


def test_an_erased_line_may_name_what_was_erased_from_the_archive() -> None:
    short, long = ErasedLine(erased="ab" * 32), EVERY["erased"]
    assert encode(short) == b'{"erased":"' + b"ab" * 32 + b'"}'
    assert decode(encode(short)) == short
    assert isinstance(decode(encode(long)), ErasedLine)
    assert SCHEMA.is_valid(msgspec.to_builtins(short))


_TIMES = st.datetimes(timezones=st.just(UTC))


@given(_TIMES)
def test_times_come_back(moment: datetime) -> None:
    text = time_text(moment)
    assert time_of(text) == moment
    assert decode(encode(EndLine(time=text))) == EndLine(time=text)


@given(_TIMES, st.integers(-14, 14))
def test_times_are_in_utc(moment: datetime, hours: int) -> None:
    zone = timezone(timedelta(hours=hours))
    try:
        there = moment.astimezone(zone)
    except OverflowError:
        there = moment.replace(tzinfo=zone)  # at an end of the calendar: only no error
        assert len(time_text(there)) == 27
    else:
        assert time_text(there) == time_text(moment)


@pytest.mark.parametrize(
    "text",
    ["", "2026-11-22T05:30:00Z", "2026-11-22T05:30:00.000000+00:00", "2026-13-22T05:30:00.000000Z"],
)
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(LedgerError):
        time_of(text)


def test_identifiers_are_uuids_of_version_7_and_sort_by_time() -> None:
    start = datetime(2026, 11, 22, 5, 30, tzinfo=UTC)
    moments = [start + timedelta(microseconds=step) for step in range(5000)]
    idents = [new_ident(moment) for moment in moments]
    assert idents == sorted(idents)
    assert len(set(idents)) == len(idents)
    for ident, moment in zip(idents, moments, strict=True):
        assert len(ident) == 32
        assert ident[12] == "7"
        assert ident[16] in "89ab"
        assert int(ident[:12], 16) == int(moment.timestamp() * 1000 + 1e-4)
