"""The journal of a survey: which batches are done, and their rows, until the tables are written.

A batch counts once its marker is there, which is written last and whole; what a killed process
left without one is written again. Its rows are Parquet files beside the marker.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]
import pyarrow.parquet as pq  # type: ignore[import-untyped, unused-ignore]

from reservation_middleware.syntax.surt import surt_host_name

from .batches import Batch
from .extract import Extracted
from .read.items import InputError

#: Rows of one batch, as its captures are numbered.
_ROWS = 1 << 20
_SHARDS = 1 << 24


class Marker(msgspec.Struct, frozen=True):
    """What a batch held: captures, listed hosts, what could not be read, what was counted."""

    captures: int
    listed: int
    unreadable: Mapping[str, int]
    counts: Mapping[str, int]


class BatchJournal:
    """The folder ``journal/`` of a survey.

    Args:
        folder: of the survey.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "journal"

    def open(self, run: Mapping[str, Any]) -> None:
        """Begin a run, or go on with the one that is there.

        Args:
            run: what it is about: inputs and options.

        Raises:
            InputError: the folder holds a survey of something else.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        path, given = self.folder / "run.json", msgspec.json.encode(run, order="sorted")
        if path.exists():
            if path.read_bytes() != given:
                raise InputError(
                    f"{self.folder.parent} holds a survey of other inputs or options, or they have "
                    "changed since; choose another folder, or remove it"
                )
            return
        write_whole(path, given)

    def done(self) -> frozenset[str]:
        """Names of the batches that are done."""
        return frozenset(path.stem for path in self.folder.glob("*-*.json"))

    def markers(self) -> Iterator[Marker]:
        """What the batches held, in order."""
        for path in sorted(self.folder.glob("*-*.json")):
            yield msgspec.json.decode(path.read_bytes(), type=Marker)

    def keep(self, batch: Batch, extracted: Extracted) -> None:
        """Keep the rows of a batch; it is done when this returns."""
        base = (batch.shard * _SHARDS + batch.number) * _ROWS
        for name, rows in extracted.tables.items():
            if rows.num_rows:
                captures = [base + parent for parent in extracted.parents[name]]
                keys = [surt_host_name(host) for host in rows.column("host").to_pylist()]
                table = pa.Table.from_batches([rows])
                table = table.append_column("_capture", pa.array(captures, pa.int64()))
                table = table.append_column("_surt", pa.array(keys, pa.string()))
                self._write(f"{batch.name}.{name}.parquet", table)
        if batch.listed.num_rows:
            self._write(f"{batch.name}.listed.parquet", pa.Table.from_batches([batch.listed]))
        marker = Marker(
            batch.captures.num_rows, batch.listed.num_rows, batch.unreadable, extracted.counts
        )
        write_whole(self.folder / f"{batch.name}.json", msgspec.json.encode(marker))

    def parts(self, table: str) -> list[str]:
        """The Parquet files with rows of a table, of the batches that are done."""
        return [
            str(path)
            for name in sorted(self.done())
            if (path := self.folder / f"{name}.{table}.parquet").exists()
        ]

    def _write(self, name: str, table: Any) -> None:
        draft = self.folder / f".{name}.{os.getpid()}"
        pq.write_table(table, draft, compression="zstd")
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        draft.replace(self.folder / name)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
