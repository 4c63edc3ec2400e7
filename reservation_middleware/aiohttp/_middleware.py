"""The client middleware: before the fetch, and at the response head."""

import logging
import os
import re
from collections.abc import Callable
from functools import lru_cache, partial
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self
from weakref import WeakKeyDictionary

from aiohttp import ClientError, ClientHandlerType, ClientRequest, ClientResponse

from reservation_middleware.check import Check
from reservation_middleware.fetch import Cache, Fetcher, Transport
from reservation_middleware.journal import Journal, opened
from reservation_middleware.licences import authorization
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
    ReservationError,
    product_token,
)
from reservation_middleware.profiles import profile
from reservation_middleware.reading import PAGE_FIELDS, may_be_bill

from ._body import beginning
from ._transport import Cause, fetch, text

if TYPE_CHECKING:
    from reservation_middleware.ledger.segment import Ledger
    from reservation_middleware.metrics import Metrics

logger = logging.getLogger("reservation_middleware.aiohttp")

_REDIRECTS = (301, 302, 303, 307, 308)
_TARGETS = ("Location", "URI")  # aiohttp follows either
_PAGE_FIELDS = tuple(field.decode() for field in sorted(PAGE_FIELDS))
_NUMBER = re.compile(r"[0-9]{1,15}")

#: Called with the last decision about each request, and whether it was blocked; redirects on
#: the way are not reported, and by the plain middleware no requests that were not answered.
Listener = Callable[[Decision, bool], None]


class ReservedError(ClientError, ReservationError):
    """A request that was blocked; ``decision`` says why."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(decision.sentence())
        self.decision = decision

    def __reduce__(self) -> tuple[type[Self], tuple[Decision]]:
        return type(self), (self.decision,)


class Known(NamedTuple):
    """What is known of a request: its check, the decision so far, how to fetch more.

    ``redirect``: its response leads elsewhere, so that nothing in it is looked into.
    """

    check: Check
    decision: Decision
    transport: Transport
    redirect: bool = False


class Last:
    """What a client still has to tell of one of its requests, redirects included."""

    known: Known | None = None


class ReservationMiddleware:
    """An aiohttp client middleware; made by ``reservation_middleware()``.

    It decides before the fetch and at the response head. Looking into the body here
    would empty the stream for its reader; ``ReservationClient`` does that. With a ledger or a
    cache of its own it wants to be closed: ``async with`` does that, too.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        agent: Agent | None,
        fetcher: Fetcher,
        listener: Listener | None,
        journal: Journal,
    ) -> None:
        self._policy = policy
        self._agent = agent
        self._agent_of = lru_cache(maxsize=100)(_agent_of)  # one warning per User-Agent
        self.fetcher = fetcher
        self._listener = listener
        self._journal = journal
        self._checks: WeakKeyDictionary[ClientResponse, Known] = WeakKeyDictionary()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the ledger and the cache that were opened here; never raises."""
        await self._journal.close()

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Check one request; every redirect hop comes here as a request of its own.

        Raises:
            ReservedError: the page is reserved, or crawling it is disallowed.
            RuntimeError: the session or the fetcher was closed meanwhile.
        """
        response = await self.checked(request, handler, Last())
        known = self._checks.get(response)
        if known is not None and not known.redirect:
            self._passed(known, _length(response))
        return response

    async def checked(
        self, request: ClientRequest, handler: ClientHandlerType, last: Last
    ) -> ClientResponse:
        """The same, but of what is not blocked nothing is told yet.

        Args:
            request: the request.
            handler: sends it.
            last: gets what is known of it.
        """
        last.known = None
        agent = self._agent or self._agent_of(request.headers.get("User-Agent", ""))
        now = self.fetcher.now(self._policy)
        check = Check(str(request.url), agent=agent, policy=self._policy, now=now)
        if not check.origin.startswith(("http://", "https://")) or check.about_policy:
            return await handler(request)

        cause = Cause.of(request)
        await self.fetcher.prepare(check, self._journal.watched(partial(fetch, cause=cause)))
        decision = check.decide()
        if self.stops(decision):
            raise self.blocked(check, decision)
        transport = self._journal.watched(partial(fetch, cause=cause, beside=True))
        last.known = Known(check, decision, transport)
        token = authorization(decision, self._policy, now)
        response = await _with_token(token, request, handler)
        if response.status in _REDIRECTS and not response.headers.keys().isdisjoint(_TARGETS):
            # Its head is about the redirect, not about the page behind it.
            self._checks[response] = last.known = last.known._replace(redirect=True)
            return response
        check.feed(page_of(response, None))
        try:
            await self.fetcher.follow(check, transport)
        except BaseException:
            response.close()
            raise
        decision = check.decide()
        if self.stops(decision):
            last.known = None
            head = page_of(response, None)
            if may_be_bill(head.media_type, head.status):
                check.feed(page_of(response, await beginning(response)))
                decision = check.decide()
            response.close()  # no other body is ever read
            raise self.blocked(check, decision)
        self._checks[response] = last.known = Known(check, decision, transport)
        return response

    def decision(self, response: ClientResponse) -> Decision | None:
        """The last decision about a response, None if it was not checked."""
        known = self._checks.get(response)
        return known.decision if known else None

    async def look_into(self, response: ClientResponse, body: bytes | None) -> None:
        """Decide again with the content, and tell what was decided.

        Raises:
            ReservedError: the content reserves what the head did not.
        """
        known = self._checks.get(response)
        if known is None:
            return
        check = known.check
        if body is not None and not known.redirect:
            check.feed(page_of(response, body))
            self.fetcher.learn(check)
            await self.fetcher.follow(check, known.transport)
            known = known._replace(decision=check.decide())
            self._checks[response] = known
        octets = _length(response) if body is None else len(body)
        if self.stops(known.decision):
            response.close()
            raise self.blocked(check, known.decision, octets)
        self._passed(known, octets)

    def failed(self, last: Last) -> None:
        """Tell of a request that ended otherwise: its page was not fetched."""
        if last.known is not None:
            self._passed(last.known, None)

    def stops(self, decision: Decision) -> bool:
        """Whether a decision is enforced; in observe mode none is."""
        return decision.action is Action.BLOCK and self._policy.mode is Mode.ENFORCE

    def blocked(self, check: Check, decision: Decision, octets: int | None = None) -> ReservedError:
        """The error for a blocked request, told."""
        self._journal.tell(check, decision, blocked=True, octets=octets)
        if self._listener:
            self._listener(decision, True)
        return ReservedError(decision)

    def _passed(self, known: Known, octets: int | None) -> None:
        self._journal.tell(known.check, known.decision, blocked=False, octets=octets)
        if self._listener:
            self._listener(known.decision, False)


