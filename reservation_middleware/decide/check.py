"""The sans-IO machine: what a check needs, what it was given, what follows.

``Check`` names the policy resources it wants, is fed Documents, and decides at any
time. It never raises on what a site sends, opens nothing and reads no clock.
"""

from datetime import datetime

from msgspec.structs import replace

from reservation_middleware.model import (
    PAGE,
    Action,
    Agent,
    ConfigurationError,
    Decision,
    Document,
    Outcome,
    Policy,
    PolicyRequest,
    Probes,
    Stage,
)
from reservation_middleware.signals import CONTENT, Link, Question
from reservation_middleware.syntax.path import MAX_TARGET, judged, resolved_target, split_url

from .answers import AnswerKey
from .head_template import HeadKey
from .licences import apply
from .profiles import profile
from .reading import (
    BY_PATH,
    FEED,
    LINKED,
    MOST_PAGE_LINKS,
    RESOURCES,
    Reading,
    content_reading,
    head_key,
    head_reading,
    left_out,
    probed,
    request_for,
    unread,
)
from .site import Site, without_head

# Members of an enum are looked up slowly before Python 3.12.
_SITE, _HEADERS, _CONTENT = Stage.SITE, Stage.HEADERS, Stage.CONTENT


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
        *(
            "_away",
            "_content",
            "_fed",
            "_has_head",
            "_heard",
            "_known",
            "_lessons",
            "_linked",
            "_key",
            "_question",
        ),
        *("_agent", "_said", "_site", "now", "origin", "page", "stage"),
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
        policy = profile() if policy is None else policy
        resolved = None
        if "/." in target or "%" in target or "\\" in target or len(target) >= MAX_TARGET:
            meant = resolved_target(url, target)
            if meant is not None:
                resolved = Question(url, meant, judged(meant), agent, policy)
        self._question = Question(url, target, judged(target), agent, policy, resolved=resolved)
        #: Where the site's answers to the question are, once looked up.
        self._key: AnswerKey | None = None
        self._agent = agent
        self._site = site
        self._known = site is not None
        self._fed: dict[str, Reading] | None = None
        #: Documents that others point to, by what they are and address.
        self._linked: dict[tuple[str, str], Reading] | None = None
        #: Pages of the origin that say something about others, such as feeds.
        self._lessons: tuple[Reading, ...] = ()
        self.page: Document | None = None  #: As it was last fed: its head, or all of it.
        #: Whether the page was found at another origin, to which its references lead.
        self._away = False
        #: Whether the page's status and fields were seen; of a rendered page they may not be.
        self._has_head = True
        #: What the page's head says, its content if that says anything, the readings of both.
        self._heard: HeadKey | None = None
        self._content: Reading | None = None
        self._said: tuple[Reading, ...] | None = None
        self.stage = _SITE  #: How far the fetch has come.
        #: The time that licences are held against, as it was handed in.
        self.now = now
        held = self._question.policy.licences
        if held and now is None and any(one.dated for one in held):
            raise ConfigurationError("licences with dates need the time: Check(…, now=…)")

    @property
    def about_policy(self) -> bool:
        """Whether the page is itself a place where policies stand.

        Asking for the rules is never against them, so adapters leave such requests alone.
        """
        return self._question.target in BY_PATH

    @property
    def agent(self) -> Agent:
        """Who asks, and what for."""
        return self._agent

    def is_about(self, url: str) -> bool:
        """Whether a URL is another spelling of the page's: equal origin, path and query."""
        if url == self._question.url:
            return True
        origin, target = split_url(url)
        return origin == self.origin and judged(target) == self._question.path

    @property
    def site(self) -> Site:
        """What its origin says, as far as it was fed."""
        return self._site or self._read()

    @property
    def is_remembered(self) -> bool:
        """Whether its site remembers the answer for all pages whose paths match as this one's."""
        site = self.site
        return site.answers.lookup(self._key_in(site), self.stage) is not None

    @property
    def lesson(self) -> Reading | None:
        """The page, if it says something about others of its origin."""
        return (
            self._content
            if self._content is not None and self._content.speaks_of_other_pages
            else None
        )

    @property
    def page_speaks(self) -> bool:
        """Whether the page, as far as it was fed, holds anything that a signal may read."""
        return self._heard is not None or self._content is not None

    @property
    def content_speaks(self) -> bool:
        """The same of its content, as far as that was fed."""
        return self._content is not None and self.stage is _CONTENT

    @property
    def documents(self) -> tuple[Document, ...]:
        """What the decision rests on besides the page: its origin's documents, what these and
        the page point to, and other pages that speak of it, as feeds.
        """
        site = self.site
        found = site.documents
        if self._linked:
            found += tuple(one.document for one in self._others())
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
        self._key = None

    def asked(self, agent: Agent, policy: Policy, now: datetime | None = None) -> "Check":
        """The same page and all that was fed, asked by somebody else or under another policy.

        Raises:
            ConfigurationError: as for a check.
        """
        one = self._question
        other = Check(one.url, agent=agent, policy=policy, site=self.site, now=now)
        other.page, other._heard, other._content = self.page, self._heard, self._content
        other._said, other.stage, other._away = self._said, self.stage, self._away
        other._has_head = self._has_head
        other._question = replace(other._question, media=one.media)
        other._lessons, other._linked = self._lessons, self._linked
        return other

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
        if self.page_speaks:
            fed = self._linked or {}
            links = self._pointed()[:MOST_PAGE_LINKS]
            wanted += tuple(request_for(link) for link in links if link.key not in fed)
        return wanted

    def _pointed(self) -> tuple[Link, ...]:
        """What the page points to and its site does not."""
        if self._content is None and not self._linked and not self._away:
            if self._heard is None:
                return ()
            template = None
            site = self._site
            if site is not None:
                template = site.answers.lookup_head(self._key_in(site), self.stage, self._heard)
            if template is not None and not template.points:
                return ()
        links = dict.fromkeys(link for reading in self._readings() for link in reading.links)
        known = self._documents() if links else ()
        return tuple(link for link in links if link.key not in known)

    def feed(self, document: Document) -> None:
        """Take one document: a policy resource, the page's head, or the page with its body.

        A page that was fetched and has neither a status nor any field is content without a
        head, as rendering services give it.
        """
        if document.resource == PAGE:
            if document.status is None and document.outcome is not Outcome.FETCHED:
                return  # there was no page
            head = self.page
            if head is not None and not document.headers and document.body is not None:
                # The body of a page whose head came before.
                document = replace(document, headers=head.headers)
            self.page = document
            same = document.url == self._question.url
            self._away = not same and split_url(document.url)[0] != self.origin
            self._has_head = document.status is not None or bool(document.headers)
            self._heard = head_key(document)
            self._said = None
            if document.body is None:
                self.stage = _HEADERS
                self._content = unread(document) if document.problem else None
            else:
                self.stage = _CONTENT
                self._content = content_reading(document)
            return
        if document.resource == FEED:
            self._lessons = (*self._lessons, Reading(document, CONTENT))
        elif document.resource in RESOURCES:
            place = RESOURCES[document.resource]
            self._fed = {**(self._fed or {}), place.name: Reading(document, place)}
            self._known = False
        elif document.resource in LINKED:
            place, key = LINKED[document.resource], (document.resource, document.url)
            self._linked = {**(self._linked or {}), key: Reading(document, place)}
        else:
            return
        if not self._known:
            self._site = None
        self._key = None

    def feed_part(self, page: Document, problem: str) -> None:
        """Take a page of which only the beginning of its content is there, or nothing.

        A no in it counts; else its content was not reached, and is noted.

        Args:
            page: the page.
            problem: why there is no more of it, in a few words.
        """
        if page.body:
            self.feed(page)
            if self.decide().action is Action.BLOCK:
                return
        self.feed(replace(page, body=None, problem=problem))

    def decide(self) -> Decision:
        """What follows from all that was fed so far."""
        site = self._site or self._read()
        page, head = self.page, self._heard
        if self._content is not None or self._linked or self._away:
            readings = self._on_page()
            decision = site.decide(self._key_in(site), self.stage, readings)
        elif page is not None and head is not None:
            key = self._key_in(site)
            template = site.answers.lookup_head(key, self.stage, head)
            if template is not None:
                decision = template.about(page, key.question.url, key.question.agent.token)
            else:
                readings = self._on_page()
                key = self._key_in(site)  # of which the media type is known now
                decision = site.decide(key, self.stage, readings)
                site.remember_head(key, head, decision, readings)
        else:
            decision = site.decide(self._key_in(site), self.stage)
        if not self._has_head:
            decision = without_head(decision)
        policy = self._question.policy
        if policy.licences and decision.action is Action.BLOCK:
            return apply(decision, policy, self.now, unreachable=site.unreachable)
        return decision

    def _key_in(self, site: Site) -> AnswerKey:
        """Where a site's answers to the question are, asked as the token that counts there."""
        if self._agent.tokens:
            agent = site.agent_for(self._agent)
            if agent is not self._question.agent:
                resolved = self._question.resolved
                if resolved is not None:
                    resolved = replace(resolved, agent=agent)
                self._question = replace(self._question, agent=agent, resolved=resolved)
        key = self._key
        if key is None or key.question is not self._question:
            key = self._key = site.answers.key_of(self._question)
        return key

    def _readings(self) -> tuple[Reading, ...]:
        """The readings of the page that say anything: of its head, and of its content."""
        if self._said is None:
            document = self.page
            if document is None:
                return ()
            if self._question.media != document.media_type:
                self._question = replace(self._question, media=document.media_type)
            head = () if self._heard is None else (head_reading(document),)
            self._said = head if self._content is None else (*head, self._content)
        return self._said

    def _on_page(self) -> tuple[Reading, ...]:
        """The same with what the page points to."""
        said = self._readings()
        page = (*said, *self._others())
        if said:
            more = {link.place: link for link in self._pointed()[MOST_PAGE_LINKS:]}
            page += tuple(map(left_out, more.values()))
        return page

    def _others(self) -> tuple[Reading, ...]:
        """Documents that others point to and that are none of the site's."""
        known = self._documents() if self._linked else ()
        return tuple(one for key, one in (self._linked or {}).items() if key not in known)

    def _documents(self) -> set[tuple[str, str]]:
        """The keys of what the site's answers rest on."""
        return {(one.resource, one.url) for one in (self.site).documents}

    def _read(self) -> Site:
        """What the origin says, as far as it was fed."""
        if self._site is None:
            fed = tuple((self._fed or {}).values())
            pointed = {link.key for reading in fed for link in reading.links}
            linked = (one for key, one in (self._linked or {}).items() if key in pointed)
            self._site = Site((*fed, *linked), self._lessons)
        return self._site
