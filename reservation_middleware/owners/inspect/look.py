"""Looks at one page and its site, politely and with at most ``budget.MAX_REQUESTS`` requests.

Asks as itself: crawl rules for ``reservations-check`` (mostly those for everyone) hold, unless
who asks says that the site is theirs. What other agents may do is judged from the same documents.
"""

import asyncio
import logging
from collections.abc import AsyncIterable, Callable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, DummyCookieJar
from platformdirs import user_cache_dir
from yarl import URL

from reservation_middleware.aiohttp import ReservationClient, ReservedError
from reservation_middleware.aiohttp._transport import Cause, fetch, retriable
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
    PAGE,
    Action,
    Agent,
    ConfigurationError,
    Document,
    Mode,
    Outcome,
    Policy,
    Probes,
)
from reservation_middleware.model.version import __version__
from reservation_middleware.runtime.cache import Cache, open_cache
from reservation_middleware.runtime.cache.memory import MemoryCache
from reservation_middleware.runtime.fetcher import Fetcher, Retries
from reservation_middleware.runtime.transport import Transport, problem_of
from reservation_middleware.signals import ROBOTS_TXT
from reservation_middleware.syntax.path import split_url

from .budget import CountingConnector
from .inspection import Inspection, Sample, SeenPlace, Served, State, Variant
from .samples import other_origins, samples_of

#: Octets of a page that are read at the most, of an image or PDF, and of another robots.txt.
MAX_PAGE, MAX_SAMPLE, MAX_ROBOTS = 64 * 1024 * 1024, 16 * 1024 * 1024, 512 * 1024
#: A policy is asked for once more where the site asks for patience, and no oftener: somebody waits.
_RETRIES = Retries(0, wait=3.0)
#: Seconds for the page, and for each request that only adds to the picture.
_PAGE_TIME, _EXTRA_TIME = 60.0, 15.0
#: The name that asks.
OWN_TOKEN = "reservations-check"
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


class GotPage(NamedTuple):
    """The page as it was got: where, what, why not."""

    url: str
    page: Document | None
    problem: str | None
    is_closed: bool = False


class _Looker:
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

    async def get(self, url: str, *, limit: int, seconds: float) -> GotPage:
        """A page, or why it could not be had; crawl rules hold."""
        try:
            async with self.client.get(
                url, timeout=ClientTimeout(total=seconds), **self.options
            ) as response:
                # After a redirect it is the last hop that says what may be done with the page.
                final = str(response.url)
                return GotPage(final, await _page_of(response, final, limit), None)
        except ReservedError as error:
            return GotPage(error.decision.url, None, None, is_closed=True)
        except Exception as error:  # noqa: BLE001 - whatever went wrong is what is reported
            return GotPage(url, None, problem_of(error))

    async def get_as_owner(self, url: str) -> GotPage:
        """A page whose owner asks, so that crawl rules need not hold."""
        try:
            async with self.session.get(
                url, timeout=ClientTimeout(total=_PAGE_TIME), **self.options
            ) as response:
                final = str(response.url)
                return GotPage(final, await _page_of(response, final, MAX_PAGE), None)
        except Exception as error:  # noqa: BLE001
            return GotPage(url, None, problem_of(error))


