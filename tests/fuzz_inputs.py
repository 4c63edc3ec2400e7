"""Fuzz input by family: what a site may send, near enough to the formats to get far into them.

Here: grammars, seeds out of spec/vectors, and which document of a case carries what. Not here:
how text (tests/fuzz_text.py) and files (tests/fuzz_files.py) are spoilt, or what must hold
(tests/fuzz.py). Input number n of a family is always the same.
"""

import base64
import gzip
import json
import tarfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from random import Random
from typing import NamedTuple

import msgspec
from fuzz_text import (
    WELL_FORMED,
    Elements,
    Grammar,
    Tokens,
    Trees,
    encoded,
    grown,
    mangled,
)

from reservation_middleware import Document, Outcome
from reservation_middleware.decide.reading import LINKED, RESOURCES
from reservation_middleware.model import PAGE
from reservation_middleware.syntax.media import recognised
from support import SHARED, load_vectors

ORIGIN = "https://a.example"
URL = f"{ORIGIN}/x"
RSL_NS = "https://rslstandard.org/rsl"

Headers = Sequence[tuple[str, str]]


class Case(NamedTuple):
    """A page and every document that is fed for it; the page is one of them."""

    url: str
    documents: tuple[Document, ...]


Family = Callable[[Random], Case]
FAMILIES: dict[str, Family] = {}


def family(make: Family) -> Family:
    """Enter a family."""
    FAMILIES[make.__name__.replace("_", "-")] = make
    return make


def document(
    resource: str,
    body: bytes | None,
    headers: Headers = (),
    *,
    status: int | None = 200,
    url: str | None = None,
) -> Document:
    """A document at its well-known place, at the page, or at a linked address."""
    place = RESOURCES.get(resource)
    return Document(
        url=url or (ORIGIN + (place.path or "") if place else URL),
        resource=resource,
        outcome=Outcome.UNREACHABLE if status is None else Outcome.of(status),
        status=status,
        headers=tuple(headers),
        body=body,
    )


def page(
    body: bytes | None, media_type: str = "text/html", headers: Headers = (), status: int = 200
) -> Document:
    typed = (("content-type", media_type), *headers) if media_type else tuple(headers)
    return document(PAGE, body, typed, status=status)


# --- seeds: bodies and header fields of the vectors, and real ones where there are some ----


class Seeds(NamedTuple):
    """Bodies by place, or by kind of file; and header fields by name."""

    bodies: Mapping[str, Sequence[bytes]]
    fields: Mapping[str, Sequence[str]]
    pages: Sequence[Headers]
    cases: Sequence[Case]

    def texts(self, kind: str) -> list[str]:
        return [body.decode("utf-8", "replace") for body in self.bodies.get(kind, ())]


@cache
def seeds() -> Seeds:
    """Every body and every header field of the vectors, sorted by what it is."""
    bodies: dict[str, dict[bytes, None]] = {}
    fields: dict[str, dict[str, None]] = {}
    pages: dict[Headers, None] = {}
    cases = []
    paths = {ORIGIN.removeprefix("https:") + (one.path or ""): one for one in RESOURCES.values()}
    for vector in load_vectors():
        documents = []
        asked = vector.input["url"]
        for given in vector.input.get("documents", ()):
            body = given.get("body")
            octets = None
            if isinstance(body, dict):
                octets = base64.b64decode(body["base64"])
            elif body is not None:
                octets = body.encode()
            headers = tuple((name.lower(), value) for name, value in given.get("headers", ()))
            known = paths.get(given["url"].partition(":")[2])
            resource = PAGE if given["url"] == asked else known.name if known else ""
            if not resource:
                resource = "rsl" if b"rslstandard" in (octets or b"") else "tdm-policy"
            status = given.get("status", None if given.get("outcome") else 200)
            documents.append(document(resource, octets, headers, status=status, url=given["url"]))
            if resource == PAGE:
                pages[headers] = None
                for name, value in headers:
                    fields.setdefault(name, {})[value] = None
            if octets:
                kind = recognised(octets) or _kind(octets, resource)
                bodies.setdefault(kind, {})[octets] = None
        cases.append(Case(asked, tuple(documents)))
    for kind, several in _real().items():
        bodies.setdefault(kind, {}).update(dict.fromkeys(several))
    return Seeds(
        {kind: tuple(several) for kind, several in bodies.items()},
        {name: tuple(several) for name, several in fields.items()},
        tuple(pages),
        tuple(cases),
    )


def _kind(body: bytes, resource: str) -> str:
    if resource != PAGE:
        return resource
    if RSL_NS.encode() in body and b"<html" not in body[:500].lower():
        return "feed"
    return "bill" if body.lstrip().startswith(b"{") else PAGE


def _real() -> Mapping[str, Sequence[bytes]]:
    """Real robots.txt and pages, where a collection of them lies."""
    found: dict[str, list[bytes]] = {}
    path = SHARED / "robots-2019.jsonl.gz"
    if path.exists():
        with gzip.open(path) as file:
            lines = [line for number, line in enumerate(file) if number % 20 == 0]
        several = [msgspec.json.decode(line)["body"] for line in lines if len(line) < 20_000]
        found["robots.txt"] = [one.encode() for one in several if isinstance(one, str)]
    path = SHARED / "html-pages.tar.xz"
    if path.exists():
        with tarfile.open(path) as archive:
            for member in archive:
                file_ = archive.extractfile(member) if 0 < member.size < 60_000 else None
                if file_ is not None and len(found.get(PAGE, ())) < 15:
                    found.setdefault(PAGE, []).append(file_.read())
    return found


