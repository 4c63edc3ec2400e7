"""Inputs of `hostile` in responses and in what they point to: heads, bills, RSL, files.

``hostile_cases.py`` names them by signal.
"""

import base64
import zlib
from collections.abc import Mapping
from importlib.util import find_spec

from .hostile_inputs import (
    CAP,
    ORIGIN,
    RSL,
    Builder,
    chunk,
    content,
    epub,
    feed,
    image,
    jpeg,
    lines,
    linked_rsl,
    many,
    nested,
    page,
    pdf,
    png,
    png_of,
    response,
    robots,
    rsl,
    scripts,
    store,
    xmp,
)

_WAY = '{"scheme":"exact","network":"n#","maxAmountRequired":"1","payTo":"a","asset":"b"},'
_CHALLENGE = 'Payment id="#", realm="a", method="m", intent="charge", request="e30", '
_ONE_WORD = f'<license><permits type="usage">{"all " * 100}</permits></license>'
_BOMB = zlib.compress(b"a" * (3 * 1024 * 1024 + 100), 9)
_PACKED = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(
    xmp("<plus:DataMining>x</plus:DataMining>" * 24_000)
)
_JSON = ("content-type", "application/json")
#: Without the extra nobody looks into files.
MEDIA = find_spec("pikepdf") is not None or find_spec("c2pa") is not None


def _x402(ways: str) -> bytes:
    return f'{{"x402Version":1,"accepts":[{ways.rstrip(",")}]}}'.encode()


def _bill(ways: str) -> str:
    return base64.b64encode(_x402(ways)).decode()


