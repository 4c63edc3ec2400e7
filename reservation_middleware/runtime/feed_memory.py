"""Remembers feeds: statements in one page about other pages of the same origin, for a while.

Bounded, and no I/O; time is handed in.
"""

from datetime import datetime, timedelta

from reservation_middleware.decide.reading import Reading
from reservation_middleware.model.lru import BoundedLru

#: Origins, octets of their pages together, and pages of one origin that are kept.
_MOST_ORIGINS, _MOST_OCTETS, _MOST = 10_000, 16 * 1024 * 1024, 8
#: How long a page's statements hold, as robots.txt does (RFC 9309 §2.4).
LIFETIME = timedelta(hours=24)


class FeedMemory:
    """Pages that say something about others, by origin."""

    def __init__(self) -> None:
        self._known: BoundedLru[str, dict[str, tuple[Reading, datetime]]] = BoundedLru(
            _MOST_ORIGINS, _MOST_OCTETS
        )

    def learn(self, origin: str, page: Reading, now: datetime) -> list[Reading]:
        """Keep one page; all that is known of its origin then."""
        pages = {
            url: known
            for url, known in (self._known.get(origin) or {}).items()
            if now < known[1] and url != page.document.url
        }
        pages[page.document.url] = page, now + LIFETIME
        pages = dict(list(pages.items())[-_MOST:])
        octets = sum(len(reading.document.body or b"") for reading, _ in pages.values())
        self._known.put(origin, pages, octets)
        return [reading for reading, _ in pages.values()]

    def of(self, origin: str, now: datetime) -> list[Reading]:
        """What is known of an origin and holds still."""
        known = self._known.get(origin) or {}
        return [reading for reading, until in known.values() if now < until]
