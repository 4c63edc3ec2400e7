"""The cache in Redis: a real redis-server that is killed, halted and started again."""

import asyncio
import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

redis = pytest.importorskip("redis")

from claimers import KEY, hammer, start  # noqa: E402
from redis_server import RedisServer, needs_redis  # noqa: E402

from reservation_middleware.model import Document, Outcome  # noqa: E402
from reservation_middleware.runtime.cache import open_cache  # noqa: E402
from reservation_middleware.runtime.cache.redis import RedisCache  # noqa: E402

pytestmark = needs_redis
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
OTHER = ("https://b.example", "robots.txt")
MONTH = 31 * 24 * 3600


def document(body: bytes | None = b"User-agent: *\nDisallow: /\n", at: datetime = NOW) -> Document:
    return Document(
        url="https://a.example/robots.txt",
        resource="robots.txt",
        outcome=Outcome.FETCHED,
        status=200,
        headers=(("content-type", "text/plain"), ("etag", '"1"')),
        body=body,
        fetched_at=at,
        expires=at + timedelta(hours=1),
    )


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as server:
        yield server


@pytest.mark.asyncio
async def test_documents_are_shared(server: RedisServer) -> None:
    one, other = open_cache(server.url), open_cache(server.url)
    assert await one.get(KEY) is None
    await one.put(KEY, document())
    assert await other.get(KEY) == document()
    await other.put(KEY, document(None, NOW + timedelta(seconds=1)))
    assert await one.get(KEY) == document(None, NOW + timedelta(seconds=1))
    await one.close()
    assert await one.get(KEY)  # connected again
    await one.close()
    await one.close()
    await other.close()
    assert other.counts == {"hits": 1, "misses": 0, "puts": 1, "errors": 0, "degraded": 0}


def test_event_loops_one_after_the_other(server: RedisServer) -> None:
    cache = open_cache(server.url)
    for number in range(3):
        asyncio.run(cache.put((str(number), "robots.txt"), document()))
    for number in range(3):
        assert asyncio.run(cache.get((str(number), "robots.txt"))) == document()
    assert cache.counts["degraded"] == 0
    asyncio.run(cache.close())


@pytest.mark.asyncio
async def test_what_is_in_redis(server: RedisServer) -> None:
    cache = open_cache(server.url)
    for label in "abc":
        await cache.put((f"https://{label}.example", "robots.txt"), document())
    await cache.put((f"https://a.example/{'x' * 5000}", "rsl"), document(None))
    assert await cache.claim(KEY)
    with redis.Redis(port=server.port) as client:
        keys = sorted(client.keys())
        assert all(key.startswith(b"reservations:1:") for key in keys)
        assert [key[15:17] for key in keys] == [b"b:", b"c:", b"d:", b"d:", b"d:", b"d:"]
        assert max(map(len, keys)) < 300
        body = keys[0]
        for key in keys:
            if key != keys[1]:
                assert MONTH - 60 < client.ttl(key) <= MONTH
        assert 25 < client.ttl(keys[1]) <= 30
        client.expire(body, 60)
        await cache.put(KEY, document())
        assert client.ttl(body) > MONTH - 60  # renewed
    await cache.close()


@pytest.mark.asyncio
async def test_foreign_bytes_are_not_known(server: RedisServer) -> None:
    with redis.Redis(port=server.port) as client:
        writer = open_cache(server.url)
        await writer.put(KEY, document())
        await writer.close()
        head, body = sorted(client.keys(), reverse=True)
        whole, content = client.get(head), client.get(body)
        cache = open_cache(server.url)
        faults = 0
        for foreign in (b"", b"x", whole[:-1], whole[:2], b"\x02" + whole[1:], b"\x00" * 500):
            client.set(head, foreign)
            assert await cache.get(KEY) is None
            faults += 1
        client.delete(head)
        client.lpush(head, "another type")
        assert await cache.get(KEY) is None
        faults += 1
        client.delete(head)
        client.set(head, whole)
        for foreign in (b"", content[:-1], b"\x00" * 500):
            client.set(body, foreign)
            assert await cache.get(KEY) is None
            faults += 1
        assert cache.counts["errors"] == faults
        client.delete(body)  # Redis made room
        assert await cache.get(KEY) is None
        assert (cache.counts["errors"], cache.counts["misses"]) == (faults, faults + 1)
        assert cache.counts["hits"] == cache.counts["degraded"] == 0
        client.set(body, content)
        assert await cache.get(KEY) == document()
        await cache.close()


# Claims


@pytest.mark.asyncio
async def test_claims(server: RedisServer) -> None:
    one, other = (RedisCache(server.url, lease=0.5) for _ in range(2))
    assert await one.claim(KEY)
    assert await one.claim(KEY)  # renewed
    assert not await other.claim(KEY)
    await other.release(KEY)  # not its own
    assert not await other.claim(KEY)
    assert await other.claim(OTHER)
    await one.release(KEY)
    assert await other.claim(KEY)
    for _ in range(4):
        await asyncio.sleep(0.25)
        assert await other.claim(KEY)
        assert not await one.claim(KEY)
    await asyncio.sleep(0.6)
    assert await one.claim(KEY)
    await one.close()
    await other.close()


