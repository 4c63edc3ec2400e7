"""Parquet with a column of hosts or URLs: with bodies it is captures, without it is a list.

C4, FineWeb and Common Crawl's index are of the second kind: each row is a document of its host.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]
import pyarrow.parquet as pq  # type: ignore[import-untyped, unused-ignore]

from reservation_middleware.ledger.read.columns import host as host_of
from reservation_middleware.survey.captures import Capture

from .items import InputError, Item, Listed, Unreadable
from .json_lines import capture, policy_url
from .streams import InputSource

_ABOUT = ("url", "host", "domain", "origin", "url_host_name")
_BODY = ("body", "robots", "robots_txt", "content")
_MORE = ("wave", "status", "headers", "fetched_at", "date")
_BATCH = 2_000


def parquet(source: InputSource, wave: str | None) -> Iterator[Item]:
    """Every row of a file.

    Raises:
        InputError: it has no column of hosts or URLs, or one of another type.
    """
    stream = source.open()
    try:
        with pq.ParquetFile(stream) as file:
            names = file.schema_arrow.names
            about = next((name for name in _ABOUT if name in names), None)
            if about is None:
                raise InputError(
                    f"{source.location}: no column {', '.join(_ABOUT)}; it has {', '.join(names)}"
                )
            body = next((name for name in _BODY if name in names), None)
            for name in filter(None, (about, body)):
                kind = file.schema_arrow.field(name).type
                if not _is_text(kind):
                    raise InputError(f"{source.location}: column {name} is {kind}, not text")
            if body is None:
                yield from _documents(file, about)
            else:
                yield from _rows(file, about, body, wave)
    except (pa.ArrowException, OSError):
        yield Unreadable("a parquet file that is cut off or broken")
    finally:
        stream.close()


def _is_text(kind: Any) -> bool:
    types = pa.types
    return any(
        test(kind)
        for test in (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary)
    )


def _documents(file: Any, about: str) -> Iterator[Item]:
    for batch in file.iter_batches(batch_size=50_000, columns=[about]):
        hosts: Counter[str] = Counter()
        for text in batch.column(0).to_pylist():
            shown = text.decode("utf-8", "replace") if isinstance(text, bytes) else text or ""
            hosts[host_of(shown if "://" in shown else f"https://{shown}/")] += 1
        lost = hosts.pop("", 0)
        if lost:
            yield Unreadable("a row without a host", lost)
        yield from (Listed(host, None, times) for host, times in hosts.items())


def _rows(file: Any, about: str, body: str, wave: str | None) -> Iterator[Item]:
    more = [name for name in _MORE if name in file.schema_arrow.names]
    for batch in file.iter_batches(batch_size=_BATCH, columns=[about, body, *more]):
        for row in batch.to_pylist():
            given = row.pop(body)
            text = row.pop(about)
            url = policy_url(
                text.decode("utf-8", "replace") if isinstance(text, bytes) else text or ""
            )
            if not url:
                yield Unreadable("a row without a host")
                continue
            time = row.pop("fetched_at", None)
            value = {**row, "url": url, "fetched_at": str(time) if time else None}
            if isinstance(given, bytes):
                item = capture({**value, "body": ""}, wave)
                yield item._replace(body=given) if isinstance(item, Capture) else item
            else:
                yield capture({**value, "body": given}, wave)
