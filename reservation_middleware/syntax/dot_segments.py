"""Paths with dot segments: where a server that resolves them looks.

A URL may be sent as it is written, and servers resolve ``/a/../b`` before they look for a
file. Knows paths only; that rules are held against both spellings is decided above.
Reference: RFC 3986 §5.2.4 (remove dot segments) and §6.2.2.2 (``%2E`` is a dot); the URL
standard of WHATWG, in which a backslash is a slash (https://url.spec.whatwg.org/#path-state).
"""

import re

# A backslash sent as "%5C", as some clients do, is a slash to the same servers.
_UNRESOLVED = re.compile(r"(?:/|\\|%5c)(?:\.|%2e){1,2}(?=/|\\|%5c|$)|\\", re.IGNORECASE)
_SLASH = r"(?i)/|\\|%5c"
_DOT = "(?i)%2e"


def resolve(target: str) -> str | None:
    """Remove the dot segments of a target's path; None where there are none.

    Args:
        target: path and query, beginning with a slash. The query is left as it is.

    >>> resolve("/a/../b?/../c")
    '/b?/../c'
    """
    # Nearly every URL ends here.
    if "/." not in target and "%" not in target and "\\" not in target:
        return None
    path, mark, query = target.partition("?")
    if not _UNRESOLVED.search(path):
        return None
    segments: list[str] = []
    is_dotted = False
    for segment in re.split(_SLASH, path)[1:]:
        dots = re.sub(_DOT, ".", segment) if len(segment) <= len("%2e%2e") else segment
        is_dotted = dots in (".", "..")
        if dots == "..":
            del segments[-1:]
        elif not is_dotted:
            segments.append(segment)
    if is_dotted:
        segments.append("")  # what ends with a dot segment is a folder
    return "/" + "/".join(segments) + mark + query
