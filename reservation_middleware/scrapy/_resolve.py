"""Names resolved as the downloader will: by the reactor, where there is one, and its cache.

With ``DNSCACHE_ENABLED``, as it is by default, the downloader then connects to what was looked
at. Reference: https://docs.scrapy.org/en/latest/topics/settings.html#dns-resolver
"""

import asyncio
from importlib import import_module
from typing import Any

from scrapy.utils.reactor import is_reactor_installed

from reservation_middleware.runtime.address_guard import resolved


async def addresses(host: str, port: int) -> list[str]:
    """The addresses of a name; none where it is not known.

    Raises:
        OSError: the name is not known, and there is no reactor.
    """
    if not is_reactor_installed():
        return await resolved(host, port)
    receiver = _Receiver(asyncio.get_running_loop().create_future())
    reactor: Any = import_module("twisted.internet.reactor")
    reactor.nameResolver.resolveHostName(receiver, host, port)
    return await receiver.done


class _Receiver:
    """Takes what the reactor's resolver finds: Twisted's ``IResolutionReceiver``."""

    def __init__(self, done: "asyncio.Future[list[str]]") -> None:
        self.done = done
        self._found: list[str] = []

    def resolutionBegan(self, resolution: object) -> None:  # noqa: N802 - Twisted's
        """Nothing to do: it is never cancelled."""

    def addressResolved(self, address: Any) -> None:  # noqa: N802 - Twisted's
        """One of the addresses."""
        self._found.append(str(address.host))

    def resolutionComplete(self) -> None:  # noqa: N802 - Twisted's
        """That was all."""
        if not self.done.done():
            self.done.set_result(self._found)
