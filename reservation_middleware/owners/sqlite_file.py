"""SQLite files of our own: opened, or refused in one line where they are somebody else's.

Reference: https://sqlite.org/pragma.html#pragma_application_id
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from reservation_middleware.model import ConfigurationError

#: Seconds to wait for another process that writes.
_PATIENCE = 30.0


class Schema(NamedTuple):
    """What a kind of file holds.

    Attributes:
        what: its name in messages: ``a history of watch``.
        application: four letters, as a number, that mark the file.
        version: of the tables; a file of another version is not touched.
        tables: statements that make them.
    """

    what: str
    application: int
    version: int
    tables: Sequence[str]


def opened(path: Path | str, schema: Schema) -> sqlite3.Connection:
    """Open a file, and make its tables if it is new.

    Args:
        path: of the file, or ``:memory:``.
        schema: what must be in it.

    Raises:
        ConfigurationError: it cannot be opened, is another program's or of another version; one
            line.
    """
    connection = None
    try:
        connection = sqlite3.connect(
            path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
        )
        if _is_new(connection, path, schema):
            with transaction(connection) as run:
                if _is_new(connection, path, schema):  # no other process was quicker
                    for statement in schema.tables:
                        run(statement)
                    run(f"PRAGMA application_id = {schema.application}")
                    run(f"PRAGMA user_version = {schema.version}")
    except ConfigurationError:
        if connection is not None:
            connection.close()
        raise
    except (sqlite3.Error, ValueError) as error:
        if connection is not None:
            connection.close()
        raise ConfigurationError(f"{path} cannot be used as {schema.what}: {error}") from None
    return connection


def _is_new(connection: sqlite3.Connection, path: Path | str, schema: Schema) -> bool:
    """Whether nothing is in a file yet."""
    application, version, tables = connection.execute(
        "SELECT (SELECT application_id FROM pragma_application_id),"
        " (SELECT user_version FROM pragma_user_version), (SELECT count(*) FROM sqlite_schema)"
    ).fetchone()
    if not application and not version and not tables:
        return True
    if application != schema.application:
        raise ConfigurationError(f"{path} is another program's database, not {schema.what}")
    if version != schema.version:
        raise ConfigurationError(
            f"{path} is {schema.what} of version {version}, this package reads version "
            f"{schema.version}: use another file"
        )
    return False


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[Callable[..., sqlite3.Cursor]]:
    """Several statements or none; writes from the start, so that no other process comes between."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection.execute
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
