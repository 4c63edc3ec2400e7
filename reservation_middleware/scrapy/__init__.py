"""The Scrapy adapter: add-on, downloader middlewares, header-stage handler, stats.

Translates between Scrapy and the core and enforces decisions; parses nothing. Policies
are fetched through the crawler's own downloader, so that proxy, TLS and delay settings
hold for them, too. Reference: https://docs.scrapy.org/en/latest/topics/addons.html
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

try:
    from ._addon import ORDER, SENT_ORDER, Addon
except ImportError as error:  # pragma: no cover - needs an environment without Scrapy
    raise ImportError(
        "the Scrapy adapter needs Scrapy 2.13 or newer: "
        "pip install 'reservation-middleware[scrapy]', "
        "or in a checkout uv run --extra scrapy …"
    ) from error

if TYPE_CHECKING:
    from ._middleware import ReservationMiddleware
    from ._report import PolicyUnreachableError, ReservedError, decided
    from ._sent import SentRequestCheck

# Imported when they are first asked for: with RESERVATION_ENABLED = False nothing is.
_MODULES = {
    "ReservationMiddleware": "_middleware",
    "PolicyUnreachableError": "_report",
    "ReservedError": "_report",
    "SentRequestCheck": "_sent",
    "decided": "_report",
}


def __getattr__(name: str) -> Any:
    """A public name of one of the adapter's modules (PEP 562).

    Raises:
        AttributeError: there is no such name.
    """
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    return found


__all__ = [
    "ORDER",
    "SENT_ORDER",
    "Addon",
    "PolicyUnreachableError",
    "ReservationMiddleware",
    "ReservedError",
    "SentRequestCheck",
    "decided",
]
