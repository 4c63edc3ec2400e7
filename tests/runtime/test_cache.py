"""How long policy documents are kept, and how much room they take.

Here: lifetimes, freshness, documents as bytes and the bounded stores. What a fetcher makes of
them is tests/runtime/test_fetch.py's business; SQLite and Redis have files of their own.
"""

import asyncio
import random
import subprocess
import sys
import zlib
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reservation_middleware.decide.freshness import (
    LONGEST,
    SHORTEST,
    UNREACHABLE,
    earliest,
    fresh,
    lifetime,
)
from reservation_middleware.model import ConfigurationError, Document, Outcome
from reservation_middleware.model.lru import BoundedLru
from reservation_middleware.runtime.cache import codec as _codec
from reservation_middleware.runtime.cache import open_cache
from reservation_middleware.runtime.cache import words as _words
from reservation_middleware.runtime.cache.codec import (
    UnreadableError,
    checked,
    name_of,
    pack,
    unpack,
)
from reservation_middleware.runtime.cache.memory import MemoryCache

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
        (NOW + MINUTE, NOW + 2 * MINUTE, True),  # another machine's clock
        (NOW + 2 * MINUTE, NOW + 3 * MINUTE, False),  # the clock was set back
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
    assert await cache.get(("https://a.example", "robots.txt")) == one
    assert await cache.get(("https://a.example", "tdmrep.json")) == two
    assert await cache.get(("http://a.example", "robots.txt")) == three
    await cache.put(("https://a.example", "robots.txt"), three)
    assert await cache.get(("https://a.example", "robots.txt")) == three
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
    cache = MemoryCache(octets=10_000)
    rng = random.Random(1)
    for number in range(100):
        await cache.put((str(number), "robots.txt"), document(rng.randbytes(1000)))
    assert 5 <= len(cache) <= 8
    assert await cache.get(("80", "robots.txt")) is None
    assert await cache.get(("99", "robots.txt"))
    # the newest is kept whatever it weighs
    await cache.put(("large", "robots.txt"), document(rng.randbytes(50_000)))
    assert len(cache) == 1
    assert await cache.get(("large", "robots.txt"))


@pytest.mark.asyncio
async def test_memory_cache_keeps_a_body_once() -> None:
    body = random.Random(1).randbytes(5000)
    cache = MemoryCache(octets=100_000)
    for number in range(100):
        await cache.put((str(number), "robots.txt"), document(body))
    assert len(cache) == 100
    assert len(cache._bodies) == 1
    for number in range(99):
        await cache.put((str(number), "robots.txt"), document(None))
    assert (await cache.get(("99", "robots.txt"))) == document(body)
    await cache.put(("99", "robots.txt"), document(b""))
    assert set(cache._bodies) == {sha256(b"").digest()}
    assert not cache._more


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from([None, b"", b"a", b"b" * 900, b"c" * 40])),
        max_size=60,
    ),
    st.integers(1, 4),
)
def test_memory_cache_counts_references(puts: list[tuple[int, bytes | None]], size: int) -> None:
    async def run() -> None:
        cache = MemoryCache(size)
        last: dict[int, bytes | None] = {}
        for number, body in puts:
            await cache.put((str(number), "robots.txt"), document(body))
            last.pop(number, None)
            last[number] = body
        kept = dict(list(last.items())[-size:])
        for number in range(6):
            found = await cache.get((str(number), "robots.txt"))
            assert (found and found.body) == kept.get(number)
        assert len(cache._bodies) == len(set(kept.values()) - {None})
        for number, body in kept.items():  # what is left weighs what it weighs
            cache._forget(name_of((str(number), "robots.txt")), pack(document(body)).head)
        assert not cache._bodies
        assert cache._weight == 0

    asyncio.run(run())


@pytest.mark.asyncio
async def test_memory_cache_counts_and_lets_everyone_fetch() -> None:
    cache, key = MemoryCache(), ("https://a.example", "robots.txt")
    assert await cache.get(key) is None
    assert await cache.claim(key)
    await cache.put(key, document())
    await cache.release(key)
    assert await cache.get(key) == document()
    await cache.close()
    assert await cache.get(key) == document()
    assert cache.counts == {"hits": 2, "misses": 1, "puts": 1, "errors": 0, "degraded": 0}


