"""Policy resources: from the cache while they are fresh, else fetched, once for all.

One flight per resource in this process, and one claim on it among the processes that share
a cache.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Hashable, Iterable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from reservation_middleware.decide.freshness import fresh
from reservation_middleware.decide.reading import RESOURCES
from reservation_middleware.model import Document, PolicyRequest
from reservation_middleware.model.document import MACHINE_FAULT

from .cache.memory import MemoryCache
from .cache.protocol import LEASE, Cache, Key
from .retries import Pause, Retries
from .retrieval import retrieve
from .single_flight import SingleFlight
from .transport import Transport

#: Seconds between two looks at whether another process has fetched something: first, and most.
_LOOK, _LONGEST_LOOK = 0.01, 0.25
#: Seconds that the next resource of a host waits for the answer to the one before.
_PATIENCE = 0.5
#: Seconds that may be waited for what a page points to, while its response is held.
_EXTRA_CONNECTION_WAIT = 5.0
#: Octets of what is remembered of this machine's faults.
_FAULTS = 1024 * 1024
#: No time at all: a copy must be good now.
NOW = timedelta(0)


class Resources:
    """Gets policy resources.

    Args:
        cache: where they are kept.
        flights: what is under way.
        counts: where is counted how often what happened.
        clock: the current time.
        timeout: seconds for one resource; None where the transport keeps time.
        since: copies that were fetched before are asked for anew; None for none.
        retries: how often a resource is tried again that could not be had.
        pause: waits between two tries.
    """

    def __init__(
        self,
        cache: Cache,
        flights: SingleFlight,
        *,
        counts: Counter[str],
        clock: Callable[[], datetime],
        timeout: float | None,
        since: datetime | None,
        retries: Retries,
        pause: Pause,
    ) -> None:
        self._cache = cache
        #: Nobody else sees it, so that nothing in it needs to be claimed.
        self._alone = cache if type(cache) is MemoryCache else None
        self._flights = flights
        self._counts = counts
        self._clock = clock
        self._timeout = timeout
        self._oldest = since
        self._retries = retries
        self._pause = pause
        #: What could not be had for a fault of this machine: other machines, which may share the
        #: cache, need not hear of it.
        self._faults = MemoryCache(octets=_FAULTS)

    def cached(self, requests: Iterable[PolicyRequest]) -> list[Document] | None:
        """Several resources, if all are in this process's memory and fresh."""
        found: list[Document] = []
        for request in requests:
            known = self._alone and self._alone.kept(_key(request))
            if not known or not self._fresh(known, NOW):
                return None
            found.append(known)
        return found

    async def get(
        self,
        requests: Iterable[PolicyRequest],
        transport: Transport,
        *,
        guarded: bool,
        extra_connection: bool = False,
        margin: timedelta = NOW,
    ) -> list[Document]:
        """Several resources, each from the cache while it is fresh.

        Args:
            requests: what to get.
            transport: fetches what is not in the cache.
            guarded: whether addresses that are not public are refused.
            extra_connection: whether the page that needs them holds a connection already, so that
                they must not wait for those who wait for one.
            margin: copies that expire within it are fetched anew.
        """
        wanted = [
            self._flight(
                request,
                transport,
                guarded=guarded,
                extra_connection=extra_connection,
                margin=margin,
            )
            for request in requests
        ]
        return await asyncio.gather(*(self._flights.once(key, work) for key, work in wanted))

    async def get_sequentially(
        self,
        requests: Iterable[PolicyRequest],
        transport: Transport,
        *,
        guarded: bool,
        margin: timedelta = NOW,
    ) -> list[Document]:
        """The same of one host: over one connection, unless it takes its time.

        A host that was never asked has no connection to keep for a second request, and
        making one takes longer than waiting for the first answer.

        Raises:
            RuntimeError: the fetcher was closed meanwhile, or the transport.
        """
        wanted = [
            self._flight(request, transport, guarded=guarded, extra_connection=False, margin=margin)
            for request in requests
        ]
        found: dict[Hashable, Document] = {}
        flights: dict[Hashable, asyncio.Task[Document]] = {}
        for key, work in wanted:
            flight, _ = self._flights.start(key, work)
            # Waiting does not end it when the waiter is cancelled.
            await asyncio.wait((flight,), timeout=_PATIENCE)
            if flight.cancelled():
                raise RuntimeError("the fetcher was closed")
            flights[key] = flight
        # One that took its time may have landed meanwhile, and need not be kept anywhere.
        for key, flight in flights.items():
            if flight.done() and not flight.cancelled() and flight.exception() is None:
                found[key] = flight.result()
        late = [(key, work) for key, work in wanted if key not in found]
        if late:
            documents = await asyncio.gather(*(self._flights.once(*flight) for flight in late))
            found.update(zip((key for key, _ in late), documents, strict=True))
        return [found[key] for key, _ in wanted]

    def _flight(
        self,
        request: PolicyRequest,
        transport: Transport,
        *,
        guarded: bool,
        extra_connection: bool,
        margin: timedelta,
    ) -> tuple[Hashable, Callable[[], Coroutine[Any, Any, Document]]]:
        """What a request is known by while it is under way, and what is to be done for it."""
        key = _key(request)
        retries = self._retries
        if extra_connection:
            retries = retries._replace(wait=min(retries.wait, _EXTRA_CONNECTION_WAIT))
        return (*key, extra_connection), lambda: self._one(
            key, request, transport, guarded=guarded, margin=margin, retries=retries
        )

    async def _one(
        self,
        key: Key,
        request: PolicyRequest,
        transport: Transport,
        *,
        guarded: bool,
        margin: timedelta,
        retries: Retries,
    ) -> Document:
        """One resource: from the cache, or fetched by whoever claims it first."""
        fault = self._faults.kept(key)
        if self._fresh(fault, NOW):
            assert fault is not None
            return fault
        look = _LOOK
        known = await self._cache.get(key)
        while not self._fresh(known, margin):
            if self._alone:
                return await self._fetched(
                    key, request, transport, known, guarded=guarded, retries=retries
                )
            if not await self._cache.claim(key):
                if known is not None and self._fresh(known, NOW):
                    return known  # somebody else fetches it ahead of time
                self._counts["waited"] += look == _LOOK
                await asyncio.sleep(look)
                look = min(look * 1.5, _LONGEST_LOOK)
                known = await self._cache.get(key)
                continue
            async with self._renewed(key):
                # Whoever held the claim before may have fetched it.
                known = await self._cache.get(key)
                if self._fresh(known, margin):
                    break
                return await self._fetched(
                    key, request, transport, known, guarded=guarded, retries=retries
                )
        assert known is not None
        return known

    async def _fetched(
        self,
        key: Key,
        request: PolicyRequest,
        transport: Transport,
        known: Document | None,
        *,
        guarded: bool,
        retries: Retries,
    ) -> Document:
        """One resource, fetched and kept."""
        self._counts["fetches"] += 1
        document = await retrieve(
            request,
            transport,
            known=known,
            clock=self._clock,
            seconds=self._timeout,
            guarded=guarded,
            retries=retries,
            pause=self._pause,
            retried=self._count_retry,
        )
        self._count(document)
        is_fault = document.is_machine_fault or (document.stale or "").startswith(MACHINE_FAULT)
        await (self._faults if is_fault else self._cache).put(key, document)
        return document

    def _fresh(self, document: Document | None, margin: timedelta) -> bool:
        if document is None or not fresh(document, self._clock() + margin):
            return False
        if self._oldest is None or document.fetched_at is None:
            return True
        return document.fetched_at >= self._oldest

    @asynccontextmanager
    async def _renewed(self, key: Key) -> AsyncIterator[None]:
        """Hold a claim for as long as a fetch takes."""
        loop = asyncio.get_running_loop()
        renewals: set[asyncio.Task[bool]] = set()

        # A timer and no task of its own: most fetches are over long before.
        timers: list[asyncio.TimerHandle] = []

        def wait() -> None:
            timers[:] = [loop.call_later(LEASE / 3, renew)]

        def renew() -> None:
            wait()
            task = loop.create_task(self._cache.claim(key))
            renewals.add(task)
            task.add_done_callback(renewals.discard)

        wait()
        try:
            yield
        finally:
            timers[0].cancel()
            if renewals:
                await asyncio.gather(*renewals, return_exceptions=True)
            await self._cache.release(key)

    def _count_retry(self) -> None:
        self._counts["retries"] += 1

    def _count(self, document: Document) -> None:
        self._counts[f"outcome/{document.outcome}"] += 1
        if document.stale:
            self._counts["stale"] += 1
        elif document.revalidated:
            self._counts["revalidated"] += 1


def _key(request: PolicyRequest) -> Key:
    """What a cache knows a resource by."""
    known = RESOURCES.get(request.resource)
    where = request.url.removesuffix(known.path) if known and known.path else request.url
    return where, request.resource
