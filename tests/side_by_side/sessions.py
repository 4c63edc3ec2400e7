"""The situations that are tried with aiohttp.

Each is a program that does what programs do with a `ClientSession`; `tell` keeps what came of it.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import aiohttp

from reservation_middleware.aiohttp import ReservationClient, reservation_middleware

from .server import RULES, Names, Server
from .sites import BOT
from .situations import Json, Outcome, Side, Situation, compare

Way = Literal["stock", "client", "middleware"]
WAYS: tuple[Way, ...] = ("client", "middleware")
PRIVATE = "crawl rules hold; a bare session obeys none"
DEAD = "a host that does not answer fails at its robots.txt"
UNREACHABLE = "robots.txt cannot be had: RFC 9309 §2.3.1.4 says complete disallow"
SECONDS = 10


class Teller:
    """Keeps what came of requests, and makes URLs.

    Attributes:
        told: outcomes by name.
    """

    def __init__(self, server: Server) -> None:
        self.told: dict[str, list[Any]] = {}
        self._server = server

    def url(self, path: str, host: str = "a.example", scheme: str = "http") -> str:
        """The URL of a path on the server."""
        return f"{scheme}://{host}:{self._server.port}{path}"

    async def __call__(self, name: str, work: Awaitable[Any]) -> None:
        """Keep what comes of some work."""
        port = f":{self._server.port}"
        try:
            async with asyncio.timeout(SECONDS):
                value = await work
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - told
            self.told[name] = ["failed", type(error).__name__, str(error)[:200]]
        else:
            text = value if isinstance(value, bytes) else repr(value).replace(port, "").encode()
            self.told[name] = ["got", len(text), hashlib.sha256(text).hexdigest()[:8]]


Program = Callable[[Any, Teller], Awaitable[None]]


@dataclass(frozen=True)
class Use:
    """A situation: a program that uses a session.

    Attributes:
        name: plain words.
        program: what is done.
        stock: how many outcomes stock delivers.
        options: of the session.
        withheld: what ours does not deliver though stock does, with the reason.
    """

    name: str
    program: Program
    stock: int
    options: Json = field(default_factory=dict)
    withheld: Mapping[str, str] = field(default_factory=dict)

    @property
    def situation(self) -> Situation:
        """As it is compared."""
        rules = {f"http://{host}.example": RULES for host in ("a", "b", "r503", "r429", "reset")}
        return Situation(self.name, {}, [], self.stock, withheld=self.withheld, rules=rules)


@asynccontextmanager
async def session_of(way: Way, options: Json) -> AsyncIterator[Any]:
    """A session of one of the three ways."""
    connector = aiohttp.TCPConnector(resolver=Names(), limit=options.pop("limit", 100))
    given = {"connector": connector, "headers": {"User-Agent": BOT}, **options}
    if way == "client":
        async with ReservationClient(agent="ExampleBot", **given) as client:
            yield client
    else:
        inner = tuple(given.pop("middlewares", ()))
        if way == "middleware":
            inner = (reservation_middleware(agent="ExampleBot"), *inner)
        async with aiohttp.ClientSession(middlewares=inner, **given) as session:
            yield session


async def use(one: Use, way: Way) -> Side:
    """Do a situation in one way."""
    async with Server() as server:
        teller = Teller(server)
        options = dict(one.options)
        if "base_url" in options:
            options["base_url"] = teller.url(options["base_url"])
        async with session_of(way, options) as session:
            await one.program(session, teller)
        port = f":{server.port}"
        seen = [one._replace(url=one.url.replace(port, "")) for one in server.seen]
        return Side(teller.told, seen)


async def compare_use(one: Use) -> dict[str, Outcome]:
    """Do a situation without us and in both ways with us, and compare, by the way."""
    stock = await use(one, "stock")
    return {way: compare(one.situation, stock, await use(one, way)) for way in WAYS}


# Programs


async def read(session: Any, url: str, **options: Any) -> Any:
    """Status, type and body of a page."""
    async with session.get(url, **options) as response:
        return response.status, response.content_type, await response.read()


async def pages(session: Any, tell: Teller) -> None:
    for number in range(5):
        await tell(str(number), read(session, tell.url(f"/page/{number}")))
    await tell("private", read(session, tell.url("/private/x")))


async def at_once(session: Any, tell: Teller) -> None:
    await asyncio.gather(
        *(tell(str(number), read(session, tell.url(f"/page/{number}"))) for number in range(30))
    )


async def readers(session: Any, tell: Teller, path: str) -> None:
    async def by(how: Callable[[Any], Awaitable[Any]]) -> Any:
        async with session.get(tell.url(path)) as response:
            return await how(response)

    async def exactly(response: Any) -> bytes:
        first: bytes = await response.content.readexactly(10)
        rest: bytes = await response.content.read()
        return first + rest

    async def some(response: Any) -> bytes:
        found = b""
        while part := await response.content.read(1000):
            found += part
        return found

    async def joined(parts: Any) -> bytes:
        return b"".join([part async for part in parts])

    async def chunks(response: Any) -> bytes:
        return b"".join([part async for part, _ in response.content.iter_chunks()])

    async def twice(response: Any) -> Any:
        return await response.read() == await response.read(), response.content.at_eof()

    async def peek(response: Any) -> Any:
        return await response.content.readany() != b"", response.status

    await tell("read", by(lambda response: response.read()))
    await tell("text", by(lambda response: response.text(errors="replace")))
    await tell("content.read", by(lambda response: response.content.read()))
    await tell("content.read(n)", by(some))
    await tell("content.readexactly", by(exactly))
    await tell("content.readany", by(peek))
    await tell(
        "content.iter_chunked", by(lambda response: joined(response.content.iter_chunked(999)))
    )
    await tell("content.iter_any", by(lambda response: joined(response.content.iter_any())))
    await tell("content.iter_chunks", by(chunks))
    await tell("async for", by(lambda response: joined(response.content)))
    await tell("read twice", by(twice))


def read_all_ways(path: str) -> Program:
    return lambda session, tell: readers(session, tell, path)


async def big(session: Any, tell: Teller) -> None:
    async def stream() -> int:
        async with session.get(tell.url("/big")) as response:
            return sum([len(part) async for part in response.content.iter_chunked(65536)])

    async def leave() -> Any:
        async with session.get(tell.url("/big")) as response:
            return len(await response.content.readexactly(1000))

    await tell("streamed", stream())
    await tell("left early", leave())


def events(kind: str) -> Program:
    """Reads a stream whose second event comes when the first was read."""

    async def program(session: Any, tell: Teller) -> None:
        async def listen() -> Any:
            async with session.get(tell.url(f"/events/{kind}")) as response:
                first = await response.content.readline()
                await read(session, tell.url("/go_on"))
                return first, await response.content.read()

        await tell("events", listen())

    return program


async def errors(session: Any, tell: Teller) -> None:
    async def strict(url: str) -> Any:
        async with session.get(url, raise_for_status=True) as response:
            return response.status

    async def by_hand(url: str) -> Any:
        async with session.get(url) as response:
            response.raise_for_status()
            return response.status

    for code in (200, 404, 500):
        await tell(f"{code}", read(session, tell.url(f"/status/{code}")))
        await tell(f"{code} strict", strict(tell.url(f"/status/{code}")))
        await tell(f"{code} by hand", by_hand(tell.url(f"/status/{code}")))
    await tell("reset", read(session, tell.url("/reset")))
    await tell("cut picture", read(session, tell.url("/cut/image-png")))
    await tell("cut page", read(session, tell.url("/cut/text-html")))
    await tell("cut zip", read(session, tell.url("/cut/application-zip")))
    await tell("no such port", read(session, "http://a.example:1/"))
    await tell("no URL", read(session, "no URL"))


async def statuses(session: Any, tell: Teller) -> None:
    for code in (200, 404, 503):
        await tell(str(code), read(session, tell.url(f"/status/{code}")))


async def cookies(session: Any, tell: Teller) -> None:
    await tell("set", read(session, tell.url("/cookie")))
    await tell("sent", read(session, tell.url("/echo")))
    await tell("own", read(session, tell.url("/echo"), cookies={"mine": "2"}))
    await tell("jar", kept(lambda: sorted(cookie.key for cookie in session.cookie_jar)))


async def kept(value: Callable[[], Any]) -> Any:
    """A value, or the error that looking it up is."""
    return value()


async def redirects(session: Any, tell: Teller) -> None:
    async def follow(path: str, **options: Any) -> Any:
        async with session.get(tell.url(path), **options) as response:
            history = [str(one.url) for one in response.history]
            return str(response.url), response.status, history, len(await response.read())

    await tell("same host", follow("/moved/page"))
    await tell("other host", follow("/away/page"))
    await tell("two", follow("/moved/away/page"))
    await tell("not followed", follow("/moved/page", allow_redirects=False))
    await tell("to private", follow("/moved/private/x"))
    await tell("to private elsewhere", follow("/away/private/x"))
    await tell("empty", follow("/nowhere"))
    await tell("circle", follow("/circle", max_redirects=3))


async def relative(session: Any, tell: Teller) -> None:
    await tell("page", read(session, "page/1"))
    await tell("absolute path", read(session, "/page/2"))
    await tell("private", read(session, "/private/x"))


async def timeouts(session: Any, tell: Teller) -> None:
    soon = aiohttp.ClientTimeout(total=0.5)
    await tell("of the request", read(session, tell.url("/hang"), timeout=soon))
    await tell(
        "of the socket",
        read(session, tell.url("/hang"), timeout=aiohttp.ClientTimeout(sock_read=0.5)),
    )
    await tell("page", read(session, tell.url("/page")))


async def slow(session: Any, tell: Teller) -> None:
    await tell("of the session", read(session, tell.url("/hang")))
    await tell("page", read(session, tell.url("/page")))


async def retries(session: Any, tell: Teller) -> None:
    async def patient() -> Any:
        for _ in range(3):
            status, *rest = await read(session, tell.url("/flaky"))
            if status < 500:
                return status, rest
        raise AssertionError

    await tell("flaky", patient())


async def ranges(session: Any, tell: Teller) -> None:
    for part in ("0-99", "1000-1999", "250000-"):
        options: Json = {"headers": {"Range": f"bytes={part}"}}
        await tell(part, read(session, tell.url("/picture"), **options))


async def methods(session: Any, tell: Teller) -> None:
    async def send(method: str, **options: Any) -> Any:
        async with getattr(session, method)(tell.url("/echo?a=1"), **options) as response:
            return response.status, await response.read()

    async def upload() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    await tell("head", send("head"))
    await tell("options", send("options"))
    await tell("post json", send("post", json={"a": 1}))
    await tell("post form", send("post", data={"a": "1"}))
    await tell("post stream", send("post", data=upload()))
    form = aiohttp.FormData({"a": "1"})
    form.add_field("file", b"content", filename="x.txt")
    await tell("post multipart", send("post", data=form))
    await tell("put", send("put", data=b"x"))
    await tell("patch", send("patch", data=b"x"))
    await tell("delete", send("delete"))
    await tell("params", send("get", params={"q": "ä b"}))
    await tell("query", tell_request(session, tell))


async def tell_request(session: Any, tell: Teller) -> Any:
    response = await session.request("PURGE", tell.url("/echo"))
    try:
        return response.method, await response.json()
    finally:
        response.release()


async def sockets(session: Any, tell: Teller) -> None:
    async def talk(path: str) -> Any:
        async with session.ws_connect(tell.url(path, scheme="ws")) as socket:
            await socket.send_str("hello")
            return (await socket.receive()).data

    await tell("ws", talk("/socket"))
    await tell("private ws", talk("/private/socket"))


async def packed(session: Any, tell: Teller) -> None:
    await tell("packed", read(session, tell.url("/packed")))


async def without_entering(session: Any, tell: Teller) -> None:
    async def alone() -> Any:
        connector = aiohttp.TCPConnector(resolver=Names())
        kind = type(session)
        options: Json = {"agent": "ExampleBot"} if kind is ReservationClient else {}
        mine = kind(connector=connector, headers={"User-Agent": BOT}, **options)
        try:
            response = await mine.get(tell.url("/page"))
            body = await response.read()
            return mine.closed, response.status, body
        finally:
            await mine.close()

    await tell("page", alone())


async def attributes(session: Any, tell: Teller) -> None:
    for name in (
        "closed",
        "headers",
        "timeout",
        "auth",
        "requote_redirect_url",
        "raise_for_status",
    ):
        await tell(name, kept(lambda name=name: getattr(session, name)))  # type: ignore[misc]
    for name in ("trust_env", "auto_decompress", "version", "skip_auto_headers", "json_serialize"):
        await tell(name, kept(lambda name=name: getattr(session, name)))  # type: ignore[misc]
    await tell("connector", kept(lambda: type(session.connector).__name__))
    await tell("loop", kept(lambda: session.connector.closed))


async def echo(session: Any, tell: Teller) -> None:
    await tell("plain", read(session, tell.url("/echo")))
    await tell("with headers", read(session, tell.url("/echo"), headers={"X-Mine": "1"}))
    credentials = {"Authorization": "Basic dTpw"}
    await tell("with credentials", read(session, tell.url("/echo"), headers=credentials))


async def mark(request: aiohttp.ClientRequest, handler: Any) -> aiohttp.ClientResponse:
    """A middleware of the project's own."""
    request.headers["X-Inner"] = "1"
    response: aiohttp.ClientResponse = await handler(request)
    return response


