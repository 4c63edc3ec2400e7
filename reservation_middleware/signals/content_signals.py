"""Cloudflare Content Signals: Content-Signal in robots.txt, with or without a path, and as a header.

There is no formal grammar; what the policy leaves open is decided here for the
declaring party and stated on the spec page. Reference: https://contentsignals.org/
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Self

import msgspec

from reservation_middleware.model import (
    ContentUse,
    Level,
    Note,
    NoteKind,
    Outcome,
    Preference,
    Scope,
    Statement,
)
from reservation_middleware.model.vocabulary import AI_INDEX, AI_INPUT, SEARCH, TRAIN
from reservation_middleware.syntax.field import LIMIT
from reservation_middleware.syntax.robots import Record

from .base import (
    HEADERS,
    ROBOTS_TXT,
    Carrier,
    Dependencies,
    Intent,
    ParsedDocument,
    Question,
    Rendering,
    Settled,
    Signal,
    Status,
    Term,
    settled_from,
    terms_for,
    without_doubted,
)
from .near_miss import near_miss_note, refuses
from .path_records import Ruled, RuledFindings, RuledLine, RuledRecords, ruled_view

_REFERENCE = "https://contentsignals.org/"
KEY = "content-signal"
#: The key that says how AI systems may use content at most, and its values, strictest first.
USE_KEY, USES = "use", tuple(map(str, ContentUse))
#: What an operator that uses content further than a site allows has to leave alone.
_BEYOND_USE = (AI_INDEX, AI_INPUT, *TRAIN)
#: A name that some give the field; only what it refuses is read.
PLURAL = "content-signals"
_KEYS = (KEY, PLURAL)
_SHOWN = {KEY: "Content-Signal", PLURAL: "Content-Signals"}
#: Other names of a key, hyphens for underscores.
_OTHER_NAMES = {"ai-training": "ai-train"}
_MOST = 10

VALUE = NoteKind(
    "content-signals-value-unknown",
    Level.WARNING,
    "a Content-Signal value other than yes or no says nothing: {}",
    "Use yes or no.",
    _REFERENCE,
)
UNKNOWN_KEY = NoteKind(
    "content-signals-key-unknown",
    Level.INFO,
    "a Content-Signal key that the policy does not define is ignored: {}",
    "Use search, ai-input, ai-train and use.",
    _REFERENCE,
)
SEPARATOR = NoteKind(
    "content-signals-separator",
    Level.WARNING,
    "a Content-Signal with semicolons was read as if they were commas: {}",
    "Separate signals with commas.",
    _REFERENCE,
)
OUTSIDE = NoteKind(
    "content-signals-outside-group",
    Level.WARNING,
    "a Content-Signal line before the first user-agent line; it is read as the site's own default",
    "Put it into the group for *, since readers disagree about lines outside groups.",
    _REFERENCE,
)
BETWEEN = NoteKind(
    "content-signals-between-agents",
    Level.WARNING,
    "a Content-Signal line between user-agent lines speaks for those below it, too",
    "Put it below all user-agent lines of its group, and a rule such as Allow: / at the end.",
    "https://www.rfc-editor.org/rfc/rfc9309#section-2.2.4",
)
USE = NoteKind(
    "content-signals-use",
    Level.INFO,
    "AI systems may use the content at most as use={} says",
    "Nothing to mend; it counts for operators that declare a content_use.",
    "https://developers.cloudflare.com/changelog/post/2026-08-31-crawl-content-use/",
)
NEAR_MISS = near_miss_note(
    "content-signals",
    "Write Content-Signal: ai-train=no, with commas between several; the values are yes and no.",
    _REFERENCE,
)
TOO_LONG = NoteKind(
    "content-signals-too-long",
    Level.WARNING,
    "a Content-Signal is longer than 16 KiB and was cut",
    "Keep it short: search, ai-input and ai-train are all there is to say.",
    _REFERENCE,
)
MISSPELT = NoteKind(
    "content-signals-misspelt",
    Level.WARNING,
    "a name that is nearly Content-Signal says nothing: {}",
    "Write Content-Signal.",
    _REFERENCE,
)
STRAY = NoteKind(
    "content-signals-in-last-group",
    Level.WARNING,
    "a Content-Signal line below the last group's rules speaks to that group's agents only: {}",
    "Put it into the group for *, or say the same in every group.",
    _REFERENCE,
)


class ContentSignalFindings(RuledFindings):
    """Content-Signal lines by number, or the statements of a response head."""

    __slots__ = ("_letter", "is_literal")

    def __init__(
        self,
        source: ParsedDocument,
        notes: Sequence[Note],
        rules: RuledRecords[tuple[Statement, ...]] | None = None,
        header: tuple[Statement, ...] = (),
    ) -> None:
        super().__init__(source, notes[:_MOST], rules, header)
        self.is_literal = False
        self._letter: Self | None = None

    @property
    def to_the_letter(self) -> Self:
        """The same lines or fields, read without their near misses."""
        if self._letter is None:
            header = tuple(said for said in self.header if not said.near_miss)
            self._letter = type(self)(self.source, self.notes, self.rules, header)
            self._letter.is_literal = True
        return self._letter

    def about(self, token: str, path: str) -> list[Statement]:
        """What the lines say to a token about a path: the longest path per key."""
        rules = self.rules
        if rules is None:
            return []
        said: list[Statement] = []
        ruled = rules.of(self.source.robots.group_for(token))
        if ruled:
            said += _longest_per_key(self._matching(rules, ruled, path))
        loose = rules.loose()
        if loose:
            # Lines outside every group stand behind a group's own, key by key.
            keys = {one.category for one in said if not _is_doubt(one)}
            said += [
                statement
                for statement in _longest_per_key(self._matching(rules, loose, path))
                if statement.category not in keys
            ]
        return said

    def _matching(
        self, rules: RuledRecords[tuple[Statement, ...]], ruled: Ruled, path: str
    ) -> Iterator[tuple[int, Statement]]:
        """The statements about a path, each with the octets of its pattern."""
        for number in ruled.paths.matching(path):
            octets = ruled.paths.octets(number)
            for statement in rules.value(ruled.lines[number]):
                if not (self.is_literal and statement.near_miss):
                    yield octets, statement


class ContentSignals(Signal[ContentSignalFindings]):
    """Content-Signal."""

    name = "content-signals"
    title = "Cloudflare Content Signals"
    reference = "Content Signals Policy, 24 September 2025; use= since 1 July 2026"
    status = Status.VENDOR
    since = "2025-09"
    carriers = (Carrier("robots.txt", ROBOTS_TXT), Carrier("header", HEADERS))
    terms = {
        "search": Term((SEARCH,), (SEARCH,)),
        "ai-input": Term((AI_INPUT,), (AI_INDEX, AI_INPUT)),
        "ai-train": Term(TRAIN, TRAIN),
    }
    notes = (
        *(VALUE, UNKNOWN_KEY, SEPARATOR, OUTSIDE, BETWEEN, USE, TOO_LONG, NEAR_MISS),
        *(MISSPELT, STRAY),
    )
    fields = (b"content-signal", b"content-signals")

    def parse(self, source: ParsedDocument) -> ContentSignalFindings | None:
        """Read the lines of every group and those outside, or the header."""
        if source.place is HEADERS:
            return self._head(source)
        if source.document.outcome is not Outcome.FETCHED:
            return None  # the body of an error page says nothing
        keys = tuple(key for key in _KEYS if key in source.robots.keys)
        misspelt = source.misspelt(MISSPELT, KEY)
        if not keys and not misspelt:
            return None

        def read(line: RuledLine, notes: list[Note]) -> tuple[Statement, ...]:
            number = line.record.line
            if number in loose:
                notes.append(source.note(OUTSIDE, line=number))
            if number in between:
                # RFC 9309 §2.2.4: it must not end the run, so the agents below share it.
                notes.append(source.note(BETWEEN, line=number))
            scope = Scope(line.path or None, line.agents)
            name = line.record.key
            return self._statements(
                source, line.value, "robots.txt", notes, scope, line.record, name=name
            )

        loose = {record.line for record in source.robots.loose if record.key in keys}
        between = {line for key in keys for line in source.robots.between_agents(key)}
        rules = RuledRecords(source.robots, keys, read)
        strays = source.strays(STRAY, KEY)
        return ContentSignalFindings(source, (*misspelt, *strays, *rules.notes), rules)

    def _head(self, source: ParsedDocument) -> ContentSignalFindings | None:
        notes = source.misspelt_fields(MISSPELT, KEY)
        said: list[Statement] = []
        fields = source.document.fields
        for name in _KEYS:
            if values := fields.get(name):
                value = ", ".join(values)
                said += self._statements(source, value, "header", notes, Scope(), name=name)
        if not said and not notes:
            return None
        return ContentSignalFindings(source, notes, header=tuple(said))

    def settle(self, found: Sequence[ContentSignalFindings], question: Question) -> Settled | None:
        """Longest path per key in robots.txt, then the most restrictive with the header.

        What is allowed is so under the condition of ``use=``; an operator that declares a use
        beyond it may neither give the content to models nor train on it.
        """
        said: list[Statement] = []
        for findings in found:
            if findings.place is HEADERS:
                said += findings.header
            else:
                said += findings.about(question.agent.key, question.path)
        limit = min((one for one in said if one.category == USE_KEY), key=_level, default=None)
        if limit is None:
            return settled_from(said)
        declared = question.policy.content_use
        limited = list(without_doubted(_under(limit, said)))
        if declared is not None and _level(limit) < USES.index(declared):
            limited.append(msgspec.structs.replace(limit, preference=Preference.DISALLOWED))
        return settled_from(limited)

    def depends_on(
        self, found: Sequence[ContentSignalFindings], question: Question
    ) -> Dependencies | None:
        """The lines of the group."""
        return ruled_view(found, question.agent.key)

    def write(self, intent: Intent) -> tuple[Rendering, ...]:
        """The line inside a group, with its path where it has one, and the header."""
        preferences = terms_for(self.terms, intent)
        if not preferences:
            return ()
        value = ", ".join(
            f"{key}={'yes' if preference is Preference.ALLOWED else 'no'}"
            for key, preference in preferences.items()
        )
        path = f"{intent.path} " if intent.path else ""
        return (
            Rendering(self.carriers[0], intent.group(f"Content-Signal: {path}{value}")),
            Rendering(self.carriers[1], f"Content-Signal: {value}"),
        )

    def _statements(
        self,
        source: ParsedDocument,
        value: str,
        carrier: str,
        notes: list[Note],
        scope: Scope,
        record: Record | None = None,
        *,
        name: str = KEY,
    ) -> tuple[Statement, ...]:
        """What one line or field says; a yes only where all of it is spelled as the policy has it."""
        line = record.line if record else None
        if len(value) > LIMIT:
            notes.append(source.note(TOO_LONG, line=line))
            value = value[:LIMIT]
        text = f"{_SHOWN[name]}: {record.value[:LIMIT] if record else value}"
        if ";" in value:
            notes.append(source.note(SEPARATOR, value, line))
            value = value.replace(";", ",")
        found: dict[tuple[str, Preference, bool], Statement] = {}

        def say(key: str, preference: Preference, *, near_miss: bool = False) -> None:
            term = self.terms[key]
            yes = preference is Preference.ALLOWED
            found[key, preference, near_miss] = Statement(
                signal=self.name,
                carrier=carrier,
                category=key,
                covers=term.yes if yes else term.no,
                preference=preference,
                text=text,
                span=source.span(line),
                scope=scope,
                near_miss=near_miss,
            )

        misread: list[NoteKind] = []
        limits: list[Statement] = []
        for member in value.split(","):
            key, _, word = member.partition("=")
            key, word = key.strip().lower(), word.strip().lower()
            if not key:
                continue
            if name == KEY and key == USE_KEY and word in USES:
                notes.append(source.note(USE, word, line))
                limit = Statement(
                    signal=self.name,
                    carrier=carrier,
                    category=USE_KEY,
                    covers=_BEYOND_USE,
                    preference=Preference.UNKNOWN,
                    text=text,
                    span=source.span(line),
                    scope=scope,
                    conditions=(f"{USE_KEY}={word}",),
                )
                limits = [min([limit, *limits], key=_level)]
                continue
            if name == KEY and key in self.terms and word in ("yes", "no"):
                say(key, Preference.ALLOWED if word == "yes" else Preference.DISALLOWED)
                continue
            refused, unclear = _misspelled(member, self.terms)
            for one in refused:
                say(one, Preference.DISALLOWED, near_miss=True)
            for one in unclear:
                say(one, Preference.UNKNOWN)
            misread.append(NEAR_MISS if refused else VALUE if key in self.terms else UNKNOWN_KEY)
            if misread[-1] is not NEAR_MISS and name == KEY and len(notes) < _MOST:
                notes.append(source.note(misread[-1], member.strip(), line))
        if NEAR_MISS in misread:
            notes.append(source.note(NEAR_MISS, text, line))
        elif name != KEY:
            notes.append(source.note(UNKNOWN_KEY, text, line))
        for key in self.terms:
            if (key, Preference.DISALLOWED, False) in found:  # of duplicates the most restrictive
                for preference in (Preference.ALLOWED, Preference.UNKNOWN):
                    found.pop((key, preference, False), None)
                found.pop((key, Preference.DISALLOWED, True), None)
        return (*found.values(), *limits)


def _level(use: Statement) -> int:
    """How far a use goes that a ``use=`` allows: 0 is the strictest."""
    return USES.index(use.conditions[0].removeprefix(f"{USE_KEY}="))


def _under(limit: Statement, said: Sequence[Statement]) -> list[Statement]:
    """What is said but for ``use=``, which is a condition of what is allowed."""
    return [
        msgspec.structs.replace(one, conditions=limit.conditions)
        if one.preference is Preference.ALLOWED
        else one
        for one in said
        if one.category != USE_KEY
    ]


def _misspelled(member: str, terms: Mapping[str, Term]) -> tuple[Sequence[str], Sequence[str]]:
    """Keys that a member refuses in other words than the policy's, and those it leaves unclear.

    Read are a colon for the equals sign, blanks between several, other names of a key and
    other words for no. A yes in such a spelling is none, and takes no other yes away.
    """
    parts = member.lower().replace(":", "=").replace("=", " = ").split()
    if len(parts) % 3 or any(sign != "=" for sign in parts[1::3]):
        key = member.partition("=")[0].strip().lower()
        return (), [key] if key in terms else ()
    refused, unclear = [], []
    for key, word in zip(parts[::3], parts[2::3], strict=True):
        name = key.replace("_", "-")
        name = _OTHER_NAMES.get(name, name)
        if name not in terms:
            continue
        if refuses(word):
            refused.append(name)
        elif word.strip("\"'") != "yes":
            unclear.append(name)
    return refused, unclear


def _longest_per_key(matching: Iterable[tuple[int, Statement]]) -> list[Statement]:
    """Per key what the longest path says: the first yes and the first no if they tie.

    What was not understood hides no shorter no; it takes a yes away unless that has a longer path.
    """
    best: dict[str, tuple[int, list[Statement]]] = {}
    doubts: dict[str, tuple[int, list[Statement]]] = {}
    for octets, statement in matching:
        longest = doubts if _is_doubt(statement) else best
        length, same = longest.get(statement.category, (-1, []))
        if octets > length:
            longest[statement.category] = octets, [statement]
        elif octets == length and all(_differ(statement, other) for other in same):
            same.append(statement)
    found = [statement for _, said in best.values() for statement in said]
    for key, (octets, said) in doubts.items():
        if octets >= best.get(key, (-1, []))[0]:
            found += said
    return found


def _is_doubt(statement: Statement) -> bool:
    """Whether a statement is a value that was not understood; ``use=`` is a condition."""
    return statement.preference is Preference.UNKNOWN and statement.category != USE_KEY


def _differ(one: Statement, other: Statement) -> bool:
    return any(
        getattr(one, name) != getattr(other, name)
        for name in ("preference", "near_miss", "conditions")
    )
