"""A server for sessions: every host `*.example` is on it, whatever its name.

Paths say what they do. How a host's robots.txt answers stands in `ROBOTS`.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Self

from aiohttp import abc, web

from web import Seen

RULES = b"User-agent: *\nDisallow: /private\n"
PAGE = b"<!doctype html><title>x</title>" + b"<p>word " * 20_000
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 1000
#: What the robots.txt of a host is at first: a status, or None for a reset.
FAULTS = {
    "r503.example": (503,),
    "r429.example": (429,),
    "reset.example": (None,),
    "r503s.example": (503,) * 100,
}


class Server:
    """The server, in the running loop.

    Attributes:
        seen: requests that it saw.
        port: where it is.
    """

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.port = 0
        self._asked: Counter[str] = Counter()
        self._go = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._runner = web.ServerRunner(web.Server(self._answer), shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        url = f"http://{request.host}{request.raw_path}"
        headers = {name.lower(): value for name, value in request.headers.items()}
        # What is another each time: a port, a random key, a random boundary.
        headers["host"] = headers["host"].partition(":")[0]
        headers.pop("sec-websocket-key", None)
        if "content-type" in headers:
            headers["content-type"] = headers["content-type"].partition("boundary=")[0]
        self.seen.append(Seen(request.method, url, headers, time.monotonic()))
        self._asked[url] += 1
        words = request.path.strip("/").replace(".", "_").split("/")
        answer: Callable[..., Awaitable[web.StreamResponse]] | None
        answer = getattr(self, f"_{words[0] or 'page'}", None)
        return web.Response(status=404) if answer is None else await answer(request, *words[1:])

    async def _robots_txt(self, request: web.BaseRequest) -> web.StreamResponse:
        faults = FAULTS.get(request.host.partition(":")[0], ())
        number = self._asked[f"http://{request.host}/robots.txt"]
        if number > len(faults):
            return web.Response(body=RULES)
        status = faults[number - 1]
        if status is None:
            assert request.transport is not None
            request.transport.abort()
            raise asyncio.CancelledError
        return web.Response(status=status)

    async def _page(self, request: web.BaseRequest, *_: str) -> web.StreamResponse:
        return web.Response(body=PAGE + request.path.encode(), content_type="text/html")

    async def _private(self, request: web.BaseRequest, *words: str) -> web.StreamResponse:
        return await (self._socket if words == ("socket",) else self._page)(request, *words)

    async def _picture(self, request: web.BaseRequest, *_: str) -> web.StreamResponse:
        part = request.http_range
        if part.start is None:
            return web.Response(body=PICTURE, content_type="image/png")
        body = PICTURE[part]
        return web.Response(status=206, body=body, content_type="image/png")

    async def _big(self, request: web.BaseRequest, *_: str) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/zip"})
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):  # some leave early
            for _number in range(100):
                await response.write(b"z" * 100_000)
        return response

    async def _packed(self, request: web.BaseRequest, *_: str) -> web.StreamResponse:
        headers = {"Content-Encoding": "gzip"}
        return web.Response(body=gzip.compress(PAGE), headers=headers, content_type="text/html")

    async def _echo(self, request: web.BaseRequest, *_: str) -> web.StreamResponse:
        body = (await request.read()).decode("latin-1")
        told = {"method": request.method, "body": body, "query": request.query_string}
        fields = ("cookie", "authorization", "x-mine", "x-inner", "content-type", "user-agent")
        told |= {name: request.headers[name] for name in fields if name in request.headers}
        if told.get("content-type", "").startswith("multipart/"):
            told |= {"content-type": "multipart", "body": str(len(body))}
        return web.json_response(told)

    async def _status(self, request: web.BaseRequest, code: str) -> web.StreamResponse:
        return web.Response(status=int(code), body=b"as asked")

    async def _flaky(self, request: web.BaseRequest, *_: str) -> web.StreamResponse:
        often = self._asked[f"http://{request.host}{request.raw_path}"]
        return web.Response(status=503 if often == 1 else 200)

    async def _moved(self, request: web.BaseRequest, *words: str) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": "/" + "/".join(words)})

    async def _away(self, request: web.BaseRequest, *words: str) -> web.StreamResponse:
        to = f"http://b.example:{self.port}/" + "/".join(words)
        return web.Response(status=307, headers={"Location": to})

    async def _nowhere(self, request: web.BaseRequest, *_: str) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": ""}, body=b"here")

    async def _circle(self, request: web.BaseRequest, *_: str) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": "/circle"})

    async def _cookie(self, request: web.BaseRequest, *_: str) -> web.StreamResponse:
        response = web.Response(body=b"ok")
        response.set_cookie("seen", "1")
        return response

    async def _hang(self, request: web.BaseRequest, *_: str) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    async def _reset(self, request: web.BaseRequest, *_: str) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        raise asyncio.CancelledError

    async def _cut(self, request: web.BaseRequest, kind: str) -> web.StreamResponse:
        headers = {"Content-Type": kind.replace("-", "/"), "Content-Length": "1000000"}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        await response.write(b"x" * 1000)
        await asyncio.sleep(0.05)
        assert request.transport is not None
        request.transport.close()
        return response

    async def _events(self, request: web.BaseRequest, kind: str) -> web.StreamResponse:
        """Sends one event, and the next when `/go` was asked for."""
        response = web.StreamResponse(headers={"Content-Type": kind.replace("-", "/")})
        await response.prepare(request)
        await response.write(b"data: 1\n\n")
        await self._go.wait()
        await response.write(b"data: 2\n\n")
        return response

    async def _go_on(self, request: web.BaseRequest, *_: str) -> web.StreamResponse:
        self._go.set()
        return web.Response()

    async def _socket(self, request: web.BaseRequest, *_: str) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(json.dumps({"said": message.data}))
        return socket


class Names(abc.AbstractResolver):
    """A DNS in which every name is on loopback."""

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[Any]:
        return [
            {
                "hostname": host,
                "host": "127.0.0.1",
                "port": port,
                "family": 2,
                "proto": 0,
                "flags": 0,
            }
        ]

    async def close(self) -> None:
        """Nothing is open."""
