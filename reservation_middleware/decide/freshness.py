"""How long a policy document may be relied on: RFC 9309 §2.4 and RFC 9111 §4.2.

Pure functions; no clock here. Times are timezone-aware.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from reservation_middleware.model import Document, Headers, Outcome

#: RFC 9309 §2.4: a cached copy SHOULD NOT be used longer.
LONGEST = timedelta(hours=24)
#: A shorter max-age would have every page fetch its policies anew.
SHORTEST = timedelta(minutes=5)
#: After this a resource that was unreachable is tried again.
UNREACHABLE = timedelta(minutes=5)
#: A site that asks for longer with ``Retry-After`` is asked again after this.
LONGEST_RETRY_AFTER = timedelta(hours=1)
#: What was asked for in vain as often as may be is left alone for at least so long.
SHORTEST_RETRY_AFTER = timedelta(seconds=30)
#: After this a resource is tried again that could not be had for a fault of this machine.
MACHINE_FAULT = timedelta(seconds=10)
#: How old a copy may be that is relied on while its resource cannot be reached: the time for
#: which RFC 9309 §2.3.1.4 has such a site taken for disallowed.
STALE = timedelta(days=30)
#: Clocks of machines that share a cache differ by a little.
SKEW = timedelta(minutes=1)

_MAX_AGE = r'(?i)(?:^|[,\s])max-age\s*=\s*"?([^",\s]*)'
_NO = r"(?i)(?:^|[,\s])no-(?:store|cache)(?:$|[,=\s])"
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
    if re.search(_NO, control):
        return SHORTEST
    found = re.search(_MAX_AGE, control)
    if not found:
        return LONGEST
    if not _SECONDS.fullmatch(found[1]):
        return SHORTEST  # RFC 9111 §4.2.1: invalid freshness information means stale
    seconds = int(found[1]) if len(found[1]) < len(str(_MOST_SECONDS)) else _MOST_SECONDS
    return min(max(timedelta(seconds=seconds), SHORTEST), LONGEST)


def retry_after(headers: Headers, now: datetime) -> timedelta | None:
    """How long a site asks to be left alone (RFC 9110 §10.2.3).

    Args:
        headers: of its answer. A date counts from its own ``Date``, since clocks differ.
        now: the time at which it came, for answers without ``Date``.

    Returns:
        At most ``LONGEST_RETRY_AFTER``, the longest of several; None where no field says a
        time that is still to come, or none that can be read.
    """
    dates = [value for name, value in headers if name == "date"]
    sent = (_date(dates[0]) if len(dates) == 1 else None) or now
    found = [_delay(value.strip(), sent) for name, value in headers if name == "retry-after"]
    longest = max((delay for delay in found if delay is not None), default=timedelta(0))
    return min(longest, LONGEST_RETRY_AFTER) if longest > timedelta(0) else None


def _delay(value: str, sent: datetime) -> timedelta | None:
    if _SECONDS.fullmatch(value):
        return timedelta(seconds=min(int(value[:12]), _MOST_SECONDS))
    at = _date(value)
    return None if at is None else at - sent


def _date(value: str) -> datetime | None:
    """An HTTP date (RFC 9110 §5.6.7); None if it is none."""
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - imports socket, too

    try:
        found = parsedate_to_datetime(value[:_LONG])
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


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
