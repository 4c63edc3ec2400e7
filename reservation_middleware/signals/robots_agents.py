"""What a block aimed at other AI agents, control tokens or policy tokens means for us.

``Disallow`` for GPTBot says nothing to ExampleBot by RFC 9309. Read as a hint, it says
that the site does not want AI training; such a statement is always marked as inferred
and counts only where the operator's policy says so. A policy token (the training-
preference draft of 30 October 2026) is a direct statement where a group names it.
Reference: https://www.ietf.org/archive/id/draft-kelley-aipref-training-preference-signal-00.html
"""

from collections.abc import Iterable, Sequence

from reservation_middleware.agents import KnownAgent, catalogue
from reservation_middleware.model import (
    Level,
    Note,
    NoteKind,
    Outcome,
    Preference,
    Scope,
    Statement,
    expand,
)
from reservation_middleware.model.decision import Proxies
from reservation_middleware.model.vocabulary import TRAIN
from reservation_middleware.syntax.robots import Group, RobotsFile
from reservation_middleware.syntax.rules import GroupRules

from ._signal import (
    ROBOTS_TXT,
    Carrier,
    Findings,
    Question,
    Settled,
    Signal,
    Source,
    Status,
    Term,
    Wish,
    Written,
    combine,
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


class AgentFindings(Findings):
    """A robots.txt with the known AI agents that it names."""

    __slots__ = ("named", "robots", "source", "training")

    def __init__(
        self, source: Source, named: dict[str, KnownAgent], notes: tuple[Note, ...]
    ) -> None:
        super().__init__(source.place, notes)
        self.source = source
        self.robots: RobotsFile = source.robots
        #: Known AI agents by the token, in lower case, that the file uses for them.
        self.named = named
        #: Those that train on what they fetch, with all that they fetch for.
        self.training = {
            token: leaves
            for token, agent in named.items()
            if not set(leaves := _leaves(agent)).isdisjoint(TRAIN)
        }

    def listed(self, tokens: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Agents that an operator lists, by the token the file uses, with their leaves.

        One of the catalogue is met under all of its names; one that is not there, or
        there without a purpose, stands for training.
        """
        wanted = {token.lower() for token in tokens}
        found = {
            token: _leaves(agent) or TRAIN
            for token, agent in self.named.items()
            if not wanted.isdisjoint(name.lower() for name in (token, *agent.names))
        }
        for token in sorted(wanted - found.keys()):
            if self.robots.named(token):
                found[token] = TRAIN
        return found

    def statements(self) -> tuple[Statement, ...]:
        """One statement per rule and set of leaves in a group that names known AI agents."""
        found: list[Statement] = []
        for group in self.robots.groups:
            # Not one per agent: a group may name all agents over thousands of rules.
            tokens: dict[tuple[str, ...], list[str]] = {}
            for token in dict.fromkeys(token for token, _ in group.tokens):
                agent = self.named.get(token)
                if agent is not None and agent.purposes:
                    tokens.setdefault(expand(agent.purposes), []).append(token)
            found.extend(
                Statement(
                    signal=RobotsAgents.name,
                    carrier="robots.txt",
                    category=_category(leaves),
                    covers=leaves,
                    preference=Preference.ALLOWED if rule.allow else Preference.DISALLOWED,
                    text=self.robots.line(rule.line),
                    span=self.source.span(rule.line),
                    scope=Scope(rule.path, tuple(named)),
                    inferred=True,
                )
                for leaves, named in tokens.items()
                for rule in group.rules
            )
        return tuple(found)


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

    def parse(self, source: Source) -> AgentFindings | None:
        """Find the catalogue's agents among the product tokens."""
        if source.document.outcome is not Outcome.FETCHED or not source.document.body:
            return None  # the body of an error page says nothing
        known = catalogue()
        named: dict[str, KnownAgent] = {}
        notes: list[Note] = []
        for token in source.robots.tokens:
            agent = known.find(token)
            if agent is None:
                continue
            named[token] = agent
            if token in map(str.lower, agent.retired) and len(notes) < _MOST:
                group = source.robots.named(token)
                notes.append(source.note(RETIRED, token, group.line_of(token) if group else None))
        return AgentFindings(source, named, tuple(notes))

    def settle(self, found: Sequence[AgentFindings], question: Question) -> Settled | None:
        """Blocks that the policy wants to hear of; they count as the policy says."""
        findings = found[0]
        policy = question.policy
        inferred: list[Statement] = []
        direct: list[Statement] = []
        if policy.proxies is not Proxies.OFF and findings.robots.groups:
            inferred += self._blocks(findings, question)
        for token, purposes in policy.policy_tokens:
            statement = self._policy_token(findings, question, token.lower(), purposes)
            if statement:
                (inferred if statement.inferred else direct).append(statement)
        if not inferred and not direct:
            return None
        counted = inferred + direct if policy.proxies is Proxies.COUNT else direct
        return Settled(usage=combine(counted), statements=(*direct, *inferred))

    def write(self, wish: Wish) -> tuple[Written, ...]:
        """A group that blocks the control tokens that say no more than the wish."""
        tokens = [token for token, said in spoken(self.terms, wish).items() if said]
        if not tokens:
            return ()
        lines = [*(f"User-agent: {token}" for token in tokens), "Disallow: /", ""]
        return (Written(self.carriers[0], "\n".join(lines)),)

    def _blocks(self, findings: AgentFindings, question: Question) -> Iterable[Statement]:
        """One statement per deciding line and set of leaves, with the tokens it blocks."""
        listed = question.policy.proxy_tokens
        candidates = findings.listed(listed) if listed else findings.training
        answers: dict[int, bool] = {}  # by group, so that a group is asked once
        blocked: dict[tuple[int | None, tuple[str, ...]], list[str]] = {}
        for token, leaves in candidates.items():
            group = findings.robots.named(token)
            if group is None or not group.rules or token == question.agent.key:
                continue
            rules = GroupRules.of(group)
            if id(group) not in answers:
                answers[id(group)] = rules.allows(question.target, question.path)
            if answers[id(group)]:
                continue
            rule = rules.deciding(question.path)
            blocked.setdefault((rule and rule.line, leaves), []).append(token)
        for (line, leaves), tokens in blocked.items():
            names = ", ".join(tokens[:12]) + (" …" if len(tokens) > 12 else "")
            yield Statement(
                signal=self.name,
                carrier="robots.txt",
                category=_category(leaves),
                covers=leaves,
                preference=Preference.DISALLOWED,
                text=f"{names}: {findings.robots.line(line) if line else 'Disallow'}",
                span=findings.source.span(line),
                scope=Scope(None, tuple(tokens)),
                inferred=True,
            )

    def _policy_token(
        self, findings: AgentFindings, question: Question, token: str, purposes: tuple[str, ...]
    ) -> Statement | None:
        """What a group keyed by a policy token says; the ``*`` group only as a hint."""
        own: Group | None = findings.robots.named(token)
        group = own or findings.robots.named("*")
        if group is None or not group.rules:
            return None
        rules = GroupRules.of(group)
        if rules.allows(question.target, question.path):
            return None  # whether Allow is a permission is open in the draft
        rule = rules.deciding(question.path)
        line = rule.line if rule else None
        return Statement(
            signal=self.name,
            carrier="robots.txt",
            category=_category(purposes),
            covers=expand(purposes),
            preference=Preference.DISALLOWED,
            text=f"{token if own else '*'}: {findings.robots.line(line) if line else 'Disallow'}",
            span=findings.source.span(line),
            scope=Scope(rule.path if rule else None, (token if own else "*",)),
            inferred=own is None,
        )


def _leaves(agent: KnownAgent) -> tuple[str, ...]:
    """The leaves that an agent fetches for; none where its operator does not say."""
    return expand(agent.purposes) if agent.purposes else ()


def _category(purposes: Sequence[str]) -> str:
    """One word for a set of purposes."""
    leaves = expand(purposes)
    if leaves == TRAIN:
        return "ai-train"
    return leaves[0] if len(leaves) == 1 else "ai"
