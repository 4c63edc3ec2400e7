"""The Scrapy adapter in real crawls of a made-up web: who is asked, what is stopped, what is told.

With the asyncio reactor and, where this Scrapy can, without a reactor. What signals mean is
not tested here: tests/scrapy_adapter/test_scrapy_vectors.py runs every vector through a crawl.
"""

import asyncio
import gzip
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("scrapy")

from scrapy_runner import Crawl, Worker, version, why_not

from web import Answer, WebThread

A = "http://a.example"
HTML = (("Content-Type", "text/html"),)
RESERVED = (*HTML, ("tdm-reservation", "1"))
PRIVATE = Answer(body=b"User-agent: *\nDisallow: /private/\n")
NO_RULES = Answer(404)
PAGE = Answer(200, HTML, body=b"<p>fine</p>")
NOAI = Answer(200, HTML, body=b'<meta name="robots" content="noai">')
ROBOTS_LIMIT = 512 * 1024
SETTINGS = {
    "USER_AGENT": "ExampleBot/1.0",
    "ROBOTSTXT_OBEY": True,
    "CONCURRENT_REQUESTS": 32,
    "CONCURRENT_REQUESTS_PER_DOMAIN": 32,
    "DOWNLOAD_DELAY": 0,
}
MIDDLEWARE = "reservation_middleware.scrapy.ReservationMiddleware"
BUILT_IN = "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware"

Workers = Callable[[str], Worker]


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    """A worker per mode, started when it is first needed; all of them end quietly."""
    started: dict[str, Worker] = {}

    def worker(mode: str) -> Worker:
        reason = why_not(mode)
        if reason:
            pytest.skip(reason)
        if mode not in started or not started[mode].alive:
            started[mode] = Worker(mode)
        return started[mode]

    yield worker
    assert {mode: worker.close() for mode, worker in started.items()} == dict.fromkeys(started, "")


@pytest.fixture(params=["asyncio", pytest.param("none", marks=pytest.mark.slow)])
def worker(request: pytest.FixtureRequest, workers: Workers) -> Worker:
    """Either way of running Scrapy."""
    return workers(request.param)


@pytest.fixture
def usual(workers: Workers) -> Worker:
    """Scrapy with its asyncio reactor, where the mode cannot matter."""
    return workers("asyncio")


def crawl(
    worker: Worker,
    pages: dict[str, Answer],
    requests: list[Any],
    *,
    environment: bool = False,
    problems: int | None = 0,
    **plan: Any,
) -> tuple[Crawl, WebThread]:
    """Crawl pages of a web that is gone afterwards, while its log is not."""
    settings = {**SETTINGS, **plan.pop("settings", {})}
    with WebThread(pages) as web:
        proxy = web.proxy_url
        if environment:
            names = ("http_proxy", "https_proxy")
            plan["environ"] = {**dict.fromkeys(names, proxy), "no_proxy": ""}
        done = worker.crawl(
            None if environment else proxy, requests=requests, settings=settings, **plan
        )
    assert problems is None or len(done.problems) == problems, done.problems
    assert "error" not in done.made
    return done, web


def site(robots: Answer = NO_RULES, host: str = A, **pages: Answer) -> dict[str, Answer]:
    """A host with a robots.txt and some pages."""
    return {
        f"{host}/robots.txt": robots,
        **{f"{host}/{path}": page for path, page in pages.items()},
    }


def private(count: int = 20, host: str = A) -> list[str]:
    return [f"{host}/private/{number}" for number in range(count)]


def enabled(done: Crawl) -> list[str]:
    """The downloader middlewares in their order, from Scrapy's log."""
    [lines] = [line[2] for line in done.log if line[2].startswith("Enabled downloader middlew")]
    return [part for part in lines.split("'") if "iddleware" in part and "\n" not in part]


# The leak


@pytest.mark.parametrize("delay", [0, 1])
def test_no_request_is_let_through_while_robots_is_on_its_way(worker: Worker, delay: int) -> None:
    pages = site(replace(PRIVATE, delay=delay)) | dict.fromkeys(private(), PAGE)
    done, web = crawl(worker, pages, private())
    assert sorted(done.blocked) == sorted(private())
    assert web.count(f"{A}/robots.txt") == 1
    assert [seen.url for seen in web.log if "/private/" in seen.url] == []


