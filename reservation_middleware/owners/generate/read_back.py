"""Reads what was written, or what a site has, by the core that crawlers use.

Documents are judged as a crawler would meet them: the files at their well-known places, then the
head of a page, then its content. Nothing is fetched.
"""

from collections.abc import Iterable, Mapping
from posixpath import splitext

import msgspec

from reservation_middleware.decide.check import Check
from reservation_middleware.decide.profiles import profile
from reservation_middleware.model import (
    LEAVES,
    PAGE,
    Agent,
    Decision,
    Document,
    Outcome,
    PolicyRequest,
    Preference,
    Probes,
)
from reservation_middleware.syntax.path import split_url

Fields = tuple[tuple[str, str], ...]
#: Rounds in which documents that others point to are handed over; each may name more.
_MOST_ROUNDS = 4
_TYPES = {
    ".json": "application/json",
    ".xml": "application/rsl+xml",
    ".txt": "text/plain; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
}


class ServedPage(msgspec.Struct, frozen=True):
    """A page as it would be served.

    Attributes:
        fields: header fields, names in any case.
        body: its content; None where only its head counts.
        media_type: of the content.
    """

    fields: Fields = ()
    body: bytes | None = b"<!doctype html><title>x</title>"
    media_type: str = "text/html; charset=utf-8"


class ReadBack(msgspec.Struct, frozen=True):
    """What one agent reads at one address.

    Attributes:
        crawl: whether it may fetch.
        usage: preference by leaf; unknown where nobody spoke.
        signals: by leaf the signals, with their carriers, that said so.
    """

    crawl: Preference
    usage: Mapping[str, Preference]
    signals: Mapping[str, tuple[str, ...]]


def read_back(
    url: str,
    files: Mapping[str, bytes],
    page: ServedPage | None,
    *,
    agent: str = "*",
    signals: Iterable[str] = (),
) -> ReadBack:
    """Judge one page of a site from its files.

    Args:
        url: the page.
        files: by their paths without the first slash.
        page: as it would be served, None to judge before it is fetched.
        agent: who asks, by product token.
        signals: only these are read; all if none is named.
    """
    policy = profile("record-only").changed(
        {"probes": Probes.ALL, "signals": tuple(signals) or None}
    )
    check = Check(url, agent=Agent(agent, LEAVES), policy=policy)
    if page is not None:
        head = Document(
            url=url,
            resource=PAGE,
            outcome=Outcome.FETCHED,
            status=200,
            headers=(
                *((name.lower(), value) for name, value in page.fields),
                ("content-type", page.media_type),
            ),
        )
        check.feed(head)
        if page.body is not None:
            check.feed(msgspec.structs.replace(head, body=page.body))
    for _ in range(_MOST_ROUNDS):
        wanted = check.wants()
        if not wanted:
            break
        for request in wanted:
            check.feed(_document(request, files, split_url(url)[0]))
    return _reading(check.decide())


def _document(request: PolicyRequest, files: Mapping[str, bytes], origin: str) -> Document:
    """A file of the site as a server gives it, 404 where there is none."""
    where, path = split_url(request.url)
    name = path.removeprefix("/")
    body = files.get(name) if where == origin else None
    return Document(
        url=request.url,
        resource=request.resource,
        outcome=Outcome.UNAVAILABLE if body is None else Outcome.FETCHED,
        status=404 if body is None else 200,
        headers=(("content-type", media_type(name)),),
        body=body,
    )


def media_type(name: str) -> str:
    """The media type that a server gives a file of this name."""
    return _TYPES.get(splitext(name)[1].lower(), "application/octet-stream")


def _reading(decision: Decision) -> ReadBack:
    usage = {leaf: decision.usage.get(leaf) or Preference.UNKNOWN for leaf in LEAVES}
    signals: dict[str, tuple[str, ...]] = {}
    for leaf in LEAVES:
        names = [
            f"{reason.signal} ({reason.carrier})"
            for reason in decision.reasons
            if leaf in reason.covers and reason.preference is usage[leaf] and not reason.inferred
        ]
        if names:
            signals[leaf] = tuple(dict.fromkeys(names))
    return ReadBack(decision.crawl, usage, signals)
