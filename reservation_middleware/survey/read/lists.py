"""Lists of hosts (Tranco, CrUX, plain, CSV) and manifests of inputs.

A list is the survey's frame: a host of it that no input captured is a row with no capture.
"""

import csv
import re
from collections.abc import Iterator

from reservation_middleware.ledger.read.columns import host as host_of

from .items import Item, Listed, Unreadable
from .streams import BROKEN, InputSource, lines

#: How lines of a manifest end.
_FILES = re.compile(
    r"\.(?:warc|wat|arc|jsonl?|ndjson|parquet|csv|txt|paths)(?:\.(?:gz|zst|xz|bz2))?$",
    re.IGNORECASE,
)
_NAMES = ("host", "domain", "origin", "url", "site", "hostname")
_RANKS = ("rank", "bucket", "rank_bucket", "position")


def is_manifest(head: bytes) -> bool:
    """Whether each line of the beginning of a text names a file or a URL of one."""
    texts = head.decode("utf-8", "replace").splitlines()[:50]
    given = [text.strip() for text in texts if text.strip() and not text.startswith("#")]
    whole = given[:-1] if len(head) >= 64 * 1024 else given
    return bool(whole) and all(
        _FILES.search(text) is not None
        and ("/" in text or not text.endswith(".txt"))
        and not text.endswith("/robots.txt")
        for text in whole
    )


def manifest(source: InputSource) -> Iterator[str]:
    """The locations that a manifest lists."""
    with source.unpacked() as stream:
        for line in lines(stream):
            text = (line or b"").decode("utf-8", "replace").strip()
            if text and not text.startswith("#"):
                yield text


def host_list(source: InputSource, wave: str | None) -> Iterator[Item]:  # noqa: ARG001 - as all readers
    """The hosts of a list: a host or URL per line, or CSV with or without a header."""
    columns: tuple[int, int | None] | None = None
    try:
        with source.unpacked() as stream:
            for line in lines(stream):
                if line is None:
                    yield Unreadable("a line that is too long")
                    continue
                cells = _cells(line)
                if not cells:
                    continue
                if columns is None:
                    columns, is_header = _columns(cells)
                    if is_header:
                        continue
                yield _listed(cells, *columns)
    except BROKEN:
        yield Unreadable("an input that is cut off")


def _cells(line: bytes) -> list[str]:
    text = line.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace").replace("\0", "").strip()
    if not text or text.startswith("#"):
        return []
    try:
        return [cell.strip() for cell in next(csv.reader([text.replace("\t", ",")]))]
    except (csv.Error, StopIteration):
        return [text]


def _columns(cells: list[str]) -> tuple[tuple[int, int | None], bool]:
    """Which columns hold host and rank, and whether this row is a header."""
    names = [cell.lower() for cell in cells]
    for name in _NAMES:
        if name in names:
            rank = next((names.index(rank) for rank in _RANKS if rank in names), None)
            return (names.index(name), rank), True
    if len(cells) == 1:
        return (0, None), False
    if cells[0].isdigit():
        return (1, 0), False  # Tranco: rank, domain
    return (0, 1 if cells[1].isdigit() else None), False  # CrUX: origin, bucket


def _listed(cells: list[str], name: int, rank: int | None) -> Item:
    text = cells[name] if name < len(cells) else ""
    host = host_of(text if "://" in text else f"https://{text}/")
    if not host or "." not in host or len(host) > 253:
        return Unreadable("a line without a host")
    place = cells[rank] if rank is not None and rank < len(cells) else ""
    return Listed(
        host, int(place) if place.isascii() and place.isdigit() and len(place) < 10 else None
    )
