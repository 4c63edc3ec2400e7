"""The aiohttp adapter: a client middleware, and a client that also looks into pages.

Translates between aiohttp and the core and enforces decisions; parses nothing.
Reference: https://docs.aiohttp.org/en/stable/client_middleware_cookbook.html
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Generator, Sequence
from functools import lru_cache
from types import TracebackType
from typing import Any, Self, cast
from weakref import WeakKeyDictionary

try:
    from aiohttp import (
        ClientError,
        ClientHandlerType,
        ClientMiddlewareType,
        ClientPayloadError,
        ClientRequest,
        ClientResponse,
        ClientSession,
        ClientTimeout,
        DummyCookieJar,
        StreamReader,
        TraceConfig,
    )
except ImportError as error:  # pragma: no cover - needs an environment without aiohttp
    raise ImportError(
        "the aiohttp adapter needs aiohttp 3.12 or newer: "
        "pip install 'reservation-middleware[aiohttp]'"
    ) from error

from .check import Check
from .fetch import TIMEOUT, Answer, Fetcher, TransportClosedError
from .model import (
    PAGE,
    Action,
    Agent,
    Decision,
    Document,
    Headers,
    Mode,
    Outcome,
    Policy,
    ReservationError,
    product_token,
)
from .profiles import profile
from .site import PAGE_FIELDS, looks_into

logger = logging.getLogger(__name__)

_REDIRECTS = (301, 302, 303, 307, 308)
_TARGETS = ("Location", "URI")  # aiohttp follows either
_CHUNK = 64 * 1024
_PAGE_FIELDS = tuple(field.decode() for field in sorted(PAGE_FIELDS))

#: A page longer than this is not looked into but refused: it has to be held in memory.
MAX_PAGE = 64 * 1024 * 1024

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
        self._checks: WeakKeyDictionary[ClientResponse, tuple[Check | None, Decision]] = (
            WeakKeyDictionary()
        )

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Check one request; every redirect hop comes here as a request of its own.

        Raises:
            ReservedError: the page is reserved, or crawling it is disallowed.
            RuntimeError: the session or the fetcher was closed meanwhile.
        """
        agent = self._agent or self._agent_of(request.headers.get("User-Agent", ""))
        check = Check(str(request.url), agent=agent, policy=self._policy)
        if not check.origin.startswith(("http://", "https://")) or check.about_policy:
            return await handler(request)

        async def transport(url: str, limit: int) -> Answer:
            return await _fetch(url, limit, request)

        await self._fetcher.prepare(check, transport)
        decision = check.decide()
        if self.stops(decision):
            raise self.blocked(decision)
        response = await handler(request)
        if response.status in _REDIRECTS and not response.headers.keys().isdisjoint(_TARGETS):
            # Its head is about the redirect, not about the page behind it.
            self._checks[response] = None, decision
            return response
        check.feed(_page(response, None))
        decision = check.decide()
        if self.stops(decision):
            response.close()  # the body is never read
            raise self.blocked(decision)
        self._checks[response] = check, decision
        if self._listener and not self._reads_content:
            self._listener(decision, False)
        return response

    #: Set by the client, which reports only after it has seen the content.
    _reads_content = False

    def decision(self, response: ClientResponse) -> Decision | None:
        """The last decision about a response, None if it was not checked."""
        known = self._checks.get(response)
        return known[1] if known else None

    def look_into(self, response: ClientResponse, body: bytes | None) -> None:
        """Decide again with the content.

        Raises:
            ReservedError: the content reserves what the head did not.
        """
        known = self._checks.get(response)
        if known is None:
            return
        check, decision = known
        if check and body is not None:
            check.feed(_page(response, body))
            decision = check.decide()
            self._checks[response] = check, decision
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


