"""The prescan of pages against a parse of the whole page, which knows nothing of it.

Pages are put together from pieces, or are those of the benchmark's traps and the real ones
with signals, halves of tags and quotes put in at random places; the same for the same seed.
"""

import random
from functools import cache

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from benchmarks.content import TRAPS, found, truth
from benchmarks.corpus import pages
from reservation_middleware.syntax.html import words as _glance

SIGNALS = (
    '<meta name="robots" content="noai">',
    "<META CONTENT='max-snippet : 0' NAME=x>",
    "<meta name=tdm-reservation content=1>",
    '<meta name="tdm&colon;policy" content="a>b">',
    '<meta data-x="<p>" name=robots content=noml>',
    "<meta a=x'y b='>' name=robots content=noai>",
    "<meta ' name=robots content=noai>",
    '<meta =" a=">" name=robots content=noai>',
    "<link rel=license href=/l>",
    '<link href="/license" REL="nofollow License">',
    "<link rel=l&#105;cense href=/l>",
    '<a rel="license" href="/l">the <b>licence</b></a>',
    "<a title='a>b' rel='x license' href=/l>",
    '<a property="dct:license" content=x>',
    '<meta itemprop="usageInfo" content="/u">',
    '<meta property="og:x" content="license">',
    '<script type="application/ld+json">{"license": "/l"}</script>',
    '<script data-x=">" type=application/ld+json>{"usageInfo": "<p>"}</SCRIPT>',
    "<script type=application/ld&#43;json>{'license': 1}</script>",
    '<script type="Application/RSL+xml; charset=utf-8"><rsl/></script >',
    '<script type="application/ld+json"><!-- <script> </script> {"license": 1} --></script>',
    '<script type="text/javascript">license noai</script>',
    '<script id=license type="application/ld+json">{"x": "isni"}</script>',
    '<link data-x="<a title=\'>" rel=license href=/l>',
    '<a href="/license" title=">" rel="x license" data-y=">">x</a>',
)
OTHERS = (
    *(
        "<p>",
        "</p>",
        "<div>",
        "<b>",
        "</b>",
        "<a>",
        "</a>",
        '<a href="/license">',
        "<a href=don't>",
    ),
    *(
        "<!--",
        "-->",
        "<!-- >",
        "<script>",
        "</script>",
        "<style>",
        "</style>",
        "<title>",
        "</title>",
    ),
    *("<template>", "</template>", "<noscript>", "</noscript>", "<textarea>", "</textarea>"),
    *(
        "<table>",
        "<td>",
        "</table>",
        "<select>",
        "</select>",
        "<body>",
        "</body>",
        "<head>",
        "</head>",
    ),
    *("'", '"', ">", "<", "=", " ", "/", "\0", "é", "\u0130", "\u212a", "\v", "&", "&#", "license"),
    *(
        "<a ",
        "<meta ",
        "<link ",
        "<script ",
        "x='",
        'x="',
        "content=noai",
        "name=robots",
        "rel=license",
        "doi.org/",
        "application/ld+json",
    ),
    *("<a title='", '<link title="', "<plaintext>", "<svg>", "</svg>", "<iframe>", "<xmp>", "noai"),
)


@pytest.fixture(params=[None, pytest.param(64, marks=pytest.mark.slow)], autouse=True)
def parts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages are searched in parts; here in tiny ones, too, so that much stands across two."""
    if request.param is not None:
        monkeypatch.setattr(_glance, "_PART", request.param)


@cache
def real_pages() -> tuple[bytes, ...]:
    return tuple(page.body for page in pages(None) if len(page.body) < 150_000)


@pytest.mark.parametrize("name", TRAPS)
def test_traps(name: str) -> None:
    trap = TRAPS[name]
    body = trap.encode() if isinstance(trap, str) else trap
    assert found(body) == truth(body)


@pytest.mark.parametrize("signal", SIGNALS)
def test_each_signal_alone(signal: str) -> None:
    body = f"<title>x</title>{signal}<p>x".encode()
    assert found(body) == truth(body)


def test_real_pages() -> None:
    for page in real_pages():
        assert found(page) == truth(page)


@pytest.mark.parametrize("seed", range(4))
def test_real_pages_with_pieces_put_into_them(seed: int) -> None:
    rng = random.Random(seed)
    seen = 0
    for page in real_pages():
        body = page
        for _ in range(rng.choice((1, 1, 3))):
            place = rng.randrange(len(body))
            if rng.random() < 0.5:
                place = body.find(b">", place) + 1
            piece = rng.choice(SIGNALS if rng.random() < 0.7 else OTHERS)
            body = body[:place] + piece.encode() + body[place:]
        expected = truth(body)
        seen += bool(expected.metas or expected.elements)
        assert found(body) == expected
    assert seen > 10


@settings(
    max_examples=1500,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.sampled_from(SIGNALS) | st.sampled_from(OTHERS), max_size=12).map("".join))
def test_pages_of_pieces(text: str) -> None:
    body = text.encode()
    assume(not LexborHTMLParser(body).css("svg script"))  # it is put together from pieces
    assert found(body) == truth(body)


@settings(
    max_examples=500,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.sampled_from(SIGNALS), st.integers(0, 80), st.sampled_from(OTHERS), st.sampled_from(OTHERS)
)
def test_broken_signals(signal: str, place: int, piece: str, before: str) -> None:
    body = f"{before}{signal[:place]}{piece}{signal[place:]}<p>x".encode()
    assume(not LexborHTMLParser(body).css("svg script"))
    assert found(body) == truth(body)
