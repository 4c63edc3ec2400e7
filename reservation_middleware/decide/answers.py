"""Answers of one origin, remembered: the only place in ``decide`` where anything is kept for speed.

Before a page is fetched, every family judges it by the patterns that its path matches. So pages
that match the same patterns get the same answer, which is made once (benchmark rows
``site-decision`` and ``site-decision-30-agents``). Of pages whose heads say the same only the
first one is read (row ``headers``). ``NoAnswers`` remembers nothing: with it every decision is
settled and resolved anew, and is the same. No I/O.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
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


class AnswerKey(msgspec.Struct, eq=False):
    """Where the answers to a question are; the stages of one fetch share it.

    Attributes:
        question: what is asked.
        table: the answers that may hold its own; None where it depends on more than patterns.
        matching: the table's patterns that its path matches.
        settled: what the origin's documents amount to, once that was found out.
    """

    question: Question
    table: "AnswerTable | None" = None
    matching: Matching = ()
    settled: Mapping[int, Settled] | None = None


class NoAnswers:
    """Remembers nothing, and says what can be asked of something that does."""

    def table(self, question: Question) -> "AnswerTable | None":  # noqa: ARG002
        """The answers to an agent under a policy; None where they depend on more than patterns."""
        return None

    def alike(self, question: Question) -> Hashable:  # noqa: ARG002
        """Equal for agents that get the same answers but for their names; None if not known."""
        return None

    def key_of(self, question: Question) -> AnswerKey:
        """Where the answers to a question are."""
        return AnswerKey(question)

    def lookup(self, key: AnswerKey, stage: Stage) -> Decision | None:  # noqa: ARG002
        """The decision about a page that says nothing itself, if one like it was made before."""
        return None

    def store(self, key: AnswerKey, decision: Decision) -> None:
        """Remember a decision for all pages whose paths match the same patterns."""

    def settled(self, key: AnswerKey) -> Mapping[int, Settled] | None:  # noqa: ARG002
        """What the origin's documents amount to for a page, if that was found out before."""
        return None

    def store_settled(self, key: AnswerKey, settled: Mapping[int, Settled]) -> None:
        """Remember what the origin's documents amount to for a page."""

    def lookup_head(self, key: AnswerKey, stage: Stage, head: HeadKey) -> HeadTemplate | None:  # noqa: ARG002
        """The decision about pages with a head, if one was made before."""
        return None

    def store_head(
        self, key: AnswerKey, head: HeadKey, page: Document, decision: Decision, *, points: bool
    ) -> None:
        """Remember a decision for pages with the same head.

        Args:
            key: of the question that was asked.
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

    __slots__ = ("_askers", "_found", "_panels", "_tables")

    def __init__(self, found: Sequence[tuple[int, tuple[Findings, ...]]]) -> None:
        self._found = found
        self._askers: dict[tuple[int, int], _Asker] = {}
        self._tables: dict[Hashable, AnswerTable | None] = {}
        self._panels: dict[Hashable, Any] = {}

    def table(self, question: Question) -> "AnswerTable | None":
        """The answers to an agent under a policy; None where they depend on more than patterns."""
        return self._asker(question).table

    def alike(self, question: Question) -> Hashable:
        """Equal for agents that get the same answers but for their names; None if not known."""
        return self._asker(question).alike

    def key_of(self, question: Question) -> AnswerKey:
        """Where the answers to a question are."""
        target = question.target
        # Of an address with dot segments two paths are judged. robots.txt itself is always allowed.
        if question.resolved is None and not target.startswith("/robots.txt"):
            table = self._asker(question).table
            if table is not None:
                matching = table.matching(question.path, target)
                if len(matching) <= _MAX_MATCHING:
                    return AnswerKey(question, table, matching)
        return AnswerKey(question)

    def lookup(self, key: AnswerKey, stage: Stage) -> Decision | None:
        """The decision about a page that says nothing itself, if one like it was made before."""
        if key.table is None:
            return None
        tail = key.table.tails.get((stage, key.matching))
        if tail is None:
            return None
        question = key.question
        return Decision(question.url, question.agent.token, *tail)

    def store(self, key: AnswerKey, decision: Decision) -> None:
        """Remember a decision for all pages whose paths match the same patterns."""
        if key.table is not None:
            key.table.store(decision.stage, key.matching, astuple(decision)[2:])

    def settled(self, key: AnswerKey) -> Mapping[int, Settled] | None:
        """What the origin's documents amount to for a page, if that was found out before."""
        if key.settled is None and key.table is not None:
            return key.table.settled.get(key.matching)
        return key.settled

    def store_settled(self, key: AnswerKey, settled: Mapping[int, Settled]) -> None:
        """Remember what the origin's documents amount to for a page."""
        key.settled = settled
        table = key.table
        if table is not None and not any(one.page_only for one in settled.values()):
            if len(table.settled) >= _MAX_ANSWERS:
                table.settled.clear()
            table.settled[key.matching] = settled

    def lookup_head(self, key: AnswerKey, stage: Stage, head: HeadKey) -> HeadTemplate | None:
        """The decision about pages with a head, if one was made before."""
        if key.table is None:
            return None
        # A head may name an agent that the site does not tell apart from others.
        return key.table.heads.get((head, stage, key.matching, key.question.agent.token))

    def store_head(
        self, key: AnswerKey, head: HeadKey, page: Document, decision: Decision, *, points: bool
    ) -> None:
        """Remember a decision for pages with the same head.

        Args:
            key: of the question that was asked.
            head: what the head holds that signals read.
            page: the page that the decision is about.
            decision: what was decided.
            points: whether the head points to documents.
        """
        table = key.table
        if table is None or sum([len(value) + _PER_FIELD for _, value in head[1]]) > _MAX_HEAD:
            return
        if len(table.heads) >= _MAX_HEADS:
            table.heads.clear()
        token = key.question.agent.token
        template = HeadTemplate(decision, page, points=points)
        table.heads[head, decision.stage, key.matching, token] = template

    def for_panel(self, panel: Hashable, make: Callable[[], T]) -> T:
        """What was made for several agents who ask together."""
        made: T | None = self._panels.get(panel)
        if made is None:
            if len(self._panels) >= _MAX_PANELS:
                self._panels.clear()
            made = self._panels[panel] = make()
        return made

    def _asker(self, question: Question) -> "_Asker":
        """What is remembered for an agent under a policy."""
        # By identity, since both are asked about for every page and hashing them takes as long as
        # the rest of a look-up. The value holds them, so no other object gets their address.
        pair = id(question.agent), id(question.policy)
        known = self._askers.get(pair)
        if known is None:
            if len(self._askers) >= _MAX_ASKERS:
                self._askers.clear()
                self._tables.clear()
            known = self._askers[pair] = self._new(question)
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
        tails: decisions about pages that say nothing, by the stage and the matching patterns.
        settled: what the origin's documents amount to, by the matching patterns.
        heads: decisions about pages that only their heads say something about, by the head, the
            stage, the matching patterns and the agent's token.
    """

    __slots__ = ("_index", "heads", "settled", "tails")

    def __init__(self, index: PatternIndex | None) -> None:
        self._index = index
        self.tails: dict[tuple[Stage, Matching], Tail] = {}
        self.settled: dict[Matching, Mapping[int, Settled]] = {}
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

    def store(self, stage: Stage, matching: Matching, tail: Tail) -> None:
        """Remember what follows for paths that match some patterns."""
        if len(matching) <= _MAX_MATCHING:
            if len(self.tails) >= _MAX_ANSWERS:
                self.tails.clear()
            self.tails[stage, matching] = tail


def _table(dependencies: Sequence[Dependencies]) -> AnswerTable | None:
    """The table for what families depend on; None where those are too many patterns."""
    speaking = [one for one in dependencies if one.patterns]
    if sum(len(one.patterns) for one in speaking) > MAX_PATTERNS:
        return None
    if len(speaking) == 1 and speaking[0].ready is not None:
        # Most sites have rules for everyone, and blocks for AI agents that are about all paths.
        return AnswerTable(speaking[0].ready)
    return AnswerTable.of(text for one in speaking for text in one.patterns)
