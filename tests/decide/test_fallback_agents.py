"""A list of product tokens is a fallback list: one token counts for a site, in every face.

What follows for ``decide`` is told by the vectors (``groups-fallback-…``).
"""

from pathlib import Path

import pytest
from scrapy_runner import Worker

from reservation_middleware import Agent, Check, Decision, Document, Outcome, Panel
from reservation_middleware.aiohttp import ReservationClient, ReservedError
from reservation_middleware.decide.reading import RESOURCES, Reading
from reservation_middleware.decide.record import record
from reservation_middleware.decide.site import Site
from reservation_middleware.ledger.read.reader import LedgerReader
from reservation_middleware.ledger.read.replay import replay
from reservation_middleware.model import ConfigurationError
from reservation_middleware.runtime.config import configuration
from web import Answer, Web, WebThread

A = "http://a.example"
RULES = b"User-agent: *\nAllow: /\n\nUser-agent: OldBot\nDisallow: /private/\n"
BOTH = ["NewBot", "OldBot"]


def site(body: bytes = RULES) -> Site:
    robots = Document(
        url=f"{A}/robots.txt", resource="robots.txt", outcome=Outcome.FETCHED, body=body
    )
    return Site([Reading(robots, RESOURCES["robots.txt"])])


def decide(agent: Agent, known: Site, path: str = "/private/x") -> Decision:
    return Check(A + path, agent=agent, site=known).decide()


@pytest.mark.parametrize(
    ("tokens", "body", "token", "blocked"),
    [
        (BOTH, RULES, "OldBot", True),
        (["NewBot", "OtherBot"], RULES, "NewBot", False),
        (BOTH, RULES + b"\nUser-agent: newbot\nAllow: /\n", "NewBot", False),
        (["NewBot", "*", "OldBot"], RULES, "*", False),
        (["NewBot", "oldbot"], RULES, "oldbot", True),
        (BOTH, b"", "NewBot", False),
    ],
)
def test_the_first_that_a_group_names_counts(
    tokens: list[str], body: bytes, token: str, blocked: bool
) -> None:
    decision = decide(Agent(tokens), site(body))
    assert (decision.agent, decision.blocked) == (token, blocked)
    assert decision.agents == tuple(tokens)
    assert list(record(decision)["agents"]) == tokens


def test_a_list_of_one_is_one_token() -> None:
    assert Agent(["OldBot"]) == Agent("OldBot")
    assert Agent(["OldBot", "OldBot"]).tokens == ()
    assert "agents" not in record(decide(Agent("OldBot"), site()))


@pytest.mark.parametrize("tokens", [[], ["a b"], ["a", ""], ["a", 5], 5])
def test_what_is_no_token_is_none_in_a_list(tokens: list[str]) -> None:
    with pytest.raises(ConfigurationError):
        Agent(tokens)


def test_answers_are_not_shared_between_a_list_and_its_members() -> None:
    known = site()
    agents = [Agent(BOTH), Agent("OldBot"), Agent("NewBot"), Agent(["OldBot", "NewBot"])]
    expected = [
        ("OldBot", tuple(BOTH)),
        ("OldBot", ()),
        ("NewBot", ()),
        ("OldBot", ("OldBot", "NewBot")),
    ]
    for _ in range(2):
        found = [decide(agent, known) for agent in agents]
        assert [(one.agent, one.agents) for one in found] == expected
        assert [one.blocked for one in found] == [True, True, False, True]
    panel = Panel(agents)
    for _ in range(2):
        shared = panel.decide(f"{A}/private/x", known)
        together = {id(agent): one.decision for one in shared for agent in one.agents}
        assert [together[id(agent)].blocked for agent in agents] == [True, True, False, True]
        assert [together[id(agent)].agents for agent in agents] == [
            agents for _, agents in expected
        ]


def test_the_token_is_chosen_anew_when_robots_txt_comes() -> None:
    check = Check(f"{A}/private/x", agent=Agent(BOTH))
    assert check.decide().agent == "NewBot"
    check.feed(site().documents[0])
    assert check.decide().agent == "OldBot"
    assert check.agent.token == "NewBot"


@pytest.mark.parametrize(
    ("field", "blocked"),
    [
        ("oldbot: noai", True),
        ("newbot: noai", True),
        ("otherbot: noai", False),
        ("newbot: DisallowAITraining", True),
    ],
)
def test_a_directive_for_any_of_the_tokens_counts(field: str, blocked: bool) -> None:
    check = Check(f"{A}/x", agent=Agent(BOTH), site=site())
    head = Document(
        url=f"{A}/x",
        resource="page",
        outcome=Outcome.FETCHED,
        status=200,
        headers=(("x-robots-tag", field),),
    )
    check.feed(head)
    assert check.decide().blocked is blocked


def test_every_place_of_configuration_takes_a_list(tmp_path: Path) -> None:
    environment = {"RESERVATION_AGENT": "NewBot, OldBot"}
    assert configuration(folder=tmp_path, environment=environment).agent == Agent(BOTH)
    (tmp_path / "reservations.toml").write_text('agent = ["NewBot", "OldBot"]\n')
    assert configuration(folder=tmp_path, environment={}).agent == Agent(BOTH)
    flags = {"agent": "OldBot,NewBot"}
    chosen = configuration(flags, folder=tmp_path, environment={}).agent
    assert chosen.tokens == ("OldBot", "NewBot")
    (tmp_path / "reservations.toml").write_text("agent = [5]\n")
    with pytest.raises(ConfigurationError, match="agent"):
        configuration(folder=tmp_path, environment={})


PAGES = {f"{A}/robots.txt": Answer(body=RULES), f"{A}/x": Answer(body=b"fine")}


@pytest.mark.asyncio
async def test_aiohttp_and_the_ledger_know_lists(tmp_path: Path) -> None:
    async with (
        Web(PAGES) as web,
        ReservationClient(agent=BOTH, proxy=web.proxy_url, ledger=tmp_path / "ledger") as client,
    ):
        with pytest.raises(ReservedError) as caught:
            await client.get(f"{A}/private/x")
        assert caught.value.decision.agent == "OldBot"
        async with client.get(f"{A}/x") as response:
            assert response.status == 200
    lines = list(replay(LedgerReader(tmp_path / "ledger")))
    assert [(one.line.agent, one.apart, one.differences) for one in lines] == [
        ("OldBot", None, ())
    ] * 2


@pytest.mark.parametrize("agent", [BOTH, "NewBot, OldBot"])
def test_scrapy_knows_lists(agent: object) -> None:
    settings = {
        "USER_AGENT": "NewBot/1.0",
        "RESERVATION_AGENT": agent,
        "ROBOTSTXT_OBEY": True,
        "DOWNLOAD_DELAY": 0,
    }
    with WebThread(PAGES) as web, Worker() as worker:
        done = worker.crawl(web.proxy_url, requests=[f"{A}/private/x", f"{A}/x"], settings=settings)
    assert done.blocked == [f"{A}/private/x"]
    assert done.urls == [f"{A}/x"]
    assert done.failed[0]["record"]["agent"] == "OldBot"
    assert done.problems == []
