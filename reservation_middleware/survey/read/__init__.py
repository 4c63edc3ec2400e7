"""Inputs of a survey: what each holds is told by its content, else by ``--input``.

Every reader yields captures, hosts that a list names, and what could not be read with the reason;
none raises on what an input holds. Input that cannot be used at all is an ``InputError``.
"""

import posixpath
from collections.abc import Iterator
from pathlib import Path

from .folder import host_file
from .items import InputError, Item, Kind, Unreadable
from .json_lines import json_lines
from .lists import host_list, is_manifest, manifest
from .parquet import parquet
from .streams import Source, beginning
from .warc import warc

#: Manifests that name manifests, how deep.
_DEEPEST = 2
#: Where Common Crawl's own lists of files lead, whose paths begin so.
_COMMON_CRAWL, _CRAWL_DATA = "https://data.commoncrawl.org/", "crawl-data/"


def kind_of(source: Source) -> Kind:
    """What an input holds, by its first octets.

    Raises:
        InputError: it cannot be opened, or nothing says what it is.
    """
    if source.is_folder:
        return Kind.FOLDER
    head = beginning(source)
    if head.startswith(b"PAR1"):
        return Kind.PARQUET
    if head.startswith(b"WARC/"):
        return Kind.WARC
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith((b"{", b"[")):
        return Kind.JSONL
    if is_manifest(head):
        return Kind.MANIFEST
    if not text or b"\0" in head:
        raise InputError(f"{source.location}: nothing says what it holds; name it with --input")
    return Kind.LIST


def sources(location: str, kind: Kind | None, depth: int = 0) -> Iterator[tuple[Source, Kind]]:
    """The inputs that a location stands for: itself, or what a manifest lists.

    Args:
        location: a path, a URL that fsspec knows, or ``-`` for standard input.
        kind: what it holds; None to look.
        depth: how many manifests led to it.

    Raises:
        InputError: it cannot be opened, or nothing says what it is.
    """
    source = Source(location)
    found = kind_of(source) if kind is None or depth else kind
    if found is not Kind.MANIFEST:
        yield source, found
        return
    if depth >= _DEEPEST:
        raise InputError(f"{location}: a manifest inside manifests")
    base = posixpath.dirname(location) if location != "-" else ""
    for path in manifest(source):
        if path.startswith(_CRAWL_DATA):
            path = _COMMON_CRAWL + path
        elif "://" not in path and not path.startswith("/") and base:
            path = f"{base}/{path}"
        yield Source(path, is_listed=True), Kind.LIST if depth else _by_name(path)


def items(source: Source, kind: Kind, wave: str | None) -> Iterator[Item]:
    """Everything that an input holds.

    Args:
        source: where it is.
        kind: what it holds.
        wave: the name of its round, where it does not say itself; None for the month of each fetch.
    """
    if kind is Kind.FOLDER:
        for path in source.files():
            yield from host_file(path, Path(source.location), wave)
        return
    if source.is_listed:
        # What a manifest lists is opened when its turn comes, and its loss is no reason to stop.
        try:
            kind = kind_of(source)
        except InputError:
            yield Unreadable("an input of a manifest cannot be opened")
            return
    reader = {
        Kind.WARC: warc,
        Kind.JSONL: json_lines,
        Kind.PARQUET: parquet,
        Kind.LIST: host_list,
    }[kind]
    yield from reader(source, wave)


def _by_name(path: str) -> Kind:
    """A first guess that ``items`` mends."""
    return Kind.PARQUET if path.endswith(".parquet") else Kind.WARC


__all__ = ["InputError", "Item", "Kind", "Source", "Unreadable", "items", "kind_of", "sources"]
