"""Lines of a robots.txt and what their keys mean; robots.py makes groups of them."""

from .octets import text_of

AGENT, ALLOW, DISALLOW = "user-agent", "allow", "disallow"

#: Misspellings that are read as if they were right.
MISSPELLINGS: dict[str, str] = {
    **dict.fromkeys(("useragent", "user agent"), AGENT),
    **dict.fromkeys(("dissallow", "dissalow", "disalow", "diasllow", "disallaw"), DISALLOW),
}
_KINDS: dict[str, str] = {AGENT: AGENT, ALLOW: ALLOW, DISALLOW: DISALLOW, **MISSPELLINGS}
#: Keys of rules about AI use, and of rules, as they are written.
SPEAKING: dict[str, str] = {
    key.lower(): key
    for key in (
        *("User-agent", "Allow", "Disallow", "License", "Content-Signal", "Content-Usage"),
        *("DisallowAITraining", "AllowAITraining"),
    )
}
#: Keys that are nearly right and are read as near misses, so that their families note them.
NEAR_MISSES = frozenset({"content-signals"})
#: Other keys that are in use: none of them is a misspelling.
OTHERS = frozenset(
    (
        *("sitemap", "crawl-delay", "host", "clean-param", "request-rate", "visit-time"),
        *("noindex", "nofollow", "noarchive", "cache-delay", "revisit-after", "domain", "http"),
        *("https", "agentmap", "schemamap", "llms-txt", "indexpage", "comment"),
    )
)
# How the keys begin, in lower case.
_BEGINNINGS = frozenset(key[0] for key in _KINDS)
# The spellings nearly every file uses, found without lower-casing.
EXACT: dict[str, str] = {
    "User-agent": AGENT,
    "User-Agent": AGENT,
    "Disallow": DISALLOW,
    "Allow": ALLOW,
    **{kind: kind for kind in (AGENT, ALLOW, DISALLOW)},
    **{
        key: key.lower()
        for key in (
            *("Sitemap", "Crawl-delay", "Crawl-Delay", "Host", "License", "Clean-param"),
            *("Content-Signal", "Content-signal", "Content-Usage", "Request-rate", "Noindex"),
            *("sitemap", "SITEMAP", "DisallowAITraining", "AllowAITraining"),
        )
    },
}


def lines_of(body: bytes) -> list[str]:
    """The lines of a file without their ends; octets that are no UTF-8 are percent-encoded."""
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = body.decode("utf-16", "replace")
    else:
        # Half a byte order mark is skipped, too, as Google does.
        for octet in (b"\xef", b"\xbb", b"\xbf"):
            if not body.startswith(octet):
                break
            body = body[1:]
        text = text_of(body)
    # Only CR, LF and CRLF end a line; str.splitlines() also splits at U+2028 and others.
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.split("\n")


#: What a line whose key is not spelled as usual is read as: the kind of a rule or a user-agent
#: line, else the key in lower case, None where there is none; the value; and whether it is
#: misspelt, or has no colon where one belongs.
ReadLine = tuple[str | None, str, bool]


def classify(key: str, colon: str, value: str, line: str) -> ReadLine:
    """Read a line whose key is not spelled as usual."""
    name = key.strip().lower()
    if colon:
        kind = _KINDS.get(name)
        if kind:
            return kind, value, name in MISSPELLINGS
        if name and (not value or value[0] in " \t"):
            return name, value, False
    elif name[:1] not in _BEGINNINGS:
        return None, "", False
    # No colon, or one that belongs to the value: "Disallow /x", "Disallow http://…".
    words = line.split(None, 2)
    kind = _KINDS.get(words[0].lower())
    if kind:
        return kind, line.split(None, 1)[1] if len(words) > 1 else "", True
    if len(words) > 1 and words[0].lower() == "user" and words[1].lower() == "agent":
        return AGENT, words[2] if len(words) > 2 else "", True
    return (name, value, False) if colon and name else (None, "", False)
