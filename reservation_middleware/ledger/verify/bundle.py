"""Whether a bundle holds: its signatures, its audit paths, its references and its records.

It needs nothing but the bundle. ``spec/verify-bundle.mjs`` checks the same and shares no code
with this.
"""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterator
from hashlib import sha256

import msgspec

from reservation_middleware.ledger.format.folder import origin
from reservation_middleware.ledger.format.lines import (
    DecisionLine,
    DocumentLine,
    Entry,
    EpochLine,
    ErasedLine,
    SegmentLine,
    decode,
)
from reservation_middleware.ledger.format.merkle import leaf_hash, verify_inclusion
from reservation_middleware.ledger.format.signed_note import Checkpoint, Verifier, open_note
from reservation_middleware.ledger.read.host_filter import HostFilter
from reservation_middleware.ledger.share.bundle import (
    NOT_PROVED,
    Bundle,
    BundleLine,
    BundleReport,
    BundleSegment,
    encode_bundle,
    references,
)
from reservation_middleware.model.error import LedgerError, StorageError

from .archive import check_document

#: A longer file is refused; Node can read no longer text either.
LARGEST = 512 * 1024 * 1024 - 24


def verify_bundle(data: bytes, *, key: str | Verifier | None = None) -> BundleReport:
    """Check a bundle, which needs nothing but itself.

    Args:
        data: its file.
        key: the verifier key that must have signed; None takes the bundle's own word.

    Raises:
        LedgerError: it is no bundle, or the key is none.
    """
    pinned = Verifier.parse(key) if isinstance(key, str) else key
    if len(data) > LARGEST:
        raise StorageError(f"this is no bundle: it is longer than {LARGEST} bytes")
    try:
        bundle = msgspec.json.decode(data, type=Bundle)
        same = encode_bundle(bundle) == data
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise StorageError(f"this is no bundle: {error}"[:300]) from None
    problems: list[str] = []
    if not same:
        problems.append("the bundle is not written as bundles are")
    if bundle.not_proved != NOT_PROVED:
        problems.append("what it says about what it does not prove was changed")
    if HostFilter.parse(bundle.host).text != bundle.host:
        problems.append("the host is not in its one form")
    if not bundle.segments:
        problems.append("there is nothing in it")
    keys: set[str] = set()
    names: list[str] = []
    counts: dict[str, int] = {}
    for number, segment in enumerate(bundle.segments, 1):
        found = _Segment(bundle.host, segment, pinned)
        problems.extend(f"segment {number}: {text}" for text in found.check())
        if found.key is not None:
            keys.add(found.key.text)
        names.append(found.name)
        for kind, count in found.counts.items():
            counts[kind] = counts.get(kind, 0) + count
    if names != sorted(set(names)):
        problems.append("the segments are not in order, or one is there twice")
    return BundleReport(
        host=bundle.host,
        segments=len(bundle.segments),
        decisions=counts.get("decision", 0) + counts.get("epoch", 0),
        documents=counts.get("document", 0),
        erased=counts.get("erased", 0),
        keys=tuple(sorted(keys)),
        pinned=pinned is not None and not problems,
        problems=tuple(problems),
    )


