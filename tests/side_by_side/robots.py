"""Situations of robots.txt: how it answers, who obeys it, and as whom."""

from __future__ import annotations

import gzip
from typing import Any

from web import Answer

from .sites import (
    BOT,
    PRIVATE,
    RULES,
    A,
    B,
    first,
    html,
    moved,
    numbered,
    once,
    packed,
    site,
    situation,
    whole,
)
from .situations import Json, Situation

UNREACHABLE = dict.fromkeys(
    [*numbered(), PRIVATE],
    "a robots.txt that cannot be had allows nothing (RFC 9309 §2.3.1.4); stock takes it for no rules",
)
WAITING = (
    "all are checked; stock checks only the first of the requests that wait for a robots.txt "
    "(asyncio reactor, Scrapy 2.14 to 2.19)"
)
DROPPED = "a robots.txt that a middleware drops was not read; stock takes it for no rules"
LONG = "it is read up to 500 KiB, as RFC 9309 §2.5 allows; stock reads it whole"
HOPS = (
    "it counts as missing after five redirects (RFC 9309 §2.3.1.2); stock follows as many as "
    "REDIRECT_MAX_TIMES says"
)
OFF_SITE = "its rules hold; stock drops robots.txt's redirect as off-site and takes it for no rules"
ALWAYS = "crawl rules hold even so, as `RESERVATION_ROBOTSTXT` is `always` unless it is set"
#: Whether crawl rules hold, by ROBOTSTXT_OBEY, RESERVATION_MODE and RESERVATION_ROBOTSTXT.
HOLD: dict[tuple[bool, str, str | bool], bool] = {
    (True, "enforce", "always"): True,
    (True, "enforce", "obey"): True,
    (True, "enforce", False): True,
    (True, "observe", "always"): True,
    (True, "observe", "obey"): True,
    (True, "observe", False): True,
    (False, "enforce", "always"): True,
    (False, "enforce", "obey"): False,
    (False, "enforce", False): False,
    (False, "observe", "always"): False,
    (False, "observe", "obey"): False,
    (False, "observe", False): False,
}
RESERVED = "it is reserved, and not delivered in enforce mode"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
WEBKIT = (
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; "
    "ExampleBot/1.0; +http://bot.example/)"
)
OWN = (
    b"User-agent: ExampleBot\nUser-agent: My Company Crawler\nUser-agent: Scrapy\nDisallow: /own\n"
    b"\nUser-agent: *\nDisallow: /private\n"
)
MANY = (
    b"\xef\xbb\xbf# rules\r\nuser-agent : OtherBot\r\nUSER-AGENT: ExampleBot # and this one\r\n"
    b"Disallow:/a*b$\r\nDisallow: /c\r\nAllow: /c/d\r\nDisallow: /*.gif$\r\n"
    b"Disallow: /k%C3%A4se\r\nDisallow: /wei\xc3\x9f\r\nDisallow: /q?x=\r\nDisallow:\r\n"
    b"Crawl-delay: 0\r\nSitemap: http://a.example/map.xml\r\n\r\nUser-agent: *\r\nDisallow: /\r\n"
)
PATHS = (
    *("a1b", "a1bc", "c/e", "c/d/f", "x.gif", "x.gif?y", "k%C3%A4se", "k%c3%a4se", "wei%C3%9F"),
    *("q?x=1", "q?y=1", "%63/e", "e"),
)


def answering(
    name: str, answer: Answer, *, stock: int = 10, settings: Json | None = None, **options: Any
) -> Situation:
    """A situation of a robots.txt that answers like this."""
    pages = site(robots=answer)
    return situation(f"robots.txt {name}", pages, whole(), settings, stock=stock, **options)


