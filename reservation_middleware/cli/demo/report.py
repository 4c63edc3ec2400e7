"""What the demo leaves behind: decisions, policy documents and a page to look at.

The page is one file without scripts. Everything in it that comes from a site is escaped
by the template engine.
"""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import jinja2
import msgspec

from reservation_middleware.decide.reading import LINKED
from reservation_middleware.model import LEAVES, Document, expand
from reservation_middleware.model.version import SPEC_VERSION, __version__
from reservation_middleware.report.words import VALUES

from .crawl import RUNS, Crawls
from .judge import pages, without_decisions
from .sites import SiteHost, SitePage
from .task import AGENT, PURPOSES, Visit
from .why import happened, offered

_ENFORCE, _OBSERVE = ("aiohttp", "enforce"), ("aiohttp", "observe")


class Line(NamedTuple):
    """A line of a policy document, and how it decided something: no, yes, hint or not at all."""

    number: int
    text: str
    mark: str


class Shown(NamedTuple):
    """A page as the report shows it."""

    page: SitePage
    visit: Visit | None
    happened: str
    #: The decision that observe mode came to, where it is another one.
    seen: dict[str, Any] | None


def write(folder: Path, hosts: Sequence[SiteHost], crawls: Crawls, checks: Sequence[Any]) -> None:
    """Write decisions.jsonl, documents/ and report.html.

    Args:
        folder: where to; made if it is not there.
        hosts: the web that was crawled.
        crawls: what the crawls brought.
        checks: (what holds, what does not, the list of what is wrong) for each check.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "decisions.jsonl").write_bytes(b"".join(_lines(crawls)))
    for document in crawls.documents:
        place = folder / "documents" / (urlsplit(document.url).hostname or "unknown")
        place.mkdir(parents=True, exist_ok=True)
        name = _name(document)
        if document.body is not None:
            (place / name).write_bytes(document.body)
        about = msgspec.json.format(msgspec.json.encode(_fetched(document)), indent=2)
        (place / f"{name}.fetch.json").write_bytes(about + b"\n")
    (folder / "report.html").write_text(html(hosts, crawls, checks), "utf-8")


def html(hosts: Sequence[SiteHost], crawls: Crawls, checks: Sequence[Any]) -> str:
    """The report as one HTML page."""
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.from_string(
        files(__package__).joinpath("report.html.jinja").read_text("utf-8")
    )
    marks = _marks(crawls)
    shown = [
        {
            "host": host,
            "pages": [_shown(host, page, crawls) for page in host.pages],
            "documents": [
                (document, _numbered(document, marks))
                for document in crawls.documents
                if urlsplit(document.url).hostname == host.name
            ],
        }
        for host in hosts
        if host.pages
    ]
    visits = crawls.visits[_ENFORCE]
    outcomes = [happened(visits.get(url)) for url, _ in pages(hosts)]
    return template.render(
        agent=AGENT,
        purposes=PURPOSES,
        asked=expand(PURPOSES),
        leaves=LEAVES,
        values=VALUES,
        marks={"": "", "no": "✕ no", "yes": "✓ yes", "hint": "~ inferred"},
        only=without_decisions(hosts, crawls),
        hosts=shown,
        outcomes=[(name, outcomes.count(name)) for name in sorted(set(outcomes), reverse=True)],
        checks=checks,
        version=__version__,
        offered=offered,
        spec_version=SPEC_VERSION,
    )


def _lines(crawls: Crawls) -> list[bytes]:
    """The decisions of all runs, one record per line."""
    return [
        msgspec.json.encode(
            {
                "adapter": visit.adapter,
                "mode": visit.mode,
                "asked": visit.asked,
                "blocked": visit.blocked,
                **(visit.record or {"error": visit.error}),
            }
        )
        + b"\n"
        for run in RUNS
        for visit in sorted(crawls.visits[run].values(), key=lambda visit: visit.asked)
    ]


def _fetched(document: Document) -> dict[str, Any]:
    """How a policy document was fetched."""
    return {
        "url": document.url,
        "outcome": document.outcome,
        "status": document.status,
        "problem": document.problem,
        "fetched_at": document.fetched_at,
        "expires": document.expires,
        "sha256": document.digest,
        "headers": document.headers,
    }


def _name(document: Document) -> str:
    """What a document's file is called: after its place, or its path where others point to it."""
    if document.resource not in LINKED:
        return document.resource.replace("/", "-")
    return urlsplit(document.url).path.strip("/").replace("/", "-") or "index"


def _shown(host: SiteHost, page: SitePage, crawls: Crawls) -> Shown:
    url = host.url(page.path)
    visit = crawls.visits[_ENFORCE].get(url)
    other = crawls.visits[_OBSERVE].get(url)
    seen = other.record if other else None
    if visit and visit.record and seen and seen["action"] == visit.record["action"]:
        seen = None
    return Shown(page, visit, happened(visit), seen)


def _marks(crawls: Crawls) -> dict[tuple[str, int], str]:
    """How each line of a policy document counted, the strictest if it did in several ways."""
    strength = {"hint": 0, "yes": 1, "no": 2}
    marks: dict[tuple[str, int], str] = {}
    for visit in crawls.visits[_ENFORCE].values():
        for reason in (visit.record or {"reasons": ()})["reasons"]:
            if reason["line"] is None:
                continue
            key = reason["document"], reason["line"]
            mark = "no" if reason["preference"] == "disallowed" else "yes"
            mark = "hint" if reason["inferred"] else mark
            if strength[mark] >= strength[marks.get(key, "hint")]:
                marks[key] = mark
    return marks


def _numbered(document: Document, marks: dict[tuple[str, int], str]) -> list[Line]:
    text = (document.body or b"").decode("utf-8", "replace")
    return [
        Line(number, line, marks.get((document.url, number), ""))
        for number, line in enumerate(text.splitlines(), 1)
    ]
