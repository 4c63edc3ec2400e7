"""`content`: a page searched for signals against the whole page parsed by lexbor.

`content:missed` and `content:invented` hold what was found against what a parse of the
whole page finds, on real pages, on the same pages with signals put into them, and on
pages that are made to be misread.
"""

import random
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

from reservation_middleware import Document, Outcome
from reservation_middleware.decide.reading import content_reading
from reservation_middleware.model import PAGE
from reservation_middleware.signals import SIGNALS
from reservation_middleware.syntax.html import MAX_ELEMENTS, MAX_METAS, Html, read
from reservation_middleware.syntax.html.tags import ATTRIBUTES

from .corpus import Page, pages
from .timing import OURS, Batch, Options, Prepare, Row, row, versus

WORDS = tuple(dict.fromkeys(word for signal in SIGNALS for word in signal.words))
ELEMENT_WORDS = tuple(dict.fromkeys(word for signal in SIGNALS for word in signal.element_words))
_WORDS = re.compile(b"|".join(rb"\s*".join(map(re.escape, word.split())) for word in WORDS))
_KINDS = ("rel", "itemprop", "property", "type")
_HIDING = (
    "script",
    "style",
    "noscript",
    "iframe",
    "xmp",
    "title",
    "textarea",
    "noembed",
    "noframes",
)
_DATA = ("application/ld+json", "application/rsl+xml")

_NOAI = '<meta name="robots" content="noai">'
_TDM = '<meta name="tdm-reservation" content="1">'
_LINK = '<link rel="license" href="/l">'
_LD = '<script type="application/ld+json">{"license": "/l"}</script>'

