"""Copies of policies over time and between processes: claims, revalidation, old copies, ahead.

Transports are made up, since exact moments and faults are needed; real processes, servers and
sockets are tests/runtime/test_cache_redis.py's, tests/runtime/test_cache_sqlite.py's and tests/runtime/test_faults.py's.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from reservation_middleware import Agent, Decision, profile
from reservation_middleware.model import Action, Document, Outcome, Preference
from reservation_middleware.runtime.cache.memory import MemoryCache
from reservation_middleware.runtime.cache.protocol import Key
from reservation_middleware.runtime.fetcher import Answer, Ask, Fetcher, Origins, Retries
from reservation_middleware.runtime.retrieval import validators
from reservation_middleware.runtime.transport import PrivateAddressError, Transport, follow

BOT = Agent("ExampleBot")
PAGE = "https://a.example/x"
CLOSED, OPEN = b"User-agent: *\nDisallow: /\n", b"User-agent: *\nDisallow: /private\n"
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
pytestmark = pytest.mark.asyncio


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class Server:
    """Answers for robots.txt as it is told; everything else is missing."""

    def __init__(self, body: bytes = CLOSED, *headers: tuple[str, str]) -> None:
        self.body = body
        self.headers = headers
        self.status = 200
        self.asked: list[Ask] = []
        self.address: str | None = None
        self.wait: Callable[[], object] | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, ask: Ask) -> Answer:
        if not ask.url.endswith("/robots.txt"):
            return Answer(404, (), b"", self.address)
        self.asked.append(ask)
        await self.gate.wait()
        etag = dict(self.headers).get("etag")
        if self.status == 200 and etag and dict(ask.conditions).get("if-none-match") == etag:
            return Answer(304, (("etag", etag), ("x-new", "1")), b"", self.address)
        body = self.body if self.status == 200 else b""
        return Answer(self.status, self.headers, body, self.address)


class Shared(MemoryCache):
    """A cache as another process sees it: claims are held by one of its users at a time."""

    holders: dict[Key, object]

    def __init__(self, among: "Shared | None" = None) -> None:
        super().__init__()
        self.holders = among.holders if among is not None else {}
        self.store = among.store if among is not None else {}

    store: dict[Key, Document]

    async def get(self, key: Key) -> Document | None:
        return self.store.get(key)

    async def put(self, key: Key, document: Document) -> None:
        self.store[key] = document

    async def claim(self, key: Key) -> bool:
        return self.holders.setdefault(key, self) is self

    async def release(self, key: Key) -> None:
        if self.holders.get(key) is self:
            del self.holders[key]


async def decide(fetcher: Fetcher, server: Transport, url: str = PAGE) -> Decision:
    return (await fetcher.check(url, server, agent=BOT, policy=profile())).decide()


def idents(decision: Decision) -> list[str]:
    return [note.kind.ident for note in decision.notes]


async def test_not_modified_is_as_good_as_fetched() -> None:
    clock, server = Clock(), Server(CLOSED, ("etag", '"1"'), ("cache-control", "max-age=600"))
    fetcher = Fetcher(clock=clock)
    await decide(fetcher, server)
    clock.now += 11 * MINUTE
    decision = await decide(fetcher, server)
    assert decision.crawl is Preference.DISALLOWED
    assert decision.expires == clock.now + 10 * MINUTE
    assert [dict(ask.conditions) for ask in server.asked] == [{}, {"if-none-match": '"1"'}]
    document = await fetcher.cache.get(("https://a.example", "robots.txt"))
    assert document is not None
    assert (document.body, document.status, document.fetched_at) == (CLOSED, 200, clock.now)
    assert ("x-new", "1") in document.headers
    assert document.revalidated
    assert fetcher.counts["revalidated"] == 1
    server.body, server.headers = OPEN, (("etag", '"2"'),)
    clock.now += 11 * MINUTE
    assert (await decide(fetcher, server)).crawl is Preference.ALLOWED


async def test_last_modified_is_a_validator_too() -> None:
    since = "Sat, 31 Oct 2026 10:00:00 GMT"
    clock, server = Clock(), Server(CLOSED, ("last-modified", since))
    fetcher = Fetcher(clock=clock)
    await decide(fetcher, server)
    clock.now += 2 * DAY
    await decide(fetcher, server)
    assert dict(server.asked[1].conditions) == {"if-modified-since": since}


async def test_a_304_that_nobody_asked_for_is_no_copy() -> None:
    server = Server()
    server.status = 304
    assert (await decide(Fetcher(), server)).crawl is Preference.ALLOWED  # unavailable


@pytest.mark.parametrize(
    "changes",
    [
        {"outcome": Outcome.UNAVAILABLE},
        {"body": None},
        {"location": "https://b.example/robots.txt"},
        {"headers": (("etag", '"1"'), ("etag", '"2"'))},
        {"headers": (("etag", '"' + "x" * 2000 + '"'),)},
        {"headers": (("etag", "a\r\nb"),)},
    ],
    ids=str,
)
async def test_validators_are_for_the_same_address_only(changes: dict[str, object]) -> None:
    plain: dict[str, object] = {
        "url": "https://a.example/robots.txt",
        "resource": "robots.txt",
        "outcome": Outcome.FETCHED,
        "headers": (("etag", '"1"'),),
        "body": b"",
    }
    assert validators(Document(**plain)) == (("if-none-match", '"1"'),)  # type: ignore[arg-type]
    assert validators(Document(**(plain | changes))) == ()  # type: ignore[arg-type]


async def test_conditions_stay_with_the_address_that_was_asked_for() -> None:
    asked = []

    async def transport(ask: Ask) -> Answer:
        asked.append(ask)
        moved = ask.url.startswith("https://a")
        return Answer(301, (("location", "https://b.example/"),), b"") if moved else NOT_FOUND

    ask = Ask("https://a.example/", 10, (("if-none-match", '"1"'),))
    assert await follow(ask, transport) == ("https://b.example/", NOT_FOUND)
    assert [bool(one.conditions) for one in asked] == [True, False]


NOT_FOUND = Answer(404, (), b"")


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_an_old_copy_is_relied_on_while_the_server_fails(status: int) -> None:
    clock, server = Clock(), Server()
    fetcher = Fetcher(clock=clock, retries=Retries(0))
    await decide(fetcher, server)
    server.status = status
    clock.now += 2 * DAY
    decision = await decide(fetcher, server)
    assert (decision.crawl, idents(decision)) == (Preference.DISALLOWED, ["stale-copy"])
    [note] = decision.notes
    assert note.detail == f"of 2026-11-01 00:00 UTC, HTTP {status}"
    open_to = await decide(fetcher, server, "https://a.example/robots.html")
    assert open_to.expires == clock.now + 5 * MINUTE
    clock.now += 4 * MINUTE
    await decide(fetcher, server)
    assert len(server.asked) == 2  # not asked again at once
    clock.now += 2 * MINUTE
    server.status, server.body = 200, OPEN
    decision = await decide(fetcher, server)
    assert (decision.crawl, idents(decision)) == (Preference.ALLOWED, [])
    assert fetcher.counts["stale"] == 1


async def test_an_old_copy_is_good_for_30_days() -> None:
    clock, server = Clock(), Server(OPEN)
    fetcher = Fetcher(clock=clock)
    await decide(fetcher, server)
    server.status = 503
    clock.now += 29 * DAY
    assert (await decide(fetcher, server)).action is Action.PROCEED
    clock.now += DAY + MINUTE
    decision = await decide(fetcher, server)
    assert decision.action is Action.BLOCK
    assert "stale-copy" not in idents(decision)


async def test_that_there_were_no_rules_is_not_relied_on() -> None:
    clock, server = Clock(), Server()
    fetcher = Fetcher(clock=clock)
    server.status = 404
    assert (await decide(fetcher, server)).action is Action.PROCEED
    server.status = 503
    clock.now += 2 * DAY
    assert (await decide(fetcher, server)).action is Action.BLOCK


async def test_asked_again_ahead_of_time_while_nobody_waits() -> None:
    clock, server = Clock(), Server()
    fetcher = Fetcher(clock=clock)
    first = await decide(fetcher, server)
    assert first.expires is not None
    clock.now = first.expires - 6 * MINUTE
    await decide(fetcher, server)
    assert len(server.asked) == 1
    clock.now = first.expires - 4 * MINUTE
    server.body = OPEN
    server.gate.clear()
    before = await asyncio.wait_for(decide(fetcher, server), 5)  # though the server hangs
    again = await asyncio.wait_for(decide(fetcher, server), 5)
    assert before.crawl is again.crawl is Preference.DISALLOWED
    await asyncio.sleep(0.01)
    assert len(server.asked) == 2
    server.gate.set()
    await asyncio.sleep(0.01)
    after = await decide(fetcher, server)
    assert after.crawl is Preference.ALLOWED
    assert after.expires == clock.now + DAY
    assert (fetcher.counts["ahead"], len(server.asked)) == (1, 2)


async def test_one_fetch_among_processes() -> None:
    server, cache = Server(), Shared()
    server.gate.clear()
    fetchers = [Fetcher(cache=Shared(cache)) for _ in range(8)]
    waiting = [asyncio.create_task(decide(one, server)) for one in fetchers for _ in range(10)]
    await asyncio.sleep(0.1)
    server.gate.set()
    decisions = await asyncio.wait_for(asyncio.gather(*waiting), 10)
    assert {decision.crawl for decision in decisions} == {Preference.DISALLOWED}
    assert len(server.asked) == 1
    assert not cache.holders
    assert sum(one.counts["waited"] for one in fetchers) >= 7


async def test_a_host_is_asked_in_turn_unless_it_is_slow() -> None:
    asked: list[str] = []
    under_way: list[int] = []
    most: list[int] = []
    gate = asyncio.Event()

    async def transport(ask: Ask) -> Answer:
        asked.append(ask.url.removeprefix("https://a.example"))
        under_way.append(1)
        most.append(len(under_way))
        await gate.wait()
        under_way.pop()
        return Answer(404, (), b"")

    for hangs, expected in ((False, 1), (True, 2)):
        asked.clear()
        most.clear()
        gate.clear()
        waiting = asyncio.create_task(decide(Fetcher(), transport))
        await asyncio.sleep(0.05)
        assert asked == ["/robots.txt"]
        if hangs:
            await asyncio.sleep(1)  # a slow answer keeps nobody from asking for the next
        gate.set()
        await asyncio.wait_for(waiting, 10)
        assert asked == ["/robots.txt", "/.well-known/tdmrep.json"]
        assert max(most) == expected


async def test_closing_ends_what_is_asked_in_turn() -> None:
    server, fetcher = Server(), Fetcher()
    server.gate.clear()
    waiting = asyncio.create_task(decide(fetcher, server))
    await asyncio.sleep(0.05)
    await fetcher.close()
    with pytest.raises(RuntimeError, match="closed"):
        await waiting
    server.gate.set()
    assert (await decide(fetcher, server)).crawl is Preference.DISALLOWED


async def test_a_claim_that_lapses_is_taken_over() -> None:
    server, cache = Server(), Shared()
    key = "https://a.example", "robots.txt"
    await Shared(cache).claim(key)  # by a process that died
    waiting = asyncio.create_task(decide(Fetcher(cache=cache), server))
    await asyncio.sleep(0.05)
    assert not server.asked
    cache.holders.clear()
    assert (await asyncio.wait_for(waiting, 5)).crawl is Preference.DISALLOWED
    assert len(server.asked) == 1


async def test_a_cancelled_fetch_gives_its_claim_back() -> None:
    server, cache = Server(), Shared()
    server.gate.clear()
    fetcher = Fetcher(cache=cache)
    waiting = asyncio.create_task(decide(fetcher, server))
    await asyncio.sleep(0.1)
    assert cache.holders
    await fetcher.close()
    with pytest.raises(RuntimeError, match="closed"):
        await waiting
    assert not cache.holders


async def test_copies_before_a_time_are_asked_for_anew() -> None:
    clock, server, cache = Clock(), Server(CLOSED, ("etag", '"1"')), MemoryCache()
    await decide(Fetcher(cache=cache, clock=clock), server)
    clock.now += MINUTE
    fetcher = Fetcher(cache=cache, clock=clock, since=clock.now)
    for _ in range(3):
        assert (await decide(fetcher, server)).crawl is Preference.DISALLOWED
    assert [bool(ask.conditions) for ask in server.asked] == [False, True]


# ---- addresses


async def hops(first: str | None, url: str = "https://a.example/") -> list[bool]:
    asked = []

    async def transport(ask: Ask) -> Answer:
        asked.append(ask.guarded)
        if len(asked) == 3:
            return NOT_FOUND
        return Answer(302, (("location", f"/{len(asked)}"),), b"", first)

    await follow(Ask(url, 10), transport)
    return asked


async def test_what_follows_a_public_hop_is_guarded() -> None:
    assert await hops(None) == [False, True, True]
    assert await hops("93.184.216.34") == [False, True, True]
    assert await hops("10.0.0.5") == [False, False, False]
    assert await hops("2606:2800:220:1::1") == [False, True, True]
    assert await hops("fe80::1%eth0") == [False, False, False]
    assert await hops(None, "http://127.0.0.1/") == [False, False, False]


async def test_a_private_origin_may_lead_to_a_private_one() -> None:
    for address, allowed in (("10.0.0.5", True), ("93.184.216.34", False), (None, False)):

        async def transport(ask: Ask, address: str | None = address) -> Answer:
            if "a.example" in ask.url:
                return Answer(302, (("location", "http://10.0.0.6/"),), b"", address)
            return NOT_FOUND

        if allowed:
            assert (await follow(Ask("https://a.example/", 1), transport))[1] is NOT_FOUND
        else:
            with pytest.raises(PrivateAddressError):
                await follow(Ask("https://a.example/", 1), transport)


@pytest.mark.parametrize("url", ["http://127.0.0.1/x", "http://10.1.1.1/", "http://intranet/x"])
async def test_a_service_for_strangers_asks_no_private_origin(url: str) -> None:
    server = Server()
    fetcher = Fetcher(origins=Origins.PUBLIC)
    with pytest.raises(PrivateAddressError):
        await decide(fetcher, server, url)
    assert not server.asked


async def test_a_service_for_strangers_guards_every_request() -> None:
    server = Server()
    server.address = "93.184.216.34"
    assert (await decide(Fetcher(origins=Origins.PUBLIC), server)).action is Action.BLOCK
    assert all(ask.guarded for ask in server.asked)


async def test_a_service_for_strangers_takes_no_copy_of_a_private_origin() -> None:
    server, cache = Server(), MemoryCache()
    server.address = "10.0.0.5"
    assert (await decide(Fetcher(cache=cache), server)).action is Action.BLOCK
    with pytest.raises(PrivateAddressError):
        await decide(Fetcher(cache=cache, origins=Origins.PUBLIC), server)
