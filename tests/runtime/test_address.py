"""Which addresses are public, and that nothing public leads to one that is not.

With real connections to 127.0.0.1, which counts as public here, and to 127.0.0.2, which does
not (tests/loopback.py). The same through a proxy is no business of ours.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from loopback import GuardedWorker, Loopback, world
from scrapy_runner import why_not
from yarl import URL

from reservation_middleware import Agent
from reservation_middleware.aiohttp import ReservationClient, ReservedError
from reservation_middleware.aiohttp._transport import Cause, fetch
from reservation_middleware.model import Document, Probes
from reservation_middleware.runtime.address_guard import look_up, peer, refuse_private, resolved
from reservation_middleware.runtime.fetcher import Answer, Ask, Fetcher, Origins
from reservation_middleware.runtime.transport import PrivateAddressError
from reservation_middleware.syntax.host import is_public_address
from web import Answer as Page
from web import Web

BOT = Agent("ExampleBot")
OUTER, INNER = "127.0.0.1", "127.0.0.2"
NAMES = {"outer.example": [OUTER], "inner.example": [INNER]}
OPEN = b"User-agent: *\nAllow: /\n"
TEXT = (("Content-Type", "text/plain"),)

run = pytest.mark.asyncio


def can_bind() -> bool:
    try:
        with Loopback(INNER, {}):
            return True
    except OSError:
        return False


real = pytest.mark.skipif(not can_bind(), reason="this system has one loopback address only")


# What is public


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.0.1"),
        *("169.254.169.254", "169.254.170.2", "fd00:ec2::254", "100.100.100.200", "192.0.0.192"),
        *("168.63.129.16", "100.64.0.1", "198.18.0.1", "192.0.2.1", "203.0.113.1", "240.0.0.1"),
        *("224.0.0.1", "239.255.255.250", "255.255.255.255", "192.88.99.1"),
        *("::", "::1", "fc00::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "ff0e::1"),
        *("2001:db8::1", "3fff::1", "2001::1", "100::1", "5f00::1", "64:ff9b:1::a9fe:a9fe"),
        *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::10.0.0.1", "64:ff9b::a9fe:a9fe"),
        *("::ffff:0:10.0.0.1", "2002:a9fe:a9fe::1", "::ffff:224.0.0.1", "64:ff9b::224.0.0.1"),
        *("", "localhost", "127.1", "0x7f000001", "a.example"),
    ],
)
def test_private_addresses(address: str) -> None:
    assert not is_public_address(address)
    with pytest.raises(PrivateAddressError, match="not public"):
        refuse_private("a.example", address)


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "1.1.1.1",
        "2606:4700::1111",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "2002:808:808::1",
    ],
)
def test_public_addresses(address: str) -> None:
    assert is_public_address(address)
    refuse_private("a.example", address)


def test_what_is_no_address_is_not_known() -> None:
    assert peer(("127.0.0.1", 80)) == "127.0.0.1"
    assert peer(("::1", 80, 0, 0)) == "::1"
    assert peer("/run/some.sock") is peer("") is peer(None) is None
    refuse_private("a.example", None)


@run
async def test_one_private_address_among_others_is_enough() -> None:
    async def resolve(host: str, port: int) -> list[str]:
        assert (host, port) == ("a.example", 443)
        return ["8.8.8.8", "2606:4700::1111", "10.0.0.1"]

    with pytest.raises(PrivateAddressError, match=r"a\.example is at 10\.0\.0\.1, which"):
        await look_up("https://a.example/x", resolve)


@run
async def test_names_that_are_not_known_are_left_to_who_connects() -> None:
    async def resolve(host: str, port: int) -> list[str]:
        assert port == 8080
        raise OSError

    await look_up("http://a.example:8080/", resolve)
    await look_up(f"http://{'x' * 64}.example/")  # a label that IDNA refuses
    with pytest.raises(PrivateAddressError):
        await look_up("http://[::1/", resolve)
    assert await resolved("127.0.0.1", 80) == ["127.0.0.1"]


# What is connected to


@pytest.fixture
def outer() -> Iterator[Loopback]:
    with Loopback(OUTER, {"/x": (200, TEXT, b"fine")}) as server:
        yield server


@pytest.fixture
def inner() -> Iterator[Loopback]:
    with Loopback(INNER, {"/secret": (200, TEXT, OPEN), "/x": (200, TEXT, b"inner")}) as server:
        yield server


def leads(outer: Loopback, inner: Loopback, host: str = "inner.example") -> str:
    """Has the robots.txt of the outer server lead to the inner one; the URL of its page."""
    location = f"http://{host}:{inner.port}/secret"
    outer.pages["/robots.txt"] = (302, (("Location", location),), b"")
    return f"http://outer.example:{outer.port}/x"


async def robots_of(client: ReservationClient, url: str, fetcher: Fetcher) -> Document:
    transport = partial(fetch, cause=Cause(client.session, {}, None, None, None, True))
    site = await fetcher.site(url, transport, Probes.DEFAULT)
    return next(one for one in site.documents if one.resource == "robots.txt")


@real
@run
@pytest.mark.parametrize("host", ["inner.example", INNER, "[::ffff:127.0.0.2]", "0x7f000002"])
async def test_a_redirect_to_a_private_address(outer: Loopback, inner: Loopback, host: str) -> None:
    url = leads(outer, inner, host)
    with world(NAMES, [OUTER]):
        async with ReservationClient(agent=BOT) as client:
            with pytest.raises(ReservedError) as caught:
                await client.get(url)
    [reason] = caught.value.decision.reasons
    assert "unreachable: PrivateAddressError: " in reason.text
    assert inner.connections == 0
    assert "/x" not in outer.requests


@real
@run
async def test_a_name_that_changes_its_address(outer: Loopback, inner: Loopback) -> None:
    url = leads(outer, inner)
    names = {**NAMES, "inner.example": [OUTER, INNER]}
    with world(names, [OUTER]):
        connector = aiohttp.TCPConnector(use_dns_cache=False)
        async with ReservationClient(agent=BOT, connector=connector) as client:
            with pytest.raises(ReservedError, match=r"PrivateAddressError: inner\.example is"):
                await client.get(url)
    inner.wait_for_connections(1)
    assert inner.requests == []  # it was connected to, and told nothing


@real
@run
async def test_a_connection_that_was_kept(outer: Loopback, inner: Loopback) -> None:
    url = leads(outer, inner)
    names = {**NAMES, "inner.example": [INNER, OUTER]}
    with world(names, [OUTER]):
        connector = aiohttp.TCPConnector(use_dns_cache=False)
        async with ReservationClient(agent=BOT, connector=connector) as client:
            # What operators themselves ask for is theirs to ask for, and the connection is kept.
            async with client.session.get(
                f"http://inner.example:{inner.port}/x", middlewares=()
            ) as response:
                assert await response.read() == b"inner"
            with pytest.raises(ReservedError, match="PrivateAddressError"):
                await client.get(url)
    assert inner.connections == 1
    assert inner.requests == ["/x"]


@real
@run
async def test_public_leads_to_public_and_private_to_private(
    outer: Loopback, inner: Loopback
) -> None:
    leads(outer, inner)
    inner.pages["/robots.txt"] = (302, (("Location", "/secret"),), b"")
    with world({**NAMES, "other.example": [OUTER]}, [OUTER]):
        async with ReservationClient(agent=BOT) as client:
            fetcher = Fetcher()
            found = await robots_of(client, f"http://inner.example:{inner.port}/x", fetcher)
            assert (found.body, found.address) == (OPEN, INNER)
            outer.pages["/secret"] = (200, TEXT, OPEN)
            location = f"http://other.example:{outer.port}/secret"
            outer.pages["/robots.txt"] = (302, (("Location", location),), b"")
            found = await robots_of(client, f"http://outer.example:{outer.port}/x", fetcher)
            assert (found.body, found.address, found.location) == (OPEN, OUTER, location)


@real
@run
async def test_a_service_for_strangers_asks_public_origins_only(inner: Loopback) -> None:
    with world(NAMES, [OUTER]):
        fetcher = Fetcher(origins=Origins.PUBLIC)
        async with ReservationClient(agent=BOT, fetcher=fetcher) as client:
            for host in ("inner.example", INNER):
                with pytest.raises(PrivateAddressError):
                    await client.get(f"http://{host}:{inner.port}/x")
    assert inner.connections == 0


@run
async def test_through_a_proxy_no_address_is_known() -> None:
    pages = {"http://a.example/robots.txt": Page(302, (("Location", "http://b.example/r"),))}
    pages["http://b.example/r"] = Page(200, TEXT, body=OPEN)
    async with (
        Web(pages) as web,
        ReservationClient(agent=BOT, proxy=web.proxy_url) as client,
    ):
        cause = Cause(client.session, {}, URL(web.proxy_url), None, None, True)
        transport = partial(fetch, cause=cause)
        site = await Fetcher().site("http://a.example/", transport, Probes.DEFAULT)
    found = next(one for one in site.documents if one.resource == "robots.txt")
    assert (found.body, found.address) == (OPEN, None)


class Names(AbstractResolver):
    """A resolver of the user's own."""

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
        address = {"outer.example": OUTER, "inner.example": INNER}[host]
        return [ResolveResult(hostname=host, host=address, port=port, family=2, proto=0, flags=0)]

    async def close(self) -> None:
        """Nothing is open."""


