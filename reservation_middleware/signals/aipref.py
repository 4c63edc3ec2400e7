"""IETF AIPREF usage preferences: Content-Usage in robots.txt and in HTTP responses.

Vocabulary draft-ietf-aipref-vocab-08, attachment draft-ietf-aipref-attach-05. Labels that only
older drafts had are ignored, as vocab-08 asks, unless the policy maps them. Reference:
https://datatracker.ietf.org/doc/draft-ietf-aipref-vocab/08/
"""

from collections.abc import Mapping, Sequence

import msgspec

from reservation_middleware.model import (
    LegacyLabels,
    Level,
    Note,
    NoteKind,
    Outcome,
    Preference,
    Scope,
    Statement,
)
from reservation_middleware.model.vocabulary import (
    AI_INDEX,
    AI_INPUT,
    LEAVES,
    SEARCH,
    TRAIN,
    TRAIN_GEN,
)
from reservation_middleware.syntax.field import MalformedFieldError, dictionary, parameters, token
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
    shorten,
    terms_for,
)
from .path_records import RuledFindings, RuledLine, RuledRecords, ruled_view

_ATTACH = "https://datatracker.ietf.org/doc/html/draft-ietf-aipref-attach-05#section-"
_VOCAB = "https://datatracker.ietf.org/doc/html/draft-ietf-aipref-vocab-08#section-"
KEY = "content-usage"
#: Notes that are kept for one document, and rules of the same length that are combined.
_MOST, _MOST_TIED = 10, 1000
#: Parameters of one member that are kept.
_MOST_CONDITIONS = 8

INVALID = NoteKind(
    "aipref-statement-invalid",
    Level.WARNING,
    "Content-Usage is not a structured-field dictionary, so all of it is ignored: {}",
    "Write it as `train-ai=n, search=y`: lower case, commas between members, no spaces around =.",
    _VOCAB + "6.5",
)
VALUE = NoteKind(
    "aipref-value-unknown",
    Level.WARNING,
    "a Content-Usage value other than y or n says nothing: {}",
    "Use the tokens y and n.",
    _VOCAB + "6.5",
)
LABEL = NoteKind(
    "aipref-label-unknown",
    Level.INFO,
    "a Content-Usage label that vocab-08 does not know is ignored: {}",
    "Use train-ai, ai-use and search.",
    _VOCAB + "6.4",
)
LEGACY = NoteKind(
    "aipref-legacy-label",
    Level.INFO,
    "a Content-Usage label of an older draft, about which vocab-08 says nothing: {}",
    "Use train-ai, ai-use and search; older labels reach only those who choose to map them.",
    _VOCAB + "6.4",
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
    "a Content-Usage line between user-agent lines was read as of one group with those below it; by "
    "ATTACH it is a rule and ends the group",
    "Put Content-Usage below all user-agent lines of its group, after a rule.",
    _ATTACH + "3",
)
MISSPELT = NoteKind(
    "aipref-misspelt",
    Level.WARNING,
    "a name that is nearly Content-Usage says nothing: {}",
    "Write Content-Usage.",
    _ATTACH + "3",
)
STRAY = NoteKind(
    "aipref-in-last-group",
    Level.WARNING,
    "a Content-Usage line below the last group's rules speaks to that group's agents only: {}",
    "Put it into the group for *, or say the same in every group.",
    _ATTACH + "3",
)


class Superseded(msgspec.Struct, frozen=True):
    """A label of an older draft.

    Attributes:
        draft: the revision that had it first.
        breadth: its place in the old hierarchies: 3 holds everything, 2 all training, and
            1 nothing but itself, as every label of vocab-08.
        category: what reasons call it.
        term: the leaves that its yes and its no cover; none if we have no leaf for it.
    """

    draft: str
    breadth: int
    category: str
    term: Term


# A reservation of everything leaves no leaf out; a permission is read narrowly and, as
# that of ai-use, does not reach the building of an index.
_EVERYTHING = Term(tuple(leaf for leaf in LEAVES if leaf != AI_INDEX), LEAVES)
_INPUT = Term((AI_INPUT,), (AI_INDEX, AI_INPUT))
_GENERATIVE = Term((TRAIN_GEN,), (TRAIN_GEN,))

