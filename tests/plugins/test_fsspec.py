"""fsspec's HTTPFileSystem with ReservationClient as its session.

fsspec makes the client inside its own loop, never enters it, and reads bodies as streams and in
blocks (Range). https://filesystem-spec.readthedocs.io
"""

import importlib
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from plugin_support import Site, require

require("fsspec")

from aiohttp import web
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from reservation_middleware.aiohttp import ReservationClient, ReservedError

pytestmark = pytest.mark.plugins
fsspec: Any = importlib.import_module("fsspec")

FileSystem = Callable[..., Any]
TABLE = b"".join(b"%06d,a line of a table\n" % number for number in range(40_000))  # 1 MB
PAGE = b"<!doctype html><title>A page</title><p>" + b"text " * 5000
RESERVED_PAGE = b'<!doctype html><meta name="tdm-reservation" content="1"><p>text'
ROBOTS = b"User-agent: *\nDisallow: /private/\n"


def picture(*, mining: str | None = None) -> bytes:
    """A PNG, with what it says of data mining."""
    info = PngInfo()
    if mining is not None:
        info.add_itxt(
            "XML:com.adobe.xmp",
            '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
            'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
            f'xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/" plus:DataMining="{mining}"/>'
            "</rdf:RDF></x:xmpmeta>",
        )
    file = BytesIO()
    Image.effect_noise((200, 200), 80).save(file, "PNG", pnginfo=info)
    return file.getvalue()


PROHIBITED = "http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED"
PICTURE = picture()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Static files with listings and ranges, some of them reserved."""
    folder = tmp_path_factory.mktemp("site")
    files = {
        "table.csv": TABLE,
        "page.html": PAGE,
        "reserved.html": RESERVED_PAGE,
        "plain.png": PICTURE,
        "reserved.png": picture(mining=PROHIBITED),
        "empty.bin": b"",
    }
    for part in ("open", "private"):
        (folder / part).mkdir()
        for name, body in files.items():
            (folder / part / name).write_bytes(body)

    async def robots(_: web.Request) -> web.Response:
        return web.Response(body=ROBOTS)

    async def take(request: web.Request) -> web.Response:
        taken = folder / request.match_info["name"]
        taken.write_bytes(await request.read())
        return web.Response(status=201)

    app = web.Application(client_max_size=2**24)
    app.router.add_get("/robots.txt", robots)
    for method in ("PUT", "POST"):
        app.router.add_route(method, "/open/put/{name}", take)
    app.router.add_static("/", folder, show_index=True)
    with Site(app=app) as server:
        yield server


@pytest.fixture
def files() -> Iterator[FileSystem]:
    """File systems with our client, or stock."""
    made: list[Any] = []

    async def get_client(**options: Any) -> ReservationClient:
        return ReservationClient(agent="ExampleBot", **options)

    def file_system(*, stock: bool = False, **options: Any) -> Any:
        if not stock:
            options["get_client"] = get_client
        made.append(fsspec.filesystem("http", skip_instance_cache=True, **options))
        return made[-1]

    yield file_system
    for one in made:
        if one._session is not None:
            one.close_session(one.loop, one._session)


@pytest.mark.parametrize("name", ["table.csv", "page.html", "plain.png", "empty.bin"])
def test_files_are_whole(site: Site, files: FileSystem, tmp_path: Path, name: str) -> None:
    """Every way of reading gives the bytes that the stock session gives."""
    url = f"{site.url}open/{name}"
    ours, stock = files(), files(stock=True)
    body = stock.cat(url)
    assert ours.cat(url) == body
    ours.get(url, str(tmp_path / name))
    assert (tmp_path / name).read_bytes() == body
    if body:
        assert ours.cat_file(url, start=100, end=200) == stock.cat_file(url, start=100, end=200)
    assert ours.info(url) == stock.info(url)
    assert ours.exists(url)
    assert not ours.exists(f"{site.url}open/no-such-file")


def test_blocks(site: Site, files: FileSystem) -> None:
    """A file opened as one is read in ranges, also from the middle and the end."""
    url = f"{site.url}open/table.csv"
    ours = files(block_size=64 * 1024)
    before = len(site.log)
    with ours.open(url) as file:
        assert file.size == len(TABLE)
        file.seek(500_000)
        assert file.read(1000) == TABLE[500_000:501_000]
        file.seek(-100, 2)
        assert file.read() == TABLE[-100:]
        file.seek(0)
        assert file.readline() == TABLE.splitlines(keepends=True)[0]
    assert len(site.log) - before >= 4
    with ours.open(url, block_size=0) as stream:
        assert b"".join(iter(lambda: stream.read(70_000), b"")) == TABLE


def test_ls_and_glob(site: Site, files: FileSystem) -> None:
    ours, stock = files(), files(stock=True)
    folder = f"{site.url}open/"
    assert sorted(ours.ls(folder, detail=False)) == sorted(stock.ls(folder, detail=False))
    assert len(ours.ls(folder)) == 6
    pictures = ours.glob(f"{folder}*.png")
    assert pictures == stock.glob(f"{folder}*.png")
    assert len(pictures) == 2
    assert ours.cat(pictures[0]) == PICTURE


@pytest.mark.parametrize("path", ["private/table.csv", "open/reserved.html", "open/reserved.png"])
def test_what_is_reserved_raises(site: Site, files: FileSystem, tmp_path: Path, path: str) -> None:
    """By robots.txt, by a meta, by an image's metadata; no file is left behind as if it were one."""
    ours = files()
    with pytest.raises(ReservedError) as caught:
        ours.cat(site.url + path)
    assert caught.value.decision.blocked
    with pytest.raises(ReservedError):
        ours.get(site.url + path, str(tmp_path / "file"))
    assert not (tmp_path / "file").exists()
    with (
        pytest.raises((ReservedError, FileNotFoundError)) as failed,
        ours.open(site.url + path, block_size=0) as file,
    ):
        file.read()
    # fsspec tells whatever happens while it asks for a size as a file that is not there.
    cause = failed.value if isinstance(failed.value, ReservedError) else failed.value.__cause__
    assert isinstance(cause, ReservedError)
    if path.startswith("private"):
        assert f"GET /{path}" not in site.log


def test_many_at_once(site: Site, files: FileSystem) -> None:
    """`cat` of a list tells each file's own outcome."""
    names = ["table.csv", "page.html", "reserved.html", "plain.png"]
    found = files().cat([f"{site.url}open/{name}" for name in names], on_error="return")
    outcome = {url.rpartition("/")[2]: body for url, body in found.items()}
    assert isinstance(outcome.pop("reserved.html"), ReservedError)
    assert outcome == {"table.csv": TABLE, "page.html": PAGE, "plain.png": PICTURE}


@pytest.mark.parametrize("method", ["put", "post"])
def test_files_are_sent(site: Site, files: FileSystem, tmp_path: Path, method: str) -> None:
    (tmp_path / "table.csv").write_bytes(TABLE)
    name = f"{method}.csv"
    files().put_file(str(tmp_path / "table.csv"), f"{site.url}open/put/{name}", method=method)
    assert files().cat(f"{site.url}{name}") == TABLE
