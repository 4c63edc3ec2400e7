"""Documents in this process's memory, bounded: the least recently used go first.

They are kept packed: a body that many sites send takes room once. Unpacking one costs some
microseconds, and happens rarely, since sites that are ready to decide stand before it.
"""

from collections import OrderedDict

from reservation_middleware.model import Document

from .codec import digest_of, name_of, pack, unpack
from .protocol import Key

MIB = 1024 * 1024
#: What a mapping takes for one document and for one body besides the bytes, about.
_PER_DOCUMENT, _PER_BODY = 220, 160


class MemoryCache:
    """A bounded cache of policy documents.

    Args:
        size: how many documents are kept at the most.
        octets: how much memory they may take together, about. A host takes some 1.2 KB, so
            that the default is enough for 200,000.

    Attributes:
        counts: how often what happened: hits, misses, puts, errors, degraded.

    Raises:
        ValueError: there is no room for a single document.
    """

    def __init__(self, size: int = 10_000_000, *, octets: int = 256 * MIB) -> None:
        if size < 1 or octets < 1:
            raise ValueError("a cache needs room for at least one document")
        self.counts = dict.fromkeys(("hits", "misses", "puts", "errors", "degraded"), 0)
        self._size, self._octets = size, octets
        self._heads: OrderedDict[bytes, bytes] = OrderedDict()
        self._bodies: dict[bytes, bytes] = {}
        #: How many heads a body has besides the first.
        self._more: dict[bytes, int] = {}
        self._weight = 0

    async def get(self, key: Key) -> Document | None:
        """The document kept under a key, fresh or not."""
        known = self.kept(key)
        if known is None:
            self.counts["misses"] += 1
        return known

    def kept(self, key: Key) -> Document | None:
        """The same for those who are in this process and need not wait; not finding it is no miss,
        as it will be asked for.
        """
        name = name_of(key)
        head = self._heads.get(name)
        if head is None:
            return None
        self._heads.move_to_end(name)
        self.counts["hits"] += 1
        return unpack(head, self._bodies.get(digest_of(head) or b""))

    async def put(self, key: Key, document: Document) -> None:
        """Keep a document; the one used least recently makes room."""
        head, digest, body = pack(document)
        name = name_of(key)
        before = self._heads.pop(name, None)
        self._heads[name] = head
        self._weight += _PER_DOCUMENT + len(name) + len(head)
        if digest is not None and body is not None:
            if digest in self._bodies:
                self._more[digest] = self._more.get(digest, 0) + 1
            else:
                self._bodies[digest] = body
                self._weight += _PER_BODY + len(body)
        if before is not None:
            self._forget(name, before)
        self.counts["puts"] += 1
        while len(self._heads) > self._size or (
            self._weight > self._octets and len(self._heads) > 1
        ):
            self._forget(*self._heads.popitem(last=False))

    def _forget(self, name: bytes, head: bytes) -> None:
        """Take off what a head that is no longer kept weighed, and its body if it was the last."""
        self._weight -= _PER_DOCUMENT + len(name) + len(head)
        digest = digest_of(head)
        if digest is None:
            return
        more = self._more.get(digest, 0)
        if more > 1:
            self._more[digest] = more - 1
        elif more:
            del self._more[digest]
        else:
            self._weight -= _PER_BODY + len(self._bodies.pop(digest))

    async def claim(self, key: Key) -> bool:  # noqa: ARG002
        """Whether the caller is to fetch a document: nobody else can see this cache."""
        return True

    async def release(self, key: Key) -> None:
        """Give a claim back."""

    async def close(self) -> None:
        """Let go of nothing: what is known stays known."""

    def __len__(self) -> int:
        return len(self._heads)


__all__ = ["MIB", "Key", "MemoryCache"]
