"""The rate card: what is folded together, what is passed over, and what it looks like."""

import json
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from reservation_middleware.ledger.share import rate_card as fold
from reservation_middleware.ledger.share.rate_card import OfferLine, RateCard
from reservation_middleware.report.offers import show_rate_card
from support import Json


def line(url: str, *offers: Json) -> bytes:
    return json.dumps({"url": url, "verdict": "unknown", "offers": offers}).encode()


def offer(document: str, **fields: object) -> Json:
    return {"kind": "price", "signal": "payment", "document": document, **fields}


PRICE = {"price": "0.01", "currency": "USD", "per": "fetch", "protocols": ["pay-per-crawl"]}
LINES = (
    line("https://a.example/x", offer("https://a.example/x", line=7, **PRICE)),
    line("https://www.a.example/y", offer("https://www.a.example/y", **PRICE)),
    line("https://a.example/x", offer("https://a.example/x", line=2, **PRICE)),
    line("https://a.example/z", offer("https://a.example/z", **{**PRICE, "price": "0.02"})),
    line("https://news.co.uk/", offer("https://other.example/l.xml", **PRICE)),
    line("https://b.example/"),
)


def card_of(*lines: bytes, longest: int = 10_000) -> RateCard:
    card = RateCard()
    card.read(lines, longest=longest)
    return card


def told(card: RateCard) -> list[tuple[str, str | None, str, int | None, int]]:
    return [(one.domain, one.price, one.document, one.line, one.pages) for one in card.lines()]


def test_the_same_offer_from_several_pages_is_one_line() -> None:
    card = card_of(*LINES)
    assert told(card) == [
        ("a.example", "0.01", "https://a.example/x", 2, 2),
        ("a.example", "0.02", "https://a.example/z", None, 1),
        ("news.co.uk", "0.01", "https://other.example/l.xml", None, 1),
    ]
    assert (card.records, card.errors, card.bad, card.left_out) == (6, 0, 0, 0)


def test_the_order_of_the_lines_does_not_matter() -> None:
    wanted = card_of(*LINES).lines()
    assert all(card_of(*lines).lines() == wanted for lines in permutations(LINES))


def test_whatever_differs_makes_another_offer() -> None:
    full = {**PRICE, "contact": "a@b.example", "url": "https://b.example/", "until": "2027-01-01"}
    other = {name: ["x"] if name == "protocols" else "x" for name in full}
    kinds = [{**full, name: other[name]} for name in full]
    kinds += [{**full, "kind": "x"}, {**full, "signal": "x"}, full]
    card = card_of(
        *(line("https://a.example/", offer("https://a.example/", **one)) for one in kinds)
    )
    assert len(card.lines()) == len(kinds)


@pytest.mark.parametrize(
    "bad",
    [
        b"nonsense",
        b"[]",
        b"null",
        b"{}",
        b'{"url": "https://a.example/"}',
        b'{"offers": []}',
        b'{"url": 3, "offers": []}',
        b'{"url": "no url", "offers": []}',
        b'{"url": "https://a.example/", "offers": [{"kind": "price"}]}',
        b'{"url": "https://a.example/", "offers": [3]}',
        b'{"url": "https://a.example/", "offers": {}}',
        b'{"url": "https://a.example/\xff", "offers": []}',
        b'{"url": "https://a.example/\\ud800", "offers": []}',
        b'{"url": "https://a.example/", "offers": [], "more": ' + b"[" * 5_000,
        b'{"url": "https://a.example/' + b"x" * 20_000 + b'", "offers": []}',
        b"\x00\x01\x02",
    ],
    ids=lambda bad: str(bad[:40]),
)
def test_what_is_no_record_is_counted_and_passed_over(bad: bytes) -> None:
    card = card_of(LINES[0], bad, LINES[0])
    assert (card.records, card.bad, len(card.lines())) == (2, 1, 1)


def test_errors_of_decide_and_empty_lines_are_no_bad_lines() -> None:
    card = card_of(
        b'{"error": "no JSON", "line": 3}\n', b"\n", b" \r\n", b"\xef\xbb\xbf" + LINES[0]
    )
    assert (card.records, card.errors, card.bad) == (1, 1, 0)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fold, "MOST", 3)
    card = card_of(
        *(line(f"https://a{n}.example/", offer("x" * 5_000, price="1" * 5_000)) for n in range(5)),
        line("https://a0.example/2", offer("x" * 5_000, price="1" * 5_000)),
        longest=20_000,
    )
    assert card.left_out == 2
    assert [one.pages for one in card.lines()] == [2, 1, 1]
    assert {len(one.document) for one in card.lines()} == {2_048}


def test_pages_are_told_apart_by_the_thousand() -> None:
    lines = [
        line(f"https://a.example/{n}", offer("https://a.example/", **PRICE)) for n in range(9_999)
    ]
    [one] = card_of(*lines, *lines).lines()
    assert one.pages == 9_999


@given(st.lists(st.binary(max_size=60) | st.sampled_from(LINES)))
def test_nothing_raises(lines: list[bytes]) -> None:
    card = card_of(*lines)
    assert sorted(card.lines(), key=lambda one: one.domain) == card.lines()


@given(
    st.text(max_size=30),
    st.fixed_dictionaries(
        {"kind": st.text(), "signal": st.text(), "document": st.text()},
        optional={
            name: st.none() | st.text() for name in ("url", "price", "per", "contact", "until")
        },
    ),
    st.integers(20, 150),
)
def test_any_words_are_drawn_as_mere_text(host: str, words: Json, width: int) -> None:
    card = card_of(line(f"https://{host}.example/", words))
    drawn = drawing(card.lines(), width)
    assert all(c.isprintable() or c == "\n" for c in drawn)
    # In cells of the terminal: an accent that combines takes none.
    assert all(cell_len(row) <= 2 * width for row in drawn.splitlines())


def drawing(lines: list[OfferLine], width: int) -> str:
    console = Console(width=width, color_system=None, force_terminal=False)
    with console.capture() as captured:
        show_rate_card(console, lines)
    return captured.get()


def test_markup_and_control_characters_are_text() -> None:
    card = card_of(
        line("https://a.example/", offer("https://a.example/", per="[red]x[/]\x1b[31m\u202ey"))
    )
    drawn = drawing(card.lines(), 150)
    assert "[red]x[/] [31m y" in drawn
    assert "\x1b" not in drawn


@pytest.mark.parametrize("width", [40, 60, 120, 200])
def test_words_stay_whole_in_every_width(width: int) -> None:
    words = ("0.02 USD", "pay-per-crawl", "payment", "news.co.uk", "https://a.example/z")
    drawn = drawing(card_of(*LINES).lines(), width)
    assert [word for word in words if word not in drawn] == []
