"""Faults of the network and of hostile sites, through both adapters, on real sockets.

Each asserts what becomes of the page, in what words, that nothing hangs, and that memory stays
bounded. SECURITY.md has the table that says which test is about which fault. Addresses are
tests/runtime/test_address.py's business.
"""

import asyncio
import gzip
import inspect
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from loopback import GuardedWorker, Loopback, world
from scrapy_runner import Crawl, Worker, why_not
from test_unpack import packed

from reservation_middleware import Agent
from reservation_middleware.aiohttp import ReservationClient, ReservedError
from reservation_middleware.aiohttp import _transport as transport
from reservation_middleware.runtime.fetcher import Fetcher, Retries
from web import Answer, Web, WebThread

BOT = Agent("ExampleBot")
A = "http://a.example/"
ROBOTS = A + "robots.txt"
PAGE = Answer(200, (("Content-Type", "text/html"),), body=b"<p>fine</p>")
RULES = b"User-agent: *\nDisallow: /private/\n"
CLOSED = b"User-agent: *\nDisallow: /\n"
PATIENCE = 1.0
GB = 2**30
#: More memory than this, and something grows with what it is sent.
MEMORY = 64 * 2**20
WAYS = ("aiohttp", "asyncio", pytest.param("none", marks=pytest.mark.slow))
#: Asked once: what is asked for again is test_retries.py's business.
ONCE = Retries(0)
SETTINGS = {
    "USER_AGENT": "ExampleBot/1.0",
    "RESERVATION_TIMEOUT": PATIENCE,
    "RETRY_TIMES": 0,
}
#: aiohttp counts fields since 3.13.4.
COUNTS_FIELDS = "max_headers" in inspect.signature(aiohttp.ClientSession.__init__).parameters

run = pytest.mark.asyncio
#: Why the page is blocked, by URL; None where it was fetched.
Outcomes = dict[str, str | None]


@pytest.fixture(scope="module")
def workers() -> Iterator[Callable[[str], Worker]]:
    started: dict[str, Worker] = {}

    def worker(mode: str) -> Worker:
        if mode not in started or not started[mode].alive:
            started[mode] = Worker(mode)
        return started[mode]

    yield worker
    assert {mode: worker.close() for mode, worker in started.items()} == dict.fromkeys(started, "")


class Crawler:
    """Asks for pages with one of the adapters."""

    def __init__(self, way: str, workers: Callable[[str], Worker]) -> None:
        self.way = way
        self._workers = workers

    def ask(
        self,
        *urls: str,
        proxy: str | None = None,
        worker: Worker | None = None,
        headers: dict[str, str] | None = None,
        settings: dict[str, Any] | None = None,
    ) -> Outcomes:
        """What becomes of pages, within reasonable time.

        Args:
            urls: the pages.
            proxy: that everything goes through.
            worker: another than the usual one.
            headers: sent with every request of the crawl.
            settings: more of them, of Scrapy's.
        """
        started = time.monotonic()
        if self.way == "aiohttp":
            outcomes = asyncio.run(self._client(urls, proxy=proxy, headers=headers))
        else:
            requests = [{"url": url, "wait": 0.0} for url in urls]
            worker = worker or self._workers(self.way)
            settings = {**SETTINGS, **(settings or {})}
            if headers:
                settings["DEFAULT_REQUEST_HEADERS"] = headers
            done = worker.crawl(proxy, requests=requests, settings=settings)
            assert "error" not in done.made
            outcomes = dict.fromkeys(done.urls)
            for one in done.failed:
                outcomes[one["url"]] = one["record"]["reasons"][0]["text"]
        assert time.monotonic() - started < 20 + PATIENCE
        assert set(outcomes) == set(urls)
        return outcomes

    async def _client(self, urls: tuple[str, ...], **options: Any) -> Outcomes:
        outcomes: Outcomes = {}
        async with ReservationClient(agent=BOT, retries=ONCE, **options) as client:
            for url in urls:
                try:
                    async with client.get(url):
                        outcomes[url] = None
                except ReservedError as error:
                    outcomes[url] = error.decision.reasons[0].text
        return outcomes


