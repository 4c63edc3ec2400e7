"""Heads of answers as the archive of policy documents holds them, and read back from there.

Status line and fields stand as they came. Fields that speak of a body as it was sent are
renamed, as is the custom (``X-Archive-Orig-Content-Encoding``), since bodies are kept decoded. A
field that no HTTP head can hold, such as one with a line break in it, is percent-encoded into an
``X-Archive-Orig-Field``. Left out are fields that hold secrets, such as ``Set-Cookie``, and the
secrets in ``Location`` and ``Content-Location`` (``syntax/redact.py``). Reference: RFC 9112.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote, unquote

from reservation_middleware.model import Document, Headers, LedgerError
from reservation_middleware.syntax.redact import public_fields

_PREFIX = "X-Archive-Orig-"
_FIELD = _PREFIX + "Field"
#: What these fields say is no longer true of a body that was decoded (RFC 9112 §6).
_OF_SENT = frozenset({"content-encoding", "content-length", "transfer-encoding"})
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: RFC 9110 §5.5: no control characters, no space at either end. NEL and NBSP are space to some.
_VALUE = re.compile(r"(?:[!-~\xa1-\xff](?:[\t -~\xa0-\xff]*[!-~\xa1-\xff])?)?")
_STATUS = re.compile(rb"HTTP/1\.1 ([0-9]{3}) [ -~]*")
_NO_STATUS = 0
#: A longer head is none of ours, and no reason to run out of memory.
_LARGEST = 4 * 1024 * 1024
_REASONS: Mapping[int, str] = {status.value: status.phrase for status in HTTPStatus}


def head_of(document: Document) -> bytes:
    """The head of an answer; nothing that a site sends ends a line or the head."""
    status = _NO_STATUS if document.status is None else document.status
    lines = [f"HTTP/1.1 {status:03d} {_REASONS.get(status, '')}"]
    for name, value in public_fields(document.headers):
        folded = name.lower()
        plain = _NAME.fullmatch(name) and _VALUE.fullmatch(value)
        if not plain or folded.startswith(_PREFIX.lower()):
            name, value = _FIELD, f"{_encoded(name)}:{_encoded(value)}"
        elif folded in _OF_SENT:
            name = _PREFIX + name
        lines.append(f"{name}: {value}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def answer_of(block: bytes) -> tuple[int | None, Headers, bytes]:
    """Status, head and body of an answer; the head is read as it is written here."""
    head, end, body = block.partition(b"\r\n\r\n")
    if len(head) > _LARGEST:
        raise LedgerError("no record: the head is longer than any of ours")
    first, *lines = head.split(b"\r\n")
    found = _STATUS.fullmatch(first)
    if not found or not end:
        raise LedgerError("no record: an answer without head")
    headers: list[tuple[str, str]] = []
    for line in lines:
        name, colon, value = line.decode("latin-1").partition(": ")
        if not colon:
            raise LedgerError("no record: a field without value")
        if name == _FIELD:
            name, _, value = value.partition(":")
            name, value = _decoded(name), _decoded(value)
        elif name.startswith(_PREFIX):
            name = name.removeprefix(_PREFIX)
        headers.append((name, value))
    status = int(found[1])
    return None if status == _NO_STATUS else status, tuple(headers), body


def _encoded(text: str) -> str:
    # Half characters, which some libraries put for bytes that are no text, come back too.
    return quote(text, safe="", errors="surrogatepass")


def _decoded(text: str) -> str:
    try:
        return unquote(text, errors="surrogatepass")
    except UnicodeDecodeError:
        raise LedgerError("no record: a field that is no text") from None
