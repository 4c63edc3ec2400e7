"""Hosts with something on offer: RSL licences, prices, and where a licence can be had.

Beside every page stands what must happen to it.
"""

from base64 import b64encode

from .page import (
    BLOCK,
    CONTENT,
    HEAD,
    PROCEED,
    SITE,
    Expect,
    SiteHost,
    document,
    file,
    page,
    robots,
)

_RSL = "application/rsl+xml"


def _rsl(contents: str) -> str:
    return f'<rsl xmlns="https://rslstandard.org/rsl">\n{contents}\n</rsl>\n'


def _licence(clauses: str, url: str = "/") -> str:
    return f'<content url="{url}"><license>{clauses}</license></content>'


_PAID = (
    '<permits type="usage">ai-train</permits><payment type="training">'
    '<amount currency="USD">100.00</amount></payment>'
    '<legal type="contact">mailto:licensing@archive.example</legal>'
)
_CLOSED = '<prohibits type="usage">ai-train</prohibits>'
_SEARCH = '<permits type="usage">search ai-index</permits>'
_FREE = '<permits type="usage">all</permits><payment type="free"/>'

_X402 = b"""{"x402Version": 2, "resource": {"url": "http://shop.example/data"},
 "accepts": [{"scheme": "exact", "network": "eip155:8453", "amount": "10000",
  "asset": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
  "payTo": "0x209693Bc6afc0C5328bA36FaF03C514EF312287C", "maxTimeoutSeconds": 60}]}"""
_CHARGE = b'{"amount": "100", "currency": "usd", "recipient": "acct_1"}'
_X402_1 = b"""{"x402Version": 1, "error": "payment required",
 "accepts": [{"scheme": "exact", "network": "base", "maxAmountRequired": "10000",
  "resource": "http://shop.example/old", "description": "", "mimeType": "text/html",
  "asset": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
  "payTo": "0x209693Bc6afc0C5328bA36FaF03C514EF312287C", "maxTimeoutSeconds": 60}]}"""

HOSTS = (
    SiteHost(
        "archive.example",
        "RSL: robots.txt points to licence terms; training has a price",
        robots("User-agent: *\nAllow: /\nLicense: http://archive.example/license.xml\n")
        | file(
            "/license.xml",
            _RSL,
            _rsl(_licence(_PAID) + _licence(_CLOSED, "/letters/") + _licence(_FREE, "/open/")),
        ),
        (
            page("/photographs/1", Expect(BLOCK, SITE, "rsl", offer=True)),
            page("/letters/1", Expect(BLOCK, SITE, "rsl")),
            page("/open/1", Expect(PROCEED, CONTENT, "rsl")),
        ),
    ),
    SiteHost(
        "atlas.example",
        "RSL as a header, as a link and inside the page",
        file("/rsl.xml", "text/xml", _rsl(_licence(_SEARCH))),
        (
            page(
                "/maps/1",
                Expect(BLOCK, HEAD, "rsl"),
                ("link", f'<http://atlas.example/rsl.xml>; rel="license"; type="{_RSL}"'),
            ),
            page(
                "/maps/2",
                Expect(BLOCK, CONTENT, "rsl"),
                metas=f'<link rel="license" type="{_RSL}" href="http://atlas.example/rsl.xml">\n',
            ),
            page(
                "/maps/3",
                Expect(BLOCK, CONTENT, "rsl"),
                metas=f'<script type="{_RSL}">{_rsl(_licence(_CLOSED, ""))}</script>\n',
            ),
        ),
    ),
    SiteHost(
        "podcast.example",
        "RSL in a feed",
        {},
        (
            document(
                "/feed.xml",
                Expect(BLOCK, CONTENT, "rsl"),
                "application/rss+xml",
                b"""<?xml version="1.0"?>
<rss version="2.0" xmlns:rsl="https://rslstandard.org/rsl"><channel><title>Talks</title>
<item><title>All of them</title>
<rsl:content url="http://podcast.example/feed.xml"><rsl:license>
<rsl:prohibits type="usage">ai-train</rsl:prohibits></rsl:license></rsl:content></item>
</channel></rss>
""",
            ),
        ),
    ),
    SiteHost(
        "shop.example",
        "402 Payment Required: a door with a price; nothing is ever paid",
        {},
        (
            document(
                "/article",
                Expect(BLOCK, HEAD, "payment", offer=True),
                "text/html",
                b"<p>Pay per crawl</p>",
                ("crawler-price", "USD 0.01"),
                status=402,
            ),
            document(
                "/data",
                Expect(BLOCK, HEAD, "payment", offer=True),
                "text/html",
                b"<p>Pay</p>",
                ("payment-required", b64encode(_X402).decode()),
                status=402,
            ),
            document(
                "/old",
                Expect(BLOCK, CONTENT, "payment", offer=True),
                "application/json",
                _X402_1,
                status=402,
            ),
            document(
                "/api",
                Expect(BLOCK, HEAD, "payment", offer=True),
                "text/html",
                b"<p>Pay</p>",
                (
                    "www-authenticate",
                    (
                        'Payment id="1", realm="shop.example", method="stripe", intent="charge", '
                        f'request="{b64encode(_CHARGE).decode()}"'
                    ),
                ),
                status=402,
            ),
            document(
                "/withheld",
                Expect(BLOCK, HEAD, "payment"),
                "text/html",
                b"<p>Unavailable for legal reasons</p>",
                ("link", '<http://authority.example/>; rel="blocked-by"'),
                status=451,
            ),
        ),
    ),
    SiteHost(
        "stockphotos.example",
        "points to its licence terms; that reserves nothing",
        {},
        (
            page(
                "/sunset",
                Expect(PROCEED, CONTENT, offer=True),
                metas="""<link rel="license" href="/licence">
<meta name="dcterms.license" content="http://stockphotos.example/licence">
<script type="application/ld+json">{"@context": "https://schema.org", "@type": "ImageObject",
"contentUrl": "http://stockphotos.example/sunset.jpg", "license": "http://stockphotos.example/licence",
"acquireLicensePage": "http://stockphotos.example/buy", "copyrightNotice": "Stock Photos"}</script>
""",
            ),
        ),
    ),
)
