"""scrapy-zyte-api against a stand-in of the service: pages and policies come as JSON.

The hosts are made up: what does not go through the service cannot be had at all.
https://scrapy-zyte-api.readthedocs.io, https://docs.zyte.com/zyte-api/usage/reference.html
"""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from plugin_support import Site, require

require("scrapy", "scrapy_zyte_api")

from aiohttp import web
from scrapy_runner import ADDON, Crawl, Worker

pytestmark = pytest.mark.plugins

HTML = {"Content-Type": "text/html"}
ROBOTS = b"User-agent: *\nDisallow: /private/\n"
Answer = tuple[int, dict[str, str], bytes, str]


def answer(
    body: bytes = b"<p>fine</p>",
    headers: dict[str, str] = HTML,
    *,
    status: int = 200,
    url: str = "",
) -> Answer:
    return status, headers, body, url


A, B = "https://a.example/", "https://b.example/"
WEB: dict[str, Answer] = {
    **{f"{host}robots.txt": answer(ROBOTS, {"Content-Type": "text/plain"}) for host in (A, B)},
    A + "page": answer(),
    A + "private/x": answer(),
    A + "head": answer(headers={**HTML, "TDM-Reservation": "1"}),
    A + "meta": answer(b'<meta name="tdm-reservation" content="1">'),
    A + "leads": answer(url=B + "private/y"),
    A + "leads-on": answer(url=B + "page"),
}


class Service(Site):
    """Answers as Zyte API does, for a made-up web.

    Attributes:
        asked: what each request to the service was.
    """

    def __init__(self) -> None:
        super().__init__(self._extract)
        self.asked: list[dict[str, Any]] = []

    async def _extract(self, request: web.Request) -> web.Response:
        asked = await request.json()
        self.asked.append(asked)
        status, headers, body, url = WEB.get(asked["url"], answer(b"", {}, status=404))
        told: dict[str, Any] = {"url": url or asked["url"], "statusCode": status}
        if asked.get("browserHtml"):
            text = body.decode()
            told["browserHtml"] = text if "<" in text else f"<html><pre>{text}</pre></html>"
        if asked.get("httpResponseBody"):
            told["httpResponseBody"] = base64.b64encode(body).decode()
        if asked.get("httpResponseHeaders"):
            told["httpResponseHeaders"] = [
                {"name": name, "value": value} for name, value in headers.items()
            ]
        return web.Response(text=json.dumps(told), content_type="application/json")

    def of(self, url: str) -> list[dict[str, Any]]:
        return [asked for asked in self.asked if asked["url"] == url]


#: How a project sends its pages there: settings, and the meta of each request.
WAYS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "transparent, bodies": ({"ZYTE_API_TRANSPARENT_MODE": True}, {}),
    "transparent, rendered by meta": (
        {"ZYTE_API_TRANSPARENT_MODE": True},
        {"zyte_api_automap": {"browserHtml": True}},
    ),
    "transparent, rendered by settings": (
        {"ZYTE_API_TRANSPARENT_MODE": True, "ZYTE_API_AUTOMAP_PARAMS": {"browserHtml": True}},
        {},
    ),
    "by meta, bodies": ({}, {"zyte_api_automap": True}),
    "by meta, rendered": ({}, {"zyte_api_automap": {"browserHtml": True}}),
    "by meta, parameters by hand": ({}, {"zyte_api": {"browserHtml": True}}),
}


@dataclass
class Crawled:
    """A crawl of the made-up web, and the service that it went through."""

    done: Crawl
    service: Service
    rendered: bool


@pytest.fixture(scope="module", params=WAYS)
def crawled(worker: Worker, request: pytest.FixtureRequest) -> Iterator[Crawled]:
    settings, meta = WAYS[request.param]
    settings = {
        "ADDONS": {**ADDON, "scrapy_zyte_api.Addon": 500},
        "ZYTE_API_KEY": "none",
        "ZYTE_API_TRANSPARENT_MODE": False,
        "RESERVATION_AGENT": "ExampleBot",
        "ROBOTSTXT_OBEY": True,
        "RETRY_ENABLED": False,
        **settings,
    }
    with Service() as service:
        settings["ZYTE_API_URL"] = f"{service.url}v1/"
        paths = ("page", "private/x", "head", "meta", "leads", "leads-on")
        requests = [{"url": A + path, "meta": meta} for path in paths]
        done = worker.crawl(requests=requests, settings=settings)
        yield Crawled(done, service, "rendered" in request.param or "hand" in request.param)


def test_pages_are_delivered_with_what_was_seen_of_them(crawled: Crawled) -> None:
    """A rendered page comes without its head, and the record does not claim to have read one."""
    [warning] = crawled.done.problems
    assert warning.startswith("RESERVATION_AGENT is 'ExampleBot', but requests are sent as")
    [page] = [one for one in crawled.done.got if one["asked"] == A + "page"]
    assert page["flags"] == ["zyte-api"]
    assert page["record"]["action"] == "proceed"
    consulted = set(page["record"]["consulted"])
    assert ("headers" in consulted) is not crawled.rendered
    assert {"robots.txt", "content"} <= consulted


def test_policies_are_asked_through_the_service_and_not_rendered(crawled: Crawled) -> None:
    [robots] = crawled.service.of(A + "robots.txt")
    assert robots["httpResponseBody"] is True
    assert not robots.get("browserHtml")
    assert A + "private/x" in crawled.done.blocked
    assert crawled.service.of(A + "private/x") == []


def test_reservations_are_seen_where_they_can_be(crawled: Crawled) -> None:
    """In the content always, in the head only where the service was asked for headers."""
    assert A + "meta" in crawled.done.blocked
    assert (A + "head" in crawled.done.blocked) is not crawled.rendered


def test_where_the_service_was_led_to_is_judged(crawled: Crawled) -> None:
    """The service follows redirects itself."""
    assert [one["url"] for one in crawled.done.got if one["asked"] == A + "leads-on"] == [
        B + "page"
    ]
    [failed] = [one for one in crawled.done.failed if one["asked"] == A + "leads"]
    assert failed["error"] == "ReservedError"
    assert B + "private/y" in str(failed["record"])
    assert len(crawled.service.of(B + "robots.txt")) == 1
