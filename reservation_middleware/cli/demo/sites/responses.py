"""Hosts that speak with the page: response headers and HTML metas.

Beside every page stands what must happen to it.
"""

from .page import BLOCK, CONTENT, HEAD, PROCEED, Expect, SiteHost, media, page

HOSTS = (
    SiteHost(
        "songs.example",
        "AIPREF as a response header",
        {},
        (
            page("/ballad", Expect(BLOCK, HEAD, "aipref"), ("content-usage", "train-ai=n")),
            page("/lullaby", Expect(PROCEED, CONTENT, "aipref"), ("content-usage", "search=y")),
        ),
    ),
    SiteHost(
        "recipes.example",
        "Content Signals as a response header",
        {},
        (
            page(
                "/soup",
                Expect(BLOCK, HEAD, "content-signals"),
                ("content-signal", "search=yes, ai-train=no"),
            ),
            page(
                "/bread",
                Expect(PROCEED, CONTENT, "content-signals"),
                ("content-signal", "ai-train=yes"),
            ),
        ),
    ),
    SiteHost(
        "studio.example",
        "TDMRep as response headers: the connection is closed before the body is read",
        {},
        (
            media(
                "/albums/blue.flac",
                Expect(BLOCK, HEAD, "tdmrep", offer=True),
                "audio/flac",
                ("tdm-reservation", "1"),
                ("tdm-policy", "/terms/tdm.json"),
                size=24_000_000,
            ),
            page("/poster", Expect(PROCEED, CONTENT, "tdmrep"), ("tdm-reservation", "0")),
        ),
    ),
    SiteHost(
        "journal.example",
        "TDMRep in the page: a meta overrules the header",
        {},
        (
            page(
                "/articles/1",
                Expect(BLOCK, CONTENT, "tdmrep", offer=True),
                metas='<meta name="tdm-reservation" content="1">\n'
                '<meta name="tdm-policy" content="/terms/tdm.json">\n',
            ),
            page(
                "/preprints/1",
                Expect(BLOCK, HEAD, "tdmrep", seen=PROCEED),
                ("tdm-reservation", "1"),
                metas='<meta name="tdm-reservation" content="0">\n',
            ),
        ),
    ),
    SiteHost(
        "comics.example",
        "X-Robots-Tag: noai for everybody, for us, and for somebody else",
        {},
        (
            page("/strips/1", Expect(BLOCK, HEAD, "robots-meta"), ("x-robots-tag", "noai")),
            page(
                "/strips/2",
                Expect(BLOCK, HEAD, "robots-meta"),
                ("x-robots-tag", "ExampleBot: noai"),
            ),
            page("/strips/3", Expect(PROCEED, CONTENT), ("x-robots-tag", "OtherBot: noai")),
        ),
    ),
    SiteHost(
        "gallery.example",
        "noimageai: it is about images, not about the page around them",
        {},
        (
            media(
                "/paintings/1.jpg",
                Expect(BLOCK, HEAD, "robots-meta"),
                "image/jpeg",
                ("x-robots-tag", "noimageai"),
            ),
            page("/exhibition", Expect(PROCEED, CONTENT), ("x-robots-tag", "noimageai")),
        ),
    ),
    SiteHost(
        "poems.example",
        "robots metas; what only single vendors read as an AI opt-out is inferred",
        {},
        (
            page(
                "/sonnet",
                Expect(BLOCK, CONTENT, "robots-meta"),
                metas='<meta name="robots" content="noai, noimageai">\n',
            ),
            page(
                "/haiku",
                Expect(PROCEED, CONTENT, "robots-meta"),
                metas='<meta name="robots" content="noarchive">\n',
            ),
        ),
    ),
)
