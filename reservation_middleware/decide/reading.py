"""Documents read by every signal: which places there are, and what is worth reading.

A ``Reading`` is a document at one place with what every signal found in it. No I/O.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum, auto
from functools import cache
from typing import Any, AnyStr

from reservation_middleware.model import (
    Document,
    Headers,
    Level,
    Note,
    NoteKind,
    Outcome,
    PolicyRequest,
    Probes,
)
from reservation_middleware.signals import (
    CONTENT,
    HEADERS,
    HTML,
    SIGNALS,
    XML,
    Findings,
    Link,
    ParsedDocument,
    Place,
    Signal,
    Words,
)
from reservation_middleware.syntax import media, payment, rsl, sniff
from reservation_middleware.syntax.content_coding import is_marked, unpacked
from reservation_middleware.syntax.media import TYPES as MEDIA_TYPES
from reservation_middleware.syntax.media import recognised
from reservation_middleware.syntax.path import split_url
from reservation_middleware.syntax.robots_line import NEAR_MISSES
from reservation_middleware.syntax.spelling import seems_meant

from .bot_check import answered
from .head_template import HeadKey

_WORDS = Words(
    metas=tuple(dict.fromkeys(word for signal in SIGNALS for word in signal.words)),
    elements=tuple(dict.fromkeys(word for signal in SIGNALS for word in signal.element_words)),
    xml=tuple(dict.fromkeys(word for signal in SIGNALS for word in signal.xml_words)),
    fields=tuple(
        dict.fromkeys(
            name.decode()
            for signal in SIGNALS
            for name in signal.fields
            if name.decode() not in NEAR_MISSES
        )
    ),
)
#: Words of fields that most responses carry: one of them must occur in the value.
_COMMON: Mapping[str, tuple[str, ...]] = {
    field: tuple(
        word
        for signal in SIGNALS
        for name, words in signal.common_fields.items()
        if name.decode() == field
        for word in words
    )
    for field in {name.decode() for signal in SIGNALS for name in signal.common_fields}
}
#: Statuses by which a page says something, whatever its fields and content.
STATUSES = frozenset(status for signal in SIGNALS for status in signal.statuses)
#: Fields of a page's head that matter, with the words of those that most responses carry.
_WORDS_OF: Mapping[str, tuple[str, ...]] = {
    "content-type": (),
    **{field.decode(): () for signal in SIGNALS for field in signal.fields},
    **_COMMON,
}
#: Header fields that some signal reads, lower case.
FIELDS: frozenset[bytes] = frozenset(map(str.encode, _WORDS_OF.keys() - {"content-type"}))
#: Every place that some signal reads, in the order in which a fetch reaches them.
PLACES: tuple[Place, ...] = tuple(
    sorted(
        dict.fromkeys(place for signal in SIGNALS for place in signal.places),
        key=lambda place: (place is CONTENT, place is HEADERS, place.linked),
    )
)
#: Well-known resources by their name.
RESOURCES: Mapping[str, Place] = {place.name: place for place in PLACES if place.path}
#: The same by their path.
BY_PATH: Mapping[str, Place] = {str(place.path): place for place in RESOURCES.values()}
#: Places of documents that others point to, by their name.
LINKED: Mapping[str, Place] = {place.name: place for place in PLACES if place.linked}
_READERS: Mapping[Place, tuple[tuple[int, Signal[Any]], ...]] = {
    place: tuple((n, signal) for n, signal in enumerate(SIGNALS) if place in signal.places)
    for place in PLACES
}

#: A signal's number in SIGNALS, and what it found.
Found = tuple[int, Findings]
#: Documents that one page points to and that are fetched for it.
MOST_PAGE_LINKS = 4

STALE = NoteKind(
    "stale-copy",
    Level.WARNING,
    "could not be fetched anew, so an old copy is relied on: {}",
    "See to it that the address answers; a copy is relied on for 30 days at the most.",
    "https://www.rfc-editor.org/rfc/rfc9309#section-2.4",
)

UNREAD = NoteKind(
    "content-unreadable",
    Level.WARNING,
    "the content could not be looked into, so that a reservation in it would be missed: {}",
    "Pack pages with gzip, deflate, br or zstd, once, and say so in Content-Encoding.",
    "https://www.rfc-editor.org/rfc/rfc9110#section-8.4",
)


TRUNCATED = NoteKind(
    "page-truncated",
    Level.WARNING,
    "the page was not read to its end, so that a reservation behind that would be missed",
    "Say it in the head of the page or in a header field, and keep pages under 8 MiB.",
    "https://reservation-middleware.example/spec/decision",
)


class Reading:
    """A document with what every signal found in it at one place; made once, used often."""

    __slots__ = ("_source", "document", "found", "links", "notes", "place")

    def __init__(
        self, document: Document, place: Place, source: ParsedDocument | None = None
    ) -> None:
        if place.path or place.linked:
            document = answered(document)
        self.document = document
        self.place = place
        source = source or ParsedDocument(document, place, _WORDS)
        found: list[Found] = []
        for number, signal in _READERS[place]:
            findings = signal.parse(source)
            if findings is not None:
                found.append((number, findings))
        self.found = tuple(found)
        self._source = source
        self.notes: tuple[Note, ...] = tuple(
            note for _, findings in found for note in findings.notes
        )
        if document.stale is not None:
            self.notes = (_stale(document), *self.notes)
        if place is CONTENT and source.page.truncated:
            self.notes = (*self.notes, Note(TRUNCATED, document.url))
        #: What this document points to and is needed to understand it; one step, no further.
        self.links: tuple[Link, ...] = (
            ()
            if place.linked
            else tuple(dict.fromkeys(link for _, findings in found for link in findings.links))
        )

    @property
    def local(self) -> bool:
        """Whether what was read and settled depends on the document's address beyond its origin."""
        return self._source.local

    def names_agent(self, token: str) -> bool:
        """Whether a group of a robots.txt names a product token (lower case)."""
        return self.document.outcome is Outcome.FETCHED and bool(self._source.robots.parts(token))

    @property
    def speaks_of_other_pages(self) -> bool:
        """Whether it says something about other pages of its origin."""
        return any(findings.speaks_of_others() for _, findings in self.found)


