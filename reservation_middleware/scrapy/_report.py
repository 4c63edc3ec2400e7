"""What a crawl tells of its decisions: an error, stats, a Scrapy signal, and the journal."""

from collections.abc import Iterable
from typing import Any, Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest

from reservation_middleware.check import Check
from reservation_middleware.fetch import Fetcher
from reservation_middleware.journal import Journal, lines_of, signals_of
from reservation_middleware.model import Action, Decision, ReservationError

#: Sent once per request with its last decision: ``handler(decision, request, spider, ident,
#: blocked)``; a handler takes what it names. ``ident`` is the decision's id in ledger and log,
#: empty where neither is on. A request that is sent again, as after a redirect, sends none
#: until it comes to its end.
decided = object()


class ReservedError(IgnoreRequest, ReservationError):
    """A request that was blocked; ``decision`` says why."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(decision.sentence())
        self.decision = decision

    def __reduce__(self) -> tuple[type[Self], tuple[Decision]]:
        return type(self), (self.decision,)


class Reports:
    """Counts and announces the last decisions of a crawl.

    Args:
        crawler: whose crawl it is.
        journal: tells log, metrics and ledger.
    """

    def __init__(self, crawler: Crawler, journal: Journal) -> None:
        self._crawler = crawler
        self._journal = journal

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
        self.count("decided")
        self.count(f"verdict/{decision.verdict}")
        self.count(f"crawl/{decision.crawl}")
        if blocked:
            self.count("blocked")
            self.count(f"blocked/stage/{decision.stage}")
            self._count_signals("blocked", signals_of(decision))
        elif decision.action is Action.BLOCK:
            self.count("would_block")
            self._count_signals("would_block", signals_of(decision))
        spider = self._crawler.spider
        ident = self._journal.tell(
            check,
            decision,
            blocked=blocked,
            octets=octets,
            method=request.method,
            extra={"spider": spider},
        )
        self._crawler.signals.send_catch_log(
            signal=decided,
            decision=decision,
            request=request,
            spider=spider,
            ident=ident,
            blocked=blocked,
        )

    def count(self, name: str) -> None:
        """Add one to a stat."""
        stats = self._crawler.stats
        if stats is not None:
            stats.inc_value("reservation/" + name)

    def set(self, name: str, value: Any) -> None:
        """Set a stat."""
        stats = self._crawler.stats
        if stats is not None:
            stats.set_value("reservation/" + name, value)

    async def close(self, fetcher: Fetcher) -> None:
        """Tell what all came to, and close what was opened for it."""
        await self._journal.close()
        if fetcher.counts["stale"]:
            self.set("stale", fetcher.counts["stale"])
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
