"""Payment: what real crawls do with a 402, which is never to pay, and what vectors cannot say.

What a 402 amounts to is said by spec/vectors/payment.json.
"""

import base64
import json
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy_runner import Worker

from reservation_middleware import Agent, Decision, Document, Outcome, profile
from reservation_middleware.aiohttp import (
    ReservationClient,
    ReservedError,
    reservation_middleware,
)
from reservation_middleware.decide.bodies import Look, look
from reservation_middleware.model import PAGE, Offer, Preference
from reservation_middleware.signals import CONTENT, HEADERS, ParsedDocument
from reservation_middleware.signals.payment import Payment
from reservation_middleware.syntax import payment
from reservation_middleware.syntax.challenge import MOST, challenges
from reservation_middleware.syntax.payment import LIMIT, MalformedPaymentError, Price
from support import page_readings
from web import Answer, Seen, Web, WebThread

URL = "http://a.example/x"
BOT = Agent("ExampleBot")
TEXT = ("Content-Type", "text/plain")
JSON = ("Content-Type", "application/json")
WAY = {"scheme": "exact", "network": "base", "asset": "0x1", "payTo": "0x2", "resource": URL}
BILL = {"x402Version": 1, "accepts": [{**WAY, "maxAmountRequired": "10000"}]}
BILL_2 = {
    "x402Version": 2,
    "resource": {"url": URL},
    "accepts": [{"scheme": "exact", "network": "eip155:8453", "amount": "10000"}],
}
FIELD = base64.b64encode(json.dumps(BILL_2).encode()).decode()
REQUEST = base64.urlsafe_b64encode(b'{"amount":"1"}').decode().rstrip("=")
CHALLENGE = f'Payment id="x", realm="a", method="tempo", intent="charge", request="{REQUEST}"'
PRICED = Answer(
    402,
    (TEXT, ("crawler-price", "USD 0.01"), ("PAYMENT-REQUIRED", FIELD), ("Retry-After", "0")),
    body=b"pay",
)
BILLED = Answer(402, (JSON, ("WWW-Authenticate", CHALLENGE)), body=json.dumps(BILL).encode())
#: Request fields that offer, or make, a payment.
PAYING = {
    *("crawler-exact-price", "crawler-max-price", "x-payment", "payment-signature"),
    *("authorization", "signature", "signature-input", "signature-agent"),
}


def asked_once(log: Iterable[Seen]) -> None:
    """The page was asked for once, and no request had anything to do with money."""
    seen = list(log)
    assert [one.url for one in seen].count(URL) == 1
    for one in seen:
        assert not PAYING & one.headers.keys()
        assert not [name for name in one.headers if "price" in name or "payment" in name]


def protocols(offers: Iterable[Offer]) -> list[str]:
    return [offer.protocols[0] for offer in offers]


# Real crawls: nothing is paid, nothing retried


@pytest.mark.parametrize("way", ["middleware", "client"])
@pytest.mark.parametrize("mode", ["enforce", "observe"])
@pytest.mark.asyncio
async def test_aiohttp_asks_once_and_pays_nothing(way: str, mode: str) -> None:
    policy = profile().changed({"mode": mode})
    decisions: list[Decision] = []
    async with Web({URL: PRICED}) as web:
        session: Any
        if way == "client":
            session = ReservationClient(policy=policy, agent=BOT, proxy=web.proxy_url)
        else:
            check = reservation_middleware(policy, agent=BOT)
            session = aiohttp.ClientSession(middlewares=(check,), proxy=web.proxy_url)
        async with session:
            if mode == "enforce":
                with pytest.raises(ReservedError) as caught:
                    await session.get(URL)
                decisions.append(caught.value.decision)
            else:
                async with session.get(URL) as response:
                    assert response.status == 402
                    assert await response.read() == b"pay"
                    known = (session if way == "client" else check).decision(response)
                    assert known is not None
                    decisions.append(known)
        asked_once(web.log)
    [decision] = decisions
    assert decision.verdict is Preference.DISALLOWED
    assert decision.crawl is Preference.ALLOWED
    assert protocols(decision.offers) == ["pay-per-crawl", "x402"]
    assert (decision.offers[0].price, decision.offers[0].currency) == ("0.01", "USD")


