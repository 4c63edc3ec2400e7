"""What a signal is: declared facts, and ``parse``, ``settle`` and ``write``.

A signal reads documents and knows its own family's precedence. It knows no other
signal, no operator profile but what ``Question`` shows, and does no I/O.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import cached_property
from typing import ClassVar, Generic, NamedTuple, TypeVar, cast

import msgspec

from reservation_middleware.model import (
    Agent,
    Document,
    Level,
    Note,
    NoteKind,
    Offer,
    Policy,
    Preference,
    Span,
    Statement,
)
from reservation_middleware.syntax.html import Meta, metas
from reservation_middleware.syntax.path import PatternIndex
from reservation_middleware.syntax.robots import Group, Record, RobotsFile

#: Answers that are kept per document, and records that are read before anybody asks.
_MOST_ANSWERS, _MOST_READ = 256, 200


class Status(StrEnum):
    """How firm the text behind a signal is."""

    STANDARD = "standard"
    DRAFT = "draft"
    COMMUNITY = "community"
    VENDOR = "vendor"
    DE_FACTO = "de facto"


class Place(NamedTuple):
    """Where documents come from: a well-known resource, the response head or the content.

    Attributes:
        name: as ``consulted`` and ``not_reached`` show it.
        path: of the well-known resource, None for the page's own head and content.
        limit: bytes of the body that are read.
        probed: whether the default profiles ask for it (None: not a resource).

    """

    name: str
    path: str | None = None
    limit: int = 0
    probed: bool = False


ROBOTS_TXT = Place("robots.txt", "/robots.txt", 512 * 1024, probed=True)
HEADERS = Place("headers")
CONTENT = Place("content")


class Carrier(NamedTuple):
    """One way in which a signal travels: its name in reasons and the place it stands in."""

    name: str
    place: Place


class Term(NamedTuple):
    """A native word and the leaves that its yes and its no cover (see the spec page)."""

    yes: tuple[str, ...]
    no: tuple[str, ...]


#: Media types of content that is looked into; without one it may be HTML.
HTML = ("", "text/html", "application/xhtml+xml")


class Source:
    """One document at one place, with the parses that several signals share."""

    def __init__(self, document: Document, place: Place, words: Sequence[bytes] = ()) -> None:
        self.document = document
        self.place = place
        self._words = words

    @cached_property
    def robots(self) -> RobotsFile:
        """The document read as robots.txt."""
        return RobotsFile(self.document.body or b"")

    @cached_property
    def metas(self) -> tuple[Meta, ...]:
        """Named metas in which one of the signals' words occurs; none where it is no HTML."""
        if self.document.media_type not in HTML:
            return ()
        content_type = (self.document.fields.get("content-type") or [""])[-1].lower()
        _, _, charset = content_type.partition("charset=")
        charset = charset.split(";")[0].strip(" \"'")
        return metas(self.document.body or b"", self._words, charset=charset)

    def span(self, line: int | None = None) -> Span:
        """Where something stands in this document."""
        return Span(self.document.url, self.document.digest, line)

    def note(self, kind: NoteKind, detail: str = "", line: int | None = None) -> Note:
        """A note about this document."""
        return Note(kind, self.document.url, line, detail)


class Findings:
    """What one signal found in one document; subclasses add what settling needs."""

    __slots__ = ("_answers", "notes", "place")

    def __init__(self, place: Place, notes: tuple[Note, ...] = ()) -> None:
        self.place = place
        self.notes = notes
        self._answers: dict[tuple[int, ...], tuple[Sequence[Statement], Settled]] = {}

    def answer(self, said: Sequence[Statement], make: "Callable[[], Settled]") -> "Settled":
        """What the same statements of this document amount to; made once."""
        key = tuple(map(id, said))
        known = self._answers.get(key)
        if known is None:
            if len(self._answers) >= _MOST_ANSWERS:
                self._answers.clear()
            # The statements are kept, so their addresses stay their own.
            known = self._answers[key] = said, make()
        return known[1]

    def statements(self) -> tuple[Statement, ...]:
        """Every statement of the document, whatever path or agent it is about."""
        return ()


