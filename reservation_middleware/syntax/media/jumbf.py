"""Whether a C2PA manifest store is whole: boxes that fill each other, CBOR that is all there.

A parser that believes what a length says asks for as much memory before it finds that the
bytes are missing: 3 KB then cost gigabytes. So every length in a store is compared with what
is there before a library sees it. Here: that comparison. Not here: what anything means.
References: ISO 19566-5 (JUMBF); RFC 8949 (CBOR).
"""

#: Bytes of a store, boxes in it, boxes inside each other, and items of CBOR.
LONGEST, MOST_BOXES, DEEPEST_BOX, MOST_ITEMS = 4 * 1024 * 1024, 2_000, 8, 50_000
#: Manifests of one store, the active one and those of ingredients.
MOST_MANIFESTS = 64
_DEEPEST_ITEM = 32
# What may stand beside a description in a superbox. Compressed boxes (brob) may not, since
# what is in them would be compared by nobody.
_CONTENT = (b"cbor", b"json", b"jp2c", b"uuid", b"bfdb", b"bidb", b"free", b"c2sh")
_MANIFESTS = (b"c2ma", b"c2um", b"c2cm")


class JumbfError(ValueError):
    """Why a store is not to be given to a library."""


def check(store: bytes) -> None:
    """See that a store is whole and not too large.

    Raises:
        JumbfError: it is not.
    """
    if len(store) > LONGEST:
        raise JumbfError(f"a manifest store over {LONGEST // 1024**2} MiB")
    boxes = manifests = items = 0
    left = [(0, len(store), 0)]
    while left:
        at, end, depth = left.pop()
        while at < end:
            boxes += 1
            kind, start, at = _box(store, at, end)
            if boxes > MOST_BOXES or depth > DEEPEST_BOX:
                raise JumbfError("a manifest store of too many boxes")
            if kind == b"jumb":
                left.append((start, at, depth + 1))
            elif depth == 0:
                raise JumbfError("no manifest store where one is due")
            elif kind == b"jumd":
                manifests += store[start : start + 4] in _MANIFESTS
                if manifests > MOST_MANIFESTS:
                    raise JumbfError("a manifest store of too many manifests")
                _description(store, start, at)
            elif kind == b"cbor":
                items = _items(store, start, at, items)
            elif kind not in _CONTENT:
                raise JumbfError("a manifest store with a box that is not read")


def _box(store: bytes, at: int, end: int) -> tuple[bytes, int, int]:
    """Type, start and end of a box's content. Lengths 0 (to the end) and 1 (a longer length
    follows) are refused: nobody needs them here.
    """
    length = int.from_bytes(store[at : at + 4], "big")
    if length < 8 or at + length > end:
        raise JumbfError("a manifest store with a box that is cut off")
    return store[at + 4 : at + 8], at + 8, at + length


def _description(store: bytes, at: int, end: int) -> None:
    """A type, toggles, and what they say: label, number, digest, a box of one's own."""
    if at + 17 > end:
        raise JumbfError("a manifest store with a description that is cut off")
    toggles, at = store[at + 16], at + 17
    if toggles & 2:
        at = store.find(b"\0", at, end) + 1 or end + 1
    at += 4 * bool(toggles & 4) + 32 * bool(toggles & 8)
    if toggles & 16:
        _, _, at = _box(store, at, end)
    if at != end:
        raise JumbfError("a manifest store with a description that is not as it says")


def _items(store: bytes, at: int, end: int, items: int) -> int:
    """Items so far, with those of one box of CBOR; its arrays and strings must be all there."""
    open_ones: list[int] = []  # items still due in each open array, map or tag; -1 until a break
    while at < end or open_ones:
        if at >= end:
            raise JumbfError("a manifest store with CBOR that is cut off")
        items += 1
        if items > MOST_ITEMS or len(open_ones) > _DEEPEST_ITEM:
            raise JumbfError("a manifest store with too much CBOR")
        major, info = store[at] >> 5, store[at] & 31
        value = info
        at += 1
        if 24 <= info < 28:
            size = 1 << (info - 24)
            value = int.from_bytes(store[at : at + size], "big")
            at += size
        elif info >= 28 and (info < 31 or major in (0, 1, 6)):
            raise JumbfError("a manifest store with CBOR that is none")
        if open_ones and open_ones[-1] > 0:
            open_ones[-1] -= 1
        if info == 31:
            if major != 7:
                open_ones.append(-1)
            elif not open_ones or open_ones.pop() != -1:
                raise JumbfError("a manifest store with CBOR that is none")
        elif major in (2, 3):
            at += value
        elif major in (4, 5, 6):
            due = 1 if major == 6 else value * (major - 3)
            if due > end - at:
                raise JumbfError("a manifest store with CBOR that is cut off")
            open_ones.append(due)
        if at > end:
            raise JumbfError("a manifest store with CBOR that is cut off")
        while open_ones and open_ones[-1] == 0:
            open_ones.pop()
    return items
