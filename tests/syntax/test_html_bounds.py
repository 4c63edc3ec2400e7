"""Pages made to take long are read all the same, within bounds, and what is not read is known.

Each unit of ``COSTLY`` was seen to take a tree builder time or memory quadratic in how often it
is repeated.
"""

import pytest

from reservation_middleware.syntax.html import LIMIT, MAX_ELEMENTS, MAX_METAS, Html, read

X = b"xxxxxxxxxx"
LINK = b"<link rel=license href=/x>"
#: What the page begins with, what is repeated.
COSTLY = {
    "depth": (b"", b"<div>"),
    "ends that end nothing": (b"", b"<b></script>"),
    "an end in a comment": (b"", b"<div><!--</div>-->"),
    "an end in a value": (b"", b"<div title='</div>'>"),
    "an end in a script": (b"", b"<div><script>'</div>'</script>"),
    "an end that the scope hides": (b"", b"<span><div></span></div>"),
    "elements made again": (b"", b"<p><font size=1>x"),
    "many made again under each": (b"<font size=1><font size=2>" * 200, b"<p>x"),
    "options": (b"<select>", b"<option>x</option>"),
    "attributes of one element": (b"", b"<body a=1>"),
    "text around an end with attributes": (b"<p>", X + b"</b a=c>"),
    "text around a row outside of a table": (b"<p>", X + b"<tr a=b>"),
    "text around a row": (b"<table>", X + b"<tr a=b></tr>"),
    "text around cells": (b"<table>", X + b"<td a=b></td>"),
    "text around an end of a cell": (b"<table>", X + b"</td a=b>"),
    "text around a form in a form": (b"<form>", X + b"<form a=b>"),
    "text around a script in a table": (b"<table>", X + b"<script>1</script>"),
    "text around a style in a table": (b"<table>", X + b"<style>1</style>"),
    "text around a hidden input in a table": (b"<table>", X + b"<input type=hidden>"),
    "text around a comment in a table": (b"<table>", X + b"<!---->"),
    "text around a type of document": (b"<p>", X + b"<!doctype html public 'a' 'b'>"),
    "text in a select": (b"<select>", X + b"<tr a=b>"),
    "blanks in a frameset": (b"<frameset>", b"          <b a=b>"),
    "blanks behind the body": (b"<body>x</body>", b"          <!--a-->"),
    "blanks behind the head": (b"<head></head>", b"          <link a=b>"),
    "attributes of one tag": (b"<p", b" a b c d"),
    "attributes parted by slashes": (b"<p", b"/a/b/c/d"),
    "attributes behind a quote that opens nothing": (b"<p a' ", b"a b c d "),
    "attributes behind an end in a value": (b"<p a='>' ", b"a b='>' c d "),
    "attributes behind a comment": (b"<!--<p a='--><p ", b"a b c d "),
}
META = b"<meta name=robots content=noai>"
#: Pages of which not all is read: what they begin with, what is repeated, how often.
CUT = {
    "tokens": (META, b"<p>", 150_000),
    "tags that are looked at": (META, b"<meta name=x content=license>", 10_000),
    "empty styles": (META, b"<style></style>", 40_000),
    "metas": (b"", META, MAX_METAS),
    "elements": (b"", LINK, MAX_ELEMENTS),
    "octets": (META, b"x", LIMIT),
    "octets of a page that says nothing": (b"", b"x", LIMIT + 1),
}


def said(page: bytes) -> Html:
    return read(page, (b"noai",), (b"license",))


@pytest.mark.parametrize("name", COSTLY)
def test_what_a_costly_page_says_is_heard(name: str) -> None:
    begin, unit = COSTLY[name]
    found = said(META + begin + unit * 5_000 + b">" + LINK)
    assert [(meta.name, meta.content) for meta in found.metas] == [("robots", "noai")]
    assert [element.attributes["href"] for element in found.elements] == ["/x"]
    assert not found.truncated


@pytest.mark.parametrize("name", CUT)
def test_a_page_that_is_not_read_to_its_end_is_known(name: str) -> None:
    begin, unit, times = CUT[name]
    page = begin + unit * times + LINK
    assert said(page).truncated
    assert not said(begin + unit * (times // 2) + LINK).truncated


@pytest.mark.parametrize(("attributes", "truncated"), [(5_000, False), (100_000, True)])
def test_a_tag_that_says_something_may_be_64_kib_long(attributes: int, *, truncated: bool) -> None:
    many = b"".join(b" a%d" % number for number in range(attributes))
    found = said(b"<meta name=robots content=noai" + many + b">" + META + LINK)
    assert found.truncated is truncated
    assert len(found.metas) == 2 - truncated
    assert len(found.elements) == 1


def test_a_link_behind_very_many_tokens_is_not_about_the_whole_page() -> None:
    for times, whole in ((10_000, True), (30_000, False)):
        (element,) = said(b"<b></b>" * times + LINK).elements
        assert element.whole is whole


def test_a_tag_of_megabytes_that_says_nothing_is_passed_over() -> None:
    many = b"".join(b" a%d='>'" % number for number in range(200_000))
    found = said(b"<p" + many + b">" + META + LINK)
    assert (len(found.metas), len(found.elements), found.truncated) == (1, 1, False)


def test_line_ends_by_the_million() -> None:
    found = said(b"\n" * 3_000_000 + META + b"\r\n" * 500_000 + LINK)
    assert [meta.line for meta in found.metas] == [3_000_001]
    assert [element.line for element in found.elements] == [3_500_001]
