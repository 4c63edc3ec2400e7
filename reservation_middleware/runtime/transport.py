"""What an adapter hands the driver: a way to fetch one URL, and its answer.

Here, too: following redirects over it, and errors in few words. Knows no adapter.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple
from urllib.parse import quote, urljoin

from reservation_middleware.model import Headers
from reservation_middleware.syntax.host import is_public, is_public_address
from reservation_middleware.syntax.redact import redacted_text

#: RFC 9309 §2.3.1.2: follow at least five redirects.
MAX_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
#: What stays as it is in a Location; anything else, such as raw UTF-8, is percent-encoded.
_URL = "%:/?#[]@!$&'()*+,;=~"


class Ask(NamedTuple):
    """One request that a transport is to make.

    Attributes:
        url: absolute http or https URL.
        limit: how many bytes of a 2xx body are read; a transport stops soon after them.
        conditions: further fields of the request, such as ``if-none-match``.
        guarded: no address that is not public may be connected to.
        resource: name of the policy, such as ``robots.txt``; a redirect keeps it.
    """

    url: str
    limit: int
    conditions: Headers = ()
    guarded: bool = False
    resource: str = ""


class Answer(NamedTuple):
    """What came back for one request: no redirect was followed.

    Header names are in lower case, values decoded as ISO-8859-1 (RFC 9110 §5.5). ``address``
    is the IP address that answered, None where that is not known, as through a proxy.
    """

    status: int
    headers: Headers
    body: bytes
    address: str | None = None


class TransportClosedError(RuntimeError):
    """A transport was closed by its owner, which says nothing about the site.

    Transports raise it so that nobody takes the resource for unreachable: whoever else
    waits for it tries again with a transport of their own.
    """


class MachineFaultError(RuntimeError):
    """A request failed for a fault of this machine or its configuration: no DNS server, a proxy
    that refuses, a library that is missing. The site was not asked, and has said nothing.

    Transports raise it from the error that shows the fault.
    """


class PrivateAddressError(RuntimeError):
    """A public document leads to a private address; it was not asked for."""


#: Makes one request and reads the body of a 2xx answer; raises on any failure, and
#: ``PrivateAddressError`` where a guarded one would be connected to an address that is not
#: public. Follows no redirect.
Transport = Callable[[Ask], Awaitable[Answer]]


async def follow(ask: Ask, transport: Transport) -> tuple[str, Answer]:
    """The answer at the end of at most ``MAX_REDIRECTS`` redirects, and the URL that gave it.

    What starts at a public host never leads to a private address: as soon as one hop was
    public, all later ones are guarded. A host that is private itself, because the operator
    crawls it, may lead to others. Conditions go to the URL that was asked for only.

    Raises:
        PrivateAddressError: a redirect leads from a public host to a private address.
    """
    for _ in range(MAX_REDIRECTS + 1):
        answer = await transport(ask)
        if answer.status not in _REDIRECTS:
            break
        location = next((value for name, value in answer.headers if name == "location"), "")
        try:
            target = urljoin(ask.url, quote(location.encode("latin-1"), safe=_URL))
        except ValueError:
            break  # no URL
        target = target.partition("#")[0]
        if not location or not target[:8].lower().startswith(("http://", "https://")):
            break
        guarded = ask.guarded or is_public_host(ask.url, answer.address)
        if guarded and not is_public(target):
            raise PrivateAddressError(f"redirect to {target}")
        asked, ask = ask.url, Ask(target, ask.limit, (), guarded, ask.resource)
    else:
        return asked, answer  # one redirect too many: it stays as it is
    return ask.url, answer


def is_public_host(url: str, address: str | None) -> bool:
    """Whether a host is public: by the address that answered, or as its URL is written."""
    if address is None:
        return is_public(url)
    return is_public_address(address)


def problem_of(error: BaseException) -> str:
    """An error in a few words that any record can hold: ASCII, without the secrets of addresses
    in it, and never an error itself.
    """
    try:
        text = f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - an error that cannot even be printed
        text = type(error).__name__
    return _plain(text)


def words_of(error: Exception) -> str:
    """What an error of this package says, without its name; as safe as ``problem_of``."""
    return _plain(str(error))


def _plain(text: str) -> str:
    text = text.encode("ascii", "backslashreplace").decode("ascii")
    # Once more after the cut, which may leave a part of what stands for a secret: whoever leaves
    # secrets out again, as a ledger does, is to find nothing to do.
    return redacted_text(redacted_text(text)[:200]).rstrip(": ")
