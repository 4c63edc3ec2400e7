"""A pytest plugin: in the tests that run, Scrapy's robots.txt middleware is ours.

What came of each test is written as JSON to the file that `SCRAPY_OWN_OUTCOMES` names.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Self

import pytest
import scrapy.downloadermiddlewares.robotstxt as stock
from pydispatch import dispatcher  # type: ignore[import-untyped]
from scrapy import Request, signals

from reservation_middleware.scrapy import ReservationMiddleware

_outcomes: dict[str, str] = {}


class RobotsTxtMiddleware:
    """Our middleware, called as the tests call Scrapy's."""

    def __init__(self, crawler: Any) -> None:
        crawler.spider = None  # a mock of one has a mock of each attribute
        self._ours = ReservationMiddleware.from_crawler(crawler)

    @classmethod
    def from_crawler(cls, crawler: Any) -> Self:
        """Make it as Scrapy does."""
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        """Have ours decide; what it judged and let pass goes on to `process_request_2`."""
        await self._ours.process_request(request)
        if request in self._ours._checks:
            self.process_request_2(None, request)

    def process_request_2(self, rp: Any, request: Request) -> None:
        """Ask a parser that a test brings what ours would ask: as whom, and for what."""
        if rp is not None:
            agent = self._ours._agents.of(request)
            rp.allowed(request.url, agent and agent.token)


def _listen() -> None:
    """Somebody who listens: without one, ours parses nothing for the signal."""


if hasattr(signals, "robots_parsed"):  # Scrapy 2.18
    dispatcher.connect(_listen, signal=signals.robots_parsed)
stock.RobotsTxtMiddleware = RobotsTxtMiddleware  # type: ignore[assignment, misc]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "only_asyncio: a marker of Scrapy's tests")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" or report.outcome != "passed":
        name = report.nodeid.partition("::")[2].replace("::", ".")
        _outcomes[name] = report.outcome


def pytest_sessionfinish() -> None:
    Path(os.environ["SCRAPY_OWN_OUTCOMES"]).write_text(json.dumps(_outcomes), "utf-8")
