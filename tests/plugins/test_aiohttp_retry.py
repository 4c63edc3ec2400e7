"""aiohttp-retry around ReservationClient, and around a session with the drop-in middleware.

https://github.com/inyutin/aiohttp_retry
"""

import asyncio
import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from plugin_support import require

require("aiohttp_retry")

import aiohttp

from reservation_middleware.aiohttp import (
    ReservationClient,
    ReservedError,
    reservation_middleware,
)
from web import Answer, Web

pytestmark = [pytest.mark.plugins, pytest.mark.asyncio]
library: Any = importlib.import_module("aiohttp_retry")

A = "http://a.example/"
ROBOTS = A + "robots.txt"
HTML = (("Content-Type", "text/html"),)
PAGE = Answer(200, HTML, body=b"<p>fine</p>")
NOAI = Answer(200, HTML, body=b'<meta name="tdm-reservation" content="1">')
PRIVATE = Answer(body=b"User-agent: *\nDisallow: /private/\n")
BRIEF = library.ExponentialRetry(attempts=3, start_timeout=0.001)
#: With every error of aiohttp, ReservedError is among them.
ALL = library.ExponentialRetry(attempts=3, start_timeout=0.001, exceptions={aiohttp.ClientError})

both = pytest.mark.parametrize("way", ["client", "middleware"])


@asynccontextmanager
async def retrying(way: str, web: Web, retry: Any = BRIEF) -> AsyncIterator[Any]:
    """A RetryClient whose requests are checked."""
    if way == "client":
        session: Any = ReservationClient(agent="ExampleBot", proxy=web.proxy_url)
        async with library.RetryClient(client_session=session, retry_options=retry) as client:
            yield client
    else:
        check = reservation_middleware(agent="ExampleBot")
        async with library.RetryClient(
            retry_options=retry, middlewares=(check,), proxy=web.proxy_url
        ) as client:
            yield client


def count(web: Web, path: str) -> int:
    return web.count(A + path)


@both
async def test_a_page_is_tried_again(way: str) -> None:
    pages = {ROBOTS: PRIVATE, A + "x": Answer(503, later=Answer(500, later=PAGE))}
    async with Web(pages) as web, retrying(way, web) as client:
        async with client.get(A + "x") as response:
            assert response.status == 200
            assert await response.read() == PAGE.body
        assert (count(web, "x"), count(web, "robots.txt")) == (3, 1)


@both
async def test_a_policy_is_tried_again(way: str) -> None:
    pages = {ROBOTS: Answer(503, later=PRIVATE), A + "x": PAGE}
    async with Web(pages) as web, retrying(way, web) as client:
        async with client.get(A + "x") as response:
            assert await response.read() == PAGE.body
        assert (count(web, "x"), count(web, "robots.txt")) == (1, 2)


@both
@pytest.mark.parametrize("retry", [BRIEF, ALL], ids=["default", "every ClientError"])
async def test_a_reserved_page_is_not_asked_again(way: str, retry: Any) -> None:
    """Whoever retries every ClientError waits for nothing, but bothers the site no more."""
    pages = {ROBOTS: PRIVATE, A + "private/x": PAGE}
    async with Web(pages) as web, retrying(way, web, retry) as client:
        with pytest.raises(ReservedError):
            await client.get(A + "private/x")
        assert (count(web, "private/x"), count(web, "robots.txt")) == (0, 1)


async def test_content_by_default_is_judged_once() -> None:
    async with Web({A + "x": NOAI}) as web, retrying("client", web) as client:
        with pytest.raises(ReservedError):
            async with client.get(A + "x"):
                pass
        assert count(web, "x") == 1


async def test_every_method_goes_through() -> None:
    pages = {ROBOTS: PRIVATE, A + "x": PAGE, A + "private/x": PAGE}
    async with Web(pages) as web, retrying("client", web) as client:
        for method in ("get", "head", "options", "post", "put", "patch", "delete"):
            async with getattr(client, method)(A + "x") as response:
                assert response.status == 200
            with pytest.raises(ReservedError):
                await getattr(client, method)(A + "private/x")
        assert sorted(seen.method for seen in web.log if seen.url == A + "x") == sorted(
            ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]
        )


async def test_a_page_that_never_answers_is_that_session_s_error() -> None:
    """The last response is handed out as it came; the session stays usable."""
    pages = {A + "x": Answer(503), A + "y": PAGE}
    async with Web(pages) as web, retrying("client", web) as client:
        async with client.get(A + "x") as response:
            assert response.status == 503
        found = await asyncio.gather(*(client.get(A + "y") for _ in range(5)))
        assert [response.status for response in found] == [200] * 5
        for response in found:
            response.release()
