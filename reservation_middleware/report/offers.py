"""Offers for a terminal: one below its page, or a rate card of many sites."""

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby

from rich.console import Console
from rich.text import Text

from reservation_middleware.ledger.share.rate_card import OfferLine
from reservation_middleware.model import Offer

from .table import rows, safe


def amount(offer: Offer | OfferLine) -> str:
    """Price and currency, as far as they are known."""
    return " ".join(filter(None, (offer.price, offer.currency)))


def place(offer: Offer | OfferLine) -> str:
    """Where an offer stands."""
    return f"{offer.document}:{offer.line}" if offer.line else offer.document


def address(offer: Offer | OfferLine) -> str:
    """Where it is to be had, unless that is the contact."""
    return offer.url if offer.url and offer.url != offer.contact else ""


#: What is no unit of payment.
_UNPAID = ("free", "attribution")


def terms(offer: Offer | OfferLine) -> str:
    """Kind, price and what that is for, in a few words."""
    price = f"{offer.kind} {amount(offer)}".rstrip()
    if not offer.per:
        return price
    return f"{price}, {offer.per}" if offer.per in _UNPAID else f"{price} per {offer.per}"


#: What each column of a rate card is called, and shows; empty ones are left out per domain.
_COLUMNS: Mapping[str, Callable[[OfferLine], object]] = {
    "kind": lambda line: line.kind,
    "price": amount,
    "per": lambda line: line.per or "",
    "protocols": lambda line: " ".join(line.protocols),
    "contact": lambda line: line.contact or "",
    "address": address,
    "until": lambda line: line.until or "",
    "signal": lambda line: line.signal,
    "source": place,
    "pages": lambda line: line.pages,
}


def show_rate_card(console: Console, lines: Sequence[OfferLine]) -> None:
    """Print offers below the domain that they are about; those of one domain stand together."""
    names = list(_COLUMNS)
    for domain, several in groupby(lines, key=lambda line: line.domain):
        cells = [[safe(shown(line)) for shown in _COLUMNS.values()] for line in several]
        used = [number for number in range(len(names)) if any(row[number].plain for row in cells)]
        console.print(Text(safe(domain or "(no host)").plain, style="bold"))
        rows(
            console,
            [names[number] for number in used],
            [[row[number] for number in used] for row in cells],
            indent=2,
        )
        console.print()
