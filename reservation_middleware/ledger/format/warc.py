"""The archive of policy documents: WARC records written and read, one gzip member each.

A record holds the head as it came (``http_head.py``) and the body as it was decoded, so that a
``Document`` comes back as it was.

Not here: files (``ledger/write/``), which record belongs to which line. Reference: WARC 1.1.
"""

import zlib
from base64 import b32encode
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from io import BytesIO
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote
from uuid import uuid4

from warcio.archiveiterator import ArchiveIterator  # type: ignore[import-untyped]
from warcio.statusandheaders import StatusAndHeaders  # type: ignore[import-untyped]
from warcio.utils import Digester  # type: ignore[import-untyped]
from warcio.warcwriter import WARCWriter  # type: ignore[import-untyped]

from reservation_middleware.model import Document, Headers, LedgerError
from reservation_middleware.syntax.path import split_url
from reservation_middleware.syntax.redact import redacted

from .canonical import time_text
from .folder import opened, unreadable
from .http_head import answer_of, head_of
from .lines import Archive

#: A record that unpacks to more is none of ours, and no reason to run out of memory.
MAX_RECORD = 32 * 1024 * 1024

_VERSION = "1.1"
#: What stays as it is in a URI; anything else, such as a space or raw UTF-8, is encoded.
_URI = "%:/?#[]@!$&'()*+,;=~"
#: The server said that what it had sent before was still good (WARC 1.1 §6.7.3).
_NOT_MODIFIED = "http://netpreserve.org/warc/1.1/revisit/server-not-modified"
#: The body was not read: WARC has no word for why.
_NOT_READ = ("WARC-Truncated", "unspecified")


class WarcRecord(NamedTuple):
    """What a record of the archive holds.

    Attributes:
        type: response, revisit (whose body another record holds), request or warcinfo.
        uri: the address that answered; percent-encoded where it was no URI.
        status: None where there was none.
        body: None where it was not read, and in a revisit.
    """

    type: str
    uri: str
    date: str
    address: str | None
    status: int | None
    headers: Headers
    body: bytes | None


class First(NamedTuple):
    """The record that holds a body already: its address and its date."""

    uri: str
    date: str


def document_record(
    document: Document, moment: datetime, *, first: First | None = None, ident: str | None = None
) -> bytes:
    """The record of a document that was answered.

    Args:
        document: the document.
        moment: the time to use where the document has none.
        first: the record that holds the same body already; then this one is a revisit.
        ident: identifier of the record, a UUID; a random one if None.
    """
    fields = _fields(document, moment, ident)
    if document.body is None:
        fields[_NOT_READ[0]] = _NOT_READ[1]
    if document.digest is not None:
        octets = bytes.fromhex(document.digest)
        fields["WARC-Payload-Digest"] = f"sha256:{b32encode(octets).decode()}"
    writer, out = _writer()
    head = _Head(head_of(document))
    uri = uri_of(document)
    if first is None or document.digest is None:
        record = writer.create_warc_record(
            uri,
            "response",
            payload=BytesIO(document.body or b""),
            length=len(document.body or b""),
            warc_headers_dict=fields,
            http_headers=head,
        )
    else:
        digest = fields.pop("WARC-Payload-Digest")
        record = writer.create_revisit_record(
            uri, digest, first.uri, first.date, http_headers=head, warc_headers_dict=fields
        )
        if document.revalidated and first.uri == uri:
            record.rec_headers.replace_header("WARC-Profile", _NOT_MODIFIED)
    writer.write_record(record)
    return out.getvalue()


def request_record(document: Document, moment: datetime, *, ident: str | None = None) -> bytes:
    """The record of a request: what is known of it, its method, its target and its host."""
    writer, out = _writer()
    uri = uri_of(document)
    origin, target = split_url(uri)
    host = origin.partition("://")[2]
    head = _Head(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode("ascii", "replace"))
    record = writer.create_warc_record(
        uri, "request", warc_headers_dict=_fields(document, moment, ident), http_headers=head
    )
    writer.write_record(record)
    return out.getvalue()


