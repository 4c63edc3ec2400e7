"""Two looks side by side: which agents may do something else now, and by which line.

What could not be looked at is no change: a cell that rests on a document that was not reached this
time stays as it was, and one that rests only on documents not reached the last time is no news.
"""

from collections.abc import Iterable

import msgspec

from reservation_middleware.owners.inspect.matrix import Value

from .effect import Effect, EffectLine, WatchedCell, folded


class EffectChange(msgspec.Struct, frozen=True):
    """A use that has another answer now.

    Attributes:
        use: the column.
        before: the value at the last look.
        after: the value now.
        agents: product tokens of whom that holds.
        lines: what did it: lines that are new, or else lines that are gone.
        gone: whether ``lines`` are gone.
    """

    use: str
    before: str
    after: str
    agents: tuple[str, ...]
    lines: tuple[EffectLine, ...]
    gone: bool

    @property
    def because(self) -> tuple[str, ...]:
        """The lines in words."""
        return tuple(f"{'no longer: ' if self.gone else ''}{line}" for line in self.lines)


class Comparison(msgspec.Struct, frozen=True):
    """What is other than at the last look.

    Attributes:
        changes: of effect.
        look: the look now, with what is carried over from the last.
        carried: addresses of documents that spoke and were not reached this time.
    """

    changes: tuple[EffectChange, ...]
    look: Effect
    carried: tuple[str, ...]


def compare(before: Effect, after: Effect) -> Comparison:
    """Set two looks side by side; agents that only one of them knows are left out."""
    old = before.by_agent()
    cells = {token: dict(row) for token, row in after.by_agent().items()}
    grouped: dict[tuple[str, str, str, tuple[EffectLine, ...], bool], list[str]] = {}
    carried: dict[str, None] = {}
    unseen_now, unseen_then = set(after.unseen), set(before.unseen)
    for token, row in cells.items():
        for use, now in row.items():
            then = old.get(token, {}).get(use)
            if then is None:
                continue
            rested_on = _agreeing(then.lines, then.value)
            lost = [line.document for line in rested_on if line.document in unseen_now]
            if lost and not _is_certain(now):
                carried.update(dict.fromkeys(lost))
                row[use] = then
            elif then.value != now.value and not _is_no_news(now, unseen_then):
                lines, gone = _did_it(then, now)
                grouped.setdefault((use, then.value, now.value, lines, gone), []).append(token)
    changes = tuple(
        EffectChange(use, value, new, tuple(agents), lines, gone)
        for (use, value, new, lines, gone), agents in grouped.items()
    )
    return Comparison(changes, Effect(folded(cells), after.unseen), tuple(carried))


def _is_certain(cell: WatchedCell) -> bool:
    """Whether nothing that was not reached could change an answer: one no is enough."""
    return cell.value == Value.NO and bool(cell.lines)


def _is_no_news(now: WatchedCell, unseen_then: set[str]) -> bool:
    """Whether all that is said stands where nothing could be read the last time."""
    lines = _agreeing(now.lines, now.value)
    return bool(lines) and all(line.document in unseen_then for line in lines)


def _did_it(then: WatchedCell, now: WatchedCell) -> tuple[tuple[EffectLine, ...], bool]:
    """The lines that did it, and whether they are gone."""
    known, present = {line.words for line in then.lines}, {line.words for line in now.lines}
    new = tuple(line for line in now.lines if line.words not in known)
    if new:
        return _agreeing(new, now.value), False
    gone = tuple(line for line in then.lines if line.words not in present)
    if gone:
        return _agreeing(gone, then.value), True
    # The words are the old ones, and hold for other agents or paths.
    return (now.lines, False) if now.lines else (then.lines, True)


def _agreeing(lines: Iterable[EffectLine], value: str) -> tuple[EffectLine, ...]:
    """Those lines that say a value, or all where none does."""
    word = {Value.YES: "allowed", Value.NO: "disallowed"}.get(Value(value))
    every = tuple(lines)
    return tuple(line for line in every if line.says == word) or every