def obeying(*, is_obeyed: bool, mode: str, robotstxt: str | bool) -> Situation:
    """A situation of the settings that say whether crawl rules hold."""
    word = robotstxt if robotstxt is False else f"`{robotstxt}`"
    settings = {
        "ROBOTSTXT_OBEY": is_obeyed,
        "RESERVATION_MODE": mode,
        "RESERVATION_ROBOTSTXT": robotstxt,
    }
    holds = HOLD[is_obeyed, mode, robotstxt]
    return situation(
        f"ROBOTSTXT_OBEY {is_obeyed}, {mode}, RESERVATION_ROBOTSTXT {word}",
        site(),
        whole(),
        settings,
        stock=10 if is_obeyed else 11,
        rules={} if holds else {A: b""},
        withheld={PRIVATE: ALWAYS} if holds and not is_obeyed else {},
    )


def asking(
    name: str, user_agent: str, *, own: Json | None = None, spider: Json | None = None, **more: Any
) -> Situation:
    """A situation of a site with a group of its own for ExampleBot, which may not see /own."""
    pages = site({"/own": html(title="own")})
    pages[f"{A}/robots.txt"] = Answer(body=OWN)
    ask: list[str | Json] = [first({"url": f"{A}/own", **(own or {})}), f"{A}/1"]
    settings = {"USER_AGENT": user_agent, **more}
    token = more.get("ROBOTSTXT_USER_AGENT")
    return situation(
        f"User-Agent {name}", pages, ask, settings, stock=2, spider=spider, agent=token
    )


ELSEWHERE = site(robots=moved(f"{B}/robots.txt", 301)) | site(origin=B)
HICCUPS = [f"http://s{number}.example" for number in range(5)]

ANSWERS = (
    answering("answers 503 once", once(Answer(503))),
    answering("answers 429 once", once(Answer(429))),
    answering("answers 429 once, Retry-After: 1", once(Answer(429, (("Retry-After", "1"),)))),
    answering("resets once", once(Answer(fault="reset"))),
    answering("is cut off once", once(Answer(body=RULES, fault="cut"))),
    answering(
        "takes longer than the timeout once",
        once(Answer(fault="hang")),
        settings={"DOWNLOAD_TIMEOUT": 1, "RESERVATION_TIMEOUT": 1},
    ),
    answering("takes a second", Answer(body=RULES, delay=1.0)),
    answering("answers 503 for ever", Answer(503), stock=11, withheld=UNREACHABLE),
    answering("resets for ever", Answer(fault="reset"), stock=11, withheld=UNREACHABLE),
    answering("is missing", Answer(404), stock=11),
    answering("answers 403", Answer(403), stock=11),
    answering("is empty", Answer(), stock=11),
    answering("is a picture", Answer(body=b"GIF89a\xd3\x00\xfe\x00\xa2"), stock=11),
    answering("is a web page", html("/private"), stock=11),
    answering("is packed", packed("gzip", gzip.compress(RULES))),
    situation(
        "robots.txt with every kind of rule",
        site({f"/{path}": html(title=path) for path in PATHS}, robots=Answer(body=MANY)),
        [first(*(f"{A}/{path}" for path in PATHS))],
        stock=6,
    ),
    answering(
        "of 1 MB has its rule at its end",
        Answer(body=b"# long\n" * 150_000 + RULES),
        withheld={PRIVATE: LONG},
        excused={PRIVATE: LONG},
    ),
    answering("answers 401", Answer(401), stock=11),
    situation(
        "robots.txt disallows everything",
        site(robots=Answer(body=b"User-agent: *\nDisallow: /\n")),
        [first(*numbered()[1:])],
        stock=0,
    ),
    situation(
        "robots.txt redirects seven times",
        site(
            {f"/rules.txt?{hop}": moved(f"/rules.txt?{hop + 1}") for hop in range(1, 7)}
            | {"/rules.txt?7": Answer(body=RULES)},
            robots=moved("/rules.txt?1"),
        ),
        whole(),
        stock=10,
        rules={A: RULES},
        withheld={PRIVATE: HOPS},
        excused={PRIVATE: HOPS},
    ),
    situation(
        "robots.txt redirects on the same site",
        site({"/rules.txt": Answer(body=RULES)}, robots=moved("/rules.txt", 301)),
        whole(),
        stock=10,
        rules={A: RULES},
    ),
    situation(
        "robots.txt redirects to another site", ELSEWHERE, whole(), stock=10, rules={A: RULES}
    ),
    situation(
        "robots.txt redirects to another site, allowed_domains",
        ELSEWHERE,
        whole(),
        spider={"allowed_domains": ["a.example"]},
        stock=11,
        rules={A: RULES},
        withheld={PRIVATE: OFF_SITE},
    ),
    situation(
        "requests that wait for robots.txt together",
        site(robots=Answer(body=RULES, delay=0.2)),
        [*numbered(), PRIVATE],
        stock=11,
        withheld={PRIVATE: WAITING},
    ),
    situation(
        "robots.txt is dropped by a middleware of the project",
        site(),
        whole(),
        {"DOWNLOADER_MIDDLEWARES": {"side_by_side.plugins.DropMiddleware": 400}},
        stock=11,
        withheld=dict.fromkeys([*numbered(), PRIVATE], DROPPED),
    ),
    situation(
        "40 sites, CONCURRENT_REQUESTS 4",
        {
            url: page
            for number in range(40)
            for url, page in site(origin=f"http://h{number}.example", number=1).items()
        },
        [f"http://h{number}.example/0" for number in range(40)],
        {"CONCURRENT_REQUESTS": 4},
        stock=40,
    ),
    situation(
        "50 pages of 5 sites, each with a hiccup",
        {
            url: page
            for origin in HICCUPS
            for url, page in site(origin=origin, robots=once(Answer(503))).items()
        },
        [page for origin in HICCUPS for page in numbered(origin=origin)],
        stock=50,
    ),
)

