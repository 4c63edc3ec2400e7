"""Scrapy's own extensions with ours: AutoThrottle, retries, the HTTP cache, media pipelines.

https://docs.scrapy.org/en/latest/topics/autothrottle.html and its neighbours
"""

import json
from pathlib import Path
from typing import Any

import pytest
from plugin_support import require

require("scrapy")

from media_files import data_mining, jpeg, png
from scrapy_runner import Worker

from web import Answer, WebThread

pytestmark = pytest.mark.plugins

A = "http://a.example"
HTML = (("Content-Type", "text/html"),)
PAGE = Answer(200, HTML, body=b"<p>fine</p>")
META = Answer(200, HTML, body=b'<meta name="tdm-reservation" content="1">')
PRIVATE = Answer(body=b"User-agent: *\nDisallow: /private/\n")
SETTINGS = {"USER_AGENT": "ExampleBot/1.0", "ROBOTSTXT_OBEY": True, "RETRY_PRIORITY_ADJUST": 0}


def test_autothrottle(worker: Worker) -> None:
    """Every page is had, and what is disallowed delays nobody: it is never asked for."""
    kinds = ("page", "private")
    urls = [f"{A}/{kind}/{number}" for number in range(10) for kind in kinds]
    with WebThread({f"{A}/robots.txt": PRIVATE, **dict.fromkeys(urls, PAGE)}) as web:
        done = worker.crawl(
            web.proxy_url,
            requests=urls,
            settings={
                **SETTINGS,
                "AUTOTHROTTLE_ENABLED": True,
                "AUTOTHROTTLE_START_DELAY": 0.01,
                "AUTOTHROTTLE_TARGET_CONCURRENCY": 4,
            },
        )
        assert done.problems == []
        assert sorted(done.urls) == sorted(url for url in urls if "/page/" in url)
        assert sorted(done.blocked) == sorted(url for url in urls if "/private/" in url)
        assert not [seen for seen in web.log if "/private/" in seen.url]
        assert web.count(f"{A}/robots.txt") == 1


def test_the_retry_middleware(worker: Worker) -> None:
    """A page that fails is asked again, its policies are not, and what is blocked is not."""
    pages = {
        f"{A}/robots.txt": PRIVATE,
        f"{A}/x": Answer(503, later=Answer(500, later=PAGE)),
        f"{A}/noai": Answer(503, later=META),
        f"{A}/private/x": PAGE,
    }
    with WebThread(pages) as web:
        done = worker.crawl(
            web.proxy_url,
            requests=[f"{A}/{path}" for path in ("x", "noai", "private/x")],
            settings=SETTINGS,
        )
        assert done.urls == [f"{A}/x"]
        assert sorted(done.blocked) == [f"{A}/noai", f"{A}/private/x"]
        assert done.stats["retry/count"] == 3
        assert [web.count(f"{A}/{path}") for path in ("x", "noai", "robots.txt")] == [3, 2, 1]


@pytest.mark.parametrize(
    ("storage", "policy"),
    [
        ("FilesystemCacheStorage", "DummyPolicy"),
        ("DbmCacheStorage", "DummyPolicy"),
        ("FilesystemCacheStorage", "RFC2616Policy"),
    ],
)
def test_the_http_cache(worker: Worker, tmp_path: Path, storage: str, policy: str) -> None:
    """A second crawl reads what the first one kept, also when the site is gone."""
    fresh = (*HTML, ("Cache-Control", "max-age=3600"))
    pages = {
        f"{A}/robots.txt": Answer(
            200, (("Cache-Control", "max-age=3600"),), body=b"User-agent: *\nDisallow: /private/\n"
        ),
        f"{A}/x": Answer(200, fresh, body=b"<p>fine</p>"),
        f"{A}/noai": Answer(200, fresh, body=b'<meta name="tdm-reservation" content="1">'),
        f"{A}/private/x": PAGE,
    }
    settings: dict[str, Any] = {
        **SETTINGS,
        "HTTPCACHE_ENABLED": True,
        "HTTPCACHE_DIR": str(tmp_path),
        "HTTPCACHE_STORAGE": f"scrapy.extensions.httpcache.{storage}",
        "HTTPCACHE_POLICY": f"scrapy.extensions.httpcache.{policy}",
        "RETRY_TIMES": 0,
    }
    requests = [f"{A}/{path}" for path in ("x", "noai", "private/x")]
    with WebThread(pages) as web:
        first = worker.crawl(web.proxy_url, requests=requests, settings=settings)
        assert first.urls == [f"{A}/x"]
        assert sorted(first.blocked) == [f"{A}/noai", f"{A}/private/x"]
    with WebThread() as gone:
        second = worker.crawl(gone.proxy_url, requests=requests, settings=settings)
        assert [one["flags"] for one in second.got] == [["cached"]]
        assert second.urls == [f"{A}/x"]
        assert f"{A}/private/x" in second.blocked
        # A body that was blocked for its content was not kept.
        assert gone.count(f"{A}/noai") == 1
        assert gone.count(f"{A}/x") == 0


@pytest.mark.parametrize("kind", ["files", "images"])
def test_media_pipelines(worker: Worker, tmp_path: Path, kind: str) -> None:
    """A file is kept as it was sent, or its item says why it was not."""
    says_no = data_mining("DMI-PROHIBITED")
    png_head = (("Content-Type", "image/png"),)
    files = {
        "open.png": Answer(200, png_head, body=png()),
        "reserved.png": Answer(200, png_head, body=png(says_no)),
        "reserved.jpg": Answer(200, (("Content-Type", "image/jpeg"),), body=jpeg(says_no)),
        "private/x.png": Answer(200, png_head, body=png()),
    }
    pages = {f"{A}/robots.txt": PRIVATE, f"{A}/item": PAGE}
    with WebThread(pages | {f"{A}/{path}": file for path, file in files.items()}) as web:
        pipeline = {"files": "files.FilesPipeline", "images": "images.ImagesPipeline"}[kind]
        urls = [f"{A}/{path}" for path in files]
        done = worker.crawl(
            requests=[{"url": f"{A}/item", "meta": {f"{kind[:-1]}_urls": urls}}],
            settings={
                **SETTINGS,
                "ITEM_PIPELINES": {f"scrapy.pipelines.{pipeline}": 1, "scrapy_parts.Shelf": 2},
                "SPIDER_MIDDLEWARES": {"scrapy_parts.Gallery": 100},
                f"{kind.upper()}_STORE": str(tmp_path),
            },
            environ={"http_proxy": web.proxy_url, "no_proxy": ""},
        )
        told = {one["url"]: one for one in json.loads(done.stats[f"item/{A}/item"])[kind]}
        assert [told[url]["status"] for url in urls] == ["downloaded", *["reserved"] * 3]
        assert "DMI-PROHIBITED" in told[f"{A}/reserved.png"]["reason"]
        assert "DMI-PROHIBITED" in told[f"{A}/reserved.jpg"]["reason"]
        assert "Disallow: /private/" in told[f"{A}/private/x.png"]["reason"]
        kept = [file for file in tmp_path.rglob("*") if file.is_file()]
        assert [file.relative_to(tmp_path).as_posix() for file in kept] == [
            told[f"{A}/open.png"]["path"]
        ]
        if kind == "files":
            assert kept[0].read_bytes() == files["open.png"].body
        assert web.count(f"{A}/private/x.png") == 0
