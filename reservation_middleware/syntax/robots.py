"""The robots.txt reader: every line kept with its number, groups by product token.

RFC 9309 §2.2 with the leniency that Google and Protego share (a missing colon, common
misspellings). It knows groups, rules and other records; what an unknown directive means
is the business of the signal that reads it. Rules are stored once per group, however
many agents the group names, and agents that share groups share one merged view.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple, cast

import msgspec

from .robots_line import (
    AGENT,
    ALLOW,
    DISALLOW,
    EXACT,
    ReadLine,
    classify,
    lines_of,
)
from .robots_names import agent_fault

#: Bytes that are read (RFC 9309 §2.5 asks for at least 500 KiB); cut at a line end.
LIMIT = 512 * 1024
#: Problems that are kept, and product tokens of one line.
MAX_PROBLEMS, MAX_TOKENS = 1000, 1000
_MOST_UNUSUAL = 1000
#: Values of user-agent lines that are longer are not remembered.
_LONG_NAME = 200
#: Comments about mining that are kept.
_MOST_COMMENTS = 10
_MINING = r"2019/790|data[ -]mining"

# RFC 9309 §2.2.1 has letters, "-" and "_"; digits and dots are in wide use.
_TOKEN = re.compile(r"[A-Za-z0-9_.-]+")


class Rule(NamedTuple):
    """An Allow or Disallow line."""

    allow: bool
    path: str
    line: int


#: What a rule is where nobody asks for its parts by name: a file may have very many.
BareRule = tuple[bool, str, int]


class Record(msgspec.Struct, frozen=True):
    """Any other line of the form ``key: value`` (RFC 9309 §2.2.4); the key in lower case."""

    key: str
    value: str
    line: int


class LineProblem(NamedTuple):
    """A line that could not be taken as it stands, and why."""

    what: str
    line: int
    text: str


class Group:
    """Rules and records for one or more product tokens.

    Attributes:
        tokens: product tokens in lower case, each with the line that names it.
        records: other lines inside the group.
        plain: the rules as bare tuples, until somebody asks for them.
        parts: the groups that it was made of, none where it stands in the file.

    """

    __slots__ = ("_memo", "_named", "parts", "plain", "records", "tokens")

    def __init__(self) -> None:
        self.tokens: list[tuple[str, int]] = []
        self.plain: list[BareRule] = []
        self.parts: Sequence[Group] = ()
        self._named = False
        # A file may have thousands of groups, most of which need neither.
        self.records: Sequence[Record] = ()
        self._memo: dict[str, object] | None = None

    @property
    def memo(self) -> dict[str, object]:
        """What readers above keep with a group, by their own key."""
        memo = self._memo
        if memo is None:
            memo = self._memo = {}
        return memo

    @property
    def rules(self) -> list[Rule]:
        """Allow and Disallow lines in file order; those without a path left out.

        Most groups of most files are about other crawlers and are never asked for theirs.
        """
        if not self._named:
            make = tuple.__new__  # a third of what Rule._make takes
            plain = self.plain
            for number, rule in enumerate(plain):  # in place: there may be very many
                plain[number] = make(Rule, rule)
            self._named = True
        return cast("list[Rule]", self.plain)

    @property
    def agents(self) -> tuple[str, ...]:
        """The product tokens, each once; made once, since many rules may refer to them."""
        agents = self.memo.get("agents")
        if not isinstance(agents, tuple):
            agents = self.memo["agents"] = tuple(dict.fromkeys(token for token, _ in self.tokens))
        return agents

    def line_of(self, token: str) -> int | None:
        """The line that names a token in this group, the ``*`` line if none does."""
        lines = dict(reversed(self.tokens))
        return lines.get(token, lines.get("*"))


class RobotsFile:
    """A robots.txt as written.

    Attributes:
        groups: in file order.
        loose: records before the first group; they belong to nobody by RFC 9309.
        keys: the keys of all other records, in lower case.
        problems: the first lines that were unreadable or given a lenient reading.
        mining: the first comments that speak of text and data mining, by line.
        truncated: whether the file was longer than ``LIMIT``.

    """

    __slots__ = (
        "_by_token",
        "_lines",
        "_merged",
        "groups",
        "keys",
        "loose",
        "mining",
        "problems",
        "truncated",
    )

    def __init__(self, body: bytes) -> None:
        self.truncated = len(body) > LIMIT
        if self.truncated:
            # The last line may be half a rule, so the cut is made before it.
            end = max(body.rfind(b"\n", 0, LIMIT), body.rfind(b"\r", 0, LIMIT))
            body = body[: end + 1] if end >= 0 else b""
        self._lines = lines_of(body)
        self.groups: list[Group] = []
        self.loose: list[Record] = []
        self.problems: list[LineProblem] = []
        self.keys: set[str] = set()
        self.mining: list[tuple[int, str]] = []
        self._read()
        self._by_token: dict[str, list[int]] = {}
        for number, group in enumerate(self.groups):
            for token, _ in group.tokens:
                numbers = self._by_token.setdefault(token, [])
                if not numbers or numbers[-1] != number:
                    numbers.append(number)
        self._merged: dict[tuple[int, ...], Group] = {}

    def line(self, number: int) -> str:
        """The text of a line (from 1)."""
        return self._lines[number - 1].strip()

    @property
    def line_count(self) -> int:
        """How many lines were read."""
        return len(self._lines)

    @property
    def tokens(self) -> tuple[str, ...]:
        """Every product token that a group names, in lower case, in file order."""
        return tuple(self._by_token)

    def between_agents(self, key: str) -> set[int]:
        """Lines of records with a key that stand between user-agent lines of one group."""
        return {
            record.line
            for group in self.groups
            if group.tokens
            for record in group.records
            if record.key == key and record.line < group.tokens[-1][1]
        }

    def parts(self, token: str) -> tuple[Group, ...]:
        """The groups that name a token (lower case), not combined."""
        return tuple(self.groups[number] for number in self._by_token.get(token, ()))

    def named(self, token: str) -> Group | None:
        """The combined groups that name a token (lower case), None if none does (§2.2.1)."""
        numbers = self._by_token.get(token)
        if numbers is None:
            return None
        if len(numbers) == 1:
            return self.groups[numbers[0]]
        key = tuple(numbers)
        merged = self._merged.get(key)
        if merged is None:
            merged = self._merged[key] = Group()
            merged.parts = groups = [self.groups[number] for number in numbers]
            merged.tokens = [token for group in groups for token in group.tokens]
            merged.plain = [rule for group in groups for rule in group.plain]
            merged.records = [record for group in groups for record in group.records]
        return merged

    def group_for(self, token: str) -> Group | None:
        """The group that a crawler with this token obeys: its own, else ``*``, else none."""
        return self.named(token) or self.named("*")

    def _read(self) -> None:
        group: Group | None = None
        plain: list[BareRule] | None = None  # the group's rules
        records: list[Record] | None = self.loose  # its records, or those of nobody
        naming = False  # inside a run of user-agent lines
        # Names in the function's own scope, and bare tuples: this loop is where the time goes.
        exact, is_token, problems = EXACT.get, _TOKEN.fullmatch, self.problems
        agent, allow, disallow = AGENT, ALLOW, DISALLOW
        # What lines say that are not as usual: there may be 200,000 of one kind.
        unusual: dict[str, ReadLine] = {}
        for number, line in enumerate(self._lines, 1):
            if not line:
                continue
            key, colon, value = line.partition(":")
            kind = exact(key)
            if kind is None or not colon or "#" in value:
                if "#" in line:
                    line, _, comment = line.partition("#")
                    if "ining" in comment or "/790" in comment:
                        self._comment(number, comment)
                    if not line:
                        continue
                    key, colon, value = line.partition(":")
                    kind = exact(key)
                if kind is None or not colon:
                    known = unusual.get(line)
                    if known is None:
                        known = classify(key, colon, value, line)
                        if len(unusual) < _MOST_UNUSUAL:
                            unusual[line] = known
                    kind, value, is_lenient = known
                    if is_lenient:
                        self._problem("misspelling", number, line)
                    if kind is None:
                        if len(problems) < MAX_PROBLEMS and line.strip():
                            problems.append(LineProblem("unreadable", number, line.strip()))
                        continue
            value = value.strip()
            if kind is disallow or kind is allow:
                naming = False
                if plain is None:
                    self._problem("rule-outside-group", number, line)
                elif value:
                    plain.append((kind is allow, value, number))
            elif kind is agent:
                if not naming or group is None:
                    group = Group()
                    plain, records = group.plain, None
                    self.groups.append(group)
                    naming = True
                if value == "*" or is_token(value):
                    group.tokens.append((value.lower(), number))
                else:
                    self._name(group, value, number)
            else:
                # §2.2.4: other records MUST NOT interfere, so they do not end a run.
                self.keys.add(kind)
                if records is None:
                    records = []
                    if group is not None:
                        group.records = records
                records.append(Record(kind, value, number))

    def _comment(self, number: int, comment: str) -> None:
        """Keep a comment about text and data mining."""
        if len(self.mining) < _MOST_COMMENTS and re.search(_MINING, comment, re.IGNORECASE):
            self.mining.append((number, comment.strip()))

    def _problem(self, what: str, number: int, text: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(LineProblem(what, number, text.strip()))

    def _name(self, group: Group, value: str, number: int) -> None:
        if len(self.problems) >= MAX_PROBLEMS:
            tokens = product_tokens(value)  # nothing more is told
        else:
            read = _agent_line if len(value) <= _LONG_NAME else _agent_line.__wrapped__
            tokens, fault = read(value)
            if fault is not None:
                self._problem(fault, number, value)
        group.tokens.extend((token, number) for token in tokens)


@lru_cache(2048)
def _agent_line(value: str) -> tuple[tuple[str, ...], str | None]:
    """The product tokens of a value, and what is wrong with it; sites copy lists of names."""
    tokens = product_tokens(value)
    return tokens, agent_fault(value, tokens)


def product_tokens(value: str) -> tuple[str, ...]:
    """The product tokens that a user-agent line names, in lower case.

    A token ends at the first character that cannot be in one, as Google reads it, so
    that ``Foo/1.1`` and ``Foo*`` name ``foo`` and ``*bot`` nobody; a comma list names
    each of its members (erratum 8895), because that is what its author meant.
    """
    if _TOKEN.fullmatch(value):
        return (value.lower(),)
    found = []
    for part in value.split(",", MAX_TOKENS)[:MAX_TOKENS]:
        part = part.strip()
        if part == "*" or part[:2] in ("* ", "*\t"):
            found.append("*")
        else:
            token = _TOKEN.match(part)
            if token:
                found.append(token[0].lower())
    return tuple(dict.fromkeys(found))