OBEYING = (
    *(
        obeying(is_obeyed=is_obeyed, mode=mode, robotstxt=robotstxt)
        for is_obeyed, mode, robotstxt in HOLD
    ),
    situation("RESERVATION_ENABLED off", site(), whole(), {"RESERVATION_ENABLED": False}, stock=10),
    situation(
        "meta dont_obey_robotstxt",
        site(),
        [first({"url": PRIVATE, "meta": {"dont_obey_robotstxt": True}})],
        stock=2,
        rules={A: b""},
    ),
    situation(
        "pages that are reserved",
        site({"/1": html(headers=(("TDM-Reservation", "1"),))}),
        numbered(3),
        stock=3,
        withheld={f"{A}/1": RESERVED},
    ),
    situation(
        "pages that are reserved, observe mode",
        site({"/1": html(headers=(("TDM-Reservation", "1"),))}),
        numbered(3),
        {"RESERVATION_MODE": "observe"},
        stock=3,
    ),
)

AGENTS = (
    asking("of a crawler", BOT),
    asking("of Scrapy itself", "Scrapy/2.19.0 (+https://scrapy.org)"),
    asking("in Mozilla's form", "Mozilla/5.0 (compatible; ExampleBot/1.0; +http://bot.example/)"),
    asking("in AppleWebKit's form", WEBKIT),
    asking("with a comment first", "(compatible; +http://bot.example/) ExampleBot/1.0"),
    asking("with blanks in its name", "My Company Crawler/1.0"),
    asking("of the request", BROWSER, own={"headers": {"User-Agent": BOT}}),
    asking(
        "of a middleware",
        BROWSER,
        DOWNLOADER_MIDDLEWARES={"side_by_side.plugins.NameMiddleware": 90},
    ),
    asking(
        "of the spider's custom_settings", BROWSER, spider={"custom_settings": {"USER_AGENT": BOT}}
    ),
    asking("of a browser, ROBOTSTXT_USER_AGENT", BROWSER, ROBOTSTXT_USER_AGENT="ExampleBot"),
)
