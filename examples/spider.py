"""A spider that respects reservations. Run: scrapy runspider examples/spider.py -a url=https://example.org/"""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import scrapy
from scrapy.http import Response

from reservation_middleware.scrapy import ReservedError


class ExampleSpider(scrapy.Spider):
    name = "example"
    custom_settings = {
        "ADDONS": {"reservation_middleware.scrapy.Addon": 300},
        "USER_AGENT": "ExampleBot/1.0 (+https://example.org/bot)",
        "RESERVATION_AGENT": "ExampleBot",
        "RESERVATION_PURPOSES": ["ai-train"],
    }

    def __init__(self, url: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.urls = url.split(",")

    async def start(self) -> AsyncIterator[scrapy.Request]:
        for url in self.urls:
            yield scrapy.Request(url, errback=self.blocked)

    def parse(self, response: Response, **_: Any) -> Iterator[dict[str, Any]]:
        decision = response.meta["reservation_decision"]
        yield {"url": response.url, "verdict": str(decision.verdict), "bytes": len(response.body)}

    def blocked(self, failure: Any) -> Iterator[dict[str, Any]]:
        if not isinstance(failure.value, ReservedError):
            return
        decision = failure.value.decision
        yield {"url": decision.url, "verdict": str(decision.verdict), "why": str(failure.value)}
