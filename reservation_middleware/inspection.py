"""One page as its site owner or a curious operator sees it: every place, many agents.

Fetches politely through the aiohttp adapter (crawl rules hold for the agent that
asks), then judges the same documents for other agents. The command line shows it.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from .aiohttp import ReservationClient, ReservedError
from .check import Check, is_policy_resource
from .fetch import Answer, Fetcher
from .model import PAGE, Action, Agent, Decision, Document, Mode, Outcome, Policy, Probes
from .site import Site
from .version import __version__

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
    """

    asked: str
    decision: Decision
    agents: Mapping[str, Decision]
    documents: tuple[Document, ...]
    problem: str | None


async def inspect(url: str, *, agent: Agent, policy: Policy, **session: Any) -> Inspection:
    """Look at one page.

    Args:
        url: absolute http or https URL.
        agent: who asks; where crawling is disallowed to it the page is not fetched.
        policy: what the operator decided; every known place is probed whatever it says.
        session: further arguments of the HTTP session, such as ``proxy``.
    """
    policy = policy.changed({"probes": Probes.ALL})
    # Reservations do not keep a site owner from seeing the page; crawl rules do.
    looking = policy.changed(
        {"mode": Mode.ENFORCE, "unknown": Action.PROCEED, "reservation": Action.PROCEED}
    )
    name = "reservations-check" if agent.token == "*" else agent.token
    headers = {"User-Agent": f"{name} (reservation-middleware/{__version__})"}
    fetcher = Fetcher()
    page: Document | None = None
    problem: str | None = None
    asked = url
    async with ReservationClient(
        looking, agent=agent, fetcher=fetcher, headers=headers, **session
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
                    body=await response.read(),
                )
        except ReservedError as error:
            asked, url = url, error.decision.url
        except Exception as error:  # noqa: BLE001 - whatever went wrong is what is reported
            problem = f"{type(error).__name__}: {error}"[:300].rstrip(": ")
        if is_policy_resource(url):
            site = Site()  # asking for the rules needs no rules
        else:
            site = await fetcher.site(url, _known_only, Probes.ALL)
    robots = next((one for one in site.documents if one.resource == "robots.txt"), None)
    if page is None and problem is None and robots and robots.outcome is Outcome.UNREACHABLE:
        problem = f"robots.txt: {robots.problem or f'HTTP {robots.status}'}"
    tokens = dict.fromkeys((agent.token, *USUAL))
    decisions = {
        token: await _decide(url, site, page, Agent(token, agent.purposes), policy, fetcher)
        for token in tokens
    }
    return Inspection(
        asked,
        decisions[agent.token],
        decisions,
        (*site.documents, *((page,) if page else ())),
        problem,
    )


async def _decide(
    url: str, site: Site, page: Document | None, agent: Agent, policy: Policy, fetcher: Fetcher
) -> Decision:
    check = Check(url, agent=agent, policy=policy, site=site, now=fetcher.now(policy))
    if page is not None:
        check.feed(page)
        await fetcher.follow(check, _known_only)
    return check.decide()


async def _known_only(url: str, limit: int) -> Answer:  # noqa: ARG001
    """Stand in for a transport where all policies are known already."""
    raise RuntimeError(f"{url} was not fetched before")
