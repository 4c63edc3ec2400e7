"""What a ledger holds, in numbers: a fold over its lines."""

from typing import Any

from reservation_middleware.ledger.format.lines import (
    DecisionLine,
    DocumentLine,
    Entry,
    EpochLine,
    ErasedLine,
    GapLine,
    RecoveredLine,
)


class Stats:
    """Numbers about a ledger.

    Attributes:
        lines: by kind.
        numbers: by what is counted, then by its value.
    """

    def __init__(self) -> None:
        self.lines: dict[str, int] = {}
        self.numbers: dict[str, dict[str, int]] = {
            **{name: {} for name in _OF_DECISIONS},
            "documents": {},
        }
        self.decisions = self.counted = self.blocked = self.octets = 0
        self.lost = self.cut = 0
        self.since: str | None = None
        self.until: str | None = None

    def take(self, entry: Entry) -> None:
        """Take a line."""
        kind = "erased" if isinstance(entry, ErasedLine) else str(entry.__struct_config__.tag)
        self.lines[kind] = self.lines.get(kind, 0) + 1
        match entry:
            case DecisionLine():
                self.blocked += entry.blocked
                self._decisions(entry, entry, 1, entry.octets or 0)
                self._time(entry.time, entry.time)
            case EpochLine():
                for count in entry.counts:
                    self.counted += count.decisions
                    self._decisions(entry, count, count.decisions, count.octets)
                self._time(entry.time, entry.until)
            case DocumentLine():
                _add(self.numbers["documents"], f"{entry.resource} {entry.outcome}", 1)
            case GapLine():
                self.lost += entry.lost
            case RecoveredLine():
                self.cut += entry.cut + entry.archive_cut

    def plain(self) -> dict[str, Any]:
        """The numbers as plain values."""
        return {
            "since": self.since,
            "until": self.until,
            "lines": dict(sorted(self.lines.items())),
            "decisions": self.decisions,
            "counts_only": self.counted,
            "blocked": self.blocked,
            "bytes": self.octets,
            "lost_lines": self.lost,
            "cut_bytes": self.cut,
            "by": {
                name: dict(sorted(numbers.items(), key=lambda item: (-item[1], item[0])))
                for name, numbers in self.numbers.items()
            },
        }

    def _decisions(self, line: Any, result: Any, number: int, octets: int) -> None:
        self.decisions += number
        self.octets += octets
        for name in _OF_DECISIONS:
            value = getattr(result, name, None) or getattr(line, name)
            _add(self.numbers[name], str(value), number)

    def _time(self, since: str, until: str) -> None:
        self.since = min(self.since or since, since)
        self.until = max(self.until or until, until)


_OF_DECISIONS = ("action", "verdict", "crawl", "stage", "mode", "adapter", "profile", "agent")
#: Values of one field that are told apart.
_MOST = 1_000


def _add(numbers: dict[str, int], key: str, number: int) -> None:
    if key not in numbers and len(numbers) >= _MOST:
        key = "(others)"
    numbers[key] = numbers.get(key, 0) + number
