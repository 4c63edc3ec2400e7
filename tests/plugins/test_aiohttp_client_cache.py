"""aiohttp-client-cache inside ReservationClient, and with the drop-in middleware inside it.

https://aiohttp-client-cache.readthedocs.io
"""

import importlib
from typing import Any

import pytest
from plugin_support import require

require("aiohttp_client_cache")

from reservation_middleware.aiohttp import (
    ReservationClient,
    ReservedError,
    reservation_middleware,
)
from reservation_middleware.runtime.fetcher import Fetcher
from web import Answer, Web

pytestmark = [pytest.mark.plugins, pytest.mark.asyncio]
library: Any = importlib.import_module("aiohttp_client_cache")

A = "http://a.example/"
ROBOTS = A + "robots.txt"
HTML = (("Content-Type", "text/html"),)
PAGE = Answer(200, HTML, body=b"<p>" + b"fine " * 10_000)
HEAD = Answer(200, (*HTML, ("tdm-reservation", "1")), body=b"<p>fine")
META = Answer(200, HTML, body=b'<meta name="tdm-reservation" content="1">')
PRIVATE = Answer(body=b"User-agent: *\nDisallow: /private/\n")
OPEN = Answer(body=b"User-agent: *\nDisallow:\n")


@pytest.fixture(params=["memory", "sqlite"])
def cache(request: pytest.FixtureRequest, tmp_path: Any) -> Any:
    """Makes the backend of a session; what is in it outlives the session."""
    memory = library.CacheBackend()
    if request.param == "memory":
        return lambda: memory
    return lambda: library.SQLiteBackend(cache_name=str(tmp_path / "cache.db"))


def client_around(cache: Any, web: Web, **options: Any) -> ReservationClient:
    """Ours outside, the cache inside."""
    session = library.CachedSession(cache=cache(), proxy=web.proxy_url)
    return ReservationClient(agent="ExampleBot", session=session, **options)


async def test_hits_are_judged(cache: Any) -> None:
    """A page in the cache is asked for only where the rules of today still let it."""
    pages = {ROBOTS: OPEN, A + "private/x": PAGE}
    async with Web(pages) as web:
        async with client_around(cache, web) as client:
            for hit in (False, True):
                async with client.get(A + "private/x") as response:
                    assert getattr(response, "from_cache", False) is hit
                    assert await response.read() == PAGE.body
                    decision = client.decision(response)
                    assert decision is not None
                    assert not decision.blocked
        assert web.count(A + "private/x") == 1
        web.add(ROBOTS, PRIVATE)
        async with client_around(cache, web) as client:
            with pytest.raises(ReservedError):
                await client.get(A + "private/x")
        assert web.count(A + "private/x") == 1


@pytest.mark.parametrize("page", [HEAD, META], ids=["head", "content"])
async def test_a_hit_of_a_reserved_page_raises(cache: Any, page: Answer) -> None:
    """What was put into the cache without us, or before, is not handed out."""
    async with Web({A + "x": page}) as web:
        plain = library.CachedSession(cache=cache(), proxy=web.proxy_url)
        async with plain, plain.get(A + "x") as response:
            assert await response.read() == page.body
        async with client_around(cache, web) as client:
            with pytest.raises(ReservedError) as caught:
                await client.get(A + "x")
            assert {reason.carrier for reason in caught.value.decision.reasons} <= {
                "header",
                "meta",
            }
        assert web.count(A + "x") == 1


async def test_a_hit_is_judged_where_it_was_found(cache: Any) -> None:
    """A redirect that was followed before is in the cache with the page it led to."""
    pages = {
        ROBOTS: PRIVATE,
        A + "go": Answer(302, (("Location", "/private/x"),)),
        A + "private/x": PAGE,
        A + "here": Answer(302, (("Location", "/x"),)),
        A + "x": PAGE,
    }
    async with Web(pages) as web:
        async with library.CachedSession(cache=cache(), proxy=web.proxy_url) as plain:
            for path in ("go", "here"):
                async with plain.get(A + path) as response:
                    assert await response.read() == PAGE.body
        async with client_around(cache, web) as client:
            with pytest.raises(ReservedError) as caught:
                await client.get(A + "go")
            assert caught.value.decision.url == A + "private/x"
            async with client.get(A + "here") as response:
                assert getattr(response, "from_cache", False)
                assert await response.read() == PAGE.body
        assert [web.count(A + path) for path in ("go", "private/x", "here", "x")] == [1] * 4


async def test_streams_of_hits_and_misses_are_whole(cache: Any) -> None:
    async with Web({A + "x": PAGE}) as web, client_around(cache, web) as client:
        for _ in range(2):
            async with client.get(A + "x") as response:
                body = b"".join([chunk async for chunk in response.content.iter_chunked(999)])
                assert body == PAGE.body
            async with client.get(A + "x") as response:
                assert await response.text() == PAGE.body.decode()


async def test_policies_do_not_go_stale_in_it(cache: Any) -> None:
    """Policies are asked for beside the cache: theirs is ours, with its own freshness."""
    async with Web({ROBOTS: OPEN, A + "x": PAGE}) as web:
        for _ in range(2):
            client = client_around(cache, web)
            async with client, client.get(A + "x") as response:
                assert response.status == 200
        assert web.count(ROBOTS) == 2
        assert web.count(A + "x") == 1


async def test_as_a_middleware_inside_misses_are_judged(cache: Any) -> None:
    """aiohttp-client-cache asks nobody when it has a page: hits are handed out unjudged."""
    async with Web({ROBOTS: OPEN, A + "private/x": PAGE, A + "y": HEAD}) as web:

        def session() -> Any:
            check = reservation_middleware(agent="ExampleBot", fetcher=Fetcher())
            return library.CachedSession(cache=cache(), middlewares=(check,), proxy=web.proxy_url)

        async with session() as cached:
            with pytest.raises(ReservedError):
                await cached.get(A + "y")
            async with cached.get(A + "private/x") as response:
                assert await response.read() == PAGE.body
        web.add(ROBOTS, PRIVATE)
        async with session() as cached:
            async with cached.get(A + "private/x") as response:
                assert response.from_cache
            with pytest.raises(ReservedError):
                await cached.get(A + "private/other")
