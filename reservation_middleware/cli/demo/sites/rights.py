"""Hosts with the rarer files and words: ai.txt, ai.json, trust.txt, AI training rules.

Beside every page stands what must happen to it.
"""

from .page import BLOCK, CONTENT, HEAD, PROCEED, SITE, Expect, SiteHost, file, media, page, robots

HOSTS = (
    SiteHost(
        "photos.example",
        "ai.txt in Spawning's dialect: by kind of file, where the file is served",
        file("/ai.txt", "text/plain", "User-Agent: *\nDisallow: *.jpg\nAllow: *.txt\n"),
        (
            media("/2026/harbour.jpg", Expect(BLOCK, SITE, "ai-txt"), "image/jpeg"),
            media("/2026/captions.txt", Expect(PROCEED, HEAD, "ai-txt"), "text/plain"),
        ),
    ),
    SiteHost(
        "handbook.example",
        "ai.txt as the draft of 2026 has it: training on request, for a fee",
        file(
            "/.well-known/ai.txt",
            "text/plain",
            """\
Site-Name: Handbook
Site-URL: http://handbook.example/
Training: conditional
Training-Allow: /samples/*
Training-Fee: https://handbook.example/fees
Contact: rights@handbook.example
""",
        ),
        (
            page("/chapters/1", Expect(BLOCK, SITE, "ai-txt", offer=True)),
            page("/samples/1", Expect(PROCEED, CONTENT, "ai-txt")),
        ),
    ),
    SiteHost(
        "lexicon.example",
        "the same draft as JSON",
        file(
            "/.well-known/ai.json",
            "application/json",
            '{"site": {"name": "Lexicon", "url": "http://lexicon.example/"},'
            ' "policies": {"training": "deny"}}\n',
        ),
        (page("/a", Expect(BLOCK, SITE, "ai-txt")),),
    ),
    SiteHost(
        "daily.example",
        "trust.txt of a newsroom: no training",
        file("/trust.txt", "text/plain", "# JournalList\ndatatrainingallowed=no\n"),
        (page("/news", Expect(BLOCK, SITE, "trust-txt")),),
    ),
    SiteHost(
        "weekly.example",
        "trust.txt at its other place: training is welcome",
        file("/.well-known/trust.txt", "text/plain", "datatrainingallowed=yes\n"),
        (page("/news", Expect(PROCEED, CONTENT, "trust-txt")),),
    ),
    SiteHost(
        "workshop.example",
        "AI training rules in robots.txt, in a header and in a page",
        robots("""\
User-agent: *
DisallowAITraining: /patterns/
AllowAITraining: /patterns/free/
"""),
        (
            page("/patterns/chair", Expect(BLOCK, SITE, "canel")),
            page("/patterns/free/stool", Expect(PROCEED, CONTENT, "canel")),
            page("/news", Expect(BLOCK, HEAD, "canel"), ("x-robots-tag", "DisallowAITraining")),
            page(
                "/about",
                Expect(BLOCK, CONTENT, "canel"),
                metas='<meta name="robots" content="DisallowAITraining">\n',
            ),
        ),
    ),
)
