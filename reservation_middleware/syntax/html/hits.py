"""Up to where a page must be tokenized so that every word that may count is seen.

Most words stand in text, in addresses or in scripts, and say nothing. A tag that holds a word
begins behind the last ``>`` before that word, or that ``>`` stands in one of its values, whose
quotes were opened before it. A tag of the first kind is tokenized by itself; if there may be one
of the second kind the page is read whole. Linear in the length of the page.

Reference: https://html.spec.whatwg.org/multipage/parsing.html#tokenization
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from turbohtml import Token, TokenType, tokenize

from .tags import TagReader, is_data
from .words import JSON_LD, REFERENCE, Hit

# A page with more tags, or with a longer one, in which a word stands is read whole; and one in
# which a word stands farther behind a ">".
_MOST_TAGS, _LONG_TAG, _FAR = 200, 4 * 1024, 64 * 1024
_START = re.compile(rb"<(?=[aAmMlLsS])(?i:a|meta|link|script)(?=[ \t\n\r\f/])")
_SCRIPT_END = re.compile(rb"</(?i:script)[ \t\n\r\f/>]")
_QUOTES, _BLANK = b"\"'", b" \t\n\r\f"
# White space between "=" and a quote that is looked behind.
_MOST_BLANKS = 20


class Need(NamedTuple):
    """What of a page must be tokenized.

    Attributes:
        end: how many octets, from its beginning.
        tags: names of the tags that may say something, by where they begin; None if any may.
    """

    end: int = 0
    tags: Mapping[int, str] | None = None


def needed(body: bytes, hits: Sequence[Hit] | None, reader: TagReader) -> Need:
    """What of a page holds all that says something; all of it where that is unsure.

    Args:
        body: the page, tags in ASCII.
        hits: where words stand, in order; None if there are too many.
        reader: tells which tags say something.
    """
    everything = Need(len(body))
    if hits is None:
        return everything
    end = looked = count = 0
    tags: dict[int, str] = {}
    last = -1  # the last ">" before a word
    script = range(0)  # what stands in one of data, and where that begins
    begun = 0
    quotes = _Quotes(body)
    for hit in hits:
        if hit.at in script and hit.word not in (JSON_LD, REFERENCE):
            end = max(end, script.stop)
            tags[begun] = "script"
        before = body.rfind(b">", last + 1, hit.at)
        if before >= 0:
            last = before
            if quotes.may_be_open(last):
                return everything
        if hit.at - last > _FAR:
            return everything
        for found in _START.finditer(body, max(last + 1, looked), hit.at):
            start, close = found.start(), body.find(b">", hit.at) + 1
            count += 1
            if not close or close - start > _LONG_TAG or count > _MOST_TAGS:
                return everything
            tag = _first_tag(body[start:close])
            if tag is None:
                return everything
            if tag.tag == "script" and is_data(tag):
                if close in script:
                    return everything  # one in the other: which of them is one is not known
                script, begun = range(close, _end_of_script(body, close)), start
                close = script.stop
            if reader.speaks(tag):
                # The text of an anchor counts, and where that ends is not known.
                end = max(end, len(body) if tag.tag == "a" else close)
                tags[start] = tag.tag or ""
        looked = hit.at
    return Need(end, tags)


def _first_tag(markup: bytes) -> Token | None:
    """The tag that some markup begins with; None if a quote is open at its end."""
    token = next(tokenize(markup.decode("latin-1")), None)
    return token if token and token.type is TokenType.START_TAG else None


def _end_of_script(body: bytes, start: int) -> int:
    """Where a script surely has ended that begins somewhere, with its end tag."""
    end = _SCRIPT_END.search(body, start)
    # Behind "<!--" what looks like its end may be none (script data escaped).
    if end is None or body.find(b"<!--", start, end.start()) >= 0:
        return len(body)
    return body.find(b">", end.end() - 1) + 1 or len(body)


class _Quotes:
    """Whether a place may be in a value with quotes: whether one last opened, and did not close.

    Asked about places in their order.
    """

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._looked = 0
        self._last = dict.fromkeys(_QUOTES, -1)

    def may_be_open(self, at: int) -> bool:
        body = self._body
        for quote, last in self._last.items():
            found = body.rfind(quote, self._looked, at)
            if found >= 0:
                self._last[quote] = last = found
            if last >= 0:
                behind = body[max(last - _MOST_BLANKS, 0) : last].rstrip(_BLANK)
                if not behind or behind.endswith(b"="):
                    return True
        self._looked = at
        return False
