"""What readers yield, and what inputs may hold."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from reservation_middleware.decide.reading import page_fields
from reservation_middleware.model import ReservationError
from reservation_middleware.survey.captures import Capture

#: Fields that mark a challenge in the place of a policy, whichever signal reads them.
_CHALLENGES = ("cf-mitigated", "x-amzn-waf-action")


class InputError(ReservationError):
    """An input that cannot be used at all; the message is one line for the user."""


class InputKind(StrEnum):
    """What an input holds."""

    WARC = "warc"
    JSONL = "jsonl"
    PARQUET = "parquet"
    LIST = "list"
    FOLDER = "folder"
    MANIFEST = "manifest"


class Listed(NamedTuple):
    """A host that belongs to the survey, captured or not, with how many documents are its own."""

    host: str
    rank: int | None = None
    documents: int = 0


class Unreadable(NamedTuple):
    """Something that could not be read, and why."""

    reason: str
    times: int = 1


Item = Capture | Listed | Unreadable


def fields_of(head: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Of a response's fields those that some signal reads: name, value, name, value …"""
    pairs = list(head)
    found = [*page_fields(pairs)]
    found += [(name.lower(), value) for name, value in pairs if name.lower() in _CHALLENGES]
    return tuple(part for pair in found for part in pair)


def wave_of(wave: str | None, time: datetime | None) -> str:
    """The round that a fetch belongs to: as it was named, else its month, else ``all``."""
    if wave is not None:
        return wave
    return f"{time:%Y-%m}" if time is not None else "all"
