"""What a crawler sees through the test web: aiohttp by hand, and real Scrapy crawls.

Reference: RFC 9112 (HTTP/1.1).
"""

from __future__ import annotations

import asyncio
import errno
import gc
import io
import json
import ssl
import subprocess
import sys
import time

import aiohttp
import pytest

from web import Answer, Fault, Web, WebThread

PAGE = "http://a.example/x"
SECURE = "https://a.example/x"


def trusting(web: Web | WebThread) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=web.ca_pem.decode("ascii"))


@pytest.mark.asyncio
async def test_http() -> None:
    page = Answer(200, (("Content-Type", "text/plain"),), body=b"hello")
    async with Web({PAGE: page}) as web, aiohttp.ClientSession() as session:
        began = time.monotonic()
        async with session.get(PAGE, proxy=web.proxy_url, headers={"X-Ask": "1"}) as answer:
            assert answer.status == 200
            assert answer.headers["content-type"] == "text/plain"
            assert await answer.read() == b"hello"
        (seen,) = web.log
    assert (seen.method, seen.url, seen.headers["x-ask"]) == ("GET", PAGE, "1")
    assert began <= seen.at <= time.monotonic()
    assert web.count("HTTP://A.example:80/x") == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("url", [SECURE, "https://a.example:8443/x?q=%C3%A9&q="])
@pytest.mark.parametrize("trust", ["verified", "unverified"])
async def test_https(url: str, trust: str) -> None:
    async with Web({url: Answer(body=b"hello")}) as web:
        verify = trusting(web) if trust == "verified" else False
        async with (
            aiohttp.ClientSession() as session,
            session.get(url, proxy=web.proxy_url, ssl=verify) as answer,
        ):
            assert await answer.read() == b"hello"
        assert [(seen.method, seen.url) for seen in web.log] == [("GET", url)]


@pytest.mark.asyncio
async def test_https_client_that_does_not_trust() -> None:
    async with Web({SECURE: Answer()}) as web, aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await session.get(SECURE, proxy=web.proxy_url)
        assert web.log == []


@pytest.mark.asyncio
async def test_as_an_origin_server() -> None:
    async with Web() as web, aiohttp.ClientSession() as session:
        web.add(f"{web.proxy_url}/x", Answer(body=b"hello"))
        async with session.get(f"{web.proxy_url}/x") as answer:
            assert await answer.read() == b"hello"
        async with session.get(f"{web.proxy_url}/x", headers={"Host": "b.example"}):
            assert web.count("http://b.example/x") == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("url", [PAGE, SECURE])
async def test_headers_keep_order_and_duplicates(url: str) -> None:
    sent = (("X-Robots-Tag", "noai"), ("X-Other", "\xe9"), ("X-Robots-Tag", "noindex"))
    async with (
        Web({url: Answer(200, sent)}) as web,
        aiohttp.ClientSession() as session,
        session.get(url, proxy=web.proxy_url, ssl=False) as answer,
    ):
        raw = tuple(
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.raw_headers
        )
    assert raw == (*sent, ("Content-Length", "0"))


@pytest.mark.asyncio
async def test_a_body_may_change_from_request_to_request() -> None:
    bodies = iter((b"first", b"second"))
    web = Web({PAGE: Answer(body=lambda: next(bodies))})
    async with web, aiohttp.ClientSession() as session:
        for expected in (b"first", b"second"):
            async with session.get(PAGE, proxy=web.proxy_url) as answer:
                assert await answer.read() == expected