XML_TOKENS = r"<!\[CDATA\[|\]\]>|<[^<>\s]*|[\w:.-]+=|\"[^\"]*\"|'[^']*'|/?>|[^<>\s\"'=]+|\s+|."
LINE_TOKENS = r"[^\n:=,]+|[:=,]|\r?\n"
FIELD_TOKENS = r"\"[^\"]*\"|[\w-]+|\s+|."


@cache
def tokens(kind: str, pattern: str) -> Tokens:
    return Tokens(pattern, seeds().texts(kind))


@cache
def elements(kind: str) -> Elements:
    return Elements(seeds().bodies.get(kind, ()))


def xml(rng: Random, kind: str, grammar: Grammar, symbol: str) -> bytes:
    """XML of some kind: well-formed more often than not."""
    match rng.randrange(6):
        case 0:
            return text(rng, kind, XML_TOKENS, grammar, symbol)
        case 1 | 2:
            body = encoded(rng, grown(rng, {**grammar, "odd": WELL_FORMED}, symbol))
        case _:
            body = elements(kind).mutated(rng)
    return mangled(rng, body) if rng.random() < 0.1 else body


@cache
def trees(kind: str) -> Trees:
    return Trees(seeds().bodies.get(kind, ()), TREES.get(kind, ()))


def text(rng: Random, kind: str, pattern: str, grammar: Grammar, symbol: str) -> bytes:
    """A body of some kind: grown, mutated by tokens, or mutated by octets."""
    match rng.randrange(8):
        case 0 | 1 | 2:
            body = encoded(rng, grown(rng, grammar, symbol))
        case 3 | 4 | 5:
            body = encoded(rng, tokens(kind, pattern).mutated(rng))
        case _:
            several = seeds().bodies.get(kind) or (b"",)
            return mangled(rng, rng.choice(several), several)
    return mangled(rng, body) if rng.random() < 0.15 else body


def tree(rng: Random, kind: str) -> bytes:
    """JSON of some kind: mutated as a tree, now and then by octets as well."""
    body = encoded(rng, trees(kind).mutated(rng))
    return mangled(rng, body) if rng.random() < 0.2 else body


# --- robots.txt, ai.txt, trust.txt --------------------------------------------------------

_LINES: Grammar = {
    "robots": ("‹line+›", "User-agent: *\n‹line+›", "User-agent: ExampleBot\n‹line+›", "‹line*›"),
    "eol": ("\n", "\n", "\n", "\r\n", "\r", "\n\n", " # ‹odd›\n", ""),
    "line": (
        *("User-agent: ‹agent›‹eol›", "Allow: ‹path›‹eol›", "Disallow: ‹path›‹eol›"),
        *("License: ‹url›‹eol›", "License:‹url› ‹url›‹eol›", "license : <‹url›>‹eol›"),
        *("AI-Training-Allow: ‹yes›‹eol›", "Canel-‹word›: ‹yes›‹eol›", "allow-canel: ‹yes›‹eol›"),
        *("disallow-canel: ‹path›‹eol›", "‹known›: ‹yes›‹eol›", "‹known›: ‹path›‹eol›"),
        *("Content-Usage: ‹usage›‹eol›", "Content-Usage: ‹path› ‹usage›‹eol›"),
        *("Content-Signal: ‹usage›‹eol›", "Content-Signal: ‹path› ‹usage›‹eol›"),
        *("Content-Signals: ‹missed›‹eol›", "Content-Signal: ‹missed›‹eol›"),
        *("Sitemap: ‹url›‹eol›", "‹odd›: ‹odd›‹eol›", "‹odd›‹eol›", "Crawl-delay: ‹n›‹eol›"),
    ),
    "usage": (
        *("‹word›=‹yes›", "‹word›=‹yes›, ‹usage›", "‹word›;‹word›=‹n›", '("‹odd›")', "‹odd›"),
        *("use=immediate", "use=‹word›, ‹usage›", "use=full,use=reference,‹usage›"),
    ),
    "missed": (
        *("ai_train=‹no›", "ai-training: ‹no›", 'search=yes ai-train="‹no›"', "‹usage› ‹missed›"),
        *("ai-train=‹no›, ‹missed›", "‹word›:‹no›", "‹path› ai-train = ‹no›"),
    ),
    "no": ("no", "disallow", "not-allowed", "Denied", "0", "yes", "ask", "no ‹odd›", "‹odd›"),
    "known": ("Allow-Training", "Content-Usage", "Content-Signal", "Canel", "License", "‹odd›"),
    # ai.txt: Spawning's dialect, and the declarations of the draft.
    "ai": ("‹spawning+›", "‹declared+›", "# ‹odd›\n‹declared+›", "‹spawning*›‹declared*›"),
    "spawning": (
        *("User-Agent: ‹agent›‹eol›", "Disallow: ‹kind›‹eol›", "Allow: ‹kind›‹eol›", "# ‹odd›\n"),
        *("Disallow-Training: ‹kind›‹eol›", "Disallow: training‹eol›", "AI-Training: ‹no›‹eol›"),
        *("Content-Signal: ‹missed›‹eol›", "Usage: ‹odd›‹eol›", "No training ‹odd›‹eol›"),
    ),
    "kind": ("*.txt", "*.jpg", "/", "*.‹odd›", "/‹odd›/*.mp4", "*", "‹path›"),
    "declared": (
        *("‹key›: ‹choice›‹eol›", "‹key›: ‹choice›‹eol›", "[‹section›]‹eol›", "‹key›: ‹url›‹eol›"),
        *("Agent: ‹agent›‹eol›", "‹key›: ‹path›, ‹path›‹eol›", "‹key›: ‹odd›‹eol›", "  ‹odd›\n"),
        *("Training-Path: ‹path›‹eol›", "Site-URL: ‹url›‹eol›", "Version: ‹n›‹eol›"),
    ),
    "key": (
        *("Training", "Scraping", "Indexing", "Caching", "Training-License", "Training-Fee"),
        *("Attribution", "Contact", "Policy", "Licensing", "Site-Name", "Site-URL", "‹odd›"),
        *("Training-Allow", "Training-Deny", "Rate-Limit", "Expires", "AI-JSON"),
    ),
    "choice": (
        "allow",
        "deny",
        "conditional",
        "‹no›",
        "required",
        "‹n›/minute",
        "‹odd›",
        "‹day›",
        "‹word›",
    ),
    "section": ("Identity", "Permissions", "Agent: ‹agent›", "‹odd›", "‹agent›"),
    # trust.txt
    "trust": ("‹pair+›", "# ‹odd›\n‹pair+›", "‹pair*›"),
    "pair": (
        *("datatrainingallowed=‹yes›‹eol›", "datatrainingallowed = ‹yes›‹eol›"),
        *("member=‹url›‹eol›", "contact=‹url›‹eol›", "belongto=‹url›‹eol›", "‹odd›=‹odd›‹eol›"),
        *("DataTrainingAllowed=‹odd›‹eol›", "‹odd›‹eol›", "vendor=‹odd›‹eol›"),
    ),
}


