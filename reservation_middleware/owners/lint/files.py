"""Files as a site: a folder that was built, single files told by name and content, standard input.

What is no file of a kind that is read, cannot be read or is too large is said, never passed over as
clean. Symbolic links to folders are not followed, so that a folder has an end.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from reservation_middleware.decide.reading import BY_PATH, LINKED, RESOURCES, Reading
from reservation_middleware.model import PAGE, ConfigurationError, Document, Outcome
from reservation_middleware.model.plural import counted
from reservation_middleware.syntax import html, rsl
from reservation_middleware.syntax.media import recognised
from reservation_middleware.syntax.path import split_url

from .header_files import HeaderLine, read_headers
from .places import UNKNOWN_ORIGIN, LintedSite, NotTested
from .source import LintSource

#: Files of a folder that are looked at, pages and media among them that are read, octets of one
#: medium, and folders that are never a part of a site.
MAX_FILES, MAX_PAGES, MAX_MEDIA, MAX_MEDIUM = 100_000, 5_000, 500, 16 * 1024 * 1024
_SKIPPED = frozenset((".git", ".hg", ".svn", "node_modules", "__pycache__", ".venv", ".tox"))
_PAGES = {".html": "text/html", ".htm": "text/html", ".xhtml": "application/xhtml+xml"}
_MEDIA = {
    **dict.fromkeys((".jpg", ".jpeg", ".jpe"), "image/jpeg"),
    **{f".{name}": f"image/{name}" for name in ("png", "gif", "webp", "avif", "tiff", "heic")},
    ".pdf": "application/pdf",
    ".epub": "application/epub+zip",
}
_CONFIGURATIONS = ("_headers", ".htaccess")
#: Files that say what a generator or a deploy step leaves out.
_OTHERS = ("_config.yml", ".vercelignore", ".dockerignore", ".netlifyignore", ".gcloudignore")
#: Names of well-known files, each with the path under which it is read.
_BY_NAME = {path.rpartition("/")[2]: path for path in reversed(list(BY_PATH))}
#: Files in which people put signals that nobody reads there.
_UNREAD = ("llms.txt", "llms-full.txt", "humans.txt", "security.txt", "ads.txt")
_RSL = b"https://rslstandard.org/rsl"
_ROBOTS_LINE = re.compile(
    rb"^[ \t]*(?:user-?agent|disallow|allow|sitemap)\s*:", re.IGNORECASE | re.MULTILINE
)
_SITEMAP = re.compile(rb"^\s*sitemap\s*:\s*(https?://[^/\s]+)/", re.IGNORECASE | re.MULTILINE)
_SNIFFED = 64 * 1024


def read_input(stream: BinaryIO) -> LintedSite:
    """Standard input as one file, told by its content."""
    limit = rsl.LIMIT + 1
    body = stream.read(limit)
    return _single("<stdin>", body, None, "")


def read_path(path: Path, *, origin: str | None = None) -> LintedSite:
    """A folder or a file.

    Args:
        path: which one.
        origin: where it is published; guessed from its files if None.

    Raises:
        ConfigurationError: there is no such file, or it cannot be read.
    """
    try:
        if path.is_dir():
            return _folder(path, origin)
        name = path.name.lower()
        body = _body(path, _limit(name))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigurationError(f"cannot read {path}: {reason}") from None
    return _single(_shown(path, path.parent, ""), body, path, name, origin=origin)


def _single(
    shown: str, body: bytes, path: Path | None, name: str, *, origin: str | None = None
) -> LintedSite:
    """One file by itself."""
    origin = origin or _guessed(body) or UNKNOWN_ORIGIN
    if name in _CONFIGURATIONS or name.endswith((".conf", ".nginx")):
        source = _source(shown, path, origin + "/" + name, PAGE, body)
        lines = read_headers(source, name)
        untested = () if lines else (NotTested(shown, "no line in it adds a header field"),)
        return LintedSite(origin=origin, header_lines=lines, not_tested=untested, others=(source,))
    if name in _OTHERS or name in _UNREAD:
        source = _source(shown, path, origin + "/" + name, PAGE, body)
        misplaced = ((source, ""),) if name in _UNREAD else ()
        return LintedSite(origin=origin, misplaced=misplaced, others=(source,))
    is_page = Path(name).suffix in (*_PAGES, *_MEDIA) and bool(body)
    target = _BY_NAME.get(name) or ("page" if is_page else _by_content(body))
    if target == "rsl":
        source = _source(shown, path, f"{origin}/license.xml", "rsl", body, "application/rsl+xml")
        return LintedSite(origin=origin, resources=(source,))
    if target == "page":
        kind = _PAGES.get(Path(name).suffix) or _MEDIA.get(Path(name).suffix) or "text/html"
        source = _source(shown, path, f"{origin}/{quote(name or 'index.html')}", PAGE, body, kind)
        return LintedSite(origin=origin, pages=(source,))
    if target is None:
        why = "it is empty" if not body.strip() else "no file of a kind that is read here"
        return LintedSite(origin=origin, not_tested=(NotTested(shown, why),))
    resource = BY_PATH[target].name
    return LintedSite(
        origin=origin, resources=(_source(shown, path, origin + target, resource, body),)
    )


def _by_content(body: bytes) -> str | None:
    """What a file is that has no well-known name: a path, "rsl" or "page"; None if nothing."""
    begin = body[:_SNIFFED].lstrip(b"\xef\xbb\xbf \t\r\n")
    if recognised(body):
        return "page"
    if begin.startswith(b"<"):
        return "rsl" if _RSL in begin or begin[:300].find(b"<rsl") >= 0 else "page"
    if begin.startswith((b"[", b"{")):
        return "/.well-known/tdmrep.json" if b"tdm" in begin else None
    if b"datatrainingallowed" in begin.lower():
        return "/trust.txt"
    text = begin
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = body[:_SNIFFED].decode("utf-16", "replace").encode()
    return "/robots.txt" if _ROBOTS_LINE.search(text) else None


def _folder(folder: Path, origin: str | None) -> LintedSite:
    """A site as it was built."""
    notes: list[NotTested] = []
    paths = list(_walk(folder, notes))
    bodies: dict[str, bytes] = {}
    if origin is None:
        for name in ("robots.txt", "CNAME"):
            bodies[name] = _maybe(folder / name, 512 * 1024)
        domain = bodies["CNAME"].decode("ascii", "replace").strip()
        host = re.fullmatch(r"[A-Za-z0-9.-]+", domain)
        origin = f"https://{domain}" if host else _guessed(bodies["robots.txt"])
    origin = origin or UNKNOWN_ORIGIN
    resources: list[LintSource] = []
    pages: list[LintSource] = []
    misplaced: list[tuple[LintSource, str]] = []
    lines: list[HeaderLine] = []
    others: list[LintSource] = []
    media = 0
    for path in paths:
        relative = path.relative_to(folder).as_posix()
        name, suffix = path.name, path.suffix.lower()
        shown, url = _shown(path, folder, relative), f"{origin}/{quote(relative)}"
        place = BY_PATH.get(f"/{relative}")
        try:
            if place is not None:
                body = _body(path, place.limit)
                resources.append(_source(shown, path, url, place.name, body))
            elif name in _CONFIGURATIONS or suffix == ".conf":
                source = _source(shown, path, url, PAGE, _body(path, 1 << 20))
                lines += read_headers(source, name)
            elif relative in _OTHERS:
                others.append(_source(shown, path, url, PAGE, _body(path, 1 << 20)))
            elif name in _BY_NAME or relative in _UNREAD:
                wanted = _BY_NAME.get(name, "")
                source = _source(shown, path, url, PAGE, _body(path, 1 << 20))
                if _is_meant(source, wanted):
                    misplaced.append((source, wanted))
            elif suffix in _PAGES:
                if len(pages) - media >= MAX_PAGES:
                    notes.append(NotTested(shown, f"more than {MAX_PAGES} pages"))
                    break
                address = re.sub(r"(^|/)index\.html?$", r"\1", url)
                body = _body(path, html.LIMIT)
                pages.append(_source(shown, path, address, PAGE, body, _PAGES[suffix]))
            elif suffix in _MEDIA:
                if media >= MAX_MEDIA or path.stat().st_size > MAX_MEDIUM:
                    why = "larger than 16 MiB" if media < MAX_MEDIA else f"over {MAX_MEDIA} media"
                    notes.append(NotTested(shown, why))
                    continue
                media += 1
                body = _body(path, MAX_MEDIUM)
                pages.append(_source(shown, path, url, PAGE, body, _MEDIA[suffix]))
        except (OSError, ValueError) as error:
            notes.append(NotTested(shown, str(getattr(error, "strerror", None) or error)))
    resources += _pointed_to(folder, origin, resources)
    if not (resources or pages or lines or misplaced):
        notes.append(
            NotTested(_shown(folder, folder, ""), "no file in it is of a kind that is read")
        )
    return LintedSite(
        origin=origin,
        resources=tuple(resources),
        pages=tuple(_with_fields(page, lines) for page in pages),
        misplaced=tuple(misplaced),
        header_lines=tuple(lines),
        others=tuple(others),
        is_folder=True,
        not_tested=tuple(notes),
    )


def _is_meant(source: LintSource, wanted: str) -> bool:
    """Whether a file that is not where it is read says anything; copies of others need not be."""
    if not wanted:
        return True
    place = BY_PATH[wanted]
    document = source.document
    reading = Reading(_document(document.url, place.name, source.body), RESOURCES[place.name])
    return any(findings.statements() for _, findings in reading.found)


def _walk(folder: Path, notes: list[NotTested]) -> Iterator[Path]:
    def failed(error: OSError) -> None:
        notes.append(NotTested(str(error.filename), error.strerror or "cannot be read"))

    number = 0
    for root, folders, files in os.walk(folder, onerror=failed):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        for name in sorted(files):
            number += 1
            if number > MAX_FILES:
                notes.append(NotTested(str(folder), "more than " + counted(MAX_FILES, "file")))
                return
            path = Path(root, name)
            if path.is_file():  # no device and no pipe, which have no end
                yield path


def _pointed_to(folder: Path, origin: str, resources: list[LintSource]) -> list[LintSource]:
    """Documents of the folder that others point to; one that is not there is said to be missing."""
    found: dict[str, LintSource] = {}
    for source in resources:
        reading = Reading(source.document, RESOURCES[source.document.resource])
        for link in reading.links:
            where, target = split_url(link.url)
            if where != origin or link.place.name not in LINKED or link.url in found:
                continue
            path = folder / target.lstrip("/").partition("?")[0]
            if ".." in path.parts:
                continue
            name, shown = link.place.name, _shown(path, folder, path.relative_to(folder).as_posix())
            if path.is_file():
                body = _body(path, link.place.limit)
                found[link.url] = _source(shown, path, link.url, name, body)
            else:
                document = Document(
                    url=link.url, resource=name, outcome=Outcome.UNAVAILABLE, status=404
                )
                found[link.url] = LintSource(name=shown, document=document, file=path)
    return list(found.values())


def _with_fields(page: LintSource, lines: list[HeaderLine]) -> LintSource:
    """A page with the header fields that the configuration gives it."""
    target = split_url(page.document.url)[1]
    fields = tuple((line.name, line.value) for line in lines if line.is_sent_to(target))
    if not fields:
        return page
    document = page.document
    return LintSource(
        name=page.name,
        file=page.file,
        document=Document(
            url=document.url,
            resource=PAGE,
            outcome=Outcome.FETCHED,
            status=document.status,
            headers=(*document.headers, *fields),
            body=document.body,
        ),
    )


def _source(
    shown: str, path: Path | None, url: str, resource: str, body: bytes, kind: str = ""
) -> LintSource:
    return LintSource(name=shown, document=_document(url, resource, body, kind), file=path)


def _document(url: str, resource: str, body: bytes, kind: str = "") -> Document:
    headers = (("content-type", kind),) if kind else ()
    return Document(
        url=url, resource=resource, outcome=Outcome.FETCHED, status=200, headers=headers, body=body
    )


def _limit(name: str) -> int:
    path = _BY_NAME.get(name)
    if path:
        return BY_PATH[path].limit
    return MAX_MEDIUM if Path(name).suffix in _MEDIA else html.LIMIT


def _body(path: Path, limit: int) -> bytes:
    """What is read of a file: one octet more than the limit shows that there is more."""
    with path.open("rb") as file:
        return file.read(limit + 1)


def _maybe(path: Path, limit: int) -> bytes:
    try:
        return _body(path, limit) if path.is_file() else b""
    except OSError:
        return b""


def _guessed(robots: bytes) -> str | None:
    """The origin that a Sitemap line of a robots.txt names."""
    found = _SITEMAP.search(robots[:_SNIFFED])
    return found[1].decode("ascii", "replace").lower() if found else None


def _shown(path: Path, folder: Path, relative: str) -> str:
    """A path as it is shown: from the working directory, or from the folder that was given."""
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return f"{folder.resolve().name}/{relative}".rstrip("/") if relative else path.name