def reservation_middleware(
    policy: Policy | None = None,
    *,
    agent: Agent | str | None = None,
    fetcher: Fetcher | None = None,
    listener: Listener | None = None,
    cache: Cache | str | None = None,
    ledger: "Ledger | str | os.PathLike[str] | None" = None,
    ledger_key: str | os.PathLike[str] | None = None,
    ledger_lines: str = "all",
    ledger_name: str | None = None,
    metrics: "Metrics | str | None" = None,
) -> ReservationMiddleware:
    """A client middleware for ``aiohttp.ClientSession(middlewares=(…,))``.

    Args:
        policy: what the operator decided; the ``opt-out`` profile if None.
        agent: who asks; a plain string is a product token that asks for ``ai-train``.
            If None, the product token of the request's User-Agent.
        fetcher: gets the policies; hand one in to share it between sessions.
        listener: is called with every decision.
        cache: where policies are kept, or its URL: ``sqlite:///file.db``, ``redis://host:6379/0``;
            in memory if None.
        ledger: where decisions are kept, or its folder; nowhere if None.
        ledger_key: file of the key that signs; beside the folder if None.
        ledger_lines: ``all``, or ``bulk``: one line for each host and policy.
        ledger_name: of the key.
        metrics: where decisions are counted, or host:port where Prometheus finds the counts.

    Raises:
        ConfigurationError: cache or metrics cannot be had.
        LedgerError: the ledger cannot be written.
        ImportError: an extra is not installed.
    """
    if fetcher is not None and cache is not None:
        raise ConfigurationError("cache: the fetcher that is handed in has one already")
    policy = profile() if policy is None else policy
    stores = opened(
        cache=cache,
        ledger=ledger,
        ledger_key=ledger_key,
        ledger_lines=ledger_lines,
        ledger_name=ledger_name,
        metrics=metrics,
    )
    fetcher = fetcher or Fetcher(cache=stores.cache, timeout=None)
    journal = Journal("aiohttp", policy, logger, stores)
    journal.follow(fetcher)
    return ReservationMiddleware(
        policy,
        agent=Agent(agent) if isinstance(agent, str) else agent,
        fetcher=fetcher,
        listener=listener,
        journal=journal,
    )


def _length(response: ClientResponse) -> int | None:
    """The length of a body that nobody read here, as its head says."""
    if response.method == "HEAD" or response.status in (204, 304):
        return None
    said = response.headers.getall("Content-Length", [])
    return int(said[0]) if len(said) == 1 and _NUMBER.fullmatch(said[0]) else None


async def _with_token(
    token: str | None, request: ClientRequest, handler: ClientHandlerType
) -> ClientResponse:
    """Send a request with a licence's token, if it has no Authorization of its own.

    The token is gone from the request afterwards: responses and errors show their headers.
    Redirects are requests of their own, which never inherit what a middleware put in.
    """
    if token is None or "Authorization" in request.headers:
        return await handler(request)
    request.headers["Authorization"] = token
    try:
        return await handler(request)
    finally:
        request.headers.popall("Authorization", None)


def _agent_of(user_agent: str) -> Agent:
    """Who asks, by the User-Agent header; everyone if that names no crawler."""
    token = product_token(user_agent)
    if token is None or token.lower() == "python":
        logger.warning(
            "no agent is set and User-Agent %r names no crawler; "
            "robots.txt groups are looked up for '*'",
            user_agent,
        )
        return Agent("*")
    return Agent(token)


def page_of(response: ClientResponse, body: bytes | None) -> Document:
    """The page as a document; of its fields only those that matter."""
    return Document(
        url=str(response.url),
        resource=PAGE,
        outcome=Outcome.of(response.status),
        status=response.status,
        headers=tuple(
            [
                (name, text(value))
                for name in _PAGE_FIELDS
                if name in response.headers
                for value in response.headers.getall(name)
            ]
        ),
        body=body,
    )
