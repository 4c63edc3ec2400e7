"""Where signals are read: places, and one document at a place with its shared parses.

Several signals read the same robots.txt, page or
image; each format is parsed once, when the first of them asks. No I/O.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from urllib.parse import quote, urljoin, urlsplit

import msgspec

from reservation_middleware.model import Document, Note, NoteKind, Span
from reservation_middleware.syntax import html, media, sniff
from reservation_middleware.syntax.charset import ascii_based
from reservation_middleware.syntax.host import reachable
from reservation_middleware.syntax.path import split_url
from reservation_middleware.syntax.payment import may_be_bill
from reservation_middleware.syntax.robots import RobotsFile
from reservation_middleware.syntax.robots_line import NEAR_MISSES, SPEAKING
from reservation_middleware.syntax.robots_unread import UnreadRecords, strays, unread_records
from reservation_middleware.syntax.spelling import nearest, shown


class Place(msgspec.Struct, frozen=True):
    """Where documents come from: a well-known resource, the page, or what these point to.

    Attributes:
        name: as ``consulted`` and ``not_reached`` show it.
        path: of the well-known resource, None for other places.
        limit: bytes of the body that are read.
        probed: whether the default profiles ask for it (None: not a resource).
        linked: whether documents come to it only where another document points to them.

    """

    name: str
    path: str | None = None
    limit: int = 0
    probed: bool = False
    linked: bool = False


ROBOTS_TXT = Place("robots.txt", "/robots.txt", 512 * 1024, probed=True)
HEADERS = Place("headers")
CONTENT = Place("content")


class Carrier(msgspec.Struct, frozen=True):
    """One way in which a signal travels: its name in reasons and the place it stands in."""

    name: str
    place: Place


class Link(msgspec.Struct, frozen=True):
    """A document that another one points to and that is needed to understand it."""

    place: Place
    url: str

    @property
    def key(self) -> tuple[str, str]:
        """By which its document is known: one address may be pointed to as several things."""
        return self.place.name, self.url


#: Media types of content that is read as HTML; without one it may be HTML.
HTML = ("", "text/html", "application/xhtml+xml")
_XHTML = "application/xhtml+xml"
#: Media types of content that may be a feed, or any XML that says what it is.
XML = ("application/rss+xml", "application/xml", "text/xml", "application/rsl+xml")
#: Misspelt keys of one kind that are noted for one document.
_MOST_MISSPELT = 10
_MANY_OCTETS = 8 * 1024 * 1024
# White space of JSON and a byte order mark.
_BLANK = b" \t\r\n\xef\xbb\xbf"


class Words(msgspec.Struct, frozen=True):
    """What makes content worth parsing, ASCII lower case: words of all signals together.

    Attributes:
        metas: in the name or content of a meta element; a blank stands for white space that may
            be there, or not.
        elements: in a link, a script or another element that carries statements.
        xml: in XML that is no HTML.
        fields: names of header fields, which are no words but stand beside them.
    """

    metas: Sequence[bytes] = ()
    elements: Sequence[bytes] = ()
    xml: Sequence[bytes] = ()
    fields: tuple[str, ...] = ()


_NO_WORDS = Words()


class ParsedDocument:
    """One document at one place, with the parses that several signals share.

    Attributes:
        local: whether what was read depends on which page of its origin the document is: there
            are references that are relative to its path, or that were compared with it.
    """

    local = False
    #: Whether it was taken for a page by how it begins, not by its media type: then its no
    #: counts and its yes does not.
    guessed = False

    def __init__(self, document: Document, place: Place, words: Words = _NO_WORDS) -> None:
        self.document = document
        self.place = place
        self._words = words

    @cached_property
    def image(self) -> bool:
        """Whether the document was sent as an image: looked for among all its fields once."""
        return self.document.media_type.startswith("image/")

    @cached_property
    def robots(self) -> RobotsFile:
        """The document read as robots.txt."""
        return RobotsFile(self.document.body or b"")

    @cached_property
    def unread_records(self) -> UnreadRecords:
        """What it holds, read as robots.txt, that nothing reads."""
        return unread_records(self.robots)

    @cached_property
    def page(self) -> html.Html:
        """What an HTML page holds of interest; nothing where it is no HTML."""
        document = self.document
        body, sent, charset = document.body or b"", document.media_type, document.charset
        if media.recognised(body):
            return html.NOTHING
        words, others = self._words.metas, self._words.elements
        if sent == _XHTML or (
            sent not in HTML and sniff.is_xml(sent) and sniff.is_xhtml(body, charset)
        ):
            return html.read(body, words, others, charset=charset, xml=True)
        if sent not in HTML:
            if not sniff.may_be_page(sent) or not sniff.begins_as_page(body, charset):
                return html.NOTHING
            self.guessed = True
        return html.read(body, words, others, charset=charset)

    @property
    def metas(self) -> tuple[html.Meta, ...]:
        """Named metas in which one of the signals' words occurs."""
        return self.page.metas

    @property
    def pragmas(self) -> tuple[html.Meta, ...]:
        """Metas that stand for a header field, in which one of the signals' words occurs."""
        return self.page.pragmas

    @cached_property
    def xml(self) -> bytes | None:
        """Content that is XML and holds one of the signals' words, else None."""
        body = self.document.body or b""
        sent, charset = self.document.media_type, self.document.charset
        if sent not in XML:
            return None
        head = ascii_based(body[:_MANY_OCTETS], charset)
        return body if any(word in head for word in self._words.xml) else None

    @property
    def bill(self) -> bytes | None:
        """The body of a 402 that may be JSON, else None."""
        body = self.document.body
        if not body or not may_be_bill(self.document.media_type, self.document.status):
            return None
        return body if body.lstrip(_BLANK).startswith(b"{") else None

    @cached_property
    def file(self) -> media.Media:
        """What an image, a PDF or an EPUB says of itself; nothing in anything else."""
        return media.read(self.document.body or b"", self.document.media_type)

    @property
    def speaks(self) -> bool:
        """Whether content holds anything that some signal may read."""
        if media.recognised(self.document.body or b""):
            return bool(self.file)
        if self.document.media_type in HTML:
            return bool(self.page) or (self.document.status == 402 and self.bill is not None)
        said = self.xml is not None or self.bill is not None or bool(self.file)
        return said or bool(self.page)

    def span(self, line: int | None = None) -> Span:
        """Where something stands in this document."""
        return Span(self.document.url, self.document.digest, line)

    def note(self, kind: NoteKind, detail: str = "", line: int | None = None) -> Note:
        """A note about this document."""
        return Note(kind, self.document.url, line, detail)

    def misspelt(self, kind: NoteKind, key: str) -> list[Note]:
        """Notes about lines of a robots.txt whose key was meant to be another one.

        Args:
            kind: of the notes.
            key: the one that is right, of ``robots_line.SPEAKING``, in lower case.
        """
        found = self.unread_records.misspelt
        if not found:
            return []
        return [
            self.note(kind, f"{shown(record.key)} ({SPEAKING[key]}?): {record.value}", record.line)
            for record in found.get(key, ())[:_MOST_MISSPELT]
        ]

    def strays(self, kind: NoteKind, key: str) -> list[Note]:
        """Notes about lines of a robots.txt that stand in its last group by accident."""
        return [
            self.note(kind, f"{SPEAKING[key]}: {record.value}", record.line)
            for record in strays(self.robots, key)[:_MOST_MISSPELT]
        ]

    def is_known(self, name: str) -> bool:
        """Whether a field or meta of a name is read, or is nearly one that is."""
        known = self._words.fields
        return name in known or nearest(name, known) is not None

    @cached_property
    def meant_fields(self) -> Mapping[str, Sequence[str]]:
        """Names of fields of the head that nothing reads, by the one that is nearly so called."""
        found: dict[str, list[str]] = {}
        known = self._words.fields
        for name in self.document.fields:
            if name not in known and name not in NEAR_MISSES:
                meant = nearest(name, known)
                if meant is not None:
                    found.setdefault(meant, []).append(name)
        return found

    def misspelt_fields(self, kind: NoteKind, *names: str) -> list[Note]:
        """Notes about fields of the head whose names were meant to be others.

        Args:
            kind: of the notes.
            names: those that are right, in lower case.
        """
        return [
            self.note(kind, f"{shown(sent)} ({name}?): {self.document.fields[sent][0]}")
            for name in names
            for sent in self.meant_fields.get(name, ())[:_MOST_MISSPELT]
        ]

    def link(self, place: Place, url: str) -> Link | None:
        """A document that this one points to; None where it is not to be fetched."""
        found = self.absolute(url)
        return Link(place, found) if found and reachable(self.document.url, found) else None

    def is_own(self, url: str) -> bool:
        """Whether a URL in this document is that of the document itself."""
        self.local = True
        own, other = self.absolute(self.document.url), self.absolute(url)
        return own == other or (
            own is not None and other is not None and split_url(own) == split_url(other)
        )

    def absolute(self, url: str) -> str | None:
        """A URL in this document as an absolute one without fragment; None if it cannot be one."""
        found = self.address(url)
        return found.partition("#")[0] if found else None

    def address(self, url: str) -> str | None:
        """A URL in this document as an absolute one with its fragment; None if it cannot be one.

        What may not stand in a URL is percent-encoded, as browsers do it.
        """
        url = url.strip()
        if not url or len(url) > _LONGEST_URL:
            return None
        try:
            given = urlsplit(url)
            if given.scheme and not given.netloc:
                return None  # "https:x" would be taken for a relative reference
            if not given.scheme and not url.startswith("/"):
                self.local = True
            found = urljoin(self.document.url, quote(url, safe=_URL))
            host = urlsplit(found).hostname
        except ValueError:
            return None
        return found if host and found.lower().startswith(("https://", "http://")) else None


_LONGEST_URL = 2048
#: What stays as it is in a URL.
_URL = "%:/?#[]@!$&'()*+,;=~"
