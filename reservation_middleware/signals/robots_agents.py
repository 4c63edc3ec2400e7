"""What a block aimed at other AI agents, control tokens or policy tokens means for us.

``Disallow`` for GPTBot says nothing to ExampleBot by RFC 9309. Read as a hint, it says
that the site does not want AI training; such a statement is always marked as inferred
and counts only where the operator's policy says so. A policy token, such as
``__usage_ai-training`` (KELLEY, 30 October 2026), is a direct statement where a group names it.

Which groups to ask is found out once per agent and policy; then per page only which lines decide.
Reference: https://www.ietf.org/archive/id/draft-kelley-aipref-training-preference-signal-00.html
"""

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache

import msgspec

from reservation_middleware.model import (
    Level,
    Note,
    NoteKind,
    Outcome,
    Policy,
    Preference,
    Scope,
    Statement,
    expand,
)
from reservation_middleware.model.agents import KnownAgent, catalogue
from reservation_middleware.model.lru import BoundedLru
from reservation_middleware.model.policy import POLICY_TOKENS, ProxyAgents
from reservation_middleware.model.vocabulary import TRAIN
from reservation_middleware.syntax.robots import Group, RobotsFile, Rule, product_tokens
from reservation_middleware.syntax.robots_rules import GroupRules
from reservation_middleware.syntax.spelling import plain

from .base import (
    ROBOTS_TXT,
    Carrier,
    Dependencies,
    Findings,
    Intent,
    ParsedDocument,
    Question,
    Rendering,
    Settled,
    Signal,
    Status,
    Term,
    combine,
    for_display,
    shorten,
    terms_for,
)

NAME = "robots-agents"

RETIRED = NoteKind(
    "robots-agents-retired",
    Level.INFO,
    "{} is a retired name that its operator no longer uses",
    "Add the current product token; `reservations agents` lists them.",
    "https://github.com/ai-robots-txt/ai.robots.txt",
)
USAGE_TOKEN = NoteKind(
    "robots-agents-usage-token-unknown",
    Level.WARNING,
    "a group for a usage token that no text defines, so it says nothing: {}",
    "Write __usage_ai-training, the only usage token that is known.",
    "https://www.ietf.org/archive/id/draft-kelley-aipref-training-preference-signal-00.html",
)
MISSPELT = NoteKind(
    "robots-agents-misspelt",
    Level.WARNING,
    "a name that is nearly that of an AI agent names nobody: {}",
    "Write the product token as its operator does; `reservations agents` lists them.",
    "https://www.rfc-editor.org/rfc/rfc9309#section-2.2.1",
)
#: How usage tokens begin, in lower case.
_USAGE = "__usage"
_KNOWN_TOKENS = frozenset(token for token, _ in POLICY_TOKENS)
#: Notes that are kept for one file.
_MOST = 10
#: Characters of what is left of a name that is compared, and of a name.
_SHORTEST, _LONGEST = 4, 40
#: Agents and policies that one file is made ready for.
_MAX_ASKERS = 256
#: Groups of one token with more rules than this are asked one by one.
_COMBINED, _EACH = 500, 8


