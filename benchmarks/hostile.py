"""`hostile`: inputs made to hurt, each decided within 100 ms, doubling costs at most 2.5 times.

A row per input against the limit, and one against half of it where that takes long enough
to tell. `hostile:next:…` is another page of a site that is known. `hostile` is the slowest
input, `hostile:next` the slowest next page, `hostile:doubling` the worst growth and
`hostile:memory` the largest peak beside the input itself.
"""

import multiprocessing
import random
import tracemalloc
from collections.abc import Iterator
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

from reservation_middleware import Agent, Check, Document, profile
from reservation_middleware.decide.panel import Panel
from reservation_middleware.decide.reading import LINKED, RESOURCES, Reading
from reservation_middleware.decide.site import Site
from reservation_middleware.model import PAGE

from .hostile_cases import BY_SIGNAL
from .hostile_inputs import CAP, Builder, Case, lines, page, robots, site_file
from .hostile_pages import PAGES
from .timing import Options, Row, row, timed

#: Seconds that any input may take; a page of more than 2 MiB so many for each MiB.
LIMIT = 0.1
PAGE_MIB = 0.05
#: Seconds that the next page of a site may take whose documents were read before.
NEXT = 0.01
GROWTH = 2.5
#: Bytes of memory for each byte of input.
MEMORY = 20.0
#: Says to forget the peak of memory (Linux).
_CLEAR = Path("/proc/self/clear_refs")
_AGENT = Agent("ExampleBot")
#: Below this time a doubling cannot be told from noise, below this size memory from overhead.
_LEAST_SECONDS, _LEAST_BYTES = 0.002, 64 * 1024


def _tdmrep(text: str) -> Case:
    return site_file("/.well-known/tdmrep.json", "tdmrep.json", text)


def _agents_over_rules(number: int) -> Builder:
    def build(scale: float) -> Case:
        many = range(int(number * scale))
        agents = "".join(f"User-agent: bot{n}\n" for n in many)
        rules = "".join(f"Disallow: /p{n}\n" for n in many)
        return robots(f"{agents}User-agent: *\n{rules}", "/p17")

    return build


