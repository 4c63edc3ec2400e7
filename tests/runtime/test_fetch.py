"""The driver: one flight per resource, redirects, time to live, failures, the end of things.

Over real sockets, through the aiohttp adapter, wherever a server can bring a case about; with a
transport made up here where a clock, a fault or an exact moment is needed.
"""

import asyncio
import contextlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from reservation_middleware import Agent, Decision, Document, Outcome, Policy, profile
from reservation_middleware.aiohttp import ReservationClient
from reservation_middleware.decide.reading import PLACES, probed
from reservation_middleware.decide.record import record
from reservation_middleware.model import Action, Preference, Probes
from reservation_middleware.runtime import fetcher as fetch
from reservation_middleware.runtime import site_memory
from reservation_middleware.runtime.cache.memory import MemoryCache
from reservation_middleware.runtime.fetcher import Answer, Fetcher, Retries, TransportClosedError
from web import Answer as Page
from web import Web

pytestmark = pytest.mark.usefixtures("short_pauses")

ROBOTS = "https://a.example/robots.txt"
TDMREP = "https://a.example/.well-known/tdmrep.json"
PAGE = "https://a.example/x"
BOT = Agent("ExampleBot")
CLOSED = b"User-agent: *\nDisallow: /\n"
NOTHING = Answer(404, (), b"")
MINUTE = timedelta(minutes=1)
#: Asked once: what is asked for again is test_retries.py's business.
ONCE = Retries(0)

run = pytest.mark.asyncio


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class Fake:
    """A transport that answers from a table, as soon as its gate is open, and counts."""

    def __init__(self, answers: Mapping[str, Answer | BaseException] | None = None) -> None:
        self.answers = dict(answers or {})
        self.calls: list[str] = []
        self.asked: list[fetch.Ask] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, ask: fetch.Ask) -> Answer:
        assert ask.limit >= 512 * 1024
        self.asked.append(ask)
        self.calls.append(ask.url)
        await self.gate.wait()
        answer = self.answers.get(ask.url, NOTHING)
        if isinstance(answer, BaseException):
            raise answer
        return answer


def says(body: bytes, *headers: tuple[str, str], status: int = 200) -> Answer:
    return Answer(status, headers, body)


async def decide(
    fetcher: Fetcher, transport: fetch.Transport, url: str = PAGE, policy: Policy | None = None
) -> Decision:
    check = await fetcher.check(url, transport, agent=BOT, policy=policy or profile())
    decision = check.decide()
    json.dumps(record(decision)).encode("ascii")
    return decision


async def robots_of(fetcher: Fetcher, origin: str = "https://a.example") -> Document:
    document = await fetcher.cache.get((origin, "robots.txt"))
    assert document is not None
    return document


async def crawl(pages: Mapping[str, Page], url: str = PAGE) -> tuple[Decision, list[str]]:
    """The decision on a page of a real web, and what was asked of that web."""
    found: list[Decision] = []
    fetcher = Fetcher(timeout=2, retries=ONCE)
    async with (
        Web({PAGE: Page(), **pages}) as web,
        ReservationClient(
            policy=profile().changed({"mode": "observe"}),
            agent=BOT,
            fetcher=fetcher,
            listener=lambda decision, blocked: found.append(decision),
            proxy=web.proxy_url,
        ) as client,
    ):
        async with client.get(url, ssl=False):
            pass
        [decision] = found
        return decision, [seen.url for seen in web.log]


# One flight


@run
async def test_500_callers_one_fetch_per_resource() -> None:
    fetcher = Fetcher()
    pages = {PAGE: Page(), ROBOTS: Page(body=CLOSED, delay=0.3)}
    async with (
        Web(pages) as web,
        ReservationClient(
            policy=profile().changed({"mode": "observe"}),
            agent=BOT,
            fetcher=fetcher,
            proxy=web.proxy_url,
        ) as client,
    ):

        async def get(number: int) -> Decision | None:
            async with client.get(f"{PAGE}?{number}", ssl=False) as response:
                return client.decision(response)

        decisions = await asyncio.gather(*map(get, range(500)))
        assert {decision and decision.crawl for decision in decisions} == {Preference.DISALLOWED}
        assert web.count(ROBOTS) == 1
        assert web.count(TDMREP) == 1
    assert fetcher.fetches == 2