SUPERSEDED: Mapping[str, Superseded] = {
    "tdm": Superseded("vocab-01", 3, "tdm", _EVERYTHING),
    "all": Superseded("vocab-02", 3, "tdm", _EVERYTHING),
    "bots": Superseded("vocab-03", 3, "tdm", _EVERYTHING),
    "ai": Superseded("vocab-01", 2, "ai-train", Term(TRAIN, TRAIN)),
    "genai": Superseded("vocab-01", 1, TRAIN_GEN, _GENERATIVE),
    "train-genai": Superseded("vocab-02", 1, TRAIN_GEN, _GENERATIVE),
    "inference": Superseded("vocab-01", 1, AI_INPUT, _INPUT),
    # No leaf is about what a system puts out.
    "ai-output": Superseded("vocab-04", 1, "ai-output", Term((), ())),
}


class AiprefFindings(RuledFindings):
    """Content-Usage rules, or a header.

    Attributes:
        superseded: what labels of older drafts add, by line; None is the header's.
    """

    __slots__ = ("superseded",)

    def __init__(
        self,
        source: ParsedDocument,
        notes: Sequence[Note],
        superseded: Mapping[int | None, tuple[Statement, ...]],
        rules: RuledRecords[tuple[Statement, ...]] | None = None,
        header: tuple[Statement, ...] = (),
    ) -> None:
        super().__init__(source, notes[:_MOST], rules, header)
        self.superseded = superseded


