"""Bot checks in place of policies: nothing is fetched, old copies hold, HTTPCACHE keeps none.

Real servers that challenge, and both adapters. What such an answer means for a decision is told by
the vectors robots-withheld-*.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from scrapy_runner import Worker, why_not

from reservation_middleware import Agent, Document, Outcome
from reservation_middleware.aiohttp import PolicyUnreachableError, ReservationClient
from reservation_middleware.decide.bot_check import answered, no_policy
from reservation_middleware.runtime.fetcher import Fetcher, Retries
from web import Answer as Page
from web import Web, WebThread

BOT = Agent("ExampleBot")
SITE = "http://a.example/"
ROBOTS = SITE + "robots.txt"
TDMREP = SITE + ".well-known/tdmrep.json"
MOMENT = b"<!doctype html><html><head><title>Just a moment</title></head></html>"
CHALLENGE = Page(403, (("cf-mitigated", "challenge"), ("content-type", "text/html")), body=MOMENT)
WAF = Page(202, (("x-amzn-waf-action", "challenge"),))
OPEN = Page(body=b"User-agent: *\nAllow: /\n")
RESERVED = b'[{"location": "/", "tdm-reservation": 1}]'
NOW = datetime(2026, 11, 29, tzinfo=UTC)

run = pytest.mark.asyncio


class Clock:
    """A clock that is set by hand."""

    now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    pytest.importorskip("scrapy")
    if reason := why_not("asyncio"):
        pytest.skip(reason)
    started = Worker("asyncio")
    yield started
    started.close()


@run
@pytest.mark.parametrize("answer", [CHALLENGE, WAF], ids=["cloudflare", "aws"])
async def test_no_page_is_fetched_past_a_challenge(answer: Page) -> None:
    async with (
        Web({ROBOTS: answer, SITE: Page()}) as web,
        ReservationClient(agent=BOT, proxy=web.proxy_url, retries=Retries(0)) as client,
    ):
        with pytest.raises(PolicyUnreachableError, match="a bot check"):
            await client.get(SITE)
        assert web.count(SITE) == 0


@run
async def test_a_reservation_outlives_the_challenge_that_hides_it() -> None:
    clock = Clock()
    pages = {
        ROBOTS: OPEN,
        TDMREP: Page(body=RESERVED, later=CHALLENGE),
        SITE: Page(),
    }
    fetcher = Fetcher(clock=clock, retries=Retries(0))
    async with (
        Web(pages) as web,
        ReservationClient(agent=BOT, proxy=web.proxy_url, fetcher=fetcher) as client,
    ):
        found = []
        for _ in range(2):
            with pytest.raises(Exception, match="tdm-reservation") as error:
                await client.get(SITE)
            found.append(error.value.decision)  # type: ignore[attr-defined]
            clock.now += timedelta(days=2)
        assert web.count(TDMREP) == 2
        notes = [[note.kind.ident for note in one.notes] for one in found]
        assert notes == [[], ["stale-copy"]]


def test_scrapy_keeps_no_challenge_in_its_http_cache(worker: Worker, tmp_path: Path) -> None:
    settings = {
        "USER_AGENT": "ExampleBot/1.0",
        "HTTPCACHE_ENABLED": True,
        "HTTPCACHE_DIR": str(tmp_path),
        "RETRY_ENABLED": False,
    }
    with WebThread({ROBOTS: Page(**{**vars(CHALLENGE), "later": OPEN}), SITE: Page()}) as web:
        first = worker.crawl(web.proxy_url, requests=[{"url": SITE}], settings=settings)
        second = worker.crawl(web.proxy_url, requests=[{"url": SITE}], settings=settings)
        assert (first.urls, first.blocked) == ([], [SITE])
        assert (second.urls, second.blocked) == ([SITE], [])


def document(status: int, *headers: tuple[str, str], body: bytes | None = b"") -> Document:
    return Document(
        url=ROBOTS,
        resource="robots.txt",
        outcome=Outcome.of(status),
        status=status,
        headers=headers,
        body=body,
        fetched_at=NOW,
        expires=NOW + timedelta(hours=24),
    )


def test_it_is_asked_for_again_after_five_minutes() -> None:
    found = answered(document(403, ("cf-mitigated", "challenge")))
    assert found.outcome is Outcome.UNREACHABLE
    assert found.is_withheld
    assert found.expires == NOW + timedelta(minutes=5)


@pytest.mark.parametrize(
    "given",
    [
        document(200, body=b"User-agent: *\n"),
        document(202, body=b"User-agent: *\n"),
        document(404, ("cf-mitigated", "challenge")),
        document(403, ("cf-mitigated", "")),
        document(403, ("x-amzn-waf-action", " ")),
        document(302, ("x-amzn-waf-action", "challenge")),
    ],
)
def test_other_answers_stay_as_they_are(given: Document) -> None:
    assert answered(given) is given


def test_hostile_values_are_cut() -> None:
    why = no_policy(403, (("x-amzn-waf-action", "x" * 100_000),), b"")
    assert why is not None
    assert len(why) < 100
