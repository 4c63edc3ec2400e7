"""The table of all situations."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Mapping
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
        for situation, ways in outcomes:
            print(*rows(situation, ways), sep="\n", flush=True)
            told = [tell(situation, outcome, verbose=bool(words)) for outcome in ways.values()]
            wrong += any(told)
    if wrong:
        sys.exit(f"{wrong} situations are not as they should be")


def rows(situation: Situation, ways: Mapping[str, Outcome]) -> list[str]:
    """The lines of the table for a situation: one where all ways come to the same."""
    same = {row(situation, outcome) for outcome in ways.values()}
    if len(same) == 1:
        return list(same)
    return [
        row(replace(situation, name=f"{situation.name} ({way})"), outcome)
        for way, outcome in ways.items()
    ]


def crawls(words: list[str]) -> Iterator[tuple[Situation, dict[str, Outcome]]]:
    """Crawls whose names have these words."""
    with Scrapy() as scrapy:
        for situation in CRAWLS:
            if all(word in situation.name for word in words):
                yield situation, {"add-on": scrapy.compare(situation)}


def uses(words: list[str]) -> Iterator[tuple[Situation, dict[str, Outcome]]]:
    """Uses of a session whose names have these words, in both ways."""
    for one in USES:
        if all(word in one.name for word in words):
            yield one.situation, asyncio.run(compare_use(one))


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
        ("broken", [one for one in outcome.ours_broke if one not in situation.excused]),
        ("beyond stock", outcome.beyond),
        ("needless reason", outcome.unused),
    ):
        if what:
            told = outcome.ours.told.get(what[0], "")
            found.append(f"{name}: {len(what)}, as {what[0]}: {told}")
    return found
