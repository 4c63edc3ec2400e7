"""JSON Lines of three shapes, or one JSON document of them.

``{"host", "body"}``, ``{"host", "wave", "status", "headers", "body", "fetched_at"}`` (``url`` may
stand for ``host``), and ``{"url": {"date": body}}``. A body is text, or ``{"base64": …}``.
"""

import base64
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from reservation_middleware.survey.captures import PAGE_LIMIT, Capture
from reservation_middleware.syntax.path import split_url

from .items import Item, Listed, Unreadable, fields_of, wave_of
from .streams import BROKEN, InputSource, lines

#: Octets of a document that is one JSON value over several lines.
_WHOLE = 512 * 1024 * 1024
_ABOUT = ("host", "url", "domain", "origin")


def json_lines(source: InputSource, wave: str | None) -> Iterator[Item]:
    """Every capture of an input."""
    try:
        with source.unpacked() as stream:
            is_first = True
            for line in lines(stream):
                if line is None:
                    yield Unreadable("a line that is too long")
                elif line.strip():
                    value = _decoded(line)
                    if value is _BROKEN and is_first and line.lstrip()[:1] in (b"{", b"["):
                        whole = line + b"\n" + stream.read(_WHOLE)
                        value = _decoded(whole) if len(whole) < _WHOLE else _BROKEN
                    yield from _captures(value, wave)
                is_first = False
    except BROKEN:
        yield Unreadable("an input that is cut off")


_BROKEN = object()


def _decoded(line: bytes) -> Any:
    try:
        return msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _BROKEN


def _captures(value: Any, wave: str | None) -> Iterator[Item]:
    """What one value says."""
    if value is _BROKEN:
        yield Unreadable("a line that is no JSON")
    elif isinstance(value, list):
        for item in value:
            yield from _captures(item, wave)
    elif isinstance(value, str):
        yield from _captures({"url": value}, wave)
    elif not isinstance(value, Mapping):
        yield Unreadable("a JSON value that is no object")
    elif any(isinstance(value.get(name), str) for name in _ABOUT):
        yield capture(value, wave)
    elif value and all(isinstance(dates, Mapping) for dates in value.values()):
        for name, dates in value.items():
            for date, body in dates.items():
                yield capture({"url": name, "wave": date, "body": body}, wave)
    else:
        yield Unreadable("an object without host or url")


def capture(value: Mapping[str, Any], wave: str | None) -> Item:
    """The capture that an object with a host or URL stands for."""
    url = policy_url(next(str(value[name]) for name in _ABOUT if isinstance(value.get(name), str)))
    if not url:
        return Unreadable("a host that is none")
    status, given = value.get("status"), value.get("body")
    if not isinstance(status, int) or isinstance(status, bool) or not 0 < status < 1000:
        status = None
    time = _time(value.get("fetched_at") or value.get("date"))
    try:
        fields = _fields(value.get("headers"))
        body = _body(given)
    except ValueError as error:
        return Unreadable(str(error))
    if body is None and status is None and "body" not in value and "wave" not in value:
        return Listed(split_url(url)[0].partition("://")[2])
    name = value.get("wave")
    named = str(name)[:100] if isinstance(name, str | int) else wave_of(wave, time)
    problem = value.get("problem")
    why = str(problem)[:200] if problem else None
    return Capture(url, named, status, fields, body, time, why)


def policy_url(text: str) -> str:
    """The URL of a host's robots.txt, or of a page where the text is one; "" where it is neither."""
    text = text.strip()
    if "://" not in text:
        host = text.rstrip("/")
        text = f"https://{host}/robots.txt" if host and "/" not in host else f"https://{text}"
    origin, target = split_url(text)
    if not origin.startswith(("http://", "https://")) or "." not in origin or len(origin) > 300:
        return ""
    return f"{origin}/robots.txt" if target in ("", "/") else text[:4096]


def _body(given: Any) -> bytes | None:
    if given is None:
        return None
    if isinstance(given, str):
        return given.encode("utf-8", "surrogatepass")[:PAGE_LIMIT]
    if isinstance(given, Mapping) and isinstance(given.get("base64"), str):
        try:
            return base64.b64decode(given["base64"], validate=True)[:PAGE_LIMIT]
        except ValueError:
            raise ValueError("a body that is no base64") from None
    raise ValueError("a body that is no text")


def _fields(given: Any) -> tuple[str, ...]:
    pairs = given.items() if isinstance(given, Mapping) else given or ()
    try:
        return fields_of((str(name), str(value)) for name, value in pairs)
    except (TypeError, ValueError):
        raise ValueError("headers that are no pairs") from None


def _time(given: Any) -> datetime | None:
    if not isinstance(given, str):
        return None
    try:
        time = datetime.fromisoformat(given)
    except ValueError:
        return None
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
