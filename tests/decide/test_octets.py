"""Text whose paths are compared octet by octet. What follows is told by the vectors."""

import re
from urllib.parse import quote, quote_from_bytes, unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reservation_middleware.syntax.octets import text_of
from reservation_middleware.syntax.path import Pattern, canonical
from reservation_middleware.syntax.pattern_index import PatternIndex
from reservation_middleware.syntax.robots import RobotsFile


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "windows-1251", "shift-jis", "euc-kr"])
def test_rules_match_the_octets_of_a_url(encoding: str) -> None:
    words = {"windows-1251": "книги", "shift-jis": "本", "euc-kr": "책"}
    word = words.get(encoding, "bücher").encode(encoding)
    [group] = RobotsFile(b"User-agent: *\nDisallow: /" + word + b"/\n").groups
    [rule] = group.rules
    path = canonical("/" + quote(word) + "/x")
    assert Pattern(rule.path).matches(path)
    assert not Pattern(rule.path).matches(canonical("/" + quote(word[:-1]) + "/x"))


@given(st.binary(max_size=60))
def test_no_octet_is_lost_or_made_up(body: bytes) -> None:
    text = text_of(body)
    assert text.isascii() or text.encode()  # nothing that could not be written
    if b"%" not in body:
        assert unquote_to_bytes(text) == body.removeprefix(b"\xef\xbb\xbf")


def test_what_is_utf_8_stays_as_it_is() -> None:
    assert text_of("/bücher/%FC".encode("utf-8-sig")) == "/bücher/%FC"


OCTETS = st.lists(st.sampled_from([b"a", b"b", b"%", b"$", b"*", b"\xc3", b"\xa9", b"\xff", b"\n"]))


@given(st.lists(OCTETS.map(b"".join), min_size=1, max_size=4), st.booleans(), OCTETS.map(b"".join))
def test_patterns_match_octets_as_a_regular_expression_does(
    literals: list[bytes], anchored: bool, rest: bytes
) -> None:
    """Whatever the octets: halves of characters, whole ones, and what patterns give a meaning."""
    pattern = "/" + "*".join(map(quote_from_bytes, literals)) + "$" * anchored
    expression = b"/" + b".*".join(map(re.escape, literals)) + rb"\Z" * anchored
    expected = re.match(expression, b"/" + rest, re.DOTALL) is not None
    path = canonical("/" + quote_from_bytes(rest))
    assert Pattern(pattern).matches(path) is expected
    assert PatternIndex([pattern]).matching(path) == [0] * expected
