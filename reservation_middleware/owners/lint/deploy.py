"""Findings between the folder and the wire: what a deploy step lost, a CDN changed, a server drops."""

import re
from collections.abc import Iterator

from reservation_middleware.model import PAGE, Document, Level, Outcome
from reservation_middleware.model.plural import counted
from reservation_middleware.syntax.path import split_url

from .finding import Confidence, Finding, FindingKind, found
from .header_files import HeaderLine
from .places import LintedSite
from .source import LintSource

#: Fields that say what may be done with the content, lower case.
FIELDS = (
    "x-robots-tag",
    "tdm-reservation",
    "tdm-policy",
    "content-usage",
    "content-signal",
    "link",
)
_HIDDEN = "/.well-known/"

MISSING = FindingKind(
    ident="deploy-missing",
    level=Level.ERROR,
    summary="the file is in the folder and not on the wire: {}",
    what="A file that says something was asked for at its address, and the server has none.",
    why="What is not served says nothing.",
    before="public/ai.txt, and GET /ai.txt answers 404\n",
    after="GET /ai.txt answers 200\n",
    remedy="See to it that the deploy step copies the file and the server serves it.",
    reference="https://www.rfc-editor.org/rfc/rfc9309#section-2.3",
)
DIFFERENT = FindingKind(
    ident="deploy-different",
    level=Level.WARNING,
    summary="what is served is not what is in the folder: {}",
    what="The octets on the wire differ from those of the file, line ends apart.",
    why="A CDN may put a block of its own in front, or an old copy is served.",
    before="966 octets in the folder, 2,704 on the wire\n",
    after="equal octets\n",
    remedy="Compare both; switch the CDN's managed robots.txt off, or purge its cache.",
    reference="https://developers.cloudflare.com/bots/additional-configurations/managed-robots-txt/",
)
HEADER_LOST = FindingKind(
    ident="deploy-header-lost",
    level=Level.ERROR,
    summary="the configuration adds this field and the response has none: {}",
    what="A line of the folder's server configuration adds a field, which the page came without.",
    why="A reservation in a field that is not sent says nothing.",
    before="_headers: X-Robots-Tag: noai, and GET / comes without it\n",
    after="GET / comes with X-Robots-Tag: noai\n",
    remedy="See to it that the server reads this file, and that no inner rule takes the field away.",
    reference="https://nginx.org/en/docs/http/ngx_http_headers_module.html#add_header",
)
HEADER_DIFFERENT = FindingKind(
    ident="deploy-header-different",
    level=Level.WARNING,
    summary="the response has another value of this field than the configuration: {}",
    what="A field is sent with a value that the folder's server configuration does not have.",
    why="Something between the folder and the reader says something else.",
    before="_headers: TDM-Reservation: 1, and GET / comes with TDM-Reservation: 0\n",
    after="GET / comes with TDM-Reservation: 1\n",
    remedy="Find out what sets the other value: a CDN rule, the application, or a second file.",
    reference="https://www.w3.org/community/reports/tdmrep/CG-FINAL-tdmrep-20240510/",
)
DOT_FOLDER = FindingKind(
    ident="deploy-dot-folder",
    level=Level.ERROR,
    summary="{}",
    what=(
        "A build or deploy step leaves folders out whose names begin with a dot, so that "
        ".well-known is not published."
    ),
    why="tdmrep.json and others stand in .well-known only.",
    before="# _config.yml\ntitle: My site\n",
    after="# _config.yml\ntitle: My site\ninclude: [.well-known]\n",
    remedy="include: [.well-known]",
    reference="https://jekyllrb.com/docs/configuration/options/",
)
INHERITANCE = FindingKind(
    ident="deploy-nginx-inheritance",
    level=Level.ERROR,
    confidence=Confidence.CERTAIN,
    summary="this block has an add_header of its own, so nginx drops those of the outer block: {}",
    what="An inner block of an nginx configuration adds a field and does not repeat the outer fields.",
    why="nginx inherits add_header lines only where the inner block has none at all.",
    before=(
        "add_header X-Robots-Tag noai always;\n"
        "location /img/ {\n    add_header Cache-Control immutable;\n}\n"
    ),
    after=(
        "add_header X-Robots-Tag noai always;\nlocation /img/ {\n"
        "    add_header X-Robots-Tag noai always;\n    add_header Cache-Control immutable;\n}\n"
    ),
    remedy="Repeat the line in the inner block.",
    reference="https://nginx.org/en/docs/http/ngx_http_headers_module.html#add_header",
)
KINDS = (MISSING, DIFFERENT, HEADER_LOST, HEADER_DIFFERENT, DOT_FOLDER, INHERITANCE)


