"""Answers to a policy request that are no policy: bot checks, and those that say "not yet".

A site that challenges a crawler has not shown its rules, whatever status the challenge has, so
such an answer is as none (RFC 9309 §2.3.1.4). Pages are not looked at here. No I/O.
References: https://developers.cloudflare.com/cloudflare-challenges/challenge-types/challenge-pages/detect-response/,
https://docs.aws.amazon.com/waf/latest/developerguide/waf-captcha-and-challenge-actions.html
"""

import msgspec

from reservation_middleware.model import Document, Headers, Outcome
from reservation_middleware.model.document import BOT_CHECK, NOT_YET
from reservation_middleware.syntax.sniff import begins_as_page

from .freshness import UNREACHABLE

#: Statuses with which challenges come; 2xx are all in it.
_CHALLENGED = frozenset((*range(200, 300), 401, 403, 405, 429, 503))
#: The field that marks a challenge, with the values that do; any value where None stands.
_MARKS: tuple[tuple[str, str | None], ...] = (
    ("cf-mitigated", "challenge"),
    ("x-amzn-waf-action", None),
)


def no_policy(status: int, headers: Headers, body: bytes | None) -> str | None:
    """Why an answer is no policy resource, in a few words; None where it may be one.

    Args:
        status: the final HTTP status.
        headers: fields with lower-case names.
        body: as far as it was read; None is taken for none.
    """
    if status not in _CHALLENGED:
        return None
    for name, value in headers:
        for mark, meant in _MARKS:
            word = value.strip().lower()
            if name == mark and word and (meant is None or word == meant):
                return f"{BOT_CHECK}: HTTP {status}, {name}: {word[:20]}"
    if status == 202 and (not (body or b"").strip() or begins_as_page(body or b"")):
        return f"{NOT_YET}: HTTP 202"
    return None


def outcome_of(status: int, headers: Headers, body: bytes | None) -> tuple[Outcome, str | None]:
    """How a request for a policy resource went, and what was wrong where no status says it."""
    why = no_policy(status, headers, body)
    return (Outcome.of(status), None) if why is None else (Outcome.UNREACHABLE, why)


def answered(document: Document) -> Document:
    """A policy resource as it counts: one that is a bot check could not be had."""
    if document.status is None or document.problem is not None:
        return document
    why = no_policy(document.status, document.headers, document.body)
    if why is None:
        return document
    expires = document.expires
    if expires is not None and document.fetched_at is not None:
        expires = min(expires, document.fetched_at + UNREACHABLE)
    return msgspec.structs.replace(
        document, outcome=Outcome.UNREACHABLE, body=None, problem=why, expires=expires
    )
