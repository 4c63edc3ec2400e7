"""A ledger folded into the tables of a rollout, judged again as far as that is asked for.

Nothing is fetched and nothing is printed here: documents come from the ledger's archive, tables go
to ``report/rollout.py``.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from reservation_middleware.decide.profiles import PROFILES, profile
from reservation_middleware.decide.reading import probed
from reservation_middleware.ledger.format.lines import EpochLine
from reservation_middleware.ledger.read.columns import domain
from reservation_middleware.ledger.read.reader import LedgerReader
from reservation_middleware.ledger.read.replay import (
    COUNTED,
    NotKeptError,
    Rejudge,
    Rejudging,
    decisions,
)
from reservation_middleware.model import Agent, Policy
from reservation_middleware.signals import known_signals

from .progress import progress
from .rollout import PURPOSES, Rollout

#: Knobs that a profile sets; the others are the operator's whatever the profile.
_OF_PROFILE = ("profile", "unknown", "reservation", "unreachable", "proxy_agents", "probes")


def question_of(
    agent: str | None,
    purposes: Sequence[str] | None,
    name: str | None,
    signals: Sequence[str] | None,
    *,
    near_miss: str | None = None,
) -> Rejudging | None:
    """What is asked anew; None if nothing is.

    Raises:
        ConfigurationError: a word is not known.
    """
    if not (agent or purposes or name or signals or near_miss):
        return None
    Agent(agent or "*", tuple(purposes or PURPOSES))  # checks both
    changes: dict[str, Any] = {} if signals is None else {"signals": known_signals(signals)}
    if near_miss:
        changes["near_miss"] = profile().changed({"near_miss": near_miss}).near_miss
    to_profile = _to_profile(name) if name else None

    def change(policy: Policy) -> Policy:
        found = to_profile(policy) if to_profile else policy
        return msgspec.structs.replace(found, **changes)

    return Rejudging(agent, tuple(purposes) if purposes else None, change)


def fold(
    reader: LedgerReader, rollout: Rollout, question: Rejudging | None, *, matrix: bool
) -> None:
    """Fold a ledger, judged again as far as that is asked for.

    Raises:
        LedgerError: it is broken.
    """
    again = Rejudge(question) if question else None
    cells = [
        (
            rollout.cell(name, purpose),
            Rejudge(Rejudging(purposes=(purpose,), change=_to_profile(name))),
            name,
        )
        for name in (PROFILES if matrix else ())
        for purpose in PURPOSES
    ]
    judged = again is not None or matrix
    with progress("reading", reader.octets) as advance:
        for segment, evidence, _, line in decisions(reader, advance):
            if isinstance(line, EpochLine):
                rollout.epoch(line)
                if judged:
                    rollout.left_out(COUNTED, sum(count.decisions for count in line.counts))
                continue
            if not judged:
                rollout.decision(line)
                continue
            try:
                check = evidence.check(line)
            except NotKeptError as error:
                rollout.decision(line)
                rollout.left_out(str(error))
                continue
            policy = segment.policy(line.policy)
            rollout.decision(line, again(check, line, policy) if again else None)
            host = domain(line.url)
            for cell, rejudge, name in cells:
                after = rejudge(check, line, policy).action
                asked = _asked(line.consulted, name)
                cell.add(host, line.action, after, line.stage, asked=asked)


def _to_profile(name: str) -> Callable[[Policy], Policy]:
    preset = profile(name)
    knobs = {key: getattr(preset, key) for key in _OF_PROFILE}
    return lambda policy: msgspec.structs.replace(policy, **knobs)


@lru_cache(maxsize=10_000)
def _asked(consulted: tuple[str, ...], name: str) -> bool:
    """Whether all places that a profile asks were asked."""
    return {place.name for place in probed(profile(name).probes)}.issubset(consulted)
