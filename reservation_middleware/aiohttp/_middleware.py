"""The client middleware: before the fetch, and at the response head."""

import logging
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Self
from weakref import WeakKeyDictionary

from aiohttp import ClientError, ClientHandlerType, ClientRequest, ClientResponse

from reservation_middleware.check import Check
from reservation_middleware.fetch import Fetcher, Transport
from reservation_middleware.licences import authorization
from reservation_middleware.model import (
    PAGE,
    Action,
    Agent,
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

logger = logging.getLogger("reservation_middleware.aiohttp")

_REDIRECTS = (301, 302, 303, 307, 308)
_TARGETS = ("Location", "URI")  # aiohttp follows either
_PAGE_FIELDS = tuple(field.decode() for field in sorted(PAGE_FIELDS))

#: Called with the last decision about each request that was blocked or answered, and whether
#: it was blocked; redirects on the way are not reported, nor requests that failed otherwise.
Listener = Callable[[Decision, bool], None]


class ReservedError(ClientError, ReservationError):
    """A request that was blocked; ``decision`` says why."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(decision.sentence())
        self.decision = decision

    def __reduce__(self) -> tuple[type[Self], tuple[Decision]]:
        return type(self), (self.decision,)


class ReservationMiddleware:
    """An aiohttp client middleware; made by ``reservation_middleware()``.

    It decides before the fetch and at the response head. Looking into the body here
    would empty the stream for its reader; ``ReservationClient`` does that.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        agent: Agent | None,
        fetcher: Fetcher,
        listener: Listener | None,
    ) -> None:
        self._policy = policy
        self._agent = agent
        self._agent_of = lru_cache(maxsize=100)(_agent_of)  # one warning per User-Agent
        self._fetcher = fetcher
        self._listener = listener
        self._checks: WeakKeyDictionary[
            ClientResponse, tuple[Check | None, Decision, Transport]
        ] = WeakKeyDictionary()

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Check one request; every redirect hop comes here as a request of its own.

        Raises:
            ReservedError: the page is reserved, or crawling it is disallowed.
            RuntimeError: the session or the fetcher was closed meanwhile.
        """
        agent = self._agent or self._agent_of(request.headers.get("User-Agent", ""))
        now = self._fetcher.now(self._policy)
        check = Check(str(request.url), agent=agent, policy=self._policy, now=now)
        if not check.origin.startswith(("http://", "https://")) or check.about_policy:
            return await handler(request)

        transport = partial(fetch, cause=Cause.of(request))
        await self._fetcher.prepare(check, transport)
        decision = check.decide()
        if self.stops(decision):
            raise self.blocked(decision)
        token = authorization(decision, self._policy, now)
        response = await _with_token(token, request, handler)
        if response.status in _REDIRECTS and not response.headers.keys().isdisjoint(_TARGETS):
            # Its head is about the redirect, not about the page behind it.
            self._checks[response] = None, decision, transport
            return response
        check.feed(page_of(response, None))
        transport = partial(transport, beside=True)
        try:
            await self._fetcher.follow(check, transport)
        except BaseException:
            response.close()
            raise
        decision = check.decide()
        if self.stops(decision):
            head = page_of(response, None)
            if may_be_bill(head.media_type, head.status):
                check.feed(page_of(response, await beginning(response)))
                decision = check.decide()
            response.close()  # no other body is ever read
            raise self.blocked(decision)
        self._checks[response] = check, decision, transport
        if self._listener and not self._reads_content:
            self._listener(decision, False)
        return response

    #: Set by the client, which reports only after it has seen the content.
    _reads_content = False

    def decision(self, response: ClientResponse) -> Decision | None:
        """The last decision about a response, None if it was not checked."""
        known = self._checks.get(response)
        return known[1] if known else None

    async def look_into(self, response: ClientResponse, body: bytes | None) -> None:
        """Decide again with the content.

        Raises:
            ReservedError: the content reserves what the head did not.
        """
        known = self._checks.get(response)
        if known is None:
            return
        check, decision, transport = known
        if check and body is not None:
            check.feed(page_of(response, body))
            self._fetcher.learn(check)
            await self._fetcher.follow(check, transport)
            decision = check.decide()
            self._checks[response] = check, decision, transport
        if self.stops(decision):
            response.close()
            raise self.blocked(decision)
        if self._listener:
            self._listener(decision, False)

    def stops(self, decision: Decision) -> bool:
        """Whether a decision is enforced; in observe mode none is."""
        return decision.action is Action.BLOCK and self._policy.mode is Mode.ENFORCE

    def blocked(self, decision: Decision) -> ReservedError:
        """The error for a blocked request, logged."""
        if self._listener:
            self._listener(decision, True)
        error = ReservedError(decision)
        logger.info("Reserved %s: %s", decision.url, error)
        return error


def reservation_middleware(
    policy: Policy | None = None,
    *,
    agent: Agent | str | None = None,
    fetcher: Fetcher | None = None,
    listener: Listener | None = None,
) -> ReservationMiddleware:
    """A client middleware for ``aiohttp.ClientSession(middlewares=(…,))``.

    Args:
        policy: what the operator decided; the ``opt-out`` profile if None.
        agent: who asks; a plain string is a product token that asks for ``ai-train``.
            If None, the product token of the request's User-Agent.
        fetcher: gets the policies; hand one in to share it between sessions.
        listener: is called with every decision.
    """
    return ReservationMiddleware(
        profile() if policy is None else policy,
        agent=Agent(agent) if isinstance(agent, str) else agent,
        fetcher=fetcher or Fetcher(timeout=None),
        listener=listener,
    )


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