#: Pages on which a scan that is not a parser goes wrong.
TRAPS: dict[str, str | bytes] = {
    "in-comment": f"<!-- {_NOAI} --><p>x",
    "after-comment": f"<!-- > -->{_NOAI}",
    "comment-with-dashes": f"<!--->{_NOAI}-->",
    "bogus-comment": f"<!x {_NOAI}",
    "in-script": f"<script>document.write('{_NOAI}')</script>",
    "body-in-script": f"<head><script>var x = '<body>';</script>{_NOAI}</head><body>",
    "head-end-in-script": f"<head><script>'</head>'</script>{_TDM}</head>",
    "script-escaped": f"<script><!--<script>{_NOAI}</script>{_NOAI}--></script>{_TDM}",
    "in-style": f"<style>{_NOAI}</style>{_TDM}",
    "in-title": f"<title>{_NOAI}</title>",
    "in-textarea": f"<body><textarea>{_NOAI}</textarea>{_TDM}",
    "in-template": f"<template>{_NOAI}</template>",
    "in-noscript": f"<noscript>{_NOAI}</noscript>",
    "in-body": f"<body><p>x</p>{_NOAI}",
    "after-html": f"<html><body>x</body></html>{_NOAI}",
    "in-table": f"<body><table><tr>{_NOAI}<td>x",
    "in-svg": f"<body><svg>{_NOAI}</svg>",
    "in-svg-cdata": f"<body><svg><![CDATA[{_NOAI}]]></svg>{_TDM}",
    "in-select": f"<body><select>{_NOAI}</select>",
    "in-iframe": f"<body><iframe>{_NOAI}</iframe>",
    "in-plaintext": f"<body><plaintext>{_NOAI}",
    "in-attribute": f"<p title='{_NOAI}'>x",
    "upper-case": "<META NAME=ROBOTS CONTENT=NOAI>",
    "unquoted": "<meta name=robots content=noai>",
    "slashes": "<meta/name=robots/content=noai/>",
    "self-closing": '<meta name="robots" content="noai" />',
    "no-space-between": '<meta name="robots"content="noai">',
    "content-first": '<meta content="noai" name="robots">',
    "spaces": '<meta \n name \t= "robots"\r\n content\f=\n"noai"\n>',
    "greater-than-before": '<meta data-x="a>b" name="robots" content="noai">',
    "greater-than-after": '<meta name="robots" content="x>y, noai">',
    "quote-in-unquoted": "<meta name=x content=don't><meta name=robots content=noai><p title='>'>",
    "lonely-quote": "<meta ' name=robots content=noai><p>don't",
    "lonely-double-quote": '<meta " name=robots content=noai><p>"',
    "value-to-the-end": '<meta name="robots" content="noai"><meta name="x" content="',
    "tag-to-the-end": '<meta name="robots" content="noai"',
    "twice-the-attribute": '<meta name="robots" content="index" content="noai">',
    "decimal-reference": '<meta name="robots" content="&#110;oai">',
    "decimal-reference-zeroes": '<meta name="robots" content="&#000110oai">',
    "hexadecimal-reference": '<meta name="robots" content="no&#x61;&#X69;">',
    "reference-in-name": '<meta name="tdm&#45;reservation" content="1">',
    "named-reference-colon": '<meta name="tdm&colon;reservation" content="1">',
    "named-reference-comma": '<meta name="robots" content="index&comma;noai">',
    "reference-of-hyphen": '<meta name="robots" content="max&#x2d;snippet:0">',
    "upper-case-in-name": '<meta name="TDM-Reservation" content="1">',
    "kelvin-sign": '<meta name="robots" content="noai" data-\u212a="x">',
    "dotted-i": '<meta name="robots" content="no\u0061i">',
    "nul-in-value": b'<meta name="robots" content="noai\0">',
    "nul-in-word": b'<meta name="robots" content="no\0ai">',
    "nul-before-tag": f"\0{_NOAI}",
    "bom": b"\xef\xbb\xbf" + _NOAI.encode(),
    "utf-16-le": ("\ufeff" + _NOAI).encode("utf-16-le"),
    "utf-16-be": ("\ufeff" + _NOAI).encode("utf-16-be"),
    "latin-1": b'<meta name="robots" content="\xe9, noai">',
    "tag-name-longer": '<metadata name="robots" content="noai"></metadata>',
    "tag-not-closed-before": '<div class="x" <meta name="robots" content="noai">',
    "two-metas-one-line": f"{_NOAI}{_TDM}",
    "late": "<p>lorem ipsum dolor</p>" * 30_000 + _NOAI,
    "long-value-before": f'<meta name="x" content="{"y" * 300_000}">{_NOAI}',
    "end-tag": f"</p></meta>{_NOAI}",
    "links-everywhere": f"<!-- {_LINK} --><script>'{_LINK}'</script><p>{_LINK}<a rel=license>x</a>",
    "upper-case-rel": "<A REL=LICENSE HREF=/l>x</A><LINK REL='Nofollow License' HREF=/l>",
    "reference-in-rel": "<link rel=l&#105;cense href=/l>",
    "reference-in-type": "<script type=application/ld&plus;json>{'license': 1}</script>",
    "license-in-text": '<p>license <a rel="nofollow" href="/license">license</a>',
    "one-of-1,000-anchors": "<a href=/license>x</a>" * 1_000 + "<a rel=license href=/l>x</a>",
    "property": '<meta property="dct:license" content="/l"><a property="cc:license" href=/l>x</a>',
    "json-ld": f"<p><!-- {_LD} --><template>{_LD}</template><noscript>{_LD}</noscript>{_LD}",
    "json-ld-same-tag": "<a title='<script type=\"application/ld+json\">'></a><script></script>"
    + _LD,
    "json-ld-escaped": _LD.replace("{", "<!-- <script> </script> {"),
    "json-ld-no-end": _LD.replace("</script>", ""),
    "rsl": '<script type="Application/RSL+xml; x=y"><rsl>\n</rsl></SCRIPT >',
    "body-in-script-link": f"<head><script>var x = '<body>';</script>{_LINK}</head><body>",
    "huge-head": f"<head><style>{'a{b:c}' * 50_000}</style><script>{'x<y;' * 9_000}</script>{_LINK}{_TDM}",
    "quote-in-value-before": "<meta a=x'y b='>' name=robots content=noai>",
    "name-is-a-quote": f"<a href=don't>{_NOAI}<p>don't",
    "name-begins-with-equals": '<meta =" a=">" name=robots content=noai>',
    "anchor-in-a-quote": f"<script>s = \"<a title='\"</script>{_NOAI}<p>don't",
    "white-space-by-reference": '<meta name="robots" content="max-snippet:&#32;0">',
    "line-breaks": f"\r\r\n\n{_NOAI}\r\n{_TDM}",
}


def content(options: Options) -> Iterator[Row]:
    """The pages as they are; then what was missed."""
    known = pages(options.some(None, 24))
    runs = options.runs(9)
    yield from versus(
        "content", _sides(known), options, operations=len(known), runs=runs, goal=0.35
    )
    speaking = put_into(known, options.seed)
    yield versus(
        "content:with-signals",
        _sides(speaking),
        options,
        operations=len(speaking),
        runs=runs,
        goal=1.5,
    )[0]
    yield from faults((*known, *speaking, *traps()), options)


def _sides(known: Sequence[Page]) -> dict[str, Prepare]:
    def ours(_: int) -> Batch:
        prepared = [_document(page) for page in known]  # nothing kept from an earlier round

        def run() -> None:
            for document in prepared:
                content_reading(document)

        return run

    def peer(_: int) -> Batch:
        def run() -> None:
            for page in known:
                LexborHTMLParser(page.body).css("meta[name]")

        return run

    return {OURS: ours, "lexbor, whole page": peer}


