"""A source: one document that is linted, a file or an address, with its lines and its name.

No I/O: files are read in files.py, addresses in live.py.
"""

from functools import cached_property
from pathlib import Path

import msgspec

from reservation_middleware.model import Document
from reservation_middleware.syntax.charset import ascii_based
from reservation_middleware.syntax.robots_line import lines_of

#: Of a longer line the beginning is looked at for a column.
_LONGEST_LINE = 10_000


class LintSource(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One document.

    Attributes:
        name: as it is shown: a relative path with slashes, an address, or ``<stdin>``.
        document: what the core reads.
        file: where it can be written back; None for addresses and standard input.
    """

    name: str
    document: Document
    file: Path | None = None

    @property
    def is_url(self) -> bool:
        """Whether it was fetched."""
        return self.file is None and self.name.startswith(("http://", "https://"))

    @property
    def body(self) -> bytes:
        """Its octets, empty where there are none."""
        return self.document.body or b""

    @cached_property
    def lines(self) -> list[str]:
        """Its lines as readers of robots.txt count them: CR, LF and CRLF end one."""
        return lines_of(self.body)

    def column(self, line: int, text: str) -> int:
        """Where a text begins in a line, from 1; its first word if the whole is not there."""
        if not 0 < line <= len(self.lines):
            return 1
        whole = self.lines[line - 1][:_LONGEST_LINE]
        for part in (text, text.split(" ", 1)[0].rstrip(":")):
            place = whole.lower().find(part.lower()) if part else -1
            if place >= 0:
                return place + 1
        return len(whole) - len(whole.lstrip()) + 1


def text_of(source: LintSource) -> str:
    """The whole text of a source; what is no UTF-8 is replaced."""
    return ascii_based(source.body, source.document.charset).decode("utf-8", "replace")
