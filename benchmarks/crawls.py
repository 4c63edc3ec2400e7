"""`scrapy-crawl` and `aiohttp-crawl`: whole crawls on loopback, CPU time per page.

Each crawl runs in a process of its own and the web in another, so that the time is the
crawler's alone, with all of its threads. Rounds are shuffled and have an A/A control. The
clock starts after some pages of other hosts, so that no side pays for what it imports or
loads once; sites are cold, and the policy requests are part of what is measured. The
garbage collector runs as it does in a crawl. The client for aiohttp is held against two checks
that a careful user writes by hand: one of the same three stages (address, head, page), and one
that looks at neither head nor page. This file is run as a script by itself
(``python -m benchmarks.crawls``) for the processes that it starts.
"""

# Imported where it is used: an optional peer, or a process that needs no other.
# ruff: noqa: PLC0415

import asyncio
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import msgspec

from .corpus import OWN
from .scrapy_calls import ROBOTS, SMALL
from .timing import Options, Row, interval, row

_ROOT = Path(__file__).parents[1]
_HEAD = (
    "HTTP/1.1 {} x\r\nDate: Sat, 21 Nov 2026 10:00:00 GMT\r\nServer: nginx\r\n"
    "Content-Type: {}\r\nVary: Accept-Encoding\r\nX-Frame-Options: SAMEORIGIN\r\n"
    'X-Content-Type-Options: nosniff\r\nCache-Control: max-age=600\r\nETag: "1f2c"\r\n'
    "Strict-Transport-Security: max-age=31536000\r\nReferrer-Policy: no-referrer\r\n"
    "Accept-Ranges: bytes\r\nConnection: keep-alive\r\nContent-Length: {}\r\n\r\n"
)


def _answer(status: int, kind: str, body: bytes) -> bytes:
    return _HEAD.format(status, kind, len(body)).encode() + body


class _Web(asyncio.Protocol):
    """Every host, as a forward proxy: robots.txt, no other policy, and pages."""

    _ROBOTS = _answer(200, "text/plain", ROBOTS)
    _NONE = _answer(404, "text/plain", b"")
    _PAGE = _answer(200, "text/html; charset=utf-8", SMALL)

    def __init__(self) -> None:
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *heads, self._rest = (self._rest + data).split(b"\r\n\r\n")
        for head in heads:
            target = head.split(b" ", 2)[1]
            if target.endswith(b"/robots.txt"):
                answer = self._ROBOTS
            else:
                answer = self._NONE if b"/.well-known/" in target else self._PAGE
            self._transport.write(answer)  # type: ignore[attr-defined]


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Web, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # until it is closed


