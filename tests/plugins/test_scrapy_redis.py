"""scrapy-redis: requests wait in Redis, pickled, and a crawl that was ended goes on.

https://github.com/rmax/scrapy-redis
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from plugin_support import require

require("scrapy", "scrapy_redis")

from redis_server import RedisServer, needs_redis
from scrapy_runner import Crawl, Worker

from web import Answer, WebThread

pytestmark = [pytest.mark.plugins, needs_redis]

A = "http://a.example"
HTML = (("Content-Type", "text/html"),)
PAGE = Answer(200, HTML, body=b"<p>fine</p>")
SEARCH_ONLY = Answer(body=b"User-agent: *\nDisallow: /private/\nContent-Signal: /s/ ai-train=no\n")
NUMBERS = range(12)
PAGES = {
    f"{A}/robots.txt": SEARCH_ONLY,
    **{f"{A}/{kind}/{number}": PAGE for kind in ("page", "private", "s") for number in NUMBERS},
    f"{A}/next": PAGE,
}


@dataclass
class Crawled:
    """A crawl that was ended early, and the next one that finds its requests in Redis."""

    first: Crawl
    second: Crawl
    web: WebThread


@pytest.fixture(scope="module")
def crawled(worker: Worker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crawled]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as redis, WebThread(PAGES) as web:
        settings = {
            "SCHEDULER": "scrapy_redis.scheduler.Scheduler",
            "DUPEFILTER_CLASS": "scrapy_redis.dupefilter.RFPDupeFilter",
            "REDIS_URL": redis.url,
            "SCHEDULER_PERSIST": True,
            "RESERVATION_CACHE": redis.url,
            "USER_AGENT": "ExampleBot/1.0",
            "CONCURRENT_REQUESTS": 1,
        }
        search = {"reservation": {"purposes": ["search"]}}
        requests = [
            request
            for number in NUMBERS
            for request in (
                {"url": f"{A}/page/{number}", "then": [{"url": f"{A}/next", "filter": True}]},
                {"url": f"{A}/private/{number}"},
                {"url": f"{A}/s/{number}"},
                {"url": f"{A}/s/{number}", "meta": search},
            )
        ]
        first = worker.crawl(
            web.proxy_url,
            requests=requests,
            settings={**settings, "CLOSESPIDER_PAGECOUNT": 5},
        )
        second = worker.crawl(web.proxy_url, requests=[], settings=settings)
        yield Crawled(first, second, web)


def test_a_crawl_that_was_ended_goes_on(crawled: Crawled) -> None:
    """Nothing is lost, nothing is asked for twice, and what is blocked stays so."""
    assert crawled.first.problems == crawled.second.problems == []
    assert 3 <= len(crawled.first.got) < 15
    assert len(crawled.second.got) > 15
    got = [one["url"] for crawl in (crawled.first, crawled.second) for one in crawl.got]
    blocked = [*crawled.first.blocked, *crawled.second.blocked]
    assert sorted(set(got)) == sorted(
        [f"{A}/next", *(f"{A}/{kind}/{number}" for kind in ("page", "s") for number in NUMBERS)]
    )
    assert len(got) == len(set(got))
    assert sorted(blocked) == sorted(
        f"{A}/{kind}/{number}" for kind in ("private", "s") for number in NUMBERS
    )
    assert not [seen for seen in crawled.web.log if "/private/" in seen.url]


def test_the_dupefilter_is_asked_once_per_page(crawled: Crawled) -> None:
    """Every page links to the same next one; it is fetched once, in one of the crawls."""
    assert crawled.web.count(f"{A}/next") == 1


def test_options_of_a_request_survive_the_queue(crawled: Crawled) -> None:
    """`meta["reservation"]` is pickled with the request, and holds in the second crawl."""
    for_search = [one for one in crawled.second.got if "/s/" in one["url"]]
    assert for_search
    assert {tuple(one["record"]["purposes"]) for one in for_search} == {("search",)}


def test_policies_are_shared_through_redis(crawled: Crawled) -> None:
    assert crawled.web.count(f"{A}/robots.txt") == 1
