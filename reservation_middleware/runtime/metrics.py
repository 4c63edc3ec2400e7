"""Counts for Prometheus, and the endpoint that shows them; needs the extra ``[prometheus]``.

One process shows one set of counts however many crawls it runs: a second spider adds to them.
Labels are words of closed sets and names of signals, never hosts or addresses.
Reference: https://prometheus.io/docs/practices/naming/
"""

import errno
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from wsgiref.simple_server import WSGIServer

from reservation_middleware.decide.bot_check import outcome_of
from reservation_middleware.model import ConfigurationError, Decision, Outcome

from .config import endpoint
from .transport import Answer, Ask, Transport, TransportClosedError

try:
    import prometheus_client
    from prometheus_client.core import CounterMetricFamily
    from prometheus_client.registry import Collector, CollectorRegistry
except ImportError as error:  # pragma: no cover - needs an environment without it
    raise ImportError(
        "metrics need prometheus-client: pip install 'reservation-middleware[prometheus]', "
        "or in a checkout uv run --extra prometheus …"
    ) from error

logger = logging.getLogger("reservation_middleware.metrics")

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

#: How often what happened, by name, as caches and fetchers keep it.
Counts = Callable[[], Mapping[str, int]]


class Metrics:
    """A set of counts.

    Args:
        registry: whose endpoint shows them; one of their own if None.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = CollectorRegistry() if registry is None else registry
        self._decisions = prometheus_client.Counter(
            "reservation_decisions",
            "Last decisions about requests.",
            ("adapter", "mode", "action", "verdict", "stage"),
            registry=self.registry,
        )
        self._blocked = prometheus_client.Counter(
            "reservation_blocked",
            "Requests that were stopped, by signal for whose sake; none where nobody said anything.",
            ("adapter", "signal"),
            registry=self.registry,
        )
        self._would_block = prometheus_client.Counter(
            "reservation_would_block",
            "Requests that were let pass and would be stopped in enforce mode, by signal.",
            ("adapter", "signal"),
            registry=self.registry,
        )
        self._fetches = prometheus_client.Counter(
            "reservation_policy_fetches",
            "Requests for policies, by what came back.",
            ("adapter", "outcome"),
            registry=self.registry,
        )
        self._seconds = prometheus_client.Histogram(
            "reservation_policy_fetch_seconds",
            "How long requests for policies took.",
            ("adapter",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._sources = _Sources()
        self.registry.register(self._sources)

    def decided(
        self,
        decision: Decision,
        *,
        adapter: str,
        mode: str,
        blocked: bool,
        signals: Collection[str],
    ) -> None:
        """Count the last decision about a request.

        Args:
            decision: what was decided.
            adapter: whose request it was.
            mode: enforce or observe.
            blocked: whether the request was stopped.
            signals: those that a block rests on, enforced or not.
        """
        action, verdict, stage = decision.action.value, decision.verdict.value, decision.stage.value
        self._decisions.labels(adapter, mode, action, verdict, stage).inc()
        counter = self._blocked if blocked else self._would_block
        for signal in signals:
            counter.labels(adapter, signal).inc()

    def watched(self, transport: Transport, adapter: str) -> Transport:
        """The same transport, counted and timed."""

        async def watch(ask: Ask) -> Answer:
            began = time.perf_counter()
            try:
                answer = await transport(ask)
            except TransportClosedError:
                raise
            except Exception:
                self._fetched(Outcome.UNREACHABLE.value, adapter, began)
                raise
            self._fetched(_outcome(answer), adapter, began)
            return answer

        return watch

    def _fetched(self, outcome: str, adapter: str, began: float) -> None:
        self._fetches.labels(adapter, outcome).inc()
        self._seconds.labels(adapter).observe(time.perf_counter() - began)

    def follow(self, kind: str, counts: Counts) -> Callable[[], None]:
        """Show what others count: ``cache``, ``fetcher``, ``ledger``.

        Returns:
            What is to be called when it counts no more; what it counted so far stays.
        """
        return self._sources.add(kind, counts)


def _outcome(answer: Answer) -> str:
    if answer.status == 304:
        return "not-modified"
    if 300 <= answer.status < 400:
        return "redirect"
    return outcome_of(*answer[:3])[0].value


class _Sources(Collector):
    """What others count, read when somebody looks."""

    _ABOUT: Mapping[str, tuple[str, str]] = {
        "cache": ("reservation_cache", "What happened in the cache of policies."),
        "fetcher": ("reservation_fetcher", "What happened while policies were got."),
        "ledger": ("reservation_ledger_lines", "Lines of the ledger: written, or lost."),
    }

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._before: dict[str, Counter[str]] = {kind: Counter() for kind in self._ABOUT}
        self._now: dict[object, tuple[str, Counts]] = {}

    def add(self, kind: str, counts: Counts) -> Callable[[], None]:
        key = object()
        # What is counted already, as by a cache that was handed in, was counted elsewhere.
        since = Counter(dict(counts()))

        def own() -> Mapping[str, int]:
            return Counter(dict(counts())) - since

        with self._lock:
            self._now[key] = kind, own

        def end() -> None:
            with self._lock:
                if self._now.pop(key, None) is not None:
                    self._before[kind].update(own())

        return end

    def collect(self) -> Iterable[CounterMetricFamily]:
        with self._lock:
            totals = {kind: Counter(before) for kind, before in self._before.items()}
            for kind, counts in self._now.values():
                totals[kind].update(counts())
        return self._families(totals)

    def _families(self, totals: Mapping[str, Mapping[str, int]]) -> Iterator[CounterMetricFamily]:
        for kind, (name, about) in self._ABOUT.items():
            family = CounterMetricFamily(name, about, labels=("event",))
            for event, count in sorted(totals[kind].items()):
                family.add_metric((event,), count)
            yield family


class Endpoint:
    """Where a process shows its counts: one set, however many ask for it.

    Attributes:
        metrics: the counts.
        addresses: where they are shown: host and port.
    """

    def __init__(self) -> None:
        self.metrics = Metrics()
        self.addresses: dict[tuple[str, int], tuple[str, int]] = {}
        self._lock = threading.Lock()
        self._servers: list[tuple[WSGIServer, threading.Thread]] = []

    def serve(self, where: str) -> Metrics:
        """Show the counts at host:port, if they are not shown there already.

        Raises:
            ConfigurationError: that is no host:port, or nothing can be shown there.
        """
        host, port = endpoint(where)
        with self._lock:
            if (host, port) not in self.addresses:
                try:
                    server, thread = prometheus_client.start_http_server(
                        port, host, self.metrics.registry
                    )
                except (OSError, OverflowError) as error:
                    why = getattr(error, "strerror", None) or error
                    if getattr(error, "errno", None) == errno.EADDRINUSE:
                        why = f"{why}; each process needs a port of its own, 0 takes any free one"
                    raise ConfigurationError(f"prometheus: {where}: {why}") from None
                self._servers.append((server, thread))
                found = self.addresses[host, port] = host, server.server_port
                logger.info("Metrics at http://%s:%d/metrics", *found)
        return self.metrics

    def close(self) -> None:
        """Show nothing any more."""
        with self._lock:
            for server, thread in self._servers:
                server.shutdown()
                server.server_close()
                thread.join()
            self._servers.clear()
            self.addresses.clear()


#: Of this process.
ENDPOINT = Endpoint()


def metrics_for(given: "Metrics | str | None") -> Metrics | None:
    """Counts as they are handed in: some, or where this process is to show its own.

    Raises:
        ConfigurationError: they cannot be shown there.
    """
    return ENDPOINT.serve(given) if isinstance(given, str) else given
