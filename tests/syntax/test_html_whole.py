"""What is found in a page against everything in it, and against a tree builder's view of it.

Two oracles: every token of the page looked at, with no search for words before; and the tree of
lexbor, on pages on which a tokenizer and a tree builder agree. On which they do not is said in
``DIFFERENT``. Pages are those of the benchmark's traps, the real ones with signals, halves of tags
and quotes put in at random places, and pages put together from pieces; the same for the same seed.
"""

import random
import re
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser
from turbohtml import TokenType, tokenize

from benchmarks.content import ELEMENT_WORDS, TRAPS, WORDS, found, seen_of, truth
from benchmarks.corpus import pages
from reservation_middleware.syntax.html import Html, _with_ends, read
from reservation_middleware.syntax.html import words as word_search
from reservation_middleware.syntax.html.tags import tag_reader
from reservation_middleware.syntax.html.tokens import UnendedElementError, read_tokens

NOAI = '<meta name="robots" content="noai">'
LD = '<script type="application/ld+json">{"license": "<b>"}</script>'
#: Pages that a tree builder reads otherwise, each with how many metas and other elements we find.
DIFFERENT = {
    "a frameset has no metas": (f"<frameset>{NOAI}</frameset>", 1, 0),
    "a section of SVG hides tags": (f"<svg><![CDATA[<b>{NOAI}]]></svg>", 1, 0),
    "a style of SVG holds elements": (f"<svg><style>{NOAI}</style></svg>", 0, 0),
    "a title of SVG holds elements": (f"<svg><title>{NOAI}</title></svg>", 0, 0),
    "a script of SVG holds elements": (f"<svg>{LD}</svg>", 0, 1),
    "no noscript for a reader without scripts": (f"<noscript><p>{NOAI}", 0, 0),
    "a comment in noscript": (f"<noscript><!--</noscript>{NOAI}-->", 1, 0),
    "an anchor is made again": ("<p><a rel=license href=/l>x</p>y", 0, 1),
    "an anchor is made again in a menu": ("<a rel=license href=/l><select><a>x", 0, 1),
    "a link in a table is put before it": ("<table><link rel=license href=/l>", 0, 1),
    "a meta ends an image": ("<svg><a rel=license><meta>x</a></svg>", 0, 1),
}
_ANCHOR = (TokenType.START_TAG, "a")
# Tags at which they may.
_DIFFERING = re.compile(rb"<(?:svg|math|noscript|table|frameset|select)[\s/>]", re.IGNORECASE)

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
    *(
        "'",
        '"',
        ">",
        "<",
        "=",
        " ",
        "/",
        "\0",
        "é",
        "\udce2\udc82",
        "\udcff",
        "\u0130",
        "\u212a",
        "\v",
        "&",
        "&#",
        "license",
    ),
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
    *("<meta/", "<META\n", "name=", "content=", "robots", "NoAI", "tdm-policy", "/>", "</title >"),
    *("tdm&#58;reservation", "&#x6E;oai", "name=tdm:reservation content=1", "content='a\r\nb'"),
    *("<math>", "</math>", "<title/>", "<![CDATA[", "]]>", "<frameset>", "<p ", "</p x='>"),
    *("<a title='", '<link title="', "<plaintext>", "<svg>", "</svg>", "<iframe>", "<xmp>", "noai"),
)

#: What is found on pages in which it is not hidden, or is.
INSERTED = (
    NOAI,
    "<META NAME=Robots CONTENT='NoAI, noimageai'>",
    "<meta\ncontent = noml\tname=googlebot />",
    "<meta/name=tdm-reservation/content=1>",
    '<meta name="tdm:policy" content="https://a.example/>x">',
    '<meta name="robots" content="no&#97;i, n&#x6f;ml">',
    "<template><meta name=robots content=noai></template>",
    "<script>'<meta name=robots content=noai>'</script>",
    "<!-- <meta name=robots content=noai> -->",
    "<textarea><meta name=robots content=noai></textarea>",
    "<title><meta name=robots content=noai></title>",
)


