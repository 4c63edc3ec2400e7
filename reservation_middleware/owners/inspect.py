"""One page as its site owner or a curious operator sees it: every place, many agents.

Fetches politely through the aiohttp adapter (crawl rules hold for the agent that
asks), then judges the same documents for other agents. The command line shows it.
"""

import logging
from collections.abc import AsyncIterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from platformdirs import user_cache_dir

from reservation_middleware.aiohttp import ReservationClient, ReservedError
from reservation_middleware.decide.check import Check
from reservation_middleware.decide.reading import is_policy_resource, probed
from reservation_middleware.decide.site import Site
from reservation_middleware.model import (
    PAGE,
    Action,
    Agent,
    ConfigurationError,
    Decision,
    Document,
    Mode,
    Outcome,
    Policy,
    Probes,
)
from reservation_middleware.model.version import __version__
from reservation_middleware.runtime.cache import Cache, open_cache
from reservation_middleware.runtime.cache.memory import MemoryCache
from reservation_middleware.runtime.fetcher import Answer, Ask, Fetcher, Retries

#: Octets of a page that are read at the most.
MAX_PAGE = 64 * 1024 * 1024
#: Somebody waits for the answer.
_RETRIES = Retries(1, wait=3.0)
#: Agents that everybody asks about, shown beside the one that asks.
USUAL = ("*", "GPTBot", "ClaudeBot", "CCBot", "Google-Extended", "Applebot-Extended", "Bytespider")


class Inspection(NamedTuple):
    """What was found.

    Attributes:
        asked: the URL that was asked for; the decision is about where it led.
        decision: for the agent that asked, at the last stage that was reached.
        agents: a decision per product token, on the same documents.
        documents: every document that was fetched or found missing, the page last.
        problem: why the page could not be fetched, None if it was, or was not tried.
        extra: names of places that are asked here, but not by a crawl under this policy.
    """

    asked: str
    decision: Decision
    agents: Mapping[str, Decision]
    documents: tuple[Document, ...]
    problem: str | None
    extra: frozenset[str] = frozenset()


async def inspect(
    url: str, *, agent: Agent, policy: Policy, cache: Cache | None = None, **session: Any
) -> Inspection:
    """Look at one page, as it is now: copies that are kept serve only to ask whether they still hold.

    Args:
        url: absolute http or https URL.
        agent: who asks; where crawling is disallowed to it the page is not fetched.
        policy: what the operator decided; every known place is probed whatever it says.
        cache: where copies are kept; it stays open. In memory if None.
        session: further arguments of the HTTP session, such as ``proxy``.
    """
    usual = {place.name for place in probed(policy.probes)}
    extra = frozenset(place.name for place in probed(Probes.ALL)) - usual
    policy = policy.changed({"probes": Probes.ALL})
    # Reservations do not keep a site owner from seeing the page; crawl rules do.
    looking = policy.changed(
        {"mode": Mode.ENFORCE, "unknown": Action.PROCEED, "reservation": Action.PROCEED}
    )
    name = "reservations-check" if agent.token == "*" else agent.token
    headers = {"User-Agent": f"{name} (reservation-middleware/{__version__})"}
    cache = MemoryCache() if cache is None else cache
    fetcher = Fetcher(cache=cache, since=datetime.now(UTC), retries=_RETRIES)
    # What it shows says what could not be had.
    logging.getLogger("reservation_middleware.aiohttp").addHandler(logging.NullHandler())
    page: Document | None = None
    problem: str | None = None
    asked = url
    async with ReservationClient(
        policy=looking, agent=agent, fetcher=fetcher, headers=headers, **session
    ) as client:
        try:
            async with client.get(url) as response:
                # After a redirect it is the last hop that says what may be done with the page.
                asked, url = url, str(response.url)
                page = Document(
                    url=url,
                    resource=PAGE,
                    outcome=Outcome.of(response.status),
                    status=response.status,
                    headers=tuple((n.lower(), v) for n, v in response.headers.items()),
                    body=await _body(response.content.iter_any()),
                )
        except ReservedError as error:
            asked, url = url, error.decision.url
        except Exception as error:  # noqa: BLE001 - whatever went wrong is what is reported
            problem = f"{type(error).__name__}: {error}"[:300].rstrip(": ")
        if is_policy_resource(url):
            site = Site()  # asking for the rules needs no rules
        else:
            site = await fetcher.site(url, _known_only, Probes.ALL)
    robots = next(
        (document for document in site.documents if document.resource == "robots.txt"), None
    )
    if page is None and problem is None and robots and robots.outcome is Outcome.UNREACHABLE:
        problem = f"robots.txt: {robots.problem or f'HTTP {robots.status}'}"
    tokens = dict.fromkeys((agent.token, *USUAL))
    linked = await _pointed_to(Check(url, agent=agent, site=site), page, cache) if page else ()
    now = fetcher.now(policy)
    decisions = {}
    for token in tokens:
        asking = agent if token == agent.token else Agent(token, agent.purposes)
        check = Check(url, agent=asking, policy=policy, site=site, now=now)
        for document in (page, *linked) if page else ():
            check.feed(document)
        decisions[token] = check.decide()
    return Inspection(
        asked,
        decisions[agent.token],
        decisions,
        (*site.documents, *linked, *((page,) if page else ())),
        problem,
        extra,
    )


def usual_cache() -> Cache:
    """Where the command line keeps copies: a file in the user's cache folder, or in memory where
    there can be none.
    """
    try:
        folder = Path(user_cache_dir("reservations", appauthor=False, ensure_exists=True))
        return open_cache(f"sqlite:///{quote(str(folder / 'policies.db'))}")
    except (OSError, ConfigurationError):
        return MemoryCache()


async def _body(pieces: AsyncIterable[bytes]) -> bytes:
    """A body, unless it has no end.

    Raises:
        ValueError: it is longer than ``MAX_PAGE``.
    """
    body = bytearray()
    async for piece in pieces:
        body += piece
        if len(body) > MAX_PAGE:
            raise ValueError(f"a page of more than {MAX_PAGE} bytes")
    return bytes(body)


async def _pointed_to(check: Check, page: Document, cache: Cache) -> tuple[Document, ...]:
    """What a page points to, as it was fetched along with it."""
    check.feed(page)
    found = [await cache.get((request.url, request.resource)) for request in check.wants()]
    return tuple(document for document in found if document is not None)


async def _known_only(ask: Ask) -> Answer:
    """Stand in for a transport where all policies are known already."""
    raise RuntimeError(f"{ask.url} was not fetched before")
