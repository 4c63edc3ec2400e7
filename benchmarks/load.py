"""`load`: four crawler processes, 2,000 hosts, 100,000 requests, one Redis, one ledger.

Two Scrapy and two aiohttp processes crawl the same hosts at the same time. The web, a process of
its own, counts what it is asked for: each policy resource exactly once, no reserved page at all.
Afterwards the ledger must verify and replay without a mismatch. The processes are those of
``load_parts``.
"""

# Imported where it is used: an optional peer, or a process that needs no other.
# ruff: noqa: PLC0415

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from .timing import Options, Row, row

_ROOT = Path(__file__).parents[1]


def load(options: Options) -> Iterator[Row]:
    """What the web saw, what the ledger says, and what it took."""
    try:
        import aiohttp  # noqa: F401
        import redis  # noqa: F401
        import scrapy  # noqa: F401
    except ImportError as error:
        options.missing(str(error.name))
        return
    if shutil.which("redis-server") is None:
        options.missing("redis-server")
        return
    hosts, each = options.some(2000, 32), options.some(25_000, 200)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        cache = stack.enter_context(_redis(folder))
        web = stack.enter_context(_web(hosts))
        start = time.monotonic()
        crawls = [
            stack.enter_context(_process(framework, str(seed), str(each), cache, str(folder)))
            for seed, framework in enumerate(("scrapy", "aiohttp", "scrapy", "aiohttp"))
        ]
        assert web.stdout is not None
        assert web.stdin is not None
        origins = web.stdout.readline()
        for crawl in crawls:
            assert crawl.stdin is not None
            crawl.stdin.write(origins)
            crawl.stdin.close()
        told = [_answer(crawl) for crawl in crawls]
        seconds = time.monotonic() - start
        web.stdin.write("\n")
        web.stdin.flush()
        seen = json.loads(web.stdout.readline())
        checked = _checked(folder / "ledger")
    requests = len(crawls) * each
    asked, resources = sum(seen["policies"].values()), len(seen["policies"])
    decided = sum(one["decided"] for one in told)
    for name, ours, peer, said, goal in (
        ("fetches-per-resource", asked, resources, "policy resources", 1.0),
        ("asked-twice", sum(n > 1 for n in seen["policies"].values()), 1, "none", 0.0),
        ("reserved-pages-asked-for", seen["reserved"], 1, "none", 0.0),
        ("requests-undecided", requests - decided, 1, "none", 0.0),
        ("ledger-problems", checked["problems"], 1, "none", 0.0),
        ("replay-mismatches", checked["mismatches"], 1, "none", 0.0),
        ("replay-left-out", checked["left_out"], 1, "none", 0.0),
        ("lines-per-request", checked["decisions"], requests, "requests", None),
        ("memory-scrapy", max(one["rss"] for one in told[::2]), 1, "bytes at the most", None),
        ("memory-aiohttp", max(one["rss"] for one in told[1::2]), 1, "bytes at the most", None),
        ("seconds", seconds, 1, "for all of it", None),
        ("verify-seconds", checked["verify"], 1, "for the ledger", None),
        ("replay-seconds", checked["replay"], 1, "for the ledger", None),
    ):
        yield row(f"load:{name}", ours, peer, said, goal=goal)


def _checked(ledger: Path) -> dict[str, float]:
    """What the ledger says of itself."""
    from reservation_middleware.ledger.read.reader import LedgerReader
    from reservation_middleware.ledger.read.replay import replay
    from reservation_middleware.ledger.verify.ledger import verify

    start = time.monotonic()
    report = verify(ledger)
    verified = time.monotonic()
    found = {"mismatches": 0, "left_out": 0, "decisions": 0}
    for one in replay(LedgerReader(ledger)):
        found["decisions"] += one.decisions
        found["left_out"] += one.apart is not None
        found["mismatches"] += one.apart is None and bool(one.differences)
    return {
        **found,
        "problems": len(report.problems),
        "verify": verified - start,
        "replay": time.monotonic() - verified,
    }


@contextmanager
def _process(*words: str) -> Iterator[Any]:
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.load_parts", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=_ROOT,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _web(hosts: int) -> Any:
    return _process("serve", str(hosts))


def _answer(process: Any) -> dict[str, Any]:
    out = process.stdout.read()
    if process.wait():
        raise RuntimeError(f"a crawl failed with {process.returncode}")
    answer: dict[str, Any] = json.loads(out.splitlines()[-1])
    return answer


@contextmanager
def _redis(folder: Path) -> Iterator[str]:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    with subprocess.Popen(
        [*command, "--appendonly", "no", "--dir", str(folder)], stdout=subprocess.DEVNULL
    ) as process:
        try:
            for _ in range(100):
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    time.sleep(0.05)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.terminate()
