"""A site on the wire: a page with its policies, or the paths that a folder is compared with.

Everything is fetched by ``owners/inspect``; nothing here opens a connection.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from reservation_middleware.model import PAGE, Agent, Document, Outcome
from reservation_middleware.owners.inspect.inspection import Inspection
from reservation_middleware.owners.inspect.look import Extent, inspect
from reservation_middleware.report.words import network_problem
from reservation_middleware.runtime.cache.memory import MemoryCache
from reservation_middleware.syntax.path import split_url

from .places import POLICY, LintedSite, NotTested, served_site
from .wire import Wire

#: Pages of a folder that are asked for on the wire, besides its well-known files.
MAX_PAGES = 10


async def read_url(url: str, **session: Any) -> LintedSite:
    """A page as it is served, with the policies of its site.

    Args:
        url: absolute http or https URL.
        session: further arguments of the HTTP session, such as ``proxy``.
    """
    looked = await inspect(
        url, agent=Agent("*"), policy=POLICY, cache=MemoryCache(), extent=Extent.PAGE, **session
    )
    site = served_site(looked.documents, split_url(looked.decision.url)[0])
    untested = _untested(url, looked)
    if not looked.problem:  # a host that does not answer at all is told once
        untested += [
            NotTested(
                source.name,
                network_problem(source.document.problem or f"HTTP {source.document.status}"),
            )
            for source in site.resources
            if source.document.outcome is Outcome.UNREACHABLE
        ]
    return msgspec.structs.replace(site, not_tested=tuple(dict.fromkeys(untested)))


async def read_wire(url: str, pages: Sequence[str], **session: Any) -> tuple[Wire, list[NotTested]]:
    """What a site serves at its well-known places and at some pages.

    Args:
        url: of the site.
        pages: paths that are asked for; the first ``MAX_PAGES`` of them.
        session: as for ``read_url``.
    """
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(url))
    cache = MemoryCache()
    documents: dict[str, Document] = {}
    untested: list[NotTested] = []
    paths = list(dict.fromkeys(("/", *pages)))
    for path in paths[:MAX_PAGES]:
        looked = await inspect(
            origin + path,
            agent=Agent("*"),
            policy=POLICY,
            cache=cache,
            extent=Extent.PAGE,
            **session,
        )
        untested += _untested(origin + path, looked)
        for document in looked.documents:
            where, target = split_url(document.url)
            if document.resource == PAGE:
                documents[path] = document
            elif where == split_url(origin)[0]:
                documents.setdefault(target, document)
                if document.outcome is Outcome.UNREACHABLE:
                    why = document.problem or f"HTTP {document.status}"
                    untested.append(NotTested(document.url, network_problem(why)))
    if len(paths) > MAX_PAGES:
        untested.append(NotTested(origin, f"{len(paths) - MAX_PAGES} more pages of the folder"))
    return Wire(origin, documents, len(paths[MAX_PAGES:])), list(dict.fromkeys(untested))


def _untested(url: str, looked: Inspection) -> list[NotTested]:
    if looked.problem:
        return [NotTested(url, network_problem(looked.problem))]
    if not any(document.resource == PAGE for document in looked.documents):
        return [NotTested(url, "its robots.txt keeps this tool out, so the page was not read")]
    return []
