"""The client middleware: before the fetch, and at the response head."""

import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial
from itertools import count
from sys import intern
from types import TracebackType
from typing import Protocol, Self
from weakref import WeakSet, finalize

import msgspec
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
from yarl import URL

from reservation_middleware.decide.bodies import bill_limit, may_be_bill
from reservation_middleware.decide.check import Check
from reservation_middleware.decide.licences import authorization
from reservation_middleware.model import (
    Action,
    Agent,
    Decision,
    Mode,
    Policy,
)
from reservation_middleware.runtime.fetcher import Fetcher, Transport
from reservation_middleware.runtime.journal import Journal, JudgedPage

from ._agent import Agents
from ._body import beginning
from ._error import ReservedError
from ._page import head_of, length_of, page_of
from ._token import with_token
from ._transport import Cause, fetch, host_of, retriable

logger = logging.getLogger("reservation_middleware.aiohttp")

_REDIRECTS = (301, 302, 303, 307, 308)
_HTTP_OF = {"ws": "http", "wss": "https"}
_numbers = count()

#: Called with the last decision about each request, and whether it was blocked; redirects on
#: the way are not reported, and by the plain middleware no requests that were not answered.
Listener = Callable[[Decision, bool], None]


class RequestState(msgspec.Struct, weakref=True, eq=False):
    """What is known of a request.

    Attributes:
        url: its address, as it is judged.
        check: the question, with what was fed to it.
        decision: the last one.
        cause: how more is fetched for it.
        redirect: its response leads elsewhere, so that nothing in it is looked into.
    """

    url: str
    check: Check
    decision: Decision
    cause: Cause
    redirect: bool = False


class SentRequest(msgspec.Struct, eq=False):
    """One request of a client with its redirects, while it is under way.

    Attributes:
        follows: whether redirects are followed; None if that is not known.
        known: what is known of the last of them, as long as nothing was told of it.
        response: the last response that was checked, or is none of those that are.
    """

    follows: bool | None = None
    known: RequestState | None = None
    response: ClientResponse | None = None


