"""The first thing to run: a small real web on loopback, crawled by both adapters.

``web`` and ``sites`` are the web, ``crawl`` and ``spider`` the crawls, ``judge`` checks
them against each other, against what every page expects and against the web's own log,
``evidence`` checks the ledger that they left, ``tables`` prints and ``report`` writes. Needs the ``scrapy`` extra; nothing of this
package is imported by any other part.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from rich.console import Console

if TYPE_CHECKING:
    from .sites import SiteHost

__all__ = ["run"]

T = TypeVar("T")


def run(folder: Path, console: Console, *, hosts: Sequence[SiteHost] | None = None) -> bool:
    """Crawl the demo's web with both adapters, print what happened and write the evidence.

    Args:
        folder: where ledger/, decisions.jsonl, documents/ and report.html are written.
        console: where to print.
        hosts: another web than the demo's own.

    Returns:
        Whether both adapters agree on every URL, every page went as its host expects, the
        web's log bears it out, and the ledger verifies and replays.

    Raises:
        ImportError: aiohttp or Scrapy is not installed.
        ReservationError: a crawl came to no end.
    """
    if find_spec("scrapy") is None or find_spec("aiohttp") is None:
        raise ImportError(
            "the demo needs aiohttp 3.13.4 and Scrapy 2.13 or newer: "
            "pip install 'reservation-middleware[scrapy]', "
            "or in a checkout uv run --extra scrapy …"
        )
    # Not at the top: without the extras this package can be imported, but not run.
    from . import crawl, evidence, judge, report, sites, tables

    hosts = sites.HOSTS if hosts is None else hosts
    ledger = folder.absolute() / "ledger"
    total = len(judge.pages(hosts))
    with tables.wide(console):
        console.print(
            f"A small web on 127.0.0.1: {len(hosts)} hosts, {total} pages. "
            "Crawling it with Scrapy and with aiohttp …",
            highlight=False,
        )
        if not sites.MEDIA and hosts is sites.HOSTS:
            console.print(
                "Not shown: images, PDF and EPUB that speak for themselves "
                "(uv run --extra scrapy --extra media …).",
                highlight=False,
            )
        with console.status("crawling"):
            crawls = _until_stopped(crawl.crawl(hosts, ledger))
        checks = (
            (
                f"Scrapy and aiohttp agree on all {total} URLs, in {tables.modes()} mode.",
                "Scrapy and aiohttp do not agree",
                judge.differences(hosts, crawls),
            ),
            (
                "Every page went as expected, at the stage and for the signal expected.",
                "Pages that did not go as expected",
                judge.surprises(hosts, crawls),
            ),
            (
                "No page blocked before the fetch was asked for; every policy was fetched once.",
                "The web's own log says otherwise",
                judge.contradictions(hosts, crawls),
            ),
            evidence.verified(ledger),
            evidence.replayed(ledger),
        )
        report.write(folder, hosts, crawls, checks)
        console.print()
        console.print(tables.every_page(hosts, crawls, width=console.width))
        console.print(tables.counts(crawls, width=console.width))
        tables.verdict(console, checks)
        if only := judge.without_decisions(hosts, crawls):
            console.print(only, highlight=False)
        console.print()
        tables.next_steps(console, folder)
    return not any(wrong for _, _, wrong in checks)


def _until_stopped(work: Coroutine[object, object, T]) -> T:
    """Run a crawl; Ctrl-C ends it without a word, as whatever it tears apart is not to blame.

    Raises:
        KeyboardInterrupt: it was stopped.
    """

    async def stoppable() -> T:
        task = asyncio.current_task()

        def stop() -> None:
            logging.disable()
            if task is not None:
                task.cancel()

        # Not on every system, and in the main thread only.
        with suppress(NotImplementedError, RuntimeError, ValueError):
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop)
        return await work

    try:
        return asyncio.run(stoppable())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
