"""RFC 9309 path patterns (§2.2.2, §2.2.3) in linear time, and the path of a URL.

Knows patterns, not what they are for: which of several matching patterns wins is the
business of each signal. Comparison is octet by octet, on a canonical form with one character
per octet (as Latin-1 has it), in which every percent-encoded octet but ``%2F`` and ``%25`` is
decoded: both spellings of an octet compare equal, and what is no UTF-8 needs no case of its own.
"""

import re
from urllib.parse import quote, unquote_to_bytes

from .dot_segments import resolve
from .origin import origin as origin_of
from .substring_index import SubstringIndex

# Escapes that stay: the octets would be read as something else.
_KEPT = re.compile("%(2[Ff]|25)")
# Reserved characters (RFC 3986 §2.2) but "/", "$" and "*", in escapes and bare.
_ENCODED = re.compile("%(?:2[1367-9BbCc]|3[ABDFabdf]|40|5[BDbd])")
_BARE = re.compile(r"[!#&'()+,:;=?@\[\]]")
# An escape that may be part of a character.
_HIGH = re.compile("%[89A-Fa-f]")
_ORIGIN = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(?:[^/?#\\]*@)?([^/?#@\\]*)([^#]*)")

#: Patterns longer than this never match: no server has such a path, and a bound is needed.
MAX_PATTERN = 8 * 1024
#: Of a longer path and query the beginning is judged: what thousands of patterns with stars
#: cost grows with it, and servers commonly refuse such requests.
MAX_TARGET = 8 * 1024
#: Origins by how URLs begin, up to the first slash of their path.
_ORIGINS: dict[str, str] = {}
_MOST_ORIGINS = 4096
# Patterns whose percent-encoded form is the pattern itself.
_USUAL = re.compile(r"[A-Za-z0-9_.~/=*-]*\$?")


def split_url(url: str) -> tuple[str, str]:
    """Split an absolute URL into its origin and its target (path and query).

    The origin is in its one spelling (``syntax/origin.py``) without user name or default port;
    the fragment is dropped and an empty path becomes ``/``. Other strings have the origin ``""``.

    >>> split_url("HTTPS://A.example:443?q#f")
    ('https://a.example', '/?q')
    """
    slash = url.find("/", 8)
    known = _ORIGINS.get(url[:slash]) if slash > 0 else None
    if known is not None:
        target = url[slash:]
        if "#" in target:
            target = target.partition("#")[0]
        return known, target[:MAX_TARGET]
    found = _ORIGIN.match(url)
    if not found:
        target = url.partition("#")[0]
        return "", (target if target.startswith("/") else "/" + target)[:MAX_TARGET]
    scheme, authority, target = found.groups()
    origin = origin_of(scheme, authority)
    if target[:1] != "/":
        return origin, _rooted(target)[:MAX_TARGET]
    if found.end(2) == slash:  # never of what has no slash at its end
        if len(_ORIGINS) >= _MOST_ORIGINS:
            _ORIGINS.clear()
        _ORIGINS[url[:slash]] = origin
    return origin, target[:MAX_TARGET]


def _rooted(target: str) -> str:
    """A target that begins with a slash; browsers take a backslash for one."""
    return "/" + target.removeprefix("\\")


def resolved_target(url: str, target: str) -> str | None:
    """The target with its path's dot segments removed, None where it has none.

    Args:
        url: the URL that the target is of.
        target: as ``split_url`` gives it.

    >>> resolved_target("https://a.example/a/../b", "/a/../b")
    '/b'
    """
    if len(target) >= MAX_TARGET:  # it was cut, and dots behind the cut may lead anywhere
        found = _ORIGIN.match(url)
        whole = found[3] if found else url.partition("#")[0]
        target = whole if whole.startswith("/") else _rooted(whole)
    resolved = resolve(target)
    return None if resolved is None else resolved[:MAX_TARGET]


def canonical(text: str) -> str:
    r"""The form in which paths and literal parts of patterns are compared: a character per octet.

    >>> canonical("/%C3%BC%2f") == canonical("/ü%2F") == "/\xc3\xbc%2F"
    True
    """
    if "%" in text:
        text = _KEPT.sub(_kept, text)
    elif text.isascii():
        return text
    # Lone surrogates, which are in no URL, get octets of their own: nothing may raise.
    return unquote_to_bytes(text.encode("utf-8", "surrogatepass")).decode("latin-1")


def _kept(found: re.Match[str]) -> str:
    """An escape that is encoded once more, so that it stays when all are decoded."""
    return "%25" + found[1].upper()


def judged(target: str) -> str:
    """The canonical path of a target; one that was cut matches no pattern with an end."""
    path = canonical(target)
    return path + "\0" if len(target) >= MAX_TARGET else path


def keep_reserved(text: str) -> str:
    """A path or pattern whose percent-encoded reserved characters compare unequal to bare ones.

    A character for private use stands for each of them (RFC 3986 §2.2), but for ``%2F``, which
    ``canonical`` keeps apart, and for ``%24`` and ``%2A``, which a pattern has for ``$`` and ``*``.
    """
    return _ENCODED.sub(_private, text) if "%" in text else text


def has_reserved(text: str) -> bool:
    """Whether ``keep_reserved`` may matter to what a pattern matches."""
    return _BARE.search(text) is not None or ("%" in text and _ENCODED.search(text) is not None)


def _private(found: re.Match[str]) -> str:
    return chr(0x10FF00 + int(found[0][1:], 16))


def is_utf_8(text: str) -> bool:
    """Whether the encoded octets of a path or pattern are characters; those of ``/%D8`` are not."""
    if "%" not in text or not _HIGH.search(text):
        return True
    try:
        canonical(text).encode("latin-1").decode()
    except UnicodeDecodeError:
        return False
    return True


class Pattern:
    """One path pattern: ``*`` is any run of characters, a final ``$`` the end.

    Attributes:
        text: as written.
        prefix: canonical literal text before the first ``*`` or the final ``$``.
        plain: whether the prefix is all there is to match.

    """

    __slots__ = ("_anchored", "_last", "_middle", "plain", "prefix", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._anchored = text.endswith("$")
        parts = list(map(canonical, (text[:-1] if self._anchored else text).split("*")))
        self.prefix = parts[0]
        self.plain = len(parts) == 1 and not self._anchored
        self._last = parts[-1] if len(parts) > 1 else None
        self._middle = tuple([part for part in parts[1:-1] if part])

    def matches(self, path: str, held: SubstringIndex | None = None) -> bool:
        """Whether a canonical path matches; one pass, whatever the number of stars.

        Args:
            path: in canonical form.
            held: where literals stand in it, if it is so long that they are looked up.
        """
        if not path.startswith(self.prefix):
            return False
        if self.plain:
            return True
        start = len(self.prefix)
        last = self._last
        if last is None:  # "…$" without a star
            return len(path) == start
        if self._anchored and not path.endswith(last):
            return False
        find = (held or path).find
        for part in self._middle:
            found = find(part, start)
            if found < 0:
                return False
            start = found + len(part)
        if self._anchored:
            return len(path) - len(last) >= start
        return find(last, start) >= 0


def octets(text: str) -> int:
    """Length of a percent-encoded pattern: of two matches the longer one counts (§2.2.2).

    Reserved characters count as three octets, since the RFC encodes them before the
    comparison.
    """
    if _USUAL.fullmatch(text):
        return len(text)
    anchored = text.endswith("$")
    parts = (text[:-1] if anchored else text).split("*")
    literal = sum(len(quote(canonical(part).encode("latin-1"), safe="/%=")) for part in parts)
    return literal + len(parts) - 1 + anchored
