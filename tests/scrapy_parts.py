"""Middlewares, handlers and pipelines of other people's projects, for crawls in the tests.

Scrapy loads them by their path, ``scrapy_parts.Name``, in a worker of tests/scrapy_runner.py.
"""

from __future__ import annotations

from typing import Any

from scrapy import Request
from scrapy.http import HtmlResponse


class OwnUserAgents:
    """Sets the User-Agent that a request's meta names, as those that rotate them do."""

    def process_request(self, request: Request, spider: Any = None) -> None:
        if "as" in request.meta:
            request.headers["User-Agent"] = request.meta["as"]


class Browser:
    """Stands in for a browser: follows redirects itself, and tells where the page was found.

    For http requests whose meta has "found" it answers with the page of that address;
    "headless" leaves out all fields, as rendering services do.
    """

    def process_request(self, request: Request, spider: Any = None) -> HtmlResponse | None:
        if "found" not in request.meta and "headless" not in request.meta:
            return None
        fields = {} if "headless" in request.meta else request.meta.get("fields", {"Server": "x"})
        return HtmlResponse(
            request.meta.get("found", request.url),
            status=request.meta.get("status", 200),
            headers=fields,
            body=request.meta.get("body", "<p>fine").encode(),
        )
