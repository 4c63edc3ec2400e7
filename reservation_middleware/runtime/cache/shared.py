"""What caches outside this process have in common: worker threads, and memory where they fail.

A store that fails is left alone for some seconds, with one warning; what was fetched meanwhile
is kept in memory, and claims hold within this process only. Reading and writing fail apart
from each other: a disk that is full can still be read.

Stores are asked in threads of their own, with blocking calls: the event loop never waits for
a disk, a lock or a socket, and one cache serves event loops one after the other.
"""

import asyncio
import logging
import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from time import monotonic
from typing import Any, ClassVar, TypeVar

from reservation_middleware.model import Document

from .codec import UnreadableError
from .memory import MIB, MemoryCache
from .protocol import Key

T = TypeVar("T")

#: Seconds for which a store that failed is left alone.
RETRY = 5.0
#: Seconds for which documents are kept: longer than anybody may rely on one (RFC 9309 §2.4).
KEPT = 31 * 24 * 3600
#: What is kept in memory beside a store.
_BESIDE = 32 * MIB
#: Seconds after which a store that fails now and then is warned of again.
_QUIET = 600.0

_EARLIEST = datetime(1, 1, 1, tzinfo=UTC)
_log = logging.getLogger("reservation_middleware.cache")


class _Gate:
    """Whether a store may be asked."""

    def __init__(self, retry: float) -> None:
        self._retry = retry
        self._until: float | None = None
        #: How often it was found that the store fails; known to threads, too.
        self.failed = 0

    @property
    def shut(self) -> bool:
        """Whether the last try failed."""
        return self._until is not None

    def passes(self) -> bool:
        """Whether to try now. Of those who ask a store that failed, one does at a time."""
        if self._until is None:
            return True
        now = monotonic()
        if now < self._until:
            return False
        self._until = now + self._retry
        return True

    def close(self) -> None:
        """The store failed."""
        self._until = monotonic() + self._retry

    def open(self) -> None:
        """The store answered."""
        self._until = None


class _FailedMeanwhileError(Exception):
    """The store failed while a call waited for its turn."""


