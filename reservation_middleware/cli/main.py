"""The command line: ``reservations demo | check | lint | decide | generate | watch | serve |
survey | report | agents | ledger``.

Output goes to standard output, talk to standard error. Exit statuses are part of the
contract: 0 may proceed, 1 blocked or bad, 2 bad usage, 3 could not be fetched.
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reservation_middleware.model.version import SPEC_VERSION, __version__

from . import check as check_commands
from . import generate as generate_commands
from . import ledger_read as ledger_commands
from . import lint as lint_commands
from . import report as report_commands
from . import serve as serve_commands
from . import survey as survey_commands
from . import watch as watch_commands
from .help import MAX_HELP, Command, usage_error
from .options import (
    ColorOption,
    Format,
    FormatOption,
    complete_agent,
    console,
    folder,
    known_agent,
    print_json,
)
from .standard_streams import UnusableError, run, write_json

if TYPE_CHECKING:
    from reservation_middleware.model.agents import KnownAgent

EXAMPLES = """Examples:

\b
  reservations demo
  reservations check example.org
  reservations agents GPTBot
  reservations --install-completion

Exit status: 0 may proceed, 1 blocked or tampered, 2 bad usage, 3 could not be fetched."""

app = typer.Typer(
    name="reservations",
    help="Fetch, parse and respect machine-readable AI-training reservations.",
    epilog=EXAMPLES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"max_content_width": MAX_HELP},
)
app.add_typer(ledger_commands.app, name="ledger")


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


@app.command(cls=Command, short_help="Crawl a small web on this machine with both adapters.")
def demo(
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="DIR", parser=folder, help="Where the results go."),
    ] = Path("reservations-demo"),
    no_color: ColorOption = False,
) -> None:
    """Crawl a small web on this machine with both adapters and show what is blocked and why.

    Exit status: 0, or 1 if the two adapters disagree.
    """
    from .demo import run as crawl  # needs Scrapy and aiohttp, which no other command does

    try:
        output.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise UnusableError.of(f"write to {output}", error) from None
    if not crawl(output, console(no_color)):
        raise typer.Exit(1)


app.command(
    cls=Command,
    epilog=check_commands.EXAMPLES,
    short_help="May AI crawlers use a page? Who, why, what to mend.",
)(check_commands.check)


@app.command(cls=Command, short_help="Judge documents given as JSON Lines; one record per line.")
def decide() -> None:
    """Judge documents given as JSON Lines on standard input; one record per line out.

    Exit status: 0, 1 if any line was bad. See spec/README.md for the lines.
    """
    from reservation_middleware.decide.batch import bounded_lines, decide_lines

    good = True
    for line, ok in decide_lines(bounded_lines(sys.stdin.buffer)):
        good = good and ok
        write_json(line)
    raise typer.Exit(0 if good else 1)


app.command(
    cls=Command,
    epilog=report_commands.EXAMPLES,
    short_help="What a crawl blocked; what a survey found.",
)(report_commands.report)
app.command(
    cls=Command,
    epilog=lint_commands.EXAMPLES,
    short_help="What nobody reads or nobody means, and how to mend it.",
)(lint_commands.lint)
app.command(
    cls=Command,
    epilog=generate_commands.EXAMPLES,
    short_help="Write files and server snippets that say what you mean.",
)(generate_commands.generate)
app.command(
    cls=Command,
    epilog=watch_commands.EXAMPLES,
    short_help="Look again at pages; tell what crawlers may do otherwise.",
)(watch_commands.watch)
app.command(cls=Command, epilog=serve_commands.EXAMPLES, short_help="A web page for site owners.")(
    serve_commands.serve
)
app.command(
    cls=Command,
    epilog=survey_commands.EXAMPLES,
    short_help="Measure many sites: archives and lists to tables.",
)(survey_commands.survey)


@app.command(cls=Command, short_help="The catalogue of known AI agents.")
def agents(
    token: Annotated[
        list[str] | None,
        typer.Argument(metavar="TOKEN…", help="Only these agents.", autocompletion=complete_agent),
    ] = None,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
    no_color: ColorOption = False,
) -> None:
    """The catalogue of known AI agents: operator, purposes, whether they obey, sources."""
    from reservation_middleware.model.agents import catalogue
    from reservation_middleware.report.table import rows, safe

    known = catalogue()
    if token:
        chosen = []
        for name in token:
            found = known.find(name)
            if found is None:
                known_agent(name, "TOKEN")  # names the nearest
                raise typer.BadParameter(f"no agent {name!r} in the catalogue")
            chosen.append(found)
    else:
        chosen = list(known.agents)
    if format is Format.JSON:
        for agent in chosen:
            print_json(agent)
        return
    screen = console(no_color)
    rows(
        screen,
        ("agent", "operator", "kind", "purposes", "obeys robots.txt"),
        [
            [
                safe(cell)
                for cell in (agent.token, agent.operator, agent.kind, _purposes(agent), agent.obeys)
            ]
            for agent in chosen
        ],
    )
    if token:
        for agent in chosen:
            for source in agent.sources:
                claims = ", ".join(source.claims)
                screen.print(safe(f"{agent.token}: {claims} as of {source.seen}: {source.url}"))
    else:
        screen.print(f"{len(chosen)} agents, catalogue of {known.version}")


def _purposes(agent: "KnownAgent") -> str:
    return ", ".join(agent.purposes) or "not stated"


def main() -> None:
    """Run the command line; what is wrong on this machine becomes one line and status 2."""
    run(_typed, explain=_explain)


def _typed() -> None:
    """What was typed; errors of usage are raised, so that all errors look alike."""
    if not sys.argv[1:] and not any(name.endswith("_COMPLETE") for name in os.environ):
        app(["--help"], standalone_mode=False)
        raise SystemExit(2)
    raise SystemExit(app(standalone_mode=False) or 0)


def _explain(error: Exception) -> str | None:
    """What an error says to users; None for one that they should never have seen."""
    from reservation_middleware.model import ReservationError

    if isinstance(error, typer.Abort):
        return "stopped"
    if (usage := usage_error(error)) is not None:
        return usage
    return str(error) if isinstance(error, (ReservationError, ImportError)) else None
