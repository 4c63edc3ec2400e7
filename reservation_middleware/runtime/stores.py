"""What an adapter keeps things in, opened: cache, ledger and metrics, as they are named.

What is handed in open stays the caller's. What takes an extra, or a while, is imported where
it is needed.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from reservation_middleware.model import ConfigurationError
from reservation_middleware.model.vocabulary import unknown_word

from .cache import open_cache

if TYPE_CHECKING:
    from reservation_middleware.ledger.write.ledger import Ledger

    from .cache import Cache
    from .metrics import Metrics


class OpenStores(NamedTuple):
    """What an adapter works with, what of it is to be closed with it, and the ledger's folder."""

    cache: Cache | None = None
    ledger: Ledger | None = None
    metrics: Metrics | None = None
    own_cache: bool = False
    own_ledger: bool = False
    where: str | None = None


def opened(
    *,
    cache: Cache | str | None = None,
    ledger: Ledger | str | os.PathLike[str] | None = None,
    ledger_key: str | os.PathLike[str] | None = None,
    ledger_lines: str = "all",
    ledger_name: str | None = None,
    metrics: Metrics | str | None = None,
) -> OpenStores:
    """Open what is named; what is handed in open stays the caller's.

    Args:
        cache: or its URL.
        ledger: or its folder.
        ledger_key: file of the key that signs.
        ledger_lines: ``all`` or ``bulk``.
        ledger_name: of the key.
        metrics: or host:port where this process shows its own.

    Raises:
        ConfigurationError: the cache or the endpoint cannot be had.
        LedgerError: the ledger cannot be written.
        ImportError: an extra is not installed.
    """
    if isinstance(metrics, str):
        from .metrics import ENDPOINT  # noqa: PLC0415 - an extra

        metrics = ENDPOINT.serve(metrics)
    own_cache = isinstance(cache, str)
    if isinstance(cache, str):
        try:
            cache = open_cache(cache)
        except ConfigurationError as error:
            raise ConfigurationError(f"cache: {error}") from None
    where: str | None = None
    own_ledger = isinstance(ledger, str | os.PathLike)
    if isinstance(ledger, str | os.PathLike):
        from reservation_middleware.ledger.write.ledger import Ledger, LineMode  # noqa: PLC0415 - what signs takes a while

        try:
            lines = LineMode(ledger_lines)
        except ValueError:
            raise ConfigurationError(
                unknown_word("ledger_lines", ledger_lines, [mode.value for mode in LineMode])
            ) from None
        where = os.fspath(ledger)
        ledger = Ledger.open(where, key=ledger_key, name=ledger_name or "reservations", lines=lines)
    return OpenStores(cache, ledger, metrics, own_cache, own_ledger, where)
