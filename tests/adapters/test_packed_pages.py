"""Pages that their client leaves packed, or unpacks: looked into all the same, handed out as ever.

A real server for each coding and both adapters, with their unpacking on and off. What is unpacked
of policies is tests/syntax/test_unpack.py's and tests/runtime/test_faults.py's business.
"""

import gzip
import threading
import zlib
from collections.abc import Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

pytest.importorskip("aiohttp")
pytest.importorskip("brotli")
pytest.importorskip("backports.zstd")

import aiohttp
import brotli  # type: ignore[import-untyped]
from backports import zstd

from reservation_middleware.aiohttp import ReservationClient, ReservedError
from reservation_middleware.model import Stage
from reservation_middleware.syntax import content_coding as unpack
from reservation_middleware.syntax.content_coding import LOOK, unpacked

NO = b'<!doctype html><title>t</title><meta name="robots" content="noai"><p>' + b"x" * 3_000
SILENT = b"<!doctype html><title>t</title><p>" + b"y" * 3_000


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


#: Field that says how a page is packed, its value, and how it is packed.
CODINGS = {
    "gzip": ("Content-Encoding", "gzip", gzip.compress),
    "x-gzip": ("Content-Encoding", "x-gzip", gzip.compress),
    "upper": ("Content-Encoding", "GZIP", gzip.compress),
    "deflate": ("Content-Encoding", "deflate", zlib.compress),
    "deflate-raw": ("Content-Encoding", "deflate", raw_deflate),
    "br": ("Content-Encoding", "br", brotli.compress),
    "zstd": ("Content-Encoding", "zstd", zstd.compress),
    "twice": ("Content-Encoding", "gzip, gzip", lambda body: gzip.compress(gzip.compress(body))),
    "mixed": ("Content-Encoding", "br, gzip", lambda body: gzip.compress(brotli.compress(body))),
    "identity": ("Content-Encoding", "gzip, identity", gzip.compress),
    "unsaid": ("X-Nothing", "gzip", gzip.compress),
    "plain": ("X-Nothing", "", bytes),
    "transfer": ("Transfer-Encoding", "gzip, chunked", gzip.compress),
}
#: What nothing undoes, and what is packed badly.
UNREADABLE = {
    "compress": ("Content-Encoding", "compress", lambda body: b"\x1f\x9d\x90" + body),
    "damaged": ("Content-Encoding", "x-gzip", lambda body: gzip.compress(body)[:12] + b"\xff" * 99),
    "many": ("Content-Encoding", "gzip, gzip, gzip, gzip, gzip", gzip.compress),
}
ALL = {**CODINGS, **UNREADABLE}


@cache
def packed_page(name: str, page: str) -> bytes:
    """A page as it is sent each time: gzip writes the second at which it packed."""
    packed: bytes = ALL[name][2]({"no": NO, "silent": SILENT}[page])
    return packed


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        name, _, page = self.path[1:].partition("/")
        if name not in ALL:
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        field, value, _ = ALL[name]
        body = packed_page(name, page)
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header(field, value)
        if field == "Transfer-Encoding":
            body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


async def stock(session: Any, url: str) -> bytes | str:
    """What a plain session makes of a page: its octets, or the error's name."""
    try:
        async with session.get(url) as response:
            found: bytes = await response.read()
            return found
    except aiohttp.ClientError as error:
        return type(error).__name__


@pytest.mark.asyncio
@pytest.mark.parametrize("unpacks", [True, False])
async def test_aiohttp(base: str, unpacks: bool) -> None:
    async with (
        aiohttp.ClientSession(auto_decompress=unpacks) as plain,
        ReservationClient(agent="ExampleBot", auto_decompress=unpacks) as client,
    ):
        delivered, differing, unread = set(), set(), set()
        for name in CODINGS:
            expected = await stock(plain, f"{base}{name}/no")
            try:
                async with client.get(f"{base}{name}/no"):
                    delivered.add(name)
            except ReservedError as error:
                if error.decision.stage is not Stage.CONTENT:
                    unread.add(name)
            except aiohttp.ClientError as error:
                if type(error).__name__ != expected:
                    differing.add(name)
        for name in ALL:
            url = f"{base}{name}/silent"
            expected = await stock(plain, url)
            try:
                async with client.get(url) as response:
                    found: bytes | str = await response.read()
                decision = client.decision(response)
                assert decision is not None
                notes = {note.kind.ident for note in decision.notes}
                seen = "content" in decision.consulted
                assert seen is (name not in UNREADABLE), name
                assert ("content-unreadable" in notes) is not seen, name
                assert ("content" in decision.not_reached) is not seen, name
            except aiohttp.ClientError as error:
                found = type(error).__name__
            if found != expected:
                differing.add(name)
    assert (delivered, differing, unread) == (set(), set(), set())


