"""Signals in places that no text defines: read by nobody, however well they are written."""

import re
from collections.abc import Iterator

from reservation_middleware.model import Level

from .finding import Finding, FindingKind, found
from .places import LintedSite

#: Findings of one kind that are shown for one file.
_MOST = 10
#: Keys of robots.txt that are header fields or metas, lower case.
_FIELDS = {
    "x-robots-tag": "X-Robots-Tag",
    "tdm-reservation": "TDM-Reservation",
    "tdm-policy": "TDM-Policy",
    "noai": "noai",
    "noimageai": "noimageai",
    "datatrainingallowed": "datatrainingallowed",
    "meta": "meta",
}
_SIGNAL_LINE = re.compile(
    r"^\s*(Content-Signal|Content-Usage|DisallowAITraining|datatrainingallowed)\s*[:=]\s*\S",
    re.IGNORECASE,
)

MISPLACED = FindingKind(
    ident="site-signal-misplaced",
    level=Level.WARNING,
    summary="a signal stands where no text defines it, so nobody reads it: {}",
    what="A reservation is in a file, or in a line, in which no crawler looks for it.",
    why="Crawlers ask for fixed addresses and read fixed fields; what stands elsewhere says nothing.",
    before='# served as /tdmrep.json\n[{"location": "/", "tdm-reservation": 1}]\n',
    after='# served as /.well-known/tdmrep.json\n[{"location": "/", "tdm-reservation": 1}]\n',
    remedy="Publish it where its text says.",
    reference="https://www.rfc-editor.org/rfc/rfc8615",
)
NOINDEX = FindingKind(
    ident="site-noindex-line",
    level=Level.WARNING,
    summary="robots.txt has no noindex, so the line says nothing: {}",
    what="A line of robots.txt has the key Noindex, Nofollow or Noarchive.",
    why=(
        "These are directives of metas and of X-Robots-Tag. Google, the only one who ever read "
        "Noindex in robots.txt, stopped on 1 September 2019."
    ),
    before="User-agent: *\nNoindex: /drafts/\n",
    after="X-Robots-Tag: noindex\n",
    remedy="Send the header field X-Robots-Tag: noindex with these pages, and let them be fetched.",
    reference="https://developers.google.com/search/blog/2019/07/a-note-on-unsupported-rules-in-robotstxt",
)
KINDS = (MISPLACED, NOINDEX)


def find(places: LintedSite) -> Iterator[Finding]:
    """Signals that nobody reads."""
    for source, path in places.misplaced:
        if path:
            yield found(
                MISPLACED,
                source,
                1,
                detail=f"crawlers ask for {path}",
                remedy=f"Publish it as {path}.",
            )
            continue
        for number, line in enumerate(source.lines, 1):
            if found_line := _SIGNAL_LINE.match(line[:200]):
                yield found(
                    MISPLACED,
                    source,
                    number,
                    detail=line.strip()[:80],
                    near=found_line[1],
                    remedy="Say it in robots.txt, below User-agent: *.",
                )
    robots, file = places.robots, places.robots_source
    if robots is None or file is None:
        return
    names = robots.keys & {*_FIELDS, "noindex", "nofollow", "noarchive"}
    if not names:
        return
    counts = {MISPLACED.ident: 0, NOINDEX.ident: 0}
    for records in (robots.loose, *(group.records for group in robots.groups)):
        for record in records:
            if record.key not in names:
                continue
            kind = MISPLACED if record.key in _FIELDS else NOINDEX
            counts[kind.ident] += 1
            if counts[kind.ident] > _MOST:
                continue
            remedy = ""
            if kind is MISPLACED:
                remedy = "Content-Signal: ai-train=no"
            yield found(kind, file, record.line, detail=robots.line(record.line), remedy=remedy)
