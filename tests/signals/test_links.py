"""Documents that others point to: fetched once, kept, lost, redirected; in real crawls.

What they mean is their signals' business and tested with the vectors. Here: how often they are
asked for, where they must not lead, what becomes of a page whose document is slow or gone, and
that a site that is kept answers as one that was made a moment ago.
"""

import asyncio
import gc
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import repeat
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from reservation_middleware import Agent, Check, Decision, Document, Outcome, profile
from reservation_middleware.aiohttp import ReservationClient, ReservedError, reservation_middleware
from reservation_middleware.decide.batch import Given, _document
from reservation_middleware.decide.reading import is_policy_resource
from reservation_middleware.decide.record import record
from reservation_middleware.model import Preference
from reservation_middleware.runtime.fetcher import Answer, Ask, Fetcher, Retries
from reservation_middleware.syntax.host import is_public
from reservation_middleware.syntax.path import split_url
from reservation_middleware.syntax.rsl import NAMESPACE
from support import load_vectors
from web import Answer as Page
from web import Web, WebThread

pytestmark = pytest.mark.usefixtures("short_pauses")

BOT = Agent("ExampleBot")
A, B = "http://a.example/", "http://b.example/"
TERMS = f"{B}license.xml"
RSL = ("content-type", "application/rsl+xml")
HTML = ("content-type", "text/html")
LINK = ("link", f'<{TERMS}>; rel="license"; type="application/rsl+xml"')

run = pytest.mark.asyncio


def terms(inner: str = '<prohibits type="usage">ai-train</prohibits>', url: str = "/") -> bytes:
    return (
        f'<rsl xmlns="{NAMESPACE}"><content url="{url}"><license>{inner}</license></content></rsl>'
    ).encode()


NO, YES = terms(), terms('<permits type="usage">all</permits>')


def fetched(url: str, resource: str, body: bytes | None = b"", **more: Any) -> Document:
    return msgspec.structs.replace(
        Document(url=url, resource=resource, outcome=Outcome.FETCHED, status=200, body=body),
        **more,
    )


def offers(decision: Decision) -> list[tuple[str, str | None]]:
    return [(one.kind, one.price or one.url or one.contact) for one in decision.offers]


# ---- the machine


def test_one_address_may_be_two_documents() -> None:
    head = (LINK, ("tdm-reservation", "1"), ("tdm-policy", TERMS), HTML)
    for order in (1, -1):
        check = Check(f"{A}x", agent=Agent("ExampleBot", ["search"]))
        check.feed(fetched(f"{A}robots.txt", "robots.txt"))
        check.feed(fetched(f"{A}x", "page", headers=head, body=None))
        wanted = [one for one in check.wants() if one.url == TERMS]
        assert {one.resource for one in wanted} == {"rsl", "tdm-policy"}
        for one in wanted[::order]:
            check.feed(
                fetched(TERMS, one.resource, terms('<prohibits type="usage">all</prohibits>'))
            )
        assert check.decide().verdict is Preference.DISALLOWED
        assert not [one for one in check.wants() if one.url == TERMS]


def test_robots_txt_that_names_itself_as_a_licence() -> None:
    check = Check(f"{A}x", agent=BOT)
    rules = f"License: {A}robots.txt\n".encode()
    check.feed(fetched(f"{A}robots.txt", "robots.txt", rules))
    [own] = [one for one in check.wants() if one.resource == "rsl"]
    check.feed(fetched(own.url, "rsl", rules))
    decision = check.decide()
    assert decision.crawl is Preference.ALLOWED
    assert "rsl-document-invalid" in {note.kind.ident for note in decision.notes}
    assert not [one for one in check.wants() if one.resource == "rsl"]


