"""Keeps requests to public addresses: for servers that ask on behalf of strangers.

The resolver's answer is what is connected to, so that a name cannot change its address in between.
Reference: https://docs.aiohttp.org/en/stable/client_reference.html#resolvers
"""

import socket
from ipaddress import ip_address

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from reservation_middleware.runtime.transport import PrivateAddressError
from reservation_middleware.syntax.host import is_public_address

#: Ports below the registered ones that web servers have; the others are other protocols'.
_WEB_PORTS = (80, 443)
_FIRST_REGISTERED = 1024


class PublicResolver(AbstractResolver):
    """Resolves names by the system, and refuses those of which any address is not public."""

    def __init__(self) -> None:
        self._inner = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a name.

        Raises:
            OSError: the name is not known.
            PrivateAddressError: one of its addresses is not public; which one is not told.
        """
        found = await self._inner.resolve(host, port, family)
        if not all(is_public_address(answer["host"]) for answer in found):
            raise PrivateAddressError(f"{host} is not at a public address")
        return found

    async def close(self) -> None:
        """Nothing is open."""
        await self._inner.close()


def refuse_target(url: URL) -> None:
    """Refuse an address that needs no resolver, and ports of other protocols.

    Raises:
        PrivateAddressError: the host is an address that is not public, or the port is not for the
            web.
    """
    host = url.raw_host or ""
    if url.port is not None and url.port < _FIRST_REGISTERED and url.port not in _WEB_PORTS:
        raise PrivateAddressError(f"port {url.port} is not for the web")
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return
    if not is_public_address(host):
        raise PrivateAddressError(f"{host} is not a public address")
