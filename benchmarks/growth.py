"""`growth`: decision time against rules per file, signals per site and hosts known.

The ratio is that of a size to the smallest one, but for rules, where it is ours to
Protego on the same file. `growth:memory-per-host` is what one more host keeps resident
once the cache of compiled sites is full.
"""

import asyncio
import gc
import os
import random
from collections.abc import Iterator
from pathlib import Path

from reservation_middleware import Agent, Check, profile
from reservation_middleware.decide.site import Site
from reservation_middleware.runtime.fetcher import Answer, Ask, Fetcher
from reservation_middleware.signals import SIGNALS

from .corpus import OWN, Host, hosts, reading, site
from .peers import protego
from .timing import OURS, Batch, Options, Prepare, Row, per, ratio, rounds, row, versus

_GROUPS = """User-agent: GPTBot
User-agent: CCBot
Disallow: /

User-agent: *
Disallow: /private/
"""
#: Lines that add one signal each to the group for everyone; the last stands in tdmrep.json.
_ADDED = ("Content-Signal: ai-train=no\n", "Content-Usage: train-ai=n\n")
_TDMREP = b'[{"location": "/", "tdm-reservation": 1}]'


def growth(options: Options) -> Iterator[Row]:
    """Rules, signals, hosts, memory."""
    if not options.quick:  # with few hosts the cache of compiled sites would still be growing
        # First, as what the others give back to this process would be used again unseen.
        yield from _memory(options)
    yield from _rules(options)
    yield from _signals(options)
    yield from _hosts(options)


def _asking(found: Site, urls: list[str]) -> Prepare:
    agent, policy = Agent(OWN), profile()

    def run() -> None:
        for url in urls:
            _ = Check(url, agent=agent, policy=policy, site=found).decide().reasons

    run()

    def prepare(_: int) -> Batch:
        return run

    return prepare


def _rules(options: Options) -> Iterator[Row]:
    runs = options.runs(9)
    for number in options.some((0, 10, 100, 1000, 10_000), (0, 100, 1000)):
        size = options.some(1000 if number <= 100 else 100, 100)
        rng = random.Random(number)
        lines = [
            f"{'Allow' if n % 7 == 0 else 'Disallow'}: /{'*' if n % 4 == 0 else ''}"
            f"{rng.choice('abcdefgh')}{n}/{'*.html' if n % 5 == 0 else ''}\n"
            for n in range(number)
        ]
        host = Host("a.example", ("User-agent: *\n" + "".join(lines)).encode())
        urls = [
            f"{host.origin}/{rng.choice('abcdefgh')}{rng.randrange(max(number, 9))}/{n}.html"
            for n in range(size)
        ]
        ask = protego(host)

        def peer(_: int) -> Batch:
            def run() -> None:
                for url in urls:  # noqa: B023 - run at once
                    ask(url, OWN)  # noqa: B023

            return run

        contenders = {OURS: _asking(site(host), urls), "Protego.can_fetch": peer}
        yield versus(
            f"growth:rules-{number}", contenders, options, operations=size, runs=runs, goal=None
        )[0]


def _signals(options: Options) -> Iterator[Row]:
    size, runs = options.some(1000, 300), options.runs(9)
    urls = [f"https://a.example/news/{n}.html" for n in range(size)]
    contenders: dict[str, Prepare] = {}
    texts = {
        "robots.txt without AI groups": ("User-agent: *\nDisallow: /private/\n", None),
        "1: robots, with AI groups": (_GROUPS, None),
        "2: and Content-Signal": (_GROUPS + _ADDED[0], None),
        "3: and Content-Usage": (_GROUPS + "".join(_ADDED), None),
        "4: and tdmrep.json": (_GROUPS + "".join(_ADDED), _TDMREP),
    }
    for name, (text, tdmrep) in texts.items():
        found = Site(
            (
                reading("https://a.example", "robots.txt", text.encode()),
                reading("https://a.example", "tdmrep.json", tdmrep),
            )
        )
        contenders[name] = _asking(found, urls)
    times = rounds("growth:signals", contenders, options, runs)
    first = times[next(iter(contenders))]
    for number, side in enumerate(contenders):
        yield row(
            f"growth:signals-{number}",
            per(times[side], size),
            per(first, size),
            f"none ({side})" if not number else side,
            ratio=ratio(times[side], first),
            runs=runs,
        )
    assert len(SIGNALS) >= len(texts)