class Counting(aiohttp.TCPConnector):
    """A connector of the user's own that connects as usual."""

    connects = 0

    async def connect(self, *request: Any, **options: Any) -> Any:
        self.connects += 1
        return await super().connect(*request, **options)


class Tunnel(aiohttp.TCPConnector):
    """A connector that goes through something at a private address, like one for SOCKS."""

    async def _wrap_create_connection(self, *args: Any, **options: Any) -> Any:
        return await super()._wrap_create_connection(*args, **options)


async def _ask(session: aiohttp.ClientSession, url: str) -> Answer:
    cause = Cause(session, {}, None, None, None, True)
    return await fetch(Ask(url, 1000, guarded=True), cause)


@real
@run
async def test_connectors_and_resolvers_of_the_users_own(outer: Loopback, inner: Loopback) -> None:
    with world({}, [OUTER]):
        connector = Counting(resolver=Names())
        async with aiohttp.ClientSession(connector=connector) as session:
            answer = await _ask(session, f"http://outer.example:{outer.port}/x")
            assert (answer.body, answer.address, connector.connects) == (b"fine", OUTER, 1)
            with pytest.raises(PrivateAddressError):
                await _ask(session, f"http://inner.example:{inner.port}/x")
            assert (connector.connects, inner.connections) == (1, 0)
        async with aiohttp.ClientSession(connector=Tunnel(resolver=Names())) as session:
            answer = await _ask(session, f"http://inner.example:{inner.port}/x")
            assert (answer.body, answer.address) == (b"inner", None)


