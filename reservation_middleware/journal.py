"""Each request's last decision, told to whoever listens: a log event, metrics, the ledger.

Adapters know when a decision is the last one; what becomes of it is here. Where nobody
listens nothing is done. Addresses lose their secrets before they go into a log.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .cache import open_cache
from .ledger.form import new_ident
from .model import Action, ConfigurationError, Decision, Policy
from .model.vocabulary import unknown_word
from .redact import redacted

if TYPE_CHECKING:
    from .cache import Cache
    from .check import Check
    from .fetch import Fetcher, Transport
    from .ledger.segment import Ledger, Page
    from .metrics import Metrics

#: What log events call a decision: stopped, let pass though it says block, let pass.
_SENTENCES = ("Reserved %s: %s", "Would reserve %s: %s", "Passed %s: %s")


class Opened(NamedTuple):
    """What an adapter works with, and what of it is to be closed with it."""

    cache: Cache | None = None
    ledger: Ledger | None = None
    metrics: Metrics | None = None
    own_cache: bool = False
    own_ledger: bool = False


def opened(
    *,
    cache: Cache | str | None = None,
    ledger: Ledger | str | os.PathLike[str] | None = None,
    ledger_key: str | os.PathLike[str] | None = None,
    ledger_lines: str = "all",
    ledger_name: str | None = None,
    metrics: Metrics | str | None = None,
) -> Opened:
    """Open what is named; what is handed in open stays the caller's.

    Args:
        cache: or its URL.
        ledger: or its folder.
        ledger_key: file of the key that signs.
        ledger_lines: ``all`` or ``bulk``.
        ledger_name: of the key.
        metrics: or host:port where this process shows its own.

    Raises:
        ConfigurationError: the cache or the endpoint cannot be had.
        LedgerError: the ledger cannot be written.
        ImportError: an extra is not installed.
    """
    if isinstance(metrics, str):
        from .metrics import ENDPOINT  # noqa: PLC0415 - an extra

        metrics = ENDPOINT.serve(metrics)
    own_cache = isinstance(cache, str)
    if isinstance(cache, str):
        try:
            cache = open_cache(cache)
        except ConfigurationError as error:
            raise ConfigurationError(f"cache: {error}") from None
    own_ledger = isinstance(ledger, str | os.PathLike)
    if isinstance(ledger, str | os.PathLike):
        from .ledger.segment import Ledger, Lines  # noqa: PLC0415 - what signs takes a while

        try:
            lines = Lines(ledger_lines)
        except ValueError:
            raise ConfigurationError(
                unknown_word("ledger_lines", ledger_lines, [one.value for one in Lines])
            ) from None
        key = None if ledger_key is None else Path(ledger_key)
        name = {} if ledger_name is None else {"name": ledger_name}
        ledger = Ledger.open(Path(ledger), key=key, lines=lines, **name)
    return Opened(cache, ledger, metrics, own_cache, own_ledger)


class Journal:
    """Tells decisions.

    Args:
        adapter: whose requests they are about, as ledger and metrics call it.
        policy: what the operator decided.
        log: where events go.
        stores: ledger, metrics and cache, as far as there are any.

    Attributes:
        ledger: where they are kept, None for nowhere.
        decided: how many were told.
        blocked: of how many requests that were stopped each signal was a reason.
        would_block: the same of requests that were let pass all the same.
        counts: how many were stopped (blocked), and would have been (would_block).
    """

    def __init__(
        self,
        adapter: str,
        policy: Policy,
        log: logging.Logger,
        stores: Opened = Opened(),  # noqa: B008 - immutable
    ) -> None:
        self._adapter = adapter
        self._policy = policy
        self._log = log
        self._stores = stores
        self._metrics = stores.metrics
        self.ledger = stores.ledger
        self._listens = stores.ledger is not None or stores.metrics is not None
        self.decided = 0
        self.counts: Counter[str] = Counter()
        self.blocked: Counter[str] = Counter()
        self.would_block: Counter[str] = Counter()
        self._ends: list[Any] = []

    def tell(
        self,
        check: Check,
        decision: Decision,
        *,
        blocked: bool,
        octets: int | None = None,
        shown: str = "%s",
        extra: Mapping[str, object] | None = None,
    ) -> str:
        """Tell the last decision about a request.

        Args:
            check: what it rests on.
            decision: what was decided.
            blocked: whether the request was stopped.
            octets: length of the page's body; None if it was not fetched.
            shown: how the address is shown in a log, such as ``<GET %s>``.
            extra: more attributes of log records.

        Returns:
            The decision's id; empty where nobody was told.
        """
        self.decided += 1
        signals: set[str] = set()
        if decision.action is Action.BLOCK:
            signals = signals_of(decision)
            self.counts["blocked" if blocked else "would_block"] += 1
            (self.blocked if blocked else self.would_block).update(signals)
        level = logging.INFO if blocked else logging.DEBUG
        heard = self._log.isEnabledFor(level)
        if not (heard or self._listens):
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
                page=page_of(check),
                octets=octets,
            )
        if heard:
            sentence = _SENTENCES[0 if blocked else 1 if decision.action is Action.BLOCK else 2]
            url = redacted(decision.url)
            event = {"id": ident, **self._event(decision, url, blocked, octets)}
            more = {**(extra or {}), "reservation": event}
            self._log.log(level, sentence, shown % url, decision.sentence(), extra=more)
        return ident

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

    def summary(self) -> str:
        """One line on what was decided, for the end of a crawl."""
        parts = [f"{self.decided} decided"]
        parts += [
            f"{self.counts[key]} {word}{_listed(signals)}"
            for key, word, signals in (
                ("blocked", "blocked", self.blocked),
                ("would_block", "would be blocked", self.would_block),
            )
            if self.counts[key] or key == "blocked"
        ]
        if self.ledger is not None:
            lines = lines_of(self.ledger)
            where = os.fspath(self.ledger.folder)
            parts.append(f"ledger {where} ({lines['written']} lines, {lines['lost']} lost)")
        return f"reservations: {', '.join(parts)}"

    async def close(self) -> None:
        """Close what was opened here; whatever goes wrong is logged, not raised."""
        if self.ledger is not None and self._stores.own_ledger:
            try:
                self.ledger.close()
            except Exception:
                self._log.exception("the ledger was not closed properly")
        for end in self._ends:
            end()
        self._ends = []
        if self._stores.cache is not None and self._stores.own_cache:
            try:
                await self._stores.cache.close()
            except Exception:
                self._log.exception("the cache was not closed properly")


def signals_of(decision: Decision) -> set[str]:
    """The signals that a decision rests on."""
    return {reason.signal for reason in decision.reasons if not reason.inferred}


def page_of(check: Check) -> Page | None:
    """What was seen of a page; None if nothing was."""
    from .ledger.segment import Page  # noqa: PLC0415 - needed with a ledger only

    document = check.page
    if document is None:
        return None
    if document.body is None:
        return Page(document, "none")
    return Page(document, "kept" if check.content_speaks else "silent")


def lines_of(ledger: Ledger) -> dict[str, int]:
    """How many lines a ledger was given: written, and lost."""
    return {"written": ledger.written, "lost": ledger.lost}


def _listed(signals: Counter[str]) -> str:
    if not signals:
        return ""
    ordered = sorted(signals.items(), key=lambda pair: (-pair[1], pair[0]))
    return f" ({', '.join(f'{signal} {count}' for signal, count in ordered)})"
