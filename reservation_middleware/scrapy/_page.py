"""Scrapy's responses as documents."""

from scrapy import Request
from scrapy.http import Headers, Response

from reservation_middleware.fetch import Fetcher
from reservation_middleware.model import PAGE, Document, Outcome
from reservation_middleware.reading import (
    BEGINNING,
    PAGE_FIELDS,
    STATUSES,
    Look,
    is_media,
    look,
)
from reservation_middleware.syntax.target import HostField, host_field

from ._splash import has_own_head

# By the names under which Scrapy's Headers keep them.
_PAGE_FIELDS = {field.title(): field.decode() for field in PAGE_FIELDS}


def page_of(
    url: str, status: int | None, headers: tuple[tuple[str, str], ...], body: bytes | None
) -> Document:
    """The page as a document."""
    return Document(
        url=url,
        resource=PAGE,
        outcome=Outcome.FETCHED if status is None else Outcome.of(status),
        status=status,
        headers=headers,
        body=body,
    )


def head_as_seen(response: Response, url: str) -> Document:
    """The page's head, with the URL that the page is known by.

    A response without a single field has none, as those of rendering services, and fields may be
    the service's own: then its status is left out, too, unless it says something by itself
    (402, 451).
    """
    if not has_own_head(response):
        return page_of(response.url, None, (), None)
    if response.headers or response.status in STATUSES:
        return page_of(url, response.status, head_of(response.headers), None)
    return page_of(url, None, (), None)


def whole(response: Response, head: Document, *, media: bool) -> Document:
    """The page with its body where that is looked into, else the head as it is.

    Args:
        response: the page.
        head: the same as a document, without its body.
        media: look into images, PDF and EPUB, too.
    """
    body = response.body
    found = look(head, body[:BEGINNING], ended=True)
    if found is Look.NOTHING or (not media and (found is Look.MEDIA or is_media("", body))):
        return head
    return page_of(head.url, head.status, head.headers, body)


def head_of(headers: Headers) -> tuple[tuple[str, str], ...]:
    """Of a page's fields those that matter, values as ISO-8859-1 (RFC 9110 §5.5)."""
    return tuple(
        [
            (_PAGE_FIELDS[title], value.decode("latin-1"))
            for title in sorted(_PAGE_FIELDS.keys() & headers.keys())
            for value in headers.getlist(title)
        ]
    )


def host_of(request: Request) -> HostField | None:
    """What a request's Host field says, if that is not what its URL says, too."""
    values = dict.get(request.headers, b"Host")
    return host_field(request.url, values[0].decode("latin-1")) if values else None


def target_of(request: Request, url: str) -> str:
    """The URI that a URL stands for where a request's Host field is sent."""
    host = host_of(request)
    return url if host is None else host.target_of(url)


def fetcher_for(request: Request, usual: Fetcher) -> Fetcher:
    """Who gets the policies for a request: one of its own where its Host field counts."""
    host = host_of(request)
    return usual if host is None else usual.at(host.address)
