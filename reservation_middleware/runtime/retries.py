"""When a policy that could not be had is asked for again, and what is known as worth another try.

Pure values and one pause; no request is made here. References: RFC 9110 §10.2.3 (Retry-After),
RFC 9309 §2.3.1.4.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from .transport import Answer, Ask, Transport

#: Statuses after which pages are asked for again, by Scrapy's defaults.
STATUSES = frozenset({408, 429, 500, 502, 503, 504, 522, 524})
#: Errors of the network.
ERRORS: tuple[type[Exception], ...] = (OSError, EOFError)
#: Seconds before the second try; each later pause is twice as long, up to the longest.
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 8.0
#: Seconds after which a pause looks whether it still makes sense.
_SLICE = 0.25

#: Waits so many seconds before the next try; False where there is to be none, as the crawl ends.
Pause = Callable[[float], Awaitable[bool]]


class Retries(NamedTuple):
    """How a policy is asked for again.

    Attributes:
        times: tries after the first one; 0 for none.
        statuses: of answers that are worth another try.
        wait: seconds that may be waited for one resource because its answers say
            ``Retry-After``. What asks for longer counts as unreachable until then.
    """

    times: int = 2
    statuses: frozenset[int] = STATUSES
    wait: float = 60.0


class RetriableTransport:
    """A transport with what tries after the first one need to know.

    Args:
        send: makes one request.
        errors: those of its errors that are worth another try.
        pause: waits between two tries.
    """

    def __init__(
        self,
        send: Transport,
        *,
        errors: tuple[type[Exception], ...] = ERRORS,
        pause: Pause | None = None,
    ) -> None:
        self._send = send
        self.errors = errors
        self.pause = pause

    async def __call__(self, ask: Ask) -> Answer:
        """Make one request; raises what the transport raises."""
        return await self._send(ask)


def backoff(tries: int) -> float:
    """Seconds to wait after so many tries, of which there was at least one."""
    return min(FIRST_PAUSE * 2.0 ** min(tries - 1, 10), LONGEST_PAUSE)


async def sleep(seconds: float) -> bool:
    """Wait; a pause that nothing ends early."""
    await asyncio.sleep(seconds)
    return True


async def sleep_unless(ends: Callable[[], bool], seconds: float) -> bool:
    """Wait, and look four times a second whether there is still something to wait for.

    Args:
        ends: whether there is nothing to wait for any more.
        seconds: how long.

    Returns:
        False as soon as ``ends`` is true.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while not ends():
        left = until - loop.time()
        if left <= 0:
            return True
        await asyncio.sleep(min(left, _SLICE))
    return False
