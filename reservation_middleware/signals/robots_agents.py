"""What a block aimed at other AI agents, control tokens or policy tokens means for us.

``Disallow`` for GPTBot says nothing to ExampleBot by RFC 9309. Read as a hint, it says
that the site does not want AI training; such a statement is always marked as inferred
and counts only where the operator's policy says so. A policy token (the training-
preference draft of 30 October 2026) is a direct statement where a group names it.
Reference: https://www.ietf.org/archive/id/draft-kelley-aipref-training-preference-signal-00.html
"""

from collections.abc import Mapping, Sequence
from functools import cache

from reservation_middleware.model import (
    Level,
    Note,
    NoteKind,
    Outcome,
)
from reservation_middleware.model.agents import KnownAgent, catalogue
from reservation_middleware.model.vocabulary import TRAIN
from reservation_middleware.syntax.robots import product_tokens

from ._agents import AgentFindings
from .base import (
    ROBOTS_TXT,
    Carrier,
    Dependencies,
    Intent,
    ParsedDocument,
    Question,
    Rendering,
    Settled,
    Signal,
    Status,
    Term,
    spoken,
)

RETIRED = NoteKind(
    "robots-agents-retired",
    Level.INFO,
    "{} is a retired name that its operator no longer uses",
    "Add the current product token; `reservations agents` lists them.",
    "https://github.com/ai-robots-txt/ai.robots.txt",
)
#: Notes that are kept for one file.
_MOST = 10


class RobotsAgents(Signal[AgentFindings]):
    """Blocks of known AI agents, control tokens and policy tokens."""

    name = "robots-agents"
    title = "robots.txt groups for AI agents"
    reference = "vendors' documentation; draft-kelley-aipref-training-preference-signal-00"
    status = Status.DE_FACTO
    since = "2023-08"
    carriers = (Carrier("robots.txt", ROBOTS_TXT),)
    terms = {
        "GPTBot": Term((), TRAIN),
        "Google-Extended": Term((), ("ai-input", "ai-train-gen")),
        "Applebot-Extended": Term((), ("ai-train-gen",)),
    }
    notes = (RETIRED,)

    def parse(self, source: ParsedDocument) -> AgentFindings | None:
        """Find the catalogue's agents among the product tokens."""
        if source.document.outcome is not Outcome.FETCHED or not source.document.body:
            return None  # the body of an error page says nothing
        known = catalogue()
        named: dict[str, KnownAgent] = {}
        notes: list[Note] = []
        for token in source.robots.tokens:
            agent = known.find(token) or _beginnings().get(token)
            if agent is None:
                continue
            named[token] = agent
            if token in map(str.lower, agent.retired) and len(notes) < _MOST:
                group = source.robots.named(token)
                notes.append(source.note(RETIRED, token, group.line_of(token) if group else None))
        return AgentFindings(source, named, tuple(notes))

    def settle(self, found: Sequence[AgentFindings], question: Question) -> Settled | None:
        """Blocks that the policy wants to hear of; they count as the policy says."""
        agent, policy = question.agent, question.policy
        return found[0].settle(agent.key, policy, question.path, cut=question.truncated)

    def depends_on(self, found: Sequence[AgentFindings], question: Question) -> Dependencies:
        """The groups that are asked."""
        blocks = found[0].blocks(question.agent.key, question.policy)
        patterns = [text for block in blocks for part in block.parts for text in part.patterns]
        return Dependencies(tuple([(block.groups, block.about) for block in blocks]), patterns)

    def write(self, wish: Intent) -> tuple[Rendering, ...]:
        """A group that blocks the control tokens that say no more than the wish."""
        tokens = [token for token, said in spoken(self.terms, wish).items() if said]
        if not tokens:
            return ()
        lines = [*(f"User-agent: {token}" for token in tokens), "Disallow: /", ""]
        return (Rendering(self.carriers[0], "\n".join(lines)),)


@cache
def _beginnings() -> Mapping[str, KnownAgent]:
    """Agents whose name is no product token, by what the reader of robots.txt leaves of it."""
    return {
        token: agent
        for agent in reversed(catalogue().agents)
        for name in agent.names
        for token in product_tokens(name)[:1]
    }
