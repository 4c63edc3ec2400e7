"""aiohttp's responses as documents."""

import re

from aiohttp import ClientResponse

from reservation_middleware.decide.reading import page_fields
from reservation_middleware.model import PAGE, Document, Outcome

from ._transport import text

_NUMBER = re.compile(r"[0-9]{1,15}")


def head_of(response: ClientResponse, url: str | None = None) -> Document:
    """The page's head as a document; of its fields only those that matter.

    Args:
        response: the response.
        url: its address, where that is written out already.
    """
    fields = response.headers
    return Document(
        url=str(response.url) if url is None else url,
        resource=PAGE,
        outcome=Outcome.of(response.status),
        status=response.status,
        headers=tuple([(name, text(value)) for name, value in page_fields(fields.items())]),
    )


def page_of(head: Document, body: bytes) -> Document:
    """The page whose head came before, with its body."""
    return Document(
        url=head.url,
        resource=PAGE,
        outcome=head.outcome,
        status=head.status,
        headers=head.headers,
        body=body,
    )


def length_of(response: ClientResponse) -> int | None:
    """The length of a body that nobody read here, as its head says."""
    if response.method == "HEAD" or response.status in (204, 304):
        return None
    lengths = response.headers.getall("Content-Length", [])
    return int(lengths[0]) if len(lengths) == 1 and _NUMBER.fullmatch(lengths[0]) else None
