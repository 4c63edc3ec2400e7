"""Crawls with Scrapy's HTTPCACHE, done again when the site is gone: what is replayed, and by which
policies; and that bodies which were blocked for their content are not kept.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("scrapy")

from scrapy_runner import Crawl, Worker

from web import Answer, WebThread

A = "http://a.example"
MARK = b"<p>BODY-THAT-IS-RESERVED"
GOOD = (("Content-Type", "text/html"), ("Cache-Control", "max-age=3600"), ("ETag", '"1"'))
PAGES = {
    f"{A}/robots.txt": Answer(301, (("Location", "/rules"),)),
    f"{A}/rules": Answer(body=b"User-agent: *\nDisallow: /private\n"),
    f"{A}/.well-known/tdmrep.json": Answer(404),
    f"{A}/ok": Answer(200, GOOD, body=b"<p>fine"),
    f"{A}/private": Answer(200, GOOD, body=b"<p>fine"),
    f"{A}/noai": Answer(200, GOOD, body=b'<meta name="robots" content="noai">' + MARK),
    f"{A}/head": Answer(200, (*GOOD, ("tdm-reservation", "1")), body=MARK),
}
PATHS = ("ok", "private", "noai", "head")
URLS = [f"{A}/{path}" for path in PATHS]
POLICIES = {
    "dummy": "scrapy.extensions.httpcache.DummyPolicy",
    "rfc2616": "scrapy.extensions.httpcache.RFC2616Policy",
}
STORAGES = {
    "filesystem": "scrapy.extensions.httpcache.FilesystemCacheStorage",
    "dbm": "scrapy.extensions.httpcache.DbmCacheStorage",
    "own": "scrapy_parts.MemoryStorage",
}
MISSING = {"HTTPCACHE_IGNORE_MISSING": True}


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker("asyncio") as started:
        yield started


class Site:
    """A site that is there, or gone, and a crawl's cache in a folder."""

    def __init__(self, worker: Worker, folder: Path, **settings: Any) -> None:
        self.worker = worker
        self.asked: list[str] = []
        self.settings = {
            "USER_AGENT": "ExampleBot/1.0",
            "HTTPCACHE_ENABLED": True,
            "HTTPCACHE_DIR": str(folder),
            "RETRY_ENABLED": False,
            "ROBOTSTXT_OBEY": True,
            **settings,
        }

    def crawl(self, *, gone: bool = False, addon: bool = True, **settings: Any) -> Crawl:
        """Crawl it, and remember what it was asked for."""
        with WebThread({} if gone else PAGES) as web:
            if gone:
                web.add(f"{A}/robots.txt", Answer(fault="reset"))
                for path in (".well-known/tdmrep.json", "rules", *PATHS):
                    web.add(f"{A}/{path}", Answer(fault="reset"))
            done = self.worker.crawl(
                requests=URLS,
                settings={**self.settings, **settings},
                addon=addon,
                environ={"http_proxy": web.proxy_url, "no_proxy": ""},
            )
            self.asked = [seen.url for seen in web.log]
        return done


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("policy", POLICIES)
def test_a_crawl_is_done_again_when_its_site_is_gone(
    worker: Worker, tmp_path: Path, policy: str, storage: str
) -> None:
    site = Site(
        worker,
        tmp_path,
        HTTPCACHE_POLICY=POLICIES[policy],
        HTTPCACHE_STORAGE=STORAGES[storage],
    )
    first = site.crawl()
    assert first.urls == [f"{A}/ok"]
    assert sorted(first.blocked) == sorted(URLS[1:])
    # A body that was blocked for its content is gone from the cache, one that was cut off was
    # never in it.
    assert first.stat("http_cache/removed") == 1
    assert not any(MARK in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())

    again = site.crawl(gone=True)
    assert again.urls == [f"{A}/ok"]
    assert again.got[0]["flags"] == ["cached"]
    assert again.got[0]["record"]["consulted"] == first.got[0]["record"]["consulted"]
    assert again.blocked == [f"{A}/private"]  # by the rules that were kept
    assert len(again.failed) == 3
    # robots.txt, where it moved, tdmrep.json; by RFC 2616 a permanent redirect stays fresh
    assert again.stat("policy_http_cache/hit") == (3 if policy == "dummy" else 1)
    assert again.stat("policy_http_cache/errorrecovery") == (0 if policy == "dummy" else 2)


def test_offline_nothing_is_asked_for(worker: Worker, tmp_path: Path) -> None:
    site = Site(worker, tmp_path)
    site.crawl()
    again = site.crawl(gone=True, **MISSING)
    assert site.asked == []
    assert again.urls == [f"{A}/ok"]
    assert again.blocked == [f"{A}/private"]
    assert {one["error"] for one in again.failed} == {"ReservedError", "IgnoreRequest"}


@pytest.mark.parametrize("obey", [True, False])
def test_a_cache_of_a_crawl_without_us(worker: Worker, tmp_path: Path, obey: bool) -> None:
    """Offline, rules that were never fetched hold nothing back that was; content still does."""
    site = Site(worker, tmp_path, ROBOTSTXT_OBEY=obey)
    before = site.crawl(addon=False)
    assert len(before.got) == (3 if obey else 4)
    again = site.crawl(gone=True, **MISSING)
    assert site.asked == []
    records = {one["url"]: one["record"] for one in again.got}
    if obey:  # Scrapy itself has kept robots.txt
        assert list(records) == [f"{A}/ok"]
        assert records[f"{A}/ok"]["crawl"] == "allowed"
        return
    assert sorted(records) == [f"{A}/ok", f"{A}/private"]
    for record in records.values():
        assert record["crawl"] == "disallowed"
        assert "HTTPCACHE_IGNORE_MISSING is on" in record["reasons"][0]["text"]
    assert sorted(again.blocked) == [f"{A}/head", f"{A}/noai"]
    # What an earlier crawl has kept is not taken out.
    assert again.stat("http_cache/removed") == 0
    strict = site.crawl(gone=True, RESERVATION_UNREACHABLE="block", **MISSING)
    assert strict.urls == []
    assert site.asked == []


def test_answers_that_say_nothing_are_not_kept(worker: Worker, tmp_path: Path) -> None:
    site = Site(worker, tmp_path)
    failing = site.crawl(gone=True)
    assert failing.urls == []
    assert failing.stat("policy_http_cache/store") == 0
    assert site.crawl().urls == [f"{A}/ok"]
