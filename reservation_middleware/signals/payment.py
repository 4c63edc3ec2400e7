"""Money and law between a crawler and a page: statuses 402 and 451, and what a 402 costs.

Here: Cloudflare's Pay Per Crawl, x402, the Payment challenge; never a payment, a retry
or a price of our own. How they are written is ``syntax/payment.py``'s business.
References: RFC 9110 §15.5.3 (402), RFC 7725 (451),
https://developers.cloudflare.com/ai-crawl-control/features/pay-per-crawl/,
https://github.com/x402-foundation/x402, draft-httpauth-payment-01
"""

from collections.abc import Iterable, Sequence

import msgspec

from reservation_middleware.model import (
    LEAVES,
    Level,
    Note,
    NoteKind,
    Offer,
    Preference,
    Statement,
)
from reservation_middleware.syntax import payment
from reservation_middleware.syntax.challenge import challenges
from reservation_middleware.syntax.link import links
from reservation_middleware.syntax.payment import PAYMENT_REQUIRED, MalformedPaymentError, Way

from .base import (
    CONTENT,
    HEADERS,
    Carrier,
    Findings,
    Intent,
    ParsedDocument,
    Question,
    Rendering,
    Settled,
    Signal,
    Status,
    Term,
    combine,
    for_display,
    settled_from,
    shorten,
)

LEGAL = 451
#: Field values of one kind that are read, offers that are shown, characters of a condition.
_MOST_VALUES, _MOST_OFFERS, _MOST_CONDITION = 8, 16, 200

_X402_PROTOCOL = ("x402",)

_CLOUDFLARE = "https://developers.cloudflare.com/ai-crawl-control/features/pay-per-crawl/"
_X402 = "https://github.com/x402-foundation/x402/blob/main/specs/"

PRICE = NoteKind(
    "payment-price-malformed",
    Level.WARNING,
    "a crawler-price is a currency code and an amount, so this is no price: {}",
    "Write it as `USD 0.01`.",
    _CLOUDFLARE + "use-pay-per-crawl-as-ai-owner/crawl-pages/",
)
REQUIRED = NoteKind(
    "payment-required-malformed",
    Level.WARNING,
    "a PAYMENT-REQUIRED field could not be read as x402: {}",
    "Send the base64 of a PaymentRequired object with at least one way to pay.",
    _X402 + "transports-v2/http.md",
)
BODY = NoteKind(
    "payment-body-malformed",
    Level.WARNING,
    "the JSON of a 402 could not be read as x402: {}",
    "Send JSON of at most 64 KiB whose `accepts` has at least one way to pay.",
    _X402 + "transports-v1/http.md",
)
CHALLENGE = NoteKind(
    "payment-challenge-malformed",
    Level.WARNING,
    "a Payment challenge could not be read: {}",
    "Give it id, realm, method, intent and request, the latter as JSON in base64url.",
    "https://datatracker.ietf.org/doc/html/draft-httpauth-payment-01",
)
ERROR = NoteKind(
    "payment-crawler-error",
    Level.INFO,
    "the server says why it does not serve a paying crawler, which we are not: {}",
    "Nothing, if crawlers that do not pay are to be turned away.",
    _CLOUDFLARE + "use-pay-per-crawl-as-ai-owner/error-codes/",
)
CHARGED = NoteKind(
    "payment-charged",
    Level.WARNING,
    "the server says that somebody was charged, though no payment was sent: {}",
    "Charge only for requests with a price, or ask your provider.",
    _CLOUDFLARE + "use-pay-per-crawl-as-ai-owner/crawl-pages/",
)

_STATUS_TEXT = {
    PAYMENT_REQUIRED: "HTTP 402 Payment Required",
    LEGAL: "HTTP 451 Unavailable For Legal Reasons",
}


class _Finding(msgspec.Struct, frozen=True):
    """What one carrier says: its words, what it asks for, and the offer if it is one."""

    carrier: str
    text: str
    conditions: tuple[str, ...] = ()
    offer: Offer | None = None


class PaymentFindings(Findings):
    """What a response says of money, or that it is withheld."""

    __slots__ = ("offers", "read")

    def __init__(
        self,
        source: ParsedDocument,
        notes: Sequence[Note],
        read: Sequence[Statement],
        offers: Sequence[Offer],
    ) -> None:
        super().__init__(source.place, tuple(notes))
        self.read = tuple(read)
        self.offers = tuple(offers)

    def statements(self) -> tuple[Statement, ...]:
        """What the status amounts to, once per carrier; offers alone are no statements."""
        return self.read


