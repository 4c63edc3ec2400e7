"""The aiohttp adapter on real sockets: the drop-in middleware and ReservationClient.

What is decided is the core's business and tested with the vectors; here it is that the right
things are fetched, blocked, left alone, and let go of. How policies are fetched and kept is
tests/runtime/test_fetch.py's business.
"""

import asyncio
import copy
import gc
import gzip
import json
import logging
import pickle
import ssl
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from reservation_middleware import Agent, Decision, Policy, profile
from reservation_middleware.aiohttp import (
    ReservationClient,
    ReservedError,
    reservation_middleware,
)
from reservation_middleware.decide.record import record
from reservation_middleware.model import Action, Preference, ReservationError, Stage
from reservation_middleware.runtime.fetcher import Fetcher
from web import Answer, Web

pytestmark = pytest.mark.usefixtures("short_pauses")

BOT = Agent("ExampleBot")
OBSERVE = profile().changed({"mode": "observe"})
HTML = ("Content-Type", "text/html; charset=utf-8")
RESERVED = ("TDM-Reservation", "1")
META = b'<!doctype html><title>x</title><meta name="tdm-reservation" content="1"><p>x'
A, B, C = "http://a.example/", "http://b.example/", "http://c.example/"
ROBOTS = A + "robots.txt"
TDMREP = A + ".well-known/tdmrep.json"
PRIVATE = b"User-agent: *\nDisallow: /private/\n"

run = pytest.mark.asyncio
both_ways = pytest.mark.parametrize("way", ["middleware", "client"])


@asynccontextmanager
async def crawler(
    way: str, web: Web, policy: Policy | None = None, **options: Any
) -> AsyncIterator[Any]:
    """A session with the drop-in middleware, or the client."""
    options = {"proxy": web.proxy_url, **options}
    if way == "client":
        async with ReservationClient(policy=policy, agent=BOT, **options) as client:
            yield client
    else:
        ours = {name: options.pop(name) for name in ("fetcher", "listener") if name in options}
        check = reservation_middleware(policy, agent=BOT, **ours)
        inner = options.pop("middlewares", ())
        async with aiohttp.ClientSession(middlewares=(check, *inner), **options) as session:
            yield session


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - a server in the same loop sets no event
            await asyncio.sleep(0.01)


async def blocked(request: Awaitable[Any]) -> Decision:
    with pytest.raises(ReservedError) as caught:
        await request
    return caught.value.decision


