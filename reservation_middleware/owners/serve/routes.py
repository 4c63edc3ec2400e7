"""The addresses of the server and what they answer."""

import asyncio
import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urldefrag, urlsplit

import msgspec
from aiohttp import web
from yarl import URL

from reservation_middleware.model import ConfigurationError
from reservation_middleware.owners.inspect.budget import Reach
from reservation_middleware.owners.inspect.public import refuse_target
from reservation_middleware.owners.page_address import page_address
from reservation_middleware.owners.watch.compare import compare
from reservation_middleware.owners.watch.forms import alike
from reservation_middleware.owners.watch.history import History
from reservation_middleware.runtime.transport import PrivateAddressError

from .headers import PROGRESS_POLICY
from .intent_form import USES, VALUES, filled, matrix, shown_files, toml, written, zipped
from .limits import client_key
from .looks import BusyError, RunningLook, site_of
from .openapi import DESCRIPTION
from .pages import show
from .server import SERVER, ClientAddress

#: Characters of an address, fields of a form, seconds in which a form must come.
_LONGEST, _MOST_FIELDS, _FORM_TIME = 2000, 100, 20.0
#: Streams of events at once; looks of a page, and pages, that are listed.
_MOST_STREAMS, _MOST_LOOKS, _MOST_PAGES = 100, 200, 500
_ROBOTS = (
    "User-agent: *\nDisallow: /check\nDisallow: /api/\nDisallow: /report/\nDisallow: /events/\n"
)
#: What an identifier of a report looks like.
_IDENT = "{ident:[A-Za-z0-9_-]{22}}"


class AddressProblemError(Exception):
    """An address that is not asked; the message is a sentence for people."""


class TooOftenError(Exception):
    """A limit is reached.

    Attributes:
        seconds: after which one may ask again.
    """

    def __init__(self, words: str, seconds: float) -> None:
        super().__init__(words)
        self.seconds = max(1, math.ceil(seconds))


