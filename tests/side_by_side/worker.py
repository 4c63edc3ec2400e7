"""A process that runs Scrapy crawls, one after the other, with our add-on or without.

A crawl is a line of JSON on standard input, what became of it a line on standard output. Run as
`python -m side_by_side.worker` in the folder `tests`.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import json
import logging
import os
import sys
import traceback
from collections.abc import AsyncIterator, Iterator
from typing import Any
from unittest import mock

import scrapy
from scrapy.utils.reactor import install_reactor

Json = dict[str, Any]
REACTOR = "twisted.internet.asyncioreactor.AsyncioSelectorReactor"
ADDONS = {"reservation_middleware.scrapy.Addon": 300}
QUIET = {"TELNETCONSOLE_ENABLED": False, "REMOTE_CONTROL_ENABLED": False}


class Lister(scrapy.Spider):
    """Asks for what it is told to; follows links where it is told to.

    A spider's attribute `job` holds the line of JSON, `told` the outcomes by what was asked.
    """

    name = "lister"
    job: Json
    told: Json

    async def start(self) -> AsyncIterator[Any]:
        for one in self.job["ask"]:
            yield self.request(one)

    def request(self, one: Json | str) -> scrapy.Request:
        if isinstance(one, str):
            one = {"url": one}
        return scrapy.Request(
            one["url"],
            method=one.get("method", "GET"),
            headers=one.get("headers"),
            body=one.get("body"),
            meta=one.get("meta"),
            priority=one.get("priority", 0),
            callback=self.parse,
            errback=self.fail,
            dont_filter=not one.get("filter", True),
            cb_kwargs={"asked": one},
        )

    def parse(self, response: Any, asked: Json) -> Iterator[Any]:
        body = hashlib.sha256(response.body).hexdigest()[:8]
        meta = response.meta.keys() - {"reservation_decision", "retry_times"}
        seen = [type(response).__name__, *response.flags, *sorted(meta)]
        self.tell(asked, ["got", response.url, response.status, body, seen])
        yield from (self.request(one) for one in asked.get("then", ()))
        if "item" in asked:
            yield dict(asked["item"])
        if self.job.get("follow"):
            for link in response.css("a::attr(href)").getall():
                yield self.request({"url": response.urljoin(link)})

    def fail(self, failure: Any) -> Iterator[Any]:
        asked = failure.request.cb_kwargs["asked"]
        self.tell(asked, ["failed", type(failure.value).__name__, str(failure.value)])
        yield from (self.request(one) for one in asked.get("then", ()))

    def tell(self, asked: Json, outcome: list[Any]) -> None:
        name = f"{asked.get('method', 'GET')} {asked['url']}".removeprefix("GET ")
        same = sum(key == name or key.startswith(f"{name} #") for key in self.told)
        self.told[f"{name} #{same + 1}" if same else name] = outcome


class Inline(Lister):
    """Downloads within its callback, as `await self.crawler.engine.download_async(…)` does."""

    name = "inline"

    async def parse(self, response: Any, asked: Json) -> AsyncIterator[Any]:  # type: ignore[override]
        for one in Lister.parse(self, response, {**asked, "then": ()}):
            yield one
        for one in asked.get("then", ()):
            one = {"url": one} if isinstance(one, str) else one
            request = self.request(one)
            try:
                inner = await self.crawler.engine.download_async(request)
            except Exception as error:  # noqa: BLE001 - told
                self.tell(one, ["failed", type(error).__name__, str(error)])
            else:
                for _ in Lister.parse(self, inner, one):
                    pass


class Mapped(scrapy.spiders.SitemapSpider):
    """Starts from a sitemap."""

    name = "mapped"
    told: Json

    def parse(self, response: Any) -> None:
        body = hashlib.sha256(response.body).hexdigest()[:8]
        self.told[response.url] = ["got", response.url, response.status, body]


SPIDERS = {"lister": Lister, "inline": Inline, "mapped": Mapped}


class _Log(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.levelname} {record.name}: {record.getMessage()}")


async def crawl(job: Json) -> Json:
    """Do one crawl and tell."""
    import scrapy.crawler as crawlers
    from scrapy import signals

    log = _Log()
    told: Json = {}
    items: list[Any] = []
    logging.getLogger().addHandler(log)
    settings = {**QUIET, **job["settings"], **({"ADDONS": ADDONS} if job["ours"] else {})}
    attributes = {"job": job, "told": told, **job.get("spider", {})}
    spider = type("Spider", (SPIDERS[job.get("kind", "lister")],), attributes)
    with mock.patch.dict(os.environ, job.get("environ") or {}):
        made_by = getattr(crawlers, "AsyncCrawlerRunner", crawlers.CrawlerRunner)  # Scrapy 2.14
        runner: Any = made_by(settings)
        crawler = runner.create_crawler(spider)

        def scraped(item: Any) -> None:
            items.append(json.loads(json.dumps(dict(item), default=str)))

        crawler.signals.connect(scraped, signal=signals.item_scraped)
        run = runner.crawl(crawler)
        try:
            await (
                run if isinstance(run, asyncio.Task) else run.asFuture(asyncio.get_running_loop())
            )
        except Exception as error:  # noqa: BLE001 - told
            told["the crawl"] = ["failed", type(error).__name__, str(error)]
    logging.getLogger().removeHandler(log)
    stats = crawler.stats.get_stats() if "the crawl" not in told else {}
    ends = stats.get("finish_reason")
    return {"told": told, "items": items, "log": log.lines, "stats": list(stats), "ends": ends}


async def _serve(out: Any) -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=2**30)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        try:
            answer = await crawl(json.loads(line))
        except Exception:  # noqa: BLE001 - the other process raises it
            answer = {"error": traceback.format_exc()}
        out.write(json.dumps(answer).encode() + b"\n")
        out.flush()


def main() -> None:
    """Crawl what is asked for until nothing is any more."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints must not spoil the answers
    logging.getLogger().addHandler(logging.NullHandler())
    install_reactor(REACTOR)
    from twisted.internet.defer import Deferred

    reactor: Any = importlib.import_module("twisted.internet.reactor")

    def begin() -> None:
        Deferred.fromFuture(asyncio.ensure_future(_serve(out))).addBoth(lambda _: reactor.stop())

    reactor.callWhenRunning(begin)
    reactor.run()


if __name__ == "__main__":
    main()