def find(places: LintedSite) -> Iterator[Finding]:
    """What is lost between the folder and the reader."""
    yield from _inherited(places.header_lines)
    yield from _left_out(places)
    if places.wire is not None:
        yield from _compared(places)


def _inherited(lines: tuple[HeaderLine, ...]) -> Iterator[Finding]:
    """Fields of outer nginx blocks that an inner one drops; ``always`` is nginx's alone."""
    nginx = [line for line in lines if line.always is not None]
    blocks = dict.fromkeys((line.source.name, line.block, line.outer) for line in nginx)
    for name, block, outer in blocks:
        inner = [line for line in nginx if (line.source.name, line.block) == (name, block)]
        own = {line.name for line in inner}
        for line in nginx:
            is_outer = line.source.name == name and line.block == outer
            if is_outer and line.name in FIELDS and line.name not in own:
                written = line.source.lines[line.line - 1].strip()
                yield found(
                    INHERITANCE,
                    inner[0].source,
                    inner[0].line,
                    detail=written,
                    remedy=written,
                    near="add_header",
                )


def _left_out(places: LintedSite) -> Iterator[Finding]:
    """Generators that leave dot folders out, told by their configuration."""
    hidden = [source for source in places.resources if _HIDDEN in source.document.url]
    if not hidden:
        return
    for source in places.others:
        name = source.name.rpartition("/")[2]
        text = "\n".join(source.lines)
        if name == "_config.yml" and not re.search(r"\.well-known", text):
            detail = "Jekyll leaves .well-known out, unless include names it"
            yield found(DOT_FOLDER, source, 1, detail=detail)
        elif name.endswith("ignore"):
            for number, line in enumerate(source.lines, 1):
                if line.strip() in (".*", ".well-known", ".well-known/", "/.well-known", "**/.*"):
                    yield found(
                        DOT_FOLDER,
                        source,
                        number,
                        detail=f"{name} leaves .well-known out",
                        remedy="!.well-known/",
                        near=line.strip(),
                    )


def _compared(places: LintedSite) -> Iterator[Finding]:
    wire = places.wire
    assert wire is not None
    for source in (*places.resources, *places.pages):
        path = split_url(source.document.url)[1]
        served = wire.documents.get(path)
        if served is None or source.document.outcome is not Outcome.FETCHED or source.is_url:
            continue
        if served.outcome is Outcome.UNREACHABLE:
            continue  # told as not tested
        if served.outcome is not Outcome.FETCHED:
            yield _missing(source, path, served)
            continue
        ours, theirs = _comparable(source.body), _comparable(served.body or b"")
        if served.body is not None and ours != theirs:
            yield found(
                DIFFERENT,
                source,
                _first_difference(source, served),
                detail=f"{counted(len(source.body), 'octet')} here, {len(served.body):,} at {served.url}",
            )
    for line in places.header_lines:
        if line.name in FIELDS:
            yield from _fields(places, line)


def _missing(source: LintSource, path: str, served: Document) -> Finding:
    status = f"HTTP {served.status}" if served.status else served.problem or "no answer"
    if path.startswith(_HIDDEN):
        detail = f"{served.url} answers {status}: the build or the server drops dot folders"
        remedy = (
            "Copy .well-known as well; with GitHub Pages put an empty file .nojekyll beside it."
        )
        return found(DOT_FOLDER, source, detail=detail, remedy=remedy)
    return found(MISSING, source, detail=f"{served.url} answers {status}")


def _fields(places: LintedSite, line: HeaderLine) -> Iterator[Finding]:
    """Whether the pages that a line is about came with its field."""
    assert places.wire is not None
    for path, served in places.wire.documents.items():
        is_page = served.resource == PAGE  # of others few fields are kept
        if not is_page or served.outcome is not Outcome.FETCHED or not line.is_sent_to(path):
            continue
        values = served.fields.get(line.name, [])
        detail = f"{line.name}: {line.value}, at {served.url}"
        if not values:
            yield found(HEADER_LOST, line.source, line.line, detail=detail, near=line.value)
            return
        if (
            line.name != "link"
            and not line.is_computed
            and _plain(line.value) not in _plain(", ".join(values))
        ):
            detail = f"{line.name}: {', '.join(values)}, at {served.url}"
            yield found(HEADER_DIFFERENT, line.source, line.line, detail=detail, near=line.value)
            return


def _plain(value: str) -> str:
    return re.sub(r"\s+", "", value).lower()


def _comparable(body: bytes) -> bytes:
    return body.replace(b"\r\n", b"\n").strip()


def _first_difference(source: LintSource, served: Document) -> int:
    """The first line of a file that is not served so."""
    theirs = (served.body or b"").splitlines()
    for number, (ours, other) in enumerate(zip(source.body.splitlines(), theirs, strict=False), 1):
        if ours != other:
            return number
    return 1
