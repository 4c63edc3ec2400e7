"""Documents in this process's memory, bounded: the least recently used go first."""

from collections import OrderedDict

from reservation_middleware.model import Document

#: What a document is kept by: origin (scheme, host, port) and resource name.
Key = tuple[str, str]


class MemoryCache:
    """A bounded cache of policy documents.

    Args:
        size: how many documents are kept at the most.
    """

    def __init__(self, size: int = 100_000) -> None:
        if size < 1:
            raise ValueError("a cache needs room for at least one document")
        self._size = size
        self._documents: OrderedDict[Key, Document] = OrderedDict()

    async def get(self, key: Key) -> Document | None:
        """The document kept under a key, fresh or not."""
        document = self._documents.get(key)
        if document is not None:
            self._documents.move_to_end(key)
        return document

    async def put(self, key: Key, document: Document) -> None:
        """Keep a document; the one used least recently makes room."""
        self._documents[key] = document
        self._documents.move_to_end(key)
        while len(self._documents) > self._size:
            self._documents.popitem(last=False)

    def __len__(self) -> int:
        return len(self._documents)
