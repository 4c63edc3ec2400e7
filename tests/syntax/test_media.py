"""Embedded metadata: every container and every form of a property, and files made to hurt.

What the properties mean is the signals' business. Nothing may raise, and nothing a file does
may take long or much memory.
"""

import io
import itertools
import logging
import random
import struct
import subprocess
import sys
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("PIL")
pytest.importorskip("pikepdf")
pytest.importorskip("c2pa")

import media_files as make
import pikepdf
from PIL import Image

from reservation_middleware.decide.bodies import is_media
from reservation_middleware.syntax import media
from reservation_middleware.syntax.media import Claim, Media, Property, image, jumbf, pdf

PACKET = make.data_mining("DMI-PROHIBITED")
MINING = Property(make.PLUS, "DataMining", make.VOCAB + "DMI-PROHIBITED")
MIB = 1024 * 1024


def SAMPLES() -> Mapping[str, bytes]:  # noqa: N802 - a constant that takes a moment
    """One valid file of every kind and form."""
    claims = [make.mining(ai_training="notAllowed")]
    return {
        "jpeg": make.jpeg(PACKET),
        "jpeg-extended": make.extended_jpeg(PACKET, 300),
        "jpeg-utf-16": make.jpeg(PACKET.decode().encode("utf-16-be")),
        "png": make.png(PACKET),
        "png-packed": make.png(PACKET, packed=True),
        "png-late": make.late_png(PACKET),
        "png-raw": make.raw_profile_png(PACKET),
        "webp": make.webp(PACKET),
        "tiff": make.tiff(PACKET),
        "gif": make.gif(PACKET),
        "gif-two": make.gif(make.xmp(), PACKET),
        "tiff-big": make.tiff(PACKET, big=True),
        "pdf": make.pdf(PACKET),
        "pdf-objects": make.pdf(PACKET, object_stream_mode=pikepdf.ObjectStreamMode.generate),
        "pdf-encrypted": make.pdf(PACKET, encrypted=""),
        "epub-2": make.epub('<meta name="tdm:reservation" content="1"/>', version="2.0"),
        "epub-3": make.epub('<meta property="tdm:reservation">1</meta>'),
        "epub-stored": make.epub('<meta property="tdm:reservation">1</meta>', stored=True),
        "c2pa-jpeg": make.signed(make.jpeg(), claims),
        "c2pa-png": make.signed(make.png(), claims, "image/png"),
        "c2pa-webp": make.signed(make.webp(), claims, "image/webp"),
        "c2pa-tiff": make.signed(make.tiff(), claims, "image/tiff"),
    }


def mutated(body: bytes, rng: random.Random) -> bytes:
    """A file with some bytes flipped, cut out, inserted, repeated or moved."""
    changed = bytearray(body)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        at = rng.randrange(len(changed)) if changed else 0
        what = rng.randrange(7)
        if what == 0 and changed:
            changed[at] ^= 1 << rng.randrange(8)
        elif what == 1 and changed:
            changed[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        elif what == 2:
            del changed[at : at + rng.choice((1, 2, 4, 50, 500))]
        elif what == 3:
            changed[at:at] = rng.randbytes(rng.choice((1, 2, 4, 50, 500)))
        elif what == 4:
            length = rng.choice((4, 20, 200))
            start = rng.randrange(len(changed) + 1)
            changed[at:at] = changed[start : start + length]
        elif what == 5:
            word = rng.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\0\0\0\1"))
            changed[at : at + 4] = word
        else:
            del changed[at:]
    return bytes(changed)


# ---- containers


@pytest.mark.parametrize("name", [name for name in SAMPLES() if not name.startswith(("c2", "ep"))])
def test_every_container_gives_its_xmp(name: str) -> None:
    found = media.read(SAMPLES()[name], "")
    assert found.kind == name.partition("-")[0]
    assert MINING in found.xmp
    assert found.problems == ()


def test_pillow_finds_the_same_packets() -> None:
    for name in ("jpeg", "png", "png-packed", "webp", "tiff"):
        body = SAMPLES()[name]
        with Image.open(io.BytesIO(body)) as image:
            given = image.info.get("xmp") or image.info["XML:com.adobe.xmp"].encode()
        assert media.read(make.jpeg(given), "").xmp == media.read(body, "").xmp


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "tiff", "gif"])
def test_a_file_without_metadata_says_nothing(name: str) -> None:
    body: bytes = getattr(make, name)()
    assert not media.read(body, "")


