"""Situations of how pages are asked for: failures, caches, redirects, and ways to ask."""

from __future__ import annotations

from typing import Any

from web import Answer

from .sites import (
    HERE,
    HTML,
    PRIVATE,
    A,
    B,
    first,
    html,
    moved,
    numbered,
    once,
    site,
    situation,
    whole,
)
from .situations import Crawl, Json, Situation

ELSEWHERE = "what was found at a path that robots.txt disallows is not delivered"
FETCHED = "what a handler fetched by itself cannot be undone"
RESOLVED = "blocked, as servers resolve them to a path that robots.txt disallows"
HOST_S = "the rules of the host that is asked hold; stock reads those of the address"
DEAD = (
    "a host that does not answer fails at its robots.txt; stock takes that for no rules and fails "
    "at the page"
)
#: The middleware of Scrapy that follows `<meta http-equiv="refresh">`.
REFRESH = '<meta http-equiv="refresh" content="0;url={}">'
DOTTED = (f"{A}/a/../private/x", f"{A}/b/%2e%2e/private/x")
STATUS = "402 and 451 say that a page is not to be had for nothing: they count as reservations"
STATUSES = (204, 401, 402, 403, 410, 418, 451)
HOST = {"Host": "b.example"}


def cached(
    name: str,
    ask: list[str | Json],
    settings: Json | None = None,
    *,
    gone: bool = False,
    stock: int = 20,
) -> Situation:
    """A situation of a crawl with HTTPCACHE that is done twice."""
    on = {"HTTPCACHE_ENABLED": True, "HTTPCACHE_DIR": "{store}/cache"}
    settings = settings or {}
    before = {key: value for key, value in settings.items() if key == "HTTPCACHE_POLICY"}
    crawls = [Crawl(ask, {**on, **before}), Crawl(ask, {**on, **settings}, gone=gone)]
    return Situation(f"HTTPCACHE {name}", site(), crawls, stock)


def redirect(
    name: str,
    to: str,
    settings: Json | None = None,
    *,
    stock: int,
    more: dict[str, Answer] | None = None,
    **options: Any,
) -> Situation:
    """A situation of a page that redirects."""
    pages = site({"/moved": moved(to)}) | site(origin=B) | (more or {})
    ask = [first(f"{A}/moved")]
    return situation(f"redirect {name}", pages, ask, settings, stock=stock, **options)


FAILING = (
    situation(
        "a page answers 503 once",
        site({"/9": once(Answer(503), html())}),
        numbered(),
        stock=10,
    ),
    situation(
        "a page resets once",
        site({"/9": once(Answer(fault="reset"), html())}),
        numbered(),
        stock=10,
    ),
    situation(
        "pages answer 404 and 500, HTTPERROR_ALLOW_ALL",
        site({"/500": Answer(500)}),
        [*numbered(2), f"{A}/404", f"{A}/500"],
        {"HTTPERROR_ALLOW_ALL": True},
        stock=4,
    ),
    situation(
        "pages answer 401 to 451, HTTPERROR_ALLOW_ALL",
        site({f"/{status}": Answer(status, body=b"no") for status in STATUSES}),
        [first(*(f"{A}/{status}" for status in STATUSES))],
        {"HTTPERROR_ALLOW_ALL": True},
        stock=1 + len(STATUSES),
        withheld={f"{A}/402": STATUS, f"{A}/451": STATUS},
    ),
    situation(
        "start requests with errbacks",
        site({"/reset": Answer(fault="reset")}),
        [
            *(f"{A}/404", f"{A}/reset", "https://refused.example/"),
            {"url": f"{A}/405", "then": numbered(2)},
        ],
        stock=2,
        withheld={"https://refused.example/": DEAD},
    ),
)

CACHED = (
    cached("twice", whole()),
    cached("replayed, the site gone", whole(), gone=True),
    cached(
        "replayed, HTTPCACHE_IGNORE_MISSING",
        whole(),
        {"HTTPCACHE_IGNORE_MISSING": True},
        gone=True,
    ),
    cached(
        "twice, RFC2616Policy",
        whole(),
        {"HTTPCACHE_POLICY": "scrapy.extensions.httpcache.RFC2616Policy"},
    ),
)

