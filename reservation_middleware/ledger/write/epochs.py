"""Decisions that nobody needs one by one, counted by host and policy until they get a line."""

from datetime import datetime, timedelta
from typing import NamedTuple

from reservation_middleware.ledger.format.canonical import new_salt, time_text
from reservation_middleware.ledger.format.lines import Counted, EpochLine, Index, encode
from reservation_middleware.model import Action, Decision, Mode, Preference, Stage
from reservation_middleware.syntax.path import split_url
from reservation_middleware.syntax.redact import redacted

from .segment_writer import SegmentWriter

#: Epochs that are open at a time; then the oldest are written.
MOST, _ROOM = 10_000, 1000
#: After so long an epoch is written with the next checkpoint.
AGE = timedelta(seconds=60)


class _Key(NamedTuple):
    """What all decisions of an epoch have in common."""

    origin: str
    agent: str
    purposes: tuple[str, ...]
    profile: str
    mode: Mode
    adapter: str
    policy: Index
    documents: tuple[Index, ...]


_Result = tuple[Action, Preference, Preference, Stage]


class _Epoch:
    """Counts, from when until when."""

    __slots__ = ("counts", "since", "until")

    def __init__(self, now: datetime) -> None:
        self.since = self.until = now
        self.counts: dict[_Result, list[int]] = {}


class Epochs:
    """The epochs that are open."""

    def __init__(self) -> None:
        # The oldest first: a written epoch that goes on is a new one.
        self._open: dict[_Key, _Epoch] = {}

    def __len__(self) -> int:
        return len(self._open)

    def count(
        self,
        decision: Decision,
        documents: tuple[Index, ...],
        policy: Index,
        mode: Mode,
        adapter: str,
        octets: int,
        now: datetime,
    ) -> None:
        """Count a decision. Room is made by ``flush``."""
        origin = split_url(decision.url)[0]
        key = _Key(
            *(origin, decision.agent, decision.purposes, decision.profile),
            *(mode, adapter, policy, documents),
        )
        epoch = self._open.get(key)
        if epoch is None:
            epoch = self._open[key] = _Epoch(now)
        epoch.until = now
        result = decision.action, decision.verdict, decision.crawl, decision.stage
        found = epoch.counts.get(result)
        if found is None:
            epoch.counts[result] = [1, octets]
        else:
            found[0] += 1
            found[1] += octets

    @property
    def full(self) -> bool:
        """Whether the oldest are to be written."""
        return len(self._open) >= MOST

    def flush(self, writer: SegmentWriter, now: datetime | None) -> None:
        """Write the epochs that are old, and the oldest if there are too many.

        Args:
            writer: of the segment.
            now: the time; None to write them all.

        Raises:
            OSError: the disk does not take them; those that it did not take stay open.
        """
        crowded = len(self._open) - (MOST - _ROOM) if self.full else 0
        for number, (key, epoch) in enumerate(list(self._open.items())):
            if now is None or number < crowded or abs(now - epoch.since) >= AGE:
                writer.append(encode(_line(key, epoch)))
                del self._open[key]

    def drop(self) -> int:
        """Give up the oldest where the disk takes none and there are too many; how many."""
        dropped = list(self._open)[: max(0, len(self._open) - MOST)]
        for key in dropped:
            del self._open[key]
        return len(dropped)


def _line(key: _Key, epoch: _Epoch) -> EpochLine:
    counts = [
        Counted(
            action=action,
            verdict=verdict,
            crawl=crawl,
            stage=stage,
            decisions=decisions,
            octets=octets,
        )
        for (action, verdict, crawl, stage), (decisions, octets) in sorted(epoch.counts.items())
    ]
    return EpochLine(
        salt=new_salt(),
        time=time_text(epoch.since),
        until=time_text(epoch.until),
        origin=redacted(key.origin),
        agent=key.agent,
        purposes=key.purposes,
        profile=key.profile,
        mode=key.mode,
        adapter=key.adapter,
        policy=key.policy,
        documents=key.documents,
        counts=tuple(counts),
    )
