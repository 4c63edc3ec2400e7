"""`survey`: a survey of WARC records against bare FastWARC.

Every robots.txt becomes rows for all agents that it names and for all statements, which are written
as tables; every page is looked into. One process. Ratios are of times: 0.15 of bare FastWARC's
records per second is the ratio 1 / 0.15. Needs the extra survey.
"""

import gzip
import io
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from .corpus import hosts, pages
from .timing import OURS, Batch, Options, Prepare, Row, versus


def survey(options: Options) -> Iterator[Row]:
    """robots.txt records, then pages; everything is read anew each time."""
    try:
        warc = import_module("fastwarc.warc")
        batches = import_module("reservation_middleware.survey.batches").batches
        local = import_module("reservation_middleware.survey.engines.local")
        journal = import_module("reservation_middleware.survey.journal")
        read = import_module("reservation_middleware.survey.read")
    except ImportError as error:
        options.missing((error.name or "the extra survey").partition(".")[0])
        return
    known = hosts(options.some(1000, 200))
    rng = random.Random(options.seed)
    # A comment of its own, so that no two bodies are alike.
    robots = [(f"{h.origin}/robots.txt", h.body + b"\n# %d" % rng.randrange(10**9)) for h in known]
    html = [(f"https://a.example/{page.name}", page.body) for page in pages(options.some(None, 24))]

    def bare(path: Path) -> None:
        data = io.BytesIO(path.read_bytes())
        found: Any
        for found in warc.ArchiveIterator(data, record_types=warc.WarcRecordType.response):
            found.reader.read()

    def surveyed(path: Path) -> None:
        folder = path.with_name("survey")
        shutil.rmtree(folder, ignore_errors=True)
        kept = journal.BatchJournal(folder)
        kept.open({})
        ((source, kind),) = read.sources(str(path), None)
        local.run(batches(read.items(source, kind, None), 0), kept, processes=1)

    with tempfile.TemporaryDirectory() as folder:
        for name, given, kind, share in (
            ("survey", robots, "text/plain", 0.15),
            ("survey:pages", html, "text/html", 0.6),
        ):
            path = Path(folder) / f"{kind.replace('/', '-')}.warc.gz"
            path.write_bytes(b"".join(_record(url, body, kind) for url, body in given))
            yield from versus(
                name,
                {OURS: _over(path, surveyed), "bare FastWARC": _over(path, bare)},
                options,
                operations=len(given),
                runs=options.runs(5),
                goal=round(1 / share, 2),
            )


def _over(path: Path, work: Callable[[Path], None]) -> Prepare:
    def prepare(_: int) -> Batch:
        return lambda: work(path)

    return prepare


def _record(url: str, body: bytes, kind: str) -> bytes:
    """One gzipped response record (WARC/1.1 §6.3)."""
    http = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n\r\n".encode() + body
    head = (
        f"WARC/1.1\r\nWARC-Type: response\r\nWARC-Target-URI: {url}\r\n"
        "WARC-Date: 2026-11-21T00:00:00Z\r\n"
        f"WARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-{abs(hash(url)) % 16**12:012x}>\r\n"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(http)}\r\n\r\n"
    )
    return gzip.compress(head.encode() + http + b"\r\n\r\n", 6)