def test_beyond_the_limit_no_yes_counts() -> None:
    def said(number: int, *, last: bytes = YES) -> Decision:
        check = Check(f"{A}x", agent=BOT)
        check.feed(fetched(f"{A}robots.txt", "robots.txt"))
        links = tuple(("link", LINK[1].replace("license", f"{n}", 1)) for n in range(number))
        check.feed(fetched(f"{A}x", "page", headers=(HTML, *links), body=None))
        wanted = [one for one in check.wants() if one.resource == "rsl"]
        assert len(wanted) == min(number, 4)
        for one in wanted:
            check.feed(fetched(one.url, "rsl", last if one is wanted[-1] else YES))
        assert not [one for one in check.wants() if one.resource == "rsl"]
        return check.decide()

    assert said(4).verdict is Preference.ALLOWED
    assert said(4, last=NO).verdict is Preference.DISALLOWED
    several = said(5)
    assert several.verdict is Preference.UNKNOWN
    assert "rsl" not in several.not_reached
    assert [note.kind.ident for note in several.notes] == ["rsl-document-unreachable"]
    assert len(said(100).notes) == 1


def test_what_a_page_points_to_bounds_the_decision() -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    check = Check(f"{A}x", agent=BOT)
    check.feed(fetched(f"{A}robots.txt", "robots.txt", expires=now + timedelta(hours=24)))
    check.feed(fetched(f"{A}x", "page", headers=(HTML, LINK), body=None))
    check.feed(fetched(TERMS, "rsl", YES, expires=now + timedelta(minutes=5)))
    assert check.decide().expires == now + timedelta(minutes=5)


CONTACT = '<legal type="contact">mailto:x@a.example</legal>'
PAID = (
    '<permits type="usage">ai-train</permits><payment type="training">'
    f'<amount currency="USD">9.50</amount></payment>{CONTACT}'
)
CLOSED = '<prohibits type="usage">ai-train</prohibits>'


@pytest.mark.parametrize(
    ("contents", "path", "found"),
    [
        ((PAID, "/"), "y/1", [("price", "9.50")]),
        # What has a price elsewhere is not on offer where a narrower path prohibits it.
        ((PAID, "/", CLOSED, "/y/"), "y/1", []),
        ((PAID, "/", CLOSED, "/y/"), "x", [("price", "9.50")]),
        # Where only another use is prohibited, it still is.
        ((PAID, "/", '<prohibits type="usage">search</prohibits>', "/y/"), "y/1", ["price"]),
        # Whom to ask is said by what is free, too, and by what is prohibited.
        (
            (f'<permits type="usage">search</permits>{CONTACT}', "/"),
            "x",
            [("contact", "x@a.example")],
        ),
        (
            (f"{CLOSED}{CONTACT}", "/"),
            "x",
            [("contact", "x@a.example")],
        ),
    ],
)
def test_rsl_offers_what_can_be_had_there(
    contents: tuple[str, ...], path: str, found: list[Any]
) -> None:
    inner = "".join(
        f'<content url="{url}"><license>{licence}</license></content>'
        for licence, url in zip(contents[::2], contents[1::2], strict=True)
    )
    check = Check(f"{A}{path}", agent=BOT)
    check.feed(fetched(f"{A}robots.txt", "robots.txt", f"License: {TERMS}\n".encode()))
    check.feed(fetched(TERMS, "rsl", f'<rsl xmlns="{NAMESPACE}">{inner}</rsl>'.encode()))
    decision = check.decide()
    assert decision.blocked
    given = offers(decision)
    assert (given if found != ["price"] else [kind for kind, _ in given]) == found


# ---- in real crawls


def to(url: str) -> Page:
    return Page(302, (("location", url),))


def page(*more: tuple[str, str], body: bytes = b"<p>x") -> Page:
    return Page(200, (HTML, LINK, *more), body=body)


def web(**pages: Page) -> dict[str, Page]:
    """Pages by their path on A, and the document that they point to."""
    known = {f"{A}{path}": page for path, page in pages.items()}
    return {f"{A}robots.txt": Page(404), TERMS: Page(200, (RSL,), body=NO), **known}


@asynccontextmanager
async def crawler(way: str, served: Web, **options: Any) -> AsyncIterator[Any]:
    """The client, or a session with the drop-in middleware."""
    options = {"proxy": served.proxy_url, **options}
    ours = {name: options.pop(name) for name in ("policy", "fetcher") if name in options}
    if way == "client":
        async with ReservationClient(agent=BOT, **ours, **options) as client:
            yield client
    else:
        check = reservation_middleware(agent=BOT, **ours)
        async with aiohttp.ClientSession(middlewares=(check,), **options) as session:
            yield session


