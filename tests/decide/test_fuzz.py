"""A small, seeded share of the fuzzing of tests/fuzz.py, for every family.

Nothing is timed here but a watchdog that ends an input after a minute. Longer:
``python tests/fuzz.py --seconds 300``.
"""

from collections.abc import Mapping

import fuzz
import pytest
from fuzz_inputs import FAMILIES

INPUTS = 50


@pytest.fixture(scope="module")
def tallies() -> Mapping[str, fuzz.Tally]:
    return fuzz.run(list(FAMILIES), inputs=INPUTS)


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_nothing_that_a_site_sends_does_harm(name: str, tallies: Mapping[str, fuzz.Tally]) -> None:
    tally = tallies[name]
    told = [
        f"{one.what}, see python tests/fuzz.py --case {one.case}\n{one.detail[-2000:]}"
        for one in tally.failures
    ]
    assert not told, "\n".join(told)
    assert tally.inputs == INPUTS
    assert tally.said, "no input was understood at all"
