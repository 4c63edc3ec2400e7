"""One of the cluster's crawlers. Run: scrapy runspider scrapy_crawler.py -a urls=urls.txt -a log=log.jsonl

Agent, mode, cache and ledger stand in reservations.toml, which is read in the working directory.
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import scrapy
from json_lines import install
from scrapy.http import Response


class ClusterSpider(scrapy.Spider):
    name = "cluster"
    custom_settings = {
        "ADDONS": {"reservation_middleware.scrapy.Addon": 300},
        "USER_AGENT": "ExampleBot/1.0 (+https://example.org/bot)",
        "ROBOTSTXT_OBEY": True,  # crawl rules hold in observe mode, too
        "LOG_LEVEL": "INFO",
    }

    def __init__(self, urls: str, log: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        install(log)
        self.urls = Path(urls).read_text("utf-8").split()

    async def start(self) -> AsyncIterator[scrapy.Request]:
        for url in self.urls:
            yield scrapy.Request(url)

    def parse(self, response: Response, **_: Any) -> Iterator[dict[str, Any]]:
        decision = response.meta["reservation_decision"]
        yield {"url": response.url, "action": decision.action.value, "bytes": len(response.body)}
