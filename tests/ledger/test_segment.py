"""Writing a ledger: real files, real processes, a disk that is really full."""

import gzip
import json
import logging
import os
import re
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from ledger_lines import NOW, SCHEMA, decision, document, policy_documents

from reservation_middleware.decide.profiles import profile
from reservation_middleware.ledger.format.lines import (
    DecisionLine,
    DocumentLine,
    EndLine,
    Entry,
    EpochLine,
    GapLine,
    PolicyLine,
    SegmentLine,
    decode,
)
from reservation_middleware.ledger.format.warc import read_octets, read_record
from reservation_middleware.ledger.read.reader import LedgerReader, policy_of
from reservation_middleware.ledger.verify.ledger import verify
from reservation_middleware.ledger.write.epochs import MOST
from reservation_middleware.ledger.write.ledger import Ledger, LineMode, Page
from reservation_middleware.model import (
    PAGE,
    Decision,
    Document,
    LedgerError,
    Licence,
    Mode,
    Policy,
    Secret,
    Server,
)

OPT_OUT = profile()


class Clock:
    """A clock that stands still unless it is told."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def write(
    ledger: Ledger,
    one: Decision | None = None,
    documents: tuple[Document, ...] | None = None,
    **others: Any,
) -> str:
    said: dict[str, Any] = {
        "policy": OPT_OUT,
        "mode": Mode.ENFORCE,
        "adapter": "scrapy",
        "blocked": False,
        **others,
    }
    given = policy_documents() if documents is None else documents
    return ledger.decision(one or decision(documents=given), given, **said)


def lines(folder: Path) -> list[Entry]:
    """All lines of a ledger; of each segment the first and the last fit the schema."""
    found: list[Entry] = []
    for file in sorted(folder.glob("log/*.jsonl")):
        data = file.read_bytes()
        assert data.endswith(b"\n")
        told = data[:-1].split(b"\n")
        found += map(decode, told)
        for line in told[:15] + told[-5:]:
            assert not list(SCHEMA.iter_errors(json.loads(line)))
    return found


def of(folder: Path, kind: type[Any]) -> list[Any]:
    return [entry for entry in lines(folder) if isinstance(entry, kind)]


def sound(folder: Path) -> None:
    report = verify(folder)
    assert report.ok, report.problems


# ---- what is written


def test_a_decision_and_what_it_rests_on(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    documents = policy_documents()
    with Ledger.open(folder, clock=Clock()) as ledger:
        first = write(ledger, octets=17)
        second = write(ledger, decision("https://a.example/private/x"), blocked=True)
        assert (ledger.written, ledger.lost) == (2, 0)
    entries = lines(folder)
    kinds = [type(entry).__name__.removesuffix("Line") for entry in entries]
    assert kinds == [
        *("Segment", "Archive", "Document", "Archive", "Document", "Archive", "Policy"),
        *("Decision", "Decision", "End"),
    ]
    one, two = of(folder, DecisionLine)
    assert (one.id, two.id) == (first, second)
    assert (one.documents, one.policy, one.octets, one.page) == ((2, 4), 6, 17, None)
    assert (two.blocked, two.action) == (True, "block")
    reader = LedgerReader(folder)
    [segment] = reader.segments
    list(segment.lines())
    for index, given in zip(one.documents, documents, strict=True):
        assert segment.document(index) == given
    assert segment.policy(6) == OPT_OUT
    reader.close()
    sound(folder)


def test_a_body_is_kept_once_and_a_document_is_told_once(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    old = document()
    new = document(fetched_at=NOW + timedelta(hours=1))
    stale = msgspec.structs.replace(old, stale="503")
    gone = document("https://a.example/ai.txt", resource="ai.txt", status=None, problem="reset")
    with Ledger.open(folder) as ledger:
        for documents in ((old,), (old,), (new,), (old, gone), (stale,), (gone,)):
            write(ledger, documents=documents)
    found = of(folder, DocumentLine)
    assert [one.body for one in found] == [2, 2, None, 2]
    assert [one.archive is None for one in found] == [False, False, True, False]
    kinds = [read_record(folder, one.archive).type for one in found if one.archive]
    assert kinds == ["response", "revisit", "revisit"]
    reader = LedgerReader(folder)
    [segment] = reader.segments
    indexes = [index for index, entry in segment.lines() if isinstance(entry, DocumentLine)]
    assert [segment.document(index) for index in indexes] == [old, new, gone, stale]
    reader.close()
    sound(folder)


def test_what_the_server_said_was_not_modified_is_a_revisit_of_that_kind(tmp_path: Path) -> None:
    """WARC 1.1 §6.7.3; only of the same address, and only where the copy is in this segment."""
    folder = tmp_path / "ledger"
    old = document()
    renewed = msgspec.structs.replace(
        old, fetched_at=NOW + timedelta(hours=1), headers=(("etag", '"2"'),), revalidated=True
    )
    other = msgspec.structs.replace(renewed, url="https://a.example/r.txt", resource="ai.txt")
    elsewhere = msgspec.structs.replace(renewed, url="https://b.example/robots.txt")
    with Ledger.open(folder) as ledger:
        for one in (old, renewed, other, elsewhere):
            write(ledger, documents=(one,))
    entries = of(folder, DocumentLine)
    assert [one.status for one in entries] == [200] * 4
    profiles = []
    for one in entries:
        member = gzip.decompress(read_octets(folder, one.archive))
        found = re.search(rb"WARC-Profile: \S+/revisit/(\S+)\r\n", member)
        profiles.append(found[1].decode() if found else None)
        assert (b"WARC-Type: revisit" in member) == bool(found)
    assert profiles == [None, "server-not-modified", "identical-payload-digest", None]
    with LedgerReader(folder) as reader:
        [segment] = reader.segments
        indexes = [index for index, entry in segment.lines() if isinstance(entry, DocumentLine)]
        again = segment.document(indexes[1])
    assert (again.body, again.headers, again.fetched_at) == (
        *(old.body, renewed.headers, renewed.fetched_at),
    )
    sound(folder)


def test_redirected_documents(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    moved = document(location="https://b.example/robots txt?sid=1", address="192.0.2.1")
    with Ledger.open(folder) as ledger:
        write(ledger, documents=(moved,))
    [line] = of(folder, DocumentLine)
    assert (line.location, line.address) == (
        "https://b.example/robots txt?sid=REDACTED",
        "192.0.2.1",
    )
    sound(folder)


def test_pages(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    head = (("content-type", "text/html"), ("set-cookie", "a=geheim"), ("x-robots-tag", "noai"))

    def page(body: bytes | None) -> Document:
        return document("https://a.example/x", body, resource=PAGE, headers=head)

    with Ledger.open(folder) as ledger:
        for one in (
            None,
            Page(page(None)),
            Page(page(b"x"), "silent"),
            Page(page(b"<meta name=robots content=noai>"), "spoke"),
            Page(page(b"x" * (1024 * 1024 + 1)), "spoke"),
            Page(page(None), "none", headers=(("x-robots-tag", "noai"),)),
        ):
            write(ledger, page=one)
    found = [one.page for one in of(folder, DecisionLine)]
    assert found[0] is None
    assert [one.content for one in found[1:]] == ["none", "silent", "kept", "dropped", "none"]
    assert [one.document is None for one in found[1:]] == [True, True, False, True, True]
    assert [len(one.headers) for one in found[1:]] == [2, 2, 2, 2, 1]
    assert "geheim" not in json.dumps([msgspec.to_builtins(one) for one in found])
    kept = lines(folder)[found[3].document]
    assert isinstance(kept, DocumentLine)
    assert kept.resource == PAGE
    sound(folder)


def test_secrets_in_addresses_are_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    body = b"User-agent: *\nDisallow: /private/\nContent-Signal: ai-train=no\n"
    secret = "https://user:geheim@a.example/robots.txt?token=geheim"
    problem = "redirect to https://b.example/?api_key=geheim"
    given = document(secret, body, location=secret, problem=problem, stale=problem)
    url = "https://user:geheim@a.example/x?session=geheim#token=geheim"
    page = document(url, b"<meta name=tdm-reservation content=1>", resource=PAGE)
    held = Licence(
        id="x",
        licensor="A",
        hosts=("*",),
        purposes=("ai-train",),
        servers=(Server(url="https://a.example/", token=Secret("geheim")),),
        paper="https://a.example/?key=geheim",
    )
    policy = msgspec.structs.replace(OPT_OUT, licences=(held,))
    with Ledger.open(folder) as ledger:
        one = decision(url, (given, page), policy)
        assert one.reasons
        write(ledger, one, (given,), policy=policy, page=Page(page, "spoke"))
    with Ledger.open(folder, lines=LineMode.BULK) as ledger:
        write(ledger, msgspec.structs.replace(one, action="proceed"), (given,), policy=policy)
    for file in folder.glob("log/*"):
        assert b"geheim" not in file.read_bytes()
    for entry in lines(folder):
        if isinstance(entry, DocumentLine) and entry.archive:
            assert "geheim" not in read_record(folder, entry.archive).uri
    again = policy_of(of(folder, PolicyLine)[0].policy)
    assert again.licences[0].servers[0].armed
    assert msgspec.structs.replace(again, licences=()) == OPT_OUT
    sound(folder)


def test_policies_come_back(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    held = Licence.given(
        {
            "id": "x",
            "licensor": "A",
            "domains": ["a.example"],
            "purposes": ["ai"],
            "from": "2026-01-01",
            "until": "2026-12-31",
            "geo": ["DE"],
            "paths": ["/x"],
            "crawl": True,
            "identifier": "7",
        }
    )
    policies = [profile(name) for name in ("opt-out", "licence-first", "strict", "record-only")]
    policies += [OPT_OUT.changed({"licences": [held], "geo": ["DE"], "signals": ["tdmrep"]})]
    policies += [OPT_OUT.changed({"policy_tokens": [["X", ["ai-train"]]], "user": ["education"]})]
    policies += [OPT_OUT.changed({"content_use": "reference"})]
    with Ledger.open(folder) as ledger:
        for policy in policies * 2:
            write(ledger, policy=policy)
    found: list[Policy] = [policy_of(line.policy) for line in of(folder, PolicyLine)]
    assert found == policies


def test_bulk_counts_and_singles_out(tmp_path: Path) -> None:
    folder, clock = tmp_path / "ledger", Clock()
    away = document(status=None)
    conflict = (
        document(body=b"User-agent: *\nAllow: /\nContent-Signal: ai-train=yes\n"),
        document(
            "https://a.example/.well-known/tdmrep.json",
            b'[{"location":"/","tdm-reservation":1}]',
            resource="tdmrep.json",
            headers=(("content-type", "application/json"),),
        ),
    )
    with Ledger.open(folder, lines=LineMode.BULK, clock=clock) as ledger:
        for number in range(100):
            write(ledger, decision(f"https://a.example/{number}"), octets=10)
            clock.passes(0.1)
        write(ledger, decision("https://a.example/x", policy=profile("record-only")))
        for number in range(3):
            write(ledger, decision(f"https://a.example/private/{number}"), blocked=True)
        observed = decision("https://a.example/private/x")
        write(ledger, observed, mode=Mode.OBSERVE)
        write(ledger, decision(documents=(away,)), (away,))
        record = profile("record-only")
        write(ledger, decision(documents=conflict, policy=record), conflict, policy=record)
        assert ledger.written == 107
    epochs = of(folder, EpochLine)
    assert [[one.decisions for one in epoch.counts] for epoch in epochs] == [[100], [1]]
    [first, second] = epochs
    assert (first.origin, first.counts[0].octets) == ("https://a.example", 1000)
    assert (first.time < first.until, second.profile) == (True, "record-only")
    singles = of(folder, DecisionLine)
    assert [one.action for one in singles] == ["block"] * 5 + ["proceed"]
    assert singles[-1].notes
    sound(folder)


def test_epochs_are_written_when_old_and_when_there_are_too_many(tmp_path: Path) -> None:
    folder, clock = tmp_path / "ledger", Clock()
    with Ledger.open(folder, lines=LineMode.BULK, clock=clock) as ledger:
        write(ledger)
        clock.passes(59)
        ledger.checkpoint()
        assert not of(folder, EpochLine)
        clock.passes(1)
        write(ledger)
        ledger.checkpoint()
        [epoch] = of(folder, EpochLine)
        assert epoch.counts[0].decisions == 2
        given = policy_documents()
        one = decision()
        for number in range(MOST + 5):
            write(ledger, msgspec.structs.replace(one, url=f"https://h{number}.example/"), given)
        assert 1000 <= len(of(folder, EpochLine)) - 1 <= 1010
    total = sum(count.decisions for one in of(folder, EpochLine) for count in one.counts)
    assert total == MOST + 7 == ledger.written
    sound(folder)


def test_checkpoints(tmp_path: Path) -> None:
    folder, clock = tmp_path / "ledger", Clock()

    def size() -> int:
        [file] = folder.glob("log/*.checkpoint")
        return int(file.read_text("utf-8").split("\n")[1])

    one, given = decision(), policy_documents()
    with Ledger.open(folder, clock=clock) as ledger:
        assert size() == 2
        for _ in range(995):
            write(ledger, one, given)
        assert size() == 1002
        write(ledger, one, given)
        clock.passes(9.9)
        write(ledger, one, given)
        assert size() == 1002
        clock.passes(0.1)
        write(ledger, one, given)
        assert size() == 1005
        clock.passes(-3600)  # a clock that goes back
        write(ledger, one, given)
        assert size() == 1006
        write(ledger, one, given)
        ledger.checkpoint()
        assert size() == 1007
    assert size() == 1008
    sound(folder)


# ---- segments, keys


def test_segments_name_those_before_them(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    names = []
    for _ in range(3):
        with Ledger.open(folder) as ledger:
            write(ledger)
            names.append(ledger.segment)
    by_name = {one.segment: one.others for one in of(folder, SegmentLine)}
    assert [[other[0] for other in by_name[name]] for name in names if name] == [
        [],
        names[:1],
        sorted(names[:2], key=str),
    ]
    assert not list(folder.glob("log/*.lock"))
    sound(folder)


def test_two_ledgers_of_one_process(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    with Ledger.open(folder) as one, Ledger.open(folder) as two:
        for _ in range(10):
            write(one)
            write(two)
        assert one.segment != two.segment
        assert len(list(folder.glob("log/*.lock"))) == 2
    assert len(of(folder, DecisionLine)) == 20
    assert len(of(folder, EndLine)) == 2
    sound(folder)


def test_the_key_is_beside_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    with Ledger.open(folder, name="crawler.example") as ledger:
        key = ledger.key
    file = tmp_path / "ledger.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text("utf-8").startswith("PRIVATE+KEY+crawler.example+")
    with Ledger.open(folder) as ledger:
        assert ledger.key == key
    other = tmp_path / "keys" / "other.key"
    with Ledger.open(folder, key=other) as ledger:
        assert ledger.key != key
    assert other.exists()
    with pytest.raises(LedgerError, match="must not be in"):
        Ledger.open(folder, key=folder / "x.key")
    file.write_text("nonsense", encoding="utf-8")
    with pytest.raises(LedgerError) as caught:
        Ledger.open(folder)
    assert "nonsense" not in str(caught.value)


def test_a_folder_that_cannot_be_one(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"")
    for wrong in (file, file / "below"):
        with pytest.raises(LedgerError):
            Ledger.open(wrong)


def test_a_closed_ledger_takes_nothing(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "ledger")
    ledger.close()
    ledger.close()
    ledger.checkpoint()
    assert len(write(ledger)) == 32
    assert (ledger.written, ledger.lost, ledger.segment) == (0, 1, None)


# ---- processes

_WRITERS = """
import sys
from test_segment import Ledger, LineMode, write, decision
folder, count = sys.argv[1], int(sys.argv[2])
sys.stdin.readline()
with Ledger.open(folder) as ledger:
    for number in range(count):
        write(ledger, decision(f"https://a.example/{number}"))
    print(ledger.key, ledger.written, ledger.lost)
