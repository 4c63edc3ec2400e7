"""Every kind of finding: met where its case is, and not met in the case's mended form."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from reservation_middleware.decide.batch import Given, checked
from reservation_middleware.decide.reading import LINKED, RESOURCES
from reservation_middleware.model import Document, Outcome
from reservation_middleware.owners.intent import read_intent
from reservation_middleware.owners.lint.files import read_path
from reservation_middleware.owners.lint.finding import Confidence, Finding
from reservation_middleware.owners.lint.notes import note_kinds
from reservation_middleware.owners.lint.places import LintedSite
from reservation_middleware.owners.lint.registry import kinds
from reservation_middleware.owners.lint.run import lint
from reservation_middleware.owners.lint.source import LintSource
from reservation_middleware.owners.lint.wire import Wire
from support import vector_files

Files = Mapping[str, str | bytes]
ALL = "User-agent: *\n"
TRAIN = "Content-Signal: ai-train=no\n"
NOAI = '<!doctype html><meta name="robots" content="noai"><p>x</p>'
#: The smallest JPEG that is told from its beginning.
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9"
TDM = '[{"location": "/", "tdm-reservation": 1}]'
MANAGED = "# BEGIN Cloudflare Managed content\n{}\n# END Cloudflare Managed Content\n\n"

#: A folder in which each ident is met, where that is line and column, and the folder mended.
CASES: dict[str, tuple[Files, tuple[str, int, int], Files]] = {
    "site-group-loses-signal": (
        {"robots.txt": ALL + TRAIN + "Allow: /\n\nUser-agent: ExampleBot\nDisallow: /x\n"},
        ("robots.txt", 5, 13),
        {"robots.txt": ALL + TRAIN + "\nUser-agent: ExampleBot\nDisallow: /\n"},
    ),
    "site-signal-in-last-group": (
        {"robots.txt": ALL + "Allow: /\n\nUser-agent: CCBot\nDisallow: /\n" + TRAIN},
        ("robots.txt", 6, 1),
        {"robots.txt": ALL + "Allow: /\n" + TRAIN + "\nUser-agent: CCBot\nDisallow: /\n"},
    ),
    "site-managed-block-contradicts": (
        {
            "robots.txt": MANAGED.format("User-agent: GPTBot\nDisallow: /")
            + "User-agent: GPTBot\nAllow: /\n"
        },
        ("robots.txt", 6, 13),
        {
            "robots.txt": MANAGED.format("User-agent: GPTBot\nDisallow: /")
            + "User-agent: GPTBot\nDisallow: /\n"
        },
    ),
    "site-search-blocked-training-allowed": (
        {"robots.txt": "User-agent: Googlebot\nDisallow: /\n\n" + ALL + "Allow: /\n"},
        ("robots.txt", 1, 13),
        {"robots.txt": "User-agent: GPTBot\nDisallow: /\n\n" + ALL + "Allow: /\n"},
    ),
    "site-staging-disallow": (
        {"robots.txt": ALL + "Disallow: /\n"},
        ("robots.txt", 2, 1),
        {"robots.txt": "User-agent: Googlebot\nAllow: /\n\n" + ALL + "Disallow: /\n"},
    ),
    "site-group-joined": (
        {"robots.txt": "User-agent: bingbot\nCrawl-delay: 2\n\nUser-agent: B\nDisallow: /\n"},
        ("robots.txt", 2, 1),
        {
            "robots.txt": "User-agent: bingbot\nCrawl-delay: 2\nDisallow:\n\nUser-agent: B\n"
            "Disallow: /\n"
        },
    ),
    "site-rule-without-slash": (
        {"robots.txt": ALL + "Disallow: private/\n"},
        ("robots.txt", 2, 11),
        {"robots.txt": ALL + "Disallow: /private/\nDisallow: *.pdf\nDisallow:\n"},
    ),
    "site-parsers-disagree": (
        {"robots.txt": "User-agent: GPTBot\n\nDisallow: /\n"},
        ("robots.txt", 1, 1),
        {"robots.txt": "User-agent: GPTBot\nDisallow: /\n\n" + ALL + "Disallow: /x\n"},
    ),
    "site-parsers-first-match": (
        {"robots.txt": ALL + "Disallow: /a\nAllow: /a/b\n"},
        ("robots.txt", 3, 1),
        {"robots.txt": ALL + "Allow: /a/b\nDisallow: /a\n"},
    ),
    "site-agent-generic": (
        {"robots.txt": "User-agent: OpenAI\nDisallow: /\n"},
        ("robots.txt", 1, 13),
        {"robots.txt": "User-agent: Microsoft URL Control\nDisallow: /\n"},
    ),
    "site-signal-misplaced": (
        {"tdmrep.json": TDM},
        ("tdmrep.json", 1, 1),
        {".well-known/tdmrep.json": TDM},
    ),
    "site-noindex-line": (
        {"robots.txt": ALL + "Noindex: /x\n"},
        ("robots.txt", 2, 1),
        {"robots.txt": ALL + "Disallow: /x\n"},
    ),
    "site-byte-order-mark": (
        {"robots.txt": b"\xef\xbb\xbfUser-agent: *\nDisallow: /x\n"},
        ("robots.txt", 1, 1),
        {"robots.txt": b"User-agent: *\nDisallow: /x\n"},
    ),
    "site-utf-16": (
        {"robots.txt": (ALL + "Disallow: /x\n").encode("utf-16")},
        ("robots.txt", 1, 1),
        {"robots.txt": ALL + "Disallow: /x\n"},
    ),
    "site-binary": (
        {"robots.txt": b"User-agent: *\nDisallow: /\0x\n"},
        ("robots.txt", 2, 1),
        {"robots.txt": ALL + "Disallow: /x\n"},
    ),
    "site-empty-file": ({"robots.txt": "\n"}, ("robots.txt", 1, 1), {"robots.txt": ALL}),
    "site-header-meta-disagree": (
        {
            "_headers": "/*\n  TDM-Reservation: 1\n",
            "a.html": '<!doctype html>\n<meta name="tdm-reservation" content="0">',
        },
        ("a.html", 2, 13),
        {
            "_headers": "/*\n  TDM-Reservation: 1\n",
            "a.html": '<!doctype html>\n<meta name="tdm-reservation" content="1">',
        },
    ),
    "site-meta-hidden": (
        {"robots.txt": ALL + "Disallow: /a\n", "a.html": NOAI},
        ("a.html", 1, 28),
        {"robots.txt": ALL + "Disallow: /a\n" + TRAIN, "a.html": NOAI},
    ),
    "site-images-uncovered": (
        {"a.html": NOAI, "img/x.jpg": JPEG},
        ("a.html", 1, 28),
        {"a.html": NOAI, "img/x.jpg": JPEG, "robots.txt": ALL + TRAIN},
    ),
    "compat-lighthouse-directive": (
        {"robots.txt": ALL + "Content-Usage: train-ai=n\n"},
        ("robots.txt", 2, 1),
        {"robots.txt": ALL + TRAIN},
    ),
    "compat-lighthouse-older": (
        {"robots.txt": ALL + TRAIN},
        ("robots.txt", 2, 1),
        {"robots.txt": ALL + "Disallow: /x\n"},
    ),
    "compat-lighthouse-pattern": (
        {"robots.txt": ALL + "Disallow: /a$b\n"},
        ("robots.txt", 2, 11),
        {"robots.txt": ALL + "Disallow: /ab$\n"},
    ),
    "compat-lighthouse-sitemap": (
        {"robots.txt": "Sitemap: /sitemap.xml\n" + ALL},
        ("robots.txt", 1, 10),
        {"robots.txt": "Sitemap: https://a.example/sitemap.xml\n" + ALL},
    ),
    "compat-nginx-always": (
        {"site.conf": 'add_header X-Robots-Tag "noai";\n'},
        ("site.conf", 1, 1),
        {"site.conf": 'add_header X-Robots-Tag "noai" always;\n'},
    ),
    "deploy-dot-folder": (
        {"_config.yml": "title: x\n", ".well-known/tdmrep.json": TDM},
        ("_config.yml", 1, 1),
        {"_config.yml": "include: [.well-known]\n", ".well-known/tdmrep.json": TDM},
    ),
    "deploy-nginx-inheritance": (
        {
            "site.conf": "add_header X-Robots-Tag noai always;\n"
            "location /img/ {\n    add_header Cache-Control immutable;\n}\n"
        },
        ("site.conf", 3, 5),
        {
            "site.conf": "add_header X-Robots-Tag noai always;\n"
            "location /img/ {\n    expires 1h;\n}\n"
        },
    ),
    "ignore-without-reason": (
        {"robots.txt": ALL + "# reservations: ignore[site-noindex-line]\nNoindex: /x\n"},
        ("robots.txt", 2, 24),
        {"robots.txt": ALL + "# reservations: ignore[site-noindex-line] old\nNoindex: /x\n"},
    ),
    "ignore-unknown": (
        {"robots.txt": ALL + "# reservations: ignore[site-noindx-line] old\nDisallow: /x\n"},
        ("robots.txt", 2, 24),
        {"robots.txt": ALL},
    ),
    "ignore-stale": (
        {"robots.txt": ALL + "# reservations: ignore[site-noindex-line] old\nDisallow: /x\n"},
        ("robots.txt", 2, 24),
        {"robots.txt": ALL + "# reservations: ignore[site-noindex-line] old\nNoindex: /x\n"},
    ),
}

SITE = 'site = "https://a.example"\n'
#: The same with an intent file before the folder.
INTENTS: dict[str, tuple[str, Files, Files]] = {
    "intent-missing": (
        SITE + '[use]\nai-train = "no"\n',
        {"robots.txt": ALL + "Allow: /\n"},
        {"robots.txt": ALL + TRAIN, ".well-known/tdmrep.json": TDM},
    ),
    "intent-yes-missing": (
        SITE + '[use]\nsearch = "yes"\n',
        {"robots.txt": ALL + "Allow: /\n"},
        {"robots.txt": ALL + "Content-Signal: search=yes\n"},
    ),
    "intent-contradicted": (
        SITE + '[use]\nai-train = "no"\n',
        {"robots.txt": ALL + "Content-Signal: ai-train=yes\n"},
        {"robots.txt": ALL + TRAIN},
    ),
    "intent-one-place": (
        SITE + '[use]\nai-train = "no"\n',
        {"robots.txt": ALL + TRAIN},
        {"robots.txt": ALL + TRAIN, ".well-known/tdmrep.json": TDM},
    ),
    "intent-wrong-purpose": (
        SITE + '[use]\nai-train = "no"\n',
        {"robots.txt": ALL + "Content-Signal: ai-train=no, search=no\n"},
        {"robots.txt": ALL + TRAIN},
    ),
    "intent-crawler": (
        SITE + '[[agent]]\ntoken = "GPTBot"\ncrawl = "no"\n',
        {"robots.txt": ALL + "Allow: /\n"},
        {"robots.txt": "User-agent: GPTBot\nDisallow: /\n\n" + ALL + "Allow: /\n"},
    ),
}


def built(folder: Path, files: Files) -> LintedSite:
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_path(folder)


def met(places: LintedSite, ident: str) -> list[Finding]:
    report = lint([places], lowest=Confidence.PEDANTIC)
    return [finding for finding in report.findings if finding.kind.ident == ident]


@pytest.mark.parametrize("ident", CASES)
def test_met_where_it_is_and_only_there(ident: str, tmp_path: Path) -> None:
    files, (name, line, column), mended = CASES[ident]
    findings = met(built(tmp_path / "site", files), ident)
    assert [(f.source.name, f.line, f.column) for f in findings] == [(f"site/{name}", line, column)]
    assert met(built(tmp_path / "mended", mended), ident) == []


@pytest.mark.parametrize("ident", INTENTS)
def test_against_an_intent(ident: str, tmp_path: Path) -> None:
    text, files, mended = INTENTS[ident]
    (tmp_path / "intent.toml").write_text(text)
    intent = read_intent(tmp_path / "intent.toml")
    site = msgspec.structs.replace(built(tmp_path / "site", files), intent=intent)
    assert met(site, ident)
    site = msgspec.structs.replace(built(tmp_path / "mended", mended), intent=intent)
    assert met(site, ident) == []


def served(path: str, status: int, body: str, *headers: tuple[str, str]) -> Document:
    return Document(
        url=f"https://a.example{path}",
        resource=path[1:] or "page",
        outcome=Outcome.of(status),
        status=status,
        headers=headers,
        body=body.encode(),
    )


ROBOTS = ALL + TRAIN
FOLDER: Files = {
    "robots.txt": ROBOTS,
    "_headers": "/*\n  X-Robots-Tag: noai\n",
    "index.html": "<!doctype html><p>x</p>",
}
PAGE = served("/", 200, "<!doctype html><p>x</p>", ("x-robots-tag", "noai"))
#: What is served, and what follows from it for the folder.
WIRES: dict[str, tuple[tuple[Document, ...], str | None]] = {
    "as it is": ((served("/robots.txt", 200, ROBOTS.replace("\n", "\r\n")), PAGE), None),
    "missing": ((served("/robots.txt", 404, "no"), PAGE), "deploy-missing"),
    "different": ((served("/robots.txt", 200, ALL), PAGE), "deploy-different"),
    "lost": ((served("/", 200, "<!doctype html><p>x</p>"),), "deploy-header-lost"),
    "another": (
        (served("/", 200, "<!doctype html><p>x</p>", ("x-robots-tag", "all")),),
        "deploy-header-different",
    ),
}


@pytest.mark.parametrize("name", WIRES)
def test_against_the_wire(name: str, tmp_path: Path) -> None:
    documents, ident = WIRES[name]
    by_path = {document.url.removeprefix("https://a.example"): document for document in documents}
    places = msgspec.structs.replace(
        built(tmp_path, FOLDER), wire=Wire("https://a.example", by_path)
    )
    found = {f.kind.ident for f in lint([places]).findings if f.kind.ident.startswith("deploy-")}
    assert found == ({ident} if ident else set())


def test_dot_folder_on_the_wire(tmp_path: Path) -> None:
    path = "/.well-known/tdmrep.json"
    wire = Wire("https://a.example", {path: served(path, 404, "no")})
    site = msgspec.structs.replace(built(tmp_path, {path[1:]: TDM}), wire=wire)
    assert len(met(site, "deploy-dot-folder")) == 1


def test_every_kind_has_a_case() -> None:
    wired = {ident for _, ident in WIRES.values() if ident}
    assert kinds().keys() - note_kinds().keys() == {*CASES, *INTENTS, *wired}


#: Notes about the crawler that asks, or about what it was handed: nothing for a site's owner.
CRAWLERS = {
    *("licence-expired", "document-foreign", "stale-copy", "path-resolved", "robots-not-asked"),
}


def test_every_note_of_the_vectors_is_a_finding() -> None:
    """The vectors emit every kind of note; each of them is a finding of its ident here, too."""
    emitted = set()
    for file in vector_files().values():
        for vector in file.vectors:
            wanted = set(vector.expect.notes or ()) - CRAWLERS
            if any("outcome" in document for document in vector.input["documents"]):
                # Nobody answered, so that nothing was tested.
                wanted = {ident for ident in wanted if not ident.endswith("-unreachable")}
            if not wanted:
                continue
            given = msgspec.convert(vector.input, Given)
            check, _ = checked(given, datetime(2026, 11, 21, tzinfo=UTC))
            known = {**RESOURCES, **LINKED}
            places = LintedSite(
                origin=check.origin,
                resources=tuple(
                    LintSource(name=document.url, document=document)
                    for document in check.documents
                    if document.resource in known
                ),
                pages=(LintSource(name=check.page.url, document=check.page),) if check.page else (),
            )
            report = lint([places], lowest=Confidence.PEDANTIC)
            found = {finding.kind.ident for finding in report.findings}
            assert wanted <= found, (vector.id, wanted - found)
            emitted |= wanted
    assert emitted == note_kinds().keys() - CRAWLERS - LONG.keys()


#: Notes about sizes, which vectors are too small for, with a file that is large enough.
LONG: dict[str, Files] = {
    "robots-truncated": {"robots.txt": ALL + "Disallow: /x\n" * 45_000},
    "tdmrep-file-too-large": {".well-known/tdmrep.json": "[" + TDM[1:-1] + "," * 600_000 + "]"},
    "content-signals-too-long": {"robots.txt": ALL + "Content-Signal: " + "a=no," * 5_000},
    "robots-meta-too-long": {
        "a.html": f'<!doctype html><meta name="robots" content="noai{",a" * 10_000}">'
    },
}


@pytest.mark.parametrize("ident", LONG)
def test_notes_about_sizes(ident: str, tmp_path: Path) -> None:
    assert met(built(tmp_path, LONG[ident]), ident)


def test_values_that_only_the_server_knows(tmp_path: Path) -> None:
    """nginx's variables and Apache's expressions are no words of a signal."""
    files = {
        "nginx.conf": "add_header Content-Usage $usage always;\n",
        "apache.conf": 'Header set Content-Signal "%{SIGNAL}e"\nHeader set TDM-Reservation 2\n',
    }
    report = lint([built(tmp_path, files)])
    assert [(f.source.name.rpartition("/")[2], f.line) for f in report.findings] == [
        ("apache.conf", 2)
    ]


def test_a_site_that_does_not_answer_was_not_tested() -> None:
    document = Document(
        url="https://a.example/robots.txt",
        resource="robots.txt",
        outcome=Outcome.UNREACHABLE,
        problem="DNSError",
    )
    source = LintSource(name=document.url, document=document)
    assert lint([LintedSite(origin="https://a.example", resources=(source,))]).findings == ()
