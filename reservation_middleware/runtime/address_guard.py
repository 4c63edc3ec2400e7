"""Addresses that names stand for: resolving them, and refusing those that are not public.

For adapters, before a guarded request is sent and after it was connected. A name may change its
address between the two, so that only what was really connected to counts; looking first keeps
even a handshake from reaching a private net where nobody plays tricks. Knows no adapter.
"""

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable, Iterable
from urllib.parse import urlsplit

from reservation_middleware.syntax.host import is_public_address

from .transport import PrivateAddressError, problem_of

#: The addresses of a name and a port; raises ``OSError`` where there are none.
Resolve = Callable[[str, int], Awaitable[Iterable[str]]]


async def resolved(host: str, port: int) -> list[str]:
    """What the system's resolver says, without holding up the loop.

    Raises:
        OSError: the name is not known.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


async def look_up(url: str, resolve: Resolve = resolved) -> None:
    """Refuse a host that any of its addresses makes private.

    One private address among public ones is enough: which of them is connected to is chance. A
    name that cannot be resolved is left to whoever connects, with words of their own.

    Raises:
        PrivateAddressError: the host is not public.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise PrivateAddressError("a host that nobody can read") from None
    try:
        addresses = await resolve(host, port or (443 if parts.scheme == "https" else 80))
    except (OSError, UnicodeError):
        return
    for address in addresses:
        refuse_private(host, address)


#: Errors of the system that are this machine's, whoever was to be connected to.
_OWN = frozenset(
    {
        *(errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.ENETDOWN, errno.EACCES),
        *(errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT),
    }
)
#: What a resolver says that got no answer from any server, or has none.
_NO_SERVER = frozenset({socket.EAI_AGAIN, socket.EAI_FAIL, getattr(socket, "EAI_SYSTEM", None)})


def is_resolver_fault(error: BaseException | None) -> bool:
    """Whether a name was not found because no DNS server answered."""
    return isinstance(error, socket.gaierror) and error.errno in _NO_SERVER


def fault_of(error: BaseException) -> str | None:
    """What is wrong with this machine or its set-up, whatever library told; None if nothing is
    known to be.
    """
    if isinstance(error, ImportError):
        return f"a library is missing ({problem_of(error)})"
    if isinstance(error, NotImplementedError):
        return problem_of(error)
    if isinstance(error, OSError) and not isinstance(error, socket.gaierror):
        if error.errno in _OWN:
            return problem_of(error)
    elif is_resolver_fault(error):
        return f"no DNS server answers ({problem_of(error)})"
    return None


def refuse_private(host: str, address: str | None) -> None:
    """Refuse an address that is not public; one that is not known passes.

    Raises:
        PrivateAddressError: it is not public.
    """
    if address is not None and not is_public_address(address):
        raise PrivateAddressError(f"{host} is at {address}, which is not public")


def peer(name: object) -> str | None:
    """The IP address in what a socket tells of its peer; None if it is no such socket."""
    return str(name[0]) if isinstance(name, tuple) and name else None
