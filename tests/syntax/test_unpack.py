"""Content codings, undone bit by bit and in bounds; bombs on sockets are in tests/runtime/test_faults.py."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reservation_middleware.syntax.content_coding import EncodingError, Unpacker

RULES = b"User-agent: *\nDisallow: /private/\n"


def packed(coding: str, body: bytes) -> bytes:
    if coding == "br":
        return bytes(pytest.importorskip("brotli").compress(body))
    if coding == "zstd":
        return bytes(pytest.importorskip("backports.zstd").compress(body))
    if coding == "raw deflate":
        pack = zlib.compressobj(wbits=-15)
        return pack.compress(body) + pack.flush()
    return gzip.compress(body) if "gzip" in coding else zlib.compress(body)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "raw deflate", "br", "zstd"])
@pytest.mark.parametrize("step", [1, 7, 4096])
def test_however_it_comes_in_pieces(coding: str, step: int) -> None:
    for body in (b"", RULES * 50, bytes(range(256)) * 40):
        data = packed(coding, body)
        unpacker = Unpacker([coding.removeprefix("raw ")], 10**6)
        for start in range(0, len(data), step):
            unpacker.feed(data[start : start + step])
        unpacker.end()
        assert unpacker.body == body


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_cut_off(coding: str) -> None:
    unpacker = Unpacker([coding], 10**6)
    unpacker.feed(packed(coding, RULES * 50)[:-6])
    with pytest.raises(EncodingError, match="cut off"):
        unpacker.end()


def test_streams_one_after_the_other() -> None:
    for coding in ("gzip", "zstd"):
        unpacker = Unpacker([coding], 10**6)
        unpacker.feed(packed(coding, RULES) * 3)
        unpacker.end()
        assert unpacker.body == RULES * 3
        with pytest.raises(EncodingError, match="more than 1024"):
            Unpacker([coding], 10**6).feed(packed(coding, b"") * 2000)
    unpacker = Unpacker(["gzip"], 10**6)
    unpacker.feed(gzip.compress(RULES) + b"\0" * 512)
    unpacker.end()
    assert unpacker.body == RULES


def test_the_ratio_counts_beyond_the_limit_only() -> None:
    """A short file may be as dull as it likes; a long one that is not a bomb is cut."""
    unpacker = Unpacker(["gzip"], 500_000)
    unpacker.feed(gzip.compress(b"\n" * 499_000))
    unpacker.end()
    assert len(unpacker.body) == 499_000
    text = b"".join(b"Disallow: /%d/\n" % (number * 7919 % 10**6) for number in range(100_000))
    unpacker = Unpacker(["gzip"], 500_000)
    unpacker.feed(gzip.compress(text))
    unpacker.end()
    assert unpacker.enough
    assert text.startswith(unpacker.body)
    assert len(unpacker.body) < 600_000
    with pytest.raises(EncodingError, match="content codings on top of each other"):
        Unpacker(["gzip"] * 5, 1)


@given(
    st.lists(st.sampled_from(["gzip", "deflate", "br", "zstd", "none", ",", ""]), max_size=3),
    st.lists(st.binary(max_size=80), max_size=4),
)
def test_any_bytes_are_an_error_or_a_body(codings: list[str], pieces: list[bytes]) -> None:
    try:
        unpacker = Unpacker(codings, 100)
        for piece in pieces:
            unpacker.feed(piece)
        unpacker.end()
    except EncodingError as error:
        assert str(error)  # noqa: PT017 - either is fine
    else:
        assert len(unpacker.body) <= 100 + max([64 * 1024, *map(len, pieces)])
