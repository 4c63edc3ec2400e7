"""Findings of RSL: what points to documents, or documents that stand somewhere.

``carriers.py`` fills them; nothing is parsed here.
"""

from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from reservation_middleware.model import LEAVES, Note, Preference, Statement
from reservation_middleware.signals.base import Findings, Link, ParsedDocument, Place
from reservation_middleware.syntax.xml import LIMIT

from .clauses import NAME
from .document import Licences, PageQuery, Ruling
from .notes import ELSEWHERE

RSL = Place("rsl", limit=LIMIT, linked=True)
#: The directive of robots.txt and the scheme of WWW-Authenticate.
KEY = "license"
#: Notes of one document that are kept, and License lines of one group that are looked at.
_MOST, MOST_LINES = 10, 100


class Pointer(NamedTuple):
    """An address at which a document should be, and whether it is about the whole page."""

    url: str
    whole: bool = True


class RslFindings(Findings):
    """What points to documents, or documents that stand here."""

    __slots__ = ("absent", "challenged", "licences", "pointers", "source", "unread")

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
        return tuple(url for url, _ in self.pointers)

    def elsewhere(self, origin: str) -> Note | None:
        """A note, if this is a document whose contents are all about other origins."""
        for licences, _ in self.licences:
            if not licences.speaks_of(origin):
                content = licences.rsl.contents[0]
                return self.source.note(ELSEWHERE, f"{origin} beside {content.url}", content.line)
        return None

    def on_site(self, asked: PageQuery) -> list[Ruling]:
        """What this document amounts to where robots.txt names it."""
        return [*self.unread, *(licences.on_site(asked) for licences, _ in self.licences)]

    def on_page(self, asked: PageQuery, *, whole: bool) -> list[Ruling]:
        """What this document amounts to where a page points to it."""
        rulings = (licences.on_page(asked, whole=whole) for licences, _ in self.licences)
        return [*self.unread, *rulings]

    def here(self, asked: PageQuery) -> list[Ruling]:
        """What the documents that stand in a page or a file amount to."""
        return [
            *self.unread,
            *(
                licences.on_site(asked) if whole is None else licences.on_page(asked, whole=whole)
                for licences, whole in self.licences
            ),
        ]


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
