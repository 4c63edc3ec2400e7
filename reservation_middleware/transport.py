"""What an adapter hands the driver: a way to fetch one URL, and its answer.

Here, too: following redirects over it, and errors in few words. Knows no adapter.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple
from urllib.parse import quote, urljoin

from .model import Headers
from .syntax.host import reachable

#: RFC 9309 §2.3.1.2: follow at least five redirects.
MAX_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
#: What stays as it is in a Location; anything else, such as raw UTF-8, is percent-encoded.
_URL = "%:/?#[]@!$&'()*+,;=~"


class Answer(NamedTuple):
    """What came back for one request: no redirect was followed.

    Header names are in lower case, values decoded as ISO-8859-1 (RFC 9110 §5.5).
    """

    status: int
    headers: Headers
    body: bytes


class TransportClosedError(RuntimeError):
    """A transport was closed by its owner, which says nothing about the site.

    Transports raise it so that nobody takes the resource for unreachable: whoever else
    waits for it tries again with a transport of their own.
    """


class PrivateAddressError(RuntimeError):
    """A public document leads to a private address; it was not asked for."""


#: Fetches one URL (first argument) and reads the body of a 2xx answer, stopping soon after
#: the limit in bytes (second argument); raises on any failure. Follows no redirect.
Transport = Callable[[str, int], Awaitable[Answer]]


async def follow(url: str, limit: int, transport: Transport) -> Answer:
    """The answer at the end of at most ``MAX_REDIRECTS`` redirects.

    Raises:
        PrivateAddressError: a redirect leads from a public host to a private address.
    """
    for _ in range(MAX_REDIRECTS + 1):
        answer = await transport(url, limit)
        if answer.status not in _REDIRECTS:
            return answer
        location = next((value for name, value in answer.headers if name == "location"), "")
        try:
            target = urljoin(url, quote(location.encode("latin-1"), safe=_URL)).partition("#")[0]
        except ValueError:
            return answer  # no URL
        if not location or not target[:8].lower().startswith(("http://", "https://")):
            return answer
        if not reachable(url, target):
            raise PrivateAddressError(f"redirect to {target}")
        url = target
    return answer


def problem_of(error: Exception) -> str:
    """An error in a few words that any record can hold: ASCII, and never an error itself."""
    try:
        text = f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - an error that cannot even be printed
        text = type(error).__name__
    return text.encode("ascii", "backslashreplace").decode("ascii")[:200].rstrip(": ")
