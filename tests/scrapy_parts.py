"""Middlewares, handlers and pipelines of other people's projects, for crawls in the tests.

Scrapy loads them by their path, ``scrapy_parts.Name``, in a worker of tests/scrapy_runner.py.
"""

from __future__ import annotations

from typing import Any, ClassVar

from scrapy import Request
from scrapy.http import HtmlResponse, Response


class OwnUserAgents:
    """Sets the User-Agent that a request's meta names, as those that rotate them do."""

    def process_request(self, request: Request, spider: Any = None) -> None:
        if "as" in request.meta:
            request.headers["User-Agent"] = request.meta["as"]


class Browser:
    """Stands in for a browser: follows redirects itself, and tells where the page was found.

    For http requests whose meta has "found" it answers with the page of that address;
    "headless" leaves out all fields, as rendering services do.
    """

    def process_request(self, request: Request, spider: Any = None) -> HtmlResponse | None:
        if "found" not in request.meta and "headless" not in request.meta:
            return None
        fields = {} if "headless" in request.meta else request.meta.get("fields", {"Server": "x"})
        return HtmlResponse(
            request.meta.get("found", request.url),
            status=request.meta.get("status", 200),
            headers=fields,
            body=request.meta.get("body", "<p>fine").encode(),
        )


class MemoryStorage:
    """An HTTP cache storage of somebody's own, which knows no way to remove."""

    pages: ClassVar[dict[bytes, Response]] = {}

    def __init__(self, settings: Any) -> None:
        self.crawler: Any = None

    def open_spider(self, spider: Any) -> None:
        self.crawler = spider.crawler

    def close_spider(self, spider: Any) -> None:
        """Nothing to do."""

    def retrieve_response(self, spider: Any, request: Request) -> Response | None:
        found = self.pages.get(self.crawler.request_fingerprinter.fingerprint(request))
        return None if found is None else found.copy()

    def store_response(self, spider: Any, request: Request, response: Response) -> None:
        self.pages[self.crawler.request_fingerprinter.fingerprint(request)] = response.copy()
