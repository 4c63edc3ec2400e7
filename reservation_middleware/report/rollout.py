"""What enforcing would do: decisions folded into tables, before anybody is blocked.

Pure, and in bounded memory: lines of a ledger in, tables out, whatever their order. What a
decision would be under another policy is handed in; nothing is decided here.
"""

from collections.abc import Mapping, Sequence

import msgspec

from reservation_middleware.ledger.format.lines import DecisionLine, EpochLine
from reservation_middleware.ledger.read.columns import domain
from reservation_middleware.model import (
    NO_SIGNAL,
    Action,
    Decision,
    Mode,
    Stage,
    blocking_reasons,
    blocking_signals,
)

from .tally import Counter, Tally

#: What tables may be made by.
BY = ("signal", "host", "purpose", "stage", "profile", "agent", "adapter")
#: The tables that are made unless others are asked for.
DEFAULT_BY = ("signal", "host", "purpose", "stage")
#: The purposes of the matrix.
PURPOSES = ("search", "ai-index", "ai-input", "ai-train", "tdm")
#: Different keys that one table keeps; what comes later is counted together.
MOST, MOST_CHANGED = 100_000, 1_000
#: In place of a signal: nobody said anything, and the profile blocks for that; only counted.
SILENCE, NOT_KEPT = "(nobody said anything)", "(counts only)"


#: A decision, or its line in a ledger.
Answer = DecisionLine | Decision


class Cell:
    """One profile and one purpose: what all the decisions would be.

    Attributes:
        proceed: how many pages could be fetched.
        block: how many could not.
        unread: of those that could, how many were never looked into, so that they may say no yet.
        unasked: how many decisions lack a place that this profile asks.
        blocked_hosts: hosts of pages that were to proceed and would be blocked.
        free_hosts: hosts of pages that were to be blocked and would proceed.
    """

    __slots__ = ("block", "blocked_hosts", "free_hosts", "proceed", "unasked", "unread")

    def __init__(self) -> None:
        self.proceed = self.block = self.unread = self.unasked = 0
        self.blocked_hosts: Counter = Counter(MOST_CHANGED)
        self.free_hosts: Counter = Counter(MOST_CHANGED)

    def add(self, host: str, before: Action, after: Action, stage: Stage, *, asked: bool) -> None:
        """Count one decision."""
        self.unasked += not asked
        if after is Action.BLOCK:
            self.block += 1
            if before is Action.PROCEED:
                self.blocked_hosts.add(host, _ONE)
            return
        self.proceed += 1
        self.unread += stage is Stage.SITE
        if before is Action.BLOCK:
            self.free_hosts.add(host, _ONE)


_ONE = Tally(decisions=1)


class Rollout:
    """The fold.

    Args:
        by: which tables.
        most: keys that one table keeps.

    Attributes:
        total: all numbers.
        counted: of its decisions, how many have no line of their own: bulk mode counted them.
        apart: why decisions could not be judged again, and how many.
        since: time of the first decision.
        until: time of the last.
        modes: decisions by mode.
        profiles: decisions by the profile that they were made under.
        unread: pages that would proceed under the policy that is asked about, never fetched.
        newly: for decisions that are newly blocked, the hosts by who says no.
    """

    def __init__(self, by: Sequence[str] = DEFAULT_BY, *, most: int = MOST) -> None:
        self.by = tuple(by)
        self.total = Tally()
        self.counted = 0
        self.apart: dict[str, int] = {}
        self.since: str | None = None
        self.until: str | None = None
        self.modes: dict[str, int] = {}
        self.profiles: dict[str, int] = {}
        self.unread = 0
        self.newly: dict[str, Counter] = {}
        self.tables: Mapping[str, Counter] = {name: Counter(most) for name in self.by}
        self.matrix: dict[tuple[str, str], Cell] = {}

    def decision(self, line: DecisionLine, then: Answer | None = None) -> None:
        """Take one decision, and what it would be if it was judged again."""
        block = line.action is Action.BLOCK
        tally = Tally(
            decisions=1,
            blocked=int(line.blocked),
            would_block=int(block and not line.blocked),
            bytes=line.octets or 0,
        )
        if then is not None:
            tally.then_block = int(then.action is Action.BLOCK)
            tally.newly_blocked = int(then.action is Action.BLOCK and not block)
            tally.newly_free = int(block and then.action is not Action.BLOCK)
            self.unread += then.action is not Action.BLOCK and line.stage == Stage.SITE
            if tally.newly_blocked:
                for name in _saying_no(then):
                    hosts = self.newly.setdefault(name, Counter(MOST_CHANGED))
                    hosts.add(domain(line.url), _ONE)
        self._time(line.time, line.time)
        self._count(tally, line.mode)
        self.profiles[line.profile] = self.profiles.get(line.profile, 0) + 1
        keys = {
            "host": domain(line.url),
            "stage": line.stage,
            "profile": line.profile,
            "agent": line.agent,
            "adapter": line.adapter,
        }
        for name, table in self.tables.items():
            if name == "purpose":
                for purpose in line.purposes:
                    table.add(purpose, tally)
            elif name == "signal":
                self._signals(table, line, then, tally)
            else:
                table.add(str(keys[name]), tally)

    def epoch(self, line: EpochLine) -> None:
        """Take decisions that were only counted."""
        self._time(line.time, line.until)
        host = domain(line.origin)
        for count in line.counts:
            block = count.action is Action.BLOCK
            tally = Tally(decisions=count.decisions, bytes=count.octets)
            if block and line.mode is Mode.ENFORCE:
                tally.blocked = count.decisions
            elif block:
                tally.would_block = count.decisions
            self.counted += count.decisions
            self._count(tally, line.mode)
            keys = {
                "signal": (NOT_KEPT,) if block else (),
                "host": (host,),
                "purpose": line.purposes,
                "stage": (count.stage,),
                "profile": (line.profile,),
                "agent": (line.agent,),
                "adapter": (line.adapter,),
            }
            for name, table in self.tables.items():
                for key in keys[name]:
                    table.add(str(key), tally)

    def left_out(self, why: str, decisions: int = 1) -> None:
        """Count decisions that could not be judged again."""
        self.apart[why] = self.apart.get(why, 0) + decisions

    def cell(self, profile: str, purpose: str) -> Cell:
        """A cell of the matrix."""
        return self.matrix.setdefault((profile, purpose), Cell())

    def _signals(
        self, table: Counter, line: DecisionLine, then: Answer | None, tally: Tally
    ) -> None:
        now = _deciding(line)
        later = _deciding(then) if then is not None else set()
        for name in now | later:
            part = msgspec.structs.replace(tally)
            if name not in now:
                part.blocked = part.would_block = 0
            if name not in later:
                part.then_block = 0
            table.add(name, part)

    def _count(self, tally: Tally, mode: str) -> None:
        self.total.add(tally)
        self.modes[str(mode)] = self.modes.get(str(mode), 0) + tally.decisions

    def _time(self, first: str, last: str) -> None:
        self.since = first if self.since is None else min(self.since, first)
        self.until = last if self.until is None else max(self.until, last)


def _saying_no(answer: Answer) -> set[str]:
    """The signals that block, those that are drawn from words aimed at others marked."""
    return {
        f"{reason.signal} (inferred)" if reason.inferred else reason.signal
        for reason in blocking_reasons(answer)
    } or {SILENCE}


def _deciding(answer: Answer) -> set[str]:
    """The signals for whose sake a decision blocks, as the table names them."""
    return {SILENCE if name == NO_SIGNAL else name for name in blocking_signals(answer)}
