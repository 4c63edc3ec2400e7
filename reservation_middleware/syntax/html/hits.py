"""Whether words that occur in a page may stand where they count: in a tag, or in a script of data.

Most stand in text, in the address of a link or in a script, and matter to nobody. Linear in the
length of the page.

Why no word that counts is passed over: a tag that a parser sees and that a word stands in begins
behind the last ``>`` before the word, or that ``>`` stands in a value of the tag whose quotes
were opened before it. The first kind is read as a tokenizer does; of the second it is enough
that there may be one.
"""

from bisect import bisect_left
from collections.abc import Sequence

from .tags import LONG_TAG, SCRIPT_END, START, WHOLE, says
from .words import DATA, Hit

# Pages with more tags in which a word stands are looked at closely.
_MOST_TAGS = 200
_QUOTES = b"\"'"
_BLANK = b" \t\n\r\f"
# White space between "=" and a quote that is looked behind.
_MOST_BLANKS = 20
# An end of a script with what follows.
_END = len(b"</script>")


def any_in_markup(body: bytes, hits: Sequence[Hit], words: Sequence[bytes]) -> bool:
    """Whether one of some words may count, so that the page needs a closer look.

    Args:
        body: the page, tags in ASCII.
        hits: where the words stand, in their order.
        words: ASCII lower case.
    """
    end = -1  # the last ">" before a word
    looked = 0
    room = len(body)
    opened = _Quotes(body)
    scripts = _Scripts(body, hits)
    tags = 0
    ends: list[int] = []  # of the tags that begin behind it
    for hit in hits:
        before = body.rfind(b">", end + 1, hit.at)
        if before >= 0:
            end = before
            ends = []
            if opened.may_be_open(end):
                return True
        if hit.at - end > LONG_TAG:
            return True
        for start in START.finditer(body, max(end + 1, looked), hit.at):
            whole = WHOLE.match(body, start.end())
            close = whole.end() if whole else start.end()
            tags += 1
            room -= close - start.start()
            if tags > _MOST_TAGS or room < 0 or close - start.start() > LONG_TAG:
                return True
            if says(body[start.start() : close], words):
                return True
            ends.append(close)
        if hit.word == DATA and any(map(scripts.may_hold, ends)):
            return True
        looked = max(looked, hit.at)
    return False


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


class _Scripts:
    """Whether a word stands in the script whose tag ends at some place.

    Asked about places in no order, up to the one that may.
    """

    def __init__(self, body: bytes, hits: Sequence[Hit]) -> None:
        self._body = body
        self._hits = hits
        # From where to the end of a script no word is, and no comment begins; and places in them.
        self._silent: list[range] = []
        self._known: set[int] = set()

    def may_hold(self, start: int) -> bool:
        if start in self._known:
            return False
        self._known.add(start)
        if any(start in silent for silent in self._silent):
            return False
        # What is known is not searched again.
        behind = [silent for silent in self._silent if start < silent.start]
        known = min(behind, key=lambda silent: silent.start, default=None)
        stop = known.start + _END if known else len(self._body)
        close = SCRIPT_END.search(self._body, start, stop)
        if close is None and known is None:
            return True
        end = close.start() if close else known.stop if known else stop
        look = end if close else stop
        # Behind "<!--" what looks like its end may be none (script data escaped).
        if self._body.find(b"<!--", start, look) >= 0:
            return True
        first = bisect_left(self._hits, start, key=lambda hit: hit.at)
        last = bisect_left(self._hits, look, key=lambda hit: hit.at)
        if any(hit.word != DATA for hit in self._hits[first:last]):
            return True
        self._silent.append(range(start, end))
        return False
