"""Ours loses nothing that stock keeps, and breaks nothing that stock obeys.

The situations stand in `side_by_side`; `python -m tests.side_by_side` prints them as a table.
"""

import asyncio
import gc
import re
from collections.abc import Iterator

import pytest

from side_by_side.crawls import CRAWLS
from side_by_side.run import Scrapy
from side_by_side.sessions import USES, Use, compare_use
from side_by_side.situations import Situation
from side_by_side.table import problems, rows
from support import ROOT

#: The tables as `python -m tests.side_by_side` printed them.
TABLE = set((ROOT / "docs" / "side-by-side.md").read_text("utf-8").splitlines())


@pytest.fixture(scope="module")
def scrapy() -> Iterator[Scrapy]:
    with Scrapy() as scrapy:
        yield scrapy


@pytest.mark.slow
@pytest.mark.parametrize("situation", CRAWLS, ids=[one.name for one in CRAWLS])
def test_a_crawl(scrapy: Scrapy, situation: Situation) -> None:
    outcome = scrapy.compare(situation)
    assert problems(situation, outcome) == []
    assert rows(situation, {"add-on": outcome})[0] in TABLE


@pytest.mark.slow
@pytest.mark.parametrize("one", USES, ids=[one.name for one in USES])
def test_a_session(one: Use) -> None:
    outcomes = asyncio.run(compare_use(one))
    gc.collect()  # what was left open says so now
    assert {way: problems(one.situation, outcome) for way, outcome in outcomes.items()} == {
        "client": [],
        "middleware": [],
    }
    assert set(rows(one.situation, outcomes)) <= TABLE


@pytest.mark.parametrize("situation", CRAWLS[::10], ids=[one.name for one in CRAWLS[::10]])
def test_every_tenth_crawl(scrapy: Scrapy, situation: Situation) -> None:
    test_a_crawl(scrapy, situation)


@pytest.mark.parametrize("one", USES[::10], ids=[one.name for one in USES[::10]])
def test_every_tenth_session(one: Use) -> None:
    test_a_session(one)


def test_there_are_more_than_thirty() -> None:
    assert len(CRAWLS) + len(USES) > 30


@pytest.mark.slow
def test_every_stat_stands_in_the_docs(scrapy: Scrapy) -> None:
    page = (ROOT / "docs" / "scrapy.md").read_text("utf-8")
    table = page.partition("## Stats")[2]
    told = [re.sub("<[a-z]+>", ".+", name) for name in re.findall(r"`([\w/.<>]+)`", table)]
    ours = {name for name in scrapy.stats if "reservation" in name or "robotstxt" in name}
    assert ours
    assert {name for name in ours if not any(re.fullmatch(one, name) for one in told)} == set()
