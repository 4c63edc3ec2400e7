"""Documents in an SQLite file: for several processes on one machine.

Write-ahead logging, so that readers wait for nobody; it needs shared memory, so the file
must not lie on a network file system. Reference: https://sqlite.org/wal.html
"""

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep, time
from typing import Any

from reservation_middleware.model import ConfigurationError, Document

from .codec import checked, name_of, pack
from .memory import MIB
from .protocol import LEASE, Key
from .shared import KEPT, RETRY, SharedCache

#: Of the file; one from a newer version is not touched.
VERSION = 1
#: What says that the file is one of ours ("RSVC").
_APPLICATION = 0x52535643
#: Seconds to wait for another process that writes.
_PATIENCE = 5.0
#: How many documents are put between two times of tidying up, and how many that deletes.
_TIDY, _BATCH, _BATCHES = 200, 50, 20

_Run = Callable[..., sqlite3.Cursor]

_TABLES = (
    """CREATE TABLE documents (
        key BLOB PRIMARY KEY, head BLOB NOT NULL, digest BLOB, kept REAL NOT NULL
    ) WITHOUT ROWID""",
    "CREATE INDEX documents_digest ON documents (digest) WHERE digest IS NOT NULL",
    "CREATE INDEX documents_kept ON documents (kept)",
    "CREATE TABLE bodies (digest BLOB NOT NULL UNIQUE, body BLOB NOT NULL)",
    """CREATE TABLE claims (
        key BLOB PRIMARY KEY, owner TEXT NOT NULL, until REAL NOT NULL
    ) WITHOUT ROWID""",
    f"PRAGMA application_id = {_APPLICATION}",
    f"PRAGMA user_version = {VERSION}",
)


#: Written where it is missing, and where it is another one than it should be.
_BODY = """INSERT INTO bodies VALUES (?, ?)
    ON CONFLICT (digest) DO UPDATE SET body = excluded.body WHERE body IS NOT excluded.body"""
#: Whether somebody else holds a claim.
_ANOTHERS = """SELECT 1 FROM claims
    WHERE key = :key AND owner <> :owner AND until > :now AND until <= :beyond"""


