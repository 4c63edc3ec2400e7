"""What a declaration of draft-car-ai-txt-wellknown-00 means.

Its grammar is ``syntax/ai_txt.py``. Here: which value holds for an agent and a path, the
statements, offers and notes. Reference:
https://datatracker.ietf.org/doc/html/draft-car-ai-txt-wellknown-00
"""

from collections.abc import Iterator
from operator import itemgetter

import msgspec

from reservation_middleware.model import (
    Identifier,
    Level,
    Note,
    NoteKind,
    Offer,
    Preference,
    Scope,
    Statement,
)
from reservation_middleware.model.statement import EVERYTHING
from reservation_middleware.model.vocabulary import AI_INDEX, TRAIN
from reservation_middleware.signals.base import ParsedDocument, shorten
from reservation_middleware.syntax.ai_txt import (
    ALLOW,
    CONDITIONAL,
    DENY,
    POLICIES,
    WORDS,
    Declaration,
    Field,
    contact_of,
    valid,
    word_of,
)
from reservation_middleware.syntax.path import octets
from reservation_middleware.syntax.pattern_index import PatternIndex

DRAFT = "https://datatracker.ietf.org/doc/html/draft-car-ai-txt-wellknown-00"
#: Notes of one kind in one document.
MOST = 10

SITE = NoteKind(
    "ai-txt-site-missing",
    Level.WARNING,
    "a declaration without {}; it was read, but its silence denies nothing",
    "Give both Site-Name and Site-URL.",
    DRAFT,
)
VALUE = NoteKind(
    "ai-txt-value-invalid",
    Level.WARNING,
    "a value that the field cannot have counts as not given: {}",
    "Use allow, deny or conditional, https URLs, and a mail address or page as Contact.",
    DRAFT,
)
REPEATED = NoteKind(
    "ai-txt-repeated",
    Level.WARNING,
    "a field is given twice with different values; the most restrictive counts: {}",
    "Give each field once, and indent what belongs to an agent.",
    DRAFT,
)
PATHS = NoteKind(
    "ai-txt-paths-unconditional",
    Level.WARNING,
    "a path beside a Training that is not conditional: {}",
    "Say Training: conditional where paths differ.",
    DRAFT,
)
STRAY = NoteKind(
    "ai-txt-line-unreadable",
    Level.INFO,
    "a line that is no field, or indented outside an agent block, is ignored: {}",
    "Write Field: value, and indent only what belongs to an agent.",
    DRAFT,
)
NOT_USAGE = NoteKind(
    "ai-txt-not-usage",
    Level.INFO,
    "a wish about access or storage is recorded and changes no answer: {}",
    "Say in robots.txt who may fetch what.",
    DRAFT,
)

_OFFERS = (("training-fee", "price"), ("policy-url", "policy"), ("contact", "contact"))
_PATH_ALLOW = "training-allow"
_NO_FIELD = Field("training", DENY, None, "(no Training field)")


class _Choice(msgspec.Struct, frozen=True):
    """The value that holds for an agent, and whether an agent block says so."""

    word: str
    field: Field
    own: bool


