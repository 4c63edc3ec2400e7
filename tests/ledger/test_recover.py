"""Writers that were killed: no acknowledged line is lost, and nobody's changes are signed."""

import os
import random
import select
import shutil
import signal
import time
from pathlib import Path

import pytest
from ledger_lines import NOW, decision, document, policy_documents
from test_segment import of, sound, start, write

from reservation_middleware.ledger.format.lines import (
    DecisionLine,
    DocumentLine,
    EndLine,
    RecoveredLine,
    SegmentLine,
)
from reservation_middleware.ledger.verify.ledger import verify
from reservation_middleware.ledger.write.ledger import Ledger
from reservation_middleware.ledger.write.recover import RecoverReport, recover
from reservation_middleware.model import LedgerError

_ROUNDS = 12
#: Writes for ever; prints what was acknowledged.
_WRITER = """
import sys
from ledger_lines import document
from test_segment import Ledger, write, decision
ledger = Ledger.open(sys.argv[1])
number = 0
while True:
    number += 1
    documents = (document(f"https://a{number}.example/robots.txt", b"x" * number),)
    for page in range(3):
        ident = write(ledger, decision(f"https://a{number}.example/{page}"), documents)
        sys.stdout.write(ident + "\\n")
        sys.stdout.flush()
"""


def killed(folder: Path, after: float) -> list[str]:
    """Start a writer, kill it that long after its first line; what it acknowledged."""
    process = start(_WRITER, folder)
    assert process.stdout
    first = process.stdout.readline()
    time.sleep(after)
    os.kill(process.pid, signal.SIGKILL)
    rest = process.stdout.read()
    process.communicate()
    # The last identifier may be torn: of that nobody can say that it was acknowledged.
    said = (first + rest).split("\n")
    return [ident for ident in said[:-1] if ident]


