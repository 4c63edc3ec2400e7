"""Verifying: whatever was changed, cut or removed after it was signed is found."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from textwrap import dedent

import pytest
from evidence import closed, key_of, log_page, only, small

from reservation_middleware.ledger.format.folder import Folder
from reservation_middleware.ledger.format.signed_note import Checkpoint, Signer
from reservation_middleware.ledger.share.erase import erase
from reservation_middleware.ledger.verify.ledger import VerifyReport, verify
from reservation_middleware.ledger.write.ledger import Ledger
from reservation_middleware.ledger.write.recover import recover
from reservation_middleware.model import LedgerError


def texts(report: VerifyReport) -> str:
    return "\n".join(map(str, report.problems))


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def key(folder: Path) -> str:
    return Signer.parse(key_of(folder)).verifier.text


def test_a_good_ledger(tmp_path: Path) -> None:
    folder = closed(tmp_path / "ledger")
    passed: list[int] = []
    report = verify(folder, keys=[key(folder)], strict=True, progress=passed.append)
    assert report.ok, texts(report)
    (segment,) = report.segments
    assert (segment.lines, segment.signed, segment.unsigned) == (report.lines, report.lines, 0)
    assert (segment.decisions, segment.documents, segment.ended) == (4, 6, True)
    assert (segment.erased, segment.gaps, segment.recovered, segment.torn) == (0, 0, 0, 0)
    assert report.keys == (key(folder),)
    assert report.pinned
    assert sum(passed) == only(folder)[0].log(segment.name).stat().st_size
    assert not verify(folder).pinned


def test_what_is_no_ledger(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="no ledger"):
        verify(tmp_path)
    closed(tmp_path / "ledger")
    with pytest.raises(LedgerError):
        verify(tmp_path / "ledger", keys=["nonsense"])


@pytest.mark.parametrize("erased", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_every_byte_of_every_file_counts(tmp_path: Path, erased: bool) -> None:
    folder = closed(tmp_path / "ledger", pages=1)
    closed(folder, pages=1, hosts=("c",))
    if erased:
        erase(folder, "a.example")
    assert verify(folder).ok
    places = [(path, place) for path in files(folder) for place in range(path.stat().st_size)]
    random = Random(9162)
    notes = [one for one in places if one[0].suffix == ".checkpoint"]
    for path, place in notes + random.sample(places, min(600, len(places))):
        good = path.read_bytes()
        bad = bytearray(good)
        bad[place] ^= 1 << random.randrange(8)
        path.write_bytes(bad)
        assert not verify(folder).ok, (path.name, place, good[place], bad[place])
        path.write_bytes(good)
    assert verify(folder).ok


@pytest.mark.parametrize("what", ["jsonl", "checkpoint", "warc.gz"])
def test_a_removed_or_cut_file_is_found(tmp_path: Path, what: str) -> None:
    folder = closed(tmp_path / "ledger")
    (path,) = folder.rglob(f"*.{what}")
    good = path.read_bytes()
    for length in (0, 1, len(good) // 2, len(good) - 1):
        path.write_bytes(good[:length])
        assert not verify(folder).ok, length
    path.write_bytes(good + b"\n")
    assert not verify(folder).ok
    path.unlink()
    assert not verify(folder).ok


def test_a_removed_segment_is_found(tmp_path: Path) -> None:
    """A later one names it."""
    folder = closed(tmp_path / "ledger")
    place, first = only(folder)
    closed(folder, hosts=("c",))
    assert verify(folder).ok
    for path in (place.log(first), place.checkpoint(first), place.archive(first)):
        path.unlink()
    assert f"log/{first}.jsonl: it is not there" in texts(verify(folder))


def test_the_newest_segment_needs_a_checkpoint_from_elsewhere(tmp_path: Path) -> None:
    folder = closed(tmp_path / "ledger")
    place, first = only(folder)
    closed(folder, hosts=("c",))
    second = next(name for name in place.segments() if name != first)
    kept = place.checkpoint(second).read_bytes()
    assert verify(folder, since=[kept]).ok
    for path in (place.log(second), place.checkpoint(second), place.archive(second)):
        path.unlink()
    assert verify(folder).ok
    assert f"{second}.jsonl: it is not there" in texts(verify(folder, since=[kept]))
    assert "known key" in texts(verify(folder, since=[Signer.generate("x").sign("y\n")]))
    assert not verify(folder, since=[b"nonsense"]).ok


def test_a_ledger_written_anew_is_found_with_a_key_or_an_earlier_checkpoint(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "ledger"
    ledger = small(folder)
    ledger.checkpoint()
    place, name = only(folder)
    kept, owner = place.checkpoint(name).read_bytes(), ledger.key
    ledger.close()
    assert verify(folder, since=[kept], keys=[owner]).ok
    # The owner of the key takes a line out and signs what is left.
    _resign(place, name, Signer.parse(key_of(folder)), lambda lines: [*lines[:-2], lines[-1]])
    assert verify(folder, keys=[owner]).ok
    assert "are not those of" in texts(verify(folder, since=[kept]))
    # Somebody else puts a key of his own in.
    mallory = Signer.generate("reservations")
    _resign(
        place,
        name,
        mallory,
        lambda lines: [
            lines[0].replace(owner.encode(), mallory.verifier.text.encode()),
            *lines[1:],
        ],
    )
    assert verify(folder).ok
    assert "none of the given keys" in texts(verify(folder, keys=[owner]))
    assert not verify(folder, since=[kept]).ok


def _resign(
    place: Folder, name: str, signer: Signer, change: Callable[[list[bytes]], list[bytes]]
) -> None:
    """Write a segment anew, as one could who has a key."""
    from reservation_middleware.ledger.format.merkle import leaf_hash, root_of

    lines = change(place.log(name).read_bytes().splitlines())
    place.log(name).write_bytes(b"".join(line + b"\n" for line in lines))
    point = Checkpoint(f"{signer.name}/{name}", len(lines), root_of(map(leaf_hash, lines)))
    place.checkpoint(name).write_bytes(signer.sign(point.text))


SIGNED_NONSENSE: dict[str, tuple[Callable[[list[bytes]], list[bytes]], str]] = {
    "no segment line": (lambda lines: lines[1:], "first line"),
    "two segment lines": (lambda lines: [lines[0], *lines], "first line of a segment"),
    "a line behind the end": (lambda lines: [*lines, lines[-1]], "behind the end"),
    "not canonical": (
        lambda lines: [line.replace(b'":', b'": ') for line in lines],
        "first line",
    ),
    "no JSON": (lambda lines: [*lines[:-1], b"{", lines[-1]], "no line of a ledger"),
    "policy that is none": (
        lambda lines: [line.replace(b'"policy":5', b'"policy":4') for line in lines],
        "named as the policy",
    ),
    "policy that comes later": (
        lambda lines: [line.replace(b'"policy":5', b'"policy":9999') for line in lines],
        "named as the policy",
    ),
    "document that is none": (
        lambda lines: [line.replace(b'"documents":[2', b'"documents":[5') for line in lines],
        "named as a document",
    ),
    "body elsewhere": (
        lambda lines: [line.replace(b'"body":2', b'"body":1') for line in lines],
        "place of the body",
    ),
    "another address": (
        lambda lines: [line.replace(b"/robots.txt", b"/robots.tx1") for line in lines],
        "another URL",
    ),
    "another status": (
        lambda lines: [line.replace(b'"status":200', b'"status":201') for line in lines],
        "another status",
    ),
    "archived bytes left out": (
        lambda lines: [lines[0], *lines[2:]],
        "names the archive from byte",
    ),
    "another segment's line": (
        lambda lines: [lines[0].replace(b"T053", b"T054"), *lines[1:]],
        "is that of segment",
    ),
}


@pytest.mark.parametrize("name", SIGNED_NONSENSE)
def test_nonsense_is_found_even_if_it_was_signed(tmp_path: Path, name: str) -> None:
    folder = closed(tmp_path / "ledger")
    place, segment = only(folder)
    change, text = SIGNED_NONSENSE[name]
    before = place.log(segment).read_bytes()
    _resign(place, segment, Signer.parse(key_of(folder)), change)
    assert place.log(segment).read_bytes() != before
    assert text in texts(verify(folder))


def test_files_that_do_not_belong_there(tmp_path: Path) -> None:
    folder = closed(tmp_path / "ledger")
    name = only(folder)[1]
    other = name[:-1] + ("0" if name[-1] != "0" else "1")
    for stray in (
        "x",
        "log/x",
        "log/x.jsonl",
        f"log/{other}.checkpoint",
        f"log/{other}.jsonl.new.new",
        f"log/{name}.lock",
        f"policy/{other}.warc.gz",
        "policy/x",
        "stamps/x",
        "more/x",
    ):
        path = folder / stray
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
        assert f"{stray}: it does not belong" in texts(verify(folder)), stray
        path.unlink()
    (folder / "more").rmdir()
    for left in (f"log/{name}.jsonl.new", f"log/{name}.checkpoint.new", f"log/{other}.lock"):
        (folder / left).touch()
        assert verify(folder).ok, left
        assert f"{left}: it does not belong" in texts(verify(folder, strict=True)), left
        recover(folder)
        assert verify(folder, strict=True).ok, left
    assert verify(folder).ok


def test_signatures_of_others(tmp_path: Path) -> None:
    """A witness may sign too; without its key its signature is not taken on trust."""
    folder = closed(tmp_path / "ledger")
    place, name = only(folder)
    path = place.checkpoint(name)
    witness = Signer.generate("witness")
    text = path.read_bytes().partition(b"\n\n")[0].decode() + "\n"
    signature = witness.sign(text).partition(b"\n\n")[2]
    path.write_bytes(path.read_bytes() + signature)
    assert "witness could not be checked" in texts(verify(folder))
    both = [key(folder), witness.verifier.text]
    assert verify(folder, keys=both).ok
    assert verify(folder, keys=[witness.verifier]).ok
    wrong = witness.sign(text + "x\n").partition(b"\n\n")[2]
    path.write_bytes(path.read_bytes().replace(signature, wrong))
    assert not verify(folder, keys=both).ok


def _held(path: Path) -> subprocess.Popen[bytes]:
    """Another process that holds a lock, as a living writer does."""
    code = (
        "import fcntl, sys, time; file = open(sys.argv[1], 'a'); fcntl.flock(file, fcntl.LOCK_EX);"
        "print(flush=True); sys.stdin.read()"
    )
    held = subprocess.Popen(
        [sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert held.stdout
    held.stdout.readline()
    return held


def _blocked_as_not(place: Folder, name: str) -> None:
    log = place.log(name)
    lines = log.read_bytes().splitlines(keepends=True)
    assert b'"kind":"end"' in lines[-1]
    changed = [line.replace(b'"blocked":true', b'"blocked":false') for line in lines[:-1]]
    log.write_bytes(b"".join(changed))


def _no_checkpoint(place: Folder, name: str) -> None:
    _blocked_as_not(place, name)
    place.checkpoint(name).unlink()


def _earlier_checkpoint(place: Folder, name: str) -> None:
    """Keep the owner's checkpoint of the first two lines, and make up those behind it."""
    _blocked_as_not(place, name)
    place.checkpoint(name).write_bytes((place.path.parent / "first").read_bytes())


