"""What a page may cost a tree builder: some take time or memory quadratic in what is built.

A room of ``html.py``. A builder is followed at a distance: which tags really are tags, and
which of them count, is not known without building, so whatever may be is taken for so. Linear
in the length of the page, whatever it holds.
Reference: https://html.spec.whatwg.org/multipage/parsing.html#tree-construction
"""

import re
from collections import Counter
from math import isqrt

from .tags import WHOLE, attributes, compiled

# More than these are too many: tags, elements inside each other, tags whose attributes are
# added to those of the first, options, and elements that are made again.
_TAGS, _DEPTH, _ADDED, _OPTIONS, _AGAIN = 50_000, 600, 100, 3_000, 200_000
# Pairs of attributes of one tag, which are compared; a tag with fewer bytes has few.
_PAIRS, _SHORT = 10_000_000, 400
_MOST_PAIRED = isqrt(_PAIRS) + 1
# Bytes that cannot hold so many, and tags of which whatever is built is little.
_TINY, _FEW = 2 * _MOST_PAIRED, 1_000
# Bytes of text that are copied, since text is put to the text before.
_COPIED = 64 * 1024 * 1024
# Bytes of tags in tags that are looked at, besides those of the page.
_SLACK = 1024 * 1024

# What a plain tag has from behind its name to its end: no angle brackets, and quotes only around
# values. A tokenizer sees it end there, too. Most tags are plain.
_PLAIN = rb"""(?:[^<>"'=]++|=[~]*+(?:"[^"<>]*+"|'[^'<>]*+')?+)*+>"""
# What begins like a tag and is not plain, also inside of another: its name and attributes.
_ODD = rb"(?=([a-z][^~/>]*+)(%b))" % WHOLE.pattern
_TAG = compiled(rb"<(?:(/?)(?:([a-z][^~/<>\"'=]*+)%b|%b)|!(--)?|\?)" % (_PLAIN, _ODD))
_ODD_TAG = compiled(rb"</?(?=[a-z])(?!%b)%b" % (_PLAIN, _ODD))
_LONG_TAG = compiled(rb"<[a-z][^<>]{400,}+")
# Elements that hold nothing, or that the next of their kind ends.
_FLAT = frozenset(
    b"area base br col embed hr img input link meta param source track wbr "
    b"p li dt dd tr td th option optgroup thead tbody tfoot body head html".split()
)
# Elements that are made again where they were not closed.
_MADE_AGAIN = frozenset(b"a b big code em font i nobr s small strike strong tt u".split())
# Beginnings that are passed over in many places, or leave the text around them together.
_PASSED = frozenset(b"html head body frameset frame form option optgroup noscript".split())
# The same where text goes elsewhere: inside of a table, or behind the head.
_ASIDE = frozenset(
    b"script style template input link meta base title noframes basefont bgsound".split()
)
_CELLS = frozenset(b"td th caption".split())
_STRUCTURE = frozenset(b"table tr tbody thead tfoot col colgroup".split())
# Elements in which most is passed over, and those whose ends leave a table.
_BLIND, _SCOPES = frozenset((b"select", b"frameset")), frozenset((b"table", b"template"))
# Ends that make an element where there is none.
_MAKING = frozenset(b"p br".split())


def is_costly(body: bytes) -> bool:
    """Whether a page may take a tree builder far more time or memory than its length says."""
    tags = body.count(b"<")
    if tags > _TAGS:
        return True
    lower = body.lower()
    if lower.count(b"<html") + lower.count(b"<body") > _ADDED or lower.count(b"<option") > _OPTIONS:
        return True
    # Few tags in a short page cannot cost much, whatever they are.
    if len(body) > _TINY and _is_crowded(lower):
        return True
    return (tags > _FEW or tags * len(body) > _COPIED) and _builds_much(lower)


def _is_crowded(lower: bytes) -> bool:
    """Whether tags may have too many attributes."""
    pairs = last = 0
    for hit in _LONG_TAG.finditer(lower):
        pairs += attributes(lower, *hit.span(), _MOST_PAIRED) ** 2
        if pairs > _PAIRS:
            return True
    room = 2 * len(lower) + _SLACK
    for hit in _ODD_TAG.finditer(lower):
        start, end = hit.start(), hit.end(2)
        room -= end - start
        # Those that end alike are one, or parts of it.
        if end - start > _SHORT and end != last:
            last = end
            pairs += attributes(lower, *hit.span(2), _MOST_PAIRED) ** 2
        # Tags in tags again and again are not looked at each by itself.
        if room < 0 or pairs > _PAIRS:
            return True
    return False


