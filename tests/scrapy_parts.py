"""Middlewares, handlers and pipelines of other people's projects, for crawls in the tests.

Scrapy loads them by their path, ``scrapy_parts.Name``, in a worker of tests/scrapy_runner.py.
"""

from __future__ import annotations

from typing import Any

from scrapy import Request


class OwnUserAgents:
    """Sets the User-Agent that a request's meta names, as those that rotate them do."""

    def process_request(self, request: Request, spider: Any = None) -> None:
        if "as" in request.meta:
            request.headers["User-Agent"] = request.meta["as"]