class Aipref(Signal[AiprefFindings]):
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
    notes = (INVALID, VALUE, LABEL, LEGACY, OUTSIDE, NO_STATEMENT, BETWEEN, MISSPELT, STRAY)
    fields = (b"content-usage",)

    def parse(self, source: ParsedDocument) -> AiprefFindings | None:
        """Read the rules of every group, or the header."""
        if source.place is HEADERS:
            return self._head(source)
        # The body of an error page is no robots.txt (RFC 9309 §2.3.1.3).
        return self._robots(source) if source.document.outcome is Outcome.FETCHED else None

    def settle(self, found: Sequence[AiprefFindings], question: Question) -> Settled | None:
        """Longest path in robots.txt, then combined with the header (VOCAB §5.1)."""
        statements: list[Statement] = []
        for findings in found:
            if findings.place is HEADERS:
                statements += findings.header
                if question.policy.legacy_labels is LegacyLabels.MAP:
                    statements += findings.superseded.get(None, ())
            elif question.crawl is not Preference.DISALLOWED:
                # ATTACH §3.1: a path that cannot be crawled has no usage preferences.
                statements += self._ruled(findings, question)
        return settled_from(statements)

    def depends_on(
        self, found: Sequence[AiprefFindings], question: Question
    ) -> Dependencies | None:
        """The lines of the group."""
        return ruled_view(found, question.agent.key)

    def write(self, intent: Intent) -> tuple[Rendering, ...]:
        """The rule inside a group, with its path where it has one, and the header."""
        preferences = terms_for(self.terms, intent)
        if not preferences:
            return ()
        value = ", ".join(
            f"{label}={'y' if preference is Preference.ALLOWED else 'n'}"
            for label, preference in preferences.items()
        )
        path = f"{intent.path} " if intent.path else ""
        return (
            Rendering(self.carriers[0], intent.group(f"Content-Usage: {path}{value}")),
            Rendering(self.carriers[1], f"Content-Usage: {value}"),
        )

    def _ruled(self, findings: AiprefFindings, question: Question) -> list[Statement]:
        rules = findings.rules
        if rules is None:
            return []
        ruled = rules.of(findings.source.robots.group_for(question.agent.key))
        if ruled is None:
            return []
        # Identical paths are combined, the most restrictive wins (ATTACH §3.1). What each
        # further line adds is less and less, so a flood of them is not read to its end.
        tied = ruled.paths.longest(question.path)[:_MOST_TIED]
        statements = [
            statement for number in tied for statement in rules.value(ruled.lines[number])
        ]
        if question.policy.legacy_labels is LegacyLabels.MAP:
            for number in tied:
                statements += findings.superseded.get(ruled.lines[number], ())
        return statements

    def _robots(self, source: ParsedDocument) -> AiprefFindings | None:
        robots = source.robots
        misspelt = source.misspelt(MISSPELT, KEY)
        if KEY not in robots.keys and not misspelt:
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
            return self._statements(
                source, line.value, "robots.txt", notes, superseded, scope, line.record
            )

        superseded: dict[int | None, tuple[Statement, ...]] = {}
        loose = {record.line for record in robots.loose if record.key == KEY}
        between = robots.between_agents(KEY)
        rules = RuledRecords(robots, (KEY,), read)
        notes = (*misspelt, *source.strays(STRAY, KEY), *rules.notes)
        return AiprefFindings(source, notes, superseded, rules)

    def _head(self, source: ParsedDocument) -> AiprefFindings | None:
        values = source.document.fields.get(KEY)
        notes = source.misspelt_fields(MISSPELT, KEY)
        if not values:
            return AiprefFindings(source, notes, {}) if notes else None
        superseded: dict[int | None, tuple[Statement, ...]] = {}
        # RFC 9651 §4.2: several lines are one field.
        value = ", ".join(values)
        statements = self._statements(source, value, "header", notes, superseded, Scope())
        return AiprefFindings(source, notes, superseded, header=statements)

    def _statements(
        self,
        source: ParsedDocument,
        value: str,
        carrier: str,
        notes: list[Note],
        superseded: dict[int | None, tuple[Statement, ...]],
        scope: Scope,
        record: Record | None = None,
    ) -> tuple[Statement, ...]:
        line = record.line if record else None
        try:
            members = dictionary(value)
            # VOCAB §6.4: parameters have no effect; they are kept for those who ask.
            conditions = parameters(value) if ";" in value else {}
        except MalformedFieldError as error:
            notes.append(source.note(INVALID, f"{value} ({error})", line))
            return ()
        text = shorten(f"Content-Usage: {record.value if record else value}")
        labels: dict[str, bool] = {}
        older = False
        for label, word in members.items():
            if label in SUPERSEDED:
                older = True
                notes.append(source.note(LEGACY, label, line))
            elif label not in self.terms:
                notes.append(source.note(LABEL, label, line))
                continue
            if token(word) not in ("y", "n"):
                notes.append(source.note(VALUE, f"{label}={word}", line))
                continue
            labels[label] = str(word) == "y"

        def statement(label: str, category: str, covers: tuple[str, ...], text: str) -> Statement:
            return Statement(
                signal=self.name,
                carrier=carrier,
                category=category,
                covers=covers,
                preference=Preference.ALLOWED if labels[label] else Preference.DISALLOWED,
                text=text,
                span=source.span(line),
                scope=scope,
                conditions=tuple(map(shorten, conditions.get(label, ())[:_MOST_CONDITIONS])),
            )

        if older:
            superseded[line] = tuple(
                statement(label, old.category, covers, f"{text} ({label}: {old.draft}, mapped)")
                for label, (old, covers) in mapped(labels, self.terms).items()
            )
        found = []
        for label, yes in labels.items():
            term = self.terms.get(label)
            if term is not None:
                covers = term.yes if yes else term.no
                found.append(statement(label, covers[-1], covers, text))
        return tuple(found)


def mapped(
    labels: Mapping[str, bool], current: Mapping[str, Term]
) -> Mapping[str, tuple[Superseded, tuple[str, ...]]]:
    """What the superseded labels of one statement cover.

    A narrower label that is written takes its leaves out of every broader one.

    Args:
        labels: the labels of the statement, each with whether it says yes.
        current: the labels of vocab-08.
    """
    covered: dict[int, set[str]] = {1: set(), 2: set(), 3: set()}
    found: dict[str, tuple[Superseded, tuple[str, ...]]] = {}
    for label, yes in labels.items():
        old = SUPERSEDED.get(label)
        term = old.term if old else current[label]
        covered[old.breadth if old else 1].update(term.yes if yes else term.no)
    for label, yes in labels.items():
        old = SUPERSEDED.get(label)
        if old is None:
            continue
        narrower = {
            leaf for breadth, own in covered.items() if breadth < old.breadth for leaf in own
        }
        leaves = old.term.yes if yes else old.term.no
        left = tuple(leaf for leaf in leaves if leaf not in narrower)
        if left:
            found[label] = old, left
    return found
