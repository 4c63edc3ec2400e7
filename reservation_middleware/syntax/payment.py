"""What servers write about money: prices, x402 requirements, Payment challenges.

Knows how they are written, not what follows from them; nothing here pays. Amounts stay
the strings that they are: x402 counts in atomic units of some token, a Payment challenge
in units that its method defines, so neither is a price until somebody knows the unit.

References: https://developers.cloudflare.com/ai-crawl-control/features/pay-per-crawl/,
https://github.com/x402-foundation/x402 (specs/x402-specification-v2.md, -v1.md),
https://datatracker.ietf.org/doc/draft-httpauth-payment/01/
"""

import base64
import re
from collections.abc import Mapping
from datetime import datetime

import msgspec

#: Octets of JSON and characters of a field that are read: the longest need is some KiB.
LIMIT = 64 * 1024
#: The status of a page that is to be paid for (RFC 9110 §15.5.3).
PAYMENT_REQUIRED = 402
#: Ways to pay that are kept of one document.
MOST = 16

_PRICE = r"([A-Za-z]{3})[ \t]+([0-9]{1,15}(?:\.[0-9]{1,15})?)"
_BASE64 = r"[A-Za-z0-9+/_-]*+={0,2}"
_NUMBER = r"[0-9]{1,80}"
_JSON = r"application/(?:json|[a-z0-9.+-]{1,60}\+json)"


class MalformedPaymentError(ValueError):
    """Words about money that are not of their grammar; the message says where."""


class Price(msgspec.Struct, frozen=True):
    """A currency in upper case and a decimal amount as written."""

    currency: str
    amount: str


class Way(msgspec.Struct, frozen=True):
    """One way to pay: what is asked for, as written, in the order of its own format.

    Attributes:
        url: what is paid for, as written, empty if it does not say.
        terms: name and value of what is asked for.
        until: until when it holds, RFC 3339, empty if it does not say.
    """

    url: str
    terms: tuple[tuple[str, str], ...]
    until: str = ""


def may_be_bill(media_type: str, status: int | None) -> bool:
    """Whether a response may say in JSON what it costs; no status but 402 does.

    The media type is in lower case without parameters, empty if none was sent.
    """
    return status == PAYMENT_REQUIRED and (not media_type or bool(re.fullmatch(_JSON, media_type)))


def price(value: str) -> Price:
    """Read the value of ``crawler-price``: ``USD 0.01``.

    Raises:
        MalformedPaymentError: it is not a currency code and a decimal amount.
    """
    found = re.fullmatch(_PRICE, value.strip(" \t"))
    if found is None:
        raise MalformedPaymentError("not a currency code and an amount")
    return Price(found[1].upper(), found[2])


def bill(body: bytes) -> tuple[Way, ...] | None:
    """Read x402's requirements, version 1 or 2; None for JSON about something else.

    Raises:
        MalformedPaymentError: it is no JSON, or x402 without a way to pay.
    """
    bill = _json(body)
    if not isinstance(bill, dict) or not ("x402Version" in bill or "accepts" in bill):
        return None
    accepts = bill.get("accepts")
    resource = bill.get("resource")
    if isinstance(resource, dict):  # version 2 names it once, with its description
        resource = resource.get("url")
    found = [
        Way(_text(way.get("resource")) or _text(resource), terms)
        for way in (accepts if isinstance(accepts, list) else [])[:MOST]
        if isinstance(way, dict) and (terms := _x402_terms(way))
    ]
    if not found:
        raise MalformedPaymentError("no way to pay is named")
    return tuple(found)


def encoded_bill(value: str) -> tuple[Way, ...]:
    """Read the value of ``PAYMENT-REQUIRED``: the same in base64.

    Raises:
        MalformedPaymentError: it is no base64 or not x402.
    """
    found = bill(_decoded(value))
    if found is None:
        raise MalformedPaymentError("not x402")
    return found


def challenge(parameters: Mapping[str, str]) -> Way:
    """Read the parameters of a Payment challenge (draft-httpauth-payment-01 §5.1).

    Raises:
        MalformedPaymentError: a parameter is missing or cannot be read.
    """
    for name in ("id", "realm", "method", "intent", "request"):
        if not parameters.get(name):
            raise MalformedPaymentError(f"no {name}")
    request = _json(_decoded(parameters["request"]))
    if not isinstance(request, dict):
        raise MalformedPaymentError("the request is no JSON object")
    until = parameters.get("expires", "")
    if until and not _is_date(until):
        raise MalformedPaymentError("expires is no RFC 3339 date")
    terms = [(name, parameters[name]) for name in ("method", "intent")]
    terms += [(name, _text(request.get(name))) for name in ("amount", "currency", "recipient")]
    return Way("", tuple((name, value) for name, value in terms if value), until)


_X402_NAMES = ("scheme", "network", "asset", "amount", "maxAmountRequired", "payTo")


def _x402_terms(way: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """The terms of one entry; nothing where it cannot be paid: no scheme, or no amount."""
    terms = {name: _text(way.get(name)) for name in _X402_NAMES}
    amount = terms["amount"] or terms["maxAmountRequired"]
    if not terms["scheme"] or not re.fullmatch(_NUMBER, amount):
        return ()
    return tuple((name, value) for name, value in terms.items() if value)


def _decoded(value: str) -> bytes:
    """Base64 of either alphabet, with or without its padding."""
    value = value.strip()
    if len(value) > LIMIT:
        raise MalformedPaymentError("too long")
    if not re.fullmatch(_BASE64, value):
        raise MalformedPaymentError("no base64")
    value = value.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except ValueError:
        raise MalformedPaymentError("no base64") from None


def _json(body: bytes) -> object:
    if len(body) > LIMIT:
        raise MalformedPaymentError("too long")
    try:
        return msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf").decode())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise MalformedPaymentError("no JSON") from None


def _text(value: object) -> str:
    """A string or a whole number as text, anything else as nothing."""
    if isinstance(value, bool):
        return ""
    if isinstance(value, int):
        value = str(value) if -(10**80) < value < 10**80 else ""
    return value.strip() if isinstance(value, str) else ""


_DATE = (
    r"(?i)[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2})"
)


def _is_date(value: str) -> bool:
    if not re.fullmatch(_DATE, value):
        return False
    try:
        datetime.fromisoformat(value.upper())
    except ValueError:
        return False
    return True
