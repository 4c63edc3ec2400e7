"""What a user-agent line of a robots.txt holds that is no product token.

Browsers, whole User-Agent strings, several names, several lines in one. Only what is wrong is found
out here; which tokens such a line names all the same is robots.py's business.
Reference: https://www.rfc-editor.org/rfc/rfc9309#section-2.2.1
"""

import re
from functools import lru_cache

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
# Compiled when met: a key inside a value, in lines that were joined by blanks, by markup or by
# written-out line ends; a browser's name and version; hyphens that are none, and characters that
# are not seen; what stands between names; a name.
_JOINED = r"(?:^|[\s>,;]|\\[rn])(?:user-?agent|(?:dis)?allow|crawl-delay|sitemap)[ \t]*:"
_BROWSER = r"[A-Za-z]+(?:[/ ][\d.]*)?\s*"
_LOOKALIKE = (
    r"[A-Za-z0-9_.-]+[\u00ad\u2010-\u2015\u2212\ufe58\ufe63\uff0d\u200b-\u200f\u2060\ufeff]"
)
_BETWEEN_NAMES = r"[\s;|&]+"
# A name in a list, with a version or a star that are passed over.
_MEMBER = r"\*|[A-Za-z0-9_.-]+(?:/\S*|\*)?"
_NAME = r"[a-z0-9_.-]{3,}(?:bot|spider|crawler|extended)"


def is_joined(value: str) -> bool:
    """Whether other lines begin in what should be one value."""
    return ":" in value and re.search(_JOINED, value, re.IGNORECASE) is not None


@lru_cache(1024)
def is_known(name: str) -> bool:
    """Whether a name is that of an AI agent."""
    return catalogue().find(name) is not None


def agent_fault(value: str, tokens: tuple[str, ...]) -> str | None:
    """What is wrong with the value of a user-agent line that is more than a product token.

    Args:
        value: as it is written.
        tokens: product tokens that are read in it, in lower case.

    Returns:
        One of ``lines-joined``, ``agent-unreadable``, ``agent-string``, ``agent-character``,
        ``agent-list`` and ``agent-names``; None where nothing is lost.
    """
    if is_joined(value):
        return "lines-joined"
    if not tokens:
        return "agent-unreadable"
    if tokens[0] in BROWSERS:
        whole = re.match(_BROWSER, value)
        return "agent-string" if whole and whole.end() < len(value) else None
    if not value.isascii() and re.match(_LOOKALIKE, value):
        return "agent-character"
    if len(tokens) > 1:
        # A comma inside other words, as in "HTTrack [NC,OR]", makes no list.
        members = [part.strip() for part in value.split(",") if part.strip()]
        is_list = all(re.fullmatch(_MEMBER, part) for part in members)
        return "agent-list" if is_list else "agent-string"
    return "agent-names" if _names(value) > 1 else None


def _names(value: str) -> int:
    """How many crawlers' names stand side by side."""
    words = re.split(_BETWEEN_NAMES, value[:1000].lower())
    if len(words) == 1:
        return 1
    names = {word.partition("/")[0] for word in words}
    return sum(re.fullmatch(_NAME, name) is not None or is_known(name) for name in names)
