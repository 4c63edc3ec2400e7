"""What was found, put in order and settled: each family its own, the one about crawling first.

No I/O.
"""

from collections.abc import Iterable

from .signals import SIGNALS, Findings, Question, Settled


def in_order(found: Iterable[tuple[int, Findings]]) -> tuple[tuple[int, tuple[Findings, ...]], ...]:
    """Findings by the signal's number, signals in their order, places in the order they came in."""
    by_signal: dict[int, list[Findings]] = {}
    for number, findings in found:
        by_signal.setdefault(number, []).append(findings)
    return tuple((number, tuple(by_signal[number])) for number in sorted(by_signal))


def settle(
    found: Iterable[tuple[int, tuple[Findings, ...]]], question: Question
) -> dict[int, Settled]:
    """Let each family settle its own, the one that governs crawling first."""
    counting = question.policy.signals
    settled: dict[int, Settled] = {}
    for number, findings in found:
        signal = SIGNALS[number]
        if counting is not None and signal.name not in counting and not signal.governs_crawl:
            continue
        one = signal.settle(findings, question)
        if one is not None:
            settled[number] = one
            if one.crawl is not None:
                question.crawl = one.crawl
    return settled
