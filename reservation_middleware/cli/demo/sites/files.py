"""Hosts that speak before the fetch: robots.txt and tdmrep.json.

Beside every page stands what must happen to it.
"""

from .page import BLOCK, CONTENT, HEAD, PROCEED, SITE, Expect, SiteHost, file, page, robots, tdmrep

HOSTS = (
    SiteHost(
        "garden.example",
        "says nothing at all: no robots.txt, no tdmrep.json, no header",
        {},
        (
            page("/", Expect(PROCEED, CONTENT)),
            page("/roses", Expect(PROCEED, CONTENT)),
        ),
    ),
    SiteHost(
        "library.example",
        "crawl rules (RFC 9309): two crawlers share a group, the longest match wins",
        robots("""\
User-agent: *
Disallow: /

User-agent: ColleagueBot
User-agent: ExampleBot
Disallow: /stacks/
Allow: /stacks/open/
Disallow: /*.zip$
"""),
        (
            page("/hours", Expect(PROCEED, CONTENT)),
            page("/stacks/rare-maps", Expect(BLOCK, SITE, "robots")),
            page("/stacks/open/atlas", Expect(PROCEED, CONTENT, "robots")),
            page("/catalogue.zip", Expect(BLOCK, SITE, "robots")),
        ),
    ),
    SiteHost(
        "newspaper.example",
        "names other companies' AI crawlers only: kept as inferred, not enforced",
        robots("""\
User-agent: GPTBot
User-agent: Google-Extended
Disallow: /

User-agent: *
Disallow: /paywall/
"""),
        (
            page("/today", Expect(PROCEED, CONTENT, "robots-agents")),
            page("/paywall/today", Expect(BLOCK, SITE, "robots")),
        ),
    ),
    SiteHost(
        "letters.example",
        "AIPREF in robots.txt: the longest path counts",
        robots("""\
User-agent: *
Allow: /
Content-Usage: train-ai=n, search=y
Content-Usage: /public-domain/ train-ai=y
"""),
        (
            page("/1912/may", Expect(BLOCK, SITE, "aipref")),
            page("/public-domain/1812", Expect(PROCEED, CONTENT, "aipref")),
        ),
    ),
    SiteHost(
        "weblog.example",
        "Content Signals in a block that its host manages, above the site's own rules",
        robots("""\
# Managed by the hosting company
User-agent: *
Content-Signal: search=yes, ai-train=no, use=reference
Allow: /

User-agent: CCBot
Disallow: /

# The site's own rules
User-agent: *
Disallow: /admin/
"""),
        (
            page("/posts/1", Expect(BLOCK, SITE, "content-signals")),
            page("/admin/drafts", Expect(BLOCK, SITE, "robots")),
        ),
    ),
    SiteHost(
        "publisher.example",
        "TDMRep: the first rule that matches counts, and terms are on offer",
        tdmrep("""\
[
  {"location": "/free/", "tdm-reservation": 0},
  {"location": "/books/", "tdm-reservation": 1,
   "tdm-policy": "http://publisher.example/terms/tdm.json"}
]
""")
        | file(
            "/terms/tdm.json",
            "application/ld+json",
            """\
{
  "@context": ["http://www.w3.org/ns/odrl.jsonld", "http://www.w3.org/ns/tdmrep.jsonld"],
  "@type": "Offer",
  "profile": "http://www.w3.org/ns/tdmrep",
  "uid": "http://publisher.example/terms/tdm.json",
  "assigner": {
    "uid": "http://publisher.example/",
    "vcard:fn": "Publisher",
    "vcard:hasEmail": "mailto:rights@publisher.example"
  },
  "permission": [{"action": "tdm:mine", "duty": [{"action": "obtainConsent"}]}]
}
""",
        ),
        (
            page("/books/novel", Expect(BLOCK, SITE, "tdmrep", offer=True)),
            page("/free/first-chapter", Expect(PROCEED, CONTENT, "tdmrep")),
            page("/imprint", Expect(PROCEED, CONTENT)),
        ),
    ),
    SiteHost(
        "museum.example",
        "reserves everything in tdmrep.json, and frees one page by its header",
        tdmrep('[{"location": "/", "tdm-reservation": 1}]\n'),
        (
            page("/coins", Expect(BLOCK, SITE, "tdmrep")),
            # The header would override the file, but nobody asks for the page to see it.
            page(
                "/press-kit", Expect(BLOCK, SITE, "tdmrep", seen=PROCEED), ("tdm-reservation", "0")
            ),
        ),
    ),
    SiteHost(
        "forum.example",
        "contradicts itself: robots.txt allows training, tdmrep.json and a header do not",
        robots("User-agent: *\nContent-Signal: ai-train=yes\n")
        | tdmrep('[{"location": "/members/", "tdm-reservation": 1}]\n'),
        (
            page("/threads/7", Expect(PROCEED, CONTENT, "content-signals")),
            page("/members/7", Expect(BLOCK, SITE, "tdmrep")),
            page("/threads/8", Expect(BLOCK, HEAD, "aipref"), ("content-usage", "train-ai=n")),
        ),
    ),
)
