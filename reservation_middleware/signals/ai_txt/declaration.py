"""What a declaration of draft-car-ai-txt-wellknown-00 means.

Its grammar is ``syntax/ai_txt.py``. Here: which value holds for an agent and a path, the
statements, offers and notes. Reference:
https://datatracker.ietf.org/doc/html/draft-car-ai-txt-wellknown-00
"""

from collections.abc import Iterator
from copy import copy
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
from reservation_middleware.signals.near_miss import refuses
from reservation_middleware.syntax.ai_txt import (
    ALLOW,
    CONDITIONAL,
    DENY,
    OTHERS,
    POLICIES,
    WORDS,
    Declaration,
    Field,
    Fields,
    contact_of,
    word_of,
)
from reservation_middleware.syntax.path import octets
from reservation_middleware.syntax.pattern_index import PatternIndex

from .asides import NAME, NEAR_MISS, UNCLEAR, is_about_use, refused_use

#: The word of a field that has none of the three, and from which nothing follows but doubt.
_UNCLEAR = "unclear"
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
#: Fields that say something of use.
_USES = ("training", "indexing")
_MORE = Field("", "", None, "(more lines than are read)")
_NO_FIELD = Field("training", DENY, None, "(no Training field)")


class _Choice(msgspec.Struct, frozen=True):
    """The value that holds for an agent, and whether an agent block says so.

    Attributes:
        word: deny, conditional, allow or unclear.
        near_miss: whether the field refuses in other words than the draft's.
    """

    word: str
    field: Field
    own: bool
    near_miss: bool = False


class _Choices(msgspec.Struct, frozen=True):
    """What holds for an agent, and a field that takes a permission of it away."""

    holds: _Choice | None
    doubt: Field | None


