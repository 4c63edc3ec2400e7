"""Switches of the Scrapy adapter in real crawls: on and off, crawl rules, as whom, per request."""

from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("scrapy")

from scrapy_runner import Crawl, Worker

from web import Answer, WebThread

A = "http://a.example"
HTML = (("Content-Type", "text/html"),)
PAGE = Answer(200, HTML, body=b"<p>fine</p>")
RESERVED = Answer(200, (*HTML, ("tdm-reservation", "1")))
NOAI = Answer(200, HTML, body=b'<meta name="robots" content="noai">')
PRIVATE = Answer(body=b"User-agent: *\nDisallow: /private\n")
OURS = "reservation_middleware.scrapy.ReservationMiddleware"
STOCK = "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware"
BOT = {"USER_AGENT": "ExampleBot/1.0"}

PAGES = {
    f"{A}/robots.txt": PRIVATE,
    f"{A}/private": PAGE,
    f"{A}/x": PAGE,
    f"{A}/y": NOAI,
    f"{A}/z": RESERVED,
}


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker("asyncio") as started:
        yield started


@pytest.fixture(scope="module")
def web() -> Iterator[WebThread]:
    with WebThread(PAGES) as started:
        yield started


def crawl(worker: Worker, web: WebThread, *requests: Any, **plan: Any) -> Crawl:
    settings = {**BOT, **plan.pop("settings", {})}
    environment = {"http_proxy": web.proxy_url, "no_proxy": "", **plan.pop("environ", {})}
    return worker.crawl(requests=requests, settings=settings, environ=environment, **plan)


def enabled(done: Crawl) -> str:
    [listed] = [line[2] for line in done.log if line[2].startswith("Enabled downloader middlew")]
    return listed


# The off switch


@pytest.mark.parametrize("obey", [True, False])
@pytest.mark.parametrize("where", ["settings", "custom_settings"])
def test_switched_off_the_crawl_is_as_it_was(
    worker: Worker, web: WebThread, where: str, obey: bool
) -> None:
    off = {
        "RESERVATION_ENABLED": False,
        "ROBOTSTXT_OBEY": obey,
        "RESERVATION_CACHE": "redis://127.0.0.1:1/0",  # would be an error, were it opened
        "RESERVATION_ROBOTSTXT": "neither",
    }
    done = crawl(worker, web, f"{A}/private", f"{A}/z", **{where: off})
    assert done.problems == []
    assert sorted(done.urls) == [f"{A}/z"] if obey else [f"{A}/private", f"{A}/z"]
    assert "reservation_middleware" not in enabled(done)
    assert (STOCK in enabled(done)) is obey
    assert not any(name.startswith("reservation/") for name in done.stats)


def test_switched_off_where_it_is_listed_without_the_add_on(worker: Worker, web: WebThread) -> None:
    off = {"RESERVATION_ENABLED": "0", "DOWNLOADER_MIDDLEWARES": {OURS: 100}}
    done = crawl(worker, web, f"{A}/z", settings=off, addon=False)
    assert done.urls == [f"{A}/z"]
    assert done.problems == []


# Crawl rules


@pytest.mark.parametrize("obey", [True, False])
@pytest.mark.parametrize("mode", ["enforce", "observe"])
@pytest.mark.parametrize("rules", ["always", "obey", False, "False"])
def test_who_enforces_crawl_rules(
    worker: Worker, web: WebThread, rules: object, mode: str, obey: bool
) -> None:
    settings = {
        "ROBOTSTXT_OBEY": obey,
        "RESERVATION_MODE": mode,
        "RESERVATION_ROBOTSTXT": rules,
    }
    done = crawl(worker, web, f"{A}/private", settings=settings)
    ours = rules in ("always", "obey") and (obey or (rules == "always" and mode == "enforce"))
    stock = obey and not ours
    assert done.blocked == ([f"{A}/private"] if ours else [])
    assert (STOCK in enabled(done)) is stock
    assert done.urls == ([] if ours or stock else [f"{A}/private"])


# As whom

SHOP = Answer(
    body=b"User-agent: RedBot\nDisallow: /\n\nUser-agent: BlueBot\nDisallow: /x\n\n"
    b"User-agent: *\nAllow: /\n"
)
B = "http://b.example"
SHOPS = {f"{B}/robots.txt": SHOP, f"{B}/x": PAGE, f"{B}/y": PAGE}
ROTATE = {"DOWNLOADER_MIDDLEWARES": {"scrapy_parts.OwnUserAgents": 700}}


@pytest.fixture(scope="module")
def shop() -> Iterator[WebThread]:
    with WebThread(SHOPS) as started:
        yield started


def test_each_request_is_judged_by_its_own_user_agent(worker: Worker, shop: WebThread) -> None:
    names = ("RedBot/1.0", "Mozilla/5.0 (compatible; BlueBot/2; +http://b.example)", None)
    asked = [
        {"url": f"{B}/{path}", "headers": {"User-Agent": name} if name else {}}
        for name in names
        for path in "xy"
    ]
    done = crawl(worker, shop, *asked)
    assert done.blocked == [f"{B}/x", f"{B}/y", f"{B}/x"]
    assert [one["record"]["agent"] for one in done.failed] == ["RedBot", "RedBot", "BlueBot"]
    assert sorted(one["record"]["agent"] for one in done.got) == ["BlueBot", *["ExampleBot"] * 2]
    assert done.problems == []


