"""Where literals stand in one long path: thousands of patterns may each ask for several.

A search of its own for each takes the length of the path times the length of the literal where
the two are made for it (``aaa…b…`` in ``aaa…``). Here the path is put in order once, and each
search is a bisection.
"""

from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache

#: Characters of a literal up to which it is looked up, and those that are put behind the path:
#: in a text so long Python searches for longer literals in linear time.
_WINDOW, _PADDING = 100, 2_500
#: What stands behind a literal comes before this.
_LAST = "\U0010ffff" * (_WINDOW + 1)


class SubstringIndex:
    """The places of literals in a path.

    Args:
        path: in which they are looked for.
    """

    __slots__ = ("_found", "_order", "_path", "_windows")

    def __init__(self, path: str) -> None:
        self._path = path
        #: What begins at each place, in alphabetical order, and those places.
        self._windows: Sequence[str] = ()
        self._order: Sequence[int] = ()
        #: The places of literals, in the path's order. Those of one length are no more than its
        #: characters, so that together they are bounded.
        self._found: dict[str, Sequence[int]] = {}

    def find(self, literal: str, start: int = 0) -> int:
        """The first place of a literal at or behind another, -1 where there is none."""
        if not literal:
            return start if start <= len(self._path) else -1
        if len(literal) > _WINDOW:
            found = (self._path + "\0" * _PADDING).find(literal, start)
            return found if found + len(literal) <= len(self._path) else -1
        places = self._found.get(literal)
        if places is None:
            windows = self._windows or self._ordered()
            low = bisect_left(windows, literal)
            if low == len(windows) or not windows[low].startswith(literal):
                return -1
            if low + 1 == len(windows) or not windows[low + 1].startswith(literal):
                only = self._order[low]  # most stand at one place
                return only if only >= start else -1
            high = bisect_left(windows, literal + _LAST, low)
            places = self._found[literal] = sorted(self._order[low:high])
        first = bisect_left(places, start)
        return places[first] if first < len(places) else -1

    def _ordered(self) -> Sequence[str]:
        """Put what begins at each place in order."""
        path = self._path
        windows = [path[at : at + _WINDOW] for at in range(len(path))]
        self._order = sorted(range(len(path)), key=windows.__getitem__)
        self._windows = [windows[at] for at in self._order]
        return self._windows


#: Several families and groups ask about the same path.
places = lru_cache(maxsize=1)(SubstringIndex)
