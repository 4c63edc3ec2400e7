"""The tables of a rollout: as plain values, on a terminal, and as one HTML page.

What comes from a site is printed as text, and escaped by the template engine.
"""

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import jinja2
import msgspec
from rich.console import Console
from rich.text import Text

from reservation_middleware.model.plural import counted

from .rollout import Rollout
from .table import rows, safe
from .tally import Counter

#: What the columns of a table are called; those of a policy judged by again come last.
_NOW = {
    "decisions": "decisions",
    "blocked": "blocked",
    "would_block": "would be blocked",
}
_THEN = {
    "then_block": "blocked under it",
    "newly_blocked": "newly blocked",
    "newly_free": "newly let through",
}
#: Hosts that are named in a cell of the matrix on a terminal.
_FEW = 3


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
                "newly_let_through": _hosts(cell.free_hosts, top),
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


def sentences(rollout: Mapping[str, Any]) -> list[str]:
    """What is to be said before the tables."""
    total, modes = rollout["total"], rollout["modes"]
    if not total["decisions"]:
        return ["There is no decision in it."]
    of = ", ".join(f"{number:,} in {mode} mode" for mode, number in modes.items())
    lines = [
        f"{counted(total['decisions'], 'decision')} {_span(rollout)}: {of}.",
        f"{counted(total['blocked'], 'page was', 'pages were')} blocked, {total['would_block']:,} more would have been.",
    ]
    if rollout["question"]:
        asked = ", ".join(f"{key} {value}" for key, value in rollout["question"].items())
        lines.append(
            f"Judged again with {asked}: {total['then_block']:,} would be blocked, "
            f"{total['newly_blocked']:,} of them newly, "
            f"and {total['newly_free']:,} newly let through."
        )
    if rollout["counts_only"]:
        lines.append(
            f"{counted(rollout['counts_only'], 'decision was', 'decisions were')} only counted "
            "(bulk mode): such figures come from counts, name no signal and cannot be judged again."
        )
    lines += [
        f"{counted(number, 'decision')} could not be judged again: {why}."
        for why, number in rollout["not_judged_again"].items()
    ]
    return lines


def _span(rollout: Mapping[str, Any]) -> str:
    """From when until when its decisions were made."""
    return f"from {_second(rollout['since'])} to {_second(rollout['until'])}"


def _second(time: str) -> str:
    """A time as the ledger has it, without its microseconds."""
    return f"{time.partition('.')[0].removesuffix('Z')}Z"


def columns(rollout: Mapping[str, Any]) -> dict[str, str]:
    """The columns that tables have, by the names of their values."""
    return {**_NOW, **(_THEN if rollout["question"] else {})}


def show_rollout(console: Console, rollout: Mapping[str, Any]) -> None:
    """Print the tables."""
    for sentence in sentences(rollout):
        console.print(safe(sentence))
    names = columns(rollout)
    for by, table in rollout["by"].items():
        cells = [
            [safe(row["key"]), *(Text(f"{row[name]:,}") for name in names)] for row in table["rows"]
        ]
        if table["others"]:
            rest = table["rest"]
            cells.append([Text(others(table)), *(Text(f"{rest[name]:,}") for name in names)])
        if cells:
            console.print()
            rows(console, (by, *names.values()), cells)
    if not rollout["matrix"]:
        return
    console.print()
    console.print(Text("The same pages under each profile, for each purpose", style="bold"))
    rows(
        console,
        ("profile", "purpose", "proceed", "blocked", "newly blocked", "newly let through"),
        [
            (
                Text(cell["profile"]),
                Text(cell["purpose"]),
                Text(f"{cell['proceed']:,}"),
                Text(f"{cell['block']:,}"),
                safe(hosts(cell["newly_blocked"], _FEW)),
                safe(hosts(cell["newly_let_through"], _FEW)),
            )
            for cell in rollout["matrix"]
        ],
    )
    for caution in cautions(rollout):
        console.print(safe(caution), style="dim")


def cautions(rollout: Mapping[str, Any]) -> list[str]:
    """What keeps the matrix from being the last word."""
    lines = []
    unread = max((cell["unread"] for cell in rollout["matrix"]), default=0)
    if unread:
        lines.append(
            f"Up to {counted(unread, 'page')} that would proceed, never fetched: the head or the "
            "content may still reserve."
        )
    unasked = sorted({cell["profile"] for cell in rollout["matrix"] if cell["unasked"]})
    if unasked:
        lines.append(
            f"{' and '.join(unasked)}: places that the profile asks were not asked in this crawl; "
            "they may reserve more."
        )
    return lines


def hosts(found: Mapping[str, Any], most: int) -> str:
    """How many decisions change, and whose."""
    if not found["decisions"]:
        return "–"
    named = [row["host"] for row in found["hosts"][:most]]
    more = len(found["hosts"]) - len(named) + found["others"]
    hosts = ", ".join(named)
    if more:
        hosts += f" and {_others(more, found)}"
    return f"{found['decisions']:,}: {hosts}"


def others(table: Mapping[str, Any]) -> str:
    """What the last row of a table is called."""
    return f"({_others(table['others'], table)})"


def _others(number: int, table: Mapping[str, Any]) -> str:
    least = " or more" if table["others_at_least"] else ""
    return f"{number:,}{least} other{'' if number == 1 and not least else 's'}"


def html(rollout: Mapping[str, Any]) -> str:
    """The tables as one HTML page without scripts."""
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.from_string(
        files(__package__).joinpath("rollout.html.jinja").read_text("utf-8")
    )
    return template.render(
        rollout=rollout,
        sentences=sentences(rollout),
        cautions=cautions(rollout),
        columns=columns(rollout),
        others=others,
        hosts=hosts,
    )
