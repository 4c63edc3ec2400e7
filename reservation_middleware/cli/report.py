"""The verb ``reservations report``: of a ledger what a crawl blocked, of a survey what sites say."""

import shlex
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from .options import (
    AgentOption,
    ColorOption,
    NearMissOption,
    ProfileOption,
    PurposeOption,
    console,
    print_json,
    words,
)
from .standard_streams import write_document

EXAMPLES = """Examples:

\b
  reservations report reservations-demo/ledger
  reservations report ledger --profile strict
  reservations report ledger --profile strict --format html > report.html"""
#: The tables that there are; ``report.rollout.BY``, which takes a while to import.
_TABLES = "signal|host|purpose|stage|profile|agent|adapter"


class ReportFormat(StrEnum):
    """How to print."""

    TEXT = "text"
    JSON = "json"
    HTML = "html"


def report(
    ledger: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", readable=False, help="The folder of a ledger, or of a survey."
        ),
    ],
    agent: AgentOption = None,
    purpose: PurposeOption = None,
    profile: ProfileOption = None,
    near_miss: NearMissOption = None,
    signal: Annotated[
        list[str] | None,
        typer.Option("--signal", metavar="S", help="Only these count; repeated or with commas."),
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option("--by", metavar=_TABLES, help="Which tables; repeated or with commas."),
    ] = None,
    top: Annotated[int, typer.Option("--top", metavar="N", min=1, help="Rows of each table.")] = 10,
    matrix: Annotated[
        bool | None,
        typer.Option(
            "--matrix/--no-matrix",
            help="Each profile with each purpose. Default: not in text.",
            show_default=False,
        ),
    ] = None,
    format: Annotated[  # noqa: A002 - the flag's name
        ReportFormat, typer.Option("--format", help="How to print.")
    ] = ReportFormat.TEXT,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Of a survey: where the files go."),
    ] = None,
    no_color: ColorOption = False,
) -> None:
    """What was blocked, what would have been, and what another policy would change.

    Of a survey's folder: who reserves what, as a page, Markdown, CSV, SVG and PNG (in DIR/report).

    With --profile, --purpose, --agent, --near-miss or --signal the same evidence is judged again by these;
    nothing is fetched. Exit status: 0, or 2 for bad usage or a ledger that cannot be read.
    """
    if (ledger / "survey.json").is_file():
        from .survey import show_report

        show_report(ledger, output or ledger / "report", format)
        return
    from reservation_middleware.ledger.read.reader import LedgerReader
    from reservation_middleware.model.vocabulary import unknown_word
    from reservation_middleware.report.rollout import BY, DEFAULT_BY, Rollout
    from reservation_middleware.report.rollout_fold import fold, question_of
    from reservation_middleware.report.rollout_page import html, plain, show_rollout

    tables = words(by) or list(DEFAULT_BY)
    for name in tables:
        if name not in BY:
            raise typer.BadParameter(unknown_word("table", name, BY))
    asked: dict[str, Any] = {"agent": agent, "purpose": words(purpose), "profile": profile}
    asked |= {"near-miss": near_miss, "signal": words(signal)}
    question = question_of(agent, asked["purpose"], profile, asked["signal"], near_miss=near_miss)
    rollout = Rollout(tables)
    if matrix is None:
        matrix = format is not ReportFormat.TEXT
    with LedgerReader(ledger) as reader:
        fold(reader, rollout, question, matrix=matrix)
    shown = {
        "ledger": str(ledger),
        "question": {
            key: ", ".join(value) if isinstance(value, list) else value
            for key, value in asked.items()
            if value
        },
        **plain(rollout, top=top),
    }
    if format is ReportFormat.HTML:
        flags = [part for key, value in shown["question"].items() for part in (f"--{key}", value)]
        shown["command"] = shlex.join(["reservations", "report", str(ledger), *flags])
        shown["made"] = f"{datetime.now(UTC):%d %b %Y %H:%M} UTC"
    if format is ReportFormat.JSON:
        print_json(shown)
    elif format is ReportFormat.HTML:
        write_document(html(shown))
    else:
        show_rollout(console(no_color), shown)