@pytest.mark.asyncio
async def test_an_error_in_a_body_is_raised_at_the_end() -> None:
    web = Web({PAGE: Answer(body=lambda: bytes(1 // 0))})
    async with aiohttp.ClientSession() as session:
        with pytest.raises(ZeroDivisionError):  # noqa: PT012 - it is the exit that raises
            async with web:
                with pytest.raises(aiohttp.ServerDisconnectedError):
                    await session.post(PAGE, proxy=web.proxy_url)


@pytest.mark.asyncio
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_another_page_of_a_known_host_is_not_found(scheme: str) -> None:
    url = f"{scheme}://a.example/other"
    async with (
        Web({PAGE: Answer()}) as web,
        aiohttp.ClientSession() as session,
        session.get(url, proxy=web.proxy_url, ssl=False) as answer,
    ):
        assert answer.status == 404
        assert await answer.read() == b""


@pytest.mark.asyncio
async def test_an_unknown_host_is_refused() -> None:
    async with Web({PAGE: Answer()}) as web, aiohttp.ClientSession() as session:
        async with session.get("http://b.example/", proxy=web.proxy_url) as answer:
            assert answer.status == 502
        with pytest.raises(aiohttp.ClientHttpProxyError) as refused:
            await session.get("https://b.example/", proxy=web.proxy_url)
        assert refused.value.status == 502
        assert [(seen.method, seen.url) for seen in web.log] == [
            ("GET", "http://b.example/"),
            ("CONNECT", "b.example:443"),
        ]


@pytest.mark.asyncio
@pytest.mark.parametrize("url", [PAGE, SECURE])
async def test_reset(url: str) -> None:
    web = Web({url: Answer(fault="reset")})
    async with web, aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientOSError) as failure:
            await session.post(url, proxy=web.proxy_url, ssl=False)
        assert failure.value.errno == errno.ECONNRESET
        assert web.count(url) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("url", [PAGE, SECURE])
async def test_hang(url: str) -> None:
    timeout = aiohttp.ClientTimeout(total=0.2)
    async with Web({url: Answer(fault="hang")}) as web:
        async with aiohttp.ClientSession(timeout=timeout) as session:
            with pytest.raises(TimeoutError):
                await session.get(url, proxy=web.proxy_url, ssl=False)
        assert web.count(url) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("url", [PAGE, SECURE])
@pytest.mark.parametrize("fault", ["hang", "endless"])
async def test_the_server_may_leave_first(url: str, fault: Fault) -> None:
    async with aiohttp.ClientSession() as session:
        async with Web({url: Answer(fault=fault)}) as web:
            asking = asyncio.create_task(session.get(url, proxy=web.proxy_url, ssl=False))
            await asyncio.wait({asking}, timeout=0.2)
            assert web.count(url) == 1
            began = time.monotonic()
        assert time.monotonic() - began < 5  # it hangs for ever
        with pytest.raises(aiohttp.ClientError):
            await (await asking).read()


@pytest.mark.asyncio
@pytest.mark.parametrize("url", [PAGE, SECURE])
async def test_cut(url: str) -> None:
    web = Web({url: Answer(body=b"half", fault="cut")})
    async with (
        web,
        aiohttp.ClientSession() as session,
        session.get(url, proxy=web.proxy_url, ssl=False) as answer,
    ):
        assert await answer.content.readexactly(4) == b"half"
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()


@pytest.mark.asyncio
async def test_delay_and_drip() -> None:
    pages = {PAGE: Answer(body=b"abc", delay=0.2, fault="drip")}
    async with Web(pages) as web, aiohttp.ClientSession() as session:
        began = time.monotonic()
        async with session.get(PAGE, proxy=web.proxy_url) as answer:
            assert time.monotonic() - began >= 0.2
            began = time.monotonic()
            assert await answer.read() == b"abc"
            assert time.monotonic() - began >= 0.1


@pytest.mark.asyncio
@pytest.mark.parametrize("url", [PAGE, SECURE])
async def test_endless_until_the_client_has_enough(url: str) -> None:
    web = Web({url: Answer(body=b"begin", fault="endless")})
    async with (
        web,
        aiohttp.ClientSession() as session,
        session.get(url, proxy=web.proxy_url, ssl=False) as answer,
    ):
        got = await answer.content.readexactly(1_000_000)
    assert got.startswith(b"begin\n\n")


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [100, 5_000_000])
@pytest.mark.parametrize("url", [PAGE, SECURE])
async def test_keep_alive(url: str, size: int) -> None:
    page = Answer(body=b"x" * size)
    async with Web({url: page}) as web, aiohttp.ClientSession() as session:
        for _ in range(3):
            async with session.post(
                url, proxy=web.proxy_url, ssl=False, data=io.BytesIO(b"y" * size)
            ) as answer:
                assert len(await answer.read()) == size
        assert (web.count(url), web.connections) == (3, 1)
        web.add(url, Answer(200, (("Connection", "close"),)))
        for _ in range(2):
            await (await session.get(url, proxy=web.proxy_url, ssl=False)).read()
        assert (web.count(url), web.connections) == (5, 2)


@pytest.mark.asyncio
@pytest.mark.parametrize("url", [PAGE, SECURE])
async def test_head(url: str) -> None:
    async with Web({url: Answer(body=b"hello")}) as web:
        async with aiohttp.ClientSession() as session:
            for method, body in (("HEAD", b""), ("GET", b"hello")):
                async with session.request(method, url, proxy=web.proxy_url, ssl=False) as answer:
                    assert answer.headers["content-length"] == "5"
                    assert await answer.read() == body
        assert (web.count(url), web.connections) == (2, 1)


@pytest.mark.asyncio
async def test_no_content_ends_with_the_head() -> None:
    async with Web({PAGE: Answer(204, body=b"lost")}) as web:
        async with aiohttp.ClientSession() as session:
            for _ in range(2):
                async with session.get(PAGE, proxy=web.proxy_url) as answer:
                    assert await answer.read() == b""
                    assert "content-length" not in answer.headers
        assert web.connections == 1


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET\r\n\r\n", b"400"),
        (b"OPTIONS * HTTP/1.1\r\nHost: a.example\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: [\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", b"431"),
        (b"GET http://a.example HTTP/1.0\r\n\r\n", b"200"),
    ],
)
async def test_by_hand(sent: bytes, status: bytes) -> None:
    async with Web({"http://a.example": Answer()}) as web:
        host, port = web.proxy_url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(sent)
        head = await reader.readuntil(b"\r\n")
        assert head.split()[1] == status
        writer.close()