CASES: dict[str, Builder] = {
    "3,000 agents over 3,000 rules": _agents_over_rules(3000),
    "10,000 agents over 10,000 rules": _agents_over_rules(10_000),
    "3,000 groups in 236 kB": lambda s: robots(
        "".join(f"User-agent: bot{n}\nDisallow: /{'d' * 40}/{n}\n\n" for n in range(int(3000 * s)))
        + "User-agent: *\nDisallow: /x\n"
    ),
    "patterns /*a*a…*b$": lambda s: robots(
        lines(CAP * s, f"Disallow: /{'*a' * 30}*#b$\n"), f"/{'a' * 2000}"
    ),
    "a pattern of 4,000 stars": lambda s: robots(
        lines(CAP * s, f"Disallow: /{'*a' * 4000}*b$\n"), f"/{'a' * 9000}"
    ),
    "10 MB of rules": lambda s: robots(lines(10_000_000 * s, "Disallow: /p#\n"), "/p4711"),
    "512 KiB of rules in one group": lambda s: robots(lines(CAP * s, "Allow:/#\n"), "/4711"),
    "512 KiB of rules that start with a star": lambda s: robots(lines(CAP * s, "Allow:/*#\n"), "/4711"),
    "512 KiB of rules that all match": lambda s: robots(lines(CAP * s, "Disallow:*\n")),
    "one agent in thousands of groups": lambda s: robots(
        lines(CAP * s, "User-agent:*\nDisallow:/#\n", ""), "/471"
    ),
    "100,000 agents on one line": lambda s: robots(
        f"User-agent: {'a,' * int(250_000 * s)}*\nDisallow: /\n"
    ),
    "a line of 5 MB": lambda s: robots("User-agent: *\nDisallow: /\nAllow: /" + "x" * int(5e6 * s)),
    "a value of 500 kB": lambda s: robots(
        f"User-agent: *\nContent-Signal: ai-train=no, x={'y' * int(500_000 * s)}\n"
    ),
    "512 KiB of Content-Signal": lambda s: robots(lines(CAP * s, "Content-Signal:/*# ai-train=no\n")),
    "512 KiB of Content-Usage": lambda s: robots(lines(CAP * s, "Content-Usage:/# train-ai=n,x#=1\n")),
    "512 KiB of unreadable lines": lambda s: robots("x\n" * int(CAP / 2 * s)),
    "512 KiB of NUL": lambda s: robots(b"User-agent: *\nDisallow: /\0\n" + b"\0" * int(CAP * s)),
    "512 KiB at random": lambda s: robots(random.Random(1).randbytes(int(CAP * s))),
    "a URL of 1 MB": lambda s: robots(
        "User-agent: *\n" + "".join(f"Disallow: /*a{n}*b$\n" for n in range(200)),
        f"/{'a1' * int(500_000 * s)}",
    ),
    "tdmrep.json of 100,000 levels": lambda s: _tdmrep("[" * int(1e5 * s) + "]" * int(1e5 * s)),
    "tdmrep.json of 1 MB": lambda s: _tdmrep(
        "[" + ",".join(f'{{"location":"/{n}","tdm-reservation":1}}' for n in range(int(25_000 * s))) + "]"
    ),
    "100,000 metas with signals": lambda s: page('<meta name="robots" content="noai">\n' * int(1e5 * s)),
    "100,000 other metas": lambda s: page('<meta name="x" content="y">\n' * int(1e5 * s)),
    "8 MB of <meta": lambda s: page("<meta name=robots content=noai>" + "<meta" * int(1.6e6 * s)),
    "8 MB of <": lambda s: page("<meta name=robots content=noai>" + "<" * int(8e6 * s)),
    "8 MB of text": lambda s: page("<meta name=robots content=noai>" + "lorem ipsum " * int(700_000 * s)),
    "8 MB of text without a signal": lambda s: page("<p>" + "lorem ipsum " * int(700_000 * s)),
    "200,000 levels of div": lambda s: page("<div>" * int(2e5 * s) + '<meta name="robots" content="noai">' * 300),
    "a meta on each of 50,000 levels": lambda s: page('<div><meta name="robots" content="noai">' * int(50_000 * s)),
    "misnested formatting": lambda s: page("<meta name=robots content=noai>" + "<b><i><p></b>" * int(10_000 * s)),
    "quotes that are not closed": lambda s: page("<meta name=robots content='noai" + "<meta name='x" * int(1e5 * s)),
    "8 MB of <meta and a blank": lambda s: page("<meta name=robots content=noai>" + "<meta " * int(1.3e6 * s)),
    "8 MB of anchors": lambda s: page("<meta name=robots content=noai>" + "<a b>" * int(1.6e6 * s)),
    "8 MB of links that speak": lambda s: page("<link rel=license href=/>" * int(3.3e5 * s)),
    "8 MB of open quotes": lambda s: page("<meta name=robots content=noai>" + "<meta x='>" * int(8e5 * s)),
    "8 MB of JSON-LD that does not end": lambda s: page(
        "".join(f"<script type=application/ld+json id={n}>" for n in range(int(190_000 * s)))
    ),
    "1.3 million attributes": lambda s: page(f"<a{' rel=x' * int(1.3e6 * s)} rel=license>"),
    "1.3 million references": lambda s: page(f"<meta name=robots content='{'&#110;' * int(1.3e6 * s)}'>"),
    "X-Robots-Tag of 1 MB": lambda s: page(None, ("x-robots-tag", "noai, " * int(170_000 * s))),
    "1,000 X-Robots-Tag lines": lambda s: page(None, *[("x-robots-tag", "otherbot: noai")] * int(1000 * s)),
    "Content-Usage of 1 MB": lambda s: page(None, ("content-usage", "a=?1," * int(200_000 * s))),
    "Content-Usage of 16 KiB": lambda s: page(
        None, ("content-usage", "train-ai=n," + ",".join(f"k{n}={n}" for n in range(int(1300 * s))))
    ),
    "Content-Signal of 1 MB": lambda s: page(None, ("content-signal", "ai-train=no;" * int(90_000 * s))),
    "tdm-reservation of 1 MB": lambda s: page(None, ("tdm-reservation", "1," * int(500_000 * s))),
}  # fmt: skip
CASES |= PAGES
CASES |= {name: build for cases in BY_SIGNAL.values() for name, build in cases.items()}


