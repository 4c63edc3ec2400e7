"""The one async driver: policy documents through a transport that the adapter hands in.

One flight per resource however many pages wait for it, redirects, limits, time to live,
cache; then a ``Check`` that is ready to decide. Knows neither Scrapy nor aiohttp.
"""

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar

from .cache.freshness import fresh, lifetime
from .cache.memory import Key, MemoryCache
from .cache.recent import Recent
from .check import Check, request_for
from .lessons import Lessons
from .model import Agent, Document, Outcome, Policy, PolicyRequest, Probes
from .reading import RESOURCES, Reading, probed
from .site import Site
from .syntax.path import split_url
from .transport import (
    MAX_REDIRECTS,
    Answer,
    Transport,
    TransportClosedError,
    follow,
    problem_of,
)

#: Seconds for one policy resource, redirects included.
TIMEOUT = 30.0
#: Sites whose policies are kept ready to decide, and how long their files may be together:
#: ready to decide, a file takes about twenty times its length.
MAX_SITES, MAX_OCTETS = 10_000, 16 * 1024 * 1024

T = TypeVar("T")


class Cache(Protocol):
    """Where policy documents are kept."""

    async def get(self, key: Key) -> Document | None:
        """The document kept under a key, fresh or not."""

    async def put(self, key: Key, document: Document) -> None:
        """Keep a document."""


class _Ready(NamedTuple):
    """A site that is ready to decide, and from when until when it may be used."""

    site: Site
    since: datetime
    until: datetime | None


