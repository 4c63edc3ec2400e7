"""Tells a server of changes: POST of JSON to a public address, tried three times.

Reference: https://docs.aiohttp.org/en/stable/client_reference.html
"""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar

from reservation_middleware.model.version import __version__
from reservation_middleware.owners.inspect.budget import CountingConnector, Reach
from reservation_middleware.runtime.transport import PrivateAddressError, problem_of

#: Times that a message is sent at the most, and seconds for one of them.
TRIES, _TIMEOUT = 3, 15.0
#: Seconds before the second try; before the third four times as many.
_PAUSE = 2.0


async def post(
    url: str, body: bytes, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
) -> str | None:
    """Send a message; redirects are not followed.

    Args:
        url: of the webhook.
        body: JSON.
        sleep: waits between two tries.

    Returns:
        None if a server took it (a status from 200 to 299), else what went wrong at last. A
        private address is not tried again.
    """
    problem = None
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"reservations-watch (reservation-middleware/{__version__})",
    }
    for attempt in range(TRIES):
        if attempt:
            await sleep(_PAUSE * 4 ** (attempt - 1))
        connector = CountingConnector(lambda _host, _number: None, reach=Reach.PUBLIC)
        async with ClientSession(
            connector=connector,
            cookie_jar=DummyCookieJar(),
            timeout=ClientTimeout(total=_TIMEOUT),
        ) as session:
            try:
                async with session.post(
                    url, data=body, headers=headers, allow_redirects=False
                ) as response:
                    if 200 <= response.status < 300:
                        return None
                    problem = f"HTTP {response.status}"
            except PrivateAddressError as error:
                return str(error)
            except (ClientError, OSError, ValueError) as error:
                problem = problem_of(error)
    return f"{problem} ({TRIES} tries)"
