"""The command line: ``reservations demo | check | decide | agents``.

Output goes to standard output, talk to standard error. Exit statuses are part of the
contract: 0 may proceed, 1 blocked or bad, 2 bad usage, 3 could not be fetched.
"""

import asyncio
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from .agents import catalogue
from .batch import bounded_lines, decide_lines
from .config import Configuration, configuration
from .ledger.record import record
from .model import Document, ReservationError
from .report.text import safe, show
from .version import SPEC_VERSION, __version__

app = typer.Typer(
    name="reservations",
    help="Fetch, parse and respect machine-readable AI-training reservations.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class Format(StrEnum):
    """How to print."""

    TEXT = "text"
    JSON = "json"


FormatOption = Annotated[Format, typer.Option("--format", help="How to print.")]
AgentOption = Annotated[
    str | None, typer.Option("--agent", metavar="TOKEN", help="Product token; * for everyone.")
]
PurposeOption = Annotated[
    list[str] | None,
    typer.Option("--purpose", metavar="P", help="What for; may be repeated. Default: ai-train."),
]
ProfileOption = Annotated[
    str | None,
    typer.Option("--profile", metavar="NAME", help="opt-out, licence-first, record-only, strict."),
]
ColorOption = Annotated[bool, typer.Option("--no-color", help="No colours.")]


def _version(value: bool) -> None:
    if value:
        typer.echo(f"reservations {__version__} (spec {SPEC_VERSION})")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print versions.")
    ] = False,
) -> None:
    """Fetch, parse and respect machine-readable AI-training reservations."""


@app.command()
def demo(
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="Where the results go.")
    ] = Path("reservations-demo"),
    no_color: ColorOption = False,
) -> None:
    """Crawl a small web on this machine with both adapters and show what is blocked and why.

    Exit status: 0, or 1 if the two adapters disagree.
    """
    from .demo import run  # needs Scrapy and aiohttp, which no other command does

    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise typer.BadParameter(f"cannot write to {output}: {error.strerror}") from None
    if not run(output, _console(no_color)):
        raise typer.Exit(1)


@app.command()
def check(
    urls: Annotated[list[str], typer.Argument(metavar="URL…", help="Pages or sites.")],
    agent: AgentOption = None,
    purpose: PurposeOption = None,
    profile: ProfileOption = None,
    proxy: Annotated[
        str | None, typer.Option("--proxy", metavar="URL", help="HTTP proxy to go through.")
    ] = None,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
    no_color: ColorOption = False,
) -> None:
    """What a page says: verdict, reasons, agents and purposes, places probed, notes.

    Exit status: 0 may proceed, 1 blocked, 2 bad usage, 3 could not be fetched.
    """
    from .inspection import inspect  # needs aiohttp

    chosen = _configured(agent=agent, purposes=purpose, profile=profile)
    console = _console(no_color)
    worst = 0
    for url in urls:
        url = url if "://" in url else f"https://{url}"
        if not url.lower().startswith(("http://", "https://")):
            raise typer.BadParameter(f"{url!r} is not an http or https URL")
        options = {"proxy": proxy} if proxy else {}
        found = asyncio.run(inspect(url, agent=chosen.agent, policy=chosen.policy, **options))
        if format is Format.JSON:
            _print_json(
                {
                    **record(found.decision),
                    "agents": {
                        token: {"crawl": decision.crawl, "usage": decision.usage}
                        for token, decision in found.agents.items()
                    },
                    "documents": [_described(document) for document in found.documents],
                    "asked": found.asked,
                    "problem": found.problem,
                }
            )
        else:
            show(
                console,
                found.decision,
                asked=found.asked,
                agents=found.agents,
                documents=found.documents,
                problem=found.problem,
            )
        worst = max(worst, 3 if found.problem else int(found.decision.blocked))
    raise typer.Exit(worst)


@app.command()
def decide() -> None:
    """Judge documents given as JSON Lines on standard input; one record per line out.

    Exit status: 0, 1 if any line was bad. See spec/README.md for the lines.
    """
    good = True
    write = sys.stdout.buffer.write
    try:
        for line, ok in decide_lines(bounded_lines(sys.stdin.buffer)):
            good = good and ok
            write(line + b"\n")
            sys.stdout.buffer.flush()  # whoever waits for this answer before it asks again
    except BrokenPipeError:
        # The reader has seen enough; keep Python from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise typer.Exit(0 if good else 1)


@app.command()
def agents(
    token: Annotated[
        list[str] | None, typer.Argument(metavar="TOKEN…", help="Only these agents.")
    ] = None,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
    no_color: ColorOption = False,
) -> None:
    """The catalogue of known AI agents: operator, purposes, whether they obey, sources."""
    known = catalogue()
    if token:
        chosen = []
        for name in token:
            found = known.find(name)
            if found is None:
                raise typer.BadParameter(f"no agent {name!r} in the catalogue")
            chosen.append(found)
    else:
        chosen = list(known.agents)
    if format is Format.JSON:
        for one in chosen:
            _print_json(one)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("agent", "operator", "kind", "purposes", "obeys robots.txt"):
        table.add_column(column, overflow="fold")
    for one in chosen:
        purposes = ", ".join(one.purposes) or "not stated"
        table.add_row(one.token, one.operator, one.kind, purposes, one.obeys)
    console = _console(no_color)
    console.print(table)
    if token:
        for one in chosen:
            for source in one.sources:
                claims = ", ".join(source.claims)
                console.print(safe(f"{one.token}: {claims} as of {source.seen}: {source.url}"))
    else:
        console.print(f"{len(chosen)} agents, catalogue of {known.version}")


def _configured(**flags: Any) -> Configuration:
    return configuration(flags, folder=Path.cwd(), environment=os.environ)


def _console(no_color: bool) -> Console:
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 120
    return Console(no_color=no_color or None, width=width, highlight=False)


def _print_json(value: Any) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()


def _described(document: Document) -> dict[str, Any]:
    return {
        "url": document.url,
        "resource": document.resource,
        "outcome": document.outcome,
        "status": document.status,
        "bytes": None if document.body is None else len(document.body),
        "sha256": document.digest,
        "problem": document.problem,
    }


def main() -> None:
    """Run the command line; the package's own errors become one line and status 2."""
    try:
        app()
    except (ReservationError, ImportError) as error:
        sys.stderr.write(f"reservations: {error}\n")
        raise SystemExit(2) from None
