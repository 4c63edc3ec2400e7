"""The client middleware: before the fetch, and at the response head."""

import logging
from collections.abc import Callable
from functools import lru_cache, partial
from itertools import count
from sys import intern
from types import TracebackType
from typing import Protocol, Self
from weakref import WeakSet

from aiohttp import ClientError, ClientHandlerType, ClientRequest, ClientResponse

from reservation_middleware.check import Check
from reservation_middleware.fetch import Fetcher, Transport
from reservation_middleware.journal import Journal
from reservation_middleware.licences import authorization
from reservation_middleware.model import (
    Action,
    Agent,
    Decision,
    Mode,
    Policy,
    ReservationError,
    product_token,
)
from reservation_middleware.reading import may_be_bill

from ._body import beginning
from ._page import head_of, length_of, page_of
from ._transport import Cause, fetch, retriable

logger = logging.getLogger("reservation_middleware.aiohttp")

_REDIRECTS = (301, 302, 303, 307, 308)
_TARGETS = ("Location", "URI")  # aiohttp follows either
_numbers = count()

#: Called with the last decision about each request, and whether it was blocked; redirects on
#: the way are not reported, and by the plain middleware no requests that were not answered.
Listener = Callable[[Decision, bool], None]


class ReservedError(ClientError, ReservationError):
    """A request that was blocked; ``decision`` says why."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(decision.sentence())
        self.decision = decision

    @staticmethod
    def of(decision: Decision) -> "ReservedError":
        """The error for a decision: ``PolicyUnreachableError`` where no rule of the site blocks."""
        kind = ReservedError if decision.unreachable is None else PolicyUnreachableError
        return kind(decision)

    def __reduce__(self) -> tuple[type[Self], tuple[Decision]]:
        return type(self), (self.decision,)


class PolicyUnreachableError(ReservedError):
    """A request that was blocked since a policy could not be had, by a fault of its site or of
    this machine; ``decision.unreachable`` says what happened. It may pass when asked again.
    """


class Known:
    """What is known of a request: its check, the last decision, how more is fetched for it.

    ``redirect``: its response leads elsewhere, so that nothing in it is looked into.
    """

    __slots__ = ("__weakref__", "cause", "check", "decision", "redirect")

    def __init__(self, check: Check, decision: Decision, cause: Cause) -> None:
        self.check = check
        self.decision = decision
        self.cause = cause
        self.redirect = False


class Last:
    """What a client still has to tell of one of its requests, redirects included."""

    __slots__ = ("known",)

    def __init__(self) -> None:
        self.known: Known | None = None


class Unfinished(Protocol):
    """A request whose last decision is still to be told."""

    def finish(self) -> None:
        """Tell it now, if that was not done yet."""


class ReservationMiddleware:
    """An aiohttp client middleware; made by ``reservation_middleware()``.

    It decides before the fetch and at the response head. Looking into the body here
    would make plain sessions wait for it; ``ReservationClient`` does that. With a ledger or a
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
        #: Where a response keeps what is known of it, as long as it lives: a session may have
        #: several middlewares. A weak mapping takes some microseconds more.
        self._slot = intern(f"_reservations_{next(_numbers)}")
        #: Looks into pages that are still being read: what was decided is told at their end.
        self.unfinished: WeakSet[Unfinished] = WeakSet()

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
        for look in list(self.unfinished):
            look.finish()
        await self._journal.close()

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Check one request; every redirect hop comes here as a request of its own.

        Raises:
            ReservedError: the page is reserved, or crawling it is disallowed.
            RuntimeError: the session or the fetcher was closed meanwhile.
        """
        response = await self.checked(request, handler, Last())
        known = self.known(response)
        if known is not None and not known.redirect:
            self.passed(known, length_of(response))
        return response

    async def checked(
        self, request: ClientRequest, handler: ClientHandlerType, last: Last
    ) -> ClientResponse:
        """The same, but of what is not blocked nothing is told yet.

        Args:
            request: the request.
            handler: sends it.
            last: gets what is known of it.

        Raises:
            ReservedError: the page is reserved, or crawling it is disallowed.
            RuntimeError: the session or the fetcher was closed meanwhile.
        """
        last.known = None
        agent = self._agent or self._agent_of(request.headers.get("User-Agent", ""))
        now = self.fetcher.now(self._policy)
        url = str(request.url)
        check = Check(url, agent=agent, policy=self._policy, now=now)
        if not check.origin.startswith(("http://", "https://")) or check.about_policy:
            return await handler(request)

        cause = Cause.of(request)
        if not self.fetcher.ready(check):
            await self.fetcher.prepare(check, self._transport(cause))
        decision = check.decide()
        if self.stops(decision):
            raise self.blocked(check, decision)
        last.known = known = Known(check, decision, cause)
        token = authorization(decision, self._policy, now)
        response = await (
            handler(request) if token is None else _with_token(token, request, handler)
        )
        if response.status in _REDIRECTS and not response.headers.keys().isdisjoint(_TARGETS):
            # Its head is about the redirect, not about the page behind it.
            known.redirect = True
            setattr(response, self._slot, known)
            return response
        # Mostly the very same object, which need not be written out again.
        head = head_of(response, url if response.url is request.url else None)
        check.feed(head)
        if check.wants():
            try:
                await self.fetcher.follow(check, self._transport(cause, beside=True))
            except BaseException:
                response.close()
                raise
        known.decision = decision = check.decide()
        if self.stops(decision):
            last.known = None
            if may_be_bill(head.media_type, head.status):
                check.feed(page_of(head, await beginning(response)))
                decision = check.decide()
            response.close()  # no other body is ever read
            raise self.blocked(check, decision)
        setattr(response, self._slot, known)
        return response

    def known(self, response: ClientResponse) -> Known | None:
        """What is known of a response, None if it was not checked."""
        return getattr(response, self._slot, None)

    def _transport(self, cause: Cause, *, beside: bool = False) -> Transport:
        """How policies are fetched for a request; its response may be there already."""
        send = self._journal.watched(partial(fetch, cause=cause, beside=beside))
        return retriable(send, cause)

    def decision(self, response: ClientResponse) -> Decision | None:
        """The last decision about a response, None if it was not checked."""
        known = self.known(response)
        return known.decision if known else None

    async def judge_content(self, known: Known, body: bytes, *, whole: bool) -> None:
        """Decide again with a page's content.

        Of a part of it only a block counts: else the decision about the head stands, and the
        content counts as not reached.

        Args:
            known: what is known of the request.
            body: the content, from its beginning on.
            whole: whether that is all of it.

        Raises:
            ReservedError: the content reserves what the head did not. That was told.
            RuntimeError: the session or the fetcher was closed meanwhile.
        """
        check, head = known.check, known.check.page
        if head is None or not (whole or known.decision.action is Action.PROCEED):
            return
        counts = False
        try:
            check.feed(page_of(head, body))
            if check.page_speaks:
                if whole:
                    self.fetcher.learn(check)
                if check.wants():
                    await self.fetcher.follow(check, self._transport(known.cause, beside=True))
            decision = check.decide()
            counts = whole or decision.action is Action.BLOCK
        finally:
            if not counts:
                check.feed(head)
        if counts:
            known.decision = decision
            if self.stops(decision):
                raise self.blocked(check, decision, len(body))

    def failed(self, last: Last) -> None:
        """Tell of a request that ended otherwise: its page was not fetched."""
        if last.known is not None:
            self.passed(last.known, None)

    def stops(self, decision: Decision) -> bool:
        """Whether a decision is enforced; in observe mode none is."""
        return decision.action is Action.BLOCK and self._policy.mode is Mode.ENFORCE

    def blocked(self, check: Check, decision: Decision, octets: int | None = None) -> ReservedError:
        """The error for a blocked request, told."""
        self._journal.tell(check, decision, blocked=True, octets=octets)
        if self._listener:
            self._listener(decision, True)
        return ReservedError.of(decision)

    def passed(self, known: Known, octets: int | None) -> None:
        """Tell that a response was handed out, with the length of its body."""
        self._journal.tell(known.check, known.decision, blocked=False, octets=octets)
        if self._listener:
            self._listener(known.decision, False)


async def _with_token(
    token: str, request: ClientRequest, handler: ClientHandlerType
) -> ClientResponse:
    """Send a request with a licence's token, if it has no Authorization of its own.

    The token is gone from the request afterwards: responses and errors show their headers.
    Redirects are requests of their own, which never inherit what a middleware put in.
    """
    if "Authorization" in request.headers:
        return await handler(request)
    request.headers["Authorization"] = token
    try:
        return await handler(request)
    finally:
        request.headers.popall("Authorization", None)


def _agent_of(user_agent: str) -> Agent:
    """Who asks, by the User-Agent header; everyone if that names no crawler."""
    token = product_token(user_agent)
    if token is None or token.lower() == "aiohttp":
        logger.warning(
            "no agent is set and User-Agent %r names no crawler; "
            "robots.txt groups are looked up for '*'",
            user_agent,
        )
        return Agent("*")
    return Agent(token)
