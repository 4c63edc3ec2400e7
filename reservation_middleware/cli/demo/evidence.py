"""The ledger that the crawls left: is it as it was written, and does it say why each page went so?"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from reservation_middleware.ledger.read.reader import LedgerReader
from reservation_middleware.ledger.read.replay import Replayed, replay
from reservation_middleware.ledger.verify.ledger import verify
from reservation_middleware.model import LedgerError


class Checked(NamedTuple):
    """A check: what holds, what does not, and the list of what is wrong."""

    good: str
    bad: str
    wrong: list[str]


def verified(folder: Path) -> Checked:
    """Whether every line, signature and archived byte is as it was written."""
    bad = "The ledger does not verify"
    try:
        report = verify(folder, strict=True)
    except LedgerError as error:
        return Checked("", bad, [str(error)])
    good = f"The ledger verifies: {report.lines:,} signed lines in {len(report.segments)} segments."
    return Checked(good, bad, [str(problem) for problem in report.problems])


def replayed(folder: Path) -> Checked:
    """Whether every decision comes out of the stored documents as it was recorded."""
    bad = "Decisions do not come out of the ledger as they were recorded"
    try:
        with LedgerReader(folder) as reader:
            number, wrong = _compared(replay(reader))
    except LedgerError as error:
        return Checked("", bad, [str(error)])
    good = f"All {number:,} decisions come out the same when made again from its documents."
    return Checked(good, bad, wrong)


def _compared(results: Iterable[Replayed]) -> tuple[int, list[str]]:
    number = 0
    wrong = []
    for result in results:
        number += result.decisions
        if result.apart is not None:
            wrong.append(f"{result.where}: {result.apart}")
        wrong += [
            f"{result.where}: {difference.field}: {difference.recorded!r}, now {difference.replayed!r}"
            for difference in result.differences
        ]
    return number, wrong