def _stale(document: Document) -> Note:
    since = document.fetched_at
    when = f"of {since:%Y-%m-%d %H:%M} UTC, " if since else ""
    return Note(STALE, document.url, None, f"{when}{document.stale}")


#: The resource name of a page that says something about others of its origin.
FEED = "feed"


def page_fields(head: Iterable[tuple[AnyStr, str]]) -> Headers:
    """Of the fields of a page's head those that matter, by their names in any case."""
    found: list[tuple[str, str]] = []
    names = _NAMES
    for sent, value in head:
        try:
            name = names[sent]
        except KeyError:
            name = _learned(sent)
        if name:
            found.append((name, value))
    return tuple(found)


def field_name(sent: str | bytes) -> str:
    """The name in lower case of a field that matters, "" for any other."""
    name = _NAMES.get(sent)
    return _learned(sent) if name is None else name


def _learned(sent: str | bytes) -> str:
    """A field's name in lower case, "" if it does not matter; kept as most are sent again."""
    name = (sent if isinstance(sent, str) else sent.decode("latin-1")).lower()
    found = name if name in _WORDS_OF or seems_meant(name, _WORDS.fields) else ""
    if len(_NAMES) >= _MOST_NAMES:
        _NAMES.clear()
    if len(sent) <= _LONGEST_NAME:
        _NAMES[sent] = found
    return found


#: Names as they are sent that are kept, and characters of one.
_MOST_NAMES, _LONGEST_NAME = 1_000, 50
_NAMES: dict[str | bytes, str] = {}


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
        codings: those that it came with, see ``unpack.unpacked``.
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


def head_reading(document: Document) -> Reading:
    """The reading of a page's head."""
    return Reading(document, HEADERS, ParsedDocument(document, HEADERS, _WORDS))


def content_reading(document: Document) -> Reading | None:
    """The reading of a page's body; None if it says nothing.

    Most pages say nothing, so what could say something is looked for before it is read.
    """
    if not document.body:
        return None
    source = ParsedDocument(document, CONTENT, _WORDS)
    return Reading(document, CONTENT, source) if source.speaks else None


def may_speak(document: Document) -> bool:
    """Whether a page's body, or a piece of one, holds a word that some signal reads.

    Of a piece nothing is to be concluded but that the page is worth being read again.
    """
    return ParsedDocument(document, CONTENT, _WORDS).speaks


def unread(document: Document) -> Reading:
    """The reading of content that is there and cannot be read, by its ``problem``: a note."""
    reading = Reading(document, CONTENT)
    reading.notes = (Note(UNREAD, document.url, None, document.problem or ""),)
    return reading


def head_key(document: Document) -> HeadKey | None:
    """What a head holds that some signal may read; None if there is nothing.

    Two pages of one origin whose heads are heard to say the same are judged alike, but for
    what depends on their own address (``Reading.local``).
    """
    speaks = document.status in STATUSES
    headers = document.headers
    if not speaks and len(headers) == 1 and headers[0][0] == "content-type":
        return None  # most heads of which adapters keep what matters
    said: list[tuple[str, str]] = []
    common: list[tuple[str, str]] = []
    for pair in headers:
        words = _WORDS_OF.get(pair[0])
        if words is None:
            if not seems_meant(pair[0], _WORDS.fields):
                continue
            words = ()
        if words:
            common.append(pair)
        else:
            said.append(pair)
            speaks = speaks or pair[0] != "content-type"
    for name, value in common:
        value = value.lower()
        if any(word in value for word in _COMMON[name]):
            return document.status, (*said, *common)
    return (document.status, tuple(said)) if speaks else None


@cache
def probed(probes: Probes) -> tuple[Place, ...]:
    """The well-known places that are asked before a fetch."""
    return tuple(place for place in PLACES if place.path and (place.probed or probes is Probes.ALL))


def left_out(link: Link) -> Reading:
    """A document that is not fetched, since a page points to too many: it could say no."""
    problem = f"the page points to more than {MOST_PAGE_LINKS} documents"
    document = Document(
        url=link.url, resource=link.place.name, outcome=Outcome.UNREACHABLE, problem=problem
    )
    return Reading(document, link.place)


def request_for(link: Link) -> PolicyRequest:
    """The request for a document that another one points to."""
    return PolicyRequest(link.place.name, link.url, link.place.limit)


def is_policy_resource(url: str) -> bool:
    """Whether a URL is a place where policies stand."""
    return split_url(url)[1] in BY_PATH