"""


def start(script: str, *arguments: object, **others: Any) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[1],
        text=True,
        **others,
    )


@pytest.mark.parametrize("writers", [2, pytest.param(8, marks=pytest.mark.slow)])
def test_writers_on_one_ledger_and_one_key(tmp_path: Path, writers: int) -> None:
    folder = tmp_path / "ledger"
    processes = [start(_WRITERS, folder, 50) for _ in range(writers)]
    for process in processes:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate()[0].split() for process in processes]
    assert {tuple(words[1:]) for words in said} == {("50", "0")}
    assert len({words[0] for words in said}) == 1
    assert len(of(folder, DecisionLine)) == 50 * writers
    assert len(of(folder, EndLine)) == writers
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ledger", "ledger.key"]
    sound(folder)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child_writes_a_segment_of_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    ledger = Ledger.open(folder, lines=LineMode.BULK)
    blocked = decision("https://a.example/private/x")
    write(ledger)
    ours = write(ledger, blocked)
    child = os.fork()
    if not child:
        try:
            theirs = write(ledger, blocked)
            write(ledger)
            (tmp_path / "child").write_text(f"{theirs} {ledger.written}", encoding="utf-8")
            ledger.close()
        finally:
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    ours_too = write(ledger, blocked)
    ledger.close()
    theirs, written = (tmp_path / "child").read_text("utf-8").split()
    by_file = [
        [
            one.id
            for one in map(decode, file.read_bytes().splitlines())
            if isinstance(one, DecisionLine)
        ]
        for file in folder.glob("log/*.jsonl")
    ]
    assert sorted(by_file) == sorted([[ours, ours_too], [theirs]])
    assert written == "2"
    assert [one.counts[0].decisions for one in of(folder, EpochLine)] == [1, 1]
    sound(folder)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_child_that_writes_nothing_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    ledger = Ledger.open(folder)
    child = os.fork()
    if not child:
        try:
            ledger.close()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    # The child's end is not the parent's: nobody may take the segment.
    with Ledger.open(folder) as other:
        write(other)
    write(ledger)
    ledger.close()
    assert len(of(folder, EndLine)) == 2
    assert len(list(folder.glob("log/*.jsonl"))) == 2
    sound(folder)


# ---- a full disk


def fill(file: Path) -> None:
    """Take what is left of a disk."""
    with file.open("wb", buffering=0) as stream, suppress(OSError):
        while stream.write(bytes(1024)):
            pass


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real disk of 256 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
    if sys.platform != "linux" or os.geteuid() or subprocess.run(command, check=False).returncode:
        pytest.skip("needs the right to mount")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk(small_disk: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder, clock = small_disk / "ledger", Clock()
    ledger = Ledger.open(folder, clock=clock)
    filling = small_disk / "filling"
    filling.write_bytes(bytes(150 * 1024))
    written = []
    for number in range(200):
        clock.passes(1)
        lost = ledger.lost
        ident = write(ledger, decision(f"https://a.example/{number}"))
        if ledger.lost == lost:
            written.append(ident)
    lost = ledger.lost
    assert lost + len(written) == 200
    assert lost > 50
    assert len(written) > 10
    errors = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert len(errors) == 1
    assert "No space left on device" in errors[0].getMessage()
    # What is there is whole although the disk is still full.
    assert [one.id for one in of(folder, DecisionLine)] == written
    sound(folder)
    filling.unlink()
    # A document that nothing was known of, with a record in the archive.
    documents = (document("https://b.example/robots.txt", b"User-agent: *\nDisallow:\n"),)
    written += [write(ledger, decision(f"https://b.example/{n}"), documents) for n in range(5)]
    ledger.close()
    assert ledger.lost == lost
    assert [one.id for one in of(folder, DecisionLine)] == written
    gaps = of(folder, GapLine)
    assert sum(gap.lost for gap in gaps) == lost
    assert {gap.why for gap in gaps} == {"No space left on device"}
    assert all(gap.since < gap.time for gap in gaps)
    sound(folder)


def test_a_disk_that_is_full_for_archives(small_disk: Path) -> None:
    folder = small_disk / "ledger"
    with Ledger.open(folder) as ledger:
        for number in range(20):
            body = os.urandom(20_000)
            documents = (document(f"https://a{number}.example/robots.txt", body),)
            write(ledger, documents=documents)
            [archive] = folder.glob("policy/*")
        assert 5 < ledger.written < 20
        assert ledger.lost == 20 - ledger.written
        size = archive.stat().st_size
        sound(folder)
    named = [one.archive.offset + one.archive.length for one in of(folder, DocumentLine)]
    assert named[-1] < size
    sound(folder)


def test_a_disk_that_is_full_at_once(small_disk: Path) -> None:
    (small_disk / "filling").write_bytes(bytes(255 * 1024))
    with pytest.raises(LedgerError, match="No space left"):
        Ledger.open(small_disk / "ledger", key=small_disk.parent / "key")
    (small_disk / "filling").unlink()
    with Ledger.open(small_disk / "ledger", key=small_disk.parent / "key") as ledger:
        write(ledger)
    sound(small_disk / "ledger")


_LIMITED = """
import resource, signal, sys
sys.dont_write_bytecode = True  # half a file of it would be read by others
from test_segment import *
from ledger_lines import *
folder = Path(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
ledger = Ledger.open(folder)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))
for number in range(100):
    write(ledger, decision(f"https://a.example/{number}"))
