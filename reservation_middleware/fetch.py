"""The one async driver: policy documents through a transport that the adapter hands in.

One flight per resource however many pages wait for it, redirects, limits, time to live,
cache; then a ``Check`` that is ready to decide. Knows neither Scrapy nor aiohttp.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import NamedTuple, Protocol
from urllib.parse import urljoin

from .cache.freshness import lifetime
from .cache.memory import Key, MemoryCache
from .check import Check, Reading, Site, probed
from .model import Agent, Document, Headers, Outcome, Policy, Probes
from .signals import Place
from .syntax.path import split_url

#: RFC 9309 §2.3.1.2: follow at least five redirects.
MAX_REDIRECTS = 5
#: Seconds for one policy resource, redirects included.
TIMEOUT = 30.0
#: Sites whose policies are kept ready to decide.
MAX_SITES = 10_000


class Answer(NamedTuple):
    """What came back for one request: no redirect was followed."""

    status: int
    headers: Headers
    body: bytes


#: Fetches one URL (first argument) and reads the body of a 2xx answer, stopping soon after
#: the limit in bytes (second argument); raises on any failure. Follows no redirect.
Transport = Callable[[str, int], Awaitable[Answer]]


class Cache(Protocol):
    """Where policy documents are kept."""

    async def get(self, key: Key) -> Document | None:
        """The document kept under a key, fresh or not."""

    async def put(self, key: Key, document: Document) -> None:
        """Keep a document."""


class Fetcher:
    """Gets policies and makes checks.

    Args:
        cache: where documents are kept.
        clock: the current time, timezone-aware.
        timeout: seconds for one policy resource.

    Attributes:
        fetches: policy resources that were fetched from the network so far.
    """

    def __init__(
        self,
        *,
        cache: Cache | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        timeout: float = TIMEOUT,
    ) -> None:
        self._cache: Cache = MemoryCache() if cache is None else cache
        self._clock = clock
        self._timeout = timeout
        self._flights: dict[Key, asyncio.Task[Reading]] = {}
        self._sites: OrderedDict[tuple[str, Probes], Site] = OrderedDict()
        self._readings: OrderedDict[Key, Reading] = OrderedDict()
        self.fetches = 0

    async def check(self, url: str, transport: Transport, *, agent: Agent, policy: Policy) -> Check:
        """A check of a page that has all it wants before the fetch.

        Args:
            url: absolute URL of the page.
            transport: fetches one URL; used only for what is not known yet.
            agent: who asks.
            policy: what the operator decided.
        """
        return Check(
            url, agent=agent, policy=policy, site=await self.site(url, transport, policy.probes)
        )

    async def site(self, url: str, transport: Transport, probes: Probes) -> Site:
        """What the origin of a URL says, from the cache or from the network."""
        origin, _ = split_url(url)
        key = origin, probes
        site = self._sites.get(key)
        if site is not None and (site.expires is None or site.expires > self._clock()):
            return site
        if not origin.startswith(("http://", "https://")):
            return Site()
        site = Site(
            await asyncio.gather(
                *(self._reading(origin, place, transport) for place in probed(probes))
            )
        )
        self._sites[key] = site
        while len(self._sites) > MAX_SITES:
            self._sites.popitem(last=False)
        return site

    async def close(self) -> None:
        """End the fetches that are under way."""
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    async def _reading(self, origin: str, place: Place, transport: Transport) -> Reading:
        key = origin, place.name
        flight = self._flights.get(key)
        if flight is None:
            flight = asyncio.create_task(self._fly(key, place, transport))
            self._flights[key] = flight
            flight.add_done_callback(lambda _: self._flights.pop(key, None))
        # Shielded: a waiter that is cancelled, even the first, does not end the flight.
        return await asyncio.shield(flight)

    async def _fly(self, key: Key, place: Place, transport: Transport) -> Reading:
        """Read one resource, from the cache while it is fresh."""
        document = await self._cache.get(key)
        if document is None or document.expires is None or document.expires <= self._clock():
            document = await self._fetch(key[0], place, transport)
            await self._cache.put(key, document)
        reading = self._readings.get(key)
        if reading is None or reading.document is not document:
            reading = self._readings[key] = Reading(document, place)
            while len(self._readings) > 2 * MAX_SITES:
                self._readings.popitem(last=False)
        return reading

    async def _fetch(self, origin: str, place: Place, transport: Transport) -> Document:
        self.fetches += 1
        url = f"{origin}{place.path}"
        problem: str | None = None
        answer: Answer | None = None
        try:
            async with asyncio.timeout(self._timeout):
                answer = await self._follow(url, place.limit, transport)
        except TimeoutError:
            problem = f"no answer within {self._timeout:g} s"
        except Exception as error:  # noqa: BLE001 - whatever went wrong, it is unreachable
            problem = f"{type(error).__name__}: {error}"[:200].rstrip(": ")
        now = self._clock()
        outcome = Outcome.UNREACHABLE if answer is None else Outcome.of(answer.status)
        headers = answer.headers if answer else ()
        return Document(
            url=url,
            resource=place.name,
            outcome=outcome,
            status=answer.status if answer else None,
            headers=headers,
            body=answer.body if answer and outcome is Outcome.FETCHED else None,
            fetched_at=now,
            expires=now + lifetime(outcome, headers),
            problem=problem,
        )

    async def _follow(self, url: str, limit: int, transport: Transport) -> Answer:
        """The answer at the end of at most ``MAX_REDIRECTS`` redirects."""
        for _ in range(MAX_REDIRECTS + 1):
            answer = await transport(url, limit)
            if answer.status not in (301, 302, 303, 307, 308):
                return answer
            location = next((value for name, value in answer.headers if name == "location"), "")
            target = urljoin(url, location).partition("#")[0] if location else ""
            if not target.startswith(("http://", "https://")):
                return answer
            url = target
        return answer
