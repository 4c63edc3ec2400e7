"""Pointers to licences: rel=license, schema.org's licence properties, Dublin Core rights.

They reserve nothing and permit nothing, so there are no statements here: where a licence
stands and what a work is called are identifiers, where one may be had is an offer.
References: https://html.spec.whatwg.org/multipage/links.html#link-type-license,
https://schema.org/acquireLicensePage, https://schema.org/usageInfo,
https://www.dublincore.org/specifications/dublin-core/dcmi-terms/
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

import msgspec

from reservation_middleware.model import Identifier, Level, Note, NoteKind, Offer
from reservation_middleware.syntax.html import Element
from reservation_middleware.syntax.identifier import identified
from reservation_middleware.syntax.json_ld import MalformedJsonLdError, Node, nodes
from reservation_middleware.syntax.link import links

from .base import (
    CONTENT,
    HEADERS,
    Carrier,
    Findings,
    Intent,
    ParsedDocument,
    Question,
    Rendering,
    Settled,
    Signal,
    Status,
    shorten,
)

#: Identifiers and offers that are kept of one page, words of one attribute, pointers looked at.
_MOST, _MOST_WORDS, _MANY = 32, 8, 1_000
_RSL = "application/rsl+xml"
_LD_JSON = "application/ld+json"

MALFORMED = NoteKind(
    "pointers-json-ld-malformed",
    Level.INFO,
    "a JSON-LD script that names a licence could not be read: {}",
    "Check the script with a JSON validator.",
    "https://www.w3.org/TR/json-ld11/#embedding-json-ld-in-html-documents",
)

#: What a property says, by its bare name: schema.org's and Dublin Core's do not clash.
_KINDS: Mapping[str, str] = {
    "license": "licence",
    "rights": "copyright-notice",
    "acquirelicensepage": "contact",
    "usageinfo": "policy",
    "copyrightnotice": "copyright-notice",
    "credittext": "credit-text",
}
_NAMES = ("license", "acquireLicensePage", "usageInfo", "copyrightNotice", "creditText", "rights")
_OFFERS, _TEXTS = ("contact", "policy"), ("copyright-notice", "credit-text")
#: How a value begins that is an address where it might be a text.
_URL = ("https://", "http://", "/", "#")
# ``dcterms.license``, ``dc:rights``, ``https://schema.org/usageInfo``.
_DUBLIN = r"(?i)(?:dc|dct|dcterms|cc)[.:]|https?://purl\.org/dc/(?:terms|elements/1\.1)/"
_SCHEMA = r"(?i)schema:|https?://schema\.org/"


class _Finding(msgspec.Struct, frozen=True):
    """What it is, its value, and the image or video that it is about, empty for the page."""

    kind: str
    value: str
    line: int | None
    about: str = ""


class PointerFindings(Findings):
    """What a head or a page points to."""

    __slots__ = ("identifiers", "offers")

    def __init__(
        self,
        source: ParsedDocument,
        notes: Sequence[Note],
        identifiers: Iterable[Identifier],
        offers: Iterable[Offer],
    ) -> None:
        super().__init__(source.place, tuple(notes))
        self.identifiers = tuple(identifiers)
        self.offers = tuple(offers)


class Pointers(Signal[PointerFindings]):
    """rel=license, JSON-LD, microdata, RDFa and Dublin Core."""

    name = "pointers"
    title = "Pointers to licences"
    reference = "HTML link type license, RFC 4946, schema.org, Dublin Core terms"
    status = Status.DE_FACTO
    since = "2007-07"
    carriers = (
        Carrier("link-header", HEADERS),
        Carrier("link", CONTENT),
        Carrier("meta", CONTENT),
        Carrier("json-ld", CONTENT),
        Carrier("microdata", CONTENT),
        Carrier("rdfa", CONTENT),
    )
    terms = {}
    notes = (MALFORMED,)
    common_fields = {b"link": ("license",)}
    words = (
        *(b"dc.rights", b"dc:rights", b"dcterms.rights", b"dcterms:rights"),
        *(b"dcterms.license", b"dcterms:license", b"citation_doi", b"dc.identifier"),
    )
    # Each is looked for in every script of JSON-LD, so parts of words stand for several.
    element_words = (
        *(b"icense", b"usageInfo", b"copyrightNotice", b"creditText", b":rights", b".rights"),
        *(b"doi.org/", b"isni", b"ISCC:"),
    )

    def parse(self, source: ParsedDocument) -> PointerFindings | None:
        """Read the Link field, or a page's metas, links, properties and scripts."""
        notes: list[Note] = []
        findings: list[_Finding] = []
        if source.place is HEADERS:
            findings += _linked(source)
        else:
            for meta in source.metas:
                if meta.name in ("citation_doi", "dc.identifier"):
                    findings += _called(meta.content, meta.line)
                elif re.match(_DUBLIN, meta.name):
                    findings += _property(source, meta.name, ("", meta.content), meta.line)
            for element in source.page.elements:
                if len(findings) > _MANY:
                    break  # each is kept once, and repetitions are not counted for ever
                findings += islice(_of(source, element, notes), _MANY)
        if not findings and not notes:
            return None
        findings = list(dict.fromkeys(findings))
        return PointerFindings(
            source,
            notes[:_MOST_WORDS],
            (
                self._identifier(source, finding)
                for finding in findings
                if finding.kind not in _OFFERS
            ),
            (self._offer(source, finding) for finding in findings if finding.kind in _OFFERS),
        )

    def settle(self, found: Sequence[PointerFindings], question: Question) -> Settled | None:  # noqa: ARG002
        """Everything, each once; no answer to anything."""
        identifiers = {
            (pointed.scheme, pointed.value): pointed
            for findings in reversed(found)
            for pointed in reversed(findings.identifiers)
        }
        offers = {
            (pointed.kind, pointed.url, pointed.contact, pointed.per): pointed
            for findings in reversed(found)
            for pointed in reversed(findings.offers)
        }
        if not identifiers and not offers:
            return None
        return Settled(
            identifiers=tuple(reversed(identifiers.values()))[:_MOST],
            offers=tuple(reversed(offers.values()))[:_MOST],
        )

    def write(self, intent: Intent) -> tuple[Rendering, ...]:  # noqa: ARG002
        """Nothing: a pointer says neither yes nor no."""
        return ()

    def _identifier(self, source: ParsedDocument, finding: _Finding) -> Identifier:
        # Of an image the scheme says so, and the value which one.
        return Identifier(
            scheme=f"media-{finding.kind}" if finding.about else finding.kind,
            value=shorten(f"{finding.value} ({finding.about})" if finding.about else finding.value),
            signal=self.name,
            document=source.document.url,
            line=finding.line,
        )

    def _offer(self, source: ParsedDocument, finding: _Finding) -> Offer:
        by_mail = finding.value.startswith("mailto:")
        return Offer(
            kind=finding.kind,
            signal=self.name,
            url=None if by_mail else finding.value,
            contact=finding.value.removeprefix("mailto:").partition("?")[0] if by_mail else None,
            per=shorten(finding.about) or None,
            document=source.document.url,
            line=finding.line,
        )


