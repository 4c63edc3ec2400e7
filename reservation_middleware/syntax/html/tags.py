"""Tags as bytes: where they begin and end, and what their attributes say.

A room of ``html.py``, for what looks at a page before it is parsed.
Reference: https://html.spec.whatwg.org/multipage/parsing.html#tokenization
"""

import re
from collections.abc import Iterable
from itertools import islice

#: Bytes of a tag that is still looked at.
LONG_TAG = 64 * 1024
#: The attributes that say what an element is for, and the scripts that are looked into.
KINDS = ("rel", "itemprop", "property", "type")
SCRIPTS = ("application/rsl+xml", "application/ld+json")
_KINDS = frozenset(kind.encode() for kind in KINDS)


def compiled(pattern: bytes) -> "re.Pattern[bytes]":
    """A pattern in which ``~`` stands for the white space of HTML, which has no vertical tab."""
    return re.compile(pattern.replace(b"~", rb" \t\n\r\f"))


#: How tags begin that may say something.
START = compiled(rb"<(?=[aAmMlLsS])(?i:a|meta|link|script)(?=[~/])")
# A value whose quotes are open at the end. A quote opens a value only behind "=".
_OPEN = compiled(rb"""=[~]*+(?:"[^"]*+|'[^']*+)\Z""")
# An attribute with what stands before it, as a tokenizer reads it; and a tag from behind its
# name to before its end. A name may begin with "=", an unquoted value may hold quotes.
_ATTRIBUTE = (
    rb"""[~/]*+([^~/>][^~/>=]*+)(?:[~]*+=[~]*+("[^"]*+"?+|'[^']*+'?+|[^~>"'][^~>]*+)?+)?+"""
)
_ATTRIBUTES = compiled(_ATTRIBUTE)
WHOLE = compiled(rb"(?:%b)*+[~/]*+" % _ATTRIBUTE.replace(b"([^", b"(?:[^").replace(b'("', b'(?:"'))
# Single bytes are numbers here: ``b"x" in tag`` takes five times as long.
_QUOTE, _APOSTROPHE = b"\"'"
_NO_VALUE = b"= \t\n\r\f"
SCRIPT_END = compiled(rb"</(?i:script)[~/>]")
# Character references to what words are made of, or to white space: a word may be spelled
# with them. The names are those of "+", "-", ".", "/", ":", "_", tab, line feed and "fj".
SPELLED = re.compile(
    rb"&(?:#(?:0*+(?:9|1[023]|32|4[35-9]|5[0-8]|6[5-9]|[78]\d|90|9[5789]|1[01]\d|12[0-2])(?!\d)"
    rb"|[xX]0*+(?:[9aAcCdD]|2[0bBdDeEfF]|3[0-9aA]|[46][1-9a-fA-F]|5[0-9aAfF]|7[0-9aA])"
    rb"(?![0-9a-fA-F]))"
    rb"|(?:plus|period|sol|colon|lowbar|UnderBar|Tab|NewLine|fjlig);)"
)


def attributes(body: bytes, start: int, end: int, most: int) -> int:
    """How many attributes stand between two places of a tag, if not more than some."""
    return sum(1 for _ in islice(_ATTRIBUTES.finditer(body, start, end), most))


def is_open(tag: bytes) -> bool:
    """Whether a quote is open at the end of a tag, up to its first ``>``."""
    # A quote at the end that is none to open a value closes one, where there is no other kind.
    closed = tag[-1] == _QUOTE and _APOSTROPHE not in tag and tag[-2] not in _NO_VALUE
    return not closed and _OPEN.search(tag) is not None


def says(tag: bytes, words: Iterable[bytes]) -> bool:
    """True if one of some lower-case words stands in a tag's attribute values."""
    start = START.match(tag)
    said = b" ".join(
        value
        for name, value in _ATTRIBUTES.findall(tag, start.end() if start else 0)
        if name.lower() in _KINDS
    )
    lower = said.lower()
    return any(word in lower for word in words) or SPELLED.search(said) is not None
