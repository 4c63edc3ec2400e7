"""Writes RSL documents: licences that permit and prohibit uses, some at a price.

Reference: https://rslstandard.org/rsl §3 (the document), §3.7 (payment), §3.13 (contact).
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

import msgspec

from reservation_middleware.model import LEAVES, Preference
from reservation_middleware.syntax.rsl import NAMESPACE

from .clauses import TERMS


class AskedPayment(msgspec.Struct, frozen=True, kw_only=True):
    """What a licence asks for.

    Attributes:
        kind: RSL's type of payment (§3.7), such as ``subscription``.
        amount: a decimal number, None where the price is not told.
        currency: an ISO 4217 code.
        terms: address of the terms.
        contact: address of those who give the licence.
    """

    kind: str
    amount: str | None = None
    currency: str = ""
    terms: str | None = None
    contact: str | None = None


def exact_licence(usage: Mapping[str, Preference]) -> str | None:
    """One licence that says what is meant for each leaf and no more; None where RSL cannot."""
    yes = [leaf for leaf in LEAVES if usage.get(leaf) is Preference.ALLOWED]
    no = [leaf for leaf in LEAVES if usage.get(leaf) is Preference.DISALLOWED]
    permits, prohibits = _words(yes), _words(no)
    if not yes:
        permits = []
    elif len(yes) + len(no) < len(LEAVES):
        return None  # a list of permits is closed: it would say more
    elif permits is not None:
        prohibits = []
    else:
        permits = ["all"]  # any other mining has no word of its own
    if prohibits is None or not (permits or prohibits):
        return None
    return licence(permits=permits, prohibits=prohibits)


def prohibiting_licence(usage: Mapping[str, Preference]) -> str | None:
    """One licence with the prohibitions among what is meant, as far as RSL has words for them."""
    no = {leaf for leaf in LEAVES if usage.get(leaf) is Preference.DISALLOWED}
    words, _ = _some_words(no)
    return licence(prohibits=words) if words else None


def priced_licence(
    priced: Sequence[str], usage: Mapping[str, Preference], payment: AskedPayment
) -> str | None:
    """One licence that offers some leaves at a price; None where RSL has no words for these.

    Any other mining has no word of its own: it is what ``all`` leaves when the other uses that are
    not on offer are prohibited. What is permitted for nothing needs a licence of its own beside it.
    """
    words = _words(priced)
    if words is not None:
        return licence(permits=words, payment=payment)
    rest = [leaf for leaf in LEAVES if leaf not in priced]
    barred = _words([leaf for leaf in rest if usage.get(leaf) is Preference.DISALLOWED])
    if barred is None or any(usage.get(leaf, Preference.UNKNOWN) == "unknown" for leaf in rest):
        return None
    return licence(permits=["all"], prohibits=barred, payment=payment)


def licence(
    *,
    permits: Sequence[str] = (),
    prohibits: Sequence[str] = (),
    payment: AskedPayment | None = None,
) -> str:
    """A license element."""
    lines = [
        f'      <{name} type="usage">{" ".join(words)}</{name}>'
        for name, words in (("permits", permits), ("prohibits", prohibits))
        if words
    ]
    if payment is not None:
        lines += _payment(payment)
    return "\n".join(["    <license>", *lines, "    </license>", ""])


def _payment(payment: AskedPayment) -> Iterable[str]:
    inner = []
    if payment.terms:
        inner.append(f"<custom>{escape(payment.terms)}</custom>")
    if payment.amount is not None:
        amount, currency = escape(payment.amount), escape(payment.currency)
        inner.append(f'<amount currency="{currency}">{amount}</amount>')
    yield f'      <payment type="{escape(payment.kind)}">{"".join(inner)}</payment>'
    if payment.contact:
        yield f'      <legal type="contact">{escape(payment.contact)}</legal>'


def document(contents: Iterable[tuple[str, str]]) -> str:
    """A document: for each path pattern its license elements, one after the other."""
    written = "".join(
        f'  <content url="{escape(url)}">\n{licences}  </content>\n' for url, licences in contents
    )
    return f'<rsl xmlns="{NAMESPACE}">\n{written}</rsl>\n'


def _words(leaves: Iterable[str]) -> list[str] | None:
    """The native words that stand for some leaves and no others, the broadest first."""
    words, rest = _some_words(set(leaves))
    return None if rest else words


def _some_words(leaves: set[str]) -> tuple[list[str], set[str]]:
    """The native words that stand for some of the leaves, and the leaves that have none."""
    rest = set(leaves)
    words = []
    for word, term in TERMS.items():
        if rest.issuperset(term.yes):
            words.append(word)
            rest.difference_update(term.yes)
    return words, rest
