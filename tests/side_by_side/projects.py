"""Situations of what projects set and use: order, speed, sizes, and what becomes of pages."""

from __future__ import annotations

import gzip
import io
from collections import defaultdict
from collections.abc import Callable, Sequence

from PIL import Image

from web import Answer, Seen

from .sites import HTML, PRIVATE, RULES, A, B, first, html, numbered, packed, site, situation, whole
from .situations import Crawl, Json, Situation, pages_of

SECONDS = 0.3


def spaced(seconds: float) -> Callable[[Sequence[Seen]], list[str]]:
    """Finds hosts that were asked more often than once in so many seconds, by a wide margin."""

    def limits(seen: Sequence[Seen]) -> list[str]:
        times: dict[str, list[float]] = defaultdict(list)
        for one in seen:
            times[one.url.split("/")[2]].append(one.at)
        return [
            f"{len(at)} requests to {host} within {max(at) - min(at):.1f} s"
            for host, at in times.items()
            if max(at) - min(at) < (len(at) - 1) * seconds / 2
        ]

    return limits


def at_once(number: int, seconds: float) -> Callable[[Sequence[Seen]], list[str]]:
    """Finds more than so many pages at once, where each takes so long."""

    def limits(seen: Sequence[Seen]) -> list[str]:
        times = sorted(one.at for one in pages_of(seen))
        return [
            f"{number + 1} pages at once"
            for earlier, later in zip(times, times[number:], strict=False)
            if later - earlier < seconds
        ]

    return limits


def _picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (60, 60), "red").save(file, "PNG")
    return file.getvalue()


def media(name: str, pipeline: str) -> Situation:
    """A situation of a media pipeline, whose last file is disallowed."""
    png = Answer(headers=(("Content-Type", "image/png"),), body=_picture())
    paths = [*(f"/{number}.png" for number in range(3)), "/private/3.png"]
    ask: Json = {"url": f"{A}/0", "item": {f"{name}_urls": [A + path for path in paths]}}
    return situation(
        f"the pipeline for {name}",
        site(dict.fromkeys(paths, png)),
        [ask],
        {
            "ITEM_PIPELINES": {f"scrapy.pipelines.{pipeline}": 1},
            f"{name.upper()}_STORE": "{store}/media",
        },
        stock=1,
        compares=("items", "media"),
    )


LINKS = {
    "/": html("/d1", f"{B}/0", "/private/x"),
    "/d1": html("/d2"),
    "/d2": html("/d3"),
    "/d3": html(),
}
PAGE = {"/gzip": packed("gzip", gzip.compress(b"<!doctype html><title>packed</title>"))}
JOB = {"JOBDIR": "{store}/job", "CONCURRENT_REQUESTS": 1}
SLOW = {f"/{number}": Answer(headers=(HTML,), delay=SECONDS) for number in range(6)}
LOCATIONS = "".join(f"<url><loc>{page}</loc></url>" for page in [*numbered(), PRIVATE])

ORDER = (
    situation(
        "dont_filter and the filter of duplicates",
        site(),
        [f"{A}/1", f"{A}/1", {"url": f"{A}/1", "filter": False}],
        stock=2,
    ),
    situation(
        "priorities, one page at a time",
        site(),
        [first(*({"url": f"{A}/{n}", "priority": n * 7 % 10} for n in range(1, 10)))],
        {"CONCURRENT_REQUESTS": 1},
        stock=10,
        compares=("order",),
    ),
    situation(
        "links to a depth, DEPTH_LIMIT",
        site(LINKS) | site(origin=B),
        [f"{A}/"],
        {"DEPTH_LIMIT": 2},
        follow=True,
        stock=4,
    ),
    situation(
        "links off-site, allowed_domains",
        site(LINKS) | site(origin=B),
        [f"{A}/"],
        spider={"allowed_domains": ["a.example"]},
        follow=True,
        stock=4,
    ),
    situation(
        "a spider with custom_settings",
        site(),
        whole(),
        {"ROBOTSTXT_OBEY": False},
        spider={"custom_settings": {"ROBOTSTXT_OBEY": True, "CONCURRENT_REQUESTS": 2}},
        stock=10,
    ),
    situation(
        "a spider that starts from a sitemap",
        site({"/map.xml": Answer(body=f"<urlset>{LOCATIONS}</urlset>".encode())})
        | {f"{A}/robots.txt": Answer(body=RULES + f"Sitemap: {A}/map.xml\n".encode())},
        [],
        kind="mapped",
        spider={"sitemap_urls": [f"{A}/robots.txt"]},
        stock=10,
    ),
    Situation(
        "JOBDIR, stopped after 3 pages and resumed",
        site(),
        [Crawl([*numbered(), PRIVATE], {**JOB, "CLOSESPIDER_PAGECOUNT": 3}), Crawl([], JOB)],
        10,
    ),
)

SPEED = (
    situation(
        "DOWNLOAD_DELAY",
        site() | site(origin=B),
        [*numbered(3), *numbered(3, B)],
        {"DOWNLOAD_DELAY": SECONDS, "DOWNLOAD_DELAY_JITTER": 0},
        stock=6,
        limits=spaced(SECONDS),
    ),
    situation(
        "CONCURRENT_REQUESTS 1",
        site() | site(origin=B),
        [*numbered(4), *numbered(4, B)],
        {"CONCURRENT_REQUESTS": 1},
        stock=8,
    ),
    situation(
        "CONCURRENT_REQUESTS 2",
        site(SLOW),
        numbered(6),
        {"CONCURRENT_REQUESTS": 2},
        stock=6,
        limits=at_once(2, SECONDS * 0.8),
    ),
    situation(
        "AutoThrottle",
        site(),
        numbered(5),
        {
            "AUTOTHROTTLE_ENABLED": True,
            "AUTOTHROTTLE_START_DELAY": 0.1,
            "AUTOTHROTTLE_MAX_DELAY": 0.2,
        },
        stock=5,
    ),
)

BODIES = (
    situation("packed pages", site(PAGE), [f"{A}/gzip"], stock=1),
    situation(
        "packed pages, COMPRESSION_ENABLED off",
        site(PAGE),
        [f"{A}/gzip"],
        {"COMPRESSION_ENABLED": False},
        stock=1,
    ),
    situation(
        "DOWNLOAD_MAXSIZE",
        site({"/big": Answer(body=b"x" * 300_000)}),
        [*numbered(2), f"{A}/big"],
        {"DOWNLOAD_MAXSIZE": 100_000},
        stock=2,
    ),
    situation(
        "a download of 20 MB",
        site(
            {"/big": Answer(headers=(("Content-Type", "application/zip"),), body=b"x" * 2 * 10**7)}
        ),
        [*numbered(2), f"{A}/big"],
        stock=3,
    ),
    situation(
        "a page that ends early, DOWNLOAD_FAIL_ON_DATALOSS off",
        site({"/cut": Answer(headers=(HTML,), body=b"x", fault="cut")}),
        [*numbered(2), f"{A}/cut"],
        {"DOWNLOAD_FAIL_ON_DATALOSS": False},
        stock=3,
    ),
)

KEPT = (
    media("files", "files.FilesPipeline"),
    media("images", "images.ImagesPipeline"),
    situation(
        "feeds",
        site(),
        [first(PRIVATE), *({"url": page, "item": {"page": page}} for page in numbered(4)[1:])],
        {
            "FEEDS": {"{store}/feed.jsonl": {"format": "jsonlines"}},
            "CONCURRENT_REQUESTS": 1,
        },
        stock=4,
        compares=("items", "feed.jsonl"),
    ),
)
