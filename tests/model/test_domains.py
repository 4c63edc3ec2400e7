"""Whom a host belongs to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reservation_middleware.syntax.domains import registrable


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("www.news.example.co.uk", "example.co.uk"),
        ("WWW.Example.COM.", "example.com"),
        ("a.github.io", "a.github.io"),  # the list's private part
        ("pages.a.github.io", "a.github.io"),
        ("github.io", "github.io"),
        ("co.uk", "co.uk"),
        ("x.a.example", "a.example"),  # a top-level domain that is not on the list
        ("localhost", "localhost"),
        ("192.0.2.1", "192.0.2.1"),
        ("[2001:DB8:0::1]", "2001:db8::1"),
        ("www.bücher.de", "xn--bcher-kva.de"),
        ("www.xn--bcher-kva.de", "xn--bcher-kva.de"),
        ("", ""),
        ("..", ""),
        ("\ud800.de", "\ud800.de"),
    ],
)
def test_registrable(host: str, domain: str) -> None:
    assert registrable(host) == domain


@given(st.text(max_size=400) | st.from_regex(r"([a-z0-9-]{1,8}\.){1,5}[a-z]{2,6}", fullmatch=True))
def test_never_raises_and_is_its_own(host: str) -> None:
    domain = registrable(host)
    assert len(domain) <= max(len(host) * 2, 253)
    if host.isascii():
        assert registrable(domain) == domain
