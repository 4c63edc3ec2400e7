"""Something done once for all who want it at the same time.

Waiters that are cancelled do not end it, nor do loops that were closed in mid-flight.
"""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from functools import partial
from typing import Any, TypeVar

from .transport import TransportClosedError

T = TypeVar("T")


class SingleFlight:
    """What is under way, by key."""

    def __init__(self) -> None:
        self._flights: dict[Hashable, asyncio.Task[Any]] = {}

    def __contains__(self, key: Hashable) -> bool:
        return key in self._flights

    def __len__(self) -> int:
        return len(self._flights)

    def start(
        self, key: Hashable, work: Callable[[], Coroutine[Any, Any, T]]
    ) -> tuple[asyncio.Task[T], bool]:
        """The flight for a key, and whether it was begun just now."""
        loop = asyncio.get_running_loop()
        flight = self._flights.get(key)
        # A loop that was closed in mid-flight leaves its flights behind.
        if flight is not None and not flight.done() and flight.get_loop() is loop:
            return flight, False
        flight = loop.create_task(work())
        self._flights[key] = flight
        flight.add_done_callback(partial(self._landed, key))
        return flight, True

    async def once(self, key: Hashable, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The result of what is under way for a key, begun if nothing is.

        Raises:
            RuntimeError: the flights were closed meanwhile, or the transport of this one.
        """
        while True:
            flight, own = self.start(key, work)
            try:
                # Shielded: a waiter that is cancelled, even the first, does not end it.
                return await asyncio.shield(flight)
            except TransportClosedError:
                if own:
                    raise
            except asyncio.CancelledError:
                if flight.cancelled() and not cancelled():
                    raise RuntimeError("the fetcher was closed") from None
                raise

    async def close(self) -> None:
        """End what is under way in this loop."""
        loop = asyncio.get_running_loop()
        flights = [flight for flight in self._flights.values() if flight.get_loop() is loop]
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    def _landed(self, key: Hashable, flight: asyncio.Task[Any]) -> None:
        if not flight.cancelled():
            flight.exception()  # seen, also where nobody waits any more
        if self._flights.get(key) is flight:
            del self._flights[key]


def cancelled() -> bool:
    """Whether somebody cancels the task that runs this."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
