"""A progress bar on a terminal, for work longer than a second; none anywhere else."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

_PATIENCE = 1.0


class Advance(Protocol):
    """Told how many more bytes were done."""

    def __call__(self, octets: int, /) -> None:
        """So much."""


@contextmanager
def progress(what: str, total: int) -> Iterator[Advance | None]:
    """Show progress on standard error; None where nobody looks.

    Args:
        what: is done.
        total: bytes that there are to read.
    """
    if not sys.stderr.isatty():
        yield None
        return
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn()
    bar = Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True)
    task = bar.add_task(what, total=total)
    since = monotonic()
    shown = False

    def advance(octets: int, /) -> None:
        nonlocal shown
        bar.advance(task, octets)
        if not shown and monotonic() - since > _PATIENCE:
            shown = True
            bar.start()

    try:
        yield advance
    finally:
        if shown:
            bar.stop()


@contextmanager
def counter(what: str) -> Iterator[Advance]:
    """Show on standard error how many were done, and how many in a second; nothing where nobody looks.

    Args:
        what: are counted.
    """
    if not sys.stderr.isatty():
        yield _ignored
        return
    columns = TextColumn("{task.completed:,.0f} {task.description}"), TimeElapsedColumn()
    rate = TextColumn("{task.fields[rate]:,.0f} a second")
    bar = Progress(SpinnerColumn(), *columns, rate, console=Console(stderr=True), transient=True)
    since = monotonic()
    task = bar.add_task(what, total=None, rate=0)
    done = 0

    def advance(more: int, /) -> None:
        nonlocal done
        done += more
        passed = monotonic() - since
        bar.update(task, completed=done, rate=done / passed if passed else 0)
        if passed > _PATIENCE:
            bar.start()

    try:
        yield advance
    finally:
        bar.stop()


def _ignored(_octets: int, /) -> None:
    pass