@pytest.fixture(scope="module", autouse=True)
def a_quick_collector() -> Any:
    """Looking through everything that was imported would take longer than the tests."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def nothing_unclosed() -> Any:
    """Whatever a test forgot to close warns here, which is an error."""
    yield
    gc.collect()


# Before the fetch


@run
@both_ways
@pytest.mark.parametrize("delay", [0, 1])
async def test_nothing_leaks_while_robots_txt_is_on_its_way(way: str, delay: float) -> None:
    pages = {ROBOTS: Answer(body=PRIVATE, delay=delay), A + "private/x": Answer()}
    async with Web(pages) as web, crawler(way, web) as session:
        results = await asyncio.gather(
            *(session.get(f"{A}private/x?{number}") for number in range(20)),
            return_exceptions=True,
        )
        assert [type(result) for result in results] == [ReservedError] * 20
        assert sorted(seen.url for seen in web.log) == sorted([ROBOTS, TDMREP])


@run
@both_ways
async def test_twenty_pages_one_fetch_of_a_missing_robots_txt(way: str) -> None:
    async with Web({A: Answer()}) as web, crawler(way, web) as session:
        for number in range(20):
            async with session.get(f"{A}{number}") as response:
                assert response.status == 404
        assert web.count(ROBOTS) == web.count(TDMREP) == 1


@run
@both_ways
async def test_own_group_counts(way: str) -> None:
    robots = b"User-agent: ExampleBot\nDisallow: /a\n\nUser-agent: *\nDisallow: /b\n"
    async with Web({ROBOTS: Answer(body=robots)}) as web, crawler(way, web) as session:
        decision = await blocked(session.get(A + "a"))
        assert decision.stage is Stage.SITE
        assert decision.crawl is Preference.DISALLOWED
        async with session.get(A + "b") as response:
            assert response.status == 404
        assert web.count(A + "a") == 0


@run
@both_ways
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "PUT"])
async def test_every_method_is_checked(way: str, method: str) -> None:
    async with Web({ROBOTS: Answer(body=PRIVATE)}) as web, crawler(way, web) as session:
        await blocked(session.request(method, A + "private/x"))
        async with session.request(method, A + "x") as response:
            assert response.status == 404
        assert [seen.method for seen in web.log if seen.url not in (ROBOTS, TDMREP)] == [method]


@run
@both_ways
async def test_policy_resources_are_never_blocked(way: str) -> None:
    robots = b"User-agent: *\nDisallow: /\nContent-Usage: train-ai=n\n"
    pages = {ROBOTS: Answer(body=robots), TDMREP: Answer(headers=(RESERVED,), body=b"[]")}
    async with Web(pages) as web, crawler(way, web) as session:
        for url in (ROBOTS, TDMREP):
            async with session.get(url) as response:
                assert response.status == 200
                assert await response.read()
                if way == "client":
                    assert session.decision(response) is None
        assert [seen.url for seen in web.log] == [ROBOTS, TDMREP]
        await blocked(session.get(A + "x/robots.txt"))


@run
@both_ways
async def test_unreachable_robots_blocks(way: str) -> None:
    async with Web({ROBOTS: Answer(fault="reset")}) as web, crawler(way, web) as session:
        decision = await blocked(session.get(A))
        assert decision.crawl_action is Action.BLOCK
        assert web.count(A) == 0
    policy = profile().changed({"unreachable": "proceed"})
    async with (
        Web({ROBOTS: Answer(503)}) as web,
        crawler(way, web, policy) as session,
        session.get(A) as response,
    ):
        assert response.status == 404


# At the response head


@run
@both_ways
async def test_block_at_the_head_closes_before_the_body(way: str) -> None:
    page = Answer(headers=(RESERVED, HTML), fault="endless")
    connector = aiohttp.TCPConnector(force_close=True)
    async with Web({A: page}) as web, crawler(way, web, connector=connector) as session:
        decision = await blocked(session.get(A))
        assert decision.stage is Stage.HEADERS
        await eventually(lambda: not web._tasks)  # the server has seen the end of it
        assert web.count(A) == 1


@run
@both_ways
@pytest.mark.parametrize(
    ("field", "value", "action"),
    [
        # What datadiligence and img2dataset get wrong.
        ("X-Robots-Tag", "NOAI", Action.BLOCK),
        ("x-ROBOTS-tag", "noai", Action.BLOCK),
        ("x-robots-tag", "noindex, noai", Action.BLOCK),
        ("X-Robots-Tag", "max-snippet:-1, noai", Action.BLOCK),
        ("X-Robots-Tag", "otherbot: noai", Action.PROCEED),
        ("X-Robots-Tag", "examplebot: noai", Action.BLOCK),
        ("tdm-RESERVATION", "1", Action.BLOCK),
        ("TDM-Reservation", "0", Action.PROCEED),
        ("CONTENT-USAGE", "train-ai=n", Action.BLOCK),
        ("content-usage", "train-ai=y", Action.PROCEED),
    ],
)
async def test_fields(way: str, field: str, value: str, action: Action) -> None:
    page = Answer(headers=((field, value), ("Content-Type", "image/png")), body=b"x")
    async with (
        Web({A: page}) as web,
        crawler(way, web, OBSERVE) as session,
        session.get(A) as response,
    ):
        assert await response.read() == b"x"
        assert isinstance(response.headers[field.swapcase()], str)
    async with Web({A: page}) as web, crawler(way, web) as session:
        if action is Action.BLOCK:
            assert (await blocked(session.get(A))).stage is Stage.HEADERS
        else:
            async with session.get(A) as response:
                assert await response.read() == b"x"


@run
@both_ways
async def test_repeated_fields(way: str) -> None:
    fields = (("X-Robots-Tag", "noindex"), ("X-Robots-Tag", "examplebot: noai"))
    async with Web({A: Answer(headers=fields)}) as web, crawler(way, web) as session:
        assert (await blocked(session.get(A))).stage is Stage.HEADERS


@run
async def test_fields_that_are_not_ascii() -> None:
    fields = (RESERVED, ("TDM-Policy", "/terms-\xe9-\xff"), ("X-Robots-Tag", "no\xe9"), HTML)
    async with Web({A: Answer(headers=fields)}) as web, crawler("client", web) as client:
        decision = await blocked(client.get(A))
    assert [offer.url for offer in decision.offers] == [A + "terms-%C3%A9-%C3%BF"]
    assert json.dumps(record(decision)).encode()


@run
@both_ways
async def test_a_page_that_is_missing_still_speaks(way: str) -> None:
    pages = {A + "gone": Answer(404, (RESERVED,)), A + "broken": Answer(500, (HTML,), body=b"x")}
    async with Web(pages) as web, crawler(way, web) as session:
        assert (await blocked(session.get(A + "gone"))).stage is Stage.HEADERS
        async with session.get(A + "broken") as response:
            assert (response.status, await response.text()) == (500, "x")


@run
async def test_head_requests() -> None:
    pages = {A: Answer(headers=(HTML,), body=META), A + "r": Answer(headers=(RESERVED, HTML))}
    pages[A + "to"] = Answer(302, (("Location", "/"),))
    async with Web(pages) as web, crawler("client", web) as client:
        async with client.head(A) as response:
            decision = client.decision(response)
            assert decision
            assert decision.stage is Stage.HEADERS  # the content was not seen
            assert "content" in decision.not_reached
        assert (await blocked(client.head(A + "r"))).stage is Stage.HEADERS
        async with client.head(A + "to") as response:
            assert response.status == 302


@run
async def test_not_modified_has_no_content() -> None:
    async with (
        Web({A: Answer(304, (HTML,))}) as web,
        crawler("client", web) as client,
        client.get(A, headers={"If-None-Match": '"1"'}) as response,
    ):
        assert client.decision(response).stage is Stage.HEADERS


@run
@both_ways
async def test_post(way: str) -> None:
    async with Web({A: Answer(body=b"done")}) as web, crawler(way, web) as session:
        async with session.post(A, data=b"question") as response:
            assert await response.read() == b"done"
        [seen] = [seen for seen in web.log if seen.url == A]
        assert (seen.method, seen.headers["content-length"]) == ("POST", "8")


# In the content


@run
async def test_the_wrapper_looks_into_html() -> None:
    async with Web({A: Answer(headers=(HTML,), body=META)}) as web:
        async with crawler("client", web) as client:
            decision = await blocked(client.get(A))
            assert decision.stage is Stage.CONTENT
            assert [reason.carrier for reason in decision.reasons] == ["meta"]
        async with crawler("client", web, OBSERVE) as client, client.get(A) as response:
            assert await response.read() == META
            assert await response.text() == META.decode()
            decision = client.decision(response)
            assert (decision.stage, decision.action) == (Stage.CONTENT, Action.BLOCK)
        async with crawler("client", web, content=False) as client, client.get(A) as response:
            assert client.decision(response).stage is Stage.HEADERS
            assert b"".join([chunk async for chunk in response.content.iter_any()]) == META
        async with crawler("middleware", web) as session, session.get(A) as response:
            assert await response.read() == META


CONTENTS: Mapping[str, tuple[tuple[tuple[str, str], ...], bytes, Stage]] = {
    "html": ((HTML,), META, Stage.CONTENT),
    "xhtml": ((("Content-Type", "application/xhtml+xml"),), META, Stage.CONTENT),
    "odd case": ((("Content-Type", "Text/HTML;charset=x"),), META, Stage.CONTENT),
    "no type": ((), META, Stage.CONTENT),
    "gzip": ((HTML, ("Content-Encoding", "gzip")), gzip.compress(META), Stage.CONTENT),
    # What begins as a page is one, whatever it is called.
    "plain": ((("Content-Type", "text/plain"),), META, Stage.CONTENT),
    "json": ((("Content-Type", "application/json"),), META, Stage.CONTENT),
    "svg": ((("Content-Type", "image/svg+xml"),), META, Stage.HEADERS),
}


@run
@pytest.mark.parametrize(("headers", "body", "stage"), CONTENTS.values(), ids=CONTENTS)
async def test_what_is_looked_into(
    headers: tuple[tuple[str, str], ...], body: bytes, stage: Stage
) -> None:
    async with (
        Web({A: Answer(headers=headers, body=body)}) as web,
        crawler("client", web, OBSERVE) as client,
        client.get(A) as response,
    ):
        assert client.decision(response).stage is stage
        assert await response.read() == META


@run
@pytest.mark.parametrize("kind", ["application/octet-stream", "video/mp4", "application/json"])
async def test_a_large_binary_is_not_read_by_the_wrapper(kind: str) -> None:
    page = Answer(headers=(("Content-Type", kind),), body=b"0123456789", fault="endless")
    async with (
        Web({A: page}) as web,
        crawler("client", web) as client,
        client.get(A) as response,
    ):
        assert await response.content.readexactly(10) == b"0123456789"
        assert response.content.total_bytes < 1_000_000
        response.close()


@run
async def test_streaming_works_through_the_middleware() -> None:
    body = bytes(range(256)) * 4000
    pages = {A + "x": Answer(headers=(HTML,), body=body), A: Answer(body=META, fault="drip")}
    async with Web(pages) as web, crawler("middleware", web) as session:
        async with session.get(A + "x") as response:
            chunks = [chunk async for chunk in response.content.iter_chunked(1000)]
            assert b"".join(chunks) == body
        async with session.get(A) as response:
            assert await response.content.readexactly(5) == META[:5]


@run
async def test_an_endless_page_is_left_to_its_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reservation_middleware.aiohttp._body.MAX_PAGE", 100_000)
    connector = aiohttp.TCPConnector(force_close=True)
    pages = {
        A: Answer(headers=(HTML,), body=b"<p>", fault="endless"),
        A + "meta": Answer(headers=(HTML,), body=META, fault="endless"),
        A + "bomb": Answer(
            headers=(HTML, ("Content-Encoding", "gzip")), body=gzip.compress(b"x" * 10_000_000)
        ),
        A + "x": Answer(headers=(HTML,), body=b"x" * 100_000),
    }
    async with Web(pages) as web, crawler("client", web, connector=connector) as client:
        for url in (A, A + "bomb"):
            async with client.get(url) as response:
                assert client.decision(response).stage is Stage.HEADERS  # not all of it was seen
                assert "content" in client.decision(response).not_reached
                assert len(await response.content.readexactly(500_000)) == 500_000
                response.close()
        assert (await blocked(client.get(A + "meta"))).stage is Stage.CONTENT
        await eventually(lambda: not web._tasks)
        async with client.get(A + "x") as response:
            assert client.decision(response).stage is Stage.CONTENT
            assert len(await response.read()) == 100_000


@run
async def test_a_page_that_is_cut_off() -> None:
    pages = {
        A: Answer(headers=(HTML,), body=META, fault="cut"),
        A + "x": Answer(headers=(HTML,), body=b"<p>some words", fault="cut"),
    }
    async with Web(pages) as web, crawler("client", web) as client:
        await blocked(client.get(A))  # what came of it says no
        async with client.get(A + "x") as response:
            assert client.decision(response).stage is Stage.HEADERS
            assert await response.content.readexactly(13) == b"<p>some words"
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.content.read(1)
        with pytest.raises(aiohttp.ClientPayloadError):
            await (await client.get(A + "x")).read()


@run
async def test_traces_see_the_body() -> None:
    seen = []

    async def received(session: Any, context: Any, params: Any) -> None:
        seen.append(params.chunk)

    trace = aiohttp.TraceConfig()
    trace.on_response_chunk_received.append(received)
    page = Answer(headers=(HTML,), body=b"<p>x")
    async with (
        Web({A: page}) as web,
        crawler("client", web, trace_configs=[trace]) as client,
        client.get(A) as response,
    ):
        await response.read()
    assert seen == [b"<p>x"]  # and nothing of the policies


# Redirects


def to(url: str, *more: tuple[str, str], name: str = "Location") -> Answer:
    return Answer(302, ((name, url), *more), body=META)


@run
@both_ways
async def test_each_hop_is_checked(way: str) -> None:
    pages = {
        A: to(B),
        B: to(C + "private/x"),
        C + "robots.txt": Answer(body=PRIVATE),
        C + "private/x": Answer(),
    }
    async with Web(pages) as web, crawler(way, web) as session:
        decision = await blocked(session.get(A))
        assert (decision.url, decision.stage) == (C + "private/x", Stage.SITE)
        assert [web.count(url + "robots.txt") for url in (A, B, C)] == [1, 1, 1]
        assert [web.count(url) for url in (A, B, C + "private/x")] == [1, 1, 0]


@run
@both_ways
async def test_a_hop_in_between_can_block(way: str) -> None:
    pages = {A: to(B + "private/x"), B + "private/x": to(A + "x"), A + "x": Answer()}
    pages[B + "robots.txt"] = Answer(body=PRIVATE)
    async with Web(pages) as web, crawler(way, web) as session:
        assert (await blocked(session.get(A))).url == B + "private/x"
        assert web.count(B + "private/x") == web.count(A + "x") == 0


@run
@both_ways
@pytest.mark.parametrize("name", ["Location", "location", "URI"])
async def test_the_head_of_a_redirect_is_not_the_pages(way: str, name: str) -> None:
    pages = {A: to(B, RESERVED, HTML, name=name), B: Answer(body=b"page")}
    async with Web(pages) as web, crawler(way, web) as session, session.get(A) as response:
        assert await response.read() == b"page"
        assert [str(one.url) for one in response.history] == [A]


@run
@both_ways
async def test_the_page_behind_a_redirect_blocks(way: str) -> None:
    pages = {A: to(B), B: Answer(headers=(RESERVED,), body=b"page")}
    async with Web(pages) as web, crawler(way, web) as session:
        decision = await blocked(session.get(A))
        assert (decision.url, decision.stage) == (B, Stage.HEADERS)


@run
@both_ways
async def test_redirect_that_is_not_followed(way: str) -> None:
    pages = {
        A: to(B, RESERVED, HTML),
        A + "meta": to(B, HTML),
        A + "fine": Answer(302, (("Location", B), HTML), body=b"<p>"),
    }
    async with Web(pages) as web, crawler(way, web) as session:
        async with session.get(A + "fine", allow_redirects=False) as response:
            assert (response.status, await response.read()) == (302, b"<p>")
        if way == "client":
            for path, stage in (("", Stage.HEADERS), ("meta", Stage.CONTENT)):
                decision = await blocked(session.get(A + path, allow_redirects=False))
                assert (decision.url, decision.stage) == (A + path, stage)
            assert (await blocked(session.request("GET", A, allow_redirects=False))).url == A
        else:  # which cannot know whether it will be followed
            async with session.get(A, allow_redirects=False) as response:
                await blocked(response.read())
        assert web.count(B) == 0


@run
@both_ways
@pytest.mark.parametrize(
    ("status", "fields"),
    [
        (302, ()),  # a redirect that leads nowhere is a page like any other
        (302, (("Location", ""),)),
        (301, (("URI", ""), ("Location", "x"))),
        (304, (("Location", "/x"),)),
        (300, (("Location", "/x"),)),
    ],
)
async def test_what_aiohttp_takes_for_the_end_is_judged(
    way: str, status: int, fields: tuple[tuple[str, str], ...]
) -> None:
    stock_is_final = ("Location", "x") not in fields
    pages = {A: Answer(status, (*fields, RESERVED)), A + "x": Answer(headers=(RESERVED,))}
    async with Web(pages) as web:
        async with aiohttp.ClientSession(proxy=web.proxy_url) as plain, plain.get(A) as response:
            assert str(response.url) == (A if stock_is_final else A + "x")
        async with crawler(way, web) as session:
            decision = await blocked(session.get(A))
            assert (decision.url, decision.stage) == (str(response.url), Stage.HEADERS)


@run
async def test_the_content_of_what_is_no_redirect_is_judged() -> None:
    page = Answer(302, (("Location", ""), HTML), body=META)
    async with Web({A: page}) as web, crawler("client", web) as client:
        assert (await blocked(client.get(A))).stage is Stage.CONTENT


@run
@both_ways
async def test_redirect_to_a_policy_resource(way: str) -> None:
    pages = {A: to("/robots.txt"), ROBOTS: Answer(body=b"User-agent: *\nDisallow: /robots.txt\n")}
    async with Web(pages) as web, crawler(way, web) as session, session.get(A) as response:
        assert response.status == 200


@run
@both_ways
async def test_too_many_redirects(way: str) -> None:
    async with Web({A: to(A)}) as web, crawler(way, web) as session:
        with pytest.raises(aiohttp.TooManyRedirects):
            await session.get(A)
        assert web.count(ROBOTS) == 1


# Modes, errors, listeners


@run
@both_ways
async def test_observe_blocks_nothing(way: str) -> None:
    found: list[tuple[Decision, bool]] = []
    pages = {
        ROBOTS: Answer(body=PRIVATE),
        A + "private/x": Answer(body=b"1"),
        A + "h": Answer(headers=(RESERVED,), body=b"2"),
        A + "c": Answer(headers=(HTML,), body=META),
    }
    async with (
        Web(pages) as web,
        crawler(
            way, web, OBSERVE, listener=lambda decision, stopped: found.append((decision, stopped))
        ) as session,
    ):
        for path in ("private/x", "h", "c"):
            async with session.get(A + path) as response:
                assert response.status == 200
                assert await response.read()
    content = Action.BLOCK if way == "client" else Action.PROCEED
    assert [decision.action for decision, _ in found] == [Action.BLOCK, Action.BLOCK, content]
    assert not any(stopped for _, stopped in found)


@run
@both_ways
async def test_listener_hears_of_every_request_once(way: str) -> None:
    found: list[tuple[str, Stage, bool]] = []

    def listener(decision: Decision, stopped: bool) -> None:
        found.append((decision.url.removeprefix(A), decision.stage, stopped))

    pages = {
        ROBOTS: Answer(body=PRIVATE),
        A + "h": Answer(headers=(RESERVED,)),
        A + "c": Answer(headers=(HTML,), body=META),
        A + "ok": Answer(headers=(HTML,), body=b"<p>"),
        A + "to": to("/bin"),
        A + "bin": Answer(headers=(("Content-Type", "audio/flac"),), body=b"x"),
    }
    async with Web(pages) as web, crawler(way, web, listener=listener) as session:
        for path in ("private/x", "h", "c", "ok", "to"):
            try:
                async with session.get(A + path):
                    pass
            except ReservedError:
                pass
    last = Stage.CONTENT if way == "client" else Stage.HEADERS
    assert found == [
        ("private/x", Stage.SITE, True),
        ("h", Stage.HEADERS, True),
        ("c", last, way == "client"),
        ("ok", last, False),
        ("bin", Stage.HEADERS, False),
    ]


@run
async def test_reserved_error(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "reservation_middleware.aiohttp")
    page = Answer(headers=(RESERVED,))
    async with Web({A: page}) as web, crawler("middleware", web) as session:
        with pytest.raises(aiohttp.ClientError) as caught:
            await session.get(A)
    error = caught.value
    assert isinstance(error, ReservedError)
    assert isinstance(error, ReservationError)
    # aiohttp would send the request again after a ClientOSError.
    assert not isinstance(error, aiohttp.ClientOSError | aiohttp.ClientConnectionError)
    assert error.decision.action is Action.BLOCK
    assert str(error) == error.decision.sentence()
    assert "tdm-reservation: 1" in str(error).lower()
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(twin) is ReservedError
        assert twin.decision == error.decision
        assert str(twin) == str(error)
    assert A in caplog.text
    assert web.count(A) == 1


@run
async def test_decision_of_a_response_from_elsewhere() -> None:
    async with (
        Web({A: Answer()}) as web,
        crawler("client", web) as client,
        aiohttp.ClientSession(proxy=web.proxy_url) as session,
        session.get(A) as response,
    ):
        assert client.decision(response) is None


# Who asks


@run
@pytest.mark.parametrize("way", ["middleware", "client"])
async def test_agent_is_the_user_agents(way: str, caplog: pytest.LogCaptureFixture) -> None:
    robots = b"User-agent: NiceBot\nDisallow: /a\n\nUser-agent: OtherBot\nDisallow: /b\n"
    headers = {"User-Agent": "NiceBot/1.0 (+https://nice.example/)"}
    found: list[str] = []

    def listener(decision: Decision, stopped: bool) -> None:
        found.append(decision.agent)

    async with Web({ROBOTS: Answer(body=robots)}) as web:
        session: Any
        if way == "client":
            session = ReservationClient(listener=listener, headers=headers, proxy=web.proxy_url)
        else:
            check = reservation_middleware(listener=listener)
            session = aiohttp.ClientSession(
                middlewares=(check,), headers=headers, proxy=web.proxy_url
            )
        async with session:
            await blocked(session.get(A + "a"))
            (await session.get(A + "b")).close()
            other = {"User-Agent": "Mozilla/5.0 (compatible; OtherBot/2; +https://o.example/)"}
            (await session.get(A + "a", headers=other)).close()
            await blocked(session.get(A + "b", headers=other))
            assert found == ["NiceBot", "NiceBot", "OtherBot", "OtherBot"]
            assert not caplog.records
            [policy] = [seen for seen in web.log if seen.url == ROBOTS]
            assert policy.headers["user-agent"] == headers["User-Agent"]


@run
@pytest.mark.parametrize("user_agent", [None, "Mozilla/5.0 (X11; Linux) Firefox/140.0", ""])
async def test_no_agent_warns_once(user_agent: str | None, caplog: Any) -> None:
    robots = b"User-agent: Python\nDisallow: /a\n\nUser-agent: *\nDisallow: /b\n"
    headers = {} if user_agent is None else {"User-Agent": user_agent}
    async with (
        Web({ROBOTS: Answer(body=robots)}) as web,
        ReservationClient(proxy=web.proxy_url, headers=headers) as client,
    ):
        (await client.get(A + "a")).close()
        (await client.get(A + "a")).close()
        agent = "*" if headers else "aiohttp"  # which is the name that sites are told
        assert (await blocked(client.get(A + "b"))).agent == agent
    [warning] = [one for one in caplog.records if one.levelno == logging.WARNING]
    assert "no agent is set" in warning.getMessage()


@run
async def test_agent_may_be_a_word() -> None:
    async with (
        Web({ROBOTS: Answer(body=b"User-agent: wordbot\nDisallow: /\n")}) as web,
        ReservationClient(agent="WordBot", proxy=web.proxy_url) as client,
    ):
        decision = await blocked(client.get(A))
        assert (decision.agent, decision.purposes) == ("WordBot", ("ai-train",))


@run
async def test_a_session_without_user_agent() -> None:
    async with (
        Web({A: Answer()}) as web,
        crawler("client", web, skip_auto_headers=["User-Agent"]) as client,
    ):
        (await client.get(A)).close()
        assert all("user-agent" not in seen.headers for seen in web.log)


# How policies are fetched


@run
@both_ways
async def test_policies_get_no_credentials(way: str) -> None:
    cookie = ("Set-Cookie", "seen=1")
    pages = {
        ROBOTS: Answer(302, (("Location", B + "r"), cookie)),
        B + "r": Answer(headers=(cookie,)),
        TDMREP: Answer(404, (cookie,)),
        A: Answer(),
    }
    secrets = {"Authorization": "Bearer secret", "X-Secret": "secret", "Referer": "secret"}
    options: dict[str, Any] = {"cookies": {"session": "secret"}, "headers": secrets}
    async with Web(pages) as web, crawler(way, web, **options) as session:
        (await session.get(A, cookies={"more": "secret"})).close()
        jar = session.session.cookie_jar if way == "client" else session.cookie_jar
        assert {cookie.key for cookie in jar} == {"session"}
        *policies, page = web.log
        assert page.url == A
        assert len(policies) == 3
        for seen in policies:
            assert "secret" not in str(seen.headers)
            assert "cookie" not in seen.headers
            assert seen.headers["user-agent"] == page.headers["user-agent"]
        assert "Bearer secret" in str(page.headers)
        assert "session=secret" in str(page.headers)


@run
@both_ways
async def test_policies_get_no_credentials_of_netrc(
    way: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine a.example login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    async with Web({A: Answer()}) as web, crawler(way, web, trust_env=True) as session:
        (await session.get(A)).close()
        assert {seen.url: "authorization" in seen.headers for seen in web.log} == {
            ROBOTS: False,
            TDMREP: False,
            A: True,
        }


BASIC = "Basic bWU6czrDtg=="


@run
@both_ways
@pytest.mark.parametrize("where", ["url", "environment", "headers"])
async def test_policies_go_through_the_same_proxy(
    way: str, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Web({A: Answer()}) as web:
        proxy = web.proxy_url.replace("://", "://me:s%3A%C3%B6@")
        options: dict[str, Any] = {"proxy": proxy}
        if where == "environment":
            for name in ("no_proxy", "NO_PROXY"):
                monkeypatch.delenv(name, raising=False)
            monkeypatch.setenv("http_proxy", proxy)
            options = {"proxy": None, "trust_env": True}
        elif where == "headers":
            options = {"headers": {"Proxy-Authorization": BASIC}}
        async with crawler(way, web, **options) as session:
            (await session.get(A)).close()
        assert [seen.url for seen in web.log][-1] == A
        assert len(web.log) == 3
        # Not the page: aiohttp 3.12 forgets it on a connection that is used again.
        found = {seen.headers.get("proxy-authorization") for seen in web.log[:2]}
        assert len(found) == 1
        assert None not in found


@run
@both_ways
@pytest.mark.parametrize(
    ("headers", "connections"),
    [
        ({"User-Agent": "ExampleBot/1.0"}, 1),
        # What a proxy is not to know keeps policies off the connections of pages.
        ({"User-Agent": "ExampleBot/1.0", "X-Key": "secret"}, 2),
        ({"Authorization": "Bearer secret"}, 2),
    ],
)
async def test_policies_and_pages_share_a_connection(
    way: str, headers: dict[str, str], connections: int
) -> None:
    async with Web({A: Answer()}) as web:
        async with crawler(way, web, headers=headers) as session, session.get(A) as response:
            await response.read()
        assert web.connections == connections
        for seen in web.log[:2]:
            assert not {"x-key", "authorization"} & {name.lower() for name in seen.headers}
            assert "secret" not in str(seen.headers)


@run
@both_ways
async def test_credentials_for_the_proxy_do_not_reach_sites(way: str) -> None:
    pages = {
        ROBOTS: Answer(302, (("Location", "https://b.example/r"),)),
        "https://b.example/r": Answer(body=PRIVATE),
    }
    headers = {"Proxy-Authorization": BASIC}
    async with Web(pages) as web, crawler(way, web, headers=headers) as session:
        await blocked(session.get(A + "private/x", ssl=False))
        [seen] = [seen for seen in web.log if seen.url == "https://b.example/r"]
        assert "proxy-authorization" not in seen.headers


@run
@both_ways
async def test_policies_trust_whom_the_request_trusts(way: str) -> None:
    url = "https://a.example/"
    pages = {url: Answer(body=b"x"), url + "robots.txt": Answer(body=PRIVATE)}
    async with Web(pages) as web:
        context = ssl.create_default_context(cadata=web.ca_pem.decode())
        async with crawler(way, web) as session:
            async with session.get(url, ssl=context) as response:
                assert await response.read() == b"x"
            await blocked(session.get(url + "private/x", ssl=context))
        connector = aiohttp.TCPConnector(ssl=context)
        async with crawler(way, web, connector=connector) as session:
            (await session.get(url)).close()
        async with crawler(way, web) as session:
            decision = await blocked(session.get(url))
            assert decision.notes[0].kind.ident == "robots-unreachable"
            assert "Certificate" in str(decision.notes[0])


@run
@both_ways
async def test_session_that_raises_for_status(way: str) -> None:
    pages = {A: Answer(headers=(HTML,), body=b"<p>"), B + "gone": Answer(410)}
    pages[B + "robots.txt"] = Answer(403)
    async with Web(pages) as web, crawler(way, web, raise_for_status=True) as session:
        async with session.get(A) as response:
            assert response.status == 200
        with pytest.raises(aiohttp.ClientResponseError) as caught:
            await session.get(B + "gone")
        assert caught.value.status == 410


@run
@both_ways
@pytest.mark.parametrize("fault", [None, "endless"])
async def test_a_huge_robots_txt_is_cut(way: str, fault: Any) -> None:
    line = b"# nothing to see here, move along\n"
    head = b"User-agent: *\nDisallow: /a\n" + line * (600_000 // len(line)) + b"Disallow: /b\n"
    robots = Answer(body=head if fault else head + line * 300_000, fault=fault)
    async with Web({ROBOTS: robots}) as web, crawler(way, web) as session:
        decision = await blocked(session.get(A + "a"))
        assert "robots-truncated" in [note.kind.ident for note in decision.notes]
        (await session.get(A + "b")).close()


@run
@both_ways
async def test_session_with_a_base_url(way: str) -> None:
    pages = {A + "x": Answer(), ROBOTS: Answer(body=PRIVATE)}
    async with Web(pages) as web, crawler(way, web, base_url=A) as session:
        async with session.get("x") as response:
            assert str(response.url) == A + "x"
        assert (await blocked(session.get("/private/x"))).url == A + "private/x"
        assert web.count(ROBOTS) == 1


@run
@both_ways
async def test_query_parameters_are_checked(way: str) -> None:
    robots = Answer(body=b"User-agent: *\nDisallow: /*?q=\n")
    async with Web({ROBOTS: robots}) as web, crawler(way, web) as session:
        decision = await blocked(session.get(A, params={"q": "ö"}))
        assert decision.url == A + "?q=%C3%B6"
        (await session.get(A, params={"p": "ö"})).close()


@run
@both_ways
async def test_a_page_that_gives_up_does_not_end_the_fetch(way: str) -> None:
    fetcher = Fetcher()
    pages = {ROBOTS: Answer(body=PRIVATE, delay=0.5)}
    async with Web(pages) as web, crawler(way, web, fetcher=fetcher) as session:
        with pytest.raises(TimeoutError):
            await session.get(A + "private/x", timeout=aiohttp.ClientTimeout(total=0.1))
        await blocked(session.get(A + "private/x"))
        assert web.count(ROBOTS) == 1


@run
@both_ways
@pytest.mark.parametrize("fault", ["hang", "drip"])
async def test_robots_txt_that_takes_too_long(
    way: str, fault: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reservation_middleware.aiohttp._transport.TIMEOUT", 0.3)
    robots = Answer(body=b"User-agent: *\nAllow: /\n", fault=fault)
    async with Web({ROBOTS: robots}) as web, crawler(way, web) as session:
        decision = await blocked(session.get(A))
        assert [note.kind.ident for note in decision.notes] == ["robots-unreachable"]
        assert web.count(A) == 0


@run
@both_ways
async def test_waiting_for_a_connection_does_not_count(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reservation_middleware.aiohttp._transport.TIMEOUT", 0.3)
    pages = {A: Answer(body=b"x" * 20, fault="drip"), B: Answer(body=b"x")}
    connector = aiohttp.TCPConnector(limit=1)
    async with Web(pages) as web, crawler(way, web, connector=connector) as session:
        async with session.get(A) as long:
            waiting = asyncio.create_task(get(session, B))
            assert len(await long.read()) == 20
        await waiting
        assert web.count(B) == 1


@run
@both_ways
@pytest.mark.parametrize("busy", [False, True])
async def test_closing_one_of_two_sessions_that_share_a_fetcher(way: str, busy: bool) -> None:
    fetcher = Fetcher()
    pages = {ROBOTS: Answer(body=PRIVATE, delay=0.5), B: Answer(fault="hang")}
    async with Web(pages) as web:
        limit = aiohttp.TCPConnector(limit=1)
        async with crawler(way, web, fetcher=fetcher) as staying:
            async with crawler(way, web, fetcher=fetcher, connector=limit) as leaving:
                hanging = None
                if busy:  # the policy waits for a free connection
                    inner = leaving.session if way == "client" else leaving
                    hanging = asyncio.create_task(inner._request("GET", B, middlewares=()))
                    await asyncio.sleep(0.1)
                first = asyncio.create_task(get(leaving, A + "x"))
                await asyncio.sleep(0.1)
                second = asyncio.create_task(get(staying, A + "private/x"))
                await asyncio.sleep(0.1)
            results = await asyncio.gather(first, second, return_exceptions=True)
            if hanging:
                await asyncio.gather(hanging, return_exceptions=True)
            assert isinstance(results[0], RuntimeError | aiohttp.ClientError), results
            assert isinstance(results[1], ReservedError), results
            assert [reason.text for reason in results[1].decision.reasons] == [
                "Disallow: /private/"
            ]


async def get(session: Any, url: str) -> None:
    async with session.get(url):
        pass


@run
async def test_closing_the_client_ends_what_is_under_way() -> None:
    async with Web({ROBOTS: Answer(fault="hang")}) as web:
        async with crawler("client", web) as client:
            task = asyncio.create_task(get(client, A))
            await asyncio.sleep(0.1)
        with pytest.raises(RuntimeError, match="closed"):
            await task
        await eventually(lambda: not web._tasks)


@run
async def test_closing_the_session_ends_what_is_under_way() -> None:
    async with Web({ROBOTS: Answer(fault="hang")}) as web:
        async with crawler("middleware", web) as session:
            task = asyncio.create_task(get(session, A))
            await asyncio.sleep(0.1)
        with pytest.raises(RuntimeError, match="closed"):
            await task
        await eventually(lambda: not web._tasks)


# Other middlewares


def marking(word: str, seen: list[str]) -> Any:
    async def middleware(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        seen.append(word)
        return await handler(request)

    return middleware


@run
async def test_middlewares_of_a_request_cannot_switch_the_wrappers_check_off() -> None:
    seen: list[str] = []
    mine = marking("mine", seen)
    pages = {ROBOTS: Answer(body=PRIVATE), A + "h": Answer(headers=(RESERVED,)), A: Answer()}
    async with (
        Web(pages) as web,
        crawler("client", web, middlewares=(marking("session", seen),)) as client,
    ):
        for own in ({}, {"middlewares": ()}, {"middlewares": (mine,)}):
            assert (await blocked(client.get(A + "private/x", **own))).stage is Stage.SITE
            assert (await blocked(client.get(A + "h", **own))).stage is Stage.HEADERS
            assert (await blocked(client.request("POST", A + "h", **own))).url == A + "h"
        # A request's own replace the session's, as in aiohttp; ours is outside of all.
        assert seen == ["session"] * 2 + ["mine"] * 2
        seen.clear()
        (await client.get(A, middlewares=(mine, marking("more", seen)))).close()
        assert seen == ["mine", "more"]


@run
async def test_the_middleware_among_others_of_a_session() -> None:
    seen: list[str] = []
    pages = {ROBOTS: Answer(body=PRIVATE), A: Answer()}
    check = reservation_middleware(agent=BOT)
    middlewares = (marking("outside", seen), check, marking("inside", seen))
    async with (
        Web(pages) as web,
        aiohttp.ClientSession(middlewares=middlewares, proxy=web.proxy_url) as session,
    ):
        await blocked(session.get(A + "private/x"))
        assert seen == ["outside"]
        async with session.get(A) as response:
            decision = check.decision(response)
            assert decision
            assert decision.action is Action.PROCEED
        assert seen == ["outside", "outside", "inside"]  # policies pass none of them


@run
async def test_a_middleware_that_answers_by_itself() -> None:
    kept: list[aiohttp.ClientResponse] = []

    async def caching(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        if not kept:
            kept.append(await handler(request))
        return kept[0]

    page = Answer(headers=(HTML,), body=b"<p>")
    async with Web({A: page}) as web, crawler("client", web, middlewares=(caching,)) as client:
        for _ in range(2):
            response = await client.get(A)
            assert await response.text() == "<p>"
            assert client.decision(response).stage is Stage.CONTENT
        assert web.count(A) == 1


# Sending, and letting go


@run
async def test_await_enter_task_and_gather() -> None:
    page = Answer(headers=(HTML,), body=b"<p>")
    async with Web({A: page}) as web, crawler("client", web) as client:
        response = await client.get(A)
        assert await response.text() == "<p>"
        async with client.get(A) as response:
            assert response.status == 200
        assert response.closed
        task = asyncio.create_task(client.get(A))
        assert (await task).status == 200
        responses = await asyncio.gather(client.get(A), client.head(A), client.post(A))
        assert [one.method for one in responses] == ["GET", "HEAD", "POST"]
        async with asyncio.timeout(5):
            assert (await asyncio.wait_for(client.get(A), 5)).status == 200
        unsent = client.get(A)
        unsent.close()
        web.add(A, Answer(headers=(RESERVED,)))
        with pytest.raises(ReservedError):
            await get(client, A)


@run
@both_ways
async def test_one_connection_is_enough(way: str) -> None:
    pages = {
        ROBOTS: Answer(body=PRIVATE),
        A: Answer(headers=(HTML,), body=b"<p>" * 100_000),
        A + "meta": Answer(headers=(HTML,), body=META + b"x" * 1_000_000),
        A + "h": Answer(headers=(RESERVED,), body=b"x" * 1_000_000),
        A + "to": to(B + "b"),
        B + "b": to(A + "bin"),
        A + "bin": Answer(headers=(("Content-Type", "image/png"),), body=b"x" * 1_000_000),
        B + "robots.txt": to(A + "huge"),
        A + "huge": Answer(body=b"# huge\n" * 500_000),
    }
    connector = aiohttp.TCPConnector(limit=1)
    async with Web(pages) as web, crawler(way, web, connector=connector) as session:

        async def fetch(path: str) -> str:
            try:
                async with session.get(A + path) as response:
                    return str(len(await response.read()))
            except ReservedError as error:
                return str(error.decision.stage)

        paths = ["", "meta", "h", "to", "private/x", "bin"]
        async with asyncio.timeout(20):
            found = await asyncio.gather(*(fetch(path) for path in paths * 5))
        meta = "content" if way == "client" else str(len(META) + 1_000_000)
        assert found == ["300000", meta, "headers", "1000000", "site", "1000000"] * 5
        assert not connector._acquired


@run
@both_ways
async def test_connections_are_used_again(way: str) -> None:
    page = Answer(headers=(HTML,), body=b"<p>")
    async with Web({A: page}) as web, crawler(way, web) as session:
        for _ in range(20):
            async with session.get(A) as response:
                await response.read()
        assert web.connections == 1  # robots.txt, tdmrep.json and the page one after another


@run
async def test_checks_go_with_their_responses() -> None:
    async with Web({A: Answer()}) as web, crawler("client", web) as client:
        kept = []
        for _ in range(5):
            response = await client.get(A)
            kept.append(weakref.ref(client._check.known(response)))
            assert kept[-1]() is not None
        del response
        gc.collect()
        assert [known() for known in kept] == [None] * 5
