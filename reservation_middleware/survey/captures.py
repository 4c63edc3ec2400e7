"""A capture: one fetch as an input has it, and how values become Arrow."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]

from .schema import CAPTURES

#: Octets of a robots.txt that are read (RFC 9309 §2.5), and of any other document.
ROBOTS_LIMIT, PAGE_LIMIT = 512 * 1024 + 1, 8 * 1024 * 1024


class Capture(NamedTuple):
    """One fetch: the columns of ``schema.CAPTURES``."""

    url: str
    wave: str
    status: int | None = None
    fields: tuple[str, ...] = ()
    body: bytes | None = None
    fetched_at: datetime | None = None
    problem: str | None = None


def arrow(captures: Iterable[Capture]) -> Any:
    """Captures as a record batch of ``schema.CAPTURES``."""
    columns = list(zip(*captures, strict=True)) or [()] * len(CAPTURES)
    return record_batch(columns, CAPTURES)


def record_batch(columns: Iterable[Any], schema: Any) -> Any:
    """Columns of Python values as a record batch; what is no text is replaced."""
    arrays = []
    for values, field in zip(columns, schema, strict=True):
        try:
            arrays.append(pa.array(values, type=field.type))
        except UnicodeEncodeError:  # half a surrogate pair, which JSON and fields may hold
            arrays.append(pa.array(list(map(_clean, values)), type=field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return tuple(map(_clean, value)) if isinstance(value, (tuple, list)) else value