def test_big_endian_tiff() -> None:
    packet = PACKET + b" " * (len(PACKET) % 2)
    body = b"MM\0*" + struct.pack(">IHHHII", 8, 1, 700, 1, len(packet), 26) + bytes(4) + packet
    assert MINING in media.read(body, "").xmp


def test_a_picture_of_any_size_is_read() -> None:
    """Pixels are never unpacked, so their number does not matter."""
    body = bytearray(make.png(PACKET))
    body[16:24] = struct.pack(">II", 2**31 - 1, 2**31 - 1)
    assert MINING in media.read(bytes(body), "").xmp


def test_types_and_beginnings() -> None:
    assert {"image/jpeg", "application/pdf", "application/epub+zip"} <= media.TYPES
    assert "image/svg+xml" not in media.TYPES
    assert "video/mp4" not in media.TYPES
    for name, body in SAMPLES().items():
        kind = media.recognised(body)
        assert kind == (name.partition("-")[0] if not name.startswith("c2") else name[5:])
        assert is_media("", body)
    for body in (b"", b"<html>", b"RIFF\0\0\0\0WAVE", b"PK\3\4" + bytes(100), b"II", b"%PD"):
        assert media.recognised(body) == ""
        assert media.read(body, "image/png") is media.NOTHING
    assert is_media("image/png")
    assert not is_media("text/html", b"<html>")


def test_a_type_helps_where_the_beginning_does_not() -> None:
    body = b"junk\n" + make.pdf(PACKET)
    assert not media.read(body, "")
    assert MINING in media.read(body, "application/pdf").xmp
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        members = zipfile.ZipFile(io.BytesIO(SAMPLES()["epub-3"]))
        for name in ("META-INF/container.xml", "p.opf"):
            archive.writestr(name, members.read(name))
    assert media.read(file.getvalue(), "application/epub+zip").epub == (("tdm:reservation", "1"),)


