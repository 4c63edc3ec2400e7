"""How times are taken: interleaved rounds in shuffled order, CPU time, medians of ratios.

A ratio is taken within each round, so that a machine that is slow for a while is slow
for both sides; the row shows the median over the rounds. An A/A control (ours against
ours) says what a ratio is worth on this machine at this time.
"""

import gc
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from time import process_time_ns
from typing import TypeVar

import msgspec

T = TypeVar("T")

#: A batch, ready to be timed.
Batch = Callable[[], object]
#: Makes the batch of one round, which is not timed.
Prepare = Callable[[int], Batch]

OURS = "ours"
CONTROL = "ours again (A/A)"


class Row(msgspec.Struct, frozen=True):
    """One line of the result; the fields are public.

    Attributes:
        name: the benchmark, or ``benchmark:aspect`` for what stands beside its goal.
        ours: seconds per operation (bytes or counts where the name says so).
        peer: the same for the peer.
        peer_name: what ours is compared with.
        ratio: median over the rounds of ours / peer.
        goal: the largest ratio that meets the goal, None where there is none.
        met: whether the goal is met, None where there is none.
        runs: rounds, or inputs where each was measured by itself.

    """

    name: str
    ours: float
    peer: float
    peer_name: str
    ratio: float
    goal: float | None
    met: bool | None
    runs: int


@dataclass
class Options:
    """What was asked for on the command line; ``more`` multiplies the rounds."""

    quick: bool = False
    rounds: int | None = None
    seed: int = 2026
    more: int = 1
    progress: Callable[[str, int, int], None] = lambda _name, _done, _total: None
    say: Callable[[str], None] = lambda _text: None
    left_out: list[str] = field(default_factory=list)

    def some(self, full: T, quick: T) -> T:
        """A size: the full one, or that of a quick run."""
        return quick if self.quick else full

    def runs(self, full: int, quick: int = 7) -> int:
        """How many rounds; enough of them in a quick run, too, that its medians hold still."""
        return (self.rounds or self.some(full, min(full, quick))) * self.more

    def missing(self, peer: str) -> None:
        """Say that a peer is not installed; its row is left out."""
        if peer not in self.left_out:
            self.left_out.append(peer)
            self.say(f"{peer} is not installed: its rows are left out")


def row(
    name: str,
    ours: float,
    peer: float,
    peer_name: str,
    *,
    ratio: float | None = None,
    goal: float | None = None,
    runs: int = 1,
) -> Row:
    """A row whose goal is judged by its ratio."""
    if ratio is None:
        ratio = ours / peer if peer else 0.0
    return Row(
        name, ours, peer, peer_name, ratio, goal, None if goal is None else ratio <= goal, runs
    )


def timed(batch: Batch) -> int:
    """Nanoseconds of CPU time of one batch, with the garbage collector off.

    CPU time and not wall time: whoever else uses the machine is not part of it.
    """
    gc.collect()
    enabled = gc.isenabled()
    gc.disable()
    try:
        start = process_time_ns()
        batch()
        return process_time_ns() - start
    finally:
        if enabled:
            gc.enable()


def rounds(
    name: str, contenders: Mapping[str, Prepare], options: Options, runs: int
) -> dict[str, list[int]]:
    """Nanoseconds per contender and round; in each round the order is a new one."""
    shuffle = random.Random(options.seed).shuffle
    times: dict[str, list[int]] = {contender: [] for contender in contenders}
    order = list(contenders)
    for number in range(runs):
        options.progress(name, number, runs)
        shuffle(order)
        for contender in order:
            times[contender].append(timed(contenders[contender](number)))
    options.progress(name, runs, runs)
    return times


def versus(
    name: str,
    contenders: Mapping[str, Prepare],
    options: Options,
    *,
    operations: int,
    runs: int,
    goal: float | None,
    names: Mapping[str, str] | None = None,
) -> list[Row]:
    """Rows for one side against the others; the first contender is ours, the second has the goal.

    Args:
        name: of the benchmark.
        contenders: what makes each side's batches, by the name of the side.
        options: of the run.
        operations: in one batch.
        runs: how many rounds.
        goal: the largest ratio of the first to the second side that is good enough.
        names: row names for sides other than the second, where the default will not do.

    """
    ours, first, *_ = contenders
    sides = {**contenders, CONTROL: contenders[ours]}
    times = rounds(name, sides, options, runs)
    found = []
    for side in sides:
        if side == ours:
            continue
        if side == first:
            suffix = ""
        else:
            suffix = ":control" if side == CONTROL else ":" + side.split()[0].rstrip(",")
        found.append(
            row(
                (names or {}).get(side, name + suffix),
                per(times[ours], operations),
                per(times[side], operations),
                side,
                ratio=ratio(times[ours], times[side]),
                goal=goal if side == first else None,
                runs=runs,
            )
        )
    return found


def per(times: Sequence[int], operations: int) -> float:
    """Median seconds per operation."""
    return median(times) / operations / 1e9


def interval(ratios: Sequence[float], *, seed: int, draws: int = 2000) -> tuple[float, float]:
    """The 95 % interval of the median, by bootstrap: rounds drawn anew with replacement."""
    rng = random.Random(seed)
    medians = sorted(median(rng.choices(ratios, k=len(ratios))) for _ in range(draws))
    return medians[int(draws * 0.025)], medians[int(draws * 0.975)]


def ratio(ours: Iterable[int], peer: Iterable[int]) -> float:
    """The median of the ratios of each round."""
    return median(a / max(b, 1) for a, b in zip(ours, peer, strict=True))
