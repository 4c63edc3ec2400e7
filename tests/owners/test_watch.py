"""What ``reservations watch`` tells of real sites on loopback that change: effects, lines, statuses."""

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

import pytest
from forked_cli import CommandLine, Done, command_line
from loopback import world

from reservation_middleware import ConfigurationError, profile
from reservation_middleware.cli.watch import _tell
from reservation_middleware.owners.watch.compare import compare
from reservation_middleware.owners.watch.effect import AgentCells, Effect, EffectLine, WatchedCell
from reservation_middleware.owners.watch.forms import text
from reservation_middleware.owners.watch.history import History
from reservation_middleware.owners.watch.run import (
    Watched,
    WatchOutcome,
    read_list,
    status_of,
    watch_once,
)
from reservation_middleware.owners.watch.webhook import post
from web import Answer, WebThread

HTML = (("content-type", "text/html"),)
URL = "http://press.example/"
ROBOTS, TDMREP = f"{URL}robots.txt", f"{URL}.well-known/tdmrep.json"
OPEN = Answer(body=b"User-agent: *\nAllow: /\n")
RESERVED = Answer(
    headers=(("content-type", "application/json"),),
    body=b'[{"location": "/", "tdm-reservation": 1}]',
)


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    with command_line(tmp_path_factory.mktemp("cache")) as run:
        yield run


@pytest.fixture
def site() -> Iterator[WebThread]:
    pages = {ROBOTS: OPEN, URL: Answer(headers=HTML, body=b"<!doctype html><p>hello")}
    with WebThread(pages) as web:
        yield web


@pytest.fixture
def watch(cli: CommandLine, site: WebThread, tmp_path: Path) -> "Watch":
    return Watch(cli, site, tmp_path)


class Watch:
    """The verb over one site, with one history."""

    def __init__(self, cli: CommandLine, site: WebThread, folder: Path) -> None:
        self.cli, self.site, self.folder = cli, site, folder
        self.list = folder / "list.txt"
        self.list.write_text(f"# our sites\n{URL}   # the press\n\n{URL}\n")
        self.db = folder / "history.db"

    def __call__(self) -> Done:
        """One look: status and text."""
        found = self.look()
        return Done(status_of(found), "".join(f"{text(watched)}\n" for watched in found), "")

    def look(self) -> list[Watched]:
        async def look() -> list[Watched]:
            pages = read_list(self.list.read_bytes(), "list")
            with History(self.db) as history:
                found = watch_once(pages, history, profile("opt-out"), proxy=self.site.proxy_url)
                return [watched async for watched in found]

        return asyncio.run(look())

    def typed(self, *arguments: object) -> Done:
        """The command line."""
        return self.cli(
            *("watch", self.list, "--db", self.db, "--proxy", self.site.proxy_url, *arguments)
        )


def test_first_look_no_change_change_and_the_line_that_did_it(watch: Watch) -> None:
    first = watch.typed()
    assert (first.status, first.err) == (0, "")
    assert first.out == f"{URL}  first look, nothing to compare with\n"

    again = watch()
    assert again.status == 0
    assert again.out.startswith(f"{URL}  no change since ")

    watch.site.add(
        ROBOTS, Answer(body=b"User-agent: *\nContent-Signal: ai-train=no\n\nUser-agent: CCBot\n")
    )
    changed = watch()
    assert changed.status == 1
    head, use, line = changed.out.splitlines()[:3]
    assert head.startswith(f"{URL}  CHANGED since ")
    assert use.startswith("  train: not said → no  for ")
    assert line.strip() == "robots.txt line 2: Content-Signal: ai-train=no"

    assert watch().status == 0  # told once

    watch.site.add(ROBOTS, OPEN)
    back = watch()
    assert back.status == 1
    assert "no longer: robots.txt line 2: Content-Signal: ai-train=no" in back.out


def test_lines_that_move_and_words_without_effect_are_no_change(watch: Watch) -> None:
    watch()
    watch.site.add(ROBOTS, Answer(body=b"# hello\n\nUser-agent: *\nAllow: /\nAllow: /x\n"))
    assert watch().status == 0


