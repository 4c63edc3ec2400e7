"""aiohttp's responses as documents."""

import re

from aiohttp import ClientResponse

from reservation_middleware.model import PAGE, Document, Outcome
from reservation_middleware.reading import PAGE_FIELDS

from ._transport import text

_PAGE_FIELDS = tuple(field.decode() for field in sorted(PAGE_FIELDS))
_NUMBER = re.compile(r"[0-9]{1,15}")


def page_of(response: ClientResponse, body: bytes | None) -> Document:
    """The page as a document; of its fields only those that matter."""
    return Document(
        url=str(response.url),
        resource=PAGE,
        outcome=Outcome.of(response.status),
        status=response.status,
        headers=tuple(
            [
                (name, text(value))
                for name in _PAGE_FIELDS
                if name in response.headers
                for value in response.headers.getall(name)
            ]
        ),
        body=body,
    )


def length_of(response: ClientResponse) -> int | None:
    """The length of a body that nobody read here, as its head says."""
    if response.method == "HEAD" or response.status in (204, 304):
        return None
    said = response.headers.getall("Content-Length", [])
    return int(said[0]) if len(said) == 1 and _NUMBER.fullmatch(said[0]) else None
