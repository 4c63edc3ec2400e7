"""The product token that a User-Agent field claims.

Knows how crawlers and browsers write the field; whose rules the token selects is the
business of the robots.txt readers. Reference: RFC 9110 §10.1.5 (User-Agent, products and
comments), RFC 9309 §2.2.1 (product tokens).
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec

#: Characters of a field that are read: servers refuse longer ones.
_MAX_LENGTH = 8 * 1024
#: Words of a name that has blanks, and of what belongs to it.
_MAX_WORDS = 8
_NAME = r"[A-Za-z0-9_.-]+"
_SEPARATOR = r"[();]"
_VERSION = r"[vV]?[0-9][\w.~+-]*"
_CONTACT = r"(?i)\+?(?:https?:|www\.)|\S+@|\+\S"
#: What occurs in the names that crawlers give themselves.
_CRAWLER = (
    r"(?i)bot(?![a-z])|crawl|spider|slurp|scrap|fetch|archiv|index|harvest|externalhit|-google|google-"
    r"|lighthouse|agent|dataset|heritrix|nutch"
)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Browsers, and their engines, platforms and devices: never a crawler's own name.
_BROWSERS = _words(
    """
    mozilla applewebkit khtml gecko like version safari mobile chrome chromium crios
    headlesschrome cros firefox fxios klar iceweasel seamonkey palemoon
    waterfox icecat minefield edg edge edga edgios opr opera opios opt opx presto msie
    iemobile trident konqueror kde vivaldi yabrowser yowser yasearchbrowser
    samsungbrowser silk silk-accelerated ucbrowser ubrowser qqbrowser mqqbrowser
    micromessenger miuibrowser huaweibrowser heytapbrowser vivobrowser oculusbrowser
    duckduckgo ddg gsa whale puffin maxthon sleipnir epiphany midori falkon qutebrowser
    qtwebengine lynx links elinks w3m dillo netsurf netfront phantomjs camino omniweb icab
    flock galeon ladybird servo goanna instagram fban fbav fbios snapchat pinterest
    thunderbird ccleaner norton ecosia webview wv dalvik cfnetwork
    darwin windows winnt win32 win64 wow64 x64 x86_64 x86 i686 i386 amd64 arm arm64 aarch64
    armv7l linux gnu gnu-linux x11 wayland ubuntu debian fedora centos suse redhat
    gentoo freebsd openbsd netbsd sunos macintosh macos mac intel ppc os iphone ipad
    ipod cpu android tizen kaios symbian symbianos symbos series60 series40 blackberry bb10
    playbook webos hpwos nokia tablet smarttv smart-tv tv build compatible rv u k n i
    en en-us de ja-jp zh-cn sv1 slcc1 slcc2 .net .net4.0c .net4.0e clr infopath.1 infopath.2
    infopath.3 ms-rtc profile configuration midp cldc nt nexus pixel python cpython
    pypy node.js
    """
)
#: What may stand before the name of a client, and engines that browsers name.
_RUNTIMES = frozenset({"python", "cpython", "pypy", "node.js"})
_ENGINES = frozenset({"applewebkit", "gecko", "khtml", "konqueror", "msie", "presto", "trident"})
#: Clients on which many crawlers run: a claim to no identity of one's own.
_LIBRARIES = _words(
    """
    scrapy aiohttp python-requests python-httpx httpx python-urllib urllib3 python-urllib3
    curl libcurl pycurl wget wget2 aria2 go-http-client java java-http-client okhttp
    apache-httpclient jakarta commons-httpclient libwww-perl lwp lwp-request www-mechanize
    axios node-fetch node undici got guzzlehttp php ruby faraday httparty mechanize typhoeus
    reqwest hyper ureq httpie postmanruntime insomnia powershell winhttp libwww-fm colly
    fasthttp dart deno bun
    """
)


class ClaimedToken(NamedTuple):
    """Who a User-Agent field says that the client is.

    Attributes:
        token: the product token as written, None where only browsers are named or nothing is.
        is_ambiguous: the field can be read in several ways: the name has blanks
            (``My Company Crawler/1.0`` is read as ``My``, as user-agent lines of robots.txt
            are), or several crawlers are named. Set the token where this is so.
    """

    token: str | None
    is_ambiguous: bool = False

    @property
    def is_library(self) -> bool:
        """Whether the token names an HTTP client or framework that many crawlers share."""
        return self.token is not None and self.token.lower() in _LIBRARIES


class _Segment(msgspec.Struct, frozen=True):
    """Words between semicolons and brackets; in a comment (numbered from 1), or 0 for none."""

    words: tuple[str, ...]
    comment: int


class _Claim(msgspec.Struct, frozen=True):
    """A name that is no browser's.

    Attributes:
        name: the product token.
        is_whole: False where the name has blanks, of which only one word is a token.
        is_likely: a crawler is meant even where browsers' products stand.
        is_marked: it stands beside ``compatible``, which browsers of today do not write.
    """

    name: str
    is_whole: bool
    is_likely: bool
    is_marked: bool = False


def product_token(user_agent: str) -> str | None:
    """Find the product token that a User-Agent field claims, None where it claims none.

    >>> product_token("ExampleBot/1.0 (+https://example.org/bot)")
    'ExampleBot'
    >>> product_token("Mozilla/5.0 (compatible; ExampleBot/1.0)")
    'ExampleBot'
    """
    return claimed_token(user_agent).token


def claimed_token(user_agent: str) -> ClaimedToken:
    """Find the product token that a User-Agent field claims, and whether that is certain.

    In this order: the first product, unless it is a browser's; what stands beside
    ``compatible``; what looks like a crawler anywhere else. Never raises.
    """
    if len(user_agent) > _MAX_LENGTH:
        return _claimed_token(user_agent[:_MAX_LENGTH])
    return _cached_token(user_agent)


def _claimed_token(user_agent: str) -> ClaimedToken:
    segments = list(_segments(user_agent.replace('"', " ").replace("'", " ")))
    best = _first_product(segments)
    if best is not None:
        return ClaimedToken(best.name, not best.is_whole)
    claims = list(_claims(segments))
    likely = [claim for claim in claims if claim.is_likely]
    best = next((claim for claim in claims if claim.is_marked), likely[0] if likely else None)
    if best is None:
        return ClaimedToken(None)
    others = any(claim.name.lower() != best.name.lower() for claim in likely)
    return ClaimedToken(best.name, others or not best.is_whole)


_cached_token = lru_cache(256)(_claimed_token)


def _segments(text: str) -> Iterator[_Segment]:
    """Split a field at semicolons and brackets, which need not match."""
    depth, comment, start = 0, 0, 0
    for found in re.finditer(_SEPARATOR, text + ";"):
        words = tuple(text[start : found.start()].split())
        start = found.end()
        if words:
            yield _Segment(words, comment if depth else 0)
        if found[0] == "(":
            depth += 1
            comment += depth == 1
        elif found[0] == ")":
            depth = max(depth - 1, 0)


def _first_product(segments: Sequence[_Segment]) -> _Claim | None:
    """The first product; None if it is a browser's."""
    for segment in segments:
        words = segment.words
        # The runtime may stand before the client: "Python/3.11 aiohttp/3.14".
        while words and _name_of(words[0]) in _RUNTIMES:
            words = words[1:]
        if words and not segment.comment:
            return _claim(words[:_MAX_WORDS])
    return None


