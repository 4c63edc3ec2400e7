"""Agents × uses: what each known AI agent may do with one page, equal answers folded together.

Pure: judges documents that were fetched already. The agents are the catalogue's.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from reservation_middleware.decide.check import Check
from reservation_middleware.model import (
    CRAWL,
    Agent,
    Decision,
    Policy,
    Preference,
    Reason,
    expand,
)
from reservation_middleware.model.agents import KnownAgent, catalogue
from reservation_middleware.model.policy import TOKEN
from reservation_middleware.signals import ROBOTS_TXT

#: Agents that people ask about first, in that order; the others follow by name.
USUAL = (
    *("GPTBot", "ClaudeBot", "CCBot", "Google-Extended", "Applebot-Extended", "Bytespider"),
    *("meta-externalagent", "Amazonbot", "PerplexityBot", "OAI-SearchBot", "ChatGPT-User"),
    *("Googlebot", "bingbot"),
)
#: The columns of uses: what they are called, and the leaves that they stand for.
USES: Mapping[str, tuple[str, ...]] = {
    "train": ("ai-train-gen", "ai-train-nongen"),
    "answers": ("ai-input",),
    "index": ("ai-index",),
    "search": ("search",),
    "mining": ("tdm",),
}
#: The name of the first column.
FETCH = "fetch"


class Value(StrEnum):
    """What an agent may do."""

    YES = "yes"
    NO = "no"
    NOT_SAID = "not said"
    NOT_APPLICABLE = "n/a"
    PARTIAL = "partial"
    #: The site says no to fetching, and the operator says that robots.txt does not bind it.
    NOT_BOUND = "not bound"
    MAY_NOT_FETCH = "no (may not fetch)"


class UseAnswer(NamedTuple):
    """One cell.

    Attributes:
        value: what may be done.
        inherited: whether it is the group for everyone (``User-agent: *``) that says so.
    """

    value: Value
    inherited: bool = False

    @property
    def text(self) -> str:
        """The value, with a star where it is inherited."""
        return f"{self.value}*" if self.inherited else str(self.value)


class MatrixRow(NamedTuple):
    """Agents that get the same answers.

    Attributes:
        tokens: product tokens; the most usual first.
        operators: who runs them, in the order of the tokens; empty for who is not in the catalogue.
        answers: by the name of the column.
        is_switch: whether they never fetch and only rule what others' content is used for.
        reasons: what the answers rest on.
    """

    tokens: tuple[str, ...]
    operators: tuple[str, ...]
    answers: Mapping[str, UseAnswer]
    is_switch: bool
    reasons: tuple[Reason, ...] = ()

    def behind(self, column: str) -> tuple[Reason, ...]:
        """The reasons for one cell; none for a cell that nothing was said about."""
        leaves = set(USES.get(column, (CRAWL,)))
        if self.answers[column].value in (Value.NOT_SAID, Value.NOT_APPLICABLE):
            return ()
        if self.answers[column].value is Value.MAY_NOT_FETCH or self.is_switch:
            leaves.add(CRAWL)
        value = self.answers[column].value
        says = _SAYING.get(value, (Preference.DISALLOWED,))
        return tuple(
            reason
            for reason in self.reasons
            if reason.preference in says
            and not reason.inferred
            and not leaves.isdisjoint(reason.covers)
        )


_VALUES = {
    Preference.ALLOWED: Value.YES,
    Preference.DISALLOWED: Value.NO,
    Preference.UNKNOWN: Value.NOT_SAID,
    None: Value.NOT_SAID,
}
#: What reasons for a value say; those for all others say no.
_SAYING = {
    Value.YES: (Preference.ALLOWED,),
    Value.PARTIAL: (Preference.ALLOWED, Preference.DISALLOWED),
}
_INHERITABLE = (Value.YES, Value.NO, Value.PARTIAL)


def decisions(check: Check, policy: Policy, first: Agent) -> dict[str, Decision]:
    """A decision per product token on the same documents: who asks, everyone, the catalogue.

    Agents of the catalogue whose names no group of a robots.txt can have are left out.
    """
    known = [agent.token for agent in catalogue().agents if TOKEN.fullmatch(agent.token)]
    usual = [token for token in USUAL if token in set(known)]
    purposes = first.purposes
    found = {first.token: check.asked(first, policy, check.now).decide()}
    for token in ("*", *usual, *sorted(known, key=str.casefold)):
        if token not in found:
            found[token] = check.asked(Agent(token, purposes), policy, check.now).decide()
    return found


def table(check: Check, judged: Mapping[str, Decision]) -> tuple[MatrixRow, ...]:
    """The rows, those of equal answers folded.

    Args:
        check: the question, with the site's documents.
        judged: decisions by product token, in the order in which they are to be shown.
    """
    robots = [reading for reading in check.site.readings if reading.place is ROBOTS_TXT]
    has_everyone = any(reading.names_agent("*") for reading in robots)
    folded: dict[tuple[object, ...], list[tuple[str, str]]] = {}
    answers: dict[tuple[object, ...], tuple[Mapping[str, UseAnswer], bool, tuple[Reason, ...]]] = {}
    for token, decision in judged.items():
        known = catalogue().find(token)
        is_named = any(reading.names_agent(token.lower()) for reading in robots)
        inherits = has_everyone and not is_named and token != "*"
        row = _answers(decision, known, inherits=inherits)
        is_switch = known is not None and known.kind == "control"
        key = (*row.values(), is_switch)
        folded.setdefault(key, []).append((token, known.operator if known else ""))
        answers.setdefault(key, (row, is_switch, decision.reasons))
    return tuple(
        MatrixRow(
            tuple(token for token, _ in members),
            tuple(operator for _, operator in members),
            *answers[key],
        )
        for key, members in folded.items()
    )


def _answers(
    decision: Decision, known: KnownAgent | None, *, inherits: bool
) -> Mapping[str, UseAnswer]:
    """The cells of one agent."""
    if known is not None and known.kind == "control":
        return _switch_answers(decision, known, inherits=inherits)
    fetch = _VALUES[decision.crawl]
    closed = fetch is Value.NO
    if closed and known is not None and known.obeys == "no":
        fetch, closed = Value.NOT_BOUND, False
    cells = {FETCH: _marked(fetch, decision, (CRAWL,), inherits=inherits)}
    for name, leaves in USES.items():
        value = _combined([decision.usage[leaf] for leaf in leaves])
        if closed:
            cells[name] = UseAnswer(Value.MAY_NOT_FETCH, cells[FETCH].inherited)
        else:
            cells[name] = _marked(value, decision, leaves, inherits=inherits)
    return cells


def _switch_answers(
    decision: Decision, known: KnownAgent, *, inherits: bool
) -> Mapping[str, UseAnswer]:
    """The cells of a control token: it never fetches, and is about its purposes only."""
    cells = {FETCH: UseAnswer(Value.NOT_APPLICABLE)}
    about = set(expand(known.purposes)) if known.purposes else set()
    for name, leaves in USES.items():
        covered = [leaf for leaf in leaves if leaf in about]
        if not covered:
            cells[name] = UseAnswer(Value.NOT_APPLICABLE)
        elif decision.crawl is Preference.DISALLOWED:
            cells[name] = _marked(Value.NO, decision, (CRAWL,), inherits=inherits)
        else:
            value = _combined([decision.usage[leaf] for leaf in covered])
            cells[name] = _marked(value, decision, covered, inherits=inherits)
    return cells


def _combined(preferences: Sequence[Preference | None]) -> Value:
    values = {_VALUES[preference] for preference in preferences}
    return values.pop() if len(values) == 1 else Value.PARTIAL


def _marked(
    value: Value, decision: Decision, leaves: Iterable[str], *, inherits: bool
) -> UseAnswer:
    """A value, marked where robots.txt's group for everyone gave it."""
    if not inherits or value not in (*_INHERITABLE, Value.NOT_BOUND):
        return UseAnswer(value)
    about = set(leaves)
    if about == {CRAWL}:
        return UseAnswer(value, inherited=True)
    return UseAnswer(
        value,
        any(
            reason.carrier == ROBOTS_TXT.name and not about.isdisjoint(reason.covers)
            for reason in decision.reasons
        ),
    )
