"""Character encodings in which markup is not written in ASCII: found, and undone.

In nearly all encodings tags, names and words are the octets of ASCII, and nothing needs to be
done. Here: the others, which are UTF-16, UTF-32, UTF-7, EBCDIC and the ISO-2022 family. A label
chooses from a closed table and is never looked up among Python's codecs, some of which are no
encodings of text at all (zip, idna). Linear in the length of the body.

Reference: https://encoding.spec.whatwg.org/ (labels),
https://html.spec.whatwg.org/multipage/parsing.html#determining-the-character-encoding
"""

import re
from codecs import utf_7_decode
from encodings.aliases import aliases
from functools import cache, lru_cache

#: Codecs by the labels of the WHATWG and of IANA, as far as Python's own aliases lack them. In
#: lower case, without what stands between letters and digits.
_LABELS = {
    **dict.fromkeys(("ucs2", "iso10646ucs2", "unicode", "csunicode", "unicodefeff"), "utf_16_le"),
    **dict.fromkeys(("utf16", "u16", "csutf16", "csutf16le"), "utf_16_le"),
    **dict.fromkeys(("unicodefffe", "csutf16be"), "utf_16_be"),
    **dict.fromkeys(("utf32", "u32", "csutf32", "csutf32le"), "utf_32_le"),
    **dict.fromkeys(("ucs4", "iso10646ucs4", "csucs4", "csutf32be"), "utf_32_be"),
    **dict.fromkeys(("csutf7", "csunicode11utf7", "utf7imap"), "utf_7"),
    **dict.fromkeys(
        ("iso2022jp2", "csiso2022jp2", "iso2022jp3", "iso2022jp2004"), "iso2022_jp_ext"
    ),
    **dict.fromkeys(("hzgb2312", "cshzgb2312"), "hz"),
    "ebcdicus": "cp037",
    "ebcdicinternational": "cp500",
}
#: Python's codecs of encodings in which markup is not ASCII, each with the one that is used.
_CODECS = {
    **{name: name for name in ("utf_16_le", "utf_16_be", "utf_32_le", "utf_32_be", "utf_7")},
    **{name: name for name in ("cp037", "cp273", "cp424", "cp500", "cp875", "cp1026", "cp1140")},
    **dict.fromkeys(("iso2022_jp", "iso2022_jp_1", "iso2022_jp_2"), "iso2022_jp_ext"),
    **dict.fromkeys(("iso2022_jp_3", "iso2022_jp_2004", "iso2022_jp_ext"), "iso2022_jp_ext"),
    # The last two have a second set of brackets, for text from right to left.
    **{name: name for name in ("iso2022_kr", "hz", "mac_arabic", "mac_farsi")},
}
_BETWEEN = re.compile(r"[^0-9a-z]+")
#: Labels of the WHATWG that Python lacks, of encodings in which markup is ASCII.
_WHATWG = """
    unicode11utf8 unicode20utf8 xunicode20utf8 csiso88596e csiso88596i iso88596e iso88596i suneugreek
    csiso88598e csiso88598i iso88598e iso88598i visual logical csisolatin9 koi koi8 koi8ru koi8u
    csmacintosh mac xmacroman xmaccyrillic xmacukrainian dos874 windows874 xcp1250 xcp1251 xcp1252
    xcp1253 xcp1254 xcp1255 xcp1256 xcp1257 xcp1258 csgb2312 xgbk cnbig5 xxbig5 cseucpkdfmtjapanese
    xeucjp windows31j xsjis cseuckr csksc56011987 isoir149 ksc56011989 windows949 iso2022cn
    iso2022cnext xuserdefined replacement
"""
#: A longer label is none.
_LONGEST_LABEL = 60

#: Byte order marks; that of UTF-32 may also be one of UTF-16 with a NUL behind it.
_MARKS = (
    (b"\xff\xfe\0\0", ("utf_32_le", "utf_16_le")),
    (b"\xff\xfe", ("utf_16_le",)),
    (b"\xfe\xff", ("utf_16_be",)),
    (b"\0\0\xfe\xff", ("utf_32_be",)),
    (b"+/v", ("utf_7",)),
    # "<?xm" in EBCDIC (XML, autodetection of encodings).
    (b"\x4c\x6f\xa7\x94", ("cp037",)),
)
_MARKED = tuple(mark for mark, _ in _MARKS)
_UTF_8 = b"\xef\xbb\xbf"
#: Bytes in which a page says what it is in (HTML, prescan), and in which NULs show it.
_HEAD = 1024
_SAYS = re.compile(rb"(?:charset|encoding)\s*=\s*[\"']?\s*([\w.:-]{1,60})", re.IGNORECASE)
#: Bytes by which readings of one body are compared, and what is counted in them.
_SAMPLE = 64 * 1024
_TAG, _LETTER = re.compile(rb"<[A-Za-z/!?]"), re.compile(rb"[A-Za-z]")

