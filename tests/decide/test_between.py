"""What sped-up adapters must keep: stats that are complete, one fetch, references of the right host."""

import asyncio
from collections import Counter
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from reservation_middleware.decide import freshness
from reservation_middleware.decide.check import Check
from reservation_middleware.decide.profiles import profile
from reservation_middleware.decide.reading import RESOURCES, Reading
from reservation_middleware.decide.site import Site
from reservation_middleware.model import (
    PAGE,
    Action,
    Agent,
    Decision,
    Document,
    Outcome,
    PolicyRequest,
    Preference,
)
from reservation_middleware.runtime.cache.memory import MemoryCache
from reservation_middleware.runtime.fetcher import Answer, Ask, Fetcher
from reservation_middleware.runtime.site_memory import CompiledSite, SiteMemory

BOT, POLICY = Agent("ExampleBot"), profile()
RSL = '<http://10.0.0.1/l.xml>; rel="license"; type="application/rsl+xml"'


def site(body: bytes = b"User-agent: *\nDisallow: /x\n") -> Site:
    document = Document(
        url="http://a.example/robots.txt",
        resource="robots.txt",
        outcome=Outcome.FETCHED,
        status=200,
        body=body,
    )
    return Site([Reading(document, RESOURCES["robots.txt"])])


def asked(
    there: Site, url: str, at: str, *head: tuple[str, str]
) -> tuple[Decision, tuple[PolicyRequest, ...]]:
    check = Check(url, agent=BOT, policy=POLICY, site=there)
    check.decide()
    check.feed(Document(url=at, resource=PAGE, outcome=Outcome.FETCHED, status=200, headers=head))
    return check.decide(), check.wants()


@pytest.mark.parametrize(
    ("origin", "elsewhere", "head"),
    [
        ("http://a.example", "https://a.example/1", ("tdm-policy", "/p.json")),
        ("http://a.example", "http://b.example/1", ("tdm-policy", "/p.json")),
        ("http://10.0.0.2", "http://b.example.com/1", ("link", RSL)),
    ],
)
def test_a_page_found_elsewhere_says_nothing_of_others(
    origin: str, elsewhere: str, head: tuple[str, str]
) -> None:
    said = ("tdm-reservation", "1"), head
    warm = site()
    asked(warm, f"{origin}/1", elsewhere, *said)
    again = asked(warm, f"{origin}/2", f"{origin}/2", *said)
    assert again == asked(site(), f"{origin}/2", f"{origin}/2", *said)
    # Nor do others say anything of one found elsewhere.
    assert asked(warm, f"{origin}/3", elsewhere, *said) == asked(
        site(), f"{origin}/3", elsewhere, *said
    )


def test_heads_of_many_fields_are_not_kept() -> None:
    there = site()
    asked(there, "http://a.example/1", "http://a.example/1", *[("x-robots-tag", "")] * 500)
    question = Check("http://a.example/1", agent=BOT, policy=POLICY)._question
    table = there.answers.table(question)
    assert table is not None
    assert not table.heads


def test_many_short_lines_weigh_what_they_take() -> None:
    sites = SiteMemory()
    body = b"User-agent: *\n" + b"".join(b"a%d:b\n" % number for number in range(60_000))
    sites.put(("http://a.example", POLICY.probes), CompiledSite.of(site(body), 0.0))
    assert sites._recent._weight > 30 * len(body)


def test_a_long_cache_control_is_not_kept() -> None:
    before = freshness._said.cache_info().currsize
    headers = (("cache-control", "max-age=3600, " + "x" * 100_000),)
    assert freshness.lifetime(Outcome.FETCHED, headers) == timedelta(hours=1)
    assert freshness._said.cache_info().currsize == before


def test_a_slow_file_is_fetched_once_where_nothing_is_kept() -> None:
    fetched: Counter[str] = Counter()

    async def transport(ask: Ask) -> Answer:
        fetched[ask.url] += 1
        await asyncio.sleep(0.7 if ask.url.endswith("robots.txt") else 0.4)
        return Answer(404, (), b"")

    async def main() -> None:
        fetcher = Fetcher(cache=MemoryCache(1))
        await fetcher.check("http://a.example/x", transport, agent=BOT, policy=POLICY)
        await fetcher.close()

    asyncio.run(main())
    assert set(fetched.values()) == {1}


class _Stats(Counter[str]):
    def inc_value(self, name: str, count: int = 1) -> None:
        self[name] += count

    def set_value(self, name: str, value: Any) -> None:
        self[name] = value


def test_stats_are_complete_for_whoever_was_there_first() -> None:
    pytest.importorskip("scrapy")
    from scrapy import Request, signals
    from scrapy.signalmanager import SignalManager

    from reservation_middleware.scrapy._report import Reports

    crawler: Any = SimpleNamespace(stats=_Stats(), spider=None)
    crawler.signals = SignalManager(crawler)
    journal: Any = SimpleNamespace(tell=lambda *_, **__: "")
    seen: list[int] = []

    def closed() -> None:
        seen.append(crawler.stats["reservation/decided"])

    crawler.signals.connect(closed, signal=signals.spider_closed)
    reports = Reports(crawler, journal)
    reports.write_first()
    check = Check("http://a.example/1", agent=BOT, policy=POLICY, site=site())
    decision = check.decide()
    assert (decision.action, decision.verdict) == (Action.PROCEED, Preference.UNKNOWN)

    async def crawl() -> None:
        reports.tell(check, decision, Request("http://a.example/1"), blocked=False)
        crawler.signals.send_catch_log(signals.spider_closed)

    asyncio.run(crawl())
    reports.tell(check, decision, Request("http://a.example/1"), blocked=False)  # no loop
    assert seen == [1]
    assert crawler.stats["reservation/decided"] == 2