@family
def robots(rng: Random) -> Case:
    body = text(rng, "robots.txt", LINE_TOKENS, _LINES, "robots")
    path = rng.choice(("/x", "/", "/x.jpg", "/robots.txt", "/%41?b=%C3%A9", "/x/" * 300, ""))
    documents = [document("robots.txt", body, _headers(rng, 0.1))]
    if rng.random() < 0.2:
        documents.append(document("rsl", rsl_body(rng), url=f"{ORIGIN}/rsl.xml"))
    return Case(ORIGIN + path, tuple(documents))


@family
def ai_txt(rng: Random) -> Case:
    where = rng.sample(("ai.txt", ".well-known/ai.txt"), rng.choice((1, 1, 2)))
    documents = [document(one, text(rng, one, LINE_TOKENS, _LINES, "ai")) for one in where]
    if rng.random() < 0.2:
        documents.append(document("ai.json", tree(rng, "ai.json")))
    return Case(ORIGIN + rng.choice(("/x", "/a.jpg", "/a/b.mp4?x", "/")), tuple(documents))


@family
def trust_txt(rng: Random) -> Case:
    where = rng.sample(("trust.txt", ".well-known/trust.txt"), rng.choice((1, 1, 2)))
    return Case(
        URL, tuple(document(one, text(rng, one, LINE_TOKENS, _LINES, "trust")) for one in where)
    )


# --- JSON ---------------------------------------------------------------------------------

_PROFILE = "http://www.w3.org/ns/tdmrep"
_ODRL = {
    "@context": ["http://www.w3.org/ns/odrl.jsonld", {"tdm": f"{_PROFILE}#"}],
    "@type": "Offer",
    "profile": _PROFILE,
    "uid": f"{ORIGIN}/policy.json",
    "assigner": {
        "uid": ORIGIN,
        "vcard:fn": "A",
        "vcard:hasEmail": "mailto:a@a.example",
        "vcard:hasTelephone": "tel:+1",
        "vcard:hasURL": ORIGIN,
    },
    "permission": [
        {
            "target": "/x",
            "action": "tdm:mine",
            "duty": [{"action": "obtainConsent"}, {"action": "compensate"}],
            "constraint": [
                {
                    "leftOperand": "purpose",
                    "operator": "eq",
                    "rightOperand": {"@id": "tdm:research"},
                }
            ],
        }
    ],
    "prohibition": [{"target": "*", "action": ["tdm:mine", "odrl:use"]}],
}
_LD = {
    "@context": "https://schema.org",
    "@type": "NewsArticle",
    "license": {"@type": "CreativeWork", "url": "/licence"},
    "acquireLicensePage": "mailto:a@a.example",
    "usageInfo": ["https://a.example/terms", {"@id": "#t"}],
    "copyrightNotice": "© A",
    "creditText": {"@value": "A"},
    "identifier": [{"@type": "PropertyValue", "value": "https://doi.org/10.1/x"}, "ISCC:KAC"],
    "image": [{"@type": "ImageObject", "contentUrl": "/i.jpg", "license": "/l"}],
    "author": {"@id": "https://isni.org/isni/000000012146438X", "sameAs": ["x"]},
    "@graph": [{"mainEntity": {"dcterms:license": "https://a.example/l"}}],
}
_X402 = {
    "x402Version": 2,
    "error": "pay",
    "resource": {"url": URL, "description": "x", "mimeType": "text/html"},
    "accepts": [
        {
            "scheme": "exact",
            "network": "eip155:84532",
            "amount": "10000",
            "maxAmountRequired": "1",
            "asset": "0x0",
            "payTo": "0x1",
            "maxTimeoutSeconds": 60,
            "resource": URL,
            "extra": {"name": "USDC", "version": "2"},
        }
    ],
    "extensions": {},
}
TREES = {
    "tdm-policy": (_ODRL, {"@graph": [_ODRL, _ODRL]}, [_ODRL]),
    "ld": (_LD, [_LD, _LD]),
    "bill": (_X402,),
    "tdmrep.json": (
        [{"location": "/x", "tdm-reservation": 1, "tdm-policy": "/policy.json"}],
        {"policies": [{"location": "https://a.example/.*", "tdm_reservation": 1}]},
        [{"tdm-reservation": 1}, {"location": [" /x "], "tdm-reservation": 0}],
    ),
    "ai.json": (
        {"training": "deny", "indexing": "no", "policies": {"training": "ask", "usage": "none"}},
    ),
    "challenge": (
        {"amount": "100", "currency": "usd", "recipient": "acct", "methodDetails": {"x": 1}},
    ),
}


