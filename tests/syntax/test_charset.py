"""Labels and octets of pages in encodings in which markup is not ASCII; hostile ones, too.

That a reservation in such a page counts is tested by the vectors of ROBOTS-META-14.
"""

import contextlib
import encodings
import pkgutil
import random
from collections.abc import Iterator

import pytest

from reservation_middleware.syntax import charset
from reservation_middleware.syntax.charset import ascii_based, codec_of
from reservation_middleware.syntax.xml import XmlError, parse

PAGE = '<!doctype html><title>Ü</title><meta name="robots" content="noai">\n'
META = b'<meta name="robots" content="noai">'
MIB = 1024 * 1024


#: Every label of https://encoding.spec.whatwg.org/#names-and-labels, by its encoding.
WHATWG = {
    "utf-8": """
        unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8
    """,
    "ibm866": """
        866 cp866 csibm866 ibm866
    """,
    "iso-8859-2": """
        csisolatin2 iso-8859-2 iso-ir-101 iso8859-2 iso88592 iso_8859-2 iso_8859-2:1987 l2
        latin2
    """,
    "iso-8859-3": """
        csisolatin3 iso-8859-3 iso-ir-109 iso8859-3 iso88593 iso_8859-3 iso_8859-3:1988 l3
        latin3
    """,
    "iso-8859-4": """
        csisolatin4 iso-8859-4 iso-ir-110 iso8859-4 iso88594 iso_8859-4 iso_8859-4:1988 l4
        latin4
    """,
    "iso-8859-5": """
        csisolatincyrillic cyrillic iso-8859-5 iso-ir-144 iso8859-5 iso88595 iso_8859-5
        iso_8859-5:1988
    """,
    "iso-8859-6": """
        arabic asmo-708 csiso88596e csiso88596i csisolatinarabic ecma-114 iso-8859-6
        iso-8859-6-e iso-8859-6-i iso-ir-127 iso8859-6 iso88596 iso_8859-6 iso_8859-6:1987
    """,
    "iso-8859-7": """
        csisolatingreek ecma-118 elot_928 greek greek8 iso-8859-7 iso-ir-126 iso8859-7 iso88597
        iso_8859-7 iso_8859-7:1987 sun_eu_greek
    """,
    "iso-8859-8": """
        csiso88598e csisolatinhebrew hebrew iso-8859-8 iso-8859-8-e iso-ir-138 iso8859-8
        iso88598 iso_8859-8 iso_8859-8:1988 visual csiso88598i iso-8859-8-i logical
    """,
    "iso-8859-10": """
        csisolatin6 iso-8859-10 iso-ir-157 iso8859-10 iso885910 l6 latin6
    """,
    "iso-8859-13": """
        iso-8859-13 iso8859-13 iso885913
    """,
    "iso-8859-14": """
        iso-8859-14 iso8859-14 iso885914
    """,
    "iso-8859-15": """
        csisolatin9 iso-8859-15 iso8859-15 iso885915 iso_8859-15 l9
    """,
    "iso-8859-16": """
        iso-8859-16
    """,
    "koi8-r": """
        cskoi8r koi koi8 koi8-r koi8_r
    """,
    "koi8-u": """
        koi8-ru koi8-u
    """,
    "macintosh": """
        csmacintosh mac macintosh x-mac-roman
    """,
    "windows-874": """
        dos-874 iso-8859-11 iso8859-11 iso885911 tis-620 windows-874
    """,
    "windows-1250": """
        cp1250 windows-1250 x-cp1250
    """,
    "windows-1251": """
        cp1251 windows-1251 x-cp1251
    """,
    "windows-1253": """
        cp1253 windows-1253 x-cp1253
    """,
    "windows-1255": """
        cp1255 windows-1255 x-cp1255
    """,
    "windows-1256": """
        cp1256 windows-1256 x-cp1256
    """,
    "windows-1257": """
        cp1257 windows-1257 x-cp1257
    """,
    "windows-1258": """
        cp1258 windows-1258 x-cp1258
    """,
    "windows-1252": """
        ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1
        iso88591 iso_8859-1 iso_8859-1:1987 l1 latin1 us-ascii windows-1252 x-cp1252
    """,
    "windows-1254": """
        cp1254 csisolatin5 iso-8859-9 iso-ir-148 iso8859-9 iso88599 iso_8859-9 iso_8859-9:1989
        l5 latin5 windows-1254 x-cp1254
    """,
    "x-mac-cyrillic": """
        x-mac-cyrillic x-mac-ukrainian
    """,
    "gbk": """
        chinese csgb2312 csiso58gb231280 gb2312 gb_2312 gb_2312-80 gbk iso-ir-58 x-gbk
    """,
    "gb18030": """
        gb18030
    """,
    "big5": """
        big5 big5-hkscs cn-big5 csbig5 x-x-big5
    """,
    "euc-jp": """
        cseucpkdfmtjapanese euc-jp x-euc-jp
    """,
    "shift_jis": """
        csshiftjis ms932 ms_kanji shift-jis shift_jis sjis windows-31j x-sjis
    """,
    "euc-kr": """
        cseuckr csksc56011987 euc-kr iso-ir-149 korean ks_c_5601-1987 ks_c_5601-1989 ksc5601
        ksc_5601 windows-949
    """,
    "x-user-defined": """
        x-user-defined
    """,
    "replacement": """
        csiso2022kr hz-gb-2312 iso-2022-cn iso-2022-cn-ext iso-2022-kr replacement
    """,
    "iso-2022-jp": """
        csiso2022jp iso-2022-jp
    """,
    "utf-16be": """
        unicodefffe utf-16be
    """,
    "utf-16le": """
        csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16 utf-16le
    """,
}


