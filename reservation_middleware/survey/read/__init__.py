"""Inputs of a survey: what each holds is told by its content, else by ``--input``.

Every reader yields captures, hosts that a list names, and what could not be read with the reason;
none raises on what an input holds. Input that cannot be used at all is an ``InputError``.
"""

import posixpath
from collections.abc import Iterator
from pathlib import Path

from .folder import host_file
from .items import InputError, InputKind, Item, Unreadable
from .json_lines import json_lines
from .lists import host_list, is_manifest, manifest
from .parquet import parquet
from .streams import InputSource, beginning
from .warc import warc

#: Manifests that name manifests, how deep.
_DEEPEST = 2
#: Where Common Crawl's own lists of files lead, whose paths begin so.
_COMMON_CRAWL, _CRAWL_DATA = "https://data.commoncrawl.org/", "crawl-data/"


def kind_of(source: InputSource) -> InputKind:
    """What an input holds, by its first octets.

    Raises:
        InputError: it cannot be opened, or nothing says what it is.
    """
    if source.is_folder:
        return InputKind.FOLDER
    head = beginning(source)
    if head.startswith(b"PAR1"):
        return InputKind.PARQUET
    if head.startswith(b"WARC/"):
        return InputKind.WARC
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith((b"{", b"[")):
        return InputKind.JSONL
    if is_manifest(head):
        return InputKind.MANIFEST
    if not text or b"\0" in head:
        raise InputError(f"{source.location}: nothing says what it holds; name it with --input")
    return InputKind.LIST


def sources(
    location: str, kind: InputKind | None, depth: int = 0
) -> Iterator[tuple[InputSource, InputKind]]:
    """The inputs that a location stands for: itself, or what a manifest lists.

    Args:
        location: a path, a URL that fsspec knows, or ``-`` for standard input.
        kind: what it holds; None to look.
        depth: how many manifests led to it.

    Raises:
        InputError: it cannot be opened, or nothing says what it is.
    """
    source = InputSource(location)
    found = kind_of(source) if kind is None or depth else kind
    if found is not InputKind.MANIFEST:
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
        yield InputSource(path, is_listed=True), InputKind.LIST if depth else _by_name(path)


def items(source: InputSource, kind: InputKind, wave: str | None) -> Iterator[Item]:
    """Everything that an input holds.

    Args:
        source: where it is.
        kind: what it holds.
        wave: the name of its round, where it does not say itself; None for the month of each fetch.
    """
    if kind is InputKind.FOLDER:
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
        InputKind.WARC: warc,
        InputKind.JSONL: json_lines,
        InputKind.PARQUET: parquet,
        InputKind.LIST: host_list,
    }[kind]
    yield from reader(source, wave)


def _by_name(path: str) -> InputKind:
    """A first guess that ``items`` mends."""
    return InputKind.PARQUET if path.endswith(".parquet") else InputKind.WARC


__all__ = [
    "InputError",
    "InputKind",
    "InputSource",
    "Item",
    "Unreadable",
    "items",
    "kind_of",
    "sources",
]