def test_all_signals_count_and_json_has_them(watch: Watch) -> None:
    watch()
    watch.site.add(URL, Answer(headers=HTML, body=b'<meta name="robots" content="noai">'))
    done = watch.typed("--format", "json")
    assert (done.status, done.err) == (1, "")
    (line,) = done.out.splitlines()
    found = json.loads(line)
    assert found["outcome"] == "changed"
    changes = found["changes"]
    assert isinstance(changes, list)
    train = next(change for change in changes if change["use"] == "train")
    assert (train["before"], train["after"], train["gone"]) == ("not said", "no", False)
    assert "GPTBot" in train["agents"]
    assert {(line["file"], line["number"]) for line in train["lines"]} == {("page", 1)}


def test_one_agent_alone(watch: Watch) -> None:
    watch()
    watch.site.add(
        ROBOTS, Answer(body=b"User-agent: *\nAllow: /\n\nUser-agent: GPTBot\nDisallow: /\n")
    )
    done = watch()
    assert done.status == 1
    fetch = next(line for line in done.out.splitlines() if line.startswith("  fetch"))
    assert fetch.endswith("yes → no  for GPTBot")
    assert "robots.txt line 5: Disallow: /" in done.out


@pytest.mark.parametrize("answer", [Answer(503), Answer(fault="reset"), Answer(403)])
def test_a_site_that_is_not_reached_has_not_changed(watch: Watch, answer: Answer) -> None:
    watch.site.add(ROBOTS, Answer(body=b"User-agent: *\nContent-Signal: ai-train=no\n"))
    watch()
    everything = [ROBOTS, URL]
    for url in everything:
        watch.site.add(url, answer)
    down = watch()
    assert down.status == 3
    assert "CHANGED" not in down.out
    assert "not said" not in down.out
    for url in everything:
        watch.site.add(url, OPEN)
    watch.site.add(ROBOTS, Answer(body=b"User-agent: *\nContent-Signal: ai-train=no\n"))
    assert watch().status == 0  # compared with the last look that could read something


def test_a_place_that_is_not_reached_keeps_what_it_said(watch: Watch) -> None:
    watch.site.add(TDMREP, RESERVED)
    watch()
    watch.site.add(TDMREP, Answer(503))
    down = watch()
    assert down.status == 3
    assert f"not looked at: {TDMREP}" in down.out
    watch.site.add(TDMREP, RESERVED)
    assert watch().status == 0
    watch.site.add(TDMREP, Answer(404))
    gone = watch()
    assert gone.status == 1
    assert "no longer: tdmrep.json" in gone.out


def test_a_place_that_was_not_reached_at_first_is_no_news_later(watch: Watch) -> None:
    watch.site.add(TDMREP, Answer(503))
    watch()
    watch.site.add(TDMREP, RESERVED)
    assert watch().status == 0
    watch.site.add(TDMREP, Answer(404))
    assert watch().status == 1


def test_a_change_counts_before_what_could_not_be_looked_at(watch: Watch) -> None:
    watch.list.write_text(f"{URL}\nhttp://gone.example/\n")
    assert watch().status == 3
    watch.site.add(ROBOTS, Answer(body=b"User-agent: *\nDisallow: /\n"))
    assert watch().status == 1
    assert watch().status == 3


def test_the_lines_that_did_it() -> None:
    def line(file: str, number: int, text: str, says: str) -> EffectLine:
        return EffectLine(file, f"http://x.example/{file}", number, text, says)

    def look(value: str, *lines: EffectLine) -> Effect:
        return Effect((AgentCells(("*",), {"train": WatchedCell(value, lines)}),))

    yes = line("robots.txt", 2, "Content-Signal: ai-train=yes", "allowed")
    no = line("ai.txt", 1, "Disallow: *", "disallowed")
    # The yes stood there before; what did it is the no that is gone.
    (change,) = compare(look("no", no, yes), look("yes", yes)).changes
    assert (change.lines, change.gone) == ((no,), True)
    # A new line in another place says what is said already.
    (change,) = compare(look("yes", yes), look("no", no, yes)).changes
    assert (change.lines, change.gone) == ((no,), False)
    moved = line("robots.txt", 9, "Content-Signal: ai-train=yes", "allowed")
    (change,) = compare(look("not said", moved), look("yes", yes)).changes
    assert (change.lines, change.gone) == ((yes,), False)


