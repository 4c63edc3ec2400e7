"""`lint`: a robots.txt linted, against our own reading of it and one question for 30 agents."""

from collections.abc import Callable, Iterator, Sequence

from reservation_middleware import Agent
from reservation_middleware.decide.panel import Panel
from reservation_middleware.decide.reading import RESOURCES, Reading
from reservation_middleware.decide.site import Site
from reservation_middleware.model import Document, Outcome
from reservation_middleware.model.agents import catalogue
from reservation_middleware.owners.lint.places import LintedSite
from reservation_middleware.owners.lint.run import lint
from reservation_middleware.owners.lint.source import LintSource

from .corpus import Host, hosts
from .timing import OURS, Batch, Options, Prepare, Row, versus

_ROBOTS = RESOURCES["robots.txt"]


def lint_robots(options: Options) -> Iterator[Row]:
    """``--fix`` and ``--intent`` apart; nothing is printed."""
    known = hosts(options.some(None, 500))
    documents = [_document(host) for host in known]
    panel = Panel([Agent(agent.token) for agent in catalogue().agents[:30]])

    def linted(document: Document) -> None:
        site = LintedSite(
            origin=document.url.removesuffix("/robots.txt"),
            resources=(LintSource(name="robots.txt", document=document),),
        )
        lint([site])

    def read_and_asked(document: Document) -> None:
        site = Site([Reading(document, _ROBOTS)])
        panel.decide(document.url.removesuffix("robots.txt"), site)

    contenders = {
        OURS: _over(linted, documents),
        "parse and 30 agents": _over(read_and_asked, documents),
    }
    yield from versus(
        "lint", contenders, options, operations=len(known), runs=options.runs(5), goal=2.0
    )


def _document(host: Host) -> Document:
    return Document(
        url=f"https://{host.name}/robots.txt",
        resource="robots.txt",
        outcome=Outcome.FETCHED,
        status=200,
        body=host.body,
    )


def _over(do: Callable[[Document], None], documents: Sequence[Document]) -> Prepare:
    def run() -> None:
        for document in documents:
            do(document)

    def prepare(_: int) -> Batch:
        return run

    return prepare