def test_without_the_extra_nothing_is_recognised() -> None:
    code = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(('PIL', 'pikepdf', 'c2pa')))\n"
        "import importlib.util as util\n"
        "real = util.find_spec\n"
        "util.find_spec = lambda n, p=None: None if n in ('pikepdf', 'c2pa') else real(n, p)\n"
        "from reservation_middleware.syntax import media\n"
        "assert media.TYPES == frozenset()\n"
        "assert media.recognised(b'\\xff\\xd8\\xff') == ''\n"
        "assert media.read(b'\\xff\\xd8\\xff', 'image/jpeg') is media.NOTHING\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_importing_the_package_imports_no_library_of_the_extra() -> None:
    code = (
        "import sys, reservation_middleware\n"
        "assert not {'PIL', 'pikepdf', 'c2pa'} & set(sys.modules), sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# ---- XMP


def xmp(elements: str = "", attributes: str = "") -> tuple[Property, ...]:
    return media.read(make.jpeg(make.xmp(elements, attributes)), "").xmp


def test_forms_of_a_property() -> None:
    value = make.VOCAB + "DMI-PROHIBITED"
    for elements, attributes in (
        ("", f'plus:DataMining="{value}"'),
        (f"<plus:DataMining> {value}\n</plus:DataMining>", ""),
        (f"<plus:DataMining rdf:resource='{value}'/>", ""),
        (f"<plus:DataMining><rdf:Seq><rdf:li>{value}</rdf:li></rdf:Seq></plus:DataMining>", ""),
        (
            f"<plus:DataMining><rdf:Alt><rdf:li rdf:resource='{value}'/></rdf:Alt></plus:DataMining>",
            "",
        ),
        (
            f"<plus:DataMining rdf:parseType='Resource'><rdf:value>{value}</rdf:value></plus:DataMining>",
            "",
        ),
        (f"<plus:DataMining><rdf:Description rdf:value='{value}'/></plus:DataMining>", ""),
        (f"<plus:DataMining rdf:parseType='Literal'>{value}</plus:DataMining>", ""),
    ):
        assert xmp(elements, attributes) == (MINING,), elements or attributes


def test_fields_of_structures_are_apart() -> None:
    found = media.read(
        make.jpeg(
            make.xmp(
                "<plus:Licensor><rdf:Seq><rdf:li rdf:parseType='Resource'>"
                "<plus:LicensorURL>u</plus:LicensorURL></rdf:li>"
                "<rdf:li plus:LicensorURL='v'/></rdf:Seq></plus:Licensor>"
                "<xmpMM:Ingredients><rdf:Bag><rdf:li><rdf:Description plus:DataMining='w'/>"
                "</rdf:li></rdf:Bag></xmpMM:Ingredients>"
            )
        ),
        "",
    )
    assert found.xmp == ()
    assert [one.value for one in found.inner] == ["u", "v"]


def test_tdmrep_in_a_pdf() -> None:
    for namespace in (make.TDMREP, "http://www.w3.org/ns/tdmrep#"):
        packet = make.xmp("<tdm:reservation>1</tdm:reservation><tdm:policy>/p</tdm:policy>")
        body = make.pdf(packet.replace(make.TDMREP.encode(), namespace.encode()))
        assert media.read(body, "").xmp == (
            Property(namespace, "reservation", "1"),
            Property(namespace, "policy", "/p"),
        )


def test_rsl_is_serialised() -> None:
    packet = make.xmp("<rsl:rsl><rsl:content url='/a'><rsl:license/></rsl:content></rsl:rsl>")
    for body in (make.png(packet), make.epub('<rsl xmlns="https://rslstandard.org/rsl"/>')):
        [one] = media.read(body, "").rsl
        assert b"rslstandard.org" in one
        assert media.read(body, "").xmp == ()


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16", "utf-32-be", "utf-8-sig"])
def test_encodings(encoding: str) -> None:
    body = make.tiff(PACKET.decode().encode(encoding))
    assert MINING in media.read(body, "").xmp


def test_wrapper_is_optional() -> None:
    start, end = PACKET.index(b"<rdf:RDF"), PACKET.index(b"</x:xmpmeta>")
    assert MINING in media.read(make.jpeg(PACKET[start:end]), "").xmp
    assert MINING in media.read(make.jpeg(b"\n" + PACKET[start:end] + b"\0 \0"), "").xmp


# ---- EPUB


@pytest.mark.parametrize(
    ("metas", "attributes", "expected"),
    [
        ('<meta name="tdm:reservation" content="1"/>', "", [("tdm:reservation", "1")]),
        ('<meta name="TDM:Reservation" content=" 0 "/>', "", [("tdm:reservation", "0")]),
        ('<meta property="tdm:policy"> /p </meta>', "", [("tdm:policy", "/p")]),
        (
            '<meta property="mine:reservation">1</meta>',
            'prefix="dc: http://x.test/ mine: http://www.w3.org/ns/tdmrep#"',
            [("tdm:reservation", "1")],
        ),
        ('<meta property="tdm:reservation">1</meta>', 'prefix="tdm: http://x.test/#"', []),
        ('<meta property="tdm:reservation" refines="#x">1</meta>', "", []),
        ('<meta property="other:reservation">1</meta>', "", []),
        ('<meta name="tdm:other" content="1"/><meta/><meta property=":"/>', "", []),
        (
            '<meta property="tdm:reservation">1</meta>',
            'prefix="tdm:https://www.w3.org/ns/tdmrep/"',
            [("tdm:reservation", "1")],
        ),
    ],
)
def test_epub_metas(metas: str, attributes: str, expected: list[tuple[str, str]]) -> None:
    found = media.read(make.epub(metas, attributes=attributes), "")
    assert (list(found.epub), found.problems) == (expected, ())


def flagged(body: bytes) -> bytes:
    """The archive with every member said to be encrypted."""
    changed = bytearray(body)
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = changed.find(signature)
        while at >= 0:
            changed[at + offset] |= 1
            at = changed.find(signature, at + 4)
    return bytes(changed)


def bomb() -> bytes:
    return make.epub(members={"p.opf": b"<a>" + b" " * 50 * MIB + b"</a>"})


def lying_bomb() -> bytes:
    """Says 100 bytes, unpacks to 50 MiB."""
    body = bytearray(bomb())
    for signature, offset in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        at = body.find(signature)
        while at >= 0:
            if struct.unpack_from("<I", body, at + offset)[0] > MIB:
                struct.pack_into("<I", body, at + offset, 100)
            at = body.find(signature, at + 4)
    return bytes(body)


def members(number: int) -> bytes:
    return make.epub(members={f"f{n}": b"" for n in range(number)}, stored=True)


def huge_directory() -> bytes:
    """64 MiB of directory entries, which one end record claims."""
    entry = b"PK\1\2" + bytes(42)
    count = 30 * MIB // len(entry)
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 65535, 65535, count * len(entry), 58, 0)
    return make.epub()[:58] + entry * count + end


