"""Who licenses a file, and what the work is called, in the words of PLUS (``plus.py``)."""

import re
from collections.abc import Iterable, Iterator

from reservation_middleware.model import Identifier, Offer
from reservation_middleware.syntax.media import Media, Property

from .base import ParsedDocument, shorten

PLUS = "http://ns.useplus.org/ldf/xmp/1.0/"
RIGHTS = "http://ns.adobe.com/xap/1.0/rights/"
_MM = "http://ns.adobe.com/xap/1.0/mm/"
_PRISM = "http://prismstandard.org/namespaces/"
_SCHEMES = {
    (_MM, "DocumentID"): "xmp-document",
    (_MM, "InstanceID"): "xmp-instance",
    (_MM, "OriginalDocumentID"): "xmp-original",
    ("http://ns.adobe.com/pdfx/1.3/", "doi"): "doi",
    ("http://crossref.org/crossmark/1.0/", "DOI"): "doi",
}
#: Properties whose values may be identifiers of any scheme.
_MIXED = (
    *(
        ("http://purl.org/dc/elements/1.1/", "identifier"),
        ("http://ns.adobe.com/xap/1.0/", "Identifier"),
    ),
    *((PLUS, name) for name in ("ImageCreatorID", "CopyrightOwnerID", "LicensorID")),
)
_KINDS = (
    (
        "doi",
        re.compile(r"(?:doi:|https?://(?:dx\.)?doi\.org/)?\s*(10\.\d{4,9}/\S+)", re.IGNORECASE),
    ),
    ("iscc", re.compile(r"(ISCC:[A-Z2-7]{10,80})", re.IGNORECASE)),
    (
        "isni",
        re.compile(
            r"(?:(?:urn:)?isni[: ]\s*|https?://(?:www\.)?isni\.org/(?:isni/)?)"
            r"((?:\d{4}[ -]?){3}\d{3}[\dX])",
            re.IGNORECASE,
        ),
    ),
)


def offers(source: ParsedDocument, file: Media, signal: str) -> Iterator[Offer]:
    """The licensor, and where the terms stand; with or without a reservation beside them."""
    where = source.document.url
    for one in _each((*file.xmp, *file.inner), PLUS):
        if one.name == "LicensorURL" and (url := _http(one.value)):
            yield Offer(kind="contact", signal=signal, url=url, contact=url, document=where)
        contact = None
        if one.name == "LicensorEmail":
            found = _MAIL.fullmatch(one.value)
            contact = found and found[1]
        elif one.name in ("LicensorTelephone1", "LicensorTelephone2"):
            found = _PHONE.fullmatch(one.value)
            contact = found and "tel:" + re.sub(r"[^+\d]", "", found[1])
        if contact:
            yield Offer(kind="contact", signal=signal, contact=contact, document=where)
    for one in _each(file.xmp, RIGHTS):
        if one.name == "WebStatement" and (url := _http(one.value)):
            yield Offer(kind="policy", signal=signal, url=url, document=where)


_MAIL = re.compile(r"\s*(?:mailto:)?([^\s@<>]{1,64}@[^\s@<>]{1,255})\s*", re.IGNORECASE)
_PHONE = re.compile(r"\s*(?:tel:)?\s*(\+?\d[\d ()./-]{3,40})\s*", re.IGNORECASE)


def identifiers(source: ParsedDocument, file: Media, signal: str) -> Iterator[Identifier]:
    """What the work, the file and their people are called."""
    for one in (*file.xmp, *_each(file.inner, PLUS)):
        scheme = _SCHEMES.get((one.namespace, one.name))
        value: str | None = one.value
        if one.namespace.startswith(_PRISM) and one.name == "doi":
            scheme = "doi"
        if scheme == "doi" or (one.namespace, one.name) in _MIXED:
            scheme, value = _identified(one.value)
        if scheme and value:
            yield Identifier(
                scheme=scheme, value=shorten(value), signal=signal, document=source.document.url
            )


def _each(properties: Iterable[Property], namespace: str) -> Iterator[Property]:
    return (one for one in properties if one.namespace == namespace)


def _identified(value: str) -> tuple[str | None, str | None]:
    """The scheme of an identifier that says it, and the identifier without its prefix."""
    for scheme, pattern in _KINDS:
        found = pattern.fullmatch(value.strip()[:400])
        if found:
            return scheme, found[1]
    return None, None


def _http(value: str) -> str | None:
    """A URL as it stands in a file, which has no base; None if it is none."""
    value = value.strip()
    plain = value.isprintable() and not re.search(r"\s", value) and len(value) <= 2048
    return value if plain and re.match(r"https?://[^/]", value, re.IGNORECASE) else None
