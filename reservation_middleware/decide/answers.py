"""Answers of one origin, remembered: the only place in ``decide`` where anything is kept for speed.

Before a page is fetched, every family judges it by the patterns that its path matches. So pages
that match the same patterns get the same answer, which is made once (benchmark rows
``site-decision`` and ``site-decision-30-agents``). Of pages whose heads say the same only the
first one is read (row ``headers``). ``NoAnswers`` remembers nothing: with it every decision is
settled and resolved anew, and is the same. No I/O.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from msgspec.structs import astuple

from reservation_middleware.model import Agent, Decision, Document, Policy, Stage
from reservation_middleware.signals import SIGNALS, Dependencies, Findings, Question, Settled
from reservation_middleware.syntax.path import MAX_TARGET
from reservation_middleware.syntax.pattern_index import PatternIndex

from .head_template import HeadKey, HeadTemplate

#: Patterns of a table; a site with more of them settles each page anew.
MAX_PATTERNS = 2_000
#: Answers of one table, and patterns that the path of a remembered answer matches.
_MAX_ANSWERS, _MAX_MATCHING = 256, 32
#: Heads of one table, the longest in characters, and what each field adds to its length.
_MAX_HEADS, _MAX_HEAD, _PER_FIELD = 64, 1_000, 20
#: Agents and policies that a site has tables for, and panels of agents.
_MAX_ASKERS, _MAX_PANELS = 256, 8
#: A pattern that every path matches, which tells no two pages apart.
_ROOT = "/"
#: Characters that a path which was cut has at least, however it was encoded.
_LONG = MAX_TARGET // 12 - 1

#: The fields of a decision after its agent.
Tail = tuple[Any, ...]
#: Numbers of the patterns that a path matches.
Matching = tuple[int, ...]

T = TypeVar("T")


class NoAnswers:
    """Remembers nothing, and says what can be asked of something that does."""

    def table(self, question: Question) -> "AnswerTable | None":  # noqa: ARG002
        """The answers to an agent under a policy; None where they depend on more than patterns."""
        return None

    def alike(self, question: Question) -> Hashable:  # noqa: ARG002
        """Equal for agents that get the same answers but for their names; None if not known."""
        return None

    def lookup(self, question: Question, stage: Stage) -> Decision | None:  # noqa: ARG002
        """The decision about a page that says nothing itself, if one like it was made before."""
        return None

    def store(self, question: Question, decision: Decision) -> None:
        """Remember a decision for all pages whose paths match the same patterns."""

    def settled(self, question: Question) -> Mapping[int, Settled] | None:  # noqa: ARG002
        """What the origin's documents amount to for the question that was asked last."""
        return None

    def store_settled(self, question: Question, settled: Mapping[int, Settled]) -> None:
        """Remember what the origin's documents amount to, for the next stage of the same fetch."""

    def lookup_head(
        self,
        question: Question,  # noqa: ARG002
        stage: Stage,  # noqa: ARG002
        head: HeadKey,  # noqa: ARG002
    ) -> HeadTemplate | None:
        """The decision about pages with a head, if one was made before."""
        return None

    def store_head(
        self, question: Question, head: HeadKey, page: Document, decision: Decision, *, points: bool
    ) -> None:
        """Remember a decision for pages with the same head.

        Args:
            question: what was asked.
            head: what the head holds that signals read.
            page: the page that the decision is about.
            decision: what was decided.
            points: whether the head points to documents.
        """

    def for_panel(self, panel: Hashable, make: Callable[[], T]) -> T:  # noqa: ARG002
        """What was made for several agents who ask together."""
        return make()


