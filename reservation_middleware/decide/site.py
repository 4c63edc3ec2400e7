"""A site: what one origin's documents say, bound together, and the decision about each page.

The way is short: what the families found is settled, then resolved to one decision. Answers that
were made before come from ``answers``. No I/O.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache

import msgspec

from reservation_middleware.model import (
    Action,
    Agent,
    Decision,
    Document,
    Identifier,
    Note,
    Offer,
    Outcome,
    Reason,
    Stage,
)
from reservation_middleware.signals import CONTENT, HEADERS, ROBOTS_TXT, Link, Question, Settled

from .answers import AnswerKey, Answers, NoAnswers
from .freshness import earliest
from .head_template import HeadKey
from .reading import PLACES, Reading
from .resolve import RESOLVED, conflict_note, resolve, verdict
from .settle import in_order, settle

#: Documents of one origin that others point to and that are fetched for it.
MOST_LINKS = 8


class Site:
    """What one origin's policy resources say, bound together; shared by all its pages.

    Args:
        readings: of the origin's policy resources and of what these point to.
        lessons: of pages that say something about other pages of the origin, such as feeds.
        answers: what is remembered of its decisions; None for ``Answers`` of its own.
    """

    __slots__ = (
        *("answers", "consulted", "documents", "expires", "found", "lessons", "links", "notes"),
        "readings",
    )

    def __init__(
        self,
        readings: Iterable[Reading] = (),
        lessons: Sequence[Reading] = (),
        *,
        answers: NoAnswers | None = None,
    ) -> None:
        ordered = sorted(readings, key=lambda reading: PLACES.index(reading.place))
        self.consulted: tuple[str, ...] = tuple(
            dict.fromkeys(reading.place.name for reading in ordered)
        )
        self.documents: tuple[Document, ...] = tuple(reading.document for reading in ordered)
        self.notes: tuple[Note, ...] = tuple(note for reading in ordered for note in reading.notes)
        self.expires: datetime | None = earliest(reading.document.expires for reading in ordered)
        self.lessons = tuple(lessons)  #: Pages that say something about others.
        self.readings = tuple(ordered)
        taught = (
            (number, findings)
            for reading in lessons
            for number, findings in reading.found
            if findings.speaks_of_others()
        )
        self.found = in_order((*(pair for reading in ordered for pair in reading.found), *taught))
        known = {(one.resource, one.url) for one in self.documents}
        pointed = dict.fromkeys(link for reading in ordered for link in reading.links)
        #: Documents that those of the origin point to and that are still to be had.
        self.links: tuple[Link, ...] = tuple(
            link for link in tuple(pointed)[:MOST_LINKS] if link.key not in known
        )
        self.answers = Answers(self.found) if answers is None else answers

    @property
    def octets(self) -> int:
        """How long its documents are together."""
        return sum(len(document.body or b"") for document in self.documents)

    @property
    def unreachable(self) -> bool:
        """Whether its robots.txt could not be had."""
        name, lost = ROBOTS_TXT.name, Outcome.UNREACHABLE
        return any(one.resource == name and one.outcome is lost for one in self.documents)

    def agent_for(self, agent: Agent) -> Agent:
        """The agent with the token that counts here: the first that a group of robots.txt names.

        It is one for all families (``spec/decision.md``, step 15).
        """
        if not agent.tokens:
            return agent
        files = [one for one in self.readings if one.place is ROBOTS_TXT]
        for token in agent.tokens:
            if any(one.names_agent(token.lower()) for one in files):
                return agent.chosen(token)
        return agent

    def decide(self, key: AnswerKey, stage: Stage, page: Sequence[Reading] = ()) -> Decision:
        """What follows for one page: what the families settle, resolved.

        Args:
            key: of the question, in this site's answers.
            stage: how far the page's fetch has come.
            page: the readings of the page itself that say anything.
        """
        answers, question = self.answers, key.question
        if not page:
            known = answers.lookup(key, stage)
            if known is not None:
                return known
        settled = self._settle(key)
        if page:
            return self._resolve(question, stage, self._with(page, settled, question), page)
        decision = self._resolve(question, stage, tuple(settled.values()))
        if not any(one.page_only for one in settled.values()):
            answers.store(key, decision)
        return decision

    def remember_head(
        self, key: AnswerKey, head: HeadKey, decision: Decision, page: Sequence[Reading]
    ) -> None:
        """Remember a decision for pages with the same head, if it is not for this page only.

        Args:
            key: of the question that was asked.
            head: what the head holds that signals read.
            decision: what was decided.
            page: the readings of the page, of which only the head says something.
        """
        document = page[0].document
        if document.stale is not None or any(reading.local for reading in page):
            return
        # Its site's answers may rest on the page itself, as on a feed.
        own = (*self.documents, *(one.document for one in self.lessons))
        if any(one.url == document.url for one in own):
            return
        if any(one.page_only for one in self._settle(key).values()):
            return
        points = any(reading.links for reading in page)
        self.answers.store_head(key, head, document, decision, points=points)

    def _settle(self, key: AnswerKey) -> Mapping[int, Settled]:
        """What each family makes of the origin's documents for a page."""
        settled = self.answers.settled(key)
        if settled is None:
            settled = settle(self.found, key.question)
            self.answers.store_settled(key, settled)
        return settled

    def _pending(self, page: Sequence[Reading]) -> tuple[str, ...]:
        """Places of documents that are pointed to and still to be had."""
        links = [*self.links, *(link for reading in page for link in reading.links)]
        if not links:
            return ()
        known = {(one.resource, one.url) for one in self.documents}
        known |= {(one.document.resource, one.document.url) for one in page}
        return tuple(dict.fromkeys(link.place.name for link in links if link.key not in known))

    def _with(
        self, page: Sequence[Reading], settled: Mapping[int, Settled], question: Question
    ) -> tuple[Settled, ...]:
        """What the families amount to with the page itself: those it speaks of, settled anew."""
        crawl = next((one.crawl for one in settled.values() if one.crawl is not None), None)
        if crawl is not None:
            question = msgspec.structs.replace(question, crawl=crawl)
        spoken = {number for reading in page for number, _ in reading.found}
        pairs = [(number, one) for number, several in self.found for one in several]
        pairs += [pair for reading in page for pair in reading.found]
        anew = settle(in_order(pair for pair in pairs if pair[0] in spoken), question)
        both = {**{n: one for n, one in settled.items() if n not in spoken}, **anew}
        return tuple(both[number] for number in sorted(both))

    def _resolve(
        self,
        question: Question,
        stage: Stage,
        settled: Sequence[Settled],
        page: Sequence[Reading] = (),
    ) -> Decision:
        """The decision that follows from what was settled: steps 3 to 9 of ``spec/decision.md``."""
        agent, policy = question.agent, question.policy
        answer = resolve(settled)
        said = verdict(answer.usage, agent.leaves)
        on_crawl = policy.on_crawl(answer.crawl, unreachable=answer.unreachable)
        on_usage = policy.on_usage(said)
        notes = self.notes
        if page:
            notes = (*notes, *(note for reading in page for note in reading.notes))
        if answer.conflicts:
            notes = (*notes, conflict_note(answer))
        if question.resolved is not None:
            notes = (*notes, Note(RESOLVED, question.url, None, question.resolved.target))
        offers: tuple[Offer, ...] = ()
        identifiers: tuple[Identifier, ...] = ()
        for one in settled:
            if one.offers:
                offers += one.offers
            if one.identifiers:
                identifiers += one.identifiers
            if one.notes:
                notes = (*notes, *one.notes)
        linked = [one for one in page if one.place.linked]
        names = [one.place.name for one in linked]
        consulted = tuple(dict.fromkeys((*self.consulted, *_CONSULTED[stage], *names)))
        return Decision(
            url=question.url,
            agent=agent.token,
            purposes=tuple(agent.purposes),
            profile=policy.profile,
            stage=stage,
            action=Action.BLOCK if Action.BLOCK in (on_crawl, on_usage) else Action.PROCEED,
            verdict=said,
            crawl=answer.crawl,
            usage=answer.usage,
            reasons=tuple(map(Reason.of, answer.statements)),
            offers=offers,
            notes=notes,
            consulted=consulted,
            not_reached=_not_reached(consulted, self._pending(page)),
            expires=earliest((self.expires, *(one.document.expires for one in linked))),
            crawl_action=on_crawl,
            usage_action=on_usage,
            identifiers=identifiers,
            agents=agent.tokens,
        )


def without_head(decision: Decision) -> Decision:
    """A decision about a page of which the content was seen, and its head was not."""
    missed = {*decision.not_reached, HEADERS.name}
    return msgspec.structs.replace(
        decision,
        consulted=tuple(name for name in decision.consulted if name != HEADERS.name),
        not_reached=tuple(place.name for place in PLACES if place.name in missed),
    )


_CONSULTED: Mapping[Stage, tuple[str, ...]] = {
    Stage.SITE: (),
    Stage.HEADERS: (HEADERS.name,),
    Stage.CONTENT: (HEADERS.name, CONTENT.name),
}


@cache
def _not_reached(consulted: tuple[str, ...], pending: tuple[str, ...]) -> tuple[str, ...]:
    """The places that were not reached; those of linked documents only where one is pointed to."""
    return tuple(
        place.name
        for place in PLACES
        if (place.name in pending if place.linked else place.name not in consulted)
    )
