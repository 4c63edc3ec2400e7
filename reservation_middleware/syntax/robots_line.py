"""Lines of a robots.txt and what their keys mean; robots.py makes groups of them."""

from .octets import text_of

AGENT, ALLOW, DISALLOW = "user-agent", "allow", "disallow"

_KINDS: dict[str, str] = {
    **dict.fromkeys(("user-agent", "useragent", "user agent"), AGENT),
    "allow": ALLOW,
    **dict.fromkeys(
        ("disallow", "dissallow", "dissalow", "disalow", "diasllow", "disallaw"), DISALLOW
    ),
}
# How the keys begin, in lower case.
_BEGINNINGS = frozenset(key[0] for key in _KINDS)
# The spellings nearly every file uses, found without lower-casing.
EXACT: dict[str, str] = {
    "User-agent": AGENT,
    "User-Agent": AGENT,
    "Disallow": DISALLOW,
    "Allow": ALLOW,
    **_KINDS,
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


def classify(key: str, colon: str, value: str, line: str) -> tuple[str | None, str]:
    """Kind (or lower-case key) and value of a line whose key is not spelled as usual."""
    name = key.strip().lower()
    if colon:
        kind = _KINDS.get(name)
        if kind:
            return kind, value
        if name and (not value or value[0] in " \t"):
            return name, value
    elif name[:1] not in _BEGINNINGS:
        return None, ""
    # No colon, or one that belongs to the value: "Disallow /x", "Disallow http://…".
    words = line.split(None, 2)
    kind = _KINDS.get(words[0].lower())
    if kind:
        return kind, line.split(None, 1)[1] if len(words) > 1 else ""
    if len(words) > 1 and words[0].lower() == "user" and words[1].lower() == "agent":
        return AGENT, words[2] if len(words) > 2 else ""
    return (name, value) if colon and name else (None, "")