def _builds_much(lower: bytes) -> bool:
    """Whether too much may be built, or copied while it is built."""
    still = _Open()
    comment_end, any_end = Next(lower, b"-->"), Next(lower, b">")
    # Ends before ``until`` may stand in a comment or in a value: they end nothing that began
    # before it. Text since ``mark`` may be all in one place, and so may all that is in tables
    # but in no cell.
    until = mark = copied = again = loose = last = 0
    for hit in _TAG.finditer(lower):
        at, end = hit.start(), hit.end() if hit[2] else hit.end(4)
        if end < 0:
            until = max(until, (comment_end if hit[5] else any_end).behind(at))
            still.floor = len(still.names)
            copied += at - mark
            if copied > _COPIED:
                return True
            continue
        name = hit[2] or hit[3]
        if still.is_loose and lower[last:at].strip(b" \t\r\n\f/>"):
            loose += at - last
            copied += loose
        last = end
        again += still.made_again
        if at >= until:
            still.floor = 1
        sure = still.end(name) if hit[1] else still.begin(name)
        if sure:
            mark = end
        else:
            copied += at - mark
        if not hit[2]:  # something may seem to begin or end in it
            until, still.floor = max(until, end), len(still.names)
        if still.depth > _DEPTH or again > _AGAIN or copied > _COPIED:
            return True
    return False


class _Open:
    """The elements that may be open, as far as can be told.

    Attributes:
        names: of those that are open if every end ends what it names.
        floor: how many of these cannot end now.
        depth: how many may be open, those counted that an end of another went past.
        made_again: those of them that are made again.
        is_loose: whether text that follows may be in a table, but in no cell.
    """

    def __init__(self) -> None:
        self.names: list[bytes] = [b""]
        self.floor = 1
        self.depth = self.made_again = 0
        self.is_loose = False
        self._there: Counter[bytes] = Counter()
        self._in_table = self._behind_head = False
        self._blind = 0  # open elements in which most is passed over

    def begin(self, name: bytes) -> bool:
        """Whether this surely makes an element where the text is."""
        goes_aside = self._behind_head or self.names[-1] == b"table"
        self.is_loose = name in _STRUCTURE
        if name == b"table":
            self._in_table = True
        elif name in _BLIND or self._is_column_of_template(name):
            self._blind += 1
        if name not in _FLAT:
            self.names.append(name)
            self._there[name] += 1
            self.depth += 1
            self.made_again += name in _MADE_AGAIN
        if name in _ASIDE:
            return not (goes_aside or self._blind)
        if name in _PASSED or self._blind:
            return False
        self._behind_head = False
        if name in _CELLS:
            return self._in_table
        return name not in _STRUCTURE or name == b"table"

    def end(self, name: bytes) -> bool:
        """Whether this surely ends an element, or makes one, where the text is."""
        self.is_loose = name in _STRUCTURE or name in _CELLS
        if name == b"head":
            self._behind_head = True
        elif name in _SCOPES:
            self._in_table = False
        names = self.names
        fits = names[-1] == name and len(names) > self.floor
        if fits:
            self.depth -= 1
            self.made_again -= name in _MADE_AGAIN
            self._blind -= name == b"select"
            self._pop()
        elif self._there[name]:
            # What stands between may be open still, or this may end nothing.
            while len(names) > self.floor and self._pop() != name:
                pass
        if self._blind or (name in _ASIDE and (self._behind_head or names[-1] == b"table")):
            return False
        return fits or name in _MAKING

    def _is_column_of_template(self, name: bytes) -> bool:
        return name in (b"col", b"colgroup") and self.names[-1] == b"template"

    def _pop(self) -> bytes:
        name = self.names.pop()
        self._there[name] -= 1
        return name


class Next:
    """Where a pattern stands next, asked of places in their order."""

    def __init__(self, text: bytes, pattern: bytes) -> None:
        self._text = text
        self._pattern = re.compile(pattern)
        self._at = -1

    def behind(self, place: int) -> int:
        """Its next beginning at or behind a place, the length of the text if there is none."""
        if self._at < place:
            hit = self._pattern.search(self._text, place)
            self._at = hit.start() if hit else len(self._text)
        return self._at