class SharedCache(ABC):
    """A cache in a store that other processes use, too; memory stands in where it fails.

    Args:
        name: of the store, for the log; no secrets.
        lease: seconds after which a claim lapses that is not renewed.
        retry: seconds for which a store that failed is left alone.

    Attributes:
        counts: how often what happened: hits, misses, puts; errors (what the store holds could
            not be read), degraded (calls that memory answered, since the store failed).
    """

    #: How many calls are under way in the store at the same time.
    threads: ClassVar[int]
    #: What the store raises when it fails.
    failures: ClassVar[tuple[type[Exception], ...]]
    #: Seconds that one call may take, from when a thread took it; None where nothing drips.
    deadline: float | None = None

    def __init__(self, name: str, *, lease: float, retry: float) -> None:
        self.counts = dict.fromkeys(("hits", "misses", "puts", "errors", "degraded"), 0)
        self._name = name
        self._lease = lease
        self._owner = secrets.token_hex(16)
        self._beside = MemoryCache(octets=_BESIDE)
        self._reading, self._writing = _Gate(retry), _Gate(retry)
        self._pool: ThreadPoolExecutor | None = None
        self._warned: float | None = None

    async def get(self, key: Key) -> Document | None:
        """The document kept under a key, fresh or not: the newest that is known."""
        stored = await self._ask(self._reading, self._load, key, otherwise=None)
        own = await self._beside.get(key)
        found = stored
        # While the store failed, newer ones were kept here only.
        if own and (stored is None or _fetched(own) > _fetched(stored)):
            found = own
        self.counts["misses" if found is None else "hits"] += 1
        return found

    async def put(self, key: Key, document: Document) -> None:
        """Keep a document."""
        await self._beside.put(key, document)
        await self._ask(self._writing, self._store, key, document, otherwise=None)
        self.counts["puts"] += 1

    async def claim(self, key: Key) -> bool:
        """Whether the caller is to fetch a document: nobody else does at this time."""
        return await self._ask(self._writing, self._hold, key, otherwise=True)

    async def release(self, key: Key) -> None:
        """Give a claim back."""
        await self._ask(self._writing, self._let_go, key, otherwise=None)

    async def close(self) -> None:
        """Let go of files and connections; whoever asks again opens them again."""
        pool, self._pool = self._pool, None
        if pool is None:
            self._disconnect()
        else:
            await asyncio.get_running_loop().run_in_executor(pool, self._disconnect)
            pool.shutdown(wait=False)

    async def _ask(self, gate: _Gate, work: Callable[..., T], *given: Any, otherwise: T) -> T:
        """Ask the store, in a thread."""
        if not gate.passes():
            self.counts["degraded"] += 1
            return otherwise
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="reservations-cache")
        loop = asyncio.get_running_loop()
        began: list[float] = []
        call = loop.run_in_executor(self._pool, self._work, gate, gate.failed, work, given, began)
        try:
            answer = await (call if self.deadline is None else self._in_time(call, began, gate))
        except _FailedMeanwhileError:
            self.counts["degraded"] += 1
            return otherwise
        except UnreadableError:
            self.counts["errors"] += 1
            return otherwise
        except self.failures as error:
            self._failed(gate, error)
            return otherwise
        if gate.shut:
            gate.open()
            _log.info("%s answers again", self._name)
        return answer

    async def _in_time(self, call: asyncio.Future[T], began: list[float], gate: _Gate) -> T:
        """The answer of a thread, if it comes in time.

        A store that sends a byte now and then would else hold callers for hours.
        """
        assert self.deadline is not None
        try:
            while not (await asyncio.wait({call}, timeout=self.deadline))[0]:
                if began and monotonic() - began[0] >= self.deadline:
                    # Its thread ends by an error, which nobody waits for.
                    call.add_done_callback(lambda done: done.cancelled() or done.exception())
                    gate.failed += 1
                    self._disconnect()
                    raise TimeoutError(f"no whole answer within {self.deadline:g} s")
        except asyncio.CancelledError:
            call.cancel()
            raise
        return call.result()

    def _work(
        self, gate: _Gate, failed: int, work: Callable[..., T], given: Any, began: list[float]
    ) -> T:
        """Do something in a thread, unless the store failed while this waited for the thread."""
        began.append(monotonic())
        if gate.failed != failed:
            raise _FailedMeanwhileError
        try:
            return work(*given)
        except UnreadableError:
            raise  # it answered
        except self.failures as error:
            for hold in self._gates(gate, error):
                hold.failed += 1
            raise

    def _gates(self, gate: _Gate, error: Exception) -> tuple[_Gate, ...]:
        return (self._reading, self._writing) if self._gone(error) else (gate,)

    def _failed(self, gate: _Gate, error: Exception) -> None:
        self.counts["degraded"] += 1
        known = self._reading.shut or self._writing.shut
        for hold in self._gates(gate, error):
            hold.close()
        now = monotonic()
        if known or (self._warned is not None and now < self._warned + _QUIET):
            return
        self._warned = now
        _log.warning(
            "%s fails (%s: %s): policy documents are kept in memory until it answers",
            *(self._name, type(error).__name__, self._why(error)),
        )

    def _gone(self, error: Exception) -> bool:  # noqa: ARG002
        """Whether an error says that neither reading nor writing is worth a try."""
        return False

    def _why(self, error: Exception) -> str:
        """An error for the log."""
        return str(error)

    # What a store does, in a thread.

    @abstractmethod
    def _load(self, key: Key) -> Document | None: ...

    @abstractmethod
    def _store(self, key: Key, document: Document) -> None: ...

    @abstractmethod
    def _hold(self, key: Key) -> bool: ...

    @abstractmethod
    def _let_go(self, key: Key) -> None: ...

    @abstractmethod
    def _disconnect(self) -> None: ...


def _fetched(document: Document) -> datetime:
    return document.fetched_at or _EARLIEST
