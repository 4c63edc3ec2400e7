"""The aiohttp adapter: a client middleware, and a client that also looks into pages.

Translates between aiohttp and the core and enforces decisions; parses nothing.
Reference: https://docs.aiohttp.org/en/stable/client_middleware_cookbook.html
"""

try:
    from aiohttp import ClientHandlerType as _NewEnough  # noqa: F401 - aiohttp 3.12 has it
except ImportError as error:  # pragma: no cover - needs an environment without aiohttp
    raise ImportError(
        "the aiohttp adapter needs aiohttp 3.13.4 or newer: "
        "pip install 'reservation-middleware[aiohttp]', "
        "or in a checkout uv run --extra aiohttp …"
    ) from error

from ._client import ReservationClient
from ._error import PolicyUnreachableError, ReservedError
from ._factory import reservation_middleware
from ._middleware import Listener, ReservationMiddleware

__all__ = [
    "Listener",
    "PolicyUnreachableError",
    "ReservationClient",
    "ReservationMiddleware",
    "ReservedError",
    "reservation_middleware",
]
