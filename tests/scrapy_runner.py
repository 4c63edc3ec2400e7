"""Crawls that are described by plain JSON values, run by a real Scrapy in another process.

Run as a program, it is a worker: a crawl a line on standard input, what became of it a line
on standard output. Imported, it starts such workers (`Worker`), which never import Scrapy
into the tests' own process. One worker does many crawls, one after the other, since starting
Scrapy takes longer than most crawls. Not here: pages, assertions.

Scrapy: https://docs.scrapy.org/en/latest/topics/practices.html
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import json
import logging
import os
import selectors
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Self

Json = dict[str, Any]

SECONDS = 60.0
#: The asyncio reactor, no reactor at all, and a reactor that cannot do asyncio.
MODES = ("asyncio", "none", "select")
ADDON = {"reservation_middleware.scrapy.Addon": 300}
QUIET = {"TELNETCONSOLE_ENABLED": False, "REMOTE_CONTROL_ENABLED": False}
#: The errors of requests that were blocked.
BLOCKED = ("ReservedError", "PolicyUnreachableError")
#: What Scrapy itself says of its own parts.
EXPECTED = ("AiohttpDownloadHandler is experimental",)
REACTORS = {
    "asyncio": "twisted.internet.asyncioreactor.AsyncioSelectorReactor",
    "select": "twisted.internet.selectreactor.SelectReactor",
}


def version() -> tuple[int, ...]:
    """Scrapy's version, without importing it."""
    from importlib.metadata import version as installed

    return tuple(int(part) for part in installed("scrapy").split(".")[:2])


def why_not(mode: str) -> str | None:
    """Why this Scrapy cannot run without a reactor, None if it can."""
    if mode != "none":
        return None
    from importlib.util import find_spec

    if version() < (2, 15):
        return "this Scrapy needs a reactor: TWISTED_REACTOR_ENABLED came with 2.15"
    return None if find_spec("aiohttp") else "Scrapy downloads through aiohttp there"


@dataclass(frozen=True)
class Crawl:
    """What became of a crawl.

    Attributes:
        got: responses that reached a callback, in order.
        failed: requests that reached an errback, in order.
        decided: what the `decided` signal said, in order.
        stats: Scrapy's stats, as text where JSON has no such value.
        log: lines of at least INFO, as [level, logger, message].
        received: bytes of bodies that arrived, by URL.
        made: what else the crawl was asked to report.
        seconds: how long it took.
    """

    got: list[Json]
    failed: list[Json]
    decided: list[Json]
    stats: Json
    log: list[list[str]]
    received: dict[str, int]
    made: Json
    seconds: float

    @property
    def blocked(self) -> list[str]:
        """URLs that were blocked."""
        return [one["url"] for one in self.failed if one["error"] in BLOCKED]

    @property
    def urls(self) -> list[str]:
        """URLs whose responses reached a callback."""
        return [one["url"] for one in self.got]

    @property
    def problems(self) -> list[str]:
        """Log lines of at least WARNING that Scrapy does not always write."""
        return [
            line[2]
            for line in self.log
            if line[0] in ("WARNING", "ERROR", "CRITICAL")
            and not any(known in line[2] for known in EXPECTED)
            and not (line[1] == "py.warnings" and "/site-packages/" in line[2])
        ]

    def stat(self, name: str) -> Any:
        """One of our own stats, 0 if it is not there."""
        return self.stats.get(f"reservation/{name}", 0)


