"""Reading a ledger: its segments, their lines in order, and the lines that others refer to.

Memory stays bounded however long a segment is: lines go by one at a time, and of those that
others refer to only their places are kept. Not here: signatures and hashes (``ledger/verify/``).
"""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Self

import msgspec

from reservation_middleware.ledger.format.canonical import time_of
from reservation_middleware.ledger.format.folder import LONGEST_LINE, Folder, opened, unreadable
from reservation_middleware.ledger.format.lines import (
    DocumentLine,
    Entry,
    ErasedLine,
    Index,
    PolicyLine,
    SegmentLine,
    Written,
    decode,
)
from reservation_middleware.ledger.format.warc import WarcRecord, read_record
from reservation_middleware.model import Document, LedgerError, Policy
from reservation_middleware.model.error import StorageError
from reservation_middleware.model.lru import BoundedLru

#: Bytes between two words about progress.
_STEP = 1024 * 1024


class ErasedError(LedgerError):
    """What is asked for was erased from the ledger."""


class Segment:
    """One segment: lines in order, and by index those that were passed.

    Attributes:
        name: of the segment.
        file: where its lines are.
        torn: bytes after the last whole line, once all were read: a line that is being
            written, or whose writer was killed.
        erased: lines that were erased, once all were read.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self.name = name
        self.file = Folder(folder).log(name)
        self.torn = self.erased = 0
        self._stream: BinaryIO | None = None
        self._indexes, self._offsets = array("Q"), array("Q")
        self._policies: BoundedLru[Index, Policy] = BoundedLru(_MOST_POLICIES)
        self._bodies: BoundedLru[Index, bytes] = BoundedLru(_MOST_BODIES)

    def lines(
        self, progress: Callable[[int], object] | None = None
    ) -> Iterator[tuple[Index, Entry]]:
        """Every whole line with its index.

        Args:
            progress: called now and then with how many more bytes were read.

        Raises:
            LedgerError: the file cannot be read, or a line is none; it names file and line.
        """
        self._indexes, self._offsets = array("Q"), array("Q")
        self.torn = self.erased = 0
        offset = reported = 0
        try:
            with opened(self.file) as stream:
                index = 0
                while line := stream.readline(LONGEST_LINE + 1):
                    if not line.endswith(b"\n"):
                        if len(line) > LONGEST_LINE:
                            raise LedgerError(
                                f"{self.where(index)}: longer than {LONGEST_LINE} bytes"
                            )
                        self.torn = len(line)
                        return
                    entry = self._decode(line[:-1], index)
                    if index == 0 and not isinstance(entry, SegmentLine | ErasedLine):
                        raise LedgerError(f"{self.where(0)}: a segment begins with its own line")
                    if isinstance(entry, PolicyLine | DocumentLine | ErasedLine):
                        self._indexes.append(index)
                        self._offsets.append(offset)
                    self.erased += isinstance(entry, ErasedLine)
                    yield index, entry
                    offset += len(line)
                    index += 1
                    if progress is not None and offset - reported >= _STEP:
                        progress(offset - reported)
                        reported = offset
        except OSError as error:
            raise unreadable(self.file, error) from None

    def entry(self, index: Index) -> PolicyLine | DocumentLine | ErasedLine:
        """A policy or document line, or an erased one, that was passed already.

        Raises:
            LedgerError: there is no such line before the one that is being read.
        """
        place = bisect_left(self._indexes, index)
        if place == len(self._indexes) or self._indexes[place] != index:
            raise LedgerError(f"{self.where(index)}: no policy or document stands there")
        try:
            if self._stream is None:
                self._stream = opened(self.file)
            self._stream.seek(self._offsets[place])
            line = self._stream.readline(LONGEST_LINE + 1)
        except OSError as error:
            raise unreadable(self.file, error) from None
        entry = self._decode(line.removesuffix(b"\n"), index)
        if not isinstance(entry, PolicyLine | DocumentLine | ErasedLine):
            raise LedgerError(f"{self.where(index)}: the line was changed meanwhile")
        return entry

    def policy(self, index: Index) -> Policy:
        """The policy of a policy line; the same object each time.

        Raises:
            ErasedError: it was erased.
            LedgerError: it is no policy.
        """
        known = self._policies.get(index)
        if known is None:
            entry = self.entry(index)
            if isinstance(entry, ErasedLine):
                raise ErasedError(f"{self.where(index)}: the policy was erased")
            if not isinstance(entry, PolicyLine):
                raise LedgerError(f"{self.where(index)}: no policy stands there")
            try:
                known = policy_of(entry.policy)
            except (ValueError, TypeError) as error:
                raise LedgerError(f"{self.where(index)}: {error}"[:300]) from None
            self._policies.put(index, known)
        return known

    def document(self, index: Index) -> Document:
        """The document of a document line, with its head and body out of the archive.

        Raises:
            ErasedError: it was erased.
            LedgerError: it is no document, or the archive does not have it.
        """
        line = self._document_line(index)
        headers: tuple[tuple[str, str], ...] = ()
        body = None
        if line.archive is not None:
            record = self._record(line, index)
            headers, body = record.headers, record.body
        if line.body is None:
            body = None
        elif line.body != index:
            body = self._body(line.body)
        document = Document(
            url=line.url,
            resource=line.resource,
            outcome=line.outcome,
            status=line.status,
            headers=headers,
            body=body,
            fetched_at=_time(line.fetched_at),
            expires=_time(line.expires),
            problem=line.problem,
            location=line.location,
            address=line.address,
            stale=line.stale,
        )
        if body is not None and document.digest != line.digest:
            raise LedgerError(f"{self.where(index)}: the body in the archive has another digest")
        # What is known of a body that is not kept.
        document.__dict__["digest"] = line.digest
        return document

    def where(self, index: Index) -> str:
        """File and line, counted from 1, as people look them up."""
        return f"{self.file}:{index + 1}"

    def close(self) -> None:
        """Close the file that lines are looked up in."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _decode(self, line: bytes, index: Index) -> Entry:
        try:
            return _DECODER.decode(line)
        except _BAD:
            # An erased line, or none; that lines are canonical is for verify.
            pass
        try:
            return decode(line)
        except LedgerError as error:
            raise LedgerError(f"{self.where(index)}: {error}") from None

    def _document_line(self, index: Index) -> DocumentLine:
        entry = self.entry(index)
        if isinstance(entry, ErasedLine):
            raise ErasedError(f"{self.where(index)}: the document was erased")
        if not isinstance(entry, DocumentLine):
            raise LedgerError(f"{self.where(index)}: no document stands there")
        return entry

    def _body(self, index: Index) -> bytes | None:
        """A body that several documents have; those read last are kept."""
        known = self._bodies.get(index)
        if known is None:
            known = self._record(self._document_line(index), index).body
            if known is not None and len(known) <= _SHORT_BODY:
                self._bodies.put(index, known)
        return known

    def _record(self, line: DocumentLine, index: Index) -> WarcRecord:
        if line.archive is None:
            raise LedgerError(f"{self.where(index)}: the document has no record in the archive")
        try:
            return read_record(self._folder, line.archive)
        except StorageError:
            raise
        except LedgerError as error:
            raise LedgerError(f"{self.where(index)}: {error}") from None