RSL_CASES: Mapping[str, Builder] = {
    "RSL of 100,000 levels": lambda s: linked_rsl(
        f'<rsl xmlns="{RSL}">' + nested(70_000 * s, "<content>", "", "</content>") + "</rsl>"
    ),
    "RSL of 250 levels": lambda s: linked_rsl(
        f'<rsl xmlns="{RSL}">'
        + nested(250, "<content>", "", "</content>") * int(200 * s)
        + "</rsl>"
    ),
    "RSL of 100,000 elements": lambda s: rsl("<a/>" * int(100_000 * s)),
    "RSL of 48,000 elements": lambda s: rsl("<a/>" * int(48_000 * s)),
    "RSL of 49,000 contents": lambda s: rsl('<content url="/"/>' * int(49_000 * s)),
    "RSL of contents that all match": lambda s: rsl(content() * int(8_000 * s)),
    "RSL of licences": lambda s: rsl(
        '<content url="/">'
        + '<license><permits type="usage">all</permits></license>' * int(12_000 * s)
        + "</content>"
    ),
    "RSL of 1 MB in an attribute": lambda s: rsl(f'<content url="/{"a" * int(1e6 * s)}"/>'),
    "RSL of 1 MB in an amount": lambda s: rsl(
        content(
            f'<payment type="use"><amount currency="EUR">{"9" * int(1e6 * s)}</amount></payment>'
        )
    ),
    "RSL of payments": lambda s: rsl(
        content('<payment type="use"><amount currency="EUR">1</amount></payment>' * int(12_000 * s))
    ),
    "RSL of 100,000 words": lambda s: rsl(content(permits="ai-all " * int(140_000 * s))),
    "RSL of namespaces": lambda s: linked_rsl(
        f'<rsl xmlns="{RSL}" ' + many('xmlns:a#="b#" ', 40_000 * s) + "/>"
    ),
    "RSL of a namespace on each": lambda s: rsl(many('<a:b xmlns:a="c#"/>', 45_000 * s)),
    "RSL of attributes": lambda s: rsl("<content " + many('a#="" ', 90_000 * s) + "/>"),
    "RSL with a document type": lambda s: linked_rsl(
        "<!DOCTYPE r [" + many('<!ENTITY a# "&b;&b;">', 40_000 * s) + f']><rsl xmlns="{RSL}"/>'
    ),
    "a feed of RSL items": lambda s: feed(
        f'<item xmlns:r="{RSL}"><link>/x</link><r:content url=""><r:license/></r:content></item>'
        * int(7_000 * s)
    ),
    "a feed whose item has thousands of contents and a long link": lambda s: feed(
        f'<item xmlns:r="{RSL}"><link>{"a " * int(200_000 * s)}</link>'
        + '<r:content url=""/>' * int(5_000 * s)
        + "</item>"
    ),
    "a feed whose item has thousands of contents and no link": lambda s: feed(
        f'<item xmlns:r="{RSL}">'
        + '<r:content url=""/>' * int(5_000 * s)
        + "<a/>" * int(40_000 * s)
        + "</item>"
    ),
    "a feed of RSL texts inside each other": lambda s: feed(
        f'<item xmlns="{RSL}">'
        + nested(45, '<content url=""><terms>', "a " * int(450_000 * s), "</terms></content>")
        + "</item>"
    ),
    "RSL of one list in 19,000 parts": lambda s: rsl(
        '<content url="/"><license>'
        + '<permits type="usage">all</permits>' * int(19_000 * s)
        + "</license></content>"
    ),
    "RSL of 2,300 lists of one word": lambda s: rsl(
        ('<content url="/">' + _ONE_WORD * 100 + "</content>") * int(23 * s)
    ),
    "a feed of 48,000 elements": lambda s: feed("<a/>" * int(48_000 * s)),
    "License lines in thousands of groups": lambda s: robots(
        lines(CAP * s, f"User-agent:a#\nLicense:{ORIGIN}/#\n", "")
    ),
    "WWW-Authenticate of 1 MB": lambda s: response(
        401,
        ("www-authenticate", many('License error="e#", ', 50_000 * s)),
        ("link", f'<{ORIGIN}/r>; rel="license"; type="application/rsl+xml"'),
    ),
}
ROBOTS_META: Mapping[str, Builder] = {
    "X-Robots-Tag of 1 MB of bots": lambda s: page(
        None, ("x-robots-tag", many("bot#: noai, ", 70_000 * s))
    ),
    "5,000 X-Robots-Tag lines about images": lambda s: page(
        None, *[("x-robots-tag", f"x{n}, noimageai") for n in range(int(5_000 * s))]
    ),
    "X-Robots-Tag of 1 MB of one directive": lambda s: page(
        None, *[("x-robots-tag", f"x{n}, " + "noai, " * 1_300) for n in range(int(125 * s))]
    ),
    "10,000 X-Robots-Tag lines": lambda s: page(
        None, *[("x-robots-tag", f"bot{n}: noai, noimageai") for n in range(int(10_000 * s))]
    ),
}
PAYMENT: Mapping[str, Builder] = {
    "402 with 1 MB of challenges": lambda s: response(
        402, ("www-authenticate", many(_CHALLENGE, 14_000 * s))
    ),
    "402 with 1 MB of quotes": lambda s: response(
        402, ("www-authenticate", 'Payment a="\\"' + '"\\' * int(500_000 * s))
    ),
    "402 with 1 MB of prices": lambda s: response(
        402, *[("crawler-price", f"USD {n}") for n in range(int(90_000 * s))]
    ),
    "402 with 1 MB of PAYMENT-REQUIRED": lambda s: response(
        402, ("payment-required", "A" * int(1e6 * s))
    ),
    "402 with ways to pay": lambda s: response(
        402, ("payment-required", _bill(many(_WAY, 500 * s)))
    ),
    "402 with x402 of 64 KiB": lambda s: response(402, _JSON, body=_x402(many(_WAY, 750 * s))),
    "402 with JSON of 30,000 levels": lambda s: response(
        402, _JSON, body=_x402(nested(30_000 * s, "[", "", "]"))
    ),
    "402 with 8 MB of JSON": lambda s: response(402, _JSON, body=_x402(many(_WAY, 90_000 * s))),
    "451 with 10,000 links": lambda s: response(
        451, ("link", many(f'<{ORIGIN}/#>; rel="blocked-by", ', 10_000 * s))
    ),
}
POINTERS: Mapping[str, Builder] = {
    "Link of 1 MB": lambda s: page(None, ("link", many('</#>; rel="license", ', 45_000 * s))),
    "Link of 10,000 fields": lambda s: page(
        None, *[("link", f'</{n}>; rel="license"') for n in range(int(10_000 * s))]
    ),
    "Link of 1 MB of parameters": lambda s: page(
        None, ("link", '</a>; rel="license"' + many(";a#=b", 120_000 * s))
    ),
    "Link of 1 MB of brackets": lambda s: page(None, ("link", "<license" * int(125_000 * s))),
    "JSON-LD of 100,000 levels": lambda s: scripts(
        '{"license":' + nested(100_000 * s, "[", "", "]") + "}"
    ),
    "JSON-LD of 900 levels": lambda s: scripts(
        *['{"license":' + nested(900, "[", "", "]") + "}"] * int(500 * s)
    ),
    "JSON-LD of 1 MB of nodes": lambda s: scripts(
        "[" + many('{"license":"/#"},', 60_000 * s)[:-1] + "]"
    ),
    "JSON-LD of 1 MB of properties": lambda s: scripts(
        '{"license":"/a",' + many('"a#":1,', 90_000 * s)[:-1] + "}"
    ),
    "JSON-LD in 10,000 scripts": lambda s: scripts(
        *[
            f'{{"@type":"ImageObject","contentUrl":"/{n}","license":"/l"}}'
            for n in range(int(1e4 * s))
        ]
    ),
}
PLUS: dict[str, Builder] = {
    "PNG with 4 MB of XMP": lambda s: image(
        png(xmp("<plus:DataMining>DMI-PROHIBITED</plus:DataMining>" * int(80_000 * s)))
    ),
    "PNG with 1 MB of XMP": lambda s: image(
        png(xmp("<plus:DataMining>DMI-PROHIBITED</plus:DataMining>" * int(20_000 * s)))
    ),
    "PNG with deep XMP": lambda s: image(png(xmp(nested(30_000 * s, "<rdf:li>", "", "</rdf:li>")))),
    "PNG with values inside each other": lambda s: image(
        png(
            xmp(
                nested(
                    45,
                    "<plus:a><rdf:value>",
                    "<plus:b/>" * int(45_000 * s),
                    "</rdf:value></plus:a>",
                ),
            )
        )
    ),
    "PNG with packed XMP": lambda s: image(
        png(xmp("<plus:DataMining>x</plus:DataMining>" * int(28_000 * s)), packed=True)
    ),
    "PNG with 300 chunks of 3 KB that unpack to 3 MB": lambda s: image(
        png_of(chunk(b"zTXt", b"Raw profile type xmp\0\0" + _BOMB) * int(300 * s))
    ),
    "PNG with 16 packed packets of 1 MB": lambda s: image(
        png_of(chunk(b"iTXt", _PACKED) * int(16 * s))
    ),
    "JPEG with 10,000 packets": lambda s: image(
        jpeg(*[b"http://ns.adobe.com/xap/1.0/\0" + xmp("<plus:a/>")] * int(10_000 * s)),
        "image/jpeg",
    ),
    "JPEG with 8 MB of small segments": lambda s: image(
        jpeg(*[b"x"] * int(1.6e6 * s)), "image/jpeg"
    ),
    "an EPUB of metas": lambda s: image(
        epub(
            '<package xmlns="http://www.idpf.org/2007/opf"><metadata>'
            + '<meta property="tdm:reservation">1</meta>' * int(23_000 * s)
            + "</metadata></package>"
        ),
        "application/epub+zip",
    ),
}
CAWG: Mapping[str, Builder] = {
    "a manifest store of boxes": lambda s: image(store(100_000 * s), "image/jpeg"),
    "a manifest store in name only": lambda s: image(
        b"\xff\xd8" + b"jumbc2pa" * int(1e6 * s) + b"\xff\xd9", "image/jpeg"
    ),
}
if find_spec("pikepdf") is not None:
    PLUS["PDF with 4 MB of XMP"] = lambda s: image(
        pdf(xmp("<plus:DataMining>x</plus:DataMining>" * int(110_000 * s))), "application/pdf"
    )
