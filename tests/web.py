"""A small HTTP/1.1 web on loopback, for tests that decide every byte.

Here: a server that a crawler uses as its forward proxy, so that it may ask for
any made-up host, over http and https; and the same server in a thread, for
tests that are not coroutines. Not here: pages, assertions, pytest fixtures.

A host is known once any page of it is; a known host has 404 for its other
pages. An unknown host is refused with 502, which https clients see as a failed
connection; for http that is a response, so a page that must look unreachable
over http is an answer with the fault "reset".

References: RFC 9112 (HTTP/1.1), RFC 9110 §9.3.6 (CONNECT).
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import http
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal, NamedTuple, Self, TypeVar
from urllib.parse import urlsplit

import trustme

T = TypeVar("T")

Fault = Literal["reset", "hang", "cut", "drip", "endless", "headers"]
Body = bytes | Callable[[], bytes]

CLOSE_SECONDS = 1.0
DRIP_SECONDS = 0.05
THREAD_SECONDS = 10.0
URL = re.compile(r"(?P<scheme>[a-z]+)://(?P<authority>[^/?#]*)(?P<target>[^#]*)", re.IGNORECASE)
FILLER = b"\n" * 16384
FIELDS = b"X-Field: and so on\r\n" * 800
NO_LINGER = struct.pack("ii", 1, 0)

_AUTHORITY = trustme.CA()


@dataclass(frozen=True)
class Answer:
    """What the web says to one URL.

    The faults: "reset" closes with RST before any byte, "hang" never answers,
    "cut" announces one byte more than it sends and closes, "drip" sends a byte
    of the body each 0.05 s, "endless" sends the body and then newlines for ever,
    "headers" sends fields of the head for ever.

    ``later`` is said from the second time on.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    _: KW_ONLY
    body: Body = b""
    delay: float = 0.0
    fault: Fault | None = None
    later: Answer | None = None


class Seen(NamedTuple):
    """One request as it came. A refused CONNECT has its host:port as its URL."""

    method: str
    url: str
    headers: Mapping[str, str]
    at: float


