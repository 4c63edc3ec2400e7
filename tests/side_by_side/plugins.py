"""What projects put into Scrapy: middlewares and download handlers of the situations."""

from __future__ import annotations

from typing import Any

from scrapy import Request
from scrapy.core.downloader.handlers.http11 import HTTP11DownloadHandler
from scrapy.exceptions import IgnoreRequest
from scrapy.http import HtmlResponse, Response

from .sites import BOT


class NameMiddleware:
    """Sets the User-Agent of every request."""

    def process_request(self, request: Request) -> None:
        request.headers["User-Agent"] = BOT


class AnswerMiddleware:
    """Answers some requests without any download."""

    def process_request(self, request: Request) -> Response | None:
        if request.url.endswith("/made-up"):
            return HtmlResponse(request.url, body=b"<title>made up</title>")
        return None


class DropMiddleware:
    """Drops robots.txt."""

    def process_request(self, request: Request) -> None:
        if request.url.endswith("/robots.txt"):
            raise IgnoreRequest("not wanted")


class OwnHandler(HTTP11DownloadHandler):
    """A handler of one's own, as projects write them."""


class FollowingHandler(HTTP11DownloadHandler):
    """Follows redirects itself, as browsers do."""

    async def download_request(self, request: Request) -> Response:
        response = await super().download_request(request)
        while response.status in (301, 302, 303, 307, 308):
            location: Any = response.headers["Location"]
            url = response.urljoin(location.decode())
            response = await super().download_request(request.replace(url=url))
        return response