@pytest.fixture(params=[None, pytest.param(64, marks=pytest.mark.slow)], autouse=True)
def parts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages are searched in parts; here in tiny ones, too, so that much stands across two."""
    if request.param is not None:
        monkeypatch.setattr(word_search, "_PART", request.param)


@cache
def real_pages() -> tuple[bytes, ...]:
    return tuple(page.body for page in pages(None))


def everything(body: bytes, words: tuple[bytes, ...] = WORDS) -> Html:
    """What stands in all of a page, each of its tags looked at."""
    reader = tag_reader(words, ELEMENT_WORDS)
    try:
        return read_tokens(body.decode("utf-8", "replace"), reader)
    except UnendedElementError:
        ended = _with_ends(body, xml=False)
        return read_tokens(ended.decode("utf-8", "replace"), reader, never_empty=frozenset())


def agree(body: bytes) -> bool:
    """Whether a tree builder must find what we do, anchors as often."""
    return not _DIFFERING.search(body)


def check(body: bytes) -> bool:
    """Hold what is found against the oracles; whether the tree was one of them."""
    page = read(body, WORDS, ELEMENT_WORDS)
    assert page == everything(body)
    if not agree(body):
        return False
    ours, tree = seen_of(page), truth(body)
    if _makes_anchors_again(body):
        ours, tree = ours.without_anchors(), tree.without_anchors()
    assert ours.metas == tree.metas
    assert [one[:3] for one in ours.elements] == [one[:3] for one in tree.elements]
    # What seems to be left open counts as open, and its yes does not count.
    for one, other in zip(ours.elements, tree.elements, strict=True):
        assert other[3] or not one[3]
    return True


def _makes_anchors_again(body: bytes) -> bool:
    begun = [
        token
        for token in tokenize(body.decode("utf-8", "replace"))
        if (token.type, token.tag) == _ANCHOR
    ]
    return len(LexborHTMLParser(body).css("a")) > len(begun)


def check_lines(body: bytes, page: Html) -> None:
    lines = body.decode("utf-8", "replace").split("\n")
    for meta in page.metas:
        assert "<meta" in lines[meta.line - 1].lower()
    for element in page.elements:
        mark = element.text.split("\n")[0] if element.tag == "script" else f"<{element.tag}"
        assert mark.strip().lower() in lines[element.line - 1].lower()


@pytest.mark.parametrize("name", TRAPS)
def test_traps(name: str) -> None:
    trap = TRAPS[name]
    body = trap.encode() if isinstance(trap, str) else trap
    assert found(body) == truth(body)


@pytest.mark.parametrize("name", DIFFERENT)
def test_pages_that_a_tree_builder_reads_otherwise(name: str) -> None:
    page, metas, elements = DIFFERENT[name]
    body = page.encode()
    ours = found(body)
    assert (len(ours.metas), len(ours.elements)) == (metas, elements)
    assert ours != truth(body)


@pytest.mark.parametrize("element", ["title", "style", "script", "TITLE", "noscript"])
@pytest.mark.parametrize("foreign", ["svg", "math", "SVG"])
def test_empty_elements_of_svg_hide_nothing(foreign: str, element: str) -> None:
    inside = f"<{foreign} x><{element}/><{element} a='>' />x</{foreign}>{NOAI}"
    assert found(inside.encode()) == truth(inside.encode())
    assert len(found(inside.encode()).metas) == 1
    outside = f"<{foreign}></{foreign}><{element}/>{NOAI}</{element}>"
    assert found(outside.encode()).metas == []


def test_an_empty_element_that_is_too_long_to_be_ended_hides_the_rest() -> None:
    page = f"<svg><title x='{'y' * 3_000}'/></svg>{NOAI}</title>{NOAI}"
    assert len(found(page.encode()).metas) == 1


def test_words_with_white_space_beside_words_without() -> None:
    page = b"<meta name=x content='max-snippet\n: 0'><meta name=y content=max-snippet:1>"
    for words, names in (
        ((b"max-snippet : 0",), ["x"]),
        ((b"max-snippet : 0", b"max-snippet"), ["x", "y"]),
        ((b"max-snippet : 0", b"max-snippet : 1"), ["x", "y"]),
    ):
        assert [meta.name for meta in read(page, words).metas] == names


@pytest.mark.parametrize("signal", SIGNALS)
def test_each_signal_alone(signal: str) -> None:
    assert check(f"<title>x</title>{signal}<p>x".encode())


def test_real_pages() -> None:
    for body in real_pages():
        assert found(body) == truth(body)
        page = read(body, WORDS, ELEMENT_WORDS)
        assert page == everything(body)
        assert not page.truncated
        check_lines(body, page)


def test_real_pages_with_words_that_stand_everywhere() -> None:
    words = (b"a", b"e", b"robots", b"1")
    for body in real_pages():
        page = read(body, words, ELEMENT_WORDS)
        assert page == everything(body, words)
        check_lines(body, page)


@pytest.mark.parametrize("seed", range(4))
def test_real_pages_with_pieces_put_into_them(seed: int) -> None:
    rng = random.Random(seed)
    says = 0
    for page in real_pages():
        body = page
        for _ in range(rng.choice((1, 1, 3))):
            place = rng.randrange(len(body))
            if rng.random() < 0.5:
                place = body.find(b">", place) + 1
            draw = rng.random()
            piece = rng.choice(SIGNALS if draw < 0.4 else INSERTED if draw < 0.8 else OTHERS)
            body = body[:place] + piece.encode("utf-8", "surrogateescape") + body[place:]
        check(body)
        says += bool(read(body, WORDS, ELEMENT_WORDS))
    assert says > 30


@pytest.mark.parametrize("seed", range(4))
def test_pages_of_pieces(seed: int) -> None:
    rng = random.Random(seed)
    says = trees = 0
    for _ in range(500):
        pieces = (
            rng.choice(SIGNALS if rng.random() < 0.4 else OTHERS) for _ in range(rng.randint(1, 12))
        )
        body = "".join(pieces).encode("utf-8", "surrogateescape")
        trees += check(body)
        says += bool(read(body, WORDS, ELEMENT_WORDS))
    assert trees > 300
    assert says > 300


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
    check(f"{before}{signal[:place]}{piece}{signal[place:]}<p>x".encode("utf-8", "surrogateescape"))