class SqliteCache(SharedCache):
    """A cache of policy documents in a file.

    Open it after a fork, not before (https://sqlite.org/howtocorrupt.html §2.6).

    Args:
        path: of the file; it is made if it is missing, its folder is not.
        octets: how large the file may become, about; those kept longest go first.
        lease: seconds after which a claim lapses that is not renewed.
        retry: seconds for which a file that failed is left alone.

    Raises:
        ConfigurationError: the file cannot be opened, is another one or from a newer version.
    """

    threads = 1  # a connection does one thing at a time
    failures = (sqlite3.Error, OSError)

    def __init__(
        self,
        path: Path | str,
        *,
        octets: int = 4096 * MIB,
        lease: float = LEASE,
        retry: float = RETRY,
    ) -> None:
        super().__init__(f"the cache {path}", lease=lease, retry=retry)
        if octets < 1:
            raise ConfigurationError(f"the cache {path} needs room for at least one document")
        self._path, self._octets = path, octets
        self._puts = 0
        self._open: sqlite3.Connection | None = _opened(path)
        #: A connection that is closed while a call is under way in it crashes the process, and
        #: whoever asks while the cache is being closed gets a thread of their own.
        self._turn = threading.Lock()

    @property
    def _connection(self) -> sqlite3.Connection:
        if self._open is None:
            try:
                self._open = _opened(self._path)
            except ConfigurationError as error:  # it was another one when this cache was made
                raise sqlite3.DatabaseError(str(error)) from error
        return self._open

    def _load(self, key: Key) -> Document | None:
        found = self._connection.execute(
            "SELECT head, body FROM documents LEFT JOIN bodies USING (digest) WHERE key = ?",
            (name_of(key),),
        ).fetchone()
        return None if found is None else checked(*found)

    def _store(self, key: Key, document: Document) -> None:
        head, digest, body = pack(document)
        name, now = name_of(key), time()
        with _transaction(self._connection) as run:
            before = run("SELECT digest FROM documents WHERE key = ?", (name,)).fetchone()
            if digest is not None:
                run(_BODY, (digest, body))
            run("INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?)", (name, head, digest, now))
            if before and before[0] not in (None, digest):
                _drop_bodies(run, [before])
        self._puts += 1
        if self._puts % _TIDY == 0:
            self._tidy(now)

    def _tidy(self, now: float) -> None:
        """Delete what is too old, and what there is no room for; a bounded number at a time."""
        with _transaction(self._connection) as run:
            run("DELETE FROM claims WHERE until < ?", (now,))
            for _ in range(_BATCHES):
                before = now if self._crowded(run) else now - KEPT
                old = run(
                    "SELECT key, digest FROM documents WHERE kept < ? ORDER BY kept LIMIT ?",
                    (before, _BATCH),
                ).fetchall()
                if not old:
                    break
                for key, _ in old:
                    run("DELETE FROM documents WHERE key = ?", (key,))
                _drop_bodies(run, {(digest,) for _, digest in old if digest is not None})

    def _crowded(self, run: _Run) -> bool:
        pages, free, size = (
            run(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        return bool((pages - free) * size > self._octets)

    def _hold(self, key: Key) -> bool:
        # Those who only wait for another do not keep anybody from writing.
        if self._connection.execute(_ANOTHERS, self._claim(key)).fetchone():
            return False
        with _transaction(self._connection) as run:
            claim = self._claim(key)  # later: this may have waited for others
            if run(_ANOTHERS, claim).fetchone():
                return False
            run("INSERT OR REPLACE INTO claims VALUES (:key, :owner, :until)", claim)
        return True

    def _claim(self, key: Key) -> dict[str, object]:
        now = time()
        return {
            "key": name_of(key),
            "owner": self._owner,
            "now": now,
            "until": now + self._lease,
            # One from beyond any lease was made before the clock was set back.
            "beyond": now + 2 * max(self._lease, LEASE),
        }

    def _let_go(self, key: Key) -> None:
        with _transaction(self._connection) as run:
            run("DELETE FROM claims WHERE key = ? AND owner = ?", (name_of(key), self._owner))

    def _work(self, *given: Any) -> Any:
        with self._turn:
            return super()._work(*given)

    def _disconnect(self) -> None:
        with self._turn:
            if self._open is not None:
                self._open.close()
                self._open = None


def _opened(path: Path | str) -> sqlite3.Connection:
    """A connection to one of our files, made where it is missing."""
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(
            path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
        )
        _prepare(connection, path)
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        raise ConfigurationError(f"the cache {path} cannot be opened: {error}") from error
    except ConfigurationError:
        if connection is not None:
            connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path | str) -> None:
    """Check whose file it is before anything is written; then make what is missing."""
    new = _new(connection, path)
    until = monotonic() + _PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            break
        except sqlite3.OperationalError:
            # Several processes that do this at the same time do not wait for each other.
            if monotonic() > until:
                raise
            sleep(0.01)
    connection.execute("PRAGMA synchronous = NORMAL")
    if new:
        with _transaction(connection) as run:
            if _new(connection, path):  # nobody else was quicker
                for statement in _TABLES:
                    run(statement)


def _new(connection: sqlite3.Connection, path: Path | str) -> bool:
    """Whether there is nothing in a file yet."""
    # In one statement: another process may make all three between two of them.
    application, version, tables = connection.execute(
        "SELECT (SELECT application_id FROM pragma_application_id),"
        " (SELECT user_version FROM pragma_user_version), (SELECT count(*) FROM sqlite_schema)"
    ).fetchone()
    if not application and not version and not tables:
        return True
    if application != _APPLICATION:
        raise ConfigurationError(f"{path} is another program's database, not a cache")
    if version != VERSION:
        raise ConfigurationError(
            f"the cache {path} is of version {version}, this package reads version {VERSION}: "
            "use a newer package or another file"
        )
    return False


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[_Run]:
    """Several statements or none: writing from the start, so that nobody comes between."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection.execute
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _drop_bodies(run: _Run, digests: Iterable[tuple[bytes]]) -> None:
    """Delete those bodies that no document refers to any more."""
    for digest in digests:
        run(
            """DELETE FROM bodies WHERE digest = ?1
            AND NOT EXISTS (SELECT 1 FROM documents WHERE digest = ?1)""",
            digest,
        )
