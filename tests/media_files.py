"""Makes the files that tests of embedded metadata read: images, PDF, EPUB, signed manifests.

Here: writers of valid files, small ones, made with other people's libraries where these can.
Not here: anything about what the files mean. Run as a script it prints nothing and needs no
network; vectors keep such files as base64.
"""

import datetime as dt
import io
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import c2pa  # type: ignore[import-untyped]
import pikepdf
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from PIL import Image, PngImagePlugin, TiffImagePlugin

PLUS = "http://ns.useplus.org/ldf/xmp/1.0/"
VOCAB = "http://ns.useplus.org/ldf/vocab/"
TDMREP = "http://www.w3.org/ns/tdmrep/"

_NAMESPACES = {
    "plus": PLUS,
    "tdm": TDMREP,
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "prism": "http://prismstandard.org/namespaces/basic/2.0/",
    "rsl": "https://rslstandard.org/rsl",
}
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"


def xmp(elements: str = "", attributes: str = "", *, padding: int = 0) -> bytes:
    """A packet with one description; its prefixes are those of this file."""
    declared = " ".join(
        f'xmlns:{prefix}="{uri}"'
        for prefix, uri in _NAMESPACES.items()
        if f"{prefix}:" in elements + attributes
    )
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}">'
        f'<rdf:Description rdf:about="" {declared} {attributes}>{elements}</rdf:Description>'
        f'</rdf:RDF></x:xmpmeta>{" " * padding}<?xpacket end="w"?>'
    ).encode()


def data_mining(key: str, elements: str = "") -> bytes:
    """A packet with plus:DataMining as an attribute."""
    return xmp(elements, f'plus:DataMining="{VOCAB}{key}"')


def jpeg(*packets: bytes) -> bytes:
    """A grey point; every packet is an APP1 segment."""
    file = io.BytesIO()
    Image.new("L", (1, 1)).save(file, "JPEG", **({"xmp": packets[0]} if packets else {}))
    body = file.getvalue()
    more = b"".join(app1(b"http://ns.adobe.com/xap/1.0/\0" + packet) for packet in packets[1:])
    return body[:2] + more + body[2:]


def app1(content: bytes) -> bytes:
    """An APP1 segment."""
    return b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content


def extended_jpeg(packet: bytes, part: int = 60_000) -> bytes:
    """A JPEG with extended XMP in several segments."""
    body = jpeg(xmp("<xmpNote:HasExtendedXMP xmlns:xmpNote='http://ns.adobe.com/xmp/note/'/>"))
    more = b"".join(
        app1(
            b"http://ns.adobe.com/xmp/extension/\0"
            b"0123456789ABCDEF0123456789ABCDEF"
            + struct.pack(">II", len(packet), at)
            + packet[at : at + part]
        )
        for at in range(0, len(packet), part)
    )
    return body[:2] + more + body[2:]


def png(packet: bytes | None = None, *, packed: bool = False) -> bytes:
    """A grey point with an iTXt chunk before the picture."""
    info = PngImagePlugin.PngInfo()
    if packet is not None:
        info.add_itxt("XML:com.adobe.xmp", packet.decode(), zip=packed)
    file = io.BytesIO()
    Image.new("L", (1, 1)).save(file, "PNG", pnginfo=info)
    return file.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    """A PNG chunk."""
    check = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + check


def late_png(packet: bytes) -> bytes:
    """The same with the chunk behind the picture."""
    body = png()
    return body[:-12] + chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet) + body[-12:]


def raw_profile_png(packet: bytes, *, packed: bool = True) -> bytes:
    """The same in ImageMagick's older way."""
    text = b"\nxmp\n%8d\n" % len(packet) + packet.hex().encode() + b"\n"
    keyword = b"Raw profile type xmp\0"
    content = chunk(b"zTXt", keyword + b"\0" + zlib.compress(text))
    if not packed:
        content = chunk(b"tEXt", keyword + text)
    body = png()
    return body[:-12] + content + body[-12:]


def gif(*packets: bytes) -> bytes:
    """A GIF of one pixel, XMP before it (part 3, GIF: a row of all octets ends a packet)."""
    ends = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
    extensions = b"".join(b"!\xff\x0bXMP DataXMP" + packet + ends for packet in packets)
    head = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6)
    picture = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\2\2L\1\0"
    comment = b"!\xfe\5hello\0"
    return head + comment + extensions + picture + b";"


def webp(packet: bytes | None = None) -> bytes:
    """A grey point."""
    file = io.BytesIO()
    Image.new("RGB", (1, 1)).save(file, "WEBP", **({"xmp": packet} if packet else {}))
    return file.getvalue()


def tiff(packet: bytes | None = None, *, big: bool = False) -> bytes:
    """A grey point; XMP is tag 700."""
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    if packet is not None:
        tags.tagtype[700] = 1
        tags[700] = packet
    file = io.BytesIO()
    Image.new("L", (1, 1)).save(file, "TIFF", tiffinfo=tags, big_tiff=big)
    return file.getvalue()


