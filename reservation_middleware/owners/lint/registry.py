"""Every family of findings, and the only place that names them all.

A family is a module with ``KINDS`` and ``find``. A new one is its file, its name here, a test that
emits each of its kinds, and its pages, which ``.ci/write_finding_pages.py`` makes.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache

from . import (
    compat,
    deploy,
    meant,
    notes,
    site_groups,
    site_names,
    site_pages,
    site_parsers,
    site_places,
    site_rules,
    site_text,
)
from .finding import Finding, FindingKind
from .ignore_kinds import KINDS as IGNORE_KINDS
from .places import LintedSite

_FAMILIES = (
    *(site_rules, site_groups, site_names, site_parsers, site_places, site_text, site_pages),
    *(deploy, meant, compat),
)
#: What finds something, in the order in which it is asked.
FINDERS: tuple[Callable[[LintedSite], Iterable[Finding]], ...] = (
    notes.find,
    *(family.find for family in _FAMILIES),
)


@cache
def kinds() -> Mapping[str, FindingKind]:
    """Every kind of finding by its ident, those of the core's notes included."""
    own = (kind for family in _FAMILIES for kind in family.KINDS)
    return {**notes.note_kinds(), **{kind.ident: kind for kind in (*own, *IGNORE_KINDS)}}


def find_between(places: LintedSite) -> Iterator[Finding]:
    """What a site's documents say together; nothing that a single one's notes say already."""
    for family in _FAMILIES:
        yield from family.find(places)


def find_all(places: LintedSite) -> Iterator[Finding]:
    """Every finding in one site's documents."""
    for find in FINDERS:
        yield from find(places)
