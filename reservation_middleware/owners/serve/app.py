"""The server put together: routes, headers on every response, errors as pages."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler

from .headers import add_headers
from .pages import show
from .routes import ROUTES, AddressProblemError, TooOftenError, page, plain
from .server import SERVER, CheckServer, Settings

_log = logging.getLogger(__name__)
#: Octets of a form, and of a request's first line: an address may be percent-encoded.
_LARGEST, _LONGEST_LINE = 1024 * 1024, 32 * 1024
_HEADINGS = {404: "No such page", 429: "Not so often, please"}
_SENTENCES = {
    404: "There is no such page here. Reports are kept for 30 days.",
    405: "This address does not take that method.",
    408: "The form took too long.",
    413: "The form is too long.",
    415: "This address takes forms only.",
}


def application(settings: Settings) -> web.Application:
    """The server's application.

    Raises:
        ConfigurationError: a file in the folder of data cannot be used.
    """
    server = CheckServer(settings)
    app = web.Application(middlewares=[_errors], client_max_size=_LARGEST)
    app[SERVER] = server
    app.add_routes(ROUTES)
    app.on_response_prepare.append(add_headers)

    async def running(_app: web.Application) -> AsyncIterator[None]:
        yield
        await server.close()

    app.cleanup_ctx.append(running)
    return app


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Errors as pages, or as JSON for programs."""
    try:
        return await handler(request)
    except TooOftenError as error:
        response = _problem(request, 429, f"{error}. Try again in {error.seconds} seconds.")
        response.headers["Retry-After"] = str(error.seconds)
        return response
    except AddressProblemError as error:
        return _problem(request, 400, str(error))
    except web.HTTPException as error:
        if error.status < 400:
            raise
        response = _problem(request, error.status, _SENTENCES.get(error.status, "It did not work."))
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
        return response
    except ConnectionResetError:
        raise
    except Exception:  # noqa: BLE001 - whatever went wrong is logged
        _log.exception("A request failed")
        return _problem(request, 500, "Something is wrong with this server.")


def _problem(request: web.Request, status: int, sentence: str) -> web.Response:
    if request.path.startswith("/api/"):
        return plain({"error": sentence}, status)
    heading = _HEADINGS.get(status) or HTTPStatus(status).phrase
    return page(show("message", heading=heading, sentence=sentence, again=""), status)


def _wire_log() -> logging.Logger:
    """Where aiohttp tells of requests that are no HTTP: nowhere, or strangers could fill the log."""
    log = logging.getLogger(f"{__name__}.wire")
    log.setLevel(logging.CRITICAL + 1)
    return log


async def serve(settings: Settings, host: str, port: int, ready: Callable[[str], object]) -> None:
    """Serve until the task is cancelled or a signal asks to end.

    Args:
        settings: how the server is set up.
        host: name or address to listen at.
        port: to listen at; 0 for any that is free.
        ready: is called with the server's address once it listens.

    Raises:
        ConfigurationError: a file in the folder of data cannot be used.
        OSError: the port is taken, or is not to be had.
    """
    runner = web.AppRunner(
        application(settings),
        access_log=None,
        logger=_wire_log(),
        max_line_size=_LONGEST_LINE,
        shutdown_timeout=1.0,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        number = runner.addresses[0][1]
        ready(f"http://{f'[{host}]' if ':' in host else host}:{number}/")
        end = asyncio.Event()
        with suppress(NotImplementedError, RuntimeError, ValueError):
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end.set)
        await end.wait()
    finally:
        await runner.cleanup()
