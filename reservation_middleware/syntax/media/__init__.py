"""What files say of themselves: XMP, the package of an EPUB, C2PA manifests.

Reads bytes into properties and knows no signal. Needs the extra ``[media]``; without
it nothing is recognised. Whatever is wrong with a file is a problem in ``Media``,
never an error. No pixel is ever decoded. MP4 and other films, SVG, audio and sidecar files are
not read.
"""

from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from itertools import islice

import msgspec

#: A longer file is not looked into.
LIMIT = 64 * 1024 * 1024
#: Packets of XMP in one image that are read, and their bytes before the last: 50 KB of image may
#: unpack to 16 MB of them.
_MOST_PACKETS, _MOST_OCTETS = 16, 4 * 1024 * 1024


class Property(msgspec.Struct, frozen=True):
    """An XMP property: its namespace URI, its name, a value as text, and RSL's XML if it is one."""

    namespace: str
    name: str
    value: str


class Claim(msgspec.Struct, frozen=True):
    """A C2PA assertion about training and mining.

    Attributes:
        label: ``cawg.training-mining`` or ``c2pa.training-mining``, or another that is in use.
        entries: entry name → (use, constraint or "").
        valid: whether the manifest that holds it could be verified.
        unread: what of it is no entry, or more than is kept, in a few words each.
        bare: names of entries that are the use itself, without the map that should hold it.
    """

    label: str
    entries: Mapping[str, tuple[str, str]]
    valid: bool
    unread: tuple[str, ...] = ()
    bare: frozenset[str] = frozenset()


class Media(msgspec.Struct, frozen=True):
    """What one file says of itself.

    Attributes:
        kind: jpeg, png, webp, tiff, gif, pdf or epub; "" where it is none of them.
        xmp: properties of its XMP, in order; of an array each item.
        rsl: ``rsl`` elements in its XMP or its EPUB package, serialised.
        epub: metas of its EPUB package about TDMRep: ``tdm:reservation`` or ``tdm:policy``,
            and content.
        claims: assertions of its active C2PA manifest.
        problems: what could not be read, in a few words each.
        inner: fields of structures in its XMP, such as a licensor's; those of other works
            (ingredients, history) are left out.
        claim_problems: the same as ``problems``, of its C2PA manifest.
    """

    kind: str = ""
    xmp: tuple[Property, ...] = ()
    rsl: tuple[bytes, ...] = ()
    epub: tuple[tuple[str, str], ...] = ()
    claims: tuple[Claim, ...] = ()
    problems: tuple[str, ...] = ()
    inner: tuple[Property, ...] = ()
    claim_problems: tuple[str, ...] = ()

    @property
    def cut(self) -> bool:
        """Whether there is more than is read: what is left out may reserve."""
        return any(problem.startswith("too many ") for problem in self.problems)

    def __bool__(self) -> bool:
        return bool(
            self.xmp
            or self.rsl
            or self.epub
            or self.claims
            or self.problems
            or self.inner
            or self.claim_problems
        )


NOTHING = Media()

_PIKEPDF, _C2PA = find_spec("pikepdf") is not None, find_spec("c2pa") is not None
# Images and EPUB need no library of the extra. But bodies of such types are large, and who did
# not ask for them to be looked into does not want them read.
_KINDS: tuple[str, ...] = (
    ("jpeg", "png", "webp", "tiff", "gif", "epub") if _PIKEPDF or _C2PA else ()
)
if _PIKEPDF:
    _KINDS = (*_KINDS, "pdf")
_TYPE_KINDS = {
    "image/jpeg": "jpeg",
    "image/jpg": "jpeg",
    "image/pjpeg": "jpeg",
    "image/png": "png",
    "image/x-png": "png",
    "image/webp": "webp",
    "image/tiff": "tiff",
    "image/gif": "gif",
    "application/pdf": "pdf",
    "application/x-pdf": "pdf",
    "application/epub+zip": "epub",
}

#: Media types of content that is read, with what is installed.
TYPES: frozenset[str] = frozenset(name for name, kind in _TYPE_KINDS.items() if kind in _KINDS)

