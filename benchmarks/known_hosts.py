"""`known-hosts`: what a known host takes in the cache of documents, and how long it is looked for.

Each host has a robots.txt and a tdmrep.json that answers 404, both with a head as servers send
them; its documents are those of a seed. Bodies are real ones, two thirds of which repeat: whole
platforms send the same file. Hosts are looked up in random order, their robots.txt each time;
sites that are ready to decide, which stand before the cache, are left out.
"""

import asyncio
import os
import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time_ns

from reservation_middleware.model import Document, Headers, Outcome
from reservation_middleware.runtime.cache import Cache, open_cache
from reservation_middleware.runtime.cache.memory import MemoryCache

from .corpus import hosts
from .timing import Options, Row, per, row

_NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
_DAY = timedelta(days=1)
#: Of bodies that no other host sends.
_OWN = 1 / 3
_REPORT = "https://a.nel.cloudflare.com/report/v4?s="


class _Web:
    """What hosts answer: documents by number of the host."""

    def __init__(self, seed: int, bodies: list[bytes]) -> None:
        self._seed = seed
        self._bodies = bodies

    def documents(self, number: int) -> Iterator[tuple[tuple[str, str], Document]]:
        """The two documents of a host."""
        rng = random.Random(self._seed * 1_000_003 + number)
        origin = f"https://www.host-{number:07}.example"
        body = rng.choice(self._bodies)
        if rng.random() < _OWN:  # a line of its own makes it another body
            body += f"\nSitemap: {origin}/sitemap.xml\n".encode()
        fetched = _NOW + timedelta(microseconds=rng.randrange(10**10))
        yield (
            (origin, "robots.txt"),
            Document(
                url=f"{origin}/robots.txt",
                resource="robots.txt",
                outcome=Outcome.FETCHED,
                status=200,
                headers=_head(rng, "text/plain", len(body)),
                body=body,
                fetched_at=fetched,
                expires=fetched + _DAY,
                address=_address(rng),
            ),
        )
        yield (
            (origin, "tdmrep.json"),
            Document(
                url=f"{origin}/.well-known/tdmrep.json",
                resource="tdmrep.json",
                outcome=Outcome.UNAVAILABLE,
                status=404,
                headers=_head(rng, "text/html; charset=UTF-8", rng.randrange(100_000)),
                fetched_at=fetched,
                expires=fetched + _DAY,
                address=_address(rng),
            ),
        )


def _address(rng: random.Random) -> str:
    return ".".join(str(rng.randrange(1, 255)) for _ in range(4))


def _head(rng: random.Random, media_type: str, length: int) -> Headers:
    """A head as the servers of most sites send it, with what differs each time."""

    def random_hex(digits: int) -> str:
        return f"{rng.getrandbits(4 * digits):0{digits}x}"

    date = (_NOW - timedelta(seconds=rng.randrange(10**8))).strftime("%a, %d %b %Y %H:%M:%S GMT")
    usual = (("date", date), ("content-type", media_type))
    kind = rng.random()
    if kind < 0.35:
        return (
            *usual,
            ("transfer-encoding", "chunked"),
            ("connection", "keep-alive"),
            ("nel", '{"report_to":"cf-nel","success_fraction":0.0,"max_age":604800}'),
            (
                "report-to",
                f'{{"group":"cf-nel","max_age":604800,"endpoints":[{{"url":"{_REPORT}{random_hex(120)}"}}]}}',
            ),
            ("server", "cloudflare"),
            ("cf-cache-status", "DYNAMIC"),
            ("vary", "accept-encoding"),
            ("strict-transport-security", "max-age=31536000; includeSubDomains"),
            ("x-content-type-options", "nosniff"),
            ("cf-ray", f"{random_hex(16)}-FRA"),
            ("alt-svc", 'h3=":443"; ma=86400'),
        )
    if kind < 0.7:
        return (
            ("server", rng.choice(("nginx", "nginx/1.24.0 (Ubuntu)", "openresty"))),
            *usual,
            ("content-length", str(length)),
            ("connection", "keep-alive"),
            ("last-modified", date),
            ("etag", f'"{random_hex(8)}-{random_hex(3)}"'),
            ("accept-ranges", "bytes"),
            ("x-frame-options", "SAMEORIGIN"),
        )
    if kind < 0.9:
        return (
            *usual,
            ("server", rng.choice(("Apache", "Apache/2.4.57 (Debian)", "LiteSpeed"))),
            ("x-powered-by", "PHP/8.1.27"),
            (
                "link",
                f'<https://www.site-{random_hex(6)}.example/wp-json/>; rel="https://api.w.org/"',
            ),
            ("vary", "Accept-Encoding"),
            ("cache-control", "no-cache, must-revalidate, max-age=0"),
            ("content-length", str(length)),
        )
    return (
        *usual,
        ("x-cache", "Miss from cloudfront"),
        ("via", f"1.1 {random_hex(32)}.cloudfront.net (CloudFront)"),
        ("x-amz-cf-pop", "FRA56-P5"),
        ("x-amz-cf-id", f"{random_hex(54)}=="),
        ("server", "AmazonS3"),
        ("age", str(rng.randrange(80_000))),
    )


