"""Several agents asked about together: those that an origin does not tell apart are asked once.

For surveys and for anyone who compares agents: most sites name few of them, so that thirty agents
get one or two answers. Before a page is fetched; no I/O.
"""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from reservation_middleware.model import Agent, Decision, Policy, Stage
from reservation_middleware.signals import Question
from reservation_middleware.syntax.path import judged, resolved_target, split_url

from .answers import MAX_PATTERNS, AnswerTable
from .check import Check
from .profiles import profile
from .site import Site


class Shared(msgspec.Struct, frozen=True):
    """One answer and those whom it is for.

    Attributes:
        agents: whose answer it is.
        decision: that of the first; the others' differ in the name of the agent only.
    """

    agents: tuple[Agent, ...]
    decision: Decision


class Panel:
    """Agents that ask under one policy.

    Args:
        agents: who asks.
        policy: what the operator decided; the ``opt-out`` profile if None.

    Example:
        >>> from reservation_middleware.decide.site import Site
        >>> panel = Panel([Agent("GPTBot"), Agent("CCBot")])
        >>> [(len(one.agents), one.decision.action.value) for one in
        ...  panel.decide("https://a.example/x", Site())]
        [(2, 'proceed')]

    """

    def __init__(self, agents: Iterable[Agent], policy: Policy | None = None) -> None:
        self.agents = tuple(agents)
        self.policy = profile() if policy is None else policy

    def decide(self, url: str, site: Site, *, now: datetime | None = None) -> tuple[Shared, ...]:
        """What follows for a page of a site before it is fetched, for each of the agents.

        Args:
            url: absolute URL of the page.
            site: what its origin says.
            now: the time, timezone-aware; needed where the policy has licences with dates.

        Raises:
            ConfigurationError: a licence has dates, and there is no time to hold against them.
        """
        _, target = split_url(url)
        together = site.answers.for_panel(self, lambda: self._together(site))
        is_plain = not self.policy.licences and resolved_target(url, target) is None
        table = together.table if is_plain else None
        matching = table.matching(judged(target), target) if table else ()
        if table and not target.startswith("/robots.txt"):
            known = table.tails.get((Stage.SITE, matching))
            if known is not None:
                return tuple(
                    [Shared(agents, Decision(url, token, *tail)) for agents, token, tail in known]
                )
        found = []
        for agents in together.agents:
            check = Check(url, agent=agents[0], policy=self.policy, site=site, now=now)
            found.append(Shared(agents, check.decide()))
            if not check.is_remembered:
                table = None
        if table:
            tails = ((one, msgspec.structs.astuple(one.decision)) for one in found)
            answer = tuple([(one.agents, tail[1], tail[2:]) for one, tail in tails])
            table.store(Stage.SITE, matching, answer)
        return tuple(found)

    def _together(self, site: Site) -> "_Together":
        """The agents by the answers that they get; one that shares them with no other is alone."""
        groups: dict[object, list[Agent]] = {}
        tables: dict[AnswerTable | None, None] = {}
        for agent in self.agents:
            question = Question("", "/", "/", site.agent_for(agent), self.policy)
            tables[site.answers.table(question)] = None
            alike = site.answers.alike(question)
            groups.setdefault(agent if alike is None else alike, []).append(agent)
        known = [table for table in tables if table is not None]
        patterns = dict.fromkeys(text for table in known for text in table.patterns)
        usable = len(known) == len(tables) and len(patterns) <= MAX_PATTERNS
        return _Together(
            AnswerTable.of(patterns) if usable else None, tuple(map(tuple, groups.values()))
        )


class _Together(msgspec.Struct, frozen=True):
    """The agents of a panel as one site tells them apart.

    Attributes:
        table: their answers; None where they depend on more than patterns.
        agents: those whose answers are the same.
    """

    table: AnswerTable | None
    agents: tuple[tuple[Agent, ...], ...]
