"""Servers on several loopback addresses, and names that stand for them.

For tests of what is really connected to: no proxy is between. Run as a program, it is a worker of
tests/scrapy_runner.py for which these names and this notion of "public" hold: the first argument
is the mode, the second the names and the public addresses as JSON.

Faked are only the answers of DNS, and which loopback address counts as public: nobody's tests
may connect to a really public one.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from unittest import mock

import scrapy_runner

from reservation_middleware.syntax import host

Headers = tuple[tuple[str, str], ...]


class Loopback:
    """A server on one loopback address that answers by path, and every host alike unless a page's
    name begins with that of its host.

    Attributes:
        connections: how many were made.
        requests: the paths that were asked for.
        asked: what was asked for, as Host and path.
    """

    def __init__(self, address: str, pages: Mapping[str, tuple[int, Headers, bytes]]) -> None:
        self.pages = dict(pages)
        self.connections = 0
        self.requests: list[str] = []
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                outer.connections += 1
                super().setup()

            def do_GET(self) -> None:
                outer.requests.append(self.path)
                full = f"{self.headers['Host']}{self.path}"
                outer.asked.append(full)
                found = outer.pages.get(full) or outer.pages.get(self.path)
                status, headers, body = found or (404, (), b"")
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                """Nothing: the tests look at the lists."""

        self._server = ThreadingHTTPServer((address, 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]

    def wait_for_connections(self, number: int) -> None:
        """Until so many were accepted: who connects may be gone before the server looks."""
        end = time.monotonic() + 5
        while self.connections < number and time.monotonic() < end:
            time.sleep(0.01)
        assert self.connections == number

    def __enter__(self) -> Self:
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextlib.contextmanager
def world(names: Mapping[str, Sequence[str]], public: Sequence[str]) -> Iterator[None]:
    """A DNS that knows some names, and loopback addresses that count as public.

    Args:
        names: addresses; each look-up gets the next one, and the last one for ever after. No DNS
            server answers for a name without any.
        public: which addresses, of all, are public.
    """
    answers = {
        name: itertools.chain(addresses, itertools.repeat(addresses[-1]))
        for name, addresses in names.items()
        if addresses
    }
    usual = socket.getaddrinfo

    def getaddrinfo(name: Any, port: Any, *args: Any, **options: Any) -> Any:
        given = name.decode() if isinstance(name, bytes) else name
        if given is not None and given.endswith(".example"):
            if given in names and not names[given]:
                raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
            if given not in answers:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            name = next(answers[given])
        return usual(name, port, *args, **options)

    def gethostbyname(name: str) -> str:
        return str(getaddrinfo(name, None, socket.AF_INET)[0][4][0])

    with (
        mock.patch.object(socket, "getaddrinfo", getaddrinfo),
        mock.patch.object(socket, "gethostbyname", gethostbyname),
        mock.patch.object(host, "_is_global", lambda address: str(address) in public),
    ):
        yield


class GuardedWorker(scrapy_runner.Worker):
    """A process that crawls in such a world."""

    def __init__(self, mode: str, names: Mapping[str, Sequence[str]], public: Sequence[str]):
        self._said: str | None = None
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `close`
        self._process = subprocess.Popen(
            [sys.executable, __file__, mode, json.dumps([names, public])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=Path(__file__).parent,
        )


if __name__ == "__main__":
    with world(*json.loads(sys.argv[2])):
        scrapy_runner._main(sys.argv[1])
