"""WARC and WAT by FastWARC, HTTP headers kept.

A broken record is counted and the next one sought; of a file that can be read only once (standard
input, a URL) what comes after is lost. From archives of robots.txt files (Common Crawl's
``robotstxt/``) targets of redirects that are no policy documents are left out, and counted.
Reference: https://iipc.github.io/warc-specifications/
"""

import html
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import msgspec
from fastwarc.warc import ArchiveIterator, WarcRecordType  # type: ignore[import-untyped, unused-ignore]

from reservation_middleware.signals import HTML, XML
from reservation_middleware.survey.captures import PAGE_LIMIT, ROBOTS_LIMIT, Capture
from reservation_middleware.survey.policy import POLICY_PATHS
from reservation_middleware.syntax.path import split_url

from .items import Item, Unreadable, fields_of, wave_of
from .streams import InputSource

_TYPES = WarcRecordType.response | WarcRecordType.metadata | WarcRecordType.revisit
#: Broken places of one file after which it is given up.
_MOST_BROKEN = 1_000
_STEP = 1024 * 1024
_STARTS = (b"\x1f\x8b\x08", b"WARC/1.")
_METAS = 500


def warc(source: InputSource, wave: str | None) -> Iterator[Item]:
    """Every response of an archive."""
    is_policy_only = "robotstxt" in source.location
    with source.open() as stream:
        position = 0
        for _ in range(_MOST_BROKEN):
            try:
                for record in ArchiveIterator(
                    stream, record_types=_TYPES, parse_http=True, auto_decode="all"
                ):
                    position = record.stream_pos
                    yield from _items(record, wave, is_policy_only=is_policy_only)
                return
            except (OSError, ValueError, EOFError) as error:
                yield Unreadable(_reason(error))
            found = _next_start(stream, position + 1) if source.is_local else None
            if found is None:
                return
            position = found


def _reason(error: Exception) -> str:
    text = str(error).lower()
    cut = ("unexpected e", "eof", "truncated", "end of file")
    return "an archive that is cut off" if any(word in text for word in cut) else "a broken record"


def _next_start(stream: BinaryIO, position: int) -> int | None:
    """Where the next record may begin; the stream stands there."""
    stream.seek(position)
    before = b""
    while block := stream.read(_STEP):
        data = before + block
        places = [place for start in _STARTS if (place := data.find(start)) >= 0]
        if places:
            found = position - len(before) + min(places)
            stream.seek(found)
            return found
        position += len(block)
        before = data[-8:]
    return None


def _items(record: Any, wave: str | None, *, is_policy_only: bool) -> Iterator[Item]:
    url = record.headers.get("WARC-Target-URI") or ""
    url = url.strip("<> ")
    origin, target = split_url(url)
    if not origin.startswith(("http://", "https://")) or "." not in origin:
        if record.record_type != WarcRecordType.metadata:
            yield Unreadable("a record without a URL")
        return
    if record.record_type == WarcRecordType.revisit:
        yield Unreadable("a revisit record, which has no body")
        return
    if record.record_type == WarcRecordType.metadata:
        yield from _metadata(record, url, wave)
        return
    is_policy = target in POLICY_PATHS
    if is_policy_only and not is_policy:
        yield Unreadable("the target of a redirect, no policy document")
        return
    head = record.http_headers
    if head is None:
        yield Unreadable("a response that is no HTTP")
        return
    try:
        status = int(head.status_code) if head.status_code else None
    except ValueError:
        status = None
    pairs = [(str(name), str(value)) for name, value in head.items()]
    kind = (record.http_content_type or "").lower()
    body: bytes | None = b""
    if is_policy:
        body = record.reader.read(ROBOTS_LIMIT)
    elif not kind or kind in HTML or kind in XML:
        body = record.reader.read(PAGE_LIMIT)
    time = record.record_date
    yield Capture(url[:4096], wave_of(wave, time), status, fields_of(pairs), body, time)


def _metadata(record: Any, url: str, wave: str | None) -> Iterator[Item]:
    """The page that a WAT record describes: its fields, metas and links, without its text."""
    if "json" not in (record.headers.get("Content-Type") or ""):
        return
    try:
        value = msgspec.json.decode(record.reader.read(PAGE_LIMIT))
        envelope = value["Envelope"]
        response = envelope["Payload-Metadata"].get("HTTP-Response-Metadata")
        if response is None:
            return  # of a request or a warcinfo
        status = int(response["Response-Message"]["Status"])
        fields = _wat_fields(response.get("Headers"))
        body = _wat_head(response.get("HTML-Metadata"))
    except (
        msgspec.DecodeError,
        UnicodeDecodeError,
        AttributeError,
        KeyError,
        TypeError,
        ValueError,
    ):
        yield Unreadable("a WAT record that is none")
        return
    if split_url(url)[1] in POLICY_PATHS:
        yield Unreadable("a policy document without its body")
        return
    time = record.record_date
    yield Capture(url[:4096], wave_of(wave, time), status, fields, body, time)


def _wat_fields(given: Any) -> tuple[str, ...]:
    pairs = []
    for name, values in (given or {}).items():
        several = values if isinstance(values, list) else [values]
        pairs += [(str(name), str(value)) for value in several]
    return fields_of(pairs)


def _wat_head(given: Any) -> bytes:
    """A head with the metas and links that were found in the page."""
    head = (given or {}).get("Head") or {}
    tags = ["<!doctype html><head>"]
    for name, key in (("meta", "Metas"), ("link", "Link")):
        for found in (head.get(key) or ())[:_METAS]:
            tags += [_tag(name, found)] if isinstance(found, Mapping) else []
    return "".join(tags).encode("utf-8", "replace")


def _tag(name: str, found: Mapping[str, Any]) -> str:
    attributes = {
        "href" if key == "url" else key: value for key, value in found.items() if key != "path"
    }
    shown = (
        f' {html.escape(str(key))}="{html.escape(str(value))}"' for key, value in attributes.items()
    )
    return f"<{name}{''.join(shown)}>"