REDIRECTS = (
    redirect("on the same host", "/5", stock=2),
    redirect("to another host", f"{B}/5", stock=2),
    redirect("to a path that is disallowed", "/private/x", stock=1),
    redirect("to another host that disallows it", f"{B}/private/x", stock=1),
    redirect("to itself: an empty Location", "", stock=1),
    redirect(
        "from http to https", "https://t.example/5", stock=2, more=site(origin="https://t.example")
    ),
    situation(
        "redirect handled by the spider",
        site({"/moved": moved("/private/x")}),
        [first({"url": f"{A}/moved", "meta": {"handle_httpstatus_list": [302]}})],
        stock=2,
    ),
    redirect(
        "with REDIRECT_ENABLED off",
        "/private/x",
        {"REDIRECT_ENABLED": False, "HTTPERROR_ALLOW_ALL": True},
        stock=2,
    ),
    situation(
        "meta refresh",
        site(
            {
                "/fresh": Answer(headers=(HTML,), body=REFRESH.format("/9").encode()),
                "/bad": Answer(headers=(HTML,), body=REFRESH.format("/private/x").encode()),
            }
        ),
        [first(f"{A}/fresh", f"{A}/bad")],
        stock=2,
    ),
    situation(
        "a download handler that follows redirects itself",
        site({"/bad": moved("/private/x"), "/fine": moved("/9")}),
        [first(f"{A}/bad", f"{A}/fine")],
        {"DOWNLOAD_HANDLERS": {"http": "side_by_side.plugins.FollowingHandler"}},
        stock=3,
        withheld={f"{A}/bad": ELSEWHERE},
        excused={PRIVATE: FETCHED},
    ),
)

WAYS = (
    situation(
        "a Host header",
        site(origin=B)
        | {f"{B}/here": html(), f"{HERE}/private/x": html()}
        | {f"{HERE}/robots.txt": Answer(body=b"User-agent: *\nDisallow: /here\n")},
        [
            {
                "url": f"{HERE}/1",
                "headers": HOST,
                "then": [
                    {"url": f"{HERE}/{path}", "headers": HOST} for path in ("here", "private/x")
                ],
            }
        ],
        stock=2,
        withheld={f"{HERE}/private/x": HOST_S, f"{HERE}/here": HOST_S},
        excused={f"{B}/here": HOST_S},
    ),
    situation(
        "robots.txt and ai.txt as pages",
        site({"/ai.txt": Answer(body=b"User-Agent: *\nDisallow: /x\n")}),
        [first(f"{A}/robots.txt", f"{A}/ai.txt", f"{A}/sitemap.xml")],
        stock=3,
    ),
    situation(
        "POST and HEAD",
        site(),
        [
            {"url": f"{A}/1", "method": "POST", "body": "a=b"},
            {
                "url": f"{A}/1",
                "method": "HEAD",
                "then": [{"url": PRIVATE, "method": "POST"}],
            },
        ],
        stock=2,
    ),
    situation(
        "cookies",
        site({"/0": Answer(headers=(HTML, ("Set-Cookie", "seen=1; Path=/")))}),
        [first(f"{A}/1", {"url": f"{A}/2", "meta": {"cookiejar": 1}})],
        stock=3,
        compares=("cookie",),
    ),
    situation(
        "credentials of a site",
        site(),
        numbered(2),
        {"HTTPAUTH_USER": "u", "HTTPAUTH_PASS": "p", "HTTPAUTH_DOMAIN": "a.example"},
        stock=2,
        compares=("authorization",),
    ),
    situation(
        "a proxy of the request, with credentials",
        site(),
        [{"url": page, "meta": {"proxy": "http://u:p@127.0.0.1:{port}"}} for page in numbered(2)],
        stock=2,
        compares=("proxy-authorization",),
    ),
    situation(
        "https, certificate of an unknown authority",
        site(origin="https://t.example"),
        whole("https://t.example"),
        stock=10,
    ),
    situation(
        "data: and file: addresses",
        site(),
        ["data:text/plain,hello", "file://{store}/page.html", *whole(number=2)],
        stock=4,
    ),
    situation(
        "a download handler of the project's own",
        site(),
        whole(),
        {"DOWNLOAD_HANDLERS": {"http": "side_by_side.plugins.OwnHandler"}},
        stock=10,
    ),
    situation(
        "a middleware that answers itself",
        site(),
        [first(f"{A}/made-up")],
        {"DOWNLOADER_MIDDLEWARES": {"side_by_side.plugins.AnswerMiddleware": 500}},
        stock=2,
    ),
    situation(
        "downloads within a callback", site(), [first(f"{A}/1", PRIVATE)], kind="inline", stock=2
    ),
    situation(
        "dot segments",
        site(dict.fromkeys(("/a/../private/x", "/b/%2e%2e/private/x", "/a/../9"), html())),
        [first(*({"url": url, "filter": False} for url in (*DOTTED, f"{A}/a/../9")))],
        stock=4,
        withheld=dict.fromkeys(DOTTED, RESOLVED),
    ),
)