async def tasks(session: Any, tell: Teller) -> None:
    async def start() -> Any:
        task = asyncio.ensure_future(session.get(tell.url("/page")))
        async with await task as response:
            return response.status, len(await response.read())

    async def cancel() -> Any:
        task = asyncio.ensure_future(session.get(tell.url("/hang")))
        await asyncio.sleep(0.2)
        task.cancel()
        return await asyncio.gather(task, return_exceptions=True)

    async def after() -> Any:
        async with session.get(tell.url("/page")) as response:
            await response.read()
        return len(await response.text()), response.closed

    await tell("as a task", start())
    await tell("cancelled", cancel())
    await tell("read after the block", after())


async def released(session: Any, tell: Teller) -> None:
    async def drop() -> Any:
        for _ in range(5):
            async with session.get(tell.url("/picture")):
                pass
        response = await session.get(tell.url("/page"))
        response.close()
        return response.closed

    await tell("unread", drop())
    await tell("next", read(session, tell.url("/page")))


def hiccup(host: str) -> Program:
    async def program(session: Any, tell: Teller) -> None:
        urls = [tell.url(f"/page/{number}", host) for number in range(5)]
        await asyncio.gather(*(tell(str(n), read(session, url)) for n, url in enumerate(urls)))
        await tell("private", read(session, tell.url("/private/x", host)))

    return program