class Declared:
    """A declaration, ready to be asked.

    Args:
        source: the document.
        carrier: how reasons name it.
        fields: what stands in it.
        silence: what no Training field means where the declaration is complete; None where the
            file has rules, too, whose other lines are ``asides.py``'s business.
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
        self._is_complete = not missing
        self._is_alone = silence is not None
        #: Whether refusals in other words than the draft's count as not said.
        self._is_literal = False
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
                signal=NAME,
                document=source.document.url,
                line=one.line,
            )
            for one in licences
        )
        #: What is to be had where training is not allowed.
        self.offers = tuple(self._read_offers())
        self._choices: dict[tuple[str, str], _Choices] = {}
        self._doubts: dict[str, Field | None] = {}
        self._look_over()

    def about(self, token: str, path: str) -> list[Statement]:
        """What it says to an agent (lower case) about a canonical path."""
        training = self._training(token, path.partition("?")[0])
        said = [training] if training else []
        indexing = self._choice(token, "indexing").holds
        if indexing:
            said.append(self._chosen(indexing))
        doubts = [self._choice(token, key).doubt for key in _USES]
        doubts.append(self._other_doubt(token))
        said += [self._doubt(field) for field in doubts if field]
        return said

    @property
    def has_near_misses(self) -> bool:
        """Whether anything in it refuses in other words than the draft's."""
        return any(
            near
            for part in self._fields.parts()
            for key in _USES
            for _, _, near in self._words(part, key)
        )

    @property
    def is_near_miss(self) -> bool:
        """Whether it is of this dialect for such words only."""
        return not self._fields.declares

    def to_the_letter(self) -> "Declared":
        """The same declaration without such words."""
        letter = copy(self)
        letter._is_literal = True  # noqa: SLF001 - its own
        letter._choices = {}  # noqa: SLF001
        return letter

    def statements(self) -> Iterator[Statement]:
        """Every statement with its path and agents."""
        for tokens, part in ((("*",), self._fields.site), *self._fields.blocks):
            scope = Scope(None, tokens)
            for key in _USES:
                for word, field, near in self._words(part, key):
                    if word != _UNCLEAR:
                        yield self._make(field, word == ALLOW, scope, near_miss=near)
        for path in self._paths:
            yield self._make(path, allowed=path.key == _PATH_ALLOW, scope=Scope(path.value))
        if self._silence and not self._fields.site.get("training"):
            yield self._make(_NO_FIELD, allowed=False)

    def _training(self, token: str, path: str) -> Statement | None:
        choice = self._choice(token, "training").holds
        if choice and (choice.word == DENY or (choice.own and choice.word == ALLOW)):
            return self._chosen(choice)
        _, denies, best = max(self._matching(path), key=itemgetter(0, 1), default=(0, False, None))
        if best and (denies or (choice and choice.word == CONDITIONAL)):
            return self._make(best, not denies)
        return self._chosen(choice) if choice else None

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

    def _choice(self, token: str, key: str) -> _Choices:
        """The agent's own word, else that for all agents, else the site's (§2.7)."""
        about_token = self._fields.about(token)
        known = token if about_token else "*", key
        if known in self._choices:
            return self._choices[known]
        found = doubt = None
        for blocks, own in (
            (about_token, True),
            (self._fields.about("*"), True),
            ([self._fields.site], False),
        ):
            words = [one for block in blocks for one in self._words(block, key)]
            doubt = next((field for word, field, _ in words if word == _UNCLEAR), doubt)
            words = [one for one in words if one[0] != _UNCLEAR]
            if words:
                # Of two denials the one that is spelled as the draft has it.
                word, field, near = min(words, key=lambda one: (WORDS.index(one[0]), one[2]))
                found = _Choice(word, field, own, near)
                break
        if found is None and key == "training" and self._silence:
            found = _Choice(self._silence, _NO_FIELD, own=False)
        self._choices[known] = _Choices(found, doubt)
        return self._choices[known]

    def _words(self, block: Fields, key: str) -> Iterator[tuple[str, Field, bool]]:
        """What the fields of a block say: the word, the field and whether it is a near miss."""
        for field in block.get(key, ()):
            word = word_of(field)
            if word:
                yield word, field, False
            elif key == "training" and self._is_complete:
                yield DENY, field, False  # no other word is one, and the default denies (§2.4)
            elif not self._is_alone:
                continue
            elif not refuses(field.value):
                yield _UNCLEAR, field, False
            elif not self._is_literal:
                yield DENY, field, True
        if self._is_alone and not self._is_literal:
            for field in block.get(OTHERS, ()):
                if refused_use(field.key, field.value) == key:
                    yield DENY, field, True

    def _other_doubt(self, token: str) -> Field | None:
        """A line about use that was not understood, the site's or of an agent's blocks."""
        if not self._is_alone:
            return None
        if self._fields.cut:
            return _MORE
        about_token = self._fields.about(token)
        known = token if about_token else "*"
        if known not in self._doubts:
            blocks = (self._fields.site, *about_token, *self._fields.about("*"))
            found = (field for block in blocks for field in self._unclear(block))
            self._doubts[known] = next(found, None)
        return self._doubts[known]

    def _unclear(self, block: Fields) -> Iterator[Field]:
        for field in block.get(OTHERS, ()):
            if not refused_use(field.key, field.value) and is_about_use(field.key, field.value):
                yield field

    def _chosen(self, choice: _Choice) -> Statement:
        return self._make(choice.field, choice.word == ALLOW, near_miss=choice.near_miss)

    def _doubt(self, field: Field) -> Statement:
        indexing = (AI_INDEX,) if field.key != "training" else ()
        training = TRAIN if field.key != "indexing" else ()
        return Statement(
            signal=NAME,
            carrier=self._carrier,
            category="ai-train" if training else AI_INDEX,
            covers=(*indexing, *training),
            preference=Preference.UNKNOWN,
            text=shorten(field.text),
            span=self._source.span(field.line),
        )

    def _make(
        self, field: Field, allowed: bool, scope: Scope = EVERYTHING, *, near_miss: bool = False
    ) -> Statement:
        training = field.key != "indexing"
        conditional = training and (allowed or word_of(field) == CONDITIONAL)
        return Statement(
            signal=NAME,
            carrier=self._carrier,
            category="ai-train" if training else AI_INDEX,
            covers=TRAIN if training else (AI_INDEX,),
            preference=Preference.ALLOWED if allowed else Preference.DISALLOWED,
            text=shorten(field.text),
            span=self._source.span(field.line),
            scope=scope,
            conditions=self._conditions if conditional else (),
            near_miss=near_miss,
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
                    signal=NAME,
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
                        near = key in _USES and not self._is_complete and self._is_alone
                        near = near and refuses(field.value)
                        self._note(NEAR_MISS if near else VALUE, field.text, field.line)
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
        if self._is_alone:
            for part in self._fields.parts():
                for field in part.get(OTHERS, ()):
                    if refused_use(field.key, field.value):
                        self._note(NEAR_MISS, field.text, field.line)
                for field in self._unclear(part):
                    self._note(UNCLEAR, field.text, field.line)

    def _note(self, kind: NoteKind, detail: str, line: int | None = None) -> None:
        if len(self.notes) < MOST:
            self.notes.append(self._source.note(kind, shorten(detail), line))
