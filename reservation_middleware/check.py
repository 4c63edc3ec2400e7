"""The sans-IO machine: what a check needs, what it was given, what follows.

``Check`` names the policy resources it wants, is fed Documents, and decides at any
time. It never raises on what a site sends, opens nothing and reads no clock.
"""

from datetime import datetime

import msgspec

from .licences import apply
from .model import (
    PAGE,
    Action,
    Agent,
    ConfigurationError,
    Decision,
    Document,
    Outcome,
    Policy,
    PolicyRequest,
    Preference,
    Probes,
    Stage,
)
from .profiles import profile
from .reading import FEED, LINKED, RESOURCES, Reading, page_readings, probed
from .signals import CONTENT, ROBOTS_TXT, Link, Question
from .site import MOST_PAGE_LINKS, Site
from .syntax.path import canonical, split_url

BY_PATH = {place.path: place for place in RESOURCES.values()}


class Check:
    """One page, one agent, one policy: three stages, one machine.

    Args:
        url: absolute URL of the page.
        agent: who asks and for which purposes.
        policy: what the operator decided; the ``opt-out`` profile if None.
        site: what is known of the origin already; then nothing more is wanted.
        now: the time, timezone-aware; needed where the policy has licences with dates.

    Raises:
        ConfigurationError: a licence has dates, and there is no time to hold against them.

    Example:
        >>> check = Check("https://a.example/x", agent=Agent("ExampleBot"))
        >>> [request.resource for request in check.wants()]
        ['robots.txt', 'tdmrep.json']

    """

    __slots__ = (
        *("_fed", "_head", "_known", "_lessons", "_linked", "_now", "_page", "_question"),
        *("_site", "_stage", "origin"),
    )

    def __init__(
        self,
        url: str,
        *,
        agent: Agent,
        policy: Policy | None = None,
        site: Site | None = None,
        now: datetime | None = None,
    ) -> None:
        #: Scheme, host and port that policies are keyed by; empty if the URL has none.
        self.origin, target = split_url(url)
        self._question = Question(
            url, target, canonical(target), agent, profile() if policy is None else policy
        )
        self._site = site
        self._known = site is not None
        self._fed: dict[str, Reading] | None = None
        #: Documents that others point to, by what they are and address.
        self._linked: dict[tuple[str, str], Reading] | None = None
        #: Pages of the origin that say something about others, such as feeds.
        self._lessons: tuple[Reading, ...] = ()
        self._page: tuple[Reading, ...] = ()
        self._head: Document | None = None
        self._stage = Stage.SITE
        self._now = now
        held = self._question.policy.licences
        if held and now is None and any(one.dated for one in held):
            raise ConfigurationError("licences with dates need the time: Check(…, now=…)")

    @property
    def now(self) -> datetime | None:
        """The time that licences are held against, as it was handed in."""
        return self._now

    @property
    def about_policy(self) -> bool:
        """Whether the page is itself a place where policies stand.

        Asking for the rules is never against them, so adapters leave such requests alone.
        """
        return self._question.target in BY_PATH

    @property
    def alone(self) -> bool:
        """Whether the answer holds for this page only, and not for all of its patterns."""
        return self._question.alone

    @property
    def lesson(self) -> Reading | None:
        """The page, if it says something about others of its origin."""
        return next((reading for reading in self._page if reading.teaches), None)

    @property
    def page_speaks(self) -> bool:
        """Whether the page, as far as it was fed, holds anything that a signal may read."""
        return bool(self._page)

    @property
    def content_speaks(self) -> bool:
        """The same of its content, as far as that was fed."""
        return any(reading.place is CONTENT for reading in self._page)

    @property
    def page(self) -> Document | None:
        """The page as it was last fed: its head, or all of it."""
        return self._head

    @property
    def documents(self) -> tuple[Document, ...]:
        """What the decision rests on besides the page: its origin's documents, what these and
        the page point to, and other pages that speak of it, as feeds.
        """
        site = self._site or self._read()
        found = site.documents
        if self._linked:
            known = {(one.resource, one.url) for one in found}
            found += tuple(one.document for key, one in self._linked.items() if key not in known)
        return (*found, *(one.document for one in site.lessons)) if site.lessons else found

    @property
    def probes(self) -> Probes:
        """Which well-known places the policy asks."""
        return self._question.policy.probes

    def know(self, site: Site) -> None:
        """Take what is known of the origin; then nothing more is wanted."""
        self._site = site
        self._known = True
        self._fed = None
        self._question.settled = None
        self._question.crawl = Preference.UNKNOWN

    def asked(self, agent: Agent, policy: Policy, now: datetime | None = None) -> "Check":
        """The same page and all that was fed, asked by somebody else or under another policy.

        Raises:
            ConfigurationError: as for a check.
        """
        one = self._question
        other = Check(one.url, agent=agent, policy=policy, site=self._site or self._read(), now=now)
        other._question.media = one.media
        other._head, other._page, other._stage = self._head, self._page, self._stage
        other._lessons, other._linked = self._lessons, self._linked
        return other

    @property
    def stage(self) -> Stage:
        """How far the fetch has come."""
        return self._stage

    def wants(self) -> tuple[PolicyRequest, ...]:
        """The policy resources that are still needed: before the page is fetched its origin's
        and what these point to, then what the page points to.
        """
        if not self.origin.startswith(("http://", "https://")):
            return ()
        wanted: tuple[PolicyRequest, ...] = ()
        if not self._known:
            read = self._fed or {}
            wanted = tuple(
                PolicyRequest(place.name, self.origin + place.path, place.limit)
                for place in probed(self._question.policy.probes)
                if place.path and place.name not in read
            )
            wanted += tuple(map(request_for, self._read().links))
        if self._page:
            fed = self._linked or {}
            links = self._pointed()[:MOST_PAGE_LINKS]
            wanted += tuple(request_for(link) for link in links if link.key not in fed)
        return wanted

    def _pointed(self) -> tuple[Link, ...]:
        """What the page points to and its site does not."""
        links = dict.fromkeys(link for reading in self._page for link in reading.links)
        if not links:
            return ()
        known = {(one.resource, one.url) for one in (self._site or self._read()).documents}
        return tuple(link for link in links if link.key not in known)

    def feed(self, document: Document) -> None:
        """Take one document: a policy resource, the page's head, or the page with its body."""
        if document.resource == PAGE:
            if document.status is None and document.outcome is not Outcome.FETCHED:
                return  # there was no page
            head = self._head
            if head is not None and not document.headers and document.body is not None:
                # The body of a page whose head came before.
                document = msgspec.structs.replace(document, headers=head.headers)
            self._head = document
            self._question.media = document.media_type
            self._page = page_readings(document)
            self._stage = Stage.HEADERS if document.body is None else Stage.CONTENT
            return
        if document.resource == FEED:
            self._lessons = (*self._lessons, Reading(document, CONTENT))
            if not self._known:
                self._site = None
            self._question.settled = None
            return
        place = RESOURCES.get(document.resource)
        if place is not None:
            if self._fed is None:
                self._fed = {}
            self._fed[place.name] = Reading(document, place)
            self._site = None
            self._known = False
            self._question.settled = None
            self._question.crawl = Preference.UNKNOWN
            return
        place = LINKED.get(document.resource)
        if place is not None:
            key = document.resource, document.url
            self._linked = {**(self._linked or {}), key: Reading(document, place)}
            if not self._known:
                self._site = None
            self._question.settled = None
            self._question.crawl = Preference.UNKNOWN

    def decide(self) -> Decision:
        """What follows from all that was fed so far."""
        site = self._site or self._read()
        page = self._page
        if self._linked:
            known = {(one.resource, one.url) for one in site.documents}
            page += tuple(one for key, one in self._linked.items() if key not in known)
        if self._page:
            more = {link.place: link for link in self._pointed()[MOST_PAGE_LINKS:]}
            page += tuple(map(_left_out, more.values()))
        decision = site.decide(self._question, self._stage, page)
        policy = self._question.policy
        if policy.licences and decision.action is Action.BLOCK:
            return apply(decision, policy, self._now, unreachable=_no_rules(site))
        return decision

    def _read(self) -> Site:
        """What the origin says, as far as it was fed."""
        if self._site is None:
            fed = tuple((self._fed or {}).values())
            pointed = {link.key for reading in fed for link in reading.links}
            linked = (one for key, one in (self._linked or {}).items() if key in pointed)
            self._site = Site((*fed, *linked), self._lessons)
        return self._site


def _left_out(link: Link) -> Reading:
    """A document that is not fetched, since a page points to too many: it could say no."""
    problem = f"the page points to more than {MOST_PAGE_LINKS} documents"
    document = Document(
        url=link.url, resource=link.place.name, outcome=Outcome.UNREACHABLE, problem=problem
    )
    return Reading(document, link.place)


def _no_rules(site: Site) -> bool:
    """Whether robots.txt could not be had."""
    return any(
        one.resource == ROBOTS_TXT.name and one.outcome is Outcome.UNREACHABLE
        for one in site.documents
    )


def request_for(link: Link) -> PolicyRequest:
    """The request for a document that another one points to."""
    return PolicyRequest(link.place.name, link.url, link.place.limit)


def is_policy_resource(url: str) -> bool:
    """Whether a URL is a place where policies stand."""
    return split_url(url)[1] in BY_PATH
