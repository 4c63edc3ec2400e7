"""Metrics: a query in a file each, run by DuckDB over the tables of a survey.

The files are copied into the survey's folder (``metrics/``), so that anybody who knows SQL can run
and change them there. ``views.sql`` comes first; ``turnbull`` works on what ``m7_intervals`` finds.
"""

from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from reservation_middleware.survey.merge import connect
from reservation_middleware.survey.read.items import InputError

_VIEWS = "views"
#: Large or inner results, which no report shows.
NOT_SHOWN = ("agents_all", "m7_intervals")


class Result(NamedTuple):
    """What a query found.

    Attributes:
        name: of its file.
        about: the comment at its head.
        query: its text.
        columns: names.
        rows: values.
    """

    name: str
    about: str
    query: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]

    def dicts(self) -> list[dict[str, Any]]:
        """The rows by column."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def queries(folder: str = "metrics") -> Mapping[str, str]:
    """The texts of the queries by name, in order.

    Args:
        folder: ``metrics`` or ``invariants``.
    """
    place = files("reservation_middleware.survey") / folder
    found = sorted(
        (entry for entry in place.iterdir() if entry.name.endswith(".sql")),
        key=lambda entry: entry.name,
    )
    return {entry.name.removesuffix(".sql"): entry.read_text("utf-8") for entry in found}


def copy_queries(folder: Path) -> None:
    """Put the queries into a survey's folder."""
    for kind in ("metrics", "invariants"):
        target = folder / kind
        target.mkdir(exist_ok=True)
        for name, text in queries(kind).items():
            (target / f"{name}.sql").write_text(text, "utf-8")


def opened(folder: Path) -> Any:
    """A database with the views over a survey's tables.

    Raises:
        InputError: the folder holds no survey.
    """
    if not (folder / "survey.json").exists():
        raise InputError(f"{folder} holds no finished survey")
    connection = connect(folder / "journal")
    connection.execute("set file_search_path = $1", [str(folder.resolve())])
    try:
        connection.execute(queries()[_VIEWS])
    except duckdb.Error as error:
        raise InputError(f"{folder}: {str(error).splitlines()[0]}") from None
    return connection


def run(connection: Any, name: str) -> Result:
    """Run one metric.

    Args:
        connection: as ``opened`` gives it.
        name: of the query.
    """
    text = queries()[name]
    about, _, _ = text.partition("\n" + next(_code(text)))
    found = connection.execute(text)
    columns = tuple(column[0] for column in found.description)
    shown = " ".join(line.removeprefix("--").strip() for line in about.splitlines())
    return Result(name, shown, text, columns, found.fetchall())


def _code(text: str) -> Iterator[str]:
    return (line for line in text.splitlines() if not line.startswith("--"))


def broken_invariants(connection: Any) -> Mapping[str, int]:
    """The invariants that do not hold, each with how many rows break it."""
    broken = {}
    for name, text in queries("invariants").items():
        rows = connection.execute(f"select count(*) from ({text})").fetchone()[0]  # noqa: S608 - ours
        if rows:
            broken[name] = rows
    return broken
