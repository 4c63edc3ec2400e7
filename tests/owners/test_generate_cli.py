"""``reservations generate`` as people run it: what it prints, what it writes, how it ends."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from forked_cli import CommandLine, Done, command_line
from web_servers import INTENT

from reservation_middleware.owners.generate.server_table import server_folders

Run = Callable[..., Done]


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    with command_line(tmp_path_factory.mktemp("cache")) as found:
        yield found


@pytest.fixture
def run(command: CommandLine) -> Run:
    def in_folder(folder: Path, *words: str) -> Done:
        return command("generate", *words, cwd=folder, COLUMNS="80", NO_COLOR="1")

    return in_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "intent.toml").write_text(INTENT)
    (tmp_path / "site").mkdir()
    (tmp_path / "site/robots.txt").write_text("User-agent: *\nDisallow: /private/\n")
    return tmp_path


def test_an_intent_that_survives(folder: Path, run: Run) -> None:
    done = run(folder, "intent.toml", "-o", "out", "--site", "site")
    assert done.status == 0, done.out + done.err
    assert done.err == ""
    lines = done.out.splitlines()
    assert lines[0] == "https://press.example/     as intent.toml means it"
    assert "Everything is read back as it is meant." in lines[2]
    assert "unknown" not in done.out
    assert "disallowed" not in done.out
    assert max(map(len, lines[4:10])) <= 80
    out = folder / "out"
    assert (
        (out / "site/robots.txt")
        .read_text()
        .startswith("User-agent: *\nDisallow: /private/\n\n# BEGIN")
    )
    assert {path.name for path in (out / "servers").iterdir()} == {
        server.name for server in server_folders()
    }
    for server in server_folders():
        names = {path.name for path in (out / "servers" / server.name).iterdir()}
        assert names == {*server.files, "README.md", "verify.sh"}
        readme = (out / "servers" / server.name / "README.md").read_text()
        assert "Run by this project's tests" in readme or "*Not run*" in readme or "Node" in readme
    assert os.access(out / "servers/nginx/verify.sh", os.X_OK)
    # The site is read and never written.
    assert [path.name for path in (folder / "site").rglob("*")] == ["robots.txt"]


def test_the_report_is_what_json_prints(folder: Path, run: Run) -> None:
    done = run(folder, "intent.toml", "-o", "out", "--format", "json")
    assert done.status == 0
    assert json.loads(done.out) == json.loads((folder / "out/report.json").read_text())


def test_an_intent_that_does_not_survive_is_1(folder: Path, run: Run) -> None:
    (folder / "site/robots.txt").write_text("User-agent: *\nContent-Signal: search=no\n")
    done = run(folder, "intent.toml", "-o", "out", "--site", "site")
    assert done.status == 1
    assert "NOT everything is read back as it is meant." in done.out
    assert (
        "search (everywhere else): yes is meant, no is read by content-signals (robots.txt)"
        in done.out
    )


def test_a_second_run_takes_away_what_it_does_not_write(folder: Path, run: Run) -> None:
    assert run(folder, "intent.toml", "-o", "out").status == 0
    assert (folder / "out/html/head-1.html").exists()
    (folder / "out/notes.txt").write_text("mine")
    (folder / "intent.toml").write_text('site = "https://press.example"\n[use]\nai-train = "no"\n')
    assert run(folder, "intent.toml", "-o", "out").status == 0
    assert not (folder / "out/html/head-1.html").exists()
    assert not (folder / "out/site/tdm-policy.json").exists()
    assert (folder / "out/notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "intent", "told"),
    [
        (("nothing.toml", "-o", "out"), "", "nothing.toml"),
        (("intent.toml", "-o", "out"), 'sight = "https://a.example"', "intent.toml: unknown key 'sight'; did you mean 'site'?"),
        (("intent.toml", "-o", "out"), 'site = "https://a.example"\ncontact = "javascript:x"', "intent.toml: contact: 'javascript:x' is no mailto, http or https address"),
        (("intent.toml", "-o", "site/out", "--site", "site"), INTENT, "site/out is in site, which is never written"),
        (("intent.toml", "-o", "site", "--site", "site"), INTENT, "site is in site, which is never written"),
        (("intent.toml", "-o", "out", "--site", "nowhere"), INTENT, "nowhere is no folder"),
        (("intent.toml", "-o", "intent.toml/out"), INTENT, "cannot write to intent.toml/out"),
        (("intent.toml", "-o", "out"), 'site = "https://a.example"\n[media]\nfiles = ["*.jpg"]', "media.files: needs --site"),
        (("intent.toml", "-o", "out", "--site", "site"), 'site = "https://a.example"\n[use]\nai = "no"\n[media]\nfiles = ["*.jpg"]', "media.files[1]: no file in site matches '*.jpg'"),
    ],
)  # fmt: skip
def test_bad_usage_is_one_line_and_2(
    run: Run, folder: Path, words: tuple[str, ...], intent: str, told: str
) -> None:
    (folder / "intent.toml").write_text(intent)
    done = run(folder, *words)
    assert done.status == 2, done.out
    assert told in " ".join(done.err.split())
    assert "Traceback" not in done.err
    assert done.out == ""
    assert not (folder / "out").exists()


def test_what_is_no_intent_file_is_one_line_and_2(folder: Path, run: Run) -> None:
    for body, words in {
        b"\xff\xfes\0i\0t\0e\0": "not UTF-8",
        bytes(range(256)): "intent.toml",
        b"#" * 5_000_000: "longer than 4194304 bytes",
        b"a = " + b"[" * 5000: "intent.toml",
    }.items():
        (folder / "intent.toml").write_bytes(body)
        done = run(folder, "intent.toml", "-o", "out")
        assert done.status == 2
        assert words in " ".join(done.err.split())
    assert run(folder, "site", "-o", "out").status == 2


def test_a_hostile_report_of_an_earlier_run_takes_nothing_away(folder: Path, run: Run) -> None:
    (folder / "out").mkdir()
    (folder / "victim").write_text("x")
    report = {
        "files": ["../victim", "site/../../victim", "/etc/hostname", 7],
        "written_by": "reservation-middleware",
    }
    (folder / "out/report.json").write_text(json.dumps(report))
    assert run(folder, "intent.toml", "-o", "out").status == 0
    assert (folder / "victim").exists()
