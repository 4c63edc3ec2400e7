"""What every cache of policy documents can do, whatever it keeps them in."""

from typing import Protocol

from reservation_middleware.model import Document

#: What a document is kept by: origin (scheme, host, port) and resource name, or its own
#: address where another document pointed to it.
Key = tuple[str, str]

#: Seconds after which a claim lapses that was not renewed: its owner is gone.
LEASE = 30.0


class Cache(Protocol):
    """Where policy documents are kept, and who fetches which of them.

    No method raises for what a server, a disk or another process does: a cache that fails
    is one that knows nothing, and counts it.

    Attributes:
        counts: how often what happened, by name, for stats.
    """

    counts: dict[str, int]

    async def get(self, key: Key) -> Document | None:
        """The document kept under a key, fresh or not."""

    async def put(self, key: Key, document: Document) -> None:
        """Keep a document."""

    async def claim(self, key: Key) -> bool:
        """Whether the caller is to fetch a document: nobody else does at this time.

        Who holds a claim renews it by claiming again; it lapses after ``LEASE`` seconds.
        """

    async def release(self, key: Key) -> None:
        """Give a claim back."""

    async def close(self) -> None:
        """Let go of files and connections."""
