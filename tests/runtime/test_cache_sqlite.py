"""The cache in an SQLite file: real files, real processes, real faults."""

import asyncio
import logging
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Self

import msgspec
import pytest
from claimers import KEY, ROOT, hammer, start

from reservation_middleware.model import ConfigurationError, Document, Outcome
from reservation_middleware.runtime.cache import open_cache, sqlite
from reservation_middleware.runtime.cache.sqlite import SqliteCache

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


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


def rows(path: Path, question: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(question).fetchall()
    finally:
        connection.close()


def execute(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute(statement)
    finally:
        connection.close()


@pytest.mark.asyncio
async def test_documents_outlive_the_process(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    cache = open_cache(f"sqlite:///{path}")
    other = open_cache(f"sqlite:///{path}")
    assert await cache.get(KEY) is None
    await cache.put(KEY, document())
    assert await cache.get(KEY) == await other.get(KEY) == document()
    await cache.close()
    assert await cache.get(KEY) == document()  # opened again
    await cache.close()
    await cache.close()
    await other.close()
    again = SqliteCache(path)
    assert await again.get(KEY) == document()
    assert await again.get(("https://a.example", "tdmrep.json")) is None
    await again.put(KEY, document(None))
    assert await again.get(KEY) == document(None)
    assert again.counts == {"hits": 2, "misses": 1, "puts": 1, "errors": 0, "degraded": 0}
    await again.close()
    assert os.listdir(tmp_path) == ["cache.db"]  # noqa: PTH208


def test_a_relative_path_and_one_with_a_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for url in ("sqlite:///a.db", "sqlite:///b%20b.db"):
        asyncio.run(open_cache(url).close())
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.db", "b b.db"]


def test_event_loops_one_after_the_other(tmp_path: Path) -> None:
    cache = SqliteCache(tmp_path / "cache.db")
    for number in range(3):
        asyncio.run(cache.put((str(number), "robots.txt"), document()))
    for number in range(3):
        assert asyncio.run(cache.get((str(number), "robots.txt")))
    asyncio.run(cache.close())


@pytest.mark.asyncio
async def test_a_body_is_kept_once_and_as_long_as_it_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    cache = SqliteCache(path)
    for label in "abc":
        await cache.put((label, "robots.txt"), document())
    count = "SELECT count(*) FROM bodies"
    assert rows(path, count) == [(1,)]
    await cache.put(("a", "robots.txt"), document(b"other"))
    await cache.put(("b", "robots.txt"), document(None))
    assert rows(path, count) == [(2,)]
    await cache.put(("c", "robots.txt"), document(b"other"))
    assert rows(path, count) == [(1,)]
    assert await cache.get(("c", "robots.txt")) == document(b"other")
    await cache.close()


@pytest.mark.asyncio
async def test_what_is_old_is_deleted(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    cache = SqliteCache(path)
    for number in range(150):
        await cache.put((f"old-{number}", "robots.txt"), document(b"old %d" % number))
    assert await cache.claim(KEY)
    execute(path, f"UPDATE documents SET kept = {time.time() - 31 * 86400 - 60}")
    execute(path, "UPDATE claims SET until = 1")
    for number in range(60):
        await cache.put((f"new-{number}", "robots.txt"), document(b"new"))
    kept = rows(path, "SELECT CAST(key AS TEXT) FROM documents")
    assert len(kept) == 60
    assert rows(path, "SELECT count(*) FROM bodies") == [(1,)]
    assert rows(path, "SELECT count(*) FROM claims") == [(0,)]
    await cache.close()


@pytest.mark.asyncio
async def test_the_file_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    cache = SqliteCache(path, octets=2_000_000)
    rng = Random(1)
    for number in range(1000):
        await cache.put((str(number), "robots.txt"), document(rng.randbytes(10_000)))
    await cache.close()
    assert path.stat().st_size < 6_000_000
    again = SqliteCache(path)
    assert await again.get(("999", "robots.txt"))
    assert await again.get(("0", "robots.txt")) is None
    await again.close()


# Claims


@pytest.mark.asyncio
async def test_claims(tmp_path: Path) -> None:
    one, other = (SqliteCache(tmp_path / "cache.db", lease=0.5) for _ in range(2))
    assert await one.claim(KEY)
    assert await one.claim(KEY)  # renewed
    assert not await other.claim(KEY)
    await other.release(KEY)  # not its own
    assert not await other.claim(KEY)
    assert await other.claim(("https://b.example", "robots.txt"))
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


@pytest.mark.asyncio
async def test_a_claim_from_before_the_clock_was_set_back_lapses(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    one, other = SqliteCache(path), SqliteCache(path)
    assert await one.claim(KEY)
    execute(path, "UPDATE claims SET until = until + 3600")
    assert await other.claim(KEY)
    await one.close()
    await other.close()


def test_one_of_eight_processes_holds_a_claim(tmp_path: Path) -> None:
    held = hammer(f"sqlite:///{tmp_path / 'cache.db'}", tmp_path)
    assert sum(held) > 20


@pytest.mark.slow
def test_many_processes_open_a_new_file_at_the_same_time(tmp_path: Path) -> None:
    code = """
import sys, time
from reservation_middleware.runtime.cache import open_cache
for number in range(200):
    time.sleep(max(0, float(sys.argv[2]) + number / 100 - time.time()))
    open_cache(f"sqlite:///{sys.argv[1]}/{number}.db")
"""
    command = [sys.executable, "-c", code, str(tmp_path), str(time.time() + 2)]
    running = [subprocess.Popen(command, cwd=ROOT) for _ in range(4)]
    assert [process.wait(timeout=120) for process in running] == [0] * 4


@pytest.mark.asyncio
async def test_the_claim_of_a_killed_process_lapses(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'cache.db'}"
    with start("hold", url) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        process.kill()
    cache = open_cache(url)
    assert not await cache.claim(KEY)
    await asyncio.sleep(1.1)
    assert await cache.claim(KEY)
    await cache.close()


# Faults


def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    asyncio.run(SqliteCache(path).close())
    execute(path, "PRAGMA user_version = 2")
    before = path.read_bytes()
    with pytest.raises(ConfigurationError, match=r"version 2.*reads version 1"):
        SqliteCache(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["cache.db"]


def _text(path: Path) -> None:
    path.write_text("User-agent: *\nDisallow: /\n" * 100)


def _other_database(path: Path) -> None:
    execute(path, "CREATE TABLE orders (id)")


def _folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_text, "not a database"),
        (_other_database, "another program"),
        (_folder, "unable to open"),
    ],
)
def test_what_is_no_cache_is_refused(
    tmp_path: Path, make: Callable[[Path], None], words: str
) -> None:
    path = tmp_path / "cache.db"
    make(path)
    before = path.read_bytes() if path.is_file() else b""
    with pytest.raises(ConfigurationError, match=words):
        open_cache(f"sqlite:///{path}")
    assert (path.read_bytes() if path.is_file() else b"") == before


def test_a_folder_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="unable to open"):
        SqliteCache(tmp_path / "missing" / "cache.db")
    with pytest.raises(ConfigurationError, match="room"):
        SqliteCache(tmp_path / "cache.db", octets=0)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE documents SET head = substr(head, 1, 40)",
        "UPDATE documents SET head = x'0100'",
        "UPDATE documents SET head = 'text'",
        "UPDATE documents SET head = zeroblob(200)",
        "UPDATE documents SET head = CAST(x'02' || substr(head, 2) AS BLOB)",
        "UPDATE bodies SET body = x'00'",
        "UPDATE bodies SET body = 5",
        "DELETE FROM bodies",
    ],
)
@pytest.mark.asyncio
async def test_foreign_bytes_are_not_known(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "cache.db"
    writer = SqliteCache(path)
    await writer.put(KEY, document())
    await writer.close()
    execute(path, statement)
    cache = SqliteCache(path)
    assert await cache.get(KEY) is None
    assert cache.counts == {"hits": 0, "misses": 1, "puts": 0, "errors": 1, "degraded": 0}
    await cache.put(KEY, document())
    await cache.close()
    again = SqliteCache(path)
    assert await again.get(KEY) == document()  # healed by what was fetched anew
    await again.close()


@pytest.mark.asyncio
async def test_a_file_that_breaks_later(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "cache.db"
    writer = SqliteCache(path)
    for number in range(500):
        await writer.put((str(number), "robots.txt"), document(b"%d" % number * 500))
    await writer.close()
    cache = SqliteCache(path, retry=0.1)
    size = path.stat().st_size
    with path.open("r+b") as file:  # in place: the connection sees it
        file.seek(4096)
        file.write(os.urandom(size - 4096))
    with caplog.at_level(logging.INFO):
        for number in range(20):
            key = (f"new-{number}", "robots.txt")
            assert await cache.get((str(number), "robots.txt")) is None
            assert await cache.claim(key)
            await cache.put(key, document())
            await cache.release(key)
            assert await cache.get(key) == document()
            await asyncio.sleep(0.02)
    assert cache.counts["degraded"] > 20
    warnings = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert str(path) in warnings[0].getMessage()
    await cache.close()


@pytest.mark.asyncio
async def test_a_full_disk(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "cache.db"
    cache = SqliteCache(path, retry=0.3)
    old, rng = document(at=NOW - timedelta(days=1)), Random(1)
    await cache.put(KEY, old)
    # SQLite's own bound for the file: the same error as that of a full disk.
    cache._connection.execute("PRAGMA max_page_count = 30")
    for number in range(100):
        await cache.put((str(number), "robots.txt"), document(rng.randbytes(3000)))
    await cache.put(KEY, document())
    assert cache.counts["degraded"]
    # All is still known here; what was written before can still be read.
    for number in range(100):
        assert await cache.get((str(number), "robots.txt"))
    assert await cache.get(KEY) == document()
    warnings = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert "full" in warnings[0].getMessage()
    other = SqliteCache(path)
    assert await other.get(KEY) == old
    # There is room again.
    cache._connection.execute("PRAGMA max_page_count = 100000")
    await asyncio.sleep(0.4)
    await cache.put(KEY, document())
    assert await other.get(KEY) == document()
    await other.close()
    await cache.close()


@pytest.mark.asyncio
async def test_another_process_that_never_ends_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_PATIENCE", 0.2)
    path = tmp_path / "cache.db"
    cache = SqliteCache(path, retry=0.1)
    await cache.put(KEY, document())
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    newer = document(b"newer", NOW + timedelta(seconds=1))
    await cache.put(KEY, newer)
    assert ticks > 5  # the event loop did not wait
    ticking.cancel()
    assert await cache.claim(KEY)
    assert await cache.get(KEY) == newer
    assert cache.counts["degraded"] == 2
    blocker.execute("COMMIT")
    blocker.close()
    await asyncio.sleep(0.15)
    assert await cache.claim(KEY)
    assert cache.counts["degraded"] == 2
    await cache.close()


_LIMITED = """
import asyncio, resource, sys
from random import Random
from typing import Self
sys.dont_write_bytecode = True  # half a file of it would be read by others
sys.path.insert(0, "tests")
from test_cache_sqlite import document
from reservation_middleware.runtime.cache.sqlite import SqliteCache

async def main():
    cache = SqliteCache(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
    for number in range(300):
        await cache.put((str(number), "robots.txt"), document(Random(number).randbytes(3000)))
    known = [await cache.get((str(number), "robots.txt")) for number in range(300)]
    assert all(known), known.count(None)
    print(cache.counts["degraded"])
    await cache.close()

asyncio.run(main())
"""


def test_files_that_may_not_grow(tmp_path: Path) -> None:
    pytest.importorskip("resource", reason="no limits for files here")
    path = tmp_path / "cache.db"
    done = subprocess.run(
        [sys.executable, "-c", _LIMITED, str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 100
    assert done.stderr.count("policy documents are kept in memory") == 1
    # What was written is whole.
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]


@pytest.mark.asyncio
async def test_the_newest_is_what_counts(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    one, other = SqliteCache(path), SqliteCache(path)
    await one.put(KEY, document())
    renewed = msgspec.structs.replace(document(), fetched_at=NOW + timedelta(hours=1))
    await other.put(KEY, renewed)
    assert await one.get(KEY) == renewed
    await one.close()
    await other.close()


@pytest.mark.asyncio
async def test_it_is_not_closed_while_a_call_is_under_way(tmp_path: Path) -> None:
    """SQLite crashes then, with the whole process: as Ctrl-C did while a policy was looked up."""

    class Watched:
        under_way = 0
        closed_in_between = False

        def execute(self, *_: object) -> Self:
            self.under_way += 1
            time.sleep(0.05)
            self.under_way -= 1
            return self

        def fetchone(self) -> None:
            return None

        def close(self) -> None:
            self.closed_in_between |= self.under_way > 0

    cache = SqliteCache(tmp_path / "cache.db")
    cache._disconnect()
    watched = Watched()
    cache._open = watched  # type: ignore[assignment]
    key = ("https://a.example/robots.txt", "robots.txt")
    first = asyncio.create_task(cache.get(key))
    await asyncio.sleep(0.01)
    closing = asyncio.create_task(cache.close())
    await asyncio.sleep(0.01)
    second = asyncio.create_task(cache.get(key))
    await asyncio.gather(first, closing, second)
    assert not watched.closed_in_between
    await cache.close()
