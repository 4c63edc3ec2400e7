"""How long a policy document may be relied on: RFC 9309 §2.4 and RFC 9111 §4.2.

Pure functions; no clock here. Times are timezone-aware.
"""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from reservation_middleware.model import Headers, Outcome

#: RFC 9309 §2.4: a cached copy SHOULD NOT be used longer.
LONGEST = timedelta(hours=24)
#: A shorter max-age would have every page fetch its policies anew.
SHORTEST = timedelta(minutes=5)
#: After this a resource that was unreachable is tried again.
UNREACHABLE = timedelta(minutes=5)

_MAX_AGE = re.compile(r'(?:^|[,\s])max-age\s*=\s*"?(\d{1,10})', re.IGNORECASE)
_NO = re.compile(r"(?:^|[,\s])no-(?:store|cache)(?:$|[,=\s])", re.IGNORECASE)


def lifetime(outcome: Outcome, headers: Headers) -> timedelta:
    """How long a document may be used from when it was fetched.

    ``Cache-Control`` counts, within ``SHORTEST`` and ``LONGEST``; without it a document
    or its absence holds for ``LONGEST``.
    """
    if outcome is Outcome.UNREACHABLE:
        return UNREACHABLE
    control = ", ".join(value for name, value in headers if name == "cache-control")
    if not control:
        return LONGEST
    if _NO.search(control):
        return SHORTEST
    found = _MAX_AGE.search(control)
    if not found:
        return LONGEST
    return min(max(timedelta(seconds=int(found[1])), SHORTEST), LONGEST)


def earliest(times: Iterable[datetime | None]) -> datetime | None:
    """The first of some points in time, None if none is known."""
    return min((time for time in times if time is not None), default=None)
