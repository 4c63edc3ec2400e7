"""The effect of all signals of a page: agents × uses, each cell with the lines that it rests on.

It is what ``check`` shows, with every known place asked, in a form that can be kept and compared.
"""

from collections.abc import Iterable

import msgspec

from reservation_middleware.model import CRAWL, PAGE, Agent, Policy, Preference, Probes, Reason
from reservation_middleware.owners.inspect.inspection import Inspection, State, file_of
from reservation_middleware.owners.inspect.matrix import USES, Value, decisions, table

#: Lines behind one cell that are kept, and characters of each.
_MOST_LINES, _LONGEST = 6, 300
#: What became of a place of which nothing can be said.
_UNSEEN = (State.NOT_REACHED, State.NOT_TESTED, State.REFUSED)


class EffectLine(msgspec.Struct, frozen=True):
    """A line of a document that says yes or no.

    Attributes:
        file: short name of the document, ``robots.txt``.
        document: its address.
        number: from 1; None where it has none, as header fields.
        text: its words.
        says: allowed or disallowed.
    """

    file: str
    document: str
    number: int | None
    text: str
    says: str

    @property
    def words(self) -> tuple[str, str, str]:
        """What makes it this line, wherever in the document it stands."""
        return self.document, self.text, self.says

    def __str__(self) -> str:
        where = f"{self.file} line {self.number}" if self.number else self.file
        return f"{where}: {self.text}"


class WatchedCell(msgspec.Struct, frozen=True):
    """What some agents may do: ``yes``, ``no``, ``not said`` …, and the lines about it."""

    value: str
    lines: tuple[EffectLine, ...] = ()


class AgentCells(msgspec.Struct, frozen=True):
    """Agents with equal cells.

    Attributes:
        agents: product tokens.
        cells: by column: fetch, train, answers, index, search, mining.
    """

    agents: tuple[str, ...]
    cells: dict[str, WatchedCell]


class Effect(msgspec.Struct, frozen=True):
    """What one look at a page found.

    Attributes:
        rows: agents × uses.
        unseen: addresses of documents of which nothing can be said: not reached, or refused.
    """

    rows: tuple[AgentCells, ...]
    unseen: tuple[str, ...] = ()

    def by_agent(self) -> dict[str, dict[str, WatchedCell]]:
        """The cells by agent and column."""
        return {agent: row.cells for row in self.rows for agent in row.agents}


def watched_policy(policy: Policy) -> Policy:
    """A policy under which every known place is asked."""
    return policy.changed({"probes": Probes.ALL})


def look_of(inspection: Inspection) -> Effect:
    """The effect that an inspection found."""
    judged = decisions(inspection.check, inspection.policy, Agent("*"))
    cells: dict[str, dict[str, WatchedCell]] = {}
    for token, decision in judged.items():
        (row,) = table(inspection.check, {token: decision})
        cells[token] = {
            column: WatchedCell(
                _value(answer.value),
                _lines(column, answer.value, row.reasons, inspection, is_switch=row.is_switch),
            )
            for column, answer in row.answers.items()
        }
    return Effect(folded(cells), _unseen(inspection))


def folded(cells: dict[str, dict[str, WatchedCell]]) -> tuple[AgentCells, ...]:
    """Agents with equal cells put together."""
    groups: dict[tuple[tuple[str, WatchedCell], ...], list[str]] = {}
    for token, row in cells.items():
        groups.setdefault(tuple(row.items()), []).append(token)
    return tuple(AgentCells(tuple(tokens), dict(row)) for row, tokens in groups.items())


def _value(value: Value) -> str:
    """A value; who may not fetch has a no for every use."""
    return str(Value.NO if value is Value.MAY_NOT_FETCH else value)


def _lines(
    column: str,
    value: Value,
    reasons: Iterable[Reason],
    inspection: Inspection,
    *,
    is_switch: bool,
) -> tuple[EffectLine, ...]:
    leaves = set(USES.get(column, (CRAWL,)))
    if value is Value.NOT_APPLICABLE:
        return ()
    if value is Value.MAY_NOT_FETCH or is_switch:
        leaves.add(CRAWL)
    about = [
        EffectLine(
            file_of(reason.document, inspection.places),
            reason.document,
            reason.line,
            reason.text[:_LONGEST],
            str(reason.preference),
        )
        for reason in reasons
        if not reason.inferred
        and reason.preference is not Preference.UNKNOWN
        and not leaves.isdisjoint(reason.covers)
    ]
    return tuple(dict.fromkeys(about))[:_MOST_LINES]


def _unseen(inspection: Inspection) -> tuple[str, ...]:
    unseen = [place.url for place in inspection.places if place.state in _UNSEEN]
    if not any(place.name == PAGE for place in inspection.places):
        unseen.append(inspection.decision.url)
    return tuple(unseen)