@pytest.fixture(params=WAYS)
def crawler(
    request: pytest.FixtureRequest,
    workers: Callable[[str], Worker],
    monkeypatch: pytest.MonkeyPatch,
) -> Crawler:
    way: str = request.param
    if way != "aiohttp":
        pytest.importorskip("scrapy")
        if reason := why_not(way):
            pytest.skip(reason)
    monkeypatch.setattr(transport, "TIMEOUT", PATIENCE)
    return Crawler(way, workers)


def why(crawler: Crawler, robots: Answer) -> str | None:
    """Why the page of a site with this robots.txt is blocked."""
    with WebThread({ROBOTS: robots, A: PAGE}) as web:
        [text] = crawler.ask(A, proxy=web.proxy_url).values()
        assert web.count(A) == (text is None)
    return text


# The network


@pytest.mark.parametrize(
    ("robots", "words"),
    [
        (Answer(fault="hang"), ("TimeoutError",)),
        (Answer(body=RULES * 9, fault="drip"), ("TimeoutError",)),
        (Answer(body=RULES, fault="cut"), ("DataLoss", "PayloadError")),
        (Answer(fault="reset"), ("Disconnected", "reset", "lost", "Failed")),
        (Answer(503), ("HTTP 503",)),
    ],
    ids=["hang", "drip", "cut", "reset", "503"],
)
def test_the_network_fails(crawler: Crawler, robots: Answer, words: tuple[str, ...]) -> None:
    text = why(crawler, robots)
    assert text is not None
    assert text.startswith("unreachable: ")
    assert any(word in text for word in words), text


def test_a_name_that_is_not_known(crawler: Crawler) -> None:
    with ExitStack() as stack:
        worker = None
        if crawler.way == "aiohttp":
            stack.enter_context(world({}, []))
        else:
            worker = stack.enter_context(GuardedWorker(crawler.way, {}, []))
        [text] = crawler.ask("http://nowhere.example/x", worker=worker).values()
    assert text is not None
    assert text.startswith("unreachable: ")
    assert any(word in text for word in ("DNSError", "CannotResolveHost", "DNSLookup")), text


def test_tls_fails(crawler: Crawler) -> None:
    with Loopback("127.0.0.1", {}) as plain:
        [text] = crawler.ask(f"https://127.0.0.1:{plain.port}/x").values()
        assert plain.requests == []
    assert text is not None
    assert text.startswith("unreachable: ")
    assert any(word in text for word in ("SSL", "ssl")), text


def test_a_certificate_that_nobody_vouches_for(crawler: Crawler) -> None:
    pages = {"https://a.example/robots.txt": Answer(body=RULES), "https://a.example/x": PAGE}
    with WebThread(pages) as web:
        [text] = crawler.ask("https://a.example/x", proxy=web.proxy_url).values()
    if crawler.way == "aiohttp":
        assert text is not None
        assert text.startswith("unreachable: ClientConnectorCertificateError")
    else:
        assert text is None  # Scrapy looks at no certificate unless it is told to


@pytest.mark.parametrize("length", [1, 2])
def test_redirects_in_a_circle(crawler: Crawler, length: int) -> None:
    other = A + "other.txt"
    pages = {
        ROBOTS: Answer(301, (("Location", other if length == 2 else ROBOTS),)),
        other: Answer(302, (("Location", "/robots.txt"),)),
        A: PAGE,
    }
    with WebThread(pages) as web:
        # RFC 9309 §2.3.1.2: may be taken for one that is not there.
        assert crawler.ask(A, proxy=web.proxy_url) == {A: None}
        assert web.count(ROBOTS) + web.count(other) == 6


