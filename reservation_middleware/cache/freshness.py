"""How long a policy document may be relied on: RFC 9309 §2.4 and RFC 9111 §4.2.

Pure functions; no clock here. Times are timezone-aware.
"""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache

from reservation_middleware.model import Document, Headers, Outcome

#: RFC 9309 §2.4: a cached copy SHOULD NOT be used longer.
LONGEST = timedelta(hours=24)
#: A shorter max-age would have every page fetch its policies anew.
SHORTEST = timedelta(minutes=5)
#: After this a resource that was unreachable is tried again.
UNREACHABLE = timedelta(minutes=5)
#: How old a copy may be that is relied on while its resource cannot be reached: the time for
#: which RFC 9309 §2.3.1.4 has such a site taken for disallowed.
STALE = timedelta(days=30)
#: Clocks of machines that share a cache differ by a little.
SKEW = timedelta(minutes=1)

_MAX_AGE = re.compile(r'(?:^|[,\s])max-age\s*=\s*"?([^",\s]*)', re.IGNORECASE)
_NO = re.compile(r"(?:^|[,\s])no-(?:store|cache)(?:$|[,=\s])", re.IGNORECASE)
_SECONDS = re.compile(r"[0-9]+")
#: RFC 9111 §1.2.2: a number too large stands for this one.
_MOST_SECONDS = 2**31


def lifetime(outcome: Outcome, headers: Headers) -> timedelta:
    """How long a document may be used from when it was fetched.

    ``Cache-Control`` counts, within ``SHORTEST`` and ``LONGEST``; without it a document
    or its absence holds for ``LONGEST``.
    """
    if outcome is Outcome.UNREACHABLE:
        return UNREACHABLE
    said = [value for name, value in headers if name == "cache-control"]
    if not said:
        return LONGEST
    control = ", ".join(said)
    return _said(control) if len(control) < _LONG else _said.__wrapped__(control)


#: A Cache-Control of so many characters is not worth keeping.
_LONG = 200


@lru_cache(maxsize=256)
def _said(control: str) -> timedelta:
    """What a ``Cache-Control`` says; most sites say one of few things."""
    if _NO.search(control):
        return SHORTEST
    found = _MAX_AGE.search(control)
    if not found:
        return LONGEST
    if not _SECONDS.fullmatch(found[1]):
        return SHORTEST  # RFC 9111 §4.2.1: invalid freshness information means stale
    seconds = int(found[1]) if len(found[1]) < len(str(_MOST_SECONDS)) else _MOST_SECONDS
    return min(max(timedelta(seconds=seconds), SHORTEST), LONGEST)


def fresh(document: Document, now: datetime) -> bool:
    """Whether a document may still be relied on.

    One from the future was fetched before the clock was set back: nobody knows its age.
    """
    if document.expires is None or document.expires <= now:
        return False
    return document.fetched_at is None or document.fetched_at <= now + SKEW


def may_be_relied_on(document: Document, now: datetime) -> bool:
    """Whether an old copy may be relied on while its resource cannot be reached (RFC 9309 §2.4).

    One that says that there are no rules may not: that would allow what nobody can see.
    """
    if document.outcome is not Outcome.FETCHED or document.fetched_at is None:
        return False
    return now - STALE <= document.fetched_at <= now + SKEW


def earliest(times: Iterable[datetime | None]) -> datetime | None:
    """The first of some points in time, None if none is known."""
    return min((time for time in times if time is not None), default=None)
