"""The sans-IO machine: what a check needs, what it was given, what follows.

``Check`` names the policy resources it wants, is fed Documents, and decides at any
time. It never raises on what a site sends, opens nothing and reads no clock. Settling
one page against policies that were read before is the hot path of every crawler.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from .cache.freshness import earliest
from .model import (
    PAGE,
    Action,
    Agent,
    ConfigurationError,
    Decision,
    Document,
    Note,
    Offer,
    Outcome,
    Policy,
    PolicyRequest,
    Preference,
    Probes,
    Reason,
    Stage,
)
from .model.vocabulary import unknown_word
from .profiles import profile
from .resolve import conflict_note, resolve, verdict
from .signals import (
    CONTENT,
    HEADERS,
    SIGNALS,
    Findings,
    Place,
    Question,
    Settled,
    Signal,
    Source,
)
from .syntax.path import canonical, split_url

_WORDS: tuple[bytes, ...] = tuple(
    dict.fromkeys(word for signal in SIGNALS for word in signal.words)
)
#: Header fields that some signal reads, lower case.
FIELDS: frozenset[bytes] = frozenset(field for signal in SIGNALS for field in signal.fields)
#: Every place that some signal reads, in the order in which a fetch reaches them.
PLACES: tuple[Place, ...] = tuple(
    sorted(
        dict.fromkeys(place for signal in SIGNALS for place in signal.places),
        key=lambda place: (place is CONTENT, place is HEADERS),
    )
)
_RESOURCES = {place.name: place for place in PLACES if place.path}
_BY_PATH = {place.path: place for place in PLACES if place.path}
_READERS: Mapping[Place, tuple[tuple[int, Signal[Any]], ...]] = {
    place: tuple((n, signal) for n, signal in enumerate(SIGNALS) if place in signal.places)
    for place in PLACES
}


class Reading:
    """A document with what every signal found in it at one place; made once, used often."""

    __slots__ = ("document", "found", "notes", "place")

    def __init__(self, document: Document, place: Place) -> None:
        self.document = document
        self.place = place
        source = Source(document, place, _WORDS)
        found: list[tuple[int, Findings]] = []
        for number, signal in _READERS[place]:
            findings = signal.parse(source)
            if findings is not None:
                found.append((number, findings))
        self.found = tuple(found)
        self.notes: tuple[Note, ...] = tuple(
            note for _, findings in found for note in findings.notes
        )


class Site:
    """What one origin's policy resources say, bound together; shared by all its pages."""

    __slots__ = ("consulted", "documents", "expires", "found", "notes")

    def __init__(self, readings: Iterable[Reading] = ()) -> None:
        ordered = sorted(readings, key=lambda reading: PLACES.index(reading.place))
        self.consulted: tuple[str, ...] = tuple(reading.place.name for reading in ordered)
        self.documents: tuple[Document, ...] = tuple(reading.document for reading in ordered)
        self.notes: tuple[Note, ...] = tuple(note for reading in ordered for note in reading.notes)
        self.expires: datetime | None = earliest(reading.document.expires for reading in ordered)
        found: dict[int, list[Findings]] = {}
        for reading in ordered:
            for number, findings in reading.found:
                found.setdefault(number, []).append(findings)
        self.found = found

    def plus(self, readings: Sequence[Reading]) -> "Site":
        """The same with more readings, which come after those that are here."""
        site = Site()
        site.consulted = (*self.consulted, *(reading.place.name for reading in readings))
        site.notes = (*self.notes, *(note for reading in readings for note in reading.notes))
        site.documents = self.documents
        site.expires = self.expires
        site.found = {number: list(findings) for number, findings in self.found.items()}
        for reading in readings:
            for number, findings in reading.found:
                site.found.setdefault(number, []).append(findings)
        return site


