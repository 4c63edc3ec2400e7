"""The demo's Scrapy crawl: a process of its own, as a reactor runs once in a process.

A ``Task`` comes in on standard input, a ``Visit`` per line goes out; one crawler per
mode, both at the same time. Settings as in any project that uses the add-on.
"""

import sys
from collections.abc import AsyncIterator
from typing import Any, Self

import msgspec

try:
    import scrapy
    from scrapy import crawler as scrapy_crawler
except ImportError as error:  # pragma: no cover - needs an environment without Scrapy
    raise ImportError(
        "the demo crawls with Scrapy 2.13 or newer, too: "
        "pip install 'reservation-middleware[scrapy]', "
        "or in a checkout uv run --extra scrapy …"
    ) from error

from reservation_middleware.model import Decision
from reservation_middleware.scrapy import ReservedError, decided

from .task import AGENT, PROBES, PURPOSES, USER_AGENT, Task, Visit, visit

#: AsyncCrawlerProcess came with Scrapy 2.14.
_Process = getattr(scrapy_crawler, "AsyncCrawlerProcess", scrapy_crawler.CrawlerProcess)

_SETTINGS = {
    "ADDONS": {"reservation_middleware.scrapy.Addon": 300},
    "RESERVATION_AGENT": AGENT,
    "RESERVATION_PURPOSES": list(PURPOSES),
    "RESERVATION_PROBES": PROBES.value,
    "USER_AGENT": USER_AGENT,
    # Off, so that observe mode blocks nothing at all, as with aiohttp. In enforce mode
    # crawl rules hold in either case.
    "ROBOTSTXT_OBEY": False,
    "CONCURRENT_REQUESTS": 32,
    "CONCURRENT_REQUESTS_PER_DOMAIN": 8,
    "DOWNLOAD_DELAY": 0,
    "DOWNLOAD_WARNSIZE": 0,
    "HTTPERROR_ALLOW_ALL": True,  # observe mode reads a 402, too
    "TELNETCONSOLE_ENABLED": False,
    "REMOTE_CONTROL_ENABLED": False,
    "LOG_LEVEL": "WARNING",
}


#: What became of each URL, by mode.
Visits = dict[tuple[str, str], Visit]


class DemoSpider(scrapy.Spider):
    """Asks for every URL and keeps what became of it."""

    name = "demo"

    def __init__(
        self,
        *args: Any,
        urls: tuple[str, ...],
        mode: str,
        proxy: str,
        visits: Visits,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self.urls = urls
        self.mode = mode
        self.proxy = proxy
        self.visits = visits

    @classmethod
    def from_crawler(cls, crawler: Any, *args: Any, **options: Any) -> Self:
        """Make the spider; it listens to the decisions."""
        spider = super().from_crawler(crawler, *args, **options)
        crawler.signals.connect(spider.on_decision, signal=decided)
        return spider

    async def start(self) -> AsyncIterator[scrapy.Request]:
        """Ask for every URL through the demo's web."""
        for url in self.urls:
            yield scrapy.Request(
                url, meta={"proxy": self.proxy}, callback=self.parse, errback=self.failed
            )

    def on_decision(self, decision: Decision, request: scrapy.Request) -> None:
        """A decision fell; whether it stopped the request shows in ``failed``."""
        asked = _asked(request)
        self.visits[self.mode, asked] = visit("scrapy", self.mode, asked, decision, blocked=False)

    def parse(self, response: Any) -> None:
        """A page was fetched; nothing is to be done with it here."""

    def failed(self, failure: Any) -> None:
        """A page was not fetched: reserved, or something went wrong."""
        asked = _asked(failure.request)
        if isinstance(failure.value, ReservedError):
            decision = failure.value.decision
            done = visit("scrapy", self.mode, asked, decision, blocked=True)
        else:
            error = repr(failure.value)
            done = Visit(adapter="scrapy", mode=self.mode, asked=asked, error=error)
        self.visits[self.mode, asked] = done


def _asked(request: scrapy.Request) -> str:
    """The URL that was asked for before any redirect."""
    return str(request.meta.get("redirect_urls", [request.url])[0])


def main() -> None:
    """Read the task, crawl, write the visits."""
    task = msgspec.json.decode(sys.stdin.buffer.read(), type=Task)
    process = _Process(_SETTINGS)
    visits: Visits = {}
    for mode, proxy in task.proxies.items():
        crawler = process.create_crawler(DemoSpider)
        crawler.settings.set("RESERVATION_MODE", mode, priority="cmdline")
        crawler.settings.set("RETRY_ENABLED", False, priority="cmdline")
        crawler.settings.set("RESERVATION_LEDGER", task.ledger, priority="cmdline")
        process.crawl(crawler, urls=task.urls, mode=mode, proxy=proxy, visits=visits)
    process.start()
    sys.stdout.buffer.writelines(msgspec.json.encode(visit) + b"\n" for visit in visits.values())


if __name__ == "__main__":
    main()
