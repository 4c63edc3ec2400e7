"""Where images keep XMP and C2PA manifest stores: JPEG, PNG, WebP, TIFF and GIF, chunk by chunk.

Here: finding both. Not here: what stands in them. Imaging libraries are not used,
since they reach what stands behind a picture only by decoding it (ExifTool writes
the XMP of a PNG there), refuse a file for its pixels and warn instead of raising. Reference:
https://github.com/adobe/XMP-Toolkit-SDK/blob/main/docs/XMPSpecificationPart3.pdf
"""

import re
import zlib
from collections.abc import Callable, Iterator
from struct import Struct

#: Bytes of a packet after it was unpacked, and chunks of one file that are looked at.
LONGEST, MOST_CHUNKS = 1024 * 1024, 25_000
#: Extended packets of one JPEG.
_MOST_EXTENDED = 4
#: Manifest stores of one JPEG; there may be one.
_MOST_STORES = 2
#: Directories of one TIFF, and entries of one of them.
_MOST_DIRECTORIES, _MOST_ENTRIES = 100, 4096

Problems = list[str]

_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_MORE_XMP = b"http://ns.adobe.com/xmp/extension/\0"
_FILL = re.compile(rb"\xff+")
_CUT_OFF = "the file is cut off"
_TOO_MANY = "too many parts"
# A chunk of 3 KB may take as long as one of 3 MB, so few that lead to nothing are unpacked.
_UNREAD = (
    "a compressed chunk that cannot be unpacked",
    "a compressed chunk that is too long when unpacked",
)
_MOST_UNREAD = 4
# Before the scan: markers without a length, and SOS, EOI.
_ALONE = (0x01, *range(0xD0, 0xD9))
_OVER = (0xDA, 0xD9)
_LONG = Struct(">I")
# An application extension of eleven octets; and how what ends a packet begins.
_GIF_XMP, _GIF_END = b"!\xff\x0bXMP DataXMP", b"\x01\xff\xfe\xfd\xfc"


def _segments(body: bytes, problems: Problems) -> Iterator[tuple[int, int, int]]:
    """Of a JPEG before its scan: marker, start and end of each segment's content."""
    at = 2
    for _ in range(MOST_CHUNKS):
        # Any number of FF may stand before a marker.
        if filled := _FILL.match(body, at):
            at = filled.end()
        if at >= len(body) or body[at - 1] != 0xFF:
            problems.append(_CUT_OFF if at >= len(body) else "no marker where one is due")
            return
        marker = body[at]
        at += 1
        if marker in _OVER:
            return
        if marker in _ALONE:
            continue
        length = int.from_bytes(body[at : at + 2], "big")
        if length < 2 or at + length > len(body):
            problems.append(_CUT_OFF)
            return
        yield marker, at + 2, at + length
        at += length
    problems.append(_TOO_MANY)


def _jpeg_xmp(body: bytes, problems: Problems) -> Iterator[bytes]:
    """XMP in APP1 segments, and extended XMP put together (part 3, JPEG)."""
    parts: dict[bytes, dict[int, bytes]] = {}
    for marker, start, end in _segments(body, problems):
        if marker == 0xE1 and body.startswith(_XMP, start):
            yield body[start + len(_XMP) : end]
        elif marker == 0xE1 and body.startswith(_MORE_XMP, start):
            start += len(_MORE_XMP)
            name = body[start : start + 32]
            if start + 40 <= end and (name in parts or len(parts) < _MOST_EXTENDED):
                # A digest as name, the full length, and where this part begins.
                (offset,) = _LONG.unpack_from(body, start + 36)
                parts.setdefault(name, {})[offset] = body[start + 40 : end]
    for several in parts.values():
        whole = bytearray()
        for offset in sorted(several):
            if offset != len(whole):
                problems.append("extended XMP lacks a part")
                break
            whole += several[offset]
        else:
            yield bytes(whole)