EPUBS: Mapping[str, Callable[[], bytes]] = {
    "bomb": bomb,
    "lying-bomb": lying_bomb,
    "many-members": lambda: members(30_000),
    "huge-directory": huge_directory,
    "encrypted": lambda: flagged(SAMPLES()["epub-3"]),
    "no-package": lambda: make.epub(path="../../etc/passwd", members={"../../etc/passwd": ""}),
    "container-is-no-xml": lambda: make.epub(members={"META-INF/container.xml": "<"}),
    "container-names-nothing": lambda: make.epub(members={"META-INF/container.xml": "<a/>"}),
    "entities": lambda: make.epub(
        members={"p.opf": '<!DOCTYPE a [<!ENTITY b "bbbb">]><package>&b;</package>'}
    ),
    "deep": lambda: make.epub(members={"p.opf": "<a>" * 90_000 + "</a>" * 90_000}),
    "cut": lambda: SAMPLES()["epub-3"][:-30],
    "zip-in-name": lambda: make.epub(path="a.epub", members={"a.epub": SAMPLES()["epub-3"]}),
}


@pytest.mark.parametrize("name", EPUBS)
def test_epubs_made_to_hurt(name: str) -> None:
    found = bounded(EPUBS[name]())
    assert found.epub == ()
    assert found.problems


# ---- C2PA


def test_claims() -> None:
    constrained = {"use": "constrained", "constraint_info": "ask"}
    for kind in ("jpeg", "png", "webp", "tiff"):
        body: bytes = getattr(make, kind)()
        entries = make.mining(ai_training="notAllowed", data_mining=constrained)
        found = media.read(make.signed(body, [entries], f"image/{kind}"), "")
        assert found.claims == (
            Claim(
                "cawg.training-mining",
                {
                    "cawg.ai_training": ("notAllowed", ""),
                    "cawg.data_mining": ("constrained", "ask"),
                },
                valid=True,
            ),
        )


def test_entries_of_any_shape() -> None:
    shapes: list[Any] = [{"cawg.data_mining": 1}, [], {}]
    for data in ({"entries": shape} for shape in shapes):
        body = make.signed(make.jpeg(), [("cawg.training-mining", data)])
        [claim] = media.read(body, "").claims
        assert claim.entries == {}


def test_a_changed_picture_does_not_verify() -> None:
    body = bytearray(SAMPLES()["c2pa-jpeg"])
    body[-3] ^= 1
    [claim] = media.read(bytes(body), "").claims
    assert not claim.valid
    assert claim.entries == {"cawg.ai_training": ("notAllowed", "")}


def test_a_manifest_elsewhere_is_not_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    """XMP may name a remote manifest; whoever served it would learn who reads the file."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/m.c2pa"
        packet = make.xmp(
            attributes=f'dcterms:provenance="{url}" xmlns:dcterms="http://purl.org/dc/terms/"'
        )
        body = make.jpeg(packet)
        body = body[:2] + make.app1(b"jumb c2pa") + body[2:]
        found = media.read(body, "")
        assert found.claims == ()
        with pytest.raises(TimeoutError):
            server.accept()


# ---- files made to hurt


def bounded(body: bytes, media_type: str = "", memory: int = 300) -> Media:
    """Read a file and see that it took not much of Python's memory (MiB)."""
    tracemalloc.start()  # slows everything down
    found = media.read(body, media_type)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < memory * MIB
    for problem in (*found.problems, *found.claim_problems):
        assert len(problem) < 300
    return found


