"""Whether the bytes of an archive are what the lines say of them, record by record in order.

Reads WARC by itself, so that a fault of the writer's library is not repeated here.
References: ISO 28500:2017 (WARC/1.1) §§4-6, RFC 1952 (gzip).
"""

import os
import zlib
from base64 import b32encode
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, NamedTuple
from urllib.parse import quote

from reservation_middleware.ledger.format.filler import SHORTEST, filler
from reservation_middleware.ledger.format.folder import opened, unreadable
from reservation_middleware.ledger.format.lines import Archive, DocumentLine, ErasedArchive
from reservation_middleware.model import LedgerError

#: What a record may unpack to; a document's limit is far below.
LARGEST_RECORD = 32 * 1024 * 1024
#: What of it may be the record's own fields.
_LARGEST_HEAD = 1024 * 1024
#: What stays as it is in a URI; anything else is percent-encoded.
_URI = "%:/?#[]@!$&'()*+,;=~"


class CheckedRecord(NamedTuple):
    """A record of WARC.

    Attributes:
        fields: its named fields, names in lower case.
        head: of an HTTP message, or empty.
        payload: what follows it.
    """

    fields: dict[str, str]
    head: bytes
    payload: bytes


def read_member(data: bytes) -> CheckedRecord:
    """The record that one member of gzip holds.

    Raises:
        LedgerError: it is none, or there is something behind it.
    """
    unpacker = zlib.decompressobj(31)
    try:
        content = unpacker.decompress(data, LARGEST_RECORD)
    except zlib.error as error:
        raise LedgerError(f"the record cannot be unpacked: {error}") from None
    if not unpacker.eof or unpacker.unused_data or unpacker.unconsumed_tail:
        raise LedgerError("the record is not one whole member of gzip")
    reach = content.find(b"\r\n\r\n", 0, _LARGEST_HEAD)
    if not content.startswith(b"WARC/1.1\r\n") or reach < 0:
        raise LedgerError("the record is no WARC/1.1 record")
    lines = content[:reach].split(b"\r\n")[1:]
    block = content[reach + 4 :]
    del content
    fields: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.decode("utf-8", "replace").partition(":")
        if not colon or name.lower() in fields:
            raise LedgerError("a field of the record is malformed or repeated")
        fields[name.lower()] = value.strip(" ")
    if block[-4:] != b"\r\n\r\n" or fields.get("content-length") != str(len(block) - 4):
        raise LedgerError("the record is not as long as it says")
    block = block[:-4]
    _block_digest(fields, block)
    if "application/http" not in fields.get("content-type", ""):
        return CheckedRecord(fields, b"", block)
    http, end, payload = block.partition(b"\r\n\r\n")
    return CheckedRecord(fields, http + end, payload)


def check_document(index: int, line: DocumentLine, data: bytes) -> None:
    """Check the record of a document, given as the gzip member that it is.

    Raises:
        LedgerError: it is not what the line says.
    """
    record = read_member(data)
    fields = record.fields
    again = line.body is not None and line.body != index
    if fields.get("warc-type") != ("revisit" if again else "response"):
        raise LedgerError("the record in the archive is of another type")
    uri = quote(line.location or line.url, safe=_URI, errors="replace")
    if fields.get("warc-target-uri", "").strip("<>") != uri:
        raise LedgerError("the record in the archive is about another URL")
    if not _has_status(record.head, line.status or 0):
        raise LedgerError("the record in the archive has another status")
    if line.digest is not None and not _is_digest(
        fields.get("warc-payload-digest", ""), bytes.fromhex(line.digest)
    ):
        raise LedgerError("the record in the archive has another payload digest")
    found = sha256(record.payload).hexdigest()
    if line.body == index and found != line.digest:
        raise LedgerError("the body in the archive has another digest")
    if (again or line.body is None) and record.payload:
        raise LedgerError("the record in the archive has a body that the line has not")


class Tiles:
    """The archive of a segment, whose bytes lines must name one after the other.

    Args:
        path: where it is; None if it cannot be read.
        name: as lines name it.

    Attributes:
        offset: where the next record is to begin.

    Raises:
        LedgerError: it cannot be read.
    """

    def __init__(self, path: Path | None, name: str) -> None:
        self.name = name
        self.offset = 0
        self._file: BinaryIO | None = None
        try:
            self._file = None if path is None else opened(path)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise unreadable("it cannot be read", error) from None

    @property
    def rest(self) -> int:
        """How many bytes no line has named so far."""
        return max(0, self._size() - self.offset)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def record(self, archive: Archive) -> CheckedRecord:
        """The next record.

        Raises:
            LedgerError: it is not there, or not what the line says.
        """
        return read_member(self._same(archive))

    def document(self, index: int, line: DocumentLine, archive: Archive) -> None:
        """Check the next record, which is a document's.

        Raises:
            LedgerError: it is not there, or not what the line says.
        """
        check_document(index, line, self._same(archive))

    def erased(self, archive: ErasedArchive) -> None:
        """Check the filler where the next record was.

        Raises:
            LedgerError: it is not there, or there is something else.
        """
        if archive.length < SHORTEST:
            raise LedgerError("what was erased from the archive is too short for a record")
        file = self._next(archive)
        for member in filler(archive.length):
            if file.read(len(member)) != member:
                raise LedgerError("the archive has something else where a record was erased")

    def _same(self, archive: Archive) -> bytes:
        file = self._next(archive)
        if archive.length > LARGEST_RECORD:
            raise LedgerError("the record is longer than any of ours")
        data = file.read(archive.length)
        if len(data) != archive.length:
            raise LedgerError("the archive ends before the record does")
        if sha256(data).hexdigest() != archive.sha256:
            raise LedgerError("the bytes in the archive have another digest")
        return data

    def _next(self, archive: Archive | ErasedArchive) -> BinaryIO:
        """The file, at the beginning of the next record."""
        if archive.file != self.name:
            raise LedgerError("the line names the archive of another segment")
        if archive.offset != self.offset:
            raise LedgerError(
                f"the line names the archive from byte {archive.offset} on,"
                f" the line before it up to {self.offset}"
            )
        self.offset += archive.length
        # A living writer's archive grows, so its size is looked at anew.
        if self._file is None or self.offset > self._size():
            raise LedgerError("the archive ends before the record does")
        self._file.seek(archive.offset)
        return self._file

    def _size(self) -> int:
        return 0 if self._file is None else os.fstat(self._file.fileno()).st_size


def _has_status(head: bytes, status: int) -> bool:
    words = head.partition(b"\r\n")[0].split(b" ", 2)
    return len(words) > 1 and words[0].startswith(b"HTTP/") and words[1] == b"%03d" % status


def _is_digest(text: str, digest: bytes) -> bool:
    """Whether a labelled digest is this SHA-256; some write base 32, some base 16."""
    label, _, value = text.partition(":")
    forms = (b32encode(digest).decode(), digest.hex())
    return label.lower() == "sha256" and value in forms


def _block_digest(fields: dict[str, str], block: bytes) -> None:
    """Check the digest that a record has of itself, where it is SHA-256."""
    text = fields.get("warc-block-digest", "")
    if text.lower().startswith("sha256:") and not _is_digest(text, sha256(block).digest()):
        raise LedgerError("the record's own digest is wrong")
