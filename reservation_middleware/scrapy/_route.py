"""The way that a page's request takes, for the requests of its policies.

Inherited is what chooses the route: proxy, local address, TLS of a browser, a service. What
chooses rendering is not: a robots.txt must come back as the site sent it.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from scrapy import Request
from scrapy.settings import BaseSettings

from reservation_middleware.model import ConfigurationError

POLICY_META = "RESERVATION_POLICY_META"
#: Which keys of a request's meta its policies inherit, unless the setting says otherwise.
DEFAULT_META = ("proxy", "bindaddress", "impersonate")


class Route(NamedTuple):
    """How a policy is to be asked for.

    Attributes:
        headers: fields that belong to the route.
        meta: keys of the policy request's meta.
        is_own: sent by Scrapy's own client; others choose fields such as Accept themselves, and
            are known by them.
        is_remote: whoever connects to the site is not this machine, proxies aside.
    """

    headers: dict[str, Any]
    meta: dict[str, Any]
    is_own: bool
    is_remote: bool


class Routes:
    """The routes of a crawl.

    Args:
        settings: the crawl's, with RESERVATION_POLICY_META and those of scrapy-playwright and
            scrapy-zyte-api.

    Raises:
        ConfigurationError: RESERVATION_POLICY_META is no list of names.
    """

    def __init__(self, settings: BaseSettings) -> None:
        self._keys = policy_meta(settings)
        self._settings = settings
        # Asks for the body, also where the project's parameters ask for rendered pages.
        self._unrendered: Any = {
            name: False
            for name, value in settings.getdict("ZYTE_API_AUTOMAP_PARAMS").items()
            if value is True and not name.startswith(("http", "follow"))
        } or True

    def of(self, cause: Request) -> Route:
        """The route of a page's request."""
        headers: dict[str, Any] = {}
        meta = {key: cause.meta[key] for key in self._keys if key in cause.meta}
        # A redirected request brings along what the environment's proxies were for its first
        # URL; where it was told its proxy, the credentials may have moved to a header.
        if "proxy" in meta:
            if "_scheme_proxy" in cause.meta:
                del meta["proxy"]
            elif "Proxy-Authorization" in cause.headers:
                headers["Proxy-Authorization"] = cause.headers["Proxy-Authorization"]
        if "proxy" in self._keys and (proxy := self._browser_proxy(cause.meta)):
            headers.pop("Proxy-Authorization", None)
            meta["proxy"] = proxy
        is_remote = self._is_by_zyte(cause.meta)
        if is_remote:
            meta["zyte_api_automap"] = self._unrendered
        elif cause.meta.get("zyte_api_automap", True) is False:
            meta["zyte_api_automap"] = False
        is_own = not (is_remote or meta.get("impersonate"))
        return Route(headers, meta, is_own, is_remote)

    def _is_by_zyte(self, meta: Mapping[str, Any]) -> bool:
        """Whether scrapy-zyte-api sends a request through its service."""
        if "zyte_api_automap" in meta:
            return meta["zyte_api_automap"] is not False or bool(meta.get("zyte_api"))
        return bool(meta.get("zyte_api")) or self._settings.getbool("ZYTE_API_TRANSPARENT_MODE")

    def _browser_proxy(self, meta: Mapping[str, Any]) -> str | None:
        """URL of the proxy that scrapy-playwright's browser uses for a page."""
        if not meta.get("playwright"):
            return None
        contexts = self._settings.getdict("PLAYWRIGHT_CONTEXTS")
        context = contexts.get(meta.get("playwright_context", "default"))
        if context is None:
            context = meta.get("playwright_context_kwargs")
        launch = self._settings.getdict("PLAYWRIGHT_LAUNCH_OPTIONS")
        for options in (context, launch):
            proxy = options.get("proxy") if isinstance(options, Mapping) else None
            if isinstance(proxy, Mapping) and proxy.get("server"):
                return _with_credentials(proxy)
        return None


def policy_meta(settings: BaseSettings) -> tuple[str, ...]:
    """The keys of a request's meta that its policies inherit.

    Raises:
        ConfigurationError: the setting is no list of names.
    """
    given = settings.get(POLICY_META, DEFAULT_META)
    if isinstance(given, str):  # of a command line
        given = [word.strip() for word in given.split(",") if word.strip()]
    if not isinstance(given, list | tuple | set | frozenset) or not all(
        isinstance(key, str) for key in given
    ):
        raise ConfigurationError(f"{POLICY_META} must be a list of keys of request.meta")
    return tuple(given)


def _with_credentials(proxy: Mapping[str, Any]) -> str:
    """A browser's proxy as one URL, as Scrapy wants it."""
    scheme, separator, server = str(proxy["server"]).rpartition("://")
    user = ""
    if proxy.get("username"):
        password = quote(str(proxy.get("password") or ""), safe="")
        user = f"{quote(str(proxy['username']), safe='')}:{password}@"
    return f"{scheme if separator else 'http'}://{user}{server}"
