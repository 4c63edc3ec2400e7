"""Decisions made again from a ledger: whether they come out as recorded, and what they would be
for another agent or under another policy.

Nothing is fetched: a decision rests on the documents that its line names. What was not kept is
never taken for equal; it is counted apart, with the reason.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

import msgspec

from reservation_middleware.decide.check import Check
from reservation_middleware.decide.reading import FEED, LINKED, RESOURCES, Reading
from reservation_middleware.decide.site import Site
from reservation_middleware.ledger.format.canonical import time_of
from reservation_middleware.ledger.format.lines import DecisionLine, EpochLine, Index
from reservation_middleware.model import (
    PAGE,
    Agent,
    ConfigurationError,
    Decision,
    Document,
    LedgerError,
    Outcome,
    Policy,
    Stage,
)
from reservation_middleware.model.lru import BoundedLru
from reservation_middleware.model.version import SPEC_VERSION
from reservation_middleware.signals import CONTENT
from reservation_middleware.syntax.redact import redacted

from .compare import Difference, differences
from .reader import ErasedError, LedgerReader, Segment

#: Sites and readings that are kept, and how long their files may be together.
_MOST, _MOST_OCTETS = 10_000, 16 * 1024 * 1024
#: What a reading weighs besides its body.
_WEIGHT = 1_000
#: Why a decision was not made again.
ERASED = "a line it rests on was erased"
DROPPED = "its page spoke and was too large to be kept"
COUNTED = "counted only (bulk mode)"
OTHER_SPEC = "decided under another version of the specification, with another result"
REDACTED = "its address was kept without a secret, with another result"


class NotKeptError(Exception):
    """A decision cannot be made again; the message says why."""


class Replayed(NamedTuple):
    """A decision that was made again, or not.

    Attributes:
        where: file and line.
        line: as recorded.
        apart: why it was not, or cannot be compared; None where it was.
        differences: what came out otherwise; none means that it is equal.
        decisions: how many these are.
    """

    where: str
    line: DecisionLine | EpochLine
    apart: str | None = None
    differences: tuple[Difference, ...] = ()
    decisions: int = 1


class Evidence:
    """The documents of one segment, ready to be asked; each is read once.

    Args:
        segment: whose lines up to the one in question were passed already.
    """

    def __init__(self, segment: Segment) -> None:
        self._segment = segment
        self._readings: BoundedLru[Index, Reading | Document] = BoundedLru(_MOST, _MOST_OCTETS)
        self._sites: BoundedLru[tuple[Index, ...], tuple[Site, dict[tuple[str, str], Document]]] = (
            BoundedLru(_MOST, _MOST_OCTETS)
        )

    def check(self, line: DecisionLine) -> Check:
        """A check that was fed what a decision rested on.

        Raises:
            NotKeptError: that was not kept.
            LedgerError: the ledger is broken.
        """
        try:
            policy = self._segment.policy(line.policy)
            site, others = self._site(line.documents)
            page = self._page(line)
        except ErasedError:
            raise NotKeptError(ERASED) from None
        now = time_of(line.time) if policy.licences else None
        try:
            agent = _agent(line.agents or line.agent, line.purposes)
        except ConfigurationError as error:
            raise LedgerError(f"{self._segment.file}: {line.id}: {error}") from None
        check = Check(line.url, agent=agent, policy=policy, now=now)
        check.know(site)
        if page is not None:
            check.feed(page)
            while answers := [
                _at(found, request.url)
                for request in check.wants()
                if (found := others.get((request.resource, redacted(request.url)))) is not None
            ]:
                for answer in answers:
                    check.feed(answer)
        return check

    def _site(self, indexes: tuple[Index, ...]) -> tuple[Site, dict[tuple[str, str], Document]]:
        """What the origin said, and the documents that are not its own but may be a page's."""
        known = self._sites.get(indexes)
        if known is not None:
            return known
        own: list[Reading] = []
        speaking_pages: list[Reading] = []
        linked: dict[tuple[str, str], Document] = {}
        for index in indexes:
            found = self._reading(index)
            if isinstance(found, Document):
                linked[found.resource, found.url] = found
            elif found.place is CONTENT:
                speaking_pages.append(found)
            else:
                own.append(found)
        site = Site(own, speaking_pages)
        if site.links and linked:
            for link in site.links:
                document = linked.get((link.place.name, redacted(link.url)))
                if document is not None:
                    own.append(Reading(_at(document, link.url), link.place))
            site = Site(own, speaking_pages)
        result = site, linked
        self._sites.put(indexes, result, site.octets + _WEIGHT * len(indexes))
        return result

    def _reading(self, index: Index) -> Reading | Document:
        known = self._readings.get(index)
        if known is not None:
            return known
        document = self._segment.document(index)
        found: Reading | Document
        if document.resource in LINKED:
            found = document
        elif document.resource in (PAGE, FEED):
            found = Reading(document, CONTENT)
        else:
            place = RESOURCES.get(document.resource)
            if place is None:
                raise NotKeptError(f"nothing is known here of {document.resource!r}"[:100])
            found = Reading(document, place)
        self._readings.put(index, found, len(document.body or b"") + _WEIGHT)
        return found

    def _page(self, line: DecisionLine) -> Document | None:
        page = line.page
        if page is None:
            return None
        # What was decided by the head alone needs no content.
        if page.content == "dropped" and line.stage is Stage.CONTENT:
            raise NotKeptError(DROPPED)
        if page.document is None:
            document = Document(
                url=line.url,
                resource=PAGE,
                outcome=Outcome.FETCHED if page.status is None else Outcome.of(page.status),
                status=page.status,
                headers=page.headers,
                body=b"" if line.stage is Stage.CONTENT else None,
            )
        else:
            document = self._segment.document(page.document)
        if line.stage is Stage.CONTENT and not document.body:
            # Looked into, and what it held said nothing; its digest may stand nowhere else.
            document.__dict__["digest"] = next(
                (reason.digest for reason in line.reasons if reason.document == line.url), None
            )
        return document


