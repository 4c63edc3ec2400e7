"""What a wrapper of an ``aiohttp.ClientSession`` shows of it.

Reference: https://docs.aiohttp.org/en/stable/client_reference.html#client-session
"""

from asyncio import AbstractEventLoop
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import (
    BaseConnector,
    BasicAuth,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    HttpVersion,
    TraceConfig,
)
from aiohttp.abc import AbstractCookieJar
from multidict import CIMultiDict, istr


class SessionAttributes:
    """The public attributes of a session, and whatever else it has, are the wrapper's, too."""

    @property
    def session(self) -> ClientSession:
        """The session that is wrapped."""
        raise NotImplementedError

    def __getattr__(self, name: str) -> Any:
        # Only for what is not defined here: libraries look at `_connector` and the like, and
        # subclasses of ClientSession have more of their own.
        if name.startswith("__") or "_session" not in self.__dict__:
            raise AttributeError(name)
        return getattr(self.session, name)

    @property
    def connector(self) -> BaseConnector | None:
        """Makes and keeps the connections; None when the session is closed or detached."""
        return self.session.connector

    @property
    def connector_owner(self) -> bool:
        """Whether closing the session closes its connector."""
        return self.session.connector_owner

    @property
    def cookie_jar(self) -> AbstractCookieJar:
        """The cookies of the session."""
        return self.session.cookie_jar

    @property
    def version(self) -> HttpVersion | tuple[int, int]:
        """The HTTP version of requests."""
        return self.session.version

    @property
    def requote_redirect_url(self) -> bool:
        """Whether addresses of redirects are quoted anew."""
        return self.session.requote_redirect_url

    @requote_redirect_url.setter
    def requote_redirect_url(self, value: bool) -> None:
        self.session.requote_redirect_url = value

    @property
    def loop(self) -> AbstractEventLoop:
        """The event loop; deprecated by aiohttp."""
        return self.session.loop

    @property
    def timeout(self) -> ClientTimeout:
        """The time limits of requests that set none."""
        return self.session.timeout

    @property
    def headers(self) -> CIMultiDict[str]:
        """Fields that are sent with every request."""
        return self.session.headers

    @property
    def skip_auto_headers(self) -> frozenset[istr]:
        """Fields that are not sent unless a request sets them."""
        return self.session.skip_auto_headers

    @property
    def auth(self) -> BasicAuth | None:
        """Credentials that are sent with every request."""
        return self.session.auth

    @property
    def json_serialize(self) -> Callable[[Any], str]:
        """Writes ``json=`` of requests."""
        return self.session.json_serialize

    @property
    def raise_for_status(self) -> bool | Callable[[ClientResponse], Awaitable[None]]:
        """Whether a status of 400 or more raises, or what is called to see."""
        return self.session.raise_for_status

    @property
    def auto_decompress(self) -> bool:
        """Whether bodies are unpacked."""
        return self.session.auto_decompress

    @property
    def trust_env(self) -> bool:
        """Whether proxies and credentials are taken from the environment."""
        return self.session.trust_env

    @property
    def trace_configs(self) -> list[TraceConfig]:
        """What traces the requests."""
        return self.session.trace_configs