def test_lists() -> None:
    assert read_list(b"\xef\xbb\xbfa.example\r\n#x\nhttps://a.example\n", "l") == (
        "https://a.example",
    )
    for data, words in (
        (b"", "l names no page"),
        ("a.example".encode("utf-16"), "l is no text in UTF-8"),
        (b"a.example\nmailto:x@y", "l:2: 'mailto:x@y' is not an http or https URL"),
        (b"\n" * (4 * 1024 * 1024 + 1), "longer"),
    ):
        with pytest.raises(ValueError, match=words):
            read_list(data, "l")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["LIST", "--every", "6x"], "'6x' is no time, such as 30m, 6h or 1d"),
        (["LIST", "--every", "5s"], "less than a minute"),
        (["LIST", "--webhook", "ftp://x.example/"], "not an http or https URL"),
        (["missing.txt"], "cannot read missing.txt"),
        (["LIST", "--db", "no/such/folder/x.db"], "unable to open database file"),
        (["LIST", "--db", "LIST"], "file is not a database"),
    ],
)
def test_bad_usage_is_one_line(watch: Watch, arguments: list[str], words: str) -> None:
    given = [str(watch.list) if word == "LIST" else word for word in arguments]
    done = watch.cli("watch", *given, cwd=watch.folder)
    assert done.status == 2
    assert done.out == ""
    assert done.err.count("\n") == 1
    assert words in done.err


def test_standard_input(watch: Watch) -> None:
    db, proxy = watch.db, watch.site.proxy_url
    done = watch.cli("watch", "-", "--db", db, "--proxy", proxy, text=f"{URL}\n")
    assert (done.status, done.out) == (0, f"{URL}  first look, nothing to compare with\n")
    assert "standard input names no page" in watch.cli("watch", "-", text="").err


@pytest.mark.parametrize("change", ["application", "version"])
def test_a_foreign_database_is_refused(tmp_path: Path, change: str) -> None:
    file = tmp_path / "other.db"
    if change == "version":
        History(file).close()
    connection = sqlite3.connect(file)
    statements = {
        "application": ["CREATE TABLE theirs (x)"],
        "version": ["PRAGMA user_version = 99"],
    }
    for statement in statements[change]:
        connection.execute(statement)
    connection.close()
    before = file.read_bytes()
    with pytest.raises(ConfigurationError, match=r"another program's|of version 99"):
        History(file)
    assert file.read_bytes() == before


def test_of_several_processes_one_finds_a_change(tmp_path: Path) -> None:
    file = tmp_path / "history.db"

    def look(value: str) -> Effect:
        return Effect((AgentCells(("*",), {"train": WatchedCell(value)}),))

    with History(file) as history:
        history.record(URL, datetime.now(UTC), look("yes"))

    def record(_: int) -> int:
        with History(file) as history:
            found = history.record(URL, datetime.now(UTC), look("no")).comparison
        return len(found.changes) if found else 0

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(record, range(16))) == 1
    with History(file) as history:
        assert len(history.looks(URL, 100)) == 17
        assert history.urls(10) == [URL]
    # Looks with one effect share it.
    assert sqlite3.connect(file).execute("SELECT count(*) FROM effects").fetchone() == (2,)


def test_the_pages_of_a_host_are_asked_in_turn(tmp_path: Path) -> None:
    pages = [f"http://a.example/{number}" for number in range(3)]
    with WebThread(dict.fromkeys(pages, OPEN)) as web, History(tmp_path / "h.db") as history:

        async def look() -> list[Watched]:
            found = watch_once(pages, history, profile("opt-out"), proxy=web.proxy_url)
            return [watched async for watched in found]

        assert [watched.url for watched in asyncio.run(look())] == pages
        robots = "http://a.example/robots.txt"
        asked = [seen.url for seen in web.log if seen.url in {robots, *pages}]
    assert asked == [url for page in pages for url in (robots, page)]


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_it_goes_on_until_ctrl_c(site: WebThread, tmp_path: Path) -> None:
    list_file = tmp_path / "list.txt"
    list_file.write_text(URL)
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "reservation_middleware", "watch", str(list_file)),
            *("--every", "6h", "--db", str(tmp_path / "h.db"), "--proxy", site.proxy_url),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout
    assert process.stdout.readline().endswith(b"first look, nothing to compare with\n")
    assert process.poll() is None
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, b"", b"")