@pytest.mark.parametrize("addon", [True, False])
def test_a_user_agent_that_is_set_later_decides_before_the_page_is_delivered(
    worker: Worker, shop: WebThread, addon: bool
) -> None:
    before = shop.count(f"{B}/x")
    asked = [{"url": f"{B}/x", "meta": {"as": name}} for name in ("RedBot/1", "GreenBot/1")]
    settings = dict(ROTATE)
    if not addon:
        settings = {"DOWNLOADER_MIDDLEWARES": {**ROTATE["DOWNLOADER_MIDDLEWARES"], OURS: 100}}
    done = crawl(worker, shop, *asked, settings=settings, addon=addon)
    assert [one["record"]["agent"] for one in done.failed] == ["RedBot"]
    assert [one["record"]["agent"] for one in done.got] == ["GreenBot"]
    # With the add-on the page is not even fetched; by hand the second middleware is to be listed.
    assert shop.count(f"{B}/x") - before == (1 if addon else 2)
    assert done.stats["downloader/exception_count"] == 1 if addon else True
    assert done.stat("decided") == 2


@pytest.mark.parametrize(
    "settings",
    [
        {"ROBOTSTXT_USER_AGENT": "RedBot"},
        {"DEFAULT_REQUEST_HEADERS": {"user-agent": "RedBot/1.0"}},
        {"USER_AGENT": "RedBot/1.0"},
        {"USER_AGENT": "RedBot/1.0", "RESERVATION_AGENT": "RedBot"},
    ],
    ids="-".join,
)
def test_where_the_crawls_own_name_comes_from(
    worker: Worker, shop: WebThread, settings: dict[str, Any]
) -> None:
    done = crawl(worker, shop, f"{B}/y", settings=settings)
    assert [one["record"]["agent"] for one in done.failed] == ["RedBot"]
    assert done.problems == []


def test_a_user_agent_without_the_agent_that_is_set_is_one_warning(
    worker: Worker, shop: WebThread
) -> None:
    asked = [{"url": f"{B}/y", "meta": {"as": f"Mozilla/5.0 {n}"}} for n in range(3)]
    settings = {**ROTATE, "RESERVATION_AGENT": "ExampleBot"}
    done = crawl(worker, shop, *asked, settings=settings)
    [problem] = done.problems
    assert "RESERVATION_AGENT is 'ExampleBot'" in problem
    done = crawl(worker, shop, f"{B}/y", settings={"RESERVATION_AGENT": "GreenBot"})
    [problem] = done.problems
    assert "'ExampleBot/1.0'" in problem


def test_a_user_agent_that_names_nobody_is_one_warning(worker: Worker, shop: WebThread) -> None:
    asked = [{"url": f"{B}/y", "headers": {"User-Agent": f"Mozilla/5.{n}"}} for n in range(3)]
    done = crawl(worker, shop, *asked)
    assert {one["record"]["agent"] for one in done.got} == {"*"}
    [problem] = done.problems
    assert "names no crawler of yours" in problem


@pytest.mark.parametrize("where", ["settings", "request"])
def test_a_user_agent_that_may_name_several_crawlers_is_one_warning(
    worker: Worker, shop: WebThread, where: str
) -> None:
    name = "My Company Crawler/1.0"
    asked = [{"url": f"{B}/y", "headers": {"User-Agent": name}} if where == "request" else f"{B}/y"]
    settings = {"USER_AGENT": name} if where == "settings" else {}
    done = crawl(worker, shop, *asked * 2, settings=settings)
    [problem] = done.problems
    assert "set RESERVATION_AGENT" in problem


# Per request


@pytest.mark.parametrize(
    "value",
    ["table 5", 7, ["x"], {"purpose": ["search"]}, {"skip": "yes"}, {"id": 5, "skip": True}],
)
def test_a_value_that_is_not_ours_is_left_alone(worker: Worker, web: WebThread, value: Any) -> None:
    asked = [{"url": f"{A}/{path}", "meta": {"reservation": value}} for path in "xyz"]
    done = crawl(worker, web, *asked)
    assert done.urls == [f"{A}/x"]
    assert done.got[0]["record"]["purposes"] == ["ai-train"]
    assert done.got[0]["options"] == value
    assert sorted(done.blocked) == [f"{A}/y", f"{A}/z"]
    [problem] = done.problems
    assert "meta['reservation'] is left alone" in problem


def test_purposes_that_do_not_exist_are_one_warning(worker: Worker, web: WebThread) -> None:
    asked = [
        {"url": f"{A}/{path}", "meta": {"reservation": {"purposes": ["serch"]}}} for path in "xy"
    ]
    done = crawl(worker, web, *asked)
    assert done.urls == [f"{A}/x"]
    assert done.blocked == [f"{A}/y"]
    [problem] = done.problems
    assert "search" in problem


def test_what_goes_in_and_what_comes_out(worker: Worker, web: WebThread) -> None:
    """Purposes stay with meta that is passed on; a decision is always of the page itself."""
    then = [f"{A}/y", f"{A}/z", {"url": f"{A}/z", "meta": {"reservation": {"skip": True}}}]
    first = {"url": f"{A}/x", "meta": {"reservation": {"purposes": ["tdm"]}}, "then": then}
    done = crawl(worker, web, first)
    assert [
        (one["url"], one["record"] and one["record"]["url"])
        for one in sorted(done.got, key=lambda one: str(one["url"]))
    ] == [
        (f"{A}/x", f"{A}/x"),
        (f"{A}/y", f"{A}/y"),
        (f"{A}/z", None),  # skipped: no decision, not even the one that was passed on
    ]
    assert {tuple(one["record"]["purposes"]) for one in done.got if one["record"]} == {("tdm",)}
    assert done.blocked == [f"{A}/z"]
    assert done.stat("skipped") == 1
