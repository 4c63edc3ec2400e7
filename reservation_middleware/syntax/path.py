"""RFC 9309 path patterns (§2.2.2, §2.2.3) in linear time, and the path of a URL.

Knows patterns, not what they are for: which of several matching patterns wins is the
business of each signal. Comparison is on octets, with every percent-encoded one but
``%2F`` and ``%25`` decoded, so that both spellings of a character compare equal and
``/%D8`` is a prefix of what starts with a character of that first octet.
"""

import re
from collections.abc import Iterable
from urllib.parse import quote, unquote_to_bytes

_KEPT = re.compile(r"%(2[Ff]|25)")
_ORIGIN = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(?:[^/?#@\\]*@)?([^/?#@\\]*)([^#]*)")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}

#: Patterns longer than this never match: no server has such a path, and a bound is needed.
MAX_PATTERN = 8 * 1024


def split_url(url: str) -> tuple[str, str]:
    """Split an absolute URL into its origin and its target (path and query).

    The origin is in lower case without user name or default port; the fragment is
    dropped and an empty path becomes ``/``. Other strings have the origin ``""``.

    >>> split_url("HTTPS://A.example:443?q#f")
    ('https://a.example', '/?q')
    """
    found = _ORIGIN.match(url)
    if not found:
        return "", url.partition("#")[0] or "/"
    scheme, authority, target = found.groups()
    scheme = scheme.lower()
    authority = authority.lower()
    port = _DEFAULT_PORTS.get(scheme)
    if port and authority.endswith(port):
        authority = authority.removesuffix(port)
    authority = authority.removesuffix(":")
    if not target.startswith("/"):
        target = "/" + target
    return f"{scheme}://{authority}", target


def canonical(text: str) -> str:
    """The form in which paths and literal parts of patterns are compared.

    One character per octet; ASCII, which nearly all paths are, stays what it is.
    """
    if "%" in text:
        text = _KEPT.sub(lambda found: "%25" + found[1].upper(), text)
    elif text.isascii():
        return text
    return unquote_to_bytes(text.encode("utf-8", "surrogatepass")).decode("latin-1")


class Pattern:
    """One path pattern: ``*`` is any run of characters, a final ``$`` the end.

    Attributes:
        text: as written.
        prefix: canonical literal text before the first ``*`` or the final ``$``.

    """

    __slots__ = ("_anchored", "_last", "_middle", "plain", "prefix", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        if "*" not in text and not text.endswith("$"):
            self.plain = True
            self.prefix = canonical(text)
            return
        self.plain = False
        self._anchored = text.endswith("$")
        parts = (text[:-1] if self._anchored else text).split("*")
        self.prefix = canonical(parts[0])
        self._last = canonical(parts[-1]) if len(parts) > 1 else None
        self._middle = tuple(canonical(part) for part in parts[1:-1] if part)

    @property
    def octets(self) -> int:
        """Length of the percent-encoded pattern: of two matches the longer one counts (§2.2.2).

        Reserved characters count as three octets, since the RFC encodes them before
        the comparison.
        """
        text = self.text
        anchored = not self.plain and self._anchored
        parts = (text[:-1] if anchored else text).split("*")
        literal = sum(len(quote(canonical(part).encode("latin-1"), safe="/%=")) for part in parts)
        return literal + len(parts) - 1 + anchored

    def matches(self, path: str) -> bool:
        """Whether a canonical path matches; one pass, whatever the number of stars."""
        if not path.startswith(self.prefix):
            return False
        if self.plain:
            return True
        start = len(self.prefix)
        last = self._last
        if last is None:  # "…$" without a star
            return len(path) == start
        for part in self._middle:
            found = path.find(part, start)
            if found < 0:
                return False
            start = found + len(part)
        if self._anchored:
            return len(path) - len(last) >= start and path.endswith(last)
        return path.find(last, start) >= 0


class PatternIndex:
    """Patterns by literal prefix, so that most paths are answered without a match.

    Looking a path up costs one slice per distinct prefix length, however many patterns
    there are.
    """

    __slots__ = ("_by_prefix", "_lengths", "_patterns")

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns: list[Pattern] = []
        self._by_prefix: dict[str, list[int]] = {}
        for number, text in enumerate(patterns):
            pattern = Pattern(text if len(text) <= MAX_PATTERN else "\0")
            self._patterns.append(pattern)
            self._by_prefix.setdefault(pattern.prefix, []).append(number)
        self._lengths = sorted({len(prefix) for prefix in self._by_prefix})

    def __getitem__(self, number: int) -> Pattern:
        return self._patterns[number]

    def candidates(self, path: str) -> list[int]:
        """Numbers of the patterns whose literal prefix fits a canonical path."""
        found: list[int] = []
        size = len(path)
        for length in self._lengths:
            if length > size:
                break
            numbers = self._by_prefix.get(path[:length])
            if numbers:
                found += numbers
        return found

    def matching(self, path: str) -> list[int]:
        """Numbers of the patterns that match a canonical path."""
        patterns = self._patterns
        return [n for n in self.candidates(path) if patterns[n].plain or patterns[n].matches(path)]

    def longest(self, path: str) -> list[int]:
        """Numbers of the matching patterns with the most octets; several if they tie."""
        numbers = self.matching(path)
        if len(numbers) < 2:
            return numbers
        lengths = {number: self._patterns[number].octets for number in numbers}
        most = max(lengths.values())
        return [number for number in numbers if lengths[number] == most]
