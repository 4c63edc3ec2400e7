"""What operators rely on, end to end: both adapters, real sockets, real processes.

Secrets that stay out of everything that is kept, copies that are asked for anew, several
processes on one cache, a Redis that dies. Single faults are tests/runtime/test_faults.py's business.
"""

import asyncio
import gzip
import json
import logging
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

pytest.importorskip("scrapy")
pytest.importorskip("aiohttp")

import aiohttp
from redis_server import RedisServer, needs_redis
from scrapy_runner import Crawl, Worker

from reservation_middleware.aiohttp import ReservationClient, ReservedError
from reservation_middleware.cli.main import app
from reservation_middleware.ledger.format.lines import DocumentLine
from reservation_middleware.ledger.format.warc import read_octets
from reservation_middleware.ledger.read.reader import LedgerReader
from reservation_middleware.ledger.read.replay import replay
from reservation_middleware.ledger.verify.ledger import verify
from reservation_middleware.runtime.fetcher import Fetcher
from web import Answer, WebThread

A = "http://a.example/"
ROBOTS = A + "robots.txt"
HTML = ("Content-Type", "text/html")
RULES = b"User-agent: *\nDisallow: /private/\n"
CLOSED = b"User-agent: *\nDisallow: /\n"
META = b'<!doctype html><title>x</title><meta name="tdm-reservation" content="1"><p>x'
FRESH = ("Cache-Control", "max-age=600")
WAYS = ("scrapy", "aiohttp")
SETTINGS = {"USER_AGENT": "ExampleBot/1.0", "RETRY_TIMES": 0}

both_ways = pytest.mark.parametrize("way", WAYS)


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker("asyncio") as started:
        yield started


def sound(folder: Path) -> None:
    report = verify(folder, strict=True)
    assert report.ok, report.problems
    with LedgerReader(folder) as reader:
        assert [one for one in replay(reader) if one.differences or one.apart] == []


class Clock:
    def __init__(self) -> None:
        self.shift = 0.0

    def __call__(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.shift)


def in_turn(
    way: str, worker: Worker, proxy: str, steps: list[tuple[str, float]], folder: Path
) -> list[str]:
    """Ask for pages one after the other, the clock set on before each; those that are blocked."""
    if way == "scrapy":
        chain: list[Any] = []
        for url, shift in reversed(steps):
            chain = [{"url": url, "shift": shift, "then": chain}]
        settings = {**SETTINGS, "RESERVATION_LEDGER": str(folder), "HTTPERROR_ALLOW_ALL": True}
        return worker.crawl(proxy, requests=chain, settings=settings).blocked
    clock = Clock()

    async def crawl() -> list[str]:
        blocked: list[str] = []
        fetcher = Fetcher(clock=clock)
        async with ReservationClient(
            agent="ExampleBot", proxy=proxy, fetcher=fetcher, ledger=folder
        ) as client:
            for url, shift in steps:
                clock.shift += shift
                try:
                    async with client.get(url) as response:
                        await response.read()
                except ReservedError:
                    blocked.append(url)
        return blocked

    return asyncio.run(crawl())


# ---- copies over time


@both_ways
def test_copies_are_revalidated(way: str, worker: Worker, tmp_path: Path) -> None:
    folder, tag = tmp_path / "ledger", ("ETag", '"1"')
    again = Answer(304, (tag, FRESH))
    pages = {
        ROBOTS: Answer(headers=(tag, FRESH), body=RULES, later=again),
        A + "1": Answer(headers=(HTML,)),
    }
    steps = [(A + "1", 0.0), (A + "private/1", 700.0), (A + "1", 0.0)]
    with WebThread(pages) as web:
        assert in_turn(way, worker, web.proxy_url, steps, folder) == [A + "private/1"]
        asked = [seen.headers.get("if-none-match") for seen in web.log if seen.url == ROBOTS]
    assert asked == [None, '"1"']
    sound(folder)
    with LedgerReader(folder) as reader:
        lines = [
            line
            for _, _, line in reader.lines()
            if isinstance(line, DocumentLine) and line.resource == "robots.txt"
        ]
    first, second = [gzip.decompress(read_octets(folder, one.archive)) for one in lines]  # type: ignore[arg-type]
    assert b"WARC-Type: response" in first
    assert b"/revisit/server-not-modified" in second
    assert RULES not in second


