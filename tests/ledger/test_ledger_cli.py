"""The verbs of `reservations ledger` and `report` as they are typed: output and exit statuses."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from forked_cli import CommandLine, command_line
from test_replay import NOW, asked, document, edited, told
from test_rollout import crawl

from reservation_middleware.decide.profiles import profile
from reservation_middleware.ledger.write.ledger import Ledger


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    with command_line(tmp_path_factory.mktemp("cache")) as run:
        yield partial(run, COLUMNS="160")


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    crawl(tmp_path / "ledger")
    return tmp_path / "ledger"


def test_verify(cli: CommandLine, ledger: Path) -> None:
    code, printed, _ = cli("ledger", "verify", ledger)
    assert (code, printed.split()[0]) == (0, "VERIFIES")
    code, key, _ = cli("ledger", "key", ledger)
    assert (code, key.split("+")[0]) == (0, "reservations")
    (ledger.parent / "vkey").write_text(key)
    for given in (key.strip(), ledger.parent / "vkey"):
        assert cli("ledger", "verify", ledger, "--key", given)[0] == 0
    code, printed, _ = cli("ledger", "verify", ledger, "--format", "json")
    assert json.loads(printed)["ok"] is True
    [checkpoint] = (ledger / "log").glob("*.checkpoint")
    (ledger.parent / "earlier").write_bytes(checkpoint.read_bytes())
    assert cli("ledger", "verify", ledger, "--since", ledger.parent / "earlier")[0] == 0
    edited(ledger, b'"action":"block"', b'"action":"BLOCK"')
    code, printed, _ = cli("ledger", "verify", ledger)
    assert code == 1
    assert "DOES NOT VERIFY" in printed
    assert ".jsonl:" in printed


def test_prove(cli: CommandLine, ledger: Path) -> None:
    bundle = ledger.parent / "bundle.json"
    code, printed, _ = cli("ledger", "prove", ledger, "--host", "host1.example", "-o", bundle)
    assert (code, printed) == (0, "")
    code, printed, _ = cli("ledger", "verify", bundle)
    assert (code, printed.split()[0]) == (0, "VERIFIES")
    assert "host2" not in bundle.read_text()
    code, printed, _ = cli("ledger", "prove", ledger, "--host", "www.host1.example")
    assert json.loads(printed)["host"] == "www.host1.example"
    code, _, said = cli("ledger", "prove", ledger, "--host", "other.example")
    assert code == 0
    assert "other.example" in said
    bundle.write_text(bundle.read_text().replace("disallowed", "allowed", 1))
    assert cli("ledger", "verify", bundle)[0] == 1


def test_what_is_no_key_and_no_certificate_says_nothing_about_the_ledger(
    cli: CommandLine, ledger: Path
) -> None:
    for flag, given, why in (
        ("--key", Path(f"{ledger}.key"), "this is the private key"),
        ("--key", "a+b", "no verifier key"),
        ("--ca", Path(f"{ledger}.key"), "no certificates in PEM"),
        ("--since", Path(f"{ledger}.key"), "no checkpoint"),
    ):
        code, printed, said = cli("ledger", "verify", ledger, flag, given)
        assert (code, printed) == (2, "")
        assert why in " ".join(said.split())
        assert "PRIVATE" not in said


def test_one_broken_line_is_not_told_once_for_each_later_one(
    cli: CommandLine, ledger: Path
) -> None:
    edited(ledger, b'"kind":"document"', b'"kind":"dokument"')
    code, printed, _ = cli("ledger", "verify", ledger)
    assert code == 1
    assert 0 < len([line for line in printed.splitlines() if ".jsonl:" in line]) < 10
    assert "--format json names them" in " ".join(printed.split())


def test_what_a_bundle_does_not_prove_is_told_as_that(cli: CommandLine, ledger: Path) -> None:
    bundle = ledger.parent / "bundle.json"
    cli("ledger", "prove", ledger, "--host", "host1.example", "-o", bundle)
    _, printed, _ = cli("ledger", "verify", bundle)
    assert printed.split("Not proved:")[1].strip().startswith("- that these are all lines")


def test_replay(cli: CommandLine, ledger: Path) -> None:
    code, printed, _ = cli("ledger", "replay", ledger)
    assert code == 0
    assert "0 of 6 decisions" in printed
    edited(ledger, b'"verdict":"disallowed"', b'"verdict":"allowed"')
    code, printed, _ = cli("ledger", "replay", ledger)
    assert code == 1
    assert "verdict recorded: allowed" in printed
    assert "verdict replayed: disallowed" in printed
    code, printed, _ = cli("ledger", "replay", ledger, "--format", "json", "--show", "0")
    found = json.loads(printed)
    assert (code, found["different"], found["mismatches"]) == (1, 1, [])
    assert "bytes" not in found["compared"]


def test_what_cannot_be_made_again_is_neither_equal_nor_different(
    cli: CommandLine, ledger: Path
) -> None:
    [log] = (ledger / "log").glob("*.jsonl")
    lines = log.read_bytes().splitlines(keepends=True)
    number = next(n for n, one in enumerate(lines) if b'"kind":"document"' in one)
    lines[number] = b'{"erased":"%s"}\n' % (b"0" * 64)
    log.write_bytes(b"".join(lines))
    code, printed, _ = cli("ledger", "replay", ledger)
    assert code == 3
    assert "a line it rests on was erased" in printed


def test_stats(cli: CommandLine, ledger: Path) -> None:
    code, printed, _ = cli("ledger", "stats", ledger)
    assert code == 0
    assert "6 decisions" in printed
    found = json.loads(cli("ledger", "stats", ledger, "--format", "json")[1])
    assert (found["decisions"], found["blocked"], found["lines"]["policy"]) == (6, 3, 1)


def test_offers_of_a_ledger(cli: CommandLine, tmp_path: Path) -> None:
    policy = profile()
    tdmrep = b'[{"location": "/", "tdm-reservation": 1, "tdm-policy": "http://a.example/terms"}]'
    where = "http://a.example/.well-known/tdmrep.json"
    with Ledger.open(tmp_path / "l", clock=lambda: NOW) as ledger:
        check = asked("http://a.example/x", policy, [document(where, "tdmrep.json", tdmrep)])
        assert told(ledger, check, policy=policy).offers
    code, printed, said = cli("ledger", "offers", tmp_path / "l", "--format", "json")
    assert code == 0
    assert json.loads(printed)["url"] == "http://a.example/terms"
    assert said == ""


def test_erase_and_recover(cli: CommandLine, ledger: Path) -> None:
    code, _, said = cli("ledger", "erase", ledger, "--host", "host1.example")
    assert code == 2
    assert "--yes" in said
    code, printed, _ = cli("ledger", "erase", ledger, "--host", "host1.example", "--yes")
    assert code == 0
    assert "erased: 2 lines" in printed
    assert cli("ledger", "verify", ledger)[0] == 0
    code, printed, _ = cli("ledger", "replay", ledger)
    assert code == 0
    assert "0 of 4 decisions" in printed
    assert "lines were erased" in printed
    assert cli("ledger", "recover", ledger)[0] == 0


def test_export(cli: CommandLine, ledger: Path) -> None:
    out = ledger.parent / "out"
    code, printed, _ = cli("ledger", "export", ledger, "-o", out, "--summary")
    assert code == 0
    assert len(printed.splitlines()) == 3
    assert json.loads((out / "training-summary.json").read_text())["crawlers"] == {"ExampleBot": 6}
    pytest.importorskip("pyarrow", reason="the extra [export] is not installed")
    code, printed, _ = cli("ledger", "export", ledger, "-o", out)
    assert code == 0
    assert "decisions.parquet: 6 rows" in printed


def test_report(cli: CommandLine, ledger: Path) -> None:
    code, printed, _ = cli("report", ledger)
    assert code == 0
    assert "3 of 6 decisions were blocked, 1 more would have been." in printed
    code, printed, _ = cli("report", ledger, "--profile", "licence-first", "--no-matrix")
    assert (
        "From opt-out to licence-first: 2 more of 6 decisions would be blocked, none freed."
        in printed
    )
    code, printed, _ = cli("report", ledger, "--format", "json", "--by", "host,stage")
    found = json.loads(printed)
    assert list(found["by"]) == ["host", "stage"]
    assert len(found["matrix"]) == 20
    code, printed, _ = cli("report", ledger, "--format", "html")
    assert printed.startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("report", "LEDGER", "--by", "hosts"), "did you mean 'host'"),
        (("report", "LEDGER", "--profile", "opt-in"), "did you mean 'opt-out'"),
        (("report", "LEDGER", "--purpose", "train"), "unknown purpose"),
        (("report", "LEDGER", "--signal", "tdmreps"), "unknown signal"),
        (("report", "nowhere"), "is no ledger"),
        (("ledger", "replay", "nowhere"), "is no ledger"),
        (("ledger", "verify", "nowhere"), "cannot read nowhere"),
        (("ledger", "verify", "LEDGER", "--key", "nowhere"), "cannot read nowhere"),
        (("ledger", "stats", "."), "is no ledger"),
        (("ledger", "key", "LEDGER", "--key-file", "nowhere"), "there is no key"),
        (("ledger", "prove", "LEDGER", "--host", ""), ""),
        (("ledger", "export", "LEDGER", "-o", ""), "empty"),
        (("ledger", "export", "LEDGER", "-o", "x", "--sme"), "--summary"),
    ],
)
def test_bad_usage(cli: CommandLine, arguments: tuple[str, ...], said: str, ledger: Path) -> None:
    code, printed, told_ = cli(*(str(ledger) if one == "LEDGER" else one for one in arguments))
    assert (code, printed) == (2, "")
    assert said in " ".join(told_.replace("│", " ").split())


@pytest.mark.parametrize("verb", ["replay", "stats", "offers", "report"])
def test_a_broken_ledger_is_told_with_file_and_line(
    cli: CommandLine, verb: str, ledger: Path
) -> None:
    edited(ledger, b'"kind":"policy"', b'"kind":"\x1b[31m"')
    arguments = ("report",) if verb == "report" else ("ledger", verb)
    code, _, said = cli(*arguments, ledger)
    assert code == (2 if verb == "report" else 1)
    assert ".jsonl:" in said
    assert "\x1b" not in said
