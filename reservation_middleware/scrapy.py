"""The Scrapy adapter: add-on, downloader middleware, header-stage handler, stats.

Translates between Scrapy and the core and enforces decisions; parses nothing. Policies
are fetched through the crawler's own downloader, so that proxy, TLS and delay settings
hold for them, too. Reference: https://docs.scrapy.org/en/latest/topics/addons.html
"""

import logging
from collections.abc import Mapping
from typing import Any, Self
from weakref import WeakKeyDictionary

try:
    from scrapy import Request, Spider, signals
    from scrapy.crawler import Crawler
    from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
    from scrapy.exceptions import IgnoreRequest, StopDownload
    from scrapy.http import Headers, Response
    from scrapy.http.request import NO_CALLBACK
    from scrapy.settings import BaseSettings
    from scrapy.utils.defer import maybe_deferred_to_future
    from scrapy.utils.misc import load_object

    try:
        from scrapy.utils.asyncio import is_asyncio_available
    except ImportError:  # Scrapy 2.13
        from scrapy.utils.reactor import is_asyncio_reactor_installed as is_asyncio_available
except ImportError as error:  # pragma: no cover - needs an environment without Scrapy
    raise ImportError(
        "the Scrapy adapter needs Scrapy 2.13 or newer: "
        "pip install 'reservation-middleware[scrapy]'"
    ) from error

from .check import Check, is_policy_resource, known_signals
from .fetch import Answer, Fetcher
from .model import (
    PAGE,
    Action,
    Agent,
    ConfigurationError,
    Decision,
    Document,
    Mode,
    Outcome,
    Policy,
    ReservationError,
    product_token,
)
from .model.vocabulary import unknown_word
from .profiles import profile
from .site import FIELDS

logger = logging.getLogger(__name__)

#: Sent once per request with its last decision: ``handler(decision, request, spider)``.
decided = object()

#: Where the built-in robots.txt middleware stands; ours takes its place.
ORDER = 100

#: A policy that says it is longer, or is when unpacked, counts as unreachable; one that just
#: goes on is cut off much earlier.
LONGEST = 16 * 1024 * 1024

_META = "reservation"
_POLICY = "_reservation_policy_limit"
_CUT = "reservation"
_FIELDS = frozenset(field.title() for field in FIELDS)
_REDIRECTS = (301, 302, 303, 307, 308)

_CHOICES = {
    "RESERVATION_UNKNOWN": "unknown",
    "RESERVATION_UNREACHABLE": "unreachable",
    "RESERVATION_PROXY_AGENTS": "proxies",
}
_SETTINGS = (
    *("RESERVATION_AGENT", "RESERVATION_PURPOSES", "RESERVATION_PROFILE", "RESERVATION_MODE"),
    *("RESERVATION_CACHE", "RESERVATION_CONTENT", "RESERVATION_ROBOTSTXT", "RESERVATION_TIMEOUT"),
    *("RESERVATION_PROXY_TOKENS", "RESERVATION_POLICY_TOKENS", "RESERVATION_SIGNALS"),
    *_CHOICES,
)
_LATER = ("RESERVATION_LEDGER", "RESERVATION_LICENCES")
_KNOWN = frozenset((*_SETTINGS, *_LATER))


