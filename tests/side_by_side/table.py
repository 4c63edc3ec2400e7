"""The table of all situations."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import replace

from .crawls import CRAWLS
from .run import Scrapy
from .sessions import USES, compare_use
from .situations import Outcome, Situation


def row(situation: Situation, outcome: Outcome) -> str:
    """A line of the table, in Markdown."""
    cells = (
        situation.name,
        len(outcome.stock.got),
        len(outcome.ours.got),
        len(outcome.lost),
        len(outcome.stock_broke),
        len(outcome.ours_broke) + len(outcome.beyond),
        situation.reasons,
    )
    return "| " + " | ".join(map(str, cells)) + " |"


def main(words: list[str]) -> None:
    """Print it, and what is wrong to standard error."""
    wrong = 0
    for title, outcomes in (("Scrapy", crawls(words)), ("aiohttp", uses(words))):
        print(f"\n| {title} | stock got | ours got | lost | stock broke | ours broke | why |")
        print("|---|---|---|---|---|---|---|")
        for situation, outcome in outcomes:
            print(row(situation, outcome), flush=True)
            wrong += tell(situation, outcome, verbose=bool(words))
    if wrong:
        sys.exit(f"{wrong} situations are not as they should be")


def crawls(words: list[str]) -> Iterator[tuple[Situation, Outcome]]:
    """Crawls whose names have these words."""
    with Scrapy() as scrapy:
        for situation in CRAWLS:
            if all(word in situation.name for word in words):
                yield situation, scrapy.compare(situation)


def uses(words: list[str]) -> Iterator[tuple[Situation, Outcome]]:
    """Uses of a session whose names have these words, in both ways."""
    for one in USES:
        if all(word in one.name for word in words):
            for way, outcome in asyncio.run(compare_use(one)).items():
                yield replace(one.situation, name=f"{one.name} ({way})"), outcome


def tell(situation: Situation, outcome: Outcome, *, verbose: bool) -> bool:
    """Tell what is not as it should be, and whether anything is."""
    found = problems(situation, outcome)
    for problem in found:
        print(f"   {problem}", file=sys.stderr)
    if verbose:
        for side in (outcome.stock, outcome.ours):
            print(
                *side.told.items(),
                *side.log,
                *[s.url for s in side.seen],
                side.made,
                sep="\n   ",
                file=sys.stderr,
            )
    return bool(found)


def problems(situation: Situation, outcome: Outcome) -> list[str]:
    """What is not as it should be, nothing where ours loses nothing and breaks nothing."""
    found = [line for line in outcome.ours.log if "Spider error" in line]
    if "the crawl" in outcome.ours.told:
        found.append(str(outcome.ours.told["the crawl"]))
    if len(outcome.stock.got) != situation.stock:
        found.append(f"stock got {len(outcome.stock.got)} instead of {situation.stock}")
    for name, what in (
        ("lost", outcome.lost),
        ("broken", outcome.ours_broke),
        ("beyond stock", outcome.beyond),
        ("needless reason", outcome.unused),
    ):
        if what:
            told = outcome.ours.told.get(what[0], "")
            found.append(f"{name}: {len(what)}, as {what[0]}: {told}")
    return found