class LedgerReader:
    """A ledger, to be read; the segments in the order of their names.

    Raises:
        LedgerError: the folder holds no ledger.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.segments = tuple(Segment(self.folder, name) for name in Folder(folder).segments())

    @property
    def octets(self) -> int:
        """How long the lines of all segments are together, for those who show progress."""
        return sum(
            segment.file.stat().st_size for segment in self.segments if segment.file.exists()
        )

    def lines(
        self, progress: Callable[[int], object] | None = None
    ) -> Iterator[tuple[Segment, Index, Entry]]:
        """Every line of every segment, as of one."""
        for segment in self.segments:
            for index, entry in segment.lines(progress):
                yield segment, index, entry

    def close(self) -> None:
        """Close what is open."""
        for segment in self.segments:
            segment.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


_DECODER: msgspec.json.Decoder[Written] = msgspec.json.Decoder(Written)
_BAD = (msgspec.MsgspecError, RecursionError, UnicodeError)
#: Bodies that are kept ready per segment, and how long each may be.
_MOST_BODIES, _SHORT_BODY = 256, 64 * 1024
#: Policies that are kept ready per segment.
_MOST_POLICIES = 256


def policy_of(plain: dict[str, Any]) -> Policy:
    """The policy that a policy line tells; its licences have no tokens, but hold as they held.

    Raises:
        ConfigurationError: it is none.
    """
    values = dict(plain)
    licences = values.pop("licences", ())
    policy = msgspec.convert(values, Policy)
    if not licences:
        return policy
    return policy.changed({"licences": licences})


def _time(text: str | None) -> datetime | None:
    return None if text is None else time_of(text)
