"""`--fail-beyond`: which rows are so far from their goals that a build should fail.

A goal is an aim, and rows miss it without failing anything; but a row that is worse than
so many times its goal says that something broke. Machines have bad minutes, so such a
benchmark is run once more with more rounds, and only that second answer counts.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from .timing import Row

#: Rounds of the second run, as a multiple of the first.
MORE = 3


def limit(row: Row, times: float, ceilings: Mapping[str, float]) -> float | None:
    """The largest ratio that is let through; None where a row has no goal.

    A goal of 0 counts things that must not be, and twice none is none.
    """
    if row.goal is None:
        return None
    # A ceiling of a benchmark is one of all its rows.
    benchmark = row.name.partition(":")[0]
    return max(row.goal * times, ceilings.get(row.name, ceilings.get(benchmark, 0.0)))


def beyond(rows: Iterable[Row], times: float, ceilings: Mapping[str, float]) -> list[Row]:
    """The rows that are worse than that."""
    found = []
    for row in rows:
        most = limit(row, times, ceilings)
        if most is not None and row.ratio > most:
            found.append(row)
    return found


def benchmarks_of(rows: Iterable[Row]) -> list[str]:
    """The names of the benchmarks that rows come from, each once."""
    return list(dict.fromkeys(row.name.partition(":")[0] for row in rows))


def replaced(rows: Sequence[Row], name: str, again: Sequence[Row]) -> list[Row]:
    """The rows with those of one benchmark taken anew, at their old place."""
    kept = [row for row in rows if row.name.partition(":")[0] != name]
    place = next(n for n, row in enumerate(rows) if row.name.partition(":")[0] == name)
    return [*kept[:place], *again, *kept[place:]]


def said(rows: Iterable[Row], times: float, ceilings: Mapping[str, float]) -> Iterator[str]:
    """A line for each row that fails."""
    for row in rows:
        most = limit(row, times, ceilings)
        yield (
            f"FAILED {row.name}: {row.ratio:.3g} × {row.peer_name}, "
            f"goal {row.goal:g}, at most {most:g} is let through"
        )
