"""IETF AIPREF usage preferences: Content-Usage in robots.txt and in HTTP responses.

Vocabulary draft-ietf-aipref-vocab-08, attachment draft-ietf-aipref-attach-05. Labels of
older drafts are ignored, as vocab-08 asks. Reference:
https://datatracker.ietf.org/doc/draft-ietf-aipref-vocab/08/
"""

from collections.abc import Sequence

from http_sf import Token

from reservation_middleware.model import (
    Level,
    Note,
    NoteKind,
    Outcome,
    Preference,
    Scope,
    Statement,
)
from reservation_middleware.model.vocabulary import AI_INDEX, AI_INPUT, SEARCH, TRAIN_GEN
from reservation_middleware.syntax.field import MalformedFieldError, dictionary
from reservation_middleware.syntax.robots import Record

from ._ruled import RuledFindings, RuledLine, RuledRecords
from ._signal import (
    HEADERS,
    ROBOTS_TXT,
    Carrier,
    Question,
    Settled,
    Signal,
    Source,
    Status,
    Term,
    Wish,
    Written,
    answered,
    cut,
    spoken,
)

_ATTACH = "https://datatracker.ietf.org/doc/html/draft-ietf-aipref-attach-05#section-"
_VOCAB = "https://datatracker.ietf.org/doc/html/draft-ietf-aipref-vocab-08#section-"
KEY = "content-usage"
#: Notes that are kept for one document, and rules of the same length that are combined.
_MOST, _MOST_TIED = 10, 1000

INVALID = NoteKind(
    "aipref-statement-invalid",
    Level.WARNING,
    "Content-Usage is not a structured-field dictionary, so all of it is ignored: {}",
    "Write it as `train-ai=n, search=y`: lower case, commas between members, no spaces around =.",
    _VOCAB + "6",
)
VALUE = NoteKind(
    "aipref-value-unknown",
    Level.WARNING,
    "a Content-Usage value other than y or n says nothing: {}",
    "Use the tokens y and n.",
    _VOCAB + "6",
)
LABEL = NoteKind(
    "aipref-label-unknown",
    Level.INFO,
    "a Content-Usage label that vocab-08 does not know is ignored: {}",
    "Use train-ai, ai-use and search.",
    _VOCAB + "6.1",
)
OUTSIDE = NoteKind(
    "aipref-outside-group",
    Level.WARNING,
    "a Content-Usage line before the first user-agent line applies to nobody",
    "Put it into a group.",
    _ATTACH + "3",
)
NO_STATEMENT = NoteKind(
    "aipref-path-without-statement",
    Level.WARNING,
    "a Content-Usage path without a statement hides shorter rules: {}",
    "Add the preference after the path, or remove the line.",
    _ATTACH + "3.1",
)
BETWEEN = NoteKind(
    "aipref-between-agents",
    Level.WARNING,
    "a Content-Usage line between user-agent lines; parsers disagree whether it ends the group",
    "Put Content-Usage below all user-agent lines of its group, after a rule.",
    _ATTACH + "3",
)


