"""The counts that Prometheus finds: the real endpoint, asked over HTTP, read by its own parser."""

import socket
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("prometheus_client")
pytest.importorskip("aiohttp")

import aiohttp
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from reservation_middleware import profile
from reservation_middleware.aiohttp import ReservationClient, ReservedError
from reservation_middleware.ledger.read.reader import LedgerReader
from reservation_middleware.ledger.read.replay import replay
from reservation_middleware.ledger.verify.ledger import verify
from reservation_middleware.model import ConfigurationError
from reservation_middleware.runtime.config import endpoint
from reservation_middleware.runtime.metrics import ENDPOINT, Metrics
from web import Answer, Web, WebThread

A = "http://a.example/"
HTML = ("Content-Type", "text/html")
PAGES = {
    A + "robots.txt": Answer(body=b"User-agent: *\nDisallow: /private/\n"),
    A + "ok": Answer(headers=(HTML,), body=b"<p>fine"),
    A + "head": Answer(headers=(HTML, ("TDM-Reservation", "1"))),
    A + "moved/robots.txt": Answer(301, (("Location", "/robots.txt"),)),
}
run = pytest.mark.asyncio

#: Name and labels, as Prometheus has them.
Sample = tuple[str, frozenset[tuple[str, str]]]


@pytest.fixture
def where() -> Iterator[str]:
    """An endpoint of this process; closed again, with counts that stay."""
    yield "127.0.0.1:0"
    ENDPOINT.close()


def scraped() -> dict[Sample, float]:
    """What the endpoint shows."""
    [(host, port)] = ENDPOINT.addresses.values()
    assert host == "127.0.0.1"
    with urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=10) as response:
        text = response.read().decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def sample(name: str, **labels: str) -> Sample:
    return f"reservation_{name}", frozenset(labels.items())


def gained(before: dict[Sample, float], name: str, **labels: str) -> float:
    key = sample(name, **labels)
    return scraped().get(key, 0.0) - before.get(key, 0.0)


@asynccontextmanager
async def client(web: Web, metrics: Metrics | str, **options: Any) -> AsyncIterator[Any]:
    async with ReservationClient(
        agent="ExampleBot", proxy=web.proxy_url, metrics=metrics, **options
    ) as made:
        yield made


async def ask(session: Any, *paths: str) -> None:
    for path in paths:
        try:
            async with session.get(A + path):
                pass
        except (ReservedError, aiohttp.ClientError):
            pass


@run
async def test_the_endpoint_shows_what_a_client_decided(where: str, tmp_path: Path) -> None:
    ENDPOINT.serve(where)
    before = scraped()
    async with Web(PAGES) as web, client(web, where, ledger=tmp_path / "l") as session:
        await ask(session, "private/x", "private/y", "ok", "head")
        during = gained(before, "ledger_lines_total", event="written")
        assert during == 4
    for verdict, stage, count in (("disallowed", "headers", 1), ("unknown", "site", 2)):
        labels = {"adapter": "aiohttp", "mode": "enforce", "action": "block"}
        labels |= {"verdict": verdict, "stage": stage}
        assert gained(before, "decisions_total", **labels) == count
    assert gained(before, "blocked_total", adapter="aiohttp", signal="robots") == 2
    assert gained(before, "blocked_total", adapter="aiohttp", signal="tdmrep") == 1
    for outcome in ("fetched", "unavailable"):
        assert gained(before, "policy_fetches_total", adapter="aiohttp", outcome=outcome) == 1
    assert gained(before, "policy_fetch_seconds_count", adapter="aiohttp") == 2
    # The ledger is closed, and what it counted stays.
    assert gained(before, "ledger_lines_total", event="written") == 4
    assert gained(before, "cache_total", event="misses") >= 2
    assert gained(before, "fetcher_total", event="fetches") == 2


@run
async def test_what_would_be_blocked_and_what_is_unreachable(where: str) -> None:
    ENDPOINT.serve(where)
    before = scraped()
    observe = profile().changed({"mode": "observe"})
    pages = {A + "robots.txt": Answer(fault="reset"), A + "x": Answer()}
    async with Web(pages) as web, client(web, where, policy=observe) as session:
        await ask(session, "x")
    assert gained(before, "would_block_total", adapter="aiohttp", signal="robots") == 1
    assert gained(before, "policy_fetches_total", adapter="aiohttp", outcome="unreachable") >= 1
    assert gained(before, "blocked_total", adapter="aiohttp", signal="robots") == 0


@run
async def test_counts_never_go_down_when_a_crawl_ends(where: str) -> None:
    seen = []
    for _ in range(2):
        async with Web(PAGES) as web, client(web, where) as session:
            await ask(session, "ok")
            seen.append(scraped()[sample("fetcher_total", event="fetches")])
        seen.append(scraped()[sample("fetcher_total", event="fetches")])
    assert seen == sorted(seen)
    assert seen[-1] - seen[0] == 2


