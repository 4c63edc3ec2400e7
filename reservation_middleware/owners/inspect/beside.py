"""What stands beside the page: an image and a PDF, other addresses, what other names are served."""

import asyncio

from aiohttp import ClientError, ClientTimeout
from yarl import URL

from reservation_middleware.decide.site import Site
from reservation_middleware.model import PAGE, Agent, Document, Outcome, Policy
from reservation_middleware.model.plural import counted
from reservation_middleware.model.version import __version__
from reservation_middleware.runtime.transport import problem_of
from reservation_middleware.signals import ROBOTS_TXT
from reservation_middleware.syntax.path import split_url

from .inspection import Sample, ServedAs, State, Variant
from .looker import (
    EXTRA_TIME,
    MAX_PAGE,
    PAGE_TIME,
    FoundPage,
    Looker,
    ask,
    body_of,
    site_robots,
)
from .samples import other_origins, samples_of

#: Octets of an image or a PDF, and of another robots.txt.
MAX_SAMPLE, MAX_ROBOTS = 16 * 1024 * 1024, 512 * 1024


async def look_at_samples(
    looker: Looker, found: FoundPage, agent: Agent, policy: Policy
) -> tuple[Sample, ...]:
    """An image and a PDF of the page, looked at as the page was."""
    if found.page is None:
        return ()
    samples = []
    for kind, url in samples_of(found.page).items():
        got = await looker.get(url, limit=MAX_SAMPLE, seconds=EXTRA_TIME)
        if got.page is None:
            why = "robots.txt does not let it be fetched" if got.is_closed else got.problem or ""
            samples.append(Sample(kind, url, None, f"{State.NOT_TESTED}: {why}"))
            continue
        site = await looker.fetcher.site(got.url, looker.transport(got.url), policy.probes)
        check = await ask(looker, got, agent, policy, site)
        state = State.of(got.page)
        size = f", {counted(len(got.page.body or b''), 'byte')}" if state is State.PRESENT else ""
        decision = check.decide() if state is State.PRESENT else None
        samples.append(Sample(kind, url, decision, f"{state} (HTTP {got.page.status}{size})"))
    return tuple(samples)


async def look_at_variants(looker: Looker, url: str, site: Site) -> tuple[Variant, ...]:
    """What the site's other addresses do when they are asked for robots.txt."""
    own = robots.body if (robots := site_robots(site)) else None
    origins = [origin for origin in other_origins(url) if origin != split_url(url)[0]]
    return tuple(await asyncio.gather(*(_variant(looker, origin, url, own) for origin in origins)))


async def _variant(looker: Looker, origin: str, url: str, own: bytes | None) -> Variant:
    try:
        async with looker.session.get(
            f"{origin}/robots.txt",
            allow_redirects=False,
            timeout=ClientTimeout(total=EXTRA_TIME),
            **looker.options,
        ) as response:
            status, location = response.status, response.headers.get("Location", "")
            body = await body_of(response.content.iter_any(), MAX_ROBOTS) if status == 200 else b""
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


async def served_to(
    looker: Looker, found: FoundPage, site: Site, token: str
) -> tuple[ServedAs, ...]:
    """What another name gets for robots.txt and the page; only owners ask for that."""
    robots = site_robots(site)
    own = ((ROBOTS_TXT.name, robots), (PAGE, found.page))
    answers = []
    for place, document in own:
        url = f"{split_url(found.url)[0]}/robots.txt" if place != PAGE else found.url
        status = document.status if document else None
        try:
            async with looker.session.get(
                url,
                headers={"User-Agent": f"{token} (reservation-middleware/{__version__})"},
                timeout=ClientTimeout(total=PAGE_TIME),
                **looker.options,
            ) as response:
                body = await body_of(response.content.iter_any(), MAX_PAGE)
                is_same = document is not None and (document.body or b"") == body
                answers.append(ServedAs(token, place, status, response.status, is_same))
        except (ClientError, OSError, ValueError, TimeoutError) as error:
            answers.append(ServedAs(token, place, status, None, False, problem_of(error)))
    return tuple(answers)