@run
async def test_cancelled_first_caller_does_not_break_the_others() -> None:
    fake = Fake({ROBOTS: says(CLOSED)})
    fake.gate.clear()
    fetcher = Fetcher()
    callers = [asyncio.create_task(decide(fetcher, fake)) for _ in range(5)]
    await asyncio.sleep(0.01)
    callers[0].cancel()
    callers[3].cancel()
    await asyncio.sleep(0.01)
    fake.gate.set()
    results = await asyncio.gather(*callers, return_exceptions=True)
    assert [isinstance(result, asyncio.CancelledError) for result in results] == [
        *(True, False, False, True, False)
    ]
    for result in results:
        assert not isinstance(result, Decision) or result.crawl is Preference.DISALLOWED
    assert sorted(fake.calls) == sorted([ROBOTS, TDMREP])


@run
@pytest.mark.parametrize("fault", [None, OSError("boom")])
async def test_all_callers_cancelled_then_a_later_one(fault: BaseException | None) -> None:
    fake = Fake({ROBOTS: fault or says(CLOSED)})
    fake.gate.clear()
    fetcher = Fetcher(retries=ONCE)
    callers = [asyncio.create_task(decide(fetcher, fake)) for _ in range(5)]
    await asyncio.sleep(0.01)
    for caller in callers:
        caller.cancel()
    await asyncio.wait(callers)
    later = asyncio.create_task(decide(fetcher, fake))
    await asyncio.sleep(0.01)
    fake.gate.set()
    assert (await later).crawl is Preference.DISALLOWED
    assert (await decide(fetcher, fake)).crawl is Preference.DISALLOWED
    assert sorted(fake.calls) == sorted([ROBOTS, TDMREP])


@run
async def test_caller_that_comes_when_one_resource_has_landed() -> None:
    fake = Fake({ROBOTS: says(CLOSED)})
    slow = asyncio.Event()

    async def transport(ask: fetch.Ask) -> Answer:
        if ask.url == TDMREP:
            await slow.wait()
        return await fake(ask)

    fetcher = Fetcher()
    first = asyncio.create_task(decide(fetcher, transport))
    await asyncio.sleep(0.01)
    second = asyncio.create_task(decide(fetcher, transport))
    await asyncio.sleep(0.01)
    assert fake.calls == [ROBOTS]
    slow.set()
    await asyncio.gather(first, second)
    assert fake.calls == [ROBOTS, TDMREP]


@run
async def test_nothing_is_left_behind() -> None:
    fetcher = Fetcher()
    await asyncio.gather(*(decide(fetcher, Fake(), f"https://h{n}.example/") for n in range(50)))
    assert not fetcher._flights


@run
async def test_sites_are_told_apart_by_scheme_host_and_port() -> None:
    fake = Fake({ROBOTS: says(CLOSED), "http://a.example:8080/robots.txt": says(CLOSED)})
    fetcher = Fetcher()
    expected = {
        "https://a.example/x": Preference.DISALLOWED,
        "http://a.example/x": Preference.ALLOWED,
        "https://b.example/x": Preference.ALLOWED,
        "http://a.example:8080/x": Preference.DISALLOWED,
        "https://a.example:8080/x": Preference.ALLOWED,
    }
    for url, crawl in expected.items():
        assert (await decide(fetcher, fake, url)).crawl is crawl
    assert fetcher.fetches == len(fake.calls) == 2 * len(expected)
    for url in ("https://a.example:443/y", "HTTPS://A.EXAMPLE/z", "https://u:p@a.example/?q#f"):
        assert (await decide(fetcher, fake, url)).crawl is Preference.DISALLOWED
    assert (await decide(fetcher, fake, "http://a.example:80")).crawl is Preference.ALLOWED
    assert fetcher.fetches == 2 * len(expected)


