"""`scrapy-calls`: our middleware's own calls for a page without signals against the stock one's.

The calls are made directly, on the real classes of a real crawler whose engine is a stub
that answers policy requests: a whole crawl cannot resolve a few microseconds. Policies
are cached; every page is a request of its own.
"""

# Imported where it is used: an optional peer, or a process that needs no other.
# ruff: noqa: PLC0415

from collections.abc import Coroutine, Iterator
from typing import Any

from .corpus import OWN, pages
from .headers import heads
from .timing import OURS, Batch, Options, Prepare, Row, versus

ROBOTS = b"""User-agent: GPTBot
User-agent: CCBot
Disallow: /

User-agent: *
Disallow: /private/
Disallow: /search
Disallow: /*?print=
Allow: /search/about
Sitemap: https://a.example/sitemap.xml
"""
#: About 5 KB, with the robots meta that half of all pages have.
SMALL = (
    b'<!DOCTYPE html><html><head><meta charset="utf-8"><title>x</title>'
    b'<meta name="viewport" content="width=device-width"><meta name="description" content="x">'
    b'<meta name="robots" content="index, follow, max-image-preview:large"></head><body>'
    + b'<div class="story"><p>Lorem ipsum dolor sit amet, consetetur.</p></div>' * 64
    + b"</body></html>"
)
_HOSTS = 20


class _Engine:
    """Answers policy requests without a network."""

    spider = None

    async def download_async(self, request: Any) -> Any:
        from scrapy.http import TextResponse

        found = request.url.endswith("/robots.txt")
        return TextResponse(
            request.url,
            status=200 if found else 404,
            body=ROBOTS if found else b"",
            request=request,
        )


def finish(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that has nothing to wait for: no loop, so that none is measured."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    coroutine.close()
    raise RuntimeError("the policies were not cached")


def crawler() -> Any:
    """A crawler that does not run."""
    from scrapy import Spider
    from scrapy.utils.test import get_crawler

    made: Any = get_crawler(
        Spider,
        {
            "ROBOTSTXT_OBEY": True,
            "USER_AGENT": f"{OWN}/1.0",
            "LOG_LEVEL": "WARNING",
            "TELNETCONSOLE_ENABLED": False,
            "REMOTE_CONTROL_ENABLED": False,
            "TWISTED_REACTOR": "twisted.internet.asyncioreactor.AsyncioSelectorReactor",
        },
    )
    made.engine = _Engine()
    return made


def scrapy_calls(options: Options) -> Iterator[Row]:
    """A small page, which shows the calls; then real pages, which show the look into them."""
    try:
        import scrapy  # noqa: F401
    except ImportError:
        options.missing("scrapy")
        return
    import asyncio
    import logging

    from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware

    from reservation_middleware.scrapy import ReservationMiddleware

    logging.getLogger("scrapy").setLevel(logging.WARNING)
    ours_of = ReservationMiddleware.from_crawler(crawler())
    stock = RobotsTxtMiddleware.from_crawler(crawler())

    async def warm() -> None:
        for request, _ in _fetched(_HOSTS, [SMALL], 0):
            await ours_of.process_request(request)
            await stock.process_request(request)

    asyncio.run(warm())

    def sides(bodies: list[bytes], size: int) -> dict[str, Prepare]:
        def ours(number: int) -> Batch:
            fetched = _fetched(size, bodies, number)

            def run() -> None:
                for request, response in fetched:
                    finish(ours_of.process_request(request))
                    ours_of.headers_received(response.headers, request)
                    ours_of.process_response(request, response)

            return run

        def peer(number: int) -> Batch:
            fetched = _fetched(size, bodies, number)

            def run() -> None:
                for request, _ in fetched:
                    finish(stock.process_request(request))

            return run

        return {OURS: ours, "RobotsTxtMiddleware.process_request": peer}

    def before(number: int) -> Batch:
        fetched = _fetched(size, [SMALL], number)

        def run() -> None:
            for request, _ in fetched:
                finish(ours_of.process_request(request))

        return run

    runs = options.runs(61, 21)
    # Few at a time: in a crawl a response is in the processor's cache, as it has just come.
    size = 100
    real = [page.body for page in pages(options.some(None, 24))]

    async def measured() -> list[Row]:
        # In a loop that runs, as in a crawl.
        found = versus(
            "scrapy-calls", sides([SMALL], size), options, operations=size, runs=runs, goal=1.5
        )
        for name, contenders, operations in (
            ("scrapy-calls:process_request", {**sides([SMALL], size), OURS: before}, size),
            ("scrapy-calls:real-pages", sides(real, len(real)), len(real)),
        ):
            found += versus(name, contenders, options, operations=operations, runs=runs, goal=None)[
                :1
            ]
        return found

    yield from asyncio.run(measured())


def _fetched(size: int, bodies: list[bytes], seed: int) -> list[tuple[Any, Any]]:
    """Requests and their responses, heads without signals."""
    from scrapy.http import Headers, HtmlResponse, Request

    silent = [
        head
        for head in heads(2 * size + 20, seed)
        if not any(
            n.lower().startswith(("x-robots", "tdm-", "content-usage", "content-signal"))
            for n, _ in head
        )
    ]
    found = []
    for number in range(size):
        request = Request(f"https://h{number % _HOSTS}.example/news/{seed}/{number}.html?page=2")
        head = silent[number % len(silent)]
        response = HtmlResponse(
            request.url, headers=Headers(head), body=bodies[number % len(bodies)], request=request
        )
        found.append((request, response))
    return found
