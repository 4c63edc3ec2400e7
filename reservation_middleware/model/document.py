"""A resource as it was fetched: the only thing the core ever learns from outside.

No socket and no clock here: a failed fetch is a Document too, and time is handed in.
Reference: RFC 9309 §2.3.1 (access results).
"""

import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from functools import cached_property, lru_cache

import msgspec

#: Header fields as they came: lower-case names, order and repetitions kept.
Headers = tuple[tuple[str, str], ...]

#: The resource name of the asked page itself; every other resource is a policy resource.
PAGE = "page"


#: How the problem of a document begins that was not fetched for a fault of this machine, so that
#: its site has said nothing.
MACHINE_FAULT = "a fault of this machine"
#: How the problem of a document begins that a site answered without showing it: with a challenge,
#: or with the promise of a later answer.
BOT_CHECK, NOT_YET = "a bot check", "no answer yet"

_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+")
# What servers send that do not know it either.
_NO_TYPE = ("unknown/", "application/unknown")


class Outcome(StrEnum):
    """How a fetch went (RFC 9309 §2.3.1.1-2.3.1.4)."""

    FETCHED = "fetched"
    UNAVAILABLE = "unavailable"
    UNREACHABLE = "unreachable"

    @classmethod
    def of(cls, status: int) -> "Outcome":
        """The outcome that a final HTTP status means.

        2xx is fetched. 429 says "not now", as Google reads it, so it is unreachable like
        5xx, and so is 407, which is a proxy's word and not the site's; other 4xx are
        unavailable, and so is a redirect that was not resolved (RFC 9309 §2.3.1.2). 1xx is no
        final answer, and 600 and more count as 5xx (RFC 9110 §15): both are unreachable.
        """
        return _OUTCOMES.get(status, _UNREACHABLE)


_UNREACHABLE = Outcome.UNREACHABLE
_OUTCOMES: Mapping[int, Outcome] = {
    **dict.fromkeys(range(200, 300), Outcome.FETCHED),
    **dict.fromkeys({*range(300, 500)} - {407, 429}, Outcome.UNAVAILABLE),
}


class PolicyRequest(msgspec.Struct, frozen=True):
    """A policy resource that a check needs before it can decide.

    Attributes:
        resource: its short name, e.g. ``robots.txt``.
        url: where it is.
        limit: how many bytes of its body are read at the most.

    """

    resource: str
    url: str
    limit: int


class Document(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One resource as fetched.

    Attributes:
        url: the address asked for (after a redirect the rules still belong to it).
        resource: short name (``robots.txt``, ``tdmrep.json``, …) or ``page``.
        outcome: fetched, unavailable or unreachable.
        status: the final HTTP status, None where there was none.
        headers: fields with lower-case names.
        body: decoded content; None where it was not read (yet).
        fetched_at: when, timezone-aware; None if not known.
        expires: until when it may be relied on; None if not known.
        problem: what went wrong on the way, in a few words.
        location: the address that redirects led to; None where there were none.
        address: the IP address that answered; None if not known, as through a proxy.
        stale: why this copy is relied on although it is old: what kept it from being fetched
            anew. ``fetched_at`` is the copy's (RFC 9309 §2.4).
        revalidated: the server said that a copy was still good (304): status and body are the
            copy's, ``headers`` both's (RFC 9111 §4.3.4), ``fetched_at`` is when it said so.

    """

    url: str
    resource: str
    outcome: Outcome
    status: int | None = None
    headers: Headers = ()
    body: bytes | None = None
    fetched_at: datetime | None = None
    expires: datetime | None = None
    problem: str | None = None
    location: str | None = None
    address: str | None = None
    stale: str | None = None
    revalidated: bool = False

    @cached_property
    def digest(self) -> str | None:
        """SHA-256 of the body in hex, None where no body was read."""
        if self.body is None:
            return None
        from hashlib import sha256  # noqa: PLC0415 - loads OpenSSL; not every judge needs it

        return sha256(self.body).hexdigest()

    @cached_property
    def fields(self) -> dict[str, list[str]]:
        """Header values by lower-case name, in order; what is no text is replaced."""
        found: dict[str, list[str]] = {}
        for name, value in self.headers:
            found.setdefault(name, []).append(value if value.isascii() else _text(value))
        return found

    @property
    def is_machine_fault(self) -> bool:
        """Whether it could not be had for a fault of this machine, as far as is known."""
        return self.problem is not None and self.problem.startswith(MACHINE_FAULT)

    @property
    def is_withheld(self) -> bool:
        """Whether its site answered without showing it: with a bot check, or "not yet"."""
        return self.problem is not None and self.problem.startswith((BOT_CHECK, NOT_YET))

    @cached_property
    def media_type(self) -> str:
        """The lower-case media type without parameters, empty where none was sent."""
        return self._content_type[0]

    @property
    def charset(self) -> str:
        """The lower-case charset parameter of the media type, empty where none was sent."""
        return self._content_type[1]

    @cached_property
    def _content_type(self) -> tuple[str, str]:
        for name, value in reversed(self.headers):
            if name == "content-type":
                read = _content_type if len(value) < _LONG else _content_type.__wrapped__
                return read(value)
        return "", ""


#: A Content-Type of so many characters is not worth keeping.
_LONG = 200


@lru_cache(maxsize=256)
def _content_type(value: str) -> tuple[str, str]:
    """Media type and charset."""
    # Repeated fields may come joined; what names no type is none at all.
    words = value.rpartition(",")[2].partition(";")[0].split()
    found = words[0].lower() if words else ""
    named = _MEDIA_TYPE.fullmatch(found) and not found.startswith(_NO_TYPE)
    charset = value.lower().partition("charset=")[2].partition(";")[0].strip(" \"'")
    return found if named else "", charset


def _text(value: str) -> str:
    """A value without lone surrogates, which some libraries put for bytes that are no text."""
    return value.encode("utf-8", "replace").decode("utf-8")
