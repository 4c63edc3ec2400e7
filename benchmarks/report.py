"""How rows are shown: one line each, a table, Markdown for a README."""

import os
import platform
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from rich.table import Table

from .timing import Row

_TITLES = ("benchmark", "ours", "peer", "compared with", "ratio", "goal", "met", "runs")
_LEFT = ("benchmark", "compared with")


def line(row: Row) -> str:
    """A row while the others are still running."""
    met = "" if row.met is None else f"  goal ≤ {row.goal:g}: {'met' if row.met else 'NOT met'}"
    return f"{row.name}  {row.ratio:.3g} × {row.peer_name}{met}"


def table(rows: Sequence[Row]) -> Table:
    """All rows, for a terminal."""
    made = Table(title="ours / peer, medians; lower is better")
    for title in _TITLES:
        made.add_column(title, justify="left" if title in _LEFT else "right")
    for row in rows:
        made.add_row(
            row.name,
            shown(row.ours, row.name),
            shown(row.peer, row.name),
            row.peer_name,
            f"{row.ratio:.3g}",
            "" if row.goal is None else f"≤ {row.goal:g}",
            _met(row),
            str(row.runs),
        )
    return made


def markdown(rows: Sequence[Row], *, material: str, seed: int) -> str:
    """All rows as a table of Markdown, under what it takes to read them."""
    now = datetime.now(UTC)
    head = (
        f"{now:%d %B %Y}, Python {platform.python_version()} on {platform.system()} "
        f"{platform.machine()}, {os.cpu_count()} CPUs; {material}; seed {seed}."
    ).lstrip("0")
    lines = [head, "", "| goal | ours | peer | ratio | met | rounds |", "|---|---|---|---|---|---|"]
    lines += [" | ".join(("", *_cells(row), "")).strip() for row in rows]
    return "\n".join(lines) + "\n"


def _cells(row: Row) -> Iterator[str]:
    yield f"`{row.name}`" + ("" if row.goal is None else f" ≤ {row.goal:g}")
    yield shown(row.ours, row.name)
    said = row.peer_name.replace("|", "\\|")
    yield f"{shown(row.peer, row.name)}, {said}"
    yield f"{row.ratio:.3g}"
    yield _met(row)
    yield str(row.runs)


def _met(row: Row) -> str:
    return "" if row.met is None else "yes" if row.met else "no"


def shown(value: float, name: str) -> str:
    """A value with its unit, which its row's name tells."""
    if name.startswith(("content:missed", "content:invented")):
        return f"{value:g}"
    if name.startswith("load:"):
        return f"{value:,.1f} s" if name.endswith("seconds") else f"{value:,.0f}"
    if name.endswith(":memory-per-host"):
        return f"{value:,.0f} B"
    if name in ("hostile:doubling", "hostile:memory"):
        return f"{value:.3g} ×"
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value / 1e-9:.3g} ns"
