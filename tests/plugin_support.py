"""What the tests of other people's software share: whether it is there, and servers it talks to.

Used by tests/plugins. A library that is missing skips its file with one line; `--no-skips`
makes such a skip a failure (see tests/conftest.py).
"""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Awaitable, Callable, Coroutine
from importlib.util import find_spec
from typing import Any, Self, TypeVar

import pytest
from aiohttp import web

T = TypeVar("T")

#: Debian's and other systems' names of the browser.
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
#: No sandbox (tests run as root in containers), no requests of the browser's own.
LAUNCH = {
    "executable_path": BROWSER,
    "args": [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ],
}
SECONDS = 10.0

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def require(*packages: str) -> None:
    """Skip a module where a package is missing; nothing is imported to find out."""
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        pytest.skip(
            f"needs the dependency group plugins ({', '.join(missing)} is not installed)",
            allow_module_level=True,
        )


class Site:
    """An aiohttp server on a free port of 127.0.0.1, in a thread with a loop of its own.

    Args:
        handler: answers every request, unless `app` is given.
        app: the application to serve.

    Attributes:
        url: its origin with a slash.
        log: method and path, with the query, of each request, in order.
    """

    def __init__(self, handler: Handler | None = None, *, app: web.Application | None = None):
        self.app = app or web.Application()
        if handler is not None:
            self.app.router.add_route("*", "/{path:.*}", handler)
        self.app.middlewares.append(self._record)
        self.log: list[str] = []
        self.url = ""

    @web.middleware
    async def _record(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.log.append(f"{request.method} {request.path_qs}")
        return await handler(request)

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._run(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(SECONDS)
        self._loop.close()

    async def _start(self) -> None:
        self._runner = web.AppRunner(self.app, shutdown_timeout=1, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/"

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(SECONDS)