def _torn_behind_the_end(place: Folder, name: str) -> None:
    with place.log(name).open("ab") as file:
        file.write(b'{"torn')


def _more_in_the_archive(place: Folder, name: str) -> None:
    with place.archive(name).open("ab") as file:
        file.write(b"more")


def _archive_gone(place: Folder, name: str) -> None:
    place.archive(name).unlink()


def _lock_says_something(place: Folder, name: str) -> None:
    place.lock(name).write_bytes(b"1234")


def _drafts(place: Folder, name: str) -> None:
    for draft in place.drafts(name):
        draft.write_bytes(b"x")


def _lock_of_no_segment(place: Folder, name: str) -> None:
    place.lock(name[:-8] + "00000000").touch()


#: What somebody does who may write to the folder and has no key; whether only --strict finds it.
WITHOUT_A_KEY: dict[str, tuple[Callable[[Folder, str], None], bool]] = {
    "end and checkpoint dropped": (_no_checkpoint, False),
    "set back to an earlier checkpoint": (_earlier_checkpoint, True),
    "torn behind the end": (_torn_behind_the_end, False),
    "more in the archive": (_more_in_the_archive, False),
    "no archive": (_archive_gone, False),
    "a lock that says something": (_lock_says_something, False),
    "drafts": (_drafts, True),
    "a lock of no segment": (_lock_of_no_segment, True),
}


