"""Policies fetched as the request that needs them would go: same connector, proxy and TLS."""

import asyncio
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from types import SimpleNamespace
from typing import Any, NamedTuple, Self, cast
from urllib.parse import urlsplit

from aiohttp import (
    BaseConnector,
    BasicAuth,
    ClientConnectionError,
    ClientConnectorDNSError,
    ClientHttpProxyError,
    ClientPayloadError,
    ClientProxyConnectionError,
    ClientRequest,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
    TraceConfig,
)
from aiohttp.helpers import get_env_proxy_for_url
from aiohttp.http import SERVER_SOFTWARE
from aiohttp.tracing import Trace
from multidict import CIMultiDict
from yarl import URL

from reservation_middleware.model import Headers
from reservation_middleware.runtime.address_guard import (
    fault_of,
    is_resolver_fault,
    look_up,
    peer,
    refuse_private,
    resolved,
)
from reservation_middleware.runtime.fetcher import (
    TIMEOUT,
    Answer,
    Ask,
    MachineFaultError,
    RetriableTransport,
    Transport,
    TransportClosedError,
)
from reservation_middleware.runtime.retries import sleep_unless
from reservation_middleware.runtime.transport import PrivateAddressError, problem_of
from reservation_middleware.syntax.content_coding import Unpacker
from reservation_middleware.syntax.path import split_url
from reservation_middleware.syntax.target import HostField, host_field

_CHUNK = 64 * 1024
#: Errors after which a policy is asked for again.
ERRORS = (ClientConnectionError, ClientPayloadError, ClientHttpProxyError, OSError)
#: What a session may tell any proxy, in lower case.
_PLAIN = ("accept", "accept-encoding", "accept-language", "proxy-authorization", "user-agent")


class Cause(NamedTuple):
    """What a policy's request takes from the one that needs it; not that one itself, which
    would keep its response from ending.
    """

    session: ClientSession
    headers: MutableMapping[str, str]
    proxy: URL | None
    proxy_auth: BasicAuth | None
    proxy_headers: Mapping[str, str] | None
    ssl: Any
    origin: str = ""
    server_hostname: str | None = None
    host: HostField | None = None

    @classmethod
    def of(cls, request: ClientRequest, host: HostField | None) -> Self:
        """What a request hands on; ``host`` where its Host field names another origin."""
        return cls(
            request.session,
            request.headers,
            request.proxy,
            request.proxy_auth,
            request.proxy_headers,
            request.ssl,
            split_url(str(request.url))[0] if request.server_hostname else "",
            request.server_hostname,
            host,
        )

    @classmethod
    def of_session(cls, session: ClientSession, url: URL, options: Mapping[str, Any]) -> Self:
        """What a request would have handed on that its session answered without making it.

        Args:
            session: the session, as one that caches.
            url: what was asked for.
            options: the arguments of the request.
        """
        headers = CIMultiDict(session.headers)
        headers.update(options.get("headers") or {})
        headers.setdefault("User-Agent", SERVER_SOFTWARE)
        proxy = options.get("proxy") or getattr(session, "_default_proxy", None)
        proxy_auth = options.get("proxy_auth") or getattr(session, "_default_proxy_auth", None)
        if proxy is None and session.trust_env:
            with suppress(LookupError):
                proxy, proxy_auth = get_env_proxy_for_url(url)
        return cls(
            session,
            headers,
            None if proxy is None else URL(proxy),
            proxy_auth,
            CIMultiDict(options.get("proxy_headers") or {}),
            options.get("ssl", True),
        )


def host_of(request: ClientRequest, url: str) -> HostField | None:
    """What a request's Host field says, if that is not what its URL says, too."""
    value = request.headers.get("Host")
    if value is None or value == request.url.host_port_subcomponent:
        return None
    return host_field(url, value)