class Answers(NoAnswers):
    """Remembers what follows from one origin's documents.

    Args:
        found: what each signal found in them, by the signal's number.
    """

    def __init__(self, found: Sequence[tuple[int, tuple[Findings, ...]]]) -> None:
        self._found = found
        self._askers: dict[tuple[int, int], _Asker] = {}
        self._tables: dict[Hashable, AnswerTable | None] = {}
        self._panels: dict[Hashable, Any] = {}
        # Three stages of one fetch ask the same question, so what was looked up last is at hand.
        self._place: tuple[Question | None, tuple[AnswerTable, Matching] | None] = None, None
        self._settled: tuple[Question | None, Mapping[int, Settled] | None] = None, None

    def table(self, question: Question) -> "AnswerTable | None":
        """The answers to an agent under a policy; None where they depend on more than patterns."""
        return self._asker(question).table

    def alike(self, question: Question) -> Hashable:
        """Equal for agents that get the same answers but for their names; None if not known."""
        return self._asker(question).alike

    def lookup(self, question: Question, stage: Stage) -> Decision | None:
        """The decision about a page that says nothing itself, if one like it was made before."""
        place = self._place_of(question)
        if place is None:
            return None
        table, matching = place
        tail = table.lookup(stage, matching)
        return None if tail is None else Decision(question.url, question.agent.token, *tail)

    def store(self, question: Question, decision: Decision) -> None:
        """Remember a decision for all pages whose paths match the same patterns."""
        place = self._place_of(question)
        if place is not None:
            table, matching = place
            table.store(decision.stage, matching, astuple(decision)[2:])

    def settled(self, question: Question) -> Mapping[int, Settled] | None:
        """What the origin's documents amount to for the question that was asked last."""
        last, settled = self._settled
        return settled if last is question else None

    def store_settled(self, question: Question, settled: Mapping[int, Settled]) -> None:
        """Remember what the origin's documents amount to, for the next stage of the same fetch."""
        self._settled = question, settled

    def lookup_head(self, question: Question, stage: Stage, head: HeadKey) -> HeadTemplate | None:
        """The decision about pages with a head, if one was made before."""
        place = self._place_of(question)
        if place is None:
            return None
        table, matching = place
        # A head may name an agent that the site does not tell apart from others.
        return table.heads.get((head, stage, matching, question.agent.token))

    def store_head(
        self, question: Question, head: HeadKey, page: Document, decision: Decision, *, points: bool
    ) -> None:
        """Remember a decision for pages with the same head.

        Args:
            question: what was asked.
            head: what the head holds that signals read.
            page: the page that the decision is about.
            decision: what was decided.
            points: whether the head points to documents.
        """
        place = self._place_of(question)
        if place is None or sum([len(value) + _PER_FIELD for _, value in head[1]]) > _MAX_HEAD:
            return
        table, matching = place
        if len(table.heads) >= _MAX_HEADS:
            table.heads.clear()
        key = head, decision.stage, matching, question.agent.token
        table.heads[key] = HeadTemplate(decision, page, points=points)

    def for_panel(self, panel: Hashable, make: Callable[[], T]) -> T:
        """What was made for several agents who ask together."""
        made: T | None = self._panels.get(panel)
        if made is None:
            if len(self._panels) >= _MAX_PANELS:
                self._panels.clear()
            made = self._panels[panel] = make()
        return made

    def _place_of(self, question: Question) -> "tuple[AnswerTable, Matching] | None":
        """The table for a question and the patterns that its path matches, None for no table."""
        last, place = self._place
        if last is question:
            return place
        place = None
        # Of an address with dot segments two paths are judged. robots.txt itself is always allowed.
        if question.resolved is None and not question.target.startswith("/robots.txt"):
            table = self._asker(question).table
            if table is not None:
                matching = table.matching(question.path, question.target)
                if len(matching) <= _MAX_MATCHING:
                    place = table, matching
        self._place = question, place
        return place

    def _asker(self, question: Question) -> "_Asker":
        """What is remembered for an agent under a policy."""
        # By identity, since both are asked about for every page and hashing them takes as long as
        # the rest of a look-up. The value holds them, so no other object gets their address.
        key = id(question.agent), id(question.policy)
        known = self._askers.get(key)
        if known is None:
            if len(self._askers) >= _MAX_ASKERS:
                self._askers.clear()
                self._tables.clear()
            known = self._askers[key] = self._new(question)
        return known

    def _new(self, question: Question) -> "_Asker":
        agent, policy = question.agent, question.policy
        dependencies: list[Dependencies] = []
        for number, findings in self._found:
            found = SIGNALS[number].depends_on(findings, question)
            if found is None:
                return _Asker(agent, policy, None, None)
            dependencies.append(found)
        alike = policy, tuple(agent.purposes), agent.tokens, *[one.key for one in dependencies]
        if alike not in self._tables:
            self._tables[alike] = _table(dependencies)
        return _Asker(agent, policy, self._tables[alike], alike)


class _Asker:
    """An agent and a policy, with the table of answers to them.

    Attributes:
        table: None where answers depend on more than patterns.
        alike: equal for agents that share a table; None where that is not known.
    """

    __slots__ = ("_held", "alike", "table")

    def __init__(
        self, agent: Agent, policy: Policy, table: "AnswerTable | None", alike: Hashable
    ) -> None:
        self._held = agent, policy
        self.table = table
        self.alike = alike


class AnswerTable:
    """The answers to agents that an origin does not tell apart, under one policy.

    Args:
        index: all patterns on which they depend; None if there are none.

    Attributes:
        heads: decisions about pages that only their heads say something about, by the head, the
            stage, the matching patterns and the agent's token.
    """

    __slots__ = ("_index", "_tails", "heads")

    def __init__(self, index: PatternIndex | None) -> None:
        self._index = index
        self._tails: dict[tuple[Stage, Matching], Tail] = {}
        self.heads: dict[tuple[HeadKey, Stage, Matching, str], HeadTemplate] = {}

    @classmethod
    def of(cls, patterns: Iterable[str]) -> "AnswerTable":
        """The table for some patterns of paths."""
        texts = dict.fromkeys(patterns)
        texts.pop(_ROOT, None)
        return cls(PatternIndex(texts) if texts else None)

    @property
    def patterns(self) -> Sequence[str]:
        """The patterns of paths on which its answers depend."""
        return self._index.texts if self._index else ()

    def matching(self, path: str, target: str) -> Matching:
        """Numbers of the patterns that a target matches, whose canonical path is given."""
        if self._index is None:
            return ()
        found = tuple(self._index.matching(path))
        # Of a path that was cut more may match, so a very long one has answers of its own.
        # The canonical paths of one that was cut and of one that was not may be the same.
        return (*found, hash(path), len(target)) if len(path) > _LONG else found

    def lookup(self, stage: Stage, matching: Matching) -> Tail | None:
        """What follows for paths that match some patterns, if it was made before."""
        return self._tails.get((stage, matching))

    def store(self, stage: Stage, matching: Matching, tail: Tail) -> None:
        """Remember what follows for paths that match some patterns."""
        if len(matching) <= _MAX_MATCHING:
            if len(self._tails) >= _MAX_ANSWERS:
                self._tails.clear()
            self._tails[stage, matching] = tail


def _table(dependencies: Sequence[Dependencies]) -> AnswerTable | None:
    """The table for what families depend on; None where those are too many patterns."""
    speaking = [one for one in dependencies if one.patterns]
    if sum(len(one.patterns) for one in speaking) > MAX_PATTERNS:
        return None
    if len(speaking) == 1 and speaking[0].ready is not None:
        # Most sites have rules for everyone, and blocks for AI agents that are about all paths.
        return AnswerTable(speaking[0].ready)
    return AnswerTable.of(text for one in speaking for text in one.patterns)