@pytest.mark.skipif(sys.platform == "win32", reason="flock")
@pytest.mark.parametrize(
    "how",
    [
        pytest.param(one, marks=pytest.mark.slow if one.startswith("end and") else ())
        for one in WITHOUT_A_KEY
    ],
)
def test_a_lock_proves_nothing(tmp_path: Path, how: str) -> None:
    folder = tmp_path / "ledger"
    with small(folder) as ledger:
        [first] = folder.glob("log/*.checkpoint")
        (tmp_path / "first").write_bytes(first.read_bytes())
        log_page(ledger, "https://blocked.example/x")
    place, name = only(folder)
    assert verify(folder, keys=[key(folder)], strict=True).ok
    attack, only_strict = WITHOUT_A_KEY[how]
    attack(place, name)
    free = {strict: verify(folder, keys=[key(folder)], strict=strict) for strict in (False, True)}
    assert (free[False].ok, free[True].ok) == (only_strict, False)
    with _held(place.lock(name)):
        for strict, report in free.items():
            held = verify(folder, keys=[key(folder)], strict=strict)
            assert held.segments[0].running
            assert held.problems == report.problems


def test_with_a_key_an_empty_ledger_fails(tmp_path: Path) -> None:
    folder = closed(tmp_path / "ledger")
    for path in [*folder.glob("log/*"), *folder.glob("policy/*")]:
        path.unlink()
    assert verify(folder, strict=True).ok
    assert "there is no segment" in texts(verify(folder, keys=[key(folder)]))


