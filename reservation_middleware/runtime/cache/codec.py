"""Documents as bytes, for every cache: a packed head, and the body apart from it.

The head is a version, a checksum, the SHA-256 of the body and a record of all other fields, as
JSON that is deflated with a preset dictionary (RFC 1951). The body is compressed by itself, so that one that
many sites send is kept once per digest. Cookies are left out: they are secrets, and no signal
reads them.

Nothing in a store is trusted: what cannot be read, whoever wrote it, is ``UnreadableError``.
"""

import json
import zlib
from datetime import UTC, datetime, timedelta
from typing import Annotated, NamedTuple

import msgspec

from reservation_middleware.model import Document, Outcome
from reservation_middleware.syntax.redact import PRIVATE_FIELDS

from .protocol import Key
from .words import WORDS

#: Of the bytes; another one is not read.
VERSION = 1

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
#: Deflated without zlib's frame, in a window that is enough for a head and its dictionary.
_WINDOW = -13
#: No head is larger, nor any body: a bound for what foreign bytes unpack to.
_LARGEST_HEAD, _LARGEST_BODY = 4 * 1024 * 1024, 64 * 1024 * 1024
#: Longer bodies are compressed faster and less well.
_LONG = 64 * 1024
#: Has read the dictionary already, which takes longer than a head.
_PRIMED = zlib.compressobj(6, zlib.DEFLATED, _WINDOW, 6, zlib.Z_DEFAULT_STRATEGY, WORDS)
#: Bodies no longer than this are compressed in a window of their length, which is made faster.
_SHORT, _SHORT_WINDOW, _SHORT_MEMORY = 4096, 12, 5
#: A head's version and length of the digest, its checksum, then the digest.
_START, _DIGEST = 6, 32
_WITHOUT, _WITH = bytes((VERSION, 0)), bytes((VERSION, _DIGEST))


class UnreadableError(ValueError):
    """What a store holds is not what was put there."""


class Packed(NamedTuple):
    """A document as bytes.

    Attributes:
        head: all but the body.
        digest: SHA-256 of the body, None where there is none.
        body: the body, compressed.
    """

    head: bytes
    digest: bytes | None
    body: bytes | None


class _Record(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """What a head holds; times are microseconds since 1970, headers names and values in turn."""

    url: str
    resource: str
    outcome: Outcome
    status: int | None
    problem: str | None
    location: str | None
    address: str | None
    stale: str | None
    fetched_at: int | None
    expires: int | None
    length: Annotated[int, msgspec.Meta(ge=0, le=_LARGEST_BODY)] | None
    headers: list[str]
    revalidated: bool = False


def name_of(key: Key) -> bytes:
    """A key as bytes: no two keys share them."""
    return "\n".join(reversed(key)).encode("utf-8", "surrogatepass")


def pack(document: Document) -> Packed:
    """A document as bytes."""
    body = document.body
    digest = None if document.digest is None else bytes.fromhex(document.digest)
    record = _Record(
        url=document.url,
        resource=document.resource,
        outcome=document.outcome,
        status=document.status,
        problem=document.problem,
        location=document.location,
        address=document.address,
        stale=document.stale,
        fetched_at=_number(document.fetched_at),
        expires=_number(document.expires),
        length=None if body is None else len(body),
        headers=[
            part for field in document.headers if field[0] not in PRIVATE_FIELDS for part in field
        ],
        revalidated=document.revalidated,
    )
    try:
        text = msgspec.json.encode(record)
    except UnicodeEncodeError:  # lone surrogates, which some libraries put for no text
        text = json.dumps(msgspec.to_builtins(record)).encode()
    squeeze = _PRIMED.copy()
    rest = (digest or b"") + squeeze.compress(text) + squeeze.flush()
    head = b"".join((bytes((VERSION, len(digest or b""))), _sum(rest), rest))
    if body is None:
        return Packed(head, None, None)
    return Packed(head, digest, _deflated(body))


def digest_of(head: bytes) -> bytes | None:
    """The SHA-256 of the body that belongs to a head, None where there is none.

    Raises:
        UnreadableError: it is no head of this version.
    """
    if head[:2] == _WITHOUT:
        return None
    if head[:2] == _WITH and len(head) > _START + _DIGEST:
        return head[_START : _START + _DIGEST]
    raise UnreadableError("not a document of this version")


def unpack(head: bytes, body: bytes | None) -> Document:
    """A document from its head and its compressed body, both packed by this process.

    Raises:
        UnreadableError: these are other bytes than those that were packed.
    """
    digest = digest_of(head)
    try:
        record = _record(_inflated(head[_START + len(digest or b"") :], _LARGEST_HEAD, WORDS))
        fetched_at, expires = _time(record.fetched_at), _time(record.expires)
        content = None
        if digest is not None:
            if body is None or record.length is None:
                raise UnreadableError("no body")
            content = _inflated(body, record.length)
            if len(content) != record.length:
                raise UnreadableError("not the body")
        headers = iter(record.headers)
        return Document(
            url=record.url,
            resource=record.resource,
            outcome=record.outcome,
            status=record.status,
            headers=tuple(zip(headers, headers, strict=True)),
            body=content,
            fetched_at=fetched_at,
            expires=expires,
            problem=record.problem,
            location=record.location,
            address=record.address,
            stale=record.stale,
            revalidated=record.revalidated,
        )
    except UnreadableError:
        raise
    except (zlib.error, ValueError, OverflowError, RecursionError) as error:
        raise UnreadableError(str(error)) from error


def checked(head: object, body: object) -> Document:
    """A document from bytes that others may have written.

    Raises:
        UnreadableError: these are other bytes than those that were packed.
    """
    if not isinstance(head, bytes) or not isinstance(body, bytes | None):
        raise UnreadableError("no bytes")
    if head[2:_START] != _sum(head[_START:]):
        raise UnreadableError("another checksum")
    document, digest = unpack(head, body), digest_of(head)
    if digest is not None and document.digest != digest.hex():
        raise UnreadableError("another body")
    return document


def _deflated(body: bytes) -> bytes:
    """A body in zlib's frame."""
    if len(body) > _SHORT:
        return zlib.compress(body, 6 if len(body) < _LONG else 1)
    squeeze = zlib.compressobj(6, zlib.DEFLATED, _SHORT_WINDOW, _SHORT_MEMORY)
    return squeeze.compress(body) + squeeze.flush()


def _sum(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(4)


def _record(text: bytes) -> _Record:
    try:
        return msgspec.json.decode(text, type=_Record)
    except msgspec.DecodeError:  # lone surrogates
        return msgspec.convert(json.loads(text), _Record)


def _inflated(data: bytes, most: int, words: bytes | None = None) -> bytes:
    """What was compressed, whole and with nothing after it."""
    stream = (
        zlib.decompressobj(zlib.MAX_WBITS)
        if words is None
        else zlib.decompressobj(_WINDOW, zdict=words)
    )
    found = stream.decompress(data, most + 1)
    if not stream.eof or stream.unused_data or len(found) > most:
        raise UnreadableError("not what was compressed")
    return found


def _number(time: datetime | None) -> int | None:
    return None if time is None else (time - _EPOCH) // _MICROSECOND


def _time(number: int | None) -> datetime | None:
    return None if number is None else _EPOCH + timedelta(microseconds=number)
