"""Images, PDF, EPUB and pages that are sent as something else, through both adapters.

What a body is, its beginning says (PLUS-13, ROBOTS-META-15). The vectors have each media type
once; here every kind of file comes behind several, and whoever streams gets every octet.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

pytest.importorskip("aiohttp")
pytest.importorskip("PIL")
pytest.importorskip("pikepdf")

import media_files as make

from reservation_middleware.aiohttp import ReservationClient, ReservedError, _body
from reservation_middleware.decide.bodies import BEGINNING, Look, look
from reservation_middleware.model import Document, Outcome
from web import Answer, Web, WebThread

A = "http://a.example/"
PACKET = make.data_mining("DMI-PROHIBITED")
TDM = '<meta property="tdm:reservation">1</meta>'
FILES: Mapping[str, bytes] = {
    "jpeg": make.jpeg(PACKET),
    "png": make.late_png(PACKET),
    "webp": make.webp(PACKET),
    "tiff": make.tiff(PACKET),
    "gif": make.gif(PACKET),
    "pdf": make.pdf(PACKET),
    "epub": make.epub(TDM),
    "html": b"<!-- saved -->\n<!DOCTYPE html><meta name=robots content=noai><p>x",
}
TYPES = (
    *("application/octet-stream", "binary/octet-stream", "application/x-download"),
    *("application/force-download", "text/plain", "application/x-unheard-of"),
)
IMAGES = ("image/gif", "image/heic", "image/png", "video/mp4", "application/json")
#: Bodies that say nothing, or are not looked into; each as it is.
OTHERS: Mapping[str, tuple[str | None, bytes]] = {
    "octets": ("application/octet-stream", bytes(range(256)) * 1_000),
    "text": ("text/plain", b"speaks of <!doctype html><meta name=robots content=noai>"),
    "json": ("application/json", b'{"x": "<meta name=robots content=noai>"}'),
    "no-type": (None, bytes(range(256)) * 1_000),
    "empty": ("application/octet-stream", b""),
    "blank": ("text/plain", b" " * 5_000),
    "clear": ("image/gif", make.gif(make.data_mining("DMI-UNSPECIFIED"))),
}


def served() -> dict[str, Answer]:
    pages = {A + "robots.txt": Answer(404)}
    for kind, body in FILES.items():
        types = TYPES if kind == "html" else (*TYPES, *IMAGES)
        for number, media_type in enumerate(types):
            pages[f"{A}{kind}-{number}"] = Answer(200, (("Content-Type", media_type),), body=body)
        pages[f"{A}{kind}-none"] = Answer(200, (), body=body)
    for name, (sent, body) in OTHERS.items():
        pages[A + name] = Answer(200, (("Content-Type", sent),) if sent else (), body=body)
    return pages


PAGES = served()
RESERVED = sorted(url for url in PAGES if url.removeprefix(A).partition("-")[0] in FILES)
OPEN = sorted(A + name for name in OTHERS)

run = pytest.mark.asyncio


@asynccontextmanager
async def client(pages: Mapping[str, Answer], **options: Any) -> AsyncIterator[ReservationClient]:
    async with (
        Web(pages) as web,
        ReservationClient(agent="ExampleBot", proxy=web.proxy_url, **options) as made,
    ):
        yield made


@run
async def test_aiohttp_blocks_what_the_beginning_shows() -> None:
    delivered = []
    async with client(PAGES) as session:
        for url in RESERVED:
            with suppress(ReservedError):
                async with session.get(url):
                    delivered.append(url)
        for url in OPEN:
            async with session.get(url) as response:
                assert await response.read() == PAGES[url].body
    assert delivered == []


@run
async def test_every_octet_comes_through_however_it_is_read() -> None:
    async with client(PAGES, media=False) as session:
        for url in [*OPEN, *(url for url in RESERVED if "html" not in url)]:
            async with session.get(url) as response:
                body = b"".join([piece async for piece in response.content.iter_chunked(100)])
            assert body == PAGES[url].body, url
            decision = session.decision(response)
            assert decision is not None
            assert decision.action == "proceed"


@pytest.fixture(scope="module")
def crawl() -> Iterator[Any]:
    pytest.importorskip("scrapy")
    from scrapy_runner import Worker

    with Worker() as worker, WebThread(PAGES) as web:
        yield worker.crawl(
            web.proxy_url,
            requests=[*RESERVED, *OPEN],
            settings={"USER_AGENT": "ExampleBot/1.0", "DOWNLOAD_DELAY": 0},
        )


def test_scrapy_blocks_the_same(crawl: Any) -> None:
    assert crawl.problems == []
    assert sorted(crawl.blocked) == RESERVED
    assert sorted(crawl.urls) == OPEN


# ---- what is not held


@run
async def test_a_download_without_end_is_handed_out_at_its_beginning() -> None:
    """A file that is no media is not held, however long it is or takes."""
    pages = {
        A + "zip": Answer(
            200, (("Content-Type", "application/zip"),), body=b"PK\3\4" + bytes(99), fault="endless"
        ),
        A + "octets": Answer(
            200, (("Content-Type", "application/octet-stream"),), body=b"\1\2", fault="endless"
        ),
        A + "text": Answer(
            200, (("Content-Type", "text/plain"),), body=b"once upon", fault="endless"
        ),
        A + "bare": Answer(200, (), body=bytes(100), fault="endless"),
    }
    async with client(pages) as session:
        for name in ("zip", "octets", "text", "bare"):
            async with session.get(A + name) as response:
                beginning = pages[A + name].body
                assert isinstance(beginning, bytes)
                assert await response.content.readexactly(len(beginning)) == beginning
                assert len(await response.content.readexactly(1_000_000)) == 1_000_000


def test_what_is_sent_bit_by_bit_is_not_waited_for() -> None:
    for media_type in (
        *("text/event-stream", "multipart/x-mixed-replace; boundary=x", "application/x-ndjson"),
        *("application/grpc+proto", "application/json-seq"),
    ):
        assert look(head(media_type)) is Look.NOTHING


@run
async def test_a_beginning_that_comes_late_is_looked_into_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The response is handed out, and the read that would find the end raises."""
    monkeypatch.setattr(_body, "PAGE_SECONDS", 0.02)
    plain = (("Content-Type", "text/plain"),)
    page = b"<!doctype html><meta name=robots content=noai>"
    pages = {
        A + "page": Answer(200, plain, body=page, fault="drip"),
        A + "text": Answer(200, plain, body=b"   <x", fault="drip"),
    }
    async with client(pages) as session:
        async with session.get(A + "text") as response:
            assert await response.read() == b"   <x"
        with pytest.raises(ReservedError):
            async with session.get(A + "page") as response:
                await response.read()