@pytest.mark.parametrize("unpacks", [True, False])
def test_scrapy(base: str, worker: Any, unpacks: bool) -> None:
    # Scrapy itself loses a page that it cannot unpack, and Twisted one that is packed for transfer.
    lost = {"transfer", "damaged", "many"} if unpacks else {"transfer"}
    names = [name for name in ALL if name not in lost]
    pages = [f"{base}{name}/{page}" for name in names for page in ("no", "silent")]
    done = worker.crawl(
        requests=pages,
        settings={
            "USER_AGENT": "ExampleBot/1.0",
            "DOWNLOAD_DELAY": 0,
            "COMPRESSION_ENABLED": unpacks,
        },
    )
    reserved = {f"{base}{name}/no" for name in CODINGS if name in names}
    assert set(done.blocked) == reserved
    got = {one["url"]: one["record"] for one in done.got}
    assert set(got) == set(pages) - reserved
    for url, record in got.items():
        name = url.removeprefix(base).partition("/")[0]
        notes = {note["ident"] for note in record["notes"]}
        seen = name not in UNREADABLE
        assert ("content" in record["consulted"]) is seen, url
        assert ("content-unreadable" in notes) is not seen, url


@pytest.fixture(scope="module")
def worker() -> Iterator[Any]:
    pytest.importorskip("scrapy")
    from scrapy_runner import Worker

    with Worker() as started:
        yield started


@pytest.mark.asyncio
async def test_without_its_library_a_coding_is_not_reached(
    base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for word in ("br", "zstd"):
        monkeypatch.setitem(unpack._STREAMS, word, lambda: None)
    async with ReservationClient(agent="ExampleBot", auto_decompress=False) as client:
        for word, packed in (("br", brotli.compress(NO)), ("zstd", zstd.compress(NO))):
            async with client.get(f"{base}{word}/no") as response:
                assert await response.read() == packed
            decision = client.decision(response)
            assert decision is not None
            assert "content" in decision.not_reached
            [note] = [one for one in decision.notes if one.kind.ident == "content-unreadable"]
            assert word in note.detail


# ---- what is unpacked


def test_what_is_plain_beside_a_coding_is_plain() -> None:
    """Renderers and caches keep the fields of what they unpacked."""
    for word in (*unpack._STREAMS, *unpack._UNKNOWN, "gzip, gzip", "utf-8", "chunked"):
        for body in (NO, b"", "x é".encode(), NO.decode().encode("utf-16")):
            assert unpacked(body, [word]).body is body
    image = b"\x89PNG\r\n\x1a\n" + bytes(50)
    assert unpacked(image, ["br"]).body is image


def test_of_a_page_that_is_cut_off_the_beginning_is_there() -> None:
    found = unpacked(gzip.compress(NO, 0)[:-100], ["gzip"])
    assert NO.startswith(found.body)
    assert len(found.body) > 2_000
    assert found.problem == "packed with gzip: cut off"


def test_bombs_are_refused_and_little_of_them_is_unpacked() -> None:
    for bomb in (gzip.compress(bytes(20 * LOOK)), gzip.compress(gzip.compress(bytes(20 * LOOK)))):
        found = unpacked(bomb, ["gzip", "gzip"])
        assert found.problem is not None
        assert "unpack to more" in found.problem
        assert len(found.body) <= LOOK + 64 * 1024


def test_nothing_raises() -> None:
    for head in (
        b"",
        b"\x1f\x8b",
        b"\x1f\x8b\x08",
        b"\x28\xb5\x2f\xfd",
        b"\x1f\x9d",
        b"\x78\x9c",
        b"\0",
    ):
        for codings in ([], ["gzip"], ["br"], ["zstd"], ["deflate"], ["gzip"] * 9, ["\0", "é"]):
            assert isinstance(unpacked(head + b"\xff" * 40, codings).body, bytes)
