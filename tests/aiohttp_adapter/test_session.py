"""ReservationClient is a session: its names and arguments, how it is made, wrapped and closed.

Also who is claimed to ask, WebSockets, and pages that were found at another address than asked
for. What libraries do with it is the business of tests/plugins.
"""

import asyncio
import gc
import inspect
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web as server

from reservation_middleware import Agent, Decision, Policy
from reservation_middleware.aiohttp import (
    ReservationClient,
    ReservedError,
    _agent,
    reservation_middleware,
)
from reservation_middleware.model import ConfigurationError, Stage
from reservation_middleware.runtime.fetcher import Fetcher
from web import Answer, Web

A, B = "http://a.example/", "http://b.example/"
ROBOTS = A + "robots.txt"
PRIVATE = b"User-agent: *\nDisallow: /private/\n"
HTML = ("Content-Type", "text/html")
RESERVED = ("TDM-Reservation", "1")
META = b'<meta name="tdm-reservation" content="1"><p>x'
run = pytest.mark.asyncio
both_ways = pytest.mark.parametrize("way", ["middleware", "client"])


@pytest.fixture(scope="module", autouse=True)
def what_was_there_before() -> Iterator[None]:
    """Not looked through after each test."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def nothing_unclosed() -> Iterator[None]:
    """What a test forgot to close warns here, which is an error."""
    yield
    gc.collect()


@asynccontextmanager
async def session_of(way: str, web: Web, **options: Any) -> AsyncIterator[Any]:
    options = {"proxy": web.proxy_url, **options}
    agent = options.pop("agent", "ExampleBot")
    if way == "client":
        async with ReservationClient(agent=agent, **options) as client:
            yield client
    else:
        inner = options.pop("middlewares", ())
        check = reservation_middleware(agent=agent)
        async with aiohttp.ClientSession(middlewares=(check, *inner), **options) as session:
            yield session


# What it has


PUBLIC = sorted(
    name
    for name in dir(aiohttp.ClientSession)
    # ATTRS is aiohttp's list of names that may be set.
    if not name.startswith("_") and name != "ATTRS"
)


@pytest.mark.parametrize("name", [*PUBLIC, "__init__", "__aenter__", "__aexit__"])
def test_it_has_what_a_session_has(name: str) -> None:
    theirs = inspect.getattr_static(aiohttp.ClientSession, name)
    ours = inspect.getattr_static(ReservationClient, name)
    if isinstance(theirs, property):
        assert isinstance(ours, property)
        assert (ours.fset is None) == (theirs.fset is None)
        return
    wanted = inspect.signature(theirs).parameters
    given = inspect.signature(ours).parameters
    takes_all = any(one.kind is one.VAR_KEYWORD for one in given.values())
    by_position = [one for one in wanted.values() if one.kind is one.POSITIONAL_OR_KEYWORD]
    if name != "__aexit__":  # called by Python only
        assert [one.name for one in by_position] == [
            one.name for one in given.values() if one.kind is one.POSITIONAL_OR_KEYWORD
        ]
    for one in wanted.values():
        if one.kind is one.KEYWORD_ONLY:
            assert one.name in given or takes_all, one.name
            if one.name in given:
                assert given[one.name].default == one.default
        if one.kind is one.VAR_KEYWORD:
            assert takes_all


@run
async def test_its_attributes_are_the_sessions() -> None:
    headers = {"X-Field": "1"}
    async with ReservationClient(agent="ExampleBot", headers=headers, trust_env=True) as client:
        for name in PUBLIC:
            if isinstance(inspect.getattr_static(aiohttp.ClientSession, name), property):
                if name == "loop":
                    continue  # deprecated
                assert getattr(client, name) == getattr(client.session, name), name
        assert client.headers == headers
        assert client._connector is client.connector  # which libraries look at
        client.headers["X-More"] = "2"
        assert client.session.headers["X-More"] == "2"
        with pytest.warns(DeprecationWarning, match="requote"):
            client.requote_redirect_url = False
        assert client.session._requote_redirect_url is False
        with pytest.raises(AttributeError, match="no_such"):
            _ = client.no_such_thing


@run
async def test_every_method() -> None:
    methods = ("get", "post", "put", "patch", "delete", "options", "head")
    async with (
        Web({ROBOTS: Answer(body=PRIVATE), A: Answer(body=b"x")}) as web,
        session_of("client", web) as client,
    ):
        for name in methods:
            async with getattr(client, name)(A) as response:
                assert (response.method, response.status) == (name.upper(), 200)
            with pytest.raises(ReservedError):
                await getattr(client, name)(A + "private/x")
        for name in ("post", "put", "patch"):
            await getattr(client, name)(A, data=b"12345")
        assert [seen.headers["content-length"] for seen in web.log[-3:]] == ["5"] * 3
        async with client.post(A, json={"a": 1}) as response:
            assert response.request_info.headers["Content-Type"] == "application/json"


# How it is made and closed


@run
async def test_it_need_not_be_entered() -> None:
    async with Web({A: Answer(body=b"x")}) as web:
        client = ReservationClient(agent="ExampleBot", proxy=web.proxy_url)
        assert not client.closed
        async with client.get(A) as response:
            assert await response.read() == b"x"
        await client.close()
        assert client.closed
        assert client.session.closed
        with pytest.raises(RuntimeError, match="closed"):
            await client.get(A)
        await client.close()


def test_it_may_be_made_before_its_loop_runs() -> None:
    client = ReservationClient(agent="ExampleBot", headers={"X-Field": "1"})
    with pytest.raises(RuntimeError, match="event loop"):
        _ = client.headers
    assert not client.closed

    async def use() -> None:
        async with Web({A: Answer(body=b"x")}) as web, client:
            async with client.get(A, proxy=web.proxy_url) as response:
                assert await response.read() == b"x"
            assert web.log[-1].headers["x-field"] == "1"

    asyncio.run(use())
    assert client.closed

    async def never() -> None:
        unused = ReservationClient.__new__(ReservationClient)
        with pytest.raises(AttributeError):
            _ = unused.headers

    asyncio.run(never())
    asyncio.run(ReservationClient().close())


@run
async def test_what_cannot_be_made_leaves_nothing_open(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="no_such_argument"):
        ReservationClient(ledger=tmp_path / "ledger", no_such_argument=1)
    with pytest.raises(ConfigurationError, match="cache"):
        ReservationClient(cache="nonsense://")
    with pytest.raises(ConfigurationError, match="policy is a keyword"):
        ReservationClient(Policy(profile="opt-out"))  # type: ignore[arg-type]
    async with aiohttp.ClientSession() as session:
        with pytest.raises(ConfigurationError, match="headers, trust_env"):
            ReservationClient(session=session, headers={}, trust_env=True)
        with pytest.raises(ConfigurationError, match="base_url"):
            ReservationClient(A, session=session)
        with pytest.raises(ConfigurationError, match="cache"):
            ReservationClient(session=session, cache="nonsense://")
        assert not session.closed


@run
async def test_base_url_comes_first() -> None:
    async with (
        Web({A + "x": Answer(body=b"x")}) as web,
        ReservationClient(A, agent="ExampleBot", proxy=web.proxy_url) as client,
        client.get("x") as response,
    ):
        assert await response.read() == b"x"


@run
async def test_around_a_session_that_exists() -> None:
    seen: list[str] = []

    async def own(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        seen.append("own")
        return await handler(request)

    async def more(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        seen.append("more")
        return await handler(request)

    pages = {ROBOTS: Answer(body=PRIVATE), A: Answer(headers=(HTML,), body=META)}
    async with (
        Web(pages) as web,
        aiohttp.ClientSession(
            proxy=web.proxy_url, middlewares=(own,), headers={"X-Field": "1"}
        ) as session,
    ):
        client = ReservationClient(
            agent="ExampleBot", session=session, session_owner=False, middlewares=(more,)
        )
        async with client:
            with pytest.raises(ReservedError):
                await client.get(A)
            assert seen == ["more", "own"]
            assert web.log[-1].headers["x-field"] == "1"
            with pytest.raises(ReservedError):
                await client.get(A + "private/x", middlewares=())
            async with session.get(A) as response:  # which is not ours
                assert await response.read() == META
            assert client.decision(response) is None
        assert client.closed
        assert not session.closed
        async with ReservationClient(agent="ExampleBot", session=session):
            pass
        assert session.closed


@run
async def test_detaching() -> None:
    connector = aiohttp.TCPConnector()
    async with Web({A: Answer(body=b"x")}) as web:
        client = ReservationClient(agent="ExampleBot", connector=connector, proxy=web.proxy_url)
        await client.get(A)
        client.detach()
        assert client.closed
        assert not connector.closed
        await client.close()
        assert not connector.closed
        await connector.close()


@run
async def test_answers_that_no_request_was_made_for() -> None:
    """A session that answers by itself, as those that cache do: also what led there is judged."""

    with pytest.warns(DeprecationWarning, match="Inheritance"):

        class Answering(aiohttp.ClientSession):
            async def _request(self, *args: Any, **options: Any) -> aiohttp.ClientResponse:
                if not kept:
                    options.pop("middlewares")
                    kept.append(await super()._request(*args, **options))
                    await kept[0].read()
                return kept[0]

    kept: list[aiohttp.ClientResponse] = []
    pages = {
        A: Answer(302, (("Location", B),)),
        B: Answer(headers=(HTML,), body=b"<p>"),
        A + "head": Answer(headers=(RESERVED,)),
        A + "meta": Answer(headers=(HTML,), body=META),
    }
    told: list[tuple[str, Stage, bool]] = []

    def listener(decision: Decision, blocked: bool) -> None:
        told.append((decision.url, decision.stage, blocked))

    async with Web(pages) as web:

        async def get(url: str) -> bytes:
            kept.clear()
            session = Answering(proxy=web.proxy_url)
            client = ReservationClient(agent="ExampleBot", session=session, listener=listener)
            async with client:
                for _ in range(2):
                    response = await client.get(url)
                    assert client.decision(response)
                return await response.read()

        assert await get(A) == b"<p>"
        assert told == [(B, Stage.CONTENT, False)] * 2
        for url in (A + "head", A + "meta"):
            with pytest.raises(ReservedError):
                await get(url)
        web.add(ROBOTS, Answer(body=b"User-agent: *\nDisallow: /\n"))
        with pytest.raises(ReservedError) as caught:
            await get(A)
        assert caught.value.decision.url == A
        policies = [seen for seen in web.log if seen.url.endswith("robots.txt")]
        assert {seen.headers["user-agent"] for seen in policies} == {"ExampleBot"}


# Who is claimed to ask


@run
@both_ways
async def test_the_token_is_sent(way: str, caplog: pytest.LogCaptureFixture) -> None:
    pages = {A: Answer(302, (("Location", B),)), B: Answer(body=b"x")}
    async with Web(pages) as web, session_of(way, web) as session:
        await session.get(A)
        assert {seen.headers["user-agent"] for seen in web.log} == {"ExampleBot"}
        assert len(web.log) == 6
    assert not caplog.records


@run
@both_ways
async def test_a_user_agent_that_is_set_is_sent(way: str, caplog: pytest.LogCaptureFixture) -> None:
    _agent._warn_of_another_name.cache_clear()
    ours = {"User-Agent": "Mozilla/5.0 (compatible; examplebot/2.0)"}
    async with Web({A: Answer(body=b"x")}) as web, session_of(way, web, headers=ours) as session:
        await session.get(A)
        assert {seen.headers["user-agent"] for seen in web.log} == {ours["User-Agent"]}
        assert not caplog.records
        for other in ("OtherBot/1.0", "Third", "OtherBot/1.0"):
            await session.get(A, headers={"User-Agent": other})
            assert web.log[-1].headers["user-agent"] == other
    found = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    assert [("'ExampleBot'" in one, "OtherBot" in one, "Third" in one) for one in found] == [
        (True, True, False),
        (True, False, True),
    ]


@run
@both_ways
async def test_everyone_is_no_name_to_send(way: str, caplog: pytest.LogCaptureFixture) -> None:
    async with Web({A: Answer(body=b"x")}) as web, session_of(way, web, agent="*") as session:
        await session.get(A)
        assert "aiohttp" in web.log[-1].headers["user-agent"]
    assert not caplog.records


# WebSockets


@asynccontextmanager
async def sockets(robots: str = "", **fields: str) -> AsyncIterator[tuple[str, list[str]]]:
    """A server with a WebSocket at /echo and /private/echo, and what was asked of it."""
    asked = []

    async def echo(request: server.Request) -> server.WebSocketResponse:
        asked.append(request.path)
        socket = server.WebSocketResponse(protocols=("one",))
        socket.headers.update(fields)
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data.upper())
        return socket

    async def policy(request: server.Request) -> server.Response:
        asked.append(request.path)
        return server.Response(text=robots)

    app = server.Application()
    app.router.add_get("/echo", echo)
    app.router.add_get("/private/echo", echo)
    app.router.add_get("/robots.txt", policy)
    runner = server.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = server.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"127.0.0.1:{runner.addresses[0][1]}", asked
    finally:
        await runner.cleanup()


@asynccontextmanager
async def visitor(way: str) -> AsyncIterator[Any]:
    if way == "client":
        async with ReservationClient(agent="ExampleBot") as client:
            yield client
    else:
        check = reservation_middleware(agent="ExampleBot")
        async with aiohttp.ClientSession(middlewares=(check,)) as session:
            yield session


@run
@both_ways
@pytest.mark.parametrize("scheme", ["ws", "http"])
async def test_web_sockets_are_judged(way: str, scheme: str) -> None:
    async with sockets(PRIVATE.decode()) as (host, asked), visitor(way) as session:
        async with session.ws_connect(f"{scheme}://{host}/echo", protocols=("one",)) as socket:
            await socket.send_str("word")
            assert (await socket.receive()).data == "WORD"
            assert socket.protocol == "one"
        socket = await session.ws_connect(f"{scheme}://{host}/echo")
        await socket.close()
        with pytest.raises(ReservedError) as caught:
            await session.ws_connect(f"{scheme}://{host}/private/echo")
        assert caught.value.decision.url == f"http://{host}/private/echo"
        assert asked == ["/robots.txt", "/echo", "/echo"]
    async with sockets(**{"TDM-Reservation": "1"}) as (host, asked), visitor(way) as session:
        with pytest.raises(ReservedError) as caught:
            await session.ws_connect(f"{scheme}://{host}/echo")
        assert caught.value.decision.stage is Stage.HEADERS


# Found elsewhere


def following(to: str) -> Any:
    """A middleware that follows redirects itself."""

    async def follow(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        response = await handler(request)
        if response.status == 302:
            response.release()
            return await request.session._request("GET", to, middlewares=())
        return response

    return follow


@run
@both_ways
@pytest.mark.parametrize("to", [A + "private/x", B + "x", B + "head"])
async def test_a_page_is_judged_where_it_was_found(way: str, to: str) -> None:
    pages = {
        ROBOTS: Answer(body=PRIVATE),
        B + "robots.txt": Answer(body=b"User-agent: *\nDisallow: /x\n"),
        A + "to": Answer(302, (("Location", to),)),
        A + "private/x": Answer(body=b"secret"),
        B + "x": Answer(body=b"secret"),
        B + "head": Answer(headers=(RESERVED,), body=b"secret"),
    }
    async with Web(pages) as web, session_of(way, web, middlewares=(following(to),)) as session:
        with pytest.raises(ReservedError) as caught:
            await session.get(A + "to")
        assert caught.value.decision.url == to
        assert web.count(to) == 1  # which cannot be undone


@run
@both_ways
async def test_a_page_that_may_be_had_where_it_was_found(way: str) -> None:
    pages = {A + "to": Answer(302, (("Location", B),)), B: Answer(headers=(HTML,), body=b"<p>")}
    pages[A + "robots"] = Answer(302, (("Location", B),))
    async with Web(pages) as web:
        async with session_of(way, web, middlewares=(following(B),)) as session:
            async with session.get(A + "to") as response:
                assert await response.read() == b"<p>"
            if way == "client":
                decision = session.decision(response)
                assert (decision.url, decision.stage) == (B, Stage.CONTENT)
            assert web.count(B + "robots.txt") == 1
        inside = following(B + "robots.txt")
        async with (
            session_of(way, web, middlewares=(inside,)) as session,
            session.get(A + "robots") as response,
        ):
            assert response.status == 404


@run
async def test_one_fetcher_for_several_clients() -> None:
    fetcher = Fetcher()
    async with Web({A: Answer(body=b"x")}) as web:
        for agent in ("ExampleBot", Agent("OtherBot")):
            async with ReservationClient(
                agent=agent, fetcher=fetcher, proxy=web.proxy_url
            ) as client:
                await client.get(A)
        assert web.count(ROBOTS) == 1
        assert [seen.headers["user-agent"] for seen in web.log if seen.url == A] == [
            "ExampleBot",
            "OtherBot",
        ]