class _Segment:
    """The check of one segment of a bundle."""

    def __init__(self, host: str, segment: BundleSegment, pinned: Verifier | None) -> None:
        self._host = HostFilter.parse(host)
        self._segment = segment
        self._pinned = pinned
        self._entries: dict[int, Entry] = {}
        self.key: Verifier | None = None
        self.name = ""
        self.counts: dict[str, int] = {}

    def check(self) -> Iterator[str]:
        """What does not hold."""
        lines = self._segment.lines
        indexes = [line.index for line in lines]
        if indexes != sorted(set(indexes)) or indexes[:1] != [0]:
            yield "its lines are not in order, or the first one is missing"
            return
        yield from self._decoded()
        first = self._entries.get(0)
        if not isinstance(first, SegmentLine):
            yield "its first line is no segment line"
            return
        self.name = first.segment
        try:
            checkpoint = self._checkpoint(first)
        except LedgerError as error:
            yield f"its checkpoint: {error}"
            return
        for line in lines:
            leaf = (
                bytes.fromhex(line.erased) if line.erased else leaf_hash((line.line or "").encode())
            )
            path = [bytes.fromhex(node) for node in line.path]
            if not verify_inclusion(leaf, line.index, checkpoint.size, path, checkpoint.root):
                yield f"line {line.index + 1} is not in the tree that was signed"
        yield from self._references()
        yield from self._records()

    def _decoded(self) -> Iterator[str]:
        for line in self._segment.lines:
            if (line.line is None) == (line.erased is None):
                yield f"line {line.index + 1} has a text or was erased, not both"
            try:
                entry = (
                    ErasedLine(erased=line.erased)
                    if line.erased is not None
                    else decode((line.line or "").encode())
                )
            except LedgerError as error:
                yield f"line {line.index + 1}: {error}"
                continue
            self._entries[line.index] = entry
            kind = "erased" if line.erased is not None else str(entry.__struct_config__.tag)
            self.counts[kind] = self.counts.get(kind, 0) + 1

    def _checkpoint(self, first: SegmentLine) -> Checkpoint:
        own = self.key = Verifier.parse(first.key)
        known = {own} if self._pinned is None else {own, self._pinned}
        note = open_note(self._segment.checkpoint.encode(), known)
        if own not in note.verified:
            raise LedgerError("the segment's own key did not sign it")
        if note.others:
            raise LedgerError(f"a signature of {note.others[0].name} could not be checked")
        if self._pinned is not None and self._pinned not in note.verified:
            raise LedgerError(f"the given key did not sign it, only {own.text}")
        found = Checkpoint.parse(note.text)
        if found.origin != origin(own.name, first.segment):
            raise LedgerError("it is about another log")
        return found

    def _references(self) -> Iterator[str]:
        """Every reference leads to a line that is there, and every line is referred to."""
        due = {0}
        for index, entry in sorted(self._entries.items(), reverse=True):
            where = f"line {index + 1}"
            if isinstance(entry, DecisionLine | EpochLine):
                url = entry.url if isinstance(entry, DecisionLine) else entry.origin
                if not self._host.covers(url):
                    yield f"{where} is about another host"
                due.add(index)
            elif index not in due:
                yield f"no line refers to {where}"
            for other, kind in references(entry):
                due.add(other)
                found = self._entries.get(other)
                if other >= index or not isinstance(found, kind | ErasedLine):
                    yield f"{where} refers to line {other + 1}, which is not there or not that"

    def _records(self) -> Iterator[str]:
        for line in self._segment.lines:
            entry = self._entries.get(line.index)
            document = entry if isinstance(entry, DocumentLine) else None
            try:
                _check_kept(line, document)
            except (LedgerError, Base64Error, ValueError) as error:
                yield f"line {line.index + 1}: {error}"


def _check_kept(line: BundleLine, document: DocumentLine | None) -> None:
    """Check what a bundle has of a line's bytes in the archive."""
    archive = None if document is None else document.archive
    again = document is not None and document.body not in (None, line.index)
    # The record of a body that came before names where that was, which may be left out.
    if (archive is not None and not again) if line.record is None else archive is None:
        raise LedgerError("its record is missing, or there is one that it does not name")
    if again != (line.body is not None):
        raise LedgerError("its body is missing, or there is one that it has not")
    if document is None:
        return
    if archive is not None and line.record is not None:
        data = _bytes(line.record)
        if sha256(data).hexdigest() != archive.sha256 or len(data) != archive.length:
            raise LedgerError("the bytes of the record have another digest")
        check_document(line.index, document, data)
    if line.body is not None:
        body = _bytes(line.body)
        if sha256(body).hexdigest() != document.digest:
            raise LedgerError("the body has another digest")


def _bytes(text: str) -> bytes:
    found = b64decode(text, validate=True)
    if b64encode(found).decode() != text:
        raise LedgerError("its bytes are not in canonical base64")
    return found
