"""ai.txt: the Spawning dialect, draft-car-ai-txt-wellknown-00, and others that share the name.

Which dialect a file is written in is found out before it is read; what is in none of the two
says nothing but what ``asides.py`` reads. What a declaration of the draft means is
``declaration.py``'s business. References:
https://spawning.substack.com/p/aitxt-a-new-way-for-websites-to-set and
https://datatracker.ietf.org/doc/html/draft-car-ai-txt-wellknown-00
"""

from collections.abc import Sequence
from copy import copy
from itertools import islice
from typing import Self

from reservation_middleware.model import (
    Level,
    Note,
    NoteKind,
    Outcome,
    Preference,
    Scope,
    Statement,
)
from reservation_middleware.model.vocabulary import AI_INDEX, TRAIN
from reservation_middleware.signals.base import (
    Carrier,
    Findings,
    Intent,
    ParsedDocument,
    Place,
    Question,
    Rendering,
    Settled,
    Signal,
    Status,
    Term,
    combine,
    for_display,
    shorten,
    terms_for,
    without_doubted,
)
from reservation_middleware.syntax.ai_txt import (
    LIMIT,
    OTHERS,
    POLICIES,
    Declaration,
    RobotsDialect,
    Shape,
    may_say,
    read_json,
    read_text,
    robots_like,
    shape,
    text_of,
)
from reservation_middleware.syntax.charset import ascii_based
from reservation_middleware.syntax.extension_rules import ExtensionRules, lacks_start
from reservation_middleware.syntax.robots import Group, Rule
from reservation_middleware.syntax.spelling import nearest, shown

from .asides import NEAR_MISS, UNCLEAR, Asides
from .declaration import MOST, NOT_USAGE, PATHS, REPEATED, SITE, STRAY, VALUE, Declared

_SPAWNING = "https://spawning.substack.com/p/aitxt-a-new-way-for-websites-to-set"
AI_TXT = Place("ai.txt", "/ai.txt", LIMIT)
WELL_KNOWN = Place(".well-known/ai.txt", "/.well-known/ai.txt", LIMIT)
AI_JSON = Place("ai.json", "/.well-known/ai.json", LIMIT)

UNRECOGNISED = NoteKind(
    "ai-txt-not-recognised",
    Level.INFO,
    "what is served as {} is in no dialect of ai.txt that is read here, so it says nothing",
    "Use User-Agent and Disallow as Spawning has it, or the fields of draft-car-ai-txt-wellknown.",
    _SPAWNING,
)
OUTSIDE = NoteKind(
    "ai-txt-rule-outside-group",
    Level.WARNING,
    "a rule before the first User-Agent line is ignored: {}",
    "Put User-Agent: * above it.",
    _SPAWNING,
)
PATTERN = NoteKind(
    "ai-txt-pattern",
    Level.WARNING,
    "a pattern without / or * in front is read as an extension, or else matches nothing: {}",
    "Write *.jpg for an extension and /images/ for a path.",
    _SPAWNING,
)
MIXED = NoteKind(
    "ai-txt-mixed",
    Level.WARNING,
    "rules and declaration in one file; both are read, and the most restrictive counts",
    "Put the rules into /ai.txt and the declaration into /.well-known/ai.txt.",
    _SPAWNING,
)
MISSPELT = NoteKind(
    "ai-txt-misspelt",
    Level.WARNING,
    "a name that is nearly one of the dialect's says nothing: {}",
    "Correct the name.",
    _SPAWNING,
)
#: Keys of rules, and fields of a declaration whose misspellings are noted.
_RULES = ("user-agent", "allow", "disallow")
_MOST_OTHERS = 100
_FIELDS = (*POLICIES, "site-name", "site-url", "training-allow", "training-deny")


