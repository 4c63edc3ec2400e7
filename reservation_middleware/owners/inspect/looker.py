"""Gets pages and policies for an inspection: one session, one fetcher, one connector that counts.

Crawl rules for ``reservations-check`` hold; what is got is read whole, up to a bound.
"""

from collections.abc import AsyncIterable
from functools import partial
from typing import Any, NamedTuple

from aiohttp import ClientResponse, ClientSession, ClientTimeout
from yarl import URL

from reservation_middleware.aiohttp import ReservationClient, ReservedError
from reservation_middleware.aiohttp._transport import Cause, fetch, retriable
from reservation_middleware.decide.check import Check
from reservation_middleware.decide.site import Site
from reservation_middleware.model import PAGE, Action, Agent, Document, Mode, Outcome, Policy
from reservation_middleware.model.plural import counted
from reservation_middleware.runtime.fetcher import Fetcher
from reservation_middleware.runtime.transport import Transport, problem_of
from reservation_middleware.signals import ROBOTS_TXT

#: Octets of a page that are read at the most.
MAX_PAGE = 64 * 1024 * 1024
#: Seconds for the page, and for each request that only adds to the picture.
PAGE_TIME, EXTRA_TIME = 60.0, 15.0
#: The name that asks.
OWN_TOKEN = "reservations-check"


class FoundPage(NamedTuple):
    """The page as it was got: where, what, why not."""

    url: str
    page: Document | None
    problem: str | None
    is_closed: bool = False


class Looker:
    """One inspection while it is under way: session, fetcher, connector."""

    def __init__(
        self, session: ClientSession, fetcher: Fetcher, policy: Policy, **options: Any
    ) -> None:
        self.session = session
        self.fetcher = fetcher
        self.options = options
        self.user_agent = session.headers["User-Agent"]
        # Reservations do not keep a site owner from seeing the page; crawl rules do.
        self.policy = policy.changed(
            {"mode": Mode.ENFORCE, "unknown": Action.PROCEED, "reservation": Action.PROCEED}
        )
        self.client = ReservationClient(
            session=session, policy=self.policy, agent=Agent(OWN_TOKEN), fetcher=fetcher
        )

    def transport(self, url: str) -> Transport:
        """What fetches policies for a page, as the adapter would."""
        cause = Cause.of_session(self.session, URL(url), self.options)
        return retriable(partial(fetch, cause=cause), cause)

    async def get(self, url: str, *, limit: int, seconds: float) -> FoundPage:
        """A page, or why it could not be had; crawl rules hold."""
        try:
            async with self.client.get(
                url, timeout=ClientTimeout(total=seconds), **self.options
            ) as response:
                # After a redirect it is the last hop that says what may be done with the page.
                final = str(response.url)
                return FoundPage(final, await page_of(response, final, limit), None)
        except ReservedError as error:
            return FoundPage(error.decision.url, None, None, is_closed=True)
        except Exception as error:  # noqa: BLE001 - whatever went wrong is what is reported
            return FoundPage(url, None, problem_of(error))

    async def get_as_owner(self, url: str) -> FoundPage:
        """A page whose owner asks, so that crawl rules need not hold."""
        try:
            async with self.session.get(
                url, timeout=ClientTimeout(total=PAGE_TIME), **self.options
            ) as response:
                final = str(response.url)
                return FoundPage(final, await page_of(response, final, MAX_PAGE), None)
        except Exception as error:  # noqa: BLE001
            return FoundPage(url, None, problem_of(error))


async def ask(looker: Looker, found: FoundPage, agent: Agent, policy: Policy, site: Site) -> Check:
    """The question with all that was found: the site, the page and what it points to."""
    check = Check(found.url, agent=agent, policy=policy, site=site, now=looker.fetcher.now(policy))
    if found.page is not None:
        check.feed(found.page)
        await looker.fetcher.follow(check, looker.transport(found.url))
    return check


def site_robots(site: Site) -> Document | None:
    """The robots.txt of a site, None where none was asked for."""
    return next((found for found in site.documents if found.resource == ROBOTS_TXT.name), None)


async def page_of(response: ClientResponse, url: str, limit: int) -> Document:
    """A response, read whole, as a document."""
    return Document(
        url=url,
        resource=PAGE,
        outcome=Outcome.of(response.status),
        status=response.status,
        headers=tuple((name.lower(), value) for name, value in response.headers.items()),
        body=await body_of(response.content.iter_any(), limit),
    )


async def body_of(pieces: AsyncIterable[bytes], limit: int) -> bytes:
    """A body, unless it has no end.

    Raises:
        ValueError: it is longer than ``limit``.
    """
    body = bytearray()
    async for piece in pieces:
        body += piece
        if len(body) > limit:
            raise ValueError(f"more than {counted(limit, 'byte')}")
    return bytes(body)
