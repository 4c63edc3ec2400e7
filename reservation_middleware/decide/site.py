"""What an origin says, read once and asked often: sites, and the hot path.

A ``Site`` binds the readings of one origin and answers for each of its pages. Most pages of a site get one
of few answers, so everything in a decision but its URL is made once per answer. No I/O.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

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
    Policy,
    Reason,
    Stage,
)
from reservation_middleware.signals import CONTENT, HEADERS, ROBOTS_TXT, Link, Question, Settled

from .answer_table import AnswerTable, AnswerTables
from .freshness import earliest
from .head_template import HeadKey, Kept
from .reading import PLACES, Reading
from .resolve import RESOLVED, conflict_note, resolve, verdict
from .settle import in_order, settle

#: Documents of one origin that others point to and that are fetched for it.
MOST_LINKS = 8
#: Answers that are kept per site; a site whose pages get more of them starts anew.
_MOST_RULINGS = 256
#: Panels of agents that are kept per site.
_MOST_PANELS = 8

T = TypeVar("T")


class Site:
    """What one origin's policy resources say, bound together; shared by all its pages."""

    __slots__ = (
        *("_rulings", "consulted", "documents", "expires", "found", "lessons", "links", "notes"),
        *("_panels", "plans", "readings"),
    )

    def __init__(self, readings: Iterable[Reading] = (), lessons: Sequence[Reading] = ()) -> None:
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
        #: What its answers to agents and policies depend on, whatever the page.
        self.plans = AnswerTables(self.found)
        self._panels: dict[int, tuple[object, Any]] = {}
        self._rulings: dict[tuple[object, ...], tuple[Agent, Policy, tuple[Any, ...]]] = {}

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

    def decide(self, question: Question, stage: Stage, page: Sequence[Reading] = ()) -> Decision:
        """What follows for one page.

        Args:
            question: what is asked.
            stage: how far its fetch has come.
            page: the readings of the page itself that say anything.
        """
        plan = self._plan(question)
        if plan is not None:
            if not page:
                known = plan.answer(stage, question.matching or ())
                if known is not None:
                    return Decision(question.url, question.agent.token, *known)
            return self._planned(plan, question, stage, page)
        settled = question.settled
        if settled is None:
            settled = question.settled = settle(self.found, question)
        if page:
            return self._ruling(question, stage, self._with(page, settled, question), page)
        if question.resolved is not None:  # a note names the resolved path
            return self._ruling(question, stage, tuple(settled.values()), ())
        return self._settled(settled, question, stage)

    def kept(self, question: Question, stage: Stage, heard: HeadKey) -> Kept | None:
        """What is kept of pages whose heads say the same."""
        plan = self._plan(question)
        if plan is None:
            return None
        # A head may name an agent that the site does not tell apart from others.
        return plan.lookup((heard, stage, question.matching, question.agent.token))

    def keep(
        self, question: Question, heard: HeadKey, decision: Decision, page: Sequence[Reading]
    ) -> None:
        """Keep what was decided for pages whose heads say the same.

        Args:
            question: what was asked.
            heard: what the head says.
            decision: what was decided.
            page: the readings of the page, of which only the head says something.
        """
        plan = self._plan(question)
        if plan is None or question.alone:
            return
        document = page[0].document
        local = document.stale is not None or any(reading.local for reading in page)
        if not local and self._lacks(document.url):
            points = any(reading.links for reading in page)
            key = heard, decision.stage, question.matching, question.agent.token
            plan.store(key, Kept(decision, document, points=points))

    def _lacks(self, url: str) -> bool:
        """Whether a page is none of the documents that its site's answers may rest on."""
        others = (*self.documents, *(one.document for one in self.lessons))
        return all(document.url != url for document in others)

    def _plan(self, question: Question) -> AnswerTable | None:
        """The plan for a question, with the patterns that its path matches looked up."""
        if question.matching is None:
            # Two paths are judged where one is written, so none of them has answers of its own.
            plan = None if question.resolved else self.plans.of(question)
            question.matching = ()
            if plan is not None and not question.target.startswith("/robots.txt"):
                question.plan, question.matching = (
                    plan,
                    plan.matching(question.path, question.target),
                )
        found: AnswerTable | None = question.plan
        return found

    def together(self, panel: object, make: "Callable[[Site], T]") -> T:
        """What is made of this site for a panel of agents, once."""
        known = self._panels.get(id(panel))
        if known is None:
            if len(self._panels) >= _MOST_PANELS:
                self._panels.clear()
            # The panel is kept, so that its address stays its own.
            known = self._panels[id(panel)] = panel, make(self)
        made: T = known[1]
        return made

    def _planned(
        self, plan: AnswerTable, question: Question, stage: Stage, page: Sequence[Reading]
    ) -> Decision:
        """What follows for a page by the patterns that its path matches."""
        matching = question.matching or ()
        settled = question.settled
        if settled is None:
            kept = plan.settled(matching)
            if kept is None:
                settled = settle(self.found, question)
                if not question.alone:
                    plan.settle(matching, settled)
            else:
                settled = kept
                for one in kept.values():
                    if one.crawl is not None:
                        question.crawl = one.crawl
            question.settled = settled
        if page:
            return self._ruling(question, stage, self._with(page, settled, question), page)
        decision = self._settled(settled, question, stage)
        if not question.alone:
            plan.keep(stage, matching, msgspec.structs.astuple(decision)[2:])
        return decision

    def _settled(
        self, settled: Mapping[int, Settled], question: Question, stage: Stage
    ) -> Decision:
        """What follows for a page by what the families say; made once for the same."""
        # Settled objects are compared by identity and the key holds them, as the value
        # holds agent and policy: an address cannot come to mean something else.
        agent, policy = question.agent, question.policy
        key = (id(agent), id(policy), id(stage), *settled.values())
        known = self._rulings.get(key)
        if known is not None:
            return Decision(question.url, *known[2])
        decision = self._ruling(question, stage, tuple(settled.values()), ())
        if len(self._rulings) >= _MOST_RULINGS:
            self._rulings.clear()
        self._rulings[key] = agent, policy, msgspec.structs.astuple(decision)[1:]
        return decision

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
        spoken = {number for reading in page for number, _ in reading.found}
        pairs = [(number, one) for number, several in self.found for one in several]
        pairs += [pair for reading in page for pair in reading.found]
        anew = settle(in_order(pair for pair in pairs if pair[0] in spoken), question)
        both = {**{n: one for n, one in settled.items() if n not in spoken}, **anew}
        return tuple(both[number] for number in sorted(both))

    def _ruling(
        self,
        question: Question,
        stage: Stage,
        settled: Sequence[Settled],
        page: Sequence[Reading],
    ) -> Decision:
        """Resolve what was settled: steps 3 to 9 of ``spec/decision.md``."""
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
