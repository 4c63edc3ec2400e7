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
