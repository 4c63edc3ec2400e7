"""Policies fetched through the crawler's own downloader, cut off where nobody reads on."""

from collections.abc import Callable
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest, StopDownload
from scrapy.http import Headers, Response
from scrapy.http.request import NO_CALLBACK
from scrapy.utils.defer import maybe_deferred_to_future
from scrapy.utils.misc import load_object

from reservation_middleware.runtime.address_guard import fault_of, look_up, refuse_private, resolved
from reservation_middleware.runtime.fetcher import (
    Answer,
    Ask,
    MachineFaultError,
    RetriableTransport,
    Transport,
)
from reservation_middleware.runtime.retries import sleep_unless
from reservation_middleware.runtime.transport import problem_of
from reservation_middleware.syntax.content_coding import Unpacker, refuse_bomb
from reservation_middleware.syntax.path import split_url

from ._page import host_of
from ._resolve import addresses
from ._route import Routes

#: A policy that says it is longer, or is when unpacked, counts as unreachable; one that just
#: goes on is cut off much earlier.
LONGEST = 16 * 1024 * 1024

#: In the meta of a policy's request: how many bytes of its body may still come.
LEFT = "_reservation_policy_limit"

_SLOT = "download_slot"
_OWN_FIELDS = {"Accept": "*/*", "Accept-Encoding": "identity"}
#: In the meta of a policy's request, for middlewares and handlers of others that are to know it:
#: which policy is asked for, such as ``robots.txt``.
POLICY = "reservation_policy"

# By their names: some came with Scrapy 2.14, before it was Twisted that raised.
#: What shows that a handler or a library is missing.
_MISSING = frozenset({"NotSupported", "NotConfigured", "UnsupportedURLSchemeError"})
_NOT_RESOLVED = frozenset({"CannotResolveHostError", "DNSLookupError"})
#: With a proxy, who could not be reached is the proxy.
_NOT_CONNECTED = _NOT_RESOLVED | {"DownloadConnectionRefusedError", "ConnectionRefusedError"}

#: Adds to a stat: name and how much.
Count = Callable[[str], None]


class Downloads:
    """Downloads policy resources.

    Args:
        crawler: whose downloader is used.
        timeout: seconds for one transfer.
        count: adds one to a stat.
    """

    def __init__(self, crawler: Crawler, *, timeout: float, count: Count) -> None:
        self._crawler = crawler
        self._timeout = timeout
        self._count = count
        self._watching = 0
        settings = crawler.settings
        self._routes = Routes(settings)
        self._environment = settings.getbool("HTTPPROXY_ENABLED")
        self._errors = tuple(
            load_object(error) if isinstance(error, str) else error
            for error in settings.getlist("RETRY_EXCEPTIONS")
        )

    def retriable(self, send: Transport) -> Transport:
        """A transport that is tried again after the errors that pages are tried again after."""
        return RetriableTransport(send, errors=self._errors, pause=self._pause)

    async def _pause(self, seconds: float) -> bool:
        """Wait; False as soon as the spider is to be closed, which waits for its requests."""
        return await sleep_unless(self._is_closing, seconds)

    def _is_closing(self) -> bool:
        engine = self._crawler.engine
        # Scrapy tells nobody before the last request has ended.
        slot = getattr(engine, "_slot", None) or getattr(engine, "slot", None)
        return slot is None or slot.closing is not None

    async def fetch(self, ask: Ask, cause: Request) -> Answer:
        """Fetch one policy resource through the crawler's own downloader.

        Raises:
            EncodingError: it is packed in a way that nobody can, or should, undo.
            MachineFaultError: the fault is this machine's, or in its settings.
            PrivateAddressError: it is guarded, and its host is not public.
        """
        route = self._routes.of(cause)
        host = host_of(cause)
        connected = host.connected_by(ask.url) if host is not None else None
        if host is not None and connected is not None:
            ask = ask._replace(url=connected)
            route.headers["Host"] = host.value
        if split_url(ask.url)[0] == split_url(cause.url)[0] and _SLOT in cause.meta:
            route.meta[_SLOT] = cause.meta[_SLOT]  # one queue for a host, with one delay
        if not route.is_remote and "User-Agent" in cause.headers:
            route.headers["User-Agent"] = cause.headers["User-Agent"]
        request = Request(
            ask.url,
            callback=NO_CALLBACK,
            priority=1000,
            dont_filter=True,
            headers={
                **(_OWN_FIELDS if route.is_own else {}),
                **dict(ask.conditions),
                **_nothing_for_others(ask.url, cause.url),
                **route.headers,
            },
            meta={
                **route.meta,
                POLICY: ask.resource,
                LEFT: ask.limit,
                "allow_offsite": True,
                "dont_cache": True,
                "dont_merge_cookies": True,
                "dont_obey_robotstxt": True,
                "dont_redirect": True,
                "dont_retry": True,
                # A file that was cut off is no file, whatever the crawl makes of its pages.
                "download_fail_on_dataloss": True,
                # Not the crawl's: theirs fail where ours cuts off.
                "download_maxsize": LONGEST,
                "download_timeout": self._timeout,
                "download_warnsize": 0,
                "handle_httpstatus_all": True,
            },
        )
        try:
            if ask.guarded and not (
                route.is_remote or _may_be_proxied(request, environment=self._environment)
            ):
                await look_up(ask.url, addresses)
            self._watch(1)
            try:
                response = await self._download(request)
            finally:
                self._watch(-1)
            sent = response.request or request  # as other middlewares changed it
            # Whoever answered may be another than who was looked up: then nothing is made of it.
            address = _address(response, sent)
            if response.status == 407 and sent.meta.get("proxy"):
                raise MachineFaultError("the proxy asks for other credentials (HTTP 407)")
            if ask.guarded:
                refuse_private(urlsplit(ask.url).hostname or "", address)
            body = _body(response, ask.limit, received=ask.limit - sent.meta.get(LEFT, ask.limit))
        except Exception as error:
            self._count(f"policy_error/{type(error).__name__}")
            fault = await _machine_fault(error, request)
            if fault is not None:
                raise MachineFaultError(fault) from error
            raise
        self._count(f"policy_status/{response.status}")
        return Answer(response.status, every(response.headers), body, address)

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
        left = request.meta.get(LEFT)
        if left is None:
            return
        if left < 0:
            raise StopDownload(fail=False)
        request.meta[LEFT] = left - len(data)