def info_record(
    name: str, info: Mapping[str, str], moment: datetime, *, ident: str | None = None
) -> bytes:
    """The record that an archive begins with: who wrote it, and how."""
    writer, out = _writer()
    block = "".join(f"{key}: {value}\r\n" for key, value in info.items()).encode()
    fields = {
        "WARC-Record-ID": f"<urn:uuid:{ident or uuid4()}>",
        "WARC-Date": time_text(moment),
        "WARC-Filename": name,
    }
    record = writer.create_warc_record(
        "", "warcinfo", payload=BytesIO(block), length=len(block), warc_headers_dict=fields
    )
    writer.write_record(record)
    return out.getvalue()


def uri_of(document: Document) -> str:
    """The address that answered, without secrets, as a URI."""
    uri = quote(redacted(document.location or document.url), safe=_URI, errors="replace")
    scheme, colon, rest = uri.partition(":")
    # Readers look for these in lower case; without any they may fail.
    return f"{scheme.lower()}:{rest}" if colon else f"urn:unknown:{uri}"


def read_record(folder: Path, archive: Archive) -> WarcRecord:
    """The record that a line names.

    Raises:
        LedgerError: it is not there, was changed, or is no record of ours.
    """
    return parse_record(read_octets(folder, archive))


def read_octets(folder: Path, archive: Archive) -> bytes:
    """The bytes of the record that a line names, compared with the line's digest.

    Raises:
        LedgerError: they are not there, or others.
    """
    where = f"{archive.file} at {archive.offset}"
    if archive.length > MAX_RECORD:
        raise LedgerError(f"{where}: longer than any record of ours")
    try:
        with opened(folder / archive.file) as stream:
            stream.seek(archive.offset)
            data = stream.read(archive.length)
    except OSError as error:
        raise unreadable(where, error) from None
    if sha256(data).hexdigest() != archive.sha256:
        raise LedgerError(f"{where}: not the bytes that were written")
    return data


def parse_record(data: bytes) -> WarcRecord:
    """The record that a gzip member holds.

    Raises:
        LedgerError: it is no record as they are written here.
    """
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        plain = unpacker.decompress(data, MAX_RECORD)
    except zlib.error as error:
        raise LedgerError(f"no record: {error}") from None
    if not unpacker.eof or unpacker.unused_data:
        raise LedgerError("no record: not one gzip member, or too long")
    if not plain.startswith(b"WARC/1.1\r\n"):
        raise LedgerError("no record: not of WARC 1.1")
    try:
        record = next(ArchiveIterator(BytesIO(plain), no_record_parse=True))
        fields, block = record.rec_headers, record.raw_stream.read()
    except Exception as error:  # noqa: BLE001 - warcio raises whatever its parsers do
        raise LedgerError(f"no record: {type(error).__name__}: {error}"[:200]) from None
    kind = record.rec_type or ""
    status, body = None, None
    headers: Headers = ()
    if kind in ("response", "revisit"):
        status, headers, rest = answer_of(block)
        if kind == "response" and fields.get_header(_NOT_READ[0]) != _NOT_READ[1]:
            body = rest
    return WarcRecord(
        kind,
        fields.get_header("WARC-Target-URI") or "",
        fields.get_header("WARC-Date") or "",
        fields.get_header("WARC-IP-Address"),
        status,
        headers,
        body,
    )


class _Head(StatusAndHeaders):  # type: ignore[misc]
    """The head of a message, byte for byte: warcio would percent-encode what is not ASCII."""

    def __init__(self, block: bytes) -> None:
        super().__init__("-", [])
        self.block = block

    def to_ascii_bytes(self, filter_func: object = None) -> bytes:  # noqa: ARG002
        """The bytes."""
        return self.block


class _Writer(WARCWriter):  # type: ignore[misc]
    """Writes SHA-256 where warcio would write SHA-1."""

    @staticmethod
    def _create_digester() -> Digester:
        return Digester("sha256")


def _writer() -> tuple[WARCWriter, BytesIO]:
    out = BytesIO()
    return _Writer(out, gzip=True, warc_version=_VERSION), out


def _fields(document: Document, moment: datetime, ident: str | None) -> dict[str, str]:
    """The fields that all records of a document have."""
    fields = {
        "WARC-Record-ID": f"<urn:uuid:{ident or uuid4()}>",
        "WARC-Date": time_text(document.fetched_at or moment),
    }
    if document.address is not None:
        with suppress(ValueError):
            fields["WARC-IP-Address"] = str(ip_address(document.address))
    return fields
