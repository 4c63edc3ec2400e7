"""How the middleware is made, with what it keeps things in."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from reservation_middleware.decide.profiles import profile
from reservation_middleware.model import Agent, ConfigurationError, Policy
from reservation_middleware.runtime.fetcher import Cache, Fetcher, Retries
from reservation_middleware.runtime.journal import Journal
from reservation_middleware.runtime.stores import opened

from ._middleware import Listener, ReservationMiddleware, logger

if TYPE_CHECKING:
    from reservation_middleware.ledger.write.ledger import Ledger
    from reservation_middleware.runtime.metrics import Metrics


def reservation_middleware(
    policy: Policy | None = None,
    *,
    agent: Agent | str | Sequence[str] | None = None,
    fetcher: Fetcher | None = None,
    retries: Retries | None = None,
    listener: Listener | None = None,
    cache: Cache | str | None = None,
    ledger: "Ledger | str | os.PathLike[str] | None" = None,
    ledger_key: str | os.PathLike[str] | None = None,
    ledger_lines: str = "all",
    ledger_name: str | None = None,
    metrics: "Metrics | str | None" = None,
) -> ReservationMiddleware:
    """A client middleware for ``aiohttp.ClientSession(middlewares=(…,))``.

    Args:
        policy: what the operator decided; the ``opt-out`` profile if None.
        agent: who asks; a plain string is a product token that asks for ``ai-train``,
            several are a fallback list.
            If None, the product token of the request's User-Agent.
        fetcher: gets the policies; hand one in to share it between sessions.
        retries: how often a policy that could not be had is asked for again, and how long its
            ``Retry-After`` is waited for; two tries more and 60 seconds if None.
        listener: is called with every decision.
        cache: where policies are kept, or its URL: ``sqlite:///file.db``, ``redis://host:6379/0``;
            in memory if None.
        ledger: where decisions are kept, or its folder; nowhere if None.
        ledger_key: file of the key that signs; beside the folder if None.
        ledger_lines: ``all``, or ``bulk``: one line for each host and policy.
        ledger_name: of the key.
        metrics: where decisions are counted, or host:port where Prometheus finds the counts.

    Raises:
        ConfigurationError: cache or metrics cannot be had.
        LedgerError: the ledger cannot be written.
        ImportError: an extra is not installed.
    """
    if fetcher is not None and cache is not None:
        raise ConfigurationError("cache: the fetcher that is handed in has one already")
    if fetcher is not None and retries is not None:
        raise ConfigurationError("retries: the fetcher that is handed in has its own")
    policy = profile() if policy is None else policy
    stores = opened(
        cache=cache,
        ledger=ledger,
        ledger_key=ledger_key,
        ledger_lines=ledger_lines,
        ledger_name=ledger_name,
        metrics=metrics,
    )
    fetcher = fetcher or Fetcher(cache=stores.cache, timeout=None, retries=retries or Retries())
    journal = Journal("aiohttp", policy, logger, stores)
    journal.follow(fetcher)
    return ReservationMiddleware(
        policy,
        agent=agent if agent is None or isinstance(agent, Agent) else Agent(agent),
        fetcher=fetcher,
        listener=listener,
        journal=journal,
    )