def test_no_credentials_for_another_origin(crawler: Crawler) -> None:
    pages = {
        ROBOTS: Answer(302, (("Location", "http://b.example/r"), ("Set-Cookie", "a=1"))),
        "http://b.example/r": Answer(body=RULES),
        A: PAGE,
    }
    headers = {"Authorization": "Basic c2VjcmV0", "Cookie": "session=1"}
    with WebThread(pages) as web:
        assert crawler.ask(A, proxy=web.proxy_url, headers=headers) == {A: None}
        assert web.count("http://b.example/r") == 1
        for seen in web.log:
            if seen.url.startswith("http://b.example/"):
                assert seen.headers.keys().isdisjoint({"authorization", "cookie", "referer"})


def test_a_cut_file_counts_for_nothing_whatever_pages_do(workers: Callable[[str], Worker]) -> None:
    pytest.importorskip("scrapy")
    robots = Answer(body=RULES, fault="cut")
    with WebThread({ROBOTS: robots, A: PAGE}) as web:
        [text] = (
            Crawler("asyncio", workers)
            .ask(A, proxy=web.proxy_url, settings={"DOWNLOAD_FAIL_ON_DATALOSS": False})
            .values()
        )
    assert text is not None
    assert "DataLoss" in text


# Bombs


@cache
def gzip_bomb() -> bytes:
    """10 GB in 10 MB: the same 64 MB over and over, each of them flushed so that it may be."""
    pack = zlib.compressobj(9, wbits=31)
    first = pack.compress(b"\0" * 2**26) + pack.flush(zlib.Z_FULL_FLUSH)
    again = pack.compress(b"\0" * 2**26) + pack.flush(zlib.Z_FULL_FLUSH)
    return first + again * 159


@cache
def brotli_bomb() -> bytes:
    """10 GB in 2 MB."""
    brotli = pytest.importorskip("brotli")
    pack = brotli.Compressor(quality=1)
    first = pack.process(b"\0" * 2**24) + pack.flush()
    again = pack.process(b"\0" * 2**24) + pack.flush()
    return bytes(first + again * 639)


@cache
def zstd_bomb() -> bytes:
    """10 GB in less than 400 kB."""
    zstd = pytest.importorskip("backports.zstd")
    frame = zstd.compress(b"\0" * 2**26, 3)
    return bytes(frame * 160)


BOMBS: dict[str, Callable[[], tuple[str, bytes]]] = {
    "gzip": lambda: ("gzip", gzip_bomb()),
    "deflate": lambda: ("deflate", zlib.compress(b"\0" * 2**28, 9)),
    "gzip in gzip": lambda: ("gzip, gzip", gzip.compress(gzip_bomb(), 6)),
    "br": lambda: ("br", brotli_bomb()),
    "br in gzip": lambda: ("br, gzip", gzip.compress(brotli_bomb())),
    "zstd": lambda: ("zstd", zstd_bomb()),
}

