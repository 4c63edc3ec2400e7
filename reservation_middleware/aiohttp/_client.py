"""The client: a session that checks what it fetches, pages' contents included."""

import asyncio
import os
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

from aiohttp import (
    ClientHandlerType,
    ClientMiddlewareType,
    ClientRequest,
    ClientResponse,
    ClientSession,
    ClientWebSocketResponse,
)
from aiohttp.client import _BaseRequestContextManager
from aiohttp.typedefs import StrOrURL

from reservation_middleware.model import Agent, ConfigurationError, Decision, Policy
from reservation_middleware.runtime.fetcher import Cache, Fetcher, Retries

from ._content import look_into
from ._error import ReservedError
from ._factory import reservation_middleware
from ._middleware import Listener, ReservationMiddleware, SentRequest
from ._page import length_of
from ._session import SessionAttributes
from ._transport import Cause

if TYPE_CHECKING:
    from reservation_middleware.ledger.write.ledger import Ledger
    from reservation_middleware.runtime.metrics import Metrics

    #: A request that is sent when it is awaited or entered; a coroutine, so that tasks take it.
    Request = _BaseRequestContextManager[ClientResponse]


class ReservationClient(SessionAttributes):
    """A session that checks every request, redirects and contents included.

    It has all that ``aiohttp.ClientSession`` has, and takes its arguments. Requests that are
    blocked raise ``ReservedError``.

    Example::

        async with ReservationClient(agent="ExampleBot") as client:
            async with client.get(url) as response:
                print(client.decision(response))

    Args:
        base_url: as for ``ClientSession``.
        session: a session to wrap instead of making one from the arguments of
            ``ClientSession``; its own middlewares are run inside the check. What a
            ``CachedSession`` of aiohttp-client-cache has kept is checked as well.
        session_owner: close that session with the client.
        policy: what the operator decided; the ``opt-out`` profile if None.
        agent: who asks; see ``reservation_middleware``.
        content: look into HTML and feeds. Such a body is held until its end, for 2 seconds and
            up to 64 MiB, before the response is handed out, with a stream that is whole; what
            comes of a slower page is judged as it is read, where it may raise ReservedError.
        media: look into images, PDF and EPUB, too, where the extra ``[media]`` is installed:
            for 30 seconds, and up to 64 MiB; longer ones are left to be streamed.
        fetcher: gets the policies; hand one in to share it between clients.
        retries: as for ``reservation_middleware``.
        listener: is called with the last decision about every request.
        cache: as for ``reservation_middleware``, like the next ones. What is named and not
            handed in is opened with the client and closed with it.
        ledger: where decisions are kept, or its folder.
        ledger_key: file of the key that signs.
        ledger_lines: ``all`` or ``bulk``.
        ledger_name: of the key.
        metrics: where decisions are counted, or host:port where the counts are shown.
        middlewares: more client middlewares, inside the check.
        options: further arguments of ``aiohttp.ClientSession``.

    Raises:
        ConfigurationError: as for ``reservation_middleware``, or a session comes with arguments
            of another. Outside a running event loop this and what ``ClientSession`` raises is
            raised at the first use: there the session is made then.
    """

    def __init__(
        self,
        base_url: StrOrURL | None = None,
        *,
        session: ClientSession | None = None,
        session_owner: bool = True,
        policy: Policy | None = None,
        agent: Agent | str | Sequence[str] | None = None,
        content: bool = True,
        media: bool = True,
        fetcher: Fetcher | None = None,
        retries: Retries | None = None,
        listener: Listener | None = None,
        cache: Cache | str | None = None,
        ledger: "Ledger | str | os.PathLike[str] | None" = None,
        ledger_key: str | os.PathLike[str] | None = None,
        ledger_lines: str = "all",
        ledger_name: str | None = None,
        metrics: "Metrics | str | None" = None,
        middlewares: Sequence[ClientMiddlewareType] = (),
        **options: Any,
    ) -> None:
        self._check: ReservationMiddleware | None = None
        self._session = session
        self._owns_session = session is None or session_owner
        self._is_closed = False
        if isinstance(base_url, Policy):
            raise ConfigurationError("the policy is a keyword: ReservationClient(policy=…)")
        if base_url is not None:
            options["base_url"] = base_url
        if session is not None and options:
            raise ConfigurationError(f"session: has its own {', '.join(sorted(options))}")
        self._fetcher_is_shared = fetcher is not None
        self._made: Callable[[], ReservationMiddleware] = partial(
            reservation_middleware,
            policy,
            agent=agent,
            fetcher=fetcher,
            retries=retries,
            listener=listener,
            cache=cache,
            ledger=ledger,
            ledger_key=ledger_key,
            ledger_lines=ledger_lines,
            ledger_name=ledger_name,
            metrics=metrics,
        )
        self._content = content
        self._media = media
        self._inner = (*middlewares, *getattr(session, "_middlewares", ()))
        self._options = options
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            pass  # made before its loop runs
        else:
            self._open()

    def _open(self) -> ReservationMiddleware:
        """Make what was not made yet.

        Raises:
            RuntimeError: no event loop is running, or the client was closed before its use.
        """
        if self._check is None:
            if self._is_closed:
                raise RuntimeError("Session is closed")
            asyncio.get_running_loop()
            session = self._session
            if session is None:
                session = ClientSession(
                    middlewares=(self._check_direct, *self._inner), **self._options
                )
            try:
                self._check = self._made()
            except BaseException:
                if self._session is None:
                    session.detach()  # it was not used, and would complain that it is open
                raise
            self._session = session
        return self._check

    async def _check_direct(
        self, request: ClientRequest, handler: ClientHandlerType
    ) -> ClientResponse:
        """The check of requests that are made on the session itself."""
        return await self._open()(request, handler)

    async def __aenter__(self) -> Self:
        self._open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the session and end its policy fetches that are under way.

        Other clients that wait for one, with a fetcher that was handed in, fetch it anew.
        """
        self._is_closed = True
        if self._check is not None and not self._fetcher_is_shared:
            await self._check.fetcher.close()
        if self._session is not None and self._owns_session:
            await self._session.close()
        if self._check is not None:
            await self._check.close()

    @property
    def closed(self) -> bool:
        """Whether the client or its session was closed."""
        return self._is_closed or (self._session is not None and self._session.closed)

    def detach(self) -> None:
        """Leave the session without closing its connector, which others may use."""
        self._is_closed = True
        if self._session is not None:
            self._session.detach()

    @property
    def session(self) -> ClientSession:
        """The session; requests made on it directly skip the look into the content.

        Of a session that was handed in they skip every check.

        Raises:
            RuntimeError: it was not made yet, and no event loop is running.
        """
        if self._session is None:
            self._open()
        return cast("ClientSession", self._session)

    def decision(self, response: ClientResponse) -> Decision | None:
        """The last decision about a response; None if it is none of those that are checked."""
        return self._check.decision(response) if self._check else None

    def request(self, method: str, url: StrOrURL, **options: Any) -> "Request":
        """Send a request as ``ClientSession.request`` does.

        A request's own ``middlewares=`` would replace the session's and with them the
        check, so here they are put inside the check instead.
        """
        return _BaseRequestContextManager(self._request(method, url, **options))

    def get(self, url: StrOrURL, *, allow_redirects: bool = True, **options: Any) -> "Request":
        """GET."""
        return self.request("GET", url, allow_redirects=allow_redirects, **options)

    def options(self, url: StrOrURL, *, allow_redirects: bool = True, **options: Any) -> "Request":
        """OPTIONS."""
        return self.request("OPTIONS", url, allow_redirects=allow_redirects, **options)

    def head(self, url: StrOrURL, *, allow_redirects: bool = False, **options: Any) -> "Request":
        """HEAD; redirects are not followed unless asked for."""
        return self.request("HEAD", url, allow_redirects=allow_redirects, **options)

    def post(self, url: StrOrURL, *, data: Any = None, **options: Any) -> "Request":
        """POST."""
        return self.request("POST", url, data=data, **options)

    def put(self, url: StrOrURL, *, data: Any = None, **options: Any) -> "Request":
        """PUT."""
        return self.request("PUT", url, data=data, **options)

    def patch(self, url: StrOrURL, *, data: Any = None, **options: Any) -> "Request":
        """PATCH."""
        return self.request("PATCH", url, data=data, **options)

    def delete(self, url: StrOrURL, **options: Any) -> "Request":
        """DELETE."""
        return self.request("DELETE", url, **options)

    def ws_connect(
        self, url: StrOrURL, **options: Any
    ) -> "_BaseRequestContextManager[ClientWebSocketResponse]":
        """Open a WebSocket, if the rules for its address over HTTP let it."""
        # aiohttp's own code, which makes the request by this client.
        return ClientSession.ws_connect(cast("ClientSession", self), url, **options)

    def _ws_connect(
        self, url: StrOrURL, **options: Any
    ) -> Coroutine[Any, Any, ClientWebSocketResponse]:
        return ClientSession._ws_connect(cast("ClientSession", self), url, **options)  # noqa: SLF001

    async def _request(self, method: str, str_or_url: StrOrURL, **options: Any) -> ClientResponse:
        """Send a request, and judge all that comes of it.

        Raises:
            ReservedError: it is blocked, at any stage.
            ClientError: as for a session.
            RuntimeError: the client is closed.
        """
        check, session = self._open(), cast("ClientSession", self._session)
        own = options.pop("middlewares", None)
        inner = self._inner if own is None else tuple(own)
        sent = SentRequest(follows=bool(options.get("allow_redirects", True)))
        check_status = options.get("raise_for_status")
        if check_status is None:
            check_status = session.raise_for_status
        if callable(check_status):  # it may read the body, which is judged before
            options["raise_for_status"] = False
        response: ClientResponse | None = None
        try:
            response = await session.request(
                method,
                str_or_url,
                middlewares=(partial(check.checked, sent=sent), *inner),
                **options,
            )
            if response is sent.response:
                known = sent.known
            else:
                cause = Cause.of_session(session, response.url, options)
                known = await check.judge_answer(response, cause)
            if known is not None:
                sent.known = known
                if self._content:
                    await look_into(check, known, response, media=self._media)
                else:
                    check.passed(known, length_of(response))
                sent.known = None
            if callable(check_status):
                await check_status(response)
        except BaseException as error:
            if response is not None:
                response.close()
            if not isinstance(error, ReservedError):
                check.failed(sent)
            raise
        return response