class AiTxtFindings(Findings):
    """A file's rules, its declaration, or both."""

    __slots__ = ("_carrier", "_letter", "_made", "_source", "asides", "declared", "ruled")

    def __init__(
        self,
        source: ParsedDocument,
        carrier: str,
        notes: Sequence[Note],
        declared: Declared | None = None,
        *,
        asides: Asides | None = None,
    ) -> None:
        super().__init__(source.place, tuple(notes[:MOST]))
        self._source = source
        self._carrier = carrier
        self._made: dict[int, Statement] = {}
        self.declared = declared
        #: Whether there are rules of the Spawning dialect, and the lines among them that are none.
        self.ruled = asides is not None
        self.asides = asides
        self._letter: Self | None = None

    @property
    def to_the_letter(self) -> Self:
        """The same file without near misses."""
        declared, asides = self.declared, self.asides
        if not (declared and declared.has_near_misses) and not (asides and asides.has_near_misses):
            return self
        if self._letter is None:
            letter = self._letter = copy(self)
            if declared:
                letter.declared = None if declared.is_near_miss else declared.to_the_letter()
            letter.asides = asides.to_the_letter() if asides else None
        return self._letter

    def about(self, token: str, path: str) -> list[Statement]:
        """What the rules and the lines among them say to an agent about a canonical path."""
        rule = self.rule(token, path)
        return [*([rule] if rule else []), *(self.asides.about(token, path) if self.asides else ())]

    def rule(self, token: str, path: str) -> Statement | None:
        """What the rules say to an agent (lower case) about a canonical path."""
        group = self._source.robots.group_for(token) if self.ruled else None
        if group is None:
            return None
        rules = group.memo.get(AiTxt.name)
        if not isinstance(rules, ExtensionRules):
            rules = group.memo[AiTxt.name] = ExtensionRules(group.rules)
        rule = rules.deciding(path)
        if rule is None:
            return None
        made = self._made.get(rule.line)
        if made is None:
            made = self._made[rule.line] = self._statement(group, rule)
        return made

    def statements(self) -> tuple[Statement, ...]:
        """All rules and all that is declared."""
        groups = self._source.robots.groups if self.ruled else ()
        rules = (self._statement(group, rule) for group in groups for rule in group.rules)
        asides = self.asides.statements() if self.asides else ()
        return (*rules, *asides, *(self.declared.statements() if self.declared else ()))

    def _statement(self, group: Group, rule: Rule) -> Statement:
        return Statement(
            signal=AiTxt.name,
            carrier=self._carrier,
            category="ai-train",
            covers=TRAIN,
            preference=Preference.ALLOWED if rule.allow else Preference.DISALLOWED,
            text=shorten(self._source.robots.line(rule.line)),
            span=self._source.span(rule.line),
            scope=Scope(rule.path, group.agents),
        )