@contextmanager
def _web() -> Iterator[str]:
    command = [sys.executable, "-m", "benchmarks.crawls", "serve"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_ROOT
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.stdin.close()


class _Peer(NamedTuple):
    """Another way to make the crawl of a benchmark.

    Attributes:
        side: the word for it that a crawl's process is given.
        name: what the table calls it.
        aspect: what its rows are called after the shape; nothing for the peer that counts.
        goals: the most that ours may be of its CPU time, for each shape; None for no goal.
    """

    side: str
    name: str
    aspect: str
    goals: tuple[float | None, float | None]


def scrapy_crawl(options: Options) -> Iterator[Row]:
    """All default signals on against ROBOTSTXT_OBEY; 10 and 200 pages per host."""
    try:
        import scrapy  # noqa: F401
    except ImportError:
        options.missing("scrapy")
        return
    peers = [_Peer("peer", "Scrapy with ROBOTSTXT_OBEY", "", (1.10, 1.05))]
    yield from _crawls("scrapy", options, ((10, 200), (200, 10)), peers)


def aiohttp_crawl(options: Options) -> Iterator[Row]:
    """The client against checks written by hand; 20 and 200 pages per host."""
    try:
        import aiohttp  # noqa: F401
    except ImportError:
        options.missing("aiohttp")
        return
    peers = [_Peer("robots", "aiohttp, coalesced Protego check", ":robots-only", (1.4, 1.3))]
    try:
        with redirect_stdout(None):  # it says that it has no key for its web service
            import_module("datadiligence.rules")
    except ImportError:
        options.missing("datadiligence")
    else:
        peers.insert(0, _Peer("peer", "aiohttp, three stages by hand", "", (0.8, 0.8)))
    yield from _crawls("aiohttp", options, ((20, 200), (200, 20)), peers)


def _crawls(
    framework: str, options: Options, shapes: tuple[tuple[int, int], ...], peers: list[_Peer]
) -> Iterator[Row]:
    """Rows for each shape, which is pages per host and hosts."""
    name, runs = f"{framework}-crawl", options.runs(20)
    shuffle = random.Random(options.seed).shuffle
    others = [
        *peers,
        _Peer("off", f"{framework} without any check", ":off", (None, None)),
        _Peer("control", "ours again (A/A)", ":control", (None, None)),
    ]
    sides = ["ours", *(other.side for other in others)]
    found: list[Row] = []
    with _web() as web:
        for place_of_shape, (pages, hosts) in enumerate(shapes):
            hosts = options.some(hosts, 2)
            times: dict[str, list[float]] = {side: [] for side in sides}
            total = runs * len(sides)
            for number in range(runs):
                shuffle(sides)
                for place, side in enumerate(sides):
                    done = number * len(sides) + place
                    options.progress(f"{name}, {pages} per host", done, total)
                    times[side].append(_one(framework, side, pages, hosts, web))
            for other in others:
                row_name = f"{name}:{pages}-per-host{other.aspect}"
                ours, theirs = median(times["ours"]), median(times[other.side])
                ratios = [a / b for a, b in zip(times["ours"], times[other.side], strict=True)]
                goal = other.goals[place_of_shape]
                found.append(
                    row(
                        row_name,
                        ours,
                        theirs,
                        other.name,
                        ratio=median(ratios),
                        goal=goal,
                        runs=runs,
                    )
                )
                yield found[-1]
                low, high = interval(ratios, seed=options.seed)  # of the ratio above, 95 %
                for end, edge in (("low", low), ("high", high)):
                    yield row(f"{row_name}:{end}", ours, theirs, other.name, ratio=edge, runs=runs)
    # The benchmark as a whole: the shape and peer that are further from their goal.
    worst = max((one for one in found if one.goal), key=lambda one: one.ratio / (one.goal or 1))
    where = f"{worst.peer_name} ({worst.name.split(':')[1]})"
    yield msgspec.structs.replace(worst, name=name, peer_name=where)


def _one(framework: str, side: str, pages: int, hosts: int, web: str) -> float:
    """Seconds of CPU time per page of one crawl."""
    side = "ours" if side == "control" else side
    command = [sys.executable, "-m", "benchmarks.crawls", framework, side]
    command += [str(pages), str(hosts), web]
    done = subprocess.run(command, capture_output=True, text=True, cwd=_ROOT, check=False)
    if done.returncode:
        raise RuntimeError(f"a crawl failed:\n{done.stderr[-3000:]}")
    answer = json.loads(done.stdout.splitlines()[-1])
    if answer["pages"] != pages * hosts:
        raise RuntimeError(f"{answer['pages']} pages of {pages * hosts}:\n{done.stderr[-3000:]}")
    return float(answer["cpu"]) / pages / hosts


def _urls(pages: int, hosts: int, kind: str = "h") -> list[str]:
    numbers = [(page, host) for page in range(pages) for host in range(hosts)]
    return [f"http://{kind}{host}.example/news/{page}.html" for page, host in numbers]


#: What is asked for before the clock starts.
_WARM = _urls(8, 4, "warm")


def _scrapy(side: str, pages: int, hosts: int, web: str) -> dict[str, Any]:
    import scrapy
    from scrapy import crawler as scrapy_crawler
    from scrapy import signals

    settings: dict[str, Any] = {
        "ROBOTSTXT_OBEY": side != "off",
        **({"ADDONS": {"reservation_middleware.scrapy.Addon": 300}} if side == "ours" else {}),
        "USER_AGENT": f"{OWN}/1.0",
        "LOG_LEVEL": "WARNING",
        "TELNETCONSOLE_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
        "CONCURRENT_ITEMS": 1,  # the stock 100 hides overhead
        "CONCURRENT_REQUESTS": 32,
        "CONCURRENT_REQUESTS_PER_DOMAIN": 8,
        "DOWNLOAD_DELAY": 0,
        "LOGSTATS_INTERVAL": 0,
        "TWISTED_REACTOR": "twisted.internet.asyncioreactor.AsyncioSelectorReactor",
    }
    seen, warmed = {"pages": 0, "start": 0.0, "cpu": 0.0}, asyncio.Event()

    class Spider(scrapy.Spider):
        name = "pages"

        async def start(self) -> Any:
            for url in _WARM:
                yield scrapy.Request(url, meta={"proxy": web}, dont_filter=True)
            await warmed.wait()
            seen.update(pages=0, start=time.process_time())
            for url in _urls(pages, hosts):
                yield scrapy.Request(url, meta={"proxy": web}, dont_filter=True)

        def parse(self, response: Any) -> None:  # noqa: ARG002
            seen["pages"] += 1
            if seen["pages"] == len(_WARM):
                warmed.set()

    def closed() -> None:
        seen["cpu"] = time.process_time() - seen["start"]

    kind = getattr(scrapy_crawler, "AsyncCrawlerProcess", scrapy_crawler.CrawlerProcess)
    process = kind(settings)
    crawler = process.create_crawler(Spider)
    crawler.signals.connect(closed, signal=signals.spider_closed)
    process.crawl(crawler)
    process.start()
    return {"pages": seen["pages"], "cpu": seen["cpu"]}


class _RobotsOnly:
    """What a careful user of Protego writes: one robots.txt fetch per origin for all who wait."""

    def __init__(self, session: Any, proxy: str) -> None:
        from protego import Protego
        from yarl import URL

        self._parse, self._url = Protego.parse, URL
        self._session = session
        self._proxy = proxy
        self._parsers: dict[str, asyncio.Task[Any]] = {}

    async def get(self, url: str) -> bytes | None:
        """The page's body, None where robots.txt disallows it."""
        if not await self._may_fetch(url):
            return None
        async with self._session.get(url, proxy=self._proxy) as response:
            body: bytes = await response.read()
            return body

    async def _may_fetch(self, url: str) -> bool:
        origin = str(self._url(url).origin())
        task = self._parsers.get(origin)
        if task is None:
            task = self._parsers[origin] = asyncio.create_task(self._parser(origin))
        parser = await task
        return bool(parser.can_fetch(url, OWN))

    async def _parser(self, origin: str) -> Any:
        async with self._session.get(f"{origin}/robots.txt", proxy=self._proxy) as response:
            return self._parse(await response.text() if response.status == 200 else "")


class _ThreeStages(_RobotsOnly):
    """The three stages by hand: Protego, datadiligence's two header rules, lexbor over the page."""

    def __init__(self, session: Any, proxy: str) -> None:
        from selectolax.lexbor import LexborHTMLParser

        super().__init__(session, proxy)
        with redirect_stdout(None):
            rules = import_module("datadiligence.rules")
        self._head_rules = rules.XRobotsTagHeader(user_agent=OWN), rules.TDMRepHeader()
        self._tree = LexborHTMLParser

    async def get(self, url: str) -> bytes | None:
        """The page's body, None where its address, head or metas disallow it."""
        if not await self._may_fetch(url):
            return None
        async with self._session.get(url, proxy=self._proxy) as response:
            head = dict(response.headers)
            if not all(rule.is_allowed(headers=head) for rule in self._head_rules):
                return None
            body: bytes = await response.read()
        if response.content_type != "text/html":
            return body
        for meta in self._tree(body).css("meta[name]"):
            name = (meta.attributes["name"] or "").lower()
            content = (meta.attributes.get("content") or "").lower()
            if name == "tdm-reservation" and content.strip() == "1":
                return None
            if name in ("robots", OWN.lower()):
                words = {word.strip() for word in content.split(",")}
                if not words.isdisjoint(("noai", "noimageai")):
                    return None
        return body


async def _aiohttp(side: str, pages: int, hosts: int, web: str) -> dict[str, Any]:
    import aiohttp

    from reservation_middleware import Agent
    from reservation_middleware.aiohttp import ReservationClient

    seen = 0
    agent = {"User-Agent": f"{OWN}/1.0"}
    if side == "ours":
        client: Any = ReservationClient(agent=Agent(OWN), headers=agent)
    else:
        client = aiohttp.ClientSession(headers=agent)
    async with client as session:
        by_hand = {"peer": _ThreeStages, "robots": _RobotsOnly}.get(side)
        check = by_hand(session, web) if by_hand else None

        async def work(urls: Iterator[str]) -> None:
            nonlocal seen
            for url in urls:
                if check is not None:
                    body = await check.get(url)
                else:
                    async with session.get(url, proxy=web) as response:
                        body = await response.read()
                seen += body == SMALL

        async def crawl(given: list[str]) -> None:
            urls = iter(given)
            await asyncio.gather(*(work(urls) for _ in range(32)))

        await crawl(_WARM)
        seen, start = 0, time.process_time()
        await crawl(_urls(pages, hosts))
    return {"pages": seen, "cpu": time.process_time() - start}


def main(words: list[str]) -> None:
    """One process: the web, or one crawl."""
    if words == ["serve"]:
        asyncio.run(_serve())
        return
    framework, side, pages, hosts, web = words
    crawl = (side, int(pages), int(hosts), web)
    done = _scrapy(*crawl) if framework == "scrapy" else asyncio.run(_aiohttp(*crawl))
    print(json.dumps(done))


if __name__ == "__main__":
    main(sys.argv[1:])