def test_a_living_writer_is_no_problem(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    with small(folder) as ledger:
        ledger.checkpoint()
        log_page(ledger, "https://d.example/")
        report = verify(folder)
        assert report.ok, texts(report)
        (segment,) = report.segments
        assert segment.running
        assert "no checkpoint covers" in texts(verify(folder, strict=True))
        assert segment.unsigned > 0
    (segment,) = verify(folder).segments
    assert (segment.running, segment.unsigned) == (False, 0)


def test_while_somebody_writes(tmp_path: Path) -> None:
    """Verified again and again while another process logs as fast as it can."""
    folder = tmp_path / "ledger"
    done = _start(folder, 'for n in range(300): log_page(ledger, f"https://a{n}.example/")')
    count = 0
    while done.poll() is None:
        report = verify(folder)
        assert report.ok, texts(report)
        count += 1
    assert done.returncode == 0
    assert count > 2
    assert verify(folder, strict=True).ok


def test_a_killed_writer(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    code = """
        for n in range(5): log_page(ledger, f"https://a{n}.example/")
        ledger.checkpoint()
        for n in range(5): log_page(ledger, f"https://b{n}.example/")
        import os, signal
        place = next(ledger._folder.path.glob("log/*.jsonl"))
        open(place, "ab").write(b'{"torn')
        open(next(ledger._folder.path.glob("policy/*")), "ab").write(b"torn too")
        os.kill(os.getpid(), signal.SIGKILL)
    """
    assert _start(folder, code).wait() == -signal.SIGKILL
    report = verify(folder)
    assert report.ok, texts(report)
    (segment,) = report.segments
    assert not segment.running
    assert segment.unsigned > 5
    assert (segment.torn, segment.archive_torn, segment.decisions) == (6, 8, 10)
    strict = texts(verify(folder, strict=True))
    assert "are no whole line" in strict
    assert "no line names" in strict
    assert "no checkpoint covers" in strict
    recover(folder)
    report = verify(folder, strict=True)
    assert report.ok, texts(report)
    (segment,) = report.segments
    assert (segment.recovered, segment.decisions, segment.unsigned) == (1, 10, 0)


def _start(folder: Path, code: str) -> subprocess.Popen[bytes]:
    """Another process that opens the ledger and does something."""
    program = (
        "from pathlib import Path\nfrom evidence import log_page\n"
        "from reservation_middleware.ledger.write.ledger import Ledger\n"
        f"ledger = Ledger.open({str(folder)!r})\n{dedent(code)}\nledger.close()\n"
    )
    running = subprocess.Popen([sys.executable, "-W", "error", "-c", program])
    ended = False
    while not list(folder.glob("log/*.checkpoint")):
        assert not ended, running.returncode
        ended = running.poll() is not None  # then it has written one, or never will
    return running


@pytest.mark.slow
def test_memory_does_not_grow_with_decisions(tmp_path: Path) -> None:
    import tracemalloc

    folder = tmp_path / "ledger"
    with Ledger.open(folder) as ledger:
        for number in range(3000):
            log_page(ledger, f"https://a.example/{number % 2}")
    tracemalloc.start()
    assert verify(folder).ok
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    (segment,) = verify(folder).segments
    assert segment.decisions == 3000
    assert most < 2_000_000


@pytest.mark.parametrize("what", ["log", "checkpoint", "archive", "lock"])
def test_pipes_and_links_are_neither_read_nor_written(tmp_path: Path, what: str) -> None:
    """Who hands a ledger on chooses what its files are."""
    folder = closed(tmp_path / "ledger")
    place, name = only(folder)
    path, other = getattr(place, what)(name), tmp_path / "other"
    other.write_bytes(b"precious")
    for make in (
        os.mkfifo,
        lambda one: one.symlink_to(other),
        lambda one: one.symlink_to("/dev/zero"),
    ):
        path.unlink(missing_ok=True)
        make(path)
        report = verify(folder)
        assert f"{path.relative_to(folder)}: it does not belong" in texts(report)
    assert other.read_bytes() == b"precious"


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    folder = closed(tmp_path / "ledger")
    Path(os.fsdecode(os.fsencode(folder) + b"/log/\xff")).touch()
    assert "log/\\xff: it does not belong" in texts(verify(folder)).replace("\\udcff", "\\xff")


def test_a_file_of_nothing_but_problems_is_given_up(tmp_path: Path) -> None:
    folder = closed(tmp_path / "ledger")
    place, name = only(folder)
    with place.log(name).open("ab") as file:
        file.write(b"\n" * 1_000_000)
    report = verify(folder)
    assert len(report.problems) == 1000
    assert report.lines < 2000


def test_a_hole_that_is_longer_than_memory(tmp_path: Path) -> None:
    folder = closed(tmp_path / "ledger")
    place, name = only(folder)
    size = place.archive(name).stat().st_size
    os.truncate(place.archive(name), 1 << 40)
    hole = b'{"archive":{"file":"policy/%s.warc.gz","length":%d,"offset":%d},"erased":"%s"}' % (
        *(name.encode(), (1 << 40) - size, size, b"00" * 32),
    )
    _resign(place, name, Signer.parse(key_of(folder)), lambda lines: [*lines[:-1], hole])
    assert "something else where a record was erased" in texts(verify(folder))


def test_nothing_comes_behind_a_recovered_segment(tmp_path: Path) -> None:
    """Nobody without the key can have lines signed by the writer that comes next."""
    folder = tmp_path / "ledger"
    assert _start(folder, "import os; os._exit(1)").wait() == 1
    recover(folder)
    assert verify(folder, strict=True).ok
    place, name = only(folder)
    with place.log(name).open("ab") as file:
        file.write(
            b'{"kind":"end","salt":"%s","time":"2026-11-22T05:30:00.000000Z"}\n' % (b"0" * 32)
        )
    assert "behind the end" in texts(verify(folder))
    place.lock(name).touch()
    (report,) = recover(folder)
    assert "behind its end" in str(report.problem)
    assert "behind the end" in texts(verify(folder))
