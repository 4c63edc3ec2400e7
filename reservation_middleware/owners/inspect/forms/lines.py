"""Lines of text as wide as a screen: hanging indents, columns, nothing padded at the end."""

from collections.abc import Sequence
from io import StringIO

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from reservation_middleware.report.formats import Screen
from reservation_middleware.report.table import safe

#: Columns of the label before a section's first line.
LABEL = 9


class Lines:
    """Collects lines, then gives them as one text.

    Args:
        screen: what for.
    """

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._console = Console(
            file=StringIO(),
            width=screen.width or 10_000,
            force_terminal=screen.color,
            color_system="standard" if screen.color else None,
            highlight=False,
        )
        self._lines: list[Text] = []

    @property
    def width(self) -> int | None:
        """Columns; None where lines may have any length."""
        return self._screen.width

    @property
    def lines(self) -> list[Text]:
        """The lines so far."""
        return self._lines

    @property
    def count(self) -> int:
        """How many lines there are."""
        return len(self._lines)

    def blank(self) -> None:
        """An empty line, unless the last one is."""
        if self._lines and self._lines[-1].plain:
            self._lines.append(Text())

    def put(self, text: Text | str, *, hang: int = 0, style: str = "") -> None:
        """Some words, broken between words where they are too long.

        Args:
            text: what; a string is taken as a site may have written it.
            hang: columns that further lines are indented by.
            style: of all of it.
        """
        self._lines += self.wrapped(text, hang=hang, style=style)

    def wrapped(self, text: Text | str, *, hang: int = 0, style: str = "") -> list[Text]:
        """The lines that ``put`` would add."""
        words = text if isinstance(text, Text) else safe(text)
        if style:
            words = words.copy()
            words.stylize(style)
        width = self.width
        if width is None or words.cell_len <= width:
            return [words]
        hang = min(hang, max(width - 20, 0))
        first, *rest = words.wrap(self._console, width)
        if not rest:
            return [first]
        # What stands behind the first line's end is broken anew, as it is indented.
        left = words[len(first.plain) :]
        while left.plain.startswith(" "):
            left = left[1:]
        further = left.wrap(self._console, width - hang) if left.plain else ()
        return [first, *(Text(" " * hang) + line for line in further)]

    def append(self, lines: Sequence[Text]) -> None:
        """Lines that were wrapped before."""
        self._lines += lines

    def text(self) -> str:
        """All lines."""
        for line in self._lines:
            line.rstrip()
            self._console.print(line, soft_wrap=True, no_wrap=True, overflow="ignore")
        file = self._console.file
        assert isinstance(file, StringIO)
        return file.getvalue()


def padded(text: Text, width: int) -> Text:
    """A text filled with blanks up to a width."""
    missing = width - cell_len(text.plain)
    return text + " " * missing if missing > 0 else text