def test_stock_scrapy_for_comparison(
    usual: Worker,
    record_property: Callable[[str, object], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    pages = site(replace(PRIVATE, delay=1)) | dict.fromkeys(private(), PAGE)
    done, web = crawl(usual, pages, private(), environment=True, addon=False)
    leaked = len([seen for seen in web.log if "/private/" in seen.url])
    # Told, not required: it is not ours to fix. 13 or so from Scrapy 2.14 to 2.19, none in 2.13.
    record_property("leaked", leaked)
    with capsys.disabled():
        number = ".".join(map(str, version()))
        print(f" [stock Scrapy {number}: {leaked} of 20 disallowed pages fetched] ", end="")  # noqa: T201
    assert len(done.got) == leaked


# robots.txt that cannot be had, and robots.txt that is not there


@pytest.mark.parametrize(
    ("robots", "stat"),
    [
        (Answer(503), "policy_status/503"),
        (Answer(500, body=b"User-agent: *\nAllow: /\n"), "policy_status/500"),
        (Answer(429), "policy_status/429"),
        (Answer(fault="reset"), "policy_error/"),
        (Answer(fault="hang"), "policy_error/"),
        (Answer(body=b"User-agent: *\n", fault="cut"), "policy_error/"),
        (Answer(body=b"User-agent: *\n" * 100, fault="drip"), "policy_error/"),
    ],
    ids=["503", "500", "429", "reset", "hang", "cut", "drip"],
)
def test_unreachable_robots_blocks(worker: Worker, robots: Answer, stat: str) -> None:
    urls = [f"{A}/x", f"{A}/y"]
    done, web = crawl(
        worker,
        site(robots, x=PAGE, y=PAGE),
        urls,
        settings={"RESERVATION_TIMEOUT": 1, "RETRY_TIMES": 0},
        problems=2 if robots.fault == "cut" else 1,  # Scrapy itself says so, too
    )
    assert any("until its robots.txt can be had" in line for line in done.problems)
    assert sorted(done.blocked) == urls
    # RetryMiddleware leaves it alone; aiohttp, without a reactor, tries a reset one again.
    assert 1 <= web.count(f"{A}/robots.txt") <= (2 if robots.fault == "reset" else 1)
    assert web.count(f"{A}/x") == 0
    assert any(name.startswith(f"reservation/{stat}") for name in done.stats), done.stats
    [reason] = done.failed[0]["record"]["reasons"]
    assert reason["text"].startswith("unreachable: ")
    assert "robots-unreachable" in [note["ident"] for note in done.failed[0]["record"]["notes"]]


def test_unreachable_robots_may_be_told_to_proceed(worker: Worker) -> None:
    settings = {"RESERVATION_UNREACHABLE": "proceed", "RETRY_TIMES": 0}
    done, _ = crawl(worker, site(Answer(503), x=PAGE), [f"{A}/x"], settings=settings)
    assert done.urls == [f"{A}/x"]
    assert done.got[0]["record"]["crawl"] == "disallowed"
    assert done.stat("crawl/disallowed") == 1
    assert done.stat("policy_status/503") == 1


@pytest.mark.parametrize("fault", ["503", "hang"])
def test_unreachable_robots_is_tried_again(worker: Worker, fault: str) -> None:
    robots = Answer(503) if fault == "503" else Answer(fault="hang")
    pages = site(robots, ok=PAGE) | {f"{A}/private/0": PAGE}
    with WebThread(pages) as web:

        def recover() -> bytes:
            web.add(f"{A}/robots.txt", PRIVATE)
            return b""

        web.add("http://b.example/recover", Answer(body=recover))
        done = worker.crawl(
            web.proxy_url,
            requests=[
                f"{A}/ok",
                {"url": "http://b.example/recover", "wait": 1.5},
                {"url": f"{A}/ok", "wait": 0.3},
                *private(1),
            ],
            settings={**SETTINGS, "RESERVATION_TIMEOUT": 1, "RETRY_TIMES": 0},
            unreachable=0.5,
        )
        assert web.count(f"{A}/robots.txt") == 2
    assert len(done.problems) == 1
    assert done.blocked == [f"{A}/ok", *private(1)]
    assert sorted(done.urls) == [f"{A}/ok", "http://b.example/recover"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451])
def test_absent_robots_has_no_rules(usual: Worker, status: int) -> None:
    robots = Answer(status, body=b"User-agent: *\nDisallow: /\n")
    done, web = crawl(usual, site(robots, x=PAGE), [f"{A}/x", f"{A}/x"])
    assert done.urls == [f"{A}/x"] * 2
    assert web.count(f"{A}/robots.txt") == 1


# Redirects of robots.txt


def hops(count: int) -> dict[str, Answer]:
    """A robots.txt behind so many redirects, each to another host."""
    urls = [f"{A}/robots.txt", *(f"http://hop{number}.example/rules" for number in range(count))]
    moved = {url: Answer(301, (("Location", to),)) for url, to in pairwise(urls)}
    return {**moved, urls[-1]: PRIVATE, f"{A}/private/0": PAGE, f"{A}/ok": PAGE}


def test_robots_may_redirect_off_site(worker: Worker) -> None:
    pages = hops(1) | site(host="http://hop0.example", **{"private/0": PAGE})
    requests = [
        {"url": f"{A}/private/0", "filter": True},
        {"url": f"{A}/ok", "filter": True},
        {"url": "http://hop0.example/ok", "filter": True},
    ]
    done, web = crawl(worker, pages, requests, allowed_domains=["a.example"])
    assert done.blocked == [f"{A}/private/0"]
    assert done.urls == [f"{A}/ok"]
    assert done.stats["offsite/filtered"] == 1  # the filter is on
    assert web.count("http://hop0.example/robots.txt") == 0
    # The rules apply to the host that was asked, not to the one that answered.
    done, _ = crawl(worker, pages, ["http://hop0.example/private/0"])
    assert done.urls == ["http://hop0.example/private/0"]


@pytest.mark.parametrize(("count", "blocked"), [(5, True), (6, False)])
def test_five_redirects_are_followed(usual: Worker, count: int, blocked: bool) -> None:
    done, web = crawl(usual, hops(count), [f"{A}/private/0"])
    assert bool(done.blocked) is blocked
    assert len([seen for seen in web.log if "/rules" in seen.url]) == 5
    assert done.stat("policy_fetches") == 2


def test_a_redirect_loop_ends(usual: Worker) -> None:
    loop = Answer(302, (("Location", "/robots.txt"),))
    done, web = crawl(usual, site(loop, x=PAGE), [f"{A}/x"])
    assert done.urls == [f"{A}/x"]
    assert web.count(f"{A}/robots.txt") == 6


# One policy per origin


def test_scheme_and_port_have_policies_of_their_own(worker: Worker) -> None:
    secure, other = "https://a.example", "http://a.example:8080"
    pages = site(PRIVATE) | site(NO_RULES, secure) | site(Answer(503), other)
    urls = [url for host in (A, secure, other) for url in private(1, host)]
    once = {"RETRY_ENABLED": False}
    pages |= dict.fromkeys(urls, PAGE)
    done, web = crawl(worker, pages, urls, settings=once, problems=1)
    assert sorted(done.blocked) == sorted([*private(1), *private(1, other)])
    assert done.urls == private(1, secure)
    assert [web.count(f"{host}/robots.txt") for host in (A, secure, other)] == [1, 1, 1]


def test_many_hosts(worker: Worker) -> None:
    hosts = [f"http://h{number}.example" for number in range(200)]
    pages: dict[str, Answer] = {}
    for host in hosts:
        pages |= site(PRIVATE, host, **{"1": PAGE, "2": PAGE, "private/0": PAGE})
    urls = [f"{host}/{path}" for path in ("1", "private/0", "2") for host in hosts]
    done, web = crawl(worker, pages, urls, settings={"CONCURRENT_REQUESTS": 64})
    assert (len(done.got), len(done.blocked)) == (400, 200)
    assert {web.count(f"{host}/robots.txt") for host in hosts} == {1}
    assert {web.count(f"{host}/.well-known/tdmrep.json") for host in hosts} == {1}
    assert done.stat("policy_fetches") == 400


def test_one_request_at_a_time(worker: Worker) -> None:
    settings = {"CONCURRENT_REQUESTS": 1, "CONCURRENT_REQUESTS_PER_DOMAIN": 1}
    done, _ = crawl(worker, site(PRIVATE, x=PAGE), [f"{A}/x", *private(2)], settings=settings)
    assert done.urls == [f"{A}/x"]
    assert done.blocked == private(2)


# How policies are fetched


def authority(web: WebThread) -> dict[str, str]:
    return {seen.url: seen.headers.get("proxy-authorization", "") for seen in web.log}


def test_proxy_credentials_go_along_after_a_redirect(usual: Worker) -> None:
    moved = Answer(302, (("Location", "http://b.example/x"),))
    pages = site(x=moved) | site(host="http://b.example", x=PAGE)
    with WebThread(pages) as web:
        proxy = web.proxy_url.replace("//", "//me:secret@")
        done = usual.crawl(proxy, requests=[f"{A}/x"], settings=SETTINGS)
    assert done.urls == ["http://b.example/x"]
    sent = authority(web)
    assert len(sent) == 6
    assert set(sent.values()) == {"Basic bWU6c2VjcmV0"}


def test_the_environments_proxies_are_used(usual: Worker) -> None:
    """Each scheme's own, also for a page that was redirected to and for its policy that was."""
    b, secure = "http://b.example", "https://b.example"
    pages = site(x=Answer(302, (("Location", f"{b}/x"),)))
    pages |= site(Answer(301, (("Location", f"{secure}/robots.txt"),)), host=b, x=PAGE)
    with WebThread(pages) as plain, WebThread(site(PRIVATE, host=secure)) as other:
        proxies = {"http_proxy": plain.proxy_url, "https_proxy": other.proxy_url, "no_proxy": ""}
        done = usual.crawl(requests=[f"{A}/x"], settings=SETTINGS, environ=proxies)
    assert done.urls == [f"{b}/x"]
    assert [seen.url for seen in other.log] == [f"{secure}/robots.txt"]


def test_policies_are_fetched_without_cookies(usual: Worker) -> None:
    cookie = ("Set-Cookie", "page=1")
    other = f"{A}:8080"
    pages = site(Answer(200, (("Set-Cookie", "robots=1"),)), x=Answer(200, (*HTML, cookie)))
    pages |= site(host=other, x=PAGE)
    done, web = crawl(usual, pages, [f"{A}/x", {"url": f"{other}/x", "wait": 0.5}])
    assert len(done.got) == 2
    cookies = {seen.url: seen.headers.get("cookie") for seen in web.log}
    assert cookies.pop(f"{other}/x") == "page=1"  # the crawl has cookies
    assert set(cookies.values()) == {None}


def test_policies_are_fetched_with_the_crawls_user_agent(usual: Worker) -> None:
    _, web = crawl(usual, site(x=PAGE), [f"{A}/x"])
    assert {seen.headers["user-agent"] for seen in web.log} == {"ExampleBot/1.0"}


def test_a_long_robots_is_cut_off(worker: Worker) -> None:
    rules = b"User-agent: *\nDisallow: /private/\n"
    for robots in (
        Answer(body=rules + b"#" * 10_000_000),
        Answer(body=rules, fault="endless"),
    ):
        settings = {"DOWNLOAD_MAXSIZE": 1000, "DOWNLOAD_WARNSIZE": 500}
        done, _ = crawl(worker, site(robots, x=PAGE), [f"{A}/x", *private(1)], settings=settings)
        assert done.urls == [f"{A}/x"]
        assert done.blocked == private(1)
        assert ROBOTS_LIMIT < done.received[f"{A}/robots.txt"] < 2 * ROBOTS_LIMIT


def test_the_server_of_a_long_robots_sees_the_client_leave(worker: Worker) -> None:
    written: list[int] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        status = "200 OK" if "/robots.txt" in head else "404 No"
        writer.write(f"HTTP/1.1 {status}\r\nConnection: close\r\n\r\n".encode())
        if "/robots.txt" in head:
            count = 0
            try:
                while count < 256 * 1024 * 1024:
                    writer.write(b"#" * 65536)
                    await writer.drain()
                    count += 65536
            except OSError:
                written.append(count)
        writer.close()

    async def serve() -> Crawl:
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            proxy = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            return await asyncio.to_thread(
                worker.crawl, proxy, requests=[f"{A}/x"], settings=SETTINGS
            )

    done = asyncio.run(serve())
    assert done.urls == []  # a 404
    assert [one["url"] for one in done.decided] == [f"{A}/x"]
    assert done.received[f"{A}/robots.txt"] < 2 * ROBOTS_LIMIT
    assert len(written) == 1
    assert written[0] < 32 * 1024 * 1024  # the sockets' buffers hold some


def test_a_packed_robots_is_unpacked_with_a_bound(usual: Worker) -> None:
    packed = (("Content-Encoding", "gzip"),)
    fine = Answer(200, packed, body=gzip.compress(PRIVATE.body))  # type: ignore[arg-type]
    done, _ = crawl(usual, site(fine), private(1))
    assert done.blocked == private(1)
    bomb = Answer(200, packed, body=gzip.compress(b"\n" * 100_000_000))
    done, _ = crawl(usual, site(bomb, x=PAGE), [f"{A}/x"], problems=None)
    assert done.blocked == [f"{A}/x"]
    assert done.stat("policy_error/IgnoreRequest") == 1


@pytest.mark.slow
def test_waiting_for_the_download_delay_is_not_the_sites_fault(usual: Worker) -> None:
    moved = Answer(301, (("Location", "/rules"),))
    settings = {"DOWNLOAD_DELAY": 1.2, "RESERVATION_TIMEOUT": 1}
    done, web = crawl(usual, site(moved, rules=PRIVATE, x=PAGE), [f"{A}/x"], settings=settings)
    assert done.urls == [f"{A}/x"]
    assert web.log[-1].at - web.log[0].at > 1


def test_a_pages_timeout_is_not_its_policys(worker: Worker) -> None:
    pages = site(replace(PRIVATE, delay=1), x=PAGE, y=PAGE)
    requests = [f"{A}/x", {"url": f"{A}/y", "meta": {"download_timeout": 0.3}}, *private(1)]
    done, _ = crawl(worker, pages, requests, settings={"DOWNLOAD_TIMEOUT": 0.5})
    assert sorted(done.urls) == [f"{A}/x", f"{A}/y"]
    assert done.blocked == private(1)


def test_a_first_waiter_that_is_cancelled_takes_nobody_along(worker: Worker) -> None:
    pages = site(replace(PRIVATE, delay=1), x=PAGE, first=PAGE)
    requests = [f"{A}/x", *private(3)]
    done, web = crawl(worker, pages, requests, impatient=[f"{A}/first", 0.3])
    assert done.made == {"hurry": "CancelledError"}
    assert done.urls == [f"{A}/x"]
    assert sorted(done.blocked) == private(3)
    assert web.count(f"{A}/robots.txt") == 1
    assert web.count(f"{A}/first") == 0


def test_closing_a_spider_while_a_policy_hangs(worker: Worker) -> None:
    pages = site(Answer(fault="hang"), x=PAGE)
    settings = {"RESERVATION_TIMEOUT": 1}
    done, web = crawl(worker, pages, [f"{A}/x"], settings=settings, close_after=0.3, problems=1)
    assert done.stats["finish_reason"] == "enough"
    assert done.urls == []
    assert web.count(f"{A}/x") == 0


# Scrapy's HTTP cache


def test_http_cache(usual: Worker, tmp_path: Path) -> None:
    moved = Answer(302, (*RESERVED, ("Location", "/target")))
    reserved = Answer(200, RESERVED, body=b"secret" * 100_000)
    pages = site(x=PAGE, noai=NOAI, reserved=reserved, moved=moved, target=PAGE)
    names = ("x", "noai", "reserved", "moved")
    urls: list[Any] = [f"{A}/{name}" for name in names]
    cache = {"HTTPCACHE_ENABLED": True, "HTTPCACHE_DIR": str(tmp_path)}
    urls[2:3] = [{"url": f"{A}/reserved", "meta": {"dont_cache": False}}]
    blocked = [f"{A}/noai", f"{A}/reserved"]

    first, web = crawl(usual, pages, urls, settings=cache)
    assert sorted(first.blocked) == blocked
    assert web.count(f"{A}/target") == 1
    assert first.stats["httpcache/store"] == 3  # x, noai, target: nothing that was cut off

    again, web = crawl(usual, pages, urls, settings=cache)
    assert sorted(again.blocked) == blocked  # what comes from the cache is judged, too
    assert sorted(again.urls) == [f"{A}/target", f"{A}/x"]
    assert web.count(f"{A}/robots.txt") == 0  # policies come from the cache, as pages do
    # What was blocked is not in it: tests/scrapy_adapter/test_http_cache.py
    assert [web.count(f"{A}/{name}") for name in (*names, "target")] == [0, 1, 1, 1, 0]

    settings = {**cache, "RESERVATION_MODE": "observe"}
    observed, web = crawl(usual, pages, [f"{A}/reserved"], settings=settings)
    assert observed.got[0]["size"] == 600_000
    assert observed.stats["httpcache/store"] == 1


# Stages


def test_a_reserved_head_stops_the_download(worker: Worker) -> None:
    endless = Answer(200, RESERVED, body=b"x" * 1000, fault="endless")
    large = Answer(200, RESERVED, body=b"x" * 10_000_000)
    done, _ = crawl(worker, site(endless=endless, large=large), [f"{A}/endless", f"{A}/large"])
    assert sorted(done.blocked) == [f"{A}/endless", f"{A}/large"]
    assert done.received.keys().isdisjoint(done.blocked)
    assert {one["record"]["stage"] for one in done.failed} == {"headers"}
    assert all(one["ignored"] for one in done.failed)
    assert "tdm-reservation: 1" in done.failed[0]["message"]
    assert done.stat("blocked/stage/headers") == 2
    assert done.stat("blocked/signal/tdmrep") == 2


def test_content_is_looked_into(worker: Worker) -> None:
    done, _ = crawl(worker, site(noai=NOAI, ok=PAGE), [f"{A}/noai", f"{A}/ok"])
    assert done.blocked == [f"{A}/noai"]
    assert done.failed[0]["record"]["stage"] == "content"
    [response] = done.got
    assert response["record"]["stage"] == "content"
    assert response["record"]["action"] == "proceed"
    assert response["record"]["consulted"] == ["robots.txt", "tdmrep.json", "headers", "content"]


def test_content_may_be_left_alone(usual: Worker) -> None:
    settings = {"RESERVATION_CONTENT": False}
    done, _ = crawl(usual, site(noai=NOAI), [f"{A}/noai"], settings=settings)
    assert done.urls == [f"{A}/noai"]
    assert done.got[0]["record"]["stage"] == "headers"


def test_a_redirects_own_head_is_not_the_pages(worker: Worker) -> None:
    moved = Answer(302, (*RESERVED, ("Location", "/ok")), body=b"moved")
    done, _ = crawl(worker, site(moved=moved, ok=PAGE), [f"{A}/moved"])
    assert done.urls == [f"{A}/ok"]
    assert done.got[0]["redirects"] == [f"{A}/moved"]
    assert len(done.decided) == 1


def test_a_redirects_target_is_judged(usual: Worker) -> None:
    moved = Answer(302, (("Location", "http://b.example/private/0"),))
    pages = site(moved=moved) | site(PRIVATE, "http://b.example", **{"private/0": PAGE})
    done, web = crawl(usual, pages, [f"{A}/moved"])
    assert done.blocked == ["http://b.example/private/0"]
    assert web.count("http://b.example/private/0") == 0


# Modes, settings, middlewares


@pytest.mark.parametrize("obey", [True, False])
def test_observing_blocks_no_reservation(worker: Worker, obey: bool) -> None:
    reserved = Answer(200, RESERVED, body=b"x" * 100_000)
    pages = site(PRIVATE, noai=NOAI, reserved=reserved, ok=PAGE) | {f"{A}/private/0": PAGE}
    names = [f"{A}/noai", f"{A}/ok", f"{A}/reserved"]
    settings = {"RESERVATION_MODE": "observe", "ROBOTSTXT_OBEY": obey}
    done, _ = crawl(worker, pages, [*names, *private(1)], settings=settings)
    assert done.blocked == (private(1) if obey else [])
    assert sorted(done.urls) == sorted(names if obey else [*names, *private(1)])
    assert done.stat("would_block") == (2 if obey else 3)
    assert {one["size"] for one in done.got if "reserved" in one["url"]} == {100_000}


def test_enforcing_needs_no_robotstxt_obey(usual: Worker) -> None:
    done, _ = crawl(usual, site(PRIVATE), private(1), settings={"ROBOTSTXT_OBEY": False})
    assert done.blocked == private(1)


def test_dont_obey_robotstxt_is_about_crawl_rules_only(usual: Worker) -> None:
    pages = site(PRIVATE) | {f"{A}/private/0": PAGE, f"{A}/private/1": Answer(200, RESERVED)}
    requests = [{"url": url, "meta": {"dont_obey_robotstxt": True}} for url in private(2)]
    done, _ = crawl(usual, pages, requests)
    assert done.urls == [f"{A}/private/0"]
    assert done.blocked == [f"{A}/private/1"]


def test_the_built_in_middleware_makes_room(worker: Worker) -> None:
    done, _ = crawl(worker, site(x=PAGE), [f"{A}/x"])
    assert MIDDLEWARE in enabled(done)
    assert BUILT_IN not in enabled(done)
    assert done.stats["robotstxt/request_count"] == 1  # as it would have counted


def test_the_built_in_middleware_may_stay(usual: Worker) -> None:
    done, _ = crawl(
        usual,
        site(PRIVATE, reserved=Answer(200, RESERVED)),
        [f"{A}/reserved", *private(1)],
        settings={"RESERVATION_ROBOTSTXT": False},
        environment=True,
    )
    assert BUILT_IN in enabled(done)
    assert done.blocked == [f"{A}/reserved"]
    assert [one["message"] for one in done.failed if "private" in one["url"]] == [
        "Forbidden by robots.txt"
    ]


def test_the_add_on_overrides_nothing(usual: Worker) -> None:
    own = {MIDDLEWARE: 580, BUILT_IN: 590}
    settings = {"DOWNLOADER_MIDDLEWARES": own}
    done, _ = crawl(usual, site(PRIVATE), private(1), settings=settings, environment=True)
    order = enabled(done)
    assert order.index(MIDDLEWARE) > order.index(
        "scrapy.downloadermiddlewares.retry.RetryMiddleware"
    )
    assert order.index(BUILT_IN) > order.index(MIDDLEWARE)
    assert order.count(MIDDLEWARE) == order.count(BUILT_IN) == 1
    off = {"DOWNLOADER_MIDDLEWARES": {MIDDLEWARE: None}}
    pages = site(x=Answer(200, RESERVED))
    done, _ = crawl(usual, pages, [f"{A}/x"], settings=off, environment=True)
    assert done.urls == [f"{A}/x"]  # switched off, and the built-in one left in place
    assert BUILT_IN in enabled(done)


def test_without_the_add_on(usual: Worker) -> None:
    done, _ = crawl(
        usual,
        site(PRIVATE, x=PAGE),
        [f"{A}/x", *private(1)],
        settings={"DOWNLOADER_MIDDLEWARES": {MIDDLEWARE: 100}},
        addon=False,
        environment=True,
    )
    assert done.urls == [f"{A}/x"]
    # The built-in one is still there and may be first.
    assert [one["url"] for one in done.failed] == private(1)


def test_a_spiders_own_settings(usual: Worker) -> None:
    pages = site(x=Answer(200, (*HTML, ("X-Robots-Tag", "noai"))), y=Answer(200, RESERVED))
    urls = [f"{A}/x", f"{A}/y"]
    done, _ = crawl(usual, pages, urls, custom_settings={"RESERVATION_MODE": "observe"})
    assert sorted(done.urls) == urls
    done, _ = crawl(usual, pages, urls, custom_settings={"RESERVATION_PURPOSES": ["tdm"]})
    assert done.blocked == [f"{A}/y"]
    assert done.got[0]["record"]["purposes"] == ["tdm"]
    done, _ = crawl(usual, pages, urls, custom_settings={"RESERVATION_PURPOSES": "search,ai-index"})
    assert f"{A}/x" in done.urls


def test_other_settings(usual: Worker) -> None:
    train = Answer(body=b"User-agent: GPTBot\nDisallow: /\n")
    pages = site(train, x=Answer(200, RESERVED))
    for settings, blocked in (
        ({"RESERVATION_SIGNALS": ["robots"]}, False),
        ({"RESERVATION_SIGNALS": ["robots"], "RESERVATION_UNKNOWN": "block"}, True),
        ({"RESERVATION_SIGNALS": "robots,tdmrep"}, True),
        ({"RESERVATION_PROFILE": "record-only"}, False),
        (
            {
                "RESERVATION_SIGNALS": ["robots", "robots-agents"],
                "RESERVATION_PROXY_AGENTS": "count",
                "RESERVATION_PROXY_TOKENS": ["GPTBot"],
            },
            True,
        ),
    ):
        done, _ = crawl(usual, pages, [f"{A}/x"], settings=settings)
        assert bool(done.blocked) is blocked, settings


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("RESERVATION_PROFLE", "strict", "RESERVATION_PROFILE"),
        ("RESERVATION_PROFILE", "strikt", "strict"),
        ("RESERVATION_MODE", "watch", "watch"),
        ("RESERVATION_UNKNOWN", "maybe", "maybe"),
        ("RESERVATION_PURPOSES", ["ai-trane"], "ai-train"),
        ("RESERVATION_SIGNALS", ["tdmrap"], "tdmrep"),
        ("RESERVATION_AGENT", "Example Bot", "product token"),
        ("RESERVATION_ROBOTSTXT", True, '"always", "obey" or False'),
        ("RESERVATION_ROBOTSTXT", "sometimes", '"always", "obey" or False'),
        ("RESERVATION_ENABLED", "perhaps", "RESERVATION_ENABLED"),
    ],
)
def test_a_setting_that_cannot_be(usual: Worker, name: str, value: Any, hint: str) -> None:
    with WebThread(site(x=PAGE)) as web:
        done = usual.crawl(web.proxy_url, requests=[f"{A}/x"], settings={**SETTINGS, name: value})
    assert done.made["error"].startswith("ConfigurationError")
    assert hint in done.made["error"]
    assert web.log == []