class Check:
    """One page, one agent, one policy: three stages, one machine.

    Args:
        url: absolute URL of the page.
        agent: who asks and for which purposes.
        policy: what the operator decided; the ``opt-out`` profile if None.
        site: what is known of the origin already.

    Example:
        >>> check = Check("https://a.example/x", agent=Agent("ExampleBot"))
        >>> [request.resource for request in check.wants()]
        ['robots.txt', 'tdmrep.json']

    """

    __slots__ = ("_agent", "_fed", "_origin", "_page", "_policy", "_question", "_site", "_stage")

    def __init__(
        self,
        url: str,
        *,
        agent: Agent,
        policy: Policy | None = None,
        site: Site | None = None,
    ) -> None:
        self._agent = agent
        self._policy = profile() if policy is None else policy
        self._origin, target = split_url(url)
        self._question = Question(
            url=url,
            target=target,
            path=canonical(target),
            agent=agent,
            policy=self._policy,
        )
        self._site = site
        self._fed: dict[str, Reading] = {}
        self._page: dict[Place, Reading] = {}
        self._stage = Stage.SITE

    @property
    def origin(self) -> str:
        """Scheme, host and port that policies are keyed by; empty if the URL has none."""
        return self._origin

    @property
    def stage(self) -> Stage:
        """How far the fetch has come."""
        return self._stage

    def wants(self) -> tuple[PolicyRequest, ...]:
        """The policy resources that are still needed before the page is fetched."""
        if self._site is not None or not self._origin.startswith(("http://", "https://")):
            return ()
        return tuple(
            PolicyRequest(place.name, self._origin + place.path, place.limit)
            for place in probed(self._policy.probes)
            if place.name not in self._fed and place.path
        )

    def feed(self, document: Document | Reading) -> None:
        """Take one document: a policy resource, the page's head, or the page with its body."""
        if isinstance(document, Reading):
            self._take(document)
            return
        if document.resource != PAGE:
            place = _RESOURCES.get(document.resource)
            if place is not None:
                self._take(Reading(document, place))
            return
        if document.status is None and document.outcome is not Outcome.FETCHED:
            return  # there was no page
        self._question.media = document.media_type
        self._take(Reading(document, HEADERS))
        if document.body is not None:
            self._take(Reading(document, CONTENT))

    def decide(self) -> Decision:
        """What follows from all that was fed so far."""
        site = self._site
        if site is None:
            site = Site(self._fed.values())
        if self._page:
            site = site.plus(list(self._page.values()))
        return self._decide(site)

    def _take(self, reading: Reading) -> None:
        place = reading.place
        if place is HEADERS or place is CONTENT:
            self._page[place] = reading
            if place is CONTENT:
                self._stage = Stage.CONTENT
            elif self._stage is Stage.SITE:
                self._stage = Stage.HEADERS
        else:
            self._site = None
            self._fed[place.name] = reading

    def _decide(self, site: Site) -> Decision:
        question = self._question
        policy = self._policy
        agent = self._agent
        counting = policy.signals
        question.crawl = Preference.UNKNOWN
        settled: list[Settled] = []
        offers: tuple[Offer, ...] = ()
        for number, signal in enumerate(SIGNALS):
            found = site.found.get(number)
            if found is None or (counting is not None and signal.name not in counting):
                continue
            one = signal.settle(found, question)
            if one is None:
                continue
            settled.append(one)
            if one.crawl is not None:
                question.crawl = one.crawl
            if one.offers:
                offers += one.offers
        answer = resolve(settled)
        said = verdict(answer.usage, agent.leaves)
        on_crawl = policy.on_crawl(answer.crawl, unreachable=answer.unreachable)
        on_usage = policy.on_usage(said)
        notes = site.notes
        if answer.conflicts:
            notes = (*notes, conflict_note(question.url, answer.conflicts))
        return Decision(
            url=question.url,
            agent=agent.token,
            purposes=tuple(agent.purposes),
            profile=policy.profile,
            stage=self._stage,
            action=Action.BLOCK if Action.BLOCK in (on_crawl, on_usage) else Action.PROCEED,
            verdict=said,
            crawl=answer.crawl,
            usage=answer.usage,
            reasons=tuple(map(Reason.of, answer.statements)),
            offers=offers,
            notes=notes,
            consulted=site.consulted,
            not_reached=_not_reached(site.consulted),
            expires=site.expires,
            crawl_action=on_crawl,
            usage_action=on_usage,
        )


def is_policy_resource(url: str) -> bool:
    """Whether a URL is a place where policies stand: asking for the rules is never against them."""
    return split_url(url)[1] in _BY_PATH


def documents_for(url: str, documents: Iterable[Document]) -> Iterable[Document]:
    """Name the resources of documents that are given by URL only, as the batch face gets them.

    The document at the asked URL is the page; one at a well-known place of the same
    origin is that resource; others are left out.
    """
    origin, target = split_url(url)
    for document in documents:
        where, path = split_url(document.url)
        if where != origin:
            continue
        place = _BY_PATH.get(path)
        if place is not None:
            yield _renamed(document, place.name)
        if path == target:
            yield _renamed(document, PAGE)


def _renamed(document: Document, resource: str) -> Document:
    return Document(
        url=document.url,
        resource=resource,
        outcome=document.outcome,
        status=document.status,
        headers=document.headers,
        body=document.body,
        fetched_at=document.fetched_at,
        expires=document.expires,
        problem=document.problem,
    )


@cache
def probed(probes: Probes) -> tuple[Place, ...]:
    """The well-known places that are asked before a fetch."""
    return tuple(place for place in PLACES if place.path and (place.probed or probes is Probes.ALL))


@cache
def _not_reached(consulted: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(place.name for place in PLACES if place.name not in consulted)


def known_signals(names: Iterable[str]) -> tuple[str, ...]:
    """Names of signals, checked.

    Raises:
        ConfigurationError: a name is not a signal's.

    """
    known = [signal.name for signal in SIGNALS]
    given = tuple(names)
    for name in given:
        if name not in known:
            raise ConfigurationError(unknown_word("signal", name, known))
    return given
