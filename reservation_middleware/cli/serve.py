"""The verb ``reservations serve``: the site owner's web page."""

from pathlib import Path
from typing import Annotated

import typer

from .standard_streams import UnusableError, say

EXAMPLES = """Examples:

\b
  reservations serve
  reservations serve --data /var/lib/reservations --behind-proxy
  reservations watch sites.txt --db /var/lib/reservations/watch.db   (for Compare)"""


def serve(
    host: Annotated[
        str, typer.Option("--host", metavar="NAME", help="Name or address to listen at.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", metavar="N", min=0, max=65535, help="0 for any that is free.")
    ] = 8000,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", metavar="DIR", help="Where reports are kept; without it, in memory."
        ),
    ] = None,
    allow_private: Annotated[
        bool,
        typer.Option(
            "--allow-private",
            help="Ask private addresses, too: for tests and own networks, never in public.",
        ),
    ] = False,
    behind_proxy: Annotated[
        bool,
        typer.Option(
            "--behind-proxy", help="Clients are known by the last X-Forwarded-For, not by address."
        ),
    ] = False,
) -> None:
    """A web page for site owners: one field, a report with a link, files from an intent.

    Works without script. Limits how often a client may ask and a site is asked.
    """
    import asyncio
    import os
    import socket
    import sys

    import reservation_middleware.aiohttp  # noqa: F401 - says which extra is missing
    from reservation_middleware.owners.inspect.budget import Reach  # needs aiohttp
    from reservation_middleware.owners.serve.app import serve as run
    from reservation_middleware.owners.serve.server import ClientAddress, Settings

    if data is not None:
        try:
            data.mkdir(parents=True, exist_ok=True)
        except (OSError, ValueError) as error:
            raise UnusableError.of(f"write to {data}", error) from None
    settings = Settings(
        data,
        Reach.ANYWHERE if allow_private else Reach.PUBLIC,
        ClientAddress.FORWARDED if behind_proxy else ClientAddress.PEER,
    )

    def listening(url: str) -> None:
        say(f"{url} (Ctrl-C ends it)")
        sys.stderr.flush()  # in a pipe, too, before the first request

    try:
        asyncio.run(run(settings, host, port, listening))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except (OSError, UnicodeError) as error:
        number = None if isinstance(error, UnicodeError | socket.gaierror) else error.errno
        reason = os.strerror(number) if number else str(error)
        raise UnusableError(f"cannot listen at {host}, port {port}: {reason}") from None