async def outcome(session: Any, url: str) -> str:
    """How many octets came, or the stage at which it was blocked."""
    try:
        async with session.get(url) as response:
            return str(len(await response.read()))
    except ReservedError as error:
        return str(error.decision.stage)


both_ways = pytest.mark.parametrize("way", ["middleware", "client"])


@run
@both_ways
async def test_500_pages_ask_once_for_what_they_point_to(way: str) -> None:
    paths = [f"p{number}" for number in range(500)]
    pages = web(**dict.fromkeys(paths, page()))
    pages[TERMS] = replace(pages[TERMS], delay=0.3)
    async with Web(pages) as served, crawler(way, served) as session:
        found = await asyncio.gather(*(outcome(session, A + path) for path in paths))
        assert set(found) == {"headers"}
        assert served.count(TERMS) == 1


@run
@both_ways
@pytest.mark.parametrize("limits", [{"limit": 2}, {"limit": 0, "limit_per_host": 2}])
async def test_pages_that_hold_every_connection_get_their_documents(
    way: str, limits: dict[str, Any]
) -> None:
    """They are too long to have come whole, so each of them keeps its connection."""
    large = b"<p>" + b"x" * 3_000_000
    pages = web(**{f"p{number}": page(body=large) for number in range(6)})
    own = f"{A}license.xml"
    pages |= {own: Page(200, (RSL,), body=YES), TERMS: to(own)}
    connector = aiohttp.TCPConnector(**limits)
    async with (
        Web(pages) as served,
        crawler(way, served, connector=connector) as session,
        asyncio.timeout(20),
    ):
        found = await asyncio.gather(*(outcome(session, f"{A}p{n}") for n in range(6)))
        assert found == [str(len(large))] * 6
        assert served.count(TERMS) == served.count(own) == 1
        assert not connector._acquired


@run
async def test_a_page_does_not_wait_for_those_that_wait_for_connections() -> None:
    large = b"<p>" + b"x" * 3_000_000
    pages = {
        **web(x=page(body=large), y=page(body=large)),
        f"{B}robots.txt": Page(body=f"License: {TERMS}\n".encode()),
        f"{B}x": page(),
    }
    pages[f"{A}y"] = replace(pages[f"{A}y"], delay=0.5)
    pages[f"{B}robots.txt"] = replace(pages[f"{B}robots.txt"], delay=0.2)
    connector = aiohttp.TCPConnector(limit=2)
    async with (
        Web({**pages, TERMS: Page(200, (RSL,), body=YES)}) as served,
        crawler("client", served, connector=connector) as session,
        asyncio.timeout(20),
    ):
        urls = [f"{A}x", f"{A}y", f"{B}x"]
        found = await asyncio.gather(*(outcome(session, url) for url in urls))
        assert found == [str(len(large))] * 2 + ["4"]
        assert served.count(TERMS) <= 2


PRIVATE = "http://169.254.169.254/latest"


@run
@both_ways
@pytest.mark.parametrize(
    ("where", "action"),
    [
        ("robots.txt", "site"),
        (".well-known/tdmrep.json", "4"),
        ("license.xml", "4"),
    ],
)
async def test_no_redirect_leads_into_a_private_net(way: str, where: str, action: str) -> None:
    pages = web(x=page())
    pages |= {
        TERMS: to(f"{A}license.xml"),
        f"{A}license.xml": Page(404),
        f"{A}{where}": to(PRIVATE),
        PRIVATE: Page(body=NO),
    }
    async with Web(pages) as served, crawler(way, served) as session:
        assert await outcome(session, f"{A}x") == action
        assert served.count(PRIVATE) == 0


