"""The verbs of ``reservations ledger``."""

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from .batch import MAX_LINE, bounded_lines
from .ledger.offers import MOST, RateCard
from .options import ColorOption, Format, FormatOption, console, print_json
from .report.offers import show_rate_card

app = typer.Typer(help="The evidence: decision records and what is in them.", no_args_is_help=True)


@app.callback()
def _main() -> None:
    """The evidence: decision records and what is in them."""


@app.command()
def offers(
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FILE…|-]", help="Decision records as JSON Lines; default -."),
    ] = None,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
    no_color: ColorOption = False,
) -> None:
    """A rate card of the licences on offer, by registrable domain.

    Reads what `reservations decide` prints. Lines that are no records are counted and
    passed over. Exit status: 0, or 2 for bad usage or a file that cannot be read.
    """
    card = RateCard()
    with ExitStack() as stack:
        # All are opened before any is read: a wrong name is told at once.
        streams = [_opened(name, stack) for name in dict.fromkeys(files or ["-"])]
        for name, stream in streams:
            try:
                card.read(bounded_lines(stream), longest=MAX_LINE)
            except OSError as error:
                raise typer.BadParameter(f"cannot read {name}: {error.strerror}") from None
    if format is Format.JSON:
        for line in card.lines():
            print_json(line)
    else:
        show_rate_card(console(no_color), card.lines())
    for number, what in (
        (card.errors, "error records passed over"),
        (card.bad, "lines passed over that are no decision records"),
        (card.left_out, f"sightings of further offers left out: more than {MOST} different ones"),
    ):
        if number:
            typer.echo(f"reservations: {number} {what}", err=True)
    if format is Format.TEXT:
        typer.echo(f"offers: {len(card.lines())}, records: {card.records}", err=True)


def _opened(name: str, stack: ExitStack) -> tuple[str, BinaryIO]:
    if name == "-":
        return "standard input", sys.stdin.buffer
    try:
        return name, stack.enter_context(Path(name).open("rb"))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise typer.BadParameter(f"cannot read {name}: {why}") from None
