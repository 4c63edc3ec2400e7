"""Every conformance vector through a real Scrapy crawl, in observe mode, over http and https.

The decision on what was really fetched is the core's decision on what was written down. How a
vector is served is tests/serve_vectors.py's business. Vectors that one crawl can do together
are done together; a crawl's settings are the operator's, so agents and profiles part them.
"""

import json
from collections.abc import Iterator, Mapping

import pytest

pytest.importorskip("scrapy")

from scrapy_runner import Crawl, Worker
from serve_vectors import Case, cases, facts

from reservation_middleware.decide.reading import is_policy_resource
from support import Json, quarter, skip_without_extra
from web import WebThread

CASES = cases()
#: Vectors that Scrapy cannot send or receive, with the reason.
UNSENDABLE = {
    **dict.fromkeys(
        (
            "decision-stale-robots-disallows",
            "decision-stale-robots-allows",
            "decision-stale-tdmrep",
        ),
        "a crawl has an old copy after it fetched it: tests/runtime/test_faults.py",
    ),
    "path-dots-backslash": "Scrapy makes slashes of backslashes: tests/decide/test_dot_segments.py",
    **dict.fromkeys(
        ("rsl-feed-item", "rsl-feed-utf-16", "rsl-feed-ucs-2"),
        "a crawl hears a feed when it fetched it: tests/runtime/test_feed_memory.py",
    ),
    **dict.fromkeys(
        [f"robots-meta-charset-no-{label}" for label in ("idna", "zip", "hex", "punycode")],
        "Scrapy raises when it decodes a page by such a label: tests/syntax/test_charset.py",
    ),
    "decision-packed-damaged": "Scrapy loses a page that it cannot unpack: tests/adapters/test_packed_pages.py",
}
#: The settings that knobs of a policy have; "reservation" has none.
KNOBS = {
    "unknown": "RESERVATION_UNKNOWN",
    "unreachable": "RESERVATION_UNREACHABLE",
    "proxy_agents": "RESERVATION_PROXY_AGENTS",
    "proxy_tokens": "RESERVATION_PROXY_TOKENS",
    "policy_tokens": "RESERVATION_POLICY_TOKENS",
    "signals": "RESERVATION_SIGNALS",
    "legacy_labels": "RESERVATION_LEGACY_LABELS",
    "content_use": "RESERVATION_CONTENT_USE",
    "near_miss": "RESERVATION_NEAR_MISS",
    "user": "RESERVATION_USER",
    "geo": "RESERVATION_GEO",
}


def name(case: Case) -> str:
    return case.vector.id


def plan(case: Case) -> tuple[Json, Json]:
    """The settings that a vector needs, and what no setting can say."""
    knobs = case.input.get("policy") or {}
    tokens = [case.agent] if isinstance(case.agent, str) else case.agent
    settings = {
        "RESERVATION_AGENT": case.agent,
        "USER_AGENT": " ".join(f"{token}/1.0" for token in tokens),  # or a warning says it lacks it
        "RESERVATION_PROFILE": case.input.get("profile", "opt-out"),
        "RESERVATION_MODE": "observe",
        "ROBOTSTXT_OBEY": False,
        **{KNOBS[knob]: value for knob, value in knobs.items() if knob in KNOBS},
    }
    others = {knob: value for knob, value in knobs.items() if knob not in KNOBS}
    if "licences" in case.input:
        # The setting names a file, in which no licence may have ended.
        others["licences"] = case.input["licences"]
    return settings, others


@pytest.fixture(scope="module")
def crawls(request: pytest.FixtureRequest) -> Iterator[Mapping[str, Crawl]]:
    """The crawl that each vector was part of, by the vector's id: those that are tested in this run."""
    tested = [
        item.callspec.params["case"]
        for item in request.session.items
        if item.path == request.path and hasattr(item, "callspec")
    ] or CASES
    together: dict[str, list[Case]] = {}
    for case in tested:
        if case.vector.id not in UNSENDABLE:
            together.setdefault(json.dumps(plan(case), sort_keys=True), []).append(case)
    pages = {url: answer for case in tested for url, answer in case.pages.items()}
    found = {}
    with WebThread(pages) as web, Worker() as worker:
        for members in together.values():
            settings, policy = plan(members[0])
            crawl = worker.crawl(
                web.proxy_url,
                requests=[
                    {"url": case.url, "meta": {"reservation": {"purposes": case.purposes}}}
                    for case in members
                ],
                settings={
                    **settings,
                    "CONCURRENT_REQUESTS": 16,
                    "DOWNLOAD_DELAY": 0,
                    "LOG_LEVEL": "WARNING",
                    "RETRY_ENABLED": False,
                    "HTTPERROR_ALLOW_ALL": True,
                    "REDIRECT_ENABLED": False,
                },
                policy=policy or None,
            )
            assert crawl.made == {}
            found.update({case.vector.id: crawl for case in members})
        yield found


@pytest.mark.parametrize("case", quarter(CASES), ids=name)
def test_vector(case: Case, crawls: Mapping[str, Crawl]) -> None:
    if case.vector.id in UNSENDABLE:
        pytest.skip(UNSENDABLE[case.vector.id])
    skip_without_extra(case.vector)
    crawl = crawls[case.vector.id]
    if case.pages[case.url].fault == "reset":
        assert [one["error"] for one in crawl.failed if one["asked"] == case.url] != []
        pytest.skip("the page itself is unreachable")
    [response] = [one for one in crawl.got if one["asked"] == case.url]
    if is_policy_resource(case.url):
        assert response["record"] is None  # asking for the rules is nobody's question
        return
    assert facts(response["record"]) == case.expected()


def test_nothing_was_blocked_and_nothing_went_wrong(crawls: Mapping[str, Crawl]) -> None:
    for crawl in {id(crawl): crawl for crawl in crawls.values()}.values():
        assert crawl.blocked == []
        # Scrapy's own warning about a page that it leaves packed.
        problems = [one for one in crawl.problems if "cannot decode the response" not in one]
        assert problems == []


@pytest.mark.slow
def test_nothing_went_wrong_with_the_others(crawls: Mapping[str, Crawl]) -> None:
    test_nothing_was_blocked_and_nothing_went_wrong(crawls)


def test_unsendable_vectors_exist() -> None:
    assert set(UNSENDABLE) <= {case.vector.id for case in CASES}