T = TypeVar("T")


class RuledLine(NamedTuple):
    """A record whose value may start with a path, such as Content-Usage.

    Attributes:
        path: the pattern, "" for none.
        value: what follows it.
        record: the line itself.
        agents: the product tokens of its group, ``*`` outside every group.
    """

    path: str
    value: str
    record: Record
    agents: tuple[str, ...]


class Ruled(NamedTuple):
    """Such records of one group, ready to be matched: their line numbers and paths."""

    lines: tuple[int, ...]
    paths: PatternIndex


class RuledRecords(Generic[T]):
    """All such records of a file, each read when it is first needed.

    Args:
        robots: the file.
        key: the records' key, lower case.
        read: makes of a record what its family needs, and notes what is wrong with it.
    """

    __slots__ = ("_read", "_values", "by_line", "key", "notes")

    def __init__(
        self, robots: RobotsFile, key: str, read: Callable[[RuledLine, list[Note]], T]
    ) -> None:
        self.key = key
        self._read = read
        self._values: dict[int, T] = {}
        self.by_line: dict[int, RuledLine] = {}
        for record in robots.loose:
            if record.key == key:
                self.by_line[record.line] = RuledLine(*split_path(record.value), record, ("*",))
        for group in robots.groups:
            agents: tuple[str, ...] | None = None
            for record in group.records:
                if record.key == key:
                    agents = agents or tuple(dict.fromkeys(token for token, _ in group.tokens))
                    line = RuledLine(*split_path(record.value), record, agents)
                    self.by_line[record.line] = line
        self.notes: list[Note] = []
        # Notes are for people, so a flood of lines is not read for their sake.
        for number in list(self.by_line)[:_MOST_READ]:
            self.value(number)

    def value(self, line: int) -> T:
        """What a record says."""
        try:
            return self._values[line]
        except KeyError:
            value = self._values[line] = self._read(self.by_line[line], self.notes)
            return value

    def values(self) -> Iterator[T]:
        """What all of them say."""
        return map(self.value, self.by_line)

    def of(self, group: Group | None) -> Ruled | None:
        """The records that a group carries, None where it carries none."""
        if group is None:
            return None
        try:
            return cast("Ruled | None", group.memo[self.key])
        except KeyError:
            found = self.among(group.records)
            group.memo[self.key] = found
            return found

    def among(self, records: Sequence[Record]) -> Ruled | None:
        """The records of this kind among some."""
        lines = tuple(record.line for record in records if record.key == self.key)
        if not lines:
            return None
        return Ruled(lines, PatternIndex(self.by_line[line].path for line in lines))


def split_path(value: str) -> tuple[str, str]:
    """Path and rest of a record's value: a path starts with ``/`` and ends at white space."""
    if not value.startswith("/"):
        return "", value
    path, _, rest = value.replace("\t", " ").partition(" ")
    return path, rest.strip()


class Question(msgspec.Struct):
    """What is asked: one page, by one agent, under one policy.

    Attributes:
        url: the page.
        target: its path and query as written.
        path: the same in canonical form.
        media: its media type once known, else empty.
        crawl: the crawl answer once it is known.

    """

    url: str
    target: str
    path: str
    agent: Agent
    policy: Policy
    media: str = ""
    crawl: Preference = Preference.UNKNOWN
    settled: "dict[int, Settled] | None" = None


