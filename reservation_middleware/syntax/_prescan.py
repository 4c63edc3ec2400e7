"""The first look at a page's bytes: is there anything of interest, and is it safe to parse?

A second room of ``html.py``. Linear in the length of the page, whatever it holds.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import NamedTuple

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
_REST = rb"""(?:[^>"']++|"[^"]*+"|'[^']*+'|["'])*+"""
META_TAG = re.compile(rb"<[mM][eE][tT][aA]" + _REST)
#: Tags other than metas that may hold something of interest, and those together with metas.
OTHER_TAG = re.compile(rb"<(?:[lL][iI][nN][kK]|[sS][cC][rR][iI][pP][tT]|[aA])[\s/]" + _REST)
_ANY_TAG = re.compile(
    rb"<(?:[mM][eE][tT][aA]|[lL][iI][nN][kK][\s/]|[sS][cC][rR][iI][pP][tT][\s/]|[aA][\s/])" + _REST
)
# Character references to letters, digits, "-" or ":": a word may be spelled with them.
_SPELLED = re.compile(
    rb"&#(?:0*(?:45|4[89]|5[0-8]|6[5-9]|[78]\d|90|9[789]|1[01]\d|12[0-2])(?!\d)"
    rb"|[xX]0*(?:2[dD]|3[0-9aA]|[46][1-9a-fA-F]|[57][0-9aA])(?![0-9a-fA-F]))"
    rb"|&colon;"
)


#: The attributes that say what an element is for, and the scripts that are looked into.
KINDS = ("rel", "itemprop", "property", "type")
SCRIPTS = ("application/rsl+xml", "application/ld+json")
_MARKS = tuple(kind.encode() for kind in SCRIPTS)


class Interest(NamedTuple):
    """What a page seems to hold.

    Attributes:
        tags: its meta tags.
        metas: whether a word occurs in one of them, or something that may spell one.
        elements: whether one occurs in what another element is for, or in a script.
        end: up to where the page must be parsed to see all of it.
    """

    tags: Sequence[bytes]
    metas: bool
    elements: bool
    end: int


def look(body: bytes, words: Sequence[bytes], element_words: tuple[bytes, ...]) -> Interest:
    """Look for words in the tags of a page, and in its scripts of RSL or JSON-LD.

    Args:
        body: the page, tags in ASCII.
        words: in metas; lower case, no white space.
        element_words: in other elements, as they are usually written.
    """
    if not element_words:
        tags = META_TAG.findall(body)
        others: list[bytes] = []
    else:
        tags = []
        others = []
        for tag in _ANY_TAG.findall(body):
            if tag[1] in b"mM":
                tags.append(tag)
            # Most of what is left are anchors without any such attribute.
            elif tag[1] not in b"aA" or b"rel" in tag or b"prop" in tag or b"REL" in tag:
                others.append(tag)
    metas = bool(tags) and _speaks(_joined(tags), words)
    end = _end_of_metas(body, tags, words) if metas else 0
    elements = False
    if element_words:
        pattern = _attribute_in(b"\0".join(others + tags).lower(), element_words)
        if pattern is not None:
            elements = True
            end = max(end, _end_of_tags(body, others, pattern), _end_of_tags(body, tags, pattern))
        scripts = [tag for tag in others if b"+" in tag and tag[1] in b"sS"]
        scripts = [tag for tag in scripts if any(mark in tag.lower() for mark in _MARKS)]
        if scripts:
            last = _end_of_scripts(body, scripts, element_words)
            elements = elements or last > 0
            end = max(end, last)
    return Interest(tags, metas, elements, end)


#: Beyond a tag of interest so much is parsed, too, for the text in its element.
_MORE = 2_000


def _end_of_metas(body: bytes, tags: Sequence[bytes], words: Sequence[bytes]) -> int:
    """Where the last meta that speaks ends; the tree before it does not depend on what follows."""
    last = next((tag for tag in reversed(tags) if _speaks(tag, words)), None)
    return len(body) if last is None else body.rfind(last) + len(last) + 1


def _end_of_tags(body: bytes, tags: Sequence[bytes], pattern: "re.Pattern[bytes]") -> int:
    last = next((tag for tag in reversed(tags) if pattern.search(tag.lower())), None)
    return 0 if last is None else body.rfind(last) + len(last) + _MORE


def _end_of_scripts(body: bytes, tags: Iterable[bytes], words: tuple[bytes, ...]) -> int:
    """Where the last script ends that is looked into and holds a word, 0 if none does."""
    lower = body if b"</SCRIPT" not in body else body.lower()
    end = found = 0
    for count, tag in enumerate(tags):
        if count == _MOST_SCRIPTS:
            return len(body)
        start = body.find(tag, end)
        if start < 0:
            continue  # it stands in the script before
        start += len(tag)
        end = lower.find(b"</script", start)
        if end < 0:
            end = len(body)
        if any(body.find(word, start, end) >= 0 for word in words):
            found = end + len(b"</script>")
        if end == len(body):
            break
    return found


_MOST_SCRIPTS = 1_000


def _joined(tags: Sequence[bytes]) -> bytes:
    everything = b"\0".join(tags)
    if everything.count(b"\0") == len(tags) - 1:
        return everything
    return b"\0".join([tag.replace(b"\0", b" ") for tag in tags])


def _attribute_in(tags: bytes, words: tuple[bytes, ...]) -> "re.Pattern[bytes] | None":
    """Finds attributes that say what an element is for and hold a word; None if there is none.

    Tags are in lower case.
    """
    there = tuple(word for word in map(bytes.lower, words) if word in tags)
    pattern = _attribute_with(there) if there else None
    return pattern if pattern and pattern.search(tags) else None


@cache
def _attribute_with(words: tuple[bytes, ...]) -> "re.Pattern[bytes]":
    """Finds such an attribute; bounded repetitions keep it linear."""
    word = b"(?:" + b"|".join(map(re.escape, words)) + b")"
    return re.compile(
        rb"[\s/\"'](?:%b)\s{0,9}=\s{0,9}(?:\"[^\"]{0,200}?%b|'[^']{0,200}?%b|[^\s>\"']{0,200}?%b)"
        % ("|".join(KINDS).encode(), word, word, word)
    )


def speaking_elements(body: bytes, words: Sequence[bytes]) -> list[bytes]:
    """The first tags of other elements in which a word occurs, scripts whole; in order."""
    lower = body.lower()
    words = [word.lower() for word in words]
    found: list[bytes] = []
    for count, hit in enumerate(OTHER_TAG.finditer(lower)):
        if count == MOST_HITS or len(found) == 2 * MAX_ELEMENTS:
            break
        start, end = hit.span()
        if end - start > LONG_TAG or _attributes(hit[0]) > _MANY:
            continue
        if hit[0].startswith(b"<script"):
            if not any(mark in hit[0] for mark in _MARKS):
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