@family
def tdmrep_json(rng: Random) -> Case:
    documents = [document("tdmrep.json", tree(rng, "tdmrep.json"), _headers(rng, 0.1))]
    if rng.random() < 0.3:
        documents.append(
            document("tdm-policy", tree(rng, "tdm-policy"), url=f"{ORIGIN}/policy.json")
        )
    return Case(URL, tuple(documents))


#: What locations and addresses are made of here: escapes of reserved and other characters, halves.
_LOCATED = (
    *("/", "a", "b", "*", "$", "?", "&", "=", ":", "#", "%3F", "%3f", "%26", "%2A", "%24", "%2F"),
    *(
        "%25",
        "%253F",
        "%41",
        "%C3",
        "%C3%A9",
        "é",
        "%",
        "%3",
        "..",
        "\U0010ff3f",
        "https://a.example",
    ),
)


@family
def tdmrep_locations(rng: Random) -> Case:
    def located(most: int) -> str:
        return "".join(rng.choices(_LOCATED, k=rng.randint(0, most)))

    rules = [
        {
            "location": rng.choice(("/", "/", "")) + located(rng.choice((2, 5, 40))),
            "tdm-reservation": rng.choice((0, 1, 1, "1")),
        }
        for _ in range(rng.choice((1, 1, 5, 200)))
    ]
    file = rules if rng.random() < 0.9 else rng.choice((rules[0], {"policies": rules}))
    url = f"{ORIGIN}/{located(rng.choice((2, 8)))}"
    body = json.dumps(file, ensure_ascii=rng.random() < 0.5).encode("utf-8", "replace")
    return Case(url, (document("tdmrep.json", body),))


@family
def odrl_policy(rng: Random) -> Case:
    media_type = rng.choice(("application/json", "application/ld+json", "text/html", ""))
    policy = f"{ORIGIN}/policy.json"
    head = [("tdm-reservation", "1"), ("tdm-policy", policy)]
    return Case(
        URL,
        (
            page(b"", headers=head),
            document(
                "tdm-policy", tree(rng, "tdm-policy"), [("content-type", media_type)], url=policy
            ),
        ),
    )


@family
def ai_json(rng: Random) -> Case:
    return Case(URL, (document("ai.json", tree(rng, "ai.json")),))


@family
def json_ld(rng: Random) -> Case:
    opening, closing = rng.choice(
        (("", ""), ("<!--", "-->"), ("//<![CDATA[\n", "\n//]]>"), ("<![CDATA[", "]]>"))
    )
    scripts = b"".join(
        b'<script type="application/ld+json">%s%s%s</script>'
        % (opening.encode(), tree(rng, "ld"), closing.encode())
        for _ in range(rng.choice((1, 1, 2, 30)))
    )
    return Case(URL, (page(b"<!doctype html><title>x</title>" + scripts),))


@family
def payment(rng: Random) -> Case:
    body = tree(rng, "bill")
    fields = list(_headers(rng, 0.3))
    for _ in range(rng.choice((0, 1, 2))):
        encoded_tree = base64.b64encode(tree(rng, rng.choice(("bill", "challenge")))).decode()
        if rng.random() < 0.2:
            encoded_tree = mangled(rng, encoded_tree.encode()).decode("latin-1")
        fields.append(
            rng.choice(
                (
                    ("payment-required", encoded_tree),
                    (
                        "www-authenticate",
                        f'Payment id="1", realm="x", method="tempo", intent="charge", '
                        f'request="{encoded_tree}"' + grown(rng, _FIELD_GRAMMAR, "parameters"),
                    ),
                )
            )
        )
    media_type = rng.choice(("application/json", "application/json", "text/html", "", "a/b+json"))
    return Case(
        URL, (page(body, media_type, fields, status=rng.choice((402, 402, 402, 200, 451))),)
    )


# --- header fields ------------------------------------------------------------------------

_FIELD_GRAMMAR: Grammar = {
    "parameters": ("", ', ‹name›="‹odd›"‹parameters›', ", ‹name›=‹word›‹parameters›", ", ‹odd›"),
    "name": ("expires", "realm", "error", "error_description", "resource_metadata", "‹odd›", "id"),
    "link": ("<‹url›>‹linked*›", "<‹url›>‹linked*›, ‹link›", "‹odd›, ‹link›", "<‹odd›", '"‹odd›'),
    "linked": (
        *("; rel=‹rel›", '; rel="‹rel› ‹rel›"', '; type="application/rsl+xml"', "; ‹odd›"),
        *('; anchor="‹url›"', '; title="‹odd›"', "; title*=UTF-8''‹odd›", ";;", '; rel="'),
    ),
    "rel": ("license", "blocked-by", "LICENSE", "‹odd›", "tdm-policy", "canonical"),
    "www-authenticate": (
        *("License‹parameters›", 'License error="invalid_request"‹parameters›', "Payment ‹odd›"),
        *('Payment id="1", realm="‹odd›"‹parameters›', "Basic ‹word›==, ‹www-authenticate›"),
        *("‹odd› ‹odd›, ‹www-authenticate›", 'Digest "‹odd›'),
    ),
    "crawler-price": ("USD ‹n›", "‹word› ‹n›", "usd  0.01", "‹odd›", "‹n›", "USD 0.01 ‹odd›"),
    "payment-required": ("e30=", "‹odd›", "eyJ4NDAyVmVyc2lvbiI6Mn0", "W10", "=", "‹word›"),
    "x-robots-tag": (
        *(
            "‹directive›",
            "‹directive›, ‹x-robots-tag›",
            "‹agent›: ‹directive›",
            "‹directive›;‹word›",
        ),
        *("‹agent›: ‹directive›, ‹agent›: ‹x-robots-tag›",),
    ),
    "directive": (
        *("noai", "noimageai", "noindex", "none", "all", "unavailable_after: ‹day›", "‹odd›"),
        *(
            "max-snippet: ‹n›",
            "disallow-canel",
            "allow-canel",
            "noml",
            "noai noimageai",
            "indexifembedded",
        ),
    ),
    "tdm-reservation": ("0", "1", "‹n›", "1, 0", "‹odd›"),
    "tdm-policy": ("‹url›", "‹url›, ‹url›", "<‹url›>", '"‹url›"'),
    "content-usage": ("‹use›", "‹use›, ‹content-usage›", "‹odd›", "‹use›;‹use›", "(‹use›"),
    "content-signal": (
        *("‹use›", "‹use›, ‹content-signal›", "‹odd›", "‹path› ‹use›"),
        *("use=immediate", "use=full, ‹content-signal›", "use=‹odd›"),
    ),
    "use": (
        "‹word›=‹yes›",
        "‹word›",
        "‹word›=‹n›",
        '‹word›="‹odd›"',
        "‹word›=:‹odd›:",
        "‹odd›=‹odd›",
    ),
    "crawler-error": ("‹odd›", "‹word›"),
    "crawler-charged": ("USD ‹n›", "‹odd›"),
    "content-type": (
        *("text/html; charset=‹odd›", "text/html; charset=utf-16", "‹odd›", "text/html, ‹odd›"),
        *("text/html; charset=", "application/xml", "text/html;‹odd›", "unknown/unknown"),
    ),
    "content-location": ("‹url›",),
}
_FIELDS = tuple(
    name
    for name in _FIELD_GRAMMAR
    if name not in ("parameters", "name", "linked", "rel", "directive", "use")
)