def test_another_reactor_is_a_clear_error() -> None:
    with WebThread(site(x=PAGE)) as web, Worker("select") as worker:
        done = worker.crawl(web.proxy_url, requests=[f"{A}/x"], settings=SETTINGS)
    assert "asyncio reactor" in done.made["error"]
    assert "AsyncioSelectorReactor" in done.made["error"]
    assert web.log == []


# Who we are


@pytest.mark.parametrize(
    ("settings", "agent", "warnings"),
    [
        ({"USER_AGENT": "ExampleBot/1.0 (+https://b.example)"}, "ExampleBot", 0),
        ({"USER_AGENT": "Mozilla/5.0 (compatible; MyBot/2.0)"}, "MyBot", 0),
        ({"USER_AGENT": "x", "ROBOTSTXT_USER_AGENT": "RobotsBot"}, "RobotsBot", 0),
        ({"USER_AGENT": "x", "RESERVATION_AGENT": "SetBot"}, "SetBot", 1),
        ({"USER_AGENT": "Scrapy/2.19 (+https://scrapy.org)"}, "Scrapy", 1),
        ({"USER_AGENT": "Mozilla/5.0 (X11; Linux)"}, "*", 1),
    ],
)
def test_the_product_token(
    usual: Worker, settings: dict[str, str], agent: str, warnings: int
) -> None:
    robots = Answer(body=f"User-agent: {agent}\nDisallow: /private/\n".encode())
    done, _ = crawl(usual, site(robots), private(1), settings=settings, problems=warnings)
    assert done.blocked == private(1)
    assert done.failed[0]["record"]["agent"] == agent
    assert all("RESERVATION_AGENT" in problem for problem in done.problems)