assert ledger.lost > 10, ledger.lost
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
write(ledger)
ledger.close()
print(ledger.written, ledger.lost)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="there is no such limit")
def test_a_file_that_may_not_grow(tmp_path: Path) -> None:
    """The system takes a part of a line, and the rest not."""
    folder = tmp_path / "ledger"
    assert resource.RLIMIT_FSIZE is not None
    process = start(_LIMITED, folder)
    written, lost = map(int, process.communicate()[0].split())
    assert written + lost == 101
    assert len(of(folder, DecisionLine)) == written
    assert sum(gap.lost for gap in of(folder, GapLine)) == lost
    sound(folder)


def test_counts_survive_a_full_disk(small_disk: Path) -> None:
    folder, clock = small_disk / "ledger", Clock()
    ledger = Ledger.open(folder, lines=LineMode.BULK, clock=clock)
    write(ledger)
    filling = small_disk / "filling"
    fill(filling)
    clock.passes(61)
    for _ in range(50):  # until the last block of the file is full
        write(ledger, decision("https://a.example/private/x"))
    assert ledger.lost
    clock.passes(61)
    write(ledger)
    filling.unlink()
    write(ledger)
    ledger.close()
    counted = sum(one.counts[0].decisions for one in of(folder, EpochLine))
    assert counted + len(of(folder, DecisionLine)) == ledger.written
    assert sum(gap.lost for gap in of(folder, GapLine)) == ledger.lost
    sound(folder)


def test_nothing_a_site_sends_stops_the_ledger(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    half = "https://a.example/\ud800\r\n\x00€?token=\ud800"
    page = Document(
        url=half,
        resource=PAGE,
        outcome=document().outcome,
        status=200,
        headers=(("x-robots-tag", "noai\udcff\r\n\x00"), ("", "€")),
        body=b"\xff\r\n\r\n",
    )
    given = msgspec.structs.replace(
        document(),
        url=half,
        location=half,
        address="x",
        problem=half,
        stale=half,
        headers=(("\ud800", "\r\n"),),
    )
    with Ledger.open(folder) as ledger:
        for content in ("none", "silent", "spoke"):
            write(ledger, decision(half), (given,), page=Page(page, content))
        assert (ledger.written, ledger.lost) == (3, 0)
    assert len(lines(folder)) == 11