def _jpeg_stores(body: bytes, problems: Problems) -> Iterator[bytes]:
    """JUMBF in APP11 segments: JP, a box's number, the segment's, and a part of the box whose
    length and type every further segment repeats.
    """
    boxes: dict[bytes, tuple[int, bytearray]] = {}
    for marker, start, end in _segments(body, problems):
        if marker != 0xEB or body[start : start + 2] != b"JP" or start + 16 > end:
            continue
        number = body[start + 2 : start + 4]
        (count,) = _LONG.unpack_from(body, start + 4)
        if number in boxes:
            before, box = boxes[number]
            if count != before + 1:
                problems.append("segments of a manifest store in no order")
                return
            box += body[start + 16 : end]
            boxes[number] = count, box
        elif body[start + 24 : start + 28] == b"c2pa" and len(boxes) < _MOST_STORES:
            boxes[number] = count, bytearray(body[start + 8 : end])
    yield from (bytes(box) for _, box in boxes.values())


def _chunks(body: bytes, problems: Problems) -> Iterator[tuple[bytes, int, int]]:
    """Of a PNG: type, start and end of each chunk's content; the end may lie behind the file's."""
    at = 8
    for _ in range(MOST_CHUNKS):
        if at + 8 > len(body):
            problems.append(_CUT_OFF)
            return
        (length,) = _LONG.unpack_from(body, at)
        kind = body[at + 4 : at + 8]
        start, at = at + 8, at + 12 + length
        if kind == b"IEND":
            return
        yield kind, start, start + length
    problems.append(_TOO_MANY)


def _png_xmp(body: bytes, problems: Problems) -> Iterator[bytes]:
    """XMP in iTXt chunks, also behind the picture; and ImageMagick's older way (zTXt)."""
    for kind, start, end in _chunks(body, problems):
        if kind in (b"iTXt", b"zTXt", b"tEXt"):
            if end + 4 > len(body):
                problems.append(_CUT_OFF)
                return
            yield from _png_text(kind, body, start, end, problems)
            if sum(map(problems.count, _UNREAD)) >= _MOST_UNREAD:
                problems.append("too many packets of XMP")
                return


def _png_stores(body: bytes, problems: Problems) -> Iterator[bytes]:
    return (body[at:end] for kind, at, end in _chunks(body, problems) if kind == b"caBX")


def _png_text(
    kind: bytes, body: bytes, start: int, end: int, problems: Problems
) -> Iterator[bytes]:
    """XMP in one text chunk (PNG, textual information)."""
    keyword, found, text = body[start:end].partition(b"\0")
    if kind == b"iTXt" and keyword == b"XML:com.adobe.xmp":
        packed, (_, _, text) = text[:1] == b"\1", text[2:].partition(b"\0")  # language
        _, found, text = text.partition(b"\0")  # translated keyword
        if not found:
            problems.append("an XMP chunk that ends too early")
        elif packed:
            yield from _unpacked(text, problems)
        else:
            yield text
    elif kind != b"iTXt" and found and keyword == b"Raw profile type xmp":
        for raw in (text,) if kind == b"tEXt" else _unpacked(text[1:], problems):
            # A name, a length, hexadecimal digits in lines.
            match = re.match(rb"\s*xmp\s+\d+\s+([0-9A-Fa-f\s]*)", raw[: 3 * LONGEST])
            try:
                yield bytes.fromhex(match[1].decode()) if match else b""
            except ValueError:
                problems.append("a raw XMP profile that is not hexadecimal")


def _unpacked(packed: bytes, problems: Problems) -> Iterator[bytes]:
    """What was compressed, unless it is too much."""
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(packed, 3 * LONGEST)
    except zlib.error:
        problems.append(_UNREAD[0])
        return
    if unpacker.unconsumed_tail:
        problems.append(_UNREAD[1])
        return
    yield text


