"""Policy documents as WARC: whatever a site sends comes back as it was, and stays WARC."""

import gzip
import io
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_lines import NOW, document
from warcio.archiveiterator import ArchiveIterator  # type: ignore[import-untyped]
from warcio.checker import Checker  # type: ignore[import-untyped]

from reservation_middleware.ledger.format.lines import Archive
from reservation_middleware.ledger.format.warc import (
    First,
    WarcRecord,
    document_record,
    info_record,
    parse_record,
    read_octets,
    read_record,
    request_record,
)
from reservation_middleware.model import Document, LedgerError, Outcome

_NAMES = st.sampled_from(
    [
        *("content-type", "content-encoding", "content-length", "transfer-encoding", "link"),
        *("Content-Encoding", "x-archive-orig-content-length", "X-Archive-Orig-Field"),
        *("", "a b", "a:b", ":", "a\r\nb", "é", "WARC-Type"),
    ]
)
_HOSTILE = st.sampled_from(
    [
        *("", " ", "\t", " x ", "a\r\nb: c", "\r\n\r\n", "\n", "\r", "\0", "\x7f", "\x85"),
        *("\xa0", "é", "\xff", "€", "\ud800", "\udcff", "\U0001f600", "%0D%0A", "a:b", "gzip"),
        *("chunked", "0", "WARC/1.1", "x" * 10_000),
    ]
)
_ANY_TEXT = st.text(max_size=20)
_HEADERS = st.lists(st.tuples(_NAMES | _ANY_TEXT, _HOSTILE | _ANY_TEXT), max_size=6).map(tuple)
_URLS = st.sampled_from(
    [
        *("https://a.example/robots.txt", "https://a.example/a b?ü=\u2028", "HTTP://A.example"),
        *("", "a\r\nWARC-Type: x", "https://a.example/<x>", "ftp://a", "https://[::1]:8/\ud800"),
    ]
)
_BODIES = st.none() | st.binary() | st.sampled_from([b"", b"\r\n\r\n", b"\r\n", b"WARC/1.1\r\n"])
DOCUMENTS = st.builds(
    Document,
    url=_URLS | _ANY_TEXT,
    resource=st.just("robots.txt"),
    outcome=st.sampled_from(Outcome),
    status=st.none() | st.integers(1, 999),
    headers=_HEADERS,
    body=_BODIES,
    fetched_at=st.none() | st.just(NOW),
    location=st.none() | _URLS,
    address=st.none() | st.sampled_from(["192.0.2.1", "2001:db8::1", "fe80::1%eth0", "no\r\nIP"]),
)


@given(DOCUMENTS)
def test_a_document_comes_back_exactly(given_document: Document) -> None:
    data = document_record(given_document, NOW)
    found = parse_record(data)
    assert found.type == "response"
    assert found.status == given_document.status
    assert found.headers == given_document.headers
    assert found.body == given_document.body
    assert _others_read(data) == ["response"]


@given(DOCUMENTS)
def test_a_body_is_written_once(given_document: Document) -> None:
    first = First("https://b.example/robots.txt", "2026-11-22T05:30:00.000000Z")
    data = document_record(given_document, NOW, first=first)
    found = parse_record(data)
    again = given_document.body is not None
    assert found.type == ("revisit" if again else "response")
    assert found.headers == given_document.headers
    assert found.body is None
    assert _others_read(data) == [found.type]


@given(DOCUMENTS)
def test_requests_hold_what_is_known(given_document: Document) -> None:
    data = request_record(given_document, NOW)
    assert parse_record(data).type == "request"
    assert _others_read(data) == ["request"]


def _others_read(data: bytes) -> list[str]:
    """The types of the records that warcio itself finds, with their digests checked."""
    types = []
    for record in ArchiveIterator(io.BytesIO(data), no_record_parse=True):
        record.raw_stream.read()
        types.append(record.rec_type)
        # Heads of other schemes are none to warcio, so it takes them for parts of bodies.
        if not str(record.rec_headers.get_header("WARC-Target-URI")).startswith("http"):
            return types
    for record in ArchiveIterator(io.BytesIO(data), check_digests="raise"):
        record.raw_stream.read()
    return types


def test_a_record_as_others_see_it() -> None:
    body = b"User-agent: *\nDisallow: /\n"
    headers = (
        ("content-type", "text/plain"),
        ("content-encoding", "gzip"),
        ("content-length", "40"),
        ("x-é", "b"),
        ("link", "<\xe9>"),
    )
    one = document(
        "https://a.example/robots.txt?token=geheim",
        body,
        headers=headers,
        location="https://b.example/robots x.txt?api_key=geheim",
        address="192.0.2.1",
    )
    ident = "00000000-0000-4000-8000-000000000000"
    data = document_record(one, NOW, ident=ident)
    record = next(ArchiveIterator(io.BytesIO(data)))
    assert record.rec_headers.get_header("WARC-Type") == "response"
    target = record.rec_headers.get_header("WARC-Target-URI")
    assert target == "https://b.example/robots%20x.txt?api_key=REDACTED"
    assert record.rec_headers.get_header("WARC-IP-Address") == "192.0.2.1"
    assert record.rec_headers.get_header("WARC-Date") == "2026-11-22T05:30:00.123456Z"
    assert record.rec_headers.get_header("WARC-Record-ID") == f"<urn:uuid:{ident}>"
    assert record.rec_headers.protocol == "WARC/1.1"
    plain = gzip.decompress(data)
    assert b"geheim" not in plain
    head = (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n"
        b"X-Archive-Orig-content-encoding: gzip\r\nX-Archive-Orig-content-length: 40\r\n"
        b"X-Archive-Orig-Field: x-%C3%A9:b\r\nlink: <\xe9>\r\n\r\n"
    )
    assert plain.endswith(b"\r\n\r\n" + head + body + b"\r\n\r\n")