class AiTxt(Signal[AiTxtFindings]):
    """ai.txt and ai.json."""

    name = "ai-txt"
    title = "ai.txt"
    reference = "Spawning ai.txt, 30 May 2023; draft-car-ai-txt-wellknown-00"
    status = Status.VENDOR
    since = "2023-05"
    carriers = (
        Carrier("ai.txt", AI_TXT),
        Carrier("well-known-ai.txt", WELL_KNOWN),
        Carrier("ai.json", AI_JSON),
    )
    terms = {
        "Allow": Term(TRAIN, ()),
        "Disallow": Term((), TRAIN),
        "Training": Term(TRAIN, TRAIN),
        "Indexing": Term((AI_INDEX,), (AI_INDEX,)),
    }
    notes = (
        *(UNRECOGNISED, OUTSIDE, PATTERN, MIXED),
        *(SITE, VALUE, REPEATED, PATHS, STRAY, NOT_USAGE, NEAR_MISS, UNCLEAR, MISSPELT),
    )

    def parse(self, source: ParsedDocument) -> AiTxtFindings | None:
        """Find out the dialect and read it; any of them may stand at any of the places."""
        document = source.document
        if document.outcome is not Outcome.FETCHED or document.body is None:
            return None
        carrier = next(one.name for one in self.carriers if one.place is source.place)
        body = ascii_based(document.body, document.charset, markup=False)
        found = shape(body, document.media_type)
        if found is Shape.NOTHING:
            return None
        declaration, robots = None, RobotsDialect.NO
        if found is Shape.JSON:
            declaration = read_json(body)
        elif found is Shape.TEXT:
            text = text_of(body)
            robots = robots_like(text)
            if robots is RobotsDialect.YES:
                return self._rules(source, carrier, read_text(text) if may_say(text) else None)
            declaration = read_text(text)
            if robots is RobotsDialect.RULES and not declaration.declares:
                return AiTxtFindings(source, carrier, [*_rules_meant(source), *_outside(source)])
        meant = _fields_meant(source, declaration) if declaration else []
        declared = Declared(source, carrier, declaration) if declaration else None
        if declared is None or (declared.is_near_miss and not declared.has_near_misses):
            unread = source.note(UNRECOGNISED, source.place.name)
            return AiTxtFindings(source, carrier, [unread, *meant])
        lost = [*meant, *(_outside(source) if robots is RobotsDialect.RULES else ())]
        return AiTxtFindings(source, carrier, [*lost, *declared.notes], declared)

    def settle(self, found: Sequence[AiTxtFindings], question: Question) -> Settled | None:
        """One declaration, JSON before text, and one set of rules: the most restrictive counts."""
        token, path = question.agent.key, question.path
        declared, heard = None, list[Statement]()
        for one in reversed(found):
            if one.declared and not declared:
                heard += one.declared.about(token, path)
                declared = None if one.declared.is_near_miss else one.declared
        ruled = next((one for one in found if one.ruled), None)
        if ruled:
            heard += ruled.about(token, path)
        said = without_doubted(heard)
        if not said:
            return None

        usage = combine(said)
        denied = declared and Preference.DISALLOWED in {usage.get(leaf) for leaf in TRAIN}
        return Settled(
            usage=usage,
            statements=for_display(said),
            offers=declared.offers if declared and denied else (),
            identifiers=declared.identifiers if declared else (),
        )

    def write(self, intent: Intent) -> tuple[Rendering, ...]:
        """One rule, about everything where no path is named; a declaration would have to name the site."""
        preferences = terms_for(self.terms, intent)
        for word in ("Disallow", "Allow"):
            if word in preferences:
                return (Rendering(self.carriers[0], intent.group(f"{word}: {intent.path or '/'}")),)
        return ()

    def _rules(
        self, source: ParsedDocument, carrier: str, declaration: Declaration | None
    ) -> AiTxtFindings:
        is_complete = declaration is not None and not declaration.missing()
        asides = Asides(source, carrier, ("training",) if is_complete else ())
        found = list(islice(asides.lines(), MOST))
        notes = [source.note(kind, text, line) for kind, line, text in found]
        told = {line for _, line, _ in found}
        notes += [*_rules_meant(source), *_outside(source)]
        notes += [
            source.note(PATTERN, rule.path, rule.line)
            for group in source.robots.groups
            for rule in group.rules
            if lacks_start(rule) and rule.line not in told
        ][:MOST]
        declared = None
        if declaration and declaration.says:
            # What its silence means is for files that are nothing else.
            declared = Declared(source, carrier, declaration, silence=None)
            notes = [source.note(MIXED), *notes, *declared.notes]
        return AiTxtFindings(source, carrier, notes, declared, asides=asides)


def _rules_meant(source: ParsedDocument) -> list[Note]:
    """Lines that were meant to be rules, or to name whom they are for."""
    return [note for key in _RULES for note in source.misspelt(MISSPELT, key)]


def _fields_meant(source: ParsedDocument, declaration: Declaration) -> list[Note]:
    """Fields that are nearly those of a declaration which it lacks."""
    lacking = tuple(key for key in _FIELDS if key not in declaration.site)
    return [
        source.note(MISSPELT, f"{shown(field.key)} ({meant}?)", field.line)
        for field in declaration.site.get(OTHERS, ())[:_MOST_OTHERS]
        if (meant := nearest(field.key, lacking))
    ]


def _outside(source: ParsedDocument) -> list[Note]:
    return [
        source.note(OUTSIDE, one.text, one.line)
        for one in source.robots.problems
        if one.what == "rule-outside-group"
    ][:MOST]