def field(rng: Random) -> tuple[str, str]:
    """A header field: grown, or mutated from one of the vectors."""
    name = rng.choice(_FIELDS)
    if rng.random() < 0.4 and (known := _field_tokens(name)):
        value = known.mutated(rng)
    else:
        value = grown(rng, _FIELD_GRAMMAR, name)
    if rng.random() < 0.1:
        value = mangled(rng, value.encode("utf-8", "surrogatepass")).decode(
            rng.choice(("latin-1", "utf-8")), rng.choice(("replace", "surrogateescape"))
        )
    return name, value


@cache
def _field_tokens(name: str) -> Tokens | None:
    values = seeds().fields.get(name)
    return Tokens(FIELD_TOKENS, values) if values else None


def _headers(rng: Random, chance: float) -> Headers:
    if rng.random() > chance:
        return ()
    return [field(rng) for _ in range(rng.choice((1, 2, 3, 8, 40)))]


@family
def headers(rng: Random) -> Case:
    status = rng.choice((200, 200, 402, 451, 404, 401, 304, 999, 100))
    body = rng.choice((None, b"", b"<meta name=robots content=noai>"))
    documents = [page(body, rng.choice(("text/html", "")), _headers(rng, 1.0), status)]
    if rng.random() < 0.2:
        documents.append(document("rsl", rsl_body(rng), url=f"{ORIGIN}/rsl.xml"))
    return Case(URL, tuple(documents))


# --- XML: RSL ------------------------------------------------------------------------------

_RSL: Grammar = {
    "document": (
        "‹prolog›<rsl xmlns=‹ns›‹attributes*›>‹content+›</rsl>",
        "‹prolog›<r:rsl xmlns:r=‹ns›><r:content url='‹url›'>‹licence*›</r:content></r:rsl>",
        "‹prolog›<rsl xmlns=‹ns›>‹content*›‹odd›",
    ),
    "script": ("<rsl xmlns=‹ns›>‹content›</rsl>", "<rsl xmlns=‹ns›>‹content*›</rsl>"),
    "feed": (
        "<rss version='2.0' xmlns:rsl=‹ns›><channel>‹item+›</channel></rss>",
        "<feed xmlns='http://www.w3.org/2005/Atom'><entry><link href='‹url›'/>‹own›</entry></feed>",
    ),
    "item": ("<item><link>‹url›</link>‹own*›</item>", "<item>‹odd›‹own›</item>"),
    "own": (
        "<content xmlns=‹ns› url='‹url›'>‹licence+›</content>",
        "<rsl:content>‹licence*›</rsl:content>",
    ),
    "prolog": (
        *(
            "",
            "",
            "<?xml version='1.0'?>",
            "<?xml version='1.0' encoding='‹odd›'?>",
            "<!-- ‹odd› -->",
        ),
        *("<!DOCTYPE r [<!ENTITY a '‹odd›'>]>", "<?xml version='1.0' encoding='utf-16'?>"),
    ),
    "ns": (f"'{RSL_NS}'", f"'{RSL_NS}'", f"'{RSL_NS}'", f"'{RSL_NS}'", "'‹odd›'"),
    "attributes": (
        " url='‹url›'",
        " server='‹url›'",
        " max-age='‹n›'",
        " encrypted='‹yes›'",
        " a='‹odd›'",
        " lastmod='‹day›'",
    ),
    "content": (
        *("<content url='‹path›'‹attributes*›>‹licence+›</content>", "<content>‹part*›</content>"),
        *(
            "<content url='‹url›'‹attributes*›>‹licence*›</content>",
            "<content url='/x'>‹licence+›</content>",
        ),
    ),
    "licence": (
        "<license>‹part*›</license>",
        "<license>‹part+›</license>",
        "<license id='‹odd›'>‹licence*›</license>",
        "‹part›",
    ),
    "part": (
        *("<permits type='usage'>‹words›</permits>", "<permits type='‹kind›'>‹words›</permits>"),
        *(
            "<prohibits type='usage'>‹words›</prohibits>",
            "<prohibits type='‹kind›'>‹words›</prohibits>",
        ),
        *(
            "<payment type='‹pay›'>‹paid*›</payment>",
            "<payment>‹paid*›</payment>",
            "<terms>‹url›</terms>",
        ),
        *(
            "<legal type='‹legal›'>‹words›</legal>",
            "<schema>‹url›</schema>",
            "<copyright type='‹odd›' contactUrl='‹url›' contactEmail='‹odd›'>‹odd›</copyright>",
        ),
        *(
            "<alternate type='‹odd›'>‹url›</alternate>",
            "<x:y xmlns:x='urn:x'>‹part*›</x:y>",
            "<‹odd›>",
            "‹odd›",
        ),
        *("<reporting type='‹odd›'>‹url›</reporting>", "<![CDATA[‹odd›]]>", "&#‹n›;&lt;"),
    ),
    "paid": (
        *(
            "<amount currency='‹word›'>‹n›</amount>",
            "<amount>‹n›</amount>",
            "<standard>‹url›</standard>",
        ),
        *(
            "<custom>‹url›</custom>",
            "<accepts type='‹odd›'>‹odd›</accepts>",
            "‹part›",
            "<reporting>‹url›</reporting>",
        ),
    ),
    "words": ("‹use›", "‹use› ‹words›", "‹use›,‹words›", "", "‹odd›", "<b>‹use›</b>"),
    "use": (
        "all",
        "ai-all",
        "ai-train",
        "ai-input",
        "ai-index",
        "search",
        "x:y",
        "‹word›",
        "trusted",
    ),
    "kind": ("usage", "user", "geo", "function", "‹odd›"),
    "pay": (
        "purchase",
        "subscription",
        "training",
        "crawl",
        "use",
        "contribution",
        "attribution",
        "free",
        "‹odd›",
    ),
    "legal": ("warranty", "disclaimer", "attestation", "contact", "‹odd›"),
}


