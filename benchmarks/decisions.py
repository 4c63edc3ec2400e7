"""`site-decision`: a cached SITE-stage decision with its reasons against one bare robots.txt question.

`site-decision-30-agents`: the same page asked about for thirty agents.
"""

import random
from collections.abc import Iterator

from reservation_middleware import Agent, Check, Panel, profile
from reservation_middleware.decide.site import Site

from .corpus import AI_AGENTS, Host, Question, hosts, questions, site
from .peers import Ask, optional, protego
from .timing import OURS, Batch, Options, Prepare, Row, versus


def site_decision(options: Options) -> Iterator[Row]:
    """One agent, mixed real files, hosts in random order, everything read before."""
    known = hosts(options.some(None, 500))
    size, runs = options.some(4000, 1500), options.runs(15)
    asked = [questions(known, size, options.seed + number) for number in range(runs)]
    contenders: dict[str, Prepare] = {
        OURS: _ours(known, asked),
        "Protego.can_fetch": _peer([protego(host) for host in known], asked),
    }
    for name, make in optional(options).items():
        try:
            # What is read anew each time keeps nothing that could be made before.
            warm = "reads anew" not in name
            contenders[name] = _peer([make(host) for host in known], asked, warm=warm)
        except Exception as error:  # noqa: BLE001 - a peer that cannot read a file is out
            options.say(f"{name} is left out: {type(error).__name__}: {error}")
    yield from versus("site-decision", contenders, options, operations=size, runs=runs, goal=1.0)


def site_decision_30_agents(options: Options) -> Iterator[Row]:
    """Thirty agents against one agent, then against Protego asked thirty times."""
    known = hosts(options.some(None, 500))
    size, runs = options.some(400, 150), options.runs(15)
    asked = [questions(known, size, options.seed + number) for number in range(runs)]
    sites = _sites(known)
    parsers = [protego(host) for host in known]
    agents = tuple(map(Agent, AI_AGENTS))
    policy = profile()
    panel = Panel(agents, policy)
    _warm(sites, known, agents, panel)

    def thirty(number: int) -> Batch:
        prepared = [(one.url, sites[one.host]) for one in asked[number]]

        def run() -> None:
            for url, found in prepared:
                for shared in panel.decide(url, found):
                    _ = shared.decision.reasons

        return run

    def one(number: int) -> Batch:
        rng = random.Random(number)
        prepared = [(one.url, sites[one.host], rng.choice(agents)) for one in asked[number]]

        def run() -> None:
            for url, found, agent in prepared:
                _ = Check(url, agent=agent, policy=policy, site=found).decide().reasons

        return run

    def peer(number: int) -> Batch:
        prepared = [(one.url, parsers[one.host]) for one in asked[number]]

        def run() -> None:
            for url, ask in prepared:
                for agent in AI_AGENTS:
                    ask(url, agent)

        return run

    for number in range(runs):  # as in `site-decision`
        thirty(number)()
        one(number)()
    contenders: dict[str, Prepare] = {
        OURS: thirty,
        "ours, one agent": one,
        "Protego.can_fetch, 30 times": peer,
    }
    yield from versus(
        "site-decision-30-agents", contenders, options, operations=size, runs=runs, goal=1.5
    )


def _ours(known: tuple[Host, ...], asked: list[list[Question]]) -> Prepare:
    sites = _sites(known)
    agents = {one.agent: Agent(one.agent) for batch in asked for one in batch}
    policy = profile()

    def prepare(number: int) -> Batch:
        prepared = [(one.url, agents[one.agent], sites[one.host]) for one in asked[number]]

        def run() -> None:
            for url, agent, found in prepared:
                _ = Check(url, agent=agent, policy=policy, site=found).decide().reasons

        return run

    for number in range(len(asked)):  # what is kept per group is made before the clock starts
        prepare(number)()
    return prepare


def _peer(parsers: list[Ask], asked: list[list[Question]], *, warm: bool = True) -> Prepare:
    def prepare(number: int) -> Batch:
        prepared = [(parsers[one.host], one.url, one.agent) for one in asked[number]]

        def run() -> None:
            for ask, url, agent in prepared:
                ask(url, agent)

        return run

    if warm:
        for number in range(len(asked)):
            prepare(number)()
    return prepare


def _sites(known: tuple[Host, ...]) -> list[Site]:
    rng = random.Random(1)
    return [site(host, rng=rng) for host in known]


def _warm(
    sites: list[Site], known: tuple[Host, ...], agents: tuple[Agent, ...], panel: Panel
) -> None:
    for found, host in zip(sites, known, strict=True):
        panel.decide(f"{host.origin}/", found)
        for agent in agents:
            Check(f"{host.origin}/", agent=agent, site=found).decide()