@pytest.mark.slow
def test_one_of_eight_processes_holds_a_claim(server: RedisServer, tmp_path: Path) -> None:
    assert sum(hammer(server.url, tmp_path)) > 20


@pytest.mark.asyncio
async def test_the_claim_of_a_killed_process_lapses(server: RedisServer) -> None:
    with start("hold", server.url) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        process.kill()
    cache = open_cache(server.url)
    assert not await cache.claim(KEY)
    await asyncio.sleep(1.1)
    assert await cache.claim(KEY)
    await cache.close()


# Faults


@pytest.mark.asyncio
async def test_a_server_that_is_killed_and_comes_back(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    cache, other = (RedisCache(server.url, retry=0.3) for _ in range(2))
    await cache.put(KEY, document())
    server.kill()
    began = time.monotonic()
    for number in range(50):
        key = (str(number), "robots.txt")
        assert await cache.get(key) is None
        assert await cache.claim(key)
        await cache.put(key, document())
        await cache.release(key)
        assert await cache.get(key) == document()
    assert await cache.get(KEY) == document()  # known before it was killed
    assert time.monotonic() - began < 20
    assert cache.counts["degraded"] == 251
    assert await other.get(KEY) is None
    server.start()
    await asyncio.sleep(0.4)
    assert await cache.get(KEY) == document()
    assert await cache.claim(KEY)
    await cache.put(KEY, document())
    assert await other.get(KEY) == document()
    assert not await other.claim(KEY)
    assert cache.counts["degraded"] == 251
    warnings = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert len(warnings) == 2  # one of each cache
    assert f"127.0.0.1:{server.port}" in warnings[0].getMessage()
    await cache.close()
    await other.close()


@pytest.mark.asyncio
async def test_a_server_that_hangs(server: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    cache = RedisCache(server.url, retry=0.5, timeout=0.5)
    await cache.put(KEY, document())
    server.halt()
    began = time.monotonic()
    keys = [(str(number), "robots.txt") for number in range(300)]
    await asyncio.gather(*(cache.put(key, document()) for key in keys))
    assert all(await asyncio.gather(*map(cache.get, keys)))
    assert await cache.get(KEY) == document()
    # Not a timeout for each: 600 calls over 8 threads would take 37 s.
    assert time.monotonic() - began < 20
    assert len([one for one in caplog.records if one.levelno >= logging.WARNING]) == 1
    server.go_on()
    await asyncio.sleep(0.6)
    await cache.get(KEY)
    await asyncio.sleep(0.6)
    before = cache.counts["degraded"]
    assert await cache.claim(KEY)
    assert await cache.get(KEY) == document()
    assert cache.counts["degraded"] == before
    await cache.close()


@pytest.mark.asyncio
async def test_a_server_that_was_never_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache = open_cache(RedisServer(tmp_path).url.replace("//", "//user:secret@"))
    assert await cache.get(KEY) is None
    assert await cache.claim(KEY)
    await cache.put(KEY, document())
    assert await cache.get(KEY) == document()
    assert cache.counts["degraded"] == 4
    assert len(caplog.records) == 1
    assert "secret" not in caplog.text
    await cache.close()


@pytest.mark.asyncio
async def test_a_server_whose_memory_is_full(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = RedisServer(tmp_path)
    server.start("--maxmemory-policy", "noeviction")
    try:
        cache = open_cache(server.url)
        await cache.put(KEY, document())
        with redis.Redis(port=server.port) as client:
            client.config_set("maxmemory", "1")
        await cache.put(OTHER, document())
        assert await cache.get(OTHER) == document()  # from memory
        assert cache.counts["degraded"] == 1
        assert await cache.claim(OTHER)
        assert len(caplog.records) == 1
        assert "(OutOfMemoryError: command not allowed" in caplog.text
        reader = open_cache(server.url)
        assert await reader.get(KEY) == document()  # it can still be read
        await reader.close()
        await cache.close()
    finally:
        server.kill()


@pytest.mark.asyncio
async def test_a_wrong_password(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    server = RedisServer(tmp_path)
    server.start()
    try:
        with redis.Redis(port=server.port) as client:
            client.config_set("requirepass", "right")
        cache = open_cache(f"redis://:wrong@127.0.0.1:{server.port}/0")
        assert await cache.get(KEY) is None
        assert cache.counts["degraded"] == 1
        assert len(caplog.records) == 1
        right = open_cache(f"redis://:right@127.0.0.1:{server.port}/0")
        await right.put(KEY, document())
        assert right.counts["degraded"] == 0
        await right.close()
        await cache.close()
    finally:
        server.kill()
