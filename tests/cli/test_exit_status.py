"""Exit status 1 is a verdict: what is wrong on this machine is status 2, one line, no traceback.

Every verb in every fault, each in a process of its own with real file descriptors.
"""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from evidence import closed
from forked_cli import CLOSED, FOLDER, FULL, PIPE, Cases, Done, cases

from reservation_middleware.ledger.read.reader import LedgerReader
from reservation_middleware.report.rollout import BY
from web import Answer, WebThread

pytestmark = pytest.mark.skipif(os.name != "posix", reason="fork, rights, /dev/full")

QUESTION = json.dumps(
    {
        "url": "https://a.example/x",
        "documents": [
            {"url": "https://a.example/robots.txt", "status": 404},
            {"url": "https://a.example/x", "status": 402, "headers": [["crawler-price", "USD 1"]]},
        ],
        "now": "2026-11-28T00:00:00Z",
    }
)
#: Verbs that print, with the status that they have where nothing is wrong.
PRINTING: dict[str, tuple[tuple[str, ...], int]] = {
    "--help": (("--help",), 0),
    "--version": (("--version",), 0),
    "help of a verb": (("ledger", "verify", "--help"), 0),
    "agents": (("agents",), 0),
    "agents json": (("agents", "--format", "json"), 0),
    "decide": (("decide",), 0),
    "check": (("check", "http://a.example/", "--proxy", "PROXY"), 3),
    "check json": (("check", "http://a.example/", "--proxy", "PROXY", "--format", "json"), 3),
    "report": (("report", "LEDGER"), 0),
    "report json": (("report", "LEDGER", "--format", "json"), 0),
    "report html": (("report", "LEDGER", "--format", "html"), 0),
    "verify": (("ledger", "verify", "LEDGER"), 0),
    "verify json": (("ledger", "verify", "LEDGER", "--format", "json"), 0),
    "prove": (("ledger", "prove", "LEDGER", "--host", "a.example"), 0),
    "replay": (("ledger", "replay", "LEDGER"), 0),
    "stats": (("ledger", "stats", "LEDGER"), 0),
    "offers": (("ledger", "offers", "--format", "json", "RECORDS"), 0),
    "key": (("ledger", "key", "LEDGER"), 0),
    "summary": (("ledger", "export", "LEDGER", "-o", "OUT", "--summary"), 0),
}
#: Verbs that need a ledger.
OF_A_LEDGER = {
    "report": ("report", "LEDGER"),
    "verify": ("ledger", "verify", "LEDGER"),
    "prove": ("ledger", "prove", "LEDGER", "--host", "a.example"),
    "replay": ("ledger", "replay", "LEDGER"),
    "stats": ("ledger", "stats", "LEDGER"),
    "offers": ("ledger", "offers", "LEDGER"),
    "key": ("ledger", "key", "LEDGER"),
    "stamp": ("ledger", "stamp", "LEDGER", "--authority", "http://127.0.0.1:1/"),
    "erase": ("ledger", "erase", "LEDGER", "--host", "a.example", "--yes"),
    "recover": ("ledger", "recover", "LEDGER"),
    "export": ("ledger", "export", "LEDGER", "-o", "OUT"),
    "summary": ("ledger", "export", "LEDGER", "-o", "OUT", "--summary"),
}


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    # Where those without rights may go, too.
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


@pytest.fixture(scope="module")
def ledger(place: Path) -> Path:
    return closed(place / "ledger")


@pytest.fixture(scope="module")
def cli(place: Path) -> Iterator[Cases]:
    with cases(place / "cache") as found:
        yield found


@pytest.fixture(scope="module")
def proxy() -> Iterator[str]:
    """A site whose rules cannot be had, for a reason that is not worth another try."""
    with WebThread({"http://a.example/robots.txt": Answer(501)}) as web:
        yield web.proxy_url