SHY = {"private": PRIVATE}
NAMES = dict.fromkeys(["private", *map(str, range(5))], UNREACHABLE)

USES = (
    Use("pages", pages, 6, withheld=SHY),
    Use("30 pages at once", at_once, 30),
    Use("30 pages over one connection", at_once, 30, {"limit": 1}),
    Use("robots.txt answers 503 once", hiccup("r503.example"), 6, withheld=SHY),
    Use("robots.txt answers 429 once", hiccup("r429.example"), 6, withheld=SHY),
    Use("robots.txt resets once", hiccup("reset.example"), 6, withheld=SHY),
    Use("robots.txt answers 503 for ever", hiccup("r503s.example"), 6, withheld=NAMES),
    Use("a page, read in every way", read_all_ways("/page"), 11),
    Use("a picture, read in every way", read_all_ways("/picture"), 11),
    Use("a download of 10 MB, streamed and left early", big, 2),
    Use("server-sent events", events("text-event-stream"), 1),
    Use("a page that comes bit by bit", events("text-plain"), 1),
    Use("errors of the network and of the server", errors, 5, withheld={"no such port": DEAD}),
    Use("raise_for_status of the session", statuses, 1, {"raise_for_status": True}),
    Use("cookies in a jar", cookies, 4),
    Use(
        "redirects", redirects, 7, withheld={"to private": PRIVATE, "to private elsewhere": PRIVATE}
    ),
    Use("base_url", relative, 3, {"base_url": "/"}, withheld=SHY),
    Use("timeouts of a request", timeouts, 1),
    Use("timeout of the session", slow, 1, {"timeout": aiohttp.ClientTimeout(total=0.5)}),
    Use("retries of one's own", retries, 1),
    Use("ranges", ranges, 3),
    Use("every method, forms and uploads", methods, 11),
    Use("websockets", sockets, 2, withheld={"private ws": PRIVATE}),
    Use("packed pages", packed, 1),
    Use("packed pages, auto_decompress off", packed, 1, {"auto_decompress": False}),
    Use("a session that is not entered", without_entering, 1),
    Use("attributes of a session", attributes, 13),
    Use("headers and credentials", echo, 3),
    Use("a middleware of one's own", echo, 3, {"middlewares": (mark,)}),
    Use("tasks, cancelled and not", tasks, 3),
    Use("responses that are not read", released, 2),
)
