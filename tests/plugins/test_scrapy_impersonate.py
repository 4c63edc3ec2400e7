"""scrapy-impersonate: pages, and the policies before them, are fetched by curl as a browser would.

https://github.com/jxlil/scrapy-impersonate
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from plugin_support import Site, require

require("scrapy", "scrapy_impersonate")

from aiohttp import web
from scrapy_runner import Crawl, Worker

pytestmark = pytest.mark.plugins

HANDLER = "scrapy_impersonate.ImpersonateDownloadHandler"
SETTINGS = {
    "DOWNLOAD_HANDLERS": {"http": HANDLER, "https": HANDLER},
    "USER_AGENT": None,  # as its README says: the impersonated browser's
    "RESERVATION_AGENT": "ExampleBot",
    "ROBOTSTXT_OBEY": True,
}
FOLLOWS = {"impersonate": "chrome", "impersonate_args": {"allow_redirects": True}}


async def serve(request: web.Request) -> web.StreamResponse:
    """A site that refuses whoever does not look like a browser, its robots.txt included."""
    if "Chrome" not in request.headers.get("Sec-Ch-Ua", ""):
        return web.Response(status=403, text="browsers only")
    match request.path:
        case "/robots.txt":
            return web.Response(text="User-agent: *\nDisallow: /private/\n")
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


@dataclass
class Crawled:
    """A crawl of two such sites."""

    done: Crawl
    site: Site
    other: Site

    def got(self, path: str) -> dict[str, Any]:
        [one] = [one for one in self.done.got if one["asked"] == self.site.url + path]
        return one

    def failed(self, path: str) -> dict[str, Any]:
        [one] = [one for one in self.done.failed if one["asked"] == self.site.url + path]
        return one


@pytest.fixture(scope="module")
def crawled(worker: Worker) -> Iterator[Crawled]:
    with Site(serve) as site, Site(serve) as other:
        plain = [*("page", "private/x", "mined/x", "head", "meta"), "to?url=/private/z"]
        follows = [
            *("to?url=/page&", "to?url=/private/y", "to?url=/mined/y"),
            *(f"to?url={other.url}{path}" for path in ("page", "private/y", "head")),
        ]
        requests = [{"url": site.url + path, "meta": {"impersonate": "chrome"}} for path in plain]
        requests += [{"url": site.url + path, "meta": FOLLOWS} for path in follows]
        yield Crawled(worker.crawl(requests=requests, settings=SETTINGS), site, other)


def test_policies_go_the_page_s_way(crawled: Crawled) -> None:
    """Asked as a browser, robots.txt and tdmrep.json are there, and are obeyed."""
    [warning] = crawled.done.problems
    assert warning.startswith("RESERVATION_AGENT is 'ExampleBot', but requests are sent as")
    assert crawled.got("page")["flags"] == ["impersonate"]
    for path in ("private/x", "mined/x", "head", "meta"):
        assert crawled.failed(path)["error"] == "ReservedError", path
    assert "GET /private/x" not in crawled.site.log
    assert "GET /mined/x" not in crawled.site.log
    assert crawled.site.log.count("GET /robots.txt") == 1
    assert crawled.done.stat("policy_status/200") >= 2
    assert crawled.done.stat("policy_status/403") == 0


def test_scrapy_s_own_redirects_are_judged_hop_by_hop(crawled: Crawled) -> None:
    failed = crawled.failed("to?url=/private/z")
    assert failed["error"] == "ReservedError"
    assert failed["url"] == f"{crawled.site.url}private/z"
    assert "GET /private/z" not in crawled.site.log


def test_a_redirect_that_curl_followed_is_delivered(crawled: Crawled) -> None:
    assert crawled.got("to?url=/page&")["url"] == f"{crawled.site.url}page"
    assert crawled.got(f"to?url={crawled.other.url}page")["url"] == f"{crawled.other.url}page"


@pytest.mark.parametrize("path", ["private/y", "mined/y"])
def test_where_curl_was_led_to_is_judged(crawled: Crawled, path: str) -> None:
    """It was fetched, which cannot be undone; it is not delivered, and told with its address."""
    failed = crawled.failed(f"to?url=/{path}")
    assert failed["error"] == "ReservedError"
    assert f"{crawled.site.url}{path}" in str(failed["record"])
    assert f"GET /{path}" in crawled.site.log


@pytest.mark.parametrize("path", ["private/y", "head"])
def test_another_site_s_own_policies_hold_there(crawled: Crawled, path: str) -> None:
    failed = crawled.failed(f"to?url={crawled.other.url}{path}")
    assert failed["error"] == "ReservedError"
    assert f"{crawled.other.url}{path}" in str(failed["record"])
    assert crawled.other.log.count("GET /robots.txt") == 1


def test_a_browser_that_its_middleware_chooses(worker: Worker) -> None:
    """It runs behind ours, and chooses for policies as it does for pages."""
    chooses = {"DOWNLOADER_MIDDLEWARES": {"scrapy_impersonate.RandomBrowserMiddleware": 1000}}
    browsers = {"IMPERSONATE_BROWSERS": ["chrome124"]}
    with Site(serve) as site:
        done = worker.crawl(
            requests=[site.url + path for path in ("page", "private/x")],
            settings={**SETTINGS, **chooses, **browsers},
        )
        assert done.urls == [f"{site.url}page"]
        assert done.blocked == [f"{site.url}private/x"]
        assert "GET /private/x" not in site.log
