"""Which bodies of responses are looked into, and how much of them, by head and beginning.

What they say is ``reading``'s business. No I/O.
"""

import re
from collections.abc import Sequence
from enum import Enum, auto

from reservation_middleware.model import Document
from reservation_middleware.signals import HTML, XML
from reservation_middleware.syntax import media, payment, rsl, sniff
from reservation_middleware.syntax.content_coding import is_marked, unpacked
from reservation_middleware.syntax.media import TYPES as MEDIA_TYPES
from reservation_middleware.syntax.media import recognised


class Look(Enum):
    """What of a response's body is looked into."""

    NOTHING = auto()
    #: A page, a feed or a bill: all of it, as far as is read.
    PAGE = auto()
    #: An image, a PDF or an EPUB, whose metadata may stand anywhere in it.
    MEDIA = auto()


#: Octets of a body that show how much of it is looked into.
BEGINNING = sniff.LIMIT


def look(
    document: Document,
    beginning: bytes = b"",
    *,
    codings: Sequence[str] = (),
    ended: bool = False,
) -> Look | None:
    """How much of a response's body is looked into.

    A page, a feed and a bill are known by their media types; what any other body is, an image
    of another type as well, its beginning says.

    Args:
        document: the response's head.
        beginning: what came of the body so far.
        codings: those that it came with, see ``content_coding.unpacked``.
        ended: whether there is no more.

    Returns:
        None where more has to come first, at most ``BEGINNING`` octets.
    """
    sent = document.media_type
    if (sent and (sent in HTML or sent in XML)) or may_be_bill(sent, document.status):
        return Look.PAGE
    if sent.startswith(_STREAMS):
        return Look.NOTHING
    ended = ended or len(beginning) >= BEGINNING
    if codings or is_marked(beginning):
        beginning, problem = unpacked(beginning, codings, BEGINNING)
        if problem and not beginning and ended and sent in MEDIA_TYPES:
            return Look.MEDIA
    beginning = beginning[:BEGINNING]
    if media.begins(beginning, sent):
        return Look.MEDIA
    if sniff.is_xml(sent):
        root = sniff.root_of(beginning, document.charset)
        if root == "html":
            return Look.PAGE
        return Look.NOTHING if root or ended else None
    may_be_page = sniff.may_be_page(sent)
    if may_be_page and sniff.begins_as_page(beginning, document.charset):
        return Look.PAGE
    if not sent and (beginning or ended):
        # Browsers take text without a type for text; pages often come so.
        return Look.NOTHING if sniff.is_binary(beginning) else Look.PAGE
    more = media.may_begin(beginning, sent) or (may_be_page and sniff.may_become_page(beginning))
    if more and not ended:
        return None
    return Look.NOTHING


class Part(Enum):
    """How much of a page the body of a 206 response is (RFC 9110 §15.3.7)."""

    WHOLE = auto()
    #: From the page's first octet on; what it says no to is said of the page.
    BEGINNING = auto()
    #: A part from somewhere else, or several, or it is not said which.
    ELSEWHERE = auto()


_CONTENT_RANGE = r"(?i)\s*bytes\s+(\d{1,15})-(\d{1,15})/(\d{1,15}|\*)\s*"


def part_of_page(content_range: str) -> Part:
    """How much of a page is in a 206 response.

    Args:
        content_range: the value of its Content-Range field (RFC 9110 §14.4).
    """
    found = re.fullmatch(_CONTENT_RANGE, content_range)
    if found is None or int(found[1]) > 0:
        return Part.ELSEWHERE
    is_all = found[3] != "*" and int(found[2]) + 1 == int(found[3])
    return Part.WHOLE if is_all else Part.BEGINNING


#: What is sent bit by bit, often without end.
_STREAMS = (
    *("text/event-stream", "multipart/", "application/grpc", "application/x-ndjson"),
    *("application/ndjson", "application/jsonl", "application/json-seq", "application/stream+json"),
)


def may_be_bill(media_type: str, status: int | None) -> bool:
    """Whether a body may hold an offer, so that it is read though the head blocks the page.

    It is JSON with a price, or the licence that is asked for (RSL 1.0 §4.10).
    """
    asks = status == payment.PAYMENT_REQUIRED
    return payment.may_be_bill(media_type, status) or (asks and media_type == rsl.MEDIA_TYPE)


def bill_limit(media_type: str) -> int:
    """Octets that are read of such a body."""
    return rsl.LIMIT if media_type == rsl.MEDIA_TYPE else payment.LIMIT


def is_media(media_type: str, body: bytes = b"") -> bool:
    """Whether content is an image, a PDF or an EPUB that is looked into, by type or beginning.

    Such bodies are large, so that operators may want them left alone.
    """
    return media_type in MEDIA_TYPES or bool(recognised(body))
