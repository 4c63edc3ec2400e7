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

from ._glance import DATA, Hit
from ._tags import LONG_TAG, SCRIPT_END, START, WHOLE, says

# Pages with more tags in which a word stands are looked at closely.
_MOST_TAGS = 200
_QUOTES = b"\"'"
_BLANK = b" \t\n\r\f"
# White space between "=" and a quote that is looked behind.
_MOST_BLANKS = 20


def matter(body: bytes, hits: Sequence[Hit], words: Sequence[bytes]) -> bool:
    """Whether one of some words may count, so that the page needs a closer look.

    Args:
        body: the page, tags in ASCII.
        hits: where the words stand, in their order.
        words: ASCII lower case.
    """
    end = -1  # the last ">" before a word
    looked = 0
    room = len(body)
    opened = dict.fromkeys(_QUOTES, -1)
    tags = 0
    ends: list[int] = []  # of the tags that begin behind it
    for hit in hits:
        before = body.rfind(b">", end + 1, hit.at)
        if before >= 0:
            end = before
            ends = []
            if _is_open(body, end, opened):
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
        if hit.word == DATA and any(_holds(body, close, hits) for close in ends):
            return True
        looked = max(looked, hit.at)
    return False


def _is_open(body: bytes, at: int, opened: dict[int, int]) -> bool:
    """Whether a place may be in a value with quotes: whether one last opened, and did not close.

    Args:
        body: the page.
        at: the place.
        opened: where each kind of quote stood last before an earlier place; changed.
    """
    for quote, last in opened.items():
        found = body.rfind(quote, last + 1, at)
        if found >= 0:
            opened[quote] = last = found
        if last >= 0:
            behind = body[max(last - _MOST_BLANKS, 0) : last].rstrip(_BLANK)
            if not behind or behind.endswith(b"="):
                return True
    return False


def _holds(body: bytes, start: int, hits: Sequence[Hit]) -> bool:
    """Whether a word stands in the script whose tag ends at some place."""
    close = SCRIPT_END.search(body, start)
    # Behind "<!--" what looks like its end may be none (script data escaped).
    if close is None or body.find(b"<!--", start, close.start()) >= 0:
        return True
    first = bisect_left(hits, start, key=lambda hit: hit.at)
    within = (hit for hit in hits[first:] if hit.at < close.start())
    return any(hit.word != DATA for hit in within)