@run
@pytest.mark.parametrize("url", ["", "x", "ftp://a.example/x", "data:,x", "mailto:a@a.example"])
async def test_what_is_not_on_the_web_has_no_policies(url: str) -> None:
    fetcher = Fetcher()
    assert (await decide(fetcher, Fake(), url)).consulted == ()
    assert fetcher.fetches == 0


# Probes


@run
@pytest.mark.parametrize("probes", list(Probes))
async def test_places_that_are_asked(probes: Probes) -> None:
    fake = Fake()
    decision = await decide(
        Fetcher(), fake, policy=profile().changed({"probes": probes, "unreachable": "proceed"})
    )
    places = probed(probes)
    assert sorted(fake.calls) == sorted(f"https://a.example{place.path}" for place in places)
    assert decision.consulted == tuple(place.name for place in places)
    everything = {place for place in PLACES if place.path}
    assert set(places) == (
        everything if probes is Probes.ALL else {place for place in everything if place.probed}
    )


@run
async def test_two_policies_share_what_they_both_ask_for() -> None:
    fake = Fake()
    fake.gate.clear()
    fetcher = Fetcher()
    callers = [
        asyncio.create_task(decide(fetcher, fake, policy=profile(name)))
        for name in ("opt-out", "strict", "record-only")
    ]
    await asyncio.sleep(0.01)
    fake.gate.set()
    await asyncio.gather(*callers)
    assert len(fake.calls) == len(set(fake.calls)) == len(probed(Probes.ALL))


# Redirects


def to(location: str, status: int = 301) -> Page:
    return Page(status, (("Location", location),))


def chain(hops: int) -> dict[str, Page]:
    """robots.txt behind some redirects."""
    urls = [ROBOTS, *(f"https://a.example/r{n}" for n in range(1, hops)), "https://a.example/end"]
    pages = {url: to(target) for url, target in pairwise(urls)}
    return {**pages, "https://a.example/end": Page(body=CLOSED)}


FOLLOWED: Mapping[str, Mapping[str, Page]] = {
    "relative": {ROBOTS: to("r/o.txt"), "https://a.example/r/o.txt": Page(body=CLOSED)},
    "rooted": {ROBOTS: to("/o.txt"), "https://a.example/o.txt": Page(body=CLOSED)},
    "absolute": {ROBOTS: to("https://a.example/o"), "https://a.example/o": Page(body=CLOSED)},
    "other host": {ROBOTS: to("https://b.example/o"), "https://b.example/o": Page(body=CLOSED)},
    "no scheme": {ROBOTS: to("//b.example/o"), "https://b.example/o": Page(body=CLOSED)},
    "other port": {
        ROBOTS: to("https://a.example:8443/robots.txt"),
        "https://a.example:8443/robots.txt": Page(body=CLOSED),
    },
    "https to http": {
        ROBOTS: to("http://a.example/robots.txt"),
        "http://a.example/robots.txt": Page(body=CLOSED),
    },
    "query": {ROBOTS: to("?q=1"), ROBOTS + "?q=1": Page(body=CLOSED)},
    "fragment": {ROBOTS: to("/o#here"), "https://a.example/o": Page(body=CLOSED)},
    "raw UTF-8": {
        ROBOTS: to("/ö".encode().decode("latin-1")),
        "https://a.example/%C3%B6": Page(body=CLOSED),
    },
    "space": {ROBOTS: to("/o o"), "https://a.example/o%20o": Page(body=CLOSED)},
    "five hops": chain(5),
} | {
    str(status): {ROBOTS: to("/o", status), "https://a.example/o": Page(body=CLOSED)}
    for status in (301, 302, 303, 307, 308)
}


