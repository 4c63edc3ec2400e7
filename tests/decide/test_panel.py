"""Several agents at once, and plans: the same answers as one by one, whatever the path.

Every vector and many real files are asked one agent at a time with a site that knows plans
already, and with one that was never asked: both must say the same.
"""

import random
from collections.abc import Iterator
from typing import Any

import pytest

from reservation_middleware import Agent, Check, Decision, Document, Panel, profile
from reservation_middleware.decide.answers import NoAnswers
from reservation_middleware.decide.reading import BY_PATH, RESOURCES, Reading
from reservation_middleware.decide.site import Site
from reservation_middleware.model import Outcome
from support import Vector, load_vectors

TOKENS = ("ExampleBot", "GPTBot", "CCBot", "ClaudeBot", "Google-Extended", "Bytespider", "*")
ENDS = ("", "/", "?", "?x=1", ".html", "%2F", "%D8", "$", "/../", "//")


#: Under two profiles: every twentieth vector, and all of them.
few_and_all = pytest.mark.parametrize(
    ("name", "every"),
    [
        pytest.param("opt-out", 20, id="opt-out, a few"),
        pytest.param("strict", 20, id="strict, a few"),
        pytest.param("opt-out", 1, id="opt-out", marks=pytest.mark.slow),
        pytest.param("strict", 1, id="strict", marks=pytest.mark.slow),
    ],
)


def site_of(vector: Vector) -> Site | None:
    """What the well-known places of a vector's origin say."""
    readings = []
    for given in vector.input.get("documents", []):
        path = "/" + given["url"].split("/", 3)[-1]
        place = BY_PATH.get(path)
        body = given.get("body")
        if place is None or not isinstance(body, str) or given.get("status", 200) != 200:
            continue
        document = Document(
            url=given["url"],
            resource=place.name,
            outcome=Outcome.FETCHED,
            status=200,
            headers=tuple((name.lower(), value) for name, value in given.get("headers", [])),
            body=body.encode(),
        )
        readings.append(Reading(document, RESOURCES[place.name]))
    return Site(readings) if readings else None


def paths_of(vector: Vector) -> Iterator[str]:
    """The page that is asked about, and others that the documents' words make up."""
    origin = "/".join(vector.input["url"].split("/", 3)[:3])
    yield vector.input["url"]
    words = {"/", "/robots.txt", "/robots.txt?x"}
    for given in vector.input.get("documents", []):
        if isinstance(given.get("body"), str):
            for word in given["body"].replace('"', " ").split():
                if word.startswith("/"):
                    words.add(word.replace("*", "x"))
                    words.add(word.rstrip("$*"))
    for word in sorted(words)[:12]:
        for end in ENDS:
            yield origin + word + end


@few_and_all
def test_answers_that_are_kept_are_those_that_are_made(name: str, every: int) -> None:
    policy = profile(name)
    agents = [Agent(token) for token in TOKENS]
    panel = Panel(agents, policy)
    compared = 0
    for vector in load_vectors()[::every]:
        site = site_of(vector)
        if site is None:
            continue
        urls = list(paths_of(vector))
        random.Random(1).shuffle(urls)
        for url in urls:
            together: dict[str, Decision] = {}
            for shared in panel.decide(url, site):
                for agent in shared.agents:
                    together[agent.token] = shared.decision
            for agent in agents:
                kept = Check(url, agent=agent, policy=policy, site=site).decide()
                fresh = Site(site.readings, answers=NoAnswers())
                made = Check(url, agent=agent, policy=policy, site=fresh).decide()
                assert kept == made, (vector.id, url, agent)
                other = together[agent.token]
                assert (other.action, other.reasons, other.usage) == (
                    made.action,
                    made.reasons,
                    made.usage,
                ), (vector.id, url, agent)
                compared += 1
    assert compared > 10_000 / every


@few_and_all
def test_pages_that_speak_on_sites_that_were_asked_before(name: str, every: int) -> None:
    policy, agent = profile(name), Agent("ExampleBot")
    speaking = (*HEADERS, ("tdm-reservation", "0"))
    compared = 0
    for vector in load_vectors()[::every]:
        site = site_of(vector)
        if site is None:
            continue
        for url in list(paths_of(vector))[:40]:
            for headers in (HEADERS, speaking):
                decisions = []
                fresh = Site(site.readings, answers=NoAnswers())
                for one in (site, fresh):
                    check = Check(url, agent=agent, policy=policy, site=one)
                    before = check.decide()
                    check.feed(Document(**PAGE_GIVEN, url=url, headers=headers))
                    decisions.append((before, check.decide()))
                assert decisions[0] == decisions[1], (vector.id, url)
                compared += 1
    assert compared > 1_000 / every


HEADERS = (("content-type", "text/html"), ("x-robots-tag", "noai"))
PAGE_GIVEN: dict[str, Any] = {"resource": "page", "outcome": Outcome.FETCHED, "status": 200}


def test_a_panel_asks_once_for_agents_that_nobody_tells_apart() -> None:
    robots = Document(
        url="https://a.example/robots.txt",
        resource="robots.txt",
        outcome=Outcome.FETCHED,
        status=200,
        body=b"User-agent: GPTBot\nDisallow: /\n\nUser-agent: *\nDisallow: /private\n",
    )
    site = Site([Reading(robots, RESOURCES["robots.txt"])])
    panel = Panel([Agent("OneBot"), Agent("GPTBot"), Agent("TwoBot"), Agent("TwoBot", "search")])
    for url in ("https://a.example/private/x", "https://a.example/private/y"):
        found = panel.decide(url, site)
        assert [[agent.token for agent in one.agents] for one in found] == [
            ["OneBot", "TwoBot"],
            ["GPTBot"],
            ["TwoBot"],
        ]
        assert [one.decision.url for one in found] == [url] * 3
        assert [one.decision.agent for one in found] == ["OneBot", "GPTBot", "TwoBot"]
        assert {one.decision.blocked for one in found} == {True}
    [one, two, three] = panel.decide("https://a.example/x", site)
    assert [x.decision.blocked for x in (one, two, three)] == [False, True, False]


def agents_share(monkeypatch: pytest.MonkeyPatch, every: int) -> None:
    monkeypatch.setattr("reservation_middleware.decide.answers.MAX_PATTERNS", -1)
    policy = profile("strict")
    agents = [*(Agent(token) for token in TOKENS), Agent("OneBot"), Agent("TwoBot")]
    panel = Panel(agents, policy)
    shared = compared = 0
    for vector in load_vectors()[::every]:
        site = site_of(vector)
        if site is None:
            continue
        for url in list(paths_of(vector))[:20]:
            for one in panel.decide(url, site):
                shared += len(one.agents) > 1
                for agent in one.agents:
                    fresh = Site(site.readings)
                    made = Check(url, agent=agent, policy=policy, site=fresh).decide()
                    other = one.decision
                    assert (other.action, other.reasons, other.usage, other.notes) == (
                        made.action,
                        made.reasons,
                        made.usage,
                        made.notes,
                    ), (vector.id, url, agent)
                    compared += 1
    assert shared > 100 / every
    assert compared > 1_000 / every


@pytest.mark.slow
def test_agents_share_an_answer_where_there_are_too_many_patterns_for_a_plan(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    agents_share(monkeypatch, 1)


def test_agents_share_such_answers_to_a_few_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    agents_share(monkeypatch, 20)
