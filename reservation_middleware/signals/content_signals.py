"""Cloudflare Content Signals: Content-Signal in robots.txt, with or without a path, and as a header.

There is no formal grammar; what the policy leaves open is decided here for the
declaring party and stated on the spec page. Reference: https://contentsignals.org/
"""

from collections.abc import Sequence

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
)
from .path_records import Ruled, RuledFindings, RuledLine, RuledRecords, ruled_view

_REFERENCE = "https://contentsignals.org/"
KEY = "content-signal"
#: The key that says how AI systems may use content at most, and its values, strictest first.
USE_KEY, USES = "use", tuple(map(str, ContentUse))
#: What an operator that uses content further than a site allows has to leave alone.
_BEYOND_USE = (AI_INDEX, AI_INPUT, *TRAIN)
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
TOO_LONG = NoteKind(
    "content-signals-too-long",
    Level.WARNING,
    "a Content-Signal is longer than 16 KiB and was cut",
    "Keep it short: search, ai-input and ai-train are all there is to say.",
    _REFERENCE,
)


class ContentSignalFindings(RuledFindings):
    """Content-Signal lines by number, or the statements of a response head."""

    __slots__ = ()

    def about(self, token: str, path: str) -> list[Statement]:
        """What the lines say to a token about a path: the longest path per key."""
        rules = self.rules
        if rules is None:
            return []
        said: list[Statement] = []
        ruled = rules.of(self.source.robots.group_for(token))
        if ruled:
            said += _longest_per_key(rules, ruled, path)
        loose = rules.loose()
        if loose:
            # Lines outside every group stand behind a group's own, key by key.
            keys = {statement.category for statement in said}
            said += [
                statement
                for statement in _longest_per_key(rules, loose, path)
                if statement.category not in keys
            ]
        return said


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
    notes = (VALUE, UNKNOWN_KEY, SEPARATOR, OUTSIDE, BETWEEN, USE, TOO_LONG)
    fields = (b"content-signal",)

    def parse(self, source: ParsedDocument) -> ContentSignalFindings | None:
        """Read the lines of every group and those outside, or the header."""
        if source.place is HEADERS:
            values = source.document.fields.get(KEY)
            if not values:
                return None
            notes: list[Note] = []
            said = self._statements(source, ", ".join(values), "header", notes, Scope())
            return ContentSignalFindings(source, notes[:_MOST], header=said)
        if source.document.outcome is not Outcome.FETCHED or KEY not in source.robots.keys:
            return None  # the body of an error page says nothing

        def read(line: RuledLine, notes: list[Note]) -> tuple[Statement, ...]:
            number = line.record.line
            if number in loose:
                notes.append(source.note(OUTSIDE, line=number))
            if number in between:
                # RFC 9309 §2.2.4: it must not end the run, so the agents below share it.
                notes.append(source.note(BETWEEN, line=number))
            scope = Scope(line.path or None, line.agents)
            return self._statements(source, line.value, "robots.txt", notes, scope, line.record)

        loose = {record.line for record in source.robots.loose if record.key == KEY}
        between = source.robots.between_agents(KEY)
        rules = RuledRecords(source.robots, KEY, read)
        return ContentSignalFindings(source, rules.notes[:_MOST], rules)

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
        limited = _under(limit, said)
        if declared is not None and _level(limit) < USES.index(declared):
            limited.append(msgspec.structs.replace(limit, preference=Preference.DISALLOWED))
        return settled_from(limited)

    def depends_on(
        self, found: Sequence[ContentSignalFindings], question: Question
    ) -> Dependencies | None:
        """The lines of the group."""
        return ruled_view(found, question.agent.key)

    def write(self, intent: Intent) -> tuple[Rendering, ...]:
        """The line inside a group, and the header."""
        said = terms_for(self.terms, intent)
        if not said:
            return ()
        value = ", ".join(
            f"{key}={'yes' if preference is Preference.ALLOWED else 'no'}"
            for key, preference in said.items()
        )
        return (
            Rendering(self.carriers[0], intent.group(f"Content-Signal: {value}")),
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
    ) -> tuple[Statement, ...]:
        line = record.line if record else None
        if len(value) > LIMIT:
            notes.append(source.note(TOO_LONG, line=line))
            value = value[:LIMIT]
        text = f"Content-Signal: {record.value[:LIMIT] if record else value}"
        if ";" in value:
            notes.append(source.note(SEPARATOR, value, line))
            value = value.replace(";", ",")
        found: dict[str, Statement] = {}
        for member in value.split(","):
            key, _, word = member.partition("=")
            key, word = key.strip().lower(), word.strip().lower()
            if not key:
                continue
            term = self.terms.get(key)
            if key == USE_KEY and word in USES:
                notes.append(source.note(USE, word, line))
                use = Statement(
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
                found[key] = min(use, found.get(key, use), key=_level)
            elif term is None:
                if len(notes) < _MOST:  # more of them are not shown
                    notes.append(source.note(UNKNOWN_KEY, member.strip(), line))
            elif word not in ("yes", "no"):
                notes.append(source.note(VALUE, member.strip(), line))
            elif word == "no" or key not in found:  # of duplicates the most restrictive
                covers = term.yes if word == "yes" else term.no
                found[key] = Statement(
                    signal=self.name,
                    carrier=carrier,
                    category=key,
                    covers=covers,
                    preference=Preference.ALLOWED if word == "yes" else Preference.DISALLOWED,
                    text=text,
                    span=source.span(line),
                    scope=scope,
                )
        return tuple(found.values())


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


def _longest_per_key(
    rules: RuledRecords[tuple[Statement, ...]], ruled: Ruled, path: str
) -> list[Statement]:
    """Per key what the longest matching path says: the first yes and the first no if they tie."""
    best: dict[str, tuple[int, list[Statement]]] = {}
    for number in ruled.paths.matching(path):
        octets = ruled.paths.octets(number)
        for statement in rules.value(ruled.lines[number]):
            length, same = best.get(statement.category, (-1, []))
            if octets > length:
                best[statement.category] = octets, [statement]
            elif octets == length and all(
                (statement.preference, statement.conditions) != (other.preference, other.conditions)
                for other in same
            ):
                same.append(statement)
    return [statement for _, said in best.values() for statement in said]