@run
@pytest.mark.parametrize("pages", FOLLOWED.values(), ids=FOLLOWED)
async def test_redirect_is_followed(pages: Mapping[str, Page]) -> None:
    decision, asked = await crawl(pages)
    assert decision.crawl is Preference.DISALLOWED
    assert [reason.document for reason in decision.reasons] == [ROBOTS]  # the first authority
    assert set(pages) <= set(asked)


NOT_FOLLOWED: dict[str, Mapping[str, Page]] = {
    "no Location": {ROBOTS: Page(301, body=CLOSED)},
    "empty Location": {ROBOTS: to("")},
    "ftp": {ROBOTS: to("ftp://a.example/robots.txt")},
    "file": {ROBOTS: to("file:///etc/passwd")},
    "data": {ROBOTS: to("data:text/plain,User-agent:*%0ADisallow:/")},
    "javascript": {ROBOTS: to("javascript:alert(1)")},
    "no host at all": {ROBOTS: to("https:")},
    "no URL": {ROBOTS: to("https://[::1/robots.txt")},
    "to itself": {ROBOTS: to("/robots.txt")},
    "loop": {ROBOTS: to("/o"), "https://a.example/o": to("/robots.txt")},
    "six hops": chain(6),
    "300": {ROBOTS: to("/o", 300), "https://a.example/o": Page(body=CLOSED)},
    "304": {ROBOTS: Page(304)},
    "305": {ROBOTS: to("/o", 305), "https://a.example/o": Page(body=CLOSED)},
    "to a missing page": {ROBOTS: to("/o")},
}


@run
@pytest.mark.parametrize("pages", NOT_FOLLOWED.values(), ids=NOT_FOLLOWED)
async def test_redirect_that_ends_nowhere_means_unavailable(pages: Mapping[str, Page]) -> None:
    decision, asked = await crawl(pages)
    assert decision.crawl is Preference.ALLOWED
    assert not [note for note in decision.notes if note.kind.ident == "robots-unreachable"]
    assert len(asked) <= 9  # a proxy's CONNECT is not logged: six for robots.txt, two more


LOST: dict[str, Mapping[str, Page]] = {
    "to a server error": {ROBOTS: to("/o"), "https://a.example/o": Page(503)},
    "to a reset": {ROBOTS: to("/o"), "https://a.example/o": Page(fault="reset")},
    "to an unknown host": {ROBOTS: to("https://nowhere.example/")},
    "to a port that is none": {ROBOTS: to("https://a.example:99999/")},
    "to a slow one": {ROBOTS: to("/o"), "https://a.example/o": Page(fault="hang")},
}


@run
@pytest.mark.parametrize("pages", LOST.values(), ids=LOST)
async def test_redirect_that_fails_means_unreachable(pages: Mapping[str, Page]) -> None:
    decision, _ = await crawl(pages)
    assert decision.crawl is Preference.DISALLOWED
    assert decision.crawl_action is Action.BLOCK
    assert [note.kind.ident for note in decision.notes] == ["robots-unreachable"]


@run
async def test_rules_behind_a_redirect_belong_to_the_first_authority() -> None:
    pages = {
        ROBOTS: to("https://b.example/robots.txt"),
        "https://b.example/robots.txt": Page(body=b"User-agent: *\nDisallow: /x\n"),
        "https://b.example/x": Page(),
        "https://a.example/b/y": Page(),
    }
    assert (await crawl(pages))[0].crawl is Preference.DISALLOWED
    assert (await crawl(pages, "https://a.example/b/y"))[0].crawl is Preference.ALLOWED
    _, asked = await crawl(pages, "https://b.example/x")
    assert ROBOTS not in asked


@run
async def test_tdmrep_is_followed_too() -> None:
    rules = b'[{"location": "/x", "tdm-reservation": 1}]'
    pages = {TDMREP: to("https://b.example/t.json"), "https://b.example/t.json": Page(body=rules)}
    decision, _ = await crawl(pages)
    assert decision.verdict is Preference.DISALLOWED
    assert [reason.document for reason in decision.reasons] == [TDMREP]