def itxt_bomb() -> bytes:
    packed = zlib.compress(b"<a>" + b" " * 60 * MIB + b"</a>")
    content = make.chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + packed)
    return make.png()[:-12] + content + make.png()[-12:]


def ztxt_bomb() -> bytes:
    packed = zlib.compress(b"\nxmp\n 1\n" + b"0" * 60 * MIB)
    content = make.chunk(b"zTXt", b"Raw profile type xmp\0\0" + packed)
    return make.png()[:-12] + content + make.png()[-12:]


def test_of_many_packed_chunks_few_are_unpacked() -> None:
    packed = zlib.compress(bytes(3 * MIB + 100), 9)
    bomb = make.chunk(b"zTXt", b"Raw profile type xmp\0\0" + packed)
    end = make.chunk(b"iTXt", b"XML:com.adobe.xmp" + bytes(5) + make.data_mining("DMI-ALLOWED"))
    few = media.read(make.png()[:-12] + bomb * 3 + end + make.png()[-12:], "")
    assert few.xmp
    assert not few.cut
    many = media.read(make.png()[:-12] + bomb * 2_000 + end + make.png()[-12:], "")
    # What was not looked at may reserve, so nothing allows.
    assert many.cut
    assert many.problems == (
        "a compressed chunk that is too long when unpacked",
        "too many packets of XMP",
    )


def test_of_long_packets_few_are_read() -> None:
    packet = make.data_mining("DMI-ALLOWED") + b" " * MIB
    text = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(packet)
    few = make.png()[:-12] + make.chunk(b"iTXt", text) * 4 + make.png()[-12:]
    many = make.png()[:-12] + make.chunk(b"iTXt", text) * 6 + make.png()[-12:]
    assert len(media.read(few, "").xmp) == 4
    assert not media.read(few, "").cut
    assert len(media.read(many, "").xmp) < 6
    assert media.read(many, "").cut


def huge_tag() -> bytes:
    packet = b"<a>" + b" " * 30 * MIB + b"</a>"
    return b"II*\0" + struct.pack("<IHHHII", 8, 1, 700, 1, len(packet), 26) + bytes(4) + packet


def tag_outside() -> bytes:
    return b"II*\0" + struct.pack("<IHHHII", 8, 1, 700, 1, 2**32 - 1, 2**32 - 2) + bytes(4)


def xref_bomb(packed: bytes, filters: bytes = b"/FlateDecode") -> bytes:
    start = b"%PDF-1.5\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n"
    start += b"2 0 obj\n<</Type/Pages/Kids[]/Count 0>>\nendobj\n"
    table = b"3 0 obj\n<</Type/XRef/Size 4/W[1 2 1]/Root 1 0 R/Filter %s/Length %d>>\nstream\n"
    return (
        start
        + table % (filters, len(packed))
        + packed
        + b"\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n" % len(start)
    )


def zeros(mib: int) -> bytes:
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(MIB)) for _ in range(mib)) + packer.flush()


def metadata_bomb() -> bytes:
    packed = zeros(200)
    body, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(
        (
            b"<</Type/Catalog/Pages 2 0 R/Metadata 3 0 R>>",
            b"<</Type/Pages/Kids[4 0 R]/Count 1>>",
            b"<</Type/Metadata/Subtype/XML/Filter/FlateDecode/Length %d>>\nstream\n" % len(packed)
            + packed
            + b"\nendstream",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>",
        ),
        1,
    ):
        offsets.append(len(body))
        body += b"%d 0 obj\n" % number + content + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    trailer = b"trailer\n<</Size 5/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % len(body)
    return body + b"xref\n0 5\n0000000000 65535 f \n" + table + trailer


def billion_laughs() -> bytes:
    text = '<!DOCTYPE a [<!ENTITY a "lol">'
    for before, name in itertools.pairwise("abcdefghij"):
        text += f'<!ENTITY {name} "' + f"&{before};" * 10 + '">'
    return make.jpeg((text + "]><a>&j;</a>").encode())


