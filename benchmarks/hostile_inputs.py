"""What an input of `hostile` is, and how one is made: documents of every kind that a site sends.

Here: writers. Not here: which inputs there are (``hostile_cases.py``), what is measured
(``hostile.py``).
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from itertools import count
from typing import NamedTuple

from reservation_middleware import Document, Outcome
from reservation_middleware.model import PAGE

ORIGIN = "https://a.example"
#: Bytes of robots.txt that are read, and of most other files.
CAP = 512 * 1024
RSL = "https://rslstandard.org/rsl"


class Case(NamedTuple):
    """Documents, the page they are about, and who asks."""

    documents: tuple[Document, ...]
    url: str = f"{ORIGIN}/x"
    agents: int = 1
    profile: str = "strict"

    @property
    def size(self) -> int:
        """Bytes that a site or a link sent."""
        return len(self.url) + sum(
            len(document.body or b"") + sum(len(n) + len(v) for n, v in document.headers)
            for document in self.documents
        )


#: Makes an input; 1.0 is its full size.
Builder = Callable[[float], Case]


def document(
    path: str,
    resource: str,
    body: bytes | None,
    headers: tuple[tuple[str, str], ...] = (),
    status: int = 200,
) -> Document:
    """A document of the origin."""
    return Document(
        url=ORIGIN + path,
        resource=resource,
        outcome=Outcome.FETCHED,
        status=status,
        body=body,
        headers=headers,
    )


def robots(text: str | bytes, path: str = "/x") -> Case:
    """A robots.txt, and a page of its site."""
    body = text.encode() if isinstance(text, str) else text
    return Case((document("/robots.txt", "robots.txt", body),), ORIGIN + path)


def page(text: str | None, *headers: tuple[str, str]) -> Case:
    """A page with its head."""
    body = None if text is None else text.encode()
    return Case((document("/x", PAGE, body, (("content-type", "text/html"), *headers)),))


def lines(size: float, pattern: str, start: str = "User-agent: *\n") -> str:
    """``start`` and as many numbered lines as fit into a size."""
    found, room = [start], size - len(start)
    for number in count():
        line = pattern.replace("#", str(number))
        room -= len(line)
        if room < 0:
            return "".join(found)
        found.append(line)
    raise AssertionError


def many(pattern: str, number: float) -> str:
    return "".join(pattern.replace("#", str(n)) for n in range(int(number)))


def response(status: int, *headers: tuple[str, str], body: bytes | None = None) -> Case:
    return Case((document("/x", PAGE, body, headers, status),))


def site_file(path: str, resource: str, text: str) -> Case:
    return Case((document(path, resource, text.encode()),))


def rsl(contents: str) -> Case:
    return linked_rsl(f'<rsl xmlns="{RSL}">{contents}</rsl>')


def linked_rsl(text: str) -> Case:
    pointer = f"License: {ORIGIN}/rsl.xml\nUser-agent: *\nAllow: /\n"
    return Case(
        (
            document("/robots.txt", "robots.txt", pointer.encode()),
            document("/rsl.xml", "rsl", text.encode()),
        )
    )


def content(inner: str = "", url: str = "/*", permits: str = "search") -> str:
    return (
        f'<content url="{url}"><license><permits type="usage">{permits}</permits>'
        f"{inner}</license></content>"
    )


def feed(items: str) -> Case:
    text = f'<rss xmlns:rsl="{RSL}"><channel>{items}</channel></rss>'
    return Case((document("/x", PAGE, text.encode(), (("content-type", "application/rss+xml"),)),))


def policy(text: str) -> Case:
    rule = f'[{{"location":"/","tdm-reservation":1,"tdm-policy":"{ORIGIN}/p.json"}}]'
    return Case(
        (
            document("/.well-known/tdmrep.json", "tdmrep.json", rule.encode()),
            document(
                "/p.json", "tdm-policy", text.encode(), (("content-type", "application/ld+json"),)
            ),
        )
    )


def scripts(*texts: str) -> Case:
    return page("".join(f'<script type="application/ld+json">{text}</script>' for text in texts))


def nested(depth: float, start: str, middle: str, end: str) -> str:
    return start * int(depth) + middle + end * int(depth)


def xmp(inner: str) -> bytes:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        'xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/"><rdf:Description rdf:about="">'
        f"{inner}</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def chunk(kind: bytes, content: bytes) -> bytes:
    """One chunk of a PNG."""
    check = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + check


def png_of(chunks: bytes) -> bytes:
    """A PNG of some chunks and no picture."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunks + chunk(b"IEND", b"")


def png(packet: bytes, *, packed: bool = False) -> bytes:
    text = zlib.compress(packet) if packed else packet
    return png_of(chunk(b"iTXt", b"XML:com.adobe.xmp\0" + bytes((packed, 0)) + b"\0\0" + text))


def jpeg(*segments: bytes) -> bytes:
    parts = (b"\xff\xe1" + struct.pack(">H", len(one) + 2) + one for one in segments)
    return b"\xff\xd8" + b"".join(parts) + b"\xff\xd9"


def image(body: bytes, media_type: str = "image/png") -> Case:
    return Case((document("/x", PAGE, body, (("content-type", media_type),)),))


def epub(package: str) -> bytes:
    made_file = io.BytesIO()
    with zipfile.ZipFile(made_file, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        made.writestr(
            "META-INF/container.xml",
            '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
            '<rootfile full-path="p.opf"/></rootfiles></container>',
        )
        made.writestr("p.opf", package)
    return made_file.getvalue()


def pdf(packet: bytes) -> bytes:
    import pikepdf  # noqa: PLC0415 - only with the extra

    made_file = io.BytesIO()
    with pikepdf.new() as made:
        stream = made.make_stream(packet)
        stream.Type, stream.Subtype = pikepdf.Name.Metadata, pikepdf.Name.XML
        made.Root.Metadata = stream
        made.save(made_file)
    return made_file.getvalue()


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + kind + content


def store(boxes: float) -> bytes:
    """A manifest store of nothing but descriptions, in JPEG segments."""
    description = _box(b"jumd", b"c2pa" + bytes(12) + b"\x03c2pa\0")
    store = _box(b"jumb", description + _box(b"jumb", description) * int(boxes))
    parts = [store[at : at + 60_000] for at in range(0, len(store), 60_000)]
    return b"\xff\xd8" + b"".join(
        b"\xff\xeb"
        + struct.pack(">H", len(part) + 2 + 8 + (8 if number > 1 else 0))
        + b"JP\0\1"
        + struct.pack(">I", number)
        + (store[:8] if number > 1 else b"")
        + part
        for number, part in enumerate(parts, 1)
    ) + b"\xff\xd9"  # fmt: skip
