"""Reports that are kept for 30 days under links that cannot be guessed."""

import secrets
import sqlite3
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from reservation_middleware.owners.sqlite_file import Schema, opened, transaction

#: How long a report is kept, and how many are.
KEPT, _MOST = timedelta(days=30), 20_000
_SCHEMA = Schema(
    "a store of reports",
    0x52535652,  # "RSVR"
    1,
    (
        """CREATE TABLE reports (
            ident TEXT PRIMARY KEY, url TEXT NOT NULL, time REAL NOT NULL,
            page BLOB NOT NULL, json BLOB NOT NULL, problem TEXT
        ) WITHOUT ROWID""",
        "CREATE INDEX reports_time ON reports (time)",
    ),
)


def new_ident() -> str:
    """An identifier of 128 random bits."""
    return secrets.token_urlsafe(16)


class KeptReport(NamedTuple):
    """What a look found, ready to be sent.

    Attributes:
        url: that was asked for.
        page: HTML; empty where the look was given up.
        json: what ``check --format json`` prints; empty where the look was given up.
        problem: why it was given up.
    """

    url: str
    page: str
    json: str
    problem: str | None = None


class ReportStore:
    """The store.

    Args:
        path: of an SQLite file, or ``:memory:``.
        now: the time, UTC.

    Raises:
        ConfigurationError: the file is another program's, or cannot be opened.
    """

    def __init__(
        self, path: Path | str, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._connection = opened(path, _SCHEMA)
        self._now = now

    def until(self) -> datetime:
        """When a report that is kept now goes."""
        return self._now() + KEPT

    def keep(self, ident: str, report: KeptReport) -> None:
        """Keep a report; those that are too old, or too many, go.

        Raises:
            sqlite3.Error: it cannot be written.
        """
        packed = [zlib.compress(text.encode()) for text in (report.page, report.json)]
        with transaction(self._connection) as run:
            run("DELETE FROM reports WHERE time < ?", (self._oldest,))
            run(
                """DELETE FROM reports WHERE ident IN
                (SELECT ident FROM reports ORDER BY time DESC LIMIT -1 OFFSET ?)""",
                (_MOST - 1,),
            )
            run(
                "INSERT INTO reports VALUES (?, ?, ?, ?, ?, ?)",
                (ident, report.url, self._now().timestamp(), *packed, report.problem),
            )

    def get(self, ident: str) -> KeptReport | None:
        """A report; None if there is none, or no longer."""
        try:
            row = self._connection.execute(
                "SELECT url, page, json, problem FROM reports WHERE ident = ? AND time >= ?",
                (ident, self._oldest),
            ).fetchone()
        except (sqlite3.Error, UnicodeError):
            return None
        if row is None:
            return None
        url, page, json, problem = row
        return KeptReport(
            url, zlib.decompress(page).decode(), zlib.decompress(json).decode(), problem
        )

    @property
    def _oldest(self) -> float:
        return (self._now() - KEPT).timestamp()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
