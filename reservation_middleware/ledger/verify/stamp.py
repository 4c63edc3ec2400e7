"""Time stamps: an authority's word that a ledger's combined root was there at a time.

A stamp is kept as a signed note whose text holds the root, the checkpoints that it is over and
the authority's answer, so that every byte of it is covered. Tokens are read and checked by
rfc3161-client (extra ``stamp``). References: RFC 3161, RFC 5816; ``spec/ledger.md``.
"""

import os
import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.error import URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

import msgspec
from cryptography import x509

from reservation_middleware.ledger.format.canonical import time_text
from reservation_middleware.ledger.format.folder import (
    DRAFT,
    SEGMENT,
    Folder,
    combined,
    origin,
    read_note,
    segment_of,
)
from reservation_middleware.ledger.format.signed_note import Checkpoint, Signer, Verifier, open_note
from reservation_middleware.model import LedgerError
from reservation_middleware.model.error import AuthorityError, StorageError

from .segment import first_line

if TYPE_CHECKING:
    from rfc3161_client import TimeStampRequest, TimeStampResponse

#: An authority's answer is some kilobytes long; it may bring certificates along.
LARGEST_ANSWER = 256 * 1024
_TITLE = "time-stamp"
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,15}")
_SHA256 = x509.ObjectIdentifier("2.16.840.1.101.3.4.2.1")

#: Size and root of each segment's latest checkpoint.
Roots = Mapping[str, tuple[int, bytes]]


class StampReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a time stamp says.

    Attributes:
        file: where it is.
        root: the combined root that it is over, in hex.
        time: when that was there at the latest, as the authority says.
        lines: signed lines of all segments then.
        authority: the signature and its certificates were checked against the certificates
            given; without that only the key that signed the ledger answers for the time.
    """

    file: str
    root: str
    time: str
    lines: int
    authority: bool


class Pending(NamedTuple):
    """A time stamp that was not granted yet: what it is over, and what to ask for."""

    roots: Roots
    query: "TimeStampRequest"

    @property
    def octets(self) -> bytes:
        """The query as an authority takes it (``application/timestamp-query``)."""
        return self.query.as_bytes()


def stamp(folder: str | Path, url: str, signer: Signer, *, timeout: float = 30) -> Path:
    """Have the ledger's present state stamped, and keep the stamp.

    Raises:
        LedgerError: there is nothing to stamp, or the authority did not grant a token.
    """
    pending = request(folder)
    return attach(folder, pending, post(url, pending.octets, timeout=timeout), signer)


def request(folder: str | Path) -> Pending:
    """What to ask an authority for: a token over the combined root as it is now.

    Raises:
        LedgerError: the folder is no ledger, or nothing of it is signed.
    """
    _require()
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder  # noqa: PLC0415

    place = Folder(folder)
    roots = {}
    for name in place.segments():
        path, line = place.checkpoint(name), first_line(place.log(name))
        if line is None or not path.exists():
            continue
        key = Verifier.parse(line.key)
        found = Checkpoint.parse(open_note(read_note(path), [key]).text)
        if segment_of(found) != name:
            raise LedgerError(f"the checkpoint of {name} is about another segment")
        roots[name] = found.size, found.root
    if not roots:
        raise StorageError(f"{folder}: nothing is signed that could be stamped")
    builder = TimestampRequestBuilder().data(combined(roots))
    return Pending(roots, builder.hash_algorithm(HashAlgorithm.SHA256).build())


def post(url: str, query: bytes, *, timeout: float = 30) -> bytes:
    """Send a query to an authority and return its answer (RFC 3161 §3.4).

    Raises:
        LedgerError: there was none, or too long a one.
    """
    if not url.lower().startswith(("https://", "http://")):
        raise LedgerError(f"a time-stamp authority has an http or https address: {url[:200]}")
    fields = {
        "content-type": "application/timestamp-query",
        "accept": "application/timestamp-reply",
    }
    try:
        asked = Request(url, data=query, headers=fields, method="POST")  # noqa: S310 - above
        with build_opener(_NoRedirect).open(asked, timeout=timeout) as answer:
            data: bytes = answer.read(LARGEST_ANSWER + 1)
    except (OSError, ValueError, URLError) as error:
        why = str(error.reason if type(error) is URLError else error)  # holds no socket
        raise AuthorityError(f"the time-stamp authority did not answer: {why}"[:300]) from None
    if len(data) > LARGEST_ANSWER:
        raise AuthorityError("the time-stamp authority's answer is too long")
    return data


def attach(folder: str | Path, pending: Pending, answer: bytes, signer: Signer) -> Path:
    """Keep an authority's answer in the ledger; returns the new file.

    Raises:
        LedgerError: the answer is no token over what was asked for.
    """
    root = combined(pending.roots)
    response = _response(answer)
    _imprint(response, root)
    if response.tst_info.nonce != pending.query.nonce:
        raise LedgerError("the time stamp answers another query")
    lines = [origin(signer.name, _TITLE), _base64(root)]
    lines += [
        f"{name} {size} {_base64(value)}" for name, (size, value) in sorted(pending.roots.items())
    ]
    text = "\n".join([*lines, f"token {_base64(answer)}", ""])
    stamps = Folder(folder).path / "stamps"
    stamps.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    path = stamps / f"{now:%Y%m%dT%H%M%S.%f}Z.stamp"
    draft = path.with_name(f"{path.name}{DRAFT}")
    try:
        # Two processes may stamp at once; neither may take the other's file.
        with draft.open("xb") as file:
            file.write(signer.sign(text))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise StorageError(f"{path}: {error.strerror or error}") from None
    return path


def check_stamp(
    file: str, data: bytes, keys: Collection[Verifier], authorities: Collection[bytes]
) -> tuple[StampReport, Roots]:
    """What a stamp says, and the checkpoints that it is over; those are the caller's to compare.

    Args:
        file: where it is.
        data: the note.
        keys: who may have signed it.
        authorities: root certificates in PEM; without any the token's signature is not checked.

    Raises:
        LedgerError: it is none, or it does not hold.
    """
    note = open_note(data, keys)
    if note.others:
        raise LedgerError(f"a signature of {note.others[0].name} could not be checked")
    head, *lines, last, end = note.text.split("\n") if note.text.count("\n") > 2 else [""] * 4
    if end or not lines or head not in {origin(key.name, _TITLE) for key in note.verified}:
        raise LedgerError("the note is no time stamp")
    roots = _roots(lines[1:])
    root = combined(roots)
    if lines[0] != _base64(root) or not roots:
        raise LedgerError("the time stamp's root is not that of its checkpoints")
    title, _, token = last.partition(" ")
    if title != "token":
        raise LedgerError("the time stamp has no token")
    response = _response(_bytes(token))
    _imprint(response, root)
    if authorities:
        _authority(response, root, authorities)
    report = StampReport(
        file=file,
        root=root.hex(),
        time=time_text(response.tst_info.gen_time),
        lines=sum(size for size, _ in roots.values()),
        authority=bool(authorities),
    )
    return report, roots


class _NoRedirect(HTTPRedirectHandler):
    """An authority answers itself; a query goes nowhere else."""

    def redirect_request(self, *_: object) -> None:
        return None


def _roots(lines: Collection[str]) -> dict[str, tuple[int, bytes]]:
    roots = {}
    for line in lines:
        name, _, rest = line.partition(" ")
        size, _, root = rest.partition(" ")
        if not SEGMENT.fullmatch(name) or not _DECIMAL.fullmatch(size):
            raise LedgerError("a line of the time stamp is malformed")
        roots[name] = int(size), _bytes(root)
    if list(roots) != sorted(roots) or len(roots) != len(lines):
        raise LedgerError("the time stamp's segments are not in order")
    return roots


def _response(data: bytes) -> "TimeStampResponse":
    _require()
    from rfc3161_client import PKIStatus, decode_timestamp_response  # noqa: PLC0415

    try:
        response = decode_timestamp_response(data)
        status = response.status
        if status == PKIStatus.GRANTED:
            _ = response.tst_info.gen_time
    except Exception as error:  # noqa: BLE001 - whatever a parser of hostile DER raises
        raise LedgerError(f"this is no time-stamp answer: {error}"[:200]) from None
    if status != PKIStatus.GRANTED:
        why = "; ".join(response.status_string)[:200]
        raise LedgerError(f"the authority did not grant the time stamp (status {status}): {why}")
    return response


def _imprint(response: "TimeStampResponse", root: bytes) -> None:
    imprint = response.tst_info.message_imprint
    if (imprint.hash_algorithm, imprint.message) != (_SHA256, sha256(root).digest()):
        raise LedgerError("the time stamp is over something else")


def _authority(response: "TimeStampResponse", root: bytes, authorities: Collection[bytes]) -> None:
    from rfc3161_client import VerificationError, VerifierBuilder  # noqa: PLC0415

    try:
        certificates = [
            certificate
            for data in authorities
            for certificate in x509.load_pem_x509_certificates(data)
        ]
        VerifierBuilder(roots=certificates).build().verify_message(response, root)
    except (VerificationError, ValueError) as error:
        raise LedgerError(f"the time stamp's signature does not hold: {error}"[:300]) from None


def _require() -> None:
    try:
        import rfc3161_client  # noqa: F401, PLC0415
    except ImportError:
        raise ImportError(
            "time stamps need rfc3161-client: pip install 'reservation-middleware[stamp]', "
            "or in a checkout uv run --extra stamp …"
        ) from None


def _base64(data: bytes) -> str:
    return b64encode(data).decode()


def _bytes(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (Base64Error, ValueError):
        raise LedgerError("the time stamp holds no base64 where it should") from None