@pytest.mark.asyncio
async def test_the_aiohttp_client_reads_a_bill() -> None:
    observing = profile().changed({"mode": "observe"})
    async with (
        Web({URL: BILLED}) as web,
        ReservationClient(policy=observing, agent=BOT, proxy=web.proxy_url) as client,
        client.get(URL) as response,
    ):
        assert await response.json() == BILL  # still there for its reader
        decision = client.decision(response)
        assert decision is not None
        assert protocols(decision.offers) == ["payment", "x402"]
        asked_once(web.log)


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", ["client", "middleware"])
async def test_aiohttp_reads_a_bill_before_it_blocks(kind: str) -> None:
    async with Web({URL: BILLED}) as web:
        if kind == "client":
            client: Any = ReservationClient(agent=BOT, proxy=web.proxy_url)
        else:
            client = aiohttp.ClientSession(
                middlewares=(reservation_middleware(agent=BOT),), proxy=web.proxy_url
            )
        async with client:
            with pytest.raises(ReservedError) as caught:
                await client.get(URL)
        assert protocols(caught.value.decision.offers) == ["payment", "x402"]
        asked_once(web.log)


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    """A process that crawls with Scrapy."""
    pytest.importorskip("scrapy")
    with Worker() as started:
        yield started


@pytest.mark.parametrize(
    ("mode", "answer", "expected"),
    [
        ("enforce", PRICED, ["pay-per-crawl", "x402"]),
        ("observe", PRICED, ["pay-per-crawl", "x402"]),
        ("enforce", BILLED, ["payment", "x402"]),
        ("observe", BILLED, ["payment", "x402"]),
    ],
)
def test_scrapy_asks_once_and_pays_nothing(
    worker: Worker, mode: str, answer: Answer, expected: list[str]
) -> None:
    settings = {
        "USER_AGENT": "ExampleBot/1.0",
        "RESERVATION_MODE": mode,
        "HTTPERROR_ALLOW_ALL": True,
        "DOWNLOAD_DELAY": 0,
    }
    with WebThread({URL: answer}) as web:
        crawl = worker.crawl(web.proxy_url, requests=[URL], settings=settings)
        log = web.log
    asked_once(log)
    assert crawl.blocked == ([URL] if mode == "enforce" else [])
    [told] = crawl.failed if mode == "enforce" else crawl.got
    record = told["record"]
    assert record["verdict"] == "disallowed"
    assert record["crawl"] == "allowed"
    assert [offer["protocols"][0] for offer in record["offers"]] == expected
    assert crawl.problems == []


# What is looked into


@pytest.mark.parametrize(
    ("media_type", "status", "expected"),
    [
        ("application/json", 402, True),
        ("application/x402+json", 402, True),
        ("application/json", 200, False),
        ("application/json", None, False),
        ("application/ld+json", 404, False),
        ("application/jsonp", 402, False),
        ("text/plain", 402, False),
        ("text/html", 200, True),
        ("", 402, True),
    ],
)
def test_json_is_looked_into_only_where_it_may_be_a_bill(
    media_type: str, status: int | None, expected: bool
) -> None:
    head = Document(
        url="https://a.example/x",
        resource="page",
        outcome=Outcome.FETCHED,
        status=status,
        headers=(("content-type", media_type),),
    )
    assert (look(head, b'{"x402Version": 1}', ended=True) is Look.PAGE) is expected


def page(status: int, *headers: tuple[str, str], body: bytes | None = None) -> Document:
    headers = tuple((name.lower(), value) for name, value in headers)
    return Document(
        url=URL,
        resource=PAGE,
        outcome=Outcome.of(status),
        status=status,
        headers=headers,
        body=body,
    )


def notes(document: Document) -> list[str]:
    return [note.kind.ident for one in page_readings(document) for note in one.notes]


