"""What the demo prints: every page, the counts, the comparison, and what to do next."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich import box
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from reservation_middleware.model import Action

from .crawl import MODES, RUNS, Crawls, Run
from .judge import policy_fetches
from .sites import SiteHost
from .task import AGENT, PURPOSES, Visit
from .why import because, happened

#: Columns where nobody says how wide the output may be.
_WIDE = 120
#: Columns from which on what happened fits on one line, and under which there is room for
#: one column only.
_ROOMY, _NARROW = 100, 70
#: Differences that are listed at the most.
_MOST = 20


@contextmanager
def wide(console: Console) -> Iterator[None]:
    """Have room where the output is no terminal and nobody set ``COLUMNS``."""
    before = console.width
    if console.is_terminal or "COLUMNS" in os.environ or before >= _WIDE:
        yield
        return
    console.width = _WIDE
    try:
        yield
    finally:
        console.width = before


def every_page(hosts: Sequence[SiteHost], crawls: Crawls, *, width: int) -> Table:
    """What happened to each page in enforce mode, and why."""
    visits, observed = (crawls.visits["aiohttp", mode] for mode in MODES)
    table = _table(f"{AGENT} asks for {', '.join(PURPOSES)}: every page, in enforce mode")
    if width < _NARROW:
        table.add_column("Page, what happened, why", overflow="fold")
    else:
        table.add_column("Page", overflow="fold", ratio=2)
        table.add_column("What happened", width=24 if width >= _ROOMY else 10)
        table.add_column("Why", overflow="fold", ratio=3)
    for host in hosts:
        for page in host.pages:
            url = host.url(page.path)
            visit = visits.get(url)
            label = happened(visit)
            style = {"proceeds": "green", "failed": "bold red"}.get(label, "red")
            cells = (
                Text.assemble((host.name, "bold"), page.path),
                Text(label, style),
                _why(visit, observed.get(url)),
            )
            table.add_row(*([Text("\n").join(cells)] if width < _NARROW else cells))
        if host.pages:
            table.add_section()
    return table


def _why(visit: Visit | None, observed: Visit | None) -> Text:
    if visit is None or visit.record is None:
        return Text(visit.error or "" if visit else "never asked for")
    lines = []
    if visit.record["url"] != visit.asked:
        lines.append(Text(f"moved to {visit.record['url']}", "dim"))
    for cause in because(visit.record):
        where = f", {cause.where}" if cause.where else ""
        aside = cause.aside and cause.what not in ("conflict", "note", "offer")
        lines.append(
            Text.assemble(
                (f"{cause.what}{where}: ", "dim" if cause.aside else "cyan"),
                (" ".join(cause.text.split()), "dim" if cause.aside else ""),
                (" (inferred, not enforced)" if aside else "", "dim"),
            )
        )
    seen = observed.record if observed else None
    if seen and seen["action"] != visit.record["action"]:
        causes = "; ".join(f"{cause.where}: {cause.text}" for cause in because(seen))
        lines.append(Text(f"provisional: observe mode read on and met {causes}", "dim"))
    return Text("\n").join(lines or [Text("nobody reserved anything", "dim")])


def counts(crawls: Crawls, *, width: int) -> Table:
    """What each crawl cost and brought, by its web's own log."""
    table = _table("Two adapters, two modes, by the web's own log")
    table.caption = "Observe mode blocks nothing. aiohttp repeats a request that was reset."
    table.caption_justify = "left"
    names = ("Requests", "Policies", "Fetched", "Blocked", "Would block", "Bytes")
    table.add_column("Adapter")
    table.add_column("Mode")
    if width < _NARROW:
        table.add_column("By the log")
    else:
        for name in names:
            table.add_column(name, justify="right")
    for run in RUNS:
        found = _counted(crawls, run)
        if width < _NARROW:
            pairs = zip(names, found, strict=True)
            found = ("\n".join(f"{name.lower()} {count}" for name, count in pairs),)
        table.add_row(*run, *found)
    return table


def _counted(crawls: Crawls, run: Run) -> tuple[str, ...]:
    visits = crawls.visits[run].values()
    log = crawls.logs[run]
    would = (
        not visit.blocked and (visit.record or {}).get("action") == Action.BLOCK for visit in visits
    )
    return (
        str(len(log)),
        str(policy_fetches(crawls, run)),
        str(sum(visit.record is not None and not visit.blocked for visit in visits)),
        str(sum(visit.blocked for visit in visits)),
        str(sum(would)),
        decimal(sum(seen.sent for seen in log)),
    )


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)


def verdict(console: Console, checks: Sequence[tuple[str, str, Sequence[str]]]) -> None:
    """One line for each check: what holds, or what does not with its list."""
    for good, bad, wrong in checks:
        if not wrong:
            console.print(Text.assemble(("ok  ", "bold green"), good))
            continue
        console.print(Text.assemble(("NO  ", "bold red"), f"{bad} ({len(wrong)}):"))
        for problem in wrong[:_MOST]:
            console.print(Text(f"    {problem}"))
        if len(wrong) > _MOST:
            console.print(Text(f"    … and {len(wrong) - _MOST} more"))


def next_steps(console: Console, folder: Path) -> None:
    """Four lines on what to do next."""
    steps = (
        ("Look closer  ", f"open {folder / 'report.html'} in a browser"),
        ("Evidence     ", f"reservations ledger verify {folder / 'ledger'}"),
        ("Scrapy       ", 'ADDONS = {"reservation_middleware.scrapy.Addon": 300}'),
        ("aiohttp      ", 'async with ReservationClient(agent="YourBot") as client: …'),
    )
    for label, step in steps:
        console.print(Text.assemble((label, "bold"), step), soft_wrap=True)


def modes() -> str:
    """The modes, for a sentence."""
    return " and ".join(MODES)
