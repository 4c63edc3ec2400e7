"""``reservations generate``: from an intent file to what says it, with proof that it is read so."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import ColorOption, Format, FormatOption, console, folder
from .standard_streams import UnusableError, write_json

if TYPE_CHECKING:
    from rich.console import Console

    from reservation_middleware.owners.generate import Generated

EXAMPLES = """Examples:

\b
  reservations generate intent.toml -o out/
  reservations generate intent.toml -o out/ --site public/"""

#: Columns of the matrix.
_COLUMNS = {
    "search": "search",
    "ai-index": "index",
    "ai-input": "answers",
    "ai-train-gen": "train (gen.)",
    "ai-train-nongen": "train (other)",
    "tdm": "mining",
}


def generate(
    intent: Annotated[Path, typer.Argument(metavar="INTENT.toml", help="What you mean.")],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="DIR", parser=folder, help="Where the files go."),
    ],
    site: Annotated[
        Path | None,
        typer.Option(
            "--site",
            metavar="FOLDER",
            parser=folder,
            help="The site as it is: its robots.txt is kept around ours. Read, never written.",
        ),
    ] = None,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
    no_color: ColorOption = False,
) -> None:
    """Write robots.txt, tdmrep.json, RSL, header snippets and tags that say what you mean, then read them back.

    Exit status: 0, 1 if something is read otherwise than you mean it, 2 bad usage.
    """
    from reservation_middleware.owners.generate import PLACES, copies
    from reservation_middleware.owners.generate import generate as written
    from reservation_middleware.owners.generate.folder import (
        check_output,
        check_size,
        existing_files,
        write_files,
    )
    from reservation_middleware.owners.generate.writable import check_writable
    from reservation_middleware.owners.intent import read_intent

    check_size(intent)
    meant = read_intent(intent)
    check_writable(meant, str(intent))
    check_output(output, site)
    existing = existing_files(site, PLACES, meant) if site else {}
    media = None
    if meant.media.files:
        if site is None:
            raise typer.BadParameter(
                f"{intent}: media.files: needs --site, the folder with the images"
            )
        media = copies(meant, site)
    found = written(meant, existing, media)
    try:
        write_files(output, found.files)
    except (OSError, ValueError) as error:
        raise UnusableError.of(f"write to {output}", error) from None
    if format is Format.JSON:
        write_json(found.files["report.json"].rstrip(b"\n"))
    else:
        _show(console(no_color), meant.origin, intent, output, found)
    raise typer.Exit(0 if found.survived else 1)


def _show(screen: "Console", origin: str, intent: Path, output: Path, found: "Generated") -> None:
    from reservation_middleware.report.table import rows, safe

    def line(text: str = "") -> None:
        screen.print(safe(text), soft_wrap=True)

    line(f"{origin}/     as {intent} means it")
    line()
    if found.survived:
        line("  Everything is read back as it is meant.                (exit status 0)")
    else:
        line("  NOT everything is read back as it is meant.            (exit status 1)")
    for sentence in found.lost:
        line(f"    {sentence}")
    line()
    rows(screen, ("path", *_COLUMNS.values()), [[safe(c) for c in r] for r in _matrix(found)])
    if any(row.implied for row in found.rows):
        line("  * not in the intent: the words for what you reserve cover it, too")
    if all(row.before == "unknown" for row in found.rows):
        line("  Before: nothing is said.")
    else:
        line("  a → b: what the site says now, and what it says with these files.")
    if found.agents:
        line()
        rows(
            screen,
            ("crawler", "fetch before", "fetch now"),
            [
                [safe(cell) for cell in (agent.token, _words(agent.before), _words(agent.after))]
                for agent in found.agents
            ],
        )
    if found.left_out or found.notes:
        line()
        line("  LEFT OUT, AND WHY")
        for sentence in (*found.left_out, *found.notes):
            line(f"    {sentence}")
    line()
    site = sum(name.startswith("site/") for name in found.files)
    line(
        f"  WRITTEN  {len(found.files)} files in {output}: {site} to publish (site/), tags (html/), servers/"
    )
    line(
        "  NEXT     copy site/ to your site, take your server's folder in servers/, then its verify.sh URL"
    )


def _matrix(found: "Generated") -> list[list[str]]:
    """A row for each region: what is read now; behind what the site says, where it says otherwise."""
    table: dict[str, list[str]] = {}
    for row in found.rows:
        before, now = _words(row.before), _words(row.after)
        if row.meant == "licence" and now == "no":
            now = "licence"
        cell = now if before in (now, "not said") else f"{before} → {now}"
        mark = "*" if row.implied and row.after != "unknown" else "" if row.survived else " ✕"
        table.setdefault(row.path or "everywhere else", []).append(cell + mark)
    if list(table) == ["everywhere else"]:
        table = {"everywhere": table["everywhere else"]}
    return [[path, *cells] for path, cells in table.items()]


def _words(preference: str) -> str:
    return {"allowed": "yes", "disallowed": "no"}.get(str(preference), "not said")
