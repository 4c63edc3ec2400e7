"""The tables of a rollout: a fold in bounded memory, and what it prints."""

from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.console import Console
from test_replay import NOW, asked, document, page, told

from reservation_middleware.decide.profiles import profile
from reservation_middleware.ledger.format.lines import DecisionLine
from reservation_middleware.ledger.read.reader import LedgerReader
from reservation_middleware.ledger.write.ledger import Ledger, LineMode
from reservation_middleware.model import NO_SIGNAL, Action, Agent, Mode, Stage, blocking_signals
from reservation_middleware.report.rollout import NOT_KEPT, SILENCE, Rollout
from reservation_middleware.report.rollout_fold import fold, question_of
from reservation_middleware.report.rollout_page import html, plain, show_rollout
from reservation_middleware.report.tally import Counter, Tally

ROBOTS = b"User-agent: *\nDisallow: /private/\nContent-Signal: ai-train=no\n"


def crawl(folder: Path, *, lines: LineMode = LineMode.ALL, hosts: int = 3) -> None:
    """Some hosts: the first reserves training, the others say nothing; all have a private part."""
    policy = profile()
    with Ledger.open(folder, clock=lambda: NOW, lines=lines) as ledger:
        for number in range(hosts):
            origin = f"http://www.host{number}.example"
            robots = ROBOTS if number == 0 else b"User-agent: *\nDisallow: /private/\n"
            documents = [document(f"{origin}/robots.txt", "robots.txt", robots)]
            for path in ("/private/x", "/p"):
                check = asked(f"{origin}{path}", policy, documents)
                stops = check.decide().crawl == "disallowed"
                if not stops:
                    check.feed(page(f"{origin}{path}", b"<p>"))
                told(ledger, check, policy=policy, blocked=stops, octets=None if stops else 3)


def folded(folder: Path, *by: str, matrix: bool = False, **question: Any) -> Rollout:
    rollout = Rollout(by) if by else Rollout()
    words = {"agent": None, "purposes": None, "name": None, "signals": None, **question}
    with LedgerReader(folder) as reader:
        fold(reader, rollout, question_of(**words), matrix=matrix)
    return rollout


def rows(rollout: Rollout, by: str) -> dict[str, tuple[int, int, int]]:
    return {
        key: (one.decisions, one.blocked, one.would_block)
        for key, one in rollout.tables[by].top(100).rows
    }


def test_what_was_blocked_and_would_have_been(tmp_path: Path) -> None:
    crawl(tmp_path / "l")
    found = folded(tmp_path / "l")
    assert (found.total.decisions, found.total.blocked, found.total.would_block) == (6, 3, 1)
    assert found.total.bytes == 9
    assert rows(found, "signal") == {"robots": (3, 3, 0), "content-signals": (2, 1, 1)}
    assert rows(found, "host") == {
        "host0.example": (2, 1, 1),
        "host1.example": (2, 1, 0),
        "host2.example": (2, 1, 0),
    }
    assert rows(found, "purpose") == {"ai-train": (6, 3, 1)}
    assert rows(found, "stage") == {"site": (3, 3, 0), "content": (3, 0, 1)}
    assert found.modes == {"observe": 6}


def test_judged_again(tmp_path: Path) -> None:
    crawl(tmp_path / "l")
    strict = folded(tmp_path / "l", name="licence-first")
    assert (strict.total.then_block, strict.total.newly_blocked, strict.total.newly_free) == (
        6,
        2,
        0,
    )
    assert dict(strict.tables["signal"].top(9).rows)[SILENCE].then_block == 2
    search = folded(tmp_path / "l", purposes=["search"])
    assert (search.total.then_block, search.total.newly_free) == (3, 1)
    robots = folded(tmp_path / "l", signals=["robots"])
    assert (robots.total.then_block, robots.total.newly_free) == (3, 1)


def test_the_matrix_has_each_profile_with_each_purpose(tmp_path: Path) -> None:
    crawl(tmp_path / "l")
    found = folded(tmp_path / "l", matrix=True)
    assert len(found.matrix) == 20
    cell = found.cell("opt-out", "ai-train")
    assert (cell.proceed, cell.block, cell.unread, cell.unasked) == (2, 4, 0, 6)
    assert (cell.blocked_hosts.top(9).rows, cell.free_hosts.top(9).rows) == ([], [])
    cell = found.cell("opt-out", "search")
    assert (cell.proceed, cell.block) == (3, 3)
    assert [key for key, _ in cell.free_hosts.top(9).rows] == ["host0.example"]
    cell = found.cell("licence-first", "tdm")
    assert [key for key, _ in cell.blocked_hosts.top(9).rows] == ["host1.example", "host2.example"]
    assert found.cell("strict", "tdm").unasked == 6