class Aipref(Signal[RuledFindings]):
    """Content-Usage."""

    name = "aipref"
    title = "AIPREF Content-Usage"
    reference = "draft-ietf-aipref-vocab-08, draft-ietf-aipref-attach-05"
    status = Status.DRAFT
    since = "2026-09"
    carriers = (Carrier("robots.txt", ROBOTS_TXT), Carrier("header", HEADERS))
    terms = {
        "train-ai": Term((TRAIN_GEN,), (TRAIN_GEN,)),
        "ai-use": Term((AI_INPUT,), (AI_INDEX, AI_INPUT)),
        "search": Term((SEARCH,), (SEARCH,)),
    }
    notes = (INVALID, VALUE, LABEL, OUTSIDE, NO_STATEMENT, BETWEEN)
    fields = (b"content-usage",)

    def parse(self, source: Source) -> RuledFindings | None:
        """Read the rules of every group, or the header."""
        if source.place is HEADERS:
            return self._head(source)
        # The body of an error page is no robots.txt (RFC 9309 §2.3.1.3).
        return self._robots(source) if source.document.outcome is Outcome.FETCHED else None

    def settle(self, found: Sequence[RuledFindings], question: Question) -> Settled | None:
        """Longest path in robots.txt, then combined with the header (VOCAB §5.1)."""
        said: list[Statement] = []
        for findings in found:
            if findings.place is HEADERS:
                said += findings.header
            elif question.crawl is not Preference.DISALLOWED:
                # ATTACH §3.1: a path that cannot be crawled has no usage preferences.
                said += self._ruled(findings, question)
        return answered(found, said)

    def write(self, wish: Wish) -> tuple[Written, ...]:
        """The rule inside a group, and the header."""
        said = spoken(self.terms, wish)
        if not said:
            return ()
        value = ", ".join(
            f"{label}={'y' if preference is Preference.ALLOWED else 'n'}"
            for label, preference in said.items()
        )
        return (
            Written(self.carriers[0], wish.group(f"Content-Usage: {value}")),
            Written(self.carriers[1], f"Content-Usage: {value}"),
        )

    def _ruled(self, findings: RuledFindings, question: Question) -> list[Statement]:
        rules = findings.rules
        if rules is None:
            return []
        ruled = rules.of(findings.source.robots.group_for(question.agent.key))
        if ruled is None:
            return []
        # Identical paths are combined, the most restrictive wins (ATTACH §3.1). What each
        # further line adds is less and less, so a flood of them is not read to its end.
        return [
            statement
            for number in ruled.paths.longest(question.path)[:_MOST_TIED]
            for statement in rules.value(ruled.lines[number])
        ]

    def _robots(self, source: Source) -> RuledFindings | None:
        robots = source.robots
        if KEY not in robots.keys:
            return None

        def read(line: RuledLine, notes: list[Note]) -> tuple[Statement, ...]:
            number = line.record.line
            if line.path and not line.value:
                notes.append(source.note(NO_STATEMENT, line.path, number))
            if number in between:
                notes.append(source.note(BETWEEN, line=number))
            if number in loose:
                notes.append(source.note(OUTSIDE, line=number))
                return ()
            scope = Scope(line.path or None, line.agents)
            return self._statements(source, line.value, "robots.txt", notes, scope, line.record)

        loose = {record.line for record in robots.loose if record.key == KEY}
        between = robots.between_agents(KEY)
        rules = RuledRecords(robots, KEY, read)
        return RuledFindings(source, rules.notes[:_MOST], rules)

    def _head(self, source: Source) -> RuledFindings | None:
        values = source.document.fields.get(KEY)
        if not values:
            return None
        notes: list[Note] = []
        # RFC 9651 §4.2: several lines are one field.
        statements = self._statements(source, ", ".join(values), "header", notes, Scope())
        return RuledFindings(source, notes[:_MOST], header=statements)

    def _statements(
        self,
        source: Source,
        value: str,
        carrier: str,
        notes: list[Note],
        scope: Scope,
        record: Record | None = None,
    ) -> tuple[Statement, ...]:
        line = record.line if record else None
        try:
            members = dictionary(value)
        except MalformedFieldError as error:
            notes.append(source.note(INVALID, f"{value} ({error})", line))
            return ()
        found = []
        for label, said in members.items():
            term = self.terms.get(label)
            if term is None:
                notes.append(source.note(LABEL, label, line))
                continue
            if not isinstance(said, Token) or str(said) not in ("y", "n"):
                notes.append(source.note(VALUE, f"{label}={said}", line))
                continue
            yes = str(said) == "y"
            covers = term.yes if yes else term.no
            found.append(
                Statement(
                    signal=self.name,
                    carrier=carrier,
                    category=covers[-1],
                    covers=covers,
                    preference=Preference.ALLOWED if yes else Preference.DISALLOWED,
                    text=cut(f"Content-Usage: {record.value if record else value}"),
                    span=source.span(line),
                    scope=scope,
                )
            )
        return tuple(found)
