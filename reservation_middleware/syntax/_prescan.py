"""The first look at a page's bytes: is there anything of interest, and is it safe to parse?

A second room of ``html.py``. Linear in the length of the page, whatever it holds.
"""

import re
from collections.abc import Sequence
from functools import cache

#: Metas of interest that are kept, and other elements; a page with more is not trying to be
#: understood.
MAX_METAS, MAX_ELEMENTS = 256, 64
#: Characters of an element's text that are kept.
MAX_TEXT = 256 * 1024
# Beyond these a page is not given to the parser as a whole: tags, attributes of one tag,
# open elements; then bytes of a tag that is still looked at, and words in all tags.
_MANY_TAGS, _MANY, _DEEP = 50_000, 1_000, 600
# So many tags cannot be too deep, however they are nested.
_HARMLESS = 4_000
LONG_TAG, MOST_HITS = 64 * 1024, 10_000
# A name and white space: a comparison in a script seldom looks so.
_LONG = re.compile(rb"<[a-zA-Z][a-zA-Z0-9:-]*+[\s/][^>]{2048,}+")
_QUOTED = re.compile(rb"""\"[^"]*+"|'[^']*+'""")
_ELEMENT = re.compile(rb"<(/?)([a-zA-Z][^\s/>]*+)")
# Elements that hold nothing, or that the next of their kind ends.
_FLAT = frozenset(
    b"area base br col embed hr img input link meta param source track wbr "
    b"p li dt dd tr td th option optgroup thead tbody tfoot body head html".split()
)

# A meta tag up to its end, ``>`` inside quotes left alone. Possessive, so linear. A quote
# that is never closed may stand in an unquoted value (``content=don't``): it ends nothing.
META_TAG = re.compile(rb"""<[mM][eE][tT][aA](?:[^>"']++|"[^"]*+"|'[^']*+'|["'])*+""")
# Character references to letters, digits, "-" or ":": a word may be spelled with them.
_SPELLED = re.compile(
    rb"&#(?:0*(?:45|4[89]|5[0-8]|6[5-9]|[78]\d|90|9[789]|1[01]\d|12[0-2])(?!\d)"
    rb"|[xX]0*(?:2[dD]|3[0-9aA]|[46][1-9a-fA-F]|[57][0-9aA])(?![0-9a-fA-F]))"
    rb"|&colon;"
)


# Elements other than metas: the attributes that say what they are for, and the tags that are
# looked at where a page is not parsed as a whole.
KINDS = ("rel", "itemprop", "property", "type")
SCRIPTS = ("application/rsl+xml", "application/ld+json")
_SCRIPT_MARKS = tuple(kind.encode() for kind in SCRIPTS)
OTHER_TAG = re.compile(
    rb"""<(?:link|a|area|script)\s(?:[^>"']++|"[^"]*+"|'[^']*+'|["'])*+""", re.IGNORECASE
)


def has_metas(tags: Sequence[bytes], words: Sequence[bytes]) -> bool:
    """Whether a word occurs in some meta tags, or something that may spell one."""
    return bool(tags) and _speaks(_joined(tags), words)


def _joined(tags: Sequence[bytes]) -> bytes:
    everything = b"\0".join(tags)
    if everything.count(b"\0") == len(tags) - 1:
        return everything
    return b"\0".join([tag.replace(b"\0", b" ") for tag in tags])


def has_elements(body: bytes, words: tuple[bytes, ...]) -> bool:
    """Whether a page seems to hold an element in which a word occurs."""
    if not words:
        return False
    lower = body.lower()
    found = [word for word in words if word in lower]
    if not found:
        return False
    return any(mark in lower for mark in _SCRIPT_MARKS) or (
        _attribute_with(tuple(found)).search(lower) is not None
    )


