"""Erasing a host from a ledger: its lines give way to their leaf hashes, its records to filler.

The tree, its signatures and everybody else's proofs stay as they are, and the ledger says how
many lines were erased. What somebody else's lines rest on stays too.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

import msgspec

from reservation_middleware.ledger.format.filler import filler
from reservation_middleware.ledger.format.folder import LONGEST_LINE, Folder, opened, unreadable
from reservation_middleware.ledger.format.lines import (
    ArchiveLine,
    DecisionLine,
    DocumentLine,
    Entry,
    EpochLine,
    ErasedArchive,
    ErasedLine,
    decode,
    encode,
)
from reservation_middleware.ledger.format.merkle import leaf_hash
from reservation_middleware.ledger.format.warc import read_octets
from reservation_middleware.ledger.read.host_filter import HostFilter
from reservation_middleware.ledger.verify.archive import read_member
from reservation_middleware.ledger.write.segment_writer import locked, release
from reservation_middleware.model import LedgerError
from reservation_middleware.model.error import StorageError

from .bundle import references

_COPY = 1 << 20
#: How erased lines begin: fields are sorted.
_MAYBE_ERASED = (b'{"erased":', b'{"archive":')


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """What was erased.

    Attributes:
        host: whose lines.
        lines: decision and epoch lines.
        documents: document lines.
        records: records of the archive.
        kept: documents of the host that other hosts' lines rest on, and which stay.
        segments: the segments that were written anew.
    """

    host: str
    lines: int
    documents: int
    records: int
    kept: int
    segments: tuple[str, ...]


def erase(folder: str | Path, host: str) -> Erased:
    """Erase a host and all hosts below it.

    Raises:
        LedgerError: the folder is no ledger, a writer still lives (nothing was erased then), or
            a line or a record cannot be read.
    """
    place, whose = Folder(folder), HostFilter.parse(host)
    names = place.segments()
    for name in names:
        if place.running(name):
            raise StorageError(f"the writer of {name} still lives")
    total = dict.fromkeys(("lines", "documents", "records", "kept"), 0)
    written = []
    for name in names:
        plan = None
        try:
            lock = locked(place.lock(name))
            if lock is None:
                raise StorageError(f"the writer of {name} still lives")
            try:
                plan = _Plan(place, name, whose)
                if plan.carry_out():
                    written.append(name)
            finally:
                release(lock, finished=plan is None or not plan.is_half_done)
        except OSError as error:
            raise unreadable(place.log(name), error) from None
        for what in total:
            total[what] += getattr(plan, what)
    return Erased(host=whose.text, segments=tuple(written), **total)


class _Plan:
    """What is to be erased of a segment.

    Attributes:
        gone: indexes of the lines.
        is_half_done: the lines are written anew, the archive is not yet.
    """

    is_half_done = False

    def __init__(self, place: Folder, name: str, host: HostFilter) -> None:
        self._place, self._name, self._host = place, name, host
        self.lines = self.documents = self.records = self.kept = 0
        used, gone, documents = self._used()
        self.gone = gone
        self.lines = len(gone)
        if not gone and not any(self._host.covers(url) for url in documents.values()):
            return
        going = {
            index
            for index, url in documents.items()
            if index not in used[False] and (index in used[True] or self._host.covers(url))
        }
        self.kept = sum(
            self._host.covers(url) for index, url in documents.items() if index not in going
        )
        self.documents = len(going)
        self.gone |= going
        self._requests(going)

    def carry_out(self) -> bool:
        """Write the segment anew, unless nothing is to be done.

        First the lines: what they say is erased is filled by the next call, or by ``recover``, if
        it was not yet. Until then all is as it was: a disk that is full spoils nothing.
        """
        drafts = self._place.drafts(self._name)
        try:
            return self._carry_out()
        finally:
            for draft in drafts:
                with suppress(OSError):
                    draft.unlink(missing_ok=True)

    def _carry_out(self) -> bool:
        path, archive = self._place.log(self._name), self._place.archive(self._name)
        _, draft, filled = self._place.drafts(self._name)
        if self.gone:
            with draft.open("wb") as file:
                for index, line in self._lines():
                    if index in self.gone:
                        hole = _erased(line)
                        self.records += bool(hole.archive)
                        line = encode(hole)
                    file.write(line + b"\n")
                file.write(self._torn())
                file.flush()
                os.fsync(file.fileno())
        else:
            draft = path
        holes = [
            entry.archive
            for _, line in self._lines(draft)
            if line.startswith(_MAYBE_ERASED)
            and isinstance(entry := decode(line), ErasedLine)
            and entry.archive
        ]
        changed = bool(holes) and _fill(archive, filled, holes)
        # One right after the other: between them the files do not fit each other.
        if self.gone:
            draft.replace(path)
            self.is_half_done = changed
        if changed:
            filled.replace(archive)
            self.is_half_done = False
        return bool(self.gone) or changed

    def _used(self) -> tuple[dict[bool, set[int]], set[int], dict[int, str]]:
        """Documents by whether the host's lines or others' use them; the host's lines; the
        URLs of documents.
        """
        used: dict[bool, set[int]] = {True: set(), False: set()}
        gone: set[int] = set()
        documents: dict[int, str] = {}
        bodies: dict[int, int] = {}
        for index, line in self._lines():
            entry = self._decoded(index, line)
            if isinstance(entry, DocumentLine):
                documents[index] = entry.location or entry.url
                if entry.body is not None:
                    bodies[index] = entry.body
            if isinstance(entry, DecisionLine | EpochLine):
                url = entry.url if isinstance(entry, DecisionLine) else entry.origin
                mine = self._host.covers(url)
                if mine:
                    gone.add(index)
                used[mine].update(other for other, _ in references(entry))
        # A body that somebody else's document shares stays, wherever its record is.
        staying = [
            index
            for index, url in documents.items()
            if index in used[False] or (index not in used[True] and not self._host.covers(url))
        ]
        used[False].update(bodies[index] for index in staying if index in bodies)
        return used, gone, documents

    def _requests(self, going: set[int]) -> None:
        """Add the request records of documents that go: each stands behind its document."""
        uris: set[str] = set()
        for index, line in self._lines():
            entry = self._decoded(index, line)
            if isinstance(entry, DocumentLine):
                uris = set()
                if index in going and entry.archive is not None:
                    uris = {self._uri(entry)}
            elif isinstance(entry, ArchiveLine) and uris and self._uri(entry) in uris:
                self.gone.add(index)

    def _uri(self, entry: DocumentLine | ArchiveLine) -> str:
        if entry.archive is None:
            return ""
        record = read_member(read_octets(self._place.path, entry.archive))
        return record.fields.get("warc-target-uri", "")

    def _decoded(self, index: int, line: bytes) -> Entry:
        try:
            return decode(line)
        except LedgerError as error:
            raise LedgerError(f"{self._place.log(self._name)}:{index + 1}: {error}") from None

    def _lines(self, path: Path | None = None) -> Iterator[tuple[int, bytes]]:
        """Whole lines without their ends."""
        with opened(path or self._place.log(self._name)) as file:
            index = 0
            while (line := file.readline(LONGEST_LINE)).endswith(b"\n"):
                yield index, line[:-1]
                index += 1

    def _torn(self) -> bytes:
        """What stands behind the last whole line."""
        line = b""
        with opened(self._place.log(self._name)) as file:
            while line := file.readline(LONGEST_LINE):
                if not line.endswith(b"\n"):
                    return line
        return line


def _erased(line: bytes) -> ErasedLine:
    archive = getattr(decode(line), "archive", None)
    leaf = leaf_hash(line).hex()
    if archive is None:
        return ErasedLine(erased=leaf)
    hole = ErasedArchive(file=archive.file, offset=archive.offset, length=archive.length)
    return ErasedLine(erased=leaf, archive=hole)


def fill(archive: Path, draft: Path, holes: list[ErasedArchive]) -> bool:
    """Put filler where an archive has something else than lines say, which were erased.

    Args:
        archive: the file.
        draft: where it is drafted.
        holes: what was erased, in the order of the archive.

    Raises:
        OSError: the disk does not take it; all is as it was.
    """
    try:
        if changed := _fill(archive, draft, holes):
            draft.replace(archive)
    finally:
        draft.unlink(missing_ok=True)
    return changed


def _fill(archive: Path, draft: Path, holes: list[ErasedArchive]) -> bool:
    """Draft an archive with filler where records are to be erased, if it has none there."""
    changed = False
    with opened(archive) as old, draft.open("wb") as new:
        for hole in holes:
            _copy(old, new, hole.offset - old.tell())
            for member in filler(hole.length):
                changed |= old.read(len(member)) != member
                new.write(member)
        shutil.copyfileobj(old, new, _COPY)
        new.flush()
        os.fsync(new.fileno())
    if not changed:
        draft.unlink()
    return changed


def _copy(old: IO[bytes], new: IO[bytes], length: int) -> None:
    while length:
        data = old.read(min(_COPY, length))
        if not data:
            raise LedgerError("the archive is shorter than its lines say")
        new.write(data)
        length -= len(data)
