"""The tables of a rollout: as plain values, on a terminal, and as one HTML page.

What comes from a site is printed as text, and escaped by the template engine.
"""

from typing import Any

import msgspec

from .rollout import Rollout
from .tally import Counter


def plain(rollout: Rollout, *, top: int) -> dict[str, Any]:
    """The tables as plain values, for JSON and for templates."""
    return {
        "since": rollout.since,
        "until": rollout.until,
        "total": msgspec.structs.asdict(rollout.total),
        "modes": dict(sorted(rollout.modes.items())),
        "counts_only": rollout.counted,
        "not_judged_again": dict(sorted(rollout.apart.items())),
        "by": {name: _table(table, top) for name, table in rollout.tables.items()},
        "matrix": [
            {
                "profile": profile,
                "purpose": purpose,
                "proceed": cell.proceed,
                "block": cell.block,
                "unread": cell.unread,
                "unasked": cell.unasked,
                "newly_blocked": _hosts(cell.blocked_hosts, top),
                "newly_free": _hosts(cell.free_hosts, top),
            }
            for (profile, purpose), cell in rollout.matrix.items()
        ],
    }


def _table(table: Counter, top: int) -> dict[str, Any]:
    found = table.top(top)
    return {
        "rows": [{"key": key, **msgspec.structs.asdict(tally)} for key, tally in found.rows],
        "others": found.others,
        "others_at_least": table.full,
        "rest": msgspec.structs.asdict(found.rest),
    }


def _hosts(table: Counter, top: int) -> dict[str, Any]:
    found = table.top(top)
    return {
        "hosts": [{"host": key, "decisions": tally.decisions} for key, tally in found.rows],
        "others": found.others,
        "others_at_least": table.full,
        "decisions": found.rest.decisions + sum(tally.decisions for _, tally in found.rows),
    }