def _nothing_for_others(url: str, cause: str) -> dict[str, None]:
    """Fields that Scrapy, by its settings, would fill with a site's credentials for another one."""
    if split_url(url)[0] == split_url(cause)[0]:
        return {}
    return {"Authorization": None, "Cookie": None}


def _may_be_proxied(request: Request, *, environment: bool) -> bool:
    """Whether a request will go through a proxy, as far as it can be told before.

    Args:
        request: not sent yet.
        environment: whether Scrapy puts in the proxies of the environment.
    """
    if "proxy" in request.meta:
        return bool(request.meta["proxy"])
    parts = urlsplit(request.url)
    proxies = getproxies() if environment else {}
    return parts.scheme in proxies and not proxy_bypass(parts.hostname or "")


async def _machine_fault(error: Exception, request: Request) -> str | None:
    """What is wrong with this machine or its settings where an error shows that, else None.

    Args:
        error: raised on the way to the policy.
        request: the policy's, with what middlewares put into its meta.
    """
    if isinstance(error, MachineFaultError):
        return str(error)
    words = problem_of(error)
    names = {kind.__name__ for kind in type(error).__mro__}
    if isinstance(error, IgnoreRequest):
        # Scrapy's own middleware also refuses bodies so that grow too much, which are the site's.
        inner = error.__cause__ or error.__context__
        if type(inner).__name__ == "_DecompressionMaxSizeExceeded":
            return None
        return f"a downloader middleware of this crawl refused the request ({words})"
    if names & _MISSING:
        return f"a download handler or a library is missing ({words})"
    if request.meta.get("proxy"):
        if names & _NOT_CONNECTED:
            return f"the proxy cannot be reached ({words})"
        if "TunnelError" in names and "407" in words:
            return f"the proxy asks for other credentials ({words})"
    elif names & _NOT_RESOLVED:
        # These errors do not say whether the name is unknown or nobody could be asked.
        parts = urlsplit(request.url)
        try:
            await resolved(parts.hostname or "", parts.port or 80)
        except (OSError, UnicodeError) as reason:
            return fault_of(reason)
        return None
    cause = error.__cause__
    return fault_of(error) or (fault_of(cause) if cause is not None else None)


def _address(response: Response, sent: Request) -> str | None:
    """The IP address that answered, None through a proxy or where the downloader has none."""
    if sent.meta.get("proxy") or response.ip_address is None:
        return None
    return str(response.ip_address)


def _body(response: Response, limit: int, *, received: int) -> bytes:
    """A body that is unpacked, in bounds.

    Scrapy unpacks what it can, up to ``LONGEST``, and leaves in Content-Encoding what it cannot,
    or may not with ``COMPRESSION_ENABLED`` off.

    Raises:
        EncodingError: it is packed in a way that nobody can, or should, undo.
    """
    if not 200 <= response.status < 300:
        return b""
    codings = response.headers.getlist("Content-Encoding")
    body = Unpacker([value.decode("latin-1") for value in codings], limit)
    body.feed(response.body)
    if received:
        refuse_bomb(received, len(body.body), limit)
    return bytes(body.body)


def unpacked(response: Response, limit: int) -> bytes:
    """The body of a policy's response that is at hand, unpacked, up to a limit in bytes.

    Raises:
        EncodingError: it is packed in a way that nobody can, or should, undo.
    """
    return _body(response, limit, received=0)


def every(headers: Headers) -> tuple[tuple[str, str], ...]:
    """All fields, names in lower case, values as ISO-8859-1."""
    return tuple(
        (name.decode("latin-1").lower(), value.decode("latin-1"))
        for name, values in headers.items()
        for value in values
    )