@pytest.mark.parametrize(
    ("url", "public"),
    [
        ("https://a.example/", True),
        ("https://8.8.8.8/", True),
        ("https://[2606:4700::1111]/", True),
        ("https://[64:ff9b::808:808]/", True),
        ("https://[64:ff9b::a9fe:a9fe]/", False),
        ("https://[2002:7f00:1::]/", False),
        ("https://[::127.0.0.1]/", False),
        ("https://[::ffff:127.0.0.1]/", False),
        ("https://[fe80::1%25eth0]/", False),
        ("https://router/", False),
        ("https://loc%61lhost/", False),
        ("https://127%E3%80%820%E3%80%820%E3%80%821/", False),
        ("https://nas.home.arpa./", False),
        ("https://a.example@10.0.0.1/", False),
        ("https://[::1/", False),
        ("https:///x", False),
    ],
)
def test_what_is_public(url: str, public: bool) -> None:
    assert is_public(url) is public


FAULTS = {
    "reset": Page(fault="reset"),
    "cut": Page(200, (RSL,), body=NO, fault="cut"),
    "503": Page(503),
    "404": Page(404),
    "nowhere": to("https://nowhere.example/"),
}


@run
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_a_page_whose_document_is_lost_is_not(fault: Page) -> None:
    async with (
        Web({**web(x=page()), TERMS: fault}) as served,
        ReservationClient(agent=BOT, proxy=served.proxy_url) as client,
        client.get(f"{A}x") as response,
    ):
        decision = client.decision(response)
    assert decision is not None
    assert decision.verdict is Preference.UNKNOWN
    assert [note.kind.ident for note in decision.notes] == ["rsl-document-unreachable"]


@run
async def test_a_document_that_does_not_come() -> None:
    links = tuple(("link", LINK[1].replace("license", f"{n}", 1)) for n in range(4))
    pages = {
        **web(x=Page(200, (HTML, *links), body=b"<p>")),
        **{f"{B}{n}.xml": Page(fault="hang") for n in range(4)},
    }
    fetcher = Fetcher(timeout=1, retries=Retries(0))
    async with Web(pages) as served, crawler("client", served, fetcher=fetcher) as session:
        assert await outcome(session, f"{A}x") == "3"
    # All at once, not one after the other has had its second.
    asked = [one.at for one in served.log if one.url.startswith(B)]
    assert len(asked) == 4
    assert max(asked) - min(asked) < 1


@run
async def test_whoever_gives_up_takes_nobody_along(caplog: pytest.LogCaptureFixture) -> None:
    pages = web(x=page(), y=page())
    pages[TERMS] = replace(pages[TERMS], delay=0.5)
    async with Web(pages) as served:
        async with crawler("client", served) as session:
            first = asyncio.create_task(outcome(session, f"{A}x"))
            second = asyncio.create_task(outcome(session, f"{A}y"))
            await asyncio.sleep(0.3)
            first.cancel()
            assert await second == "headers"
            assert served.count(TERMS) == 1
        async with crawler("middleware", served) as session:
            third = asyncio.create_task(outcome(session, f"{A}x"))
            await asyncio.sleep(0.3)
            third.cancel()
        await asyncio.sleep(0.5)
    gc.collect()
    assert "never retrieved" not in caplog.text


@run
async def test_a_document_is_kept_as_long_as_it_says() -> None:
    now = [datetime(2026, 11, 22, tzinfo=UTC)]
    fetcher = Fetcher(clock=lambda: now[0])
    pages = web(x=page(), y=page())
    pages[TERMS] = replace(pages[TERMS], headers=(RSL, ("cache-control", "max-age=600")))
    async with Web(pages) as served, crawler("client", served, fetcher=fetcher) as session:
        for minutes, count in ((0, 1), (9, 1), (11, 2), (20, 2), (22, 3)):
            now[0] = datetime(2026, 11, 22, tzinfo=UTC) + timedelta(minutes=minutes)
            assert await outcome(session, f"{A}x") == await outcome(session, f"{A}y") == "headers"
            assert served.count(TERMS) == count
        assert served.count(f"{A}robots.txt") == 1


