"""How long policy documents are kept, and how much room they take.

Here: lifetimes, freshness and the bounded stores. What a fetcher makes of them is
tests/test_fetch.py's business.
"""

from datetime import UTC, datetime, timedelta

import pytest

from reservation_middleware.cache.freshness import (
    LONGEST,
    SHORTEST,
    UNREACHABLE,
    earliest,
    fresh,
    lifetime,
)
from reservation_middleware.cache.memory import MemoryCache
from reservation_middleware.cache.recent import Recent
from reservation_middleware.model import Document, Outcome

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def document(body: bytes | None = b"", **times: datetime | None) -> Document:
    return Document(
        url="https://a.example/robots.txt",
        resource="robots.txt",
        outcome=Outcome.FETCHED,
        body=body,
        fetched_at=times.get("fetched_at"),
        expires=times.get("expires"),
    )


@pytest.mark.parametrize(
    ("control", "expected"),
    [
        ("max-age=600", timedelta(seconds=600)),
        ("max-age=86399", timedelta(seconds=86399)),
        ("MAX-AGE=600", timedelta(seconds=600)),
        ("public, max-age=600, must-revalidate", timedelta(seconds=600)),
        ("public,max-age=600", timedelta(seconds=600)),
        ('max-age="600"', timedelta(seconds=600)),
        ("max-age=600;stale", SHORTEST),
        ("max-age=600, max-age=3600", timedelta(seconds=600)),
        ("max-age=0", SHORTEST),
        ("max-age=299", SHORTEST),
        ("max-age=300", SHORTEST),
        ("max-age=301", timedelta(seconds=301)),
        ("max-age=86401", LONGEST),
        ("max-age=31536000", LONGEST),
        ("max-age=" + "9" * 5000, LONGEST),
        # RFC 9111 §4.2.1: what cannot be understood is stale
        ("max-age=-1", SHORTEST),
        ("max-age=1e9", SHORTEST),
        ("max-age=", SHORTEST),
        ("max-age=٦٠٠", SHORTEST),
        ("s-maxage=600", LONGEST),
        ("x-max-age=600", LONGEST),
        ("no-store", SHORTEST),
        ("no-cache", SHORTEST),
        ("No-Cache, max-age=3600", SHORTEST),
        ("max-age=3600,no-store", SHORTEST),
        ('no-cache="set-cookie", max-age=3600', SHORTEST),
        ("no-storefront, max-age=600", timedelta(seconds=600)),
        ("private", LONGEST),
        ("", LONGEST),
        (None, LONGEST),
    ],
)
@pytest.mark.parametrize("outcome", [Outcome.FETCHED, Outcome.UNAVAILABLE])
def test_lifetime(control: str | None, expected: timedelta, outcome: Outcome) -> None:
    headers = () if control is None else (("cache-control", control),)
    assert lifetime(outcome, headers) == expected


def test_lifetime_of_repeated_fields() -> None:
    headers = (("cache-control", "public"), ("age", "3"), ("cache-control", "max-age=600"))
    assert lifetime(Outcome.FETCHED, headers) == timedelta(seconds=600)


def test_lifetime_of_unreachable_is_short_whatever_it_says() -> None:
    assert lifetime(Outcome.UNREACHABLE, ()) == UNREACHABLE
    assert lifetime(Outcome.UNREACHABLE, (("cache-control", "max-age=86400"),)) == UNREACHABLE
    assert timedelta(0) < UNREACHABLE < timedelta(hours=1)


def test_bounds() -> None:
    assert timedelta(minutes=5) == SHORTEST
    assert timedelta(hours=24) == LONGEST


@pytest.mark.parametrize(
    ("fetched_at", "expires", "expected"),
    [
        (NOW - MINUTE, NOW + MINUTE, True),
        (NOW, NOW + MINUTE, True),
        (None, NOW + MINUTE, True),
        (NOW - MINUTE, NOW, False),
        (NOW - 2 * MINUTE, NOW - MINUTE, False),
        (NOW - MINUTE, None, False),
        (None, None, False),
        (NOW + MINUTE, NOW + 2 * MINUTE, False),  # the clock was set back
    ],
)
def test_fresh(fetched_at: datetime | None, expires: datetime | None, expected: bool) -> None:
    assert fresh(document(fetched_at=fetched_at, expires=expires), NOW) is expected


def test_earliest() -> None:
    assert earliest([]) is None
    assert earliest([None]) is None
    assert earliest([NOW, None, NOW - MINUTE]) == NOW - MINUTE


@pytest.mark.asyncio
async def test_memory_cache_keeps_by_origin_and_resource() -> None:
    cache = MemoryCache()
    assert await cache.get(("https://a.example", "robots.txt")) is None
    one, two, three = document(b"1"), document(b"2"), document(b"3")
    await cache.put(("https://a.example", "robots.txt"), one)
    await cache.put(("https://a.example", "tdmrep.json"), two)
    await cache.put(("http://a.example", "robots.txt"), three)
    assert await cache.get(("https://a.example", "robots.txt")) is one
    assert await cache.get(("https://a.example", "tdmrep.json")) is two
    assert await cache.get(("http://a.example", "robots.txt")) is three
    await cache.put(("https://a.example", "robots.txt"), three)
    assert await cache.get(("https://a.example", "robots.txt")) is three
    assert len(cache) == 3


@pytest.mark.asyncio
async def test_memory_cache_is_bounded_by_number() -> None:
    cache = MemoryCache(2)
    for label in "ab":
        await cache.put((label, "robots.txt"), document())
    assert await cache.get(("a", "robots.txt"))  # so b was used least recently
    await cache.put(("c", "robots.txt"), document())
    assert len(cache) == 2
    assert await cache.get(("b", "robots.txt")) is None
    assert await cache.get(("a", "robots.txt"))
    assert await cache.get(("c", "robots.txt"))


@pytest.mark.asyncio
async def test_memory_cache_is_bounded_by_octets() -> None:
    cache = MemoryCache(octets=1000)
    for number in range(100):
        await cache.put((str(number), "robots.txt"), document(b"x" * 300))
        await cache.put((str(number), "tdmrep.json"), document(None))
    assert len(cache) == 7
    assert await cache.get(("96", "robots.txt")) is None
    assert await cache.get(("97", "robots.txt"))
    await cache.put(("large", "robots.txt"), document(b"x" * 5000))
    assert len(cache) == 1
    assert await cache.get(("large", "robots.txt"))


@pytest.mark.parametrize(("size", "octets"), [(0, 1), (-1, 1), (1, 0)])
def test_memory_cache_needs_room(size: int, octets: int) -> None:
    with pytest.raises(ValueError, match="room"):
        MemoryCache(size, octets=octets)


def test_recent_forgets_the_weight_of_what_it_replaces() -> None:
    recent: Recent[str, int] = Recent(10, 100)
    for number in range(50):
        recent.put("a", number, 40)
    recent.put("b", 1, 40)
    assert recent.get("a") == 49
    recent.put("c", 1, 40)
    assert recent.get("b") is None
    assert (recent.get("a"), recent.get("c")) == (49, 1)
    assert len(recent) == 2


def test_recent_putting_counts_as_use() -> None:
    recent: Recent[str, int] = Recent(2, 100)
    recent.put("a", 1, 1)
    recent.put("b", 1, 1)
    recent.put("a", 2, 1)
    recent.put("c", 1, 1)
    assert [recent.get(key) for key in "abc"] == [2, None, 1]