def rsl_body(rng: Random) -> bytes:
    if rng.random() < 0.01:  # wide, or deep
        deep = rng.choice((50, 99, 101, 255, 257, 5000))
        return f"<rsl xmlns='{RSL_NS}'>{'<content>' * deep}{'</content>' * deep}</rsl>".encode()
    return xml(rng, "rsl", _RSL, "document")


@family
def rsl_document(rng: Random) -> Case:
    where = f"{ORIGIN}/rsl.xml"
    media_type = rng.choice(("application/rsl+xml", "application/xml", "text/html", ""))
    linked = document("rsl", rsl_body(rng), [("content-type", media_type)], url=where)
    match rng.randrange(5):
        case 0:
            robots_txt = f"License: {where}\n{grown(rng, _LINES, 'robots')}"
            return Case(URL, (document("robots.txt", encoded(rng, robots_txt)), linked))
        case 1:
            link = f'<{where}>; rel="license"; type="application/rsl+xml"'
            return Case(URL, (page(b"", headers=[("link", link)]), linked))
        case 2:
            link = f'<link rel="license" type="application/rsl+xml" href="{where}">'
            return Case(URL, (page(link.encode()), linked))
        case 3:
            status = rng.choice((401, 402, 402, 403))
            asked = [("www-authenticate", 'License error="invalid_request"')]
            body = page(rsl_body(rng), "application/rsl+xml", asked, status)
            return Case(URL, (body, linked))
        case _:
            return Case(URL, (page(rsl_body(rng), media_type), linked))


@family
def rsl_script(rng: Random) -> Case:
    scripts = []
    for _ in range(rng.choice((1, 1, 2, 20))):
        body = rsl_body(rng) if rng.random() < 0.3 else xml(rng, "rsl", _RSL, "script")
        scripts.append(b'<script type="application/rsl+xml">' + body + b"</script>")
    html_ = b"<html><head>" + b"".join(scripts) + b"</head><body>x"
    return Case(URL, (page(html_, rng.choice(("text/html", "application/xhtml+xml", ""))),))


@family
def rsl_feed(rng: Random) -> Case:
    media_type = rng.choice(("application/rss+xml", "application/xml", "text/xml"))
    return Case(URL, (page(xml(rng, "feed", _RSL, "feed"), media_type),))


# --- HTML ---------------------------------------------------------------------------------

