"""Stores that answer nonsense: a Redis in any way, an SQLite file that is none.

A cache degrades to memory with one warning, as where its store is dead; no caller ever gets an
error, and none waits for long.
"""

import asyncio
import logging
import os
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from web import Answer, WebThread

redis = pytest.importorskip("redis")

from redis_server import RedisServer, needs_redis  # noqa: E402

from reservation_middleware.aiohttp import ReservationClient  # noqa: E402
from reservation_middleware.model import Document, Outcome  # noqa: E402
from reservation_middleware.runtime.cache import Cache, open_cache  # noqa: E402
from reservation_middleware.runtime.cache.redis import RedisCache  # noqa: E402

KEY = ("https://a.example", "robots.txt")
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DOCUMENT = Document(
    url="https://a.example/robots.txt",
    resource="robots.txt",
    outcome=Outcome.FETCHED,
    status=200,
    headers=(("content-type", "text/plain"),),
    body=b"User-agent: *\nDisallow: /\n",
    fetched_at=NOW,
    expires=NOW + timedelta(hours=1),
)


class Garbage:
    """A server that answers each command with the same bytes.

    Attributes:
        answer: what it answers.
        drips: the answer comes byte by byte, a tenth of a second apart.
        hangs_up: it closes the connection then.
    """

    def __init__(self) -> None:
        self.answer, self.drips, self.hangs_up = b"", False, False
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._ends = False
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        self._ends = True
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port)).close()
        for thread in self._threads:
            thread.join()
        self._server.close()

    def _accept(self) -> None:
        while not self._ends:
            connection, _ = self._server.accept()
            thread = threading.Thread(target=self._talk, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(0.2)
            while not self._ends:
                try:
                    if not connection.recv(65536):
                        return
                except TimeoutError:
                    continue
                for part in [bytes((one,)) for one in self.answer] if self.drips else [self.answer]:
                    connection.sendall(part)
                    if self.drips:
                        time.sleep(0.1)
                    if self._ends:
                        return
                if self.hangs_up:
                    return


@pytest.fixture(scope="module")
def garbage() -> Iterator[Garbage]:
    server = Garbage()
    yield server
    server.close()


async def _use(cache: Cache) -> None:
    """What a crawl does with a cache; what it keeps, memory keeps."""
    assert await cache.get(KEY) is None
    assert await cache.claim(KEY)
    await cache.put(KEY, DOCUMENT)
    await cache.release(KEY)
    assert await cache.get(KEY) == DOCUMENT
    await cache.close()


def _is_degraded(cache: RedisCache, garbage: Garbage, answer: bytes, **how: bool) -> None:
    garbage.answer = answer
    garbage.drips, garbage.hangs_up = how.get("drips", False), how.get("hangs_up", False)
    asyncio.run(_use(cache))
    assert cache.counts["degraded"] > 0


ANSWERS = {
    "negative array": b"*-5\r\n",
    "negative bulk": b"$-5\r\n",
    "deep arrays": b"*1\r\n" * 100_000,
    "deep maps": b"%1\r\n" * 50_000,
    "a huge bulk": b"$9223372036854775807\r\n" + b"x" * 1000,
    "a bulk longer than numbers": b"$" + b"9" * 5000 + b"\r\n",
    "a huge array": b"*2147483647\r\n" + b"+x\r\n" * 1000,
    "no number": b":x\r\n",
    "a number": b":7\r\n",
    "a text": b"+OK then\r\n",
    "an array": b"*2\r\n+x\r\n:1\r\n",
    "an empty array": b"*0\r\n",
    "a map": b"%1\r\n+a\r\n+b\r\n",
    "a push": b">2\r\n+message\r\n+x\r\n",
    "an attribute": b"|1\r\n+a\r\n+b\r\n",
    "an error": b"-ERR no\r\n",
    "an error without words": b"-\r\n",
    "not ready": b"-LOADING wait\r\n",
    "moved": b"-MOVED 1 127.0.0.1:1\r\n",
    "no type": b"?what\r\n",
    "HTTP": b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n",
    "TLS": b"\x15\x03\x01\x00\x02\x02\x46",
    "no line": b"x" * 100_000,
    "empty line": b"\r\n",
    "not UTF-8": b"+\xff\xfe\r\n",
    "half": b"$10\r\nabc",
    "wrong end": b"$3\r\nabcdef\r\n",
    "nothing": b"",
    "double": b",nan\r\n",
    "big number": b"(" + b"9" * 5000 + b"\r\n",
    "verbatim": b"=3\r\nab\r\n",
    "set": b"~1\r\n*1\r\n+x\r\n",
}


@pytest.mark.parametrize("name", ANSWERS)
def test_a_redis_that_answers_nonsense(
    name: str, garbage: Garbage, caplog: pytest.LogCaptureFixture
) -> None:
    for hangs_up in (False, True):
        caplog.clear()
        cache = RedisCache(f"redis://127.0.0.1:{garbage.port}/0", timeout=0.2, retry=60)
        _is_degraded(cache, garbage, ANSWERS[name], hangs_up=hangs_up)
        warnings = [one for one in caplog.records if one.levelno >= logging.WARNING]
        assert len(warnings) == 1
        assert "are kept in memory until it answers" in warnings[0].getMessage()


@given(
    st.binary(min_size=1, max_size=60)
    | st.lists(
        st.sampled_from(b"*-1\r\n$:+%~>|_#,(=!0123456789abc".split(b"|"))
        | st.sampled_from(
            [b"*", b"$", b"\r\n", b"-1", b"3", b"%", b">", b"+x", b":1", b"_", b"#t"]
        ),
        max_size=12,
    ).map(b"".join)
)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_redis_that_answers_anything(garbage: Garbage, answer: bytes) -> None:
    garbage.answer, garbage.drips, garbage.hangs_up = answer, False, True
    cache = RedisCache(f"redis://127.0.0.1:{garbage.port}/0", timeout=0.2, retry=60)

    async def use() -> None:
        await cache.get(KEY)
        await cache.claim(KEY)
        await cache.put(KEY, DOCUMENT)
        await cache.release(KEY)
        assert await cache.get(KEY) == DOCUMENT
        await cache.close()

    asyncio.run(use())


def test_a_redis_that_drips_holds_nobody(garbage: Garbage) -> None:
    """Each byte comes in time, the answer would take 100 seconds."""
    cache = RedisCache(f"redis://127.0.0.1:{garbage.port}/0", timeout=0.3, retry=60)
    began = time.monotonic()
    _is_degraded(cache, garbage, b"$900\r\n" + b"x" * 1000, drips=True)
    assert time.monotonic() - began < 60


@pytest.mark.asyncio
async def test_a_crawl_goes_on_with_such_a_redis(garbage: Garbage) -> None:
    garbage.answer, garbage.drips, garbage.hangs_up = b"*-5\r\n", False, False
    url = "http://a.example/"
    with WebThread({url + "robots.txt": Answer(404), url: Answer(body=b"x")}) as web:
        cache = f"redis://127.0.0.1:{garbage.port}/0"
        client = ReservationClient(agent="ExampleBot", cache=cache, proxy=web.proxy_url)
        async with client, client.get(url) as response:
            assert await response.read() == b"x"
        assert web.count(url + "robots.txt") == 1


@needs_redis
def test_keys_of_other_types(tmp_path: Path) -> None:
    """Every key is there already, as something else."""
    with RedisServer(tmp_path) as server, redis.Redis(port=server.port) as client:
        writer = open_cache(server.url)
        asyncio.run(writer.put(KEY, DOCUMENT))
        asyncio.run(writer.claim(KEY))
        asyncio.run(writer.close())
        keys = client.keys()
        assert len(keys) == 3
        for make in (
            lambda key: client.lpush(key, "x"),
            lambda key: client.sadd(key, "x"),
            lambda key: client.hset(key, "x", "y"),
            lambda key: client.zadd(key, {"x": 1}),
            lambda key: client.xadd(key, {"x": "y"}),
            lambda key: client.set(key, b"\x00" * 1000),
            lambda key: client.setbit(key, 8 * 1024 * 1024, 1),
        ):
            for key in keys:
                client.delete(key)
                make(key)  # type: ignore[no-untyped-call]
            cache = open_cache(server.url)

            async def use(cache: Cache = cache) -> None:
                assert await cache.get(KEY) is None
                await cache.claim(KEY)
                await cache.put(KEY, DOCUMENT)
                assert await cache.get(KEY) == DOCUMENT
                await cache.release(KEY)
                await cache.close()

            asyncio.run(use())


def _corrupt(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[100:-1:7] = bytes(len(data[100:-1:7]))
    path.write_bytes(data)


def _cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _empty(path: Path) -> None:
    os.truncate(path, 0)


def _other_tables(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE documents")
        connection.execute("CREATE TABLE documents (x)")
    connection.close()


def _gone(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("fault", [_corrupt, _cut, _empty, _other_tables, _gone])
def test_an_sqlite_file_that_is_spoiled_while_it_is_used(fault: object, tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    cache = open_cache(f"sqlite:///{path}")

    async def use() -> None:
        for number in range(20):
            await cache.put((str(number), "robots.txt"), DOCUMENT)
        await cache.close()
        for extra in path.parent.glob("cache.db-*"):
            extra.unlink()
        fault(path)  # type: ignore[operator]
        for number in range(20):
            await cache.get((str(number), "robots.txt"))
        await cache.claim(KEY)
        await cache.put(KEY, DOCUMENT)
        assert await cache.get(KEY) == DOCUMENT
        await cache.release(KEY)
        await cache.close()

    asyncio.run(use())
