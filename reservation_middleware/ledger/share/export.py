"""A ledger as parquet tables, sorted by host name like Common Crawl's, so that they join.

Needs the extra ``[export]``. Row groups are written one after the other; memory does not grow
with the ledger. The columns are told in ``spec/ledger.md``.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

try:
    import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]
    import pyarrow.parquet as pq  # type: ignore[import-untyped, unused-ignore]
except ImportError as error:
    raise ImportError(
        "exporting to parquet needs pyarrow: pip install 'reservation-middleware[export]', "
        "or in a checkout uv run --extra export …"
    ) from error

from reservation_middleware.ledger.format.canonical import time_of
from reservation_middleware.ledger.format.lines import DecisionLine, DocumentLine, EpochLine
from reservation_middleware.ledger.read.columns import domain, host, media_type
from reservation_middleware.ledger.read.reader import LedgerReader
from reservation_middleware.model import LEAVES
from reservation_middleware.model.error import StorageError
from reservation_middleware.syntax.surt import surt_host_name

from .sorting import RUN, Row, Sorter

#: Rows of a row group.
_GROUP = 65_536
_TIME = pa.timestamp("us", tz="UTC")
_WORDS = pa.list_(pa.string())
#: Every table begins with these; it is sorted by the host, then by the time.
_HEAD = {"surt_host_name": pa.string(), "time": _TIME}

COLUMNS: Mapping[str, Mapping[str, Any]] = {
    "decisions": {
        **_HEAD,
        "id": pa.string(),
        "url": pa.string(),
        "domain": pa.string(),
        "agent": pa.string(),
        "purposes": _WORDS,
        "profile": pa.string(),
        "mode": pa.string(),
        "adapter": pa.string(),
        "stage": pa.string(),
        "action": pa.string(),
        "verdict": pa.string(),
        "crawl": pa.string(),
        "blocked": pa.bool_(),
        **{leaf.replace("-", "_"): pa.string() for leaf in LEAVES},
        "signals": _WORDS,
        "offers": pa.int32(),
        "status": pa.int16(),
        "content_type": pa.string(),
        "bytes": pa.int64(),
        "expires": _TIME,
        "spec_version": pa.string(),
        "segment": pa.string(),
        "line": pa.int64(),
    },
    "reasons": {
        **_HEAD,
        "id": pa.string(),
        "url": pa.string(),
        "signal": pa.string(),
        "carrier": pa.string(),
        "category": pa.string(),
        "preference": pa.string(),
        "document": pa.string(),
        "document_line": pa.int64(),
        "text": pa.string(),
        "inferred": pa.bool_(),
        "covers": _WORDS,
        "digest": pa.string(),
        "conditions": _WORDS,
        "near_miss": pa.bool_(),
    },
    "documents": {
        **_HEAD,
        "url": pa.string(),
        "location": pa.string(),
        "address": pa.string(),
        "resource": pa.string(),
        "outcome": pa.string(),
        "status": pa.int16(),
        "expires": _TIME,
        "problem": pa.string(),
        "stale": pa.string(),
        "digest": pa.string(),
        "warc_filename": pa.string(),
        "warc_record_offset": pa.int64(),
        "warc_record_length": pa.int64(),
        "segment": pa.string(),
        "line": pa.int64(),
    },
    "epochs": {
        **_HEAD,
        "until": _TIME,
        "origin": pa.string(),
        "agent": pa.string(),
        "purposes": _WORDS,
        "profile": pa.string(),
        "mode": pa.string(),
        "adapter": pa.string(),
        "stage": pa.string(),
        "action": pa.string(),
        "verdict": pa.string(),
        "crawl": pa.string(),
        "decisions": pa.int64(),
        "bytes": pa.int64(),
        "segment": pa.string(),
        "line": pa.int64(),
    },
}


def export(
    ledger: LedgerReader,
    folder: Path,
    *,
    run: int = RUN,
    progress: Callable[[int], object] | None = None,
) -> dict[str, int]:
    """Write ``decisions.parquet``, ``reasons.parquet``, ``documents.parquet``, ``epochs.parquet``.

    Args:
        ledger: which.
        folder: where to; made if it is not there.
        run: rows of one table that are held in memory.
        progress: called now and then with how many more bytes were read.

    Returns:
        Rows by table.

    Raises:
        LedgerError: the ledger is broken, or the folder cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            sorters = {
                name: stack.enter_context(Sorter(2, run=run, folder=folder)) for name in COLUMNS
            }
            for segment, index, entry in ledger.lines(progress):
                place = segment.name, index + 1
                if isinstance(entry, DecisionLine):
                    sorters["decisions"].add(_decision(entry, place))
                    for row in _reasons(entry):
                        sorters["reasons"].add(row)
                elif isinstance(entry, DocumentLine):
                    sorters["documents"].add(_document(entry, place))
                elif isinstance(entry, EpochLine):
                    for row in _epochs(entry, place):
                        sorters["epochs"].add(row)
            for name, sorter in sorters.items():
                _write(folder / f"{name}.parquet", COLUMNS[name], sorter)
            return {name: sorter.rows for name, sorter in sorters.items()}
    except OSError as error:
        raise StorageError(f"{error.filename or folder}: {error.strerror or error}") from None


