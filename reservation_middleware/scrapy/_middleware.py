"""The downloader middleware with its header-stage handler."""

import logging
from collections.abc import Coroutine
from datetime import datetime
from typing import Any, Self
from weakref import WeakKeyDictionary

from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured, StopDownload
from scrapy.http import Headers, Response

from reservation_middleware.decide.bodies import may_be_bill
from reservation_middleware.decide.check import Check
from reservation_middleware.decide.reading import FIELDS, head_key
from reservation_middleware.model import Action, ConfigurationError, Decision, Document, Mode
from reservation_middleware.model.licence import ANY_HOST
from reservation_middleware.runtime.fetcher import Answer, Ask, Fetcher, Transport
from reservation_middleware.runtime.journal import Journal
from reservation_middleware.runtime.stores import opened

from ._agent import Agents
from ._http_cache import HttpCache
from ._media_pipelines import tell_items
from ._page import feed_content, fetcher_for, head_as_seen, head_of, page_of, target_of
from ._places import RETURNED, Places
from ._report import Reports, ReservedError
from ._robots_txt import RobotsTxt
from ._settings import has_asyncio, policy_from, retries_from, stores_from
from ._splash import SPLASH, Splash
from ._switches import CrawlRules, crawl_rules, is_enabled
from ._tokens import Tokens
from ._transport import LEFT, Downloads

logger = logging.getLogger("reservation_middleware.scrapy")

#: The decision about a response: the key in its meta.
DECISION = "reservation_decision"
#: What ``dont_cache`` is in the meta of a request whose response was cut off here.
_CUT = "reservation"
# As Scrapy's Headers keep them.
_FIELDS = frozenset(field.title() for field in FIELDS)
_REDIRECTS = (301, 302, 303, 307, 308)


