"""scrapy-splash against a stand-in of Splash: the page is judged, never the service in between.

Its middleware replaces a page's request by one to the service's endpoint, and the service's
answer by one with the page's URL. https://github.com/scrapy-plugins/scrapy-splash
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from plugin_support import Site, require

require("scrapy", "scrapy_splash")

import aiohttp
from aiohttp import web
from scrapy_runner import Crawl, Worker

pytestmark = pytest.mark.plugins

SETTINGS = {
    "DOWNLOADER_MIDDLEWARES": {
        "splash_parts.SplashCookiesMiddleware": 723,
        "splash_parts.SplashMiddleware": 725,
        "scrapy.downloadermiddlewares.httpcompression.HttpCompressionMiddleware": 810,
    },
    "REQUEST_FINGERPRINTER_CLASS": "splash_parts.SplashRequestFingerprinter",
    "SPLASH_SLOT_POLICY": "scrapy_default",  # the default asks Scrapy 2.19 for what it has no more
    "USER_AGENT": "ExampleBot/1.0",
    "ROBOTSTXT_OBEY": True,
}


async def serve(request: web.Request) -> web.StreamResponse:
    """A site."""
    match request.path:
        case "/robots.txt":
            return web.Response(text="User-agent: ExampleBot\nDisallow: /private/\n")
        case "/.well-known/tdmrep.json":
            return web.json_response([{"location": "/mined/*", "tdm-reservation": 1}])
        case "/head":
            headers = {"TDM-Reservation": "1"}
            return web.Response(text="<p>x", content_type="text/html", headers=headers)
        case "/meta":
            text = '<meta name="tdm-reservation" content="1">'
            return web.Response(text=text, content_type="text/html")
        case "/to":
            return web.Response(status=302, headers={"Location": request.query["url"]})
        case _:
            return web.Response(text="<p>fine", content_type="text/html")


class Splash(Site):
    """Fetches what it is asked for and answers as Splash does; its own pages are reserved."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.asked: list[tuple[str, str]] = []

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.method != "POST":
            return web.Response(text="User-agent: *\nDisallow: /\n")
        asked = json.loads(await request.text())
        self.asked.append((request.path, asked["url"]))
        headers = {"User-Agent": asked.get("headers", {}).get("User-Agent", "Splash")}
        async with (
            aiohttp.ClientSession() as session,
            session.get(asked["url"], headers=headers) as page,
        ):
            html = await page.text()
            told: dict[str, Any] = {"requestedUrl": asked["url"], "url": str(page.url)}
            told |= {"html": html, "title": "x", "geometry": [0, 0, 1024, 768]}
            if request.path == "/execute":  # a script that returns these, as its README has it
                told["http_status"] = page.status
                told["headers"] = [
                    {"name": name, "value": value} for name, value in page.headers.items()
                ]
        if request.path == "/render.html":
            return web.Response(text=html, content_type="text/html")
        return web.json_response(told)


@dataclass
class Crawled:
    """A crawl through one of the service's endpoints."""

    done: Crawl
    site: Site
    splash: Splash
    endpoint: str

    def got(self, path: str) -> dict[str, Any]:
        [one] = [one for one in self.done.got if one["asked"] == self.site.url + path]
        return one

    def failed(self, path: str) -> dict[str, Any]:
        [one] = [one for one in self.done.failed if one["asked"] == self.site.url + path]
        return one


@pytest.fixture(scope="module", params=["render.html", "render.json", "execute"])
def crawled(worker: Worker, request: pytest.FixtureRequest) -> Iterator[Crawled]:
    meta = {"splash": {"endpoint": request.param, "args": {"wait": 0.1}}}
    paths = ("page", "private/x", "mined/x", "head", "meta", "to?url=/page&", "to?url=/private/y")
    with Site(serve) as site, Splash() as splash:
        requests: list[Any] = [{"url": site.url + path, "meta": meta} for path in paths]
        exempt = {**meta, "dont_obey_robotstxt": True}
        requests += [
            {"url": f"{site.url}{path}", "meta": exempt}
            for path in ("private/e", "to?url=/private/f")
        ]
        raw = {"splash": {**meta["splash"], "dont_process_response": True}}
        requests += [{"url": f"{site.url}raw", "meta": raw}]
        settings = {**SETTINGS, "SPLASH_URL": splash.url}
        done = worker.crawl(requests=requests, settings=settings)
        yield Crawled(done, site, splash, request.param)


def test_pages_are_judged_by_their_own_url(crawled: Crawled) -> None:
    assert crawled.done.problems == []
    page = crawled.got("page")
    assert page["url"] == f"{crawled.site.url}page"
    assert page["record"]["url"] == f"{crawled.site.url}page"
    assert page["record"]["action"] == "proceed"
    assert "content" in page["record"]["consulted"]


def test_the_service_is_asked_for_no_policies(crawled: Crawled) -> None:
    """Its robots.txt disallows everything, and is about itself."""
    assert not [line for line in crawled.splash.log if line.startswith("GET")]
    assert crawled.site.log.count("GET /robots.txt") == 1
    assert not [url for _, url in crawled.splash.asked if "robots.txt" in url or "tdmrep" in url]


@pytest.mark.parametrize("path", ["private/x", "mined/x"])
def test_what_the_site_disallows_is_not_asked_of_the_service(crawled: Crawled, path: str) -> None:
    failed = crawled.failed(path)
    assert failed["error"] == "ReservedError"
    assert failed["url"] == f"{crawled.site.url}{path}"
    assert f"{crawled.site.url}{path}" not in [url for _, url in crawled.splash.asked]


def test_a_meta_is_read(crawled: Crawled) -> None:
    failed = crawled.failed("meta")
    assert failed["error"] == "ReservedError"
    assert failed["record"]["url"] == f"{crawled.site.url}meta"


def test_the_service_s_head_is_not_the_page_s(crawled: Crawled) -> None:
    """Only a script that returns the page's headers shows them."""
    seen = crawled.endpoint == "execute"
    assert ("headers" in crawled.got("page")["record"]["consulted"]) is seen
    assert ((f"{crawled.site.url}head") in [one["asked"] for one in crawled.done.failed]) is seen


def test_where_the_service_was_led_to_is_judged(crawled: Crawled) -> None:
    """It follows redirects itself; `render.html` does not tell where it arrived."""
    if crawled.endpoint == "render.html":
        assert crawled.got("to?url=/private/y")["url"] == f"{crawled.site.url}to?url=/private/y"
        return
    assert crawled.got("to?url=/page&")["url"] == f"{crawled.site.url}page"
    failed = crawled.failed("to?url=/private/y")
    assert failed["error"] == "ReservedError"
    assert f"{crawled.site.url}private/y" in str(failed["record"])


@pytest.mark.parametrize("path", ["private/e", "to?url=/private/f"])
def test_a_page_that_the_user_exempted_is_exempt(crawled: Crawled, path: str) -> None:
    """Splash's middleware exempts all its requests from robots.txt; only the user's own count."""
    assert crawled.got(path)["status"] == 200


def test_an_answer_that_is_not_processed_is_handed_out(crawled: Crawled) -> None:
    raw = crawled.got("raw")
    assert raw["url"] == crawled.splash.url + crawled.endpoint
    assert raw["record"]["url"] == f"{crawled.site.url}raw"
    assert raw["record"]["consulted"] == ["robots.txt", "tdmrep.json"]
