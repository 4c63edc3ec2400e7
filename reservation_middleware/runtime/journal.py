"""Each request's last decision, told to whoever listens: a log event, metrics, the ledger.

Adapters know when a decision is the last one; what becomes of it is here. Where nobody
listens nothing is done. Addresses lose their secrets before they go into a log.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from reservation_middleware.ledger.format.canonical import new_ident
from reservation_middleware.model import Action, Decision, Policy, blocking_signals
from reservation_middleware.model.document import MACHINE_FAULT
from reservation_middleware.model.lru import BoundedLru
from reservation_middleware.model.plural import counted
from reservation_middleware.syntax.redact import redacted

from .stores import OpenStores

if TYPE_CHECKING:
    from reservation_middleware.decide.check import Check
    from reservation_middleware.ledger.write.ledger import Ledger, Page

    from .fetcher import Fetcher, Transport

#: What log events call a decision: stopped, let pass though it says block, let pass.
_SENTENCES = ("Blocked %s: %s", "Would block %s: %s", "Proceeds %s: %s")
#: The same of one that is stopped since its site's robots.txt could not be had: nothing is reserved.
_NOT_REACHED = "Not reached %s: %s"


#: So many hosts are remembered as warned of.
_MOST_WARNED = 10_000


class JudgedPage(NamedTuple):
    """What became of a request: the last decision about it, and what was done.

    Attributes:
        check: what the decision rests on.
        decision: what was decided.
        blocked: whether the request was stopped.
        octets: length of the page's body; None if it was not fetched.
    """

    check: Check
    decision: Decision
    blocked: bool
    octets: int | None = None

    @property
    def seen(self) -> Page | None:
        """What was seen of the page; None if nothing was."""
        from reservation_middleware.ledger.write.ledger import Page  # noqa: PLC0415 - needed with a ledger only

        document = self.check.page
        if document is None:
            return None
        if document.body is None:
            return Page(document, "none")
        return Page(document, "spoke" if self.check.content_speaks else "silent")


class Journal:
    """Tells decisions.

    Args:
        adapter: whose requests they are about, as ledger and metrics call it.
        policy: what the operator decided.
        log: where events go.
        stores: ledger, metrics and cache, as far as there are any.
        block_level: level of the events of requests that are blocked, or would be; of others it
            is DEBUG.

    Attributes:
        ledger: where they are kept, None for nowhere.
        decided: how many were told.
        blocked: how many requests were stopped for each signal's sake.
        would_block: the same of requests that were let pass all the same.
        counts: how many were stopped (blocked), and would have been (would_block).
    """

    def __init__(
        self,
        adapter: str,
        policy: Policy,
        log: logging.Logger,
        stores: OpenStores,
        *,
        block_level: int = logging.INFO,
    ) -> None:
        self._adapter = adapter
        self._policy = policy
        self._log = log
        self._stores = stores
        self._block_level = block_level
        self._metrics = stores.metrics
        self.ledger = stores.ledger
        self._listens = stores.ledger is not None or stores.metrics is not None
        self.decided = 0
        self.counts: Counter[str] = Counter()
        self.blocked: Counter[str] = Counter()
        self.would_block: Counter[str] = Counter()
        self._ends: list[Any] = []
        #: Hosts that were warned of, with whether the fault was this machine's.
        self._warned: BoundedLru[str, bool] = BoundedLru(_MOST_WARNED)

    def tell(
        self,
        judged: JudgedPage,
        *,
        method: str | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> str:
        """Tell the last decision about a request.

        Args:
            judged: what became of the request.
            method: of the request, for logs that show it.
            extra: more attributes of log records.

        Returns:
            The decision's id; empty where nobody was told.
        """
        check, decision, blocked, octets = judged
        self.decided += 1
        signals: tuple[str, ...] = ()
        if decision.action is Action.BLOCK:
            signals = blocking_signals(decision)
            self.counts["blocked" if blocked else "would_block"] += 1
            (self.blocked if blocked else self.would_block).update(signals)
            if blocked and decision.unreachable is not None:
                self.counts["not_reached"] += 1
                self._warn_of(check.origin, decision.unreachable, extra)
        level = self._block_level if decision.action is Action.BLOCK else logging.DEBUG
        is_logged = _writes(self._log, level)
        if not (is_logged or self._listens):
            return ""
        mode = self._policy.mode
        if self._metrics is not None:
            self._metrics.decided(
                decision, adapter=self._adapter, mode=mode.value, blocked=blocked, signals=signals
            )
        if self.ledger is None:
            ident = new_ident(datetime.now(UTC))
        else:
            ident = self.ledger.decision(
                decision,
                check.documents,
                policy=self._policy,
                mode=mode,
                adapter=self._adapter,
                blocked=blocked,
                page=judged.seen,
                octets=octets,
                asked_at=check.now,
            )
        if is_logged:
            sentence = _SENTENCES[0 if blocked else 1 if decision.action is Action.BLOCK else 2]
            if blocked and decision.unreachable is not None:
                sentence = _NOT_REACHED
            url = redacted(decision.url)
            event = {"id": ident, **self._event(decision, url, blocked, octets)}
            more = {**(extra or {}), "reservation": event}
            shown = url if method is None else f"<{method} {url}>"
            self._log.log(level, sentence, shown, decision.sentence(), extra=more)
        return ident

    def _warn_of(self, origin: str, why: str, extra: Mapping[str, object] | None) -> None:
        """Warn once of a host whose pages are blocked since its robots.txt could not be had."""
        if self._warned.get(origin) == why.startswith(MACHINE_FAULT):
            return
        self._warned.put(origin, why.startswith(MACHINE_FAULT))
        self._log.warning(
            "The pages of %s are blocked until its robots.txt can be had: %s",
            redacted(origin),
            why,
            extra=dict(extra or {}),
        )

    def _event(
        self, decision: Decision, url: str, blocked: bool, octets: int | None
    ) -> dict[str, Any]:
        """A decision as plain values, short enough for a log."""
        return {
            "url": url,
            "adapter": self._adapter,
            "agent": decision.agent,
            "purposes": list(decision.purposes),
            "profile": decision.profile,
            "mode": self._policy.mode.value,
            "stage": decision.stage.value,
            "action": decision.action.value,
            "verdict": decision.verdict.value,
            "crawl": decision.crawl.value,
            "blocked": blocked,
            "bytes": octets,
            "reasons": [
                {
                    "signal": reason.signal,
                    "carrier": reason.carrier,
                    "preference": reason.preference.value,
                    "inferred": reason.inferred,
                    "document": redacted(reason.document),
                    "line": reason.line,
                    "digest": reason.digest,
                    **({"near_miss": True} if reason.near_miss else {}),
                }
                for reason in decision.reasons
            ],
        }

    def watched(self, transport: Transport) -> Transport:
        """The same transport, counted where there are metrics."""
        if self._metrics is None:
            return transport
        return self._metrics.watched(transport, self._adapter)

    def follow(self, fetcher: Fetcher) -> None:
        """Show in the metrics what a fetcher, its cache and the ledger count."""
        if self._metrics is None:
            return
        ledger = self.ledger
        self._ends = [
            self._metrics.follow("fetcher", lambda: fetcher.counts),
            self._metrics.follow("cache", lambda: fetcher.cache.counts),
        ]
        if ledger is not None:
            self._ends.append(self._metrics.follow("ledger", lambda: lines_of(ledger)))

    def sum_up(self, extra: Mapping[str, object] | None = None) -> None:
        """Log one line on what was decided, for the end of a crawl."""
        event: dict[str, Any] = {
            "decided": self.decided,
            "blocked": self.counts["blocked"],
            "blocked_by": dict(self.blocked),
            "not_reached": self.counts["not_reached"],
            "would_block": self.counts["would_block"],
            "would_block_by": dict(self.would_block),
        }
        parts = [f"{self.decided} decided"]
        parts.append(f"{self.counts['blocked']} blocked{_listed(self.blocked)}")
        if self.counts["not_reached"]:
            parts[-1] += f", {self.counts['not_reached']} of them not reached"
        if self.counts["would_block"]:
            parts.append(
                f"{self.counts['would_block']} would be blocked{_listed(self.would_block)}"
            )
        if self.ledger is not None:
            lines = lines_of(self.ledger)
            where = f" {self._stores.where}" if self._stores.where else ""
            parts.append(
                f"ledger{where} ({counted(lines['written'], 'line')}, {lines['lost']} lost)"
            )
            event["ledger"] = {"folder": self._stores.where, **lines}
        more = {**(extra or {}), "reservations": event}
        self._log.info("reservations: %s", ", ".join(parts), extra=more)

    async def close(self) -> None:
        """Close what was opened here; whatever goes wrong is logged, not raised."""
        if self.ledger is not None and self._stores.own_ledger:
            try:
                self.ledger.close()
            except Exception:  # noqa: BLE001 - the crawl is over
                self._log.exception("the ledger was not closed properly")
        for end in self._ends:
            end()
        self._ends = []
        if self._stores.cache is not None and self._stores.own_cache:
            try:
                await self._stores.cache.close()
            except Exception:  # noqa: BLE001 - the crawl is over
                self._log.exception("the cache was not closed properly")


def _writes(log: logging.Logger, level: int) -> bool:
    """Whether any handler takes events of a level.

    Scrapy enables every level on every logger and has its handlers choose, so that asking the
    logger alone would have an event made for each page that nobody sees.
    """
    if not log.isEnabledFor(level):
        return False
    at: logging.Logger | None = log
    while at is not None:
        if any(handler.level <= level for handler in at.handlers):
            return True
        at = at.parent if at.propagate else None
    return False


def lines_of(ledger: Ledger) -> dict[str, int]:
    """How many lines a ledger was given: written, and lost."""
    return {"written": ledger.written, "lost": ledger.lost}


def _listed(signals: Counter[str]) -> str:
    if not signals:
        return ""
    ordered = sorted(signals.items(), key=lambda pair: (-pair[1], pair[0]))
    names = ", ".join(f"{signal} {count}" for signal, count in ordered)
    return f" (signals, several per page: {names})"