def page(text: str, status: int = 200, **headers: str) -> web.Response:
    """A page in HTML."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.Response(text=text, status=status, content_type="text/html", headers=named)


def plain(value: Any, status: int = 200) -> web.Response:
    """A value in JSON."""
    return web.Response(
        body=msgspec.json.encode(value), status=status, content_type="application/json"
    )


async def home(_request: web.Request) -> web.Response:
    """The page with one field."""
    return page(show("home", url="", problem=""))


async def check(request: web.Request) -> web.Response:
    """Begin a look, and lead to its report."""
    given = (await form_of(request) if request.method == "POST" else request.query).get("url", "")
    try:
        look = start(request, given)
    except AddressProblemError as problem:
        return page(show("home", url=given[:_LONGEST], problem=str(problem)), 400)
    return web.Response(status=303, headers={"Location": f"/report/{look.ident}"})


async def api_check(request: web.Request) -> web.Response:
    """Look, and answer with what ``check --format json`` prints."""
    look = start(request, request.query.get("url", ""))
    async for _ in look.progress():
        pass
    assert look.report is not None
    if look.report.problem:
        return plain({"error": look.report.problem}, 424)
    return web.Response(text=look.report.json, content_type="application/json")


async def report(request: web.Request) -> web.Response:
    """A report; while its look is under way, its progress."""
    server = request.app[SERVER]
    ident = request.match_info["ident"]
    look = server.looks.running(ident)
    if look is not None:
        text = show("progress", url=look.url, ident=ident, requests=look.requests)
        return page(text, Content_Security_Policy=PROGRESS_POLICY)
    found = server.reports.get(ident)
    if found is None:
        raise web.HTTPNotFound
    if found.problem:
        sentence = f"{found.url}: {found.problem}."
        return page(show("message", heading="No report", sentence=sentence, again=found.url))
    return page(found.page)


async def events(request: web.Request) -> web.StreamResponse:
    """The progress of a look, as server-sent events."""
    server = request.app[SERVER]
    ident = request.match_info["ident"]
    look = server.looks.running(ident)
    if look is None and server.reports.get(ident) is None:
        raise web.HTTPNotFound
    if server.streams >= _MOST_STREAMS:
        raise TooOftenError("Too many follow the progress of looks now", 10)
    server.streams += 1
    try:
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await stream.prepare(request)
        if look is not None:
            async for step in look.progress():
                data = msgspec.json.encode(step._asdict()) if step else b""
                await stream.write(b"event: request\ndata: " + data + b"\n\n" if step else b":\n\n")
        await stream.write(f"event: done\ndata: /report/{ident}\n\n".encode())
        await stream.write_eof()
    finally:
        server.streams -= 1
    return stream


async def intent(request: web.Request) -> web.Response:
    """The intent editor; with a form, the files that say it."""
    given = await form_of(request) if request.method == "POST" else {}
    form = filled(given)
    values: dict[str, Any] = {
        "form": form,
        "uses": USES,
        "values": VALUES,
        "path_uses": USES,
        "problem": "",
        "found": None,
    }
    if not given:
        return page(show("intent", **values))
    take(request, request.app[SERVER].client_forms)
    try:
        meant, found = written(form)
        intent_file = toml(form)
    except (ConfigurationError, ValueError) as problem:
        return page(show("intent", **{**values, "problem": f"{problem}."}), 400)
    if given.get("do") == "zip":
        name = f"reservations-{urlsplit(meant.origin).hostname or 'site'}.zip"
        return web.Response(
            body=zipped(found, intent_file),
            content_type="application/zip",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )
    values |= {
        "found": found,
        "matrix": matrix(found).items(),
        "has_implied": any(row.implied for row in found.rows),
        "notes": (*found.left_out, *found.notes),
        "files": list(shown_files(found, intent_file)),
    }
    return page(show("intent", **values))


async def compared(request: web.Request) -> web.Response:
    """Two dates of a watched page side by side."""
    file = request.app[SERVER].history
    url = request.query.get("url", "")[:_LONGEST]
    values: dict[str, Any] = {
        "url": url,
        "problem": "",
        "has_history": file is not None and file.is_file(),
        "pages": [],
        "looks": [],
        "changes": None,
        "first": None,
        "second": None,
    }
    if file is None or not values["has_history"]:
        return page(show("compare", **values))
    try:
        with History(file) as history:
            looks = history.looks(url, _MOST_LOOKS) if url.isprintable() and url else []
            values["pages"] = history.urls(_MOST_PAGES)
            if not looks:
                values["problem"] = "There is no history of this page." if url else ""
                return page(show("compare", **values), 404 if url else 200)
            readable = [look.number for look in looks if look.problem is None]
            second = _chosen(request, "to", readable, 0)
            first = _chosen(request, "from", readable, 1)
            values |= {"looks": looks, "first": first, "second": second}
            effects = history.effects(url, [number for number in (first, second) if number])
    except ConfigurationError as problem:
        values |= {"problem": f"The history cannot be read: {problem}", "has_history": True}
        return page(show("compare", **values))
    if len(effects) == 2:
        values["changes"] = alike(compare(*effects).changes)
    return page(show("compare", **values))


def _chosen(request: web.Request, name: str, numbers: list[int], place: int) -> int | None:
    """The look that was chosen, else the one at a place of the list; None where there is none."""
    given = request.query.get(name, "")
    if given.isascii() and given.isdigit() and int(given[:18]) in numbers:
        return int(given[:18])
    return numbers[min(place, len(numbers) - 1)] if numbers else None


async def openapi(_request: web.Request) -> web.Response:
    """The description for programs."""
    return plain(DESCRIPTION)


async def health(_request: web.Request) -> web.Response:
    """That the server answers."""
    return plain({"ok": True})


async def robots(_request: web.Request) -> web.Response:
    """What crawlers are asked to leave alone here."""
    return web.Response(text=_ROBOTS)


ROUTES = [
    web.get("/", home),
    web.get("/check", check, allow_head=False),
    web.post("/check", check),
    web.get("/api/check", api_check, allow_head=False),
    web.get(f"/report/{_IDENT}", report),
    web.get(f"/events/{_IDENT}", events, allow_head=False),
    web.get("/intent", intent),
    web.post("/intent", intent),
    web.get("/compare", compared),
    web.get("/openapi.json", openapi),
    web.get("/healthz", health),
    web.get("/robots.txt", robots),
]


def start(request: web.Request, given: str) -> RunningLook:
    """The look at a page that somebody asks for.

    Raises:
        AddressProblemError: the address is not asked.
        TooOftenError: a limit is reached.
    """
    server = request.app[SERVER]
    url = _asked(given, server.reach)
    take(request, server.clients)
    if (under_way := server.looks.under_way(url)) is not None:
        return under_way
    site = site_of(url)
    if wait := server.sites.take(site):
        raise TooOftenError(f"{site} was looked at very often just now", wait)
    try:
        return server.looks.start(url)
    except BusyError:
        raise TooOftenError("Many pages are looked at just now", 30) from None


def take(request: web.Request, buckets: Any) -> None:
    """Count a request of a client.

    Raises:
        TooOftenError: it is one too many.
    """
    server = request.app[SERVER]
    address = request.remote or ""
    if server.client_address is ClientAddress.FORWARDED:
        address = request.headers.get("X-Forwarded-For", address).rpartition(",")[2].strip()
    if wait := buckets.take(client_key(address)):
        raise TooOftenError("You have asked very often", wait)


def _asked(given: str, reach: Reach) -> str:
    if len(given) > _LONGEST:
        raise AddressProblemError(f"An address has {_LONGEST} characters at the most.")
    if not given.strip():
        raise AddressProblemError("Type the address of a page or site.")
    try:
        url = urldefrag(page_address(given)).url
        if "@" in urlsplit(url).netloc:
            raise AddressProblemError("An address with a name and password is not asked.")
        target = URL(url)
        if reach is Reach.PUBLIC:
            refuse_target(target)
    except ValueError as error:
        raise AddressProblemError(f"{error}.") from None
    except PrivateAddressError as error:
        raise AddressProblemError(f"{error}: only public sites are asked.") from None
    return url


async def form_of(request: web.Request) -> Mapping[str, str]:
    """The fields of a form.

    Raises:
        web.HTTPException: it is too long, too slow, or no form.
    """
    if request.content_type != "application/x-www-form-urlencoded":
        raise web.HTTPUnsupportedMediaType
    try:
        async with asyncio.timeout(_FORM_TIME):
            body = await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    try:
        pairs = parse_qsl(
            body.decode("utf-8", "replace"),
            keep_blank_values=True,
            errors="replace",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError:
        raise web.HTTPBadRequest from None
    return dict(pairs)