@pytest.mark.slow
def test_killed_writers_lose_no_acknowledged_line(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    chance = random.Random(4)
    acknowledged: list[str] = []
    for _ in range(_ROUNDS):
        acknowledged += killed(folder, chance.random() * 0.2)
    reports = recover(folder)
    assert all(report.problem is None for report in reports)
    # The others were recovered by the writer that came next.
    assert len(of(folder, SegmentLine)) == _ROUNDS
    assert len(of(folder, RecoveredLine)) == _ROUNDS
    written = {one.id for one in of(folder, DecisionLine)}
    assert acknowledged
    assert written >= set(acknowledged)
    # A line may be whole whose writer was killed before it could say so.
    assert len(written) <= len(acknowledged) + _ROUNDS
    assert not list(folder.glob("log/*.lock"))
    assert recover(folder) == []
    sound(folder)


@pytest.mark.slow
def test_living_writers_are_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    process = start(_WRITER, folder)
    assert process.stdout
    assert process.stdout.readline()
    for _ in range(20):
        assert recover(folder) == []
        assert select.select([process.stdout], [], [], 10)[0]
        process.stdout.readline()
    process.kill()
    process.communicate()
    [report] = recover(folder)
    assert report.problem is None
    sound(folder)


def torn(folder: Path) -> tuple[Path, Path]:
    """A ledger whose writer is gone; its lines and its archive."""
    ledger = Ledger.open(folder, clock=lambda: NOW)
    for number in range(5):
        write(ledger, decision(f"https://a.example/{number}"))
    [log] = folder.glob("log/*.jsonl")
    [archive] = folder.glob("policy/*")
    with log.open("rb") as stream, archive.open("rb") as second:
        lines, records = stream.read(), second.read()
    [checkpoint] = folder.glob("log/*.checkpoint")
    signed = checkpoint.read_bytes()
    ledger.close()
    log.write_bytes(lines)
    archive.write_bytes(records)
    checkpoint.write_bytes(signed)
    return log, archive


def test_torn_tails_are_cut(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    log, archive = torn(whole)
    lines, records = log.read_bytes(), archive.read_bytes()
    last = lines.rindex(b"\n", 0, -1) + 1
    for number, cut in enumerate((1, 2, 100, len(lines) - last)):
        folder = tmp_path / f"l{number}"
        shutil.copytree(whole, folder)
        shutil.copy(tmp_path / "whole.key", tmp_path / f"l{number}.key")
        (folder / "log" / log.name).write_bytes(lines[:-cut])
        (folder / "policy" / archive.name).write_bytes(records + b"\x1f\x8btorn")
        rest = len(lines) - cut - last
        [report] = recover(folder, clock=lambda: NOW)
        assert report == RecoverReport(log.stem, rest, 6)
        assert f"{rest} bytes of lines" in str(report)
        [line] = of(folder, RecoveredLine)
        assert (line.cut, line.archive_cut) == (rest, 6)
        assert len(of(folder, DecisionLine)) == 4
        assert (folder / "policy" / archive.name).read_bytes() == records
        sound(folder)
        assert recover(folder) == []


def test_a_record_that_no_line_names_is_cut(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    log, archive = torn(folder)
    lines = log.read_bytes().split(b"\n")
    place = next(n for n, line in enumerate(lines) if b'"kind":"document"' in line) + 1
    log.write_bytes(b"\n".join(lines[:place]) + b"\n" + lines[place][:50])
    before = archive.stat().st_size
    [report] = recover(folder)
    assert (report.cut, report.archive_cut) == (50, before - archive.stat().st_size)
    assert report.archive_cut > 0
    assert len(of(folder, DocumentLine)) == 1
    sound(folder)


def test_lines_of_records_that_were_not_on_disk_are_cut(tmp_path: Path) -> None:
    """As after the machine went down: nothing of it was signed."""
    folder = tmp_path / "ledger"
    _, archive = torn(folder)
    size = archive.stat().st_size
    os.truncate(archive, size - 1)
    [report] = recover(folder)
    assert report.cut > 0
    assert report.archive_cut > 0
    assert len(of(folder, DocumentLine)) == 2
    assert not of(folder, DecisionLine)
    sound(folder)


def test_a_segment_that_was_hardly_begun(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    log, archive = torn(whole)
    lines = log.read_bytes()
    one, two = lines.index(b"\n") + 1, lines.index(b"\n", lines.index(b"\n") + 1) + 1
    for number, size in enumerate((0, 10, one, one + 10, two)):
        folder = tmp_path / f"l{number}"
        shutil.copytree(whole, folder)
        shutil.copy(tmp_path / "whole.key", tmp_path / f"l{number}.key")
        (folder / "log" / log.name).write_bytes(lines[:size])
        [checkpoint] = folder.glob("log/*.checkpoint")
        checkpoint.unlink()
        if size < one:
            (folder / "policy" / archive.name).write_bytes(b"")
        [report] = recover(folder)
        assert report.problem is None
        there = size >= one
        assert len(of(folder, SegmentLine)) == len(of(folder, RecoveredLine)) == there
        assert (folder / "policy" / archive.name).exists() == there
        with Ledger.open(folder) as ledger:
            write(ledger)
        sound(folder)


def test_a_lock_without_a_segment_is_taken_away(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    Ledger.open(folder).close()
    lock = folder / "log" / "20261122T053000Z-01234567.lock"
    lock.touch()
    assert recover(folder) == []
    assert not lock.exists()


def test_a_killed_end_is_signed(tmp_path: Path) -> None:
    """The last line was written, its checkpoint was not."""
    folder = tmp_path / "ledger"
    ledger = Ledger.open(folder)
    write(ledger)
    [checkpoint] = folder.glob("log/*.checkpoint")
    before = checkpoint.read_bytes()
    ledger.close()
    after = checkpoint.read_bytes()
    checkpoint.write_bytes(before)
    checkpoint.with_name(checkpoint.name + ".new").write_bytes(b"half")
    checkpoint.with_suffix(".lock").touch()
    [report] = recover(folder)
    assert (report.cut, report.archive_cut, report.problem) == (0, 0, None)
    assert checkpoint.read_bytes() == after
    assert len(of(folder, EndLine)) == 1
    assert not of(folder, RecoveredLine)
    assert len(list(folder.glob("log/*"))) == 2
    sound(folder)


def test_what_was_changed_is_not_signed(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    ledger = Ledger.open(whole, clock=lambda: NOW)
    write(ledger)
    ledger.checkpoint()
    write(ledger)
    [log] = whole.glob("log/*.jsonl")
    [archive] = whole.glob("policy/*")
    [checkpoint] = whole.glob("log/*.checkpoint")
    files = {file: file.read_bytes() for file in (log, archive, checkpoint)}
    ledger.close()
    lines = files[log].split(b"\n")
    changes: dict[str, tuple[Path, bytes]] = {
        "a signed line": (log, files[log].replace(b"ExampleBot", b"ExampleBoz", 1)),
        "a line less": (log, b"\n".join(lines[:4]) + b"\n"),
        "an unsigned line": (log, files[log][:-20] + b"x" + files[log][-19:]),
        "the archive": (archive, files[archive][:100]),
        "the checkpoint": (checkpoint, files[checkpoint].replace(b"\n8\n", b"\n7\n")),
    }
    for number, (what, (file, content)) in enumerate(changes.items()):
        folder = tmp_path / f"l{number}"
        for name, data in {**files, file: content}.items():
            to = folder / name.relative_to(whole)
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(data)
        shutil.copy(tmp_path / "whole.key", tmp_path / f"l{number}.key")
        assert content != files[file], what
        [report] = recover(folder)
        assert report.problem, what
        assert "not recovered" in str(report)
        for name, data in {**files, file: content}.items():
            assert (folder / name.relative_to(whole)).read_bytes() == data, what
        assert not verify(folder).ok, what
        # Others go on all the same.
        with Ledger.open(folder) as other:
            write(other)


def test_a_checkpoint_that_was_taken_away_is_not_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    torn(folder)
    [checkpoint] = folder.glob("log/*.checkpoint")
    checkpoint.unlink()
    [report] = recover(folder)
    assert report.problem
    assert not checkpoint.exists()


def test_segments_of_another_key_are_left(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    log, _ = torn(folder)
    before = log.read_bytes()
    [report] = recover(folder, key=tmp_path / "another.key")
    assert report.problem
    assert log.read_bytes() == before
    with Ledger.open(folder) as ledger:  # ours again
        write(ledger)
    assert len(of(folder, RecoveredLine)) == 1
    sound(folder)


def test_what_is_no_ledger(tmp_path: Path) -> None:
    with pytest.raises(LedgerError):
        recover(tmp_path)


def test_many_documents_and_a_reopened_segment(tmp_path: Path) -> None:
    """Indexes and offsets go on where a killed writer left them."""
    folder = tmp_path / "ledger"
    ledger = Ledger.open(folder)
    for number in range(50):
        robots = document(f"https://a{number}.example/robots.txt", b"x" * number)
        write(ledger, documents=(robots, *policy_documents()))
    [log] = folder.glob("log/*.jsonl")
    lines = log.read_bytes()
    [checkpoint] = folder.glob("log/*.checkpoint")
    signed = checkpoint.read_bytes()
    ledger.close()
    log.write_bytes(lines + b'{"torn')
    checkpoint.write_bytes(signed)
    [report] = recover(folder)
    assert (report.cut, report.archive_cut) == (6, 0)
    sound(folder)