async def fetch(ask: Ask, cause: Cause, *, extra_connection: bool = False) -> Answer:
    """Fetch one policy resource as the request that needs it would go.

    Where the response to that request is there already, the resource gets an
    ``extra_connection``, whatever the connector's limit: pages would wait for it and it for
    their connections.

    A session of its own on the same connector: no cookies and no credentials of the
    crawl go along, and no middleware is run.

    Raises:
        PrivateAddressError: it is guarded, and its host is not public.
        TransportClosedError: the session of the request was closed.
    """
    session = cause.session
    if session.closed:
        raise TransportClosedError("Session is closed")
    url, to_host = ask.url, dict[str, Any]()
    connected = cause.host.connected_by(url) if cause.host is not None else None
    headers = {"Accept": "*/*", "Accept-Encoding": "identity", **dict(ask.conditions)}
    for name in ("User-Agent", "Proxy-Authorization"):
        if name in cause.headers:
            headers[name] = cause.headers[name]
    if cause.proxy is None or not url.startswith("http://"):
        headers.pop("Proxy-Authorization", None)  # only a proxy that reads it may have it
    if cause.host is not None and connected is not None:
        headers["Host"] = cause.host.value
        url = connected
        ask = ask._replace(url=url)
    if cause.server_hostname is not None and split_url(url)[0] == cause.origin:
        to_host["server_hostname"] = cause.server_hostname
    try:
        async with (
            asyncio.timeout(TIMEOUT) as limiter,
            ClientSession(
                connector=cast(
                    "BaseConnector",
                    way := _WatchedConnector(
                        cause, ask, limiter, extra_connection=extra_connection
                    ),
                ),
                connector_owner=False,
                auto_decompress=False,
                cookie_jar=DummyCookieJar(),
                timeout=ClientTimeout(total=None),
                skip_auto_headers=("User-Agent",),
            ) as bare,
            bare.get(
                url,
                allow_redirects=False,
                headers=headers,
                ssl=cause.ssl,
                **to_host,
                **_proxy(cause),
            ) as response,
        ):
            body = b""
            if 200 <= response.status < 300:
                body = await _body(response, ask.limit)
            return Answer(response.status, _headers(response), body, way.address)
    except (Exception, asyncio.CancelledError) as error:
        task = asyncio.current_task()
        if session.closed and not (task and task.cancelling()):
            raise TransportClosedError("Session is closed") from None
        fault = _machine_fault(error, cause)
        if fault is not None:
            raise MachineFaultError(fault) from error
        raise


def retriable(send: Transport, cause: Cause) -> RetriableTransport:
    """A transport that is tried again as aiohttp's users do with pages, while its session is open."""

    async def pause(seconds: float) -> bool:
        if await sleep_unless(lambda: cause.session.closed, seconds):
            return True
        raise TransportClosedError("Session is closed")

    return RetriableTransport(send, errors=ERRORS, pause=pause)


def _machine_fault(error: BaseException, cause: Cause) -> str | None:
    """What is wrong with this machine where an error shows that; None where it does not."""
    is_name = isinstance(error, ClientConnectorDNSError)
    if isinstance(error, ClientProxyConnectionError) or (is_name and cause.proxy is not None):
        return f"the proxy cannot be reached ({problem_of(error)})"
    if isinstance(error, ClientHttpProxyError) and error.status == 407:
        return "the proxy asks for other credentials (HTTP 407)"
    if isinstance(error, ClientConnectorDNSError):
        inner = error.os_error
        # aiodns has numbers of its own, and c-ares these words.
        if is_resolver_fault(inner) or "contact" in str(inner):
            return f"no DNS server answers ({problem_of(error)})"
        return None
    return fault_of(error)


async def _body(response: ClientResponse, limit: int) -> bytes:
    """A body as far as it is read, unpacked here: aiohttp would unpack without end.

    Raises:
        EncodingError: it is packed in a way that nobody can, or should, undo.
    """
    body = Unpacker(response.headers.getall("Content-Encoding", ()), limit)
    async for chunk in response.content.iter_chunked(_CHUNK):
        body.feed(chunk)
        if body.enough:
            response.close()
            break
    body.end()
    return bytes(body.body)


