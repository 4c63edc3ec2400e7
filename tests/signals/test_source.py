"""What signals read documents through: addresses, links, elements of pages, XML.

What the signals make of it is the vectors' business.
"""

import pytest

from reservation_middleware import Document, Outcome
from reservation_middleware.signals import HEADERS, Link, ParsedDocument, Place
from reservation_middleware.syntax.html import NOTHING, Element, read
from reservation_middleware.syntax.xml import LIMIT, MAX_DEPTH, XmlError, name_of, parse, text_of

WIDE = ["utf-16", "utf-16-le", "utf-16-be"]
LINKED = Place("licence", limit=100, linked=True)
WORDS = (b"license", b"application/rsl+xml")


def source(url: str = "https://a.example/dir/page?q=1") -> ParsedDocument:
    return ParsedDocument(Document(url=url, resource="page", outcome=Outcome.FETCHED), HEADERS)


# ---- addresses


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("https://b.example/x", "https://b.example/x"),
        (" /terms ", "https://a.example/terms"),
        ("terms", "https://a.example/dir/terms"),
        ("//b.example/terms", "https://b.example/terms"),
        ("?x=1", "https://a.example/dir/page?x=1"),
        ("https://b.example/a b/ü#part", "https://b.example/a%20b/%C3%BC"),
        ("HTTPS://b.example/", "https://b.example/"),
        ("", None),
        ("#here", "https://a.example/dir/page?q=1"),
        ("mailto:a@a.example", None),
        ("ftp://a.example/", None),
        ("javascript:alert(1)", None),
        ("https://", None),
        ("https:///x", None),
        ("https://[::1/", None),
        ("https://a.example/" + "x" * 3000, None),
    ],
)
def test_absolute(given: str, found: str | None) -> None:
    assert source().absolute(given) == found


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/x",
        "http://127.1/x",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://10.0.0.1:8080/",
        "http://169.254.169.254/latest/meta-data",
        "http://localhost/",
        "http://x.localhost./",
        "http://metadata.google.internal/",
        "http://printer.local/",
        "http://0.0.0.0/",
        "http://192.168.0.1./",
    ],
)
def test_no_public_document_points_into_a_private_net(url: str) -> None:
    assert source().link(LINKED, url) is None
    # Whoever crawls a private net asked for it.
    assert source("http://10.0.0.1/").link(LINKED, url) == Link(LINKED, url)


def test_link() -> None:
    found = source().link(LINKED, "/l.xml")
    assert found == Link(LINKED, "https://a.example/l.xml")
    assert source().link(LINKED, "http://8.8.8.8/l.xml") is not None
    assert source().link(LINKED, "nothing:") is None


# ---- elements of pages


def elements(page: str) -> list[tuple[str, str, int | None, bool]]:
    found = read(page.encode(), (), WORDS).elements
    return [(one.tag, one.attributes.get("href", one.text), one.line, one.whole) for one in found]


@pytest.mark.parametrize(
    ("page", "found"),
    [
        ('<link rel="license" href="/l">', [("link", "/l", 1, True)]),
        ('<html>\n<head>\n<LINK REL="License"\n HREF=/l>', [("link", "/l", 3, True)]),
        ('<body><a rel="license" href="/l">words</a>', [("a", "/l", 1, False)]),
        ('<body><div><a rel="nofollow license" href="/l">x</a>', [("a", "/l", 1, False)]),
        ('<meta itemprop="license" content="CC BY">', [("meta", "", 1, False)]),
        ('<a property="dct:license" href=/l>CC</a>', [("a", "/l", 1, False)]),
        ('<p itemprop="license">CC BY</p>', []),
        ('<a href="/license">no rel</a>', []),
        ('<a rel="nofollow" href="/license">rel of something else</a>', []),
        ('<!-- <link rel="license" href="/l"> -->', []),
        ('<template><link rel="license" href="/l"></template>', []),
        ('<noscript><link rel="license" href="/l"></noscript>', []),
        ('<script>var x = \'<link rel="license" href="/l">\'</script>', []),
        ("<p>rel license</p>", []),
    ],
)
def test_elements(page: str, found: list[object]) -> None:
    assert elements(page) == found


