"""Inputs of `hostile` for signals that have none of their own: what their first vector sends, many times.

So a new signal is measured from its first day on; inputs made to hurt just it are better.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from reservation_middleware import Document
from reservation_middleware.decide.reading import BY_PATH
from reservation_middleware.model import PAGE

from .hostile_inputs import CAP, ORIGIN, Builder, Case, document

_VECTORS = Path(__file__).parents[1] / "spec" / "vectors"
#: Characters of a field that servers commonly send at the most.
_FIELD = 16 * 1024
_PATH = re.compile(r"https?://[^/]+")


def repeated(signal: str) -> Mapping[str, Builder]:
    """The first vector of a signal with every body and field as often as its place has room."""
    [first, *_] = msgspec.json.decode((_VECTORS / f"{signal}.json").read_bytes())["vectors"]
    given = first["input"]
    page = _PATH.sub("", given["url"])

    def build(scale: float) -> Case:
        found = [_document(one, page, scale) for one in given["documents"]]
        return Case(tuple(one for one in found if one is not None), ORIGIN + page)

    return {f"{first['id']}, many times": build}


def _document(given: Mapping[str, Any], page: str, scale: float) -> Document | None:
    path = _PATH.sub("", given["url"])
    place = BY_PATH.get(path)
    resource = place.name if place else PAGE if path == page else None
    body = given.get("body") or ""
    if resource is None or not isinstance(body, str):
        return None
    headers = tuple(
        (name, value if name == "content-type" else _many(f"{value}, ", _FIELD * scale))
        for name, value in given.get("headers", [])
    )
    return document(path, resource, _many(body, CAP * scale).encode(), headers, given["status"])


def _many(text: str, size: float) -> str:
    return text * max(1, int(size / max(1, len(text))))
