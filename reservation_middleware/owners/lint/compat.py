"""What is valid and is rejected all the same: by Lighthouse, or lost by a server's rules.

Lighthouse's list of directives is that of its source, core/audits/seo/robots-txt.js, November 2026.
"""

from collections import defaultdict
from collections.abc import Iterator

from reservation_middleware.model import Level
from reservation_middleware.syntax.robots import RobotsFile
from reservation_middleware.syntax.robots_line import SPEAKING

from .finding import Confidence, Finding, FindingKind, found
from .header_files import HeaderLine
from .places import LintedSite

_LIGHTHOUSE = "https://github.com/GoogleChrome/lighthouse/blob/main/core/audits/seo/robots-txt.js"
_MOST = 10
#: Keys that Lighthouse knows, lower case.
_SAFE = frozenset(
    (
        *("user-agent", "disallow", "allow", "sitemap", "crawl-delay", "clean-param", "host"),
        *("request-rate", "visit-time", "noindex", "content-signal", "license"),
    )
)
#: Keys that releases of Lighthouse before 2026 do not know.
_NEW = frozenset({"content-signal", "license"})
#: Fields that say what may be done with the content.
_FIELDS = frozenset(
    ("x-robots-tag", "tdm-reservation", "tdm-policy", "content-usage", "content-signal", "link")
)

DIRECTIVE = FindingKind(
    ident="compat-lighthouse-directive",
    level=Level.INFO,
    summary="Lighthouse calls the file invalid for this line, though it is right: {}",
    what="A key about AI use is not on Lighthouse's list of directives.",
    why='The audit "robots.txt is valid" fails, which takes about 8 points of 100 off SEO.',
    before="User-agent: *\nContent-Usage: train-ai=n\n",
    after="# as a header field instead\nContent-Usage: train-ai=n\n",
    remedy="Keep the line, or send it as a header field with every page.",
    reference=_LIGHTHOUSE,
    parsers=("Lighthouse 13: Unknown directive",),
)
NEW_DIRECTIVE = FindingKind(
    ident="compat-lighthouse-older",
    level=Level.INFO,
    confidence=Confidence.PEDANTIC,
    summary="older releases of Lighthouse call the file invalid for this line: {}",
    what="Content-Signal came into Lighthouse's list in 2026, License after it.",
    why="An audit that runs an older release loses points though nothing is wrong.",
    before="User-agent: *\nContent-Signal: ai-train=no\n",
    after="User-agent: *\nContent-Signal: ai-train=no\n",
    remedy="Keep the line and use a current Lighthouse.",
    reference="https://github.com/GoogleChrome/lighthouse/pull/16767",
    parsers=("Lighthouse before 13.1: Unknown directive",),
)
PATTERN = FindingKind(
    ident="compat-lighthouse-pattern",
    level=Level.INFO,
    summary="Lighthouse calls the file invalid for this pattern: {}",
    what="A pattern has a $ that is not at its end.",
    why=(
        "The audit fails. A $ inside a pattern is a plain character (RFC 9309 §2.2.3), which most "
        "people do not mean."
    ),
    before="User-agent: *\nDisallow: /*?sort=$name\n",
    after="User-agent: *\nDisallow: /*?sort=%24name\n",
    remedy="Write %24 for a $ that is meant.",
    reference=_LIGHTHOUSE,
    parsers=("Lighthouse 13: '\"$\" should only be used at the end of the pattern'",),
)
SITEMAP = FindingKind(
    ident="compat-lighthouse-sitemap",
    level=Level.INFO,
    summary="a sitemap's address has to be absolute: {}",
    what="A Sitemap line holds a path, or no address at all.",
    why="Lighthouse's audit fails, and search engines pass the line over.",
    before="Sitemap: /sitemap.xml\n",
    after="Sitemap: https://www.example.org/sitemap.xml\n",
    remedy="Write the whole address, with https://.",
    reference="https://www.sitemaps.org/protocol.html#submit_robots",
    parsers=("Lighthouse 13: Invalid sitemap URL",),
)
ALWAYS = FindingKind(
    ident="compat-nginx-always",
    level=Level.INFO,
    summary="nginx sends this field with few statuses only: {}",
    what='An add_header line about AI use has no "always".',
    why="Without it nginx adds the field to 200, 201, 204, 206, 301, 302, 303, 304, 307 and 308 only.",
    before='add_header X-Robots-Tag "noai";\n',
    after='add_header X-Robots-Tag "noai" always;\n',
    remedy="Add always before the semicolon.",
    reference="https://nginx.org/en/docs/http/ngx_http_headers_module.html#add_header",
)
KINDS = (DIRECTIVE, NEW_DIRECTIVE, PATTERN, SITEMAP, ALWAYS)


def find(places: LintedSite) -> Iterator[Finding]:
    """What others reject."""
    source, robots = places.robots_source, places.robots
    if source is not None and robots is not None:
        counts: dict[str, int] = defaultdict(int)
        for kind, line, near in _robots(robots):
            counts[kind.ident] += 1
            if counts[kind.ident] <= _MOST:
                yield found(kind, source, line, detail=robots.line(line), near=near)
    for header in places.header_lines:
        if header.always is False and header.name in _FIELDS:
            yield found(
                ALWAYS,
                header.source,
                header.line,
                detail=f"{header.name}: {header.value}",
                remedy=_with_always(header),
                near="add_header",
            )


def _with_always(header: HeaderLine) -> str:
    line = header.source.lines[header.line - 1].strip()
    return line.removesuffix(";").rstrip() + " always;" if line.endswith(";") else ""


def _robots(robots: RobotsFile) -> Iterator[tuple[FindingKind, int, str]]:
    if "sitemap" in robots.keys or robots.keys - _SAFE or robots.keys & _NEW:
        for records in (robots.loose, *(group.records for group in robots.groups)):
            for record in records:
                key = record.key
                if key == "sitemap":
                    if not record.value.lower().startswith(("http://", "https://", "ftp://")):
                        yield SITEMAP, record.line, record.value
                elif key in _NEW:
                    yield NEW_DIRECTIVE, record.line, ""
                elif key in SPEAKING and key not in _SAFE:
                    yield DIRECTIVE, record.line, ""
    for group in robots.groups:
        for _, path, line in group.plain:
            if "$" in path[:-1]:
                yield PATTERN, line, path