_BEGINNINGS = tuple(
    (beginning, kind)
    for beginning, kind in (
        (b"\xff\xd8\xff", "jpeg"),
        (b"\x89PNG\r\n\x1a\n", "png"),
        (b"RIFF", "webp"),
        (b"II*\0", "tiff"),
        (b"MM\0*", "tiff"),
        (b"II+\0", "tiff"),
        (b"MM\0+", "tiff"),
        (b"GIF89a", "gif"),
        (b"GIF87a", "gif"),
        (b"%PDF-", "pdf"),
        (b"PK\3\4", "epub"),
    )
    if kind in _KINDS
)
_FIRST = tuple(beginning for beginning, _ in _BEGINNINGS)
#: Octets that show that a file is one of these (an EPUB takes most), and those among which a
#: PDF may begin.
_LONGEST_BEGINNING, _PDF_HEAD = 58, 1024


def recognised(body: bytes) -> str:
    """The kind of file that a body begins like, "" for none that is read."""
    if not _FIRST or not body.startswith(_FIRST):
        return ""
    kind = next(kind for beginning, kind in _BEGINNINGS if body.startswith(beginning))
    if kind == "webp" and body[8:12] != b"WEBP":
        return ""
    # The name and the content of the first member, uncompressed (EPUB 3.3, OCF ZIP container).
    if kind == "epub" and body[30:58] != b"mimetypeapplication/epub+zip":
        return ""
    return kind


def begins(beginning: bytes, media_type: str) -> bool:
    """Whether a body begins like a file that is read, if need be by what it was sent as."""
    return bool(_kind(beginning, media_type))


def may_begin(beginning: bytes, media_type: str) -> bool:
    """Whether more octets may show that a body is a file that is read."""
    if _TYPE_KINDS.get(media_type) == "pdf":
        return "pdf" in _KINDS and len(beginning) < _PDF_HEAD
    return len(beginning) < _LONGEST_BEGINNING and any(
        beginning.startswith(first) or first.startswith(beginning) for first in _FIRST
    )


def _kind(body: bytes, media_type: str) -> str:
    """The kind of a file; what it was sent as helps where its beginning is not as it should be."""
    kind = recognised(body)
    sent = _TYPE_KINDS.get(media_type, "") if not kind else ""
    if sent not in _KINDS:
        return kind
    if sent == "pdf" and b"%PDF-" in body[:_PDF_HEAD]:
        return sent
    if sent == "epub" and body.startswith(b"PK\3\4"):
        return sent
    return kind


def read(body: bytes, media_type: str) -> Media:
    """Read what a file says of itself.

    Args:
        body: the file.
        media_type: as it was sent, "" if none was.
    """
    kind = _kind(body, media_type)
    if not kind:
        return NOTHING
    if len(body) > LIMIT:
        return Media(kind, problems=(f"longer than {LIMIT // 1024**2} MiB, not looked into",))
    # Most crawls meet no such file.
    from . import c2pa, epub, image, pdf, xmp  # noqa: PLC0415

    problems: list[str] = []
    claim_problems: list[str] = []
    found = xmp.Found()
    metas: tuple[tuple[str, str], ...] = ()
    packets: Iterable[bytes] = ()
    stores: Iterable[bytes] = ()
    # The superbox of a manifest store and its type; without them there is none.
    signed = _C2PA and b"jumb" in body and b"c2pa" in body
    if kind == "epub":
        metas, found.rsl = epub.read(body, problems)
    elif kind == "pdf":
        packets, stores = pdf.read(body, problems)
    else:
        packets = image.XMP[kind](body, problems)
        stores = image.STORES[kind](body, claim_problems) if signed and kind != "gif" else ()
    octets = 0
    for number, packet in enumerate(packets):
        if number == _MOST_PACKETS or octets > _MOST_OCTETS:
            problems.append("too many packets of XMP")
            break
        octets += len(packet)
        xmp.read(packet, found, problems)
    several = list(islice(stores, 2)) if signed else []
    claims = c2pa.claims(body, kind, several, claim_problems)
    return Media(
        kind,
        xmp=tuple(Property(*field) for field in found.xmp),
        rsl=tuple(found.rsl),
        epub=metas,
        claims=tuple(Claim(*claim) for claim in claims),
        problems=tuple(dict.fromkeys(problems)),
        inner=tuple(Property(*field) for field in found.inner),
        claim_problems=tuple(claim_problems),
    )