def _write(path: Path, columns: Mapping[str, Any], rows: Iterable[Row]) -> None:
    """Write a table; it takes its name when it is whole."""
    schema = pa.schema(list(columns.items()))
    order = [pq.SortingColumn(0), pq.SortingColumn(1)]
    draft = path.with_name(f"{path.name}.new")
    try:
        _write_draft(draft, schema, order, rows)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _write_draft(draft: Path, schema: Any, order: Any, rows: Iterable[Row]) -> None:
    with pq.ParquetWriter(draft, schema, compression="zstd", sorting_columns=order) as writer:
        group: list[Row] = []
        for row in rows:
            group.append(row)
            if len(group) >= _GROUP:
                writer.write_table(_table(group, schema))
                group = []
        if group:
            writer.write_table(_table(group, schema))


def _table(rows: list[Row], schema: Any) -> Any:
    columns = [
        pa.array([_moment(value) for value in column] if kind == _TIME else list(column), type=kind)
        for column, kind in zip(zip(*rows, strict=True), schema.types, strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _moment(text: str | None) -> Any:
    return time_of(text) if text else None


def _decision(line: DecisionLine, place: tuple[str, int]) -> Row:
    page = line.page
    return (
        *(_surt(line.url), line.time, line.id, line.url, domain(line.url)),
        *(line.agent, line.purposes),
        *(line.profile, line.mode, line.adapter, line.stage, line.action, line.verdict),
        *(line.crawl, line.blocked),
        *(line.usage.get(leaf) for leaf in LEAVES),
        tuple(dict.fromkeys(reason.signal for reason in line.reasons)),
        len(line.offers),
        page.status if page else None,
        media_type(line),
        *(line.octets, line.expires, line.spec_version, *place),
    )


def _reasons(line: DecisionLine) -> Iterable[Row]:
    name = _surt(line.url)
    for reason in line.reasons:
        yield (
            *(name, line.time, line.id, line.url, reason.signal, reason.carrier, reason.category),
            *(
                reason.preference,
                reason.document,
                reason.line,
                reason.text,
                reason.inferred,
                reason.covers,
            ),
            *(reason.digest, reason.conditions, reason.near_miss),
        )


def _document(line: DocumentLine, place: tuple[str, int]) -> Row:
    archive = line.archive
    where = (archive.file, archive.offset, archive.length) if archive else (None, None, None)
    return (
        *(_surt(line.url), line.fetched_at or "", line.url, line.location, line.address),
        *(line.resource, line.outcome, line.status, line.expires, line.problem, line.stale),
        *(line.digest, *where, *place),
    )


def _epochs(line: EpochLine, place: tuple[str, int]) -> Iterable[Row]:
    name = _surt(line.origin)
    for count in line.counts:
        yield (
            *(name, line.time, line.until, line.origin, line.agent, line.purposes, line.profile),
            *(line.mode, line.adapter, count.stage, count.action, count.verdict, count.crawl),
            *(count.decisions, count.octets, *place),
        )


def _surt(url: str) -> str:
    return surt_host_name(host(url))
