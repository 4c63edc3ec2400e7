"""Hosts whose files speak for themselves: XMP, EPUB, PDF, a C2PA manifest.

Shown where the extra ``[media]`` is installed. Beside every file stands what must happen
to it.
"""

import io
import struct
import zipfile
import zlib
from importlib.resources import files

from reservation_middleware.syntax.media import TYPES

from .page import BLOCK, CONTENT, PROCEED, Expect, SiteHost, document

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_PLUS = "http://ns.useplus.org/ldf/vocab/"


def _xmp(elements: str) -> bytes:
    return (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}"><rdf:Description '
        'rdf:about="" xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/" '
        'xmlns:tdm="http://www.w3.org/ns/tdmrep/" xmlns:rsl="https://rslstandard.org/rsl">'
        f"{elements}</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def _png(packet: bytes) -> bytes:
    """A grey point with XMP in an iTXt chunk."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)),
            chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet),
            chunk(b"IDAT", zlib.compress(b"\0\x80")),
            chunk(b"IEND", b""),
        )
    )


def _pdf(packet: bytes) -> bytes:
    """A page without content; XMP is the metadata of its catalogue."""
    objects = (
        b"<</Type/Catalog/Pages 2 0 R/Metadata 4 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 10 10]>>",
        b"<</Type/Metadata/Subtype/XML/Length %d>>stream\n%b\nendstream" % (len(packet), packet),
    )
    body = b"%PDF-1.7\n"
    table = b"xref\n0 5\n0000000000 65535 f \n"
    for number, content in enumerate(objects, 1):
        table += b"%010d 00000 n \n" % len(body)
        body += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    trailer = b"trailer\n<</Size 5/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % len(body)
    return body + table + trailer


def _epub(metadata: str) -> bytes:
    """A book without chapters."""
    container = (
        '<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">'
        '<rootfiles><rootfile full-path="p.opf" media-type="application/oebps-package+xml"/>'
        "</rootfiles></container>"
    )
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0" '
        'prefix="tdm: http://www.w3.org/ns/tdmrep#"><metadata '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:rsl="https://rslstandard.org/rsl">'
        f"<dc:title>A book</dc:title>{metadata}</metadata><manifest/><spine/></package>"
    )
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr("META-INF/container.xml", container)
        archive.writestr("p.opf", package)
    return made.getvalue()


def _rsl(url: str) -> str:
    return (
        f'<rsl:rsl><rsl:content url="{url}"><rsl:license><rsl:prohibits type="usage">ai-train'
        "</rsl:prohibits></rsl:license></rsl:content></rsl:rsl>"
    )


_MINING = '<plus:DataMining rdf:resource="' + _PLUS + '{}"/>'

HOSTS: tuple[SiteHost, ...] = ()
if "application/pdf" in TYPES and "image/png" in TYPES:
    HOSTS = (
        SiteHost(
            "agency.example",
            "pictures that say in their own metadata what they may be used for",
            {},
            (
                document(
                    "/press/1.png",
                    Expect(BLOCK, CONTENT, "plus"),
                    "image/png",
                    _png(_xmp(_MINING.format("DMI-PROHIBITED-EXCEPTSEARCHENGINEINDEXING"))),
                ),
                document(
                    "/press/2.png",
                    Expect(PROCEED, CONTENT, "plus"),
                    "image/png",
                    _png(_xmp(_MINING.format("DMI-ALLOWED"))),
                ),
                document(
                    "/press/3.png",
                    Expect(BLOCK, CONTENT, "rsl"),
                    "image/png",
                    _png(_xmp(_rsl("http://agency.example/press/3.png"))),
                ),
                document(
                    "/press/4.png",
                    Expect(BLOCK, CONTENT, "tdmrep"),
                    "image/png",
                    _png(_xmp("<tdm:reservation>1</tdm:reservation>")),
                ),
                # Signed with a certificate that was made for this file.
                document(
                    "/press/5.jpg",
                    Expect(BLOCK, CONTENT, "cawg"),
                    "image/jpeg",
                    files(__package__).joinpath("signed.jpg").read_bytes(),
                ),
            ),
        ),
        SiteHost(
            "bookshop.example",
            "books and papers that carry their own reservation",
            {},
            (
                document(
                    "/novel.epub",
                    Expect(BLOCK, CONTENT, "tdmrep"),
                    "application/epub+zip",
                    _epub('<meta property="tdm:reservation">1</meta>'),
                ),
                document(
                    "/poems.epub",
                    Expect(BLOCK, CONTENT, "rsl"),
                    "application/epub+zip",
                    _epub(_rsl("http://bookshop.example/poems.epub")),
                ),
                document(
                    "/paper.pdf",
                    Expect(BLOCK, CONTENT, "tdmrep"),
                    "application/pdf",
                    _pdf(_xmp("<tdm:reservation>1</tdm:reservation>")),
                ),
            ),
        ),
    )