@both_ways
def test_copies_are_asked_for_ahead_of_time(way: str, worker: Worker, tmp_path: Path) -> None:
    """Nobody waits for it, and afterwards the new rules hold."""
    slow = 0.5
    pages = {
        ROBOTS: Answer(headers=(FRESH,), body=RULES, later=Answer(body=CLOSED, delay=slow)),
        A + "1": Answer(headers=(HTML,), later=Answer(headers=(HTML,), delay=3 * slow)),
    }
    # In their last tenth, and still good.
    steps = [(A + "1", 0.0), (A + "1", 570.0), (A + "1", 0.0)]
    with WebThread(pages) as web:
        assert in_turn(way, worker, web.proxy_url, steps, tmp_path / "l") == [A + "1"]
        asked = [seen.at for seen in web.log if seen.url == ROBOTS]
        fetched = [seen.at for seen in web.log if seen.url == A + "1"]
    assert len(asked) == len(fetched) == 2
    assert fetched[1] < asked[1] + slow
    sound(tmp_path / "l")


# ---- secrets

PASSWORD, TOKEN = "hunter2pass", "hush0token"
PUBLIC_TO_PRIVATE = (("Location", f"http://user:{PASSWORD}@10.0.0.1/r?token={TOKEN}"),)
SECRET_PAGES = {
    ROBOTS: Answer(body=RULES),
    A + f"ok?token={TOKEN}": Answer(headers=(HTML,), body=b"<p>fine</p>"),
    A + f"meta?api_key={TOKEN}": Answer(headers=(HTML,), body=META),
    A + f"head?a=1&sig={TOKEN}": Answer(headers=(HTML, ("TDM-Reservation", "1"))),
    A + f"to?sid={TOKEN}": Answer(302, (("Location", f"/ok?token={TOKEN}"),)),
    A + f"cut?token={TOKEN}": Answer(headers=(HTML,), body=b"x" * 9_000, fault="cut"),
    "http://b.example/robots.txt": Answer(302, PUBLIC_TO_PRIVATE),
    "http://c.example/robots.txt": Answer(fault="reset"),
    "http://d.example/robots.txt": Answer(302, (("Location", f"/r?token={TOKEN}"),)),
    f"http://d.example/r?token={TOKEN}": Answer(body=RULES),
    f"http://d.example/x?token={TOKEN}": Answer(headers=(HTML,)),
}
SECRET_URLS = [
    A + f"ok?token={TOKEN}",
    f"http://user:{PASSWORD}@a.example/private/x?token={TOKEN}",
    A + f"private/y;sid={TOKEN}?x=1#access_token={TOKEN}",
    A + f"meta?api_key={TOKEN}",
    A + f"head?a=1&sig={TOKEN}",
    A + f"to?sid={TOKEN}",
    A + f"cut?token={TOKEN}",
    f"http://user:{PASSWORD}@b.example/x?token={TOKEN}",
    f"http://c.example/x?token={TOKEN}",
    f"http://d.example/x?token={TOKEN}",
]


