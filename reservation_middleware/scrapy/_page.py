"""Scrapy's responses as documents."""

from scrapy import Request
from scrapy.http import Headers, Response

from reservation_middleware.decide.bodies import BEGINNING, Look, Part, is_media, look, part_of_page
from reservation_middleware.decide.check import Check
from reservation_middleware.decide.reading import STATUSES, field_name
from reservation_middleware.model import PAGE, Document, Outcome
from reservation_middleware.runtime.fetcher import Fetcher
from reservation_middleware.syntax.content_coding import CODINGS, is_marked, unpacked
from reservation_middleware.syntax.target import HostField, host_field

from ._splash import has_own_head

_CODING_TITLES = tuple(name.title().encode() for name in CODINGS)
_CHUNKED = [[b"chunked"]]


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


def feed_content(check: Check, response: Response, head: Document, *, media: bool) -> bool:
    """Feed a page with its body, unpacked, where that is looked into.

    Args:
        check: of the page.
        response: the page.
        head: the same as a document, without its body.
        media: look into images, PDF and EPUB, too.

    Returns:
        Whether anything was fed.
    """
    body = response.body
    codings = _codings(response.headers)
    found = look(head, body[:BEGINNING], codings=codings, ended=True)
    is_part = False
    if response.status == 206:
        part = part_of_page(_content_range(response.headers))
        if part is Part.ELSEWHERE:
            return False
        is_part = part is Part.BEGINNING
    if found is Look.NOTHING:
        return False
    problem = None
    if codings or is_marked(body):
        body, problem = unpacked(body, codings)
    if not media and (found is Look.MEDIA or is_media("", body)):
        return False
    page = page_of(head.url, head.status, head.headers, body)
    if is_part and problem is None:
        problem = "only a part of it was asked for"
    if problem:
        check.feed_part(page, problem)
    else:
        check.feed(page)
    return True


def _codings(headers: Headers) -> list[str]:
    """Values of the fields that name codings, in the order in which these were applied.

    None for a body that came in chunks and is packed no further, as many do.
    """
    # Scrapy's own look-ups take longer.
    found = [values for title in _CODING_TITLES if (values := dict.get(headers, title))]
    if not found or found == _CHUNKED:
        return []
    return [value.decode("latin-1") for values in found for value in values]


def _content_range(headers: Headers) -> str:
    """The value of Content-Range, empty where there is none."""
    return b",".join(headers.getlist("Content-Range")).decode("latin-1")


def head_of(headers: Headers) -> tuple[tuple[str, str], ...]:
    """Of a page's fields those that matter, values as ISO-8859-1 (RFC 9110 §5.5)."""
    return tuple(
        [
            (name, value.decode("latin-1"))
            for title in dict.keys(headers)
            if (name := field_name(title))
            for value in headers.getlist(title)
        ]
    )


def host_of(request: Request) -> HostField | None:
    """What a request's Host field says, if that is not what its URL says, too."""
    values = dict.get(request.headers, b"Host")
    return host_field(request.url, values[0].decode("latin-1")) if values else None


def target_of(request: Request, url: str) -> str:
    """The URI that a URL stands for where a request's Host field is sent."""
    if b"Host" not in request.headers.keys():  # noqa: SIM118 - its own look-up takes longer
        return url
    host = host_of(request)
    return url if host is None else host.target_of(url)


def fetcher_for(request: Request, usual: Fetcher) -> Fetcher:
    """Who gets the policies for a request: one of its own where its Host field counts."""
    if b"Host" not in request.headers.keys():  # noqa: SIM118 - its own look-up takes longer
        return usual
    host = host_of(request)
    return usual if host is None else usual.at(host.address)
