"""DisallowAITraining and AllowAITraining: rules in robots.txt, and page-level robots directives.

An expired individual draft that is served all the same, since a widely copied robots.txt
has its rule. Paths are those of Allow and Disallow, so ``syntax/robots_rules.py`` matches them.
Reference: https://www.ietf.org/archive/id/draft-canel-robots-ai-control-00.html
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from reservation_middleware.model import (
    EVERYTHING,
    Level,
    Note,
    NoteKind,
    Outcome,
    Preference,
    Scope,
    Statement,
)
from reservation_middleware.model.vocabulary import TRAIN
from reservation_middleware.syntax.field import robots_directives
from reservation_middleware.syntax.robots import BareRule, Group, Record, Rule
from reservation_middleware.syntax.robots_rules import GroupRules

from .base import (
    CONTENT,
    HEADERS,
    NO_DEPENDENCIES,
    ROBOTS_TXT,
    Carrier,
    Dependencies,
    Findings,
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

_DRAFT = "https://www.ietf.org/archive/id/draft-canel-robots-ai-control-00.html"
#: The rules and directives in lower case, as the draft spells them.
_NAMES: Mapping[str, str] = {
    "disallowaitraining": "DisallowAITraining",
    "allowaitraining": "AllowAITraining",
}
_DISALLOW, _ALLOW = "disallowaitraining", "allowaitraining"
#: Notes that are kept for one document.
_MOST = 10

PATH = NoteKind(
    "canel-path-invalid",
    Level.WARNING,
    "a rule about AI training whose path starts with neither / nor * matches nothing: {}",
    "Write a path; a single / means the whole site.",
    _DRAFT,
)
OUTSIDE = NoteKind(
    "canel-outside-group",
    Level.WARNING,
    "a rule about AI training before the first user-agent line applies to nobody",
    "Put it into a group.",
    "https://www.rfc-editor.org/rfc/rfc9309#section-2.2.1",
)
BETWEEN = NoteKind(
    "canel-between-agents",
    Level.WARNING,
    "a rule about AI training between user-agent lines; parsers disagree whether it ends the group",
    "Put it below all user-agent lines of its group, after a rule.",
    "https://www.rfc-editor.org/rfc/rfc9309#section-2.2.4",
)
SEPARATOR = NoteKind(
    "canel-separator",
    Level.WARNING,
    "a directive about AI training without a comma before or after it was read all the same: {}",
    "Separate directives with commas.",
    _DRAFT,
)
MISSPELT = NoteKind(
    "canel-misspelt",
    Level.WARNING,
    "a rule that is nearly one about AI training says nothing: {}",
    "Write DisallowAITraining in one word; Content-Usage is what crawlers are asked to read today.",
    _DRAFT,
)


class CanelFindings(Findings):
    """The rules of a robots.txt, or the directives of a head or a page."""

    __slots__ = ("said", "source")

    def __init__(
        self,
        source: ParsedDocument,
        notes: Sequence[Note],
        said: Sequence[Statement] = (),
    ) -> None:
        super().__init__(source.place, tuple(notes[:_MOST]))
        self.source = source
        #: The directives, each with its bot.
        self.said = tuple(said)

    def statements(self) -> tuple[Statement, ...]:
        """All statements, each with its path and agents."""
        return (*self._ruled(), *self.said)

    def about(self, question: Question) -> tuple[Statement, ...]:
        """What is said to an agent about a path: the deciding rule, or every directive.

        Of a fallback list a no that addresses any token counts, a yes that addresses the first
        that counts.
        """
        agent, path, cut = question.agent, question.path, question.truncated
        token = agent.key
        if self.place is not ROBOTS_TXT:
            return tuple(
                said
                for said in self.said
                if said.scope.agents[0] in ("*", token)
                or (said.preference is Preference.DISALLOWED and said.scope.agents[0] in agent.keys)
            )
        group = self.source.robots.group_for(token)
        rule = _rules_of(group).deciding(path, cut=cut) if group else None
        if group is None or rule is None:
            return ()
        said = self._statement(group, rule)
        lost = _unreadable(group) if rule.allow else None
        return (said, self._doubt(lost)) if lost else (said,)

    def _doubt(self, record: Record) -> Statement:
        """A rule that disallows what could not be read: no permission beside it counts."""
        text = self.source.robots.line(record.line)
        doubt = _statement(self.source, "robots.txt", _DISALLOW, text, record.line, EVERYTHING)
        return replace(doubt, preference=Preference.UNKNOWN)

    def _ruled(self) -> Iterator[Statement]:
        """The statements of robots.txt."""
        if self.place is ROBOTS_TXT:
            for group in self.source.robots.groups:
                for rule in _as_rules(group.records):
                    yield self._statement(group, Rule(*rule))

    def _statement(self, group: Group, rule: Rule) -> Statement:
        """The statement that one rule makes."""
        key = _ALLOW if rule.allow else _DISALLOW
        text, scope = f"{_NAMES[key]}: {rule.path}", Scope(rule.path, group.agents)
        return _statement(self.source, "robots.txt", key, text, rule.line, scope)


class Canel(Signal[CanelFindings]):
    """DisallowAITraining and AllowAITraining."""

    name = "canel"
    title = "DisallowAITraining"
    reference = "draft-canel-robots-ai-control-00"
    status = Status.DRAFT
    since = "2024-10"
    carriers = (
        Carrier("robots.txt", ROBOTS_TXT),
        Carrier("header", HEADERS),
        Carrier("meta", CONTENT),
    )
    terms = {
        "DisallowAITraining": Term((), TRAIN),
        "AllowAITraining": Term(TRAIN, ()),
    }
    notes = (PATH, OUTSIDE, BETWEEN, SEPARATOR, MISSPELT)
    fields = (b"x-robots-tag",)
    words = (_ALLOW.encode(),)  # the other name ends with it

    def parse(self, source: ParsedDocument) -> CanelFindings | None:
        """Read the rules of every group, the header lines, or the robots metas."""
        if source.place is ROBOTS_TXT:
            return _robots(source)
        notes: list[Note] = []
        said: list[Statement] = []
        if source.place is HEADERS:
            for value in dict.fromkeys(source.document.fields.get("x-robots-tag", ())):
                if _ALLOW in value.lower():
                    said += _directives(source, "header", value, "*", None, notes)
        else:
            for meta in source.metas:
                if _ALLOW in meta.content.lower():
                    bot = "*" if meta.name == "robots" else meta.name
                    said += _directives(source, "meta", meta.content, bot, meta.line, notes)
            if source.guessed:
                said = [one for one in said if one.preference is not Preference.ALLOWED]
        return CanelFindings(source, notes, said) if said else None

    def settle(self, found: Sequence[CanelFindings], question: Question) -> Settled | None:
        """The deciding rule and all directives together, the most restrictive."""
        said = [statement for findings in found for statement in findings.about(question)]
        return settled_from(said)

    def depends_on(self, found: Sequence[CanelFindings], question: Question) -> Dependencies | None:
        """The rules of the group."""
        if any(findings.place is not ROBOTS_TXT for findings in found):
            return None
        group = found[0].source.robots.group_for(question.agent.key)
        return Dependencies(group, _rules_of(group).patterns) if group else NO_DEPENDENCIES

    def write(self, intent: Intent) -> tuple[Rendering, ...]:
        """The rule inside a group, the header and the meta."""
        for name in terms_for(self.terms, intent):
            bots = ["" if agent == "*" else f"{agent}: " for agent in intent.agents]
            metas = ["robots" if agent == "*" else agent for agent in intent.agents]
            return (
                Rendering(self.carriers[0], intent.group(f"{name}: /")),
                Rendering(
                    self.carriers[1], "\n".join(f"X-Robots-Tag: {bot}{name}" for bot in bots)
                ),
                Rendering(
                    self.carriers[2],
                    "\n".join(f'<meta name="{meta}" content="{name}">' for meta in metas),
                ),
            )
        return ()


def _robots(source: ParsedDocument) -> CanelFindings | None:
    # The body of an error page is no robots.txt (RFC 9309 §2.3.1.3).
    if source.document.outcome is not Outcome.FETCHED:
        return None
    robots = source.robots
    notes: list[Note] = []
    for key in _NAMES if source.unread_records.misspelt else ():
        notes += source.misspelt(MISSPELT, key)
    if robots.keys.isdisjoint(_NAMES):
        return CanelFindings(source, notes) if notes else None
    notes += [source.note(OUTSIDE, line=one.line) for one in robots.loose if one.key in _NAMES]
    between = sorted({line for key in _NAMES for line in robots.between_agents(key)})
    notes += [source.note(BETWEEN, line=line) for line in between[:_MOST]]
    for group in robots.groups:
        for record in group.records:
            if record.key in _NAMES and record.value and record.value[0] not in "/*":
                notes.append(source.note(PATH, record.value, record.line))
    return CanelFindings(source, notes)


def _as_rules(records: Iterable[Record]) -> Iterator[BareRule]:
    """The rules among a group's records; one without a path is none, as with Disallow."""
    for record in records:
        if record.key in _NAMES and record.value:
            yield record.key == _ALLOW, record.value, record.line


