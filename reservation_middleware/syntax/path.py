"""RFC 9309 path patterns (§2.2.2, §2.2.3) in linear time, and the path of a URL.

Knows patterns, not what they are for: which of several matching patterns wins is the
business of each signal. Comparison is on a canonical form in which every percent-encoded
octet but ``%2F`` and ``%25`` is decoded, so that both spellings of a character compare
equal; that is how Protego, which decides Allow and Disallow, compares too.
"""

import re
from collections.abc import Iterable, Sequence
from urllib.parse import quote, unquote

_KEPT = re.compile(r"%(2[Ff]|25)")
# An octet that is no whole character, as ``canonical`` leaves it.
_HALF = re.compile("[\udc80-\udcff]")
_ORIGIN = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(?:[^/?#\\]*@)?([^/?#@\\]*)([^#]*)")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}

#: Patterns longer than this never match: no server has such a path, and a bound is needed.
MAX_PATTERN = 8 * 1024
#: Of a longer path and query the beginning is judged.
MAX_TARGET = 64 * 1024
#: Prefixes are looked up by so many first characters.
_HEAD = 4
#: Origins by how URLs begin, up to the first slash of their path.
_ORIGINS: dict[str, str] = {}
_MOST_ORIGINS = 4096
# Patterns whose percent-encoded form is the pattern itself.
_USUAL = re.compile(r"[A-Za-z0-9_.~/=*-]*\$?")


def split_url(url: str) -> tuple[str, str]:
    """Split an absolute URL into its origin and its target (path and query).

    The origin is in lower case without user name or default port; the fragment is
    dropped and an empty path becomes ``/``. Other strings have the origin ``""``.

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
    origin = _origin(scheme, authority)
    if target[:1] != "/":
        return origin, f"/{target}"[:MAX_TARGET]
    if found.end(2) == slash:  # never of what has no slash at its end
        if len(_ORIGINS) >= _MOST_ORIGINS:
            _ORIGINS.clear()
        _ORIGINS[url[:slash]] = origin
    return origin, target[:MAX_TARGET]


def _origin(scheme: str, authority: str) -> str:
    """Scheme and authority in lower case, without the scheme's default port."""
    scheme, authority = scheme.lower(), authority.lower()
    port = _DEFAULT_PORTS.get(scheme)
    if port and authority.endswith(port):
        authority = authority.removesuffix(port)
    return f"{scheme}://{authority.removesuffix(':')}"


def canonical(text: str) -> str:
    """The form in which paths and literal parts of patterns are compared."""
    if "%" not in text:
        return text
    kept = _KEPT.sub(lambda found: "%25" + found[1].upper(), text)
    return unquote(kept, errors="surrogateescape")


def has_half(text: str) -> bool:
    """Whether some encoded octets are no whole character, as in ``/%D8``."""
    return "%" in text and _HALF.search(canonical(text)) is not None


def _octets(text: str) -> str:
    """A canonical text with one character per octet."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("latin-1")
    except UnicodeEncodeError:  # no URL, but nothing may raise
        return text.encode("utf-8", "replace").decode("latin-1")


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
        half = _HALF.search(head)
        self.prefix = head[: half.start()] if half else head
        self._head = _octets(head)
        # Without a star, anything may follow a pattern that has no anchor.
        self._last = _octets(rest[-1]) if rest else None if self._anchored else ""
        self._middle = tuple(_octets(part) for part in rest[:-1] if part)

    def matches(self, path: str) -> bool:
        """Whether a canonical path matches; one pass, whatever the number of stars."""
        if not path.startswith(self.prefix):
            return False
        if self.plain:
            return True
        start = len(self.prefix)
        if self._head is not None:
            path = _octets(path)
            if not path.startswith(self._head):
                return False
            start = len(self._head)
        last = self._last
        if last is None:  # "…$" without a star
            return len(path) == start
        if self._anchored and not path.endswith(last):
            return False
        for part in self._middle:
            found = path.find(part, start)
            if found < 0:
                return False
            start = found + len(part)
        if self._anchored:
            return len(path) - len(last) >= start
        return path.find(last, start) >= 0


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


def _prefix(text: str) -> str:
    """What ``Pattern(text).prefix`` is, without the cost of the pattern."""
    text = text.removesuffix("$")
    head = canonical(text.partition("*")[0])
    half = _HALF.search(head) if "%" in text else None
    return head[: half.start()] if half else head


def _needle(text: str) -> str:
    """The longest literal after the first star: no path without it matches."""
    if "%" in text:
        return ""
    return max(text.removesuffix("$").split("*")[1:], key=len, default="")


class PatternIndex:
    """Patterns by literal prefix, so that most paths are answered without a match.

    Looking a path up costs one slice per distinct length of the prefixes that begin as it
    does, however many patterns there are; a pattern is made when a path first has its prefix.
    """

    __slots__ = ("_by_prefix", "_lengths", "_needles", "_patterns", "_short", "_texts")

    def __init__(self, patterns: Iterable[str]) -> None:
        self._texts = texts = list(patterns)
        #: What a path must hold somewhere to match, None for mere prefixes.
        self._needles: list[str | None] = []
        #: Those that are no mere prefix, once made.
        self._patterns: dict[int, Pattern] = {}
        self._by_prefix: dict[str, list[int]] = {}
        lengths: dict[str, set[int]] = {}
        short: set[int] = set()
        # Made for every site that a crawler meets: one loop, and names in its own scope.
        by_prefix, needles = self._by_prefix, self._needles
        for number, text in enumerate(texts):
            if len(text) > MAX_PATTERN:
                text = texts[number] = "\0"
            if "*" in text or "%" in text or not text or text[-1] == "$":
                needles.append(_needle(text))
                text = _prefix(text)
            else:
                needles.append(None)
            if text in by_prefix:
                by_prefix[text].append(number)
                continue
            by_prefix[text] = [number]
            size = len(text)
            if size < _HEAD:
                short.add(size)
                continue
            head = text[:_HEAD]
            if head in lengths:
                lengths[head].add(size)
            else:
                lengths[head] = {size}
        self._short = tuple(sorted(short))
        #: Lengths of the prefixes that may fit, by the first characters of a path.
        self._lengths = {head: (*self._short, *sorted(more)) for head, more in lengths.items()}

    @property
    def texts(self) -> Sequence[str]:
        """The patterns, as far as they can match."""
        return self._texts

    def octets(self, number: int) -> int:
        """Octets of a pattern, the measure of precedence."""
        return octets(self._texts[number])

    def matching(self, path: str) -> list[int]:
        """Numbers of the patterns that match a canonical path."""
        found: list[int] = []
        by_prefix = self._by_prefix
        needles = self._needles
        size = len(path)
        for length in self._lengths.get(path[:_HEAD], self._short):
            if length > size:
                break
            numbers = by_prefix.get(path[:length])
            if numbers:
                for number in numbers:
                    needle = needles[number]
                    if needle is None or (needle in path and self._matches(number, path)):
                        found.append(number)
        return found

    def longest(self, path: str) -> Sequence[int]:
        """Numbers of the matching patterns with the most octets; several if they tie."""
        return self.most_octets(self.matching(path))

    def most_octets(self, numbers: Sequence[int]) -> Sequence[int]:
        """Of some patterns those with the most octets."""
        if len(numbers) < 2:
            return numbers
        lengths = [octets(self._texts[number]) for number in numbers]
        most = max(lengths)
        return [number for number, length in zip(numbers, lengths, strict=True) if length == most]

    def _matches(self, number: int, path: str) -> bool:
        pattern = self._patterns.get(number)
        if pattern is None:
            pattern = self._patterns[number] = Pattern(self._texts[number])
        return pattern.matches(path)
