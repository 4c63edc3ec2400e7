"""The form of what a ledger holds: canonical JSON, times, salts, identifiers.

References: RFC 8785 (JSON Canonicalization Scheme), RFC 3339, RFC 9562 (UUIDs).
"""

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec

from reservation_middleware.model import LedgerError

# "sorted" sorts the fields of structs too; "deterministic" sorts mappings only.
_ENCODER = msgspec.json.Encoder(order="sorted")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")


def canonical(value: object) -> bytes:
    """A value as canonical JSON (RFC 8785): structs, mappings with ASCII keys, no floats.

    Half characters, which some libraries put for bytes that are no text, become ``?``: no
    UTF-8 can hold them.
    """
    try:
        return _ENCODER.encode(value)
    except UnicodeEncodeError:
        return _ENCODER.encode(_whole(msgspec.to_builtins(value, builtin_types=(msgspec.Raw,))))


def exact(value: Any) -> bool:
    """Whether all numbers in a plain value are those that every reader of JSON has alike."""
    if isinstance(value, dict):
        return all(map(exact, value.values()))
    if isinstance(value, list):
        return all(map(exact, value))
    return not isinstance(value, float) and (not isinstance(value, int) or abs(value) < 2**53)


def time_text(moment: datetime) -> str:
    """A time as lines have it; one without time zone is in UTC."""
    if moment.tzinfo is not UTC and moment.tzinfo is not None:
        with suppress(OverflowError):  # at either end of the calendar
            moment = moment.astimezone(UTC)
    # Without its offset, whatever it is: at an end of the calendar it stays.
    return moment.isoformat(timespec="microseconds")[:26] + "Z"


def time_of(text: str) -> datetime:
    """The time that a line has.

    Raises:
        LedgerError: it is none.
    """
    try:
        if not _TIME.fullmatch(text):
            raise ValueError
        return datetime.fromisoformat(text)
    except ValueError:
        raise LedgerError(f"no time of a ledger: {text[:100]!r}") from None


def new_salt() -> str:
    """A salt."""
    return os.urandom(16).hex()


def new_ident(moment: datetime) -> str:
    """A UUIDv7 without hyphens (RFC 9562 §5.7).

    The twelve bits after the version are a fraction of the millisecond (§6.2, method 3), so
    that identifiers of one process sort by time as its clock has it.
    """
    micro = moment.microsecond
    since = int(moment.timestamp()) * 1000 + micro // 1000
    rest = int.from_bytes(os.urandom(8)) & (1 << 62) - 1
    head = since << 16 | 0x7000 | micro % 1000 * 4096 // 1000
    return f"{(head << 64 | 0b10 << 62 | rest) & (1 << 128) - 1:032x}"


def _whole(value: Any) -> Any:
    """A plain value without half characters."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, Mapping):
        return {_whole(key): _whole(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(item) for item in value]
    return value