@pytest.fixture(scope="module")
def words(place: Path, ledger: Path, cli: Cases, proxy: str) -> dict[str, str]:
    records = place / "records.jsonl"
    records.write_text(cli.run("decide", text=QUESTION).out)
    given = {"LEDGER": str(ledger), "RECORDS": str(records), "OUT": str(place / "out")}
    return {**given, "PROXY": proxy}


def typed(arguments: tuple[str, ...], words: dict[str, str]) -> list[str]:
    return [words.get(one, one) for one in arguments]


def same(done: Done) -> tuple[int, str]:
    """Status and output, without times: those of a decision, and when a page was made."""
    times = r'"(expires|checked)":"[^"]*"|\d+ \w+( \d{4})? \d+:\d+ UTC'
    return done.status, re.sub(times, "", done.out)


def is_one_line(done: Done) -> None:
    assert done.status == 2, done
    assert done.err.startswith("reservations: "), done
    assert done.err.count("\n") == 1, done
    assert "internal error" not in done.err


@pytest.mark.parametrize("verb", PRINTING)
def test_what_happens_to_standard_output_is_no_verdict(
    verb: str, cli: Cases, words: dict[str, str]
) -> None:
    arguments, usual = PRINTING[verb]
    asked = typed(arguments, words)
    given = QUESTION + "\n"
    good = cli.run(*asked, text=given)
    assert good.status == usual, good
    assert good.out
    for fault in (FULL, CLOSED):
        done = cli.run(*asked, text=given, stdout=fault)
        is_one_line(done)
        assert "cannot write to standard output" in done.err
    done = cli.run(*asked, text=given, stdout=PIPE)
    assert (done.status, done.err) == (-signal.SIGPIPE, "")
    for fault in (FULL, CLOSED, PIPE):
        done = cli.run(*asked, text=given, stderr=fault)
        assert same(done) == same(good)
    # Input that is not read may be anything.
    if verb != "decide":
        for fault in (CLOSED, FOLDER):
            assert same(cli.run(*asked, stdin=fault)) == same(good)


@pytest.mark.parametrize("verb", [("decide",), ("ledger", "offers"), ("ledger", "offers", "-")])
@pytest.mark.parametrize("fault", [CLOSED, FOLDER])
def test_standard_input_that_cannot_be_read(verb: tuple[str, ...], fault: str, cli: Cases) -> None:
    done = cli.run(*verb, stdin=fault)
    is_one_line(done)
    assert "cannot read standard input" in done.err
    assert not done.out


@pytest.mark.parametrize("verb", OF_A_LEDGER)
def test_a_ledger_that_is_not_there_or_may_not_be_read(
    verb: str, cli: Cases, words: dict[str, str], place: Path, ledger: Path
) -> None:
    def asked(folder: Path) -> list[str]:
        return typed(OF_A_LEDGER[verb], {**words, "LEDGER": str(folder)})

    is_one_line(cli.run(*asked(place / "nowhere")))
    if verb not in ("verify", "offers"):  # which take files, too
        is_one_line(cli.run(*asked(Path("/dev/null"))))
        is_one_line(cli.run(*asked(Path(words["RECORDS"]))))
    if os.getuid():
        return
    for part in ("", "log", f"log/{Path(LedgerReader(ledger).segments[0].file).name}"):
        mode = (ledger / part).stat().st_mode & 0o777
        (ledger / part).chmod(0)
        try:
            is_one_line(cli.run(*asked(ledger), nobody=True))
        finally:
            (ledger / part).chmod(mode)


