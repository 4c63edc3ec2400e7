"""The verb ``reservations survey``: from archives and lists to tables."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .options import folder, print_json
from .standard_streams import write_document

EXAMPLES = """Examples:

\b
  reservations survey robotstxt.warc.gz -o my-survey
  reservations survey top-sites.csv captures.jsonl -o my-survey --strata sites.csv
  reservations report my-survey"""


class Holds(StrEnum):
    """What an input may hold, where its content does not say it."""

    WARC = "warc"
    WAT = "wat"
    JSONL = "jsonl"
    PARQUET = "parquet"
    LIST = "list"
    FOLDER = "folder"
    MANIFEST = "manifest"


def show_report(survey_folder: Path, output: Path, form: str) -> None:
    """Print or write the report of a survey.

    Args:
        survey_folder: of the survey.
        output: where files go, where the form is ``text``.
        form: ``text`` writes the files and prints the answer, ``html`` and ``json`` print only.
    """
    from reservation_middleware.model.plural import counted
    from reservation_middleware.survey import page

    found = page.report(survey_folder)
    if form == "html":
        write_document(page.html(found))
    elif form == "json":
        print_json(
            {
                "headline": found.headline,
                "more": found.more,
                "methods": found.methods,
                "survey": found.summary,
                "answers": {
                    answer.section.name: {
                        "question": answer.section.title,
                        "query": answer.result.name,
                        "denominator": answer.denominator,
                        "rows": answer.result.dicts(),
                    }
                    for answer in found.answers
                },
            }
        )
    else:
        written = page.write(found, output)
        typer.echo(found.headline)
        for sentence in found.more:
            typer.echo(sentence)
        typer.echo(f"{written[0]} and {counted(len(written) - 1, 'file')} beside it", err=True)


def survey(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT…",
            help="Lists, folders, WARC, WAT, Parquet, JSON Lines, manifests, or -.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", parser=folder, help="Where tables go.")
    ],
    holds: Annotated[
        Holds | None, typer.Option("--input", help="What the inputs hold. Default: their content.")
    ] = None,
    wave: Annotated[
        str | None,
        typer.Option("--wave", metavar="NAME", help="The round. Default: the month of each fetch."),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option("--weights", metavar="FILE", help="CSV: a host and its tokens by corpus."),
    ] = None,
    strata: Annotated[
        Path | None,
        typer.Option("--strata", metavar="FILE", help="CSV or JSON: a host, category, country …"),
    ] = None,
    agent_sets: Annotated[
        Path | None,
        typer.Option("--agent-sets", metavar="FILE", help="JSON: dated releases of a list."),
    ] = None,
    processes: Annotated[
        int | None, typer.Option("--processes", min=1, help="How many parse. Default: one per CPU.")
    ] = None,
) -> None:
    """Measure many sites or pages; a run that was killed goes on where it was.

    Writes sites/, agents/, statements/ and pages/ (Parquet), metrics/ (SQL) and survey.json.
    Exit status: 0, 2 for bad usage or inputs, 3 where the tables contradict themselves.
    """
    from reservation_middleware.model.plural import counted
    from reservation_middleware.report.progress import counter
    from reservation_middleware.survey.read import InputKind
    from reservation_middleware.survey.run import BrokenInvariantError, Options
    from reservation_middleware.survey.run import survey as run

    kind = (
        None if holds is None else InputKind.WARC if holds is Holds.WAT else InputKind(holds.value)
    )
    options = Options(
        kind=kind,
        wave=wave,
        weights=weights,
        strata=strata,
        agent_sets=agent_sets,
        processes=processes or os.cpu_count() or 1,
    )
    try:
        with counter("captures") as advance:
            summary = run(inputs, output, options, advance)
    except BrokenInvariantError as error:
        typer.echo(f"reservations: {error}", err=True)
        raise typer.Exit(3) from None
    rows = summary["rows"]
    lost = sum(summary["unreadable"].values())
    typer.echo(
        f"{counted(rows['sites'], 'site')}, {counted(rows['agents'], 'agent')}, "
        f"{counted(rows['statements'], 'statement')}, {counted(rows['pages'], 'page')} in {output}; "
        f"{counted(lost, 'record')} could not be read"
    )
    for reason, times in summary["unreadable"].items():
        typer.echo(f"  {counted(times, 'time')}: {reason}")
    typer.echo(f"reservations report {output} makes a page of them", err=True)
