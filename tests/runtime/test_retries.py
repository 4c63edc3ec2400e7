"""Policies that cannot be had at once: tried again as pages are, waited for, and told apart.

Real servers that fail once, a few times or for good, and both adapters; with a transport made up
here where a clock or a count of pauses is needed.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from loopback import GuardedWorker, Loopback, world
from scrapy_runner import Crawl, Worker, why_not

from reservation_middleware import Agent, Decision, Document, Outcome, profile
from reservation_middleware.aiohttp import (
    PolicyUnreachableError,
    ReservationClient,
    ReservedError,
)
from reservation_middleware.decide.freshness import retry_after
from reservation_middleware.runtime.fetcher import (
    Answer,
    Ask,
    Fetcher,
    MachineFaultError,
    RetriableTransport,
    Retries,
    TransportClosedError,
)
from web import Answer as Page
from web import Web, WebThread

BOT = Agent("ExampleBot")
SITE = "http://a.example/"
ROBOTS = SITE + "robots.txt"
TDMREP = SITE + ".well-known/tdmrep.json"
URLS = [f"{SITE}{number}" for number in range(50)]
CLOSED = SITE + "private/x"
RULES = Page(body=b"User-agent: *\nDisallow: /private/\n")
FIFO = "scrapy.squeues.FifoMemoryQueue"
SETTINGS = {"USER_AGENT": "ExampleBot/1.0", "DOWNLOAD_DELAY": 0}

run = pytest.mark.asyncio


def in_turn(*answers: Page) -> Page:
    """What a page says one time after the other, and the last for ever."""
    *first, last = answers
    for answer in reversed(first):
        last = Page(answer.status, answer.headers, body=answer.body, fault=answer.fault, later=last)
    return last


def busy(seconds: object, status: int = 503) -> Page:
    return Page(status, (("Retry-After", str(seconds)),))


#: What happens to robots.txt before it can be had.
HICCUPS = {
    "503": Page(503),
    "429": Page(429),
    "reset": Page(fault="reset"),
    "cut": Page(body=b"User-agent: *\n" * 9, fault="cut"),
    "503 for a second": busy(1),
}


@pytest.fixture(scope="module")
def workers() -> Iterator[Callable[[str], Worker]]:
    started: dict[str, Worker] = {}

    def worker(mode: str) -> Worker:
        pytest.importorskip("scrapy")
        if reason := why_not(mode):
            pytest.skip(reason)
        if mode not in started or not started[mode].alive:
            started[mode] = Worker(mode)
        return started[mode]

    yield worker
    assert {mode: worker.close() for mode, worker in started.items()} == dict.fromkeys(started, "")


async def get(client: ReservationClient, url: str) -> ReservedError | None:
    try:
        async with client.get(url):
            return None
    except ReservedError as error:
        return error


# One hiccup


@run
@pytest.mark.parametrize("hiccup", HICCUPS)
async def test_one_hiccup_loses_no_page(hiccup: str) -> None:
    pages = {ROBOTS: in_turn(HICCUPS[hiccup], RULES), **dict.fromkeys(URLS, Page())}
    async with Web(pages) as web, ReservationClient(agent=BOT, proxy=web.proxy_url) as client:
        errors = await asyncio.gather(*(get(client, url) for url in [*URLS, CLOSED]))
        assert [error and str(error) for error in errors[:-1]] == [None] * len(URLS)
        assert type(errors[-1]) is ReservedError
        assert web.count(ROBOTS) == 2
        assert web.count(TDMREP) == 1
        assert web.count(CLOSED) == 0


@pytest.mark.parametrize("mode", ["asyncio", pytest.param("none", marks=pytest.mark.slow)])
def test_one_hiccup_loses_no_page_in_scrapy(workers: Callable[[str], Worker], mode: str) -> None:
    """Five hosts, each with its own hiccup, in one crawl."""
    pages: dict[str, Page] = {}
    for number, hiccup in enumerate(HICCUPS.values()):
        pages[f"http://h{number}.example/robots.txt"] = in_turn(hiccup, RULES)
        pages |= {f"http://h{number}.example/{page}": Page() for page in range(50)}
    urls = [url for url in pages if not url.endswith("robots.txt")]
    closed = "http://h0.example/private/x"
    with WebThread(pages) as web:
        done = workers(mode).crawl(web.proxy_url, requests=[*urls, closed], settings=SETTINGS)
        assert sorted(done.urls) == sorted(urls)
        assert done.blocked == [closed]
        for number in range(len(HICCUPS)):
            assert web.count(f"http://h{number}.example/robots.txt") == 2
    # Libraries ask again themselves where a connection that was kept is reset.
    assert done.stat("policy_retries") in (len(HICCUPS) - 1, len(HICCUPS))
    assert done.stat("unreachable") == 0
    assert not [line for line in done.problems if "data loss" not in line]


@run
async def test_other_places_are_tried_again_too() -> None:
    body = b'[{"location": "/*", "tdm-reservation": 1}]'
    pages = {TDMREP: in_turn(Page(503), Page(fault="reset"), Page(body=body)), SITE: Page()}
    async with Web(pages) as web, ReservationClient(agent=BOT, proxy=web.proxy_url) as client:
        error = await get(client, SITE)
        assert error is not None
        assert error.decision.reasons[0].signal == "tdmrep"
        assert web.count(TDMREP) == 3


# For good


@run
async def test_what_cannot_be_had_blocks_with_an_error_of_its_own(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pages = {ROBOTS: Page(503), **dict.fromkeys(URLS, Page())}
    async with (
        Web(pages) as web,
        ReservationClient(agent=BOT, proxy=web.proxy_url, retries=Retries(1)) as client,
    ):
        errors = await asyncio.gather(*(get(client, url) for url in URLS))
        assert {type(error) for error in errors} == {PolicyUnreachableError}
        [error, *_] = errors
        assert error is not None
        assert error.decision.unreachable == "HTTP 503"
        assert web.count(ROBOTS) == 2
        assert not [seen for seen in web.log if seen.url in URLS]
    warned = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    assert len(warned) == 1
    assert "http://a.example" in warned[0]
    assert "HTTP 503" in warned[0]


def test_what_cannot_be_had_in_scrapy(workers: Callable[[str], Worker]) -> None:
    pages = {ROBOTS: Page(503), **dict.fromkeys(URLS, Page())}
    with WebThread(pages) as web:
        done = workers("asyncio").crawl(
            web.proxy_url, requests=URLS, settings={**SETTINGS, "RETRY_TIMES": 1}
        )
        assert web.count(ROBOTS) == 2
    assert {one["error"] for one in done.failed} == {"PolicyUnreachableError"}
    assert all(one["ignored"] for one in done.failed)
    assert done.stat("unreachable") == done.stat("unreachable/site") == len(URLS)
    assert [line for line in done.problems if "robots.txt can be had: HTTP 503" in line] == (
        done.problems
    )
    assert len(done.problems) == 1


def test_scrapys_own_settings_say_how_often(workers: Callable[[str], Worker]) -> None:
    def asked(robots: Page, **settings: Any) -> int:
        with WebThread({ROBOTS: robots, SITE: Page()}) as web:
            workers("asyncio").crawl(
                web.proxy_url, requests=[SITE], settings={**SETTINGS, **settings}
            )
            return web.count(ROBOTS)

    assert asked(Page(503), RETRY_ENABLED=False) == 1
    assert asked(Page(503), RETRY_HTTP_CODES=[500]) == 1
    assert asked(Page(503), RETRY_TIMES=0) == 1
    assert asked(Page(fault="reset"), RETRY_EXCEPTIONS=["builtins.KeyError"]) == 1


@run
async def test_a_reservation_beside_is_a_reservation() -> None:
    body = b'[{"location": "/*", "tdm-reservation": 1}]'
    pages = {ROBOTS: Page(503), TDMREP: Page(body=body), SITE: Page()}
    async with (
        Web(pages) as web,
        ReservationClient(agent=BOT, proxy=web.proxy_url, retries=Retries(0)) as client,
    ):
        assert type(await get(client, SITE)) is ReservedError


@run
@pytest.mark.parametrize("name", ["opt-out", "licence-first", "record-only", "strict"])
async def test_every_profile_tells_it_apart(name: str) -> None:
    async with (
        Web({ROBOTS: Page(503), SITE: Page()}) as web,
        ReservationClient(
            policy=profile(name), agent=BOT, proxy=web.proxy_url, retries=Retries(0)
        ) as client,
    ):
        assert type(await get(client, SITE)) is PolicyUnreachableError


# Retry-After


NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
LATER = "Sun, 29 Nov 2026 12:00:40 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ((("retry-after", "40"),), 40),
        ((("retry-after", " 40 "),), 40),
        ((("retry-after", LATER),), 40),
        ((("retry-after", "Sunday, 29-Nov-26 12:00:40 GMT"),), 40),
        ((("retry-after", "Sun Nov 29 12:00:40 2026"),), 40),
        ((("date", "Sun, 29 Nov 2026 12:00:30 GMT"), ("retry-after", LATER)), 10),
        ((("date", "yesterday"), ("retry-after", LATER)), 40),
        ((("retry-after", "5"), ("retry-after", "40")), 40),
        ((("retry-after", "5"), ("retry-after", "soon")), 5),
        ((("retry-after", "7200"),), 3600),
        ((("retry-after", "9" * 5000),), 3600),
        ((("retry-after", "0"),), None),
        ((("retry-after", "-40"),), None),
        ((("retry-after", "1.5"),), None),
        ((("retry-after", "soon"),), None),
        ((("retry-after", ""),), None),
        ((("retry-after", "\u0664"),), None),
        ((("retry-after", "Sun, 29 Nov 2026 11:59:00 GMT"),), None),
        ((("retry-after", "Sun, 99 Nov 2026 11:59:00 GMT"),), None),
        ((), None),
    ],
)
def test_retry_after(headers: tuple[tuple[str, str], ...], seconds: int | None) -> None:
    found = retry_after(headers, NOW)
    assert found == (None if seconds is None else timedelta(seconds=seconds))


class Bench:
    """A fetcher whose pauses are counted and take no time but that of its clock."""

    def __init__(self, *answers: Answer | Exception, retries: Retries | None = None) -> None:
        self.now = NOW
        self.pauses: list[float] = []
        self.asked: list[str] = []
        self._answers = list(answers)
        self.fetcher = Fetcher(
            clock=lambda: self.now, pause=self.pause, retries=retries or Retries()
        )

    async def pause(self, seconds: float) -> bool:
        self.pauses.append(seconds)
        self.now += timedelta(seconds=seconds)
        await asyncio.sleep(0)
        return True

    async def __call__(self, ask: Ask) -> Answer:
        if ask.url != ROBOTS:
            return Answer(404, (), b"")
        self.asked.append(ask.resource)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def decide(self) -> Decision:
        check = await self.fetcher.check(SITE, self, agent=BOT, policy=profile())
        return check.decide()


def later(seconds: object, status: int = 503) -> Answer:
    return Answer(status, (("retry-after", str(seconds)),), b"")


OPEN = Answer(200, (), b"User-agent: *\nAllow: /\n")


@run
async def test_pauses_grow_and_what_is_asked_for_is_waited() -> None:
    bench = Bench(Answer(503, (), b""), later(7), later("junk"), OPEN, retries=Retries(5))
    assert not (await bench.decide()).blocked
    assert bench.pauses == [0.5, 7, 2]
    assert bench.asked == ["robots.txt"] * 4
    assert bench.fetcher.counts["retries"] == 3


@run
async def test_what_asks_for_too_long_is_left_alone_for_so_long() -> None:
    bench = Bench(later(90), OPEN)
    decision = await bench.decide()
    assert decision.unreachable == "HTTP 503, Retry-After 90 s"
    assert (await bench.decide()).blocked
    assert (bench.pauses, len(bench.asked)) == ([], 1)
    bench.now += timedelta(seconds=89)
    assert (await bench.decide()).blocked
    bench.now += timedelta(seconds=2)
    assert not (await bench.decide()).blocked
    assert len(bench.asked) == 2


@run
@pytest.mark.parametrize(
    ("answers", "pauses", "seconds"),
    [
        ((later(50), later(20), OPEN), [50], 20),  # together they are too long
        ((later(1),), [1, 1], 30),
        ((later(40), later(1)), [40, 1], 30),
        ((later(86_400),), [], 3600),
        ((Answer(503, (), b""),), [0.5, 1], 300),
        ((OSError("x"),), [0.5, 1], 300),
        ((later(40, status=404), OPEN), [], None),
    ],
)
async def test_how_long_it_takes_at_most(
    answers: tuple[Answer | Exception, ...], pauses: list[float], seconds: float | None
) -> None:
    bench = Bench(*answers)
    decision = await bench.decide()
    assert bench.pauses == pauses
    assert decision.blocked == (seconds is not None)
    if seconds is not None:
        assert decision.expires == bench.now + timedelta(seconds=seconds)


@run
async def test_what_a_page_points_to_is_not_waited_for_long() -> None:
    """Its response is held meanwhile, and servers do not wait for ever."""
    terms = "http://b.example/terms.xml"
    link = ("link", f'<{terms}>; rel="license"; type="application/rsl+xml"')
    bench = Bench(OPEN)
    answers = {terms: [later(4), later(30), OPEN]}

    async def transport(ask: Ask) -> Answer:
        return answers[ask.url].pop(0) if ask.url in answers else await bench(ask)

    check = await bench.fetcher.check(SITE, transport, agent=BOT, policy=profile())
    check.feed(
        Document(
            url=SITE,
            resource="page",
            outcome=Outcome.FETCHED,
            status=200,
            headers=(link,),
            body=b"",
        )
    )
    await bench.fetcher.follow(check, transport)
    assert bench.pauses == [4]
    assert len(answers[terms]) == 1


@run
async def test_nothing_is_waited_for_where_that_is_so_set() -> None:
    bench = Bench(later(1), OPEN, retries=Retries(wait=0))
    assert (await bench.decide()).blocked
    bench = Bench(Answer(503, (), b""), OPEN, retries=Retries(wait=0))
    assert not (await bench.decide()).blocked
    assert bench.pauses == [0]


@run
async def test_pages_do_not_wait_where_an_old_copy_will_do() -> None:
    bench = Bench(OPEN, later(30), OPEN)
    await bench.decide()
    bench.now += timedelta(days=2)
    decision = await bench.decide()
    assert not decision.blocked
    assert [note.kind.ident for note in decision.notes] == ["stale-copy"]
    assert bench.pauses == []
    bench.now += timedelta(seconds=31)
    assert not (await bench.decide()).notes


@run
@pytest.mark.parametrize("error", [RuntimeError("x"), KeyError("x")])
async def test_what_will_not_pass_is_not_tried_again(error: Exception) -> None:
    bench = Bench(error)
    assert (await bench.decide()).blocked
    assert len(bench.asked) == 1


@run
async def test_a_pause_that_ends_early_ends_the_tries() -> None:
    async def pause(seconds: float) -> bool:
        return False

    bench = Bench(later(5), OPEN)
    transport = RetriableTransport(bench, pause=pause)
    check = await bench.fetcher.check(SITE, transport, agent=BOT, policy=profile())
    decision = check.decide()
    assert decision.unreachable == "HTTP 503, Retry-After 5 s"
    assert len(bench.asked) == 1


@run
async def test_a_session_that_is_closed_ends_the_wait() -> None:
    async with Web({ROBOTS: busy(50), SITE: Page()}) as web:
        client = ReservationClient(agent=BOT, proxy=web.proxy_url, fetcher=Fetcher())
        async with client:
            waiting = asyncio.create_task(get(client, SITE))
            await asyncio.sleep(0.5)  # it was asked for by then, mostly
            await client.session.close()
            with pytest.raises(TransportClosedError):
                await asyncio.wait_for(waiting, 10)


def test_a_spider_that_is_closed_ends_the_wait(workers: Callable[[str], Worker]) -> None:
    with WebThread({ROBOTS: busy(50), SITE: Page()}) as web:
        done: Crawl = workers("asyncio").crawl(
            web.proxy_url, requests=[SITE], settings=SETTINGS, close_after=1.0
        )
        assert web.count(ROBOTS) == 1
    assert [one["error"] for one in done.failed] == ["PolicyUnreachableError"]
    assert done.seconds < 30


# Waiting together


@run
async def test_processes_that_share_a_cache_wait_for_one_chain_of_tries(tmp_path: Path) -> None:
    """The second one comes while the first one waits for the server; its claim must hold."""
    cache = f"sqlite:///{tmp_path / 'policies.db'}"
    pages = {ROBOTS: in_turn(busy(1), busy(1), RULES), **dict.fromkeys(URLS, Page())}
    async with (
        Web(pages) as web,
        ReservationClient(agent=BOT, proxy=web.proxy_url, cache=cache) as one,
        ReservationClient(agent=BOT, proxy=web.proxy_url, cache=cache) as other,
    ):
        errors = await asyncio.gather(
            *(get(client, url) for client in (one, other) for url in URLS)
        )
        assert errors == [None] * 2 * len(URLS)
        assert web.count(ROBOTS) == 3
        assert web.count(TDMREP) == 1


@pytest.mark.parametrize("mode", ["asyncio", pytest.param("none", marks=pytest.mark.slow)])
def test_a_host_that_waits_leaves_places_to_others(
    workers: Callable[[str], Worker], mode: str
) -> None:
    start = "http://b.example/"
    other = [f"{start}{number}" for number in range(20)]
    pages = {ROBOTS: in_turn(busy(4), RULES), **dict.fromkeys([start, *URLS, *other], Page())}
    settings = {**SETTINGS, "CONCURRENT_REQUESTS": 4, "SCHEDULER_MEMORY_QUEUE": FIFO}
    with WebThread(pages) as web:
        done = workers(mode).crawl(
            web.proxy_url, requests=[{"url": start, "then": [*URLS, *other]}], settings=settings
        )
        assert sorted(done.urls) == sorted([start, *URLS, *other])
        assert len(web.log) == len({seen.url for seen in web.log}) + 1  # robots.txt, twice
        order = [seen.url for seen in web.log]
        last_try = len(order) - 1 - order[::-1].index(ROBOTS)
        assert {url for url in order[:last_try] if url in other} == set(other)
    assert done.stat("returned") > 0


# This machine


@run
async def test_a_fault_of_this_machine_is_told_as_one_and_kept_briefly() -> None:
    fault = MachineFaultError("no network")
    bench = Bench(fault, OPEN)
    decision = await bench.decide()
    assert decision.unreachable == "a fault of this machine: no network"
    assert [note.kind.ident for note in decision.notes] == ["robots-not-asked"]
    assert await bench.fetcher.cache.get(("http://a.example", "robots.txt")) is None
    assert (await bench.decide()).blocked
    assert len(bench.asked) == 1
    bench.now += timedelta(seconds=11)
    assert not (await bench.decide()).blocked


async def machine_fault(url: str, **options: Any) -> str:
    async with ReservationClient(agent=BOT, retries=Retries(0), **options) as client:
        error = await get(client, url)
    assert type(error) is PolicyUnreachableError
    return error.decision.unreachable or ""


@run
async def test_faults_of_this_machine() -> None:
    own = "a fault of this machine: "
    refused = await machine_fault(SITE, proxy="http://127.0.0.1:1")
    assert refused.startswith(f"{own}the proxy cannot be reached")
    with world({}, []):
        unknown = await machine_fault(SITE)
        lost = await machine_fault(SITE, proxy="http://proxy.example:1")
    assert not unknown.startswith(own)
    assert lost.startswith(f"{own}the proxy cannot be reached")
    with world({"a.example": []}, []):
        assert (await machine_fault(SITE)).startswith(f"{own}no DNS server answers")
    with Loopback("127.0.0.1", {}) as server:
        nowhere = await machine_fault(
            f"http://127.0.0.1:{server.port}/",
            connector=aiohttp.TCPConnector(local_addr=("192.0.2.1", 0)),
        )
    assert nowhere.startswith(own), nowhere


@pytest.mark.parametrize("mode", ["asyncio", pytest.param("none", marks=pytest.mark.slow)])
def test_faults_of_this_machine_in_scrapy(workers: Callable[[str], Worker], mode: str) -> None:
    def fault(proxy: str | None = None, **settings: Any) -> Crawl:
        return workers(mode).crawl(
            proxy, requests=[SITE], settings={**SETTINGS, "RETRY_TIMES": 0, **settings}
        )

    def words(done: Crawl) -> str:
        [failed] = done.failed
        assert failed["error"] == "PolicyUnreachableError"
        assert done.stat("unreachable/this_machine") == 1
        own = "unreachable: a fault of this machine: "
        text: str = failed["record"]["reasons"][0]["text"]
        assert text.startswith(own)
        assert any("a fault of this machine" in line for line in done.problems)
        return text.removeprefix(own)

    assert words(fault("http://127.0.0.1:1")).startswith("the proxy cannot be reached")
    with WebThread({SITE: Page()}) as web:
        refusing = {"DOWNLOADER_MIDDLEWARES": {"test_retries.RefusesPolicies": 500}}
        assert words(fault(web.proxy_url, **refusing)).startswith("a downloader middleware of this")
        assert web.count(ROBOTS) == web.count(SITE) == 0
    missing = words(fault(DOWNLOAD_HANDLERS={"http": "test_retries.CannotBeHad"}))
    assert missing.startswith("a download handler or a library is missing")


@pytest.mark.parametrize("mode", ["asyncio", pytest.param("none", marks=pytest.mark.slow)])
def test_no_dns_server_in_scrapy(workers: Callable[[str], Worker], mode: str) -> None:
    if workers(mode) is None:
        return  # skipped where that mode cannot run
    with GuardedWorker(mode, {"a.example": []}, []) as worker:
        settings = {**SETTINGS, "RETRY_TIMES": 0}
        done = worker.crawl(requests=[SITE, "http://b.example/"], settings=settings)
    texts = {one["url"]: one["record"]["reasons"][0]["text"] for one in done.failed}
    own = "unreachable: a fault of this machine: no DNS server answers"
    assert texts[SITE].startswith(own)
    assert not texts["http://b.example/"].startswith("unreachable: a fault of this machine")
    assert done.stat("unreachable/this_machine") == done.stat("unreachable/site") == 1


class RefusesPolicies:
    """A downloader middleware that knows policies by their public mark, and drops them."""

    def process_request(self, request: Any) -> None:
        from scrapy.exceptions import IgnoreRequest

        if request.meta.get("reservation_policy") == "robots.txt":
            raise IgnoreRequest("not today")


class CannotBeHad:
    """A download handler whose library is missing."""

    lazy = True

    def __init__(self, *args: object) -> None:
        from scrapy.exceptions import NotConfigured

        raise NotConfigured("no such library")
