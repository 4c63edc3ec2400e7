"""What watch shows of a page: lines of text, and JSON for programs and webhooks."""

from typing import Any

from reservation_middleware.owners.inspect.summary import moment

from .compare import Change
from .run import Outcome, Watched

#: Agents of a change that are named on a terminal.
_NAMES = 4


def text(watched: Watched) -> str:
    """One page, as people read it."""
    since = f" since {moment(watched.since)}" if watched.since else ""
    lines = {
        Outcome.FIRST: [f"{watched.url}  first look, nothing to compare with"],
        Outcome.SAME: [f"{watched.url}  no change{since}"],
        Outcome.CHANGED: [f"{watched.url}  CHANGED{since}"],
        Outcome.NOT_REACHED: [f"{watched.url}  NOT REACHED  {watched.problem}"],
    }[watched.outcome]
    alike: dict[tuple[str, str, str, tuple[str, ...]], list[str]] = {}
    for change in watched.changes:
        key = change.before, change.after, _agents(change), change.because
        alike.setdefault(key, []).append(change.use)
    for (before, after, agents, because), uses in alike.items():
        lines.append(f"  {', '.join(uses)}: {before} → {after}  for {agents}")
        lines += [f"    {words}" for words in because]
    if watched.problem and watched.outcome is not Outcome.NOT_REACHED:
        lines.append(f"  not looked at: {watched.problem}")
    return "\n".join(lines)


def _agents(change: Change) -> str:
    names = ["everyone (*)" if token == "*" else token for token in change.agents]
    more = len(names) - _NAMES
    return ", ".join(names[:_NAMES]) + (f" and {more} more" if more > 0 else "")


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