class ReservationClient:
    """A client that checks every request, its content included; it owns its session.

    Example::

        async with ReservationClient(policy, agent=Agent("ExampleBot")) as client:
            async with client.get(url) as response:
                print(client.decision(response))

    Args:
        policy: what the operator decided; the ``opt-out`` profile if None.
        agent: who asks; see ``reservation_middleware``.
        content: look into HTML. Such a body is read whole before the response is handed
            out, so ``response.read()`` and ``text()`` work and ``.content`` is at its end.
        fetcher: gets the policies; hand one in to share it between clients.
        listener: is called with the last decision about every request.
        middlewares: more client middlewares, inside the check.
        session: further arguments of ``aiohttp.ClientSession``.
    """

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        agent: Agent | str | None = None,
        content: bool = True,
        fetcher: Fetcher | None = None,
        listener: Listener | None = None,
        middlewares: Sequence[ClientMiddlewareType] = (),
        **session: Any,
    ) -> None:
        self._fetcher = fetcher or Fetcher(timeout=None)
        self._fetcher_is_shared = fetcher is not None
        self._middleware = reservation_middleware(
            policy, agent=agent, fetcher=self._fetcher, listener=listener
        )
        self._middleware._reads_content = content  # noqa: SLF001 - the two are one unit
        self._content = content
        self._inner = tuple(middlewares)
        self._options = session
        self._session: ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = ClientSession(middlewares=(self._middleware, *self._inner), **self._options)
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
        if not self._fetcher_is_shared:
            await self._fetcher.close()
        if self._session is not None:
            await self._session.close()

    @property
    def session(self) -> ClientSession:
        """The session; requests made on it directly skip the look into the content.

        Raises:
            RuntimeError: the client was not entered.
        """
        if self._session is None:
            raise RuntimeError("use the client as `async with ReservationClient(...) as client`")
        return self._session

    def decision(self, response: ClientResponse) -> Decision | None:
        """The last decision about a response."""
        return self._middleware.decision(response)

    def request(self, method: str, url: Any, **options: Any) -> "_Pending":
        """Like ``ClientSession.request``: await it, or enter it with ``async with``.

        A request's own ``middlewares=`` would replace the session's and with them the
        check, so here they are put inside the check instead.
        """
        own = options.pop("middlewares", None)
        inner = self._inner if own is None else tuple(own)
        return _Pending(self, method, url, {**options, "middlewares": (self._middleware, *inner)})

    def get(self, url: Any, **options: Any) -> "_Pending":
        """GET."""
        return self.request("GET", url, **options)

    def head(self, url: Any, **options: Any) -> "_Pending":
        """HEAD; redirects are not followed unless asked for."""
        return self.request("HEAD", url, **{"allow_redirects": False, **options})

    def post(self, url: Any, **options: Any) -> "_Pending":
        """POST."""
        return self.request("POST", url, **options)

    async def _send(self, method: str, url: Any, options: dict[str, Any]) -> ClientResponse:
        response = await self.session.request(method, url, **options)
        if self._content:
            try:
                body = await _read(response) if _has_content(response) else None
                self._middleware.look_into(response, body)
            except BaseException:
                response.close()
                raise
        return response


class _Pending(Coroutine[Any, Any, ClientResponse]):
    """A request that is sent when it is awaited or entered; a coroutine as in aiohttp, for tasks."""

    def __init__(
        self, client: ReservationClient, method: str, url: Any, options: dict[str, Any]
    ) -> None:
        self._sent = client._send(method, url, options)  # noqa: SLF001 - made by the client
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


def _timed(limiter: asyncio.Timeout) -> TraceConfig:
    """Stops the clock while a request waits for a connection: that says nothing about the site."""

    async def stop(*_: object) -> None:
        limiter.reschedule(None)

    async def start(*_: object) -> None:
        limiter.reschedule(asyncio.get_running_loop().time() + TIMEOUT)

    trace = TraceConfig()
    trace.on_connection_queued_start.append(stop)
    trace.on_connection_queued_end.append(start)
    return trace


class _Bounded:
    """Stands in for a response's stream while its body is read whole."""

    def __init__(self, content: StreamReader) -> None:
        self._content = content

    async def read(self) -> bytes:
        body = bytearray()
        async for chunk in self._content.iter_chunked(_CHUNK):
            body += chunk
            if len(body) > MAX_PAGE:
                raise ClientPayloadError(f"a page of more than {MAX_PAGE} bytes")
        return bytes(body)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)