def test_groups_are_chosen_by_the_whole_token(usual: Worker) -> None:
    robots = Answer(body=b"User-agent: Google\nDisallow: /\n\nUser-agent: *\nAllow: /\n")
    settings = {"RESERVATION_AGENT": "Google-Extended", "USER_AGENT": "Google-Extended/1.0"}
    done, _ = crawl(usual, site(robots, x=PAGE), [f"{A}/x"], settings=settings)
    assert done.urls == [f"{A}/x"]
    split = b"User-agent: ExampleBot\nContent-Signal: search=yes\nUser-agent: b\nDisallow: /\n"
    done, _ = crawl(usual, site(Answer(body=split), x=PAGE), [f"{A}/x"])
    assert done.blocked == [f"{A}/x"]


# Per request


def test_skip_and_purposes(usual: Worker) -> None:
    pages = site(Answer(503), x=PAGE) | site(host="http://b.example", x=NOAI)
    done, web = crawl(
        usual,
        pages,
        [
            {"url": f"{A}/x", "meta": {"reservation": {"skip": True}}},
            {"url": "http://b.example/x", "meta": {"reservation": {"purposes": ["search"]}}},
        ],
    )
    assert len(done.got) == 2
    assert done.stat("skipped") == 1
    assert web.count(f"{A}/robots.txt") == 0
    assert [one["record"] and one["record"]["purposes"] for one in done.got if one["record"]] == [
        ["search"]
    ]


