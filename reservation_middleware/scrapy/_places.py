"""How many requests wait in place for their site's policies, and what becomes of the others.

A request that waits in the downloader middleware takes one of CONCURRENT_REQUESTS. Policies come in
a moment, mostly; where a server asks for time, or takes it, other sites need those places.
"""

import asyncio
from collections.abc import Awaitable, Callable

from scrapy import Request
from scrapy.settings import BaseSettings

#: In the meta of a request that went back to the scheduler: what was changed for that.
RETURNED = "_reservation_returned"
#: Seconds that a request waits when enough others wait already.
_PATIENCE, _SHORT = 1.0, 0.02


class Places:
    """The places of requests that wait: half of CONCURRENT_REQUESTS.

    Args:
        settings: the crawl's.
        count: adds one to a stat.
    """

    def __init__(self, settings: BaseSettings, count: Callable[[str], None]) -> None:
        total = settings.getint("CONCURRENT_REQUESTS")
        self._free = max(total // 2, 1) if total > 0 else None  # 0 is no limit
        self._count = count
        #: Origins whose policies take their time.
        self._slow: set[str] = set()
        self._priority = settings.getint("RETRY_PRIORITY_ADJUST")

    async def wait_for(self, policies: Awaitable[None], request: Request, origin: str) -> bool:
        """Wait for the policies of a request.

        Args:
            policies: sets them up.
            request: who waits.
            origin: whose policies they are.

        Returns:
            False where all places were taken and the policies did not come soon; they are still
            on their way then.
        """
        if self._free is None:
            await policies
        elif self._free > 0:
            self._free -= 1
            try:
                await policies
            finally:
                self._free += 1
        else:
            try:
                async with asyncio.timeout(self._patience(request, origin)) as limit:
                    await policies
            except TimeoutError:
                if not limit.expired():
                    raise
                self._slow.add(origin)
                return False
        self._slow.discard(origin)
        return True

    def _patience(self, request: Request, origin: str) -> float:
        """Seconds that a request waits where all places are taken.

        The first of a host that is known to take its time make way at once; those that come again
        wait longer, as there may be nothing else to do.
        """
        return _SHORT if origin in self._slow and RETURNED not in request.meta else _PATIENCE

    def give_back(self, request: Request) -> Request:
        """A request as it goes back to the scheduler: behind the others, and past its filter."""
        self._count("returned")
        _, priority = request.meta.get(RETURNED, (None, request.priority))
        again = request.replace(dont_filter=True, priority=priority + self._priority)
        again.meta.setdefault(RETURNED, [request.dont_filter, request.priority])
        return again

    def take_again(self, request: Request) -> None:
        """Undo what was changed in a request that went back and need not wait any more."""
        request.dont_filter, request.priority = request.meta.pop(RETURNED)
