"""What watch shows of a page: lines of text, and JSON for programs and webhooks."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from reservation_middleware.owners.inspect.summary import moment

from .compare import EffectChange
from .run import Watched, WatchOutcome

#: Agents of a change that are named on a terminal.
_NAMES = 4


def text(watched: Watched) -> str:
    """One page, as people read it."""
    since = f" since {moment(watched.since)}" if watched.since else ""
    lines = {
        WatchOutcome.FIRST: [f"{watched.url}  first look, nothing to compare with"],
        WatchOutcome.SAME: [f"{watched.url}  no change{since}"],
        WatchOutcome.CHANGED: [f"{watched.url}  CHANGED{since}"],
        WatchOutcome.NOT_REACHED: [f"{watched.url}  NOT REACHED  {watched.problem}"],
    }[watched.outcome]
    for change in alike(watched.changes):
        named = ", ".join(change.agents[:_NAMES])
        more = len(change.agents) - _NAMES
        who = f"{named} and {more} more" if more > 0 else named
        lines.append(f"  {change.uses}: {change.before} → {change.after}  for {who}")
        lines += [f"    {words}" for words in change.because]
    if watched.problem and watched.outcome is not WatchOutcome.NOT_REACHED:
        lines.append(f"  not looked at: {watched.problem}")
    return "\n".join(lines)


class AlikeChanges(NamedTuple):
    """Changes of several uses that are the same otherwise.

    Attributes:
        uses: the columns, with commas.
        before: the value at the last look.
        after: the value now.
        agents: of whom that holds, as people name them.
        because: the lines that did it.
    """

    uses: str
    before: str
    after: str
    agents: tuple[str, ...]
    because: tuple[str, ...]


def alike(changes: Iterable[EffectChange]) -> list[AlikeChanges]:
    """Changes put together where only the use differs."""
    groups: dict[tuple[str, str, tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for change in changes:
        agents = tuple("everyone (*)" if token == "*" else token for token in change.agents)
        key = change.before, change.after, agents, change.because
        groups.setdefault(key, []).append(change.use)
    return [AlikeChanges(", ".join(uses), *key) for key, uses in groups.items()]


def plain(watched: Watched) -> dict[str, Any]:
    """One page, as JSON."""
    return {
        "version": 1,
        "url": watched.url,
        "time": watched.time.isoformat(timespec="seconds"),
        "outcome": watched.outcome.value,
        "since": watched.since and watched.since.isoformat(timespec="seconds"),
        "changes": watched.changes,
        "problem": watched.problem,
    }
