"""Fuzz input that is a file: images, PDF and EPUB, put together wrong, and bombs.

Here: writers of files that are nearly right. Not here: their metadata (tests/fuzz_inputs.py)
or what must hold (tests/fuzz.py). Needs what tests/media_files.py needs.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Sequence
from functools import cache
from random import Random

import media_files as make
from fuzz_text import mangled

MIB = 1024 * 1024
_WRONG = (0, 1, 2, 3, 7, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


@cache
def packed(mib: int, unit: bytes = b" ", level: int = 9) -> bytes:
    """Many octets in few, zlib."""
    packer = zlib.compressobj(level)
    block = unit * (MIB // len(unit))
    return b"".join([*(packer.compress(block) for _ in range(mib)), packer.flush()])


def _wrong(rng: Random, number: int, size: int = 4) -> int:
    """A number, or now and then a wrong one."""
    if rng.random() > 0.04:
        return number
    wrong: int = rng.choice((*_WRONG, number + 1, max(0, number - 1)))
    return wrong % (1 << 8 * size)


def _mostly(rng: Random, right: str, *wrong: str) -> str:
    return right if rng.random() < 0.85 else rng.choice(wrong)


def _bomb(rng: Random) -> int:
    return rng.choice((1, 3, 4, 20, 150))


# --- images -------------------------------------------------------------------------------


def jpeg(rng: Random, packet: bytes) -> bytes:
    """A JPEG with XMP: one segment, several, or extended ones that do not fit together."""
    body = _image("jpeg")
    parts = []
    for _ in range(rng.choice((1, 1, 1, 2, 20))):
        match rng.randrange(6):
            case 0:
                name, size = b"A" * 32, rng.choice((100, 1000, 60_000))
                cuts = list(range(0, len(packet), size))[:40]
                rng.shuffle(cuts) if rng.random() < 0.3 else None
                parts += [
                    b"http://ns.adobe.com/xmp/extension/\0"
                    + name
                    + struct.pack(">II", _wrong(rng, len(packet)), _wrong(rng, at))
                    + packet[at : at + size]
                    for at in cuts
                ]
            case 1:
                parts.append(rng.randbytes(rng.choice((0, 5, 3000))))
            case _:
                parts.append(b"http://ns.adobe.com/xap/1.0/\0" + packet[:65_000])
    segments = b"".join(
        b"\xff" * rng.choice((1, 1, 1, 3))
        + bytes([0xE1 if rng.random() < 0.97 else rng.randrange(256)])
        + struct.pack(">H", _wrong(rng, len(part[:65_533]) + 2, 2))
        + part[:65_533]
        for part in parts
    )
    if rng.random() < 0.01:
        segments *= rng.choice((100, 20_000)) if len(segments) < 200 else 30
    return body[:2] + segments + body[2:]


def png(rng: Random, packet: bytes) -> bytes:
    """A PNG with XMP in one of its ways, before or behind the picture, packed or as a bomb."""
    body = _image("png")
    chunks = []
    for _ in range(rng.choice((1, 1, 1, 2, 20))):
        text = zlib.compress(packet, 1)
        if rng.random() < 0.02:
            text = packed(_bomb(rng))
        elif rng.random() < 0.1:
            text = mangled(rng, text)
        keyword = rng.choice((b"XML:com.adobe.xmp", b"Raw profile type xmp", b"Comment"))
        match rng.randrange(5):
            case 0:
                chunks.append((b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + text))
            case 1:
                hexed = packet.hex().encode()
                raw = b"\nxmp\n%8d\n" % _wrong(rng, len(packet)) + hexed + rng.choice((b"", b"g"))
                chunks.append((b"tEXt", keyword + b"\0" + raw))
            case 2:
                hexed = b"\nxmp\n%8d\n" % len(packet) + packet.hex().encode()
                one = zlib.compress(hexed, 1) if rng.random() < 0.9 else text
                chunks.append((b"zTXt", keyword + b"\0\0" + one))
            case _:
                chunks.append((b"iTXt", keyword + b"\0\0\0en\0titre\0" + packet))
    made = b"".join(
        struct.pack(">I", _wrong(rng, len(content))) + kind + content + b"crc?"
        for kind, content in chunks
    )
    at = rng.choice((33, len(body) - 12, len(body), 8))
    return body[:at] + made + body[at:]


def webp(rng: Random, packet: bytes) -> bytes:
    """A WebP with XMP chunks."""
    body = _image("webp")
    chunks = b"".join(
        rng.choice((b"XMP ", b"XMP ", b"EXIF", b"xmp "))
        + struct.pack("<I", _wrong(rng, len(packet)))
        + packet
        + b"\0" * (len(packet) % 2)
        for _ in range(rng.choice((1, 1, 2, 20)))
    )
    if rng.random() < 0.01:
        chunks += b"XMP \0\0\0\0" * 120_000
    return body[:4] + struct.pack("<I", _wrong(rng, len(body) + len(chunks))) + body[8:] + chunks


def gif(rng: Random, packet: bytes) -> bytes:
    """A GIF with XMP in extensions, whose end and whose blocks may lie."""
    ends = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
    blocks = [
        b"!\xff\x0b"
        + rng.choice((b"XMP DataXMP", b"XMP DataXMP", b"NETSCAPE2.0"))
        + packet
        + rng.choice((ends, ends, ends, ends[:5], b"\0", b""))
        for _ in range(rng.choice((1, 1, 2, 20)))
    ]
    blocks += rng.choices(
        (b"!\xfe\5hello\0", b"," + bytes(9) + b"\2\2L\1\0", b"!\xf9\4\0\0\0\0\0", b"x", b";"),
        (5, 5, 5, 1, 1),
        k=rng.randrange(4),
    )
    rng.shuffle(blocks)
    if rng.random() < 0.01:
        blocks.append(b"!\xfe\1x\0" * 120_000)
    flags = rng.choice((0, 0, 0x80, 0x87, 0xFF))
    head = rng.choice((b"GIF89a", b"GIF89a", b"GIF87a")) + struct.pack("<HHBBB", 1, 1, flags, 0, 0)
    colours = 3 << ((flags & 7) + 1) if flags & 0x80 else 0
    return head + bytes(_wrong(rng, colours, 2)) + b"".join(blocks) + b";"


def tiff(rng: Random, packet: bytes) -> bytes:
    """A TIFF of either order, small or big, with a directory that may lie."""
    order = rng.choice("<>")
    big = rng.random() < 0.3
    entry = f"{order}HH{'QQ' if big else 'II'}"
    count = _wrong(rng, rng.choice((1, 1, 2, 300)), 2)
    start = 16 if big else 8
    directory = start + len(packet)
    head = struct.pack(
        f"{order}2sH{'HHQ' if big else 'I'}",
        b"II" if order == "<" else b"MM",
        *((43, 8, 0, _wrong(rng, directory)) if big else (42, _wrong(rng, directory))),
    )
    entries = b"".join(
        struct.pack(
            entry,
            rng.choice((700, 700, 256, 0xFFFF)),
            rng.choice((1, 7, 2, 4, 13, 0)),
            _wrong(rng, len(packet)),
            _wrong(rng, start),
        )
        for _ in range(min(count, 5000))
    )
    return head + packet + struct.pack(f"{order}{'Q' if big else 'H'}", count) + entries + b"\0" * 8


@cache
def _image(kind: str) -> bytes:
    made: bytes = getattr(make, kind)()
    return made


# --- EPUB ---------------------------------------------------------------------------------

_OCF = "urn:oasis:names:tc:opendocument:xmlns:container"


def epub(rng: Random, metadata: str) -> bytes:
    """An EPUB with package metadata: whole, or with an archive that lies or bursts."""
    path = rng.choice(
        ("p.opf", "OEBPS/p.opf", "../p.opf", "/etc/passwd", "é.opf", "x" * 60_000, "")
    )
    prefix = rng.choice(
        (
            "",
            'prefix="tdm: http://www.w3.org/ns/tdmrep/"',
            'prefix="tdm:http://www.w3.org/ns/tdmrep# x: y"',
            'prefix="x: x: x:"',
        )
    )
    package = (
        f'<package xmlns="http://www.idpf.org/2007/opf" version="3.0" {prefix}>'
        f"<metadata>{metadata}</metadata></package>"
    ).encode("utf-8", "surrogatepass")
    rootfile = '<rootfile full-path="{}" media-type="application/oebps-package+xml"/>'
    roots = rootfile.format(path) * rng.choice((1, 1, 1, 0, 3, 5000 if len(path) < 99 else 9))
    if rng.random() < 0.1:
        roots += "".join(rootfile.format(f"p{n}.opf") for n in range(10))
    container = f'<container xmlns="{_OCF}"><rootfiles>{roots}</rootfiles></container>'.encode()
    members = [("META-INF/container.xml", container), (path, package)]
    members += [(f"p{n}.opf", package) for n in range(rng.choice((0, 0, 5)))]
    match rng.randrange(30):
        case 0:
            members[0] = (members[0][0], mangled(rng, container))
        case 1:
            members.append(("inner.epub", make.epub() * 20))
        case 2:
            members[rng.randrange(2)] = ("META-INF/container.xml", make.epub())
        case 3:
            members += [(f"{n}" * 5, b"") for n in range(rng.choice((100, 3000)))]
        case 4:
            members += [("n" * 65_000 + str(n), b"") for n in range(20)]
        case 5:
            members += members
        case 6:
            rng.shuffle(members)
        case 7:
            members[1] = (path, mangled(rng, package))
        case 8:
            deep = rng.choice((50, 200, 20_000))
            members[1] = (path, b"<package>" * deep + b"</package>" * deep)
        case _:
            pass
    kind = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_DEFLATED))
    if len(members) < 50 and rng.random() < 0.03:
        kind = rng.choice((zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
    body = bytearray(_zipped(members, kind, streamed=rng.random() < 0.2))
    if rng.random() < 0.04:
        body = bytearray(zip_bomb(_bomb(rng), honest=rng.random() < 0.5, nested=rng.random() < 0.3))
    if rng.random() < 0.5:
        _lie(rng, body)
    return bytes(body)


def _zipped(members: Sequence[tuple[str, bytes]], kind: int, *, streamed: bool) -> bytes:
    """An archive; one written to a stream has data descriptors behind its members."""
    out = _Stream() if streamed else io.BytesIO()
    with zipfile.ZipFile(out, "w", kind, compresslevel=1) as archive:
        archive.writestr(_info("mimetype", zipfile.ZIP_STORED), "application/epub+zip")
        for name, content in members:
            one = _info(name, kind)
            # writestr warns of a name that was there before; two of it are meant here.
            archive.NameToInfo.pop(one.filename, None)
            archive.writestr(one, content)
    return out.getvalue()


def _info(name: str, kind: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.compress_type = kind
    return info


class _Stream(io.BytesIO):
    """A file that cannot go back."""

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        raise OSError

    def seek(self, *_: int) -> int:
        raise OSError


def zip_bomb(mib: int, *, honest: bool, nested: bool) -> bytes:
    """An EPUB whose container unpacks to much more; it may say that it is short."""
    body = bytearray(_bomb_of(mib, nested))
    if not honest:
        for mark, at in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
            where = body.rfind(mark)
            body[where + at : where + at + 4] = struct.pack("<I", 1000)
    return bytes(body)


@cache
def _bomb_of(mib: int, nested: bool) -> bytes:
    content = _bomb_of(mib, False) if nested else b"<!-- " + b" " * (mib * MIB)
    member = ("META-INF/container.xml", content)
    return _zipped([member], zipfile.ZIP_DEFLATED, streamed=False)


#: Offsets and sizes of fields: flags, method, checksum, sizes, lengths of names, offsets.
_FIELDS = {
    b"PK\3\4": ((6, 2), (8, 2), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2)),
    b"PK\1\2": (
        *((8, 2), (10, 2), (16, 4), (20, 4), (24, 4)),
        *((28, 2), (30, 2), (32, 2), (42, 4)),
    ),
    b"PK\5\6": ((4, 2), (8, 2), (10, 2), (12, 4), (16, 4), (20, 2)),
    b"PK\7\x08": ((4, 4), (8, 4), (12, 4)),
}


def _lie(rng: Random, body: bytearray) -> None:
    """Spoil fields of an archive: encryption flags, methods, sizes, offsets; or cut it off."""
    for _ in range(rng.choice((1, 1, 2, 4))):
        mark = rng.choice(list(_FIELDS))
        places: list[int] = []
        at = body.find(mark)
        while at >= 0 and len(places) < 50:
            places.append(at)
            at = body.find(mark, at + 4)
        if not places:
            continue
        offset, size = rng.choice(_FIELDS[mark])
        at = rng.choice(places) + offset
        number = rng.choice((*_WRONG, 8, 9, 12, 14, 93, 99, 0x0801, rng.getrandbits(32)))
        if rng.random() < 0.3:
            number = int.from_bytes(body[at : at + size], "little") + rng.choice((-1, 1, 8, -22))
        body[at : at + size] = (number % 256**size).to_bytes(size, "little")
    match rng.randrange(12):
        case 0:
            del body[-rng.randrange(1, 200) :]
        case 1:
            body += b"PK\5\6" + bytes(18)
        case 2:
            body[-22:-22] = b"PK\6\6" + struct.pack("<Q", 44) + bytes(44) + b"PK\6\7" + bytes(16)
        case 3:
            body += b"\0" * rng.choice((1, 100, 65_535))
        case _:
            pass


# --- PDF ----------------------------------------------------------------------------------


def pdf(rng: Random, packet: bytes) -> bytes:
    """A PDF written by hand: filters, lengths, loops of tables and of objects, bombs."""
    filters = _mostly(
        rng,
        rng.choice(("", "/Filter /FlateDecode", "/Filter [/FlateDecode]")),
        *("/Filter [/FlateDecode /FlateDecode]", "/Filter [/FlateDecode 1]", "/Filter /Crypt"),
        *("/Filter /LZWDecode", "/Filter /ASCIIHexDecode", "/Filter /ASCII85Decode"),
        *("/Filter /RunLengthDecode", "/Filter /DCTDecode", "/Filter /JBIG2Decode", "/Filter 1"),
        *("/Filter 4 0 R", f"/Filter [{'/FlateDecode ' * 50}]", "/Filter /Fl#61teDecode"),
    )
    filters += _mostly(
        rng,
        "",
        "/DecodeParms << /Predictor 12 /Columns 99999999 >>",
        "/DecodeParms << /Predictor 2 /Columns 2147483647 /Colors 99 /BitsPerComponent 16 >>",
        "/DecodeParms << /Predictor 15 /Columns 1 >>",
        "/DecodeParms [null null]",
        "/DecodeParms 4 0 R",
    )
    content = packet
    if "Flate" in filters:
        content = packed(_bomb(rng)) if rng.random() < 0.08 else zlib.compress(packet, 1)
        if rng.random() < 0.1:
            content = zlib.compress(content, 1)
    right = str(len(content))
    length = _mostly(rng, right, str(_wrong(rng, 0)), "4 0 R", "-1", "99999999999", "3 0 R")
    deep = rng.choice((400, 5_000, 100_000)) if rng.random() < 0.05 else 0
    metadata = _mostly(rng, "3 0 R", "1 0 R", "9 0 R", "<< >>", "4 0 R", "[3 0 R]")
    objects = [
        f"<< /Type /Catalog /Pages 2 0 R /Metadata {metadata} /X {'[' * deep}{']' * deep} >>",
        _mostly(
            rng,
            "<< /Type /Pages /Kids [5 0 R] /Count 1 >>",
            "<< /Type /Pages /Kids [2 0 R] >>",
            "<< /Type /Pages /Kids [5 0 R 5 0 R 2 0 R] /Count 99999999 >>",
            "<< /Type /Pages /Kids [] /Count 0 >>",
        ),
        f"<< /Type /Metadata /Subtype /XML {filters} /Length {length} >>",
        _mostly(rng, right, "4 0 R", "5 0 R", "[4 0 R]"),
        _mostly(
            rng,
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 1 1] >>",
            *("5 0 R", "null", "<< /Extends 5 0 R >>", "(" * 2000, "<< /Parent 5 0 R >>"),
        ),
    ]
    out = bytearray(b"%PDF-1.7\n")
    places = []
    for number, one in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{one}".encode()
        if number == 3:
            out += b"\nstream\n" + content + b"\nendstream"
        out += b"\nendobj\n"
    if rng.random() < 0.3:
        return bytes(out) + _xref_stream(rng, places, len(out))
    return bytes(out) + _table(rng, places, len(out))


def _table(rng: Random, places: list[int], start: int) -> bytes:
    rows = "".join(f"{_wrong(rng, place):010} 00000 n \n" for place in places)
    count = _wrong(rng, len(places) + 1)
    prev = _mostly(rng, "", f"/Prev {start}", "/Prev 9", f"/XRefStm {start}", "/Prev -1")
    secret = "/Encrypt << /Filter /Standard /V 5 /R 6 /Length 9 >>" if rng.random() < 0.03 else ""
    size = _wrong(rng, len(places) + 1)
    text = (
        f"xref\n0 {count}\n0000000000 65535 f \n{rows}"
        f"trailer << /Size {size} /Root 1 0 R {prev} {secret} >>\n"
        f"startxref\n{_wrong(rng, start)}\n%%EOF\n"
    )
    return text.encode()


def _xref_stream(rng: Random, places: list[int], start: int) -> bytes:
    """A table as a stream: of many entries, one that leads to itself, or a bomb."""
    width = _mostly(rng, "[1 4 2]", "[0 0 0]", "[9999 1 1]", "[1 8 8]", "[]")
    rows = [(0, 0, 65535), *((1, _wrong(rng, place), 0) for place in places), (1, start, 0)]
    if rng.random() < 0.1:
        rows[rng.randrange(len(rows))] = (2, rng.choice((6, 1, 3)), rng.randrange(5))
    content = zlib.compress(b"".join(struct.pack(">BIH", *row) for row in rows))
    if rng.random() < 0.15:
        content = packed(_bomb(rng), b"\1\0\0\0\x09\0\0")
    size = _mostly(rng, str(len(rows)), str(2**31 - 1), "8000000")
    prev = _mostly(rng, "", f"/Prev {start}", "/Prev 0")
    index = _mostly(rng, "", "/Index [0 2147483647]", f"/Index [{'0 1 ' * 5000}]")
    head = (
        f"6 0 obj\n<< /Type /XRef /Size {size} /W {width} /Root 1 0 R {prev} {index} "
        f"/Filter /FlateDecode /Length {_wrong(rng, len(content))} >>\nstream\n"
    )
    tail = f"\nendstream\nendobj\nstartxref\n{_wrong(rng, start)}\n%%EOF\n"
    return head.encode() + content + tail.encode()


# --- C2PA ---------------------------------------------------------------------------------


def manifest(rng: Random, body: bytes) -> bytes:
    """A signed file with its manifest store spoilt: box lengths, CBOR, labels, signatures."""
    start = body.find(b"jumb") - 4
    if start < 0:
        return mangled(rng, body)
    found = bytearray(body)
    for _ in range(rng.choice((1, 1, 2, 4))):
        match rng.randrange(7):
            case 0:  # the length of a box
                places: list[int] = []
                at = found.find(b"jumb", start)
                while at >= 0:
                    places += [at - 4, at + 4]
                    at = found.find(b"jumb", at + 4)
                if places:
                    at = rng.choice(places)
                    found[at : at + 4] = struct.pack(">I", rng.choice(_WRONG))
            case 1:
                at = rng.randrange(start, len(found))
                found[at] = rng.choice((0xFF, 0x5F, 0x7F, 0x9F, 0xBF, 0x9B, 0xBB, 0xDB, 0xFB, 0x1B))
            case 2:
                at = rng.randrange(start, len(found))
                found[at : at + 9] = rng.choice((b"\x9b", b"\xbb", b"\x5b")) + b"\xff" * 8
            case 3:
                label = rng.choice((b"training-mining", b"c2pa.", b"cawg.", b"notAllowed", b"use"))
                at = found.find(label, start)
                if at >= 0:
                    other = label.replace(b"c2pa", b"CAWG").replace(b"cawg", b"c2pa").lower()
                    spoilt = other if rng.random() < 0.4 else rng.randbytes(len(label))
                    found[at : at + len(label)] = spoilt
            case 4:
                at = rng.randrange(start, len(found))
                found[at : at + 3000] = found[at : at + 3000] * 2
            case 5:
                at = rng.randrange(start, len(found))
                found[at : at + 200] = (b"\x81" * 200, b"\xd8\x18" * 100)[rng.randrange(2)]
            case _:
                tail = mangled(rng, bytes(found[start:]))
                found[start:] = tail
        if len(found) <= start:
            break
    return bytes(found)