def _hosts(options: Options) -> Iterator[Row]:
    """Through the fetcher, as adapters ask; hosts in random order.

    With the most hosts the cache of compiled sites is full (``ready.MAX_OCTETS`` of about 4,600
    hosts like these), so that some answers are compiled anew from the documents.
    """
    size, runs = options.some(2000, 500), options.runs(9)
    bodies = [host.body for host in hosts(options.some(500, 100))]
    agent, policy = Agent(OWN), profile()
    contenders: dict[str, Prepare] = {}

    async def transport(_: Ask) -> Answer:
        raise RuntimeError("everything is known")

    loop = asyncio.new_event_loop()
    for number in options.some((100, 1000, 4000, 7000), (100, 1000)):
        fetcher = _filled(number, bodies)

        def prepare(round_: int, fetcher: Fetcher = fetcher, number: int = number) -> Batch:
            rng = random.Random(round_)
            urls = [f"https://h{rng.randrange(number)}.example/news/{n}.html" for n in range(size)]

            async def ask() -> None:
                for url in urls:
                    check = await fetcher.check(url, transport, agent=agent, policy=policy)
                    _ = check.decide().reasons

            # A site that was let go is compiled anew by a task, so there must be a loop.
            return lambda: loop.run_until_complete(ask())

        prepare(0)()
        contenders[f"{number} hosts"] = prepare
    gc.freeze()  # what is known stays known, and need not be walked before each batch
    times = rounds("growth:hosts", contenders, options, runs)
    gc.unfreeze()
    loop.close()
    first = next(iter(contenders))
    for side in contenders:
        yield row(
            f"growth:hosts-{side.split()[0]}",
            per(times[side], size),
            per(times[first], size),
            first,
            ratio=ratio(times[side], times[first]),
            runs=runs,
        )


def _filled(number: int, bodies: list[bytes]) -> Fetcher:
    """A fetcher that knows so many hosts, each with a body of its own."""
    fetcher = Fetcher()
    _fill(fetcher, bodies, range(number))
    return fetcher


def _fill(fetcher: Fetcher, bodies: list[bytes], numbers: range) -> None:
    agent, policy = Agent(OWN), profile()

    async def transport(ask: Ask) -> Answer:
        url = ask.url
        number = int(url.removeprefix("https://h").partition(".")[0])
        if url.endswith("/robots.txt"):
            return Answer(
                200,
                (("content-type", "text/plain"),),
                bytes(bytearray(bodies[number % len(bodies)])),
            )
        return Answer(404, (), b"")

    async def fill() -> None:
        for number in numbers:
            url = f"https://h{number}.example/"
            (await fetcher.check(url, transport, agent=agent, policy=policy)).decide()

    asyncio.run(fill())


def _memory(options: Options) -> Iterator[Row]:
    """In a process of its own, so that what it takes is given back."""
    status = Path("/proc/self/statm")
    if not status.exists() or not hasattr(os, "fork"):
        options.say("growth:memory-per-host needs /proc and fork: left out")
        return
    compiled, more = 7000, 4500  # what is compiled first fills its cache: ready.MAX_OCTETS
    bodies = [host.body for host in hosts(500)]

    def resident() -> int:
        return int(status.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    options.progress("growth:memory-per-host", 0, 1)
    source, sink = os.pipe()
    child = os.fork()
    if not child:
        grown = 0
        try:
            fetcher = Fetcher()
            _fill(fetcher, bodies, range(compiled))
            before = resident()
            _fill(fetcher, bodies, range(compiled, compiled + more))
            grown = resident() - before
        finally:
            os.write(sink, str(grown).encode())
            os._exit(0)
    os.close(sink)
    with os.fdopen(source) as answer:
        grown = int(answer.read() or 0)
    os.waitpid(child, 0)
    yield row("growth:memory-per-host", grown / more, 2048.0, "2 KB", goal=1.0, runs=1)
