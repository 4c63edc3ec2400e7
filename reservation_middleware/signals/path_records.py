"""robots.txt records whose value may start with a path: Content-Usage and Content-Signal.

Which records a group carries, matched by path, each read when it is first needed. What they mean is their signal's business.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar, cast

import msgspec

from reservation_middleware.model import Note, Statement
from reservation_middleware.syntax.pattern_index import PatternIndex
from reservation_middleware.syntax.robots import Group, Record, RobotsFile

from .base import Dependencies, Findings, ParsedDocument

T = TypeVar("T")

#: Records that are read before anybody asks, for the sake of their notes.
_MOST_READ = 200


class RuledLine(msgspec.Struct, frozen=True):
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


class Ruled(msgspec.Struct, frozen=True):
    """Such records of one group, ready to be matched: their line numbers and paths."""

    lines: tuple[int, ...]
    paths: PatternIndex


class RuledRecords(Generic[T]):
    """All such records of a file, each read when it is first needed.

    Args:
        robots: the file.
        keys: the keys that such records have, lower case.
        read: makes of a record what its family needs, and notes what is wrong with it.
    """

    __slots__ = ("_loose", "_memo", "_outside", "_read", "_values", "by_line", "keys", "notes")

    def __init__(
        self, robots: RobotsFile, keys: tuple[str, ...], read: Callable[[RuledLine, list[Note]], T]
    ) -> None:
        self.keys = keys
        self._memo = " ".join(keys)
        self._read = read
        self._values: dict[int, T] = {}
        self.by_line: dict[int, RuledLine] = {}
        self._outside = robots.loose
        self._loose: tuple[Ruled | None] | None = None
        for record in robots.loose:
            if record.key in keys:
                self.by_line[record.line] = RuledLine(*split_path(record.value), record, ("*",))
        for group in robots.groups:
            for record in group.records:
                if record.key in keys:
                    line = RuledLine(*split_path(record.value), record, group.agents)
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
            return cast("Ruled | None", group.memo[self._memo])
        except KeyError:
            found = self.among(group.records)
            group.memo[self._memo] = found
            return found

    def loose(self) -> Ruled | None:
        """The records outside every group."""
        if self._loose is None:
            self._loose = (self.among(self._outside),)
        return self._loose[0]

    def among(self, records: Sequence[Record]) -> Ruled | None:
        """The records of this kind among some."""
        # Of lines that say the same the first one speaks: a site may send thousands.
        lines: dict[tuple[str, str], int] = {}
        for record in records:
            if record.key in self.keys:
                lines.setdefault((record.key, record.value), record.line)
        if not lines:
            return None
        found = tuple(lines.values())
        return Ruled(found, PatternIndex(self.by_line[line].path for line in found))


def ruled_view(found: Sequence["RuledFindings"], token: str) -> Dependencies | None:
    """The lines that a token obeys, and those outside every group."""
    key = list[Group | None]()
    patterns = list[str]()
    for one in found:
        if one.rules is None:
            return None
        group = one.source.robots.group_for(token)
        key.append(group)
        for ruled in (one.rules.of(group), one.rules.loose()):
            patterns += ruled.paths.texts if ruled else ()
    return Dependencies(tuple(key), patterns)


def split_path(value: str) -> tuple[str, str]:
    """Path and rest of a record's value: a path starts with ``/`` and ends at white space."""
    if not value.startswith("/"):
        return "", value
    path, _, rest = value.replace("\t", " ").partition(" ")
    return path, rest.strip()


class RuledFindings(Findings):
    """Such records of a robots.txt, or the statements of a response head."""

    __slots__ = ("header", "rules", "source")

    def __init__(
        self,
        source: ParsedDocument,
        notes: Sequence[Note],
        rules: RuledRecords[tuple[Statement, ...]] | None = None,
        header: tuple[Statement, ...] = (),
    ) -> None:
        super().__init__(source.place, tuple(notes))
        self.source = source
        self.rules = rules
        self.header = header

    def statements(self) -> tuple[Statement, ...]:
        """All statements, each with its path and agents."""
        ruled = (one for said in self.rules.values() for one in said) if self.rules else ()
        return (*ruled, *self.header)
