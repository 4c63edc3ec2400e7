"""Whether the adapters look into files: the switches, and bodies that are too long to be held.

Whoever streams a body must get all of it, looked into or not. What is read out of files is
tests/syntax/test_media.py's business.
"""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

pytest.importorskip("aiohttp")
pytest.importorskip("PIL")
pytest.importorskip("pikepdf")
pytest.importorskip("c2pa")

import media_files as make
from aiohttp import ClientPayloadError, ClientResponse

from reservation_middleware.aiohttp import ReservationClient, ReservedError, _body
from reservation_middleware.model import Decision, Stage
from web import Answer, Web, WebThread

A = "http://a.example"
PNG = make.png(make.data_mining("DMI-PROHIBITED"))
IMAGE = (("Content-Type", "image/png"),)
#: Sent as HTML, which every switch lets the client read.
IMAGE_AS_HTML = (("Content-Type", "text/html"),)
PAGES = {
    f"{A}/robots.txt": Answer(404),
    f"{A}/image": Answer(200, IMAGE, body=PNG),
    f"{A}/as-html": Answer(200, IMAGE_AS_HTML, body=PNG),
    f"{A}/page": Answer(200, IMAGE_AS_HTML, body=b'<meta name="tdm-reservation" content="1"><p>x'),
}
#: One that says nothing.
CLEAR = make.png(make.data_mining("DMI-UNSPECIFIED"))
REST = b"\0" * 3_000
LIMIT = len(PNG) + 1_000

run = pytest.mark.asyncio

# ---- Scrapy


@pytest.fixture(scope="module")
def worker() -> Iterator[Any]:
    pytest.importorskip("scrapy")
    from scrapy_runner import Worker

    with Worker() as started:
        yield started


@pytest.mark.parametrize(
    ("settings", "blocked"),
    [
        ({}, {"image", "as-html", "page"}),
        ({"RESERVATION_MEDIA": True}, {"image", "as-html", "page"}),
        ({"RESERVATION_MEDIA": False}, {"page"}),
        ({"RESERVATION_MEDIA": "0"}, {"page"}),
        ({"RESERVATION_CONTENT": False}, set()),
    ],
)
def test_scrapy(worker: Any, settings: dict[str, Any], blocked: set[str]) -> None:
    names = ("image", "as-html", "page")
    with WebThread(PAGES) as web:
        done = worker.crawl(
            web.proxy_url,
            requests=[f"{A}/{name}" for name in names],
            settings={"USER_AGENT": "ExampleBot/1.0", "DOWNLOAD_DELAY": 0, **settings},
        )
    assert done.problems == []
    assert {url.rpartition("/")[2] for url in done.blocked} == blocked
    assert {url.rpartition("/")[2] for url in done.urls} == set(names) - blocked


# ---- aiohttp


@run
@pytest.mark.parametrize(
    ("options", "blocked"),
    [
        ({}, {"image", "as-html", "page"}),
        ({"media": False}, {"page"}),
        ({"content": False}, set()),
    ],
)
async def test_aiohttp(options: dict[str, Any], blocked: set[str]) -> None:
    found = set()
    async with (
        Web(PAGES) as web,
        ReservationClient(agent="ExampleBot", proxy=web.proxy_url, **options) as client,
    ):
        for name in ("image", "as-html", "page"):
            try:
                async with client.get(f"{A}/{name}") as response:
                    body = await response.read()
                    assert body == PAGES[f"{A}/{name}"].body
            except ReservedError:
                found.add(name)
    assert found == blocked


Reply = Callable[[asyncio.StreamWriter], Coroutine[Any, Any, None]]


