"""One policy resource from the network: fetched, revalidated, or the old copy relied on.

Whatever goes wrong is a document, too. References: RFC 9309 §2.3.1.4 and §2.4, RFC 9111 §4.3.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime

import msgspec

from .cache.freshness import UNREACHABLE, lifetime, may_be_relied_on
from .flights import cancelled
from .model import Document, Headers, Outcome, PolicyRequest
from .transport import (
    Answer,
    Ask,
    PrivateAddressError,
    Transport,
    TransportClosedError,
    follow,
    problem_of,
)

#: Validators that are longer are not sent back: requests have limits, too.
_LONGEST_VALIDATOR = 1024
#: What a 304 does not change: fields about the body that was kept (RFC 9111 §3.2).
_ABOUT_BODY = ("content-", "transfer-encoding", "connection", "keep-alive", "set-cookie")


async def retrieve(
    request: PolicyRequest,
    transport: Transport,
    *,
    known: Document | None,
    clock: Callable[[], datetime],
    seconds: float | None,
    guarded: bool,
) -> Document:
    """Fetch one resource.

    Args:
        request: what is wanted.
        transport: makes one request.
        known: the copy that is kept, if any: it may still be good, and where the resource
            cannot be reached it is relied on for a while.
        clock: the current time.
        seconds: how long it may take, redirects included; None where the transport keeps time.
        guarded: only public addresses may be asked.

    Raises:
        TransportClosedError: the transport was closed, which says nothing about the site.
    """
    conditions = validators(known) if known else ()
    answer: Answer | None = None
    location, problem = request.url, None
    try:
        async with asyncio.timeout(seconds):
            ask = Ask(request.url, request.limit, conditions, guarded)
            location, answer = await follow(ask, transport)
    except TransportClosedError:
        raise
    except PrivateAddressError as error:
        problem = problem_of(error)
    except TimeoutError as error:
        problem = problem_of(error) if seconds is None else f"no answer within {seconds:g} s"
    except asyncio.CancelledError:
        if cancelled():
            raise
        problem = "cancelled"  # by the transport, while nobody cancelled us
    except Exception as error:  # noqa: BLE001 - whatever went wrong, it is unreachable
        problem = problem_of(error)
    now = clock()
    if known and conditions and answer and answer.status == 304:
        return renewed(known, answer, now)
    document = _document(request, answer, location, problem, now)
    if known and document.outcome is Outcome.UNREACHABLE and may_be_relied_on(known, now):
        why = problem or f"HTTP {document.status}"
        return msgspec.structs.replace(known, expires=now + UNREACHABLE, stale=why)
    return document


def validators(document: Document) -> Headers:
    """The fields that ask whether a copy is still good (RFC 9110 §13.1).

    None for a copy that came from elsewhere by a redirect: they would tell one site what
    another one said.
    """
    if document.outcome is not Outcome.FETCHED or document.body is None or document.location:
        return ()
    found: Headers = ()
    for name, field in (("etag", "if-none-match"), ("last-modified", "if-modified-since")):
        values = [value for key, value in document.headers if key == name]
        if len(values) == 1 and len(values[0]) <= _LONGEST_VALIDATOR and values[0].isprintable():
            found = (*found, (field, values[0]))
    return found


def renewed(known: Document, answer: Answer, now: datetime) -> Document:
    """A copy that is still good, with the fields that came now (RFC 9111 §4.3.4)."""
    new = tuple(pair for pair in answer.headers if not pair[0].startswith(_ABOUT_BODY))
    names = {name for name, _ in new}
    headers = (*(pair for pair in known.headers if pair[0] not in names), *new)
    return msgspec.structs.replace(
        known,
        headers=headers,
        fetched_at=now,
        expires=now + lifetime(known.outcome, headers),
        address=answer.address,
        problem=None,
        stale=None,
        revalidated=True,
    )


def _document(
    request: PolicyRequest,
    answer: Answer | None,
    location: str,
    problem: str | None,
    now: datetime,
) -> Document:
    outcome = Outcome.UNREACHABLE if answer is None else Outcome.of(answer.status)
    headers = answer.headers if answer else ()
    return Document(
        url=request.url,
        resource=request.resource,
        outcome=outcome,
        status=answer.status if answer else None,
        headers=headers,
        body=answer.body if answer and outcome is Outcome.FETCHED else None,
        fetched_at=now,
        expires=now + lifetime(outcome, headers),
        problem=problem,
        location=location if answer and location != request.url else None,
        address=answer.address if answer else None,
    )