#: A crawl that says how much memory it took.
CRAWL = """
import asyncio, resource, sys
from reservation_middleware.aiohttp import ReservationClient, ReservedError

def most():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

async def main(proxy):
    async with ReservationClient(agent="ExampleBot", proxy=proxy) as client:
        async with client.get("http://warm.example/"):
            before = most()
        try:
            async with client.get("http://a.example/"):
                text = ""
        except ReservedError as error:
            text = error.decision.reasons[0].text
        print(most() - before, text)

asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads memory from /proc")
@pytest.mark.parametrize(
    "way",
    ["aiohttp", *(pytest.param(mode, marks=pytest.mark.slow) for mode in ("asyncio", "none"))],
)
def test_bombs(way: str) -> None:
    """In a process of their own, whose memory is looked at."""
    warm = "http://warm.example/"
    with ExitStack() as stack:
        web = stack.enter_context(WebThread({warm: PAGE}))
        worker = None
        if way != "aiohttp":
            pytest.importorskip("scrapy")
            if reason := why_not(way):
                pytest.skip(reason)
            worker = stack.enter_context(Worker(way))
            worker.crawl(web.proxy_url, requests=[warm], settings=SETTINGS)
        for name, make in BOMBS.items():
            coding, body = make()
            headers = (("Content-Encoding", coding),)
            web.add(ROBOTS, Answer(200, headers, body=body))
            web.add(A, PAGE)
            if worker is None:
                grown, text = in_a_process(web.proxy_url)
            else:
                before = memory_of(worker)
                done = worker.crawl(web.proxy_url, requests=[A], settings=SETTINGS)
                grown = memory_of(worker) - before
                [failed] = done.failed
                text = failed["record"]["reasons"][0]["text"]
            assert text.startswith("unreachable: "), (name, text)
            assert "unpack to more than" in text or "IgnoreRequest" in text, (name, text)
            assert grown < MEMORY, (name, grown)
        assert web.count(A) == 0


def in_a_process(proxy: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", CRAWL, proxy], capture_output=True, text=True, timeout=60, check=True
    )
    grown, _, text = done.stdout.strip().partition(" ")
    return int(grown), text


def memory_of(worker: Worker) -> int:
    """The most memory that a process ever had."""
    lines = Path(f"/proc/{worker._process.pid}/status").read_text().splitlines()
    [line] = [line for line in lines if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "deflate", "raw deflate", "br", "zstd"])
def test_packed_all_the_same(crawler: Crawler, coding: str) -> None:
    """We ask for none; a server that packs what it sends is read all the same."""
    word = (("Content-Encoding", coding.removeprefix("raw ")),)
    assert why(crawler, Answer(200, word, body=packed(coding, CLOSED))) == "Disallow: /"
    assert why(crawler, Answer(200, word, body=packed(coding, RULES))) is None


def test_packed_where_scrapy_must_not_unpack(workers: Callable[[str], Worker]) -> None:
    pytest.importorskip("scrapy")
    crawler = Crawler("asyncio", workers)
    settings = {"COMPRESSION_ENABLED": False}
    for body, words in ((gzip.compress(CLOSED), "Disallow: /"), (gzip_bomb(), "unpack to more")):
        robots = Answer(200, (("Content-Encoding", "gzip"),), body=body)
        with WebThread({ROBOTS: robots, A: PAGE}) as web:
            [text] = crawler.ask(A, proxy=web.proxy_url, settings=settings).values()
        assert text is not None
        assert words in text


@pytest.mark.parametrize("word", ["utf-8", "none", "identity", ""])
def test_words_that_are_no_codings(crawler: Crawler, word: str) -> None:
    robots = Answer(200, (("Content-Encoding", word),), body=CLOSED)
    assert why(crawler, robots) == "Disallow: /"


@pytest.mark.parametrize("word", ["compress", "dcb", "gzip, compress"])
def test_codings_that_nobody_undoes(crawler: Crawler, word: str) -> None:
    text = why(crawler, Answer(200, (("Content-Encoding", word),), body=gzip.compress(RULES)))
    assert text is not None
    assert "EncodingError: content coding" in text


def test_packed_badly(crawler: Crawler) -> None:
    text = why(crawler, Answer(200, (("Content-Encoding", "gzip"),), body=CLOSED))
    assert text is not None
    assert text.startswith("unreachable: ")


# Heads


HEADS = {
    "for ever": Answer(fault="headers"),
    "10,000 fields": Answer(
        200, tuple((f"x-field-{number}", "x") for number in range(10_000)), body=CLOSED
    ),
    "1 MB": Answer(200, (("x-field", "x" * 2**20),), body=CLOSED),
}


@pytest.mark.parametrize("head", HEADS)
def test_heads_without_end(crawler: Crawler, head: str) -> None:
    if head == "for ever" and crawler.way != "asyncio" and not COUNTS_FIELDS:
        pytest.skip("aiohttp before 3.13.4 takes as many fields as it is sent")
    text = why(crawler, HEADS[head])
    assert text is not None  # those who read ten thousand fields find rules behind them
    assert text.startswith("unreachable: ") or (head, text) == ("10,000 fields", "Disallow: /")


# Time, and many at once


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


async def reason(client: ReservationClient, url: str = A) -> str | None:
    try:
        async with client.get(url):
            return None
    except ReservedError as error:
        return error.decision.reasons[0].text


@run
@pytest.mark.parametrize("fault", [Answer(500), Answer(503), Answer(fault="reset")])
async def test_5xx_then_recovery(fault: Answer) -> None:
    clock = Clock()
    async with (
        Web({ROBOTS: fault, A: PAGE}) as web,
        ReservationClient(
            agent=BOT, proxy=web.proxy_url, fetcher=Fetcher(clock=clock, retries=ONCE)
        ) as client,
    ):
        assert "unreachable" in (await reason(client) or "")
        asked = web.count(ROBOTS)
        web.add(ROBOTS, Answer(body=RULES))
        assert "unreachable" in (await reason(client) or "")  # not asked for again yet
        assert web.count(ROBOTS) == asked
        clock.now += timedelta(hours=1)
        assert await reason(client) is None
        assert await reason(client, A + "private/x") == "Disallow: /private/"
        assert web.count(ROBOTS) == asked + 1


@run
async def test_5xx_after_a_good_copy() -> None:
    """RFC 9309 §2.4: an old copy counts while the site cannot be reached, but not for ever."""
    clock = Clock()
    async with (
        Web({ROBOTS: Answer(body=RULES), A: PAGE}) as web,
        ReservationClient(
            agent=BOT, proxy=web.proxy_url, fetcher=Fetcher(clock=clock, retries=ONCE)
        ) as client,
    ):
        assert await reason(client) is None
        web.add(ROBOTS, Answer(503))
        clock.now += timedelta(days=2)
        assert await reason(client) is None
        assert await reason(client, A + "private/x") == "Disallow: /private/"
        clock.now += timedelta(days=60)
        assert "unreachable" in (await reason(client) or "")


@run
async def test_a_clock_that_goes_back() -> None:
    clock = Clock()
    async with (
        Web({ROBOTS: Answer(body=RULES), A: PAGE}) as web,
        ReservationClient(
            agent=BOT, proxy=web.proxy_url, fetcher=Fetcher(clock=clock, retries=ONCE)
        ) as client,
    ):
        assert await reason(client) is None
        web.add(ROBOTS, Answer(body=CLOSED))
        clock.now -= timedelta(days=365)
        # What was fetched in the future is not trusted for a year and a day.
        assert await reason(client) == "Disallow: /"
        assert web.count(ROBOTS) == 2


def in_turn(worker: Worker, web: WebThread, *steps: tuple[str, float]) -> Crawl:
    """Scrapy asks for pages one after the other, its clock set on by days before each."""
    chain: list[Any] = []
    for url, days in reversed(steps):
        chain = [{"url": url, "shift": days * 86_400, "then": chain}]
    settings = {**SETTINGS, "RESERVATION_TIMEOUT": 30}
    return worker.crawl(web.proxy_url, requests=chain, settings=settings)


def test_a_clock_that_goes_back_in_scrapy(workers: Callable[[str], Worker]) -> None:
    pytest.importorskip("scrapy")
    with WebThread({ROBOTS: Answer(body=RULES, later=Answer(body=CLOSED)), A: PAGE}) as web:
        done = in_turn(workers("asyncio"), web, (A, 0), (A, -365))
        assert (done.urls, done.blocked) == ([A], [A])
        assert (web.count(ROBOTS), web.count(A)) == (2, 1)


def test_5xx_after_a_good_copy_in_scrapy(workers: Callable[[str], Worker]) -> None:
    pytest.importorskip("scrapy")
    closed = A + "private/x"
    with WebThread({ROBOTS: Answer(body=RULES, later=Answer(503)), A: PAGE}) as web:
        done = in_turn(workers("asyncio"), web, (A, 0), (A, 2), (closed, 0), (A, 60))
        assert (done.urls, done.blocked) == ([A, A], [closed, A])
        assert web.count(closed) == 0
        assert web.count(ROBOTS) == 3
    assert done.stat("stale") == 1
    [old] = [one for one in done.got[1]["record"]["notes"] if "HTTP 503" in one["summary"]]
    assert old["document"] == ROBOTS
    assert done.failed[1]["record"]["reasons"][0]["text"] == "unreachable: HTTP 503"


def test_5xx_then_recovery_in_scrapy(workers: Callable[[str], Worker]) -> None:
    pytest.importorskip("scrapy")
    with WebThread({ROBOTS: Answer(503, later=Answer(body=RULES)), A: PAGE}) as web:
        done = in_turn(workers("asyncio"), web, (A, 0), (A, 0), (A, 0.1), (A + "private/x", 0))
        assert (done.urls, done.blocked) == ([A], [A, A, A + "private/x"])
        assert web.count(ROBOTS) == 2


@run
async def test_500_first_requests_at_once() -> None:
    urls = [f"{A}private/{number}" for number in range(250)] + [
        f"{A}{number}" for number in range(250)
    ]
    async with (
        Web({ROBOTS: Answer(body=RULES, delay=0.2)}) as web,
        ReservationClient(agent=BOT, proxy=web.proxy_url) as client,
    ):
        reasons = await asyncio.gather(*(reason(client, url) for url in urls))
        assert reasons == ["Disallow: /private/"] * 250 + [None] * 250
        assert web.count(ROBOTS) == web.count(A + ".well-known/tdmrep.json") == 1
        assert not [seen for seen in web.log if "/private/" in seen.url]


@pytest.mark.parametrize("mode", ["asyncio", pytest.param("none", marks=pytest.mark.slow)])
def test_500_first_requests_at_once_in_scrapy(workers: Callable[[str], Worker], mode: str) -> None:
    pytest.importorskip("scrapy")
    if reason := why_not(mode):
        pytest.skip(reason)
    closed = [f"{A}private/{number}" for number in range(250)]
    opened = [f"{A}{number}" for number in range(250)]
    settings = {
        **SETTINGS,
        "CONCURRENT_REQUESTS": 500,
        "CONCURRENT_REQUESTS_PER_DOMAIN": 500,
        "DOWNLOAD_DELAY": 0,
        "HTTPERROR_ALLOW_ALL": True,
        "RESERVATION_TIMEOUT": 30,
    }
    with WebThread({ROBOTS: Answer(body=RULES, delay=0.2)}) as web:
        done = workers(mode).crawl(web.proxy_url, requests=closed + opened, settings=settings)
        assert sorted(done.blocked) == sorted(closed)
        assert sorted(done.urls) == sorted(opened)
        assert web.count(ROBOTS) == web.count(A + ".well-known/tdmrep.json") == 1
        assert not [seen for seen in web.log if "/private/" in seen.url]


@run
async def test_the_first_waiter_is_cancelled() -> None:
    async with (
        Web({ROBOTS: Answer(body=RULES, delay=0.3), A: PAGE}) as web,
        ReservationClient(agent=BOT, proxy=web.proxy_url) as client,
    ):
        first = asyncio.create_task(reason(client))
        await asyncio.sleep(0.1)
        others = [asyncio.create_task(reason(client, A + "private/x")) for _ in range(10)]
        await asyncio.sleep(0.05)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert await asyncio.gather(*others) == ["Disallow: /private/"] * 10
        assert web.count(ROBOTS) == 1


def test_the_first_waiter_is_cancelled_in_scrapy(workers: Callable[[str], Worker]) -> None:
    pytest.importorskip("scrapy")
    closed = [f"{A}private/{number}" for number in range(10)]
    with WebThread({ROBOTS: Answer(body=RULES, delay=0.5), A: PAGE}) as web:
        done = workers("asyncio").crawl(
            web.proxy_url,
            requests=closed,
            impatient=[A, 0.1],
            settings={**SETTINGS, "RESERVATION_TIMEOUT": 30},
        )
        assert sorted(done.blocked) == closed
        assert web.count(ROBOTS) == 1
