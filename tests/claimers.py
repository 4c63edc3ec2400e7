"""Processes that want the same claim: run by the tests of caches, one process each.

`python claimers.py hammer URL FOLDER SECONDS`: claim, do something that only one may do, release,
over and over; prints how often it held the claim and how often somebody else did so, too.
`python claimers.py hold URL`: claim, say so, and never release.
"""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

from reservation_middleware.runtime.cache import Key, open_cache
from reservation_middleware.runtime.cache.shared import SharedCache

KEY: Key = ("https://a.example", "robots.txt")
ROOT = Path(__file__).parents[1]


def start(*words: str) -> "subprocess.Popen[str]":
    """Start one of them."""
    return subprocess.Popen(
        [sys.executable, str(Path(__file__)), *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )


def hammer(url: str, folder: Path, processes: int = 8, seconds: float = 1.5) -> list[int]:
    """How often each of some processes held the claim; none did at the same time."""
    running = [start("hammer", url, str(folder), str(seconds)) for _ in range(processes)]
    outputs = [process.communicate(timeout=120)[0].split() for process in running]
    assert [process.returncode for process in running] == [0] * processes
    assert [output[1:] for output in outputs] == [["0", "0"]] * processes
    return [int(held) for held, *_ in outputs]


async def _hammer(url: str, folder: Path, seconds: float) -> None:
    cache = open_cache(url)
    assert isinstance(cache, SharedCache)
    held = overlaps = 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not await cache.claim(KEY):
            await asyncio.sleep(0.0005)
            continue
        held += 1
        try:
            os.close(os.open(folder / "inside", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            overlaps += 1
        await asyncio.sleep(0.001)
        (folder / "inside").unlink(missing_ok=True)
        await cache.release(KEY)
    sys.stdout.write(f"{held} {overlaps} {cache.counts['degraded']}\n")
    await cache.close()


async def _hold(url: str) -> None:
    cache = open_cache(url)
    assert isinstance(cache, SharedCache)
    cache._lease = 1.0
    sys.stdout.write(f"{await cache.claim(KEY)}\n")
    sys.stdout.flush()
    await asyncio.sleep(600)


if __name__ == "__main__":
    what, where, *more = sys.argv[1:]
    if what == "hammer":
        asyncio.run(_hammer(where, Path(more[0]), float(more[1])))
    else:
        asyncio.run(_hold(where))
