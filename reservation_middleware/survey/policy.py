"""What a policy document says, as columns that hold for every host that serves it.

A body is parsed once, however many hosts share it; what depends on the host (its name, the
document's address) is filled in by ``extract``. Pure: no I/O.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any

import msgspec

from reservation_middleware.decide.reading import LINKED, RESOURCES
from reservation_middleware.decide.settle import in_order, settle
from reservation_middleware.model import (
    LEAVES,
    Agent,
    Document,
    Note,
    Outcome,
    Policy,
    Preference,
    ProxyAgents,
    Statement,
)
from reservation_middleware.model.agents import catalogue
from reservation_middleware.model.lru import BoundedLru
from reservation_middleware.signals import (
    SIGNALS,
    Findings,
    ParsedDocument,
    Place,
    Question,
    Signal,
)
from reservation_middleware.syntax.robots import Group, RobotsFile
from reservation_middleware.syntax.sniff import begins_as_page, is_binary

from .access import access_of
from .words import Access, CaptureWord

#: Rows that one document makes at the most; what is left out is counted.
MOST_ROWS = 50_000
#: Characters of a site's words that are kept.
_MOST_TEXT = 400
#: Documents that are remembered, and their rows together; one with more rows is not.
_MOST_KNOWN, _MOST_KNOWN_ROWS, _LONGEST_KNOWN = 20_000, 150_000, 1_000
#: Where a document stands that several hosts share.
_NOWHERE = "https://survey.invalid"
_ROBOTS = "robots.txt"
_CLOUDFLARE = re.compile(rb"(?i)(?:^|[\r\n])#[^\r\n]{0,40}cloudflare[- ]managed[^\r\n]{0,80}")
_STARTS_HTML = (b"<!doctype", b"<html", b"<head", b"<?xml", b"<!--")
#: Signals by the place that they read. Crawl rules are taken from the groups as they are.
_READERS: Mapping[Place, tuple[tuple[int, Signal[Any]], ...]] = {
    place: tuple(
        (number, signal)
        for number, signal in enumerate(SIGNALS)
        if place in signal.places and not signal.governs_crawl
    )
    for place in (*RESOURCES.values(), *LINKED.values())
}
_ASKING = Agent("*", ("ai", "search"))
_COUNTING = Policy(proxy_agents=ProxyAgents.COUNT)


#: A statement without its host, a bare tuple since there are very many: agents, signal, carrier,
#: path, category, preference, inferred, near miss, line, text.
Row = tuple[tuple[str, ...], str, str, str | None, str, str, bool, bool, int | None, str]
_SIGNAL, _PREFERENCE, _NEAR_MISS = 1, 5, 7


class PolicyFacts(msgspec.Struct, frozen=True):
    """What one document amounts to on every host.

    Attributes:
        capture: of a robots.txt what it is; of another document with-rules.
        digest: SHA-256 of the body, hex.
        size: octets of the body.
        agents: agent, access and line, ``*`` last.
        rows: its statements.
        signals: families that say something, sorted.
        conflicts: leaves about which families contradict.
        left_out: rows beyond ``MOST_ROWS``.
    """

    capture: CaptureWord
    digest: str
    size: int
    agents: tuple[tuple[str, Access, int | None], ...] = ()
    rows: tuple[Row, ...] = ()
    signals: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    left_out: int = 0


class PolicyStore:
    """Facts by the body's digest and the place that it stands in, so that each is parsed once.

    Attributes:
        parsed: how many bodies were parsed.
    """

    __slots__ = ("_known", "parsed")

    def __init__(self) -> None:
        self._known: BoundedLru[tuple[str, str], PolicyFacts] = BoundedLru(
            _MOST_KNOWN, _MOST_KNOWN_ROWS
        )
        self.parsed = 0

    def facts(self, resource: str, body: bytes) -> PolicyFacts:
        """What a body says that was fetched from a well-known place.

        Args:
            resource: the place's name, such as ``robots.txt``.
            body: as much of it as counts.
        """
        key = resource, sha256(body).hexdigest()
        facts = self._known.get(key)
        if facts is None:
            self.parsed += 1
            facts = read_policy(resource, body, key[1])
            if len(facts.rows) <= _LONGEST_KNOWN:
                self._known.put(key, facts, 1 + len(facts.rows) + len(facts.agents))
        return facts


def read_policy(resource: str, body: bytes, digest: str) -> PolicyFacts:
    """Parse one body; never raises on what a site sends."""
    size = len(body)
    is_robots = resource == _ROBOTS
    if is_robots and is_page(body):
        return PolicyFacts(CaptureWord.NOT_ROBOTS, digest, size)
    place = RESOURCES.get(resource) or LINKED[resource]
    document = Document(
        url=_NOWHERE + (place.path or "/"),
        resource=resource,
        outcome=Outcome.FETCHED,
        status=200,
        body=body,
    )
    source = ParsedDocument(document, place)
    found = [
        (number, findings)
        for number, signal in _READERS[place]
        if (findings := signal.parse(source)) is not None
    ]
    rows: list[Row] = []
    if not is_robots:
        left_out = _add(rows, (row for _, findings in found for row in rows_of(findings)))
        families = {str(row[_SIGNAL]) for row in rows}
        words = tuple(sorted(families))
        return PolicyFacts(
            CaptureWord.WITH_RULES, digest, size, (), tuple(rows), words, (), left_out
        )
    robots = source.robots
    if not robots.groups and not robots.keys and not is_blank(body):
        return PolicyFacts(CaptureWord.NOT_ROBOTS, digest, size)
    left_out = 0
    for group in robots.groups:
        if len(rows) + len(group.plain) > MOST_ROWS:
            left_out += len(group.plain)
        else:
            rows += _crawl_rows(robots, group)
    has_rules = bool(rows) or left_out > 0
    left_out += _add(rows, (row for _, findings in found for row in rows_of(findings)))
    families = {
        str(row[_SIGNAL]) for row in rows if not row[_NEAR_MISS] or row[_PREFERENCE] == "disallowed"
    }
    notes = [note for _, findings in found for note in findings.notes]
    _add(rows, (*note_rows(notes), *_fingerprints(robots, body)))
    return PolicyFacts(
        CaptureWord.WITH_RULES if has_rules else CaptureWord.NO_RULES,
        digest,
        size,
        tuple(agents_of(robots)),
        tuple(rows),
        tuple(sorted(families)),
        conflicts_of(found) if len(families - {"robots"}) > 1 else (),
        left_out,
    )


def is_page(body: bytes) -> bool:
    """Whether what was served as robots.txt is a page, or no text."""
    start = body[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith(_STARTS_HTML) or begins_as_page(body) or is_binary(body)


def is_blank(body: bytes) -> bool:
    """Whether a file has nothing but comments and white space."""
    return not re.sub(rb"#[^\r\n]*", b"", body.removeprefix(b"\xef\xbb\xbf")).strip()


def agents_of(robots: RobotsFile) -> Iterator[tuple[str, Access, int | None]]:
    """Agent, access and the line that names it, for each product token; ``*`` last."""
    known: dict[Group | None, Access] = {}
    lines: dict[str, int] = {}
    for group in robots.groups:
        for token, line in group.tokens:
            lines.setdefault(token, line)
    everyone: tuple[str, Access, int | None] = ("*", Access.NONE, None)
    for token in robots.tokens:
        obeyed = robots.named(token)
        access = known.get(obeyed)
        if access is None:
            access = known[obeyed] = access_of(obeyed)
        if token == "*":
            everyone = "*", access, lines[token]
        else:
            yield spelled(token), access, lines[token]
    yield everyone


@lru_cache(8_192)
def spelled(token: str) -> str:
    """A product token as the catalogue spells it, else in lower case."""
    agent = catalogue().find(token) if len(token) <= 100 else None
    if agent is None:
        return token
    return next(name for name in agent.names if name.casefold() == token.casefold())


def conflicts_of(found: Iterable[tuple[int, Findings]]) -> tuple[str, ...]:
    """Leaves about which families contradict, at the root, blocks of AI agents counted."""
    question = Question(f"{_NOWHERE}/", "/", "/", _ASKING, _COUNTING)
    settled = settle(in_order(found), question)
    conflicts = []
    for leaf in LEAVES:
        by: dict[Preference, list[str]] = {}
        for number, answer in settled.items():
            preference = answer.usage.get(leaf)
            if preference is not None:
                by.setdefault(preference, []).append(SIGNALS[number].name)
        no, yes = by.get(Preference.DISALLOWED, ()), by.get(Preference.ALLOWED, ())
        conflicts += [f"{leaf}:{first}>{second}" for first in no for second in yes]
    return tuple(conflicts)


def rows_of(findings: Findings) -> Iterator[Row]:
    """The rows of all statements that a family found in a document."""
    for statement in findings.statements():
        yield from statement_rows(statement)


def statement_rows(statement: Statement) -> Iterator[Row]:
    """A statement's rows: one for each leaf that it covers, or one under its own term."""
    scope, text = statement.scope, statement.text[:_MOST_TEXT]
    for category in statement.covers or (statement.category,):
        yield (
            *(scope.agents, statement.signal, statement.carrier, scope.path, category),
            *(statement.preference.value, statement.inferred, statement.near_miss),
            *(statement.span.line, text),
        )


