"""Looks at many pages: the pages of one host in turn, a few hosts at a time."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from reservation_middleware.model import Agent, ConfigurationError, Policy
from reservation_middleware.owners.inspect.look import Extent, inspect
from reservation_middleware.owners.inspect.summary import summarize
from reservation_middleware.owners.page_address import page_address

from .compare import EffectChange
from .effect import look_of, watched_policy
from .history import History, Recorded

#: Hosts that are asked at the same time, and seconds for one page.
_HOSTS, _TIMEOUT = 4, 300.0
#: Pages of one list, and octets of it.
MAX_PAGES, MAX_LIST = 10_000, 4 * 1024 * 1024


class WatchOutcome(StrEnum):
    """What became of one page."""

    FIRST = "first look"
    SAME = "no change"
    CHANGED = "changed"
    NOT_REACHED = "not reached"


class Watched(NamedTuple):
    """One page, looked at once.

    Attributes:
        url: as it stands in the list.
        time: when.
        outcome: what became of it.
        since: when it was read the last time.
        changes: of effect.
        problem: why nothing could be read, or which places could not.
    """

    url: str
    time: datetime
    outcome: WatchOutcome
    since: datetime | None = None
    changes: tuple[EffectChange, ...] = ()
    problem: str | None = None


def read_list(data: bytes, name: str) -> tuple[str, ...]:
    """The pages of a list: one address per line, ``#`` begins a comment, each page once.

    Raises:
        ValueError: a line is no address, or it is no such list; one line with file and line.
    """
    if len(data) > MAX_LIST:
        raise ValueError(f"{name} is longer than {MAX_LIST} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{name} is no text in UTF-8") from None
    pages: dict[str, None] = {}
    for number, line in enumerate(text.splitlines(), 1):
        # A "#" inside an address is its fragment, which no server sees.
        address = line.partition("#")[0].strip()
        if not address:
            continue
        try:
            pages[page_address(address)] = None
        except ValueError as error:
            raise ValueError(f"{name}:{number}: {error}") from None
    if not pages:
        raise ValueError(f"{name} names no page")
    if len(pages) > MAX_PAGES:
        raise ValueError(f"{name} names more than {MAX_PAGES} pages")
    return tuple(pages)


async def watch_once(
    pages: Iterable[str], history: History, policy: Policy, **options: Any
) -> AsyncIterator[Watched]:
    """Look at each page once, and keep what was found; yields in the order in which looks end.

    Args:
        pages: their addresses.
        history: where looks are kept, before they are yielded.
        policy: how signals are judged; every known place is asked whatever it says.
        options: further arguments of each request, such as ``proxy``.

    Raises:
        ConfigurationError: the history cannot be written.
    """
    hosts: dict[str, list[str]] = {}
    for page in pages:
        hosts.setdefault((urlsplit(page).hostname or "").removeprefix("www."), []).append(page)
    gate = asyncio.Semaphore(_HOSTS)
    done: asyncio.Queue[Watched | None] = asyncio.Queue()
    asked = watched_policy(policy)

    async def look_in_turn(addresses: list[str]) -> None:
        async with gate:
            for address in addresses:
                done.put_nowait(await _watch(address, history, asked, options))

    async def look_at_all() -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for addresses in hosts.values():
                    group.create_task(look_in_turn(addresses))
        except* ConfigurationError as failed:
            raise failed.exceptions[0] from None
        finally:
            done.put_nowait(None)

    looking = asyncio.create_task(look_at_all())
    try:
        while (watched := await done.get()) is not None:
            yield watched
        await looking
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


async def _watch(url: str, history: History, policy: Policy, options: dict[str, Any]) -> Watched:
    time = datetime.now(UTC)
    try:
        async with asyncio.timeout(_TIMEOUT):
            found = await inspect(
                url, agent=Agent("*"), policy=policy, extent=Extent.PAGE, **options
            )
    except TimeoutError:
        problem = f"gave up after {_TIMEOUT:.0f} s"
    else:
        if not found.problem:
            return _compared(url, time, history.record(url, time, look_of(found)))
        problem = summarize(found).verdict.headline.removeprefix(found.decision.url).strip()
    history.record_problem(url, time, problem)
    return Watched(url, time, WatchOutcome.NOT_REACHED, problem=problem)


def _compared(url: str, time: datetime, recorded: Recorded) -> Watched:
    comparison = recorded.comparison
    if comparison is None:
        return Watched(url, time, WatchOutcome.FIRST)
    problem = None
    if comparison.carried:
        problem = f"{', '.join(comparison.carried)}: not reached; taken as at the last look"
    outcome = WatchOutcome.CHANGED if comparison.changes else WatchOutcome.SAME
    return Watched(url, time, outcome, recorded.since, comparison.changes, problem)


def status_of(watched: Iterable[Watched]) -> int:
    """The exit status: 1 for a change, else 3 where something could not be looked at, else 0."""
    every = list(watched)
    if any(one_page.outcome is WatchOutcome.CHANGED for one_page in every):
        return 1
    return 3 if any(one_page.problem for one_page in every) else 0