def pdf(
    packet: bytes | None = None,
    *,
    encrypted: str | None = None,
    store: bytes | None = None,
    **save: Any,
) -> bytes:
    """A page without content; XMP is the metadata stream of its catalogue, a manifest store an
    associated file of it.
    """
    file = io.BytesIO()
    with pikepdf.new() as made:
        made.add_blank_page(page_size=(10, 10))
        if packet is not None:
            stream = made.make_stream(packet)
            stream.Type = pikepdf.Name.Metadata
            stream.Subtype = pikepdf.Name.XML
            made.Root.Metadata = stream
        if store is not None:
            file_of = pikepdf.Dictionary(F=made.make_stream(store))
            specification = pikepdf.Dictionary(
                Type=pikepdf.Name.Filespec,
                AFRelationship=pikepdf.Name.C2PA_Manifest,
                EF=file_of,
            )
            made.Root.AF = pikepdf.Array([made.make_indirect(specification)])
        if encrypted is not None:
            save["encryption"] = pikepdf.Encryption(owner="owner", user=encrypted)
        made.save(file, deterministic_id=encrypted is None, **save)
    return file.getvalue()


_CONTAINER = (
    '<?xml version="1.0"?><container version="1.0" '
    'xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="{}" media-type="application/oebps-package+xml"/></rootfiles></container>'
)
_PACKAGE = (
    '<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="{}" {}>'
    '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>t</dc:title>{}</metadata>'
    "<manifest/><spine/></package>"
)


def epub(
    metadata: str = "",
    *,
    version: str = "3.0",
    attributes: str = "",
    path: str = "p.opf",
    members: Mapping[str, bytes | str] | None = None,
    stored: bool = False,
) -> bytes:
    """A container with a package and no chapters; ``members`` replace or add files."""
    files: dict[str, bytes | str] = {
        "META-INF/container.xml": _CONTAINER.format(path),
        path: _PACKAGE.format(version, attributes, metadata),
        **(members or {}),
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        first = zipfile.ZipInfo("mimetype", (1980, 1, 1, 0, 0, 0))
        archive.writestr(first, "application/epub+zip")
        for name, content in files.items():
            one = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            one.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            archive.writestr(one, content)
    return file.getvalue()


@cache
def _signer() -> tuple[bytes, bytes]:
    """A certificate of a test authority, good until 2099, and its key."""
    start, end = dt.datetime(2020, 1, 1, tzinfo=dt.UTC), dt.datetime(2099, 1, 1, tzinfo=dt.UTC)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [
        x509.Name(
            [
                x509.NameAttribute(NameOID.COMMON_NAME, name),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test"),
            ]
        )
        for name in ("Test CA", "Test signer")
    ]
    made = []
    for number, is_ca in enumerate((True, False)):
        builder = (
            x509.CertificateBuilder()
            .subject_name(names[number])
            .issuer_name(names[0])
            .public_key(keys[number].public_key())
            .serial_number(number + 1)
            .not_valid_before(start)
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(is_ca, None), critical=True)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=not is_ca,
                    content_commitment=False,
                    key_encipherment=False,
                    data_encipherment=False,
                    key_agreement=False,
                    key_cert_sign=is_ca,
                    crl_sign=is_ca,
                    encipher_only=False,
                    decipher_only=False,
                ),
                critical=True,
            )
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(keys[number].public_key()), critical=False
            )
        )
        if not is_ca:
            issuer = keys[0].public_key()
            builder = builder.add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False
            ).add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), critical=False
            )
        made.append(builder.sign(keys[0], hashes.SHA256()))
    pem = serialization.Encoding.PEM
    return (
        made[1].public_bytes(pem) + made[0].public_bytes(pem),
        keys[1].private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )


def signed(
    body: bytes,
    assertions: Sequence[tuple[str, Any]],
    media_type: str = "image/jpeg",
) -> bytes:
    """A file with a manifest that holds assertions: label and content of each."""
    chain, key = _signer()
    manifest = {
        "claim_generator_info": [{"name": "test", "version": "1"}],
        "format": media_type,
        "title": "test",
        "assertions": [
            {"label": label, "data": data}
            for label, data in (
                *assertions,
                ("c2pa.actions", {"actions": [_CREATED]}),
            )
        ],
    }
    settings = {
        "builder": {"thumbnail": {"enabled": False}},
        "verify": {"remote_manifest_fetch": False, "verify_after_sign": False},
    }
    info = c2pa.C2paSignerInfo(alg=b"es256", sign_cert=chain, private_key=key, ta_url=b"none")
    info.ta_url = None  # no time stamp, which its maker did not take before 0.37.2
    signer = c2pa.Signer.from_info(info)
    out = io.BytesIO()
    with (
        c2pa.Context(c2pa.Settings.from_dict(settings)) as context,
        c2pa.Builder(manifest, context=context) as builder,
    ):
        builder.sign(signer, media_type, io.BytesIO(body), out)
    return out.getvalue()


_CREATED = {
    "action": "c2pa.created",
    "digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture",
}


def mining(label: str = "cawg", **entries: Any) -> tuple[str, Any]:
    """A training and mining assertion; a use alone stands for an entry without constraint."""
    return (
        f"{label}.training-mining",
        {
            "entries": {
                f"{label}.{name}": {"use": entry} if isinstance(entry, str) else entry
                for name, entry in entries.items()
            }
        },
    )
