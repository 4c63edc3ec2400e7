"""What the commands share: flags, how URLs are taken, where output goes.

Output goes to standard output, talk to standard error. What takes a while to import is imported
where it is used: every command starts with this module.
"""

import os
import re
import sys
from enum import StrEnum
from io import TextIOBase
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Annotated, Any, TextIO, cast

import typer

from reservation_middleware.owners.page_address import http_address, page_address

from .standard_streams import write_json

if TYPE_CHECKING:
    from rich.console import Console

    from reservation_middleware.report.formats import Detail, Screen
    from reservation_middleware.runtime.config import Configuration


class Format(StrEnum):
    """How to print."""

    TEXT = "text"
    JSON = "json"


def complete_agent(incomplete: str) -> list[str]:
    """Names of the catalogue that begin so."""
    from reservation_middleware.model.agents import catalogue

    return [known.token for known in catalogue().agents if known.token.startswith(incomplete)]


def complete_purpose(incomplete: str) -> list[str]:
    """Purposes that begin so."""
    from reservation_middleware.model import LEAVES, SHORTHANDS

    return [name for name in (*SHORTHANDS, *LEAVES) if name.startswith(incomplete)]


def complete_profile(incomplete: str) -> list[str]:
    """Profiles that begin so."""
    from reservation_middleware.decide.profiles import PROFILES

    return [name for name in PROFILES if name.startswith(incomplete)]


FormatOption = Annotated[Format, typer.Option("--format", help="How to print.")]
AgentOption = Annotated[
    str | None,
    typer.Option(
        "--agent",
        metavar="TOKEN",
        help="Product token, such as GPTBot; * for everyone; with commas a fallback list.",
        autocompletion=complete_agent,
    ),
]
PurposeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--purpose",
        metavar="P",
        help="What for: ai-train (default), ai-input (answers), ai-index, search, tdm (mining), ai "
        "(any of AI), tdm-all; repeated or with commas.",
        autocompletion=complete_purpose,
    ),
]
ProfileOption = Annotated[
    str | None,
    typer.Option(
        "--profile",
        metavar="NAME",
        help="Whose rules: opt-out (default; what nobody reserves may be used), licence-first "
        "(only what is allowed), record-only (reservations block nothing), strict (only what is "
        "allowed, every place is asked).",
        autocompletion=complete_profile,
    ),
]
ContentUseOption = Annotated[
    str | None,
    typer.Option(
        "--content-use",
        metavar="USE",
        help="How content is used at most: immediate, reference, full (Content-Signal use=).",
    ),
]
NearMissOption = Annotated[
    str | None,
    typer.Option(
        "--near-miss",
        metavar="WORD",
        help="A refusal that is clearly meant but misspelled: count (default) or record.",
    ),
]
ColorOption = Annotated[bool, typer.Option("--no-color", help="No colours.")]


def words(given: list[str] | None) -> list[str] | None:
    """The values of a flag that may be repeated or hold several with commas between."""
    if not given:
        return None
    return [word.strip() for value in given for word in value.split(",") if word.strip()]


def configured(**flags: Any) -> "Configuration":
    """The configuration that holds in the working directory, with these flags."""
    from reservation_middleware.runtime.config import configuration

    return configuration(flags)


def page_url(given: str) -> str:
    """A page as people type it, as an absolute URL.

    Raises:
        typer.BadParameter: no request could be made for it.
    """
    try:
        return page_address(given)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def http_url(url: str, given: str) -> str:
    """An http or https URL, checked as far as that needs no network.

    Raises:
        typer.BadParameter: no request could be made for it.
    """
    try:
        return http_address(url, given)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def folder(given: str | Path) -> Path:
    """A folder that output goes to.

    Raises:
        typer.BadParameter: nothing was given.
    """
    if not str(given).strip():
        raise typer.BadParameter("the name of a folder is empty")
    return Path(given)


def replace_file(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: on a full disk the one that was there before stays.

    Raises:
        OSError: it cannot be written.
    """
    if path.exists() and not path.is_file():
        path.write_bytes(data)  # a pipe, or a device
        return
    path = path.resolve()
    draft = path.with_name(f".{path.name[:200]}.{os.getpid()}.new")
    try:
        with draft.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def known_agent(given: str | None, flag: str) -> str | None:
    """A product token, or several with commas, as they are typed.

    Raises:
        typer.BadParameter: one is no known agent's and nearly one's; names of own crawlers stand
            in the configuration, where they are not questioned.
    """
    if given is None:
        return None
    from difflib import get_close_matches

    from reservation_middleware.model.agents import catalogue

    known = {name.lower(): name for agent in catalogue().agents for name in agent.names}
    for token in (word.strip() for word in given.split(",")):
        if token.lower() in known or len(token) < _SHORTEST:
            continue
        near = get_close_matches(token.lower(), known, n=1, cutoff=_ALIKE)
        if near and abs(len(near[0]) - len(token)) <= 1:
            raise typer.BadParameter(
                f"{token} is no known agent; did you mean {known[near[0]]}? (A crawler of your "
                "own is named in reservations.toml: agent = …)",
                param_hint=flag,
            )
    return given


#: Characters of a token that is compared, and how alike two must be: 1 is equal.
_SHORTEST, _ALIKE = 5, 0.8


def screen_for(no_color: bool, *, detail: "Detail", command: str) -> "Screen":
    """What text is laid out for: as wide as ``COLUMNS`` or the terminal says, in a pipe without end."""
    from reservation_middleware.report.formats import Screen

    is_plain = no_color or bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    return Screen(_columns(), sys.stdout.isatty() and not is_plain, detail, command)


def _columns() -> int | None:
    """Columns of a line; None where lines may have any length."""
    columns = os.environ.get("COLUMNS", "").strip()
    if columns.isascii() and columns.isdigit():
        # 0 is what a terminal says that does not know; nobody reads lines of millions.
        asked = min(int(columns[:9]), MAX_COLUMNS)
        if asked:
            return asked
    if not sys.stdout.isatty():
        return None
    return get_terminal_size().columns


def console(no_color: bool) -> "Console":
    """Where text is printed: as wide as ``COLUMNS`` or the terminal says, in a pipe as it comes."""
    from rich.console import Console

    width = _columns() or MAX_COLUMNS
    file = Unpadded(sys.stdout)
    return Console(
        file=cast("TextIO", file), no_color=no_color or None, width=width, highlight=False
    )


class Unpadded(TextIOBase):
    """Text on its way out, without the blanks that tables leave at the ends of lines."""

    def __init__(self, out: "TextIO") -> None:
        self._out = out

    def write(self, text: str) -> int:
        """Pass on; ``rich`` writes whole lines."""
        self._out.write(_PADDING.sub("", text))
        return len(text)

    def flush(self) -> None:
        """Flush what is written to."""
        self._out.flush()

    def isatty(self) -> bool:
        """Whether that is a terminal."""
        return self._out.isatty()

    def fileno(self) -> int:
        """The number of its file."""
        return self._out.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Its encoding."""
        return self._out.encoding


_PADDING = re.compile(r"[ \t]+(?=\n)")

#: Lines are laid out no wider than this, whatever ``COLUMNS`` says.
MAX_COLUMNS = 10_000


def print_json(value: Any) -> None:
    """Print one value as a line of JSON."""
    import msgspec

    write_json(msgspec.json.encode(value))