@run
async def test_metrics_of_ones_own_registry() -> None:
    registry = CollectorRegistry()
    async with Web(PAGES) as web, client(web, Metrics(registry)) as session:
        await ask(session, "head")
    labels = {"adapter": "aiohttp", "signal": "tdmrep"}
    assert registry.get_sample_value("reservation_blocked_total", labels) == 1
    assert ENDPOINT.addresses == {}


def test_one_endpoint_for_all_who_ask(where: str) -> None:
    first = ENDPOINT.serve(where)
    assert ENDPOINT.serve(where) is first
    assert ENDPOINT.serve("0") is first
    assert len(ENDPOINT.addresses) == 1


def test_a_port_that_is_taken_is_an_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"prometheus: 127.0.0.1:{port}: Address"):
            ENDPOINT.serve(f"127.0.0.1:{port}")
    with pytest.raises(ConfigurationError, match=r"prometheus: no-such-host\.invalid:0"):
        ENDPOINT.serve("no-such-host.invalid:0")


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("9464", ("127.0.0.1", 9464)),
        (":0", ("127.0.0.1", 0)),
        ("0.0.0.0:9464", ("0.0.0.0", 9464)),
        ("[::1]:9464", ("::1", 9464)),
        ("localhost:1", ("localhost", 1)),
        ("localhost", None),
        ("localhost:65536", None),
        ("a b:1", None),
        ("::1:1", None),
        ("", None),
    ],
)
def test_where_counts_are_shown(given: str, found: tuple[str, int] | None) -> None:
    if found is not None:
        assert endpoint(given) == found
        return
    with pytest.raises(ConfigurationError, match="must be host:port"):
        endpoint(given)


_SPIDERS = """
import asyncio, sys, urllib.request
import scrapy
from scrapy import crawler as crawlers
from reservation_middleware.runtime.metrics import ENDPOINT

class One(scrapy.Spider):
    name = "one"
    async def start(self):
        for path in ("ok", "head", "private/x"):
            yield scrapy.Request("http://a.example/" + path, meta={"proxy": sys.argv[1]},
                                 errback=lambda failure: None)
    def parse(self, response): pass

SETTINGS = {
    "ADDONS": {"reservation_middleware.scrapy.Addon": 300}, "USER_AGENT": "ExampleBot/1.0",
    "RESERVATION_PROMETHEUS": 0, "TELNETCONSOLE_ENABLED": False, "REMOTE_CONTROL_ENABLED": False,
    "LOG_LEVEL": "WARNING", "RESERVATION_LEDGER": sys.argv[2],
}
make = getattr(crawlers, "AsyncCrawlerProcess", crawlers.CrawlerProcess)
process = make(SETTINGS)
for _ in range(2):
    process.crawl(One)
process.start()
[(host, port)] = ENDPOINT.addresses.values()
print(urllib.request.urlopen(f"http://{host}:{port}/metrics").read().decode())
"""


def test_two_spiders_share_one_endpoint_and_one_ledger(tmp_path: Path) -> None:
    pytest.importorskip("scrapy")
    with WebThread(PAGES) as web:
        done = subprocess.run(
            [sys.executable, "-c", _SPIDERS, web.proxy_url, str(tmp_path / "l")],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    found = {
        (one.name, frozenset(one.labels.items())): one.value
        for family in text_string_to_metric_families(done.stdout)
        for one in family.samples
    }
    assert found[sample("blocked_total", adapter="scrapy", signal="tdmrep")] == 2
    assert found[sample("blocked_total", adapter="scrapy", signal="robots")] == 2
    assert found[sample("policy_fetches_total", adapter="scrapy", outcome="fetched")] == 2
    assert found[sample("policy_fetch_seconds_count", adapter="scrapy")] == 4
    assert found[sample("fetcher_total", event="fetches")] == 4
    assert found[sample("ledger_lines_total", event="written")] == 6
    report = verify(tmp_path / "l", strict=True)
    assert report.ok, report.problems
    with LedgerReader(tmp_path / "l") as reader:
        assert len(reader.segments) == 2  # whoever writes has a segment
        again = list(replay(reader))
    assert (len(again), [one for one in again if one.differences or one.apart]) == (6, [])


def test_without_the_extra_it_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['prometheus_client'] = None\n"
        "from reservation_middleware.aiohttp import reservation_middleware\n"
        "reservation_middleware()\n"  # needs none
        "reservation_middleware(metrics='0')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr.splitlines()[-1].startswith("ImportError: ")
    assert "pip install 'reservation-middleware[prometheus]'" in done.stderr