class Worker:
    """A process that crawls.

    Args:
        mode: one of `MODES`.
    """

    def __init__(self, mode: str = "asyncio") -> None:
        self._said: str | None = None
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `close`
        self._process = subprocess.Popen(
            [sys.executable, __file__, mode],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=Path(__file__).parent,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        said = self.close()
        if error is None:
            assert not said, said

    @property
    def alive(self) -> bool:
        """Whether it can do another crawl."""
        return self._process.poll() is None

    def crawl(self, proxy: str | None = None, **spec: Any) -> Crawl:
        """Run a crawl.

        Args:
            proxy: URL of the proxy that every request uses unless it names one itself.
            spec: see `Plan`.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps({"proxy": proxy, **spec}).encode() + b"\n")
        stdin.flush()
        patience = SECONDS + len(spec.get("requests", ()))  # machines may be busy
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            line = stdout.readline() if selector.select(patience) else b""
        if not line:
            self._process.kill()
            raise AssertionError(f"the crawl did not end\n{self.close()}")
        answer = json.loads(line)
        if "error" in answer:
            raise AssertionError(answer["error"])
        return Crawl(**answer)

    def close(self) -> str:
        """End the process; what it wrote to standard error, which should be nothing.

        Closing it again says the same: it is closed when a crawl fails, and by ``with``.
        """
        if self._said is None:
            self._said = self._end()
        return self._said

    def _end(self) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            status = self._process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        self._process.stdout.close()
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace")
        self._errors.close()
        return said if status == 0 else f"exit status {status}\n{said}"


@dataclass
class Plan:
    """A crawl to do.

    Attributes:
        requests: URLs, or objects with `url` and optionally `meta`, `headers`, `cookies`,
            `filter` (have Scrapy's filters look at it), `wait` (seconds to wait before it),
            `shift` (seconds that the middleware's clock is set on, or back, before it)
            and `then` (requests that callback or errback make, of a callback with the decision
            passed on in their meta).
        settings: the project's.
        proxy: for every request that names none.
        addon: whether the add-on is on.
        custom_settings: the spider's own.
        allowed_domains: the spider's.
        sitemaps: makes the spider a SitemapSpider with these URLs.
        policy: changes of the policy that have no setting.
        unreachable: seconds after which an unreachable resource is tried again.
        environ: variables of the process's environment.
        impatient: (URL, seconds): a download that is cancelled so soon, before the others.
        close_after: seconds after which the spider is closed.
        events: have what log records bear told, in `made`.
    """

    requests: list[Any]
    settings: Json
    proxy: str | None = None
    addon: bool = True
    custom_settings: Json | None = None
    allowed_domains: list[str] | None = None
    sitemaps: list[str] | None = None
    policy: Json | None = None
    unreachable: float | None = None
    environ: Mapping[str, str] | None = None
    impatient: list[Any] | None = None
    close_after: float | None = None
    events: bool = False


class _Log(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[list[str]] = []
        self.events: list[Any] = []
        self.setFormatter(logging.Formatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append([record.levelname, record.name, self.format(record)])
        for name in ("reservation", "reservations"):
            if hasattr(record, name):
                self.events.append(getattr(record, name))


class _Run:
    """One crawl in the worker."""

    def __init__(self, mode: str, plan: Plan) -> None:
        self.mode = mode
        self.plan = plan
        self.got: list[Json] = []
        self.failed: list[Json] = []
        self.decided: list[Json] = []
        self.made: Json = {}
        self.received: Counter[str] = Counter()
        self.crawler: Any = None
        self.tasks: set[asyncio.Task[None]] = set()
        self.shift = timedelta()

    def clock(self) -> datetime:
        """The time, as far as it was not shifted."""
        return datetime.now(UTC) + self.shift

    async def run(self) -> Json:
        """Do it and tell."""
        log = _Log()
        logging.getLogger().addHandler(log)
        # Of all that is said at DEBUG only what is ours.
        own = logging.getLogger("reservation_middleware.scrapy")
        own.setLevel(logging.DEBUG if self.plan.settings.get("LOG_LEVEL") == "DEBUG" else 0)
        began = time.monotonic()
        try:
            with self._changed():
                await self._crawl()
        finally:
            gc.collect()  # what nobody awaited, or closed, says so now
            await asyncio.sleep(0)
            gc.freeze()  # most of it is Scrapy: not looked through again
            logging.getLogger().removeHandler(log)
        if self.plan.events:
            self.made["events"] = log.events
        # One that did not start has none, and Scrapy 2.19 raises where others say None.
        stats = {}
        with contextlib.suppress(AttributeError, RuntimeError):
            stats = self.crawler.stats.get_stats()
        return {
            "got": self.got,
            "failed": self.failed,
            "decided": self.decided,
            "stats": json.loads(json.dumps(stats, default=str)),
            "log": log.lines,
            "received": self.received,
            "made": self.made,
            "seconds": time.monotonic() - began,
        }

    @contextlib.contextmanager
    def _changed(self) -> Iterator[None]:
        """The knobs that no setting has."""
        from unittest import mock

        import reservation_middleware.scrapy._middleware as adapter
        from reservation_middleware.decide import freshness
        from reservation_middleware.runtime.fetcher import Fetcher
        from reservation_middleware.scrapy._settings import policy_from

        with contextlib.ExitStack() as stack:
            ours = partial(Fetcher, clock=self.clock)
            stack.enter_context(mock.patch.object(adapter, "Fetcher", ours))
            if self.plan.environ:
                stack.enter_context(mock.patch.dict(os.environ, self.plan.environ))
            if self.plan.unreachable is not None:
                soon = timedelta(seconds=self.plan.unreachable)
                stack.enter_context(mock.patch.object(freshness, "UNREACHABLE", soon))
            if self.plan.policy is not None:
                usual, changes = policy_from, self.plan.policy

                def changed(settings: Any) -> Any:
                    return usual(settings).changed(changes)

                stack.enter_context(mock.patch.object(adapter, "policy_from", changed))
            yield

    async def _crawl(self) -> None:
        import scrapy.crawler as crawlers

        settings = {**QUIET, **({"ADDONS": ADDON} if self.plan.addon else {})}
        if self.mode == "none":
            settings["TWISTED_REACTOR_ENABLED"] = False
        settings |= self.plan.settings
        spider = self._spider()
        made_by = getattr(crawlers, "AsyncCrawlerRunner", crawlers.CrawlerRunner)  # Scrapy 2.14
        runner: Any = made_by(settings)
        self.crawler = runner.create_crawler(spider)
        self._connect()
        try:
            crawl = runner.crawl(self.crawler)
            if not isinstance(crawl, asyncio.Task):
                crawl = crawl.asFuture(asyncio.get_running_loop())
            await crawl
        except Exception as error:  # noqa: BLE001 - told to whoever asked for the crawl
            self.made["error"] = f"{type(error).__name__}: {error}"

    def _connect(self) -> None:
        from scrapy import signals

        from reservation_middleware.scrapy import decided

        def receive(data: bytes, request: Any) -> None:
            self.received[request.url] += len(data)

        def decide(decision: Any, request: Any, spider: Any, ident: str) -> None:
            self.decided.append(
                {
                    "url": request.url,
                    "action": decision.action.value,
                    "stage": decision.stage.value,
                    "spider": spider.name,
                    "ident": ident,
                }
            )

        def opened() -> None:
            if self.plan.close_after is not None:
                task = asyncio.get_running_loop().create_task(self._close())
                self.tasks.add(task)

        self._handlers = receive, decide, opened  # signals hold no reference
        connect = self.crawler.signals.connect
        connect(receive, signal=signals.bytes_received)
        connect(decide, signal=decided)
        connect(opened, signal=signals.spider_opened)

    async def _close(self) -> None:
        assert self.plan.close_after is not None
        await asyncio.sleep(self.plan.close_after)
        engine = self.crawler.engine
        if hasattr(engine, "close_spider_async"):
            await engine.close_spider_async(reason="enough")
        else:
            engine.close_spider(engine.spider, "enough")

    def _spider(self) -> Any:
        import scrapy

        run, plan = self, self.plan
        proxy = plan.proxy

        class Lister(scrapy.Spider):
            name = "lister"
            custom_settings = plan.custom_settings
            allowed_domains = plan.allowed_domains or []

            async def start(self) -> AsyncIterator[Any]:
                if plan.impatient:
                    await run.hurry(self, *plan.impatient)
                for one in plan.requests:
                    if isinstance(one, dict) and "wait" in one:
                        await asyncio.sleep(one["wait"])
                    yield self.ask(one)

            def ask(self, one: Any, meta: Json | None = None) -> Any:
                given: Json = {"url": one} if isinstance(one, str) else one
                meta = {**(meta or {}), **given.get("meta", {})}
                run.shift += timedelta(seconds=given.get("shift", 0))
                if proxy is not None:
                    meta.setdefault("proxy", proxy)
                return scrapy.Request(
                    given["url"],
                    callback=self.parse,
                    errback=self.err,
                    meta=meta,
                    headers=given.get("headers"),
                    cookies=given.get("cookies"),
                    dont_filter=not given.get("filter"),
                    cb_kwargs={"asked": given["url"], "then": given.get("then", [])},
                )

            def parse(self, response: Any, asked: str, then: list[Any]) -> Iterator[Any]:
                run.got.append(run.told(response, asked))
                meta = {k: v for k, v in response.meta.items() if k.startswith("reservation")}
                for one in then:
                    yield self.ask(one, meta)

            def err(self, failure: Any) -> Iterator[Any]:
                run.failed.append(run.told_failure(failure))
                for one in failure.request.cb_kwargs["then"]:
                    yield self.ask(one)

        if plan.sitemaps is None:
            return Lister

        class Mapped(scrapy.spiders.SitemapSpider):
            name = "mapped"
            custom_settings = plan.custom_settings
            sitemap_urls = plan.sitemaps or []

            def parse(self, response: Any) -> None:
                run.got.append(run.told(response, response.url))

        return Mapped

    async def hurry(self, spider: Any, url: str, seconds: float) -> None:
        """Start a download that is cancelled before it is done."""
        import scrapy

        request = scrapy.Request(url, meta={"proxy": self.plan.proxy})
        engine = spider.crawler.engine
        if hasattr(engine, "download_async"):
            download = asyncio.ensure_future(engine.download_async(request))
        else:
            download = engine.download(request).asFuture(asyncio.get_running_loop())

        async def give_up() -> None:
            await asyncio.sleep(seconds)
            download.cancel()
            try:
                await download
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is over
                self.made["hurry"] = type(error).__name__

        self.tasks.add(asyncio.ensure_future(give_up()))
        await asyncio.sleep(0.05)

    def told(self, response: Any, asked: str) -> Json:
        """What a response is, as plain values."""
        from reservation_middleware.decide.record import record
        from reservation_middleware.model import Decision

        decision = response.meta.get("reservation_decision")
        assert isinstance(decision, Decision | None)
        return {
            "url": response.url,
            "asked": asked,
            "status": response.status,
            "size": len(response.body),
            "flags": response.flags,
            "redirects": response.meta.get("redirect_urls", []),
            "options": response.meta.get("reservation"),
            "record": record(decision) if isinstance(decision, Decision) else None,
        }

    def told_failure(self, failure: Any) -> Json:
        """What a failure is, as plain values."""
        import pickle

        from scrapy.exceptions import IgnoreRequest

        from reservation_middleware.decide.record import record

        error = failure.value
        decision = getattr(error, "decision", None)
        if decision is not None:
            assert failure.request.meta["reservation_decision"] is decision
            assert pickle.loads(pickle.dumps(error)).decision == decision
        return {
            "url": failure.request.url,
            "asked": failure.request.cb_kwargs["asked"],
            "error": type(error).__name__,
            "ignored": isinstance(error, IgnoreRequest),
            "message": str(error),
            "record": record(decision) if decision is not None else None,
        }


async def _serve(mode: str, out: Any) -> None:
    """Crawl what is asked for until nobody asks any more."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=2**30)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        try:
            answer = await _Run(mode, Plan(**json.loads(line))).run()
        except Exception:  # noqa: BLE001 - the other process raises it
            answer = {"error": traceback.format_exc()}
        out.write(json.dumps(answer).encode() + b"\n")
        out.flush()


def _main(mode: str) -> None:
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints must not spoil the answers
    logging.getLogger().setLevel(logging.INFO)
    logging.getLogger().addHandler(logging.NullHandler())
    logging.captureWarnings(True)
    warnings.simplefilter("default")
    if mode == "none":
        from scrapy.utils.reactorless import install_reactor_import_hook

        install_reactor_import_hook()
        _listen()
        asyncio.run(_serve(mode, out))
        return
    from scrapy.utils.reactor import install_reactor

    install_reactor(REACTORS[mode])
    from twisted.internet.defer import Deferred, ensureDeferred

    reactor: Any = importlib.import_module("twisted.internet.reactor")

    _listen()

    def begin() -> None:
        if mode == "asyncio":
            work: Any = Deferred.fromFuture(asyncio.ensure_future(_serve(mode, out)))
        else:
            work = ensureDeferred(_once(mode, out))
        work.addBoth(lambda _: reactor.stop())

    reactor.callWhenRunning(begin)
    reactor.run()


async def _once(mode: str, out: Any) -> None:
    """One crawl in a reactor that asyncio cannot use."""
    crawlers = importlib.import_module("scrapy.crawler")
    log = _Log()
    logging.getLogger().addHandler(log)
    run = _Run(mode, Plan(**json.loads(sys.stdin.readline())))
    settings = {**QUIET, "ADDONS": ADDON, "TWISTED_REACTOR": REACTORS[mode], **run.plan.settings}
    try:
        await crawlers.CrawlerRunner(settings).crawl(run._spider())
    except Exception as error:  # noqa: BLE001 - told to whoever asked for the crawl
        run.made["error"] = f"{type(error).__name__}: {error}"
    empty: Json = {"decided": [], "stats": {}, "received": {}, "seconds": 0.0}
    answer = {
        "got": run.got,
        "failed": run.failed,
        "log": log.lines,
        "made": run.made,
        **empty,
    }
    out.write(json.dumps(answer).encode() + b"\n")
    out.flush()


def _listen() -> None:
    """Have Twisted's own complaints in the log, and nobody outside this machine asked."""
    import tldextract
    from scrapy.core.downloader.handlers.http11 import HTTP11DownloadHandler
    from scrapy.downloadermiddlewares import cookies
    from twisted.python import log

    log.PythonLoggingObserver("twisted").start()  # type: ignore[no-untyped-call]
    close = HTTP11DownloadHandler.close

    def patiently(handler: Any) -> Any:
        # Scrapy gives its connections a second to close. On a busy machine that second and the
        # closing end together, and Twisted logs an AlreadyCalledError.
        handler._disconnect_timeout = SECONDS / 3
        return close(handler)

    HTTP11DownloadHandler.close = patiently  # type: ignore[method-assign, assignment]
    cookies._split_domain = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)


if __name__ == "__main__":
    _main(sys.argv[1])
