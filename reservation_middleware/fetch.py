"""The one async driver: policy documents through a transport that the adapter hands in.

One flight per resource however many pages wait for it, redirects, limits, time to live,
cache; then a ``Check`` that is ready to decide. Knows neither Scrapy nor aiohttp.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar
from urllib.parse import quote, urljoin

from .cache.freshness import fresh, lifetime
from .cache.memory import Key, MemoryCache
from .cache.recent import Recent
from .check import Check
from .model import Agent, Document, Headers, Outcome, Policy, Probes
from .signals import Place
from .site import Reading, Site, probed
from .syntax.path import split_url

#: RFC 9309 §2.3.1.2: follow at least five redirects.
MAX_REDIRECTS = 5
#: Seconds for one policy resource, redirects included.
TIMEOUT = 30.0
#: Sites whose policies are kept ready to decide, and how long their files may be together:
#: ready to decide, a file takes about twenty times its length.
MAX_SITES, MAX_OCTETS = 10_000, 16 * 1024 * 1024

_REDIRECTS = (301, 302, 303, 307, 308)
#: What stays as it is in a Location; anything else, such as raw UTF-8, is percent-encoded.
_URL = "%:/?#[]@!$&'()*+,;=~"

T = TypeVar("T")


class Answer(NamedTuple):
    """What came back for one request: no redirect was followed.

    Header names are in lower case, values decoded as ISO-8859-1 (RFC 9110 §5.5).
    """

    status: int
    headers: Headers
    body: bytes


class TransportClosedError(RuntimeError):
    """A transport was closed by its owner, which says nothing about the site.

    Transports raise it so that nobody takes the resource for unreachable: whoever else
    waits for it tries again with a transport of their own.
    """


#: Fetches one URL (first argument) and reads the body of a 2xx answer, stopping soon after
#: the limit in bytes (second argument); raises on any failure. Follows no redirect.
Transport = Callable[[str, int], Awaitable[Answer]]


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
        check = Check(url, agent=agent, policy=policy)
        await self.prepare(check, transport)
        return check

    async def prepare(self, check: Check, transport: Transport) -> None:
        """Give a check all it wants before the fetch.

        Raises:
            RuntimeError: the fetcher or the transport was closed meanwhile.
        """
        site = self._known(check.origin, check.probes)
        if site is None:
            site = await self._site(check.origin, check.probes, transport)
        check.know(site)

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
        if self._flights.get(key) is flight:
            del self._flights[key]

    async def _read_site(self, origin: str, probes: Probes, transport: Transport) -> Site:
        """Read what the places of one origin say."""
        places = probed(probes)
        documents = await asyncio.gather(
            *(self._document(origin, place, transport) for place in places)
        )
        site = Site(map(Reading, documents, places))
        octets = sum(len(document.body or b"") for document in documents)
        self._sites.put((origin, probes), _Ready(site, self._clock(), site.expires), octets)
        return site

    async def _document(self, origin: str, place: Place, transport: Transport) -> Document:
        """One resource, from the cache while it is fresh."""
        key = origin, place.name

        async def get() -> Document:
            document = await self._cache.get(key)
            if document is None or not fresh(document, self._clock()):
                document = await self._fetch(origin, place, transport)
                await self._cache.put(key, document)
            return document

        return await self._once(key, get)

    async def _fetch(self, origin: str, place: Place, transport: Transport) -> Document:
        """Fetch one resource; whatever goes wrong makes it unreachable."""
        self.fetches += 1
        url = f"{origin}{place.path}"
        problem: str | None = None
        answer: Answer | None = None
        try:
            async with asyncio.timeout(self._timeout):
                answer = await _follow(url, place.limit, transport)
        except TransportClosedError:
            raise
        except TimeoutError as error:
            mine = self._timeout is not None
            problem = f"no answer within {self._timeout:g} s" if mine else _problem(error)
        except asyncio.CancelledError:
            if _cancelled():
                raise
            problem = "cancelled"  # by the transport, while nobody cancelled us
        except Exception as error:  # noqa: BLE001 - whatever went wrong, it is unreachable
            problem = _problem(error)
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


async def _follow(url: str, limit: int, transport: Transport) -> Answer:
    """The answer at the end of at most ``MAX_REDIRECTS`` redirects."""
    for _ in range(MAX_REDIRECTS + 1):
        answer = await transport(url, limit)
        if answer.status not in _REDIRECTS:
            return answer
        location = next((value for name, value in answer.headers if name == "location"), "")
        try:
            target = urljoin(url, quote(location.encode("latin-1"), safe=_URL)).partition("#")[0]
        except ValueError:
            return answer  # no URL
        if not location or not target[:8].lower().startswith(("http://", "https://")):
            return answer
        url = target
    return answer


def _problem(error: Exception) -> str:
    """An error in a few words that any record can hold: ASCII, and never an error itself."""
    try:
        text = f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - an error that cannot even be printed
        text = type(error).__name__
    return text.encode("ascii", "backslashreplace").decode("ascii")[:200].rstrip(": ")


def _cancelled() -> bool:
    """Whether somebody cancels the task that runs this."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
