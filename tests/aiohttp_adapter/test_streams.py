"""Bodies read through ReservationClient: the same octets as without it, however they are read.

Pages come from a real server that sends them step by step, so that a test can say what was
delivered before what was sent. How long a file is looked into is tests/adapters/test_media_switches.py's
business.
"""

import asyncio
import gc
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from reservation_middleware import Agent, Decision, profile
from reservation_middleware.aiohttp import ReservationClient, ReservedError, _body
from reservation_middleware.model import Stage
from reservation_middleware.owners.inspect import look as inspection

OBSERVE = profile().changed({"mode": "observe"})
META = b'<meta name="tdm-reservation" content="1">'
PAGE = b"<!doctype html>\n<title>x</title>\n" + (b"<p>" + b"some words " * 90 + b"\r\n") * 15
LONG = PAGE * 50
run = pytest.mark.asyncio

Steps = Callable[[asyncio.StreamWriter, asyncio.Event], Awaitable[None]]
Told = list[tuple[Stage, bool]]


def response(
    body: bytes, kind: str = "text/html", status: str = "200 OK", *fields: str, pack: bool = False
) -> Steps:
    """All at once, with its length."""

    async def steps(writer: asyncio.StreamWriter, _go_on: asyncio.Event) -> None:
        sent = gzip.compress(body) if pack else body
        lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(sent)}"]
        lines += ["Content-Encoding: gzip"] if pack else []
        writer.write("\r\n".join([*lines, *fields, "", ""]).encode() + sent)

    return steps


def chunked(*pieces: bytes, kind: str = "text/html", ends: bool = True, wait: int = 0) -> Steps:
    """In HTTP chunks, of which those from ``wait`` on come when the test says so."""

    async def steps(writer: asyncio.StreamWriter, go_on: asyncio.Event) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n".encode())
        writer.write(b"Transfer-Encoding: chunked\r\n\r\n")
        for number, piece in enumerate(pieces):
            if wait and number >= wait:
                await go_on.wait()
                go_on.clear()
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await writer.drain()
        if wait and wait <= len(pieces):
            await go_on.wait()
        if ends:
            writer.write(b"0\r\n\r\n")
        else:
            writer.close()

    return steps


class Site:
    """A server with no policies, for the pages of one test; ``go_on`` lets it send more."""

    def __init__(self, pages: dict[str, Steps]) -> None:
        self._pages = {"/robots.txt": response(b"", status="404 Not Found"), **pages}
        self.go_on = asyncio.Event()
        self.closed = asyncio.Event()
        self.url = ""
        self._tasks: set[asyncio.Task[Any]] = set()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Not asyncio's own task, which is not waited for.
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)

        def done(task: asyncio.Task[Any]) -> None:
            self._tasks.discard(task)
            writer.transport.abort()
            self.closed.set()

        task.add_done_callback(done)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks: list[asyncio.Task[Any]] = []
        first = b""
        try:
            while request := first + await reader.readuntil(b"\r\n\r\n"):
                path = request.split(b" ")[1].decode()
                steps = self._pages.get(path, self._pages["/robots.txt"])
                tasks = [
                    asyncio.create_task(steps(writer, self.go_on)),  # type: ignore[arg-type]
                    asyncio.create_task(reader.read(1)),  # nothing, when the client is gone
                ]
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                if not tasks[0].done():
                    break
                tasks[1].cancel()
                found = await asyncio.gather(tasks[1], return_exceptions=True)
                first = found[0] if isinstance(found[0], bytes) else b""
        except (OSError, EOFError):
            pass
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Site"]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            for task in tuple(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await server.wait_closed()
            await asyncio.sleep(0)


