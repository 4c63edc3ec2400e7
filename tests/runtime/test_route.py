"""The way that policies take: the page's own, told by whom, to whom and in whose queue.

A Host field names the origin that a page and its policies belong to (spec/decision.md). What else
Scrapy's policies inherit of a page is tests/scrapy_adapter/test_scrapy_route.py's business.
"""

import asyncio
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trustme
from loopback import Loopback
from scrapy_runner import Crawl, Worker, why_not

from reservation_middleware import Agent
from reservation_middleware.aiohttp import ReservationClient, ReservedError
from reservation_middleware.runtime.fetcher import Fetcher
from reservation_middleware.syntax.target import host_field
from web import Answer as Page
from web import WebThread

BOT = Agent("ExampleBot")
OK = (200, (), b"")
SETTINGS = {"USER_AGENT": "ExampleBot/1.0", "DOWNLOAD_DELAY": 0}
HOST = "virtual.example"
#: A server that has other rules for a virtual host than for its own address.
PAGES: dict[str, Any] = {
    "/robots.txt": (200, (), b"User-agent: *\nDisallow: /a\n"),
    f"{HOST}/robots.txt": (302, (("Location", f"http://{HOST}/rules"),), b""),
    f"{HOST}/rules": (200, (), b"User-agent: *\nDisallow: /b\n"),
    "/a": OK,
    "/b": OK,
}

run = pytest.mark.asyncio


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


# Host


@pytest.mark.parametrize(
    ("value", "origin"),
    [
        ("virtual.example", "http://virtual.example"),
        (" VIRTUAL.example:80 ", "http://virtual.example"),
        ("virtual.example:8080", "http://virtual.example:8080"),
        ("[::1]:81", "http://[::1]:81"),
        ("a.example", None),
        ("A.Example:80", None),
        ("", None),
        ("user@virtual.example", None),
        ("virtual.example/x", None),
        ("virtual.example#", None),
        ("two words", None),
        ("virtual.example:port", None),
    ],
)
def test_whose_page_a_host_field_asks_for(value: str, origin: str | None) -> None:
    found = host_field("http://a.example/x", value)
    assert (found and found.origin) == origin
    if found is not None:
        for end in ("/", "/x?y", "?y", "", "/x//y#z"):
            url = f"http://a.example{end}"
            target = found.target_of(url)
            assert target == f"{origin}{end or '/'}"
            assert found.connected_by(target) == f"http://a.example{end or '/'}"
        assert found.target_of("http://b.example/x") == "http://b.example/x"
        assert found.connected_by("http://a.example/x") is None


@run
async def test_a_host_field_is_part_of_the_origin() -> None:
    fetcher = Fetcher()

    async def get(client: ReservationClient, url: str, host: str | None) -> str:
        headers = {"Host": host} if host else {}
        try:
            async with client.get(url, headers=headers) as response:
                decision = client.decision(response)
                assert decision is not None
                return f"{response.status} {decision.url}"
        except ReservedError as error:
            return f"blocked {error.decision.url}"

    with Loopback("127.0.0.1", PAGES) as server:
        at = f"http://127.0.0.1:{server.port}"
        async with ReservationClient(agent=BOT, fetcher=fetcher) as client:
            for _ in range(2):
                assert await get(client, f"{at}/a", HOST) == f"200 http://{HOST}/a"
                assert await get(client, f"{at}/b", HOST) == f"blocked http://{HOST}/b"
                assert await get(client, f"{at}/a", None) == f"blocked {at}/a"
                assert await get(client, f"{at}/b", None) == f"200 {at}/b"
                assert await get(client, f"{at}/b", f"127.0.0.1:{server.port}") == f"200 {at}/b"
        assert server.asked.count(f"{HOST}/robots.txt") == server.asked.count(f"{HOST}/rules") == 1
        assert server.asked.count(f"127.0.0.1:{server.port}/robots.txt") == 1
        assert f"{HOST}/b" not in server.asked
    # Nobody else who asks for the host itself is told what this server says of it.
    assert await fetcher.cache.get((f"http://{HOST}", "robots.txt")) is None
    kept = await fetcher.cache.get((f"http://{HOST} at {at}", "robots.txt"))
    assert kept is not None
    assert kept.url == f"http://{HOST}/robots.txt"
    assert kept.address == "127.0.0.1"


@pytest.mark.parametrize("mode", ["asyncio", pytest.param("none", marks=pytest.mark.slow)])
def test_a_host_field_is_part_of_the_origin_in_scrapy(
    workers: Callable[[str], Worker], mode: str
) -> None:
    with Loopback("127.0.0.1", PAGES) as server:
        at = f"http://127.0.0.1:{server.port}"
        done = workers(mode).crawl(
            requests=[
                *({"url": f"{at}/{page}", "headers": {"Host": HOST}} for page in "ab"),
                *({"url": f"{at}/{page}"} for page in "ab"),
            ],
            settings=SETTINGS,
        )
        assert server.asked.count(f"{HOST}/robots.txt") == server.asked.count(f"{HOST}/rules") == 1
        assert server.asked.count(f"127.0.0.1:{server.port}/robots.txt") == 1
    assert sorted(one["record"]["url"] for one in done.got) == sorted(
        [f"http://{HOST}/a", f"{at}/b"]
    )
    assert sorted(one["record"]["url"] for one in done.failed) == sorted(
        [f"http://{HOST}/b", f"{at}/a"]
    )


