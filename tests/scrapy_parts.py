"""Middlewares, handlers and pipelines of other people's projects, for crawls in the tests.

Scrapy loads them by their path, ``scrapy_parts.Name``, in a worker of tests/scrapy_runner.py.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, ClassVar, Self

from scrapy import Request, signals
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


class CrawlDelays:
    """An extension that reads Crawl-delay as robots.txt is parsed, and counts what it heard."""

    def __init__(self, crawler: Any) -> None:
        self.stats = crawler.stats
        self.signal = getattr(signals, "robots_parsed", None)
        if self.signal is not None:
            crawler.signals.connect(self.parsed, signal=self.signal)

    @classmethod
    def from_crawler(cls, crawler: Any) -> Self:
        return cls(crawler)

    async def parsed(self, robotparser: Any, request: Request) -> None:
        await asyncio.sleep(0.1)  # pages wait for it
        host = request.url.split("/")[2]
        self.stats.inc_value(f"parsed/{host}")
        self.stats.set_value(f"delay/{host}", robotparser.rp.crawl_delay("ExampleBot"))
        self.stats.set_value(f"pages/{host}", self.stats.get_value("response_received_count"))


class Gallery:
    """A spider middleware that makes an item of every page, with the files that its meta names."""

    async def process_spider_output(
        self, response: Response, result: AsyncIterator[Any], spider: Any = None
    ) -> AsyncIterator[Any]:
        async for one in result:
            yield one
        for field in ("file_urls", "image_urls"):
            if field in response.meta:
                yield {field: response.meta[field], "page": response.url}


class Shelf:
    """A pipeline that puts items where a crawl's stats are."""

    def __init__(self, crawler: Any) -> None:
        self.stats = crawler.stats

    @classmethod
    def from_crawler(cls, crawler: Any) -> Self:
        return cls(crawler)

    def process_item(self, item: Any, spider: Any = None) -> Any:
        self.stats.set_value(f"item/{item['page']}", json.dumps(item))
        return item