@pytest.mark.parametrize(("size", "octets"), [(0, 1), (-1, 1), (1, 0)])
def test_memory_cache_needs_room(size: int, octets: int) -> None:
    with pytest.raises(ValueError, match="room"):
        MemoryCache(size, octets=octets)


def test_recent_forgets_the_weight_of_what_it_replaces() -> None:
    recent: BoundedLru[str, int] = BoundedLru(10, 100)
    for number in range(50):
        recent.put("a", number, 40)
    recent.put("b", 1, 40)
    assert recent.get("a") == 49
    recent.put("c", 1, 40)
    assert recent.get("b") is None
    assert (recent.get("a"), recent.get("c")) == (49, 1)
    assert len(recent) == 2


def test_recent_putting_counts_as_use() -> None:
    recent: BoundedLru[str, int] = BoundedLru(2, 100)
    recent.put("a", 1, 1)
    recent.put("b", 1, 1)
    recent.put("a", 2, 1)
    recent.put("c", 1, 1)
    assert [recent.get(key) for key in "abc"] == [2, None, 1]


# Documents as bytes

_TEXT = st.text(st.characters(), max_size=30)  # with lone surrogates
_TIMES = st.none() | st.datetimes(timezones=st.just(UTC))
DOCUMENTS = st.builds(
    Document,
    url=_TEXT,
    resource=_TEXT,
    outcome=st.sampled_from(Outcome),
    status=st.none() | st.integers(100, 999),
    headers=st.lists(st.tuples(_TEXT.filter(lambda name: "cookie" not in name), _TEXT)).map(tuple),
    body=st.none() | st.binary(max_size=300),
    fetched_at=_TIMES,
    expires=_TIMES,
    problem=st.none() | _TEXT,
    location=st.none() | _TEXT,
    address=st.none() | _TEXT,
    stale=st.none() | _TEXT,
    revalidated=st.booleans(),
)
WHOLE = Document(
    url="https://a.example/robots.txt",
    resource="robots.txt",
    outcome=Outcome.FETCHED,
    status=200,
    headers=(("server", "nginx"), ("link", "</a>"), ("link", "</b>"), ("Server", "")),
    body=b"User-agent: *\nDisallow: /\n",
    fetched_at=NOW,
    expires=NOW + timedelta(hours=1, microseconds=1),
    problem="p",
    location="https://www.a.example/robots.txt",
    address="192.0.2.1",
    stale="HTTP 503",
    revalidated=True,
)


@given(DOCUMENTS)
def test_documents_survive_packing(one: Document) -> None:
    head, digest, body = pack(one)
    assert checked(head, body) == unpack(head, body) == one
    assert digest == (None if one.body is None else sha256(one.body).digest())


def test_every_field_is_packed() -> None:
    assert all(getattr(WHOLE, field) for field in WHOLE.__struct_fields__)
    head, _, body = pack(WHOLE)
    assert checked(head, body) == WHOLE


def test_cookies_are_not_kept() -> None:
    cookies = (("set-cookie", "session=secret"), ("set-cookie2", "secret"))
    one = msgspec.structs.replace(WHOLE, headers=(cookies[0], *WHOLE.headers, cookies[1]))
    head, _, body = pack(one)
    assert checked(head, body) == WHOLE


