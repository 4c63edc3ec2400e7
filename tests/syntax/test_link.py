"""The Link header field: RFC 8288 §3, and what strangers make of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reservation_middleware.syntax.link import LIMIT, MOST, LinkValue, links


def said(value: str) -> list[tuple[str, list[str]]]:
    return [(link.target, sorted(link.rels)) for link in links(value)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", []),
        (" , ,", []),
        ("<https://a.example/l>; rel=license", [("https://a.example/l", ["license"])]),
        ('<l>;rel="license"', [("l", ["license"])]),
        ("<l> ; REL = License", [("l", ["license"])]),
        ('<l>; rel="Copyright  LICENSE"', [("l", ["copyright", "license"])]),
        ("<>; rel=license", [("", ["license"])]),
        ("< l >; rel=license", [("l", ["license"])]),
        ("<l>", [("l", [])]),
        ("<l>;", [("l", [])]),
        ("<l>; rel", [("l", [])]),
        ("<l>; rel=", [("l", [])]),
        # The first rel counts, §3.3.
        ("<l>; rel=license; rel=next", [("l", ["license"])]),
        ("<a>; rel=next, <b>; rel=license", [("a", ["next"]), ("b", ["license"])]),
        ("<a>,<b>;rel=license", [("a", []), ("b", ["license"])]),
        # Commas and semicolons inside a target or a quoted string end nothing.
        ("<a,b;c>; rel=license", [("a,b;c", ["license"])]),
        (
            '<a>; title="x, <y>; rel=license"; rel=next, <b>; rel=license',
            [("a", ["next"]), ("b", ["license"])],
        ),
        (r'<a>; title="\", <y>"; rel=next', [("a", ["next"])]),
        # What is no link is skipped, the rest is read.
        ("junk, <b>; rel=license", [("b", ["license"])]),
        ('"a, <b>; rel=license", <c>; rel=next', [("c", ["next"])]),
        ("<a> junk; rel=license", [("a", ["license"])]),
        ("<a>; rel=license junk; type=x, <b>", [("a", ["license"]), ("b", [])]),
        ("<a; rel=license", []),
        ('<a>; rel="license', [("a", ["license"])]),
        ('<a>; rel="license\\', [("a", ["license"])]),
    ],
)
def test_links(value: str, expected: list[tuple[str, list[str]]]) -> None:
    assert said(value) == expected


def test_type_and_attributes() -> None:
    (link,) = links(
        '<l>; rel=license; type="Application/RSL+XML; charset=utf-8"; anchor="#x"; type=text/html'
    )
    assert link == LinkValue(
        "l",
        frozenset({"license"}),
        "application/rsl+xml",
        {"rel": "license", "type": "Application/RSL+XML; charset=utf-8", "anchor": "#x"},
    )


@given(st.text() | st.text(alphabet='<>;,="\\ relx\t'))
def test_never_raises(value: str) -> None:
    for link in links(value):
        assert link.target in value


@pytest.mark.parametrize(
    "unit",
    [
        "<",
        "<a",
        "<a>,",
        ";",
        '"',
        "\\",
        '"\\',
        "<a>; ",
        "<a>;x=",
        '<a>;x="',
        "<a>;x=y;",
        " ",
        "<,",
        ", ",
        '<>;"',
    ],
)
def test_a_flood_is_cut_short(unit: str) -> None:
    assert len(links("," + unit * (4 * LIMIT // len(unit)))) <= MOST
