"""Who a request is judged for: the product token of its User-Agent, and its own options.

Stock Scrapy asks robots.txt for the User-Agent that a request is sent with, so that is done here,
too, unless ``RESERVATION_AGENT`` or ``ROBOTSTXT_USER_AGENT`` names the crawler once for all.
"""

import logging
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from typing import Any

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Headers

from reservation_middleware.model import Agent, ConfigurationError
from reservation_middleware.model.lru import BoundedLru
from reservation_middleware.model.user_agent import claimed_token
from reservation_middleware.syntax.path import split_url

from ._settings import configured_agent, default_user_agent

logger = logging.getLogger("reservation_middleware.scrapy")

#: Options of a request: the key in its meta.
OPTIONS = "reservation"
#: User-Agents, and combinations of agent and purposes, that are remembered.
MAX_REMEMBERED = 256
#: As Scrapy's Headers spell it.
_USER_AGENT = b"User-Agent"


class Agents:
    """Finds the agent of each request.

    Args:
        crawler: whose settings name the agent, or the User-Agent.
        count: adds one to a stat.
    """

    def __init__(self, crawler: Crawler, count: Callable[[str], None]) -> None:
        settings = crawler.settings
        self._count = count
        self._warned: set[str] = set()
        #: The agent of requests that have no User-Agent of their own (yet).
        self._default, self._is_named = configured_agent(settings)
        self._is_fixed = self._is_named or bool(settings.get("ROBOTSTXT_USER_AGENT"))
        #: The agent by the value of a User-Agent field.
        self._by_user_agent = lru_cache(MAX_REMEMBERED)(self._named_by)
        self._for_purposes: BoundedLru[tuple[str, tuple[str, ...]], Agent]
        self._for_purposes = BoundedLru(MAX_REMEMBERED)
        #: User-Agents that were compared with the agent that is set.
        self._compared: BoundedLru[bytes, bool] = BoundedLru(MAX_REMEMBERED)
        if self._is_named:
            self._compare(default_user_agent(crawler))
        elif not self._is_fixed:
            self._default = self._named_by(default_user_agent(crawler), crawl_wide=True)

    def of(self, request: Request) -> Agent | None:
        """The agent that a request is judged for; None if it is to be left alone."""
        agent = self._default if self._is_fixed else self._by_header(request.headers)
        if OPTIONS in request.meta:
            return self._with_options(agent, request)
        return agent

    def beyond_skip(self, request: Request, url: str) -> Agent | None:
        """The agent for what a request that was to be left alone found at another origin.

        Args:
            request: one that was not judged, for whatever reason.
            url: where its response was found.

        Returns:
            None where that is the origin asked, or the request was not skipped.
        """
        options: Any = request.meta.get(OPTIONS)
        if not _is_ours(options) or not options.get("skip"):
            return None
        if split_url(request.url)[0] == split_url(url)[0]:
            return None
        return self._default if self._is_fixed else self._by_header(request.headers)

    def sent(self, request: Request, judged: Agent) -> Agent:
        """The agent that a request was sent as; the one it was judged for unless that changed.

        Middlewares that run later may have set another User-Agent. Where the agent is set, a
        User-Agent that lacks it is a warning, once.
        """
        if self._is_fixed:
            if self._is_named:
                values = dict.get(request.headers, _USER_AGENT)
                if values and not self._compared.get(values[0]):
                    self._compare(values[0])
            return judged
        agent = self._by_header(request.headers)
        return judged if agent.token == judged.token else self._for(agent, judged.purposes)

    def _by_header(self, headers: Headers) -> Agent:
        values = dict.get(headers, _USER_AGENT)
        if not values:
            return self._default
        return self._by_user_agent(values[0])

    def _named_by(self, user_agent: bytes, *, crawl_wide: bool = False) -> Agent:
        """The agent that a User-Agent names; the group for everyone if it names none."""
        text = user_agent.decode("latin-1")
        claimed = claimed_token(text)
        token = claimed.token
        where = "USER_AGENT" if crawl_wide else "the User-Agent of a request,"
        if claimed.is_ambiguous:
            self._warn(
                "several names",
                f"RESERVATION_AGENT is not set and {where} {text!r} may name several crawlers; "
                f"robots.txt groups are looked up for {token!r}: set RESERVATION_AGENT",
            )
        elif token is None or claimed.is_library:
            self._warn(
                "no name",
                f"RESERVATION_AGENT is not set and {where} {text!r} names no crawler of yours; "
                f"robots.txt groups are looked up for {token or '*'!r}, "
                "which many sites block by name",
            )
        return self._with_token(token or "*")

    def _with_token(self, token: str) -> Agent:
        if token == self._default.token:
            return self._default
        return Agent(token, self._default.purposes)

    def _compare(self, user_agent: bytes) -> None:
        """Warn, once, where a User-Agent does not name the agent that is set."""
        self._compared.put(user_agent, True)
        text = user_agent.decode("latin-1")
        token = self._default.token
        # Of a fallback list any is a name of ours.
        if token != "*" and not any(key in text.lower() for key in self._default.keys):
            self._warn(
                "another name",
                f"RESERVATION_AGENT is {token!r}, but requests are sent as {text!r}: sites cannot "
                "tell that these are yours; say it in USER_AGENT",
            )

    def _with_options(self, agent: Agent, request: Request) -> Agent | None:
        """The agent by a request's options; None if they say that it is to be left alone."""
        options = request.meta[OPTIONS]
        if not _is_ours(options):
            self._warn(
                "not ours",
                f"request.meta[{OPTIONS!r}] is left alone, as it has none of our options "
                '("skip": a boolean, "purposes": a list): the crawl\'s own settings hold',
            )
            return agent
        if options.get("skip"):
            # Meant for the site that was asked, not for wherever it redirects to.
            first = request.meta.get("redirect_urls", [request.url])[0]
            if split_url(first)[0] == split_url(request.url)[0]:
                self._count("skipped")
                return None
        purposes = options.get("purposes")
        if purposes is None:
            return agent
        try:
            return self._for(agent, purposes)
        except ConfigurationError as error:
            self._warn(
                "purposes",
                f"request.meta[{OPTIONS!r}]: {error}; RESERVATION_PURPOSES holds instead",
            )
            return agent

    def _for(self, agent: Agent, purposes: Collection[str]) -> Agent:
        """An agent with other purposes; the same object for the same purposes.

        Raises:
            ConfigurationError: a purpose is not known.
        """
        changed = Agent(agent.tokens or agent.token, purposes)
        key = agent.token, tuple(changed.purposes)
        known = self._for_purposes.get(key)
        if known is None:
            known = changed
            self._for_purposes.put(key, known)
        return known

    def _warn(self, kind: str, message: str) -> None:
        """Log a warning of a kind once."""
        if kind not in self._warned:
            self._warned.add(kind)
            logger.warning("%s", message)


def _is_ours(options: object) -> bool:
    """Whether a value in a request's meta is options of ours, and not a project's own."""
    if not isinstance(options, Mapping) or not options.keys() <= {"skip", "purposes"}:
        return False
    purposes = options.get("purposes")
    words = purposes if isinstance(purposes, list | tuple | set | frozenset) else (purposes or "",)
    return isinstance(options.get("skip", False), bool) and all(
        isinstance(word, str) for word in words
    )
