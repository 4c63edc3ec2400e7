"""Addresses as people type them, checked as far as that needs no network.

Reference: https://url.spec.whatwg.org/#forbidden-domain-code-point
"""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

#: A scheme without slashes, as mailto has it; behind the colon of a host stands its port.
_OTHER_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+-]*:(?![/\d])")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
#: What no host name can have.
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f#%/:<>?@\[\\\]^`{|}\"]|\s")


def page_address(given: str) -> str:
    """A page as people type it, as an absolute URL: without a scheme it is https.

    Raises:
        ValueError: no request could be made for it; one line that quotes it.
    """
    url = given.strip()
    if _OTHER_SCHEME.match(url):
        raise ValueError(f"{given!r} is not an http or https URL")
    return http_address(url if _SCHEME.match(url) else f"https://{url}", given)


def http_address(url: str, given: str) -> str:
    """An http or https URL.

    Args:
        url: to be checked.
        given: as it was typed, for the message.

    Raises:
        ValueError: no request could be made for it.
    """
    if not url[:8].lower().startswith(("http://", "https://")):
        raise ValueError(f"{given!r} is not an http or https URL")
    try:
        parts = urlsplit(url)
        port = parts.port
        host = parts.hostname or ""
    except ValueError as error:
        raise ValueError(f"{given!r} is no URL: {error}") from None
    if not url.isprintable():
        raise ValueError(f"{given!r} is no URL: it has control characters")
    if port == 0:
        raise ValueError(f"{given!r} is no URL: there is no port 0")
    if not _is_possible(host, host_part=parts.netloc):
        raise ValueError(f"{given!r} has no host that could be asked")
    return url


def _is_possible(host: str, *, host_part: str) -> bool:
    """Whether a host is a name or an address."""
    if "[" in host_part:
        try:
            return ip_address(host.partition("%")[0]).version == 6
        except ValueError:
            return False
    if _FORBIDDEN.search(host):
        return False
    try:
        name = host.encode("ascii" if host.isascii() else "idna").decode().removesuffix(".")
    except UnicodeError:
        return False
    return 0 < len(name) <= 253 and all(0 < len(label) <= 63 for label in name.split("."))
