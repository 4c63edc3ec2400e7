"""What Scrapy's own robots.txt middleware tells, told where ours has taken its place.

The signal ``robots_parsed`` (Scrapy 2.18), from which extensions read Crawl-delay, and the stats
``robotstxt/…``. Nothing is decided by the parser that is made here.
Reference: https://docs.scrapy.org/en/latest/topics/signals.html
"""

import asyncio
import logging
from datetime import UTC, datetime
from typing import Any

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.utils.misc import build_from_crawler, load_object

from reservation_middleware.decide.check import Check
from reservation_middleware.model import Document, Outcome
from reservation_middleware.runtime.transport import (
    Answer,
    Ask,
    MachineFaultError,
    Transport,
    TransportClosedError,
)
from reservation_middleware.signals import ROBOTS_TXT

from ._report import has_receivers

logger = logging.getLogger("reservation_middleware.scrapy")

#: Origins that are remembered as told of; those that come back are told of again.
MAX_ORIGINS = 100_000


class RobotsTxt:
    """Tells of each origin's robots.txt once, before its first page is asked for.

    Args:
        crawler: whose signals and stats they are.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._signal: object | None = getattr(signals, "robots_parsed", None)
        self._told: dict[str, asyncio.Event] = {}
        self._done: set[str] = set()
        #: Errors of the last try, by address: stats name their kind.
        self._errors: dict[str, type[BaseException]] = {}
        self._since = datetime.now(UTC)

    def is_told(self, origin: str) -> bool:
        """Whether all was told of an origin."""
        return origin in self._done

    def watched(self, send: Transport) -> Transport:
        """The same transport, whose errors are remembered until they are counted."""

        async def watch(ask: Ask) -> Answer:
            try:
                return await send(ask)
            except TransportClosedError:
                raise
            except Exception as error:
                if ask.resource == ROBOTS_TXT.name:
                    cause = error.__cause__ if isinstance(error, MachineFaultError) else None
                    self._errors[ask.url] = type(cause or error)
                raise

        return watch

    async def tell(self, check: Check, request: Request) -> None:
        """Count an origin's robots.txt and send the signal, or wait until that is done.

        Args:
            check: of the request, with what is known of its origin.
            request: for whose sake it was fetched.
        """
        event = self._told.get(check.origin)
        if event is not None:
            await event.wait()
            return
        if len(self._told) >= MAX_ORIGINS:
            oldest = next(iter(self._told))
            del self._told[oldest]
            self._done.discard(oldest)
        event = self._told[check.origin] = asyncio.Event()
        try:
            for document in check.documents:
                if document.resource == ROBOTS_TXT.name:
                    self._count(document)
                    await self._send(document, request)
        finally:
            event.set()
            self._done.add(check.origin)

    def forbid(self) -> None:
        """Count a request that crawl rules have stopped."""
        self._inc("forbidden")

    def _count(self, document: Document) -> None:
        error = self._errors.pop(document.url, None)
        if document.fetched_at is not None and document.fetched_at < self._since:
            return  # from a cache of ours, by an earlier crawl
        self._inc("request_count")
        if document.status is not None:
            self._inc("response_count")
            self._inc(f"response_status_count/{document.status}")
        elif error is not None:
            self._inc(f"exception_count/{error}")

    async def _send(self, document: Document, request: Request) -> None:
        """Send the signal where anybody listens; a robots.txt that cannot be had has no rules
        that could be parsed.
        """
        if self._signal is None or document.outcome is Outcome.UNREACHABLE:
            return
        manager = self._crawler.signals
        if not has_receivers(manager, self._signal):
            return
        body = document.body or b"" if document.outcome is Outcome.FETCHED else b""
        try:
            kind: Any = load_object(self._crawler.settings["ROBOTSTXT_PARSER"])
            parser = build_from_crawler(kind, self._crawler, body)
        except Exception:
            logger.exception("ROBOTSTXT_PARSER could not read %s", document.url)
            return
        await manager.send_catch_log_async(signal=self._signal, robotparser=parser, request=request)

    def _inc(self, name: str) -> None:
        assert self._crawler.stats is not None  # they are there before any middleware
        self._crawler.stats.inc_value(f"robotstxt/{name}")
