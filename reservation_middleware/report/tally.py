"""Numbers by key, for so many keys: what tables of a long ledger are made of.

Pure, and in bounded memory.
"""

from typing import NamedTuple

import msgspec


class Tally(msgspec.Struct):
    """Numbers about some decisions.

    Attributes:
        decisions: how many.
        blocked: pages that the adapter stopped.
        would_block: pages that it let through although the action was to block.
        bytes: of the pages' bodies together.
        then_block: how many would be blocked under the policy they were judged by again.
        newly_blocked: of these, how many were to proceed.
        newly_free: how many were to be blocked and would proceed.
    """

    decisions: int = 0
    blocked: int = 0
    would_block: int = 0
    bytes: int = 0
    then_block: int = 0
    newly_blocked: int = 0
    newly_free: int = 0

    def add(self, other: "Tally") -> None:
        """Add another's numbers."""
        for field in self.__struct_fields__:
            setattr(self, field, getattr(self, field) + getattr(other, field))

    @property
    def order(self) -> tuple[int, ...]:
        """By which the most telling comes first."""
        changed = self.newly_blocked + self.newly_free
        return (
            -(self.blocked + self.would_block),
            -self.then_block,
            -changed,
            -self.decisions,
        )


class Top(NamedTuple):
    """The first rows of a table, and what the others come to.

    Attributes:
        rows: key and numbers.
        others: how many keys more there are, at the least.
        rest: their numbers.
    """

    rows: list[tuple[str, Tally]]
    others: int
    rest: Tally


class Counter:
    """Numbers by key, for so many keys; those that come later are counted together."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: dict[str, Tally] = {}
        self._beyond = Tally()

    def add(self, key: str, tally: Tally) -> None:
        """Count."""
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= self._most:
                self._beyond.add(tally)
                return
            known = self._known[key] = Tally()
        known.add(tally)

    @property
    def full(self) -> bool:
        """Whether there were more keys than are kept."""
        return self._beyond.decisions > 0

    def top(self, number: int) -> Top:
        """The rows that tell most."""
        ordered = sorted(self._known.items(), key=lambda item: (*item[1].order, item[0]))
        rest = Tally()
        rest.add(self._beyond)
        for _, tally in ordered[number:]:
            rest.add(tally)
        return Top(
            ordered[:number],
            max(0, len(ordered) - number) + int(self.full),
            rest,
        )
