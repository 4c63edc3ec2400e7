"""Pointers to licences: what vectors cannot say. The rest is in spec/vectors/pointers.json."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reservation_middleware import Agent, Check, Decision, Document, Outcome
from reservation_middleware.model import PAGE, Preference
from reservation_middleware.syntax.identifier import identified
from reservation_middleware.syntax.json_ld import (
    MOST_NODES,
    MalformedJsonLdError,
    nodes,
)
from support import page_readings

CC = "https://creativecommons.org/licenses/by/4.0/"


def decision(body: bytes, headers: Sequence[tuple[str, str]] = ()) -> Decision:
    check = Check("https://a.example/x", agent=Agent("ExampleBot"))
    check.feed(
        Document(
            url="https://a.example/x",
            resource=PAGE,
            outcome=Outcome.FETCHED,
            status=200,
            headers=(("content-type", "text/html"), *headers),
            body=body,
        )
    )
    return check.decide()


def script(value: object) -> bytes:
    text = value if isinstance(value, str) else json.dumps(value)
    return f'<script type="application/ld+json">{text}</script>'.encode()


def undecided(said: Decision) -> bool:
    return set(said.usage.values()) == {Preference.UNKNOWN} and not said.reasons


# Floods


@pytest.mark.parametrize(
    "body",
    [
        script({"@graph": [{"license": f"/{n}", "usageInfo": f"/u{n}"} for n in range(4_000)]}),
        b"".join(script({"license": f"/{n}", "usageInfo": f"/u{n}"}) for n in range(4_000)),
        script({"license": [f"/{n}" for n in range(100)], "usageInfo": ["/u"] * 1_000}) * 60,
        b"".join(b'<link rel="license" href="/%d">' % n for n in range(40_000)),
        b"".join(b'<a property="usageInfo" href="/%d">' % n for n in range(100_000)),
    ],
    ids=["graph", "scripts", "values", "links", "monstrous"],
)
def test_a_flood_of_pointers_is_cut(body: bytes) -> None:
    said = decision(body)
    assert 1 <= len(said.identifiers) + len(said.offers) <= 64
    assert undecided(said)


def test_a_flood_of_bad_scripts_is_noted_a_few_times() -> None:
    said = decision(script('{"license": ') * 60)
    assert [note.kind.ident for note in said.notes] == ["pointers-json-ld-malformed"] * 8


@pytest.mark.parametrize(
    "text",
    [
        "[" * 200_000,
        '{"license":' * 20_000,
        '{"license": "' + "x" * 1_000_000 + '"}',
        '{"license": ' + "1" * 5_000 + "}",
        '{"license": "' + "\\" * 100_001,
        "<!-- license " * 10_000,
        " " * 250_000 + "license",
        "//" * 100_000 + "license",
    ],
    ids=["lists", "objects", "long", "number", "escapes", "comments", "blank", "slashes"],
)
def test_a_monstrous_script_is_a_note(text: str) -> None:
    said = decision(script(text))
    assert {note.kind.ident for note in said.notes} <= {"pointers-json-ld-malformed"}
    assert not said.identifiers


def test_a_large_page_takes_no_time() -> None:
    filler = b"<p>license acquireLicensePage doi.org/ isni</p>\n" * 350_000
    page_readings(
        Document(url="https://a.example/x", resource=PAGE, outcome=Outcome.FETCHED, body=filler)
    )


# Grammars


def test_nodes_are_bounded() -> None:
    assert len(nodes(json.dumps([{"license": "x"}] * 10_000))) == MOST_NODES
    deep: object = {"license": "x"}
    for _ in range(50):
        deep = {"mainEntity": deep}
    assert all("license" not in node.properties for node in nodes(json.dumps(deep)))


def test_parts_of_a_page_are_told_apart() -> None:
    found = nodes(
        json.dumps(
            {
                "@type": "WebPage",
                "mainEntity": {"@type": ["Article", "CreativeWork"], "author": [{"name": "a"}]},
                "image": {"@type": "ImageObject"},
                "hasPart": {"@type": "Article"},
            }
        )
    )
    assert [node.part for node in found] == ["page", "page", "maker", "media"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("10.1000/182", [("doi", "10.1000/182")]),
        ("doi: 10.1000/a(b)c;d", [("doi", "10.1000/a(b)c;d")]),
        ("https://www.doi.org/10.1000/182", [("doi", "10.1000/182")]),
        ("10.1000/a b", []),
        ("11.1000/182", []),
        ("10.1000/" + "x" * 500, []),
        ("http://isni.org/0000000121032683/", [("isni", "0000000121032683")]),
        ("isni:0000 0001 2103 2683", [("isni", "0000000121032683")]),
        ("0000 0001 2103 2683", []),
        ("ISCC:KACYPXW445FTYNJ3", [("iscc", "ISCC:KACYPXW445FTYNJ3")]),
        ("", []),
    ],
)
def test_identifiers(value: str, expected: list[tuple[str, str]]) -> None:
    assert list(identified(value)) == expected


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(CC),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.text()
            | st.sampled_from(
                ["@type", "@graph", "license", "dc:rights", "mainEntity", "image", "url", "author"]
            ),
            inner,
        )
    ),
    max_leaves=30,
)


@given(json_values | st.text())
def test_scripts_never_raise_anything_else(value: object) -> None:
    try:
        found = nodes(value if isinstance(value, str) else json.dumps(value))
    except MalformedJsonLdError:
        return
    for node in found:
        for name in node.properties:
            assert all(text.strip() == text != "" for text in node.texts(name, "url", "@id"))


marks = st.sampled_from(
    [
        '<link rel="license" href="', '<a itemprop="acquireLicensePage usageInfo" href="',
        '<meta property="dcterms:license" content="', '<meta name="dc.rights" content="', '">',
        '<script type="application/ld+json">', "</script>", '{"license": "', '"}', CC, "mailto:@",
    ]
)  # fmt: skip


@given(
    st.lists(marks | st.text(max_size=20)).map("".join),
    st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=255)),
)
def test_whatever_is_pointed_to_nothing_is_decided(body: str, field: str) -> None:
    link = f"<{CC}>; rel=license, {field}"
    said = decision(body.encode("utf-8", "replace"), [("link", link)])
    own = [one for one in said.reasons if one.signal == "pointers"]
    assert own == []
    assert [one.scheme for one in said.identifiers][:1] == ["licence"]
    for offer in said.offers:
        if offer.signal == "pointers":
            assert offer.kind in ("contact", "policy")
            assert offer.url is None or offer.url.startswith(("https://", "http://"))
            assert offer.url or offer.contact
