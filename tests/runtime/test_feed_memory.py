"""A feed says what may be done with its items: heard once, it decides about them before the fetch.

What RSL in a feed means is the vectors' business.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from scrapy_runner import Worker

from reservation_middleware import Agent, Check, Document, Outcome
from reservation_middleware.aiohttp import ReservationClient, ReservedError
from reservation_middleware.decide.batch import decide_lines
from reservation_middleware.decide.reading import Reading
from reservation_middleware.runtime.feed_memory import LIFETIME, FeedMemory
from reservation_middleware.signals import CONTENT, ParsedDocument
from web import Answer, Web, WebThread

ORIGIN = "http://a.example"
FEED, ITEM, OTHER = f"{ORIGIN}/feed.xml", f"{ORIGIN}/talks/1", f"{ORIGIN}/about"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
BODY = b"""<?xml version="1.0"?>
<rss version="2.0" xmlns:rsl="https://rslstandard.org/rsl"><channel><item>
<rsl:content url="/talks/"><rsl:license><rsl:prohibits type="usage">ai-train</rsl:prohibits>
</rsl:license></rsl:content></item></channel></rss>"""
RSS = (("content-type", "application/rss+xml"),)
PAGE = Answer(200, (("content-type", "text/html"),), body=b"<p>words")
WEB = {FEED: Answer(200, RSS, body=BODY), ITEM: PAGE, OTHER: PAGE}
BOT = Agent("ExampleBot")


def document(url: str = FEED, body: bytes = BODY) -> Document:
    return Document(
        url=url, resource="page", outcome=Outcome.FETCHED, status=200, headers=RSS, body=body
    )


def reading(url: str = FEED, body: bytes = BODY) -> Reading:
    from reservation_middleware.decide.reading import _WORDS

    one = document(url, body)
    return Reading(one, CONTENT, ParsedDocument(one, CONTENT, _WORDS))


@pytest.mark.asyncio
async def test_aiohttp_hears_a_feed() -> None:
    async with Web(WEB) as web, ReservationClient(agent=BOT, proxy=web.proxy_url) as client:
        async with client.get(ITEM) as response:  # nobody has said anything yet
            assert response.status == 200
        async with client.get(FEED) as response:
            assert await response.read() == BODY
        with pytest.raises(ReservedError) as caught:
            await client.get(ITEM)
        assert caught.value.decision.stage == "site"
        [reason] = caught.value.decision.reasons
        assert (reason.signal, reason.carrier, reason.document) == ("rsl", "feed", FEED)
        async with client.get(OTHER) as response:
            decision = client.decision(response)
            assert decision is not None
            assert decision.reasons == ()
            assert "content" in decision.consulted
        assert [seen.url for seen in web.log].count(f"{ORIGIN}/robots.txt") == 1


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    """A process that crawls with Scrapy."""
    pytest.importorskip("scrapy")
    with Worker() as started:
        yield started


def test_scrapy_hears_a_feed(worker: Worker) -> None:
    with WebThread(WEB) as web:
        done = worker.crawl(
            web.proxy_url,
            requests=[{"url": FEED, "then": [ITEM, OTHER]}],
            settings={
                "USER_AGENT": "ExampleBot/1.0",
                "DOWNLOAD_DELAY": 0,
            },
        )
        asked = [seen.url for seen in web.log]
    assert done.urls == [FEED, OTHER]
    assert done.blocked == [ITEM]
    assert ITEM not in asked


def test_batch_is_given_a_feed() -> None:
    given = {
        "url": ITEM,
        "documents": [
            {"url": FEED, "status": 200, "headers": list(map(list, RSS)), "body": BODY.decode()},
            {"url": f"{ORIGIN}/robots.txt", "status": 404},
        ],
    }
    [(line, good)] = decide_lines([msgspec.json.encode(given)], NOW)
    assert good
    record = msgspec.json.decode(line)
    assert (record["verdict"], record["stage"]) == ("disallowed", "site")
    assert record["consulted"] == ["robots.txt"]
    given["url"] = OTHER
    [(line, _)] = decide_lines([msgspec.json.encode(given)], NOW)
    assert msgspec.json.decode(line)["verdict"] == "unknown"


def test_a_check_knows_what_a_page_teaches() -> None:
    check = Check(FEED, agent=BOT)
    check.feed(document())
    assert check.lesson is not None
    other = Check(FEED, agent=BOT)
    other.feed(document(body=b"<rss/>"))
    assert other.lesson is None


def test_lessons_are_few_and_end() -> None:
    lessons = FeedMemory()
    for number in range(20):
        kept = lessons.learn(ORIGIN, reading(f"{ORIGIN}/{number}.xml"), NOW)
    assert [one.document.url for one in kept] == [f"{ORIGIN}/{n}.xml" for n in range(12, 20)]
    assert lessons.of(ORIGIN, NOW + LIFETIME - timedelta(seconds=1)) == kept
    assert lessons.of(ORIGIN, NOW + LIFETIME) == []
    assert lessons.of("http://b.example", NOW) == []
    assert len(lessons.learn(ORIGIN, reading(), NOW + LIFETIME)) == 1


def test_the_same_feed_counts_once() -> None:
    lessons = FeedMemory()
    lessons.learn(ORIGIN, reading(), NOW)
    [kept] = lessons.learn(ORIGIN, reading(body=BODY.replace(b"/talks/", b"/")), NOW)
    assert b'"/"' in (kept.document.body or b"")
