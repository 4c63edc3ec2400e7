"""The client that owns its session and also looks into pages."""

import os
from collections.abc import Callable, Coroutine, Generator, Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from aiohttp import (
    ClientMiddlewareType,
    ClientResponse,
    ClientSession,
)

from reservation_middleware.fetch import Cache, Fetcher, Retries
from reservation_middleware.model import Agent, Decision, Policy

from ._content import look_into
from ._factory import reservation_middleware
from ._middleware import Last, Listener, ReservationMiddleware, ReservedError
from ._page import length_of

if TYPE_CHECKING:
    from reservation_middleware.ledger.segment import Ledger
    from reservation_middleware.metrics import Metrics


_NOT_ENTERED = "use the client as `async with ReservationClient(...) as client`"


class ReservationClient:
    """A client that checks every request, its content included; it owns its session.

    Example::

        async with ReservationClient(policy, agent=Agent("ExampleBot")) as client:
            async with client.get(url) as response:
                print(client.decision(response))

    Args:
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
            handed in is opened when the client is entered and closed with it.
        ledger: where decisions are kept, or its folder.
        ledger_key: file of the key that signs.
        ledger_lines: ``all`` or ``bulk``.
        ledger_name: of the key.
        metrics: where decisions are counted, or host:port where the counts are shown.
        middlewares: more client middlewares, inside the check.
        session: further arguments of ``aiohttp.ClientSession``.
    """

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        agent: Agent | str | None = None,
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
        **session: Any,
    ) -> None:
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
        self._inner = tuple(middlewares)
        self._options = session
        self._check: ReservationMiddleware | None = None
        self._session: ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._check = self._made()
        try:
            self._session = ClientSession(middlewares=(self._check, *self._inner), **self._options)
        except BaseException:
            await self._check.close()
            raise
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

        Whoever else waits for one, with a fetcher that was handed in, fetches it anew.
        """
        if self._check is not None and not self._fetcher_is_shared:
            await self._check.fetcher.close()
        if self._session is not None:
            await self._session.close()
        if self._check is not None:
            await self._check.close()

    @property
    def session(self) -> ClientSession:
        """The session; requests made on it directly skip the look into the content.

        Raises:
            RuntimeError: the client was not entered.
        """
        if self._session is None:
            raise RuntimeError(_NOT_ENTERED)
        return self._session

    @property
    def _middleware(self) -> ReservationMiddleware:
        if self._check is None:
            raise RuntimeError(_NOT_ENTERED)
        return self._check

    def decision(self, response: ClientResponse) -> Decision | None:
        """The last decision about a response."""
        return self._check.decision(response) if self._check else None

    def request(self, method: str, url: Any, **options: Any) -> "_Pending":
        """Like ``ClientSession.request``: await it, or enter it with ``async with``.

        A request's own ``middlewares=`` would replace the session's and with them the
        check, so here they are put inside the check instead.
        """
        own = options.pop("middlewares", None)
        inner = self._inner if own is None else tuple(own)
        return _Pending(self, method, url, inner, options)

    def get(self, url: Any, **options: Any) -> "_Pending":
        """GET."""
        return self.request("GET", url, **options)

    def head(self, url: Any, **options: Any) -> "_Pending":
        """HEAD; redirects are not followed unless asked for."""
        return self.request("HEAD", url, **{"allow_redirects": False, **options})

    def post(self, url: Any, **options: Any) -> "_Pending":
        """POST."""
        return self.request("POST", url, **options)

    async def _send(
        self,
        method: str,
        url: Any,
        inner: tuple[ClientMiddlewareType, ...],
        options: dict[str, Any],
    ) -> ClientResponse:
        middleware, last = self._middleware, Last()
        options["middlewares"] = (partial(middleware.checked, last=last), *inner)
        check_status = options.get("raise_for_status")
        if check_status is None:
            check_status = self.session.raise_for_status
        if callable(check_status):  # it may read the body, which is judged before
            options["raise_for_status"] = False
        response: ClientResponse | None = None
        try:
            response = await self.session.request(method, url, **options)
            known = middleware.known(response)
            if known is not None:
                if self._content:
                    await look_into(middleware, known, response, media=self._media)
                else:
                    middleware.passed(known, length_of(response))
                last.known = None
            if callable(check_status):
                await check_status(response)
        except BaseException as error:
            if response is not None:
                response.close()
            if not isinstance(error, ReservedError):
                middleware.failed(last)
            raise
        return response


class _Pending(Coroutine[Any, Any, ClientResponse]):
    """A request that is sent when it is awaited or entered; a coroutine as in aiohttp, for tasks."""

    def __init__(
        self,
        client: ReservationClient,
        method: str,
        url: Any,
        inner: tuple[ClientMiddlewareType, ...],
        options: dict[str, Any],
    ) -> None:
        self._sent = client._send(method, url, inner, options)  # noqa: SLF001 - made by the client
        self._response: ClientResponse | None = None

    def __await__(self) -> Generator[Any, None, ClientResponse]:
        return self._sent.__await__()

    def send(self, value: Any, /) -> Any:
        return self._sent.send(value)

    def throw(self, *error: Any) -> Any:
        return self._sent.throw(*error)

    def close(self) -> None:
        self._sent.close()

    async def __aenter__(self) -> ClientResponse:
        self._response = await self._sent
        return self._response

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._response is not None:
            self._response.release()
            await self._response.wait_for_close()