def test_a_host_field_that_a_middleware_sets_later(workers: Callable[[str], Worker]) -> None:
    with Loopback("127.0.0.1", PAGES) as server:
        at = f"http://127.0.0.1:{server.port}"
        done = workers("asyncio").crawl(
            requests=[f"{at}/b"],
            settings={**SETTINGS, "DOWNLOADER_MIDDLEWARES": {"test_route.SetsHost": 600}},
        )
    assert done.blocked == [f"{at}/b"]  # what was fetched is not delivered
    assert done.failed[0]["record"]["url"] == f"http://{HOST}/b"


class SetsHost:
    """A downloader middleware that names a virtual host."""

    def process_request(self, request: Any) -> None:
        if "reservation_policy" not in request.meta:
            request.headers["Host"] = HOST


# TLS


@run
async def test_policies_are_asked_for_under_the_name_that_tls_is_told() -> None:
    authority = trustme.CA()
    served, trusted = (
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH),
        ssl.create_default_context(),
    )
    authority.issue_cert("a.example").configure_cert(served)
    authority.configure_trust(trusted)
    asked: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        asked.append(head.split()[1].decode())
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=served) as server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/x"
        async with (
            ReservationClient(agent=BOT) as client,
            client.get(url, ssl=trusted, server_hostname="a.example") as response,
        ):
            assert response.status == 404
    assert asked == ["/robots.txt", "/.well-known/tdmrep.json", "/x"]


# As whom, and in whose queue


@run
async def test_policies_are_asked_for_as_the_page_is() -> None:
    pages = {"http://a.example/": Page()}
    with WebThread(pages) as web:
        async with (
            ReservationClient(agent=BOT, proxy=web.proxy_url) as client,
            client.get("http://a.example/", headers={"User-Agent": "ExampleBot/7"}),
        ):
            pass
        assert {seen.headers["user-agent"] for seen in web.log} == {"ExampleBot/7"}
        assert len(web.log) == 3


def test_policies_are_asked_for_as_the_page_is_in_scrapy(
    workers: Callable[[str], Worker],
) -> None:
    pages = {"http://a.example/": Page()}
    with WebThread(pages) as web:
        workers("asyncio").crawl(
            web.proxy_url,
            requests=[{"url": "http://a.example/", "headers": {"User-Agent": "ExampleBot/7"}}],
            settings=SETTINGS,
        )
        assert {seen.headers["user-agent"] for seen in web.log} == {"ExampleBot/7"}
        assert len(web.log) == 3


def slots(workers: Callable[[str], Worker], *requests: Any, **settings: Any) -> Crawl:
    """A crawl with a page that points to a licence, and who stood in which queue."""
    links = (("Link", '<http://a.example/licence.xml>; rel="license"; type="application/rsl+xml"'),)
    pages = {
        "http://a.example/": Page(200, (*links, ("Content-Type", "text/html")), body=b"<p>"),
        "http://a.example/licence.xml": Page(404),
    }
    with WebThread(pages) as web:
        done = workers("asyncio").crawl(
            web.proxy_url,
            requests=list(requests),
            settings={
                **SETTINGS,
                "DOWNLOADER_MIDDLEWARES": {"test_route.CountsSlots": 10_001},
                **settings,
            },
        )
        assert web.count("http://a.example/licence.xml") == 1
    return done


class CountsSlots:
    """A downloader middleware that knows policies by their public mark."""

    def __init__(self, crawler: Any) -> None:
        self._stats = crawler.stats

    @classmethod
    def from_crawler(cls, crawler: Any) -> "CountsSlots":
        return cls(crawler)

    def process_request(self, request: Any) -> None:
        policy = request.meta.get("reservation_policy", "page")
        self._stats.inc_value(f"slots/{policy}/{request.meta.get('download_slot', 'usual')}")


def test_policies_wait_in_the_pages_queue(workers: Callable[[str], Worker]) -> None:
    done = slots(workers, {"url": "http://a.example/", "meta": {"download_slot": "mine"}})
    seen = {name: count for name, count in done.stats.items() if name.startswith("slots/")}
    assert seen == {
        f"slots/{name}/mine": 1 for name in ("robots.txt", "tdmrep.json", "page", "rsl")
    }


def test_a_single_place_is_enough(workers: Callable[[str], Worker]) -> None:
    """A page that waits in the queue would wait for ever for a policy that waits behind it."""
    done = slots(
        workers,
        *["http://a.example/"] * 3,
        CONCURRENT_REQUESTS=1,
        CONCURRENT_REQUESTS_PER_DOMAIN=1,
        DOWNLOAD_DELAY=0.05,
    )
    assert done.urls == ["http://a.example/"] * 3
