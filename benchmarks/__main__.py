"""`python -m benchmarks [name…] [--json FILE]`: run benchmarks and print a table."""

import argparse
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from . import (
    content,
    corpus,
    crawls,
    decisions,
    growth,
    headers,
    hostile,
    imports,
    judge,
    known_hosts,
    lint,
    load,
    parsing,
    report,
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
    "lint": lint.lint_robots,
    "hostile": hostile.hostile,
    "scrapy-calls": scrapy_calls.scrapy_calls,
    "growth": growth.growth,
    "import": imports.imports,
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
    """Run; 0 whether goals are met or not, 1 beyond --fail-beyond, 2 for words not known."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Ours and the peers side by side; ratios, lower is better.",
        epilog=f"names: {', '.join(BENCHMARKS)}; long ones: {', '.join(LONG)}",
    )
    parser.add_argument("names", nargs="*", metavar="name", help="benchmarks to run")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows to FILE")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write a table to FILE")
    parser.add_argument(
        "--quick", action="store_true", help="smaller samples of the same mix, fewer rounds"
    )
    parser.add_argument(
        "--fail-beyond",
        type=_positive,
        metavar="N",
        help="exit 1 if a ratio is above N times its goal, in a second run with more rounds, too",
    )
    parser.add_argument(
        "--ceiling",
        type=_ceiling,
        action="append",
        default=[],
        metavar="ROW=RATIO",
        help="a ratio that --fail-beyond lets through where a goal is still far; may be repeated",
    )
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
    ceilings = dict(given.ceiling)
    run = _Run(given.quick, given.rounds, given.seed)
    rows = run.rows(names)
    failed: list[Row] = []
    if given.fail_beyond is not None:
        rows = run.again(rows, given.fail_beyond, ceilings)
        failed = judge.beyond(rows, given.fail_beyond, ceilings)
    run.out.print(report.table(rows))
    if given.json:
        given.json.write_bytes(msgspec.json.format(msgspec.json.encode(rows)) + b"\n")
    if given.markdown:
        text = report.markdown(rows, material=_material(given.quick), seed=given.seed)
        given.markdown.write_text(text, encoding="utf-8")
    for text in judge.said(failed, given.fail_beyond or 0.0, ceilings):
        run.say(text)
    return 1 if failed else 0


def _positive(word: str) -> float:
    value = float(word)
    if not (value > 0 and math.isfinite(value)):
        raise ValueError(word)
    return value


def _ceiling(word: str) -> tuple[str, float]:
    name, equals, value = word.rpartition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{word!r} is not ROW=RATIO")
    return name, _positive(value)


def _material(quick: bool) -> str:
    kind = "real material" if corpus.real() else "generated material"
    return f"{kind}, --quick" if quick else kind


class _Run:
    """Benchmarks with what was asked for, and a place to talk."""

    def __init__(self, quick: bool, rounds: int | None, seed: int) -> None:
        self.out, self.talk = Console(), Console(stderr=True)
        if not self.out.is_terminal:
            self.out = Console(width=160)  # a file or a pipe has no edge to wrap at
        self._options = Options(quick=quick, rounds=rounds, seed=seed, say=self.say)
        if not corpus.real():
            self.say("no ../shared/data here: a generated corpus of the same shape is used")

    def say(self, text: str) -> None:
        """A line that is no result."""
        self.talk.print(text, markup=False, highlight=False, soft_wrap=True)

    def rows(self, names: Sequence[str]) -> list[Row]:
        """Run benchmarks and show each row when it is there."""
        rows: list[Row] = []
        columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
        shown = self.talk.is_terminal
        with Progress(*columns, console=self.talk, transient=True, disable=not shown) as bar:
            task = bar.add_task("", total=None)

            def progress(name: str, done: int, total: int) -> None:
                bar.update(task, description=name, completed=done, total=total)

            self._options.progress = progress
            for name in names:
                progress(name, 0, 1)
                for row in ALL[name](self._options):
                    rows.append(row)
                    self.say(report.line(row))
        return rows

    def again(self, rows: list[Row], times: float, ceilings: dict[str, float]) -> list[Row]:
        """The rows, with those benchmarks run once more that are beyond what is let through."""
        self._options.more = judge.MORE
        for name in judge.benchmarks_of(judge.beyond(rows, times, ceilings)):
            self.say(f"{name} is worse than it may be: once more, {judge.MORE} times the rounds")
            rows = judge.replaced(rows, name, self.rows([name]))
        return rows


if __name__ == "__main__":
    sys.exit(main())
