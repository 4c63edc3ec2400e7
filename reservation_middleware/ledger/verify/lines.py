"""Whether each line of a segment stands where it may and refers to lines that there are.

Memory grows with policies, documents and erased lines, never with decisions.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterator

from reservation_middleware.ledger.format.lines import (
    ArchiveLine,
    DecisionLine,
    DocumentLine,
    EndLine,
    Entry,
    EpochLine,
    ErasedLine,
    GapLine,
    PolicyLine,
    RecoveredLine,
    SegmentLine,
)
from reservation_middleware.ledger.format.signed_note import Verifier
from reservation_middleware.model import LedgerError

from .archive import Tiles

_NO_BODY = bytes(32)


class LineChecker:
    """The lines of a segment as they come.

    Attributes:
        key: the segment's own key, once line 0 was read and has one.
        counts: lines by kind.
        lost: lines that gaps say were lost.
        cut: bytes that were cut off when the segment was recovered.
        ended: whether the segment was closed.
        last: kind of the last line.
    """

    def __init__(self, segment: str, tiles: Tiles) -> None:
        self._segment = segment
        self._tiles = tiles
        self._policies, self._erased = array("Q"), array("Q")
        self._documents, self._digests = array("Q"), bytearray()
        self.key: Verifier | None = None
        self.counts: dict[str, int] = {}
        self.lost = self.cut = 0
        self.ended = self._recovered = False
        self.last = ""

    def take(self, index: int, entry: Entry) -> Iterator[str]:
        """Take the next line; what is wrong with it, a sentence each."""
        self.last = kind = _kind(entry)
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if (index == 0) != isinstance(entry, SegmentLine):
            yield "the first line of a segment, and no other, is its segment line"
        if self.ended or (self._recovered and kind != "recovered"):
            yield "there is a line behind the end of the segment"
        match entry:
            case SegmentLine():
                if not index:
                    yield from self._first(entry)
            case ErasedLine():
                self._erased.append(index)
                yield from self._archived(index, entry)
            case PolicyLine():
                self._policies.append(index)
            case ArchiveLine():
                yield from self._archived(index, entry)
            case DocumentLine():
                yield from self._document(index, entry)
            case DecisionLine():
                yield from self._references(entry)
                page = entry.page
                if page is not None:
                    if (page.content == "kept") != (page.document is not None):
                        yield "a page is kept or has no document line"
                    if page.document is not None and not self._is_document(page.document):
                        yield f"line {page.document + 1}, named as the page, is no document"
            case EpochLine():
                yield from self._references(entry)
            case GapLine():
                self.lost += entry.lost
            case RecoveredLine():
                self.cut += entry.cut + entry.archive_cut
                self._recovered = True
            case EndLine():
                self.ended = True

    def _first(self, entry: SegmentLine) -> Iterator[str]:
        if entry.segment != self._segment:
            yield f"the line is that of segment {entry.segment}"
        try:
            self.key = Verifier.parse(entry.key)
        except LedgerError as error:
            yield f"the segment's key: {error}"

    def _document(self, index: int, entry: DocumentLine) -> Iterator[str]:
        body = entry.body
        if body is not None and entry.digest is None:
            yield "a document has a place of its body, but no digest"
        own = body == index
        if own and entry.archive is None:
            yield "a document's body is said to be in its record, but it has none"
        if body is not None and not own:
            digest = self._digest(body)
            if digest is None:
                yield f"line {body + 1}, named as the place of the body, has none"
            elif digest and digest.hex() != entry.digest:
                yield f"line {body + 1}, named as the place of the body, has another one"
        yield from self._archived(index, entry)
        self._documents.append(index)
        self._digests += bytes.fromhex(entry.digest) if own and entry.digest else _NO_BODY

    def _archived(
        self, index: int, entry: ArchiveLine | DocumentLine | ErasedLine
    ) -> Iterator[str]:
        try:
            match entry:
                case ErasedLine(archive=archive):
                    if archive:
                        self._tiles.erased(archive)
                case DocumentLine(archive=archive):
                    if archive is not None:
                        self._tiles.document(index, entry, archive)
                case ArchiveLine(archive=archive):
                    self._tiles.record(archive)
        except LedgerError as error:
            yield str(error)

    def _references(self, entry: DecisionLine | EpochLine) -> Iterator[str]:
        if not (_among(self._policies, entry.policy) or _among(self._erased, entry.policy)):
            yield f"line {entry.policy + 1}, named as the policy, is none"
        for index in entry.documents:
            if not self._is_document(index):
                yield f"line {index + 1}, named as a document, is none"

    def _is_document(self, index: int) -> bool:
        return _among(self._documents, index) or _among(self._erased, index)

    def _digest(self, index: int) -> bytes | None:
        """Digest of the body in a line's record: empty if erased, None if there is no body."""
        if _among(self._erased, index):
            return b""
        if not _among(self._documents, index):
            return None
        place = 32 * bisect_left(self._documents, index)
        found = bytes(self._digests[place : place + 32])
        return None if found == _NO_BODY else found


def _kind(entry: Entry) -> str:
    if isinstance(entry, ErasedLine):
        return "erased"
    return str(entry.__struct_config__.tag)


def _among(indexes: "array[int]", index: int) -> bool:
    place = bisect_left(indexes, index)
    return place < len(indexes) and indexes[place] == index
