"""What Scrapy's own robots.txt middleware does is done where ours has taken its place, and what
other parts of Scrapy make of a block: items of media pipelines, and stats.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("scrapy")

from scrapy_runner import Crawl, Worker, version

from web import Answer, WebThread

A, B, C = "http://a.example", "http://b.example", "http://c.example"
RULES = b"User-agent: *\nCrawl-delay: 7\nDisallow: /private\n"
HTML = (("Content-Type", "text/html"),)
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc0"
    "00000301010018dd8db00000000049454e44ae426082"
)
PICTURE = Answer(200, (("Content-Type", "image/png"),), body=PNG)
PAGES = {
    f"{A}/robots.txt": Answer(301, (("Location", "/rules"),)),
    f"{A}/rules": Answer(body=RULES),
    f"{A}/x": Answer(200, HTML, body=b"x"),
    f"{A}/ok.png": PICTURE,
    f"{A}/private.png": PICTURE,
    f"{A}/reserved.png": Answer(200, (*PICTURE.headers, ("tdm-reservation", "1")), body=PNG),
    f"{A}/gone.png": Answer(404),
    f"{B}/robots.txt": Answer(404),
    f"{B}/x": Answer(200, HTML, body=b"x"),
    f"{C}/robots.txt": Answer(fault="reset"),
    f"{C}/x": Answer(200, HTML, body=b"x"),
}


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker("asyncio") as started:
        yield started


@pytest.fixture(scope="module")
def web() -> Iterator[WebThread]:
    with WebThread(PAGES) as started:
        yield started


def crawl(worker: Worker, web: WebThread, *requests: Any, **plan: Any) -> Crawl:
    settings = {
        "USER_AGENT": "ExampleBot/1.0",
        "ROBOTSTXT_OBEY": True,
        "RETRY_ENABLED": False,
        **plan.pop("settings", {}),
    }
    environment = {"http_proxy": web.proxy_url, "no_proxy": ""}
    return worker.crawl(requests=requests, settings=settings, environ=environment, **plan)


def stats(done: Crawl, *beginnings: str) -> dict[str, Any]:
    return {name: value for name, value in done.stats.items() if name.startswith(beginnings)}


def test_stats_and_signal_are_those_of_scrapys_own(worker: Worker, web: WebThread) -> None:
    settings = {"EXTENSIONS": {"scrapy_parts.CrawlDelays": 0}, "CONCURRENT_REQUESTS": 4}
    # One request for each host: stock lets the others through meanwhile.
    urls = [f"{A}/private", f"{B}/x", f"{C}/x"]
    stock, ours = (crawl(worker, web, *urls, settings=settings, addon=on) for on in (False, True))
    told = stats(ours, "robotstxt/", "parsed/", "delay/")
    expected = stats(stock, "robotstxt/", "parsed/", "delay/")
    if version() < (2, 14):  # where the error of stock is an AttributeError of its own
        expected = {name: count for name, count in expected.items() if "exception" not in name}
        expected |= stats(ours, "robotstxt/exception_count/")
    assert told == expected
    assert told["robotstxt/request_count"] == 3
    assert told["robotstxt/response_status_count/200"] == 1
    assert told["robotstxt/forbidden"] == 1
    assert len([name for name in told if name.startswith("robotstxt/exception_count/")]) == 1
    if version() >= (2, 18):
        assert told["delay/a.example"] == 7


@pytest.mark.skipif(version() < (2, 18), reason="robots_parsed came with Scrapy 2.18")
def test_the_signal_is_sent_once_and_before_any_page(worker: Worker, web: WebThread) -> None:
    settings = {"EXTENSIONS": {"scrapy_parts.CrawlDelays": 0}}
    done = crawl(worker, web, *[f"{A}/x"] * 6, settings=settings)
    assert len(done.got) == 6
    assert done.stats["parsed/a.example"] == 1
    # robots.txt, where it moved, and tdmrep.json were all that had come.
    assert done.stats["pages/a.example"] == 3


def test_crawl_rules_that_are_left_to_scrapy_are_counted_by_it(
    worker: Worker, web: WebThread
) -> None:
    done = crawl(worker, web, f"{A}/private", settings={"RESERVATION_ROBOTSTXT": False})
    assert done.stats["robotstxt/request_count"] == 1
    assert done.stats["robotstxt/forbidden"] == 1


def test_a_stat_names_the_public_error(worker: Worker, web: WebThread) -> None:
    done = crawl(worker, web, f"{A}/private")
    names = [name for name in done.stats if "exception_type_count" in name]
    assert names == ["downloader/exception_type_count/reservation_middleware.scrapy.ReservedError"]


# Media pipelines


@pytest.mark.parametrize("kind", ["files", "images"])
def test_items_say_which_files_were_blocked(
    worker: Worker, web: WebThread, tmp_path: Path, kind: str
) -> None:
    if kind == "images":
        pytest.importorskip("PIL")
    names = ("ok", "private", "reserved", "gone")
    urls = [f"{A}/{name}.png" for name in (*names, "private")]
    field = "file_urls" if kind == "files" else "image_urls"
    pipeline = "files.FilesPipeline" if kind == "files" else "images.ImagesPipeline"
    settings = {
        "ITEM_PIPELINES": {f"scrapy.pipelines.{pipeline}": 1, "scrapy_parts.Shelf": 2},
        "SPIDER_MIDDLEWARES": {"scrapy_parts.Gallery": 100},
        f"{kind.upper()}_STORE": str(tmp_path),
        "CONCURRENT_REQUESTS": 1,
    }
    asked = [{"url": f"{A}/x?{n}", "meta": {field: urls}} for n in range(2)]
    done = crawl(worker, web, *asked, settings=settings)
    for n in range(2):
        [fetched, *blocked] = json.loads(done.stats[f"item/{A}/x?{n}"])[kind]
        assert fetched["url"] == f"{A}/ok.png"
        assert fetched["status"] in ("downloaded", "uptodate")
        assert [one["url"] for one in blocked] == [urls[1], urls[2], urls[1]]
        assert {one["status"] for one in blocked} == {"reserved"}
        assert {one["path"] for one in blocked} == {None}
        assert "may not fetch" in blocked[0]["reason"]
        assert "tdm-reservation: 1" in blocked[1]["reason"]


# Documentation


def test_every_stat_is_documented(worker: Worker, web: WebThread, tmp_path: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "scrapy-stats.md"
    patterns = [
        re.compile(re.sub(r"<[^>]+>", "[^/]+", re.escape(name).replace(r"\<", "<")))
        for name in re.findall(r"^\| `([^`]+)`", page.read_text("utf-8"), re.MULTILINE)
    ]
    settings = {
        "RESERVATION_LEDGER": str(tmp_path / "ledger"),
        "HTTPCACHE_ENABLED": True,
        "HTTPCACHE_DIR": str(tmp_path / "cache"),
        "RETRY_ENABLED": True,
    }
    urls = [f"{A}/x", f"{A}/private", f"{A}/reserved.png", f"{C}/x"]
    skip = {"url": f"{B}/x", "meta": {"reservation": {"skip": True}}}
    for mode in ("enforce", "observe"):
        done = crawl(worker, web, *urls, skip, settings={**settings, "RESERVATION_MODE": mode})
        told = stats(done, "reservation/")
        assert told
        assert [
            name for name in told if not any(pattern.fullmatch(name) for pattern in patterns)
        ] == []
