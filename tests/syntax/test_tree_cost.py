"""What a page may cost a tree builder is known before it is built, and such a page is heard still.

Each unit here was seen to take lexbor time or memory quadratic in how often it is repeated.
"""

import pytest

from reservation_middleware.syntax.html import read
from reservation_middleware.syntax.html.tree_cost import is_costly

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
    "blanks in a column": (b"<template><col>", b"          <b a=b></b>"),
    "attributes of one tag": (b"<p", b" a b c d"),
    "attributes parted by slashes": (b"<p", b"/a/b/c/d"),
    "attributes behind a quote that opens nothing": (b"<p a' ", b"a b c d "),
    "attributes behind an end in a value": (b"<p a='>' ", b"a b='>' c d "),
    "attributes behind a comment": (b"<!--<p a='--><p ", b"a b c d "),
}
ORDINARY = {
    "paragraphs": b"<p>Some text with <b>bold</b> and <a href=/x>links</a>.</p>\n",
    "a table": b"<tr><td>1</td><td>2</td></tr>\n",
    "a list": b"<li>one<ul><li>two</li></ul></li>\n",
    "scripts": b"<script>if (a < b && c > d) { e('<div>' + f + '</div>') }</script>\n",
    "comments": b"<div><!-- <div class='x'> --></div>\n",
    "values": b'<div data-x=\'{"a": "<b>c</b>"}\'>x</div>\n',
    "forms": b"<form><input><select><option>1<option>2</select></form>\n",
}


@pytest.mark.parametrize("name", COSTLY)
def test_a_page_that_costs_too_much_is_known(name: str) -> None:
    begin, unit = COSTLY[name]
    assert is_costly(begin + unit * 20_000)


@pytest.mark.parametrize("name", COSTLY)
def test_what_such_a_page_says_is_heard(name: str) -> None:
    begin, unit = COSTLY[name]
    page = b"<meta name=robots content=noai>" + begin + unit * 20_000 + b">" + LINK
    found = read(page, (b"noai",), (b"license",))
    assert [(meta.name, meta.content) for meta in found.metas] == [("robots", "noai")]
    assert [element.attributes["href"] for element in found.elements] == ["/x"]


@pytest.mark.parametrize("name", ORDINARY)
def test_an_ordinary_page_is_built_as_a_whole(name: str) -> None:
    assert not is_costly(b"<body><table>" + ORDINARY[name] * 500)