def hostile(options: Options) -> Iterator[Row]:
    """Every input, then the worst of them."""
    runs = options.runs(5, 3)
    # A small input says nothing about growth, so in a quick run each has its full size, but only
    # some of them are decided more than once.
    scale = 1.0
    closely = set(list(CASES)[:: options.some(1, 4)])
    slowest = ("", 0.0, LIMIT)
    steepest, largest, later = ("", 1.0), ("", 0.0), ("", 0.0)
    for number, (name, build) in enumerate(CASES.items()):
        options.progress(f"hostile: {name}", number, len(CASES))
        full = build(scale)
        limit = limit_of(full)
        if name not in closely:
            seconds = timed(lambda: decide(full)) / 1e9  # noqa: B023
            slowest = max(slowest, (name, seconds, limit), key=_beyond)
            yield row(f"hostile:{name}", seconds, limit, _named(limit), goal=1.0, runs=1)
            continue
        half = build(scale / 2)
        decide(full)
        times = [(timed(lambda: decide(full)), timed(lambda: decide(half))) for _ in range(runs)]  # noqa: B023
        seconds, before = (median(side) / 1e9 for side in zip(*times, strict=True))
        growth = median(a / max(b, 1) for a, b in times)
        slowest = max(slowest, (name, seconds, limit), key=_beyond)
        told = seconds >= _LEAST_SECONDS
        if told:
            steepest = max(steepest, (name, growth), key=lambda found: found[1])
        if full.size >= _LEAST_BYTES:
            largest = max(
                largest,
                (name, peak(full, build(scale / 100)) / full.size),
                key=lambda found: found[1],
            )
        yield row(f"hostile:{name}", seconds, limit, _named(limit), goal=1.0, runs=runs)
        if seconds >= NEXT and full.documents[0].resource != PAGE:
            again = _next(full, runs)
            later = max(later, (name, again), key=lambda found: found[1])
            yield row(f"hostile:next:{name}", again, NEXT, "10 ms", goal=1.0, runs=runs)
        if told:
            yield row(
                f"hostile:{name}:doubled",
                seconds,
                before,
                "half the input",
                ratio=growth,
                goal=GROWTH,
                runs=runs,
            )
    name, seconds, limit = slowest
    yield row("hostile", seconds, limit, f"{_named(limit)} ({name})", goal=1.0, runs=len(CASES))
    if later[0]:
        yield row("hostile:next", later[1], NEXT, f"10 ms ({later[0]})", goal=1.0, runs=len(CASES))
    yield row(
        "hostile:doubling",
        steepest[1],
        1.0,
        f"half the input ({steepest[0]})",
        goal=GROWTH,
        runs=len(CASES),
    )
    if largest[0]:
        yield row(
            "hostile:memory",
            largest[1],
            1.0,
            f"bytes of input ({largest[0]})",
            goal=MEMORY,
            runs=len(CASES),
        )


def limit_of(given: Case) -> float:
    """Seconds that an input may take."""
    pages = [document.body or b"" for document in given.documents if document.resource == PAGE]
    return max(LIMIT, PAGE_MIB * sum(map(len, pages)) / 2**20)


def _named(limit: float) -> str:
    return f"{1e3 * limit:.0f} ms"


def _beyond(found: tuple[str, float, float]) -> float:
    _, seconds, limit = found
    return seconds / limit


def decide(given: Case) -> object:
    """All stages that the documents make possible, under the profile that looks at most."""
    # What a document keeps for itself was not kept when it came.
    documents = [
        Document(
            url=one.url,
            resource=one.resource,
            outcome=one.outcome,
            status=one.status,
            headers=one.headers,
            body=one.body,
        )
        for one in given.documents
    ]
    if given.agents > 1:
        return _panel(given.agents).decide(given.url, Site(map(_reading, documents)))
    check = Check(given.url, agent=_AGENT, policy=profile(given.profile))
    for document in documents:
        check.feed(document)
    return check.decide().reasons


@cache
def _panel(agents: int) -> Panel:
    return Panel([Agent(f"Bot{number}") for number in range(agents)], profile("strict"))


def _reading(document: Document) -> Reading:
    places = {**RESOURCES, **LINKED}
    return Reading(document, places[document.resource])


def _next(given: Case, runs: int) -> float:
    """Median seconds of a decision on another page of a site that is known."""
    site = Site([_reading(one) for one in given.documents if one.resource != PAGE])
    policy = profile(given.profile)
    times = []
    for number in range(runs + 1):
        check = Check(f"{given.url}{number}", agent=_AGENT, policy=policy, site=site)
        times.append(timed(check.decide) / 1e9)
    return median(times[1:])


def peak(given: Case, small: Case) -> int:
    """The most bytes that deciding takes beside the input, C libraries included where known.

    Args:
        given: the input.
        small: one of its kind, decided before, so that what is loaded once does not count.
    """
    if not _CLEAR.exists():
        tracemalloc.start()
        decide(given)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most
    # In a process that has freed nothing: what was freed here would be used again, uncounted.
    fresh = multiprocessing.get_context("forkserver")
    fresh.set_forkserver_preload([__name__])
    source, sink = fresh.Pipe(duplex=False)
    child = fresh.Process(target=_grown, args=(sink, given, small))
    child.start()
    sink.close()
    try:
        most = int(source.recv())
    finally:
        source.close()
        child.join()
    return most


def _grown(sink: Connection, given: Case, small: Case) -> None:
    decide(small)
    _CLEAR.write_text("5")
    before = _high_water()
    decide(given)
    sink.send(_high_water() - before)


def _high_water() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0