class AgentFindings(Findings):
    """A robots.txt with the known AI agents that it names."""

    __slots__ = ("_blocks", "named", "robots", "source", "training")

    def __init__(
        self, source: ParsedDocument, named: dict[str, KnownAgent], notes: tuple[Note, ...]
    ) -> None:
        super().__init__(source.place, notes)
        self.source = source
        self.robots: RobotsFile = source.robots
        #: Known AI agents by the token, in lower case, that the file uses for them.
        self.named = named
        #: Which groups to ask for whom: groups that many tokens share are combined once.
        self._blocks: BoundedLru[tuple[str, Policy], tuple[_Block, ...]]
        self._blocks = BoundedLru(_MAX_ASKERS)
        #: Those that train on what they fetch, with all that they fetch for.
        self.training = {
            token: leaves
            for token, agent in named.items()
            if not set(leaves := _leaves(agent)).isdisjoint(TRAIN)
        }

    def blocks(self, own: str, policy: Policy) -> "tuple[_Block, ...]":
        """The groups to ask on behalf of one agent under one policy.

        Args:
            own: the agent's product token in lower case, whose own group is no hint.
            policy: says which other agents count.
        """
        key = own, policy
        blocks = self._blocks.get(key)
        if blocks is None:
            blocks = _blocks(self, own, policy)
            self._blocks.put(key, blocks)
        return blocks

    def settle(self, own: str, policy: Policy, path: str, *, cut: bool) -> Settled | None:
        """What the blocks amount to for one page.

        Args:
            own: the agent's product token in lower case.
            policy: says which blocks count.
            path: of the page, in canonical form.
            cut: whether that is only its beginning.
        """
        blocks = self.blocks(own, policy)
        seen: dict[GroupRules, tuple[int, Rule | None]] = {}
        blocked: dict[tuple[bool, int, tuple[str, ...]], list[str]] = {}
        for block in blocks:
            rule = block.blocking(path, seen, cut=cut)
            if rule is not None:
                for leaves, tokens, inferred in block.about:
                    blocked.setdefault((inferred, rule.line, leaves), []).extend(tokens)
        if not blocked:
            return None
        statements = [
            self._statement(line, leaves, tokens, inferred=inferred)
            for (inferred, line, leaves), tokens in blocked.items()
        ]
        statements.sort(key=lambda statement: statement.inferred)
        counts = policy.proxy_agents is ProxyAgents.COUNT
        counted = [statement for statement in statements if counts or not statement.inferred]
        return Settled(usage=combine(counted), statements=for_display(statements))

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
                    signal=NAME,
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

    def _statement(
        self, line: int, leaves: tuple[str, ...], tokens: Sequence[str], *, inferred: bool
    ) -> Statement:
        source = self.source
        names = ", ".join(tokens[:12]) + (" …" if len(tokens) > 12 else "")
        return Statement(
            signal=NAME,
            carrier="robots.txt",
            category=_category(leaves),
            covers=leaves,
            preference=Preference.DISALLOWED,
            text=shorten(f"{names}: {source.robots.line(line)}"),
            span=source.span(line),
            scope=Scope(None, tuple(tokens)),
            inferred=inferred,
        )


class RobotsAgents(Signal[AgentFindings]):
    """Blocks of known AI agents, control tokens and policy tokens."""

    name = NAME
    title = "robots.txt groups for AI agents"
    reference = "vendors' documentation; draft-kelley-aipref-training-preference-signal-00"
    status = Status.DE_FACTO
    since = "2023-08"
    carriers = (Carrier("robots.txt", ROBOTS_TXT),)
    terms = {
        "GPTBot": Term((), TRAIN),
        "Google-Extended": Term((), ("ai-input", "ai-train-gen")),
        "Applebot-Extended": Term((), ("ai-train-gen",)),
        "__usage_ai-training": Term((), TRAIN),
    }
    notes = (RETIRED, USAGE_TOKEN, MISSPELT)

    def parse(self, source: ParsedDocument) -> AgentFindings | None:
        """Find the catalogue's agents among the product tokens."""
        if source.document.outcome is not Outcome.FETCHED or not source.document.body:
            return None  # the body of an error page says nothing
        known = catalogue()
        named: dict[str, KnownAgent] = {}
        notes: list[Note] = []
        for token in source.robots.tokens:
            if token[0] == "_" and token.startswith(_USAGE) and token not in _KNOWN_TOKENS:
                _note(source, notes, USAGE_TOKEN, token)
            agent = known.find(token) or _beginnings().get(token)
            if agent is None:
                if len(token) <= _LONGEST and (meant := _meant(token)) is not None:
                    _note(source, notes, MISSPELT, token, f"{token} ({meant}?)")
                continue
            named[token] = agent
            if token in map(str.lower, agent.retired):
                _note(source, notes, RETIRED, token)
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

    def write(self, intent: Intent) -> tuple[Rendering, ...]:
        """A group that blocks the control tokens that say no more than is intended."""
        tokens = [
            token for token, preference in terms_for(self.terms, intent).items() if preference
        ]
        if not tokens:
            return ()
        lines = [*(f"User-agent: {token}" for token in tokens), "Disallow: /", ""]
        return (Rendering(self.carriers[0], "\n".join(lines)),)


def _note(
    source: ParsedDocument, notes: list[Note], kind: NoteKind, token: str, detail: str = ""
) -> None:
    """Note a product token at the line that names it first."""
    if len(notes) < _MOST:
        group = source.robots.named(token)
        notes.append(source.note(kind, detail or token, group.line_of(token) if group else None))