def test_every_label_of_the_whatwg_is_known() -> None:
    """As what it is there, but for ISO-2022-KR and HZ, which browsers refuse and Python reads."""
    expected = {"utf-16le": {"utf_16_le"}, "utf-16be": {"utf_16_be"}}
    expected |= {"iso-2022-jp": {"iso2022_jp_ext"}, "replacement": {"", "iso2022_kr", "hz"}}
    tested = 0
    for encoding, labels in WHATWG.items():
        for label in labels.split():
            assert codec_of(label) in expected.get(encoding, {""}), label
            tested += 1
    assert tested == 228


def python_codecs() -> Iterator[str]:
    return (module.name for module in pkgutil.iter_modules(encodings.__path__))


def test_every_encoding_of_python_leads_to_ascii_tags() -> None:
    """None of them needs an entry in the table that is not there."""
    tested = 0
    for name in python_codecs():
        try:
            body = PAGE.encode(name, "ignore")
        except (LookupError, UnicodeError, ValueError):
            continue  # no encoding of text, or one that exists on Windows only
        if name in ("punycode", "idna", "unicode_escape", "raw_unicode_escape"):
            continue
        tested += 1
        assert META in ascii_based(body, name), name
    assert tested > 80


@pytest.mark.parametrize(
    "label",
    [
        *("idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "charmap"),
        *("zip", "zlib", "bz2", "hex", "base64", "uu", "quopri", "rot13", "mbcs", "oem"),
        *("", "\0", "../x", "os", "utf-8\0", "é", "x" * 100_000, "_" * 100_000, "-", "\ud800"),
    ],
)
def test_labels_that_name_no_encoding_change_nothing(label: str) -> None:
    body = PAGE.encode()
    assert codec_of(label) in (None, "")
    assert ascii_based(body, label) is body


def test_a_label_counts_in_any_spelling() -> None:
    for label in ("ucs-2", "UCS_2", "utf16", "UTF-16-LE", "utf_16le", "unicode", "csUnicode"):
        assert codec_of(label) == "utf_16_le", label
    assert codec_of("unicodeFFFE") == "utf_16_be"
    assert codec_of("latin-1") == codec_of("Windows-1252") == codec_of("utf-8") == ""


def test_octets_without_sense_never_raise() -> None:
    rng = random.Random(7)
    labels = sorted({*filter(None, charset._by_label()), "", "zip"})
    marks = (
        b"",
        b"\xff\xfe",
        b"\xfe\xff",
        b"\xff\xfe\0\0",
        b"\0\0\xfe\xff",
        b"+/v8-",
        b"\x4c\x6f\xa7\x94",
    )
    for _ in range(300):
        body = rng.choice(marks) + rng.randbytes(rng.randrange(60))
        for label in labels:
            assert isinstance(ascii_based(body, label), bytes)
            with contextlib.suppress(XmlError):
                parse(body, label)


@pytest.mark.parametrize("label", ["", "utf-16", "utf-32", "utf-7", "cp037", "hz", "iso-2022-kr"])
@pytest.mark.parametrize(
    "piece",
    [b"\0\xd8", b"\xff\xfe\0\xd8", b"<\0", b"+\xff", b"+", b"+2AA-", b"~", b"\x1b$B", b"\x0e\xff"],
)
def test_eight_mebibytes_of_faults_end(piece: bytes, label: str) -> None:
    """Each takes a fraction of a second; a replacement per fault took four."""
    body = piece * (8 * MIB // len(piece))
    assert len(ascii_based(body, label)) <= 4 * len(body)


def test_damaged_utf_16_keeps_its_ascii() -> None:
    body = ("\u4e2d" + PAGE).encode("utf-16-le") + b"\0\xd8" + b"x\0y"
    found = ascii_based(body, "utf-16")
    assert META in found
    assert found.endswith(b"?x")
    assert META in ascii_based(PAGE.encode("utf-32-be") + b"\0\x11\0\0", "utf-32")


def test_a_document_type_is_seen_in_every_encoding() -> None:
    text = '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'
    for name in ("utf-8", "utf-16", "utf-16-le", "utf-32", "utf-7", "cp037", "cp500"):
        body = f'<?xml version="1.0" encoding="{name}"?>'.encode(name) + text.encode(name)
        if name == "utf-7":
            body = body.replace(b"<!DOCTYPE", b"+ADwAIQ-DOCTYPE")
        with pytest.raises(XmlError, match="document type"):
            parse(body, name)