@pytest.mark.asyncio
async def test_nothing_is_left_behind() -> None:
    async with Web({SECURE: Answer(fault="hang"), PAGE: Answer()}) as web:
        host, port = web.proxy_url.removeprefix("http://").split(":")
        _, idle = await asyncio.open_connection(host, int(port))
        async with aiohttp.ClientSession() as session:
            await session.get(PAGE, proxy=web.proxy_url)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await session.get(SECURE, proxy=web.proxy_url, ssl=False)
        # Connected, and gone before the server's task has had its first step.
        _, late = await asyncio.open_connection(host, int(port))
    for writer in (idle, late):
        writer.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    gc.collect()


CRAWL = """
import json, sys
import scrapy
from scrapy.crawler import AsyncCrawlerProcess, CrawlerProcess
from scrapy.utils.reactorless import is_reactorless

proxy, mode, *urls = sys.argv[1:]
got = {}

class Pages(scrapy.Spider):
    name = "pages"

    async def start(self):
        for url in urls:
            yield scrapy.Request(url, meta={"proxy": proxy})

    def parse(self, response):
        got[response.url] = [response.status, response.text, is_reactorless()]

# The remote control would open a port and write a file in the user's home.
settings = {"REMOTE_CONTROL_ENABLED": False, "TELNETCONSOLE_ENABLED": False}
if mode == "reactor":
    process = CrawlerProcess(settings)
else:
    process = AsyncCrawlerProcess({**settings, "TWISTED_REACTOR_ENABLED": False})
process.crawl(Pages)
process.start()
print(json.dumps(got))
"""


@pytest.mark.parametrize("mode", ["reactor", "reactorless"])
def test_a_scrapy_crawl(mode: str) -> None:
    pages = {PAGE: Answer(body=b"plain"), SECURE: Answer(body=b"secure")}
    with WebThread(pages) as web:
        crawl = subprocess.run(
            [sys.executable, "-c", CRAWL, web.proxy_url, mode, PAGE, SECURE],
            capture_output=True,
            check=False,
            text=True,
            timeout=60,
        )
        assert crawl.returncode == 0, crawl.stderr
        bare = mode == "reactorless"
        assert json.loads(crawl.stdout) == {
            PAGE: [200, "plain", bare],
            SECURE: [200, "secure", bare],
        }, crawl.stderr
        assert (web.count(PAGE), web.count(SECURE)) == (1, 1)