def test_scrapy_reads_a_page_on_that_a_licence_for_anywhere_may_lift(tmp_path: Path) -> None:
    pytest.importorskip("scrapy")
    from scrapy_runner import Worker

    file = tmp_path / "licences.toml"
    file.write_text(
        '[[licence]]\nid = "c"\nlicensor = "C"\nhosts = ["*"]\npurposes = ["ai-train"]\n'
        '[[licence.servers]]\nurl = "https://c.example/olp"\ntoken = "t"\n'
    )
    offer = YES.replace(b'url="/"', b'url="/" server="https://c.example/olp"')
    large = b"<p>" + b"x" * 1_000_000
    reserved = ("tdm-reservation", "1")
    pages = {**web(x=page(reserved, body=large)), TERMS: Page(200, (RSL,), body=offer)}
    pages[f"{A}y"] = Page(200, (HTML, reserved), body=large)
    with WebThread(pages) as served, Worker() as worker:
        done = worker.crawl(
            served.proxy_url,
            requests=[f"{A}x", f"{A}y"],
            settings={
                "RESERVATION_AGENT": "ExampleBot",
                "RESERVATION_LICENCES": str(file),
                "DOWNLOAD_DELAY": 0,
            },
        )
    assert [(one["url"], one["size"]) for one in done.got] == [(f"{A}x", len(large))]
    assert done.blocked == [f"{A}y"]


# ---- sites that are kept


NOW = datetime(2026, 11, 22, tzinfo=UTC)
AGENTS = (
    BOT,
    Agent("GPTBot", ["search"]),
    Agent("*", ["ai-input"]),
    Agent("CCBot", ["tdm-all"]),
    Agent("ExampleBot", ["ai-index", "search"]),
)
POLICIES = (
    *map(profile, ("opt-out", "licence-first", "record-only", "strict")),
    profile().changed({"user": ["commercial"], "geo": ["DE"]}),
    profile().changed({"signals": ["rsl"]}),
)


class World:
    """A site as one vector has it, and pages of many."""

    def __init__(self, vectors: Sequence[Given], choose: random.Random) -> None:
        own, *others = choose.sample(vectors, 7)
        self.origin, path = split_url(own.url)
        self.paths = [path, "/", "/x"]
        self.pages: list[Document] = []
        self.documents: dict[str, Document] = {}
        for given in (own, *others):
            where, path = split_url(given.url)
            self.paths.append(path)
            for one in map(_document, given.documents, repeat(NOW)):
                origin, target = split_url(one.url)
                if one.url == given.url and one.outcome is not Outcome.UNREACHABLE:
                    self.pages.append(one)
                elif given is own or not is_policy_resource(one.url):
                    home = self.origin + target if origin == where else one.url
                    self.documents.setdefault(home, one)

    async def transport(self, ask: Ask) -> Answer:
        one = self.documents.get(ask.url)
        if one is None:
            return Answer(404, (), b"")
        if one.outcome is Outcome.UNREACHABLE:
            raise OSError
        status = one.status or (200 if one.outcome is Outcome.FETCHED else 404)
        return Answer(status, one.headers, (one.body or b"")[: ask.limit + 1])

    async def records(self, fetcher: Fetcher, seed: float) -> list[Any]:
        """What is decided, stage by stage, of a question that the seed makes up."""
        choose = random.Random(seed)
        url = self.origin + choose.choice(self.paths)
        agent, policy = choose.choice(AGENTS), choose.choice(POLICIES)
        check = await fetcher.check(url, self.transport, agent=agent, policy=policy)
        found = [record(check.decide())]
        page = choose.choice([None, *self.pages])
        if page is not None:
            page = msgspec.structs.replace(page, url=url, resource="page", expires=None)
            for body in choose.choice([(None,), (None, page.body or b""), (page.body or b"",)]):
                check.feed(msgspec.structs.replace(page, body=body))
                found.append(record(check.decide()))
                if choose.random() < 0.8:
                    await fetcher.follow(check, self.transport)
                    found.append(record(check.decide()))
        return found


@run
async def test_a_site_that_is_kept_answers_like_a_new_one() -> None:
    choose = random.Random(20261122)
    vectors = [msgspec.convert(vector.input, Given) for vector in load_vectors()]
    for _ in range(40):
        world = World(vectors, choose)
        kept = Fetcher(clock=lambda: NOW)
        for _ in range(20):
            seed = choose.random()
            found = await world.records(kept, seed)
            assert found == await world.records(Fetcher(clock=lambda: NOW), seed), seed
