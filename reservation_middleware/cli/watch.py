"""The verb ``reservations watch``: looks again at a list of pages and tells changes of effect."""

import re
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import Format, FormatOption, configured, http_url
from .standard_streams import UnusableError, say, write_json, write_text

if TYPE_CHECKING:
    from reservation_middleware.owners.watch.history import History
    from reservation_middleware.owners.watch.run import Watched

EXAMPLES = """Examples:

\b
  reservations watch sites.txt
  reservations watch sites.txt --every 6h --webhook https://hooks.example/x
  echo example.org | reservations watch - --format json"""

_SPAN = re.compile(r"(\d{1,6})\s*([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
#: Seconds between two looks at the least.
_SHORTEST = 60


def watch(
    pages: Annotated[
        str,
        typer.Argument(metavar="LIST", help="A file with an address on each line; - for input."),
    ],
    every: Annotated[
        str | None,
        typer.Option("--every", metavar="TIME", help="Go on, and look so often: 30m, 6h, 1d."),
    ] = None,
    db: Annotated[
        Path, typer.Option("--db", metavar="FILE", help="The history, an SQLite file.")
    ] = Path("reservations-watch.db"),
    webhook: Annotated[
        str | None,
        typer.Option(
            "--webhook", metavar="URL", help="Where changes are sent, as JSON; a public address."
        ),
    ] = None,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
    proxy: Annotated[
        str | None, typer.Option("--proxy", metavar="URL", help="HTTP proxy to go through.")
    ] = None,
) -> None:
    """Look again at pages, and tell who may do something else than at the last look, and by which line.

    A site that cannot be reached has not changed. A first look is no change.

    Exit status: 0 no change, 1 change, 2 bad usage, 3 something could not be looked at.
    """
    seconds = None if every is None else _span(every)
    hook = None if webhook is None else http_url(webhook, webhook)
    options: dict[str, Any] = {"proxy": http_url(proxy, proxy)} if proxy is not None else {}
    chosen = configured()

    import asyncio

    import reservation_middleware.aiohttp  # noqa: F401 - says which extra is missing
    from reservation_middleware.owners.watch.history import History
    from reservation_middleware.owners.watch.run import (  # needs aiohttp
        read_list,
        status_of,
        watch_once,
    )

    try:
        addresses = read_list(_read(pages), "standard input" if pages == "-" else pages)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="LIST") from None

    async def look(history: "History") -> int:
        found = []
        async for watched in watch_once(addresses, history, chosen.policy, **options):
            _show(watched, format)
            found.append(watched)
            if hook is not None:
                await _tell(hook, watched)
        return status_of(found)

    async def go_on(history: "History", pause: Callable[[float], Awaitable[object]]) -> int:
        while True:
            status = await look(history)
            if seconds is None:
                return status
            await pause(seconds)

    with History(db) as history:
        try:
            status = asyncio.run(go_on(history, asyncio.sleep))
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
    raise typer.Exit(status)


def _span(given: str) -> float:
    """A span of time in seconds.

    Raises:
        typer.BadParameter: it is none, or too short.
    """
    found = _SPAN.fullmatch(given.strip())
    if found is None:
        raise typer.BadParameter(
            f"{given!r} is no time, such as 30m, 6h or 1d", param_hint="--every"
        )
    seconds = int(found[1]) * _SECONDS[found[2]]
    if seconds < _SHORTEST:
        raise typer.BadParameter(
            f"{given!r} is less than a minute, too often for anybody's site", param_hint="--every"
        )
    return seconds


def _read(name: str) -> bytes:
    from reservation_middleware.owners.watch.run import MAX_LIST

    if name == "-":
        return sys.stdin.buffer.read(MAX_LIST + 1)
    try:
        with Path(name).open("rb") as file:
            return file.read(MAX_LIST + 1)
    except (OSError, ValueError) as error:
        raise UnusableError.of(f"read {name}", error) from None


def _show(watched: "Watched", format: Format) -> None:  # noqa: A002 - the flag's name
    import msgspec

    from reservation_middleware.owners.watch.forms import plain, text

    if format is Format.JSON:
        write_json(msgspec.json.encode(plain(watched)))
    else:
        write_text(text(watched))


async def _tell(hook: str, watched: "Watched") -> None:
    """Send a change; what cannot be sent is told, and stays in the history."""
    import msgspec

    from reservation_middleware.owners.watch.forms import plain
    from reservation_middleware.owners.watch.webhook import post

    if not watched.changes:
        return
    problem = await post(hook, msgspec.json.encode(plain(watched)))
    if problem is not None:
        say(f"the webhook did not take the change of {watched.url}: {problem}")