def _at(document: Document, url: str) -> Document:
    """A document under the address that was asked for; lines have it without secrets."""
    return document if document.url == url else msgspec.structs.replace(document, url=url)


def replay(
    ledger: LedgerReader, progress: Callable[[int], object] | None = None
) -> Iterator[Replayed]:
    """Make every decision of a ledger again.

    Args:
        ledger: which.
        progress: called now and then with how many more bytes were read.

    Raises:
        LedgerError: the ledger is broken.
    """
    for segment, evidence, index, line in decisions(ledger, progress):
        where = segment.where(index)
        if isinstance(line, EpochLine):
            number = sum(count.decisions for count in line.counts)
            yield Replayed(where, line, COUNTED, decisions=number)
            continue
        try:
            decision = evidence.check(line).decide()
        except NotKeptError as error:
            yield Replayed(where, line, str(error))
            continue
        found = differences(line, decision)
        apart = None
        if found and line.spec_version != SPEC_VERSION:
            apart = OTHER_SPEC
        elif found and "REDACTED" in line.url:
            apart = REDACTED
        yield Replayed(where, line, apart, found)


def decisions(
    ledger: LedgerReader, progress: Callable[[int], object] | None = None
) -> Iterator[tuple[Segment, Evidence, Index, DecisionLine | EpochLine]]:
    """Every decision of a ledger, with what it rests on."""
    for segment in ledger.segments:
        evidence = Evidence(segment)
        for index, line in segment.lines(progress):
            if isinstance(line, DecisionLine | EpochLine):
                yield segment, evidence, index, line
        segment.close()


class Rejudging(NamedTuple):
    """Who else asks, or under which other policy; None leaves it as it was.

    Attributes:
        change: what becomes of each policy.
    """

    token: str | None = None
    purposes: tuple[str, ...] | None = None
    change: Callable[[Policy], Policy] | None = None


class Rejudge:
    """The same evidence under another policy; policies are made once, so answers are too."""

    def __init__(self, question: Rejudging) -> None:
        self._question = question
        self._policies: BoundedLru[Policy, Policy] = BoundedLru(_MOST_KNOWN)

    def __call__(self, check: Check, line: DecisionLine, policy: Policy) -> Decision:
        """What a decision would be."""
        asked = self._question
        token = line.agents or line.agent if asked.token is None else asked.token
        agent = _agent(token, line.purposes if asked.purposes is None else asked.purposes)
        changed = self.policy(policy)
        now = time_of(line.time) if changed.licences else None
        return check.asked(agent, changed, now).decide()

    def policy(self, policy: Policy) -> Policy:
        """What becomes of a policy."""
        if self._question.change is None:
            return policy
        changed = self._policies.get(policy)
        if changed is None:
            changed = self._question.change(policy)
            self._policies.put(policy, changed)
        return changed


#: Policies that are kept ready.
_MOST_KNOWN = 1_000


@lru_cache(maxsize=1_000)
def _agent(token: str | tuple[str, ...], purposes: tuple[str, ...]) -> Agent:
    """One agent for each token and purposes: sites keep answers by it."""
    return Agent(token, purposes)
