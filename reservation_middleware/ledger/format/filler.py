"""What stands in an archive of policy documents where a record was erased.

Members of gzip that hold nothing, exactly as long as what they replace, so that every other
record stays where it was and readers of WARC files go on behind them. There is one filler for
each length: whoever verifies accepts no other.
Reference: RFC 1952 §2.3.1.1 (extra field; other padding, such as a long comment, is refused by
some readers).
"""

from collections.abc import Iterator
from struct import pack

#: ID1 ID2, CM = 8, FLG = FEXTRA, MTIME = 0, XFL = 0, OS = 255 (unknown).
_HEAD = b"\x1f\x8b\x08\x04\x00\x00\x00\x00\x00\xff"
#: An empty deflate block, CRC32 and ISIZE of nothing.
_TAIL = b"\x03\x00" + bytes(8)
_SUBFIELD = b"RM"
_OVERHEAD = len(_HEAD) + 2 + len(_SUBFIELD) + 2 + len(_TAIL)
_LARGEST = _OVERHEAD - 4 + 0xFFFF

#: No record of WARC is shorter than this.
SHORTEST = _OVERHEAD


def filler(length: int) -> Iterator[bytes]:
    """The filler of a length of ``SHORTEST`` or more, member by member.

    Raises:
        ValueError: it is too short.
    """
    if length < SHORTEST:
        raise ValueError("too short for a filler")
    while length:
        size = min(length, _LARGEST)
        if 0 < length - size < SHORTEST:
            size -= SHORTEST
        padding = size - _OVERHEAD
        field = _SUBFIELD + pack("<H", padding) + bytes(padding)
        yield _HEAD + pack("<H", len(field)) + field + _TAIL
        length -= size
