"""scrapy-playwright with the system's Chromium: what the browser renders, and where it was led to.

https://github.com/scrapy-plugins/scrapy-playwright
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from plugin_support import BROWSER, LAUNCH, Site, require

require("scrapy", "scrapy_playwright")

from aiohttp import web
from media_files import data_mining, pdf
from scrapy_runner import Crawl, Worker

from web import Answer, WebThread

pytestmark = [
    pytest.mark.plugins,
    pytest.mark.skipif(BROWSER is None, reason="Chromium is not installed"),
]

HANDLER = "scrapy_playwright.handler.ScrapyPlaywrightDownloadHandler"
SETTINGS = {
    "DOWNLOAD_HANDLERS": {"http": HANDLER, "https": HANDLER},
    "PLAYWRIGHT_LAUNCH_OPTIONS": LAUNCH,
    "USER_AGENT": "ExampleBot/1.0",
    "ROBOTSTXT_OBEY": True,
}
RENDER = {"playwright": True}
WAIT = {**RENDER, "playwright_page_goto_kwargs": {"wait_until": "networkidle"}}
SAYS_NO = """<!doctype html><title>x</title><body><script>
const meta = document.createElement("meta");
meta.name = "tdm-reservation"; meta.content = "1"; document.head.append(meta);
</script>"""
WRITES = """<!doctype html><title>x</title><body><script>
document.body.append("written ".repeat(1000));
</script>"""
LEADS = """<!doctype html><title>x</title><body><script>location.replace("/private/z");</script>"""


async def serve(request: web.Request) -> web.StreamResponse:
    """A site whose pages need a browser."""
    match request.path:
        case "/robots.txt":
            return web.Response(text="User-agent: ExampleBot\nDisallow: /private/\n")
        case "/head":
            headers = {"TDM-Reservation": "1"}
            return web.Response(text="<p>x", content_type="text/html", headers=headers)
        case "/open.pdf" | "/reserved.pdf":
            body = pdf() if request.path == "/open.pdf" else pdf(data_mining("DMI-PROHIBITED"))
            headers = {"Content-Disposition": "attachment"}
            return web.Response(body=body, content_type="application/pdf", headers=headers)
        case "/to":
            return web.Response(status=302, headers={"Location": request.query["url"]})
        case "/says-no" | "/writes" | "/leads":
            text = {"/says-no": SAYS_NO, "/writes": WRITES, "/leads": LEADS}[request.path]
            return web.Response(text=text, content_type="text/html")
        case "/.well-known/tdmrep.json" | "/favicon.ico":
            return web.Response(status=404)
        case _:
            return web.Response(text="<p>fine", content_type="text/html")


@dataclass
class Crawled:
    """A crawl of two such sites, and of one behind the proxy of a browser context."""

    done: Crawl
    site: Site
    other: Site
    web: WebThread

    def got(self, path: str) -> dict[str, Any]:
        [one] = [one for one in self.done.got if one["asked"] == self.site.url + path]
        return one

    def failed(self, path: str) -> dict[str, Any]:
        [one] = [one for one in self.done.failed if one["asked"] == self.site.url + path]
        return one


@pytest.fixture(scope="module")
def crawled(worker: Worker) -> Iterator[Crawled]:
    pages = {
        "http://a.example/robots.txt": Answer(body=b"User-agent: *\nDisallow: /private/\n"),
        "http://a.example/page": Answer(200, (("Content-Type", "text/html"),), body=b"<p>fine"),
        "http://a.example/private/x": Answer(200, (("Content-Type", "text/html"),), body=b"<p>x"),
    }
    with Site(serve) as site, Site(serve) as other, WebThread(pages) as proxied:
        paths = [
            *("page", "writes", "says-no", "head", "private/x", "leads"),
            *("open.pdf", "reserved.pdf"),
            *("to?url=/page&", "to?url=/private/y"),
            *(f"to?url={other.url}{path}" for path in ("page", "private/y", "head")),
        ]
        context = {
            **RENDER,
            "playwright_context": "proxied",
            "playwright_context_kwargs": {"proxy": {"server": proxied.proxy_url}},
        }
        requests: list[Any] = [
            {"url": site.url + path, "meta": WAIT if path == "leads" else RENDER} for path in paths
        ]
        requests += [
            {"url": f"http://a.example/{path}", "meta": context} for path in ("page", "private/x")
        ]
        done = worker.crawl(requests=requests, settings=SETTINGS)
        yield Crawled(done, site, other, proxied)


def test_rendered_pages_are_delivered(crawled: Crawled) -> None:
    assert crawled.done.problems == []
    page = crawled.got("page")
    assert page["flags"] == ["playwright"]
    assert page["record"]["action"] == "proceed"
    assert crawled.got("writes")["size"] > 8000


def test_policies_are_not_rendered(crawled: Crawled) -> None:
    """The browser opens pages only, so robots.txt is what the site sent."""
    assert crawled.site.log.count("GET /robots.txt") == 1
    rendered = crawled.done.stats["playwright/page_count"]
    asked = sum("/robots.txt" not in line and "tdmrep" not in line for line in crawled.site.log)
    assert 0 < rendered <= asked
    assert crawled.done.stat("policy_status/200") >= 2


def test_a_disallowed_page_is_never_opened(crawled: Crawled) -> None:
    assert crawled.failed("private/x")["error"] == "ReservedError"
    assert "GET /private/x" not in crawled.site.log


def test_a_reservation_in_the_head_is_seen(crawled: Crawled) -> None:
    assert crawled.failed("head")["error"] == "ReservedError"


def test_a_meta_written_by_javascript_is_read(crawled: Crawled) -> None:
    failed = crawled.failed("says-no")
    assert failed["error"] == "ReservedError"
    assert [reason["carrier"] for reason in failed["record"]["reasons"]] == ["meta"]


def test_a_file_that_the_browser_downloads_is_looked_into(crawled: Crawled) -> None:
    assert crawled.got("open.pdf")["size"] == len(pdf())
    failed = crawled.failed("reserved.pdf")
    assert failed["error"] == "ReservedError"
    assert "DMI-PROHIBITED" in failed["message"]


def test_a_redirect_that_the_browser_followed_is_delivered(crawled: Crawled) -> None:
    assert crawled.got("to?url=/page&")["url"] == f"{crawled.site.url}page"
    assert crawled.got(f"to?url={crawled.other.url}page")["url"] == f"{crawled.other.url}page"


@pytest.mark.parametrize(
    ("asked", "found"), [("to?url=/private/y", "private/y"), ("leads", "private/z")]
)
def test_where_the_browser_was_led_to_is_judged(crawled: Crawled, asked: str, found: str) -> None:
    """By a redirect or by a script: what was opened is not delivered, and told by its address."""
    failed = crawled.failed(asked)
    assert failed["error"] == "ReservedError"
    assert f"{crawled.site.url}{found}" in str(failed["record"])


@pytest.mark.parametrize("path", ["private/y", "head"])
def test_another_site_s_own_policies_hold_there(crawled: Crawled, path: str) -> None:
    failed = crawled.failed(f"to?url={crawled.other.url}{path}")
    assert failed["error"] == "ReservedError"
    assert f"{crawled.other.url}{path}" in str(failed["record"])
    assert crawled.other.log.count("GET /robots.txt") == 1


def test_policies_go_through_the_context_s_proxy(crawled: Crawled) -> None:
    """The host is known to that proxy only: without it there would be no robots.txt at all."""
    [page] = [one for one in crawled.done.got if "a.example" in one["url"]]
    assert page["flags"] == ["playwright"]
    assert "http://a.example/private/x" in crawled.done.blocked
    assert crawled.web.count("http://a.example/robots.txt") == 1
    assert crawled.web.count("http://a.example/private/x") == 0
