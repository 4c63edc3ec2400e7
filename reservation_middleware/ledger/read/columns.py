"""What tables say of a page: its host, by which they are sorted, its domain, its media type.

Pure. They are sorted by ``syntax.surt``.
"""

import re

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


def media_type(line: DecisionLine) -> str | None:
    """The media type of a decision's page, None where none is known."""
    if line.page is None:
        return None
    head = Document(url=line.url, resource=PAGE, outcome=Outcome.FETCHED, headers=line.page.headers)
    return head.media_type or None