class _Stream(NamedTuple):
    """One side of a connection, and the origin it is a tunnel to."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    origin: str | None = None


class _Head(NamedTuple):
    method: str
    target: str
    version: str
    headers: Mapping[str, str]


class Web:
    """A server on a free port of 127.0.0.1 that is every host it has pages for."""

    def __init__(self, pages: Mapping[str, Answer] | None = None) -> None:
        self.log: list[Seen] = []
        self.connections = 0
        self._pages: dict[str, Answer] = {}
        self._hosts: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._errors: list[BaseException] = []
        self._server: asyncio.Server | None = None
        self._port = 0
        for url, answer in (pages or {}).items():
            self.add(url, answer)

    async def __aenter__(self) -> Self:
        # A handler task of our own, not asyncio's: what we do not hold we cannot end.
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, kind: object, error: object, trace: object) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
            while self._tasks:
                for task in self._tasks:
                    task.cancel()
                await asyncio.wait(self._tasks)
            await server.wait_closed()
        # An aborted TLS connection is told in two turns of the loop: raw, then TLS.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        if self._errors and error is None:
            raise self._errors[0]

    @property
    def proxy_url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def ca_pem(self) -> bytes:
        """The certificate that vouches for every https host, the same for all webs."""
        return _AUTHORITY.cert_pem.bytes()

    def add(self, url: str, answer: Answer) -> None:
        url = _canonical(url)
        self._pages[url] = answer
        self._hosts.add(_hostname(url))

    def count(self, url: str) -> int:
        return sum(seen.url == _canonical(url) for seen in tuple(self.log))

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._server is None:
            writer.transport.abort()
            return
        self.connections += 1
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)

        def done(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            # A task cancelled before its first step never reached its `finally`.
            writer.transport.abort()
            if not task.cancelled() and (error := task.exception()) is not None:
                self._errors.append(error)

        task.add_done_callback(done)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stream = _Stream(reader, writer)
        try:
            while (head := await _read_head(stream)) is not None:
                if head.method == "CONNECT":
                    tunnel = await self._tunnel(stream, head)
                    if tunnel is None:
                        break
                    stream = tunnel
                elif not await self._respond(stream, head):
                    break
        except asyncio.CancelledError:
            stream.writer.transport.abort()
            raise
        except (OSError, EOFError):
            # The client went away, or does not trust the certificate.
            stream.writer.transport.abort()
        finally:
            await _close(stream.writer)

    async def _tunnel(self, stream: _Stream, head: _Head) -> _Stream | None:
        host, _, port = head.target.rpartition(":")
        host = host.strip("[]").lower()
        if host not in self._hosts:
            self.log.append(Seen(head.method, head.target, head.headers, time.monotonic()))
            await _refuse(stream, 502)
            return None
        stream.writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await stream.writer.drain()
        # `StreamWriter.start_tls` leaves the reader pausing the raw transport
        # (Python 3.11), and has no shutdown timeout there: a fresh pair instead.
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        transport = await loop.start_tls(
            stream.writer.transport,
            protocol,
            _context(host),
            server_side=True,
            ssl_shutdown_timeout=CLOSE_SECONDS,
        )
        if transport is None:
            raise ConnectionResetError
        protocol.connection_made(transport)
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        bare = f"[{host}]" if ":" in host else host
        return _Stream(reader, writer, _canonical(f"https://{bare}:{port}")[:-1])

    async def _respond(self, stream: _Stream, head: _Head) -> bool:
        """Answer one request, and say whether the connection may have another."""
        if head.target.startswith("/"):
            origin = stream.origin or f"http://{head.headers.get('host', '')}"
            url = _canonical(origin + head.target)
        else:
            url = _canonical(head.target)
        self.log.append(Seen(head.method, url, head.headers, time.monotonic()))
        if not (host := _hostname(url)):
            return await _refuse(stream, 400)
        if host not in self._hosts:
            return await _refuse(stream, 502)
        answer = self._pages.get(url, Answer(404))
        if answer.later is not None:
            self._pages[url] = answer.later
        await asyncio.sleep(answer.delay)
        if answer.fault == "reset":
            raw = stream.writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
            stream.writer.transport.abort()
            return False
        if answer.fault == "hang":
            while await stream.reader.read(65536):
                pass
            return False
        body = answer.body if isinstance(answer.body, bytes) else answer.body()
        stream.writer.write(_head_bytes(answer, body, ends=answer.fault != "headers"))
        if answer.fault == "headers":
            await _send_fields(stream.writer)
        if head.method != "HEAD" and not _has_no_body(answer.status):
            await _send_body(stream.writer, body, answer.fault)
        await stream.writer.drain()
        return answer.fault != "cut" and not _wants_close(head, answer)


class WebThread:
    """The same web in a thread with a loop of its own."""

    def __init__(self, pages: Mapping[str, Answer] | None = None) -> None:
        self._web = Web(pages)

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        try:
            self._run(self._web.__aenter__())
        except BaseException:
            self._halt()
            raise
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        try:
            self._run(self._web.__aexit__(kind, error, trace))
        finally:
            self._halt()

    @property
    def proxy_url(self) -> str:
        return self._web.proxy_url

    @property
    def ca_pem(self) -> bytes:
        return self._web.ca_pem

    @property
    def log(self) -> list[Seen]:
        return list(self._web.log)

    @property
    def connections(self) -> int:
        return self._web.connections

    def add(self, url: str, answer: Answer) -> None:
        self._web.add(url, answer)

    def count(self, url: str) -> int:
        return self._web.count(url)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        return future.result(THREAD_SECONDS)

    def _halt(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(THREAD_SECONDS)
        self._loop.close()


def _canonical(url: str) -> str:
    """Host in lower case, no default port, no fragment, a path; the rest verbatim."""
    if (parts := URL.match(url)) is None:
        return url
    scheme, authority = parts["scheme"].lower(), parts["authority"].lower()
    authority = authority.removesuffix(":443" if scheme == "https" else ":80")
    slash = "" if parts["target"].startswith("/") else "/"
    return f"{scheme}://{authority}{slash}{parts['target']}"


def _hostname(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


async def _read_head(stream: _Stream) -> _Head | None:
    """Read a request and pass over its body; nothing if the client is done."""
    try:
        raw = await stream.reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        await _refuse(stream, 431)
        return None
    first, *lines = raw.decode("latin-1").rstrip("\r\n").split("\r\n")
    words = first.split(" ")
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        name, value = name.lower(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    length = headers.get("content-length", "0")
    if len(words) != 3 or not length.isdecimal() or "transfer-encoding" in headers:
        await _refuse(stream, 400)
        return None
    await stream.reader.readexactly(int(length))
    return _Head(words[0], words[1], words[2], headers)


async def _refuse(stream: _Stream, status: int) -> bool:
    answer = Answer(status, (("Connection", "close"),))
    stream.writer.write(_head_bytes(answer, b""))
    await stream.writer.drain()
    return False


async def _send_body(writer: asyncio.StreamWriter, body: bytes, fault: Fault | None) -> None:
    if fault == "drip":
        for position in range(len(body)):
            await writer.drain()
            await asyncio.sleep(DRIP_SECONDS)
            writer.write(body[position : position + 1])
    elif fault == "endless":
        chunk = body or FILLER
        while True:
            writer.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            await writer.drain()
            await asyncio.sleep(0)  # An eager reader must not starve the others.
            chunk = FILLER
    else:
        writer.write(body)


async def _send_fields(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(FIELDS)
        await writer.drain()
        await asyncio.sleep(0)


async def _close(writer: asyncio.StreamWriter) -> None:
    """Send what is written and close; a client that will not read is cut off."""
    if writer.transport.is_closing():
        return
    writer.close()
    with contextlib.suppress(OSError):
        async with asyncio.timeout(CLOSE_SECONDS):
            await writer.wait_closed()
    writer.transport.abort()


def _head_bytes(answer: Answer, body: bytes, *, ends: bool = True) -> bytes:
    headers = list(answer.headers)
    given = {name.lower() for name, _ in headers}
    if answer.fault == "endless" and "transfer-encoding" not in given:
        headers.append(("Transfer-Encoding", "chunked"))
    elif not given & {"content-length", "transfer-encoding"} and not _has_no_body(answer.status):
        headers.append(("Content-Length", str(len(body) + (answer.fault == "cut"))))
    try:
        phrase = http.HTTPStatus(answer.status).phrase
    except ValueError:
        phrase = ""
    lines = [f"HTTP/1.1 {answer.status} {phrase}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""] if ends else [*lines, ""]).encode("latin-1")


def _has_no_body(status: int) -> bool:
    return status < 200 or status in (204, 304)


def _wants_close(head: _Head, answer: Answer) -> bool:
    asked = head.headers.get("connection", "").lower()
    told = {(name.lower(), value.lower()) for name, value in answer.headers}
    return (
        "close" in asked
        or ("connection", "close") in told
        or (head.version == "HTTP/1.0" and "keep-alive" not in asked)
    )


@functools.cache
def _context(host: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    _AUTHORITY.issue_cert(host).configure_cert(context)
    return context