def _claims(segments: Sequence[_Segment]) -> Iterator[_Claim]:
    """Every name that is no browser's: one for a part of a comment, one for each product."""
    names = {_name_of(word) for segment in segments for word in segment.words}
    # Old browsers say "compatible" of themselves, and "Mozilla/5.0" without an engine is none.
    is_marking = "msie" not in names
    is_bare = "mozilla" in names and names.isdisjoint(_ENGINES)
    marked = {0} if is_bare else set()
    for number, segment in enumerate(segments):
        words, comment = segment.words, segment.comment
        if _name_of(words[0]) == "compatible":
            marked.add(comment)
            words = words[1:]
        following = segments[number + 1].words[0] if number + 1 < len(segments) else ""
        starts = range(len(words)) if comment == 0 else range(min(len(words), 1))
        for start in starts:
            if start == 0 or "/" in words[start] or is_bare:
                several = words[start : start + _MAX_WORDS]
                claim = _claim(several, following if start + 1 == len(words) else "")
                if claim is not None:
                    is_marked = is_marking and comment in marked
                    yield msgspec.structs.replace(claim, is_marked=is_marked)


def _claim(words: Sequence[str], following: str = "") -> _Claim | None:
    """The name that some words begin with; None for browsers, addresses and sentences.

    Args:
        words: of one segment.
        following: the first word of the segment after it, which may be an address.
    """
    for place, word in enumerate(words):
        if re.match(_CONTACT, word):
            return None
        name, slash, _ = word.strip(",+*").partition("/")
        # A word with other signs, as in "Yahoo! Slurp", is no product token.
        if re.fullmatch(_NAME, name) and not re.fullmatch(_VERSION, name):
            rest = words[place + 1 :]
            break
    else:
        return None
    if name.lower() in _BROWSERS:
        return None
    is_versioned = bool(slash) or bool(rest and re.fullmatch(_VERSION, rest[0]))
    has_contact = any(re.match(_CONTACT, word) for word in (*rest, following))
    return _Claim(
        name,
        is_whole=len(rest) + 1 == len(words)
        and (is_versioned or not rest or re.match(_CONTACT, rest[0]) is not None),
        is_likely=is_versioned and (has_contact or re.search(_CRAWLER, name) is not None),
    )


def _name_of(word: str) -> str:
    return word.strip(",").partition("/")[0].lower()
