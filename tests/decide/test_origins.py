"""The one spelling of an origin. What follows for ``decide`` is told by the vectors
(``decision-origin-…``).
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reservation_middleware import Agent, Check
from reservation_middleware.syntax.domains import registrable
from reservation_middleware.syntax.origin import ascii_name
from reservation_middleware.syntax.path import split_url


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://a.example/", "https://a.example"),
        ("HTTPS://A.EXAMPLE:443/", "https://a.example"),
        ("https://a.example:/", "https://a.example"),
        ("http://a.example:0080/", "http://a.example"),
        ("http://a.example:00443/", "http://a.example:443"),
        ("http://a.example:0/", "http://a.example:0"),
        ("http://a.example:00/", "http://a.example:0"),
        ("http://a.example.:80/", "http://a.example"),
        ("http://a.example..:80/", "http://a.example.."),
        ("https://user:secret@a.example/", "https://a.example"),
        ("https://bücher.example/", "https://xn--bcher-kva.example"),
        ("https://B%C3%9CCHER.example/", "https://xn--bcher-kva.example"),
        ("https://a_b.bücher.example/", "https://a_b.xn--bcher-kva.example"),
        ("https://☃.example/", "https://xn--n3h.example"),
        ("https://faß.example/", "https://xn--fa-hia.example"),
        ("https://a。example/", "https://a.example"),
        ("https://%61.example/", "https://a.example"),
        ("https://%41.example/", "https://a.example"),
        ("http://[::0:1]:080/", "http://[::1]"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
        # What is no host stays as it is written.
        ("http://a%2fb.example/", "http://a%2fb.example"),
        ("http://a%00.example/", "http://a%00.example"),
        ("http://a%40b.example/", "http://a%40b.example"),
        ("http://a%ff.example/", "http://a%ff.example"),
        ("http://%2561.example/", "http://%2561.example"),
        ("http://a／b.example/", "http://a／b.example"),
        ("http://[::g]/", "http://[::g]"),
        ("http://a.example:x/", "http://a.example:x"),
        ("http://a.example:80:80/", "http://a.example:80:80"),
    ],
)
def test_origins_have_one_spelling(url: str, origin: str) -> None:
    assert split_url(url)[0] == origin
    assert split_url(f"{url}private?x#y") == (origin, "/private?x")
    assert split_url(origin + "/")[0] == origin
    assert Check(url, agent=Agent("ExampleBot")).origin == origin


@given(st.text(st.sampled_from("aBß.%416C3:08[]@\\/é。"), max_size=20))
def test_the_one_spelling_stays_as_it_is(text: str) -> None:
    origin, _ = split_url(f"http://{text}/x")
    again, _ = split_url(f"{origin}/x")
    assert split_url(f"{again}/x")[0] == again


def test_names_that_an_old_mapping_takes_for_each_other_have_two_owners() -> None:
    assert registrable("www.faß.de") == "xn--fa-hia.de"
    assert registrable("www.fass.de") == "fass.de"
    assert ascii_name("x" * 2000 + "é") == "x" * 2000 + "é"
