"""What tests of surveys share: real files, small archives, a survey of both."""

import base64
import gzip
import json
import lzma
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from support import ROOT

DATA = ROOT.parent / "shared" / "data"


def real(name: str) -> Path:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"no {name} in ../shared/data")
    return path


@cache
def files_of_2019() -> tuple[bytes, ...]:
    with gzip.open(real("robots-2019.jsonl.gz")) as lines:
        given = [json.loads(line)["body"] for line in lines]
    return tuple(
        body.encode() if isinstance(body, str) else base64.b64decode(body["base64"])
        for body in given
    )


@cache
def panel() -> dict[str, Any]:
    with lzma.open(real("panel-2025.json.xz")) as file:
        found: dict[str, Any] = json.load(file)
    return found


def panel_lines() -> Iterator[str]:
    bodies = panel()["bodies"]
    for seen in panel()["observations"]:
        yield json.dumps(
            {"host": seen["host"], "wave": seen["wave"], "body": bodies[seen["sha256"]]}
        )


def write_lines(path: Path, values: Iterable[Any]) -> Path:
    path.write_text("".join(json.dumps(value) + "\n" for value in values), "utf-8")
    return path


def record(
    url: str,
    body: bytes,
    *,
    status: str = "200 OK",
    fields: Sequence[tuple[str, str]] = (("Content-Type", "text/plain"),),
    kind: str = "response",
    date: str = "2026-10-05T10:00:00Z",
) -> bytes:
    """One gzipped WARC record."""
    head = "".join(f"{name}: {value}\r\n" for name, value in fields)
    http = f"HTTP/1.1 {status}\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    warc = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {url}\r\nWARC-Date: {date}\r\n"
        "WARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-000000000000>\r\n"
        f"Content-Type: application/http; msgtype={kind}\r\nContent-Length: {len(http)}\r\n\r\n"
    )
    return gzip.compress(warc.encode() + http + b"\r\n\r\n")
