"""Pages of `hostile` that were quadratic once: in what looks at a page, or in the tree of one.

Found by a search over pages that repeat a few tokens (``tests/fuzz_growth.py``), and by reading what a
tree builder does again and again.
"""

from collections.abc import Mapping

from .hostile_inputs import Builder, many, page

_SAYS = "<meta name=robots content=noai>"
#: At the end, so that all of the page must be parsed.
_LINK = "<link rel=license href=/x>"
_DATA = "<script type=application/ld+json>"


def _full(text: str, number: float, before: str = "") -> Builder:
    return lambda s: page(before + many(text, number * s) + _LINK)


PAGES: Mapping[str, Builder] = {
    "metas in metas": lambda s: page(_SAYS + "<meta " * int(26_000 * s) + "x" * int(4e6 * s) + ">"),
    "scripts of data in one script": lambda s: page(_DATA * int(90_000 * s) + "</script>"),
    "tags with scripts of data, and no end": lambda s: page(
        f"<script a='{'<script a ' * 150}{'application/ld+json ' * 900}'>{'x' * int(6e6 * s)}</script>"
    ),
    "scripts in a value, that end in two places": lambda s: page(
        f"""<script a="<script b='{'application/ld+json ' * 900}">x</script >'>{'x' * int(6e6 * s)}</script>"""
    ),
    "words between quotes far away": lambda s: page(
        "".join(f"{'x' * int(7000 * s)}license>" for _ in range(900))
    ),
    "<b> and the end of something else": _full("<b></script>", 20_000),
    "<math> and the end of something else": _full("<math></i>", 20_000),
    "ends in comments": _full("<div><!--</div>-->", 15_000),
    "ends in values": _full("<div title='</div>'>", 20_000),
    "fonts to be made again": _full("<p><font size=#>x", 20_000),
    "one font to be made again under each of others": _full("<p>x", 40_000, many("<font size=#>", 500)),
    "bodies with attributes": _full("<body a#=1>", 40_000),
    "options": _full("<option>x</option>", 20_000, "<select>"),
    "text around ends with attributes": _full("xxxxxxxxxx</b a=c>", 45_000),
    "text in a table around comments": _full("xxxxxxxxxx<!---->", 45_000, "<table>"),
    "text in a table around scripts": _full("xxxxxxxxxx<script>1</script>", 20_000, "<table>"),
    "text in a table around cells": _full("xxxxxxxxxx<td a=b></td>", 20_000, "<table>"),
    "blanks behind the head": _full(" " * 40 + "<link a=b>", 45_000, "<head></head>"),
    "attributes parted by slashes": lambda s: page(f"<p {many('a#/', 1e6 * s)}>{_LINK}"),
    "attributes behind a quote that opens nothing": lambda s: page(f"<p a' {many('a# ', 1e6 * s)}'>{_LINK}"),
    "a thousand attributes on each tag": lambda s: page(f"<p {many('a# ', 900)}>" * int(1500 * s) + _LINK),
    "ends without an end": lambda s: page("</scripta noai" * int(500_000 * s) + _LINK),
    "names of tags without an end": lambda s: page("<a&colon;" * int(800_000 * s) + f" rel=license {_LINK}"),
    # Two megabytes of what takes longest for each octet.
    "2 MB of <p>": lambda s: page(_SAYS + "<p>" * int(700_000 * s) + _LINK),
    "2 MB of styles": lambda s: page(_SAYS + "<style></style>" * int(140_000 * s) + _LINK),
    "2 MB of metas": lambda s: page("<meta name=x content=license>" * int(70_000 * s) + _SAYS + _LINK),
    "2 MB of anchors": lambda s: page("<a rel=x license>" * int(120_000 * s) + "<a rel=license>"),
    "2 MB of scripts of data": lambda s: page(f"{_DATA}1</script>" * int(48_000 * s) + f"{_DATA}license"),
    "2 MB of images": lambda s: page(_SAYS + "<svg></svg>" * int(190_000 * s) + "<svg><title/>" + _LINK),
    "2 MB of values with >": lambda s: page("<a b='>' rel=x license>" * int(85_000 * s) + "<a rel=license>"),
    "a pointer in each of 32 tags of 64 KB": lambda s: page(
        f"<a rel=license {many('a# ', 9_000)}>" * int(32 * s) + _SAYS
    ),
    "8 MB of <p>": lambda s: page(_SAYS + "<p>" * int(2_800_000 * s) + _LINK),
    "8 MB of anchors with a relation": lambda s: page("<a rel=x license>" * int(490_000 * s) + "<a rel=license>"),
    "8 MB of line ends": lambda s: page(_SAYS + "\n" * int(8e6 * s) + _LINK),
    "8 MB of text beyond Latin": lambda s: page(_SAYS + "\U00010400" * int(2e6 * s) + _LINK),
}  # fmt: skip