def _linked(source: ParsedDocument) -> Iterable[_Finding]:
    """Links of the head that are about the page (RFC 8288 §3.2); RSL's own are not for here."""
    for link in links(", ".join(source.document.fields.get("link", ()))):
        about = link.attributes.get("anchor", "")
        if "license" in link.rels and link.type != _RSL and _is_page(source, about):
            yield from _pointer(source, "licence", _target(source, link.target), None)


def _of(source: ParsedDocument, element: Element, notes: list[Note]) -> Iterable[_Finding]:
    """A script, or an element with a relation or a property."""
    attributes, line = element.attributes, element.line
    media_type = attributes.get("type", "").partition(";")[0].strip().lower()
    if element.tag == "script":
        if media_type == _LD_JSON:
            try:
                found = nodes(element.text)
            except MalformedJsonLdError as error:
                notes.append(source.note(MALFORMED, str(error), line))
                return
            for node in found:
                yield from _of_node(source, node, line)
        return
    if not _is_page(source, attributes.get("about", "")):
        return
    target = _target(source, attributes.get("href") or attributes.get("resource", ""))
    text = attributes.get("content") or element.text
    for rel in attributes.get("rel", "").lower().split()[:_MOST_WORDS]:
        if rel == "license" and media_type != _RSL:
            yield from _pointer(source, "licence", target, line)
        elif re.match(_DUBLIN, rel):
            yield from _property(source, rel, (target, ""), line)
    for property_ in ("itemprop", "property"):
        for name in attributes.get(property_, "").split()[:_MOST_WORDS]:
            yield from _property(source, name, (target, text), line)


def _target(source: ParsedDocument, reference: str) -> str:
    """Where a link leads: an absolute URL or a mail address, else nothing."""
    if reference.lower().startswith("mailto:"):
        return reference
    return source.absolute(reference) or ""


def _property(
    source: ParsedDocument, name: str, values: tuple[str, str], line: int | None
) -> Iterable[_Finding]:
    """A property of schema.org or Dublin Core, with where it links to and the text it has."""
    kind = _KINDS.get(re.sub(_SCHEMA, "", re.sub(_DUBLIN, "", name)).lower())
    if kind:
        target, text = values
        value = text or target if kind in _TEXTS else target or text
        yield from _pointer(source, kind, value, line)


def _of_node(source: ParsedDocument, node: Node, line: int | None) -> Iterable[_Finding]:
    if node.part != "maker":
        about = ""
        if node.part == "media":
            named = (*node.texts("contentUrl"), *node.texts("url"), *node.texts("@id"), "")
            about = source.absolute(named[0]) or ""
            if not about:
                return  # nobody could tell which image is meant
        for name in _NAMES:
            for value in node.texts(name, "url", "@id", "name"):
                yield from _pointer(source, _KINDS[name.lower()], value, line, about)
        if about:
            return
    for name in ("identifier", "sameAs", "@id"):
        for value in node.texts(name, "value", "@id", "url"):
            yield from _called(value, line)


def _pointer(
    source: ParsedDocument, kind: str, value: str, line: int | None, about: str = ""
) -> Iterable[_Finding]:
    """One pointer in its normal form; nothing where it points nowhere."""
    value = " ".join(value.split())
    url = source.absolute(value) if value.lower().startswith(_URL) else None
    if kind in _OFFERS:
        if value.lower().startswith("mailto:") and "@" in value:
            yield _Finding(kind, "mailto:" + shorten(value[7:]), line, about)
        elif url:
            yield _Finding(kind, url, line, about)
    elif kind == "licence" or (url and value.lower().startswith(_URL[:2])):
        # Dublin Core's rights may be a statement or where one stands.
        if url or value:
            yield _Finding("licence", url or shorten(value), line, about)
    elif value:
        yield _Finding(kind, shorten(value), line, about)


def _called(value: str, line: int | None) -> Iterable[_Finding]:
    for scheme, name in identified(value):
        yield _Finding(scheme, name, line)


def _is_page(source: ParsedDocument, about: str) -> bool:
    return not about or source.is_own(about)