# ---- the decision itself


def head(media_type: str | None) -> Document:
    return Document(
        url=A,
        resource="page",
        outcome=Outcome.FETCHED,
        status=200,
        headers=(("content-type", media_type),) if media_type is not None else (),
    )


@pytest.mark.parametrize("kind", FILES)
def test_a_decision_never_changes_with_more_octets(kind: str) -> None:
    """Octet by octet: not known, then what the whole body is."""
    body = FILES[kind][: BEGINNING + 10]
    for media_type in (*TYPES, *IMAGES, "application/pdf", None):
        whole = look(head(media_type), body, ended=True)
        early = [look(head(media_type), body[:length]) for length in range(0, len(body), 7)]
        known = [found for found in early if found is not None]
        if media_type is None and kind != "html":
            continue  # text until an octet shows otherwise
        assert set(known) <= {whole}, (kind, media_type)


def test_what_is_known_by_its_type_waits_for_nothing() -> None:
    for media_type in (
        "text/html",
        "application/xhtml+xml",
        "application/xml",
        "application/rss+xml",
    ):
        assert look(head(media_type)) is Look.PAGE
    assert look(head("image/svg+xml"), b"<svg ") is Look.NOTHING
    assert look(head("image/svg+xml"), b"<!-- x") is None
    assert look(head("application/x+xml"), b"<?xml version='1.0'?><html ") is Look.PAGE
    for media_type, beginning in (
        ("application/octet-stream", b"\1"),
        ("text/plain", b"o"),
        ("application/json", b"{"),
        ("video/mp4", b"\0\0\0\x18ftyp"),
        ("application/octet-stream", b"x" * BEGINNING),
        ("text/plain", b"<" * BEGINNING),
    ):
        assert look(head(media_type), beginning) is Look.NOTHING, media_type
    for beginning in (b"", b"<", b"\xff", b"\xff\xd8", b"PK\3\4", b"RIFF", b"  \n"):
        assert look(head("application/octet-stream"), beginning) is None
        assert look(head("application/octet-stream"), beginning, ended=True) is Look.NOTHING
