"""Looks at one page and its site, politely and with at most ``budget.MAX_REQUESTS`` requests.

Asks as itself: crawl rules for ``reservations-check`` (mostly those for everyone) hold, unless
who asks says that the site is theirs. What other agents may do is judged from the same documents.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aiohttp import ClientSession, DummyCookieJar
from platformdirs import user_cache_dir

from reservation_middleware.decide.check import Check
from reservation_middleware.decide.reading import (
    Reading,
    content_reading,
    head_reading,
    is_policy_resource,
    probed,
)
from reservation_middleware.decide.site import Site
from reservation_middleware.model import (
    Agent,
    ConfigurationError,
    Document,
    Outcome,
    Policy,
    Probes,
)
from reservation_middleware.model.version import __version__
from reservation_middleware.runtime.cache import Cache, open_cache
from reservation_middleware.runtime.cache.memory import MemoryCache
from reservation_middleware.runtime.fetcher import Fetcher, Retries
from reservation_middleware.signals import ROBOTS_TXT
from reservation_middleware.syntax.path import split_url

from .beside import look_at_samples, look_at_variants, served_to
from .budget import CountingConnector, Reach
from .inspection import Inspection, SeenPlace, State
from .looker import MAX_PAGE, OWN_TOKEN, PAGE_TIME, FoundPage, Looker, ask, site_robots

#: A policy is asked for once more where the site asks for patience, and no oftener: somebody waits.
_RETRIES = Retries(0, wait=3.0)
#: Lines, and octets, of a document that are shown.
_MAX_LINES, _MAX_SHOWN = 2_000, 256 * 1024


class Ownership(StrEnum):
    """Whether who asks says that the site is theirs."""

    VISITOR = "visitor"
    OWNER = "owner"


class Extent(StrEnum):
    """How much is looked at."""

    #: The page and the policies of its site.
    PAGE = "page"
    #: Beside them other addresses of the site, an image and a PDF.
    SITE = "site"


async def inspect(
    url: str,
    *,
    agent: Agent,
    policy: Policy,
    cache: Cache | None = None,
    ownership: Ownership = Ownership.VISITOR,
    as_tokens: Sequence[str] = (),
    extent: Extent = Extent.SITE,
    reach: Reach = Reach.ANYWHERE,
    longest: int = MAX_PAGE,
    report: Callable[[str, int], None] = lambda _host, _number: None,
    **options: Any,
) -> Inspection:
    """Look at one page, as it is now: copies that are kept serve only to ask whether they still hold.

    Args:
        url: absolute http or https URL.
        agent: whom the answer is for.
        policy: what the operator decided; every known place is probed whatever it says.
        cache: where copies are kept; it stays open. In memory if None.
        ownership: of an owner's site the page is looked at even where crawling is disallowed.
        as_tokens: names under which the owner asks as well, to see what these are served.
        extent: whether other addresses, an image and a PDF are looked at, too.
        reach: where requests may go, those for policies and after redirects included.
        longest: octets of the page that are read; of a longer one nothing can be said.
        report: is told of each request, by its host and number.
        options: further arguments of each request, such as ``proxy``.
    """
    cache = MemoryCache() if cache is None else cache
    started = datetime.now(UTC)
    fetcher = Fetcher(cache=cache, since=started, retries=_RETRIES)
    # What it shows says what could not be had.
    logging.getLogger("reservation_middleware.aiohttp").addHandler(logging.NullHandler())
    connector = CountingConnector(report, reach=reach)
    user_agent = f"{OWN_TOKEN} (reservation-middleware/{__version__})"
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(
            ClientSession(
                connector=connector, headers={"User-Agent": user_agent}, cookie_jar=DummyCookieJar()
            )
        )
        stack.push_async_callback(fetcher.close)  # first, whatever happens
        looker = Looker(session, fetcher, policy, **options)
        found = await looker.get(url, limit=longest, seconds=PAGE_TIME)
        if found.is_closed and ownership is Ownership.OWNER:
            closed, found = found, await looker.get_as_owner(found.url)
            if split_url(found.url)[0] != split_url(closed.url)[0]:
                await looker.get(found.url, limit=MAX_PAGE, seconds=PAGE_TIME)  # for its rules
        usual, whole = await _sites(looker, found, policy)
        base = await ask(looker, found, agent, policy, usual)
        everything = await ask(looker, found, agent, policy, whole)
        is_up = found.page is not None or not _is_dead(whole)
        served = (
            [
                answer
                for token in as_tokens
                for answer in await served_to(looker, found, whole, token)
            ]
            if is_up
            else []
        )
        more = extent is Extent.SITE
        samples = await look_at_samples(looker, found, agent, policy) if more and found.page else ()
        variants = await look_at_variants(looker, found.url, whole) if more and is_up else ()
    documents = (*everything.documents, *((found.page,) if found.page else ()))
    return Inspection(
        asked=url,
        agent=agent,
        policy=policy,
        decision=base.decide(),
        whole=everything.decide(),
        check=base,
        whole_site=whole,
        places=_places(whole, base, everything, found, policy),
        documents=documents,
        problem=_problem(found, whole),
        page_problem=_page_problem(found),
        requests=connector.requests,
        asked_as=user_agent,
        time=started,
        variants=variants,
        samples=samples,
        served=tuple(served),
    )


async def _sites(looker: Looker, found: FoundPage, policy: Policy) -> tuple[Site, Site]:
    """What the site says in the places that the profile asks, and in all of them."""
    if is_policy_resource(found.url):
        return Site(), Site()  # asking for the rules needs no rules
    transport = looker.transport(found.url)
    usual = await looker.fetcher.site(found.url, transport, policy.probes)
    if policy.probes is Probes.ALL or (found.page is None and _is_dead(usual)):
        return usual, usual
    return usual, await looker.fetcher.site(found.url, transport, Probes.ALL)


def _is_dead(site: Site) -> bool:
    """Whether nothing answers at all."""
    return any(
        document.resource == ROBOTS_TXT.name
        and document.status is None
        and document.outcome is Outcome.UNREACHABLE
        for document in site.documents
    )


def _problem(found: FoundPage, site: Site) -> str | None:
    """Why nothing can be answered: robots.txt or the page could not be had."""
    robots = site_robots(site)
    if found.page is None and robots is not None and robots.outcome is Outcome.UNREACHABLE:
        return f"robots.txt: {robots.problem or f'HTTP {robots.status}'}"
    if found.problem:
        return found.problem
    if found.page is None:
        return None
    refused = State.of(found.page) is State.REFUSED and found.page.status != 402
    if refused and (robots is None or State.of(robots) is State.REFUSED):
        return f"HTTP {found.page.status} for robots.txt and the page"
    if found.page.outcome is Outcome.UNREACHABLE:
        return f"the page: HTTP {found.page.status}"
    return None


def _page_problem(found: FoundPage) -> str | None:
    if found.page is not None:
        return None
    if found.is_closed:
        return f"robots.txt does not let {OWN_TOKEN} fetch it"
    return found.problem


def _places(
    site: Site, usual: Check, everything: Check, found: FoundPage, policy: Policy
) -> tuple[SeenPlace, ...]:
    names = {place.name for place in probed(policy.probes)}
    known = {(document.resource, document.url) for document in usual.documents}
    speakers = _speakers(everything)
    readings = {
        (reading.document.resource, reading.document.url): reading for reading in site.readings
    }
    seen = []
    for document in everything.documents:
        key = document.resource, document.url
        reading = readings.get(key)
        seen.append(
            _place(
                document,
                speaks=document.url in speakers or _has_statements(reading),
                is_asked=document.resource in names or key in known,
            )
        )
    page = found.page
    if page is not None:
        speaks = page.url in speakers or any(
            _has_statements(reading) for reading in (head_reading(page), content_reading(page))
        )
        seen.append(_place(page, speaks=speaks, is_asked=True))
    return tuple(seen)


def _speakers(check: Check) -> set[str]:
    """Addresses of the documents that reasons, offers and identifiers stand in."""
    decision = check.decide()
    return {
        reason.document for reason in decision.reasons if not reason.text.startswith("unreach")
    } | {offer.document for offer in decision.offers}


def _has_statements(reading: Reading | None) -> bool:
    return reading is not None and any(found.statements() for _, found in reading.found)


def _place(document: Document, *, speaks: bool, is_asked: bool) -> SeenPlace:
    state = State.of(document)
    lines: tuple[str, ...] = ()
    body = document.body or b""
    if state is State.PRESENT and b"\0" not in body[:1024]:
        text = body[:_MAX_SHOWN].decode("utf-8", "replace")
        lines = tuple(text.splitlines()[:_MAX_LINES])
    return SeenPlace(
        document.resource,
        document.url,
        state,
        document.status,
        len(body),
        speaks,
        is_asked,
        document.problem,
        lines,
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
