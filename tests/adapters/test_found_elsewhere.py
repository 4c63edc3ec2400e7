"""Pages that a handler found elsewhere, or rendered without their head: judged by what was seen.

The handler stands in for those that follow redirects themselves, such as browsers; the real ones
are in tests/plugins.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("scrapy")

from scrapy_runner import Crawl, Worker

from reservation_middleware.decide.check import Check
from reservation_middleware.ledger.format.lines import DecisionLine
from reservation_middleware.ledger.read.reader import LedgerReader
from reservation_middleware.ledger.read.replay import replay
from reservation_middleware.ledger.verify.ledger import verify
from reservation_middleware.model import PAGE, Agent, Document, Outcome
from web import Answer, WebThread

A, B = "http://a.example", "http://b.example"
PAGES = {
    f"{A}/robots.txt": Answer(body=b"User-agent: *\nDisallow: /private\n"),
    f"{B}/robots.txt": Answer(body=b"User-agent: *\nDisallow: /closed\n"),
    f"{B}/.well-known/tdmrep.json": Answer(body=b'[{"location": "/tdm", "tdm-reservation": 1}]'),
}
NOAI = '<meta name="robots" content="noai">'


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker("asyncio") as started:
        yield started


@pytest.fixture(scope="module")
def web() -> Iterator[WebThread]:
    with WebThread(PAGES) as started:
        yield started


def crawl(worker: Worker, web: WebThread, *metas: dict[str, Any], **settings: Any) -> Crawl:
    done = worker.crawl(
        web.proxy_url,
        requests=[{"url": f"{A}/x", "meta": meta} for meta in metas],
        settings={
            "USER_AGENT": "ExampleBot/1.0",
            "DOWNLOADER_MIDDLEWARES": {"scrapy_parts.Browser": 950},
            "CONCURRENT_REQUESTS": 1,
            **settings,
        },
    )
    assert done.problems == []
    return done


def test_the_policies_of_where_it_was_found_decide(worker: Worker, web: WebThread) -> None:
    found = [f"{A}/private", f"{B}/closed", f"{B}/tdm", f"{B}/open", f"{A}/open"]
    done = crawl(worker, web, *({"found": url} for url in found))
    assert [one["record"]["url"] for one in done.failed] == found[:3]
    assert {one["error"] for one in done.failed} == {"ReservedError"}
    assert {one["url"] for one in done.failed} == {f"{A}/x"}  # what was asked for
    assert [one["record"]["url"] for one in done.got] == found[3:] == done.urls
    assert done.stat("found_elsewhere") == 5
    assert done.stat("decided") == len(done.decided) == 5
    assert done.stat("blocked") == 3


def test_head_and_content_count_where_it_was_found(worker: Worker, web: WebThread) -> None:
    reserved = {"tdm-reservation": "1"}
    done = crawl(
        worker,
        web,
        {"found": f"{B}/open", "fields": reserved},
        {"found": f"{B}/open", "body": NOAI},
        {"found": f"{B}/closed", "dont_obey_robotstxt": True},
    )
    assert [one["record"]["stage"] for one in done.failed] == ["headers", "content"]
    assert done.urls == [f"{B}/closed"]


def test_a_skip_is_for_the_site_that_was_asked(worker: Worker, web: WebThread) -> None:
    skip = {"skip": True}
    found = (f"{B}/closed", f"{A}/private")
    done = crawl(worker, web, *({"found": url, "reservation": skip} for url in found))
    assert [one["record"]["url"] for one in done.failed] == [f"{B}/closed"]
    assert done.urls == [f"{A}/private"]


@pytest.mark.parametrize(
    "spelling", ["http://A.example:80/x", "http://a.example/x#part", "http://a.example/%78"]
)
def test_another_spelling_is_not_elsewhere(worker: Worker, web: WebThread, spelling: str) -> None:
    done = crawl(worker, web, {"found": spelling})
    assert done.stat("found_elsewhere") == 0
    assert done.stat("decided") == 1


@pytest.mark.parametrize("found", ["about:blank", "data:text/html,x", f"{B}/robots.txt"])
def test_what_has_no_policies_of_its_own_is_delivered(
    worker: Worker, web: WebThread, found: str
) -> None:
    done = crawl(worker, web, {"found": found})
    assert done.urls == [found]
    assert done.stat("decided") == 1


def test_a_response_without_headers_says_so(worker: Worker, web: WebThread, tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    metas = (
        {"headless": 1},
        {"headless": 1, "body": NOAI},
        {"found": f"{A}/x", "fields": {"A": "b"}},
    )
    done = crawl(worker, web, *metas, RESERVATION_LEDGER=str(folder))
    silent, whole = (one["record"] for one in done.got)
    [speaks] = (one["record"] for one in done.failed)
    for record in (silent, speaks):
        assert record["consulted"] == ["robots.txt", "tdmrep.json", "content"]
        assert "headers" in record["not_reached"]
    assert whole["consulted"] == ["robots.txt", "tdmrep.json", "headers", "content"]
    # The ledger holds the same, and can be judged again.
    report = verify(folder, strict=True)
    assert report.ok, report.problems
    with LedgerReader(folder) as reader:
        again = list(replay(reader))
        lines = [entry for one in reader.segments for _, entry in one.lines()]
    assert [one for one in again if one.differences or one.apart] == []
    found = [line.consulted for line in lines if isinstance(line, DecisionLine)]
    assert sorted("headers" in one for one in found) == [False, False, True]


def test_a_rendered_status_that_speaks_is_seen(worker: Worker, web: WebThread) -> None:
    done = crawl(worker, web, {"headless": 1, "status": 451}, HTTPERROR_ALLOW_ALL=True)
    [one] = done.failed
    assert one["record"]["consulted"] == ["robots.txt", "tdmrep.json", "headers"]


def test_the_core_tells_a_page_without_a_head(worker: Worker) -> None:
    check = Check(f"{A}/x", agent=Agent("ExampleBot"))
    page = Document(url=f"{A}/x", resource=PAGE, outcome=Outcome.FETCHED, body=b"<p>x")
    check.feed(page)
    decision = check.decide()
    assert decision.consulted == ("content",)
    assert {"robots.txt", "tdmrep.json", "headers"} <= set(decision.not_reached)
