"""A survey from its inputs to its tables: read, parse, merge, check, and say what was done."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from filelock import FileLock, Timeout

from reservation_middleware.model import ReservationError
from reservation_middleware.model.agents import catalogue
from reservation_middleware.model.version import SPEC_VERSION, __version__

from . import metrics
from .batches import Batch, batches
from .engines import local
from .journal import BatchJournal, write_whole
from .lists import write_lists
from .merge import merge
from .read import InputError, InputKind, InputSource, items, sources


class BrokenInvariantError(ReservationError):
    """The tables contradict themselves; the message names the invariants."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What a survey is told besides its inputs.

    Attributes:
        kind: what the inputs hold; None to look.
        wave: the name of the round, where inputs do not say it.
        weights: a file of amounts by host.
        strata: a file of words by host.
        agent_sets: a file of releases of a list of agents.
        processes: how many parse.
    """

    kind: InputKind | None = None
    wave: str | None = None
    weights: Path | None = None
    strata: Path | None = None
    agent_sets: Path | None = None
    processes: int = 1


def survey(
    inputs: Sequence[str],
    folder: Path,
    options: Options,
    progress: Callable[[int], None] = lambda _: None,
) -> dict[str, Any]:
    """Make the tables of a survey; what was done before a run was killed is not done again.

    Args:
        inputs: paths, URLs or ``-``.
        folder: where the tables go.
        options: what else is known.
        progress: is told of captures that are done.

    Returns:
        What ``survey.json`` holds.

    Raises:
        InputError: an input cannot be used, or the folder holds another survey.
        BrokenInvariantError: the tables contradict themselves; they are there all the same.
    """
    given = [pair for location in inputs for pair in sources(location, options.kind)]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            return _survey(given, folder, options, progress)
    except Timeout:
        raise InputError(f"another run is at work in {folder}") from None


def _survey(
    given: Sequence[tuple[InputSource, InputKind]],
    folder: Path,
    options: Options,
    progress: Callable[[int], None],
) -> dict[str, Any]:
    journal = BatchJournal(folder)
    names = [
        {"location": source.location, "kind": kind.value, "stamp": source.stamp}
        for source, kind in given
    ]
    journal.open({"inputs": names, "wave": options.wave, "version": __version__})
    write_lists(
        folder, weights=options.weights, strata=options.strata, agent_sets=options.agent_sets
    )

    def work() -> Iterator[Batch]:
        for shard, (source, kind) in enumerate(given):
            yield from batches(items(source, kind, options.wave), shard)

    local.run(work(), journal, processes=options.processes, progress=progress)
    merge(folder, journal)
    metrics.copy_queries(folder)
    summary = _summary(journal, names)
    write_whole(folder / "survey.json", _json(summary))
    connection = metrics.opened(folder)
    broken = metrics.broken_invariants(connection)
    summary |= _from_tables(connection) | {"broken_invariants": dict(broken)}
    connection.close()
    write_whole(folder / "survey.json", _json(summary))
    if broken:
        which = ", ".join(f"{name} ({rows} rows)" for name, rows in broken.items())
        raise BrokenInvariantError(f"the tables of {folder} contradict themselves: {which}")
    return summary


def _json(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


def _summary(journal: BatchJournal, inputs: Sequence[dict[str, str]]) -> dict[str, Any]:
    """What was read, and what could not be read, by reason."""
    captures = listed = 0
    unreadable: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for marker in journal.markers():
        captures += marker.captures
        listed += marker.listed
        unreadable.update(marker.unreadable)
        counts.update(marker.counts)
    return {
        "contract": "survey/1",
        "version": __version__,
        "spec_version": SPEC_VERSION,
        "agent_list": f"catalogue of {catalogue().version}",
        "public_suffix_list": _suffix_list(),
        "engine": "local",
        "user_agent": None,  # nothing was fetched
        "inputs": list(inputs),
        "captures": captures,
        "listed": listed,
        "counts": dict(sorted(counts.items())),
        "unreadable": dict(sorted(unreadable.items())),
    }


def _suffix_list() -> str:
    from importlib.metadata import version  # noqa: PLC0415 - beside its only use

    return f"as of tldextract {version('tldextract')}, private part included"


def _from_tables(connection: Any) -> dict[str, Any]:
    first, last = connection.execute(
        "select min(fetched_at)::varchar, max(fetched_at)::varchar from sites"
    ).fetchone()
    waves = connection.execute("select distinct wave from sites order by wave").fetchall()
    rows = {
        name: connection.execute(f"select count(*) from {name}").fetchone()[0]  # noqa: S608 - ours
        for name in ("sites", "agents", "statements", "pages")
    }
    return {"fetch_window": [first, last], "waves": [wave for (wave,) in waves], "rows": rows}