_HTML: Grammar = {
    "page": (
        "<!doctype html><html><head>‹element+›</head><body>‹element*›",
        "‹element+›",
        "‹odd›‹element+›",
    ),
    "element": (
        *(
            "<meta name=‹q›‹meta›‹q› content=‹q›‹value›‹q›>",
            "<meta property='‹meta›' content='‹value›'/>",
        ),
        *("<meta name=‹meta› content=‹value›>", "<META NAME='‹meta›' ‹odd› CONTENT='‹value›'>"),
        *("<link rel='‹rel›' href='‹url›' type='‹type›'>", "<a rel=license href='‹url›'>‹odd›</a>"),
        *(
            "<div itemscope itemprop='‹prop›' itemtype='‹url›'>‹element*›</div>",
            "<span property='‹prop›' resource='‹url›'>‹odd›</span>",
        ),
        *(
            "<script type='application/ld+json'>‹json›</script>",
            "<script type='application/rsl+xml'>‹odd›</script>",
        ),
        *(
            "<noscript>‹element*›</noscript>",
            "<!-- ‹element› -->",
            "<template>‹element*›</template>",
            "<svg>‹element*›</svg>",
        ),
        *(
            "<title>‹element›</title>",
            "<base href='‹url›'>",
            "<p>‹odd›",
            "‹odd›",
            "<area rel='license' href='‹url›'>",
        ),
        *(
            "<iframe srcdoc='‹odd›'>‹element*›</iframe>",
            "<table>‹element*›",
            "<textarea>‹element›</textarea>",
            "<plaintext>‹element›",
        ),
        *(
            "<meta charset='‹odd›'>",
            "<meta http-equiv='‹odd›' content='‹value›'>",
            "<meta http-equiv='X-Robots-Tag' content='‹value›'>",
            "<b><i>‹element*›</b>",
            "<select>‹element*›",
        ),
    ),
    "q": ("'", '"', "'", "`", ""),
    "meta": (
        *("robots", "googlebot", "examplebot", "tdm-reservation", "tdm-policy", "tdm:reservation"),
        *("dc.rights", "dcterms.license", "citation_doi", "dc.identifier", "‹odd›", "allow-canel"),
        *("content-usage", "ROBOTS", "disallow-canel", "dcterms:rights"),
    ),
    "value": (
        "noai",
        "noai, noimageai",
        "1",
        "0",
        "‹url›",
        "‹odd›",
        "&#110;oai",
        "noindex",
        "‹value›, ‹value›",
        "doi:10.1/‹odd›",
    ),
    "rel": ("license", "tdm-policy", "license ‹odd›", "LICENSE", "canonical", "dcterms:license"),
    "type": ("application/rsl+xml", "text/html", "‹odd›", ""),
    "prop": (
        "license",
        "acquireLicensePage",
        "usageInfo",
        "copyrightNotice",
        "creditText",
        "schema:license",
        "dcterms:rights",
        "‹odd›",
        "identifier",
    ),
    "json": (
        '{"@context": "https://schema.org", "license": "‹url›"}',
        '{"usageInfo": ["‹url›", {"@id": "‹odd›"}]}',
        "‹odd›",
        '[{"license": {"@id": "‹url›"',
    ),
}


@family
def html(rng: Random) -> Case:
    body = text(rng, PAGE, XML_TOKENS, _HTML, "page")
    media_type = rng.choice(("text/html", "text/html", "application/xhtml+xml", ""))
    documents = [page(body, media_type, _headers(rng, 0.1))]
    if rng.random() < 0.2:
        documents.append(document("rsl", rsl_body(rng), url=f"{ORIGIN}/rsl.xml"))
        documents.append(
            document("tdm-policy", tree(rng, "tdm-policy"), url=f"{ORIGIN}/policy.json")
        )
    return Case(URL, tuple(documents))


# --- everything at once -------------------------------------------------------------------


@family
def vectors(rng: Random) -> Case:
    """A vector of which some documents are spoilt, lost, or in the place of others."""
    case = rng.choice(seeds().cases)
    documents = list(case.documents)
    for _ in range(rng.choice((1, 1, 2, 3))):
        if not documents:
            break
        at = rng.randrange(len(documents))
        one = documents[at]
        change = msgspec.structs.replace
        match rng.randrange(7):
            case 0 | 1 | 2 if one.body:
                documents[at] = change(one, body=mangled(rng, one.body))
            case 3:
                several = [*one.headers, field(rng)]
                rng.shuffle(several)
                documents[at] = change(one, headers=tuple(several))
            case 4:
                other = rng.choice(rng.choice(seeds().cases).documents or (one,))
                documents[at] = change(one, body=other.body, headers=other.headers)
            case 5:
                status = rng.choice((None, 200, 301, 402, 403, 404, 429, 451, 500))
                outcome = Outcome.UNREACHABLE if status is None else Outcome.of(status)
                documents[at] = change(one, status=status, outcome=outcome)
            case _:
                place = rng.choice((*RESOURCES, *LINKED, PAGE))
                documents[at] = change(one, resource=place)
    return Case(case.url, tuple(documents))


# --- files --------------------------------------------------------------------------------