# What is told


def test_stats_and_the_signal(worker: Worker) -> None:
    reserved = Answer(200, RESERVED)
    pages = site(PRIVATE, ok=PAGE, noai=NOAI, reserved=reserved)
    urls = [f"{A}/ok", f"{A}/noai", f"{A}/reserved", *private(2)]
    done, _ = crawl(worker, pages, urls)
    told = {name: value for name, value in done.stats.items() if name.startswith("reservation/")}
    cache = {name: told.pop(name) for name in list(told) if name.startswith("reservation/cache/")}
    assert all(type(count) is int for count in cache.values())
    assert told == {
        "reservation/policy_fetches": 2,
        "reservation/policy_status/200": 1,
        "reservation/policy_status/404": 1,
        "reservation/decided": 5,
        "reservation/verdict/unknown": 3,
        "reservation/verdict/disallowed": 2,
        "reservation/crawl/allowed": 3,
        "reservation/crawl/disallowed": 2,
        "reservation/blocked": 4,
        "reservation/blocked/stage/site": 2,
        "reservation/blocked/stage/headers": 1,
        "reservation/blocked/stage/content": 1,
        "reservation/blocked/signal/robots": 2,
        "reservation/blocked/signal/robots-meta": 1,
        "reservation/blocked/signal/tdmrep": 1,
    }
    decided = {one["url"]: (one["action"], one["stage"]) for one in done.decided}
    assert len(done.decided) == 5
    assert decided[f"{A}/ok"] == ("proceed", "content")
    assert decided[f"{A}/reserved"] == ("block", "headers")
    assert {one["spider"] for one in done.decided} == {"lister"}
    said = [line[2] for line in done.log if line[1] == "reservation_middleware.scrapy"]
    # Each block is at DEBUG, as Scrapy's own are; the sum is at INFO.
    assert said == [
        "reservations: 5 decided, 4 blocked (signals, several per page: robots 2, robots-meta 1, tdmrep 1)",
    ]


