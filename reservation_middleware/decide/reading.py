"""Documents read by every signal: which places there are, and what is worth reading.

A ``Reading`` is a document at one place with what every signal found in it. No I/O.
"""

from collections.abc import Iterable, Mapping
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
    SIGNALS,
    Findings,
    Link,
    ParsedDocument,
    Place,
    Signal,
    Words,
)
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