@real
@pytest.mark.parametrize("mode", ["asyncio", pytest.param("none", marks=pytest.mark.slow)])
def test_the_same_in_scrapy(mode: str, outer: Loopback, inner: Loopback) -> None:
    if reason := why_not(mode):
        pytest.skip(reason)
    url = leads(outer, inner)
    settings = {"USER_AGENT": "ExampleBot/1.0"}
    with GuardedWorker(mode, NAMES, [OUTER]) as worker:
        done = worker.crawl(requests=[url], settings=settings)
        assert done.blocked == [url]
        [reason] = done.failed[0]["record"]["reasons"]
        assert "unreachable: PrivateAddressError: inner.example is at 127.0.0.2" in reason["text"]
        assert inner.connections == 0
        assert done.stat("policy_error/PrivateAddressError") == 1
        # A private origin that the operator crawls may lead wherever it likes.
        # With a body, since Scrapy 2.13 tells who answered of those only.
        inner.pages["/robots.txt"] = (302, (("Location", "/secret"),), b"moved")
        url = f"http://inner.example:{inner.port}/x"
        assert worker.crawl(requests=[url], settings=settings).urls == [url]


@real
@pytest.mark.parametrize("mode", ["asyncio", pytest.param("none", marks=pytest.mark.slow)])
def test_a_name_that_changes_its_address_in_scrapy(
    mode: str, outer: Loopback, inner: Loopback
) -> None:
    if reason := why_not(mode):
        pytest.skip(reason)
    url = leads(outer, inner)
    names = {**NAMES, "inner.example": [OUTER, INNER]}
    settings = {"USER_AGENT": "ExampleBot/1.0", "DNSCACHE_ENABLED": False}
    with GuardedWorker(mode, names, [OUTER]) as worker:
        done = worker.crawl(requests=[url], settings=settings)
        assert done.blocked == [url]
        [reason] = done.failed[0]["record"]["reasons"]
        assert "unreachable: PrivateAddressError: inner.example is at 127.0.0.2" in reason["text"]
    # It was asked, since only the answer tells who answered; nothing was made of what it said.
    assert inner.requests == ["/secret"]