class Payment(Signal[PaymentFindings]):
    """402 and 451, Pay Per Crawl, x402, Payment challenges."""

    name = "payment"
    title = "Payment required: 402, Pay Per Crawl, x402"
    reference = "RFC 9110 §15.5.3, RFC 7725, Cloudflare Pay Per Crawl, x402 v2, httpauth-payment-01"
    status = Status.VENDOR
    since = "2025-07"
    carriers = (
        Carrier("status", HEADERS),
        Carrier("crawler-price", HEADERS),
        Carrier("payment-required", HEADERS),
        Carrier("www-authenticate", HEADERS),
        Carrier("body", CONTENT),
    )
    terms = {str(PAYMENT_REQUIRED): Term((), LEAVES), str(LEGAL): Term((), LEAVES)}
    notes = (PRICE, REQUIRED, BODY, CHALLENGE, ERROR, CHARGED)
    fields = (b"crawler-price", b"payment-required", b"crawler-error", b"crawler-charged")
    common_fields = {b"www-authenticate": ("payment",), b"link": ("blocked-by",)}
    statuses = (PAYMENT_REQUIRED, LEGAL)

    def parse(self, source: ParsedDocument) -> PaymentFindings | None:
        """Read the status and its fields, or the body of a 402."""
        notes: list[Note] = []
        if source.place is CONTENT:
            ways = self._body(source, notes)
        else:
            ways = [
                *self._status(source),
                *self._prices(source, notes),
                *self._bills(source, notes),
                *self._challenges(source, notes),
            ]
            _tell(source, notes)
        if not ways and not notes:
            return None
        offers = tuple(dict.fromkeys(way.offer for way in ways if way.offer))
        return PaymentFindings(source, notes, self._statements(source, ways), offers)

    def settle(self, found: Sequence[PaymentFindings], question: Question) -> Settled | None:  # noqa: ARG002
        """A 402 or a 451 disallows; offers of all carriers add up and change nothing."""
        statements = [statement for findings in found for statement in findings.read]
        offers = dict.fromkeys(offer for findings in found for offer in findings.offers)
        if not offers:
            return settled_from(statements)
        return Settled(
            usage=combine(statements),
            statements=for_display(statements),
            offers=tuple(offers)[:_MOST_OFFERS],
        )

    def write(self, intent: Intent) -> tuple[Rendering, ...]:  # noqa: ARG002
        """Nothing: an intent names no price, and a status is the server's to send."""
        return ()

    def _statements(
        self, source: ParsedDocument, ways: Iterable[_Finding]
    ) -> tuple[Statement, ...]:
        """One statement per carrier where the status is one that disallows."""
        status = source.document.status
        term = self.terms.get(str(status))
        if term is None:
            return ()
        return tuple(
            Statement(
                signal=self.name,
                carrier=way.carrier,
                category=str(status),
                covers=term.no,
                preference=Preference.DISALLOWED,
                text=shorten(way.text),
                span=source.span(),
                conditions=way.conditions,
            )
            for way in ways
        )

    def _status(self, source: ParsedDocument) -> Iterable[_Finding]:
        text = _STATUS_TEXT.get(source.document.status or 0)
        if text is None:
            return
        conditions: tuple[str, ...] = ()
        if source.document.status == LEGAL:
            # RFC 7725 §4: who demands it, not who is to be asked for a licence.
            conditions = tuple(
                dict.fromkeys(
                    _condition("blocked-by", link.target)
                    for link in links(", ".join(source.document.fields.get("link", ())))
                    if "blocked-by" in link.rels and link.target
                )
            )[:_MOST_VALUES]
        yield _Finding("status", text, conditions)

    def _prices(self, source: ParsedDocument, notes: list[Note]) -> Iterable[_Finding]:
        for value in source.document.fields.get("crawler-price", ())[:_MOST_VALUES]:
            try:
                price = payment.price(value)
            except MalformedPaymentError:
                notes.append(source.note(PRICE, value))
                continue
            offer = Offer(
                kind="price",
                signal=self.name,
                price=price.amount,
                currency=price.currency,
                per="fetch",
                protocols=("pay-per-crawl",),
                document=source.document.url,
            )
            yield _Finding("crawler-price", f"crawler-price: {value}", (), offer)

    def _bills(self, source: ParsedDocument, notes: list[Note]) -> Iterable[_Finding]:
        for value in source.document.fields.get("payment-required", ())[:_MOST_VALUES]:
            try:
                ways = payment.encoded_bill(value)
            except MalformedPaymentError as error:
                notes.append(source.note(REQUIRED, str(error)))
                continue
            for way in ways:
                yield self._way(source, "payment-required", way, _X402_PROTOCOL)

    def _body(self, source: ParsedDocument, notes: list[Note]) -> list[_Finding]:
        body = source.bill
        if body is None:
            return []
        try:
            ways = payment.bill(body)
        except MalformedPaymentError as error:
            notes.append(source.note(BODY, str(error)))
            return []
        return [self._way(source, "body", way, _X402_PROTOCOL) for way in ways or ()]

    def _challenges(self, source: ParsedDocument, notes: list[Note]) -> Iterable[_Finding]:
        fields = ", ".join(source.document.fields.get("www-authenticate", ()))
        if "payment" not in fields.lower():
            return
        asked = [challenge for challenge in challenges(fields) if challenge.scheme == "payment"]
        for challenge in asked[:_MOST_VALUES]:
            try:
                way = payment.challenge(challenge.parameters)
            except MalformedPaymentError as error:
                notes.append(source.note(CHALLENGE, str(error)))
                continue
            protocols = ("payment", challenge.parameters["method"][:_MOST_CONDITION])
            yield self._way(source, "www-authenticate", way, protocols)

    def _way(
        self, source: ParsedDocument, carrier: str, way: Way, protocols: tuple[str, ...]
    ) -> _Finding:
        """An amount counts atoms of a token, or units of a method: a condition, no price."""
        offer = Offer(
            kind="price",
            signal=self.name,
            url=source.address(way.url),
            per="fetch",
            protocols=protocols,
            until=way.until or None,
            document=source.document.url,
        )
        conditions = tuple(_condition(name, value) for name, value in way.terms)
        return _Finding(carrier, f"{protocols[0]}: {' '.join(conditions)}", conditions, offer)


def _condition(name: str, value: str) -> str:
    return f"{name}={value[:_MOST_CONDITION]}"


def _tell(source: ParsedDocument, notes: list[Note]) -> None:
    """Note what is said to crawlers that pay, which this one never does."""
    for field, kind in (("crawler-error", ERROR), ("crawler-charged", CHARGED)):
        values = source.document.fields.get(field)
        if values:
            notes.append(source.note(kind, ", ".join(values[:_MOST_VALUES])))