@asynccontextmanager
async def visit(
    pages: dict[str, Steps], policy: Any = None, **options: Any
) -> AsyncIterator[tuple[Site, Any, Told]]:
    told: Told = []

    def listener(decision: Decision, blocked: bool) -> None:
        told.append((decision.stage, blocked))

    async with (
        Site(pages).open() as site,
        ReservationClient(
            agent="ExampleBot", policy=policy, listener=listener, **options
        ) as client,
    ):
        yield site, client, told


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages are handed out soon, whole or not."""
    monkeypatch.setattr(_body, "PAGE_SECONDS", 0.02)
    monkeypatch.setattr(_body, "MEDIA_SECONDS", 0.02)


# All ways of reading


async def read(got: Any) -> bytes:
    return bytes(await got.read())


async def text(got: Any) -> bytes:
    return str(await got.text()).encode()


async def by_read(got: Any) -> bytes:
    return b"".join([piece async for piece in pieces_of(lambda: got.content.read(777))])


async def by_readany(got: Any) -> bytes:
    return b"".join([piece async for piece in pieces_of(got.content.readany)])


async def by_readline(got: Any) -> bytes:
    return b"".join([piece async for piece in pieces_of(got.content.readline)])


async def by_readuntil(got: Any) -> bytes:
    return b"".join([piece async for piece in pieces_of(lambda: got.content.readuntil(b"<p>"))])


async def by_readchunk(got: Any) -> bytes:
    body = b""
    while (found := await got.content.readchunk()) != (b"", False):
        body += found[0]
    return body


async def pieces_of(get: Callable[[], Awaitable[bytes]]) -> AsyncIterator[bytes]:
    while piece := await get():
        yield piece


async def by_read_all(got: Any) -> bytes:
    return bytes(await got.content.read())


async def by_iter_chunked(got: Any) -> bytes:
    return b"".join([piece async for piece in got.content.iter_chunked(1_000)])


async def by_iter_any(got: Any) -> bytes:
    return b"".join([piece async for piece in got.content.iter_any()])


async def by_iter_chunks(got: Any) -> bytes:
    return b"".join([piece async for piece, _ in got.content.iter_chunks()])


async def by_line(got: Any) -> bytes:
    return b"".join([line async for line in got.content])


async def by_at_eof(got: Any) -> bytes:
    body = b""
    while not got.content.at_eof():
        body += await got.content.read(1_000)
    return body


async def exactly(got: Any) -> bytes:
    try:
        return bytes(await got.content.readexactly(10) + await got.content.read())
    except asyncio.IncompleteReadError as error:
        return bytes(error.partial)


async def unread(got: Any) -> bytes:
    first = await got.content.read(20)
    with pytest.warns(DeprecationWarning, match="unread_data"):
        got.content.unread_data(first)
    return bytes(await got.content.read())


WAYS = (
    *(read, text, by_read, by_readany, by_readline, by_readuntil, by_readchunk, by_read_all),
    *(by_iter_chunked, by_iter_any, by_iter_chunks, by_line, by_at_eof, exactly, unread),
)
KINDS = ("text/html", "image/png", "application/json", "text/event-stream", "application/rss+xml")
SHAPES: dict[str, Callable[[str], Steps]] = {
    "short": lambda kind: response(b"<p>some words\n", kind),
    "empty": lambda kind: response(b"", kind),
    "long": lambda kind: response(LONG, kind),
    "packed": lambda kind: response(LONG, kind, pack=True),
    "chunked": lambda kind: chunked(b"<p>", *[PAGE] * 50, b"<p>x", kind=kind),
    "an empty chunk less": lambda kind: chunked(kind=kind),
}


@run
@pytest.mark.parametrize("kind", KINDS)
async def test_every_way_of_reading_gives_what_a_plain_session_gives(kind: str) -> None:
    pages = {f"/{name}": make(kind) for name, make in SHAPES.items()}
    pages = {name.replace(" ", "-"): steps for name, steps in pages.items()}
    async with visit(pages) as (site, client, _), aiohttp.ClientSession() as plain:
        # What needs no look is not touched: two ways show that.
        for path in pages:
            for way in (by_read, unread) if kind in KINDS[2:] else WAYS:
                found: list[Any] = []
                for session in (plain, client):
                    async with session.get(site.url + path) as got:
                        assert isinstance(got.content, aiohttp.StreamReader)
                        try:
                            found.append((await way(got), got.content.at_eof()))
                        except Exception as error:  # noqa: BLE001 - the same with both
                            found.append((type(error), False))
                assert found[0] == found[1], (path, way)


@run
@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("kind", ["text/html", "image/gif"])
async def test_every_way_of_reading_what_comes_slowly(kind: str) -> None:
    first = b"GIF89a<p>\n" if kind == "image/gif" else b"<p>first\n"
    parts = [first, b"<p>second\nand", b" more<p>\n", b"<p>last"]

    def steps() -> Steps:
        async def send(writer: asyncio.StreamWriter, go_on: asyncio.Event) -> None:
            async def at_once(_: Any = None) -> bool:
                await asyncio.sleep(0.03)
                return True

            go_on = asyncio.Event()
            go_on.wait = at_once  # type: ignore[method-assign,assignment]
            await chunked(*parts, kind=kind, wait=1)(writer, go_on)

        return send

    async with visit({"/slow": steps()}) as (site, client, told):
        for way in WAYS:
            async with client.get(site.url + "/slow") as got:
                assert client.decision(got).stage is Stage.HEADERS
                assert await way(got) == b"".join(parts), way
                if way is not unread:
                    assert client.decision(got).stage is Stage.CONTENT, way
    assert len(told) == len(WAYS)


@run
async def test_http_chunks_are_kept() -> None:
    parts = (b"<p>a", b"<p>b" * 100, b"c")
    async with visit({"/x": chunked(*parts)}) as (site, client, _):
        async with client.get(site.url + "/x") as got:
            found = [piece async for piece in got.content.iter_chunks()]
        assert found == [(part, True) for part in parts]


@run
async def test_a_response_is_what_it_was() -> None:
    async with visit({"/x": response(PAGE)}) as (site, client, _):
        async with client.get(site.url + "/x", read_bufsize=100) as got:
            assert got.content.get_read_buffer_limits() == (100, 200)
            assert await got.read() == await got.read() == PAGE
            assert got.content.total_bytes == len(PAGE)
            assert got.content.total_raw_bytes == len(PAGE)
            assert await got.content.read() == b""
            assert got.content.is_eof()
            await got.content.wait_eof()
        assert got.closed
        async with client.get(site.url + "/x") as got:
            pass
        with pytest.raises(aiohttp.ClientConnectionError):  # as of any response that was left
            await got.read()
        got = await client.get(site.url + "/x")
        got.close()
        with pytest.raises(aiohttp.ClientConnectionError):
            await got.content.read()


@run
async def test_what_is_packed_is_read_as_it_is_asked_for() -> None:
    async with visit({"/x": response(PAGE, pack=True)}, auto_decompress=False) as (site, client, _):
        async with client.get(site.url + "/x") as got:
            assert gzip.decompress(await got.content.read()) == PAGE
        async with client.get(site.url + "/x", auto_decompress=True) as got:
            assert await got.read() == PAGE


# As they come


@run
@pytest.mark.parametrize(
    "kind", ["text/event-stream", "text/plain", "application/octet-stream", "video/mp4"]
)
async def test_what_needs_no_look_is_never_held(kind: str) -> None:
    parts = (b"data: 1\n\n", b"data: 2\n\n", b"data: 3\n\n")
    async with visit({"/x": chunked(*parts, kind=kind, wait=1)}) as (site, client, told):
        async with client.get(site.url + "/x") as got:
            # Of others the beginning is looked at, which may be that of an image.
            assert kind != "text/event-stream" or type(got.content) is aiohttp.StreamReader
            for part in parts:
                assert await got.content.readany() == part
                site.go_on.set()
            assert await got.content.readany() == b""
        assert told == [(Stage.HEADERS, False)]


@run
@pytest.mark.usefixtures("hasty")
async def test_a_slow_page_arrives_as_it_comes() -> None:
    parts = (b"<p>1", b'<meta name="robots" content="all">', b"<p>3")
    async with visit({"/x": chunked(*parts, wait=1)}) as (site, client, told):
        async with client.get(site.url + "/x") as got:
            for part in parts:
                assert await got.content.readany() == part
                assert told == []
                site.go_on.set()
            assert await got.content.readany() == b""
            assert client.decision(got).stage is Stage.CONTENT
        assert told == [(Stage.CONTENT, False)]


@run
@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("cut", [0, 10, 30])
async def test_a_reservation_that_comes_late_is_not_delivered(cut: int) -> None:
    parts = (b"<p>1", b"<p>2" + META[:cut], META[cut:] + b"<p>3", b"<p>4")
    async with visit({"/x": chunked(*parts, wait=1)}) as (site, client, told):
        async with client.get(site.url + "/x") as got:
            for part in parts[:2]:
                assert await got.content.readany() == part
                site.go_on.set()
            for _ in range(2):
                with pytest.raises(ReservedError) as caught:
                    await got.content.readany()
            assert caught.value.decision.stage is Stage.CONTENT
            assert client.decision(got) == caught.value.decision
            async with asyncio.timeout(5):
                await site.closed.wait()
        assert told == [(Stage.CONTENT, True)]


@run
@pytest.mark.usefixtures("hasty")
async def test_reading_all_of_a_page_that_reserves_late() -> None:
    async with visit({"/x": chunked(b"<p>1", META, b"<p>2", wait=1)}) as (site, client, told):
        for way in (read, text, by_read_all):
            got = await client.get(site.url + "/x")
            site.go_on.set()
            with pytest.raises(ReservedError):
                await way(got)
            site.go_on.set()
        assert told == [(Stage.CONTENT, True)] * 3
    async with visit({"/x": chunked(b"<p>1", META, wait=1)}, OBSERVE) as (site, client, told):
        async with client.get(site.url + "/x") as got:
            reading = asyncio.create_task(got.read())
            for _ in range(3):
                await asyncio.sleep(0.01)
                site.go_on.set()
            assert await reading == b"<p>1" + META
        assert told == [(Stage.CONTENT, False)]


async def read_on(got: Any, site: Site, found: list[bytes]) -> None:
    while found[-1]:
        found.append(await got.content.readany())
        site.go_on.set()


@run
@pytest.mark.usefixtures("hasty")
async def test_what_is_searched_in_vain_is_read_at_the_end() -> None:
    """A word far before the rest of its tag, and a file, which says what it says as a whole."""
    tag = b'<meta name="tdm-reservation" ' + b" " * 9_000
    async with visit({"/x": chunked(b"<p>", tag, b'content="1"><p>', wait=1)}) as (site, client, _):
        async with client.get(site.url + "/x") as got:
            found = [b"<p>"]
            with pytest.raises(ReservedError):
                await read_on(got, site, found)
        assert sum(map(len, found)) <= 6 + len(tag) + 15


@run
@pytest.mark.usefixtures("hasty")
async def test_a_slow_page_that_is_not_read_to_its_end() -> None:
    pages = {
        "/cut": chunked(b"<p>1", b"<p>2", ends=False, wait=1),
        "/left": chunked(b"<p>1", b"<p>2", wait=1),
    }
    async with visit(pages) as (site, client, told):
        got = await client.get(site.url + "/cut")
        for part in (b"<p>1", b"<p>2"):
            assert await got.content.readany() == part
            site.go_on.set()
        with pytest.raises(aiohttp.ClientPayloadError):
            await got.content.readany()
        assert told == [(Stage.HEADERS, False)]
        for leave in ("close", "release"):
            got = await client.get(site.url + "/left")
            getattr(got, leave)()
            with pytest.raises(aiohttp.ClientConnectionError):
                await got.content.readany()
            site.go_on.set()
        assert told == [(Stage.HEADERS, False)] * 3
        got = await client.get(site.url + "/left")
        del got  # aiohttp keeps it until all has come
        async with asyncio.timeout(5):
            while len(told) < 4:
                site.go_on.set()
                await asyncio.sleep(0.01)
                gc.collect()
        assert told == [(Stage.HEADERS, False)] * 4
        kept = await client.get(site.url + "/left")
        await client.close()
        assert not kept.content.is_eof()
        assert told == [(Stage.HEADERS, False)] * 5
        site.go_on.set()


@run
@pytest.mark.usefixtures("hasty")
async def test_a_reader_that_gives_up_loses_nothing() -> None:
    async with visit({"/x": chunked(b"<p>1", b"<p>2", wait=1)}) as (site, client, told):
        async with client.get(site.url + "/x") as got:
            assert await got.content.read(2) == b"<p"
            assert await got.content.readany() == b">1"
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await got.content.readany()
            waiting = asyncio.create_task(got.content.readany())
            await asyncio.sleep(0)
            with pytest.raises(RuntimeError, match="another coroutine"):
                await got.content.readany()
            site.go_on.set()
            assert await waiting == b"<p>2"
            site.go_on.set()
            assert await got.content.readany() == b""
        assert told == [(Stage.CONTENT, False)]


@run
@pytest.mark.usefixtures("hasty")
async def test_timeouts_of_a_slow_page_hold() -> None:
    async with visit({"/x": chunked(b"<p>1", b"<p>2", wait=1)}) as (site, client, told):
        for timeout in ({"total": 0.2}, {"sock_read": 0.2}):
            async with client.get(site.url + "/x", timeout=aiohttp.ClientTimeout(**timeout)) as got:
                assert await got.content.readany() == b"<p>1"
                with pytest.raises(TimeoutError):
                    await got.content.readany()
            site.go_on.set()
        assert told == [(Stage.HEADERS, False)] * 2


@run
@pytest.mark.usefixtures("hasty")
async def test_a_slow_page_may_point_to_what_reserves_it() -> None:
    link = b'<link rel="license" type="application/rsl+xml" href="/terms.xml">'
    rsl = (
        b'<rsl xmlns="https://rslstandard.org/rsl"><content url="/">'
        b'<license><prohibits type="usage">ai-train</prohibits></license></content></rsl>'
    )
    pages = {
        "/x": chunked(b"<html><head>", link, b"<p>1", wait=1),
        "/terms.xml": response(rsl, "application/rsl+xml"),
    }
    async with visit(pages) as (site, client, told):
        async with client.get(site.url + "/x") as got:
            assert await got.content.readany() == b"<html><head>"
            site.go_on.set()
            with pytest.raises(ReservedError, match="prohibits"):
                await got.content.readany()
            site.go_on.set()
        assert told == [(Stage.CONTENT, True)]


@run
async def test_a_page_of_countless_chunks_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_body, "MAX_PIECES", 10)
    async with visit({"/x": chunked(*[b"<p>"] * 50)}) as (site, client, told):
        async with client.get(site.url + "/x") as got:
            assert got.content.octets <= 33
            assert await got.content.read() == b"<p>" * 50
        assert told == [(Stage.CONTENT, False)]


@run
@pytest.mark.parametrize("kind", ["text/html", "video/mp4"])
async def test_a_look_at_an_endless_page_ends(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_body, "MAX_PAGE", 100_000)

    async def endless(writer: asyncio.StreamWriter, _go_on: asyncio.Event) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n\r\n".encode())
        while True:
            writer.write(PAGE)
            await writer.drain()

    async with Site({"/x": endless}).open() as site:
        found = await inspection.inspect(
            site.url + "/x", agent=Agent("ExampleBot"), policy=profile(), longest=100_000
        )
    assert found.problem == "ValueError: more than 100,000 bytes"


# Parts and pages without a body


@run
@pytest.mark.parametrize(
    ("span", "body", "stage", "blocked"),
    [
        ("bytes 0-9/100", b"<p>1234567", Stage.HEADERS, False),
        ("bytes 10-19/100", b"<p>1234567", Stage.HEADERS, False),
        ("bytes 10-50/51", META, Stage.HEADERS, False),
        ("bytes 0-40/100", META, Stage.CONTENT, True),  # its beginning says no
        ("bytes 0-9/10", b"<p>1234567", Stage.CONTENT, False),  # that is all of it
        ("bytes 0-9/*", b"<p>1234567", Stage.HEADERS, False),
        ("", b"<p>1234567", Stage.HEADERS, False),
    ],
)
async def test_a_part_is_no_page(span: str, body: bytes, stage: Stage, blocked: bool) -> None:
    part = response(body, "text/html", "206 Partial Content", f"Content-Range: {span}")
    async with visit({"/x": part}) as (site, client, told):
        try:
            async with client.get(site.url + "/x", headers={"Range": "bytes=0-9"}) as got:
                assert got.status == 206
                assert await got.read() == body
        except ReservedError:
            pass
        assert told == [(stage, blocked)]


@run
async def test_errors_and_hooks_of_a_session() -> None:
    seen = []

    async def hook(got: Any) -> None:
        seen.append(await got.read())

    pages = {"/x": response(PAGE), "/no": response(META), "/gone": response(b"x", status="410 -")}
    async with visit(pages) as (site, client, _):
        async with client.get(site.url + "/x", raise_for_status=hook) as got:
            assert await got.read() == PAGE
        with pytest.raises(ReservedError):
            await client.get(site.url + "/no", raise_for_status=hook)
        with pytest.raises(aiohttp.ClientResponseError):
            await client.get(site.url + "/gone", raise_for_status=True)
        assert seen == [PAGE]  # never what is reserved
