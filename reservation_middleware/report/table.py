"""Rows on a terminal: a table where its words fit, one below the other where they do not.

No word is broken but an address, or one longer than any line. What comes from a site is
printed as text, control characters and markup included.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Literal

from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

_GAP = 2
#: What stands to the right: a number, or that there is none.
_NUMBER = re.compile(r"[\d,.]+%?|–|-|")
#: An address may be folded, but into no narrower column than this.
_FOLDED = 24


def safe(text: object) -> Text:
    """A site's words as plain text: no markup, no control characters."""
    return Text("".join(c if c.isprintable() else " " for c in str(text)))


def rows(
    console: Console, columns: Sequence[str], cells: Iterable[Sequence[Text]], *, indent: int = 0
) -> None:
    """Print rows under their column names, or each as lines of its own where space is short."""
    lines = [tuple(line) for line in cells]
    widths = _widths(columns, lines, console.width - indent)
    if widths is not None:
        console.print(Padding(_table(columns, lines, widths), (0, 0, 0, indent), expand=False))
        return
    for first, *rest in lines:
        console.print(Padding(first, (0, 0, 0, indent), expand=False))
        for name, cell in zip(columns[1:], rest, strict=True):
            if cell.plain:
                line = Text.assemble((f"{name}: ", "bold"), cell)
                console.print(Padding(line, (0, 0, 0, indent + _GAP), expand=False))


def _table(columns: Sequence[str], lines: Iterable[Sequence[Text]], widths: Sequence[int]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, _GAP, 0, 0))
    lines = list(lines)
    for number, (name, width) in enumerate(zip(columns, widths, strict=True)):
        cells = [line[number].plain for line in lines]
        are_numbers = bool(number) and all(map(_NUMBER.fullmatch, cells))
        justify: Literal["left", "right"] = "right" if are_numbers else "left"
        table.add_column(name, overflow="fold", width=width, justify=justify)
    for line in lines:
        table.add_row(*line)
    return table


def _total(widths: Iterable[int]) -> int:
    given = list(widths)
    return sum(given) + _GAP * (len(given) - 1)


def _widths(
    columns: Sequence[str], lines: Sequence[Sequence[Text]], width: int
) -> list[int] | None:
    """How wide each column may be so that its words stay whole; None if that is too wide."""
    least, natural = [], []
    for number, name in enumerate(columns):
        texts = [Text(name), *(line[number] for line in lines)]
        natural.append(max(text.cell_len for text in texts))
        words = [word for text in texts for word in text.plain.split()]
        least.append(max(map(_least, words), default=1))
    left = width - _total(least)
    if left < 0:
        return None
    # Columns that want little get it; those that want much share what is left.
    wanting = sorted(range(len(columns)), key=lambda number: natural[number] - least[number])
    for place, number in enumerate(wanting):
        more = min(natural[number] - least[number], left // (len(wanting) - place))
        least[number] += more
        left -= more
    return least


def _least(word: str) -> int:
    length = cell_len(word)
    return min(length, _FOLDED) if "/" in word else length
