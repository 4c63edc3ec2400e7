"""What a page that is blocked by its head says in its body: a price, or the licence that is asked for.

Both adapters, in enforce mode: the error carries the offers of the body (RSL 1.0 §4.10, x402).
"""

import asyncio
from typing import Any

import pytest

pytest.importorskip("aiohttp")

from reservation_middleware.aiohttp import ReservationClient, ReservedError
from reservation_middleware.decide.bodies import bill_limit, may_be_bill
from web import Answer, Web, WebThread

A = "http://a.example/"
RSL = "application/rsl+xml"
#: Longer than a bill may be: a licence with many contents is read all the same.
MANY = "".join(
    f'<content url="/{number}"><license><permits type="usage">search</permits></license></content>'
    for number in range(1_000)
)
LICENCE = (
    f'<rsl xmlns="https://rslstandard.org/rsl">{MANY}<content url="" server="https://b.example/olp">'
    '<license><permits type="usage">ai-train</permits><payment type="training">'
    '<amount currency="EUR">5</amount></payment></license></content></rsl>'
).encode()


def served(media_type: str, body: bytes = LICENCE) -> dict[str, Answer]:
    head = (("Content-Type", media_type), ("WWW-Authenticate", 'License error="invalid_request"'))
    return {A + "robots.txt": Answer(404), A + "x": Answer(402, head, body=body)}


def told(offers: Any) -> set[tuple[str, str | None]]:
    return {(offer.kind, offer.price or offer.url) for offer in offers}


async def asked(pages: dict[str, Answer]) -> ReservedError:
    async with (
        Web(pages) as web,
        ReservationClient(agent="ExampleBot", proxy=web.proxy_url) as client,
    ):
        with pytest.raises(ReservedError) as caught:
            await client.get(A + "x")
    return caught.value


def test_aiohttp_reads_the_licence_of_a_402() -> None:
    error = asyncio.run(asked(served(RSL)))
    assert told(error.decision.offers) == {
        ("price", "5"),
        ("token-server", "https://b.example/olp"),
    }


def test_aiohttp_reads_no_other_body_of_a_402() -> None:
    error = asyncio.run(asked(served("text/html")))
    assert error.decision.offers == ()


def test_scrapy_reads_the_licence_of_a_402() -> None:
    pytest.importorskip("scrapy")
    from scrapy_runner import Worker

    with Worker() as worker, WebThread(served(RSL)) as web:
        crawl = worker.crawl(
            web.proxy_url,
            requests=[A + "x"],
            settings={"USER_AGENT": "ExampleBot/1.0", "DOWNLOAD_DELAY": 0},
        )
    assert crawl.blocked == [A + "x"]
    [failed] = crawl.failed
    found = {(one["kind"], one["price"] or one["url"]) for one in failed["record"]["offers"]}
    assert found == {("price", "5"), ("token-server", "https://b.example/olp")}


def test_what_may_be_read_of_a_blocked_page() -> None:
    assert may_be_bill(RSL, 402)
    assert not may_be_bill(RSL, 403)
    assert not may_be_bill("text/html", 402)
    assert bill_limit(RSL) > len(LICENCE) > bill_limit("application/json")
