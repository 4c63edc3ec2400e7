"""`python -m benchmarks [name…] [--json FILE]`: run benchmarks and print a table."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from . import (
    content,
    corpus,
    crawls,
    decisions,
    growth,
    headers,
    hostile,
    known_hosts,
    load,
    parsing,
    scrapy_calls,
    survey,
)
from .timing import Options, Row

Benchmark = Callable[[Options], Iterator[Row]]

BENCHMARKS: dict[str, Benchmark] = {
    "site-decision": decisions.site_decision,
    "site-decision-30-agents": decisions.site_decision_30_agents,
    "headers": headers.headers,
    "content": content.content,
    "robots-parse": parsing.robots_parse,
    "hostile": hostile.hostile,
    "scrapy-calls": scrapy_calls.scrapy_calls,
    "growth": growth.growth,
    "survey": survey.survey,
}
#: Minutes each, so they run only by name or with --full.
LONG: dict[str, Benchmark] = {
    "scrapy-crawl": crawls.scrapy_crawl,
    "aiohttp-crawl": crawls.aiohttp_crawl,
    "known-hosts": known_hosts.known_hosts,
    "load": load.load,
}
ALL = {**BENCHMARKS, **LONG}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; 0 whether goals are met or not, 2 for a name that is not known."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Ours and the peers side by side; ratios, lower is better.",
        epilog=f"names: {', '.join(BENCHMARKS)}; long ones: {', '.join(LONG)}",
    )
    parser.add_argument("names", nargs="*", metavar="name", help="benchmarks to run")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows to FILE")
    parser.add_argument("--quick", action="store_true", help="small samples: a smoke test")
    parser.add_argument("--full", action="store_true", help="the whole crawls, too")
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds instead of each default")
    parser.add_argument("--seed", type=int, default=2026, help="of everything random")
    parser.add_argument("--list", action="store_true", help="list the names")
    given = parser.parse_args(arguments)
    if given.list:
        print("\n".join(ALL))
        return 0
    if given.rounds is not None and given.rounds < 1:
        parser.error("--rounds must be 1 or more")
    for name in given.names:
        if name not in ALL:
            near = get_close_matches(name, ALL, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(ALL)}"
            parser.error(f"unknown benchmark {name!r}; {hint}")
    names = list(dict.fromkeys(given.names)) or list(ALL if given.full else BENCHMARKS)
    rows = _run(names, given.quick, given.rounds, given.seed)
    if given.json:
        given.json.write_bytes(msgspec.json.format(msgspec.json.encode(rows)) + b"\n")
    return 0


def _run(names: Sequence[str], quick: bool, rounds: int | None, seed: int) -> list[Row]:
    out, talk = Console(), Console(stderr=True)
    if not out.is_terminal:
        out = Console(width=160)  # a file or a pipe has no edge to wrap at
    if not corpus.real():
        talk.print("no ../shared/data here: a generated corpus of the same shape is used")
    rows: list[Row] = []
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=talk, transient=True, disable=not talk.is_terminal) as bar:
        task = bar.add_task("", total=None)

        def progress(name: str, done: int, total: int) -> None:
            bar.update(task, description=name, completed=done, total=total)

        options = Options(
            quick=quick,
            rounds=rounds,
            seed=seed,
            progress=progress,
            say=lambda text: talk.print(text, markup=False, highlight=False, soft_wrap=True),
        )
        for name in names:
            progress(name, 0, 1)
            for row in ALL[name](options):
                rows.append(row)
                bar.console.print(_line(row), markup=False, highlight=False, soft_wrap=True)
    out.print(_table(rows))
    return rows


def _line(row: Row) -> str:
    met = "" if row.met is None else f"  goal ≤ {row.goal:g}: {'met' if row.met else 'NOT met'}"
    return f"{row.name}  {row.ratio:.3g} × {row.peer_name}{met}"


def _table(rows: Sequence[Row]) -> Table:
    table = Table(title="ours / peer, medians; lower is better")
    for title in ("benchmark", "ours", "peer", "compared with", "ratio", "goal", "met", "runs"):
        table.add_column(
            title, justify="left" if title in ("benchmark", "compared with") else "right"
        )
    for row in rows:
        table.add_row(
            row.name,
            shown(row.ours, row.name),
            shown(row.peer, row.name),
            row.peer_name,
            f"{row.ratio:.3g}",
            "" if row.goal is None else f"≤ {row.goal:g}",
            "" if row.met is None else "yes" if row.met else "no",
            str(row.runs),
        )
    return table


def shown(value: float, name: str) -> str:
    """A value with its unit, which its row's name tells."""
    if name.startswith(("content:missed", "content:invented")):
        return f"{value:g}"
    if name.startswith("load:"):
        return f"{value:,.1f} s" if name.endswith("seconds") else f"{value:,.0f}"
    if name.endswith(":memory-per-host"):
        return f"{value:,.0f} B"
    if name in ("hostile:doubling", "hostile:memory"):
        return f"{value:.3g} ×"
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value / 1e-9:.3g} ns"


if __name__ == "__main__":
    sys.exit(main())
