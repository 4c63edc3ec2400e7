"""`survey`: the kernel of a survey over WARC records against bare FastWARC.

Every record of robots.txt becomes verdicts for thirty agents from all signals; of a page
its metas are read. Ratios are of times: 0.15 of bare FastWARC's records per second is
the ratio 1 / 0.15. Needs the package fastwarc.
"""

import gzip
import io
import random
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from reservation_middleware import Agent, Check, profile
from reservation_middleware.decide.site import Site
from reservation_middleware.syntax.html import metas

from .content import WORDS
from .corpus import AI_AGENTS, OWN, hosts, pages, reading
from .timing import OURS, Batch, Options, Prepare, Row, versus


def survey(options: Options) -> Iterator[Row]:
    """robots.txt records, then pages; everything is read anew each time."""
    try:
        warc = import_module("fastwarc.warc")
    except ImportError:
        options.missing("fastwarc")
        return
    agents = tuple(map(Agent, (OWN, *AI_AGENTS[:29])))
    policy = profile()

    def records(archive: bytes) -> Iterator[tuple[str, bytes]]:
        found: Any
        for found in warc.ArchiveIterator(
            io.BytesIO(archive), record_types=warc.WarcRecordType.response
        ):
            yield found.headers["WARC-Target-URI"], found.reader.read()

    def over(archive: bytes, kernel: Any) -> Prepare:
        def run() -> None:
            for url, body in records(archive):
                kernel(url, body)

        def prepare(_: int) -> Batch:
            return run

        return prepare

    def nothing(_url: str, _body: bytes) -> None:
        pass

    def verdicts(url: str, body: bytes) -> None:
        origin = url.removesuffix("/robots.txt")
        site = Site((reading(origin, "robots.txt", body),))
        for agent in agents:
            Check(f"{origin}/", agent=agent, policy=policy, site=site).decide()

    def look(_url: str, body: bytes) -> None:
        metas(body, WORDS)

    known = hosts(options.some(1000, 200))
    rng = random.Random(options.seed)
    # A comment of its own, so that no two bodies are alike.
    robots = [(f"{h.origin}/robots.txt", h.body + b"\n# %d" % rng.randrange(10**9)) for h in known]
    html = [(f"https://a.example/{page.name}", page.body) for page in pages(options.some(None, 24))]
    for name, given, kernel, share in (
        ("survey", robots, verdicts, 0.15),
        ("survey:pages", html, look, 0.6),
    ):
        archive = b"".join(_record(url, body) for url, body in given)
        yield from versus(
            name,
            {OURS: over(archive, kernel), "bare FastWARC": over(archive, nothing)},
            options,
            operations=len(given),
            runs=options.runs(5),
            goal=round(1 / share, 2),
        )


def _record(url: str, body: bytes) -> bytes:
    """One gzipped response record (WARC/1.1 §6.3)."""
    http = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" + body
    head = (
        f"WARC/1.1\r\nWARC-Type: response\r\nWARC-Target-URI: {url}\r\n"
        "WARC-Date: 2026-11-21T00:00:00Z\r\n"
        f"WARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-{abs(hash(url)) % 16**12:012x}>\r\n"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(http)}\r\n\r\n"
    )
    return gzip.compress(head.encode() + http + b"\r\n\r\n", 6)
