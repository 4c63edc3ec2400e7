"""The history of watched pages: an SQLite file that several processes may write.

A look whose effect is that of an earlier one refers to it, so that a page that does not change
costs a few octets for each look.
"""

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import msgspec

from reservation_middleware.model import ConfigurationError
from reservation_middleware.owners.sqlite_file import Schema, opened, transaction

from .compare import Comparison, compare
from .effect import Effect

_SCHEMA = Schema(
    "a history of watch",
    0x52535657,  # "RSVW"
    1,
    (
        "CREATE TABLE effects (digest BLOB PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID",
        """CREATE TABLE looks (
            number INTEGER PRIMARY KEY, url TEXT NOT NULL, time TEXT NOT NULL,
            effect BLOB REFERENCES effects, problem TEXT
        )""",
        "CREATE INDEX looks_url ON looks (url, number)",
    ),
)


class KeptLook(NamedTuple):
    """An entry of the history.

    Attributes:
        number: counts up over all pages.
        time: of the look, UTC.
        problem: why nothing could be read; None where it could.
    """

    number: int
    time: datetime
    problem: str | None


class Recorded(NamedTuple):
    """What became of a look that was recorded.

    Attributes:
        since: when the last look was that could read something; None for the first.
        comparison: with that look; None for the first.
    """

    since: datetime | None
    comparison: Comparison | None


class History:
    """An open history.

    Args:
        path: of the file; it is made if it is missing, its folder is not.

    Raises:
        ConfigurationError: it is another program's, of another version, or cannot be opened.
    """

    def __init__(self, path: Path | str) -> None:
        self._path = path
        self._connection = opened(path, _SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def record(self, url: str, time: datetime, look: Effect) -> Recorded:
        """Keep a look and compare it with the last one, in one transaction.

        Of several processes that look at the same time only one finds a change.

        Raises:
            ConfigurationError: the file cannot be written.
        """
        try:
            with transaction(self._connection) as run:
                row = run(
                    """SELECT time, body FROM looks JOIN effects ON digest = effect
                    WHERE url = ? ORDER BY number DESC LIMIT 1""",
                    (url,),
                ).fetchone()
                since, comparison = None, None
                if row is not None:
                    since = datetime.fromisoformat(row[0])
                    comparison = compare(_look(row[1]), look)
                    look = comparison.look
                body = msgspec.json.encode(look)
                digest = sha256(body).digest()
                run("INSERT OR IGNORE INTO effects VALUES (?, ?)", (digest, body))
                run(
                    "INSERT INTO looks (url, time, effect) VALUES (?, ?, ?)",
                    (url, _time(time), digest),
                )
        except (sqlite3.Error, msgspec.DecodeError) as error:
            raise ConfigurationError(f"{self._path}: {error}") from None
        return Recorded(since, comparison)

    def record_problem(self, url: str, time: datetime, problem: str) -> None:
        """Keep that a page could not be read; later looks are compared with the last that could.

        Raises:
            ConfigurationError: the file cannot be written.
        """
        try:
            with transaction(self._connection) as run:
                run(
                    "INSERT INTO looks (url, time, problem) VALUES (?, ?, ?)",
                    (url, _time(time), problem[:500]),
                )
        except sqlite3.Error as error:
            raise ConfigurationError(f"{self._path}: {error}") from None

    def urls(self, most: int) -> list[str]:
        """The watched pages, those looked at last first."""
        found = self._connection.execute(
            "SELECT url FROM looks GROUP BY url ORDER BY max(number) DESC LIMIT ?", (most,)
        )
        return [str(url) for (url,) in found]

    def looks(self, url: str, most: int) -> list[KeptLook]:
        """The looks at one page, the newest first."""
        found = self._connection.execute(
            "SELECT number, time, problem FROM looks WHERE url = ? ORDER BY number DESC LIMIT ?",
            (url, most),
        )
        return [
            KeptLook(number, datetime.fromisoformat(time), problem)
            for number, time, problem in found
        ]

    def effects(self, url: str, numbers: Sequence[int]) -> list[Effect]:
        """The effects of some looks at one page; those that found none are left out.

        Raises:
            ConfigurationError: what is kept cannot be read.
        """
        found = []
        for number in numbers:
            row = self._connection.execute(
                """SELECT body FROM looks JOIN effects ON digest = effect
                WHERE url = ? AND number = ?""",
                (url, number),
            ).fetchone()
            if row is not None:
                try:
                    found.append(_look(row[0]))
                except msgspec.DecodeError as error:
                    raise ConfigurationError(f"{self._path}: {error}") from None
        return found


def _look(body: bytes) -> Effect:
    return msgspec.json.decode(body, type=Effect)


def _time(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="seconds")