def test_a_bill_of_64_kib_is_read_and_a_longer_one_noted() -> None:
    body = json.dumps(BILL).encode()
    assert notes(page(402, JSON, body=body + b" " * (LIMIT - len(body)))) == []
    assert notes(page(402, JSON, body=body + b" " * (LIMIT + 1 - len(body)))) == [
        "payment-body-malformed"
    ]


def test_a_field_that_is_too_long_is_noted() -> None:
    assert notes(page(402, ("payment-required", "A" * (LIMIT + 1)))) == [
        "payment-required-malformed"
    ]


def test_a_flood_is_cut() -> None:
    ways = [{"scheme": "exact", "amount": str(number)} for number in range(400)]
    field = base64.b64encode(json.dumps({"accepts": ways}).encode()).decode()
    head = page(402, *[("payment-required", field)] * 30, *[("crawler-price", "x")] * 30)
    [reading] = page_readings(head)
    assert len(reading.notes) == 8
    [(_, findings)] = reading.found
    assert len(findings.statements()) == 1 + 8 * payment.MOST


@pytest.mark.parametrize(
    "body",
    [b"{" * 16_000_000, b"{" + b" " * 16_000_000, b" " * 16_000_000, b"[" * 16_000_000],
    ids=["deep", "empty", "blank", "list"],
)
def test_a_huge_body_takes_no_time(body: bytes) -> None:
    page_readings(page(402, JSON, body=body))


# The grammars


def test_challenges_are_told_from_parameters() -> None:
    found = challenges('Basic realm="a, Payment", Payment id = x ,realm="\\"", Negotiate a==, New')
    assert [(one.scheme, dict(one.parameters)) for one in found] == [
        ("basic", {"realm": "a, Payment"}),
        ("payment", {"id": "x", "realm": '"'}),
        ("negotiate", {}),
        ("new", {}),
    ]


@pytest.mark.parametrize("unit", ['"', ",", "a ", "a=", "a=b,", '"a', "\\", "= ", 'a=",', "é"])
def test_a_flood_of_challenges_is_cut_short(unit: str) -> None:
    assert len(challenges(unit * 1_000_000)) <= MOST


@given(st.text() | st.text(alphabet='Paymentid=", \\\t'))
def test_challenges_never_raise(value: str) -> None:
    challenges(value)


@given(st.from_regex(r"[A-Z]{3} [0-9]{1,15}(\.[0-9]{1,15})?", fullmatch=True))
def test_prices_are_read_as_written(value: str) -> None:
    assert payment.price(value) == Price(*value.split(" "))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
names = st.sampled_from(["scheme", "network", "amount", "maxAmountRequired", "resource", "url"])
bills = st.fixed_dictionaries(
    {"accepts": st.lists(st.dictionaries(names, json_values)) | json_values},
    optional={"resource": json_values, "x402Version": json_values},
)


@given(bills.map(lambda bill: json.dumps(bill).encode()) | st.binary())
def test_bills_never_raise_anything_else(body: bytes) -> None:
    reads: tuple[Callable[[], object], ...] = (
        partial(payment.bill, body),
        partial(payment.encoded_bill, base64.b64encode(body).decode()),
        partial(payment.encoded_bill, body.decode("latin-1")),
    )
    for read in reads:
        try:
            ways = read()
        except MalformedPaymentError:
            continue
        assert ways is None or isinstance(ways, tuple)


values = st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=255))
fields = st.sampled_from(
    ["crawler-price", "payment-required", "www-authenticate", "link", "crawler-error"]
)
heads = st.lists(st.tuples(fields, values | st.sampled_from([CHALLENGE, FIELD, "USD 1"])))


@given(heads, st.sampled_from([200, 401, 402, 403, 451]), st.binary())
def test_the_signal_never_raises(headers: list[tuple[str, str]], status: int, body: bytes) -> None:
    document = page(status, JSON, *headers, body=body)
    for place in (HEADERS, CONTENT):
        found = Payment().parse(ParsedDocument(document, place))
        statements = found.statements() if found else ()
        assert all(one.preference is Preference.DISALLOWED for one in statements)
        assert status in (402, 451) or not statements