def _riff(body: bytes, kind: bytes, problems: Problems) -> Iterator[bytes]:
    """Chunks of one type of a WebP (RFC 9649)."""
    at = 12
    for _ in range(MOST_CHUNKS):
        if at + 8 > len(body):
            if at < len(body):
                problems.append(_CUT_OFF)
            return
        length = int.from_bytes(body[at + 4 : at + 8], "little")
        if at + 8 + length > len(body):
            problems.append(_CUT_OFF)
            return
        if body[at : at + 4] == kind:
            yield body[at + 8 : at + 8 + length]
        at += 8 + length + length % 2
    problems.append(_TOO_MANY)


def _tag(body: bytes, tag: int, directories: int, problems: Problems) -> Iterator[bytes]:
    """The bytes of one tag of a TIFF, in so many directories at most; BigTIFF, too."""
    order = "little" if body.startswith(b"I") else "big"
    big = body[2:4] in (b"+\0", b"\0+")
    # Bytes of an offset and of a count of entries; an entry is tag, type, count, value.
    word, counter = (8, 2 * 4) if big else (4, 2)
    size = 4 + 2 * word

    def number(at: int, size: int) -> int:
        return int.from_bytes(body[at : at + size], order)  # type: ignore[arg-type]

    at = number(8, 8) if big else number(4, 4)
    seen: set[int] = set()
    while at and at not in seen and len(seen) < directories:
        seen.add(at)
        end = at + counter + size * number(at, counter)
        if at < 8 or end > len(body) or end - at > size * _MOST_ENTRIES:
            problems.append(_CUT_OFF)
            return
        for entry in range(at + counter, end, size):
            if number(entry, 2) != tag:
                continue
            width = {1: 1, 2: 1, 7: 1, 6: 1}.get(number(entry + 2, 2), 0)
            length = number(entry + 4, word) * width
            start = entry + 4 + word
            if length > word:
                start = number(start, word)
            if not width or start + length > len(body):
                problems.append(f"tag {tag} is not where the directory says")
                return
            yield body[start : start + length]
            break
        at = number(end, word)


def _gif_xmp(body: bytes, problems: Problems) -> Iterator[bytes]:
    """XMP in an application extension of a GIF (part 3, GIF), before or behind the pictures."""
    at = 13 + _colours(body, 10)
    for _ in range(MOST_CHUNKS):
        kind = body[at : at + 1]
        if kind == b";":
            return
        if kind == b",":
            # A picture: its place, its colours, the size of its codes.
            at += 10 + _colours(body, at + 9) + 1
        elif kind == b"!":
            start, at = at + len(_GIF_XMP), at + 2
            if body.startswith(_GIF_XMP, start - len(_GIF_XMP)):
                # Behind the packet is a row of all octets, by which blocks can be passed over.
                at = body.find(_GIF_END, start)
                if at < 0:
                    problems.append(_CUT_OFF)
                    return
                yield body[start:at]
        else:
            problems.append(_CUT_OFF if at >= len(body) else "no block where one is due")
            return
        while size := body[at : at + 1]:
            at += 1 + size[0]
            if not size[0]:
                break
    problems.append(_TOO_MANY)


def _colours(body: bytes, at: int) -> int:
    """The length of a table of colours, by the octet that says whether there is one."""
    flags = body[at] if at < len(body) else 0
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


Reader = Callable[[bytes, Problems], Iterator[bytes]]
#: Packets of XMP.
XMP: dict[str, Reader] = {
    "jpeg": _jpeg_xmp,
    "png": _png_xmp,
    "webp": lambda body, problems: _riff(body, b"XMP ", problems),
    "tiff": lambda body, problems: _tag(body, 700, 1, problems),
    "gif": _gif_xmp,
}
#: C2PA manifest stores, of which a file may have one (C2PA, embedding manifests).
STORES: dict[str, Reader] = {
    "jpeg": _jpeg_stores,
    "png": _png_stores,
    "webp": lambda body, problems: _riff(body, b"C2PA", problems),
    # Writers have put it into the first directory and into one of its own at the end.
    "tiff": lambda body, problems: _tag(body, 0xCD41, _MOST_DIRECTORIES, problems),
}