@cache
def _attribute_with(words: tuple[bytes, ...]) -> "re.Pattern[bytes]":
    """Finds an attribute that says what an element is for and holds a word; lower case.

    Bounded repetitions keep it linear.
    """
    any_word = b"(?:" + b"|".join(map(re.escape, words)) + b")"
    kinds = "|".join(KINDS).encode()
    return re.compile(
        rb"(?:" + kinds + rb")\s{0,9}=\s{0,9}"
        rb"""(?:"[^"]{0,200}?%b|'[^']{0,200}?%b|[^\s>"']{0,200}?%b)""" % ((any_word,) * 3)
    )


def speaking_elements(body: bytes, words: Sequence[bytes]) -> list[bytes]:
    """The first tags of other elements in which a word occurs, scripts whole; in order."""
    lower = body.lower()
    found: list[bytes] = []
    for count, hit in enumerate(OTHER_TAG.finditer(lower)):
        if count == MOST_HITS or len(found) == 2 * MAX_ELEMENTS:
            break
        start, end = hit.span()
        if end - start > LONG_TAG or _attributes(hit[0]) > _MANY:
            continue
        if hit[0].startswith(b"<script"):
            if not any(mark in hit[0] for mark in _SCRIPT_MARKS):
                continue
            end = lower.find(b"</script", end)
            if end < 0:
                break
            end += len(b"</script")
        if end - start <= MAX_TEXT and any(word in lower[start:end] for word in words):
            found.append(body[start:end])
    return found


def speaking_metas(tags: Sequence[bytes], words: Sequence[bytes]) -> list[bytes]:
    """The first tags in which a word occurs, or something that may spell one; in order."""
    everything = _joined(tags)
    lower = _solid(everything)
    found: set[int] = set()
    for text, pattern in (
        (lower, re.compile(b"|".join(map(re.escape, words)))),
        (everything, _SPELLED),
    ):
        number = position = 0
        for count, hit in enumerate(pattern.finditer(text)):
            if count == MOST_HITS:
                break
            number += text.count(b"\0", position, hit.start())
            position = hit.start()
            found.add(number)
    return [
        tags[number]
        for number in sorted(found)[: 2 * MAX_METAS]
        if len(tags[number]) <= LONG_TAG and _attributes(tags[number]) <= _MANY
    ]


def _solid(tags: bytes) -> bytes:
    """Tags in lower case without white space: it may stand in a word, as in "max-snippet: 0"."""
    return tags.lower().translate(None, b" \t\r\n\f")


def _speaks(tags: bytes, words: Sequence[bytes]) -> bool:
    """Whether a word occurs in some tags, or something that may spell one."""
    lower = _solid(tags)
    return any(word in lower for word in words) or (
        b"&" in tags and _SPELLED.search(tags) is not None
    )


def is_monstrous(body: bytes) -> bool:
    """Whether a page is built to make a parser slow: too deep, too many or too long tags.

    A tree builder may take time quadratic in depth and in attributes per tag.
    """
    tags = body.count(b"<")
    if tags > _MANY_TAGS:
        return True
    if any(_attributes(found[0]) > _MANY for found in _LONG.finditer(body)):
        return True
    if tags <= _HARMLESS:
        return False
    depth = 0
    for close, name in _ELEMENT.findall(body):
        if close:
            depth = depth - 1 if depth else 0
        elif name.lower() not in _FLAT:
            depth += 1
            if depth > _DEEP:
                return True
    return False


def _attributes(tag: bytes) -> int:
    """About how many attributes a tag has; what is quoted is none."""
    return len(_QUOTED.sub(b"", tag).split())


def ascii_compatible(body: bytes, charset: str) -> bytes:
    """The body in an encoding in which tags are ASCII (only UTF-16 and UTF-32 are not)."""
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return body.decode("utf-16", "replace").encode()
    if charset in ("utf-16", "utf-16le", "utf-16be"):
        codec = "utf-16-be" if charset == "utf-16be" else "utf-16-le"
        return body.decode(codec, "replace").encode()
    return body