class Hook:
    """A webhook that answers with some statuses in turn."""

    def __init__(self, *statuses: int) -> None:
        self.bodies: list[bytes] = []
        outer, answers = self, iter(statuses)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                status = next(answers)
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "http://127.0.0.2/")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://hook.example:{self._server.server_address[1]}/x"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def send(url: str) -> tuple[str | None, list[float]]:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    return asyncio.run(post(url, b"{}", sleep)), pauses


@pytest.mark.parametrize(
    ("statuses", "problem", "times"),
    [
        ((200,), None, 1),
        ((500, 500, 204), None, 3),
        ((500,) * 3, "HTTP 500 (3 tries)", 3),
        ((302,) * 3, "HTTP 302 (3 tries)", 3),
    ],
)
def test_a_webhook_is_tried_three_times(
    statuses: tuple[int, ...], problem: str | None, times: int
) -> None:
    with Hook(*statuses) as hook, world({"hook.example": ["127.0.0.1"]}, ["127.0.0.1"]):
        told, pauses = send(hook.url)
    assert told == problem
    assert len(hook.bodies) == times == len(pauses) + 1


@pytest.mark.parametrize("public", [["127.0.0.1"], []])
def test_a_webhook_at_a_private_address_gets_nothing(public: list[str]) -> None:
    names = {"hook.example": ["127.0.0.3" if public else "127.0.0.1"]}
    with Hook(200) as hook, world(names, public):
        told, _ = send(hook.url)
        literal, _ = send(
            hook.url.replace("hook.example", "127.0.0.1" if not public else "127.0.0.9")
        )
    assert "is not at a public address" in str(told)
    assert "is not a public address" in str(literal)
    assert hook.bodies == []


def test_a_failing_webhook_is_told_and_loses_nothing(watch: Watch) -> None:
    watch()
    watch.site.add(ROBOTS, Answer(body=b"User-agent: *\nDisallow: /\n"))
    with Hook(200) as hook:
        port = hook.url.rsplit(":", 1)[1]
        done = watch.typed("--webhook", f"http://127.0.0.1:{port}")
        assert hook.bodies == []
    assert done.status == 1
    assert "CHANGED" in done.out
    assert done.err.startswith(f"reservations: the webhook did not take the change of {URL}")
    assert done.err.count("\n") == 1
    with History(watch.db) as history:
        assert len(history.looks(URL, 9)) == 2
    assert watch().status == 0


def test_the_webhook_gets_the_change() -> None:
    line = EffectLine("robots.txt", ROBOTS, 2, "Disallow: /", "disallowed")
    old = Effect((AgentCells(("*",), {"fetch": WatchedCell("yes")}),))
    new = Effect((AgentCells(("*",), {"fetch": WatchedCell("no", (line,))}),))
    now = datetime(2026, 11, 29, tzinfo=UTC)
    watched = Watched(URL, now, WatchOutcome.CHANGED, now, compare(old, new).changes)
    with Hook(200) as hook, world({"hook.example": ["127.0.0.1"]}, ["127.0.0.1"]):
        asyncio.run(_tell(hook.url, watched))
        asyncio.run(_tell(hook.url, Watched(URL, now, WatchOutcome.SAME)))
    (body,) = hook.bodies
    found = json.loads(body)
    assert found["url"] == URL
    assert found["changes"][0]["after"] == "no"
    assert found["changes"][0]["lines"][0]["text"] == "Disallow: /"
    assert status_of([watched]) == 1


def test_a_page_that_is_too_slow_and_one_that_fails_are_kept_apart(tmp_path: Path) -> None:
    with History(tmp_path / "h.db") as history:
        history.record_problem(URL, datetime.now(UTC), "no such host")
        (look,) = history.looks(URL, 5)
        assert look.problem == "no such host"
        assert history.effects(URL, [look.number]) == []
    with contextlib.closing(sqlite3.connect(tmp_path / "h.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
