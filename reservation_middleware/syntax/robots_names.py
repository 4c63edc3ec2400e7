"""What a user-agent line of a robots.txt holds that is no product token.

Browsers, whole User-Agent strings, several names, several lines in one. Only what is wrong is found
out here; which tokens such a line names all the same is robots.py's business.
Reference: https://www.rfc-editor.org/rfc/rfc9309#section-2.2.1
"""

import re

from reservation_middleware.model.agents import catalogue

#: Names of browsers and their engines, lower case: no crawler has one of them for a product token.
BROWSERS = frozenset(
    [
        "mozilla",
        "chrome",
        "chromium",
        "safari",
        "firefox",
        "msie",
        "opera",
        "edge",
        "edg",
        "applewebkit",
        "webkit",
        "gecko",
        "trident",
        "seamonkey",
        "netscape",
        "konqueror",
    ]
)
#: A key inside a value: lines that were joined, by blanks, by markup or by written-out line ends.
JOINED = re.compile(
    r"(?:^|[\s>,;]|\\[rn])(?:user-?agent|(?:dis)?allow|crawl-delay|sitemap)[ \t]*:", re.IGNORECASE
)
_BROWSER_LINE = re.compile(r"[A-Za-z]+(?:[/ ][\d.]*)?\s*")
# Hyphens that are none, and characters that are not seen.
_LOOKALIKE = re.compile(
    r"[A-Za-z0-9_.-]+[\u00ad\u2010-\u2015\u2212\ufe58\ufe63\uff0d\u200b-\u200f\u2060\ufeff]"
)
_BETWEEN_NAMES = re.compile(r"[\s;|&]+")
_NAME = re.compile(r"[A-Za-z0-9_.-]{3,}(?:bot|spider|crawler|extended)", re.IGNORECASE)


def agent_fault(value: str, tokens: tuple[str, ...]) -> str | None:
    """What is wrong with the value of a user-agent line that is more than a product token.

    Args:
        value: as it is written.
        tokens: product tokens that are read in it, in lower case.

    Returns:
        One of ``lines-joined``, ``agent-unreadable``, ``agent-string``, ``agent-character``,
        ``agent-list`` and ``agent-names``; None where nothing is lost.
    """
    if JOINED.search(value):
        return "lines-joined"
    if not tokens:
        return "agent-unreadable"
    if tokens[0] in BROWSERS:
        whole = _BROWSER_LINE.match(value)
        return "agent-string" if whole and whole.end() < len(value) else None
    if _LOOKALIKE.match(value):
        return "agent-character"
    if len(tokens) > 1:
        return "agent-list"
    return "agent-names" if _names(value) > 1 else None


def _names(value: str) -> int:
    """How many crawlers' names stand side by side."""
    words = {word.partition("/")[0].lower() for word in _BETWEEN_NAMES.split(value[:1000])}
    return sum(
        _NAME.fullmatch(word) is not None or catalogue().find(word) is not None
        for word in words
        if word
    )
