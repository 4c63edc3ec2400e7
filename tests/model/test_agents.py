"""The catalogue of known AI agents: every fact has a source, every name one owner.

Here live the rules that agents.toml must keep. What robots.txt says to an agent is tested
elsewhere.
"""

import datetime
import json
import runpy
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from reservation_middleware.model.agents import Catalogue, KnownAgent, catalogue

LEAVES = {"search", "ai-index", "ai-input", "ai-train-gen", "ai-train-nongen", "tdm"}
SHORTHANDS = {"ai-train", "ai", "tdm-all"}
CLAIMABLE = {"operator", "purposes", "obeys", "aliases", "retired"}

_SCRIPT = runpy.run_path(str(Path(__file__).parents[2] / ".ci" / "write_agent_catalogue.py"))
RESULT, written = _SCRIPT["RESULT"], _SCRIPT["written"]
SHARED_LIST = Path(__file__).parents[3] / "shared" / "data" / "ai-robots-txt.json"

LEFT_OUT = {
    "Code": "an everyday word",
    "Cursor": "an everyday word",
    "LCC": "an abbreviation whose owner is not known",
    "Lightpanda": "a browser anybody may run",
    "OpenAI": "a company's name; no agent of its is documented under it",
    "Operator": "an everyday word; the product sends a browser's user agent",
    "Spider": "a kind of program, not one",
    "YaK": "an everyday word",
    "imageSpider": "a kind of program, not one; the owner is not known",
    "newsai": "several unrelated sites use the name",
}

AGENTS = catalogue().agents


def by_token(agent: KnownAgent) -> str:
    return agent.token


each_agent = pytest.mark.parametrize("agent", AGENTS, ids=by_token)


def test_catalogue_is_read_once_and_is_of_some_size() -> None:
    assert catalogue() is catalogue()
    assert len(AGENTS) >= 80
    assert datetime.date.fromisoformat(catalogue().version).year >= 2026


def test_what_is_shipped_says_what_people_edit() -> None:
    assert RESULT.read_bytes() == written(), "run: python .ci/write_agent_catalogue.py"


def test_agents_are_sorted_by_token_in_whatever_case() -> None:
    tokens = [agent.token for agent in AGENTS]
    assert tokens == sorted(tokens, key=str.casefold)


def test_no_name_belongs_to_two_agents() -> None:
    owners = Counter(name for agent in AGENTS for name in {n.casefold() for n in agent.names})
    assert [name for name, count in owners.items() if count > 1] == []


@each_agent
def test_purposes_are_known_categories(agent: KnownAgent) -> None:
    assert set(agent.purposes) <= LEAVES | SHORTHANDS
    assert len(set(agent.purposes)) == len(agent.purposes)


@each_agent
def test_every_statement_has_a_source(agent: KnownAgent) -> None:
    stated = {"operator"}
    stated |= {name for name in ("purposes", "aliases", "retired") if getattr(agent, name)}
    if agent.obeys != "unclear":
        stated.add("obeys")
    claimed = {claim for source in agent.sources for claim in source.claims}
    assert stated <= claimed <= CLAIMABLE


@each_agent
def test_sources_are_dated_https_pages(agent: KnownAgent) -> None:
    reviewed = datetime.date.fromisoformat(catalogue().version)
    for source in agent.sources:
        assert source.url.startswith("https://")
        assert source.claims
        assert source.seen <= reviewed


@pytest.mark.parametrize(
    ("asked", "token"),
    [
        ("GPTBot", "GPTBot"),
        ("gptbot", "GPTBot"),
        ("Meta-ExternalAgent", "meta-externalagent"),
        ("anthropic-ai", "ClaudeBot"),
        ("MistralAI-User/1.0", "MistralAI-User"),
        ("GoogleAgent-Mariner", "Google-Agent"),
    ],
)
def test_find_knows_spellings_and_former_names(asked: str, token: str) -> None:
    found = catalogue().find(asked)
    assert found is not None
    assert found.token == token


@pytest.mark.parametrize("asked", ["", "*", "GPT", "GPTBot/1.1", "Googlebot-Extended"])
def test_find_guesses_nothing(asked: str) -> None:
    assert catalogue().find(asked) is None


@pytest.mark.parametrize(
    ("token", "kind", "purposes"),
    [
        ("Google-Extended", "control", ("ai-train-gen", "ai-input")),
        ("Applebot-Extended", "control", ("ai-train-gen",)),
        ("CCBot", "crawler", ("ai-train",)),
        ("ChatGPT-User", "user", ("ai-input",)),
        ("Googlebot", "crawler", ("search",)),
        ("bingbot", "crawler", ("search", "ai-input", "ai-train-gen")),
        ("Applebot", "crawler", ("search", "ai-index", "ai-input", "ai-train-gen")),
        ("OAI-AdsBot", "user", ()),
    ],
)
def test_landmarks(token: str, kind: str, purposes: tuple[str, ...]) -> None:
    agent = catalogue().find(token)
    assert agent is not None
    assert (agent.kind, agent.purposes) == (kind, purposes)


@pytest.mark.parametrize(
    ("token", "obeys"),
    [
        ("facebookexternalhit", "no"),
        ("Google-CWS", "no"),
        ("Google-Pinpoint", "no"),
        ("Google-Read-Aloud", "no"),
        ("Googlebot", "yes"),
        ("OAI-AdsBot", "unclear"),
    ],
)
def test_what_operators_say_of_robots_txt(token: str, obeys: str) -> None:
    agent = catalogue().find(token)
    assert agent is not None
    assert agent.obeys == obeys


def test_names_are_token_aliases_retired_in_that_order() -> None:
    agent = KnownAgent(
        "New",
        operator="Example",
        kind="crawler",
        purposes=(),
        obeys="unclear",
        sources=(),
        aliases=("NEW-Bot",),
        retired=("Old",),
    )
    assert agent.names == ("New", "NEW-Bot", "Old")


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="surprise"):
        msgspec.convert({"version": "2026-11-21", "agent": [], "surprise": 1}, Catalogue)


def test_the_shared_list_is_covered() -> None:
    if not SHARED_LIST.exists():
        pytest.skip("../shared/data/ai-robots-txt.json is absent: its coverage is not checked")
    listed = json.loads(SHARED_LIST.read_text(encoding="utf-8"))
    missing = {key for key in listed if catalogue().find(key) is None}
    assert missing == set(LEFT_OUT)
