"""A cache's corner for what was asked of one address under other names than its own."""

from reservation_middleware.model import Document

from .protocol import Cache, Key


class PlacedCache:
    """Keeps documents in another cache, apart from those that were asked for at their own address.

    A server that is asked with a Host field of one's choice may say anything about that host.

    Args:
        cache: where they are kept.
        address: origin of the server that is asked.

    Attributes:
        counts: of the other cache.
    """

    def __init__(self, cache: Cache, address: str) -> None:
        self._cache = cache
        self._address = address
        self.counts = cache.counts

    async def get(self, key: Key) -> Document | None:
        """The document kept under a key, fresh or not."""
        return await self._cache.get(self._key(key))

    async def put(self, key: Key, document: Document) -> None:
        """Keep a document."""
        await self._cache.put(self._key(key), document)

    async def claim(self, key: Key) -> bool:
        """Whether the caller is to fetch a document: nobody else does at this time."""
        return await self._cache.claim(self._key(key))

    async def release(self, key: Key) -> None:
        """Give a claim back."""
        await self._cache.release(self._key(key))

    async def close(self) -> None:
        """Nothing: the other cache stays open."""

    def _key(self, key: Key) -> Key:
        where, resource = key
        return f"{where} at {self._address}", resource