class Settled(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What one family amounts to for one question.

    Compared by identity: a signal that returns the same object for the same answer
    lets everything that follows from it be made once.

    Attributes:
        usage: preference per leaf; a leaf left out is unknown.
        crawl: the crawl answer, from the family that governs crawling.
        unreachable: why crawl rules could not be had.
        statements: those that decide, and those to be kept as inferred.

    """

    usage: Mapping[str, Preference] = {}
    crawl: Preference | None = None
    unreachable: str | None = None
    statements: tuple[Statement, ...] = ()
    offers: tuple[Offer, ...] = ()


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What a site owner wants to say.

    Attributes:
        usage: preference per leaf.
        crawl: whether to allow crawling, None to say nothing.
        agents: product tokens it is meant for.
        policy: where licence terms stand.

    """

    usage: Mapping[str, Preference] = {}
    crawl: Preference | None = None
    agents: tuple[str, ...] = ("*",)
    policy: str | None = None


class Written(NamedTuple):
    """A wish in a signal's own words, for one carrier.

    ``text`` is a whole group for robots.txt, ``name: value`` lines for headers, elements
    for HTML, the file for a file of its own.
    """

    carrier: Carrier
    text: str


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
    #: Header fields that the signal reads, lower case.
    fields: ClassVar[tuple[bytes, ...]] = ()
    #: Words that make a meta element worth parsing, lower case.
    words: ClassVar[tuple[bytes, ...]] = ()

    @abstractmethod
    def parse(self, source: Source) -> F | None:
        """Read one document; None where it says nothing of this family. Never raises."""

    @abstractmethod
    def settle(self, found: Sequence[F], question: Question) -> Settled | None:
        """Settle what was found, places in the order in which a fetch reaches them."""

    @abstractmethod
    def write(self, wish: Wish) -> tuple[Written, ...]:
        """Say a wish in this signal's words; what it cannot say exactly it leaves out."""

    @property
    def places(self) -> tuple[Place, ...]:
        """The places that its carriers stand in, each once."""
        return tuple(dict.fromkeys(carrier.place for carrier in self.carriers))


def spoken(terms: Mapping[str, Term], wish: Wish) -> dict[str, Preference]:
    """The native terms that say no more than the wish does."""
    said: dict[str, Preference] = {}
    for name, term in terms.items():
        for preference, leaves in (
            (Preference.DISALLOWED, term.no),
            (Preference.ALLOWED, term.yes),
        ):
            if leaves and all(wish.usage.get(leaf) is preference for leaf in leaves):
                said[name] = preference
                break
    return said


#: Statements that one family shows for one page, and characters of each.
_MOST_STATEMENTS, _MOST_TEXT = 16, 400


def cut(text: str) -> str:
    """A site's words, as much of them as is shown."""
    return text if len(text) <= _MOST_TEXT else text[:_MOST_TEXT] + "…"


def few(statements: Iterable[Statement]) -> tuple[Statement, ...]:
    """The statements to show, each once and what disallows first; a flood says no more.

    What is left out has been counted already.
    """
    shown: dict[tuple[object, ...], Statement] = {}
    for said in sorted(
        statements, key=lambda said: (said.inferred, said.preference is not Preference.DISALLOWED)
    ):
        key = (said.carrier, said.category, said.preference, said.text, said.inferred)
        if len(shown) < _MOST_STATEMENTS:
            shown.setdefault(key, said)
    return tuple(shown.values())


def answered(found: Sequence[Findings], said: Sequence[Statement]) -> Settled | None:
    """Combined statements as a settled answer; of one document alone it is made once."""
    if not said:
        return None

    def make() -> Settled:
        return Settled(usage=combine(said), statements=few(said))

    return found[0].answer(said, make) if len(found) == 1 else make()


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


__all__ = [
    "CONTENT",
    "HEADERS",
    "HTML",
    "ROBOTS_TXT",
    "Carrier",
    "Findings",
    "Level",
    "Place",
    "Question",
    "Ruled",
    "RuledLine",
    "RuledRecords",
    "Settled",
    "Signal",
    "Source",
    "Status",
    "Term",
    "Wish",
    "Written",
    "answered",
    "combine",
    "cut",
    "few",
    "split_path",
    "spoken",
]
