"""What is linted together: one site's documents, from a folder, a file, or the wire. No I/O."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

import msgspec

from reservation_middleware.decide.check import Check
from reservation_middleware.decide.profiles import profile
from reservation_middleware.decide.reading import (
    LINKED,
    RESOURCES,
    Reading,
    content_reading,
    head_reading,
)
from reservation_middleware.decide.site import Site
from reservation_middleware.model import (
    PAGE,
    Agent,
    Decision,
    Document,
    Outcome,
    Policy,
    Preference,
)
from reservation_middleware.owners.intent import SiteIntent
from reservation_middleware.signals import ROBOTS_TXT
from reservation_middleware.signals.robots import RobotsFindings
from reservation_middleware.syntax.robots import RobotsFile

from .header_files import HeaderLine
from .source import LintSource
from .wire import Wire

#: The origin of documents of which nothing tells where they are published.
UNKNOWN_ORIGIN = "https://site.invalid"
#: What documents say, all uses asked about.
POLICY: Policy = profile("opt-out")
_PURPOSES = ("search", "ai", "tdm")
#: Places of policies by the names of their resources.
KNOWN = {**RESOURCES, **LINKED}


def served_site(documents: Iterable[Document], origin: str) -> "LintedSite":
    """What was fetched of one site: a page with the policies of its origin.

    Args:
        documents: as they were fetched; of other resources than signals read nothing is taken.
        origin: scheme and host.
    """
    sources = [LintSource(name=document.url, document=document) for document in documents]
    return LintedSite(
        origin=origin,
        resources=tuple([source for source in sources if source.document.resource in KNOWN]),
        pages=tuple([source for source in sources if source.document.resource == PAGE]),
    )


class NotTested(msgspec.Struct, frozen=True):
    """A place of which nothing can be told, and why."""

    place: str
    why: str


class LintedSite(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One site's documents.

    Attributes:
        origin: where they are, or will be, published.
        resources: well-known resources, and what these point to.
        pages: pages, images and other content.
        misplaced: files that would say something in another place, with that place's path.
        header_lines: lines of server configuration that add a header field.
        others: files of which only the lines are looked at, such as a generator's configuration.
        is_folder: whether a whole site is there, so that what is not there is missing.
        not_tested: what could not be looked at.
        wire: what is served at the address that the folder is compared with.
        intent: what the owner means.
    """

    origin: str = UNKNOWN_ORIGIN
    resources: tuple[LintSource, ...] = ()
    pages: tuple[LintSource, ...] = ()
    misplaced: tuple[tuple[LintSource, str], ...] = ()
    header_lines: tuple[HeaderLine, ...] = ()
    others: tuple[LintSource, ...] = ()
    is_folder: bool = False
    not_tested: tuple[NotTested, ...] = ()
    wire: Wire | None = None
    intent: SiteIntent | None = None

    @cached_property
    def robots_source(self) -> LintSource | None:
        """Its robots.txt; None where there is none or it was not fetched."""
        return next((source for source in self.resources if _is_robots(source)), None)

    @cached_property
    def robots(self) -> RobotsFile | None:
        """Its robots.txt, read; None where there is none or it was not fetched."""
        for reading in self.readings:
            for _, findings in reading.found:
                if isinstance(findings, RobotsFindings):
                    return findings.robots
        return None

    @cached_property
    def readings(self) -> tuple[Reading, ...]:
        """Its well-known resources and what they point to, read by all signals."""
        documents = [source.document for source in self.resources]
        return tuple([Reading(document, KNOWN[document.resource]) for document in documents])

    @cached_property
    def site(self) -> Site:
        """What its origin says, bound together."""
        return Site(self.readings)

    @cached_property
    def page_readings(self) -> Mapping[str, tuple[Reading | None, Reading | None]]:
        """Of each page what its head and its content say, by its address."""
        return {
            source.document.url: (head_reading(source.document), content_reading(source.document))
            for source in self.pages
        }

    @cached_property
    def sources(self) -> Mapping[str, LintSource]:
        """Every document's source by its address."""
        return {source.document.url: source for source in (*self.resources, *self.pages)}

    @property
    def all_sources(self) -> Iterator[LintSource]:
        """Every source that a finding may stand in, each once."""
        yield from self.resources
        yield from self.pages
        yield from (source for source, _ in self.misplaced)
        yield from {line.source.name: line.source for line in self.header_lines}.values()
        yield from self.others

    def site_usage(self, url: str) -> Mapping[str, Preference | None]:
        """What the site's files, without the page itself, say of a page's uses to everyone."""
        return Check(url, agent=Agent("*", _PURPOSES), policy=POLICY, site=self.site).decide().usage

    def decide(self, url: str, token: str) -> Decision:
        """What follows for one agent about a page or a path, from all that is there."""
        check = Check(url, agent=Agent(token, _PURPOSES), policy=POLICY, site=self.site)
        source = self.sources.get(url)
        if source is not None and source.document.resource == PAGE:
            check.feed(source.document)
        return check.decide()


def _is_robots(source: LintSource) -> bool:
    document = source.document
    return document.resource == ROBOTS_TXT.name and document.outcome is Outcome.FETCHED
