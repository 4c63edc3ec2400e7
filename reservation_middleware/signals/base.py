"""What a signal is: declared facts, and ``parse``, ``settle`` and ``write``.

A signal reads documents and knows its own family's precedence. It knows no other
signal, no operator profile but what ``Question`` shows, and does no I/O.
"""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import ClassVar, Generic, Self, TypeVar

import msgspec

from reservation_middleware.model import (
    Agent,
    Identifier,
    Level,
    Note,
    NoteKind,
    Offer,
    Policy,
    Preference,
    Statement,
)
from reservation_middleware.syntax.path import MAX_TARGET
from reservation_middleware.syntax.pattern_index import PatternIndex

from .intent import Intent, Rendering, Term, terms_for
from .parsed_document import (
    CONTENT,
    HEADERS,
    HTML,
    ROBOTS_TXT,
    Carrier,
    Link,
    ParsedDocument,
    Place,
)


class Status(StrEnum):
    """How firm the text behind a signal is."""

    STANDARD = "standard"
    DRAFT = "draft"
    COMMUNITY = "community"
    VENDOR = "vendor"
    DE_FACTO = "de facto"


class Findings:
    """What one signal found in one document; subclasses add what settling needs."""

    __slots__ = ("links", "notes", "place")

    def __init__(
        self, place: Place, notes: tuple[Note, ...] = (), links: tuple[Link, ...] = ()
    ) -> None:
        self.place = place
        self.notes = notes
        #: Documents that are needed to understand this one.
        self.links = links

    def statements(self) -> tuple[Statement, ...]:
        """Every statement of the document, whatever path or agent it is about."""
        return ()

    @property
    def to_the_letter(self) -> Self:
        """What is left where near misses count as not said; the object itself if it has none."""
        return self

    def speaks_of_others(self) -> bool:
        """Whether a page says something about other pages of its origin, as a feed may."""
        return False


class Question(msgspec.Struct, frozen=True):
    """What is asked: one page, by one agent, under one policy.

    Attributes:
        url: the page.
        target: its path and query as written.
        path: the same in canonical form.
        media: its media type once known, else empty.
        crawl: the crawl answer, for the families that are settled after the one that gives it.
        resolved: the question about the path without its dot segments, None where it has none.

    """

    url: str
    target: str
    path: str
    agent: Agent
    policy: Policy
    media: str = ""
    crawl: Preference = Preference.UNKNOWN
    resolved: "Question | None" = None

    @property
    def truncated(self) -> bool:
        """Whether only the beginning of its target is known."""
        return len(self.target) >= MAX_TARGET


class Dependencies(msgspec.Struct, frozen=True):
    """What a family makes of an agent and a policy.

    Attributes:
        key: the same for agents that it does not tell apart.
        patterns: those of paths; which of them match decides.
        ready: the same, ready to be looked up, where the family has it so anyway.
    """

    key: Hashable
    patterns: Sequence[str]
    ready: PatternIndex | None = None


#: It says the same of every page to everyone.
NO_DEPENDENCIES = Dependencies(None, ())


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """What one family amounts to for one question.

    Attributes:
        usage: preference per leaf; a leaf left out is unknown.
        crawl: the crawl answer, from the family that governs crawling.
        unreachable: why crawl rules could not be had.
        statements: those that decide, and those to be kept as inferred.
        page_only: it holds for this page only, not for all whose paths match the same patterns.
        notes: what only several documents together show; each document's own are its findings'.

    """

    usage: Mapping[str, Preference] = {}
    crawl: Preference | None = None
    unreachable: str | None = None
    statements: tuple[Statement, ...] = ()
    offers: tuple[Offer, ...] = ()
    identifiers: tuple[Identifier, ...] = ()
    page_only: bool = False
    notes: tuple[Note, ...] = ()


F = TypeVar("F", bound=Findings)