class _WatchedConnector:
    """Stands in for a connector, to see who is connected to before anything is sent.

    A connection that was kept from earlier is looked at like a new one. All else is the
    connector's; its limits do not hold for an ``extra_connection``.

    Attributes:
        address: the IP address that is connected to; None through a proxy, and where the
            connector makes its connections in a way of its own, which may be one.
    """

    def __init__(
        self, cause: Cause, ask: Ask, limiter: asyncio.Timeout, *, extra_connection: bool
    ) -> None:
        self._connector = cast("BaseConnector", cause.session.connector)
        own = type(self._connector).connect is not BaseConnector.connect
        self._extra_connection = extra_connection and not own
        self._direct = cause.proxy is None and _is_direct(self._connector)
        self._ask = ask
        self._clock = Trace(cause.session, _CLOCK, cast("SimpleNamespace", limiter))
        self.address: str | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connector, name)

    def _available_connections(self, key: Any) -> int:
        return 1 if self._extra_connection else self._connector._available_connections(key)  # noqa: SLF001

    async def connect(self, request: ClientRequest, traces: list[Trace], **options: Any) -> Any:
        """Connect as the connector does, and look at the peer.

        Raises:
            PrivateAddressError: the request is guarded, and the peer's address is not public.
        """
        traces = [*traces, self._clock]
        guarded = self._ask.guarded and self._direct
        if guarded:
            await look_up(self._ask.url, self._resolved)
        if self._extra_connection:
            itself = cast("BaseConnector", self)
            connection = await BaseConnector.connect(itself, request, traces, **options)
        else:
            connection = await self._connector.connect(request, traces, **options)
        transport = connection.transport
        if self._direct and transport is not None:
            self.address = peer(transport.get_extra_info("peername"))
        if guarded:
            try:
                refuse_private(urlsplit(self._ask.url).hostname or "", self.address)
            except PrivateAddressError:
                connection.close()
                raise
        return connection

    async def _resolved(self, host: str, port: int) -> list[str]:
        """The addresses of a name, by the connector's own resolver and its cache."""
        resolve = getattr(self._connector, "_resolve_host", None)
        if resolve is None:
            return await resolved(host, port)
        return [found["host"] for found in await resolve(host, port)]


def _is_direct(connector: BaseConnector) -> bool:
    """Whether a connector's peers are the hosts themselves: connectors for SOCKS proxies, sockets
    of the file system and the like make their connections in ways of their own.
    """
    kind = type(connector)
    return isinstance(connector, TCPConnector) and all(
        getattr(kind, name, None) is getattr(TCPConnector, name, None)
        for name in ("_create_connection", "_create_direct_connection", "_wrap_create_connection")
    )


def _clock() -> TraceConfig:
    """Stops the clock while a request waits for a connection: that says nothing about the site."""

    async def stop(_session: ClientSession, limiter: Any, _params: object) -> None:
        limiter.reschedule(None)

    async def start(_session: ClientSession, limiter: Any, _params: object) -> None:
        limiter.reschedule(asyncio.get_running_loop().time() + TIMEOUT)

    trace = TraceConfig()
    trace.on_connection_queued_start.append(stop)
    trace.on_connection_queued_end.append(start)
    trace.freeze()
    return trace


#: One for all, since one takes as long to make as anything else here; each has its own limiter.
_CLOCK = _clock()


def _proxy(cause: Cause) -> dict[str, Any]:
    """The proxy that a request goes through, with what that proxy needs to know.

    Credentials go into its URL, since ``proxy_auth=`` is deprecated in aiohttp 3.14. To
    ``proxy_headers`` aiohttp adds those of the session, and then takes an Authorization for the
    proxy's. They are handed on only where nothing in them is private: connections are shared
    by those whose proxy is told the same.
    """
    proxy = cause.proxy
    if proxy is None:
        return {}
    if cause.proxy_auth is not None:
        proxy = proxy.with_user(cause.proxy_auth.login).with_password(cause.proxy_auth.password)
    fields = [
        (name, value) for name, value in (cause.proxy_headers or {}).items() if name != "Host"
    ]
    if not all(name.lower() in _PLAIN for name, _ in fields):
        fields = [
            (name, value)
            for name, value in fields
            if name.lower() == "proxy-authorization" or cause.headers.get(name) != value
        ]
    return {"proxy": proxy, "proxy_headers": dict(fields)}


def text(value: str) -> str:
    """A field's value decoded as ISO-8859-1: aiohttp reads UTF-8, or surrogates."""
    return value if value.isascii() else value.encode("utf-8", "surrogateescape").decode("latin-1")


def _headers(response: ClientResponse) -> Headers:
    """All fields as they came."""
    return tuple((name.lower(), text(value)) for name, value in response.headers.items())