def faults(known: Sequence[Page], options: Options) -> Iterator[Row]:
    """Signals that a whole-page parse finds and we do not, and the other way round."""
    there = missed = invented = 0
    for page in known:
        wanted, seen = truth(page.body).each(), found(page.body).each()
        there += len(wanted)
        if wanted - seen:
            missed += len(wanted - seen)
            options.say(f"missed on {page.name}: {sorted(wanted - seen)}")
        if seen - wanted:
            invented += len(seen - wanted)
            options.say(f"invented on {page.name}: {sorted(seen - wanted)}")
    for name, count in (("content:missed", missed), ("content:invented", invented)):
        yield row(name, count, there, "signals on the whole page", goal=0.0, runs=len(known))


def put_into(known: Sequence[Page], seed: int) -> list[Page]:
    """The pages with a signal each: in the head, after it, in the body or at the end."""
    rng = random.Random(seed)
    changed = []
    for page in known:
        signal = rng.choice((_NOAI, _TDM, "<META content=noai name=robots>")).encode()
        mark = rng.choice((b"<title", b"</head>", b"<div", b"</body>"))
        place = page.body.find(mark)
        if place >= 0:
            body = page.body[:place] + signal + page.body[place:]
            changed.append(Page(f"{page.name}+signal", body))
    return changed


def traps() -> list[Page]:
    """The pages made to be misread."""
    return [
        Page(name, body.encode() if isinstance(body, str) else body) for name, body in TRAPS.items()
    ]


class Seen(NamedTuple):
    """What one side sees of a page: metas, and elements with attributes, text and place."""

    metas: list[tuple[str, str]]
    elements: list[tuple[str, dict[str, str], str, bool]]

    def each(self) -> set[str]:
        """Everything as text, for counting."""
        return {repr(one) for one in (*self.metas, *self.elements)}

    def without_anchors(self) -> "Seen":
        """All but the anchors."""
        return Seen(self.metas, [one for one in self.elements if one[0] != "a"])


def found(body: bytes) -> Seen:
    """What we find."""
    return seen_of(read(body, WORDS, ELEMENT_WORDS))


def seen_of(page: Html) -> Seen:
    """What we found, as it is compared."""
    return Seen(
        [(meta.name, meta.content) for meta in page.metas],
        [(one.tag, dict(one.attributes), one.text, one.whole) for one in page.elements],
    )


def truth(body: bytes) -> Seen:
    """What a walk over the whole page finds that holds one of our words, without a prescan."""
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        body = body.decode("utf-16", "replace").encode()
    seen = Seen([], [])
    for node in LexborHTMLParser(body.decode("utf-8", "replace").encode()).css(
        "meta,link,a,script"
    ):
        given = {name: (value or "").strip() for name, value in node.attributes.items()}
        above = _above(node)
        if {"noscript", "template"} & set(above):
            continue
        name, content = given.get("name"), given.get("content")
        said = None if name is None or content is None else _ascii(f"{name}\0{content}")
        if node.tag == "meta" and said and _WORDS.search(said):
            seen.metas.append(((name or "").lower(), content or ""))
        text = node.text() or ""
        said = _ascii(" ".join(given.get(kind, "") for kind in _KINDS))
        speaks = any(word.lower() in said for word in ELEMENT_WORDS)
        if node.tag == "script":
            if given.get("type", "").partition(";")[0].strip().lower() not in _DATA:
                continue
            speaks = speaks or any(word in text.encode() for word in ELEMENT_WORDS)
        else:
            text = " ".join(_shown(node).split()) if node.tag == "a" else ""
        if speaks:
            whole = node.tag in ("link", "script") and above[:1] in (["head"], ["html"], ["body"])
            kept = {name: given[name] for name in ATTRIBUTES if name in given}
            seen.elements.append((node.tag or "", kept, text, whole))
    return Seen(seen.metas[:MAX_METAS], seen.elements[:MAX_ELEMENTS])


def _shown(node: LexborNode) -> str:
    """The text of an element but for scripts and the like."""
    if node.tag in _HIDING:
        return ""
    if node.tag == "-text":
        return node.text() or ""
    return "".join(map(_shown, node.iter(include_text=True)))


def _ascii(text: str) -> bytes:
    return text.encode("utf-8", "replace").lower()


def _above(node: LexborNode) -> list[str]:
    names = []
    parent = node.parent
    while parent is not None:
        names.append(parent.tag or "")
        parent = parent.parent
    return names


def _document(page: Page) -> Document:
    return Document(
        url=f"https://a.example/{page.name}",
        resource=PAGE,
        outcome=Outcome.FETCHED,
        status=200,
        headers=(("content-type", "text/html; charset=utf-8"),),
        body=page.body,
    )
