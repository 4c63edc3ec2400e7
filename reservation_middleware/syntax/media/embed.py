"""Puts one XMP property into a JPEG or PNG, every other octet of the file chunks.

Here: where a packet goes, and how a packet that is there gets the property. Not here: what the
property means. No pixel is decoded. Reference:
https://github.com/adobe/XMP-Toolkit-SDK/blob/main/docs/XMPSpecificationPart3.pdf
"""

import zlib
from struct import pack

from lxml import etree

from reservation_middleware.syntax.xml import XmlError, parse

from .image import LONGEST
from .xmp import RDF

_META = "adobe:ns:meta/"
_PACKET = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>{}\n<?xpacket end="w"?>'
_EMPTY = f'<x:xmpmeta xmlns:x="{_META}"><rdf:RDF xmlns:rdf="{RDF}"/></x:xmpmeta>'
_JPEG_XMP = b"http://ns.adobe.com/xap/1.0/\0"
#: An APP1 segment's length has two octets, which count themselves.
_MOST_OF_SEGMENT = 0xFFFF - 2
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_XMP = b"XML:com.adobe.xmp\0"
_ALONE = (0x01, *range(0xD0, 0xD8))


class EmbedError(ValueError):
    """Why a property could not be put into a file, in a few words."""


def embed(body: bytes, namespace: str, name: str, value: str, *, prefix: str) -> bytes:
    """The file with the property; one of the same name that is there is replaced.

    Raises:
        EmbedError: it is neither JPEG nor PNG, or cannot be read or written.
    """
    if body.startswith(b"\xff\xd8\xff"):
        return _into_jpeg(body, namespace, name, value, prefix)
    if body.startswith(_PNG):
        return _into_png(body, namespace, name, value, prefix)
    raise EmbedError("neither JPEG nor PNG")


def _packet(old: bytes | None, namespace: str, name: str, value: str, prefix: str) -> bytes:
    """A packet with the property, and all that another packet holds."""
    try:
        root = parse(old if old is not None else _EMPTY.encode())
    except XmlError as error:
        raise EmbedError(f"its XMP cannot be read: {error}") from None
    rdf = next(iter(root.iter(f"{{{RDF}}}RDF")), None)
    if rdf is None:
        raise EmbedError("its XMP has no rdf:RDF")
    tag, about = f"{{{namespace}}}{name}", _about(rdf)
    for node in list(rdf.iter(etree.Element)):
        node.attrib.pop(tag, None)
        if node.tag == tag and (parent := node.getparent()) is not None:
            parent.remove(node)
    for node in list(rdf.iterchildren(f"{{{RDF}}}Description")):
        if not len(node) and set(node.attrib) <= {f"{{{RDF}}}about"}:
            rdf.remove(node)  # one that held nothing else
    node = etree.SubElement(rdf, f"{{{RDF}}}Description", nsmap={prefix: namespace})
    node.set(f"{{{RDF}}}about", about)
    node.set(tag, value)
    packet = _PACKET.format(etree.tostring(root, encoding="unicode")).encode()
    if len(packet) > LONGEST:
        raise EmbedError("its XMP is too long")
    return packet


def _about(rdf: etree._Element) -> str:
    """What the descriptions of a packet are about: they must all name the same (part 1, §7.4)."""
    for node in rdf.iterchildren(f"{{{RDF}}}Description"):
        about = node.get(f"{{{RDF}}}about")
        if about is not None:
            return about
    return ""


def _into_jpeg(body: bytes, namespace: str, name: str, value: str, prefix: str) -> bytes:
    """APP1 with the packet stands where the old one stood, else before all but APP0 and Exif."""
    at, place, old = 2, 2, None
    head = bytearray()
    while True:
        if body[at : at + 1] != b"\xff":
            raise EmbedError("no marker where one is due")
        while body[at + 1 : at + 2] == b"\xff":
            at += 1
        if at + 1 >= len(body):
            raise EmbedError("the file is cut off")
        marker = body[at + 1]
        if marker in (0xDA, 0xD9):
            break
        length = 0 if marker in _ALONE else int.from_bytes(body[at + 2 : at + 4], "big")
        end = at + 2 + length
        if end > len(body) or (length < 2 and marker not in _ALONE):
            raise EmbedError("the file is cut off")
        content = body[at + 4 : end]
        if marker == 0xE1 and content.startswith(_JPEG_XMP):
            if old is not None:
                raise EmbedError("it has several packets of XMP")
            old, place = content[len(_JPEG_XMP) :], 2 + len(head)
        else:
            head += body[at:end]
            if marker == 0xE0 or (marker == 0xE1 and content.startswith(b"Exif")):
                place = 2 + len(head) if old is None else place
        at = end
    packet = _JPEG_XMP + _packet(old, namespace, name, value, prefix)
    if len(packet) > _MOST_OF_SEGMENT:
        raise EmbedError("its XMP is too long for one segment")
    segment = b"\xff\xe1" + pack(">H", len(packet) + 2) + packet
    return body[:2] + bytes(head[: place - 2]) + segment + bytes(head[place - 2 :]) + body[at:]


def _into_png(body: bytes, namespace: str, name: str, value: str, prefix: str) -> bytes:
    """An iTXt chunk stands behind IHDR, and an old one is taken out."""
    at, old = len(_PNG), None
    chunks: list[bytes] = []
    while at + 12 <= len(body) and (not chunks or chunks[-1][4:8] != b"IEND"):
        end = at + 12 + int.from_bytes(body[at : at + 4], "big")
        if end > len(body):
            raise EmbedError("the file is cut off")
        content = body[at + 8 : end - 4]
        if body[at + 4 : at + 8] == b"iTXt" and content.startswith(_PNG_XMP):
            if old is not None:
                raise EmbedError("it has several packets of XMP")
            old = _png_text(content[len(_PNG_XMP) :])
        else:
            chunks.append(body[at:end])
        at = end
    if chunks and chunks[-1][4:8] != b"IEND":
        raise EmbedError("the file is cut off")
    if not chunks or chunks[0][4:8] != b"IHDR":
        raise EmbedError("no header where one is due")
    packet = _packet(old, namespace, name, value, prefix)
    text = b"iTXt" + _PNG_XMP + b"\0\0\0\0" + packet
    chunk = pack(">I", len(text) - 4) + text + pack(">I", zlib.crc32(text))
    return _PNG + chunks[0] + chunk + b"".join(chunks[1:]) + body[at:]


def _png_text(content: bytes) -> bytes:
    """The text of an iTXt chunk, what follows its keyword given: flags, language, translation."""
    packed, rest = content[:1] == b"\1", content[2:]
    _, _, rest = rest.partition(b"\0")
    _, _, text = rest.partition(b"\0")
    if not packed:
        return text
    try:
        unpacker = zlib.decompressobj()
        text = unpacker.decompress(text, LONGEST)
    except zlib.error:
        raise EmbedError("its XMP cannot be unpacked") from None
    if unpacker.unconsumed_tail:
        raise EmbedError("its XMP is too long")
    return text