@pytest.mark.parametrize(
    "arguments",
    [
        ("ledger", "prove", "LEDGER", "--host", "a.example", "-o", "/dev/full"),
        ("ledger", "prove", "LEDGER", "--host", "a.example", "-o", "/proc/none/bundle"),
        ("ledger", "export", "LEDGER", "-o", "/proc/none"),
        ("ledger", "export", "LEDGER", "-o", "RECORDS", "--summary"),
        ("demo", "-o", "/proc/none"),
        ("demo", "-o", "RECORDS"),
        ("ledger", "offers", "nowhere"),
        ("ledger", "offers", "/"),
        ("ledger", "verify", "nowhere"),
        ("ledger", "verify", "LEDGER", "--key", "nowhere"),
        ("ledger", "verify", "LEDGER", "--since", "/"),
        ("ledger", "verify", "LEDGER", "--ca", "nowhere"),
        ("ledger", "key", "LEDGER", "--key-file", "nowhere"),
        ("ledger", "recover", "LEDGER", "--key-file", "RECORDS"),
        ("check", "a.example", "--licences", "nowhere"),
        ("check", "a.example", "--licences", "/"),
        ("check", "a.example", "--cache", "sqlite:////proc/none/x"),
        ("check", "a.example", "--cache", "sqlite:////"),
        ("check", "a.example", "--cache", "sqlite:///%00"),
        ("check", "a.example", "--cache", "sqlite:///x%00y"),
        ("check", "a.example", "--cache", "sqlite:///RECORDS"),
        ("check", "a.example", "--cache", "redis://[::1/0"),
        ("check", "a.example", "--cache", "redis://a.example:99999/0"),
        ("check", "a.example", "--cache", "http://a.example/"),
    ],
    ids=" ".join,
)
def test_files_that_are_not_there_or_take_nothing(
    arguments: tuple[str, ...], cli: Cases, words: dict[str, str], place: Path
) -> None:
    done = cli.run(*(one.replace("RECORDS", words["RECORDS"]) for one in typed(arguments, words)))
    is_one_line(done)
    assert not done.out


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xef\xbb\xbfprofile = 'strict'\n", None),
        (b"x = " + b"[" * 100_000, "nested"),
        (b"profile = " + b"{a=" * 5_000, "nested"),
        (b"prometheus = " + b"9" * 10_000, "digits"),
        ("profile = 'strict'\n".encode("utf-16"), "not UTF-8"),
        (b"profile = 'stri\xffct'\n", "not UTF-8"),
        (b"profile = 'str\x00ict'\n", "reservations.toml"),
        (b'ledger = "a\\u0000b"\n', "ledger"),
        (b'cache = "sqlite:///a\\u0000b"\n', "no file"),
        (b"licences = 1\n", "licences must be a string"),
        (b'"a\\u202eb" = 1\n', "unknown key"),
        (b"prometheus = true\n", "prometheus"),
        (b"purposes = [[[]]]\n", "purposes"),
        (b"policy_tokens = 1\n", "policy_tokens"),
        (b"unknown = 1979-05-27\n", "unknown"),
    ],
    ids=range(15),
)
def test_a_configuration_that_cannot_be_used(
    content: bytes, said: str | None, cli: Cases, proxy: str, tmp_path: Path
) -> None:
    (tmp_path / "reservations.toml").write_bytes(content)
    done = cli.run("check", "http://a.example/", "--proxy", proxy, cwd=tmp_path)
    if said is None:
        assert done.status == 3
        return
    is_one_line(done)
    assert said in done.err
    assert done.err.removesuffix("\n").isprintable()


def test_a_configuration_that_is_a_folder(cli: Cases, tmp_path: Path) -> None:
    (tmp_path / "reservations.toml").mkdir()
    is_one_line(cli.run("check", "http://127.0.0.1:1/", cwd=tmp_path))


@pytest.mark.parametrize("columns", ["0", "1", "7", "x", "", "-5", "9" * 30])
def test_columns_that_no_terminal_has(columns: str, cli: Cases, words: dict[str, str]) -> None:
    for verb in (("agents",), ("ledger", "stats", words["LEDGER"]), ("--help",)):
        done = cli.run(*verb, env={"COLUMNS": columns})
        assert done.status == 0
        assert len(done.out) > 200


