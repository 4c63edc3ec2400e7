"""Hosts on which something goes wrong: redirects, dead and slow robots.txt, soft errors.

Beside every page stands what must happen to it.
"""

from .page import (
    BLOCK,
    CONTENT,
    PROCEED,
    SITE,
    Expect,
    SiteAnswer,
    SiteHost,
    page,
    redirect,
    robots,
)

_MOVED = (
    ("/mill", page("/mill", Expect(PROCEED, CONTENT)).answer),
    ("/bridge", page("/bridge", Expect(PROCEED, CONTENT)).answer),
)
HOSTS = (
    SiteHost(
        "oldtown.example",
        "pages that have moved: the rules of where they went count",
        {},
        (
            redirect("/mill", Expect(PROCEED, CONTENT), "http://newtown.example/mill"),
            redirect("/bridge", Expect(BLOCK, SITE, "robots"), "http://newtown.example/bridge"),
        ),
    ),
    SiteHost(
        "newtown.example",
        "where they moved to, with a rule of its own",
        robots("User-agent: *\nDisallow: /bridge\n") | dict(_MOVED),
        (page("/square", Expect(PROCEED, CONTENT)),),
    ),
    SiteHost(
        "branch.example",
        "a robots.txt that redirects to another site: it counts for the first one",
        {"/robots.txt": SiteAnswer(302, (("location", "http://mainoffice.example/robots.txt"),))},
        (
            page("/internal/notes", Expect(BLOCK, SITE, "robots")),
            page("/public/notes", Expect(PROCEED, CONTENT)),
        ),
    ),
    SiteHost(
        "mainoffice.example",
        "lends its robots.txt; none of its pages is asked for",
        robots("User-agent: *\nDisallow: /internal/\n"),
        (),
    ),
    SiteHost(
        "attic.example",
        "a robots.txt that answers 503: nothing may be fetched for now",
        {"/robots.txt": SiteAnswer(503, (("retry-after", "3600"),), b"out of order\n")},
        (page("/trunk", Expect(BLOCK, SITE, "robots")),),
    ),
    SiteHost(
        "cellar.example",
        "a robots.txt that resets the connection: the same",
        {"/robots.txt": SiteAnswer(reset=True)},
        (page("/wine", Expect(BLOCK, SITE, "robots")),),
    ),
    SiteHost(
        "station.example",
        "a slow robots.txt: every page waits for it, it is fetched once",
        robots("User-agent: *\nDisallow: /tracks/\n", delay=0.5),
        (
            page("/timetable", Expect(PROCEED, CONTENT)),
            page("/platform/9", Expect(PROCEED, CONTENT)),
            page("/tracks/9", Expect(BLOCK, SITE, "robots")),
        ),
    ),
    SiteHost(
        "barn.example",
        "no robots.txt, but an error page that looks like one: no rule at all",
        {
            "/robots.txt": SiteAnswer(
                404, (("content-type", "text/plain"),), b"User-agent: *\nDisallow: /\n"
            )
        },
        (page("/hay", Expect(PROCEED, CONTENT)),),
    ),
)