class Declared:
    """A declaration, ready to be asked.

    Args:
        source: the document.
        carrier: how reasons name it.
        fields: what stands in it.
        silence: what no Training field means where the declaration is complete.
    """

    def __init__(
        self,
        source: ParsedDocument,
        carrier: str,
        fields: Declaration,
        *,
        silence: str | None = DENY,
    ) -> None:
        self._source = source
        self._carrier = carrier
        self._fields = fields
        self.notes: list[Note] = []
        missing = fields.missing()
        if missing and silence:
            self._note(SITE, " and ".join(missing))
        self._silence = None if missing else silence
        self._paths = tuple(self._read_paths())
        # A permission is read narrowly, so its glob ends where the path ends; a reservation
        # widely, so that it covers whatever starts with it.
        self._index = PatternIndex(
            path.value + "$" if path.key == _PATH_ALLOW else path.value for path in self._paths
        )
        #: How much of a path is spelled out, by its number.
        self._octets: dict[int, int] = {}
        licences = [one for one in fields.site.get("training-license", ()) if one.value][:1]
        self._conditions = (
            *(f"training-license={shorten(one.value)}" for one in licences),
            *(f"{key}=required" for key in fields.required()),
        )
        self.identifiers = tuple(
            Identifier(
                scheme="licence",
                value=shorten(one.value),
                signal="ai-txt",
                document=source.document.url,
                line=one.line,
            )
            for one in licences
        )
        #: What is to be had where training is not allowed.
        self.offers = tuple(self._read_offers())
        self._choices: dict[tuple[str, str], _Choice | None] = {}
        self._look_over()

    def about(self, token: str, path: str) -> list[Statement]:
        """What it says to an agent (lower case) about a canonical path."""
        training = self._training(token, path.partition("?")[0])
        said = [training] if training else []
        indexing = self._choice(token, "indexing")
        if indexing:
            said.append(self._statement(indexing.field, allowed=indexing.word == ALLOW))
        return said

    def statements(self) -> Iterator[Statement]:
        """Every statement with its path and agents."""
        for tokens, part in ((("*",), self._fields.site), *self._fields.blocks):
            scope = Scope(None, tokens)
            for key in ("training", "indexing"):
                for word, field in valid(part, key):
                    yield self._make(field, allowed=word == ALLOW, scope=scope)
        for path in self._paths:
            yield self._make(path, allowed=path.key == _PATH_ALLOW, scope=Scope(path.value))
        if self._silence and not valid(self._fields.site, "training"):
            yield self._make(_NO_FIELD, allowed=False)

    def _training(self, token: str, path: str) -> Statement | None:
        choice = self._choice(token, "training")
        if choice and (choice.word == DENY or (choice.own and choice.word == ALLOW)):
            return self._statement(choice.field, allowed=choice.word == ALLOW)
        _, denies, best = max(self._matching(path), key=itemgetter(0, 1), default=(0, False, None))
        if best and (denies or (choice and choice.word == CONDITIONAL)):
            return self._statement(best, allowed=not denies)
        return self._statement(choice.field, allowed=choice.word == ALLOW) if choice else None

    def _matching(self, path: str) -> Iterator[tuple[int, bool, Field]]:
        """The paths that match, each with its octets and whether it denies."""
        slashes = path.count("/")
        for number in self._index.matching(path):
            one = self._paths[number]
            glob, denies = one.value, one.key != _PATH_ALLOW
            # With as many slashes as the path, none is left over for a star.
            if denies or "**" in glob or glob.count("/") == slashes:
                if number not in self._octets:
                    self._octets[number] = octets(glob)
                yield self._octets[number], denies, one

    def _choice(self, token: str, key: str) -> _Choice | None:
        """The agent's own word, else that for all agents, else the site's (§2.7)."""
        own = self._fields.about(token)
        known = token if own else "*", key
        if known not in self._choices:
            found = None
            for blocks, is_named in (
                (own, True),
                (self._fields.about("*"), True),
                ([self._fields.site], False),
            ):
                words = [pair for block in blocks for pair in valid(block, key)]
                if words:
                    found = _Choice(*min(words, key=lambda one: WORDS.index(one[0])), is_named)
                    break
            if found is None and key == "training" and self._silence:
                found = _Choice(self._silence, _NO_FIELD, own=False)
            self._choices[known] = found
        return self._choices[known]

    def _statement(self, field: Field, *, allowed: bool) -> Statement:
        """The statement of a field, for whomever it is."""
        return self._make(field, allowed=allowed)

    def _make(self, field: Field, *, allowed: bool, scope: Scope = EVERYTHING) -> Statement:
        training = field.key != "indexing"
        conditional = training and (allowed or word_of(field) == CONDITIONAL)
        return Statement(
            signal="ai-txt",
            carrier=self._carrier,
            category="ai-train" if training else AI_INDEX,
            covers=TRAIN if training else (AI_INDEX,),
            preference=Preference.ALLOWED if allowed else Preference.DISALLOWED,
            text=shorten(field.text),
            span=self._source.span(field.line),
            scope=scope,
            conditions=self._conditions if conditional else (),
        )

    def _read_paths(self) -> Iterator[Field]:
        for key in (_PATH_ALLOW, "training-deny"):
            for field in self._fields.site.get(key, ()):
                if field.value.startswith(("/", "*")):
                    yield field
                else:
                    self._note(VALUE, field.text, field.line)

    def _read_offers(self) -> Iterator[Offer]:
        for key, kind in _OFFERS:
            for field in self._fields.site.get(key, ())[:1]:
                person = kind == "contact"
                found = contact_of(field.value) if person else self._https(field.value)
                if found is None:
                    self._note(VALUE, field.text, field.line)
                    continue
                yield Offer(
                    kind=kind,
                    signal="ai-txt",
                    url=None if person else found,
                    per="training" if kind == "price" else None,
                    contact=shorten(found) if person else None,
                    document=self._source.document.url,
                    line=field.line,
                )

    def _https(self, value: str) -> str | None:
        """An address that may be followed (§5): by https only."""
        one_word = value.isprintable() and " " not in value
        found = self._source.address(value) if one_word else None
        return found if found and found.lower().startswith("https://") else None

    def _look_over(self) -> None:
        """Note what people should know and what answers nothing."""
        conditional = False
        for part in self._fields.parts():
            for key in POLICIES:
                if key not in part:
                    continue
                seen: set[str] = set()
                for field in part[key]:
                    word = word_of(field)
                    if word is None:
                        self._note(VALUE, field.text, field.line)
                    elif word != ALLOW and key in ("scraping", "caching"):
                        self._note(NOT_USAGE, field.text, field.line)
                    if word and seen - {word}:
                        self._note(REPEATED, field.text, field.line)
                    seen.update([word] if word else ())
                conditional |= key == "training" and CONDITIONAL in seen
        if self._paths and not conditional:
            self._note(PATHS, self._paths[0].text, self._paths[0].line)
        for line, text in self._fields.strays:
            self._note(STRAY, text, line)

    def _note(self, kind: NoteKind, detail: str, line: int | None = None) -> None:
        if len(self.notes) < MOST:
            self.notes.append(self._source.note(kind, shorten(detail), line))