class Signal(ABC, Generic[F]):
    """A family of statements with one precedence rule.

    Class attributes are the declared facts; a completeness test holds them against the
    spec page and the vectors.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    reference: ClassVar[str]
    status: ClassVar[Status]
    since: ClassVar[str]
    carriers: ClassVar[tuple[Carrier, ...]]
    terms: ClassVar[Mapping[str, Term]]
    notes: ClassVar[tuple[NoteKind, ...]] = ()
    #: Whether it says if a page may be crawled; an operator's choice of signals is about usage
    #: and never switches this off.
    governs_crawl: ClassVar[bool] = False
    #: Header fields that the signal reads, lower case.
    fields: ClassVar[tuple[bytes, ...]] = ()
    #: The same for fields that most responses carry, each with words in lower case of which
    #: one must occur in its value.
    common_fields: ClassVar[Mapping[bytes, tuple[str, ...]]] = {}
    #: Statuses of the page that say something by themselves.
    statuses: ClassVar[tuple[int, ...]] = ()
    #: Words that make a meta element worth parsing, lower case; a blank in one stands for white
    #: space that may be there, or not.
    words: ClassVar[tuple[bytes, ...]] = ()
    #: Words that make links, scripts and other elements worth parsing (``syntax.html.Element``),
    #: as they are usually written: ``usageInfo``.
    element_words: ClassVar[tuple[bytes, ...]] = ()
    #: Words that make content worth parsing that is XML but no HTML, as they are written.
    xml_words: ClassVar[tuple[bytes, ...]] = ()

    @abstractmethod
    def parse(self, source: ParsedDocument) -> F | None:
        """Read one document; None where it says nothing of this family. Never raises."""

    @abstractmethod
    def settle(self, found: Sequence[F], question: Question) -> Settled | None:
        """Settle what was found, places in the order in which a fetch reaches them."""

    def depends_on(self, found: Sequence[F], question: Question) -> Dependencies | None:  # noqa: ARG002
        """What ``settle`` depends on, whatever the path; None if on more than a ``Dependencies`` can say."""
        return None

    @abstractmethod
    def write(self, intent: Intent) -> tuple[Rendering, ...]:
        """Put an intent into this signal's words; what it cannot say exactly it leaves out."""

    @property
    def places(self) -> tuple[Place, ...]:
        """The places that its carriers stand in, each once."""
        return tuple(dict.fromkeys(carrier.place for carrier in self.carriers))


#: Statements that one family shows for one page, and characters of each.
_MOST_STATEMENTS, _MOST_TEXT = 16, 400


def shorten(text: str) -> str:
    """A site's words, as much of them as is shown."""
    return text if len(text) <= _MOST_TEXT else text[:_MOST_TEXT] + "…"


def for_display(statements: Iterable[Statement]) -> tuple[Statement, ...]:
    """The statements to show, each once and what disallows first; a flood says no more.

    What is left out has been counted already.
    """
    shown: dict[tuple[object, ...], Statement] = {}
    for said in sorted(statements, key=_rank):
        key = (said.carrier, said.category, said.preference, said.text, said.inferred)
        if len(shown) < _MOST_STATEMENTS:
            shown.setdefault(key, said)
    return tuple(shown.values())


def _rank(said: Statement) -> tuple[bool, bool, bool]:
    return said.inferred, said.preference is not Preference.DISALLOWED, said.near_miss


def settled_from(said: Sequence[Statement]) -> Settled | None:
    """Combined statements as a settled answer; None if there are none."""
    if not said:
        return None
    certain = without_doubted(said)
    return Settled(usage=combine(certain), statements=for_display(certain))


def combine(statements: Sequence[Statement]) -> dict[str, Preference]:
    """AIPREF's combining rule (VOCAB §5.1): any disallowed, else any allowed, else unknown."""
    usage: dict[str, Preference] = {}
    for statement in statements:
        for leaf in statement.covers:
            if usage.get(leaf) is not Preference.DISALLOWED and (
                statement.preference is not Preference.UNKNOWN
            ):
                usage[leaf] = statement.preference
    return usage


def without_doubted(statements: Sequence[Statement]) -> Sequence[Statement]:
    """Statements without each yes beside which something about its use was not understood.

    What was not understood is a statement whose preference is unknown. It stays where it takes a
    yes away, since it is the reason for that, and is left out elsewhere (``spec/decision.md``,
    step 18).
    """
    doubts = [said for said in statements if said.preference is Preference.UNKNOWN]
    if not doubts:
        return statements
    doubted = {leaf for one in doubts for leaf in one.covers}
    yes = [said for said in statements if said.preference is Preference.ALLOWED]
    lost = [said for said in yes if not doubted.isdisjoint(said.covers)]
    taken = {leaf for said in lost for leaf in said.covers}
    return [
        said
        for said in statements
        if (said.preference is Preference.DISALLOWED)
        or (said.preference is Preference.ALLOWED and doubted.isdisjoint(said.covers))
        or (said.preference is Preference.UNKNOWN and not taken.isdisjoint(said.covers))
    ]


__all__ = [
    "CONTENT",
    "HEADERS",
    "HTML",
    "NO_DEPENDENCIES",
    "ROBOTS_TXT",
    "Carrier",
    "Dependencies",
    "Findings",
    "Identifier",
    "Intent",
    "Level",
    "Link",
    "ParsedDocument",
    "Place",
    "Question",
    "Rendering",
    "Settled",
    "Signal",
    "Status",
    "Term",
    "combine",
    "for_display",
    "settled_from",
    "shorten",
    "terms_for",
    "without_doubted",
]