def test_scripts_are_whole() -> None:
    page = """<head>\n<script type="application/ld+json">{"license": "</p>"}</script>
        <script type="Application/RSL+xml; charset=utf-8"><rsl xmlns="x"/></script>
        <script type="text/javascript">license</script>
        <script type="application/ld+json">{"name": "x"}</script>"""
    found = read(page.encode(), (), WORDS).elements
    assert [one.text for one in found] == ['{"license": "</p>"}', '<rsl xmlns="x"/>']
    assert [one.line for one in found] == [2, 3]
    assert all(one.whole for one in found)


@pytest.mark.parametrize(
    ("before", "whole"),
    [
        ("<head>", True),
        ("<body>", True),
        ("<head></head>", True),
        ("<body><p>x</p><ul><li>x</ul><img><svg><path/></svg><a>x<a>y</a>", True),
        ("<body><div>", False),
        ("<body><p>x", False),
        ("<body><div><p></div>", False),  # a tree builder closes it; to be sure it counts as open
        ("<body></div></p></table>", True),
        ("<template></template>", True),
    ],
)
def test_links_about_the_whole_page(before: str, *, whole: bool) -> None:
    page = f"{before}<link rel=license href=/l><script type=application/rsl+xml><rsl/></script>"
    found = read(page.encode(), (), WORDS).elements
    assert [element.whole for element in found] == [whole, whole]


def test_elements_of_a_page_of_many_levels() -> None:
    deep = "<div>" * 90_000
    page = f"""{deep}<link rel=license href=/l><script type="application/rsl+xml"><rsl/></script>
        <a rel='license' href='/m'>x</a>"""
    found = read(page.encode(), (), WORDS).elements
    assert [(one.tag, one.attributes.get("href"), one.text) for one in found] == [
        ("link", "/l", ""),
        ("script", None, "<rsl/>"),
        ("a", "/m", "x"),
    ]


@pytest.mark.parametrize(
    "page",
    [
        b'<link rel="license' * 100_000,
        b"<script type=application/ld+json>license" * 100_000,
        b"rel='" * 1_000_000 + b"license",
        b"<a rel=license>" * 200_000,
        b'<script type="application/ld+json">' + b'{"license":' * 200_000,
    ],
)
def test_monstrous_elements_end(page: bytes) -> None:
    assert len(read(page, (), WORDS).elements) <= 64


def test_no_words_no_elements() -> None:
    assert read(b'<link rel="license" href="/l">', (), ()) is NOTHING
    assert not NOTHING
    assert Element("a", {}, "", 1, True)


# ---- XML


def test_xml() -> None:
    root = parse(b'\xef\xbb\xbf \n<?xml version="1.0"?>\n<a xmlns="urn:x"><b> 1\n 2</b></a>')
    assert name_of(root) == ("urn:x", "a")
    assert text_of(root) == "1 2"
    assert name_of(parse("<a/>".encode("utf-16"))) == ("", "a")
    assert name_of(parse(b"<?xml version='1.0' encoding='iso-8859-1'?><\xe4/>")) == ("", "ä")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "empty"),
        (b"<a>", "Premature end"),
        (b"<a></b>", "mismatch"),
        (b"{}", "Start tag expected"),
        (b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "document type"),
        (b'<!doctype a SYSTEM "http://127.0.0.1/x"><a/>', "document type"),
        ('<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>'.encode("utf-16"), "document type"),
        (b"<a>" * (MAX_DEPTH + 1) + b"</a>" * (MAX_DEPTH + 1), "inside each other"),
        (b"<a>" * 10_000, "depth|end of data"),
        (b"<a>" + b"x" * LIMIT + b"</a>", "longer than"),
        (b"<a>&nowhere;</a>", "nowhere"),
        (b"\xff\xfe\x00", "empty"),
    ],
)
def test_xml_that_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(XmlError, match=why):
        parse(body)


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("encoding", WIDE)
@pytest.mark.parametrize("declared", ["", '<?xml version="1.0" encoding="UTF-16"?>'])
def test_utf_16_is_known_by_its_mark_or_its_first_bracket(
    encoding: str, mark: str, declared: str
) -> None:
    root = parse(f"{mark if encoding != 'utf-16' else ''}{declared}<ä>ö</ä>".encode(encoding))
    assert (root.tag, root.text) == ("ä", "ö")


@pytest.mark.parametrize("encoding", WIDE)
def test_no_document_type_in_utf_16_either(encoding: str) -> None:
    with pytest.raises(XmlError, match="document type"):
        parse('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'.encode(encoding))
