"""Sites, and ways to ask for their pages, that the situations are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from web import Answer

from .situations import Crawl, Json, Situation

A, B = "http://a.example", "http://b.example"
#: The server itself, asked without any proxy.
HERE = "http://127.0.0.1:{port}"
BOT = "ExampleBot/1.0 (+http://bot.example/)"
HTML = ("Content-Type", "text/html; charset=utf-8")
RULES = b"User-agent: *\nDisallow: /private\n"
#: A page that robots.txt disallows.
PRIVATE = f"{A}/private/x"


def html(*links: str, title: str = "x", headers: Sequence[tuple[str, str]] = ()) -> Answer:
    """A page with links."""
    anchors = "".join(f'<a href="{link}">{link}</a>' for link in links)
    body = f"<!doctype html><title>{title}</title>{anchors}".encode()
    return Answer(headers=(HTML, *headers), body=body)


def moved(to: str, status: int = 302) -> Answer:
    """A redirect."""
    return Answer(status, (("Location", to),))


def packed(coding: str, body: bytes) -> Answer:
    """A packed page."""
    return Answer(headers=(HTML, ("Content-Encoding", coding)), body=body)


def once(fault: Answer, well: Answer | None = None) -> Answer:
    """An answer that is a fault the first time."""
    return replace(fault, later=well or Answer(body=RULES))


def site(
    more: Mapping[str, Answer] | None = None,
    *,
    origin: str = A,
    robots: Answer | None = None,
    number: int = 10,
) -> dict[str, Answer]:
    """A site with numbered pages and one that is disallowed.

    Args:
        more: further pages, by path.
        origin: where it is.
        robots: its robots.txt.
        number: of pages.
    """
    pages = {"/robots.txt": robots or Answer(body=RULES), "/private/x": html(title="private")}
    pages |= {f"/{count}": html(title=str(count)) for count in range(number)}
    return {origin + path: answer for path, answer in (pages | dict(more or {})).items()}


def numbered(number: int = 10, origin: str = A) -> list[str]:
    """The numbered pages of a site."""
    return [f"{origin}/{count}" for count in range(number)]


def whole(origin: str = A, number: int = 10) -> list[str | Json]:
    """All pages of a site, the one that is disallowed when its robots.txt is known.

    Stock Scrapy lets requests that wait for a robots.txt through unchecked but for the first.
    """
    return [first(f"{origin}/private/x", origin=origin), *numbered(number, origin)[1:]]


def first(*then: str | Json, origin: str = A) -> Json:
    """A site's first page, with what is asked for when it was fetched."""
    return {"url": f"{origin}/0", "then": list(then)}


def situation(
    name: str,
    pages: Mapping[str, Answer],
    ask: Sequence[str | Json],
    settings: Json | None = None,
    *,
    stock: int,
    spider: Json | None = None,
    kind: str = "lister",
    follow: bool = False,
    **options: Any,
) -> Situation:
    """A situation of one crawl; for the options see `Situation`."""
    crawl = Crawl(ask, settings or {}, spider or {}, kind=kind, follow=follow)
    return Situation(name, pages, [crawl], stock, **options)
