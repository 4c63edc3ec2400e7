"""Bundles: made from real ledgers, checked here and by the verifier in JavaScript."""

import json
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import which
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from evidence import closed, fetched, key_of, log_page, only, small
from hypothesis import example, given
from hypothesis import strategies as st

from reservation_middleware.ledger.format.merkle import leaf_hash
from reservation_middleware.ledger.format.signed_note import Signer
from reservation_middleware.ledger.read.host_filter import HostFilter
from reservation_middleware.ledger.share.bundle import NOT_PROVED
from reservation_middleware.ledger.share.prove import prove, verify_bundle
from reservation_middleware.ledger.verify.ledger import verify
from reservation_middleware.ledger.write.ledger import Ledger
from reservation_middleware.model import LedgerError
from support import SPEC

VERIFIER = SPEC / "verify-bundle.mjs"
SCHEMA = json.loads((SPEC / "schemas" / "bundle.schema.json").read_text())
Json = dict[str, Any]


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three hosts; c.example's robots.txt has the same body as a.example's."""
    return closed(tmp_path_factory.mktemp("prove") / "ledger", hosts=("a", "b", "c"))


@pytest.fixture(scope="module")
def bundle(ledger: Path) -> bytes:
    return prove(ledger, "c.example")


def node(file: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    if not which("node"):
        pytest.skip("needs node")
    return subprocess.run(
        ["node", str(VERIFIER), str(file), *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def holds(data: bytes, **keywords: Any) -> bool:
    try:
        return verify_bundle(data, **keywords).ok
    except LedgerError:
        return False


def test_a_bundle_holds_by_itself(ledger: Path, bundle: bytes, tmp_path: Path) -> None:
    report = verify_bundle(bundle)
    assert report.ok, report.problems
    assert (report.host, report.decisions, report.documents) == ("c.example", 2, 4)
    assert not report.pinned
    assert report.not_proved == NOT_PROVED
    jsonschema.validate(json.loads(bundle), SCHEMA)
    file = tmp_path / "bundle.json"
    file.write_bytes(bundle)
    done = node(file)
    assert (done.returncode, done.stderr) == (0, "")
    assert report.keys[0] in done.stdout
    assert NOT_PROVED[0] in done.stdout
    assert node(file, report.keys[0]).returncode == 0
    assert verify_bundle(bundle, key=report.keys[0]).pinned


def test_somebody_elses_key_did_not_sign(bundle: bytes, tmp_path: Path) -> None:
    other = Signer.generate("reservations").verifier.text
    report = verify_bundle(bundle, key=other)
    assert not report.ok
    assert not report.pinned
    file = tmp_path / "bundle.json"
    file.write_bytes(bundle)
    assert node(file, other).returncode == 1


def test_nobody_elses_lines_are_in_it(bundle: bytes) -> None:
    """Not even where a body is kept with another line."""
    data = json.loads(bundle)
    assert any("body" in line for line in data["segments"][0]["lines"])
    for line in data["segments"][0]["lines"]:
        unpacked = b64decode(line.get("record", "")) + line.get("line", "").encode()
        if line.get("record"):
            import gzip

            unpacked += gzip.decompress(b64decode(line["record"]))
        assert b"a.example" not in unpacked
        assert b"b.example" not in unpacked


def test_under_a_hundred_lines() -> None:
    assert len(VERIFIER.read_text().splitlines()) < 100


def flips(data: bytes, count: int) -> Iterator[bytes]:
    """The data with one bit changed, at places spread over all of it."""
    for number in range(count):
        place = number * len(data) // count
        changed = bytearray(data)
        changed[place] ^= 1 << number % 8
        yield bytes(changed)


def test_every_byte_counts_here(bundle: bytes) -> None:
    for changed in flips(bundle, 2000):
        assert not holds(changed)


#: Runs the program once for each file that is named on standard input; prints those that hold.
MANY = """
import { readFileSync } from "node:fs";
const [, program] = process.argv;
for (const [number, file] of readFileSync(0, "utf8").split("\\n").entries()) {
  [process.argv[2], process.exitCode] = [file, 0];
  await import(`${program}?${number}`);
  if (process.exitCode !== 1) console.log(`HOLDS ${file}`);
}
process.exitCode = 0;
"""


@pytest.mark.slow
def test_every_byte_counts_in_node(bundle: bytes, tmp_path: Path) -> None:
    names = []
    for number, changed in enumerate(flips(bundle, 2000)):
        names.append(f"{tmp_path}/{number}")
        Path(names[-1]).write_bytes(changed)
    good = tmp_path / "good"
    good.write_bytes(bundle)
    done = subprocess.run(
        [which("node") or "node", "--input-type=module", "-e", MANY, VERIFIER.as_uri()],
        input="\n".join([*names, str(good)]),
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    held = [line for line in done.stdout.splitlines() if line.startswith("HOLDS ")]
    assert held == [f"HOLDS {good}"]


def _line(bundle: Json, kind: str) -> Json:
    lines = bundle["segments"][0]["lines"]
    return next(line for line in lines if f'"kind":"{kind}"' in line["line"])


def _drop(bundle: Json, kind: str) -> Json:
    gone = _line(bundle, kind)
    bundle["segments"][0]["lines"].remove(gone)
    return gone


def _flip_base64(line: Json, field: str) -> None:
    data = bytearray(b64decode(line[field]))
    data[len(data) // 2] ^= 1
    line[field] = b64encode(data).decode()


def _first_with(bundle: Json, field: str) -> Json:
    return next(line for line in bundle["segments"][0]["lines"] if field in line)


FORGERIES: dict[str, Callable[[Json], object]] = {
    "format": lambda it: it.update(format="reservations-bundle/2"),
    "host": lambda it: it.update(host="example.org"),
    "host above": lambda it: it.update(host="b.example"),
    "not proved": lambda it: it["not_proved"].pop(),
    "no segments": lambda it: it.update(segments=[]),
    "more": lambda it: it.update(more=1),
    "checkpoint size": lambda it: it["segments"][0].update(
        checkpoint=it["segments"][0]["checkpoint"].replace("\n", "\n1", 1)
    ),
    "checkpoint unsigned": lambda it: it["segments"][0].update(
        checkpoint=it["segments"][0]["checkpoint"].partition("—")[0]
    ),
    "text of a line": lambda it: _line(it, "decision").update(
        line=_line(it, "decision")["line"].replace('"blocked":true', '"blocked":false')
    ),
    "index": lambda it: _line(it, "decision").update(index=_line(it, "decision")["index"] - 1),
    "path shorter": lambda it: _line(it, "decision")["path"].pop(),
    "path longer": lambda it: _line(it, "decision")["path"].append("00" * 32),
    "path empty": lambda it: _line(it, "decision").update(path=[]),
    "policy left out": lambda it: _drop(it, "policy"),
    "document left out": lambda it: _drop(it, "document"),
    "first line left out": lambda it: _drop(it, "segment"),
    "only decisions left out": lambda it: (_drop(it, "decision"), _drop(it, "decision")),
    "order": lambda it: it["segments"][0]["lines"].reverse(),
    "twice": lambda it: it["segments"][0]["lines"].append(it["segments"][0]["lines"][-1]),
    "record": lambda it: _flip_base64(_first_with(it, "record"), "record"),
    "record left out": lambda it: (
        _line(it, "document").pop("record", None) or _first_with(it, "record").pop("record")
    ),
    "record too many": lambda it: _line(it, "policy").update(record="AAAA"),
    "body": lambda it: _flip_base64(_first_with(it, "body"), "body"),
    "body left out": lambda it: _first_with(it, "body").pop("body"),
    "erased as well": lambda it: _line(it, "decision").update(erased="00" * 32),
    "erased instead": lambda it: _line(it, "policy").update(erased="00" * 32, line=None),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_forgeries(ledger: Path, name: str, tmp_path: Path) -> None:
    host = "c.example" if "body" in name else "a.example"
    data = json.loads(prove(ledger, host))
    FORGERIES[name](data)
    for segment in data["segments"]:
        segment["lines"] = [
            {key: value for key, value in line.items() if value is not None}
            for line in segment["lines"]
        ]
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, sort_keys=True) + "\n"
    assert not holds(text.encode())
    file = tmp_path / "bundle.json"
    file.write_text(text)
    done = node(file)
    assert (done.returncode, done.stderr) == (1, ""), done.stdout


def test_hosts_below_and_ports(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    with Ledger.open(folder) as ledger:
        for url in (
            "https://a.example/1",
            "https://www.a.example/2",
            "https://a.example:8443/3",
            "https://nota.example/4",
            "https://xn--bcher-kva.example/5",
            "https://BÜCHER.example/6",
            "http://127.0.0.1:8080/7",
            "http://[::1]:8080/8",
        ):
            log_page(ledger, url)
    for host, count in (
        ("a.example", 3),
        ("A.EXAMPLE.", 3),
        ("a.example:443", 2),
        ("a.example:8443", 1),
        ("www.a.example", 1),
        ("bücher.example", 2),
        ("xn--bcher-kva.example", 2),
        ("127.0.0.1", 1),
        ("[::1]:8080", 1),
        ("::1", 1),
        ("example", 6),
    ):
        data = prove(folder, host)
        report = verify_bundle(data)
        assert report.ok, (host, report.problems)
        assert report.decisions == count, host
        file = tmp_path / "bundle.json"
        file.write_bytes(data)
        done = node(file)
        assert done.returncode == 0, (host, done.stdout)
    for host in ("b.example", "a.example:80", "0.0.1", "ple"):
        with pytest.raises(LedgerError, match="no signed line"):
            prove(folder, host)
    for bad in ("", "https://a.example", "a b", "a.example/x", "u@a.example", "a:b", "a.example:"):
        with pytest.raises(LedgerError):
            prove(folder, bad)


@example("0 .")
@given(st.text(max_size=30))
def test_any_text_is_a_host_or_an_error(text: str) -> None:
    try:
        host = HostFilter.parse(text)
    except LedgerError:
        return
    assert HostFilter.parse(host.text) == host
    host.covers(text)
    host.covers("http://" + text)


def test_linked_documents_of_other_hosts_are_in(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    with Ledger.open(folder) as ledger:
        linked = fetched("https://b.example/licence.xml", "rsl", b"<rsl/>")
        log_page(ledger, "https://a.example/1", linked=(linked,))
    data = prove(folder, "a.example")
    assert verify_bundle(data).ok
    assert b"https://b.example/licence.xml" in data


def test_several_segments_and_what_is_not_signed_yet(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    closed(folder)
    closed(folder, hosts=("b",))
    running = small(folder, hosts=("a",))
    report = verify_bundle(prove(folder, "a.example"))
    assert (report.ok, report.segments, report.decisions) == (True, 1, 2)
    running.checkpoint()
    report = verify_bundle(prove(folder, "a.example"))
    assert (report.ok, report.segments, report.decisions) == (True, 2, 4)
    running.close()


def test_a_changed_ledger_proves_nothing(tmp_path: Path) -> None:
    folder = closed(tmp_path / "ledger")
    place, name = only(folder)
    log = place.log(name)
    good = log.read_bytes()
    log.write_bytes(good.replace(b'"blocked":true', b'"blocked":null', 1))
    with pytest.raises(LedgerError, match="signed"):
        prove(folder, "b.example")
    log.write_bytes(good[: len(good) // 2])
    with pytest.raises(LedgerError, match="signed"):
        prove(folder, "a.example")
    log.write_bytes(good)
    archive = place.archive(name)
    archive.write_bytes(bytes(len(archive.read_bytes())))
    with pytest.raises(LedgerError):
        prove(folder, "a.example")
    assert not verify(folder).ok


def test_no_secret_is_in_it(ledger: Path, bundle: bytes) -> None:
    assert key_of(ledger).split("+", 4)[4].strip().encode() not in bundle


def _bare(bundle: Json) -> bytes:
    return (
        json.dumps(bundle, separators=(",", ":"), ensure_ascii=False, sort_keys=True) + "\n"
    ).encode()


UNSIGNED: dict[str, Callable[[Json], object]] = {
    "segment twice": lambda it: it["segments"].append(it["segments"][0]),
    "erased and null": lambda it: _line(it, "policy").update(
        erased=leaf_hash(_line(it, "policy")["line"].encode()).hex(), line="null"
    ),
    "unknown field of a segment": lambda it: it["segments"][0].update(more=1),
    "index that is text": lambda it: _line(it, "policy").update(
        index=str(_line(it, "policy")["index"])
    ),
    "words joined": lambda it: it.update(not_proved=["\n".join(it["not_proved"])]),
    "no host": lambda it: it.update(host=""),
}


@pytest.mark.parametrize("name", UNSIGNED)
def test_what_needs_no_key_to_be_changed(bundle: bytes, name: str, tmp_path: Path) -> None:
    data = json.loads(bundle)
    UNSIGNED[name](data)
    assert not holds(_bare(data))
    file = tmp_path / "bundle.json"
    file.write_bytes(_bare(data))
    assert node(file).returncode == 1


def test_no_control_characters_are_printed(bundle: bytes, tmp_path: Path) -> None:
    data = json.loads(bundle)
    data["host"] = "\x1b[2J"
    file = tmp_path / "bundle.json"
    for text in (_bare(data), b"\x1b[2J"):
        file.write_bytes(text)
        done = node(file)
        assert done.returncode == 1
        assert "\x1b" not in done.stdout + done.stderr


def test_a_backslash_ends_a_host() -> None:
    assert HostFilter.parse("a.example").covers("https://a.example\\@b.example/")
    assert not HostFilter.parse("b.example").covers("https://a.example\\@b.example/")