class ReservedError(IgnoreRequest, ReservationError):
    """A request that was blocked; ``decision`` says why."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(decision.sentence())
        self.decision = decision

    def __reduce__(self) -> tuple[type[Self], tuple[Decision]]:
        return type(self), (self.decision,)


class Addon:
    """Puts the middleware into a crawler: ``ADDONS = {"reservation_middleware.scrapy.Addon": 300}``.

    Never overrides what the user set: a middleware that the user listed stays where it
    is. Where ``ROBOTSTXT_OBEY`` is on, the built-in robots.txt middleware is replaced.
    """

    def update_settings(self, settings: BaseSettings) -> None:
        """Add the middleware; take over from the built-in one."""
        _place(settings, ReservationMiddleware, ORDER)
        if settings.getbool("ROBOTSTXT_OBEY") and settings.getbool("RESERVATION_ROBOTSTXT", True):
            _place(settings, RobotsTxtMiddleware, None)


def _place(settings: BaseSettings, middleware: type, order: int | None) -> None:
    """Give a downloader middleware its place unless the user did.

    By import path: Scrapy 2.13 does not see that a class is what its path in the base
    setting names, so that ``setdefault_in_component_priority_dict`` switches nothing off.
    """
    name = "DOWNLOADER_MIDDLEWARES"
    placed = settings.getdict(name)
    if all(load_object(key) is not middleware for key in placed):
        placed[f"{middleware.__module__}.{middleware.__qualname__}"] = order
        settings.set(name, placed, settings.getpriority(name) or 0)


class ReservationMiddleware:
    """Checks each request before the fetch, at its response head and at its content.

    Raises (into the request's errback):
        ReservedError: the page is reserved, or crawling it is disallowed.
    """

    def __init__(self, crawler: Crawler) -> None:
        if not _asyncio():
            raise ConfigurationError(
                "reservation_middleware needs Scrapy's asyncio reactor, or no reactor at all: "
                "TWISTED_REACTOR = 'twisted.internet.asyncioreactor.AsyncioSelectorReactor'"
            )
        settings = crawler.settings
        self._crawler = crawler
        self._agent = agent_from(settings)
        self._policy = policy_from(settings)
        self._content = settings.getbool("RESERVATION_CONTENT", True)
        # Crawl rules are ours unless the user leaves them to Scrapy's own middleware.
        # With ROBOTSTXT_OBEY on they hold even in observe mode: never less polite.
        self._crawl_rules = settings.getbool("RESERVATION_ROBOTSTXT", True) and (
            self._policy.mode is Mode.ENFORCE or settings.getbool("ROBOTSTXT_OBEY")
        )
        self._timeout = settings.getfloat("RESERVATION_TIMEOUT", 30.0)
        # Time is kept per transfer, by the downloader: a request may wait in its queue for
        # as long as DOWNLOAD_DELAY has it wait, which says nothing about the site.
        self._fetcher = Fetcher(timeout=None)
        self._checks: WeakKeyDictionary[Request, tuple[Check, Decision]] = WeakKeyDictionary()
        self._watching = 0

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Make the middleware as Scrapy does."""
        middleware = cls(crawler)
        crawler.signals.connect(middleware.headers_received, signal=signals.headers_received)
        crawler.signals.connect(middleware.spider_closed, signal=signals.spider_closed)
        return middleware

    async def process_request(self, request: Request, spider: Spider | None = None) -> None:  # noqa: ARG002
        """Decide before the fetch; the policies are fetched first if they are not known."""
        if _POLICY in request.meta or not request.url.startswith(("http://", "https://")):
            return
        if is_policy_resource(request.url):
            return  # asking for the rules themselves is never against them
        agent = self._agent_for(request)
        if agent is None:
            return
        if request.meta.get("dont_cache") == _CUT:
            del request.meta["dont_cache"]  # of the response that redirected to here

        async def transport(url: str, limit: int) -> Answer:
            return await self._fetch(url, limit, request)

        check = await self._fetcher.check(request.url, transport, agent=agent, policy=self._policy)
        decision = check.decide()
        if self._stops(decision, request):
            raise self._blocked(decision, request)
        self._checks[request] = check, decision

    def headers_received(self, headers: Headers, request: Request) -> None:
        """Decide on the response head and stop the download where it is reserved.

        The status is not known here, so the error is raised in ``process_response``: a
        redirect's head is about the redirect, not about the page behind it.
        """
        if _FIELDS.isdisjoint(headers):
            return
        known = self._checks.get(request)
        if known is None:
            return
        check = known[0]
        check.feed(_page(request.url, 200, headers, None))
        decision = check.decide()
        self._checks[request] = check, decision
        if self._stops(decision, request):
            # A body that was cut off must not be kept by the HTTP cache.
            request.meta["dont_cache"] = request.meta.get("dont_cache") or _CUT
            raise StopDownload(fail=False)

    def process_response(
        self,
        request: Request,
        response: Response,
        spider: Spider | None = None,  # noqa: ARG002
    ) -> Response:
        """Decide on the whole response, and leave the decision in its meta."""
        known = self._checks.pop(request, None)
        if known is None:
            return response
        check, decision = known
        stopped = self._stops(decision, request)
        if response.status in _REDIRECTS and "Location" in response.headers:
            return response  # somebody handles redirects by hand; the next hop is checked
        if not stopped:
            body = response.body if self._content else None
            check.feed(_page(response.url, response.status, response.headers, body))
            decision = check.decide()
        request.meta[_META] = decision
        if stopped or self._stops(decision, request):
            raise self._blocked(decision, request)
        self._report(decision, request, blocked=False)
        return response

    async def spider_closed(self) -> None:
        """End what is under way."""
        await self._fetcher.close()

    def _agent_for(self, request: Request) -> Agent | None:
        """Who asks for this request; None if the request is to be left alone."""
        options = request.meta.get(_META)
        if options is None:
            return self._agent
        if isinstance(options, Decision):  # meta of an earlier response passed on
            return Agent(options.agent, options.purposes)
        if not isinstance(options, Mapping):
            raise ConfigurationError("request.meta['reservation'] must be a dict")
        for key in options:
            if key not in ("skip", "purposes"):
                raise ConfigurationError(unknown_word("key", str(key), ("skip", "purposes")))
        if options.get("skip"):
            self._count("skipped")
            return None
        purposes = options.get("purposes")
        return self._agent if purposes is None else Agent(self._agent.token, purposes)

    def _stops(self, decision: Decision, request: Request) -> bool:
        """Whether a decision is enforced for this request."""
        if decision.action is Action.PROCEED:
            return False
        if (
            decision.crawl_action is Action.BLOCK
            and self._crawl_rules
            and not request.meta.get("dont_obey_robotstxt")
        ):
            return True
        return decision.usage_action is Action.BLOCK and self._policy.mode is Mode.ENFORCE

    def _blocked(self, decision: Decision, request: Request) -> ReservedError:
        request.meta[_META] = decision
        self._report(decision, request, blocked=True)
        error = ReservedError(decision)
        logger.info("Reserved %s: %s", request, error, extra={"spider": self._crawler.spider})
        return error

    def _report(self, decision: Decision, request: Request, *, blocked: bool) -> None:
        """Count and announce the last decision of a request."""
        self._count("decided")
        self._count(f"verdict/{decision.verdict}")
        self._count(f"crawl/{decision.crawl}")
        if blocked:
            self._count("blocked")
            self._count(f"blocked/stage/{decision.stage}")
            for signal in {reason.signal for reason in decision.reasons if not reason.inferred}:
                self._count(f"blocked/signal/{signal}")
        elif decision.action is Action.BLOCK:
            self._count("would_block")
        self._crawler.signals.send_catch_log(
            signal=decided, decision=decision, request=request, spider=self._crawler.spider
        )

    def _count(self, name: str, count: int = 1) -> None:
        stats = self._crawler.stats
        if stats is not None:
            stats.inc_value(f"reservation/{name}", count)

    async def _fetch(self, url: str, limit: int, cause: Request) -> Answer:
        """Fetch one policy resource through the crawler's own downloader."""
        headers, route = _route(cause)
        request = Request(
            url,
            callback=NO_CALLBACK,
            priority=1000,
            dont_filter=True,
            headers={"Accept": "*/*", "Accept-Encoding": "identity", **headers},
            meta={
                **route,
                _POLICY: limit,
                "allow_offsite": True,
                "dont_cache": True,
                "dont_merge_cookies": True,
                "dont_obey_robotstxt": True,
                "dont_redirect": True,
                "dont_retry": True,
                # Not the crawl's: theirs fail where ours cuts off.
                "download_maxsize": LONGEST,
                "download_timeout": self._timeout,
                "download_warnsize": 0,
                "handle_httpstatus_all": True,
            },
        )
        if self._crawler.stats is not None:
            self._crawler.stats.set_value("reservation/policy_fetches", self._fetcher.fetches)
        self._watch(1)
        try:
            response = await self._download(request)
        except Exception as error:
            self._count(f"policy_error/{type(error).__name__}")
            raise
        finally:
            self._watch(-1)
        self._count(f"policy_status/{response.status}")
        return Answer(response.status, _headers(response.headers), response.body)

    async def _download(self, request: Request) -> Response:
        engine = self._crawler.engine
        if engine is None:
            raise RuntimeError("the crawler is not running")
        if hasattr(engine, "download_async"):  # Scrapy 2.14
            return await engine.download_async(request)
        return await maybe_deferred_to_future(engine.download(request))

    def _watch(self, change: int) -> None:
        """Listen to body chunks only while a policy is on its way: every page sends them."""
        before = self._watching
        self._watching += change
        manager = self._crawler.signals
        if not before:
            manager.connect(self._bytes_received, signal=signals.bytes_received)
        elif not self._watching:
            manager.disconnect(self._bytes_received, signal=signals.bytes_received)

    def _bytes_received(self, data: bytes, request: Request) -> None:
        """Stop a policy download that is longer than what will be read."""
        left = request.meta.get(_POLICY)
        if left is None:
            return
        if left < 0:
            raise StopDownload(fail=False)
        request.meta[_POLICY] = left - len(data)


def policy_from(settings: BaseSettings) -> Policy:
    """The policy that a crawler's ``RESERVATION_*`` settings stand for.

    Raises:
        ConfigurationError: a setting is unknown or has a value it cannot have.
    """
    for later in _LATER:
        if settings.get(later) is not None:
            raise ConfigurationError(f"{later} is not supported by this version")
    for name in settings:
        if name.startswith("RESERVATION_") and name not in _KNOWN:
            raise ConfigurationError(unknown_word("setting", name, _SETTINGS))
    cache = settings.get("RESERVATION_CACHE", "memory://")
    if cache != "memory://":
        raise ConfigurationError(f"RESERVATION_CACHE: this version knows memory://, not {cache!r}")
    changes: dict[str, Any] = {"mode": settings.get("RESERVATION_MODE", Mode.ENFORCE)}
    for name, field in _CHOICES.items():
        if settings.get(name) is not None:
            changes[field] = settings.get(name)
    if settings.getlist("RESERVATION_PROXY_TOKENS"):
        changes["proxy_tokens"] = settings.getlist("RESERVATION_PROXY_TOKENS")
    tokens = settings.getdict("RESERVATION_POLICY_TOKENS")
    if tokens:
        changes["policy_tokens"] = [(token, list(words)) for token, words in tokens.items()]
    if settings.getlist("RESERVATION_SIGNALS"):
        changes["signals"] = known_signals(settings.getlist("RESERVATION_SIGNALS"))
    return profile(settings.get("RESERVATION_PROFILE", "opt-out")).changed(changes)


def agent_from(settings: BaseSettings) -> Agent:
    """Who crawls: set, or the product token of the crawler's user agent, with a warning
    where that is nobody's own.
    """
    purposes = settings.getlist("RESERVATION_PURPOSES", ["ai-train"])
    token = settings.get("RESERVATION_AGENT")
    if token:
        return Agent(token, purposes)
    user_agent = settings.get("ROBOTSTXT_USER_AGENT") or settings.get("USER_AGENT") or ""
    token = product_token(user_agent)
    if token is None or token.lower() == "scrapy":
        logger.warning(
            "RESERVATION_AGENT is not set and USER_AGENT %r names no crawler of yours; "
            "robots.txt groups are looked up for %r, which many sites block by name",
            user_agent,
            token or "*",
        )
    return Agent(token or "*", purposes)


def _route(cause: Request) -> tuple[dict[str, Any], dict[str, Any]]:
    """Headers and meta that send a policy's request the way of the page that needs it."""
    headers: dict[str, Any] = {}
    meta = {"bindaddress": cause.meta["bindaddress"]} if "bindaddress" in cause.meta else {}
    # A redirected request brings along what the environment's proxies were for its first
    # URL; where it was told its proxy, the credentials may have moved to a header.
    if "proxy" in cause.meta and "_scheme_proxy" not in cause.meta:
        meta["proxy"] = cause.meta["proxy"]
        if "Proxy-Authorization" in cause.headers:
            headers["Proxy-Authorization"] = cause.headers["Proxy-Authorization"]
    return headers, meta


def _asyncio() -> bool:
    """Whether asyncio can be used: Scrapy's asyncio reactor, or no reactor at all."""
    try:
        return bool(is_asyncio_available())
    except RuntimeError:  # nothing is installed yet, so nothing contradicts
        return True


def _page(url: str, status: int, headers: Headers, body: bytes | None) -> Document:
    """The page as a document; of its fields only those that a signal reads."""
    return Document(
        url=url,
        resource=PAGE,
        outcome=Outcome.of(status),
        status=status,
        headers=_headers(headers),
        body=body,
    )


def _headers(headers: Headers) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name.decode("latin-1").lower(), value.decode("latin-1"))
        for name, values in headers.items()
        for value in values
    )
