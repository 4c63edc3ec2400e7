"""The one async driver: policy documents through a transport that the adapter hands in.

One flight per resource however many pages, and processes that share a cache, wait for it;
then a ``Check`` that is ready to decide. Knows neither Scrapy nor aiohttp.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from time import time

from reservation_middleware.decide.check import Check
from reservation_middleware.decide.reading import Reading, probed, request_for
from reservation_middleware.decide.site import Site
from reservation_middleware.model import Agent, Document, Policy, PolicyRequest, Probes
from reservation_middleware.model.agents import catalogue
from reservation_middleware.model.lru import BoundedLru
from reservation_middleware.syntax.host import is_public, is_public_address
from reservation_middleware.syntax.path import split_url

from .cache.memory import MemoryCache
from .cache.placed import PlacedCache
from .cache.protocol import Cache
from .feed_memory import FeedMemory
from .policy_store import NOW, Resources
from .retries import Pause, RetriableTransport, Retries, sleep
from .single_flight import SingleFlight
from .site_memory import CompiledSite, SiteMemory
from .transport import (
    MAX_REDIRECTS,
    Answer,
    Ask,
    MachineFaultError,
    PrivateAddressError,
    Transport,
    TransportClosedError,
)

#: Seconds for one policy resource, redirects included.
TIMEOUT = 30.0
#: Addresses that are asked under other names, so many.
_MOST_PLACED = 1000
#: As Scrapy's pages are retried by default.
RETRIES = Retries()


class Origins(StrEnum):
    """Which origins are asked for their policies."""

    #: Whatever the operator crawls, private nets of their own included.
    ANY = "any"
    #: Public ones only: for services that take addresses from strangers.
    PUBLIC = "public"


def _now() -> datetime:
    return datetime.now(UTC)


class Fetcher:
    """Gets policies and makes checks.

    Args:
        cache: where documents are kept; in this process's memory if None.
        clock: the current time, timezone-aware.
        timeout: seconds for one policy resource; None where the transport keeps time.
        origins: which origins are asked; ``PUBLIC`` for services that strangers use.
        since: copies that were fetched before are asked for anew; None for none.
        retries: how often a policy is asked for again that could not be had, and how long its
            ``Retry-After`` is waited for.
        pause: waits between two tries; for tests.
        counts: where is counted what happened; a new counter if None.

    Attributes:
        cache: where documents are kept.
        counts: how often what happened, by name: fetches, retries, revalidated, stale, waited …
    """

    def __init__(
        self,
        *,
        cache: Cache | None = None,
        clock: Callable[[], datetime] = _now,
        timeout: float | None = TIMEOUT,
        origins: Origins = Origins.ANY,
        since: datetime | None = None,
        retries: Retries = RETRIES,
        pause: Pause = sleep,
        counts: Counter[str] | None = None,
    ) -> None:
        self.cache: Cache = MemoryCache() if cache is None else cache
        self.counts: Counter[str] = Counter() if counts is None else counts
        self._clock = clock
        self._seconds = time if clock is _now else lambda: clock().timestamp()
        self._origins = origins
        self._flights = SingleFlight()
        self._resources = Resources(
            self.cache,
            self._flights,
            counts=self.counts,
            clock=clock,
            timeout=timeout,
            since=since,
            retries=retries,
            pause=pause,
        )
        self._make_placed = partial(
            Fetcher,
            counts=self.counts,
            clock=clock,
            timeout=timeout,
            origins=origins,
            since=since,
            retries=retries,
            pause=pause,
        )
        self._sites = SiteMemory()
        self._feeds = FeedMemory()
        #: Fetchers for Host fields, by the address that is connected to.
        self._placed: BoundedLru[str, Fetcher] = BoundedLru(_MOST_PLACED, _MOST_PLACED)
        catalogue()  # read at the start, and not while the first site waits

    @property
    def fetches(self) -> int:
        """Policy resources that were fetched from the network so far."""
        return self.counts["fetches"]

    async def check(self, url: str, transport: Transport, *, agent: Agent, policy: Policy) -> Check:
        """A check of a page that has all it wants before the fetch.

        Args:
            url: absolute URL of the page.
            transport: makes one request; used only for what is not known yet.
            agent: who asks.
            policy: what the operator decided.

        Raises:
            PrivateAddressError: only public origins are asked, and this is none.
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
            PrivateAddressError: only public origins are asked, and this is none.
            RuntimeError: the fetcher or the transport was closed meanwhile.
        """
        site = self._known(check.origin, check.probes, transport)
        if site is None:
            site = await self._site(check.origin, check.probes, transport)
        check.know(site)

    def ready(self, check: Check) -> bool:
        """Whether a check has all it wants before the fetch, without a thing to do or wait for.

        Most pages are of sites that are known, so that nothing need be made to ``prepare`` them.
        """
        ready = self._sites.get((check.origin, check.probes))
        if ready is None or not ready.since <= self._seconds() < ready.ahead:
            return False
        check.know(ready.site)
        return True

    async def follow(self, check: Check, transport: Transport) -> None:
        """Give a check that was fed a page the documents that the page points to.

        Raises:
            RuntimeError: the fetcher or the transport was closed meanwhile.
        """
        requests = check.wants()
        if requests:
            ready = self._sites.get((check.origin, check.probes))
            guarded = _public(check.origin, ready.site.documents if ready else ())
            for document in await self._resources.get(
                requests, transport, extra_connection=True, guarded=guarded
            ):
                check.feed(document)

    def learn(self, check: Check) -> None:
        """Keep what a page that was fed says about others of its origin: a feed about its items."""
        speaking_page = check.lesson
        if speaking_page is None:
            return
        speaking_pages = self._feeds.learn(check.origin, speaking_page, self._clock())
        for probes in Probes:
            ready = self._sites.get((check.origin, probes))
            if ready is not None:
                ready = ready._replace(site=Site(ready.site.readings, speaking_pages))
                self._sites.put((check.origin, probes), ready)

    async def site(self, url: str, transport: Transport, probes: Probes) -> Site:
        """What the origin of a URL says, from the cache or from the network.

        Raises:
            PrivateAddressError: only public origins are asked, and this is none.
            RuntimeError: the fetcher or the transport was closed meanwhile.
        """
        origin, _ = split_url(url)
        known = self._known(origin, probes, transport)
        return known or await self._site(origin, probes, transport)

    def _known(self, origin: str, probes: Probes, transport: Transport) -> Site | None:
        """What is ready to decide and fresh; fetched anew soon before it no longer is."""
        ready = self._sites.get((origin, probes))
        if ready is None:
            return None
        now = self._seconds()
        if not ready.since <= now < ready.until:
            return None
        if now >= ready.ahead and (origin, probes) not in self._flights:
            self.counts["ahead"] += 1
            # A little more, as floats are rounded: the copies are to be old now.
            margin = timedelta(seconds=ready.until - now, milliseconds=1)
            self._flights.start(
                (origin, probes), lambda: self._read_site(origin, probes, transport, margin)
            )
        return ready.site

    async def _site(self, origin: str, probes: Probes, transport: Transport) -> Site:
        if not origin.startswith(("http://", "https://")):
            return Site()
        if self._origins is Origins.PUBLIC and not is_public(origin):
            raise PrivateAddressError(f"{origin} is not public")
        if (origin, probes) not in self._flights:
            site = self._at_hand(origin, probes)
            if site is not None:
                return site
        return await self._flights.once(
            (origin, probes), lambda: self._read_site(origin, probes, transport, NOW)
        )

    def _at_hand(self, origin: str, probes: Probes) -> Site | None:
        """A site that was let go while its documents were kept, if it points to no others."""
        documents = self._resources.cached(_requests(origin, probes))
        if documents is None:
            return None
        if self._origins is Origins.PUBLIC:
            _refused(documents)
        speaking_pages = self._feeds.of(origin, self._clock())
        site = Site(map(Reading, documents, probed(probes)), speaking_pages)
        if site.links:
            return None
        self._sites.put((origin, probes), CompiledSite.of(site, self._seconds()))
        return site

    def at(self, address: str) -> "Fetcher":
        """The fetcher for origins that are asked at an address that is not theirs, as requests with
        a Host field of their own do: what it learns is kept apart from what is known of them.

        Args:
            address: origin that is connected to.
        """
        placed = self._placed.get(address)
        if placed is None:
            placed = self._make_placed(cache=PlacedCache(self.cache, address))
            self._placed.put(address, placed, 1)
        return placed

    async def close(self) -> None:
        """End the fetches that are under way; the cache stays open."""
        await self._flights.close()
        for placed in self._placed.values():
            await placed.close()

    async def _read_site(
        self, origin: str, probes: Probes, transport: Transport, margin: timedelta
    ) -> Site:
        """Read what the places of one origin say, and what these point to.

        Args:
            origin: scheme, host and port.
            probes: which places.
            transport: makes one request.
            margin: how long copies must still be good.
        """
        guarded = self._origins is Origins.PUBLIC
        documents = await self._resources.get_sequentially(
            _requests(origin, probes), transport, guarded=guarded, margin=margin
        )
        if guarded:
            _refused(documents)
        readings = list(map(Reading, documents, probed(probes)))
        speaking_pages = self._feeds.of(origin, self._clock())
        site = Site(readings, speaking_pages)
        if site.links:
            linked = await self._resources.get(
                map(request_for, site.links),
                transport,
                guarded=guarded or _public(origin, documents),
                margin=margin,
            )
            readings += [
                Reading(document, link.place)
                for document, link in zip(linked, site.links, strict=True)
            ]
            site = Site(readings, speaking_pages)
        self._sites.put((origin, probes), CompiledSite.of(site, self._seconds()))
        return site


def _requests(origin: str, probes: Probes) -> list[PolicyRequest]:
    """The places of one origin that are asked before a fetch."""
    return [
        PolicyRequest(place.name, f"{origin}{place.path}", place.limit) for place in probed(probes)
    ]


def _public(origin: str, documents: Iterable[Document]) -> bool:
    """Whether an origin is public: by who answered, or as it is written."""
    known = [document.address for document in documents if document.address]
    if not known:
        return is_public(origin)
    return any(map(is_public_address, known))


def _refused(documents: Iterable[Document]) -> None:
    """Say that an origin is not public.

    Raises:
        PrivateAddressError: it is not.
    """
    for document in documents:
        refused = (document.problem or "").startswith(PrivateAddressError.__name__)
        # A crawler of private nets may share the cache.
        if refused or (document.address and not is_public_address(document.address)):
            raise PrivateAddressError(f"{document.url} is not public")


__all__ = [
    "MAX_REDIRECTS",
    "TIMEOUT",
    "Answer",
    "Ask",
    "Cache",
    "Fetcher",
    "MachineFaultError",
    "Origins",
    "RetriableTransport",
    "Retries",
    "Transport",
    "TransportClosedError",
]