_XMLNS = " ".join(
    f"xmlns:{prefix}='{uri}'"
    for prefix, uri in {
        "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
        "plus": "http://ns.useplus.org/ldf/xmp/1.0/",
        "tdm": "http://www.w3.org/ns/tdmrep/",
        "dc": "http://purl.org/dc/elements/1.1/",
        "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
        "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
        "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
        "prism": "http://prismstandard.org/namespaces/basic/2.0/",
        "rsl": RSL_NS,
    }.items()
)
_XMP: Grammar = {
    "packet": (
        "<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?>‹meta›<?xpacket end='w'?>",
        *("‹meta›", "‹meta›", "‹odd›‹meta›", "‹meta›‹odd›", "<!DOCTYPE x [<!ENTITY a 'b'>]>‹meta›"),
    ),
    "meta": ("<x:xmpmeta xmlns:x='adobe:ns:meta/'>‹rdf›</x:xmpmeta>", "‹rdf›", "<x>‹rdf›‹rdf›</x>"),
    "rdf": (f"<rdf:RDF {_XMLNS}>‹node+›</rdf:RDF>",),
    "node": (
        "<rdf:Description rdf:about='‹odd›'‹attribute*›>‹property*›</rdf:Description>",
        "<rdf:Description‹attribute*›/>",
    ),
    "attribute": (
        *(
            " plus:DataMining='http://ns.useplus.org/ldf/vocab/‹dmi›'",
            " plus:OtherConstraints='‹odd›'",
        ),
        *(
            " tdm:reservation='‹n›'",
            " tdm:policy='‹url›'",
            " rdf:nodeID='‹odd›'",
            " xml:lang='‹odd›'",
        ),
        *(
            " dc:rights='‹odd›'",
            " rdf:resource='‹url›'",
            " rdf:parseType='‹parse›'",
            " prism:doi='10.1/‹odd›'",
        ),
    ),
    "dmi": (
        "DMI-PROHIBITED",
        "DMI-ALLOWED",
        "DMI-UNSPECIFIED",
        "DMI-PROHIBITED-AIMLTRAINING",
        "DMI-PROHIBITED-SEECONSTRAINT",
        "DMI-PROHIBITED-EXCEPTSEARCHENGINEINDEXING",
        "‹odd›",
    ),
    "parse": ("Resource", "Literal", "Collection", "‹odd›"),
    "property": (
        *("<plus:DataMining>http://ns.useplus.org/ldf/vocab/‹dmi›</plus:DataMining>",),
        *(
            "<plus:DataMining rdf:resource='http://ns.useplus.org/ldf/vocab/‹dmi›'/>",
            "<‹name›‹attribute*›>‹inner*›</‹name›>",
        ),
        *(
            "<tdm:reservation>‹n›</tdm:reservation>",
            "<tdm:policy rdf:resource='‹url›'/>",
            "<‹name›>‹odd›</‹name›>",
        ),
        *(
            "<plus:Licensor><rdf:Bag><rdf:li rdf:parseType='Resource'>‹licensor*›</rdf:li></rdf:Bag></plus:Licensor>",
        ),
        *(
            "<xmpRights:WebStatement>‹url›</xmpRights:WebStatement>",
            "<rsl:rsl xmlns='" + RSL_NS + "'><content url='‹url›'>‹odd›</content></rsl:rsl>",
        ),
        *("<xmpMM:Ingredients><rdf:Bag><rdf:li>‹property›</rdf:li></rdf:Bag></xmpMM:Ingredients>",),
    ),
    "name": (
        "dc:rights",
        "plus:OtherConstraints",
        "plus:DataMining",
        "Iptc4xmpExt:AIPromptInformation",
        "prism:doi",
        "xmpRights:UsageTerms",
        "dc:identifier",
    ),
    "inner": (
        *(
            "<rdf:Alt>‹li*›</rdf:Alt>",
            "<rdf:Bag>‹li+›</rdf:Bag>",
            "<rdf:Seq>‹li*›</rdf:Seq>",
            "‹odd›",
        ),
        *(
            "<rdf:Description>‹property*›</rdf:Description>",
            "<rdf:value>‹odd›</rdf:value>",
            "<x>‹inner*›</x>",
        ),
    ),
    "li": (
        "<rdf:li xml:lang='x-default'>‹odd›</rdf:li>",
        "<rdf:li>‹inner*›</rdf:li>",
        "<rdf:li>‹url›</rdf:li>",
    ),
    "licensor": (
        "<plus:LicensorURL>‹url›</plus:LicensorURL>",
        "<plus:LicensorEmail>‹odd›</plus:LicensorEmail>",
        "<plus:LicensorName>‹odd›</plus:LicensorName>",
        "‹property›",
    ),
    "opf": (
        *(
            "<meta property='tdm:reservation'>‹n›</meta>",
            "<meta property='tdm:policy'>‹url›</meta>",
        ),
        *(
            "<meta name='tdm:reservation' content='‹n›'/>",
            "<meta name='tdm:policy' content='‹url›'/>",
        ),
        *(
            "<meta property='x:reservation'>‹odd›</meta>",
            "<meta refines='#a' property='tdm:policy'>‹odd›</meta>",
        ),
        *(f"<rsl xmlns='{RSL_NS}'><content url='‹url›'>‹odd›</content></rsl>", "‹odd›"),
        *("<dc:rights xmlns:dc='http://purl.org/dc/elements/1.1/'>‹odd›</dc:rights>", "‹opf›‹opf›"),
    ),
}
_TYPES = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "gif": "image/gif",
    "tiff": "image/tiff",
    "epub": "application/epub+zip",
    "pdf": "application/pdf",
}


def _packet(rng: Random) -> bytes:
    grammar = _XMP if rng.random() < 0.3 else {**_XMP, "odd": WELL_FORMED}
    body = encoded(rng, grown(rng, grammar, "packet"))
    return mangled(rng, body) if rng.random() < 0.1 else body


def _file(kind: str, made: Callable[[Random], bytes]) -> Family:
    """A file as a page: put together, or a known one with some octets changed."""

    def build(rng: Random) -> Case:
        known = seeds().bodies.get(kind)
        if known and rng.random() < 0.3:
            body = mangled(rng, rng.choice(known), gentle=3)
        else:
            body = made(rng)
            if rng.random() < 0.1:
                body = mangled(rng, body)
        media_type = (
            _TYPES[kind] if rng.random() < 0.9 else rng.choice(("", "text/html", "image/x"))
        )
        return Case(URL, (page(body, media_type, _headers(rng, 0.05)),))

    return build


def _signed(rng: Random) -> Case:
    """A file with a manifest whose manifest is spoilt."""
    import fuzz_files

    files = [one for kind in _TYPES for one in seeds().bodies.get(kind, ()) if b"jumb" in one]
    body = fuzz_files.manifest(rng, rng.choice(files))
    return Case(URL, (page(body, rng.choice(("image/jpeg", "image/png", ""))),))


def _enter_files() -> None:
    import fuzz_files

    for kind in ("jpeg", "png", "webp", "gif", "tiff", "pdf"):
        make = getattr(fuzz_files, kind)
        FAMILIES[kind] = _file(kind, lambda rng, make=make: make(rng, _packet(rng)))  # type: ignore[misc]
    FAMILIES["epub"] = _file(
        "epub", lambda rng: fuzz_files.epub(rng, grown(rng, {**_XMP, "odd": WELL_FORMED}, "opf"))
    )
    FAMILIES["c2pa"] = _signed


if all(find_spec(name) for name in ("PIL", "pikepdf", "c2pa", "cryptography")):
    _enter_files()


def made(name: str, number: int, seed: int = 0) -> Case:
    """Input ``number`` of a family, the same every time."""
    return FAMILIES[name](Random(f"{name}:{seed}:{number}"))