class Fetcher:
    """Gets policies and makes checks.

    Args:
        cache: where documents are kept.
        clock: the current time, timezone-aware.
        timeout: seconds for one policy resource; None where the transport keeps time.

    Attributes:
        fetches: policy resources that were fetched from the network so far.
    """

    def __init__(
        self,
        *,
        cache: Cache | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        timeout: float | None = TIMEOUT,
    ) -> None:
        self._cache: Cache = MemoryCache() if cache is None else cache
        self._clock = clock
        self._timeout = timeout
        self._flights: dict[Hashable, asyncio.Task[Any]] = {}
        self._sites: Recent[tuple[str, Probes], _Ready] = Recent(MAX_SITES, MAX_OCTETS)
        self._lessons = Lessons()
        self.fetches = 0

    async def check(self, url: str, transport: Transport, *, agent: Agent, policy: Policy) -> Check:
        """A check of a page that has all it wants before the fetch.

        Args:
            url: absolute URL of the page.
            transport: fetches one URL; used only for what is not known yet.
            agent: who asks.
            policy: what the operator decided.

        Raises:
            RuntimeError: the fetcher or the transport was closed meanwhile.
        """
        check = Check(url, agent=agent, policy=policy, now=self.now(policy))
        await self.prepare(check, transport)
        return check

    def now(self, policy: Policy) -> datetime | None:
        """The time that a check needs; None where the policy depends on none."""
        return self._clock() if policy.licences else None

    async def prepare(self, check: Check, transport: Transport) -> None:
        """Give a check all it wants before the fetch.

        Raises:
            RuntimeError: the fetcher or the transport was closed meanwhile.
        """
        site = self._known(check.origin, check.probes)
        if site is None:
            site = await self._site(check.origin, check.probes, transport)
        check.know(site)

    async def follow(self, check: Check, transport: Transport) -> None:
        """Give a check that was fed a page the documents that the page points to.

        Raises:
            RuntimeError: the fetcher or the transport was closed meanwhile.
        """
        requests = check.wants()
        if requests:
            for document in await self._documents(requests, transport, beside=True):
                check.feed(document)

    def learn(self, check: Check) -> None:
        """Keep what a page that was fed says about others of its origin: a feed about its items."""
        lesson = check.lesson
        if lesson is None:
            return
        lessons = self._lessons.learn(check.origin, lesson, self._clock())
        for probes in Probes:
            ready = self._sites.get((check.origin, probes))
            if ready is not None:
                site = Site(ready.site.readings, lessons)
                self._sites.put((check.origin, probes), ready._replace(site=site), site.octets)

    async def site(self, url: str, transport: Transport, probes: Probes) -> Site:
        """What the origin of a URL says, from the cache or from the network.

        Raises:
            RuntimeError: the fetcher or the transport was closed meanwhile.
        """
        origin, _ = split_url(url)
        return self._known(origin, probes) or await self._site(origin, probes, transport)

    def _known(self, origin: str, probes: Probes) -> Site | None:
        """What is ready to decide and fresh."""
        ready = self._sites.get((origin, probes))
        if ready is not None:
            now = self._clock()
            if ready.since <= now and (ready.until is None or now < ready.until):
                return ready.site
        return None

    async def _site(self, origin: str, probes: Probes, transport: Transport) -> Site:
        if not origin.startswith(("http://", "https://")):
            return Site()
        return await self._once(
            (origin, probes), lambda: self._read_site(origin, probes, transport)
        )

    async def close(self) -> None:
        """End the fetches that are under way."""
        loop = asyncio.get_running_loop()
        flights = [flight for flight in self._flights.values() if flight.get_loop() is loop]
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    async def _once(self, key: Hashable, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Do something once for all who want it at the same time."""
        loop = asyncio.get_running_loop()
        while True:
            flight = self._flights.get(key)
            # A loop that was closed in mid-flight leaves its flights behind.
            own = flight is None or flight.done() or flight.get_loop() is not loop
            if flight is None or own:
                flight = loop.create_task(work())
                self._flights[key] = flight
                flight.add_done_callback(partial(self._landed, key))
            try:
                # Shielded: a waiter that is cancelled, even the first, does not end it.
                result: T = await asyncio.shield(flight)
            except TransportClosedError:
                if own:
                    raise
            except asyncio.CancelledError:
                if flight.cancelled() and not _cancelled():
                    raise RuntimeError("the fetcher was closed") from None
                raise
            else:
                return result

    def _landed(self, key: Hashable, flight: asyncio.Task[Any]) -> None:
        if not flight.cancelled():
            flight.exception()  # seen, also where nobody waits any more
        if self._flights.get(key) is flight:
            del self._flights[key]

    async def _read_site(self, origin: str, probes: Probes, transport: Transport) -> Site:
        """Read what the places of one origin say, and what these point to."""
        places = probed(probes)
        requests = [
            PolicyRequest(place.name, f"{origin}{place.path}", place.limit) for place in places
        ]
        documents = await self._documents(requests, transport)
        readings = list(map(Reading, documents, places))
        lessons = self._lessons.of(origin, self._clock())
        site = Site(readings, lessons)
        if site.links:
            linked = await self._documents(map(request_for, site.links), transport)
            readings += [
                Reading(document, link.place)
                for document, link in zip(linked, site.links, strict=True)
            ]
            site = Site(readings, lessons)
        ready = _Ready(site, self._clock(), site.expires)
        self._sites.put((origin, probes), ready, site.octets)
        return site

    async def _documents(
        self, requests: Iterable[PolicyRequest], transport: Transport, *, beside: bool = False
    ) -> list[Document]:
        return await asyncio.gather(
            *(self._document(one, transport, beside=beside) for one in requests)
        )

    async def _document(
        self, request: PolicyRequest, transport: Transport, *, beside: bool
    ) -> Document:
        """One resource, from the cache while it is fresh.

        Whoever asks ``beside`` a page holds a connection, and must not wait for those that
        wait for one.
        """
        known = RESOURCES.get(request.resource)
        where = request.url.removesuffix(known.path) if known and known.path else request.url
        key = where, request.resource

        async def get() -> Document:
            document = await self._cache.get(key)
            if document is None or not fresh(document, self._clock()):
                document = await self._fetch(request, transport)
                await self._cache.put(key, document)
            return document

        return await self._once((*key, beside), get)

    async def _fetch(self, request: PolicyRequest, transport: Transport) -> Document:
        """Fetch one resource; whatever goes wrong makes it unreachable."""
        self.fetches += 1
        problem: str | None = None
        answer: Answer | None = None
        try:
            async with asyncio.timeout(self._timeout):
                answer = await follow(request.url, request.limit, transport)
        except TransportClosedError:
            raise
        except TimeoutError as error:
            mine = self._timeout is not None
            problem = f"no answer within {self._timeout:g} s" if mine else problem_of(error)
        except asyncio.CancelledError:
            if _cancelled():
                raise
            problem = "cancelled"  # by the transport, while nobody cancelled us
        except Exception as error:  # noqa: BLE001 - whatever went wrong, it is unreachable
            problem = problem_of(error)
        now = self._clock()
        outcome = Outcome.UNREACHABLE if answer is None else Outcome.of(answer.status)
        headers = answer.headers if answer else ()
        return Document(
            url=request.url,
            resource=request.resource,
            outcome=outcome,
            status=answer.status if answer else None,
            headers=headers,
            body=answer.body if answer and outcome is Outcome.FETCHED else None,
            fetched_at=now,
            expires=now + lifetime(outcome, headers),
            problem=problem,
        )


def _cancelled() -> bool:
    """Whether somebody cancels the task that runs this."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


__all__ = [
    "MAX_REDIRECTS",
    "TIMEOUT",
    "Answer",
    "Cache",
    "Fetcher",
    "Transport",
    "TransportClosedError",
]
