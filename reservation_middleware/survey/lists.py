"""What a survey knows of sites and agents beside its inputs: weights, strata, lists of agents.

Each becomes a Parquet file in ``lists/``, which the metrics read; without input it has no rows.
"""

import csv
import gzip
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]
import pyarrow.parquet as pq  # type: ignore[import-untyped, unused-ignore]

from reservation_middleware.ledger.read.columns import host as host_of
from reservation_middleware.model.agents import catalogue
from reservation_middleware.syntax.surt import surt_host_name

from .read.items import InputError

_ABOUT = ("host", "domain", "url", "origin", "site")

AGENTS = pa.schema(
    [
        pa.field("agent", pa.string(), nullable=False),
        pa.field("operator", pa.string(), nullable=False),
        pa.field("purposes", pa.list_(pa.string()), nullable=False),
    ]
)
WEIGHTS = pa.schema(
    [
        pa.field("surt_host_name", pa.string(), nullable=False),
        pa.field("corpus", pa.string(), nullable=False),
        pa.field("tokens", pa.float64(), nullable=False),
    ]
)
STRATA = pa.schema(
    [
        pa.field("surt_host_name", pa.string(), nullable=False),
        pa.field("stratum", pa.string(), nullable=False),
        pa.field("value", pa.string(), nullable=False),
    ]
)
AGENT_SETS = pa.schema(
    [
        pa.field("released", pa.string(), nullable=False),
        pa.field("agent", pa.string(), nullable=False),
    ]
)


def write_lists(
    folder: Path, *, weights: Path | None, strata: Path | None, agent_sets: Path | None
) -> None:
    """Write ``lists/`` of a survey.

    Args:
        folder: of the survey.
        weights: rows of a host with amounts, one column for each corpus.
        strata: rows of a host with words, one column for each stratum.
        agent_sets: JSON, ``[{"date", "agents"}]``: releases of a list of agents.

    Raises:
        InputError: a file cannot be read, or has no column of hosts.
    """
    lists = folder / "lists"
    lists.mkdir(parents=True, exist_ok=True)
    known = [(agent.token, agent.operator, list(agent.purposes)) for agent in catalogue().agents]
    _write(lists / "agents.parquet", AGENTS, known)
    _write(lists / "weights.parquet", WEIGHTS, _weights(weights) if weights else ())
    _write(lists / "strata.parquet", STRATA, _strata(strata) if strata else ())
    _write(lists / "agent_sets.parquet", AGENT_SETS, _agent_sets(agent_sets) if agent_sets else ())


def _write(path: Path, schema: Any, rows: Iterable[Sequence[Any]]) -> None:
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), path)


def _weights(path: Path) -> Iterator[tuple[str, str, float]]:
    """Amounts by key and corpus; spellings of one site (www.) are added up."""
    found: dict[tuple[str, str], float] = {}
    for key, row in _by_host(path):
        for corpus, value in row.items():
            try:
                amount = float(value)
            except (TypeError, ValueError):
                continue
            if amount >= 0:
                found[key, corpus] = found.get((key, corpus), 0) + amount
    return ((key, corpus, amount) for (key, corpus), amount in found.items())


def _strata(path: Path) -> Iterator[tuple[str, str, str]]:
    found: dict[tuple[str, str], str] = {}
    for key, row in _by_host(path):
        for stratum, value in row.items():
            if isinstance(value, str | int) and str(value).strip() and stratum != "name":
                found[key, stratum] = _without_flags(str(value).strip()[:100])
    return ((key, stratum, value) for (key, stratum), value in found.items())


def _without_flags(text: str) -> str:
    """A text in which the flag of a country is its code: 🇬🇧 is GB."""
    first, last = 0x1F1E6, 0x1F1FF
    return "".join(
        chr(ord(mark) - first + ord("A")) if first <= ord(mark) <= last else mark for mark in text
    )


def _agent_sets(path: Path) -> Iterator[tuple[str, str]]:
    try:
        releases = msgspec.json.decode(_text(path), type=list[dict[str, Any]])
        pairs = {
            (str(release["date"]), str(agent))
            for release in releases
            for agent in release["agents"]
        }
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        raise InputError(f'{path}: not [{{"date", "agents"}}]: {error}') from None
    return iter(sorted(pairs))


def _by_host(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The rows of a CSV file or a JSON array, each with the key of its host."""
    text = _text(path)
    rows: Iterable[Mapping[str, Any]]
    names: set[str]
    if text.lstrip().startswith("["):
        try:
            given_rows = msgspec.json.decode(text, type=list[dict[str, Any]])
        except msgspec.DecodeError as error:
            raise InputError(f"{path}: {error}") from None
        rows, names = given_rows, set(given_rows[0]) if given_rows else set()
    else:
        reader = csv.DictReader(io.StringIO(text))
        rows, names = reader, set(reader.fieldnames or ())
    about = next((name for name in _ABOUT if name in names), None)
    if about is None:
        raise InputError(
            f"{path}: no column {', '.join(_ABOUT)}; it has {', '.join(sorted(names))}"
        )
    for row in rows:
        given = str(row.get(about) or "")
        host = host_of(given if "://" in given else f"https://{given}/")
        if host:
            yield surt_host_name(host), {name: row[name] for name in row if name and name != about}


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
        if data.startswith(b"\x1f\x8b"):
            data = gzip.decompress(data)
    except (OSError, EOFError, ValueError) as error:
        raise InputError(
            f"cannot read {path}: {getattr(error, 'strerror', None) or error}"
        ) from None
    return data.decode("utf-8-sig", "replace")
