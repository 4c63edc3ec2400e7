"""The downloader middleware nearest to the downloader: sees requests as they are sent."""

from typing import Self

from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured

from ._middleware import ReservationMiddleware
from ._switches import is_enabled


class SentRequestCheck:
    """Has a request judged again whose User-Agent another middleware set on its way.

    ``ReservationMiddleware`` stands first, so that nothing is done for a page that is reserved;
    middlewares behind it, such as those that choose a User-Agent for each request, may change as
    whom it is sent. Without this one that is found when the response has come, before it is
    delivered, but the page was fetched then.

    Raises (into the request's errback):
        ReservedError: to the crawler that is named now the page is reserved or disallowed.
    """

    # How settings and Scrapy's log name it.
    __module__ = "reservation_middleware.scrapy"

    def __init__(self, crawler: Crawler) -> None:
        if not is_enabled(crawler.settings):
            raise NotConfigured  # without a word, as Scrapy's own do
        self._crawler = crawler
        self._first: ReservationMiddleware | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Make the middleware as Scrapy does."""
        return cls(crawler)

    def process_request(self, request: Request, spider: Spider | None = None) -> None:  # noqa: ARG002
        """Have the request judged as it is now."""
        if self._first is None:
            self._first = self._crawler.get_downloader_middleware(ReservationMiddleware)
            if self._first is None:
                return  # taken out by another add-on
        self._first.check_sent(request)
