"""The package document of an EPUB, out of its container with bounds.

Reference: https://www.w3.org/TR/epub-33/ (Open Container Format; package document).
"""

import struct
import zlib
from io import BytesIO
from itertools import pairwise
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

from lxml import etree

from reservation_middleware.syntax.xml import LIMIT, XmlError, parse, text_of

from .xmp import MOST_RSL, rsl_of

#: Bytes of the container's directory: some ten thousand members.
LONGEST_DIRECTORY = 1024 * 1024
_MOST_PACKAGES, _MOST_METAS, _LONGEST = 4, 100, 2_000
#: Metas of one package that are looked at.
_MOST_LOOKED_AT = 10_000
_CONTAINER = "META-INF/container.xml"
_OCF = "{urn:oasis:names:tc:opendocument:xmlns:container}rootfile"
_OPF = "http://www.idpf.org/2007/opf"
_END, _END_64 = b"PK\5\6", b"PK\6\7"
_NAMES = ("reservation", "policy")
_BAD = (
    *(BadZipFile, EOFError, IndexError, NotImplementedError, OSError, OverflowError),
    *(RuntimeError, UnicodeError, ValueError, struct.error, zlib.error),
)


def read(body: bytes, problems: list[str]) -> tuple[tuple[tuple[str, str], ...], list[bytes]]:
    """TDMRep's metas of the packages of an EPUB, and the RSL in them."""
    metas: list[tuple[str, str]] = []
    rsl: list[bytes] = []
    if why := _directory_problem(body):
        problems.append(why)
        return (), []
    try:
        with ZipFile(BytesIO(body)) as file:
            root = parse(_member(file, _CONTAINER))
            paths = dict.fromkeys(element.get("full-path") or "" for element in root.iter(_OCF))
            if not paths:
                problems.append("the container names no package")
            if len(paths) > _MOST_PACKAGES:
                problems.append("too many packages")
            for path in list(paths)[:_MOST_PACKAGES]:
                package = parse(_member(file, path))
                metas += _metas(package, problems)
                rsl += rsl_of(package, MOST_RSL, problems)
    except XmlError as error:
        problems.append(f"an EPUB that cannot be read: {error}")
    except KeyError as error:
        problems.append(f"an EPUB without {str(error.args[0])[:80]}" if error.args else "an EPUB")
    except _BAD as error:
        problems.append(f"an EPUB that cannot be read: {str(error)[:100] or type(error).__name__}")
    return tuple(metas[:_MOST_METAS]), rsl


def _directory_problem(body: bytes) -> str | None:
    """Why the directory of an archive is not to be read: zipfile reads it whole, entry by entry."""
    end = len(body) - 22
    if end < 0 or body[end : end + 4] != _END or body[end + 20 :] != b"\0\0":
        end = body.rfind(_END, max(0, len(body) - 65_557))
    if end < 0 or end + 22 > len(body):
        return "an EPUB that is cut off"
    if body[max(0, end - 20) : end].startswith(_END_64):
        return "an EPUB in the form for huge archives"
    if int.from_bytes(body[end + 12 : end + 16], "little") > LONGEST_DIRECTORY:
        return "an EPUB with too many members"
    return None


def _member(file: ZipFile, name: str) -> bytes:
    """One member of an archive.

    Raises:
        KeyError: there is none of that name.
        ValueError: it is encrypted, packed in an unusual way, or too long.
    """
    member = file.getinfo(name)
    if member.flag_bits & 1:
        raise ValueError("encrypted")
    if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise ValueError("compressed in a way that EPUB does not have")
    if member.file_size > LIMIT:
        raise ValueError("a package that is too long")
    with file.open(member) as stream:
        found = stream.read(LIMIT + 1)
    if len(found) > LIMIT:
        raise ValueError("a package that is longer than it says")
    return found


def _metas(package: etree._Element, problems: list[str]) -> list[tuple[str, str]]:
    """The metas about TDMRep: ``name`` and ``content`` of EPUB 2, ``property`` of EPUB 3."""
    prefixes = _prefixes(package.get("prefix") or "")
    found: list[tuple[str, str]] = []
    for number, meta in enumerate(package.iter(f"{{{_OPF}}}meta", "meta")):
        if number == _MOST_LOOKED_AT or len(found) == _MOST_METAS:
            problems.append("too many metas in a package")
            break
        name = (meta.get("name") or "").strip()
        if name.lower() in ("tdm:reservation", "tdm:policy"):
            found.append((name.lower(), (meta.get("content") or "").strip()[:_LONGEST]))
            continue
        prefix, _, local = (meta.get("property") or "").strip().partition(":")
        namespace = prefixes.get(prefix, "tdmrep" if prefix == "tdm" else "")
        if _is_tdmrep(namespace) and local in _NAMES and not meta.get("refines"):
            found.append((f"tdm:{local}", text_of(meta)[:_LONGEST]))
    return found


def _prefixes(declared: str) -> dict[str, str]:
    """``tdm: http://… other: http://…`` as a dictionary (the ``prefix`` attribute)."""
    words = declared[:_LONGEST].replace(":http", ": http").split()
    return {word.removesuffix(":"): uri for word, uri in pairwise(words) if word.endswith(":")}


def _is_tdmrep(namespace: str) -> bool:
    return namespace.rstrip("/#").rpartition("/")[2] == "tdmrep" and (
        namespace == "tdmrep" or "://www.w3.org/ns/" in namespace
    )
