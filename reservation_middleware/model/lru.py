"""A bounded mapping in memory: what was used least recently makes room.

Bounded by number, and by weight where a site decides how large its files are.
"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class BoundedLru(Generic[K, V]):
    """The values used most recently.

    Args:
        most: how many are kept.
        heaviest: what they may weigh together; None where only the number is bounded. The newest
            is kept whatever it weighs.

    Raises:
        ValueError: there is no room for a single value.
    """

    __slots__ = ("_heaviest", "_kept", "_most", "_weight")

    def __init__(self, most: int, heaviest: int | None = None) -> None:
        if most < 1 or (heaviest is not None and heaviest < 1):
            raise ValueError("a cache needs room for at least one document")
        self._most = most
        self._heaviest = most if heaviest is None else heaviest
        self._weight = 0
        self._kept: OrderedDict[K, tuple[V, int]] = OrderedDict()

    def get(self, key: K) -> V | None:
        """The value kept under a key, which thereby counts as used."""
        entries = self._kept
        found = entries.get(key)
        if found is None:
            return None
        entries.move_to_end(key)
        return found[0]

    def put(self, key: K, value: V, weight: int = 1) -> None:
        """Keep a value, and as much room as its weight asks for."""
        before = self._kept.pop(key, None)
        self._kept[key] = value, weight
        self._weight += weight - (before[1] if before else 0)
        while len(self._kept) > self._most or (
            self._weight > self._heaviest and len(self._kept) > 1
        ):
            _, (_, lighter) = self._kept.popitem(last=False)
            self._weight -= lighter

    def values(self) -> list[V]:
        """All values, the least recently used first."""
        return [value for value, _ in self._kept.values()]

    def __len__(self) -> int:
        return len(self._kept)
