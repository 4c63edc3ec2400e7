"""docs/scrapy.md names every difference that tests show, each with its reason."""

import re

import pytest

from scrapy_own.differences import DIFFERENCES
from side_by_side.crawls import CRAWLS
from side_by_side.robots import HOLD
from side_by_side.situations import Situation
from support import ROOT

PAGE = (ROOT / "docs" / "scrapy.md").read_text("utf-8")
OTHERWISE = [one for one in CRAWLS if one.reasons]


@pytest.mark.parametrize("test", DIFFERENCES)
def test_what_turns_out_otherwise_in_scrapy_s_own_tests(test: str) -> None:
    assert f"| `{test.rpartition('.')[2]}` | {DIFFERENCES[test]} |" in PAGE


@pytest.mark.parametrize("one", OTHERWISE, ids=[one.name for one in OTHERWISE])
def test_what_turns_out_otherwise_in_crawls(one: Situation) -> None:
    assert f"| {one.name} | {one.reasons} |\n" in PAGE


@pytest.mark.parametrize("is_obeyed", [True, False])
@pytest.mark.parametrize("mode", ["enforce", "observe"])
def test_where_crawl_rules_hold(is_obeyed: bool, mode: str) -> None:
    row = re.search(rf"\| {is_obeyed} \| `{mode}` \| (.*) \|\n", PAGE)
    assert row is not None
    told = [not cell.startswith("do not") for cell in row[1].split(" | ")]
    assert told == [HOLD[is_obeyed, mode, word] for word in ("always", "obey", False)]
