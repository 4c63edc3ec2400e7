"""Findings of RSL: what points to documents, or documents that stand somewhere.

``carriers.py`` fills them; nothing is parsed here.
"""

from collections.abc import Sequence
from copy import copy
from itertools import islice
from typing import Self

import msgspec
from msgspec.structs import replace

from reservation_middleware.model import LEAVES, Note, Preference, Statement
from reservation_middleware.signals.base import Findings, Link, ParsedDocument, Place
from reservation_middleware.syntax.rsl import LIMIT

from .clauses import NAME
from .document import Licences, PageQuery, Ruling
from .notes import ELSEWHERE, NEAR_MISS

RSL = Place("rsl", limit=LIMIT, linked=True)
#: The directive of robots.txt and the scheme of WWW-Authenticate.
KEY = "license"
#: Notes of one document that are kept, and License lines of one group that are looked at.
_MOST, MOST_LINES = 10, 100


class Pointer(msgspec.Struct, frozen=True):
    """An address at which a document should be, and whether it is about the whole page."""

    url: str
    whole: bool = True


class RslFindings(Findings):
    """What points to documents, or documents that stand here."""

    __slots__ = (
        *("_letter", "absent", "challenged", "is_literal", "licences", "pointers"),
        *("source", "unread"),
    )

    def __init__(
        self,
        source: ParsedDocument,
        notes: Sequence[Note] = (),
        *,
        pointers: Sequence[Pointer] = (),
        licences: Sequence[tuple[Licences, bool | None]] = (),
        fetched: Sequence[Link] = (),
        unread: bool = False,
        challenged: bool = False,
    ) -> None:
        super().__init__(source.place, tuple(dict.fromkeys(notes))[:_MOST], tuple(fetched))
        self.source = source
        #: What the page or the site points to; of robots.txt what stands outside every group.
        self.pointers = tuple(pointers)
        #: Documents that stand here, each with whether it is about the whole page; None for
        #: what is about addresses only.
        self.licences = tuple(licences)
        self.absent = _unlicensed(source)
        self.unread = (self.absent,) if unread else ()
        #: Whether the server asks for a token.
        self.challenged = challenged
        #: Whether near misses count as not said.
        self.is_literal = False
        self._letter: Self | None = None

    @property
    def to_the_letter(self) -> Self:
        """The same documents, read without near misses."""
        if not any(licences.names_http for licences, _ in self.licences):
            return self
        if self._letter is None:
            self._letter = copy(self)
            self._letter.is_literal = True
        return self._letter

    def statements(self) -> tuple[Statement, ...]:
        """Everything that stands here, to an operator of whom nothing is known."""
        return tuple(one for licences, _ in self.licences for one in licences.statements())

    def speaks_of_others(self) -> bool:
        """Whether this is a feed with licences for its items (§4.7)."""
        return any(whole is None for _, whole in self.licences)

    def candidates(self, token: str) -> tuple[str, ...]:
        """Documents that a robots.txt names for an agent: its group hides the others (§4.4.2)."""
        group = self.source.robots.group_for(token)
        if group is not None:
            own = group.memo.get(NAME)
            if not isinstance(own, tuple):
                lines = dict.fromkeys(one.value for one in group.records if one.key == KEY)
                found = (address(self.source, line) for line in islice(lines, MOST_LINES))
                own = group.memo[NAME] = tuple(dict.fromkeys(link.url for link in found if link))
            if own:
                return own
        return tuple(pointer.url for pointer in self.pointers)

    def elsewhere(self, origin: str) -> Note | None:
        """A note, if this is a document whose contents are all about other origins."""
        for licences, _ in self.licences:
            if not licences.speaks_of(origin):
                content = licences.rsl.contents[0]
                return self.source.note(ELSEWHERE, f"{origin} beside {content.url}", content.line)
        return None

    def near_miss(self, asked: PageQuery) -> Note | None:
        """A note, if something is prohibited for the site's addresses with http for https."""
        asked = self._read(asked)
        for licences, _ in self.licences:
            content = licences.prohibiting(asked.twin) if asked.twin else None
            if content:
                return self.source.note(NEAR_MISS, f"url {content.url}", content.line)
        return None

    def on_site(self, asked: PageQuery) -> list[Ruling]:
        """What this document amounts to where robots.txt names it."""
        asked = self._read(asked)
        return [*self.unread, *(licences.on_site(asked) for licences, _ in self.licences)]

    def on_page(self, asked: PageQuery, *, whole: bool) -> list[Ruling]:
        """What this document amounts to where a page points to it."""
        asked = self._read(asked)
        rulings = (licences.on_page(asked, whole=whole) for licences, _ in self.licences)
        return [*self.unread, *rulings]

    def here(self, asked: PageQuery) -> list[Ruling]:
        """What the documents that stand in a page or a file amount to."""
        asked = self._read(asked)
        return [
            *self.unread,
            *(
                licences.on_site(asked) if whole is None else licences.on_page(asked, whole=whole)
                for licences, whole in self.licences
            ),
        ]

    def _read(self, asked: PageQuery) -> PageQuery:
        return replace(asked, twin="") if self.is_literal and asked.twin else asked


def _unlicensed(source: ParsedDocument) -> Ruling:
    """No valid document, so no licence: that is no reservation (§4.3)."""
    return Ruling(
        {},
        {},
        Statement(
            signal=NAME,
            carrier="rsl",
            category="all",
            covers=LEAVES,
            preference=Preference.UNKNOWN,
            text="unlicensed: no valid RSL document",
            span=source.span(),
        ),
    )


def address(source: ParsedDocument, url: str) -> Link | None:
    """An absolute URI as a document to fetch (§4.4.1, §4.5)."""
    absolute = url.lower().startswith(("https://", "http://")) and not set(url) & set("<> ")
    return source.link(RSL, url) if absolute else None
