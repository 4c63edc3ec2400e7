"""Both crawls, each in enforce and in observe mode, each in a web of its own.

aiohttp crawls here, Scrapy in a process of its own (``spider.py``), all at once.
"""

import asyncio
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from reservation_middleware.aiohttp import ReservationClient, ReservedError
from reservation_middleware.decide.profiles import profile
from reservation_middleware.decide.reading import LINKED, probed
from reservation_middleware.model import (
    Agent,
    Decision,
    Document,
    Mode,
    ReservationError,
)
from reservation_middleware.runtime.cache.memory import Key, MemoryCache
from reservation_middleware.runtime.fetcher import Fetcher, Retries

from .sites import SiteHost
from .task import AGENT, PROBES, PURPOSES, USER_AGENT, Task, Visit, visit
from .web import Seen, Web

ADAPTERS = ("scrapy", "aiohttp")
MODES = (Mode.ENFORCE.value, Mode.OBSERVE.value)
#: A crawl that has not come to its end by then hangs.
SECONDS = 60.0

#: One of the four crawls: adapter and mode.
Run = tuple[str, str]
RUNS: tuple[Run, ...] = tuple((adapter, mode) for adapter in ADAPTERS for mode in MODES)


class Crawls(msgspec.Struct, frozen=True):
    """What the four crawls brought home.

    Attributes:
        visits: what became of each URL that was asked for, by run.
        logs: what each run's web saw.
        documents: the policy documents as aiohttp fetched them in enforce mode.

    """

    visits: dict[Run, dict[str, Visit]]
    logs: dict[Run, list[Seen]]
    documents: list[Document]


async def crawl(hosts: Sequence[SiteHost], ledger: Path) -> Crawls:
    """Crawl every page of every host with both adapters in both modes.

    Args:
        hosts: the web.
        ledger: absolute folder of the ledger that all four write to, each a segment of its own.

    Raises:
        ReservationError: the Scrapy process ended with an error, or a crawl hung.
    """
    urls = tuple(host.url(page.path) for host in hosts for page in host.pages)
    cache = _Remembering()
    # The tables say what could not be had.
    logging.getLogger("reservation_middleware.aiohttp").addHandler(logging.NullHandler())
    async with AsyncExitStack() as stack:
        webs = {run: await stack.enter_async_context(Web(hosts)) for run in RUNS}
        task = Task(urls, {mode: webs["scrapy", mode].proxy for mode in MODES}, str(ledger))
        try:
            async with asyncio.timeout(SECONDS):
                *own, other = await asyncio.gather(
                    *(
                        _aiohttp(urls, mode, webs["aiohttp", mode].proxy, cache_used, ledger)
                        for mode, cache_used in zip(MODES, (cache, None), strict=True)
                    ),
                    _scrapy(task),
                )
        except TimeoutError:
            raise ReservationError(f"the crawls did not end within {SECONDS:g} s") from None
        visits: dict[Run, dict[str, Visit]] = {run: {} for run in RUNS}
        for visit in (*(visit for visited in own for visit in visited), *other):
            visits[visit.adapter, visit.mode][visit.asked] = visit
        return Crawls(
            visits, {run: web.log for run, web in webs.items()}, await _documents(cache, urls)
        )


async def _aiohttp(
    urls: Sequence[str], mode: str, proxy: str, cache: MemoryCache | None, ledger: Path
) -> list[Visit]:
    decisions: dict[str, tuple[Decision, bool]] = {}

    def listener(decision: Decision, blocked: bool) -> None:
        decisions[decision.url] = decision, blocked

    client = ReservationClient(
        policy=profile().changed({"mode": mode, "probes": PROBES}),
        agent=Agent(AGENT, PURPOSES),
        fetcher=Fetcher(cache=cache, retries=Retries(0)),  # what fails here fails for good
        listener=listener,
        ledger=ledger,
        headers={"User-Agent": USER_AGENT},
    )

    async def fetch(asked: str) -> Visit:
        try:
            async with client.get(asked, proxy=proxy) as response:
                await response.read()
                url = str(response.url)
        except ReservedError as reserved:
            url = reserved.decision.url
        except Exception as error:  # noqa: BLE001 - shown as what became of this page
            return Visit(adapter="aiohttp", mode=mode, asked=asked, error=repr(error))
        decision, blocked = decisions[url]
        return visit("aiohttp", mode, asked, decision, blocked=blocked)

    async with client:
        return await asyncio.gather(*map(fetch, urls))


async def _scrapy(task: Task) -> list[Visit]:
    """Run the Scrapy crawls in the same interpreter, with the same import path."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("RESERVATION_")
    }
    environment["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, sys.path))
    with TemporaryDirectory() as folder:  # in which there is no configuration of the user's
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # whatever lies in the current folder is not to be imported
            "-m",
            f"{__package__}.spider",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
            cwd=folder,
        )
        try:
            out, errors = await process.communicate(msgspec.json.encode(task))
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    if process.returncode:
        tail = errors.decode("utf-8", "replace").strip()[-2000:]
        raise ReservationError(f"the Scrapy crawl ended with {process.returncode}: {tail}")
    return [msgspec.json.decode(line, type=Visit) for line in out.splitlines()]


class _Remembering(MemoryCache):
    """A cache that can tell what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.given: dict[Key, Document] = {}

    async def put(self, key: Key, document: Document) -> None:
        self.given[key] = document
        await super().put(key, document)


async def _documents(cache: _Remembering, urls: Sequence[str]) -> list[Document]:
    """The policy documents of every origin that was asked, then those that others point to."""
    origins = dict.fromkeys(url[: url.index("/", len("http://"))] for url in urls)
    found = [
        await cache.get((origin, place.name)) for origin in origins for place in probed(PROBES)
    ]
    linked = [document for document in cache.given.values() if document.resource in LINKED]
    linked.sort(key=lambda document: document.url)
    return [document for document in found if document is not None] + linked