def test_counts_only_are_told_and_not_judged(tmp_path: Path) -> None:
    crawl(tmp_path / "l", lines=LineMode.BULK)
    found = folded(tmp_path / "l", matrix=True, name="strict")
    assert (found.total.decisions, found.counted) == (6, 2)
    assert sum(found.apart.values()) == 2
    told_ = {"ledger": "l", "question": {"profile": "strict"}, **plain(found, top=5)}
    assert "2 decisions were only counted (bulk mode)" in shown(told_)
    assert NOT_KEPT not in rows(found, "signal")


def shown(told_: dict[str, Any]) -> str:
    console = Console(width=200, record=True, file=StringIO())
    show_rollout(console, told_)
    return console.export_text()


def test_a_table_is_bounded() -> None:
    counter = Counter(3)
    for number in range(10):
        counter.add(f"host{number}", Tally(decisions=number + 1))
    found = counter.top(2)
    assert [key for key, _ in found.rows] == ["host2", "host1"]
    assert (found.others, found.rest.decisions, counter.full) == (2, 50, True)


def test_hostile_words_are_printed_as_text(tmp_path: Path) -> None:
    crawl(tmp_path / "l", hosts=1)
    with LedgerReader(tmp_path / "l") as reader:
        [line, _] = [one for _, _, one in reader.lines() if isinstance(one, DecisionLine)]
    found = Rollout(("agent", "adapter"))
    hostile = "<script>[red]\x1b[31m\u202e"
    found.decision(msgspec.structs.replace(line, agent=hostile, adapter=hostile))
    told_ = {"ledger": hostile, "question": {}, **plain(found, top=5)}
    text, web = shown(told_), html(told_)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "<script>[red]" in text
    assert "<script" not in web
    assert "&lt;script&gt;" in web


def test_the_page_has_tables_and_no_scripts(tmp_path: Path) -> None:
    crawl(tmp_path / "l", hosts=15)
    found = folded(tmp_path / "l", matrix=True)
    web = html({"ledger": "l", "question": {}, **plain(found, top=10)})
    assert "<script" not in web
    assert "(5 others)" in web
    assert web.count("<tr>") > 30
    text = shown({"ledger": "l", "question": {}, **plain(found, top=10)})
    assert "30 decisions from 2026-11-22T05:30:00Z" in text
    assert "15 of 30 decisions were blocked, 1 more would have been." in text
    assert "(5 others)" in text
    assert "licence-first" in text


def test_an_empty_ledger_says_so(tmp_path: Path) -> None:
    Ledger.open(tmp_path / "l").close()
    found = folded(tmp_path / "l", matrix=True)
    told_ = {"ledger": "l", "question": {}, **plain(found, top=10)}
    assert "There is no decision in it." in shown(told_)
    html(told_)


def test_whose_words_decide() -> None:
    robots = b"User-agent: *\nDisallow: /\n\nUser-agent: GPTBot\nDisallow: /\n"
    documents = [document("http://a.example/robots.txt", "robots.txt", robots)]
    check = asked("http://a.example/", profile("strict"), documents, agent=Agent("X"))
    assert blocking_signals(check.decide()) == ("robots",)
    open_ = asked("http://a.example/", profile("licence-first"), [])
    assert blocking_signals(open_.decide()) == (NO_SIGNAL,)
    assert blocking_signals(asked("http://a.example/", profile(), []).decide()) == ()


def test_modes_and_stages_are_words() -> None:
    # Keys of tables and of JSON.
    assert (str(Mode.OBSERVE), str(Stage.SITE), str(Action.BLOCK)) == ("observe", "site", "block")


@pytest.mark.parametrize("by", ["profile", "agent", "adapter"])
def test_other_tables(by: str, tmp_path: Path) -> None:
    crawl(tmp_path / "l")
    assert len(rows(folded(tmp_path / "l", by), by)) == 1
