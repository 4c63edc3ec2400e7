"""The words for people: one thing, one word, as spec/vocabulary.md has them."""

import re
from pathlib import Path

import pytest
from test_rollout import crawl, folded, shown

from reservation_middleware import Agent, Check, profile
from reservation_middleware.model import LEAVES, SHORTHANDS, Preference, Stage
from reservation_middleware.owners.inspect.inspection import State
from reservation_middleware.owners.inspect.matrix import Value
from reservation_middleware.report.rollout_page import html, plain
from reservation_middleware.report.words import PURPOSES, STAGES, VALUES

SPEC = Path(__file__).parents[2] / "spec" / "vocabulary.md"


def test_every_word_stands_in_the_vocabulary() -> None:
    text = SPEC.read_text("utf-8")
    words = text[text.index("## Words for people") : text.index("## False friends")]
    for word in (*VALUES.values(), *STAGES.values(), *State):
        assert word in words
    for value in Value:
        assert value.partition(" (")[0] in words


def test_purposes_values_and_stages_are_complete() -> None:
    assert set(PURPOSES) == {*LEAVES, *SHORTHANDS}
    assert set(VALUES) == {*Preference, None}
    assert set(STAGES) == set(Stage)


def test_the_answer_comes_first(tmp_path: Path) -> None:
    crawl(tmp_path / "l")
    rollout = {
        "ledger": "l",
        "question": {"profile": "licence-first"},
        **plain(folded(tmp_path / "l", name="licence-first"), top=5),
    }
    lines = shown(rollout).splitlines()
    assert lines[0] == (
        "From opt-out to licence-first: 2 more of 6 decisions would be blocked, none freed."
    )
    assert re.fullmatch(r"   now +2 proceed +4 blocked", lines[1].rstrip())
    assert re.fullmatch(r"   licence-first +0 proceed +6 blocked", lines[2].rstrip())
    assert re.match(r"why newly blocked +decisions +hosts", lines[4])
    assert re.match(r"\(nobody said anything\) +2 +host1.example, host2.example", lines[5])
    assert any("--matrix" in line for line in lines)


def test_freed_decisions_are_named(tmp_path: Path) -> None:
    crawl(tmp_path / "l")
    found = plain(folded(tmp_path / "l", purposes=["search"]), top=5)
    text = shown({"ledger": "l", "question": {"purpose": "search"}, **found})
    assert text.startswith("With purpose search: 0 more of 6 decisions would be blocked, 1 freed.")
    # What the crawl was made for is told as that.
    assert "purpose in the crawl" in text


def test_numbers_stand_to_the_right(tmp_path: Path) -> None:
    crawl(tmp_path / "l", hosts=12)
    text = shown({"ledger": "l", "question": {}, **plain(folded(tmp_path / "l", "stage"), top=5)})
    lines = [line for line in text.splitlines() if line.startswith(("stage", "before", "after"))]
    ends = [re.match(r"\S+(?: \S+)* {2,}\S+", line) for line in lines]
    assert len({found.end() for found in ends if found}) == 1


def test_the_page_of_a_report_has_captions_marks_and_a_foot(tmp_path: Path) -> None:
    crawl(tmp_path / "l")
    rollout = plain(folded(tmp_path / "l", matrix=True, name="strict"), top=5)
    page = html(
        {
            "ledger": "l",
            "question": {"profile": "strict"},
            "command": "reservations report l",
            "made": "today",
            **rollout,
        }
    )
    assert page.count("<caption>") == page.count("<table")
    assert page.count("<h1>") == 1
    assert "▸ opt-out" in page
    assert "▸ strict" not in page
    for words in ("reservations report l", "made today", "Skip to", "after the content"):
        assert words in page
    assert "let through" not in page


@pytest.mark.parametrize(
    ("name", "words"),
    [("opt-out", "may use for ai-train: not said"), ("strict", "may not fetch: not said")],
)
def test_a_sentence_where_nobody_spoke(name: str, words: str) -> None:
    check = Check("https://a.example/", agent=Agent("ExampleBot"), policy=profile(name))
    assert check.decide().sentence() == words