def _unreadable(group: Group) -> Record | None:
    """The first rule of a group that disallows something and has no path that can match."""
    for record in group.records:
        if record.key == _DISALLOW and record.value and record.value[0] not in "/*":
            return record
    return None


def _rules_of(group: Group) -> GroupRules:
    """The rules of a group, ready to be asked; made once."""
    found = group.memo.get("canel")
    if not isinstance(found, GroupRules):
        found = group.memo["canel"] = GroupRules(tuple(_as_rules(group.records)))
    return found


def _directives(
    source: ParsedDocument, carrier: str, value: str, bot: str, line: int | None, notes: list[Note]
) -> Iterator[Statement]:
    shown = f"X-Robots-Tag: {value}" if carrier == "header" else f"robots meta: {value}"
    for directive in robots_directives(value, bot):
        names = [directive.name]
        if directive.name not in _NAMES:
            words = directive.name.replace(";", " ").split()
            # Among other words no permission is read: they may take it back.
            names = [_DISALLOW] if _DISALLOW in words else []
            # Elsewhere than in a list of directives the word may stand in a sentence.
            if not names or bot != "*":
                continue
            notes.append(source.note(SEPARATOR, directive.name, line))
        for name in names:
            yield _statement(source, carrier, name, shown, line, Scope(None, (directive.bot,)))


def _statement(
    source: ParsedDocument, carrier: str, name: str, text: str, line: int | None, scope: Scope
) -> Statement:
    return Statement(
        signal=Canel.name,
        carrier=carrier,
        category="ai-train",
        covers=TRAIN,
        preference=Preference.ALLOWED if name == _ALLOW else Preference.DISALLOWED,
        text=shorten(text),
        span=source.span(line),
        scope=scope,
    )
