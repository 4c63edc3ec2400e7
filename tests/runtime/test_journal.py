"""What is told of each request's last decision: ledger, log, stats, over real crawls.

Both adapters crawl the same made-up web with a ledger; it must verify, and replay to what was
decided. What stands in a ledger's lines is tests/ledger/test_segment.py's business.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("scrapy")
pytest.importorskip("aiohttp")

import aiohttp
from scrapy_runner import Worker

from reservation_middleware import Agent, profile
from reservation_middleware.aiohttp import (
    ReservationClient,
    ReservationMiddleware,
    ReservedError,
    reservation_middleware,
)
from reservation_middleware.ledger.format.lines import DecisionLine, EndLine, Entry, EpochLine
from reservation_middleware.ledger.read.reader import LedgerReader
from reservation_middleware.ledger.read.replay import replay
from reservation_middleware.ledger.verify.ledger import verify
from reservation_middleware.ledger.write.ledger import Ledger
from reservation_middleware.model import ConfigurationError, Decision, LedgerError
from reservation_middleware.runtime.cache.memory import MemoryCache
from reservation_middleware.runtime.config import configuration
from reservation_middleware.runtime.fetcher import Fetcher
from web import Answer, Web, WebThread

pytestmark = pytest.mark.usefixtures("short_pauses")

BOT = Agent("ExampleBot")
OBSERVE = profile().changed({"mode": "observe"})
A, B = "http://a.example/", "http://b.example/"
HTML = ("Content-Type", "text/html")
RESERVED = ("TDM-Reservation", "1")
META = b'<!doctype html><title>x</title><meta name="tdm-reservation" content="1"><p>x'
SETTINGS = {"USER_AGENT": "ExampleBot/1.0", "ROBOTSTXT_OBEY": True, "RETRY_TIMES": 0}
PAGES = {
    A + "robots.txt": Answer(body=b"User-agent: *\nDisallow: /private/\n"),
    A + "ok": Answer(headers=(HTML,), body=b"<p>fine</p>"),
    A + "gone": Answer(410, (HTML,), body=b"<p>gone</p>"),
    A + "head": Answer(headers=(HTML, RESERVED), body=b"x" * 70_000),
    A + "meta": Answer(headers=(HTML,), body=META),
    A + "file": Answer(headers=(("Content-Type", "audio/flac"),), body=b"x" * 1_000),
    A + "cut": Answer(headers=(HTML, ("X-Robots-Tag", "all")), body=b"x" * 70_000, fault="cut"),
    A + "to": Answer(302, (("Location", "/ok?token=hush"),)),
    A + "ok?token=hush": Answer(headers=(HTML,), body=b"<p>fine, too</p>"),
    B + "robots.txt": Answer(503),
}
URLS = [
    *(A + path for path in ("private/x", "ok", "gone", "head", "meta", "file", "cut", "to")),
    B + "x",
]

run = pytest.mark.asyncio


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    """Scrapy with its asyncio reactor."""
    with Worker("asyncio") as started:
        yield started


@asynccontextmanager
async def crawler(way: str, web: Web, **options: Any) -> AsyncIterator[Any]:
    """A session with the plain middleware, or the client."""
    if way == "client":
        options = {"agent": BOT, "proxy": web.proxy_url, **options}
        async with ReservationClient(**options) as client:
            yield client
        return
    raises = options.pop("raise_for_status", False)
    async with (
        reservation_middleware(**{"agent": BOT, **options}) as check,
        aiohttp.ClientSession(
            middlewares=(check,), proxy=web.proxy_url, raise_for_status=raises
        ) as session,
    ):
        yield session


both_ways = pytest.mark.parametrize("way", ["middleware", "client"])


async def ask(session: Any, url: str) -> None:
    """Ask for a page, whatever becomes of it."""
    try:
        async with session.get(url) as response:
            await response.read()
    except aiohttp.ClientError:
        pass


async def crawl(way: str, folder: Path, **options: Any) -> None:
    async with Web(PAGES) as web, crawler(way, web, ledger=folder, **options) as session:
        for url in URLS:
            await ask(session, url)


def lines(folder: Path) -> list[Entry]:
    with LedgerReader(folder) as reader:
        return [entry for segment in reader.segments for _, entry in segment.lines()]


def decisions(folder: Path) -> dict[str, DecisionLine]:
    """The decision lines by path; one for each address."""
    found = [line for line in lines(folder) if isinstance(line, DecisionLine)]
    by_url = {line.url.removeprefix(A): line for line in found}
    assert len(by_url) == len(found)
    return by_url


def sound(folder: Path, number: int) -> None:
    """A ledger that verifies, and replays to what was decided."""
    report = verify(folder, strict=True)
    assert report.ok, report.problems
    with LedgerReader(folder) as reader:
        again = list(replay(reader))
    assert [one for one in again if one.differences or one.apart] == []
    assert len(again) == number


def told(line: DecisionLine) -> tuple[str, bool, int | None, str | None]:
    """Stage, whether it was blocked, bytes, what was seen of the page."""
    seen = None if line.page is None else line.page.content
    return line.stage.value, line.blocked, line.octets, seen


SITE = ("site", True, None, None)
OK = "ok?token=REDACTED"


def test_scrapy_keeps_each_last_decision_once(worker: Worker, tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    with WebThread(PAGES) as web:
        done = worker.crawl(
            web.proxy_url,
            requests=URLS,
            settings={**SETTINGS, "RESERVATION_LEDGER": str(folder), "HTTPERROR_ALLOW_ALL": True},
        )
    sound(folder, 9)
    found = decisions(folder)
    assert {path: told(line) for path, line in found.items()} == {
        "private/x": SITE,
        "ok": ("content", False, 11, "silent"),
        "gone": ("content", False, 11, "silent"),
        "head": ("headers", True, None, "none"),
        "meta": ("content", True, len(META), "kept"),
        "file": ("headers", False, 1_000, "none"),
        # Its head came, its body did not: nothing was fetched.
        "cut": ("headers", False, None, "none"),
        OK: ("content", False, 16, "silent"),
        B + "x": SITE,
    }
    head = found["head"].page
    assert head is not None
    assert head.status == 200
    assert ("tdm-reservation", "1") in head.headers
    assert found["gone"].page
    assert found["gone"].page.status == 410
    assert {line.adapter for line in found.values()} == {"scrapy"}
    assert done.stat("decided") == 9
    assert done.stat("not_fetched") == 1
    assert done.stat("ledger_lines") == 9
    assert done.stat("ledger_lost") == 0
    assert {one["url"] for one in done.decided} >= {A + "cut"}
    assert len(done.decided) == 9
    [said] = [line[2] for line in done.log if line[2].startswith("reservations: ")]
    assert said == (
        f"reservations: 9 decided, 4 blocked (signals, several per page: robots 2, tdmrep 2), 1 of them not reached, "
        f"ledger {folder} (9 lines, 0 lost)"
    )
    # Whoever looks for a request in the log finds the line of the ledger.
    assert {line.id for line in found.values()} == {one["ident"] for one in done.decided}


@run
@both_ways
async def test_aiohttp_keeps_each_last_decision_once(way: str, tmp_path: Path) -> None:
    await crawl(way, tmp_path / "ledger")
    client = way == "client"
    sound(tmp_path / "ledger", 9)
    found = {path: told(line) for path, line in decisions(tmp_path / "ledger").items()}
    looked = ("content", "silent") if client else ("headers", "none")
    assert found == {
        "private/x": SITE,
        "ok": (looked[0], False, 11, looked[1]),
        "gone": (looked[0], False, 11, looked[1]),
        "head": ("headers", True, None, "none"),
        "meta": ("content", True, len(META), "kept")
        if client
        else ("headers", False, len(META), "none"),
        "file": ("headers", False, 1_000, "none"),
        # The plain middleware sees the head only, and takes its word; the client, what came.
        "cut": ("headers", False, 70_000 if client else found["cut"][2], "none"),
        OK: (looked[0], False, 16, looked[1]),
        B + "x": SITE,
    }
    assert isinstance(lines(tmp_path / "ledger")[-1], EndLine)


@run
async def test_a_page_that_raises_for_its_status_is_told(tmp_path: Path) -> None:
    heard: list[tuple[str, bool]] = []

    def listener(decision: Decision, blocked: bool) -> None:
        heard.append((decision.url, blocked))

    async with (
        Web(PAGES) as web,
        crawler(
            "client", web, ledger=tmp_path / "l", listener=listener, raise_for_status=True
        ) as session,
    ):
        with pytest.raises(aiohttp.ClientResponseError):
            await session.get(A + "gone")
    assert heard == [(A + "gone", False)]
    assert told(decisions(tmp_path / "l")["gone"]) == ("headers", False, None, "none")


@run
async def test_a_request_on_the_clients_own_session_is_told(tmp_path: Path) -> None:
    async with Web(PAGES) as web, crawler("client", web, ledger=tmp_path / "l") as client:
        await ask(client.session, A + "ok")
    assert told(decisions(tmp_path / "l")["ok"]) == ("headers", False, 11, "none")


@run
async def test_a_page_that_nobody_answers_is_told_by_the_client(tmp_path: Path) -> None:
    pages = {**PAGES, A + "reset": Answer(fault="reset")}
    async with Web(pages) as web, crawler("client", web, ledger=tmp_path / "l") as client:
        with pytest.raises(aiohttp.ClientError):
            await client.get(A + "reset")
    assert told(decisions(tmp_path / "l")["reset"]) == ("site", False, None, None)


@run
async def test_a_head_request_has_no_bytes(tmp_path: Path) -> None:
    async with Web(PAGES) as web, crawler("client", web, ledger=tmp_path / "l") as client:
        (await client.head(A + "ok")).release()
    assert told(decisions(tmp_path / "l")["ok"]) == ("headers", False, None, "none")


@run
async def test_observing_is_recorded_as_such(tmp_path: Path) -> None:
    await crawl("client", tmp_path / "l", policy=OBSERVE)
    sound(tmp_path / "l", 10 - 1)
    found = decisions(tmp_path / "l")
    assert {line.mode.value for line in found.values()} == {"observe"}
    assert not any(line.blocked for line in found.values())
    assert {path for path, line in found.items() if line.action.value == "block"} == {
        *("private/x", "head", "meta", B + "x"),
    }
    assert found["head"].octets == 70_000


@run
async def test_bulk_mode_counts(tmp_path: Path) -> None:
    await crawl("client", tmp_path / "l", ledger_lines="bulk")
    assert verify(tmp_path / "l", strict=True).ok
    epochs = [line for line in lines(tmp_path / "l") if isinstance(line, EpochLine)]
    assert sum(one.decisions for line in epochs for one in line.counts) == 5
    assert {path for path, line in decisions(tmp_path / "l").items() if line.blocked} == {
        *("private/x", "head", "meta", B + "x"),
    }


@run
async def test_what_is_handed_in_stays_open(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "l")
    for way in ("client", "middleware"):
        async with Web(PAGES) as web, crawler(way, web, ledger=ledger) as session:
            await ask(session, A + "ok")
    assert ledger.written == 2
    assert not any(isinstance(line, EndLine) for line in lines(tmp_path / "l"))
    ledger.close()
    assert isinstance(lines(tmp_path / "l")[-1], EndLine)


@run
async def test_a_cache_that_is_named_is_shared(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'cache.db'}"
    async with Web(PAGES) as web:
        for way in ("client", "middleware"):
            async with crawler(way, web, cache=url) as session:
                await ask(session, A + "ok")
        assert web.count(A + "robots.txt") == 1
    with pytest.raises(ConfigurationError, match="the fetcher that is handed in has one"):
        reservation_middleware(fetcher=Fetcher(cache=MemoryCache()), cache=url)


def test_a_crawl_that_cannot_keep_its_ledger_does_not_begin(worker: Worker, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for name, value, words in (
        ("RESERVATION_LEDGER", str(tmp_path / "file"), "StorageError: no ledger can be kept"),
        ("RESERVATION_CACHE", "postgres://a", "ConfigurationError: cache: no cache is known"),
        ("RESERVATION_PROMETHEUS", "localhost:http", "ConfigurationError: RESERVATION_PROMETHEUS"),
        ("RESERVATION_LEDGER_LINES", "bulck", "did you mean 'bulk'?"),
        ("RESERVATION_LEDGR", "x", "did you mean 'RESERVATION_LEDGER'?"),
    ):
        with WebThread(PAGES) as web:
            done = worker.crawl(
                web.proxy_url, requests=[A + "ok"], settings={**SETTINGS, name: value}
            )
        assert words in done.made["error"], done.made
        assert "\n" not in done.made["error"]
        assert web.log == []


@run
@both_ways
async def test_nor_does_a_client(way: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for error, options in (
        (LedgerError, {"ledger": tmp_path / "file"}),
        (ConfigurationError, {"cache": "postgres://a"}),
        (ConfigurationError, {"ledger": tmp_path / "l", "ledger_lines": "bulck"}),
        (ConfigurationError, {"metrics": "127.0.0.1"}),
    ):
        async with Web(PAGES) as web:
            with pytest.raises(error):
                async with crawler(way, web, **options):
                    pass
        assert web.log == []
    assert not (tmp_path / "l").exists()


def test_the_configuration_says_all_of_it(tmp_path: Path) -> None:
    (tmp_path / "reservations.toml").write_text(
        'agent = "FileBot"\nledger = "evidence"\nledger_lines = "bulk"\nprometheus = 0\n'
        'cache = "redis://localhost/1"\nledger_name = "example.org/crawl"\n'
    )
    found = configuration(folder=tmp_path, environment={"RESERVATION_CACHE": "memory://"})
    assert found.keywords() == {
        "policy": found.policy,
        "agent": Agent("FileBot"),
        "cache": "memory://",
        "ledger": tmp_path / "evidence",
        "ledger_key": None,
        "ledger_lines": "bulk",
        "ledger_name": "example.org/crawl",
        "metrics": "0",
    }
    assert (
        configuration(folder=tmp_path, environment={"RESERVATION_LEDGER": ""}).stores.ledger is None
    )
    for text, words in (
        ('leger = "x"', "did you mean 'ledger'"),
        ("prometheus = 70000", "prometheus must be host:port"),
        ("ledger = 1", "ledger must be a string"),
    ):
        (tmp_path / "reservations.toml").write_text(text)
        with pytest.raises(ConfigurationError, match=rf"reservations\.toml: .*{words}"):
            configuration(folder=tmp_path, environment={})
    with pytest.raises(ConfigurationError, match="RESERVATION_LEDGER_LINES: unknown ledger_lines"):
        configuration(environment={"RESERVATION_LEDGER_LINES": "blk"})


@run
async def test_one_line_passes_the_whole_configuration(tmp_path: Path) -> None:
    given = {"ledger": str(tmp_path / "l"), "agent": "ExampleBot", "cache": "memory://"}
    found = configuration(given, folder=tmp_path, environment={})
    async with (
        Web(PAGES) as web,
        ReservationClient(**found.keywords(), proxy=web.proxy_url) as client,
    ):
        await ask(client, A + "ok")
    assert decisions(tmp_path / "l")["ok"].agent == "ExampleBot"
    check = reservation_middleware(**found.keywords())
    assert isinstance(check, ReservationMiddleware)
    await check.close()


# The log


@run
@both_ways
async def test_log_events_hold_the_decision(way: str, tmp_path: Path, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG, "reservation_middleware.aiohttp")
    await crawl(way, tmp_path / "l")
    events = [record for record in caplog.records if hasattr(record, "reservation")]
    found = {record.reservation["url"].removeprefix(A): record for record in events}
    kept = decisions(tmp_path / "l")
    assert {path: record.reservation["id"] for path, record in found.items()} == {
        path: line.id for path, line in kept.items()
    }
    for path, line in kept.items():
        assert found[path].levelno == (logging.INFO if line.blocked else logging.DEBUG)
        event = json.loads(json.dumps(found[path].reservation))
        for key in ("agent", "profile", "mode", "stage", "action", "verdict", "crawl", "blocked"):
            assert event[key] == getattr(line, key)
        assert event["bytes"] == line.octets
    [reason] = found["head"].reservation["reasons"]
    assert reason["signal"] == "tdmrep"
    assert reason["carrier"] == "header"
    robots = found["private/x"].reservation["reasons"][0]
    assert (robots["line"], robots["document"]) == (2, A + "robots.txt")
    assert len(robots["digest"]) == 64
    assert "hush" not in caplog.text
    assert found["head"].getMessage().startswith(f"Blocked {A}head: may not use for ai-train (")
    assert found["ok"].getMessage().startswith(f"Proceeds {A}ok: may use for ai-train")


@run
async def test_observing_logs_what_would_be(tmp_path: Path, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG, "reservation_middleware.aiohttp")
    async with Web(PAGES) as web, crawler("client", web, policy=OBSERVE) as client:
        await ask(client, A + "head")
    [record] = [record for record in caplog.records if hasattr(record, "reservation")]
    assert record.getMessage().startswith(f"Would block {A}head: ")
    assert len(record.reservation["id"]) == 32


@run
async def test_nobody_listens_and_nothing_is_made(caplog: Any) -> None:
    caplog.set_level(logging.WARNING, "reservation_middleware.aiohttp")
    async with Web(PAGES) as web, crawler("client", web) as client:
        with pytest.raises(ReservedError):
            await client.get(A + "head")
        await ask(client, A + "ok")
    assert not caplog.records


def test_secrets_stay_out_of_scrapys_log(worker: Worker, tmp_path: Path) -> None:
    pages = {**PAGES, A + "private/y?api_key=hush": Answer()}
    with WebThread(pages) as web:
        done = worker.crawl(
            web.proxy_url,
            requests=[A + "private/y?api_key=hush"],
            settings={**SETTINGS, "LOG_LEVEL": "DEBUG"},  # of a block, as of Scrapy's own
        )
    own = [line[2] for line in done.log if line[1].startswith("reservation_middleware")]
    assert [line for line in own if line.startswith(f"Blocked <GET {A}private/y?api_key=REDACTED>")]
    assert not any("hush" in line for line in own)
    assert done.blocked == [A + "private/y?api_key=hush"]


# Two at once


@run
async def test_two_writers_and_many_requests(tmp_path: Path) -> None:
    async with Web(PAGES) as web:

        async def one() -> None:
            async with crawler("client", web, ledger=tmp_path / "l") as client:
                await asyncio.gather(*(ask(client, url) for url in URLS))

        await asyncio.gather(one(), one())
    sound(tmp_path / "l", 18)
