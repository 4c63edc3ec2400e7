"""What an inspection found: places, the decision, other addresses, samples, what was served to whom.

Values only; ``look`` makes them, ``forms`` shows them.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from reservation_middleware.decide.check import Check
from reservation_middleware.decide.site import Site
from reservation_middleware.model import (
    PAGE,
    Agent,
    Decision,
    Document,
    Note,
    Outcome,
    Policy,
    Preference,
    Reason,
    blocking_reasons,
)
from reservation_middleware.syntax.sniff import begins_as_page

#: Statuses by which a server refuses to show something to who asks.
_REFUSALS = (401, 402, 403, 407, 451)
#: How the problem of a document begins that was left out, as all requests were made.
NOT_ASKED = "BudgetError"


class State(StrEnum):
    """What became of one place."""

    PRESENT = "present"
    ABSENT = "absent"
    REFUSED = "refused"
    NOT_REACHED = "not reached"
    NOT_TESTED = "not tested"
    NO_SUCH_FILE = "no such file behind a 200"

    @classmethod
    def of(cls, document: Document) -> "State":
        """The state of a place, by the document that was got from it."""
        problem = document.problem or ""
        if NOT_ASKED in problem:
            return cls.NOT_TESTED
        if document.status in _REFUSALS:
            return cls.REFUSED
        if document.outcome is Outcome.UNREACHABLE:
            return cls.NOT_REACHED
        if document.outcome is Outcome.UNAVAILABLE:
            return cls.ABSENT
        if document.resource != PAGE and begins_as_page(document.body or b"", document.charset):
            return cls.NO_SUCH_FILE
        return cls.PRESENT


class SeenPlace(NamedTuple):
    """One place that was looked at.

    Attributes:
        name: ``robots.txt``, ``page`` …
        url: its address.
        state: what became of it.
        status: of the HTTP response, None where there was none.
        octets: length of its body.
        speaks: whether a signal found something in it.
        is_asked: whether a crawler under the profile asks for it.
        problem: what went wrong, in a few words.
        lines: its lines, as far as it is text that may be shown.
    """

    name: str
    url: str
    state: State
    status: int | None
    octets: int
    speaks: bool
    is_asked: bool
    problem: str | None
    lines: tuple[str, ...] = ()


class Variant(NamedTuple):
    """Another address of the site: with or without ``www.``, http or https.

    Attributes:
        origin: scheme and host.
        outcome: what it does, in words.
        differs: whether its robots.txt is another one than the site's.
    """

    origin: str
    outcome: str
    differs: bool


class Sample(NamedTuple):
    """An image or a PDF that the page shows or links to.

    Attributes:
        kind: ``image`` or ``PDF``.
        url: its address.
        decision: about it; None where it could not be looked at.
        outcome: what was got, in words.
    """

    kind: str
    url: str
    decision: Decision | None
    outcome: str


class ServedAs(NamedTuple):
    """What one agent's name gets, beside what check's own name got.

    Attributes:
        token: the name that asked.
        place: ``robots.txt`` or ``page``.
        own_status: the status for check's own name, None without an answer.
        status: the status for the agent's, None without an answer.
        is_same: whether both got one body.
        problem: why there was no answer.
    """

    token: str
    place: str
    own_status: int | None
    status: int | None
    is_same: bool
    problem: str | None = None


class Inspection(NamedTuple):
    """What was found.

    Attributes:
        asked: the URL that was asked for; the decision is about where it led.
        agent: who the decision is for.
        policy: under which it was made.
        decision: from the places that the profile asks, at the last stage that was reached.
        whole: the decision from every place, also those that the profile does not ask.
        check: the question, which other agents can be asked about, too.
        whole_site: what every place says.
        places: in the order in which a fetch reaches them, the page last.
        documents: every document that was fetched or found missing, the page last.
        problem: why nothing can be answered, None where the answer stands.
        page_problem: why the page itself was not looked at, None where it was.
        requests: how many were made.
        asked_as: the User-Agent.
        time: when.
        variants: other addresses of the site.
        samples: an image and a PDF.
        served: what another name gets, on demand.
    """

    asked: str
    agent: Agent
    policy: Policy
    decision: Decision
    whole: Decision
    check: Check
    whole_site: Site
    places: tuple[SeenPlace, ...]
    documents: tuple[Document, ...]
    problem: str | None
    page_problem: str | None
    requests: int
    asked_as: str
    time: datetime
    variants: tuple[Variant, ...] = ()
    samples: tuple[Sample, ...] = ()
    served: tuple[ServedAs, ...] = ()

    @property
    def status(self) -> int:
        """The exit status: 0 may proceed, 1 blocked, 3 nothing can be said."""
        return 3 if self.problem else int(self.decision.blocked)

    @property
    def deciding(self) -> tuple[Reason, ...]:
        """The reasons for the verdict: those that block, or else those that say yes or no to it."""
        if self.decision.blocked:
            return blocking_reasons(self.decision)
        leaves = set(self.agent.leaves)
        return tuple(
            reason
            for reason in self.decision.reasons
            if reason.preference is self.decision.verdict
            and reason.preference is not Preference.UNKNOWN
            and not reason.inferred
            and not leaves.isdisjoint(reason.covers)
        )

    @property
    def elsewhere(self) -> tuple[Reason, ...]:
        """Reasons in places that the profile does not ask."""
        known = set(self.decision.reasons)
        return tuple(reason for reason in self.whole.reasons if reason not in known)

    @property
    def notes(self) -> tuple[Note, ...]:
        """All notes, of every place, each once."""
        return tuple(dict.fromkeys((*self.decision.notes, *self.whole.notes)))


def file_of(document: str, places: Iterable[SeenPlace]) -> str:
    """The short name of a document: ``robots.txt`` for one of the places, else its address."""
    return next((place.name for place in places if place.url == document), document)


def speaking(places: Sequence[SeenPlace]) -> list[SeenPlace]:
    """The places that say something."""
    return [place for place in places if place.speaks]