def test_disk_queues(usual: Worker, tmp_path: Path) -> None:
    moved = Answer(302, (*RESERVED, ("Location", "/x")))
    pages = site(x=PAGE, y=PAGE, moved=moved)
    requests = [{"url": f"{A}/moved", "then": [{"url": f"{A}/y", "then": [f"{A}/x"]}]}]
    settings = {"JOBDIR": str(tmp_path), "SCHEDULER_DEBUG": True}
    done, _ = crawl(usual, pages, requests, settings=settings)
    assert done.urls == [f"{A}/x", f"{A}/y", f"{A}/x"]
    assert done.stats["scheduler/enqueued/disk"] == 4  # all of them, and none in memory
    assert "scheduler/enqueued/memory" not in done.stats
    assert "scheduler/unserializable" not in done.stats


def test_a_sitemap_spider_reads_robots_itself(usual: Worker) -> None:
    robots = b"User-agent: *\nDisallow: /private/\nSitemap: http://a.example/map.xml\n"
    urls = "".join(f"<url><loc>{url}</loc></url>" for url in (f"{A}/x", f"{A}/private/0"))
    sitemap = Answer(200, (("Content-Type", "text/xml"),), body=f"<urlset>{urls}</urlset>".encode())
    pages = site(Answer(body=robots), x=PAGE)
    pages |= {f"{A}/map.xml": sitemap, f"{A}/private/0": PAGE}
    done, web = crawl(usual, pages, [], sitemaps=[f"{A}/robots.txt"], environment=True)
    assert done.urls == [f"{A}/x"]
    assert web.count(f"{A}/map.xml") == 1
    assert web.count(f"{A}/private/0") == 0


@pytest.mark.parametrize(
    "settings",
    [
        {"RESERVATION_SIGNALS": ["tdmrep"]},
        {"RESERVATION_SIGNALS": ["tdmrep"], "RESERVATION_MODE": "observe"},
        {"DOWNLOADER_MIDDLEWARES": {MIDDLEWARE: None}},
    ],
    ids=["signals", "signals-observe", "switched-off"],
)
def test_the_addon_never_makes_a_crawl_less_polite(usual: Worker, settings: dict[str, Any]) -> None:
    with WebThread({**site(PRIVATE), f"{A}/private/x": PAGE}) as web:
        done = usual.crawl(
            requests=[f"{A}/private/x"],
            settings={**SETTINGS, "ROBOTSTXT_OBEY": True, **settings},
            environ={"http_proxy": web.proxy_url, "no_proxy": ""},
        )
        assert web.count(f"{A}/robots.txt") == 1
        assert web.count(f"{A}/private/x") == 0
    assert done.urls == []