def test_a_dead_host_is_told_once(cli: Cases) -> None:
    done = cli.run("check", "http://127.0.0.1:1/")
    assert done.status == 3
    assert done.out.startswith("NOT REACHED  http://127.0.0.1:1/  the connection is refused.\n")
    assert done.out.count("refused") == 1
    assert "Error" not in done.out
    assert cli.run("check", "http://127.0.0.1:1/", "--all").out.count("127.0.0.1:1/robots.txt") == 1


def test_statuses_of_the_ledger_verbs(
    cli: Cases, words: dict[str, str], ledger: Path, tmp_path: Path
) -> None:
    done = cli.run("ledger", "prove", ledger, "--host", "other.example", "-o", tmp_path / "b")
    assert (done.status, done.out) == (0, "")
    assert "no signed line is about other.example" in done.err
    assert not (tmp_path / "b").exists()
    done = cli.run("ledger", "erase", ledger, "--host", "other.example", "--yes")
    assert (done.status, done.err) == (0, "nothing is about other.example\n")
    pytest.importorskip("rfc3161_client", reason="the extra [stamp] is not installed")
    done = cli.run("ledger", "stamp", ledger, "--authority", "http://127.0.0.1:1/")
    assert done.status == 3
    assert "did not answer" in done.err


def test_help_names_all_tables_of_a_report(cli: Cases) -> None:
    assert "|".join(BY) in cli.run("report", "--help").out.replace("\n", "").replace(" ", "")


COMMAND = [sys.executable, "-m", "reservation_middleware"]
NASTY = "a\u202eb\x9b31mc\u200bd\U000e0041e\x7f"


def test_json_for_a_terminal_holds_nothing_that_a_terminal_obeys(tmp_path: Path) -> None:
    """A file gets the same JSON with the characters themselves."""
    question = json.dumps({"url": f"https://a.example/{NASTY}", "documents": []})
    outputs = []
    for terminal in (True, False):
        reader, writer = pty.openpty() if terminal else os.pipe()
        done = subprocess.run(
            [*COMMAND, "decide"],
            input=question,
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        os.close(writer)
        assert (done.returncode, done.stderr) == (0, "")
        outputs.append(b"".join(_rest(reader)).decode())
    shown, written = outputs
    assert json.loads(shown) == json.loads(written)
    assert shown.strip().isprintable()
    assert "\u202e" in written


def test_text_for_a_terminal_holds_nothing_that_a_terminal_obeys(ledger: Path) -> None:
    """A folder's name may come from a site; colours are meant."""
    out = ledger.parent / "a\u202eb\x9b31m\x1b]0;title\x07"
    reader, writer = pty.openpty()
    done = subprocess.run(
        [*COMMAND, "ledger", "export", ledger, "-o", out, "--summary"],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")
    shown = b"".join(_rest(reader)).decode()
    assert "training-summary.json" in shown
    assert "".join(shown.split()).isprintable()


def test_the_interpreter_itself_refuses_a_folder_as_standard_input() -> None:
    """Status 1 of the interpreter, before any line of ours: nothing that a package could change."""
    folder = os.open("/", os.O_RDONLY)
    done = subprocess.run(
        [sys.executable, "-c", ""], stdin=folder, capture_output=True, check=False
    )
    os.close(folder)
    assert done.returncode == 1
    assert b"<stdin> is a directory" in done.stderr


def test_head() -> None:
    command = f"{sys.executable} -m reservation_middleware agents --format json | head -n 1; "
    done = subprocess.run(
        ["bash", "-c", command + 'echo "${PIPESTATUS[*]}"'],
        capture_output=True,
        text=True,
        check=False,
    )
    line, statuses = done.stdout.splitlines()
    assert json.loads(line)["token"]
    assert statuses in ("0 0", f"{128 + signal.SIGPIPE} 0")  # it may have written it all before
    assert done.stderr == ""


def _rest(reader: int) -> Iterator[bytes]:
    try:
        while data := os.read(reader, 1 << 16):
            yield data
    except OSError:  # the terminal was closed
        pass
    finally:
        os.close(reader)
