"""Erasing a host: the tree stays, others' proofs stay, and readers of WARC go on."""

import gzip
import io
from pathlib import Path

import pytest
from evidence import closed, fetched, log_page, only, small
from hypothesis import given, settings
from hypothesis import strategies as st
from warcio.archiveiterator import ArchiveIterator  # type: ignore[import-untyped]

from reservation_middleware.ledger.format.filler import SHORTEST, filler
from reservation_middleware.ledger.format.folder import Folder
from reservation_middleware.ledger.share.erase import erase
from reservation_middleware.ledger.share.prove import prove, verify_bundle
from reservation_middleware.ledger.verify.ledger import verify
from reservation_middleware.ledger.write.ledger import Ledger
from reservation_middleware.model import LedgerError


def uris(folder: Path) -> list[str]:
    """The addresses of all records that a reader of WARC finds."""
    place, name = only(folder)
    with place.archive(name).open("rb") as file:
        return [
            record.rec_headers.get_header("WARC-Target-URI") or ""
            for record in ArchiveIterator(file)
        ]


def everything(folder: Path) -> bytes:
    """All lines and all records."""
    place, name = only(folder)
    return place.log(name).read_bytes() + gzip.decompress(place.archive(name).read_bytes())


@given(st.integers(SHORTEST, 300_000))
@settings(max_examples=60)
def test_filler_is_gzip_that_holds_nothing(length: int) -> None:
    data = b"".join(filler(length))
    assert len(data) == length
    assert gzip.decompress(data) == b""


def test_filler_at_the_edges_of_its_members() -> None:
    for length in [*range(SHORTEST, 60), *range(65_530, 65_620), *range(131_080, 131_160)]:
        data = b"".join(filler(length))
        assert len(data) == length
        assert gzip.decompress(data) == b""
    with pytest.raises(ValueError, match="short"):
        list(filler(SHORTEST - 1))


def test_a_host_is_gone_and_all_else_holds(tmp_path: Path) -> None:
    folder = closed(tmp_path / "ledger", hosts=("a", "b", "d"))
    before = verify(folder)
    assert before.ok
    assert b"b.example" in everything(folder)
    erased = erase(folder, "B.example")
    assert (erased.host, erased.lines, erased.documents) == ("b.example", 2, 3)
    assert erased.records == 4  # robots.txt and the page, and their requests
    assert erased.segments == tuple(one.name for one in before.segments)
    assert b"b.example" not in everything(folder)
    after = verify(folder)
    assert after.ok, after.problems
    assert after.root == before.root
    assert after.segments[0].erased == 7
    assert not any("b.example" in uri for uri in uris(folder))
    assert any("d.example" in uri for uri in uris(folder))
    for host in ("a.example", "d.example"):
        assert verify_bundle(prove(folder, host)).ok
    with pytest.raises(LedgerError, match="no signed line"):
        prove(folder, "b.example")
    assert erase(folder, "b.example").segments == ()


def test_what_others_rest_on_stays(tmp_path: Path) -> None:
    """c.example's robots.txt has the body of a.example's, whose record holds it."""
    folder = tmp_path / "ledger"
    with small(folder, hosts=("a", "c")) as ledger:
        shared = fetched("https://a.example/licence.xml", "rsl", b"<rsl/>")
        log_page(ledger, "https://a.example/9", linked=(shared,))
        log_page(ledger, "https://c.example/9", linked=(shared,))
    erased = erase(folder, "a.example")
    assert erased.kept >= 1
    assert verify(folder).ok
    report = verify_bundle(prove(folder, "c.example"))
    assert (report.ok, report.decisions) == (True, 3)
    log = everything(folder)
    assert b"https://a.example/9" not in log
    assert b"https://a.example/licence.xml" in log


def test_documents_of_others_that_only_the_host_used_go(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    with Ledger.open(folder) as ledger:
        linked = fetched("https://b.example/licence.xml", "rsl", b"<rsl/>")
        log_page(ledger, "https://a.example/1", linked=(linked,))
    erase(folder, "a.example")
    assert b"b.example" not in everything(folder)
    assert verify(folder).ok


def test_a_large_record(tmp_path: Path) -> None:
    import random

    folder = tmp_path / "ledger"
    noise = random.Random(1).randbytes(200_000)
    with Ledger.open(folder) as ledger:
        log_page(ledger, "https://a.example/1", robots=noise)
        log_page(ledger, "https://b.example/1")
    erase(folder, "a.example")
    report = verify(folder)
    assert report.ok, report.problems
    assert not any("a.example" in uri for uri in uris(folder))
    assert any("b.example" in uri for uri in uris(folder))
    place, name = only(folder)
    assert noise[:1000] not in place.archive(name).read_bytes()


def test_what_is_erased_can_be_proved_to_others(tmp_path: Path) -> None:
    """A bundle with an erased line: here a document that a decision of another host names."""
    folder = closed(tmp_path / "ledger", hosts=("a", "b"))
    place, name = only(folder)
    from reservation_middleware.ledger.format.lines import DocumentLine, ErasedLine, decode, encode
    from reservation_middleware.ledger.format.merkle import leaf_hash

    lines = place.log(name).read_bytes().split(b"\n")[:-1]
    index = next(
        number
        for number, line in enumerate(lines)
        if isinstance(entry := decode(line), DocumentLine) and entry.archive is None
    )
    lines[index] = encode(ErasedLine(erased=leaf_hash(lines[index]).hex()))
    place.log(name).write_bytes(b"\n".join(lines) + b"\n")
    assert verify(folder).ok
    report = verify_bundle(prove(folder, "a.example"))
    assert (report.ok, report.erased) == (True, 1)


def test_a_living_writer_is_left_alone(tmp_path: Path) -> None:
    folder = closed(tmp_path / "ledger")
    with small(folder, hosts=("a",)):
        before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        with pytest.raises(LedgerError, match="still lives"):
            erase(folder, "a.example")
        assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    erase(folder, "a.example")
    assert verify(folder).ok
    assert len(Folder(folder).segments()) == 2


def test_an_erasure_that_was_cut_short_is_finished(tmp_path: Path) -> None:
    """Killed between the lines and the archive: verify says so, and a second run ends it."""
    folder = closed(tmp_path / "ledger")
    place, name = only(folder)
    archive = place.archive(name)
    before = archive.read_bytes()
    erase(folder, "a.example")
    after = archive.read_bytes()
    archive.write_bytes(before)
    assert not verify(folder).ok
    assert erase(folder, "a.example").segments == (name,)
    assert archive.read_bytes() == after
    assert verify(folder).ok


def test_only_the_filler_may_stand_there(tmp_path: Path) -> None:
    folder = closed(tmp_path / "ledger")
    erase(folder, "a.example")
    place, name = only(folder)
    archive = place.archive(name)
    data = archive.read_bytes()
    start = data.index(b"RM") - 12
    for place_of in range(start, start + 200):
        changed = bytearray(data)
        changed[place_of] ^= 1
        archive.write_bytes(changed)
        assert not verify(folder).ok, place_of


def test_readers_of_gzip_go_on(tmp_path: Path) -> None:
    folder = closed(tmp_path / "ledger", hosts=("a", "b"))
    for host in ("a.example", "b.example"):
        erase(folder, host)
        assert verify(folder).ok
    place, name = only(folder)
    with gzip.GzipFile(fileobj=io.BytesIO(place.archive(name).read_bytes())) as file:
        assert file.read().count(b"WARC/1.1") == 1  # the first record tells who wrote it
    assert uris(folder) == [""]
