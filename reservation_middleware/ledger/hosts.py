"""Whose page a URL is: its host, as tables are sorted by it, and its registrable domain.

Pure. The order is that of Common Crawl's tables: ``com,example,www``.
"""

import re
from functools import lru_cache
from ipaddress import ip_address

from reservation_middleware.domains import registrable
from reservation_middleware.syntax.path import split_url

_PORT = re.compile(r":\d*$")


def host(url: str) -> str:
    """The host of a URL in lower case, without port; empty where it has none."""
    authority = split_url(url)[0].partition("://")[2]
    return _PORT.sub("", authority).strip("[]")


def domain(url: str) -> str:
    """The registrable domain of a URL."""
    return registrable(host(url))


@lru_cache(maxsize=16_384)
def surt(name: str) -> str:
    """A host name with its labels turned around; an address stays as it is.

    >>> surt("www.example.com")
    'com,example,www'
    """
    try:
        return str(ip_address(name))
    except ValueError:
        return ",".join(reversed(name.rstrip(".").split(".")))
