"""What the commands share: flags, how URLs are taken, where output goes.

Output goes to standard output, talk to standard error. What takes a while to import is imported
where it is used: every command starts with this module.
"""

import os
import re
import sys
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from .standard_streams import write_json

if TYPE_CHECKING:
    from rich.console import Console

    from reservation_middleware.runtime.config import Configuration


class Format(StrEnum):
    """How to print."""

    TEXT = "text"
    JSON = "json"


FormatOption = Annotated[Format, typer.Option("--format", help="How to print.")]
AgentOption = Annotated[
    str | None,
    typer.Option(
        "--agent",
        metavar="TOKEN",
        help="Product token, such as GPTBot; * for everyone; with commas a fallback list.",
    ),
]
PurposeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--purpose", metavar="P", help="What for; repeated or with commas. Default: ai-train."
    ),
]
ProfileOption = Annotated[
    str | None,
    typer.Option("--profile", metavar="NAME", help="opt-out, licence-first, record-only, strict."),
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
    url = given.strip()
    return http_url(url if _SCHEME.match(url) else f"https://{url}", given)


def http_url(url: str, given: str) -> str:
    """An http or https URL, checked as far as that needs no network.

    Raises:
        typer.BadParameter: no request could be made for it.
    """
    if not url[:8].lower().startswith(("http://", "https://")):
        raise typer.BadParameter(f"{given!r} is not an http or https URL")
    try:
        parts = urlsplit(url)
        port = parts.port
        host = parts.hostname or ""
    except ValueError as error:
        raise typer.BadParameter(f"{given!r} is no URL: {error}") from None
    if not url.isprintable():
        raise typer.BadParameter(f"{given!r} is no URL: it has control characters")
    if port == 0:
        raise typer.BadParameter(f"{given!r} is no URL: there is no port 0")
    if not _possible(host, bracketed="[" in parts.netloc):
        raise typer.BadParameter(f"{given!r} has no host that could be asked")
    return url


_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
#: What no host name can have; URL Standard, forbidden domain code points.
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f#%/:<>?@\[\\\]^`{|}\"]|\s")


def _possible(host: str, *, bracketed: bool) -> bool:
    """Whether a host is a name or an address."""
    if bracketed:
        try:
            return ip_address(host.partition("%")[0]).version == 6
        except ValueError:
            return False
    if _FORBIDDEN.search(host):
        return False
    try:
        name = host.encode("ascii" if host.isascii() else "idna").decode().removesuffix(".")
    except UnicodeError:
        return False
    return 0 < len(name) <= 253 and all(0 < len(label) <= 63 for label in name.split("."))


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


def console(no_color: bool) -> "Console":
    """Where text is printed: as wide as ``COLUMNS`` or the terminal says, else 120 columns."""
    from rich.console import Console

    columns = os.environ.get("COLUMNS", "").strip()
    width = None if sys.stdout.isatty() else 120
    if columns.isascii() and columns.isdigit():
        # 0 is what a terminal says that does not know; nobody reads lines of millions.
        width = min(int(columns[:9]), MAX_COLUMNS) or width
    return Console(no_color=no_color or None, width=width, highlight=False)


#: Lines are laid out no wider than this, whatever ``COLUMNS`` says.
MAX_COLUMNS = 10_000


def print_json(value: Any) -> None:
    """Print one value as a line of JSON."""
    import msgspec

    write_json(msgspec.json.encode(value))
