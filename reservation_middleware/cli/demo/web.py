"""A small real web on loopback: a forward proxy that is every host it has pages for.

Pages thus have speaking names, while no name is looked up and nothing leaves the
machine: a host that is not here is refused. Keeps a log, which is the witness of what
a crawler really asked for. Plain http only.
"""

import asyncio
import socket
import struct
from collections.abc import Iterable
from typing import Self

import msgspec

try:
    from aiohttp import web
except ImportError as error:  # pragma: no cover - needs an environment without aiohttp
    raise ImportError(
        "the demo needs aiohttp 3.13.4 and Scrapy 2.13 or newer: "
        "pip install 'reservation-middleware[scrapy]', "
        "or in a checkout uv run --extra scrapy …"
    ) from error

from .sites import SiteAnswer, SiteHost

_CHUNK = 64 * 1024


class Seen(msgspec.Struct):
    """One request as it came, and how much of the body was sent."""

    url: str
    user_agent: str
    sent: int = 0


class Web:
    """The web; ``async with`` starts and stops it.

    Args:
        hosts: who is in it.

    Attributes:
        log: every request, in order.

    """

    def __init__(self, hosts: Iterable[SiteHost]) -> None:
        self.log: list[Seen] = []
        self.proxy = ""
        self._hosts: set[str] = set()
        self._answers: dict[str, SiteAnswer] = {}
        for host in hosts:
            self._hosts.add(host.name)
            self._answers |= {host.url(path): answer for path, answer in host.files.items()}
            self._answers |= {host.url(page.path): page.answer for page in host.pages}
        self._runner = web.ServerRunner(
            web.Server(self._answer, access_log=None), shutdown_timeout=1.0
        )

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.proxy = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    @property
    def sent(self) -> int:
        """Bytes of bodies that were sent."""
        return sum(seen.sent for seen in self.log)

    def count(self, url: str) -> int:
        """How often a URL was asked for."""
        return sum(seen.url == url for seen in self.log)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        url = str(request.url)
        seen = Seen(url, request.headers.get("User-Agent", ""))
        self.log.append(seen)
        if request.method == "CONNECT" or request.url.host not in self._hosts:
            return web.Response(status=502, text="no such host in this web\n")
        answer = self._answers.get(
            url, SiteAnswer(404, (("content-type", "text/plain"),), b"none\n")
        )
        await asyncio.sleep(answer.delay)
        if answer.reset:
            _reset(request)
            return web.Response(status=500)
        response = web.StreamResponse(status=answer.status)
        # Clients ask again on their own when a kept connection is reset; the log would
        # then show two requests where the crawler made one.
        response.force_close()
        response.headers.extend(answer.headers)
        response.content_length = len(answer.body)
        await response.prepare(request)
        try:
            for start in range(0, len(answer.body), _CHUNK):
                chunk = answer.body[start : start + _CHUNK]
                await response.write(chunk)
                seen.sent += len(chunk)
            await response.write_eof()
        except ConnectionError:
            pass  # the crawler has read enough; ``sent`` says how much that was
        return response


def _reset(request: web.BaseRequest) -> None:
    """Close the connection with RST: no lingering, so nothing is said in parting."""
    if request.transport is not None:
        raw = request.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
