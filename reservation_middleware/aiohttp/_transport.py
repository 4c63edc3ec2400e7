"""Policies fetched as the request that needs them would go: same connector, proxy and TLS."""

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple, Self, cast

from aiohttp import (
    BaseConnector,
    BasicAuth,
    ClientRequest,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TraceConfig,
)
from yarl import URL

from reservation_middleware.fetch import TIMEOUT, Answer, Ask, TransportClosedError
from reservation_middleware.model import Headers

_CHUNK = 64 * 1024


class Cause(NamedTuple):
    """What a policy's request takes from the one that needs it; not that one itself, which
    would keep its response from ending.
    """

    session: ClientSession
    headers: Mapping[str, str]
    proxy: URL | None
    proxy_auth: BasicAuth | None
    proxy_headers: Mapping[str, str] | None
    ssl: Any

    @classmethod
    def of(cls, request: ClientRequest) -> Self:
        """What a request hands on."""
        return cls(
            request.session,
            request.headers,
            request.proxy,
            request.proxy_auth,
            request.proxy_headers,
            request.ssl,
        )


async def fetch(ask: Ask, cause: Cause, *, beside: bool = False) -> Answer:
    """Fetch one policy resource as the request that needs it would go.

    Where the response to that request is there already, the resource is asked for ``beside``
    it, whatever the connector's limit: pages would wait for it and it for their connections.

    A session of its own on the same connector: no cookies and no credentials of the
    crawl go along, and no middleware is run.

    Raises:
        TransportClosedError: the session of the request was closed.
    """
    session = cause.session
    if session.closed:
        raise TransportClosedError("Session is closed")
    url = ask.url
    headers = {"Accept": "*/*", "Accept-Encoding": "identity", **dict(ask.conditions)}
    for name in ("User-Agent", "Proxy-Authorization"):
        if name in cause.headers:
            headers[name] = cause.headers[name]
    if cause.proxy is None or not url.startswith("http://"):
        headers.pop("Proxy-Authorization", None)  # only a proxy that reads it may have it
    try:
        async with (
            asyncio.timeout(TIMEOUT) as limiter,
            ClientSession(
                connector=_beside(session.connector) if beside else session.connector,
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
                    if len(body) > ask.limit:
                        response.close()
                        break
            return Answer(response.status, _headers(response), bytes(body))
    except (Exception, asyncio.CancelledError):
        task = asyncio.current_task()
        if session.closed and not (task and task.cancelling()):
            raise TransportClosedError("Session is closed") from None
        raise


class _Beside:
    """Stands in for a connector where its limits must not hold; all else is the connector's."""

    def __init__(self, connector: BaseConnector) -> None:
        self._connector = connector

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connector, name)

    def _available_connections(self, key: object) -> int:  # noqa: ARG002 - aiohttp's own
        return 1

    async def connect(self, *request: Any, **options: Any) -> Any:
        return await BaseConnector.connect(cast("BaseConnector", self), *request, **options)


def _beside(connector: BaseConnector | None) -> BaseConnector | None:
    own = connector is None or type(connector).connect is not BaseConnector.connect
    return connector if own else cast("BaseConnector", _Beside(cast("BaseConnector", connector)))


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


def _proxy(cause: Cause) -> dict[str, Any]:
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


def text(value: str) -> str:
    """A field's value decoded as ISO-8859-1: aiohttp reads UTF-8, or surrogates."""
    return value if value.isascii() else value.encode("utf-8", "surrogateescape").decode("latin-1")


def _headers(response: ClientResponse) -> Headers:
    """All fields as they came."""
    return tuple((name.lower(), text(value)) for name, value in response.headers.items())