def many_properties() -> bytes:
    return make.extended_jpeg(make.xmp("".join(f"<dc:d>{n}</dc:d>" for n in range(60_000))))


HOSTILE: Mapping[str, Callable[[], bytes]] = {
    "png-itxt-bomb": itxt_bomb,
    "png-ztxt-bomb": ztxt_bomb,
    "png-many-chunks": lambda: make.png()[:-12] + make.chunk(b"tEXt", b"a\0b") * 1_000_000,
    "jpeg-many-segments": lambda: b"\xff\xd8" + b"\xff\xe1\0\2" * 8_000_000,
    "jpeg-fill-bytes": lambda: b"\xff\xd8" + b"\xff" * 30 * MIB,
    "jpeg-lone-markers": lambda: b"\xff\xd8" + b"\xff\xd0" * 15_000_000,
    "jpeg-many-extended": lambda: (
        make.jpeg()[:2]
        + b"".join(
            make.app1(b"http://ns.adobe.com/xmp/extension/\0" + b"%032d" % n + bytes(8) + b"x")
            for n in range(100_000)
        )
        + b"\xff\xd9"
    ),
    "webp-empty-chunks": lambda: b"RIFF\0\0\0\0WEBP" + b"XMP \0\0\0\0" * 3_000_000,
    "tiff-huge-tag": huge_tag,
    "tiff-tag-outside": tag_outside,
    "pdf-index-bomb": lambda: xref_bomb(zeros(300)),
    "pdf-index-in-lzw": lambda: xref_bomb(b"\x80\x0b\x60\x50" * 1000, b"/L#5aWDecode"),
    "pdf-index-packed-twice": lambda: xref_bomb(
        zlib.compress(zeros(300)), b"[/FlateDecode/FlateDecode]"
    ),
    "pdf-metadata-bomb": metadata_bomb,
    "pdf-nothing-in-it": lambda: b"%PDF-1.4\n" + b"1 0 obj\n" * 2_000_000,
    "pdf-deep": lambda: b"%PDF-1.4\n1 0 obj\n" + b"[" * 5_000_000 + b"\nstartxref\n9\n%%EOF",
    "xmp-entities": billion_laughs,
    "xmp-too-many": many_properties,
    "xmp-deep": lambda: make.tiff(b"<a>" * 50_000 + b"</a>" * 50_000),
    "too-long": lambda: make.jpeg() + bytes(media.LIMIT),
    "c2pa-words": lambda: in_jpeg(b"\0\0\xff\xffjumb\0\0\0\x1ejumdc2pa" + b"c2pa" * 9000),
    "c2pa-text-of-2-gib": lambda: in_jpeg(declaring(b"\x7a\x7f\xff\xff\xff")),
    "c2pa-array-of-2-gib": lambda: in_jpeg(declaring(b"\x9a\x7f\xff\xff\xff")),
    "c2pa-map-of-2-gib": lambda: in_jpeg(declaring(b"\xba\x7f\xff\xff\xff")),
    "c2pa-bytes-of-8-eib": lambda: in_jpeg(declaring(b"\x5b\x7f" + b"\xff" * 7)),
    "c2pa-arrays-in-arrays": lambda: in_jpeg(declaring(b"\x99\x20\0" * 10_000)),
    "c2pa-deep": lambda: in_jpeg(declaring(b"\x81" * 40_000 + b"\0")),
    "c2pa-many-items": lambda: in_jpeg(store(box(b"cbor", bytes(60_000)))),
    "c2pa-many-boxes": lambda: in_jpeg(store(box(b"free", b"") * 5_000)),
    "c2pa-many-manifests": lambda: in_jpeg(store(MANIFEST * 65)),
    "c2pa-boxes-in-boxes": lambda: boxes_in_boxes(),  # noqa: PLW0108 - defined below
    "c2pa-compressed": lambda: in_jpeg(store(box(b"brob", b"jumb" + bytes(100)))),
    "c2pa-too-long": lambda: (
        make.png()[:-12]
        + make.chunk(b"caBX", store(box(b"free", bytes(5 * MIB))))
        + make.png()[-12:]
    ),
    "c2pa-twice": lambda: in_jpeg(store(), store()),
    "c2pa-out-of-order": lambda: (
        make.jpeg()[:2] + app11(store(), 1) + app11(store(), 3) + make.jpeg()[2:]
    ),
    "tiff-directories": lambda: (
        b"II*\0\x08\0\0\0jumbc2pa"[:8]
        + b"".join(struct.pack("<HI", 0, 14 + 6 * n) for n in range(100_000))
        + b"jumbc2pa"
    ),
}


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + kind + content


