"""Every conformance vector through a real aiohttp client, in observe mode, over http and https.

The decision on what was really fetched is the core's decision on what was written down. How a
vector is served is tests/serve_vectors.py's business.
"""

import aiohttp
import pytest
from serve_vectors import Case, cases, facts

from reservation_middleware import Agent
from reservation_middleware.aiohttp import ReservationClient
from reservation_middleware.decide.record import record
from reservation_middleware.runtime.fetcher import Retries
from support import quarter, skip_without_extra
from web import Web

#: Vectors that a real crawl cannot answer, with the reason.
UNSENDABLE = {
    **dict.fromkeys(
        (
            "decision-stale-robots-disallows",
            "decision-stale-robots-allows",
            "decision-stale-tdmrep",
        ),
        "a crawl has an old copy after it fetched it: tests/runtime/test_faults.py",
    ),
    **dict.fromkeys(
        ("rsl-feed-item", "rsl-feed-utf-16", "rsl-feed-ucs-2"),
        "a crawl hears a feed when it fetched it: tests/runtime/test_feed_memory.py",
    ),
    **dict.fromkeys(
        (
            *("path-dots-up", "path-dots-encoded", "path-dots-half-encoded", "path-dots-single"),
            *("path-dots-backslash", "path-dots-above-root", "path-dots-written"),
            *("path-dots-allow-needs-both", "path-dots-both-allowed", "aipref-dots"),
            *("content-signals-dots", "content-signals-dots-yes", "canel-dots"),
            *("robots-agents-dots", "tdmrep-dots", "ai-txt-dots", "rsl-dots"),
            *("decision-near-miss-dots", "decision-near-miss-dots-record"),
        ),
        "aiohttp resolves dot segments itself: tests/decide/test_dot_segments.py",
    ),
    "robots-itself": "adapters never check a policy resource: it is fetched, nothing is decided",
}


def name(case: Case) -> str:
    return case.vector.id


@pytest.mark.parametrize("case", quarter(cases()), ids=name)
@pytest.mark.asyncio
async def test_vector(case: Case) -> None:
    if case.vector.id in UNSENDABLE:
        pytest.skip(UNSENDABLE[case.vector.id])
    skip_without_extra(case.vector)
    decisions = []
    async with (
        Web(case.pages) as web,
        ReservationClient(
            policy=case.policy.changed({"mode": "observe"}),
            agent=Agent(case.agent, case.purposes),
            retries=Retries(0),
            listener=lambda decision, blocked: decisions.append((decision, blocked)),
            proxy=web.proxy_url,
        ) as client,
    ):
        try:
            async with client.get(case.url, ssl=False) as response:
                [(decision, blocked)] = decisions
                assert client.decision(response) is decision
        except aiohttp.ClientError:
            assert case.pages[case.url].fault == "reset"
            pytest.skip("the page itself is unreachable")
        assert not blocked
        assert facts(record(decision)) == case.expected()


def test_unsendable_vectors_exist() -> None:
    assert set(UNSENDABLE) <= {case.vector.id for case in cases()}