_WIDTHS = {"utf_16_le": 2, "utf_16_be": 2, "utf_32_le": 4, "utf_32_be": 4}
_ONLY_ASCII = bytes(range(128)) + b"?" * 128
_ZERO = b"\0" + b"\xff" * 255


def ascii_based(body: bytes, label: str = "", *, markup: bool = True) -> bytes:
    """A body in an encoding in which markup is ASCII.

    What the body is in is told by a byte order mark, by its label, by the NULs in it, and
    without a known label by what it says of itself. Where these are mistaken, so that more of
    it can be read otherwise, it is read so.

    Args:
        body: the octets.
        label: the charset that it was sent with, in any case; "" if none was.
        markup: whether it is HTML or XML, and no other text.

    Returns:
        The body itself where nothing need be done, else in UTF-8.
    """
    codec = codec_of(label) if label else ""
    head = body[:_HEAD]
    found = (codec,) if codec else ()
    if head.startswith(_MARKED):
        found = (*next(codecs for mark, codecs in _MARKS if head.startswith(mark)), *found)
    if 0 in head:
        found = (*found, *_by_nulls(head))
    if markup and not codec and (not label or codec is None):
        own = _own(head)
        found = (*found, own) if own and own not in _WIDTHS else found
    if not found or body.startswith(_UTF_8):
        return body
    readings = [*(_decoded(body, codec) for codec in dict.fromkeys(found)), body]
    pattern = _TAG if markup else _LETTER
    # The first of those in which most can be read.
    return max(readings, key=lambda reading: len(pattern.findall(reading[:_SAMPLE])))


@cache
def _by_label() -> dict[str, str]:
    """Codecs by label; "" for labels of encodings in which markup is ASCII.

    What a page says of itself counts only beside other labels. Made when a label is first met.
    """
    plain = {
        _BETWEEN.sub("", name): ""
        for pair in aliases.items()
        if not pair[1].endswith("_codec") and pair[1] not in ("rot_13", "mbcs")
        for name in pair
    }
    return {
        **dict.fromkeys(("utf8", *_WHATWG.split()), ""),
        **plain,
        **{_BETWEEN.sub("", name): codec for name, codec in _CODECS.items()},
        **{
            _BETWEEN.sub("", alias): _CODECS[name]
            for alias, name in aliases.items()
            if name in _CODECS
        },
        **_LABELS,
    }


@lru_cache(maxsize=256)
def codec_of(label: str) -> str | None:
    """The codec for a label; "" where its markup is ASCII, None where it names no encoding."""
    if len(label) > _LONGEST_LABEL:
        return None
    return _by_label().get(_BETWEEN.sub("", label.lower()))


def _own(head: bytes) -> str | None:
    """The codec for the encoding that a page in ASCII names first (HTML, prescan)."""
    word = b"encoding" if head.startswith(b"<?xml") else b"charset"
    at = head.find(word)
    if at < 0:
        at = head.lower().find(word)
    declared = _SAYS.match(head, at) if at >= 0 else None
    return codec_of(declared[1].decode("latin-1")) if declared else None


def _by_nulls(head: bytes) -> tuple[str, ...]:
    """Encodings that have NULs where these are, by how often they stand at each of four places."""
    head = head[: len(head) // 4 * 4]
    a, b, c, d = (head[place::4].count(0) for place in range(4))
    little, big = ("utf_32_le", "utf_16_le"), ("utf_32_be", "utf_16_be")
    if not head:
        return ("utf_16_le", "utf_16_be")
    return little if b + d > a + c or (b + d == a + c and c > a) else big


def _decoded(body: bytes, codec: str) -> bytes:
    """A body in UTF-8 without a byte order mark; what is no text in it is replaced."""
    width = _WIDTHS.get(codec)
    if width:
        body = body[: len(body) // width * width]
        try:
            text = body.decode(codec)
        except UnicodeDecodeError:
            # Millions of replacements would take seconds.
            return _narrow(body, width, big=codec.endswith("be"))
    elif codec == "utf_7":
        try:
            text, _ = utf_7_decode(body, "strict", False)
        except UnicodeDecodeError:
            return body  # most pages with a "+" are none
    else:
        text = body.decode(codec, "replace")
        if codec.startswith("cp"):
            text = text.replace("\x85", "\n")  # the line end of EBCDIC is no white space in HTML
    return text.removeprefix("\ufeff").encode("utf-8", "replace")


def _narrow(body: bytes, width: int, *, big: bool) -> bytes:
    """The ASCII of a body whose characters have so many octets; "?" for others."""
    octets = [body[place::width] for place in range(width)]
    low = octets.pop(-1 if big else 0).translate(_ONLY_ASCII)
    # One number with a byte for each character: logic on it is that on all of them at once.
    others = 0
    for high in octets:
        others |= int.from_bytes(high.translate(_ZERO), "big")
    marks = int.from_bytes(b"?" * len(low), "big")
    ascii_only = int.from_bytes(low, "big") & ~others | marks & others
    return ascii_only.to_bytes(len(low), "big")
