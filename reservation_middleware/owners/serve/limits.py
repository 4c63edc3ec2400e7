"""How often a client may ask, and how often a site may be asked: token buckets.

Reference: https://en.wikipedia.org/wiki/Token_bucket
"""

from collections.abc import Callable
from ipaddress import ip_address, ip_network
from time import monotonic

from reservation_middleware.model.lru import BoundedLru

#: Keys that are remembered; who asks under more names than that begins anew.
_MOST_KEYS = 20_000


class Buckets:
    """A bucket for each key: full at first, and filled again at an even rate.

    Args:
        size: requests at once.
        seconds: after which one more may be made.
        clock: seconds that only grow.
    """

    def __init__(
        self, size: int, seconds: float, *, clock: Callable[[], float] = monotonic
    ) -> None:
        self._size, self._seconds, self._clock = size, seconds, clock
        self._levels: BoundedLru[str, tuple[float, float]] = BoundedLru(_MOST_KEYS)

    def take(self, key: str) -> float:
        """Take one; 0 if there was one, else the seconds after which there is."""
        now = self._clock()
        level, since = self._levels.get(key) or (float(self._size), now)
        level = min(float(self._size), level + (now - since) / self._seconds)
        wait = 0.0 if level >= 1 else (1 - level) * self._seconds
        self._levels.put(key, (level if wait else level - 1, now))
        return wait


def client_key(address: str) -> str:
    """The key of a client: its IPv4 address, or the /64 net of its IPv6 address."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if parsed.version == 6 and not parsed.ipv4_mapped:
        return str(ip_network(f"{parsed}/64", strict=False))
    return str(parsed)
