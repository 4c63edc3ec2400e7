"""When sites first denied an agent everything, from waves that tell only between which two.

Turnbull's estimate (1976), the nonparametric maximum likelihood for interval-censored times, by
expectation and maximisation; its intervals come from bootstrap samples of whole registrable domains.
Reference: https://doi.org/10.1111/j.2517-6161.1976.tb01597.x
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

#: Steps at the most, and how little a step may change before it is the last.
_STEPS, _LITTLE = 5_000, 1e-7

#: Open after this wave (0: before the first), denied by that one (None: not yet), how many sites.
Interval = tuple[int, int | None, int]


class Point(NamedTuple):
    """The share of sites that deny by a wave, with its interval of 95 %."""

    wave: int
    share: float
    low: float
    high: float


def estimate(intervals: Iterable[Interval], waves: int) -> list[float]:
    """The share of sites that deny by each wave, the first wave first.

    Args:
        intervals: of the sites.
        waves: how many there are.
    """
    cells = waves + 1  # the last one: after all waves, or never
    given = [
        (left, waves if right is None else right - 1, times)
        for left, right, times in intervals
        if times > 0
    ]
    total = sum(times for _, _, times in given)
    if not total:
        return [0.0] * waves
    shares = [1 / cells] * cells
    for _ in range(_STEPS):
        expected = [0.0] * cells
        for first, last, times in given:
            mass = sum(shares[first : last + 1])
            if mass > 0:
                for cell in range(first, last + 1):
                    expected[cell] += times * shares[cell] / mass
        new = [value / total for value in expected]
        change = max(abs(a - b) for a, b in zip(new, shares, strict=True))
        shares = new
        if change < _LITTLE:
            break
    sums, so_far = [], 0.0
    for share in shares[:waves]:
        so_far += share
        sums.append(min(so_far, 1.0))
    return sums


def curve(samples: Mapping[int, Sequence[Interval]], waves: int) -> list[Point]:
    """The estimate with its intervals.

    Args:
        samples: the intervals by bootstrap sample; 0 is the data themselves.
        waves: how many there are.
    """
    shares = estimate(samples.get(0, ()), waves)
    drawn = [estimate(rows, waves) for sample, rows in samples.items() if sample]
    points = []
    for number, share in enumerate(shares):
        values = sorted(sample[number] for sample in drawn) or [share]
        low = values[int(0.025 * (len(values) - 1))]
        high = values[-1 - int(0.025 * (len(values) - 1))]
        points.append(Point(number + 1, share, low, high))
    return points
