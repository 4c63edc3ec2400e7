"""Sites that are ready to decide: how many are kept, for how long, and what they take.

Each page of a crawl asks here first, before ``fetcher.py`` looks for documents.
"""

from math import inf
from typing import NamedTuple

from reservation_middleware.decide.site import Site
from reservation_middleware.model import Probes
from reservation_middleware.model.lru import BoundedLru

#: Sites that are kept, and the memory that they may take together.
MAX_SITES, MAX_OCTETS = 10_000, 256 * 1024 * 1024
#: What a site takes, about: so much, and so many times the length of its files. Measured over
#: real robots.txt: 34 KB for those of 1.5 KB, 51 KB for those of 4.3 KB, the mean of 2,111 files,
#: and some five times its length for a large one. There is room for some 5,500 sites like these.
PER_SITE, PER_OCTET = 24 * 1024, 5
#: A line takes some 400 bytes however short it is; few real files have more lines than these.
PER_LINE, LINES = 400, 500
#: A site is fetched anew so many seconds before it expires, or a tenth of its lifetime.
_AHEAD = 300.0


class CompiledSite(NamedTuple):
    """A site that is ready to decide.

    Times are seconds since 1970, which are had and compared faster than dates.

    Attributes:
        site: the site.
        since: when it was made.
        until: when it expires.
        ahead: when it is fetched anew.
    """

    site: Site
    since: float
    until: float
    ahead: float

    @classmethod
    def of(cls, site: Site, now: float) -> "CompiledSite":
        """A site that was made just now."""
        until = site.expires.timestamp() if site.expires else inf
        return cls(site, now, until, until - min(_AHEAD, max(until - now, 0) / 10))


class SiteMemory:
    """The sites used most recently, by origin and the places that are asked there."""

    __slots__ = ("_recent", "get")

    def __init__(self) -> None:
        self._recent: BoundedLru[tuple[str, Probes], CompiledSite] = BoundedLru(
            MAX_SITES, MAX_OCTETS
        )
        #: The site that is kept under a key, if there is one.
        self.get = self._recent.get

    def put(self, key: tuple[str, Probes], ready: CompiledSite) -> None:
        """Keep a site."""
        lines = sum((document.body or b"").count(b"\n") for document in ready.site.documents)
        more = max(0, lines - LINES)
        weight = PER_SITE + PER_OCTET * ready.site.octets + PER_LINE * more
        self._recent.put(key, ready, weight)

    def __len__(self) -> int:
        return len(self._recent)
