"""The engine of one machine: this process reads, a pool of processes parses and writes.

At most a few batches are in memory at a time, however large the input is. A pool starts with the
second batch, so that small surveys need none.
"""

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path

from reservation_middleware.survey.batches import Batch
from reservation_middleware.survey.extract import Kernel
from reservation_middleware.survey.journal import BatchJournal

#: Batches that wait for each process.
_WAITING = 2
#: Seconds between two looks whether the process that reads is still there.
_LOOK = 0.5


def run(
    batches: Iterable[Batch],
    journal: BatchJournal,
    *,
    processes: int,
    progress: Callable[[int], None] = lambda _: None,
) -> None:
    """Work through all batches that are not done.

    Args:
        batches: of all inputs.
        journal: where rows are kept.
        processes: how many parse; 1 for this one.
        progress: is told of the captures of each batch that is done.
    """
    done = journal.done()
    kernel = Kernel()
    pool: ProcessPoolExecutor | None = None
    pending: dict[Future[None], int] = {}
    is_first = True
    try:
        for batch in batches:
            if batch.name in done:
                progress(batch.captures.num_rows)
                continue
            if processes == 1 or is_first:
                journal.keep(batch, kernel.extract(batch.captures))
                progress(batch.captures.num_rows)
                is_first = False
                continue
            if pool is None:
                pool = ProcessPoolExecutor(
                    processes,
                    # A fork of a process with threads may wait for ever.
                    mp_context=multiprocessing.get_context("spawn"),
                    initializer=_start,
                    initargs=(str(journal.folder.parent), os.getpid()),
                )
            pending[pool.submit(_work, batch)] = batch.captures.num_rows
            if len(pending) >= processes * _WAITING:
                _collect(pending, progress)
        while pending:
            _collect(pending, progress)
    finally:
        if pool is not None:
            pool.shutdown(cancel_futures=True)


def _collect(pending: dict[Future[None], int], progress: Callable[[int], None]) -> None:
    for future in wait(pending, return_when=FIRST_COMPLETED).done:
        captures = pending.pop(future)
        future.result()
        progress(captures)


_worker: tuple[Kernel, BatchJournal]


def _start(folder: str, parent: int) -> None:
    """Make a process of the pool ready; it ends when the one that reads is gone."""
    global _worker  # noqa: PLW0603 - what a pool's process has is global to it
    _worker = Kernel(), BatchJournal(Path(folder))
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK)
    os._exit(1)


def _work(batch: Batch) -> None:
    kernel, journal = _worker
    journal.keep(batch, kernel.extract(batch.captures))
