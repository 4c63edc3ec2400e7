"""`content`: a page searched for signals against the whole page parsed by lexbor.

`content:missed` and `content:invented` hold what was found against what a parse of the
whole page finds, on real pages, on the same pages with signals put into them, and on
pages that are made to be misread.
"""

import random
from collections.abc import Iterator, Sequence

from selectolax.lexbor import LexborHTMLParser

from reservation_middleware import Document, Outcome
from reservation_middleware.model import PAGE
from reservation_middleware.reading import Reading
from reservation_middleware.signals import CONTENT, SIGNALS
from reservation_middleware.syntax.html import MAX_METAS, metas

from .corpus import Page, pages
from .timing import OURS, Batch, Options, Prepare, Row, row, versus

WORDS = tuple(dict.fromkeys(word for signal in SIGNALS for word in signal.words))

_NOAI = '<meta name="robots" content="noai">'
_TDM = '<meta name="tdm-reservation" content="1">'

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
    "late": "<p>lorem ipsum dolor</p>" * 40_000 + _NOAI,
    "long-value-before": f'<meta name="x" content="{"y" * 300_000}">{_NOAI}',
    "framed": f"<frameset>{_NOAI}</frameset>",
    "end-tag": f"</p></meta>{_NOAI}",
    "line-breaks": f"\r\r\n\n{_NOAI}\r\n{_TDM}",
}


def content(options: Options) -> Iterator[Row]:
    """The pages as they are; then what was missed."""
    known = pages(options.some(None, 24))
    runs = options.runs(9)
    yield from versus("content", _sides(known), options, operations=len(known), runs=runs, goal=0.4)
    speaking = put_into(known, options.seed)
    yield versus(
        "content:with-signals",
        _sides(speaking),
        options,
        operations=len(speaking),
        runs=runs,
        goal=None,
    )[0]
    yield from faults((*known, *speaking, *traps()), options)


def _sides(known: Sequence[Page]) -> dict[str, Prepare]:
    def ours(_: int) -> Batch:
        prepared = [_document(page) for page in known]  # nothing kept from an earlier round

        def run() -> None:
            for document in prepared:
                Reading(document, CONTENT)

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
        wanted, found = _truth(page), _found(page)
        there += len(wanted)
        if wanted - found:
            missed += len(wanted - found)
            options.say(f"missed on {page.name}: {sorted(wanted - found)}")
        if found - wanted:
            invented += len(found - wanted)
            options.say(f"invented on {page.name}: {sorted(found - wanted)}")
    for name, count in (("content:missed", missed), ("content:invented", invented)):
        yield row(name, count, there, "signals on the whole page", goal=0.0, runs=len(known))


def put_into(known: Sequence[Page], seed: int) -> list[Page]:
    """The pages with a signal each: in the head, after it, in the body or at the end."""
    rng = random.Random(seed)
    found = []
    for page in known:
        signal = rng.choice((_NOAI, _TDM, "<META content=noai name=robots>")).encode()
        mark = rng.choice((b"<title", b"</head>", b"<div", b"</body>"))
        place = page.body.find(mark)
        if place >= 0:
            body = page.body[:place] + signal + page.body[place:]
            found.append(Page(f"{page.name}+signal", body))
    return found


def traps() -> list[Page]:
    """The pages made to be misread."""
    return [
        Page(name, body.encode() if isinstance(body, str) else body) for name, body in TRAPS.items()
    ]


def _found(page: Page) -> set[tuple[str, str]]:
    return {(meta.name, meta.content) for meta in metas(page.body, WORDS)}


def _truth(page: Page) -> set[tuple[str, str]]:
    """Name and content of the metas that a parser finds and one of our words occurs in."""
    body = page.body
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        body = body.decode("utf-16").encode()
    words = [word.decode() for word in WORDS]
    found = []
    for node in LexborHTMLParser(body).css("meta[name][content]"):
        name = (node.attributes["name"] or "").strip().lower()
        value = (node.attributes["content"] or "").strip()
        parent, inert = node.parent, False
        while parent is not None:
            inert = inert or parent.tag in ("noscript", "template")
            parent = parent.parent
        if not inert and any(word in name or word in value.lower() for word in words):
            found.append((name, value))
    return set(found[:MAX_METAS])


def _document(page: Page) -> Document:
    return Document(
        url=f"https://a.example/{page.name}",
        resource=PAGE,
        outcome=Outcome.FETCHED,
        status=200,
        headers=(("content-type", "text/html; charset=utf-8"),),
        body=page.body,
    )
