"""The lines of docs/works-with.md, as they stand: a page is had, and a disallowed one is not."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from plugin_support import BROWSER, LAUNCH, Site, require
from redis_server import RedisServer
from test_works_with import SECTIONS

require(
    *("scrapy", "scrapy_impersonate", "scrapy_playwright", "scrapy_redis", "scrapy_splash"),
    *("scrapy_zyte_api", "aiohttp_client_cache", "aiohttp_retry", "fsspec"),
)

from aiohttp import web
from scrapy_runner import Worker

from reservation_middleware.aiohttp import ReservedError

pytestmark = pytest.mark.plugins


async def serve(request: web.Request) -> web.StreamResponse:
    """A site, and what the services answer for it."""
    if request.path == "/robots.txt":
        return web.Response(text="User-agent: ExampleBot\nDisallow: /private/\n")
    if request.path == "/.well-known/tdmrep.json":
        return web.Response(status=404)
    return web.Response(text="<p>fine", content_type="text/html")


@pytest.fixture
def site() -> Iterator[Site]:
    with Site(serve) as server:
        yield server


def run(name: str) -> dict[str, Any]:
    """What a section's lines define."""
    found: dict[str, Any] = {}
    exec(SECTIONS[name], found)
    return found


@pytest.mark.parametrize("name", ["aiohttp-client-cache", "aiohttp-retry"])
def test_lines_for_sessions(
    name: str, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    fetch = run(name)["fetch"]
    assert asyncio.run(fetch(f"{site.url}page")) == b"<p>fine"
    with pytest.raises(ReservedError):
        asyncio.run(fetch(f"{site.url}private/x"))
    assert "GET /private/x" not in site.log


def test_lines_for_fsspec(site: Site) -> None:
    files = run("fsspec")["files"]
    assert files.cat(f"{site.url}page") == b"<p>fine"
    with pytest.raises(ReservedError):
        files.cat(f"{site.url}private/x")
    files.close_session(files.loop, files._session)


@pytest.mark.parametrize(
    ("name", "meta"),
    [
        ("scrapy-impersonate", {"impersonate": "chrome"}),
        pytest.param(
            *("scrapy-playwright", {"playwright": True}),
            marks=pytest.mark.skipif(BROWSER is None, reason="Chromium is not installed"),
        ),
        ("scrapy-redis", {}),
        ("scrapy-splash", {"splash": {"endpoint": "render.html"}}),
        ("scrapy-zyte-api", {"zyte_api_automap": False}),
        ("Scrapy's extensions", {}),
    ],
)
def test_lines_for_settings(
    name: str, meta: dict[str, Any], site: Site, worker: Worker, tmp_path: Path
) -> None:
    """Beside them stands only where things are on this machine."""
    settings = {key: value for key, value in run(name).items() if key.isupper()}
    settings.setdefault("RESERVATION_AGENT", "ExampleBot")
    settings |= {"HTTPCACHE_DIR": str(tmp_path), "PLAYWRIGHT_LAUNCH_OPTIONS": LAUNCH}
    if name == "scrapy-splash":
        settings["SPLASH_URL"] = site.url
        parts = settings["DOWNLOADER_MIDDLEWARES"]
        settings["DOWNLOADER_MIDDLEWARES"] = {
            part.replace("scrapy_splash.", "splash_parts."): order for part, order in parts.items()
        }
        settings["REQUEST_FINGERPRINTER_CLASS"] = "splash_parts.SplashRequestFingerprinter"
    requests = [
        {"url": f"{site.url}{path}", "meta": meta, "filter": True} for path in ("page", "private/x")
    ]
    with RedisServer(tmp_path) as redis:
        if name == "scrapy-redis":
            settings |= {"REDIS_URL": redis.url, "RESERVATION_CACHE": redis.url}
        done = worker.crawl(requests=requests, settings=settings)
    assert done.urls == [f"{site.url}page"]
    assert done.blocked == [f"{site.url}private/x"]
    assert "GET /private/x" not in site.log