# Answers and failures


@run
@pytest.mark.parametrize("status", [200, 201, 203, 204, 205, 206, 226, 299])
async def test_2xx_is_fetched(status: int) -> None:
    fetcher = Fetcher()
    decision = await decide(fetcher, Fake({ROBOTS: says(CLOSED, status=status)}))
    assert decision.crawl is Preference.DISALLOWED
    document = await robots_of(fetcher)
    assert (document.outcome, document.status, document.body) == (Outcome.FETCHED, status, CLOSED)


@run
async def test_204_says_nothing() -> None:
    decision, _ = await crawl({ROBOTS: Page(204), TDMREP: Page(204)})
    assert (decision.crawl, decision.verdict) == (Preference.ALLOWED, Preference.UNKNOWN)


@run
@pytest.mark.parametrize(
    "status", [300, 301, 304, 400, 401, 402, 403, 404, 410, 418, 429, 451, 499, 500, 503, 599, 999]
)
async def test_a_body_counts_on_2xx_only(status: int) -> None:
    fetcher = Fetcher()
    rules = says(b'[{"location": "/", "tdm-reservation": 1}]', status=status)
    decision = await decide(fetcher, Fake({ROBOTS: says(CLOSED, status=status), TDMREP: rules}))
    assert (await robots_of(fetcher)).body is None
    gone = status < 500 and status != 429
    assert decision.crawl is (Preference.ALLOWED if gone else Preference.DISALLOWED)
    assert {reason.signal for reason in decision.reasons} <= {"robots"}


