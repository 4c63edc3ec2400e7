"""The Merkle tree over a segment's lines: roots, audit paths, consistency proofs.

Pure: hashes in, hashes out. A tree that only grows at its right end is kept as the roots of its
complete subtrees, one per bit of its size, so that memory never grows with the log.
Reference: RFC 9162 §2.1.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from hashlib import sha256

#: The root of a tree without leaves (§2.1.1).
EMPTY = sha256().digest()


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node; its first byte keeps it from being taken for a leaf."""
    return sha256(b"\x01" + left + right).digest()


class Tree:
    """A tree that leaves are appended to.

    Attributes:
        size: how many leaves it has.
    """

    __slots__ = ("_subtrees", "size")

    def __init__(self) -> None:
        self.size = 0
        # The complete subtrees from left to right, the largest first.
        self._subtrees: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        """Add a leaf by its hash."""
        subtrees, before = self._subtrees, self.size
        while before & 1:
            leaf = node_hash(subtrees.pop(), leaf)
            before >>= 1
        subtrees.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """The root of what is there so far."""
        return _joined(self._subtrees)


def root_of(hashes: Iterable[bytes]) -> bytes:
    """The root over these leaf hashes."""
    tree = Tree()
    for leaf in hashes:
        tree.append(leaf)
    return tree.root()


def inclusion(hashes: Sequence[bytes], index: int) -> list[bytes]:
    """The audit path of one leaf (§2.1.3.1), the sibling of the leaf first."""
    return inclusions(hashes, len(hashes), (index,))[index]


def inclusions(
    hashes: Iterable[bytes], size: int, indexes: Collection[int]
) -> dict[int, list[bytes]]:
    """The audit paths of some leaves of a tree of ``size`` leaves, in one pass over them.

    What is kept grows with the number of paths and the logarithm of the size only.

    Raises:
        IndexError: there is no such leaf, or there are not ``size`` leaves.
    """
    if any(not 0 <= index < size for index in indexes):
        raise IndexError("there is no such leaf")
    wanted = {index: list(_siblings(index, size)) for index in indexes}
    needed = {part for spans in wanted.values() for span in spans for part in _parts(*span)}
    found: dict[tuple[int, int], bytes] = {}
    subtrees: list[bytes] = []
    count = 0
    for leaf in hashes:
        if count == size:
            break
        count += 1
        width = 1
        if (count - 1, count) in needed:
            found[count - 1, count] = leaf
        while not count & width:
            leaf = node_hash(subtrees.pop(), leaf)
            width *= 2
            if (count - width, count) in needed:
                found[count - width, count] = leaf
        subtrees.append(leaf)
    if count < size:
        raise IndexError("there are fewer leaves than that")
    return {
        index: [_joined([found[part] for part in _parts(*span)]) for span in spans]
        for index, spans in wanted.items()
    }


def verify_inclusion(
    leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes
) -> bool:
    """Whether an audit path leads from a leaf hash to the root (§2.1.3.2)."""
    if not 0 <= index < size:
        return False
    place, last, found = index, size - 1, leaf
    for sibling in path:
        if not last:
            return False
        if place & 1 or place == last:
            found = node_hash(sibling, found)
            while not place & 1 and place:
                place >>= 1
                last >>= 1
        else:
            found = node_hash(found, sibling)
        place >>= 1
        last >>= 1
    return not last and found == root


def consistency(hashes: Sequence[bytes], first: int) -> list[bytes]:
    """The proof that the tree of the ``first`` leaves is the beginning of this one (§2.1.4.1).

    Raises:
        IndexError: there are not so many leaves.
    """
    if not 0 <= first <= len(hashes):
        raise IndexError("there are fewer leaves than that")
    if first in (0, len(hashes)):
        return []
    path: list[bytes] = []
    start, end, whole = 0, len(hashes), True
    while first != end:
        middle = start + _split(end - start)
        if first <= middle:
            path.append(root_of(hashes[middle:end]))
            end = middle
        else:
            path.append(root_of(hashes[start:middle]))
            start, whole = middle, False
    if not whole:
        path.append(root_of(hashes[start:end]))
    return path[::-1]


def verify_consistency(
    first: int, first_root: bytes, second: int, second_root: bytes, path: Sequence[bytes]
) -> bool:
    """Whether the tree of ``first`` leaves is the beginning of that of ``second`` (§2.1.4.2)."""
    if not 0 <= first <= second:
        return False
    if first == second:
        return not path and first_root == second_root
    if not first:
        return not path and first_root == EMPTY
    # A complete first tree is itself the first node of the proof, and left out of it.
    nodes = list(path) if first & (first - 1) else [first_root, *path]
    if not nodes:
        return False
    place, last = first - 1, second - 1
    while place & 1:
        place >>= 1
        last >>= 1
    older = newer = nodes[0]
    for node in nodes[1:]:
        if not last:
            return False
        if place & 1 or place == last:
            older, newer = node_hash(node, older), node_hash(node, newer)
            while not place & 1 and place:
                place >>= 1
                last >>= 1
        else:
            newer = node_hash(newer, node)
        place >>= 1
        last >>= 1
    return not last and older == first_root and newer == second_root


def _split(size: int) -> int:
    """The largest power of two below a size of two or more."""
    return 1 << ((size - 1).bit_length() - 1)


def _siblings(index: int, size: int) -> Iterator[tuple[int, int]]:
    """The spans of leaves below the nodes of an audit path, the leaf's sibling first."""
    start, end = 0, size
    spans: list[tuple[int, int]] = []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start = middle
    return reversed(spans)


def _parts(start: int, end: int) -> Iterator[tuple[int, int]]:
    """The complete subtrees that a span of a tree consists of, from left to right."""
    while start < end:
        width = 1 << ((end - start).bit_length() - 1)
        yield start, start + width
        start += width


def _joined(subtrees: Sequence[bytes]) -> bytes:
    """The root over complete subtrees that stand side by side, the largest first."""
    if not subtrees:
        return EMPTY
    root = subtrees[-1]
    for left in reversed(subtrees[:-1]):
        root = node_hash(left, root)
    return root
