"""Rows in order, however many: sorted in runs that go to disk, and merged.

Pure but for its temporary files, which are gone when it is closed.
"""

import heapq
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import msgspec

#: Rows that are held in memory.
RUN = 100_000
_LENGTH = 4
_ENCODER = msgspec.msgpack.Encoder()
_DECODER: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder()

Row = tuple[Any, ...]


class Sorter:
    """Takes rows, and gives them in the order of their first columns.

    Args:
        columns: how many columns the order is by; they hold text or numbers.
        run: rows that are held in memory.
        folder: where temporary files go; the system's place if None.
    """

    def __init__(self, columns: int, *, run: int = RUN, folder: Path | None = None) -> None:
        self._columns = columns
        self._most = run
        self._rows: list[Row] = []
        self._place = TemporaryDirectory(prefix="reservations-", dir=folder)
        self._runs: list[Path] = []
        self.rows = 0

    def add(self, row: Row) -> None:
        """Take a row."""
        self._rows.append(row)
        self.rows += 1
        if len(self._rows) >= self._most:
            self._spill()

    def __iter__(self) -> Iterator[Row]:
        """All rows in order."""
        runs: list[Iterable[Row]] = [_read(path) for path in self._runs]
        self._rows.sort(key=self._key)
        return heapq.merge(*runs, self._rows, key=self._key)

    def close(self) -> None:
        """Take away the temporary files."""
        self._place.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _key(self, row: Row) -> Row:
        return tuple(row[: self._columns])

    def _spill(self) -> None:
        self._rows.sort(key=self._key)
        path = Path(self._place.name) / f"{len(self._runs)}"
        with path.open("wb") as stream:
            for row in self._rows:
                data = _ENCODER.encode(row)
                stream.write(len(data).to_bytes(_LENGTH))
                stream.write(data)
        self._runs.append(path)
        self._rows = []


def _read(path: Path) -> Iterator[Row]:
    with path.open("rb") as stream:
        while head := stream.read(_LENGTH):
            yield tuple(_DECODER.decode(stream.read(int.from_bytes(head))))