def note_rows(notes: Sequence[Note]) -> Iterator[Row]:
    """Names that are nearly right and so say nothing: near misses that no statement shows."""
    for note in notes:
        ident = note.kind.ident
        if ident.endswith("-misspelt"):
            signal, text = ident.removesuffix("-misspelt"), note.detail[:_MOST_TEXT]
            yield (), signal, _ROBOTS, None, ident, "unknown", False, True, note.line, text


def _crawl_rows(robots: RobotsFile, group: Group) -> list[Row]:
    """Allow and Disallow lines of a group."""
    agents, text = group.agents, robots.line
    return [
        (
            *(agents, "robots", _ROBOTS, path, "crawl", "allowed" if allow else "disallowed"),
            *(False, False, line, text(line)[:_MOST_TEXT]),
        )
        for allow, path, line in group.plain
    ]


def _fingerprints(robots: RobotsFile, body: bytes) -> Iterator[Row]:
    """Marks of where a file comes from or what it leans on (M8); no statements."""
    for line, comment in robots.mining:
        if "2019/790" in comment:
            yield _fingerprint("cites-directive-2019-790", line, comment)
    marked = _CLOUDFLARE.search(body) if b"loudflare" in body else None
    if marked is not None:
        text = marked[0].strip().decode("utf-8", "replace")
        line = body.count(b"\n", 0, marked.end()) + 1
        yield _fingerprint("cloudflare-managed", line, text)


def _fingerprint(category: str, line: int, text: str) -> Row:
    text = text[:_MOST_TEXT]
    return (), "fingerprint", _ROBOTS, None, category, "unknown", False, False, line, text


def _add(rows: list[Row], more: Iterable[Row]) -> int:
    """Add rows up to the bound; how many were left out."""
    left_out = 0
    for row in more:
        if len(rows) < MOST_ROWS:
            rows.append(row)
        else:
            left_out += 1
    return left_out


#: Names of the places whose documents the kernel reads, by path.
POLICY_PATHS: Mapping[str, str] = {str(place.path): name for name, place in RESOURCES.items()}
