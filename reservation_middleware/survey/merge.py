"""From the journal to the tables: one capture for each host and wave, sorted, written whole.

The rule that chooses among several captures of a host (http and https, redirects, repeated
fetches): the first of ``words.BEST_FIRST``; then https before http; then the latest. DuckDB sorts,
on disk where memory does not do.
"""

import shutil
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]
import pyarrow.parquet as pq  # type: ignore[import-untyped, unused-ignore]

from .batches import LISTED
from .journal import BatchJournal
from .schema import TABLES
from .words import BEST_FIRST

#: Memory that sorting may take; the rest is done on disk.
MEMORY = "512MB"
_GROUP = 32_768

_ORDER = {
    "sites": "surt_host_name, host, wave",
    "agents": "_surt, host, wave, agent = '*', agent",
    "statements": (
        "_surt, host, wave, document, line nulls first, signal, category, path nulls first, "
        "preference, agent, text, inferred, near_miss, carrier"
    ),
    "pages": "_surt, host, url_surtkey, url, fetch_time",
}


def merge(folder: Path, journal: BatchJournal) -> None:
    """Write the four tables, and the frame, of a survey."""
    new = journal.folder / "new"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    connection = connect(journal.folder)
    for name, schema in TABLES.items():
        _view(connection, f"part_{name}", journal.parts(name), _with_keys(schema))
    _view(connection, "part_listed", journal.parts("listed"), LISTED)
    connection.execute(_CHOSEN.format(rank=_rank()))
    connection.execute(_MISSING)
    for name, schema in TABLES.items():
        query = f"from ({_SELECT[name]}) order by {_ORDER[name]}"
        _write(connection, query, schema, new / name)
    _write(connection, _FRAME, LISTED, new / "frame")
    connection.close()
    for name in (*TABLES, "frame"):
        target = folder / ("lists/frame" if name == "frame" else name)
        target.parent.mkdir(exist_ok=True)
        shutil.rmtree(target, ignore_errors=True)
        (new / name).replace(target)
    shutil.rmtree(new)


def connect(spill: Path) -> Any:
    """A database in memory, which sorts on disk what is too large.

    Args:
        spill: the folder for that.
    """
    connection = duckdb.connect()
    connection.execute(f"set memory_limit = '{MEMORY}'")
    connection.execute("set preserve_insertion_order = false")
    connection.execute("set threads = 2")  # each takes memory of its own
    connection.execute("set timezone = 'UTC'")
    connection.execute("set temp_directory = $1", [str(spill / "spill")])
    return connection


def _with_keys(schema: Any) -> Any:
    return schema.append(pa.field("_capture", pa.int64())).append(pa.field("_surt", pa.string()))


def _view(connection: Any, name: str, files: list[str], schema: Any) -> None:
    """A view over Parquet files; over none it has the columns all the same."""
    if files:
        connection.execute(f"create view {name} as from read_parquet({files!r})")
    else:
        connection.register(name, schema.empty_table())


def _rank() -> str:
    words = " ".join(f"when '{word}' then {place}" for place, word in enumerate(BEST_FIRST))
    return f"case capture {words} end"


_CHOSEN = """
create temp table chosen as
select _capture from part_sites
qualify row_number() over (
    partition by host, wave
    order by {rank}, origin not like 'https:%', fetched_at desc nulls last, digest nulls last, _capture
) = 1
union all
select _capture from part_pages
qualify row_number() over (partition by url, fetch_time order by _capture) = 1;

create temp table other_documents as
select max(_capture) as _capture from part_statements
where _capture not in (select _capture from part_sites)
  and _capture not in (select _capture from part_pages)
group by host, wave, document;

create temp table elsewhere as
select host, wave, list(distinct signal) as signals
from part_statements
where signal <> 'fingerprint' and not (near_miss and preference = 'unknown')
  and (_capture in (from other_documents)
       or _capture in (select _capture from part_pages where _capture in (from chosen)))
group by host, wave;
"""

_MISSING = """
create temp table missing as
with captured as (select surt_host_name, wave from part_sites),
waves as (
    select distinct wave from captured
    union select 'all' where not exists (from captured)
)
select host, surt_host_name, any_value(registrable_domain) as registrable_domain, wave,
    'https://' || host as origin
from part_listed cross join waves
where not exists (
    from captured
    where captured.surt_host_name = part_listed.surt_host_name and captured.wave = waves.wave
)
group by host, surt_host_name, wave
"""

_SELECT = {
    "sites": """
select * from (
    select part_sites.* exclude (_capture, _surt) replace (
        list_sort(list_distinct(part_sites.signals || coalesce(elsewhere.signals, []))) as signals
    )
    from part_sites left join elsewhere using (host, wave)
    where part_sites._capture in (from chosen)
)
union all
select host, surt_host_name, registrable_domain, wave, origin, 'no-capture',
    null, null, null, null, [], [], 0
from missing
""",
    "agents": """
select * exclude (_capture) from part_agents where _capture in (from chosen)
union all
select host, wave, origin, '*', 'unknown', null, surt_host_name from missing
""",
    "statements": """
from part_statements
where _capture in (from chosen) or _capture in (from other_documents)
""",
    "pages": "from part_pages where _capture in (from chosen)",
}

_FRAME = """
select host, any_value(surt_host_name), any_value(registrable_domain), min(rank),
    sum(documents)::bigint
from part_listed group by host order by 2, 1
"""


def _write(connection: Any, query: str, schema: Any, folder: Path) -> None:
    """Write what a query finds as one Parquet file with a schema's columns and metadata."""
    folder.mkdir()
    reader = connection.sql(query).to_arrow_reader(_GROUP)
    with pq.ParquetWriter(folder / "part-0.parquet", schema, compression="zstd") as writer:
        for batch in reader:
            columns = [batch.column(place).cast(field.type) for place, field in enumerate(schema)]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
