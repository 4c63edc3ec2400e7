"""What "blocked by" counts: the reasons that blocked, in stats, log, Prometheus and report alike.

The site allows crawling, which is a reason of its own, and reserves training.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("scrapy")
pytest.importorskip("aiohttp")
pytest.importorskip("prometheus_client")

from scrapy_runner import Worker

from reservation_middleware.aiohttp import ReservationClient, ReservedError
from reservation_middleware.ledger.read.reader import LedgerReader
from reservation_middleware.model import Decision, blocking_signals
from reservation_middleware.report.rollout import Rollout
from reservation_middleware.report.rollout_fold import fold, question_of
from reservation_middleware.runtime.metrics import Metrics
from web import Answer, Web, WebThread

A = "http://a.example"
HTML = ("Content-Type", "text/html")
ROBOTS = b"User-agent: *\nAllow: /\nDisallow: /private\nContent-Signal: search=yes\n"
PAGES = {
    f"{A}/robots.txt": Answer(body=ROBOTS),
    f"{A}/reserved": Answer(200, (HTML, ("tdm-reservation", "1"))),
    f"{A}/private": Answer(200, (HTML,), body=b"<p>private"),
}
URLS = [f"{A}/reserved", f"{A}/private"]
BY = {"tdmrep": 1, "robots": 1}


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker("asyncio") as started:
        yield started


def reported(folder: Path) -> dict[str, int]:
    """Blocks and would-be blocks by signal, as `reservations report` has them."""
    rollout = Rollout(["signal"])
    question = question_of(agent=None, purposes=None, name=None, signals=None)
    with LedgerReader(folder) as reader:
        fold(reader, rollout, question, matrix=False)
    rows = rollout.tables["signal"].top(9).rows
    return {
        name: one.blocked + one.would_block for name, one in rows if one.blocked + one.would_block
    }


@pytest.mark.parametrize("mode", ["enforce", "observe"])
def test_scrapy(worker: Worker, mode: str, tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    settings = {
        "USER_AGENT": "ExampleBot/1.0",
        "RESERVATION_MODE": mode,
        "RESERVATION_LEDGER": str(folder),
    }
    with WebThread(PAGES) as web:
        done = worker.crawl(web.proxy_url, requests=URLS, settings=settings, events=True)
    what = "blocked" if mode == "enforce" else "would_block"
    stats = {
        name.removeprefix(f"reservation/{what}/signal/"): count
        for name, count in done.stats.items()
        if name.startswith(f"reservation/{what}/signal/")
    }
    assert stats == BY
    [event] = [one for one in done.made["events"] if "decided" in one]
    assert event[f"{what}_by"] == BY
    assert reported(folder) == BY


@pytest.mark.asyncio
async def test_aiohttp(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    metrics = Metrics()
    found: list[tuple[str, ...]] = []

    def listen(decision: Decision, blocked: bool) -> None:
        assert blocked
        found.append(blocking_signals(decision))

    async with (
        Web(PAGES) as web,
        ReservationClient(
            agent="ExampleBot", proxy=web.proxy_url, metrics=metrics, ledger=folder, listener=listen
        ) as client,
    ):
        for url in URLS:
            with pytest.raises(ReservedError):
                await client.get(url)
    assert found == [("tdmrep",), ("robots",)]
    assert prometheus(metrics) == BY
    assert reported(folder) == BY


def prometheus(metrics: Metrics) -> dict[str, int]:
    return {
        sample.labels["signal"]: int(sample.value)
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "reservation_blocked_total"
    }


def test_a_profile_that_blocks_what_is_unknown_names_no_signal(worker: Worker) -> None:
    settings = {"USER_AGENT": "ExampleBot/1.0", "RESERVATION_PROFILE": "licence-first"}
    pages = {f"{A}/robots.txt": Answer(body=b"User-agent: *\nAllow: /\n"), f"{A}/x": Answer()}
    with WebThread(pages) as web:
        done = worker.crawl(web.proxy_url, requests=[f"{A}/x"], settings=settings)
    assert done.stat("blocked/signal/none") == 1
    assert done.stat("blocked/signal/robots") == 0
