"""What tables say of a page: its host, by which they are sorted, its domain, its media type.

Pure. The order is that of Common Crawl's tables: ``com,example,www``.
"""

import re
from functools import lru_cache
from ipaddress import ip_address

from reservation_middleware.ledger.format.lines import DecisionLine
from reservation_middleware.model import PAGE, Document, Outcome
from reservation_middleware.syntax.domains import registrable
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


def media_type(line: DecisionLine) -> str | None:
    """The media type of a decision's page, None where none is known."""
    if line.page is None:
        return None
    head = Document(url=line.url, resource=PAGE, outcome=Outcome.FETCHED, headers=line.page.headers)
    return head.media_type or None
