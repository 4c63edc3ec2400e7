"""Findings about how a file is written: byte order marks, UTF-16, octets that are no text."""

from collections.abc import Iterator

from reservation_middleware.model import Level, Outcome

from .finding import Edit, Finding, FindingKind, Fix, found
from .places import LintedSite

_RFC = "https://www.rfc-editor.org/rfc/rfc9309#section-2.2"

MARK = FindingKind(
    ident="site-byte-order-mark",
    level=Level.INFO,
    summary="the file begins with a byte order mark, {}",
    what="Three octets that are not seen, EF BB BF, stand before the first line.",
    why="Python's urllib.robotparser, robotspy and bare Protego take them for a part of the first key.",
    before="\ufeffUser-agent: GPTBot\nDisallow: /\n",
    after="User-agent: GPTBot\nDisallow: /\n",
    remedy="Save the file as UTF-8 without a byte order mark.",
    reference=_RFC,
    parsers=(
        "Google's parser and Scrapy: skipped",
        "urllib.robotparser, robotspy, bare Protego 0.7: the first line is lost",
    ),
)
UTF_16 = FindingKind(
    ident="site-utf-16",
    level=Level.ERROR,
    summary="the file is in UTF-16, which hardly any crawler reads",
    what="The file begins with the byte order mark of UTF-16.",
    why="RFC 9309 has UTF-8. Every other octet is a NUL to most parsers, so that no line says anything.",
    remedy="Save the file as UTF-8.",
    reference=_RFC,
)
BINARY = FindingKind(
    ident="site-binary",
    level=Level.ERROR,
    summary="the file holds octets that no text has (NUL), so it is read in different ways or not at all",
    what="There are NUL octets in a file that should be text.",
    why="Parsers written in C end at the first NUL; others keep it in a name or path.",
    remedy="Publish the text file; something else was uploaded in its place, or packed.",
    reference=_RFC,
)
EMPTY = FindingKind(
    ident="site-empty-file",
    level=Level.INFO,
    summary="the file is empty, so it says nothing",
    what="A file for reservations is there, without an octet in it.",
    why="It reads like no file at all; a build or an upload may have failed.",
    remedy="Write what is meant, or delete the file.",
    reference="https://www.rfc-editor.org/rfc/rfc9309#section-2.3.1.2",
)
KINDS = (MARK, UTF_16, BINARY, EMPTY)


def find(places: LintedSite) -> Iterator[Finding]:
    """How the well-known files are written."""
    for source in places.resources:
        if source.document.outcome is not Outcome.FETCHED:
            continue
        body = source.body
        if not body.strip():
            yield found(EMPTY, source)
        elif body.startswith(b"\xef\xbb\xbf"):
            if body[3:].lstrip().startswith(b"<"):
                continue  # a page of HTML, of which that is told
            # The reader has left the mark out of the first line.
            fix = Fix(edits=(Edit(1, 2, (source.lines[0],)),))
            first = source.lines[0].partition("#")[0].strip()
            lost = "so some parsers lose its first line"
            detail = lost if first else "which is in nobody's way before a comment or an empty line"
            yield found(MARK, source, 1, detail=detail, fix=fix)
        elif body.startswith((b"\xff\xfe", b"\xfe\xff")):
            yield found(UTF_16, source, 1)
        elif 0 in body:
            line = body[: body.index(0)].count(b"\n") + 1
            yield found(BINARY, source, line)