def superbox(kind: bytes, label: bytes, *boxes: bytes) -> bytes:
    uuid = kind + bytes.fromhex("00110010800000aa00389b71")
    return box(b"jumb", box(b"jumd", uuid + b"\3" + label + b"\0") + b"".join(boxes))


MANIFEST: bytes = superbox(b"c2ma", b"m")


def store(*boxes: bytes) -> bytes:
    """A manifest store with boxes in it."""
    return superbox(b"c2pa", b"c2pa", *boxes)


def declaring(cbor: bytes) -> bytes:
    return store(superbox(b"c2ma", b"m", superbox(b"cbor", b"a", box(b"cbor", cbor))))


def boxes_in_boxes() -> bytes:
    inner = MANIFEST
    for _ in range(400):
        inner = superbox(b"c2ma", b"m", inner)
    return in_jpeg(store(inner))


def app11(store: bytes, count: int, number: int = 1) -> bytes:
    content = b"JP" + struct.pack(">HI", number, count) + store
    return b"\xff\xeb" + struct.pack(">H", len(content) + 2) + content


def in_jpeg(*stores: bytes) -> bytes:
    """A JPEG with manifest stores, each in as many segments as it takes."""
    body, parts = make.jpeg(), b""
    for number, store in enumerate(stores):
        first, more = store[:60_000], store[60_000:]
        parts += app11(first, 1, number)
        for count, at in enumerate(range(0, len(more), 60_000), 2):
            parts += app11(store[:8] + more[at : at + 60_000], count, number)
    return body[:2] + parts + body[2:]


@pytest.mark.parametrize("name", HOSTILE)
def test_files_made_to_hurt(name: str) -> None:
    found = bounded(HOSTILE[name]())
    assert bool(found.problems) or bool(found.claim_problems) or name == "tiff-directories"
    if name.startswith("c2pa"):
        assert found.claim_problems
        assert found.claims == ()