class _Heard(logging.Handler):
    """All that our loggers say, with what records bear."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(self.format(record) + repr(record.__dict__))


def crawled_by_aiohttp(proxy: str, folder: Path) -> str:
    """Logs and counts of a crawl."""
    from reservation_middleware.runtime.metrics import ENDPOINT

    heard, log = _Heard(), logging.getLogger("reservation_middleware")
    level = log.level
    log.addHandler(heard)
    log.setLevel(logging.DEBUG)

    async def crawl() -> None:
        async with ReservationClient(
            agent="ExampleBot", proxy=proxy, ledger=folder, metrics="127.0.0.1:0"
        ) as client:
            for url in SECRET_URLS:
                try:
                    async with client.get(url) as response:
                        await response.read()
                except ReservedError as error:
                    heard.said.append(str(error))
                except aiohttp.ClientError:
                    pass

    try:
        asyncio.run(crawl())
        return "\n".join([*heard.said, *map(metrics_at, ENDPOINT.addresses.values())])
    finally:
        log.removeHandler(heard)
        log.setLevel(level)
        ENDPOINT.close()


def crawled_by_scrapy(proxy: str, folder: Path) -> str:
    settings = {
        **SETTINGS,
        "RESERVATION_LEDGER": str(folder),
        "RESERVATION_PROMETHEUS": "127.0.0.1:0",
        "HTTPERROR_ALLOW_ALL": True,
    }
    with Worker("asyncio") as worker:
        done = worker.crawl(proxy, requests=SECRET_URLS, settings=settings, events=True)
        [where] = [line[2] for line in done.log if line[2].startswith("Metrics at ")]
        host, _, port = where.split("/")[2].rpartition(":")
        counts = metrics_at((host, int(port)))
    own = [line for line in done.log if line[1].startswith("reservation_middleware")]
    assert done.made["events"]
    errors = [one["message"] for one in done.failed if one["error"] == "ReservedError"]
    return json.dumps([own, done.made["events"], done.stats, errors]) + counts


def metrics_at(address: tuple[str, int]) -> str:
    with urllib.request.urlopen(f"http://{address[0]}:{address[1]}/metrics", timeout=10) as got:
        return str(got.read().decode())


def everything_in(folder: Path) -> bytes:
    """Every file, archives unpacked."""
    files = [one for one in folder.rglob("*") if one.is_file()]
    data = [gzip.decompress(one.read_bytes()) for one in files if one.suffix == ".gz"]
    return b"\n".join([*data, *(one.read_bytes() for one in files)])


@both_ways
def test_secrets_stay_out_of_all_that_is_kept(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("prometheus_client")
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "ledger"
    crawl = crawled_by_scrapy if way == "scrapy" else crawled_by_aiohttp
    with WebThread(SECRET_PAGES) as web:
        said = crawl(web.proxy_url, folder)
    for marker in ("token=REDACTED", "reservation_decisions_total", "10.0.0.1"):
        assert marker in said, marker
    kept = everything_in(folder)
    for found in (b"api_key=REDACTED", b"sig=REDACTED", b"PrivateAddressError", b"WARC/1.1"):
        assert found in kept, found
    shown = []
    for words in (
        ["report", str(folder)],
        ["report", str(folder), "--format", "json"],
        ["report", str(folder), "--format", "html"],
        ["ledger", "stats", str(folder)],
        ["ledger", "replay", str(folder)],
        ["ledger", "offers", str(folder)],
        ["ledger", "prove", str(folder), "--host", "a.example", "-o", str(tmp_path / "bundle")],
        ["ledger", "export", str(folder), "-o", str(tmp_path / "tables")],
    ):
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, (words, done.output, done.exception)
        shown.append(done.output)
    everything = [said, kept.decode("latin-1"), *shown]
    others = [one for one in tmp_path.rglob("*") if one.is_file() and folder not in one.parents]
    tables = [one for one in others if one.suffix == ".parquet"]
    assert len(tables) == 4
    everything += [str(parquet.read_table(one).to_pylist()) for one in tables]
    everything += [one.read_bytes().decode("latin-1") for one in others]
    for text in everything:
        for secret in (PASSWORD, TOKEN):
            at = text.find(secret)
            assert at < 0, text[max(0, at - 200) : at + 50]
    sound(folder)


# ---- several processes

HOSTS = [f"http://{letter}{number}.example/" for letter in "ab" for number in range(8)]


def shared_web() -> dict[str, Answer]:
    found = {}
    for host in HOSTS:
        found[host + "robots.txt"] = Answer(body=RULES, delay=0.3)
        found[host + "1"] = Answer(headers=(HTML,), body=b"<p>fine</p>")
    return found


async def with_aiohttp(proxy: str, cache: str, urls: list[str]) -> list[str]:
    """Those that are blocked."""
    async with ReservationClient(agent="ExampleBot", proxy=proxy, cache=cache) as client:

        async def one(url: str) -> str | None:
            try:
                async with client.get(url) as response:
                    await response.read()
            except ReservedError:
                return url
            return None

        found = await asyncio.gather(*map(one, urls))
    return [url for url in found if url is not None]


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("redis", marks=needs_redis)])
def test_scrapy_and_aiohttp_share_a_cache(kind: str, worker: Worker, tmp_path: Path) -> None:
    """Two processes, each resource fetched by one of them, at the same time and afterwards."""
    if kind == "redis":
        pytest.importorskip("redis")
    urls = [host + path for host in HOSTS for path in ("private/1", "1")]
    with ExitStack() as stack:
        if kind == "redis":
            cache = stack.enter_context(RedisServer(tmp_path)).url
        else:
            cache = f"sqlite:///{tmp_path / 'cache.db'}"
        web = stack.enter_context(WebThread(shared_web()))
        settings = {
            **SETTINGS,
            "RESERVATION_CACHE": cache,
            "CONCURRENT_REQUESTS": 64,
            "HTTPERROR_ALLOW_ALL": True,
        }
        with ThreadPoolExecutor(1) as pool:
            scrapy = pool.submit(worker.crawl, web.proxy_url, requests=urls, settings=settings)
            until = time.monotonic() + 30
            while not web.log and time.monotonic() < until:
                time.sleep(0.005)
            # From the other end, so that each of them comes first to some.
            blocked = asyncio.run(with_aiohttp(web.proxy_url, cache, urls[::-1]))
            done = scrapy.result()
        closed = sorted(url for url in urls if "/private/" in url)
        assert sorted(blocked) == sorted(done.blocked) == closed
        for host in HOSTS:
            for path in ("robots.txt", ".well-known/tdmrep.json"):
                assert web.count(host + path) == 1, host + path
            assert web.count(host + "private/1") == 0
            assert web.count(host + "1") == 2
        assert done.stat("cache/degraded") == done.stat("cache/errors") == 0


@needs_redis
def test_redis_is_killed_while_scrapy_crawls(worker: Worker, tmp_path: Path) -> None:
    """The crawl goes on with what it has in memory; nothing reserved is fetched."""
    pytest.importorskip("redis")
    early, late = HOSTS[:8], HOSTS[8:]
    requests: list[Any] = [host + path for host in early for path in ("1", "private/1")]
    # By then it is dead; known hosts are asked again, too.
    requests.append({"url": late[0] + "1", "wait": 2.0})
    requests += [host + "private/1" for host in HOSTS] + [host + "1" for host in late[1:]]
    with RedisServer(tmp_path) as server, WebThread(shared_web()) as web:
        settings = {**SETTINGS, "RESERVATION_CACHE": server.url, "HTTPERROR_ALLOW_ALL": True}
        ready = threading.Event()

        def kill() -> None:
            until = time.monotonic() + 30
            while web.count(early[-1] + "1") == 0 and time.monotonic() < until:
                time.sleep(0.01)
            server.kill()
            ready.set()

        killer = threading.Thread(target=kill)
        killer.start()
        done: Crawl = worker.crawl(web.proxy_url, requests=requests, settings=settings)
        killer.join()
        assert ready.is_set()
        assert not [seen.url for seen in web.log if "/private/" in seen.url]
        assert len(done.blocked) == len(early) + len(HOSTS)
        assert sorted(done.urls) == sorted(host + "1" for host in HOSTS)
        assert done.stat("cache/degraded") > 0
        assert [line for line in done.problems if "policy documents are kept in memory" in line]
        for host in HOSTS:
            assert web.count(host + "robots.txt") == 1, host