class ReservationMiddleware:
    """Checks each request before the fetch, at its response head and at its content.

    Raises (into the request's errback):
        ReservedError: the page is reserved, or crawling it is disallowed.
    """

    # How settings and Scrapy's log name it.
    __module__ = "reservation_middleware.scrapy"

    def __init__(self, crawler: Crawler) -> None:
        if not is_enabled(crawler.settings):
            raise NotConfigured  # without a word, as Scrapy's own do
        if not has_asyncio():
            raise ConfigurationError(
                "reservation_middleware needs Scrapy's asyncio reactor, or no reactor at all: "
                "TWISTED_REACTOR = 'twisted.internet.asyncioreactor.AsyncioSelectorReactor'"
            )
        settings = crawler.settings
        self._crawler = crawler
        self._policy = policy_from(settings)
        self._content = settings.getbool("RESERVATION_CONTENT", True)
        self._media = settings.getbool("RESERVATION_MEDIA", True)
        # With ROBOTSTXT_OBEY on they hold even in observe mode: never less polite.
        rules = crawl_rules(settings)
        self._enforces_crawl_rules = rules is not CrawlRules.SCRAPY and (
            settings.getbool("ROBOTSTXT_OBEY")
            or (rules is CrawlRules.ALWAYS and self._policy.mode is Mode.ENFORCE)
        )
        self._checks: WeakKeyDictionary[Request, tuple[Check, Decision]] = WeakKeyDictionary()
        self._tokens = Tokens(self._policy, crawler.signals)
        self._splash = Splash(settings)
        self._anywhere = any(ANY_HOST in licence.hosts for licence in self._policy.licences)
        # Last, as from here on something is open.
        stores = opened(**stores_from(settings).keywords())
        self._journal = Journal("scrapy", self._policy, logger, stores, block_level=logging.DEBUG)
        self._reports = Reports(crawler, self._journal)
        self._agents = Agents(crawler, self._reports.count)
        self._places = Places(settings, self._reports.count)
        self._downloads = Downloads(
            crawler,
            timeout=settings.getfloat("RESERVATION_TIMEOUT", 30.0),
            count=self._reports.count,
        )
        self._http_cache = HttpCache(crawler, self._reports.count)
        self._robots_txt = RobotsTxt(crawler)
        # Time is kept per transfer, by the downloader: a request may wait in its queue for
        # as long as DOWNLOAD_DELAY has it wait, which says nothing about the site.
        self._fetcher = Fetcher(cache=stores.cache, timeout=None, retries=retries_from(settings))
        self._journal.follow(self._fetcher)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Make the middleware as Scrapy does."""
        middleware = cls(crawler)
        middleware._reports.write_first()
        crawler.signals.connect(middleware.headers_received, signal=signals.headers_received)
        crawler.signals.connect(middleware.spider_opened, signal=signals.spider_opened)
        crawler.signals.connect(middleware.spider_closed, signal=signals.spider_closed)
        return middleware

    async def process_request(
        self,
        request: Request,
        spider: Spider | None = None,  # noqa: ARG002
    ) -> Request | None:
        """Decide before the fetch, after the policies came; who waits too long for them comes again."""
        meta = request.meta
        if LEFT in meta:
            return None  # one of our own
        if DECISION in meta:
            del meta[DECISION]  # about an earlier response, whose meta was passed on
        page = request
        if SPLASH in meta:
            self._splash.note(request)
            page = self._splash.page_request(request)
        agent = self._agents.of(page)
        if agent is None:
            return None
        now = self._now()
        check = Check(target_of(page, page.url), agent=agent, policy=self._policy, now=now)
        if not check.origin.startswith(("http://", "https://")) or check.about_policy:
            return None
        if meta.get("dont_cache") == _CUT:
            del meta["dont_cache"]  # of the response that redirected to here

        fetcher = fetcher_for(page, self._fetcher)
        if not fetcher.ready(check):
            policies = fetcher.prepare(check, self._transport(page))
            if not await self._places.wait_for(policies, request, check.origin):
                return self._places.give_back(request)
        if self._enforces_crawl_rules and not self._robots_txt.is_told(check.origin):
            await self._robots_txt.tell(check, page)
        if RETURNED in meta:
            self._places.take_again(request)
        decision = check.decide()
        if self._stops(decision, request):
            raise self._blocked(check, decision, request)
        self._checks[request] = check, decision
        if page is request:
            self._tokens.give(request, decision, now)
        return None

    async def _prepare(self, check: Check, request: Request) -> None:
        """Give a check the policies of its origin; fetch them if they are not known."""
        fetcher = fetcher_for(request, self._fetcher)
        if not fetcher.ready(check):
            await fetcher.prepare(check, self._transport(request))
        if self._enforces_crawl_rules and not self._robots_txt.is_told(check.origin):
            await self._robots_txt.tell(check, request)

    def check_sent(self, request: Request) -> None:
        """Decide once more if later middlewares have set another crawler's User-Agent.

        Raises:
            ReservedError: to that crawler the page is reserved or disallowed.
        """
        known = self._checks.get(request)
        if known is None:
            return
        check, decision = self._resent(self._splash.page_request(request), *known)
        if decision is not known[1]:
            if self._stops(decision, request):
                del self._checks[request]
                raise self._blocked(check, decision, request)
            self._checks[request] = check, decision

    def _resent(self, request: Request, check: Check, decision: Decision) -> tuple[Check, Decision]:
        """The check and decision for the User-Agent that a request was really sent with."""
        agent = self._agents.sent(request, check.agent)
        if agent is check.agent:
            return check, decision
        check = check.asked(agent, self._policy, check.now)
        return check, check.decide()

    def headers_received(self, headers: Headers, request: Request) -> None:
        """Decide on the response head and stop the download where it is reserved.

        The status is not known here, so the error is raised in ``process_response``: a
        redirect's head is about the redirect, not about the page behind it.
        """
        if headers.keys().isdisjoint(_FIELDS):
            return
        known = self._checks.get(request)
        if known is None or self._splash.page_request(request) is not request:
            return
        check = known[0]
        check.feed(page_of(target_of(request, request.url), 200, head_of(headers), None))
        decision = check.decide()
        self._checks[request] = check, decision
        if self._ends(check, decision, request):
            # A body that was cut off must not be kept by the HTTP cache.
            request.meta["dont_cache"] = request.meta.get("dont_cache") or _CUT
            raise StopDownload(fail=False)

    def process_response(
        self,
        request: Request,
        response: Response,
        spider: Spider | None = None,  # noqa: ARG002
    ) -> Response | Coroutine[Any, Any, Response]:
        """Decide on the whole response, and leave the decision in its meta.

        Only where a document is needed first, this takes a while: the page points to it, or was
        found elsewhere than it was asked for.
        """
        known = self._checks.pop(request, None)
        page = self._splash.page_request(request) if SPLASH in request.meta else request
        # The service's own answer, where the request says that it is not to be processed.
        is_raw = page is not request and response.url == request.url
        if known is None:
            agent = None if is_raw else self._agents.beyond_skip(page, response.url)
            if agent is None:
                return response
            url = target_of(page, page.url)
            asked = Check(url, agent=agent, policy=self._policy, now=self._now())
            return self._found_elsewhere(request, response, asked)
        check, decision = self._resent(page, *known)
        if is_raw:
            return self._end(request, response, check, decision, len(response.body))
        if response.status in _REDIRECTS and "Location" in response.headers:
            return response  # somebody handles redirects by hand; the next hop is checked
        found = target_of(page, response.url)
        if not check.is_about(found) and not self._ends(check, decision, request):
            return self._found_elsewhere(request, response, check)
        return self._judge(request, response, check, decision, found)

    async def _found_elsewhere(
        self, request: Request, response: Response, asked: Check
    ) -> Response:
        """Decide on a response that somebody redirected on the way, as browsers do, by the policies
        of where it was found. What was fetched is not delivered against them.
        """
        url = target_of(request, response.url)
        check = Check(url, agent=asked.agent, policy=self._policy, now=asked.now)
        if not check.origin.startswith(("http://", "https://")) or check.about_policy:
            return self._end(request, response, asked, asked.decide(), len(response.body))
        self._reports.count("found_elsewhere")
        await self._prepare(check, request)
        decision = check.decide()
        if self._stops(decision, request):
            self._http_cache.forget(request, response)
            raise self._blocked(check, decision, request, len(response.body))
        judged = self._judge(request, response, check, decision, url)
        return judged if isinstance(judged, Response) else await judged

    def _judge(
        self, request: Request, response: Response, check: Check, decision: Decision, url: str
    ) -> Response | Coroutine[Any, Any, Response]:
        """Decide on a response, which is the page at a URL, by its head and its body."""
        stopped = self._ends(check, decision, request)
        head = head_as_seen(response, url)
        silent = head_key(head) is None
        if stopped or not silent:
            check.feed(head)
        if stopped:
            # What it points to may hold an offer.
            if check.wants():
                return self._follow(request, response, check, head, decision)
            return self._end_stopped(request, response, check, decision)
        if not silent:
            if check.wants():
                return self._follow(request, response, check, head)
            decision = check.decide()
            # A price may stand in the body.
            if self._stops(decision, request) and not may_be_bill(head.media_type, head.status):
                return self._end(request, response, check, decision)
        if self._content and feed_content(check, response, head, media=self._media):
            if check.page_speaks:
                fetcher_for(request, self._fetcher).learn(check)
                if check.wants():
                    return self._follow(request, response, check, check.page or head)
        elif silent:
            check.feed(head)
        return self._end(request, response, check, check.decide(), len(response.body))

    def process_exception(
        self,
        request: Request,
        exception: Exception,  # noqa: ARG002
        spider: Spider | None = None,  # noqa: ARG002
    ) -> None:
        """Tell of a page that was not fetched after all, whoever is to blame."""
        known = self._checks.pop(request, None)
        if known is not None:
            self._reports.count("not_fetched")
            self._reports.tell(*known, request, blocked=False)

    async def _follow(
        self,
        request: Request,
        response: Response,
        check: Check,
        fed: Document,
        stopped: Decision | None = None,
    ) -> Response:
        """Decide on a response when the documents that it points to are there, head first.

        Nothing more is fed where it was ``stopped``: the body was cut off.
        """
        transport, fetcher = self._transport(request), fetcher_for(request, self._fetcher)
        await fetcher.follow(check, transport)
        if stopped is not None:
            return self._end_stopped(request, response, check, stopped)
        decision = check.decide()
        ends = fed.body is not None or not self._content or self._stops(decision, request)
        if not ends and feed_content(check, response, fed, media=self._media):
            fetcher.learn(check)
            await fetcher.follow(check, transport)
            decision = check.decide()
        return self._end(request, response, check, decision, len(response.body))

    def _now(self) -> datetime | None:
        return self._fetcher.now(self._policy)

    def _end(
        self,
        request: Request,
        response: Response,
        check: Check,
        decision: Decision,
        octets: int | None = None,
    ) -> Response:
        """Let a response pass, or not."""
        request.meta[DECISION] = decision
        if self._stops(decision, request):
            self._http_cache.forget(request, response)
            raise self._blocked(check, decision, request, octets)
        self._reports.tell(check, decision, request, blocked=False, octets=octets)
        return response

    def _end_stopped(
        self, request: Request, response: Response, check: Check, stopped: Decision
    ) -> Response:
        """Stop a response whose body was cut off, whatever its status adds."""
        decision = check.decide()
        if not self._stops(decision, request):
            decision = stopped
        return self._end(request, response, check, decision)

    def _transport(self, request: Request) -> Transport:
        """Fetches policies for the sake of a request."""

        async def send(ask: Ask) -> Answer:
            self._reports.set("policy_fetches", self._fetcher.fetches)
            return await self._downloads.fetch(ask, request)

        watched = self._robots_txt.watched(self._journal.watched(send))
        return self._downloads.retriable(self._http_cache.keeping(watched))

    def spider_opened(self) -> None:
        """Have items tell of files that were blocked; by now the pipelines are there."""
        tell_items(self._crawler)

    async def spider_closed(self) -> None:
        """End what is under way, and tell what all came to."""
        await self._fetcher.close()
        await self._reports.close(self._fetcher)

    def _stops(self, decision: Decision, request: Request) -> bool:
        """Whether a decision is enforced for this request."""
        if decision.action is Action.PROCEED:
            return False
        if self._forbids(decision, request):
            return True
        return decision.usage_action is Action.BLOCK and self._policy.mode is Mode.ENFORCE

    def _forbids(self, decision: Decision, request: Request) -> bool:
        """Whether crawl rules stop this request."""
        return (
            decision.crawl_action is Action.BLOCK
            and self._enforces_crawl_rules
            and not self._splash.page_request(request).meta.get("dont_obey_robotstxt")
        )

    def _ends(self, check: Check, decision: Decision, request: Request) -> bool:
        """Whether a decision stops a download, whatever else the page points to.

        A licence for wherever its server is offered may be for here: a document that is still
        to be had can say so.
        """
        return self._stops(decision, request) and not (self._anywhere and check.wants())

    def _blocked(
        self, check: Check, decision: Decision, request: Request, octets: int | None = None
    ) -> ReservedError:
        request.meta[DECISION] = decision
        self._reports.tell(check, decision, request, blocked=True, octets=octets)
        if self._forbids(decision, request) and decision.unreachable is None:
            self._robots_txt.forbid()
        return ReservedError.of(decision)
