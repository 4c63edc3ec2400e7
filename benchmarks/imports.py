"""`import`: the core, ready to judge, against the four libraries below it.

Each is imported by a fresh interpreter, which tells the CPU time of the import alone. Bytecode is
made before the clock starts, in a folder of this run, so that every side finds its own.
"""

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from .timing import CONTROL, OURS, Options, Row, ratio, row

ROOT = Path(__file__).parents[1]
#: What importing the core cannot cost less than.
LIBRARIES = "msgspec, protego, http_sf, lxml.etree"
_CORE = "from reservation_middleware import Agent, Check, Document, Panel, profile"
_SIDES = {
    OURS: _CORE,
    LIBRARIES: f"import {LIBRARIES}",
    "every name": "from reservation_middleware import *",
    "the name alone": "import reservation_middleware",
    CONTROL: _CORE,
}
_GOAL = 1.6


def imports(options: Options) -> Iterator[Row]:
    """The core, every public name, and the package's name alone (PEP 562)."""
    runs = options.runs(31, 15)
    shuffle = random.Random(options.seed).shuffle
    times: dict[str, list[int]] = {side: [] for side in _SIDES}
    order = list(_SIDES)
    with TemporaryDirectory() as folder:
        for side in order:
            _nanoseconds(_SIDES[side], folder)
        for number in range(runs):
            options.progress("import", number, runs)
            shuffle(order)
            for side in order:
                times[side].append(_nanoseconds(_SIDES[side], folder))
    options.progress("import", runs, runs)
    for name, ours, peer, goal in (
        ("import", OURS, LIBRARIES, _GOAL),
        ("import:all", "every name", LIBRARIES, None),
        ("import:bare", "the name alone", LIBRARIES, None),
        ("import:control", OURS, CONTROL, None),
    ):
        yield row(
            name,
            median(times[ours]) / 1e9,
            median(times[peer]) / 1e9,
            peer,
            ratio=ratio(times[ours], times[peer]),
            goal=goal,
            runs=runs,
        )


def _nanoseconds(statement: str, bytecode: str) -> int:
    """CPU time of one statement in an interpreter of its own."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": bytecode}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    code = f"import time\nstart = time.process_time_ns()\n{statement}\nprint(time.process_time_ns() - start)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)