def test_long_bodies_survive_packing() -> None:
    for length in (64 * 1024 - 1, 64 * 1024, 3_000_000):
        one = document(random.Random(length).randbytes(length // 2) * 2)
        head, _, body = pack(one)
        assert checked(head, body).body == one.body


def test_flipped_and_missing_bytes_are_found() -> None:
    head, _, body = pack(WHOLE)
    assert body is not None

    # Some bits of the last byte that is compressed mean nothing (RFC 1951 §3.2.3).
    changes = harmless = 0
    for whole, other in ((head, body), (body, head)):
        for at in range(len(whole)):
            for changed in (
                whole[:at],
                *(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :] for bit in range(8)),
            ):
                changes += 1
                pair = (changed, other) if whole is head else (other, changed)
                try:
                    assert checked(*pair) == WHOLE
                    harmless += 1
                except UnreadableError:
                    pass
    assert harmless < 16 < changes


@given(st.binary(max_size=200), st.none() | st.binary(max_size=50), st.booleans())
def test_foreign_bytes_are_found(head: bytes, body: bytes | None, ours: bool) -> None:
    framed = b"\x01\x00" + zlib.crc32(head).to_bytes(4) + head
    with pytest.raises(UnreadableError):
        checked(framed if ours else head, body)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b"[" * 100_000,
        b'["u","r","fetched",200,null,null,null,null,null,null,null,["odd"]]',
        b'["u","r","nonsense",200,null,null,null,null,null,null,null,[]]',
        b'["u","r","fetched",200,null,null,null,null,99999999999999999999,null,null,[]]',
        b'["u","r","fetched",200,null,null,null,null,9999999999999999999,null,null,[]]',
        b'["u","r","fetched",200,null,null,null,null,null,null,-1,[]]',
        b'["u","r","fetched",200,null,null,null,null,null,null,null,[],1]',
        b"\x00" * 10_000_000,
    ],
)
def test_records_of_others_are_found(text: bytes) -> None:
    squeeze = zlib.compressobj(6, zlib.DEFLATED, -13, 6, 0, _words.WORDS)
    rest = squeeze.compress(text) + squeeze.flush()
    with pytest.raises(UnreadableError):
        checked(b"\x01\x00" + zlib.crc32(rest).to_bytes(4) + rest, None)


def test_a_body_never_unpacks_to_more_than_its_head_says() -> None:
    head, _, _ = pack(WHOLE)
    with pytest.raises(UnreadableError):
        checked(head, zlib.compress(b"\x00" * 50_000_000))
    with pytest.raises(UnreadableError):
        checked(head, None)
    # right by length, and another one
    with pytest.raises(UnreadableError, match="another"):
        checked(head, zlib.compress(bytes(len(WHOLE.body or b""))))


def test_words_and_version_go_together() -> None:
    # What is stored can be read with the same words only: raise VERSION with them.
    assert (_codec.VERSION, sha256(_words.WORDS).hexdigest()[:16]) == (1, "75e8661f493d1de5")
    assert len(_words.WORDS) < 2**13 - 262  # zlib looks back no further


@given(st.lists(st.tuples(_TEXT.map(lambda t: t.replace("\n", "")), st.sampled_from("ab"))))
def test_keys_have_names_of_their_own(keys: list[tuple[str, str]]) -> None:
    assert len({name_of(key) for key in keys}) == len(set(keys))


# Caches by address


@pytest.mark.parametrize(
    ("url", "octets"), [("memory://", 256), ("memory://?megabytes=1200", 1200)]
)
def test_a_cache_in_memory_by_address(url: str, octets: int) -> None:
    cache = open_cache(url)
    assert isinstance(cache, MemoryCache)
    assert cache._octets == octets * 1024 * 1024


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "no scheme"),
        ("reservations.db", "sqlite:///"),
        ("memcached://user:secret@host/", "memcached"),
        ("memory://host", "memory://"),
        ("memory://?megabyte=1", "megabytes"),
        ("memory://?megabytes=0", "positive"),
        ("memory://?megabytes=-1", "positive"),
        ("memory://?megabytes=", "positive"),
        ("sqlite://", "names no file"),
        ("sqlite:///", "names no file"),
        ("sqlite://relative.db", "names no file"),
        ("sqlite:///:memory:", "memory://"),
        ("sqlite:///x.db?mode=ro", "megabytes"),
        ("redis://localhost:nonsense/", "Redis"),
        ("redis://localhost:6379/?nonsense=1", "Redis"),
        ("redis://[::1/", "address"),
    ],
)
def test_addresses_of_no_cache(url: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        open_cache(url)
    assert "secret" not in str(caught.value)


def test_without_the_extra_redis_is_not_there() -> None:
    code = (
        "import sys; sys.modules['redis'] = None\n"
        "from reservation_middleware.runtime.cache import open_cache\n"
        "try: open_cache('redis://localhost/')\n"
        "except ImportError as error: print(error)\n"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'reservation-middleware[redis]'" in out.stdout
