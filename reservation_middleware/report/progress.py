"""A progress bar on a terminal, for work longer than a second; none anywhere else."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

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
