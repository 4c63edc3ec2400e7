"""What a crawl tells of its decisions: an error, stats, a Scrapy signal, and the journal."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from typing import Any, Self

from pydispatch import dispatcher  # type: ignore[import-untyped]
from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest
from scrapy.signalmanager import SignalManager
from scrapy.signals import spider_closed

from reservation_middleware.decide.check import Check
from reservation_middleware.model import (
    Action,
    Decision,
    Preference,
    ReservationError,
    blocking_signals,
)
from reservation_middleware.model.document import MACHINE_FAULT
from reservation_middleware.runtime.fetcher import Fetcher
from reservation_middleware.runtime.journal import Journal, JudgedPage, lines_of

#: Sent once per request with its last decision: ``handler(decision, request, spider, ident,
#: blocked)``; a handler takes what it names. ``ident`` is the decision's id in ledger and log,
#: empty where neither is on. A request that is sent again, as after a redirect, sends none
#: until it comes to its end.
decided = object()


#: Seconds after which decisions are in the stats at the latest.
_LATE = 0.5


class ReservedError(IgnoreRequest, ReservationError):
    """A request that was blocked; ``decision`` says why."""

    # How Scrapy's stats name it.
    __module__ = "reservation_middleware.scrapy"

    def __init__(self, decision: Decision) -> None:
        super().__init__(decision.sentence())
        self.decision = decision

    @staticmethod
    def of(decision: Decision) -> "ReservedError":
        """The error for a decision: ``PolicyUnreachableError`` where no rule of the site blocks."""
        kind = ReservedError if decision.unreachable is None else PolicyUnreachableError
        return kind(decision)

    def __reduce__(self) -> tuple[type[Self], tuple[Decision]]:
        return type(self), (self.decision,)


class PolicyUnreachableError(ReservedError):
    """A request that was blocked since a policy could not be had, by a fault of its site or of
    this machine; ``decision.unreachable`` says what happened. It may pass when asked again.
    """

    __module__ = "reservation_middleware.scrapy"


def has_receivers(manager: SignalManager, signal: object) -> bool:
    """Whether anybody listens to a signal: mostly nobody does, and sending it costs its time."""
    sender = manager.sender
    return any(
        (
            dispatcher.getReceivers(sender, signal),
            dispatcher.getReceivers(sender),
            dispatcher.getReceivers(signal=signal),
            dispatcher.getReceivers(),
        )
    )


class Reports:
    """Counts and announces the last decisions of a crawl.

    Args:
        crawler: whose crawl it is.
        journal: tells log, metrics and ledger.
    """

    def __init__(self, crawler: Crawler, journal: Journal) -> None:
        self._crawler = crawler
        self._journal = journal
        stats = crawler.stats
        assert stats is not None  # they are there before any middleware
        self._set, self._inc = stats.set_value, stats.inc_value
        #: How many decisions of each kind are not in the stats yet, and what will write them:
        #: stats take as long for each count as a decision takes.
        self._seen: Counter[tuple[Preference, Preference]] = Counter()
        self._writing: asyncio.TimerHandle | None = None

    def tell(
        self,
        check: Check,
        decision: Decision,
        request: Request,
        *,
        blocked: bool,
        octets: int | None = None,
    ) -> None:
        """Count and announce the last decision of a request.

        Args:
            check: what it rests on.
            decision: what was decided.
            request: what was asked for.
            blocked: whether it was stopped.
            octets: length of the page's body; None if it was not fetched.
        """
        self._seen[decision.verdict, decision.crawl] += 1
        if self._writing is None:
            try:
                self._writing = asyncio.get_running_loop().call_later(_LATE, self.write)
            except RuntimeError:  # called by hand, outside of any loop
                self.write()
        if blocked:
            self.count("blocked")
            self.count(f"blocked/stage/{decision.stage}")
            self._count_signals("blocked", blocking_signals(decision))
            if decision.unreachable is not None:
                is_own = decision.unreachable.startswith(MACHINE_FAULT)
                self.count("unreachable")
                self.count(f"unreachable/{'this_machine' if is_own else 'site'}")
        elif decision.action is Action.BLOCK:
            self.count("would_block")
            self._count_signals("would_block", blocking_signals(decision))
        spider = self._crawler.spider
        ident = self._journal.tell(
            JudgedPage(check, decision, blocked, octets),
            method=request.method,
            extra={"spider": spider},
        )
        if has_receivers(self._crawler.signals, decided):
            self._crawler.signals.send_catch_log(
                signal=decided,
                decision=decision,
                request=request,
                spider=spider,
                ident=ident,
                blocked=blocked,
            )

    def write(self) -> None:
        """Put into the stats what was counted since."""
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None
        for (verdict, crawl), count in self._seen.items():
            self._inc("reservation/decided", count)
            self._inc(f"reservation/verdict/{verdict}", count)
            self._inc(f"reservation/crawl/{crawl}", count)
        self._seen.clear()

    def write_first(self) -> None:
        """Have the stats complete when the spider is closed, for whoever reads them then.

        The spider itself and extensions were there before any middleware, and are told first.
        """
        signals = self._crawler.signals
        signals.connect(self.write, signal=spider_closed)
        receivers = dispatcher.getReceivers(signals.sender, spider_closed)
        receivers[:] = [*receivers[-1:], *receivers[:-1]]

    def count(self, name: str) -> None:
        """Add one to a stat."""
        self._inc("reservation/" + name)

    def set(self, name: str, value: Any) -> None:
        """Set a stat."""
        self._set("reservation/" + name, value)

    async def close(self, fetcher: Fetcher) -> None:
        """Tell what all came to, and close what was opened for it."""
        self.write()
        await self._journal.close()
        if fetcher.counts["stale"]:
            self.set("stale", fetcher.counts["stale"])
        if fetcher.counts["retries"]:
            self.set("policy_retries", fetcher.counts["retries"])
        for name, count in dict(fetcher.cache.counts).items():
            if count:
                self.set(f"cache/{name}", count)
        if self._journal.ledger is not None:
            for name, count in lines_of(self._journal.ledger).items():
                self.set("ledger_lines" if name == "written" else f"ledger_{name}", count)
        self._journal.sum_up({"spider": self._crawler.spider})

    def _count_signals(self, name: str, found: Iterable[str]) -> None:
        for signal in found:
            self.count(f"{name}/signal/{signal}")