def grown(body: bytes) -> int:
    """MiB by which reading a file makes a new process grow: libraries that are not Python's, too."""
    code = (
        "import sys\n"
        "import pikepdf, c2pa\n"
        "from reservation_middleware.syntax import media\n"
        "def most():\n"
        "    lines = open('/proc/self/status').read().splitlines()\n"
        "    return next(int(line.split()[1]) for line in lines if line.startswith('VmHWM'))\n"
        "body = sys.stdin.buffer.read()\n"
        "before = most()\n"
        "media.read(body, '')\n"
        "print((most() - before) // 1024)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], input=body, capture_output=True, check=True)
    assert done.stderr == b""
    return int(done.stdout)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc here")
def test_files_made_to_hurt_take_little_of_the_machines_memory() -> None:
    names = [name for name in (*HOSTILE, *EPUBS) if name.startswith(("pdf", "c2pa", "lying"))]
    found = {name: grown({**HOSTILE, **EPUBS}[name]()) for name in names}
    assert {name: size for name, size in found.items() if size > 60} == {}


def test_a_store_that_is_whole_passes() -> None:
    for kind in ("jpeg", "png", "webp", "tiff"):
        body = SAMPLES()[f"c2pa-{kind}"]
        [found] = image.STORES[kind](body, [])
        jumbf.check(found)
        for length in range(len(found)):
            with pytest.raises(jumbf.JumbfError):
                jumbf.check(found[:length] or b"\0")
    for cbor in (
        b"",
        b"\xa1\x61a\x01",
        b"\x9f\x01\x9f\xff\xff",
        b"\x5f\x41a\x41b\xff",
        b"\xd2\x84\x40\xa0\xf6\x40",
        b"\xfb" + bytes(8),
        b"\x00" * 20,
        b"\x82" * 31 + b"\x00" * 32,
    ):
        jumbf.check(declaring(cbor))
    for cbor in (b"\xff", b"\x81", b"\x9f", b"\x9f\x00", b"\x1c", b"\x1f", b"\xa1\x00", b"\x42a"):
        with pytest.raises(jumbf.JumbfError):
            jumbf.check(declaring(cbor))


def test_a_store_of_several_segments() -> None:
    long = {"use": "constrained", "constraint_info": "ask " * 40_000}
    found = media.read(make.signed(make.jpeg(), [make.mining(ai_training=long)]), "")
    [claim] = found.claims
    assert claim.valid


def test_a_store_in_a_tiffs_last_directory() -> None:
    body = SAMPLES()["c2pa-tiff"]
    [found] = image.STORES["tiff"](body, [])
    own = make.tiff()
    (at,) = struct.unpack_from("<I", own, 4)
    (count,) = struct.unpack_from("<H", own, at)
    link = at + 2 + 12 * count
    own = own[:link] + struct.pack("<I", len(own)) + own[link + 4 :]
    own += struct.pack("<HHHIII", 1, 0xCD41, 7, len(found), len(own) + 18, 0) + found
    [claim] = media.read(own, "").claims
    assert not claim.valid


def test_a_store_in_a_pdf() -> None:
    body = SAMPLES()["c2pa-jpeg"]
    [found] = image.STORES["jpeg"](body, [])
    pdf = make.pdf(PACKET, store=found, compress_streams=False)
    read = media.read(pdf, "")
    [claim] = read.claims
    assert (claim.valid, read.problems, read.claim_problems) == (False, (), ())
    assert claim.entries == {"cawg.ai_training": ("notAllowed", "")}
    assert MINING in read.xmp


def test_after_a_fork_manifests_are_still_read() -> None:
    """Crawls are run in forked processes."""
    code = (
        "import multiprocessing, sys\n"
        "from reservation_middleware.syntax import media\n"
        "body = sys.stdin.buffer.read()\n"
        "assert media.read(body, '').claims\n"
        "with multiprocessing.get_context('fork').Pool(1) as pool:\n"
        "    assert pool.apply(media.read, (body, '')).claims\n"
    )
    body = SAMPLES()["c2pa-jpeg"]
    subprocess.run([sys.executable, "-c", code], input=body, check=True, timeout=60)


def test_readers_in_several_threads() -> None:
    """The limits of the PDF library are the process's and must be there for every thread."""
    before = pikepdf.settings.get_qpdf_limits()
    bodies = [SAMPLES()["pdf"], xref_bomb(zeros(40)), SAMPLES()["c2pa-png"]] * 20
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda body: media.read(body, ""), bodies))
    assert found == [media.read(body, "") for body in bodies[:3]] * 20
    assert pikepdf.settings.get_qpdf_limits() == before


def test_what_a_pdf_lacks_is_nobodys_log(caplog: pytest.LogCaptureFixture) -> None:
    """Qpdf's warnings become errors in Python's log, whatever is said when a file is opened."""
    log = logging.getLogger("pikepdf._core")
    with pdf._bounded(pikepdf):
        log.error("what a site's file lacks")
    assert caplog.records == []
    log.error("what the operator's file lacks")
    assert len(caplog.records) == 1


def test_pdf_limits_are_put_back() -> None:
    """They are the whole process's."""
    before = pikepdf.settings.get_qpdf_limits()
    media.read(make.pdf(PACKET), "")
    media.read(xref_bomb(zeros(50)), "")
    assert pikepdf.settings.get_qpdf_limits() == before


@pytest.mark.parametrize("name", SAMPLES())
def test_broken_files_never_raise(name: str) -> None:
    rng = random.Random(f"media {name}")
    body = SAMPLES()[name]
    for _ in range(150):
        broken = mutated(body, rng)
        found: Any = media.read(broken, "")
        assert isinstance(found, Media)


@pytest.mark.parametrize("name", SAMPLES())
def test_files_cut_anywhere_never_raise(name: str) -> None:
    body = SAMPLES()[name]
    for length in range(0, len(body), max(1, len(body) // 200)):
        media.read(body[:length], "")
