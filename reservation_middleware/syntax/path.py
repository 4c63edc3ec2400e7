"""RFC 9309 path patterns (§2.2.2, §2.2.3) in linear time, and the path of a URL.

Knows patterns, not what they are for: which of several matching patterns wins is the
business of each signal. Comparison is on a canonical form in which every percent-encoded
octet but ``%2F`` and ``%25`` is decoded, so that both spellings of a character compare
equal; that is how Protego, which decides Allow and Disallow, compares too.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import quote, unquote

from .dot_segments import resolve
from .origin import origin as origin_of
from .substring_index import SubstringIndex

_RUN, _SHORT = re.compile("((?:%[0-9A-Fa-f]{2})+)"), 30
_KEPT = re.compile(r"%(2[Ff]|25)")
# An octet that is no whole character, as ``canonical`` leaves it.
HALF = re.compile("[\udc80-\udcff]")
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
    """The form in which paths and literal parts of patterns are compared."""
    if "%" not in text:
        return text
    return _RUN.sub(_run, text)


def judged(target: str) -> str:
    """The canonical path of a target; one that was cut matches no pattern with an end."""
    path = canonical(target)
    return path + "\0" if len(target) >= MAX_TARGET else path


def canonical_all(texts: Sequence[str]) -> list[str]:
    """The canonical forms of many texts: what escapes stand for is found once for all."""
    # As one text, since escapes end with their line.
    parts = _RUN.split("\n".join(texts))
    escapes = parts[1::2]
    known = {run: _decoded(run) for run in set(escapes)}
    parts[1::2] = map(known.__getitem__, escapes)
    found = "".join(parts).split("\n")
    # An escape may be a line end.
    return found if len(found) == len(texts) else list(map(canonical, texts))


def _run(found: re.Match[str]) -> str:
    """Escapes without anything between them: characters that they make up are whole there."""
    run = found[0]
    return _known_run(run) if len(run) <= _SHORT else _decoded(run)


def _decoded(run: str) -> str:
    kept = _KEPT.sub(lambda found: "%25" + found[1].upper(), run)
    return unquote(kept, errors="surrogateescape")


# Few escapes are met again and again: blanks, umlauts, brackets.
_known_run = lru_cache(4096)(_decoded)


def has_half(text: str) -> bool:
    """Whether some encoded octets are no whole character, as in ``/%D8``."""
    if "%" not in text or not _HIGH.search(text):
        return False
    # The same escapes may be met very often.
    runs = "\n".join(set(_RUN.findall(text)))
    return HALF.search(text) is not None or HALF.search(canonical(runs)) is not None


def _octets(text: str) -> str:
    """A canonical text with one character per octet."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("latin-1")
    except UnicodeEncodeError:  # no URL, but nothing may raise
        return text.encode("utf-8", "replace").decode("latin-1")


# Thousands of patterns may ask for the same long path.
_long_octets, _octet_places = lru_cache(1)(_octets), lru_cache(1)(SubstringIndex)


class Pattern:
    """One path pattern: ``*`` is any run of characters, a final ``$`` the end.

    Attributes:
        text: as written.
        prefix: canonical literal text before the first ``*`` or the final ``$``.
        plain: whether the prefix is all there is to match.

    """

    __slots__ = ("_anchored", "_head", "_last", "_middle", "plain", "prefix", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._anchored = text.endswith("$")
        self._head: str | None = None
        if has_half(text):
            self._by_octets()
            return
        if "*" not in text and not self._anchored:
            self.plain = True
            self.prefix = canonical(text)
            return
        self.plain = False
        parts = (text[:-1] if self._anchored else text).split("*")
        if "%" in text:
            parts = [canonical(part) for part in parts]
        self.prefix = parts[0]
        self._last = parts[-1] if len(parts) > 1 else None
        self._middle = tuple([part for part in parts[1:-1] if part])

    def _by_octets(self) -> None:
        """Take a pattern with half a character: whole ones could not be compared with it."""
        self.plain = False
        parts = (self.text[:-1] if self._anchored else self.text).split("*")
        head, *rest = (canonical(part) for part in parts)
        half = HALF.search(head)
        self.prefix = head[: half.start()] if half else head
        self._head = _octets(head)
        # Without a star, anything may follow a pattern that has no anchor.
        self._last = _octets(rest[-1]) if rest else None if self._anchored else ""
        self._middle = tuple(_octets(part) for part in rest[:-1] if part)

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
        if self._head is not None:
            if held is None:
                path = _octets(path)
            else:
                path = _long_octets(path)
                held = _octet_places(path)
            if not path.startswith(self._head):
                return False
            start = len(self._head)
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
    literal = sum(
        len(quote(canonical(part), safe="/%=", errors="surrogateescape")) for part in parts
    )
    return literal + len(parts) - 1 + anchored
