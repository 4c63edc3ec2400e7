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

from reservation_middleware.model import Stage
from reservation_middleware.model.plural import counted
from reservation_middleware.model.version import SPEC_VERSION, __version__

from .rollout import Rollout
from .table import rows, safe
from .tally import Counter
from .words import STAGES, listed

#: What the columns of a table are called; those of a policy judged by again come last.
_NOW = {
    "decisions": "decisions",
    "blocked": "blocked",
    "would_block": "would be blocked",
}
_THEN = {
    "then_block": "blocked then",
    "newly_blocked": "newly blocked",
    "newly_free": "newly free",
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
        "unread": rollout.unread,
        "profiles": dict(sorted(rollout.profiles.items())),
        "why_newly_blocked": [
            {"signal": name, **_hosts(hosts, top)}
            for name, hosts in sorted(
                rollout.newly.items(), key=lambda item: (-_number(item[1]), item[0])
            )
        ],
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


def _number(hosts: Counter) -> int:
    found = hosts.top(0)
    return found.rest.decisions


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


def headline(rollout: Mapping[str, Any]) -> str:
    """The answer in one sentence."""
    total, question = rollout["total"], rollout["question"]
    if not total["decisions"]:
        return "There is no decision in it."
    number = counted(total["decisions"], "decision")
    if not question:
        would = f", {total['would_block']:,} more would have been" if total["would_block"] else ""
        return f"{total['blocked']:,} of {number} were blocked{would}."
    freed = f"{total['newly_free']:,} freed" if total["newly_free"] else "none freed"
    change = f"{total['newly_blocked']:,} more of {number} would be blocked, {freed}."
    return f"{_change(rollout)}: {change}"


def _change(rollout: Mapping[str, Any]) -> str:
    """From which policy to which."""
    question = rollout["question"]
    others = [f"{key} {value}" for key, value in question.items() if key != "profile"]
    if "profile" not in question:
        return f"With {', '.join(others)}"
    aside = f" (with {', '.join(others)})" if others else ""
    before = listed(list(rollout["profiles"])) or "now"
    return f"From {before} to {question['profile']}{aside}"


def outcomes(rollout: Mapping[str, Any]) -> list[tuple[str, int, int]]:
    """What proceeds and what is blocked, now and under the policy that is asked about."""
    total = rollout["total"]
    blocked = total["blocked"] + total["would_block"]
    lines = [("now", total["decisions"] - blocked, blocked)]
    if rollout["question"]:
        judged = total["decisions"] - sum(rollout["not_judged_again"].values())
        name = rollout["question"].get("profile", "then")
        lines.append((name, judged - total["then_block"], total["then_block"]))
    return lines


def sentences(rollout: Mapping[str, Any]) -> list[str]:
    """What is to be said besides: where the numbers are from, and what they leave out."""
    total, modes = rollout["total"], rollout["modes"]
    if not total["decisions"]:
        return []
    of = ", ".join(f"{number:,} in {mode} mode" for mode, number in modes.items())
    lines = [f"{counted(total['decisions'], 'decision')} {_span(rollout)}: {of}."]
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
    """Print the answer first, then the tables."""
    console.print(Text(headline(rollout), style="bold"))
    if not rollout["total"]["decisions"]:
        return
    lines = outcomes(rollout)
    first = max(len(name) for name, _, _ in lines)
    for name, proceed, block in lines:
        console.print(safe(f"   {name:{first}}  {proceed:>9,} proceed  {block:>9,} blocked"))
    if rollout["why_newly_blocked"]:
        console.print()
        rows(
            console,
            ("why newly blocked", "decisions", "hosts"),
            [
                (safe(why["signal"]), Text(f"{why['decisions']:,}"), safe(names_of(why, _FEW)))
                for why in rollout["why_newly_blocked"]
            ],
        )
    for caution in cautions(rollout):
        console.print(safe(caution), style="dim")
    console.print()
    for sentence in sentences(rollout):
        console.print(safe(sentence))
    names = columns(rollout)
    for by, table in rollout["by"].items():
        cells = [
            [safe(key_of(by, row["key"])), *(Text(f"{row[name]:,}") for name in names)]
            for row in table["rows"]
        ]
        if table["others"]:
            rest = table["rest"]
            cells.append([Text(others(table)), *(Text(f"{rest[name]:,}") for name in names)])
        if cells:
            console.print()
            rows(console, (title_of(by, rollout), *names.values()), cells)
    console.print()
    if rollout["matrix"]:
        _show_matrix(console, rollout)
    else:
        console.print(
            Text("All profiles and purposes: --matrix        as a page: --format html", style="dim")
        )


def _show_matrix(console: Console, rollout: Mapping[str, Any]) -> None:
    console.print(Text("The same pages under each profile, for each purpose", style="bold"))
    rows(
        console,
        ("profile", "purpose", "proceed", "blocked", "newly blocked", "newly free"),
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


def title_of(by: str, rollout: Mapping[str, Any]) -> str:
    """What a table is by; of what is asked anew it has what the crawl was made with."""
    if by == "signal":
        return "signal (several per decision)"
    return f"{by} in the crawl" if by in rollout["question"] else by


def key_of(by: str, key: str) -> str:
    """A row's key as people read it."""
    return STAGES.get(Stage(key), key) if by == "stage" and key in set(Stage) else key


def cautions(rollout: Mapping[str, Any]) -> list[str]:
    """What keeps the matrix from being the last word."""
    lines = []
    unread = max((rollout["unread"], *(cell["unread"] for cell in rollout["matrix"])))
    if unread:
        lines.append(
            f"Caution: up to {counted(unread, 'page')} that would proceed "
            f"{'was' if unread == 1 else 'were'} never fetched and may reserve "
            f"{'itself' if unread == 1 else 'themselves'}."
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
    return f"{found['decisions']:,}: {names_of(found, most)}"


def names_of(found: Mapping[str, Any], most: int) -> str:
    """Whose decisions change: some names, and how many more there are."""
    named = [row["host"] for row in found["hosts"][:most]]
    more = len(found["hosts"]) - len(named) + found["others"]
    names = ", ".join(named)
    return f"{names} and {_others(more, found)}" if more else names


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
        rollout={"made": "", "command": "", **rollout},
        headline=headline(rollout),
        outcomes=outcomes(rollout),
        sentences=sentences(rollout),
        names_of=names_of,
        title_of=title_of,
        key_of=key_of,
        version=__version__,
        spec_version=SPEC_VERSION,
        cautions=cautions(rollout),
        columns=columns(rollout),
        others=others,
        hosts=hosts,
    )
