"""Lines of an ai.txt that are in none of its dialects: refusals all the same, and doubts.

Read here: what such a line refuses beyond doubt (a near miss), and whether it speaks of use at
all, so that no permission beside it counts. Lines in comments are none. What rules and
declarations say to the letter is not looked at. Reference: ``spec/signals/ai-txt.md``.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from copy import copy

import msgspec

from reservation_middleware.model import Level, NoteKind, Preference, Scope, Statement
from reservation_middleware.model.vocabulary import AI_INDEX, TRAIN
from reservation_middleware.signals.base import ParsedDocument, shorten
from reservation_middleware.signals.near_miss import near_miss_note, refuses
from reservation_middleware.syntax.ai_txt import POLICIES, REQUIREMENTS, WORDS
from reservation_middleware.syntax.extension_rules import lacks_start
from reservation_middleware.syntax.pattern_index import PatternIndex
from reservation_middleware.syntax.robots import MAX_PROBLEMS, Group, LineProblem

NAME = "ai-txt"
_SPAWNING = "https://spawning.substack.com/p/aitxt-a-new-way-for-websites-to-set"

NEAR_MISS = near_miss_note(
    NAME,
    "Write Disallow: / below User-Agent: *, or Training: deny with Site-Name and Site-URL.",
    _SPAWNING,
)
UNCLEAR = NoteKind(
    "ai-txt-use-unclear",
    Level.WARNING,
    "a line about use that was not understood; no permission beside it counts: {}",
    "Say it with Disallow or Training, or leave the line out.",
    _SPAWNING,
)

# Keys of fields that refuse training where their value refuses, without hyphens and underscores.
_TRAINING = frozenset(("training", "aitraining"))
_SIGNALS = frozenset(("contentsignal", "contentsignals"))
_SIGNAL_KEYS = frozenset(("aitrain", "aitraining"))
# Keys of rules that disallow training on what they match.
_RULES = frozenset(("disallowtraining", "disallowaitraining"))
# What stands behind Disallow where training itself is meant.
_USES = frozenset(("training", "aitraining", "aitrain"))
_EVERYWHERE = frozenset(("yes", "true", "all", "1"))
#: Keys that say nothing about use, whatever their value.
_HARMLESS = frozenset(
    (
        *("user-agent", "sitemap", "crawl-delay", "request-rate", "rate-limit", "host"),
        *("site-name", "site-url", "contact", "policy-url", "name", "title", "url", "email"),
        *("author", "publisher", "organization", "organisation", "owner", "language", "version"),
        *("last-updated", "updated", "date", "expires", "agent", "specversion"),
        *("training-allow", "training-deny"),  # read wherever they stand
    )
)
# Of keys, and of what people write behind them or without any.
_SAYS_USE = (
    r"train|\buses?\b|usage|licen[cs]|permi(?:t|ss)|restrict|prohibit|forbid|allow|den(?:y|ied)"
    r"|index|scrap|mining|\btdm\b|commercial|attribution|copyright|\brights?\b|reserv"
    r"|opt-?(?:out|in)\b|consent|payment"
)
_IN_KEY = (
    _SAYS_USE + r"|\bai\b|\bllms?\b|\bml\b|learn|generati|synthe|summar|embedding|\brag\b"
    r"|inference|grounding|ingest|dataset|\bfees?\b|\bpolicy\b|\bterms\b"
)
_ADDRESS = r"(?i)\s*(?:https?://|/|mailto:)\S*\s*\Z"
#: Characters of a key or a value that are looked at.
_LONGEST = 400


def _squeezed(key: str) -> str:
    return key.lower().replace("-", "").replace("_", "")


def refused_use(key: str, value: str) -> str | None:
    """The draft's field for what another refuses beyond doubt, None if it refuses nothing so.

    ``AI-Training: no`` and ``Content-Signal: ai-train=no`` are ``training``.
    """
    name = _squeezed(key[:_LONGEST])
    if name in _SIGNALS:
        return "training" if any(_refused_signals(value)) else None
    if name in _TRAINING or name == "indexing":
        return (name if name == "indexing" else "training") if refuses(value) else None
    return None


def _refused_signals(value: str) -> Iterator[bool]:
    for member in value[:_LONGEST].replace(";", ",").split(","):
        key, _, word = member.partition("=")
        yield _squeezed(key.strip()) in _SIGNAL_KEYS and refuses(word)


def is_about_use(key: str, value: str) -> bool:
    """Whether a line that is in no dialect speaks of use, by its key or by its words.

    Args:
        key: before the colon, "" where the line has none.
        value: what follows it, or the line.
    """
    name = key[:_LONGEST].strip().lower()
    if name in _HARMLESS:
        return False
    if name in POLICIES:
        return value.strip().lower() not in WORDS
    if name in REQUIREMENTS:
        return value.strip().lower() == "required"
    if re.search(_IN_KEY, name.replace("_", " ")):
        return True
    return (
        not re.match(_ADDRESS, value) and re.search(_SAYS_USE, value[:_LONGEST].lower()) is not None
    )


class _Line(msgspec.Struct, frozen=True):
    """A line, and what it is about: a path pattern where it refuses."""

    pattern: str
    number: int
    text: str


class _OfGroup:
    """What such lines of one group say."""

    __slots__ = ("_index", "doubt", "refusals")

    def __init__(self, refusals: Iterable[_Line], doubt: _Line | None) -> None:
        self.refusals = tuple(refusals)
        self.doubt = doubt
        self._index = PatternIndex(one.pattern for one in self.refusals) if self.refusals else None

    def refusal(self, path: str) -> _Line | None:
        """The first line that refuses training on a canonical path."""
        first = min(self._index.matching(path), default=None) if self._index else None
        return None if first is None else self.refusals[first]


class Asides:
    """The lines of a file of rules that are no rules, by group.

    Args:
        source: the file.
        carrier: how reasons name it.
        declared: keys of fields that a declaration in the same file reads, whatever they say.
    """

    __slots__ = ("_carrier", "_declared", "_loose", "_source", "has_near_misses", "is_literal")

    def __init__(
        self, source: ParsedDocument, carrier: str, declared: Collection[str] = ()
    ) -> None:
        self._source = source
        self._carrier = carrier
        self._declared = declared
        #: Whether refusals count as not said.
        self.is_literal = False
        robots = source.robots
        loose = [(one.key, one.value, one.line) for one in robots.loose]
        loose += [("", one.text, one.line) for one in robots.problems if _may_forbid(one)]
        self._loose = self._read(loose)
        if len(robots.problems) >= MAX_PROBLEMS and not self._loose.doubt:
            # Of more lines than are kept one may speak of use.
            self._loose.doubt = _Line("", MAX_PROBLEMS, "(more lines than are read)")
        groups = [self._of(group) for group in robots.groups]
        self.has_near_misses = any(one.refusals for one in (self._loose, *groups))

    def to_the_letter(self) -> "Asides":
        """The same lines without refusals."""
        letter = copy(self)
        letter.is_literal = True
        return letter

    def about(self, token: str, path: str) -> list[Statement]:
        """What they say to an agent (lower case) about a canonical path."""
        group = self._source.robots.group_for(token)
        parts = [self._loose] if group is None else [self._loose, self._of(group)]
        said = []
        for part in parts:
            refusal = None if self.is_literal else part.refusal(path)
            if refusal:
                said.append(self._statement(refusal, Preference.DISALLOWED))
            if part.doubt:
                said.append(self._statement(part.doubt, Preference.UNKNOWN))
        return said

    def statements(self) -> Iterator[Statement]:
        """Every refusal, with its path and agents."""
        groups = ((self._of(group), group.agents) for group in self._source.robots.groups)
        for part, agents in ((self._loose, ("*",)), *groups):
            for refusal in part.refusals:
                yield self._statement(refusal, Preference.DISALLOWED, agents)

    def lines(self) -> Iterator[tuple[NoteKind, int | None, str]]:
        """What to note, with the line and its text."""
        for part in (self._loose, *(self._of(group) for group in self._source.robots.groups)):
            for refusal in part.refusals:
                yield NEAR_MISS, refusal.number, refusal.text
            if part.doubt:
                yield UNCLEAR, part.doubt.number, part.doubt.text

    def _of(self, group: Group) -> _OfGroup:
        found = group.memo.get("ai-txt asides")
        if not isinstance(found, _OfGroup):
            lines = [(one.key, one.value, one.line) for one in group.records]
            lines += [
                ("disallow" if not rule.allow else "allow", rule.path, rule.line)
                for rule in group.rules
                if lacks_start(rule)
            ]
            found = group.memo["ai-txt asides"] = self._read(lines)
        return found

    def _read(self, lines: Iterable[tuple[str, str, int]]) -> _OfGroup:
        refusals: dict[str, _Line] = {}
        doubt = None
        for key, value, number in lines:
            if key in self._declared or (key in POLICIES and value.lower() in WORDS):
                continue
            pattern = _refused(key, value)
            if pattern is not None:
                refusals.setdefault(pattern, _Line(pattern, number, self._text(number)))
            elif doubt is None and _is_doubtful(key, value):
                doubt = _Line("", number, self._text(number))
        return _OfGroup(refusals.values(), doubt)

    def _text(self, number: int) -> str:
        return shorten(self._source.robots.line(number))

    def _statement(
        self, line: _Line, preference: Preference, agents: tuple[str, ...] = ("*",)
    ) -> Statement:
        refuses_it = preference is Preference.DISALLOWED
        return Statement(
            signal=NAME,
            carrier=self._carrier,
            category="ai-train",
            covers=TRAIN if refuses_it else (AI_INDEX, *TRAIN),
            preference=preference,
            text=line.text,
            span=self._source.span(line.number),
            scope=Scope(line.pattern or None, agents),
            near_miss=refuses_it,
        )


def _may_forbid(problem: LineProblem) -> bool:
    """Whether a line that was left out may take back what a rule allows."""
    # Of a rule before every group nobody knows whom it is for.
    loose = problem.what == "rule-outside-group" and not problem.text.lower().startswith("allow")
    return loose or problem.what == "unreadable"


def _refused(key: str, value: str) -> str | None:
    """The path pattern on which a line of a file of rules refuses training, None if on none."""
    name = _squeezed(key)
    if name == "disallow":
        return "/" if _squeezed("-".join(value.split())) in _USES else None
    if name in _RULES:
        if value.startswith(("/", "*")):
            return value
        return "/" if value.lower() in _EVERYWHERE else None
    return "/" if refused_use(key, value) == "training" else None


def _is_doubtful(key: str, value: str) -> bool:
    """Whether a line of a file of rules speaks of use and was not understood."""
    if key in ("disallow", "allow"):
        # A pattern that matches nothing; without a slash or a dot it is no name of a file.
        return not set("/.*") & set(value) and re.search(_SAYS_USE, value.lower()) is not None
    if _squeezed(key) in _RULES and not value:
        return False  # as an empty Disallow
    return is_about_use(key, value)
