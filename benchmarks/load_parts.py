"""The processes of ``load``: the web of many hosts, and a crawl of it by one framework.

Run as ``python -m benchmarks.load_parts``: origins and figures go over the standard streams.
"""

# Imported where it is used: each process needs one framework only.
# ruff: noqa: PLC0415

import asyncio
import json
import random
import resource
import socket
import sys
from collections import Counter
from typing import Any, NamedTuple

from .corpus import OWN

_HTML = "text/html; charset=utf-8"
_RSL = (
    '<rsl xmlns="https://rslstandard.org/rsl"><content url="/"><license>'
    '<prohibits type="usage">ai-train</prohibits></license></content></rsl>'
)


class _Kind(NamedTuple):
    """A kind of host: its policies, and which of its pages are never to be asked for."""

    files: dict[str, tuple[str, str]]
    never: str | None = None
    #: What a page under /private/ says of itself: a header, or a meta.
    head: str = ""
    meta: str = ""


_KINDS = (
    _Kind({}),
    _Kind({"/robots.txt": ("text/plain", "User-agent: *\nDisallow: /private/\n")}, "/private/"),
    _Kind(
        {"/robots.txt": ("text/plain", "User-agent: *\nContent-Signal: ai-train=no\nAllow: /\n")},
        "/",
    ),
    _Kind(
        {
            "/robots.txt": ("text/plain", "User-agent: *\nAllow: /\n"),
            "/.well-known/tdmrep.json": (
                "application/json",
                '[{"location": "/private/*", "tdm-reservation": 1}]',
            ),
        },
        "/private/",
    ),
    _Kind(
        {
            "/robots.txt": ("text/plain", "License: {origin}/license.xml\n"),
            "/license.xml": ("application/rsl+xml", _RSL),
        },
        "/",
    ),
    _Kind({"/robots.txt": ("text/plain", "")}, head="tdm-reservation: 1\r\n"),
    _Kind({"/robots.txt": ("text/plain", "")}, meta='<meta name="robots" content="noai">'),
    _Kind({"/robots.txt": ("text/plain", "User-agent: GPTBot\nDisallow: /\n")}),
)
_POLICIES = ("/robots.txt", "/.well-known/tdmrep.json", "/license.xml")


# ---- the web


class _Web(asyncio.Protocol):
    """All hosts: each an address of 127.0.0.0/8 with a port."""

    seen: Counter[str] = Counter()
    reserved = 0

    def __init__(self, kind: _Kind, origin: str) -> None:
        self._kind = kind
        self._origin = origin
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *heads, self._rest = (self._rest + data).split(b"\r\n\r\n")
        for head in heads:
            self._transport.write(self._page(head.split(b" ", 2)[1].decode()))  # type: ignore[attr-defined]

    def _page(self, path: str) -> bytes:
        kind = self._kind
        if path in _POLICIES:
            self.seen[self._origin + path] += 1
            media_type, body = kind.files.get(path, ("text/plain", ""))
            body = body.replace("{origin}", self._origin)
            return _response(200 if path in kind.files else 404, media_type, body)
        if kind.never and path.startswith(kind.never):
            _Web.reserved += 1
        private = path.startswith("/private/")
        body = f"<!doctype html><head>{kind.meta if private else ''}</head><p>{path}</p>"
        return _response(200, _HTML, body, kind.head if private else "")


def _response(status: int, media_type: str, body: str, more: str = "") -> bytes:
    return (
        f"HTTP/1.1 {status} x\r\nContent-Type: {media_type}\r\n{more}"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


async def _serve(hosts: int) -> None:
    loop, origins = asyncio.get_running_loop(), []
    for number in range(hosts):
        with socket.socket() as listening:
            listening.bind((f"127.0.{number // 10 // 250}.{1 + number // 10 % 250}", 0))
            address, port = listening.getsockname()
            origin = f"http://{address}:{port}"
            kind = _KINDS[number % len(_KINDS)]
            await loop.create_server(
                lambda kind=kind, origin=origin: _Web(kind, origin),  # type: ignore[misc]
                sock=listening.dup(),
            )
        origins.append(origin)
    print(json.dumps(origins), flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    print(json.dumps({"policies": _Web.seen, "reserved": _Web.reserved}), flush=True)


# ---- the crawlers


def _urls(seed: int, number: int, origins: list[str]) -> list[str]:
    choose = random.Random(seed)
    found: list[str] = []
    while len(found) < number:
        order = choose.sample(origins, len(origins))
        found += [
            f"{origin}/{choose.choice(('news', 'news', 'about', 'private'))}/{len(found) + n}"
            for n, origin in enumerate(order)
        ]
    return found[:number]


def _scrapy(urls: list[str], settings: dict[str, Any]) -> int:
    import scrapy
    from scrapy import crawler as scrapy_crawler

    class Spider(scrapy.Spider):
        name = "load"

        async def start(self) -> Any:
            for url in urls:
                yield scrapy.Request(url, dont_filter=True, errback=self.parse)

        def parse(self, response: Any) -> None:
            """Nothing is done with a page here."""

    process = getattr(scrapy_crawler, "AsyncCrawlerProcess", scrapy_crawler.CrawlerProcess)(
        {
            "ADDONS": {"reservation_middleware.scrapy.Addon": 300},
            "ROBOTSTXT_OBEY": True,
            "USER_AGENT": f"{OWN}/1.0",
            "LOG_LEVEL": "WARNING",
            "TELNETCONSOLE_ENABLED": False,
            "REMOTE_CONTROL_ENABLED": False,
            "CONCURRENT_REQUESTS": 64,
            "DOWNLOAD_DELAY": 0,
            "DEPTH_PRIORITY": 0,
            **{f"RESERVATION_{key.upper()}": value for key, value in settings.items()},
        }
    )
    crawler = process.create_crawler(Spider)
    process.crawl(crawler)
    process.start()
    assert crawler.stats is not None
    return int(crawler.stats.get_value("reservation/decided", 0))


async def _aiohttp(urls: list[str], settings: dict[str, Any]) -> int:
    from reservation_middleware.aiohttp import ReservationClient, ReservedError

    decided, rest = 0, iter(urls)

    def count(_decision: Any, _blocked: bool) -> None:
        nonlocal decided
        decided += 1

    agent = {"User-Agent": f"{OWN}/1.0"}
    async with ReservationClient(agent=OWN, listener=count, headers=agent, **settings) as client:

        async def work() -> None:
            for url in rest:
                try:
                    async with client.get(url) as response:
                        await response.read()
                except ReservedError:
                    pass

        await asyncio.gather(*(work() for _ in range(32)))
    return decided


def main(words: list[str]) -> None:
    """One process: the web, or one crawl."""
    if words[0] == "serve":
        asyncio.run(_serve(int(words[1])))
        return
    framework, seed, number, cache, folder = words
    settings = {"cache": cache, "ledger": f"{folder}/ledger"}
    urls = _urls(int(seed), int(number), json.loads(sys.stdin.read()))
    if framework == "scrapy":
        decided = _scrapy(urls, settings)
    else:
        decided = asyncio.run(_aiohttp(urls, settings))
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"decided": decided, "rss": rss}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