class PendingReport(Protocol):
    """A request whose last decision is not reported yet."""

    def finish(self) -> None:
        """Report it now, if that was not done yet."""


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
        #: The action at which a request ends; None in observe mode.
        self.stopping = Action.BLOCK if policy.mode is Mode.ENFORCE else None
        self._agents = Agents(agent)
        self.fetcher = fetcher
        self._listener = listener
        self._journal = journal
        #: Where a response keeps what is known of it, as long as it lives: a session may have
        #: several middlewares. A weak mapping takes some microseconds more.
        self._slot = intern(f"_reservations_{next(_numbers)}")
        #: Of responses that cannot be told anything, by their identity.
        self._aside: dict[int, RequestState] = {}
        #: Looks into pages that are still being read: what was decided is told at their end.
        self.unfinished: WeakSet[PendingReport] = WeakSet()

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
        response = await self.checked(request, handler, SentRequest())
        known = self.known(response)
        if known is not None and not known.redirect:
            self.passed(known, length_of(response))
        return response

    async def checked(
        self, request: ClientRequest, handler: ClientHandlerType, sent: SentRequest
    ) -> ClientResponse:
        """Check one request as ``__call__`` does; of what is not blocked nothing is told yet.

        Args:
            request: the request.
            handler: sends it.
            sent: gets what is known of it.

        Raises:
            ReservedError: the page is reserved, or crawling it is disallowed.
            RuntimeError: the session or the fetcher was closed meanwhile.
        """
        sent.known = None
        agent = self._agents.of(request.headers)
        url = _judged_url(request.url)
        host = host_of(request, url)
        if host is not None:
            url = host.target_of(url)
        now = self.fetcher.now(self._policy)
        check = self._check(url, agent, now)
        if check is None:
            sent.response = await handler(request)
            return sent.response
        cause = Cause.of(request, host)
        sent.known = asked = await self._judge_site(url, check, cause)
        token = None
        if self._policy.licences:
            token = authorization(asked.decision, self._policy, now)
        response = await (
            handler(request) if token is None else with_token(token, request, handler)
        )
        sent.response = response
        try:
            known: RequestState | None = asked
            if response.url is not request.url:  # mostly it is the very same object
                sent.known = known = await self._at_found(asked, response)
            if known is not None:
                await self._judge_head(known, response, follows=sent.follows)
                self._remember(response, known)
        except BaseException as error:
            if isinstance(error, ReservedError):
                sent.known = None  # it was told
            response.close()  # no other body is ever read
            raise
        return response

    async def judge_answer(self, response: ClientResponse, cause: Cause) -> RequestState | None:
        """Check a response that came without a request, as from the cache of a session.

        Args:
            response: the response.
            cause: how policies are fetched for it.

        Returns:
            What is known of it; None if it is none of those that are checked.

        Raises:
            ReservedError: the page is reserved, or crawling it or what led there is disallowed.
            RuntimeError: the session or the fetcher was closed meanwhile.
        """
        agent = self._agents.of(cause.headers)
        known: RequestState | None = None
        for hop in (*response.history, response):
            url = _judged_url(hop.url)
            check = self._check(url, agent, self.fetcher.now(self._policy))
            known = None if check is None else await self._judge_site(url, check, cause)
        if known is not None:
            await self._judge_head(known, response, follows=False)
            self._remember(response, known)
        return known

    def _check(self, url: str, agent: Agent, now: datetime | None) -> Check | None:
        """The check of a page; None for what is not checked, as places where policies stand."""
        check = Check(url, agent=agent, policy=self._policy, now=now)
        if check.about_policy or not check.origin.startswith(("http://", "https://")):
            return None
        return check

    async def _judge_site(
        self, url: str, check: Check, cause: Cause, *, extra_connection: bool = False
    ) -> RequestState:
        """Decide about a page by what its origin says.

        Raises:
            ReservedError: the page is reserved, or crawling it is disallowed.
            RuntimeError: the session or the fetcher was closed meanwhile.
        """
        fetcher = self._fetcher_for(cause)
        if not fetcher.ready(check):
            await fetcher.prepare(check, self._transport(cause, extra_connection=extra_connection))
        decision = check.decide()
        if decision.action is self.stopping:
            raise self.blocked(check, decision)
        return RequestState(url, check, decision, cause)

    async def _at_found(self, known: RequestState, response: ClientResponse) -> RequestState | None:
        """What is to be known where a page was found at another address than asked for.

        Middlewares inside may follow redirects themselves. What they fetched cannot be undone.

        Raises:
            ReservedError: the page found there is reserved, or crawling it is disallowed.
            RuntimeError: the session or the fetcher was closed meanwhile.
        """
        url, host = _judged_url(response.url), known.cause.host
        if host is not None:
            url = host.target_of(url)
        if known.check.is_about(url):
            return known
        check = self._check(url, known.check.agent, known.check.now)
        if check is None:
            return None
        return await self._judge_site(url, check, known.cause, extra_connection=True)

    async def _judge_head(
        self, known: RequestState, response: ClientResponse, *, follows: bool | None
    ) -> None:
        """Decide again with a response's head.

        Raises:
            ReservedError: the page is reserved.
            RuntimeError: the session or the fetcher was closed meanwhile.
        """
        check = known.check
        is_redirect = _leads_elsewhere(response)
        if is_redirect and follows:
            # Its head is about the redirect, not about the page behind it.
            known.redirect = True
            return
        head = head_of(response, known.url)
        check.feed(head)
        if check.wants() and not (is_redirect and follows is None):
            transport = self._transport(known.cause, extra_connection=True)
            await self._fetcher_for(known.cause).follow(check, transport)
        known.decision = decision = check.decide()
        stops = decision.action is self.stopping
        if is_redirect and follows is None:
            # If it is followed, nobody reads its body; if it is not, nobody shall.
            known.redirect = True
            if stops:
                response.content.set_exception(ReservedError.of(decision))
            return
        if stops:
            if may_be_bill(head.media_type, head.status):
                body = await beginning(response, bill_limit(head.media_type))
                check.feed(page_of(head, body))
                decision = check.decide()
            raise self.blocked(check, decision)

    def known(self, response: ClientResponse) -> RequestState | None:
        """What is known of a response, None if it was not checked."""
        known: RequestState | None = getattr(response, self._slot, None)
        return self._aside.get(id(response)) if known is None and self._aside else known

    def _remember(self, response: ClientResponse, known: RequestState) -> None:
        """Keep what is known of a response, as long as that lives."""
        try:
            setattr(response, self._slot, known)
        except AttributeError:  # those of aiohttp-client-cache have no room for it
            self._aside[id(response)] = known
            finalize(response, self._aside.pop, id(response), None)

    def _fetcher_for(self, cause: Cause) -> Fetcher:
        """Who gets the policies for a request: one of its own where its Host field counts."""
        return self.fetcher if cause.host is None else self.fetcher.at(cause.host.address)

    def _transport(self, cause: Cause, *, extra_connection: bool = False) -> Transport:
        """How policies are fetched for a request; its response may be there already."""
        send = self._journal.watched(partial(fetch, cause=cause, extra_connection=extra_connection))
        return retriable(send, cause)

    def decision(self, response: ClientResponse) -> Decision | None:
        """The last decision about a response, None if it was not checked."""
        known = self.known(response)
        return known.decision if known else None

    async def judge_content(self, known: RequestState, body: bytes, *, whole: bool) -> None:
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
                fetcher = self._fetcher_for(known.cause)
                if whole:
                    fetcher.learn(check)
                if check.wants():
                    await fetcher.follow(check, self._transport(known.cause, extra_connection=True))
            decision = check.decide()
            counts = whole or decision.action is Action.BLOCK
        finally:
            if not counts:
                check.feed(head)
        if counts:
            known.decision = decision
            if decision.action is self.stopping:
                raise self.blocked(check, decision, len(body))

    def failed(self, sent: SentRequest) -> None:
        """Tell of a request that ended otherwise: its page was not fetched."""
        if sent.known is not None:
            self.passed(sent.known, None)

    def blocked(self, check: Check, decision: Decision, octets: int | None = None) -> ReservedError:
        """The error for a blocked request, told."""
        self._journal.tell(JudgedPage(check, decision, blocked=True, octets=octets))
        if self._listener:
            self._listener(decision, True)
        return ReservedError.of(decision)

    def passed(self, known: RequestState, octets: int | None) -> None:
        """Tell that a response was handed out, with the length of its body."""
        self._journal.tell(JudgedPage(known.check, known.decision, blocked=False, octets=octets))
        if self._listener:
            self._listener(known.decision, False)


def _judged_url(url: URL) -> str:
    """The address by whose rules a request is judged: WebSockets are asked for over HTTP."""
    if url.scheme in _HTTP_OF:
        url = url.with_scheme(_HTTP_OF[url.scheme])
    return str(url)


def _leads_elsewhere(response: ClientResponse) -> bool:
    """Whether aiohttp follows a response, if it is to follow any."""
    if response.status not in _REDIRECTS:
        return False
    fields = response.headers
    return (fields.get("Location") or fields.get("URI")) is not None
