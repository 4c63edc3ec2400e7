"""Looks at pages for those who ask: some at once, some waiting, each with an end.

A look that is under way is shared by all who ask for its page.
"""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple
from urllib.parse import urlsplit

from reservation_middleware.decide.profiles import profile
from reservation_middleware.model import Agent
from reservation_middleware.owners.inspect.budget import MAX_REQUESTS, Reach
from reservation_middleware.owners.inspect.forms import FORMS
from reservation_middleware.owners.inspect.look import inspect
from reservation_middleware.owners.inspect.summary import moment, summarize
from reservation_middleware.report.formats import Form, Screen
from reservation_middleware.syntax.domains import registrable

from .reports import KeptReport, ReportStore, new_ident

_log = logging.getLogger(__name__)
#: Looks at once, looks that wait, seconds of one, octets of a page.
AT_ONCE, _WAITING, _TIMEOUT, _LONGEST = 4, 20, 120.0, 8 * 1024 * 1024
#: Seconds between two signs of life on a stream of events.
_HEARTBEAT = 15.0


class BusyError(Exception):
    """As many looks wait as may."""


class RequestMade(NamedTuple):
    """A request that a look made: its host, and its number from 1."""

    host: str
    number: int


class RunningLook:
    """A look that is under way.

    Attributes:
        ident: of its report.
        url: that is looked at.
        requests: those made so far, at most ``MAX_REQUESTS``.
        report: what was found; None until it is done.
    """

    def __init__(self, ident: str, url: str) -> None:
        self.ident, self.url = ident, url
        self.requests: list[RequestMade] = []
        self.report: KeptReport | None = None
        self._moved = asyncio.Event()

    def note(self, host: str, number: int) -> None:
        """A request is made."""
        if len(self.requests) < MAX_REQUESTS:
            self.requests.append(RequestMade(host, number))
        self._wake()

    def finish(self, report: KeptReport) -> None:
        """It is done."""
        self.report = report
        self._wake()

    def _wake(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    async def progress(self) -> AsyncIterator[RequestMade | None]:
        """Its requests, those of before too, until it is done; None is a sign of life."""
        shown = 0
        while True:
            moved = self._moved
            for request in self.requests[shown:]:
                yield request
            shown = len(self.requests)
            if self.report is not None:
                return
            try:
                await asyncio.wait_for(moved.wait(), _HEARTBEAT)
            except TimeoutError:
                yield None


class Looks:
    """All looks of a server.

    Args:
        reports: where what is found is kept.
        reach: where requests may go.
        links: the links at the head of a report, by its identifier.
    """

    def __init__(
        self,
        reports: ReportStore,
        reach: Reach,
        links: Callable[[str], tuple[tuple[str, str], ...]],
    ) -> None:
        self._reports, self._reach, self._links = reports, reach, links
        self._running: dict[str, RunningLook] = {}
        self._by_url: dict[str, RunningLook] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._gate = asyncio.Semaphore(AT_ONCE)

    def running(self, ident: str) -> RunningLook | None:
        """A look under way; None if it is done, or never was."""
        return self._running.get(ident)

    def under_way(self, url: str) -> RunningLook | None:
        """The look at a page that is under way."""
        return self._by_url.get(url)

    def start(self, url: str) -> RunningLook:
        """Look at a page.

        Raises:
            BusyError: too many wait already.
        """
        if len(self._running) >= AT_ONCE + _WAITING:
            raise BusyError
        look = RunningLook(new_ident(), url)
        self._running[look.ident] = self._by_url[url] = look
        task = asyncio.create_task(self._run(look))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return look

    async def close(self) -> None:
        """End all looks."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, look: RunningLook) -> None:
        report = KeptReport(look.url, "", "", "the look failed; try again")
        try:
            async with self._gate, asyncio.timeout(_TIMEOUT):
                report = await self._look(look)
        except TimeoutError:
            report = report._replace(problem=f"the look was given up after {_TIMEOUT:.0f} seconds")
        except Exception:  # noqa: BLE001 - whatever went wrong is logged
            _log.exception("A look failed")
        finally:
            try:
                self._reports.keep(look.ident, report)
            except sqlite3.Error:
                _log.exception("A report could not be kept")
            del self._running[look.ident], self._by_url[look.url]
            look.finish(report)

    async def _look(self, look: RunningLook) -> KeptReport:
        found = await inspect(
            look.url,
            agent=Agent("*"),
            policy=profile("opt-out"),
            reach=self._reach,
            longest=_LONGEST,
            report=look.note,
        )
        summary = summarize(found)
        links = (
            *self._links(look.ident),
            (
                f"Link to this report, until {moment(self._reports.until())}",
                f"/report/{look.ident}",
            ),
        )
        screen = Screen(links=links)
        return KeptReport(
            look.url, FORMS[Form.HTML](summary, screen), FORMS[Form.JSON](summary, screen)
        )


def site_of(url: str) -> str:
    """Whose site a URL is on, as limits count it: the registrable domain, or the address."""
    return registrable(urlsplit(url).hostname or "")
