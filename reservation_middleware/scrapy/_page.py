"""Scrapy's responses as documents."""

from scrapy.http import Headers

from reservation_middleware.model import PAGE, Document, Outcome
from reservation_middleware.reading import PAGE_FIELDS

# As Scrapy's Headers keep them.
_PAGE_FIELDS = tuple((field.title(), field.decode()) for field in sorted(PAGE_FIELDS))


def page_of(
    url: str, status: int, headers: tuple[tuple[str, str], ...], body: bytes | None
) -> Document:
    """The page as a document."""
    return Document(
        url=url,
        resource=PAGE,
        outcome=Outcome.of(status),
        status=status,
        headers=headers,
        body=body,
    )


def head_of(headers: Headers) -> tuple[tuple[str, str], ...]:
    """Of a page's fields those that matter, values as ISO-8859-1 (RFC 9110 §5.5)."""
    return tuple(
        [
            (name, value.decode("latin-1"))
            for title, name in _PAGE_FIELDS
            if dict.__contains__(headers, title)
            for value in headers.getlist(title)
        ]
    )