async def inspect(
    url: str,
    *,
    agent: Agent,
    policy: Policy,
    cache: Cache | None = None,
    ownership: Ownership = Ownership.VISITOR,
    as_tokens: Sequence[str] = (),
    extent: Extent = Extent.SITE,
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
        report: is told of each request, by its host and number.
        options: further arguments of each request, such as ``proxy``.
    """
    cache = MemoryCache() if cache is None else cache
    started = datetime.now(UTC)
    fetcher = Fetcher(cache=cache, since=started, retries=_RETRIES)
    # What it shows says what could not be had.
    logging.getLogger("reservation_middleware.aiohttp").addHandler(logging.NullHandler())
    connector = CountingConnector(report)
    user_agent = f"{OWN_TOKEN} (reservation-middleware/{__version__})"
    async with ClientSession(
        connector=connector, headers={"User-Agent": user_agent}, cookie_jar=DummyCookieJar()
    ) as session:
        looker = _Looker(session, fetcher, policy, **options)
        found = await looker.get(url, limit=MAX_PAGE, seconds=_PAGE_TIME)
        if found.is_closed and ownership is Ownership.OWNER:
            closed, found = found, await looker.get_as_owner(found.url)
            if split_url(found.url)[0] != split_url(closed.url)[0]:
                await looker.get(found.url, limit=MAX_PAGE, seconds=_PAGE_TIME)  # for its rules
        usual, whole = await _sites(looker, found, policy)
        base = await _asked(looker, found, agent, policy, usual)
        everything = await _asked(looker, found, agent, policy, whole)
        is_up = found.page is not None or not _is_dead(whole)
        served = (
            [answer for token in as_tokens for answer in await _served(looker, found, whole, token)]
            if is_up
            else []
        )
        more = extent is Extent.SITE
        samples = await _samples(looker, found, agent, policy) if more and found.page else ()
        variants = await _variants(looker, found.url, whole) if more and is_up else ()
        await fetcher.close()
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


async def _sites(looker: _Looker, found: GotPage, policy: Policy) -> tuple[Site, Site]:
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


async def _asked(
    looker: _Looker, found: GotPage, agent: Agent, policy: Policy, site: Site
) -> Check:
    """The question with all that was found: the site, the page and what it points to."""
    check = Check(found.url, agent=agent, policy=policy, site=site, now=looker.fetcher.now(policy))
    if found.page is not None:
        check.feed(found.page)
        await looker.fetcher.follow(check, looker.transport(found.url))
    return check


def _problem(found: GotPage, site: Site) -> str | None:
    """Why nothing can be answered: robots.txt or the page could not be had."""
    robots = next((one for one in site.documents if one.resource == ROBOTS_TXT.name), None)
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


def _page_problem(found: GotPage) -> str | None:
    if found.page is not None:
        return None
    if found.is_closed:
        return f"robots.txt does not let {OWN_TOKEN} fetch it"
    return found.problem


def _places(
    site: Site, usual: Check, everything: Check, found: GotPage, policy: Policy
) -> tuple[SeenPlace, ...]:
    names = {place.name for place in probed(policy.probes)}
    known = {(document.resource, document.url) for document in usual.documents}
    speakers = _speakers(everything)
    readings = {(one.document.resource, one.document.url): one for one in site.readings}
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


async def _samples(
    looker: _Looker, found: GotPage, agent: Agent, policy: Policy
) -> tuple[Sample, ...]:
    """An image and a PDF of the page, looked at as the page was."""
    if found.page is None:
        return ()
    samples = []
    for kind, url in samples_of(found.page).items():
        got = await looker.get(url, limit=MAX_SAMPLE, seconds=_EXTRA_TIME)
        if got.page is None:
            why = "robots.txt does not let it be fetched" if got.is_closed else got.problem or ""
            samples.append(Sample(kind, url, None, f"{State.NOT_TESTED}: {why}"))
            continue
        site = await looker.fetcher.site(got.url, looker.transport(got.url), policy.probes)
        check = await _asked(looker, got, agent, policy, site)
        state = State.of(got.page)
        size = f", {len(got.page.body or b''):,} bytes" if state is State.PRESENT else ""
        decision = check.decide() if state is State.PRESENT else None
        samples.append(Sample(kind, url, decision, f"{state} (HTTP {got.page.status}{size})"))
    return tuple(samples)


async def _variants(looker: _Looker, url: str, site: Site) -> tuple[Variant, ...]:
    """What the site's other addresses do when they are asked for robots.txt."""
    own = next((one.body for one in site.documents if one.resource == ROBOTS_TXT.name), None)
    origins = [origin for origin in other_origins(url) if origin != split_url(url)[0]]
    return tuple(await asyncio.gather(*(_variant(looker, origin, url, own) for origin in origins)))


async def _variant(looker: _Looker, origin: str, url: str, own: bytes | None) -> Variant:
    try:
        async with looker.session.get(
            f"{origin}/robots.txt",
            allow_redirects=False,
            timeout=ClientTimeout(total=_EXTRA_TIME),
            **looker.options,
        ) as response:
            status, location = response.status, response.headers.get("Location", "")
            body = await _body(response.content.iter_any(), MAX_ROBOTS) if status == 200 else b""
    except (ClientError, OSError, ValueError, TimeoutError) as error:
        problem = problem_of(error)
        state = State.of(_missing(origin, problem))
        return Variant(origin, f"{state}: {problem}" if state is State.NOT_TESTED else state, False)
    if 300 <= status < 400 and location:
        target = split_url(str(URL(f"{origin}/robots.txt").join(URL(location))))[0]
        leads_here = target == split_url(url)[0]
        where = "this address" if leads_here else target or location[:100]
        return Variant(origin, f"leads to {where} (HTTP {status})", differs=False)
    if status != 200:
        differs = bool(own) and status in (404, 410)
        return Variant(origin, f"robots.txt is {_status_words(status)}", differs)
    if body == (own or b""):
        return Variant(origin, "has the robots.txt of this address", differs=False)
    return Variant(origin, "has a robots.txt of its own that is another one", differs=True)


def _missing(origin: str, problem: str) -> Document:
    return Document(
        url=f"{origin}/robots.txt",
        resource=ROBOTS_TXT.name,
        outcome=Outcome.UNREACHABLE,
        problem=problem,
    )


def _status_words(status: int) -> str:
    document = Document(url="", resource=ROBOTS_TXT.name, outcome=Outcome.of(status), status=status)
    return f"{State.of(document)} ({status})"


async def _served(looker: _Looker, found: GotPage, site: Site, token: str) -> tuple[Served, ...]:
    """What another name gets for robots.txt and the page; only owners ask for that."""
    robots = next((one for one in site.documents if one.resource == ROBOTS_TXT.name), None)
    own = ((ROBOTS_TXT.name, robots), (PAGE, found.page))
    answers = []
    for place, document in own:
        url = f"{split_url(found.url)[0]}/robots.txt" if place != PAGE else found.url
        status = document.status if document else None
        try:
            async with looker.session.get(
                url,
                headers={"User-Agent": f"{token} (reservation-middleware/{__version__})"},
                timeout=ClientTimeout(total=_PAGE_TIME),
                **looker.options,
            ) as response:
                body = await _body(response.content.iter_any(), MAX_PAGE)
                is_same = document is not None and (document.body or b"") == body
                answers.append(Served(token, place, status, response.status, is_same))
        except (ClientError, OSError, ValueError, TimeoutError) as error:
            answers.append(Served(token, place, status, None, False, problem_of(error)))
    return tuple(answers)


async def _page_of(response: ClientResponse, url: str, limit: int) -> Document:
    return Document(
        url=url,
        resource=PAGE,
        outcome=Outcome.of(response.status),
        status=response.status,
        headers=tuple((name.lower(), value) for name, value in response.headers.items()),
        body=await _body(response.content.iter_any(), limit),
    )


async def _body(pieces: AsyncIterable[bytes], limit: int) -> bytes:
    """A body, unless it has no end.

    Raises:
        ValueError: it is longer than ``limit``.
    """
    body = bytearray()
    async for piece in pieces:
        body += piece
        if len(body) > limit:
            raise ValueError(f"more than {limit:,} bytes")
    return bytes(body)


def usual_cache() -> Cache:
    """Where the command line keeps copies: a file in the user's cache folder, or in memory where
    there can be none.
    """
    try:
        folder = Path(user_cache_dir("reservations", appauthor=False, ensure_exists=True))
        return open_cache(f"sqlite:///{quote(str(folder / 'policies.db'))}")
    except (OSError, ConfigurationError):
        return MemoryCache()
