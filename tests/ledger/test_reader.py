"""Reading a ledger: lines in order and by index, torn tails, and errors that say where."""

from pathlib import Path

import pytest
from test_replay import NOW, asked, document, small, told

from reservation_middleware.decide.profiles import profile
from reservation_middleware.ledger.format.lines import (
    DecisionLine,
    DocumentLine,
    PolicyLine,
    SegmentLine,
)
from reservation_middleware.ledger.read.reader import ErasedError, LedgerReader
from reservation_middleware.ledger.write.ledger import Ledger
from reservation_middleware.model import LedgerError


def log(folder: Path) -> Path:
    [file] = (folder / "log").glob("*.jsonl")
    return file


def test_lines_come_in_order_and_documents_with_their_bodies(tmp_path: Path) -> None:
    policy = profile()
    bodies = [b"User-agent: *\nAllow: /\n", b"User-agent: *\nAllow: /\n", b"", None]
    documents = [
        document(f"http://{name}.example/robots.txt", "robots.txt", body, address="192.0.2.1")
        for name, body in zip("abcd", bodies, strict=True)
    ]
    with Ledger.open(tmp_path / "l", clock=lambda: NOW) as ledger:
        for one in documents:
            told(ledger, asked(one.url[:-10], policy, [one]), policy=policy)
    with LedgerReader(tmp_path / "l") as reader:
        [segment] = reader.segments
        entries = dict(segment.lines())
        assert isinstance(entries[0], SegmentLine)
        assert sorted(entries) == list(range(len(entries)))
        indexes = [n for n, one in entries.items() if isinstance(one, DocumentLine)]
        assert [segment.document(index) for index in indexes] == documents
        assert [segment.document(index).body for index in indexes] == bodies
        [rule] = [n for n, one in entries.items() if isinstance(one, PolicyLine)]
        assert segment.policy(rule) == policy
        assert segment.policy(rule) is segment.policy(rule)
        for wrong in (0, 10_000, indexes[0]):
            with pytest.raises(LedgerError, match=r"\.jsonl:\d+: no policy"):
                segment.policy(wrong)
        with pytest.raises(LedgerError, match="no document"):
            segment.document(rule)


def test_a_torn_line_is_told_and_left_out(tmp_path: Path) -> None:
    small(tmp_path / "l")
    with log(tmp_path / "l").open("ab") as file:
        file.write(b'{"action":"blo')
    with LedgerReader(tmp_path / "l") as reader:
        assert sum(isinstance(one, DecisionLine) for _, _, one in reader.lines()) == 3
        assert [one.torn for one in reader.segments] == [14]


@pytest.mark.parametrize(
    ("number", "line", "said"),
    [
        (1, b"nonsense\n", r":2: no line of a ledger"),
        (1, b"[" * 100_000 + b"\n", r":2: no line of a ledger"),
        (1, b'{"kind":"\xff"}\n', r":2: no line of a ledger"),
        (1, b'{"kind":"future","salt":"' + b"0" * 32 + b'"}\n', r":2: no line of a ledger"),
        (2, b"\n", r":3: no line of a ledger"),
    ],
)
def test_a_broken_line_is_named(number: int, line: bytes, said: str, tmp_path: Path) -> None:
    small(tmp_path / "l")
    file = log(tmp_path / "l")
    lines = file.read_bytes().splitlines(keepends=True)
    lines[number] = line
    file.write_bytes(b"".join(lines))
    with LedgerReader(tmp_path / "l") as reader, pytest.raises(LedgerError, match=said):
        list(reader.lines())


def test_a_segment_that_begins_otherwise_is_none(tmp_path: Path) -> None:
    small(tmp_path / "l")
    file = log(tmp_path / "l")
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[1:]))
    with LedgerReader(tmp_path / "l") as reader, pytest.raises(LedgerError, match="begins with"):
        list(reader.lines())


def test_a_changed_archive_is_found(tmp_path: Path) -> None:
    small(tmp_path / "l")
    [archive] = (tmp_path / "l/policy").iterdir()
    data = bytearray(archive.read_bytes())
    for number in range(len(data)):
        data[number] ^= 1
    archive.write_bytes(data)
    with LedgerReader(tmp_path / "l") as reader:
        [segment] = reader.segments
        index = next(n for n, one in segment.lines() if isinstance(one, DocumentLine))
        with pytest.raises(LedgerError, match=r"jsonl:\d+: policy/.*not the bytes"):
            segment.document(index)
        archive.unlink()
        with pytest.raises(LedgerError, match="No such file"):
            segment.document(index)


def test_an_erased_document_is_an_error_of_its_own(tmp_path: Path) -> None:
    small(tmp_path / "l")
    file = log(tmp_path / "l")
    lines = file.read_bytes().splitlines(keepends=True)
    index = next(n for n, one in enumerate(lines) if b'"kind":"document"' in one)
    lines[index] = b'{"erased":"' + b"0" * 64 + b'"}\n'
    file.write_bytes(b"".join(lines))
    with LedgerReader(tmp_path / "l") as reader:
        [segment] = reader.segments
        list(segment.lines())
        assert segment.erased == 1
        with pytest.raises(ErasedError):
            segment.document(index)


def test_what_is_no_ledger(tmp_path: Path) -> None:
    for where in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(LedgerError, match="is no ledger"):
            LedgerReader(where)