def _bare(name: str) -> str:
    """What names of an agent have in common that differ in hyphens and in ``bot``."""
    return plain(name).replace("bot", "")


@cache
def _by_bare_name() -> Mapping[str, str]:
    """Product tokens of agents that use content for AI, by what is left of their names."""
    return {
        spelling: agent.token
        for agent in reversed(catalogue().agents)
        if agent.purposes and agent.purposes != ("search",)
        for name in agent.names
        for spelling in (_bare(name), plain(name))
        if len(spelling) >= _SHORTEST
    }


@lru_cache(4096)
def _meant(token: str) -> str | None:
    """The AI agent that a name was meant for, which is nobody's."""
    known = _by_bare_name()
    return known.get(plain(token)) or known.get(_bare(token))


@cache
def _beginnings() -> Mapping[str, KnownAgent]:
    """Agents whose name is no product token, by what the reader of robots.txt leaves of it."""
    return {
        token: agent
        for agent in reversed(catalogue().agents)
        for name in agent.names
        for token in product_tokens(name)[:1]
    }


class _Block(msgspec.Struct, frozen=True):
    """Groups that are asked together, and whom they are about.

    Attributes:
        groups: which groups.
        parts: the rules of the groups; one where they were combined before.
        about: leaves, tokens and whether what follows is only inferred.
    """

    groups: tuple[Group, ...]
    parts: tuple[GroupRules, ...]
    about: tuple[tuple[tuple[str, ...], tuple[str, ...], bool], ...]

    def blocking(
        self, path: str, seen: dict[GroupRules, tuple[int, Rule | None]], *, cut: bool
    ) -> Rule | None:
        """The rule that blocks a path, None if it is not blocked.

        Hints are many and not worth a question to Protego each. Where a token's groups are
        too large to combine for every token, each group's longest rule stands for it;
        ``seen`` has what groups said that other blocks asked before.
        """
        best: tuple[int, bool, Rule] | None = None
        for part in self.parts:
            found = seen.get(part)
            if found is None:
                found = seen[part] = part.longest(path, cut=cut)
            octets, rule = found
            if rule is not None and (best is None or (octets, rule.allow) > best[:2]):
                best = octets, rule.allow, rule
        return None if best is None or best[1] else best[2]


def _blocks(findings: AgentFindings, own: str, policy: Policy) -> tuple[_Block, ...]:
    """The groups to ask; tokens that share groups, or rules that block all, share a block."""
    robots = findings.robots
    asked: dict[tuple[Group, ...], dict[tuple[tuple[str, ...], bool], list[str]]] = {}

    def ask(token: str, leaves: tuple[str, ...], shown: str, *, inferred: bool) -> None:
        groups = tuple(group for group in robots.parts(token) if group.plain)
        if not groups:
            return
        asked.setdefault(groups, {}).setdefault((leaves, inferred), []).append(shown)

    if policy.proxy_agents is not ProxyAgents.OFF:
        listed = policy.proxy_tokens
        for token, leaves in (findings.listed(listed) if listed else findings.training).items():
            if token != own:
                ask(token, leaves, token, inferred=True)
    for name, purposes in policy.policy_tokens:
        token = name.lower()
        ask(token, expand(purposes), token, inferred=False)  # the group for * never stands in
    blocks = []
    for groups, about in asked.items():
        rules = sum(len(group.plain) for group in groups)
        # Rules that many tokens share are not copied for each of them.
        if len(groups) > 1 and rules <= max(_COMBINED, _EACH * len(groups)):
            combined = GroupRules([rule for group in groups for rule in group.plain])
            asks: tuple[GroupRules, ...] = (combined,)
        else:
            asks = tuple(GroupRules.of(group) for group in groups)
        whom = tuple((leaves, tuple(tokens), hint) for (leaves, hint), tokens in about.items())
        blocks.append(_Block(groups, asks, whom))
    return tuple(blocks)


def _leaves(agent: KnownAgent) -> tuple[str, ...]:
    """The leaves that an agent fetches for; none where its operator does not say."""
    return expand(agent.purposes) if agent.purposes else ()


def _category(purposes: Sequence[str]) -> str:
    """One word for a set of purposes."""
    leaves = expand(purposes)
    if leaves == TRAIN:
        return "ai-train"
    return leaves[0] if len(leaves) == 1 else "ai"