@asynccontextmanager
async def server(reply: Reply) -> AsyncIterator[str]:
    """A server with no policies; its page is written by ``reply``, head and all."""
    tasks = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.current_task())
        try:
            request = await reader.readuntil(b"\r\n\r\n")
            if b" /image " in request.partition(b"\r\n")[0]:
                await reply(writer)
            else:
                writer.write(b"HTTP/1.1 404 -\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    one = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{one.sockets[0].getsockname()[1]}/image"
    finally:
        one.close()
        await asyncio.gather(*(task for task in tasks if task), return_exceptions=True)
        await one.wait_closed()


def said(body: bytes, *, length: bool, pack: bool = False, pause: bool = False) -> Reply:
    """Send a body with its length, or in chunks."""

    async def reply(writer: asyncio.StreamWriter) -> None:
        sent = gzip.compress(body) if pack else body
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nConnection: close\r\n")
        if pack:
            writer.write(b"Content-Encoding: gzip\r\n")
        if length:
            writer.write(b"Content-Length: %d\r\n\r\n" % len(sent) + sent)
        else:
            writer.write(b"Transfer-Encoding: chunked\r\n\r\n")
            for at in range(0, len(sent), 500):
                part = sent[at : at + 500]
                writer.write(b"%x\r\n" % len(part) + part + b"\r\n")
                await writer.drain()
                if pause:
                    await asyncio.sleep(0.01)
            writer.write(b"0\r\n\r\n")
        await writer.drain()

    return reply


async def whole(response: ClientResponse) -> bytes:
    return await response.read()


async def in_chunks(response: ClientResponse) -> bytes:
    return b"".join([part async for part in response.content.iter_chunked(700)])


async def as_it_comes(response: ClientResponse) -> bytes:
    return b"".join([part async for part, _ in response.content.iter_chunks()])


async def exactly(response: ClientResponse) -> bytes:
    head = await response.content.readexactly(len(CLEAR))
    return head + await response.content.read()


@run
@pytest.mark.parametrize("get", [whole, in_chunks, as_it_comes, exactly])
@pytest.mark.parametrize(
    "how",
    [
        {"length": True},
        {"length": False},
        {"length": False, "pause": True},
        {"length": True, "pack": True},
        {"length": False, "pack": True},
    ],
    ids=str,
)
async def test_a_body_that_is_too_long_is_left_to_its_reader(
    how: dict[str, bool],
    get: Callable[[ClientResponse], Coroutine[Any, Any, bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_body, "MAX_MEDIA", LIMIT)
    body = CLEAR + REST
    decisions: list[Decision] = []
    async with (
        server(said(body, **how)) as url,
        ReservationClient(
            agent="ExampleBot", listener=lambda decision, _: decisions.append(decision)
        ) as client,
        client.get(url) as response,
    ):
        assert await get(response) == body
    [decision] = decisions
    assert decision.stage is Stage.HEADERS
    assert "content" in decision.not_reached


@run
@pytest.mark.parametrize("length", [True, False])
async def test_a_body_just_short_enough_is_looked_into(
    length: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = PNG + REST[:1000]
    assert len(body) == LIMIT
    monkeypatch.setattr(_body, "MAX_MEDIA", LIMIT)
    async with (
        server(said(body, length=length)) as url,
        ReservationClient(agent="ExampleBot") as client,
    ):
        with pytest.raises(ReservedError):
            await client.get(url)


@run
async def test_the_beginning_of_a_body_that_is_too_long_may_say_no(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_body, "MAX_MEDIA", LIMIT)
    async with (
        server(said(PNG + REST, length=False)) as url,
        ReservationClient(agent="ExampleBot") as client,
    ):
        with pytest.raises(ReservedError):
            await client.get(url)


@run
async def test_a_long_body_that_is_cut_off_says_so_to_its_reader(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_body, "MAX_MEDIA", LIMIT)

    async def reply(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n")
        writer.write(b"Transfer-Encoding: chunked\r\n\r\n")
        body = CLEAR + REST
        writer.write(b"%x\r\n" % len(body) + body + b"\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)

    async with (
        server(reply) as url,
        ReservationClient(agent="ExampleBot") as client,
        client.get(url) as response,
    ):
        with pytest.raises(ClientPayloadError):
            await response.read()
