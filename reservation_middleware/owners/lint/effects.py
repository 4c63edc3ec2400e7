"""The effect matrix: agents × uses over a site's documents, through the core. No I/O.

Two of them are compared to see what an edit changes. A cell is what one agent may do with one path.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from reservation_middleware.model import CRAWL, LEAVES
from reservation_middleware.model.agents import catalogue
from reservation_middleware.syntax.path import split_url

from .places import LintedSite

#: Agents, paths and pages that are asked about; an agent whom no file names stands for all others.
MAX_AGENTS, MAX_PATHS, MAX_PAGES = 400, 100, 20
UNNAMED = "unnamed-crawler"
USES = (CRAWL, *LEAVES)


class EffectCell(NamedTuple):
    """One question: may this agent put what stands at this path to this use?"""

    path: str
    agent: str
    use: str


Matrix = Mapping[EffectCell, str]


def agents_of(*sites: LintedSite) -> tuple[str, ...]:
    """Whom to ask about: everyone, nobody in particular, the catalogue, and all that are named."""
    names = {"*": None, UNNAMED: None}
    for places in sites:
        if places.robots is not None:
            names.update(dict.fromkeys(places.robots.tokens))
    names.update(dict.fromkeys(agent.token.lower() for agent in catalogue().agents))
    return tuple(name for name in names if _is_token(name))[:MAX_AGENTS]


def _is_token(name: str) -> bool:
    return name == "*" or name.replace("-", "").replace("_", "").replace(".", "").isalnum()


def paths_of(*sites: LintedSite) -> tuple[str, ...]:
    """What to ask about: the root, a path that no rule names, each rule's path, the pages."""
    found = {"/": None, "/a-path-that-no-rule-names": None}
    for places in sites:
        for group in places.robots.groups if places.robots else ():
            for _, path, _ in group.plain[:MAX_PATHS]:
                found[_literal(path)] = None
            for record in group.records:
                first = record.value.partition(" ")[0]
                if first.startswith("/"):
                    found[_literal(first)] = None
        found.update(
            dict.fromkeys(split_url(page.document.url)[1] for page in places.pages[:MAX_PAGES])
        )
    return tuple(found)[: MAX_PATHS + MAX_PAGES]


def _literal(pattern: str) -> str:
    """A path that a pattern matches."""
    path = pattern.removesuffix("$").replace("*", "x")
    return path if path.startswith("/") else "/" + path


def matrix(places: LintedSite, agents: Iterable[str], paths: Iterable[str]) -> Matrix:
    """What each agent may do with each path."""
    cells: dict[EffectCell, str] = {}
    paths = tuple(paths)
    for agent in agents:
        for path in paths:
            decision = places.decide(places.origin + path, agent)
            cells[EffectCell(path, agent, CRAWL)] = decision.crawl.value
            for leaf in LEAVES:
                preference = decision.usage[leaf]
                cells[EffectCell(path, agent, leaf)] = (
                    "n/a" if preference is None else preference.value
                )
    return cells


class Change(NamedTuple):
    """A cell that is another one now."""

    cell: EffectCell
    before: str
    after: str


def changes(before: Matrix, after: Matrix) -> tuple[Change, ...]:
    """The cells of two matrices about equal questions that differ."""
    return tuple(
        Change(cell, value, after[cell])
        for cell, value in before.items()
        if after.get(cell, value) != value
    )
