"""Paths with dot segments: resolved as browsers and servers do, judged in both spellings.

What follows for each family is told by the vectors (``DECISION-13``); here are the grammar, held
against yarl's, and what no vector can show: real clients, panels of agents, long addresses.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy_runner import Worker

from reservation_middleware import Agent, Check, Decision, Document, Outcome, Panel, profile
from reservation_middleware.aiohttp import ReservationClient, ReservedError
from reservation_middleware.decide.reading import RESOURCES, Reading
from reservation_middleware.decide.site import Site
from reservation_middleware.syntax.dot_segments import resolve
from reservation_middleware.syntax.path import MAX_TARGET
from web import Answer, Web, WebThread

A = "http://a.example"
RULES = b"User-agent: *\nDisallow: /private\nAllow: /private/open\n"
BOT = Agent("ExampleBot")


@pytest.mark.parametrize(
    ("target", "resolved"),
    [
        ("/", None),
        ("/a/b", None),
        ("/.well-known/x", None),
        ("/a/...", None),
        ("/a/..b/.c/d.", None),
        ("/a%2eb/%2F", None),
        ("/a?x=/../b", None),
        ("/a?x=\\..\\b", None),
        ("/..", "/"),
        ("/.", "/"),
        ("/a/..", "/"),
        ("/a/.", "/a/"),
        ("/a/b/../", "/a/"),
        ("/a/./b", "/a/b"),
        ("/a//../b", "/a/b"),
        ("/../../a", "/a"),
        ("/a/../b?x=/../y", "/b?x=/../y"),
        ("/a/%2e%2E/b", "/b"),
        ("/a/.%2e/b", "/b"),
        ("/a/%2e/b", "/a/b"),
        ("/a\\b", "/a/b"),
        ("\\a\\..\\b", "/b"),
        ("/a%5C..%5Cb", "/b"),
        ("/a%5cb", None),
    ],
)
def test_dot_segments_are_removed(target: str, resolved: str | None) -> None:
    assert resolve(target) == resolved
    assert resolve(resolved or target) is None


@given(st.lists(st.sampled_from(["a", "b", ".", "..", "", "..."]), max_size=12))
def test_paths_are_resolved_as_yarl_resolves_them(segments: list[str]) -> None:
    from yarl import URL

    path = "/" + "/".join(segments)
    assert (resolve(path) or path) == URL(A + path).raw_path


@given(st.text(st.sampled_from("/.\\%25ceEaC?"), max_size=40))
def test_what_was_resolved_stays_as_it_is(text: str) -> None:
    resolved = resolve("/" + text)
    if resolved is not None:
        assert resolved.startswith("/")
        assert resolve(resolved) is None


def site() -> Site:
    robots = Document(
        url=f"{A}/robots.txt", resource="robots.txt", outcome=Outcome.FETCHED, body=RULES
    )
    return Site([Reading(robots, RESOURCES["robots.txt"])])


def decide(path: str, known: Site) -> Decision:
    return Check(A + path, agent=BOT, site=known).decide()


def test_answers_that_are_remembered_are_not_of_the_path_as_written() -> None:
    known = site()
    paths = ["/a/x", "/a/../private/x", "/private/x", "/private/open/x", "/private/open/../x"]
    expected = [False, True, True, False, True]
    for _ in range(3):
        assert [decide(path, known).blocked for path in paths] == expected
        paths.reverse()
        expected.reverse()


@pytest.mark.parametrize("path", ["/a/../private/x", "/private/../x", "/private/open/../x"])
def test_a_panel_says_what_each_agent_is_told(path: str) -> None:
    panel, known = Panel([BOT, Agent("GPTBot")]), site()
    panel.decide(A + "/a/x", known)
    assert [one.decision.blocked for one in panel.decide(A + path, known)] == [True]


@pytest.mark.parametrize("fill", ["a/../", "./", "%2e/", "b/c/../../"])
def test_dots_behind_the_length_that_is_judged_count(fill: str) -> None:
    path = "/" + fill * MAX_TARGET + "private/x"
    assert decide(path, site()).blocked
    assert not decide(path.replace("private", "public"), site()).blocked


def test_a_well_known_place_is_not_entered_by_dots() -> None:
    check = Check(f"{A}/robots.txt/../private/x", agent=BOT, site=site())
    assert not check.about_policy
    assert check.decide().blocked
    assert decide("/robots.txt?/../private", site()).blocked is False


def test_a_licence_for_paths_is_for_none_with_dots() -> None:
    licence = {
        "id": "one",
        "licensor": "Example",
        "hosts": ["a.example"],
        "paths": ["/private/"],
        "purposes": ["ai-train"],
        "crawl": True,
    }
    policy = profile().changed({"licences": [licence]})

    def blocked(path: str) -> bool:
        return Check(A + path, agent=BOT, policy=policy, site=site()).decide().blocked

    assert not blocked("/private/x")
    assert blocked("/private/../private/x")
    assert blocked("/private/\\..\\..\\private-too")


PAGES = {
    f"{A}/robots.txt": Answer(body=RULES),
    f"{A}/away": Answer(302, (("Location", f"{A}/a/../private/x"),)),
    "http://b.example/robots.txt": Answer(404),
    "http://b.example/away": Answer(302, (("Location", f"{A}/a/%2e%2e/private/x"),)),
    f"{A}/private/x": Answer(body=b"private"),
    f"{A}/a/../private/x": Answer(body=b"private"),
    f"{A}/a/%2e%2e/private/x": Answer(body=b"private"),
    f"{A}/./private/x": Answer(body=b"private"),
}
ASKED = [
    f"{A}/a/../private/x",
    f"{A}/a/%2e%2e/private/x",
    f"{A}/./private/x",
    f"{A}/a\\..\\private\\x",
    f"{A}/a%5C..%5Cprivate%5Cx",
    f"{A}/away",
    "http://b.example/away",
]


@pytest.mark.asyncio
async def test_aiohttp_fetches_nothing_by_dots() -> None:
    async with (
        Web(PAGES) as web,
        ReservationClient(agent=BOT, proxy=web.proxy_url) as client,
    ):
        for url in ASKED:
            with pytest.raises(ReservedError):
                await client.get(url)
        assert [seen.url for seen in web.log if "private" in seen.url] == []


def test_scrapy_fetches_nothing_by_dots() -> None:
    settings = {"USER_AGENT": "ExampleBot/1.0", "ROBOTSTXT_OBEY": True, "DOWNLOAD_DELAY": 0}
    with WebThread(PAGES) as web, Worker() as worker:
        done = worker.crawl(web.proxy_url, requests=list(ASKED), settings=settings)
    assert len(done.blocked) == len(ASKED)
    assert [seen.url for seen in web.log if "private" in seen.url] == []