class UnprintableError(Exception):
    """An error that fails again when it is shown."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


FAULTS = [
    OSError("connection reset"),
    ConnectionRefusedError(111, "refused"),
    TimeoutError(),
    ValueError("x" * 5000),
    UnicodeEncodeError("ascii", "\udce9", 0, 1, "ordinal not in range"),
    Exception("lone \udce9 surrogate, NUL \0 and\nline"),
    UnprintableError(),
    RecursionError(),
    MemoryError(),
    EOFError(),
    AssertionError("a bug in a transport"),
    asyncio.InvalidStateError(),
    asyncio.CancelledError("by the transport itself"),
]


@run
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
async def test_whatever_a_transport_raises_means_unreachable(fault: BaseException) -> None:
    fetcher = Fetcher(retries=ONCE)
    fake = Fake({ROBOTS: fault, TDMREP: fault})
    decision = await decide(fetcher, fake)
    assert decision.action is Action.BLOCK
    assert decision.crawl is Preference.DISALLOWED
    document = await robots_of(fetcher)
    assert document.outcome is Outcome.UNREACHABLE
    assert document.problem
    assert document.problem.isascii()
    assert len(document.problem) <= 200
    idents = [note.kind.ident for note in decision.notes]
    assert idents == ["robots-unreachable", "tdmrep-file-unreachable"]
    assert (await decide(fetcher, fake)).action is Action.BLOCK
    assert len(fake.calls) == 2


REFUSED = {
    "500": Page(500),
    "503": Page(503, body=CLOSED),
    "429": Page(429),
    "reset": Page(fault="reset"),
    "cut": Page(body=b"User-agent: *\nAllow: /\n", fault="cut"),
    "hang": Page(fault="hang"),
    "no HTTP": Page(headers=(("Content-Length", "x"),)),
    "broken coding": Page(headers=(("Content-Encoding", "gzip"),), body=b"no gzip"),
}


@run
@pytest.mark.parametrize("answer", REFUSED.values(), ids=REFUSED)
async def test_robots_that_cannot_be_had_blocks(answer: Page) -> None:
    decision, _ = await crawl({ROBOTS: answer})
    assert decision.crawl is Preference.DISALLOWED
    assert decision.crawl_action is Action.BLOCK


@run
@pytest.mark.parametrize("answer", [says(b"", status=503), says(b"", status=429), OSError()])
async def test_knob_for_unreachable(answer: Answer | BaseException) -> None:
    fake = Fake({ROBOTS: answer})
    policy = profile().changed({"unreachable": "proceed"})
    decision = await decide(Fetcher(), fake, policy=policy)
    assert (decision.crawl, decision.action) == (Preference.DISALLOWED, Action.PROCEED)
    fake.answers[ROBOTS] = says(CLOSED)  # the knob is not about rules that are there
    assert (await decide(Fetcher(), fake, policy=policy)).action is Action.BLOCK


@run
@pytest.mark.parametrize("answer", [Page(404), *REFUSED.values()], ids=["404", *REFUSED])
async def test_tdmrep_that_cannot_be_had_is_not_implemented(answer: Page) -> None:
    decision, _ = await crawl({TDMREP: answer})
    assert (decision.crawl, decision.verdict) == (Preference.ALLOWED, Preference.UNKNOWN)
    assert decision.action is Action.PROCEED
    idents = [note.kind.ident for note in decision.notes]
    assert idents == ([] if answer.status == 404 else ["tdmrep-file-unreachable"])


@run
async def test_timeout_covers_the_redirects() -> None:
    async def transport(ask: fetch.Ask) -> Answer:
        assert ask.limit
        await asyncio.sleep(0.04)
        return Answer(302, (("location", ask.url + "/"),), b"")

    fetcher = Fetcher(timeout=0.1)
    assert (await decide(fetcher, transport)).crawl is Preference.DISALLOWED
    assert (await robots_of(fetcher)).problem == "no answer within 0.1 s"


@run
async def test_transport_that_keeps_time() -> None:
    fetcher = Fetcher(timeout=None)
    decision = await decide(fetcher, Fake({ROBOTS: TimeoutError("download took too long")}))
    assert decision.crawl is Preference.DISALLOWED
    assert (await robots_of(fetcher)).problem == "TimeoutError: download took too long"


# Time to live


@run
@pytest.mark.parametrize(
    ("control", "minutes"),
    [("max-age=0", 5), ("max-age=1200", 20), ("max-age=9999999", 24 * 60), ("", 24 * 60)],
)
@pytest.mark.parametrize("status", [200, 404])
async def test_time_to_live(control: str, minutes: int, status: int) -> None:
    clock = Clock()
    fetcher = Fetcher(clock=clock)
    fake = Fake({ROBOTS: says(CLOSED, ("cache-control", control), status=status)})
    fake.answers[TDMREP] = fake.answers[ROBOTS]
    start = clock.now
    assert (await decide(fetcher, fake)).expires == start + minutes * MINUTE
    clock.now = start + minutes * MINUTE - timedelta(seconds=1)
    await decide(fetcher, fake)
    assert fetcher.fetches == 2
    clock.now = start + minutes * MINUTE
    await decide(fetcher, fake)
    assert fetcher.fetches == 4


@run
async def test_unreachable_is_kept_briefly_then_tried_again() -> None:
    clock = Clock()
    fetcher = Fetcher(clock=clock, retries=ONCE)
    fake = Fake({ROBOTS: says(b"", ("cache-control", "max-age=86400"), status=503)})
    for _ in range(10):
        assert (await decide(fetcher, fake)).action is Action.BLOCK
        clock.now += timedelta(seconds=29)
    assert fake.calls.count(ROBOTS) == 1
    fake.answers[ROBOTS] = NOTHING
    clock.now += MINUTE
    assert (await decide(fetcher, fake)).action is Action.PROCEED
    assert fake.calls.count(ROBOTS) == 2
    assert fake.calls.count(TDMREP) == 1


@run
async def test_expiry_of_one_resource_refetches_only_that_one() -> None:
    clock = Clock()
    fetcher = Fetcher(clock=clock)
    rules = b'[{"location": "/x", "tdm-reservation": 1}]'
    fake = Fake({TDMREP: says(rules, ("cache-control", "max-age=600")), ROBOTS: NOTHING})
    assert (await decide(fetcher, fake)).verdict is Preference.DISALLOWED
    fake.answers[TDMREP] = NOTHING
    clock.now += 11 * MINUTE
    assert (await decide(fetcher, fake)).verdict is Preference.UNKNOWN
    assert (fake.calls.count(ROBOTS), fake.calls.count(TDMREP)) == (1, 2)


@run
async def test_clock_that_goes_back() -> None:
    clock = Clock()
    fetcher = Fetcher(clock=clock)
    fake = Fake({ROBOTS: says(CLOSED)})
    await decide(fetcher, fake)
    clock.now -= timedelta(days=365)
    fake.answers[ROBOTS] = NOTHING
    assert (await decide(fetcher, fake)).action is Action.PROCEED
    assert fetcher.fetches == 4  # what was fetched in the future is of unknown age
    await decide(fetcher, fake)
    assert fetcher.fetches == 4
    clock.now += timedelta(days=2)
    await decide(fetcher, fake)
    assert fetcher.fetches == 6


@run
async def test_documents_say_when_they_were_fetched() -> None:
    clock = Clock()
    fetcher = Fetcher(clock=clock)
    await decide(fetcher, Fake({ROBOTS: says(CLOSED, ("cache-control", "max-age=600"))}))
    document = await robots_of(fetcher)
    assert document.url == ROBOTS
    assert document.resource == "robots.txt"
    assert document.fetched_at == clock.now
    assert document.expires == clock.now + 10 * MINUTE


@run
async def test_a_cache_that_several_fetchers_share() -> None:
    cache = MemoryCache()
    fake = Fake({ROBOTS: says(CLOSED)})
    for _ in range(3):
        assert (await decide(Fetcher(cache=cache), fake)).action is Action.BLOCK
    assert len(fake.calls) == 2


@run
async def test_a_cache_that_fails_is_the_operators_business() -> None:
    class Broken(MemoryCache):
        broken = True

        async def get(self, key: tuple[str, str]) -> Document | None:
            if self.broken:
                raise OSError("disk full")
            return await super().get(key)

    cache = Broken()
    fetcher = Fetcher(cache=cache)
    results = await asyncio.gather(
        *(decide(fetcher, Fake()) for _ in range(3)), return_exceptions=True
    )
    assert [str(result) for result in results] == ["disk full"] * 3
    await asyncio.sleep(0.01)
    cache.broken = False
    assert (await decide(fetcher, Fake())).action is Action.PROCEED
    assert not fetcher._flights


# Bounds


@run
async def test_sites_that_are_kept_ready_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_memory, "MAX_SITES", 2)
    fetcher = Fetcher()
    fake = Fake()
    urls = [f"https://{label}.example/" for label in "abc"]
    sites = [await fetcher.site(url, fake, Probes.DEFAULT) for url in urls]
    assert len(fetcher._sites) == 2
    again = [await fetcher.site(url, fake, Probes.DEFAULT) for url in reversed(urls)]
    assert [one is other for one, other in zip(again, reversed(sites), strict=True)] == [
        *(True, True, False)
    ]
    assert fetcher.fetches == 6  # documents outlive the sites made of them


@run
async def test_large_files_leave_room_for_fewer_sites(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        site_memory, "MAX_OCTETS", 3 * (site_memory.PER_SITE + site_memory.PER_OCTET * 30_000)
    )
    fetcher = Fetcher()
    large = says(b"#" * 30_000)
    for number in range(20):
        host = f"https://h{number}.example"
        await decide(fetcher, Fake({f"{host}/robots.txt": large}), f"{host}/")
    assert len(fetcher._sites) == 3


@run
async def test_documents_are_bounded() -> None:
    fetcher = Fetcher(cache=MemoryCache(4))
    fake = Fake()
    for label in "abc":
        await decide(fetcher, fake, f"https://{label}.example/")
    assert fetcher.fetches == 6
    assert len(fetcher.cache) == 4  # type: ignore[arg-type]  # it is the one handed in


# The end of things


@run
async def test_close_with_flights_under_way() -> None:
    fake = Fake({ROBOTS: says(CLOSED)})
    fake.gate.clear()
    fetcher = Fetcher()
    callers = [asyncio.create_task(decide(fetcher, fake)) for _ in range(3)]
    other = asyncio.create_task(decide(fetcher, fake, "https://b.example/"))
    await asyncio.sleep(0.01)
    callers[1].cancel()
    await fetcher.close()
    results = await asyncio.gather(*callers, other, return_exceptions=True)
    # Nobody is told "cancelled" whom nobody cancelled.
    assert [type(result) for result in results] == [
        *(RuntimeError, asyncio.CancelledError, RuntimeError, RuntimeError)
    ]
    assert not fetcher._flights
    fake.gate.set()
    assert (await decide(fetcher, fake)).action is Action.BLOCK
    await fetcher.close()
    await fetcher.close()


@run
async def test_a_closed_transport_says_nothing_about_the_site() -> None:
    closing = Fake({ROBOTS: TransportClosedError("Session is closed")})
    closing.gate.clear()
    other = Fake({ROBOTS: says(CLOSED)})
    fetcher = Fetcher()
    first = asyncio.create_task(decide(fetcher, closing))
    await asyncio.sleep(0.01)
    rest = [asyncio.create_task(decide(fetcher, other)) for _ in range(5)]
    await asyncio.sleep(0.01)
    assert not other.calls
    closing.gate.set()
    with pytest.raises(TransportClosedError):
        await first
    assert {decision.crawl for decision in await asyncio.gather(*rest)} == {Preference.DISALLOWED}
    assert other.calls.count(ROBOTS) == 1
    assert not fetcher._flights


@run
async def test_a_closed_transport_leaves_nothing_in_the_cache() -> None:
    fetcher = Fetcher()
    closed = Fake({ROBOTS: TransportClosedError(), TDMREP: TransportClosedError()})
    with pytest.raises(RuntimeError):
        await decide(fetcher, closed)
    assert len(fetcher.cache) == 0  # type: ignore[arg-type]  # it is a MemoryCache
    assert (await decide(fetcher, Fake())).action is Action.PROCEED


def test_one_fetcher_in_two_event_loops() -> None:
    fetcher = Fetcher()
    fakes = [Fake({ROBOTS: says(CLOSED)}) for _ in range(2)]
    assert asyncio.run(decide(fetcher, fakes[0])).action is Action.BLOCK
    assert asyncio.run(decide(fetcher, fakes[1])).action is Action.BLOCK
    assert asyncio.run(decide(fetcher, fakes[1], "https://b.example/")).action is Action.PROCEED
    assert (len(fakes[0].calls), len(fakes[1].calls)) == (2, 2)


def test_a_loop_that_ended_in_mid_flight() -> None:
    fetcher = Fetcher()

    async def give_up() -> None:
        fake = Fake()
        fake.gate.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(decide(fetcher, fake), 0.01)

    asyncio.run(give_up())  # cancels what is left
    assert not fetcher._flights
    loop = asyncio.new_event_loop()
    loop.run_until_complete(give_up())
    loop.close()  # cancels nothing
    assert fetcher._flights

    async def work() -> Decision:
        await fetcher.close()  # leaves alone what is not of this loop
        return await asyncio.wait_for(decide(fetcher, Fake({ROBOTS: says(CLOSED)})), 5)

    left = list(fetcher._flights._flights.values())
    assert asyncio.run(work()).action is Action.BLOCK
    assert not fetcher._flights
    for flight in left:  # they can never be awaited: keep them from complaining
        flight._log_destroy_pending = False  # type: ignore[attr-defined]
