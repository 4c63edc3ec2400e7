"""Blocks of known AI agents in one robots.txt: what is found, and how it is asked.

``robots_agents.py`` says what they mean. A file is asked once
per agent and policy for a plan, then per page only which lines decide.
"""

from collections.abc import Sequence
from typing import NamedTuple

from reservation_middleware.model import (
    Note,
    Policy,
    Preference,
    Scope,
    Statement,
    expand,
)
from reservation_middleware.model.agents import KnownAgent
from reservation_middleware.model.policy import ProxyAgents
from reservation_middleware.model.vocabulary import TRAIN
from reservation_middleware.syntax.robots import Group, RobotsFile, Rule
from reservation_middleware.syntax.robots_rules import GroupRules

from .base import Dependencies, Findings, ParsedDocument, Settled, combine, for_display, shorten

NAME = "robots-agents"
#: Plans, and answers of one plan, that are kept for one file.
_MOST_PLANS = 256
#: Groups of one token with more rules than this are asked one by one.
_COMBINED, _EACH = 500, 8


class AgentFindings(Findings):
    """A robots.txt with the known AI agents that it names."""

    __slots__ = ("_plans", "_seen", "named", "robots", "source", "training")

    def __init__(
        self, source: ParsedDocument, named: dict[str, KnownAgent], notes: tuple[Note, ...]
    ) -> None:
        super().__init__(source.place, notes)
        self.source = source
        self.robots: RobotsFile = source.robots
        #: Known AI agents by the token, in lower case, that the file uses for them.
        self.named = named
        self._plans: dict[tuple[str, int], _Plan] = {}
        #: What groups say of the page that was asked about last: several agents may ask.
        self._seen: tuple[object, dict[GroupRules, tuple[int, Rule | None]]] = None, {}
        #: Those that train on what they fetch, with all that they fetch for.
        self.training = {
            token: leaves
            for token, agent in named.items()
            if not set(leaves := _leaves(agent)).isdisjoint(TRAIN)
        }

    def plan(self, own: str, policy: Policy) -> "_Plan":
        """What to ask this file on behalf of one agent and policy; made once for both."""
        key = own, id(policy)
        plan = self._plans.get(key)
        if plan is None:
            if len(self._plans) >= _MOST_PLANS:
                self._plans.clear()
            # The plan holds the policy, so its address stays its own.
            plan = self._plans[key] = _Plan(self, own, policy)
        return plan

    def seen(self, path: str, *, cut: bool) -> dict[GroupRules, tuple[int, Rule | None]]:
        """What groups said so far of a path."""
        if self._seen[0] != (path, cut):
            self._seen = (path, cut), {}
        return self._seen[1]

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


class _Block(NamedTuple):
    """Groups that are asked together, and whom they are about.

    Attributes:
        groups: which groups, by their addresses; the file keeps them.
        parts: the rules of the groups; one where they were combined before.
        about: leaves, tokens and whether what follows is only inferred.
    """

    groups: tuple[int, ...]
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


class _Plan:
    """What to ask one file for one agent under one policy, and the answers so far."""

    def __init__(self, findings: AgentFindings, own: str, policy: Policy) -> None:
        self._findings = findings
        self._policy = policy
        self._blocks = _blocks(findings, own, policy)
        self._answers: dict[tuple[int, ...], Settled | None] = {}

    @property
    def depends_on(self) -> Dependencies:
        """The groups that are asked, and the rules of all of them."""
        rules = [text for block in self._blocks for part in block.parts for text in part.patterns]
        return Dependencies(tuple([(block.groups, block.about) for block in self._blocks]), rules)

    def settle(self, path: str, *, cut: bool) -> Settled | None:
        """What the blocks amount to for one page; made once per set of deciding lines."""
        if not self._blocks:
            return None
        seen = self._findings.seen(path, cut=cut)
        rules = [block.blocking(path, seen, cut=cut) for block in self._blocks]
        key = tuple([rule.line if rule else 0 for rule in rules])
        try:
            return self._answers[key]
        except KeyError:
            if len(self._answers) >= _MOST_PLANS:
                self._answers.clear()
            answer = self._answers[key] = self._settle(rules)
            return answer

    def _settle(self, rules: Sequence[Rule | None]) -> Settled | None:
        """One statement per deciding line and set of leaves, with the tokens it blocks."""
        blocked: dict[tuple[bool, int, tuple[str, ...]], list[str]] = {}
        for block, rule in zip(self._blocks, rules, strict=True):
            if rule is not None:
                for leaves, tokens, inferred in block.about:
                    blocked.setdefault((inferred, rule.line, leaves), []).extend(tokens)
        if not blocked:
            return None
        said = [
            self._statement(line, leaves, tokens, inferred=inferred)
            for (inferred, line, leaves), tokens in blocked.items()
        ]
        said.sort(key=lambda statement: statement.inferred)
        counts = self._policy.proxy_agents is ProxyAgents.COUNT
        counted = [statement for statement in said if counts or not statement.inferred]
        return Settled(usage=combine(counted), statements=for_display(said))

    def _statement(
        self, line: int, leaves: tuple[str, ...], tokens: Sequence[str], *, inferred: bool
    ) -> Statement:
        source = self._findings.source
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


def _blocks(findings: AgentFindings, own: str, policy: Policy) -> tuple[_Block, ...]:
    """The groups to ask; tokens that share groups, or rules that block all, share a block."""
    robots = findings.robots
    asked: dict[tuple[int, ...], dict[tuple[tuple[str, ...], bool], list[str]]] = {}
    parts: dict[tuple[int, ...], tuple[Group, ...]] = {}

    def ask(token: str, leaves: tuple[str, ...], shown: str, *, inferred: bool) -> None:
        groups = tuple(group for group in robots.parts(token) if group.plain)
        if not groups:
            return
        key = tuple(id(group) for group in groups)
        parts[key] = groups
        asked.setdefault(key, {}).setdefault((leaves, inferred), []).append(shown)

    if policy.proxy_agents is not ProxyAgents.OFF:
        listed = policy.proxy_tokens
        for token, leaves in (findings.listed(listed) if listed else findings.training).items():
            if token != own:
                ask(token, leaves, token, inferred=True)
    for name, purposes in policy.policy_tokens:
        token = name.lower()
        named = bool(robots.parts(token))
        # Whether the group for * stands in for a policy token is open in the draft.
        ask(token if named else "*", expand(purposes), token if named else "*", inferred=not named)
    blocks = []
    for key, about in asked.items():
        groups = parts[key]
        rules = sum(len(group.plain) for group in groups)
        # Rules that many tokens share are not copied for each of them.
        if len(groups) > 1 and rules <= max(_COMBINED, _EACH * len(groups)):
            combined = GroupRules([rule for group in groups for rule in group.plain])
            asks: tuple[GroupRules, ...] = (combined,)
        else:
            asks = tuple(GroupRules.of(group) for group in groups)
        whom = tuple((leaves, tuple(tokens), hint) for (leaves, hint), tokens in about.items())
        blocks.append(_Block(key, asks, whom))
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
