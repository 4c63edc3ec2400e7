"""One policy resource from the network: fetched, revalidated, or the old copy relied on.

Whatever goes wrong is a document, too. References: RFC 9309 §2.3.1.4 and §2.4, RFC 9111 §4.3.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

import msgspec

from reservation_middleware.decide.bot_check import outcome_of
from reservation_middleware.decide.freshness import MACHINE_FAULT as MACHINE_FAULT_LIFETIME
from reservation_middleware.decide.freshness import (
    SHORTEST_RETRY_AFTER,
    lifetime,
    may_be_relied_on,
    retry_after,
)
from reservation_middleware.model import Document, Headers, Outcome, PolicyRequest
from reservation_middleware.model.document import MACHINE_FAULT

from .retries import ERRORS, Pause, RetriableTransport, Retries, backoff, sleep
from .single_flight import cancelled
from .transport import (
    Answer,
    Ask,
    MachineFaultError,
    Transport,
    TransportClosedError,
    follow,
    problem_of,
    words_of,
)

#: Asks once only.
NO_RETRIES = Retries(times=0)

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
    retries: Retries = NO_RETRIES,
    pause: Pause = sleep,
    retried: Callable[[], None] = lambda: None,
) -> Document:
    """Fetch one resource, and again where that failed in a way that may pass.

    A short ``Retry-After`` is waited for; what asks for more time than may be waited is
    unreachable until that time is over.

    Args:
        request: what is wanted.
        transport: makes one request.
        known: the copy that is kept, if any: it may still be good, and where the resource
            cannot be reached it is relied on for a while.
        clock: the current time.
        seconds: how long one try may take, redirects included; None where the transport keeps
            time.
        guarded: only public addresses may be asked.
        retries: how often it is tried again, and after what.
        pause: waits between two tries, unless the transport does that.
        retried: is called at each try after the first one.

    Raises:
        TransportClosedError: the transport was closed, which says nothing about the site.
    """
    conditions = validators(known) if known else ()
    errors = ERRORS
    if isinstance(transport, RetriableTransport):
        errors, pause = transport.errors, transport.pause or pause
    ask = Ask(request.url, request.limit, conditions, guarded, request.resource)
    waited, tries = 0.0, 1
    while True:
        answer, location, failure = await _attempt(ask, transport, seconds)
        now = clock()
        if known and answer and answer.status == 304 and conditions:
            return renewed(known, answer, now)
        document = _document(request, answer, location, failure, now)
        if document.outcome is not Outcome.UNREACHABLE:
            return document
        usable = known is not None and may_be_relied_on(known, now)
        after = retry_after(answer.headers, now) if answer else None
        is_last = tries > retries.times or not _may_pass(answer, failure, retries, errors)
        # Pages need not wait where an old copy will do.
        if is_last or (after and (usable or waited + after.total_seconds() > retries.wait)):
            break
        seconds_left = max(retries.wait - waited, 0.0)
        delay = max(min(backoff(tries), seconds_left), after.total_seconds() if after else 0.0)
        if not await pause(delay):
            break
        waited += delay
        tries += 1
        retried()
    if after is not None:
        lifetime_left = max(after, SHORTEST_RETRY_AFTER) if is_last and tries > 1 else after
        document = msgspec.structs.replace(
            document,
            expires=now + lifetime_left,
            problem=f"HTTP {document.status}, Retry-After {after.total_seconds():.0f} s",
        )
    if known is not None and usable:
        why = document.problem or f"HTTP {document.status}"
        return msgspec.structs.replace(known, expires=document.expires, stale=why)
    return document


class Failure(NamedTuple):
    """Why a try brought no answer: the error, None where there is no such, and a few words."""

    error: Exception | None
    words: str


async def _attempt(
    ask: Ask, transport: Transport, seconds: float | None
) -> tuple[Answer | None, str, Failure | None]:
    """The answer of one try and the address that gave it, or why there is none.

    Raises:
        TransportClosedError: the transport was closed.
    """
    try:
        async with asyncio.timeout(seconds):
            location, answer = await follow(ask, transport)
    except TransportClosedError:
        raise
    except TimeoutError as error:
        words = problem_of(error) if seconds is None else f"no answer within {seconds:g} s"
        return None, ask.url, Failure(error, words)
    except asyncio.CancelledError:
        if cancelled():
            raise
        # By the transport, while nobody cancelled us.
        return None, ask.url, Failure(None, "cancelled")
    except MachineFaultError as error:
        return None, ask.url, Failure(error, f"{MACHINE_FAULT}: {words_of(error)}")
    except Exception as error:  # noqa: BLE001 - whatever went wrong, it is unreachable
        return None, ask.url, Failure(error, problem_of(error))
    return answer, location, None


def _may_pass(
    answer: Answer | None,
    failure: Failure | None,
    retries: Retries,
    errors: tuple[type[Exception], ...],
) -> bool:
    """Whether another try may end better, by the rules that hold for pages."""
    if answer is not None:
        return answer.status in retries.statuses
    assert failure is not None
    error = failure.error
    if isinstance(error, MachineFaultError):
        return isinstance(error.__cause__, errors)
    return isinstance(error, errors)


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
    failure: Failure | None,
    now: datetime,
) -> Document:
    outcome, withheld = Outcome.UNREACHABLE, None
    if answer is not None:
        outcome, withheld = outcome_of(*answer[:3])
    headers = answer.headers if answer else ()
    is_own = failure is not None and isinstance(failure.error, MachineFaultError)
    return Document(
        url=request.url,
        resource=request.resource,
        outcome=outcome,
        status=answer.status if answer else None,
        headers=headers,
        body=answer.body if answer and outcome is Outcome.FETCHED else None,
        fetched_at=now,
        expires=now + (MACHINE_FAULT_LIFETIME if is_own else lifetime(outcome, headers)),
        problem=failure.words if failure else withheld,
        location=location if answer and location != request.url else None,
        address=answer.address if answer else None,
    )
