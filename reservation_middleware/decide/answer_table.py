"""What the answers of one origin to one agent depend on: which patterns a path matches, no more.

Before a page is fetched, every family judges it by the patterns of its path. Two pages that match
the same patterns get the same answer, so all of them are looked up in one index, and what
follows is made once for each set that matches. No I/O.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

from reservation_middleware.model import Agent, Policy, Stage
from reservation_middleware.signals import SIGNALS, Dependencies, Findings, Question, Settled
from reservation_middleware.syntax.path import MAX_TARGET
from reservation_middleware.syntax.pattern_index import PatternIndex

from .head_template import HeadKey, Kept

#: Patterns that are looked up together; an origin with more is settled family by family.
MOST_PATTERNS = 2_000
#: Answers that are kept; a set of more matching patterns is not kept.
_MOST_ANSWERS, _MOST_MATCHING = 256, 32
#: Heads that are kept, and characters of what one says; a field counts for some, however short.
_MOST_HEADS, _LONGEST_HEAD, _PER_FIELD = 64, 1_000, 20
#: Every path begins with it.
_ROOT = "/"
#: Characters that a path which was cut has at least, however it was encoded.
_LONG = MAX_TARGET // 12 - 1

#: Agents and policies that an origin keeps plans for.
_MOST_PLANS = 256

#: The fields of a decision after its agent.
Answer = tuple[Any, ...]


#: What a head says, the stage, the patterns that the path matches, and who asks.
HeadQuestionKey = tuple[HeadKey, Stage, tuple[int, ...] | None, str]


class AnswerTable:
    """The answers of one origin to agents that it does not tell apart, under one policy."""

    __slots__ = ("_answers", "_heads", "_index", "_settled")

    def __init__(self, index: PatternIndex | None) -> None:
        self._index = index
        self._answers: dict[tuple[Stage, tuple[int, ...]], Answer] = {}
        self._settled: dict[tuple[int, ...], Mapping[int, Settled]] = {}
        self._heads: dict[HeadQuestionKey, Kept] = {}

    @classmethod
    def of(cls, patterns: Iterable[str]) -> "AnswerTable":
        """The plan for some patterns."""
        texts = dict.fromkeys(patterns)
        texts.pop(_ROOT, None)
        return cls(PatternIndex(texts) if texts else None)

    @property
    def patterns(self) -> Sequence[str]:
        """The patterns."""
        return self._index.texts if self._index else ()

    def matching(self, path: str, target: str) -> tuple[int, ...]:
        """The patterns that a target, whose canonical path is given, matches."""
        if self._index is None:
            return ()
        found = tuple(self._index.matching(path))
        # Of a path that was cut more may match, so a very long one has answers of its own.
        # The canonical paths of one that was cut and of one that was not may be the same.
        return (*found, hash(path), len(target)) if len(path) > _LONG else found

    def answer(self, stage: Stage, matching: tuple[int, ...]) -> Answer | None:
        """What follows for paths that match some patterns, if it was made before."""
        return self._answers.get((stage, matching))

    def settled(self, matching: tuple[int, ...]) -> Mapping[int, Settled] | None:
        """What each family amounts to for paths that match some patterns, if known."""
        return self._settled.get(matching)

    def settle(self, matching: tuple[int, ...], settled: Mapping[int, Settled]) -> None:
        """Keep what each family amounts to for all paths that match the same patterns."""
        if len(matching) <= _MOST_MATCHING:
            if len(self._settled) >= _MOST_ANSWERS:
                self._settled.clear()
            self._settled[matching] = settled

    def keep(self, stage: Stage, matching: tuple[int, ...], answer: Answer) -> None:
        """Keep what follows for all paths that match the same patterns."""
        if len(matching) <= _MOST_MATCHING:
            if len(self._answers) >= _MOST_ANSWERS:
                self._answers.clear()
            self._answers[stage, matching] = answer

    def lookup(self, key: HeadQuestionKey) -> Kept | None:
        """What follows where a head says something, if it was made before."""
        return self._heads.get(key)

    def store(self, key: HeadQuestionKey, kept: Kept) -> None:
        """Keep what follows for all pages whose heads say the same."""
        (_, fields), *_ = key
        if sum([len(value) + _PER_FIELD for _, value in fields]) <= _LONGEST_HEAD:
            if len(self._heads) >= _MOST_HEADS:
                self._heads.clear()
            self._heads[key] = kept


class AnswerTables:
    """The plans of one origin, by who asks under which policy; agents may share one."""

    __slots__ = ("_found", "_plans", "_shared")

    def __init__(self, found: Sequence[tuple[int, tuple[Findings, ...]]]) -> None:
        self._found = found
        # Each holds agent and policy, so that their addresses stay their own.
        self._plans: dict[tuple[int, int], tuple[AnswerTable | None, Hashable, Agent, Policy]] = {}
        self._shared: dict[Hashable, AnswerTable | None] = {}

    def of(self, question: Question) -> AnswerTable | None:
        """The plan for a question; None where its answer depends on more than patterns."""
        known = self._plans.get((id(question.agent), id(question.policy)))
        return (known or self._new(question))[0]

    def alike(self, question: Question) -> Hashable:
        """The same for all agents that get the same answers, but for the name, with a plan or
        without one; None where that is not known.
        """
        known = self._plans.get((id(question.agent), id(question.policy)))
        return (known or self._new(question))[1]

    def _new(self, question: Question) -> tuple[AnswerTable | None, Hashable, Agent, Policy]:
        agent, policy = question.agent, question.policy
        if len(self._plans) >= _MOST_PLANS:
            self._plans.clear()
            self._shared.clear()
        plan, key = None, None
        views = self._views(question)
        if views is not None:
            # Whoever asks for the same under the same policy gets the same, but for the name.
            key = id(policy), tuple(agent.purposes), agent.tokens, *[view.key for view in views]
            if key in self._shared:
                plan = self._shared[key]
            else:
                plan = self._shared[key] = _plan([view for view in views if view.patterns])
        new = self._plans[id(agent), id(policy)] = plan, key, agent, policy
        return new

    def _views(self, question: Question) -> list[Dependencies] | None:
        views: list[Dependencies] = []
        for number, findings in self._found:
            view = SIGNALS[number].depends_on(findings, question)
            if view is None:
                return None
            views.append(view)
        return views


def _plan(views: Sequence[Dependencies]) -> AnswerTable | None:
    """The plan for what families make of a question; None where it has too many patterns."""
    if sum(len(view.patterns) for view in views) > MOST_PATTERNS:
        return None
    if len(views) == 1 and views[0].ready is not None:
        # Most sites have rules for everyone, and blocks for AI agents that are about all paths.
        return AnswerTable(views[0].ready)
    return AnswerTable.of(text for view in views for text in view.patterns)
