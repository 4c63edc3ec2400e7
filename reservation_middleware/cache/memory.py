"""Documents in this process's memory, bounded: the least recently used go first."""

from reservation_middleware.model import Document

from .recent import Recent

#: What a document is kept by: origin (scheme, host, port) and resource name, or its own
#: address where another document pointed to it.
Key = tuple[str, str]

_MIB = 1024 * 1024


class MemoryCache:
    """A bounded cache of policy documents.

    Args:
        size: how many documents are kept at the most.
        octets: how long their bodies may be together.

    Raises:
        ValueError: there is no room for a single document.
    """

    def __init__(self, size: int = 100_000, *, octets: int = 256 * _MIB) -> None:
        self._documents: Recent[Key, Document] = Recent(size, octets)

    async def get(self, key: Key) -> Document | None:
        """The document kept under a key, fresh or not."""
        return self._documents.get(key)

    async def put(self, key: Key, document: Document) -> None:
        """Keep a document; the one used least recently makes room."""
        self._documents.put(key, document, len(document.body or b""))

    async def claim(self, key: Key) -> bool:
        """Whether the caller is to fetch a document; in one process flights see to that."""
        return True

    async def release(self, key: Key) -> None:
        """Give a claim back."""

    async def close(self) -> None:
        """Nothing is open."""

    def __len__(self) -> int:
        return len(self._documents)
