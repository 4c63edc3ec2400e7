"""Inputs in bounded batches: the same input always gives the same batches, so that they can be
numbered, and a run that was killed goes on where it was.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]

from reservation_middleware.ledger.read.columns import host as host_of
from reservation_middleware.syntax.domains import registrable
from reservation_middleware.syntax.surt import surt_host_name

from .captures import Capture, arrow, record_batch
from .read.items import Item, Listed

#: Captures, octets of bodies, and listed hosts of one batch at the most.
CAPTURES_EACH, OCTETS_EACH, LISTED_EACH = 500, 16 * 1024 * 1024, 50_000

LISTED = pa.schema(
    [
        pa.field("host", pa.string(), nullable=False),
        pa.field("surt_host_name", pa.string(), nullable=False),
        pa.field("registrable_domain", pa.string(), nullable=False),
        pa.field("rank", pa.int64()),
        pa.field("documents", pa.int64(), nullable=False),
    ]
)


class Batch(NamedTuple):
    """A piece of one input.

    Attributes:
        shard: the input's number.
        number: the batch's own in its input.
        captures: a record batch of ``schema.CAPTURES``.
        listed: a record batch of ``LISTED``.
        unreadable: how often what could not be read, by reason.
    """

    shard: int
    number: int
    captures: Any
    listed: Any
    unreadable: dict[str, int]

    @property
    def name(self) -> str:
        """What its files in the journal begin with."""
        return f"{self.shard:05d}-{self.number:07d}"


def batches(items: Iterable[Item], shard: int) -> Iterator[Batch]:
    """The batches of one input.

    Args:
        items: what its reader yields.
        shard: its number.
    """
    captures: list[Capture] = []
    listed: list[Listed] = []
    unreadable: dict[str, int] = {}
    octets = number = 0
    for item in items:
        if isinstance(item, Capture):
            captures.append(item)
            octets += len(item.body or b"")
        elif isinstance(item, Listed):
            listed.append(item)
        else:
            unreadable[item.reason] = unreadable.get(item.reason, 0) + item.times
        full = len(captures) >= CAPTURES_EACH or octets >= OCTETS_EACH
        if full or len(listed) >= LISTED_EACH:
            yield Batch(shard, number, arrow(captures), _listed(listed), unreadable)
            captures, listed, unreadable, octets = [], [], {}, 0
            number += 1
    if captures or listed or unreadable:
        yield Batch(shard, number, arrow(captures), _listed(listed), unreadable)


def _listed(listed: Iterable[Listed]) -> Any:
    rows = []
    for given in listed:
        host = host_of(f"https://{given.host}/") or given.host
        rows.append((host, surt_host_name(host), registrable(host), given.rank, given.documents))
    return record_batch(list(zip(*rows, strict=True)) or [()] * len(LISTED), LISTED)