def known_hosts(options: Options) -> Iterator[Row]:
    """Memory and time in memory; time in SQLite and Redis."""
    bodies = [host.body for host in hosts(options.some(500, 50), options.seed)]
    bodies = [body for body in bodies if len(body) < 500 * 1024]
    web = _Web(options.seed, bodies)
    yield from _memory(options, web, options.some(1_000_000, 2_000))
    number, asked = options.some(20_000, 200), options.some(5_000, 100)
    with tempfile.TemporaryDirectory() as folder:
        cache = open_cache(f"sqlite:///{folder}/known.db")
        yield _stored("sqlite", cache, web, number, asked, options)
        yield from _redis(options, web, Path(folder), number, asked)


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _memory(options: Options, web: _Web, number: int) -> Iterator[Row]:
    """In a process of its own, so that what it takes is given back."""
    if not Path("/proc/self/statm").exists() or not hasattr(os, "fork"):
        options.say("known-hosts:memory needs /proc and fork: left out")
        return
    options.progress("known-hosts: memory", 0, 1)
    source, sink = os.pipe()
    child = os.fork()
    if not child:
        found = "0 0 0"
        try:
            os.close(source)
            found = " ".join(map(str, asyncio.run(_fill_memory(web, number, options))))
        finally:
            os.write(sink, found.encode())
            os._exit(0)
    os.close(sink)
    with os.fdopen(source) as answer:
        grown, lookup, put = map(float, (answer.read() or "0 0 0").split())
    os.waitpid(child, 0)
    yield row("known-hosts:memory-per-host", grown / number, 2048.0, "2 KB", goal=1.0)
    yield row("known-hosts:memory-look-up", lookup, 30e-6, "30 µs", goal=1.0)
    yield row("known-hosts:memory-put", put, lookup, "a look-up")


async def _fill_memory(web: _Web, number: int, options: Options) -> tuple[float, float, float]:
    """Bytes grown, seconds for a get, seconds for a put."""
    cache = MemoryCache(octets=2048 * max(number, 1000))
    for key, document in web.documents(0):
        await cache.put(key, document)
    before = _resident()
    spent = 0
    for host in range(number):
        documents = list(web.documents(host))
        start = process_time_ns()
        for key, document in documents:
            await cache.put(key, document)
        spent += process_time_ns() - start
    grown = _resident() - before
    assert len(cache) == 2 * number, "not all hosts fit"
    rng = random.Random(options.seed)
    batches, asked = 20, options.some(5_000, 50)
    times = []
    for _ in range(batches):
        keys = [next(web.documents(rng.randrange(number)))[0] for _ in range(asked)]
        start = process_time_ns()
        for key in keys:
            await cache.get(key)
        times.append(process_time_ns() - start)
    lookup = per(times, asked)
    assert cache.counts["hits"] == batches * asked
    return grown, lookup, spent / 2 / number / 1e9


def _stored(name: str, cache: Cache, web: _Web, number: int, asked: int, options: Options) -> Row:
    """Look-ups in a store, one after the other; wall time, since a store works elsewhere."""
    options.progress(f"known-hosts: {name}", 0, 1)

    async def ask() -> tuple[float, float]:
        start = perf_counter()
        for host in range(number):
            for key, document in web.documents(host):
                await cache.put(key, document)
        put = (perf_counter() - start) / 2 / number
        rng = random.Random(options.seed)
        keys = [next(web.documents(rng.randrange(number)))[0] for _ in range(asked)]
        start = perf_counter()
        for key in keys:
            await cache.get(key)
        lookup = (perf_counter() - start) / asked
        assert cache.counts["hits"] == asked, cache.counts
        await cache.close()
        return lookup, put

    lookup, put = asyncio.run(ask())
    return row(f"known-hosts:{name}-look-up", lookup, put, f"a put, {number:,} hosts", runs=asked)


def _redis(options: Options, web: _Web, folder: Path, number: int, asked: int) -> Iterator[Row]:
    """With a server of its own, on a socket in a folder of its own."""
    program = shutil.which("redis-server")
    try:
        import redis  # noqa: F401, PLC0415 - an extra
    except ImportError:
        program = None
    if program is None:
        options.say("redis-server or redis-py is not installed: known-hosts:redis is left out")
        return
    socket = folder / "redis.sock"
    words = ("--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(folder))
    with subprocess.Popen([program, *words], stdout=subprocess.DEVNULL) as server:
        try:
            until = perf_counter() + 10
            while not socket.exists() and perf_counter() < until:
                pass
            yield _stored("redis", open_cache(f"unix://{socket}"), web, number, asked, options)
        finally:
            server.terminate()