async def _read(response: ClientResponse) -> bytes:
    """The body, which the response then keeps for ``read()`` and ``text()``.

    Raises:
        ClientPayloadError: the body is cut off, or longer than ``MAX_PAGE``.
    """
    content = response.content
    response.content = cast("StreamReader", _Bounded(content))
    try:
        return await response.read()
    finally:
        response.content = content


def _has_content(response: ClientResponse) -> bool:
    """Whether a response has a body that may hold signals; a binary one is left to be streamed."""
    if response.method == "HEAD" or response.status == 304:
        return False
    return looks_into(_page(response, None).media_type)


async def _fetch(url: str, limit: int, cause: ClientRequest) -> Answer:
    """Fetch one policy resource as the request that needs it would go.

    A session of its own on the same connector: no cookies and no credentials of the
    crawl go along, and no middleware is run.

    Raises:
        TransportClosedError: the session of the request was closed.
    """
    session = cause.session
    if session.closed:
        raise TransportClosedError("Session is closed")
    headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
    for name in ("User-Agent", "Proxy-Authorization"):
        if name in cause.headers:
            headers[name] = cause.headers[name]
    if cause.proxy is None or not url.startswith("http://"):
        headers.pop("Proxy-Authorization", None)  # only a proxy that reads it may have it
    try:
        async with (
            asyncio.timeout(TIMEOUT) as limiter,
            ClientSession(
                connector=session.connector,
                connector_owner=False,
                cookie_jar=DummyCookieJar(),
                timeout=ClientTimeout(total=None),
                skip_auto_headers=("User-Agent",),
                trace_configs=[_timed(limiter)],
            ) as bare,
            bare.get(
                url, allow_redirects=False, headers=headers, ssl=cause.ssl, **_proxy(cause)
            ) as response,
        ):
            body = bytearray()
            if 200 <= response.status < 300:
                async for chunk in response.content.iter_chunked(_CHUNK):
                    body += chunk
                    if len(body) > limit:
                        response.close()
                        break
            return Answer(response.status, _headers(response), bytes(body))
    except (Exception, asyncio.CancelledError):
        task = asyncio.current_task()
        if session.closed and not (task and task.cancelling()):
            raise TransportClosedError("Session is closed") from None
        raise


def _proxy(cause: ClientRequest) -> dict[str, Any]:
    """The proxy that a request goes through, with what that proxy needs to know.

    Credentials go into its URL, since ``proxy_auth=`` is deprecated in aiohttp 3.14. Of
    ``proxy_headers`` those are left out that are the session's: aiohttp mixes them in, and
    then takes an Authorization for the proxy's.
    """
    proxy = cause.proxy
    if proxy is None:
        return {}
    if cause.proxy_auth is not None:
        proxy = proxy.with_user(cause.proxy_auth.login).with_password(cause.proxy_auth.password)
    kept = {
        name: value
        for name, value in (cause.proxy_headers or {}).items()
        if name.lower() == "proxy-authorization" or cause.headers.get(name) != value
    }
    return {"proxy": proxy, "proxy_headers": kept}


def _page(response: ClientResponse, body: bytes | None) -> Document:
    """The page as a document; of its fields only those that matter."""
    return Document(
        url=str(response.url),
        resource=PAGE,
        outcome=Outcome.of(response.status),
        status=response.status,
        headers=tuple(
            [
                (name, _value(value))
                for name in _PAGE_FIELDS
                if name in response.headers
                for value in response.headers.getall(name)
            ]
        ),
        body=body,
    )


def _value(value: str) -> str:
    """A field's value decoded as ISO-8859-1: aiohttp reads UTF-8, or surrogates."""
    return value if value.isascii() else value.encode("utf-8", "surrogateescape").decode("latin-1")


def _headers(response: ClientResponse) -> Headers:
    """All fields as they came."""
    return tuple((name.lower(), _value(value)) for name, value in response.headers.items())