def test_the_same_document_gives_the_same_bytes() -> None:
    one, ident = document(), "00000000-0000-4000-8000-000000000000"
    assert document_record(one, NOW, ident=ident) == document_record(one, NOW, ident=ident)
    assert request_record(one, NOW, ident=ident) == request_record(one, NOW, ident=ident)


def test_warcio_checks_an_archive_of_ours(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = document()
    missing = document("https://a.example/ai.txt", None, status=404)
    first = First("https://a.example/robots.txt", "2026-11-22T05:30:00.123456Z")
    file = tmp_path / "x.warc.gz"
    file.write_bytes(
        info_record("x.warc.gz", {"software": "x", "format": "WARC File Format 1.1"}, NOW)
        + document_record(one, NOW)
        + request_record(one, NOW)
        + document_record(missing, NOW)
        + document_record(one, NOW, first=first)
    )

    class Command:
        inputs = (str(file),)
        verbose = True

    Checker(Command).process_all()
    said = capsys.readouterr().out
    assert said.count("digest pass") == 4
    assert "not checked (revisit)" in said
    assert "fail" not in said


def test_a_body_that_was_not_read_is_not_an_empty_one() -> None:
    assert parse_record(document_record(document(body=None), NOW)).body is None
    assert parse_record(document_record(document(body=b""), NOW)).body == b""


def test_large_bodies(tmp_path: Path) -> None:
    body = bytes(range(256)) * 40_000
    data = document_record(document(body=body), NOW)
    assert parse_record(data).body == body
    file = tmp_path / "policy"
    file.mkdir()
    name = "policy/20261122T053000Z-0123abcd.warc.gz"
    (tmp_path / name).write_bytes(b"before" + data + b"behind")
    place = Archive(file=name, offset=6, length=len(data), sha256=sha256(data).hexdigest())
    assert read_record(tmp_path, place).body == body
    assert read_octets(tmp_path, place) == data


def test_every_flipped_byte_of_a_record_is_found(tmp_path: Path) -> None:
    data = document_record(document(), NOW)
    name = "policy/20261122T053000Z-0123abcd.warc.gz"
    (tmp_path / "policy").mkdir()
    place = Archive(file=name, offset=0, length=len(data), sha256=sha256(data).hexdigest())
    for number in range(len(data)):
        changed = bytearray(data)
        changed[number] ^= 1
        (tmp_path / name).write_bytes(changed)
        with pytest.raises(LedgerError):
            read_record(tmp_path, place)
    (tmp_path / name).write_bytes(data[:-1])
    with pytest.raises(LedgerError):
        read_record(tmp_path, place)
    (tmp_path / name).unlink()
    with pytest.raises(LedgerError):
        read_record(tmp_path, place)


@given(st.binary() | st.binary().map(lambda data: gzip.compress(data, mtime=0)))
def test_what_is_no_record_is_refused(data: bytes) -> None:
    with pytest.raises(LedgerError):
        parse_record(data)


@given(st.integers(0), st.binary(min_size=1, max_size=3))
def test_records_that_were_changed_inside_never_raise_anything_else(at: int, new: bytes) -> None:
    plain = bytearray(gzip.decompress(document_record(document(), NOW)))
    where = at % len(plain)
    plain[where : where + len(new)] = new
    try:
        found = parse_record(gzip.compress(plain, mtime=0))
    except LedgerError:
        return
    assert isinstance(found, WarcRecord)


def test_what_unpacks_to_too_much_is_refused() -> None:
    bomb = gzip.compress(bytes(200 * 1024 * 1024), mtime=0)
    with pytest.raises(LedgerError):
        parse_record(bomb)


def test_two_records_are_not_one() -> None:
    data = document_record(document(), NOW)
    with pytest.raises(LedgerError):
        parse_record(data + data)
    with pytest.raises(LedgerError):
        parse_record(data[:-1])


def test_statuses_without_a_name_and_none() -> None:
    for status in (1, 99, 299, 599, 999):
        one = document(status=status, body=b"x")
        assert parse_record(document_record(one, NOW)).status == status
    given_body = Document(
        url="https://a.example/", resource="robots.txt", outcome=Outcome.FETCHED, body=b"x"
    )
    found = parse_record(document_record(given_body, NOW))
    assert (found.status, found.body) == (None, b"x")
