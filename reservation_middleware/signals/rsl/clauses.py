"""What one RSL licence says to one operator, as clauses, and what it offers.

Here: which leaves a word covers, whether a licence fits the operator, what it asks for in
exchange. How clauses combine is ``document.py``'s business.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum

import msgspec

from reservation_middleware.model import (
    LEAVES,
    Identifier,
    Offer,
    Preference,
    Scope,
    Statement,
)
from reservation_middleware.model.vocabulary import (
    AI_INDEX,
    AI_INPUT,
    SEARCH,
    TRAIN,
    TRAIN_GEN,
)
from reservation_middleware.signals.base import ParsedDocument, Term, shorten
from reservation_middleware.syntax.rsl import FREE, GEO, USAGE, USER, License, RslContent

NAME = "rsl"
TERMS: Mapping[str, Term] = {
    word: Term(leaves, leaves)
    for word, leaves in (
        ("all", LEAVES),
        ("ai-all", (AI_INDEX, AI_INPUT, *TRAIN)),
        ("ai-train", TRAIN),
        ("ai-input", (AI_INPUT,)),
        ("ai-index", (AI_INDEX,)),
        ("search", (SEARCH,)),
    )
}
#: With a word of RSL 0.9 that has no successor.
_LEAVES = {**{word: term.yes for word, term in TERMS.items()}, "train-genai": (TRAIN_GEN,)}
# Usage classes, narrower first; what holds for every use not named is the broadest.
ONE_USE, AI_ALL, _ALL, UNNAMED = range(4)
_CLASS = {"ai-all": AI_ALL, "all": _ALL}
#: What the code EU stands for.
_EU = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split()  # noqa: SIM905
)
#: Kind of user and countries of the operator (``Policy.user``, ``Policy.geo``).
Operator = tuple[tuple[str, ...], tuple[str, ...]]


class Kind(StrEnum):
    """What a clause does about the leaves that it covers."""

    GRANT = "grant"
    DEMAND = "demand"
    UNFIT = "unfit"
    PROHIBIT = "prohibit"
    CLOSED = "closed"


class Clause(msgspec.Struct, frozen=True):
    """One thing that a licence says, for one operator.

    Attributes:
        broad: its usage class, then whether it is for everybody: narrower comes first.
        content: number of the content it belongs to.
    """

    kind: Kind
    broad: tuple[int, bool]
    content: int
    statement: Statement
    offers: tuple[Offer, ...]
    identifiers: tuple[Identifier, ...]


class Reader:
    """Reads the licences of one document.

    Args:
        source: where it stands.
        carrier: how it came.
        line: the line before its first.
    """

    __slots__ = ("_line", "_source", "carrier")

    def __init__(self, source: ParsedDocument, carrier: str, line: int | None) -> None:
        self._source = source
        self.carrier = carrier
        self._line = line

    def of(self, number: int, content: RslContent, operator: Operator) -> Iterator[Clause]:
        """What all licences of one content say."""
        for licence in content.licenses:
            yield from self._read(number, content, licence, operator)

    def _read(
        self, number: int, content: RslContent, licence: License, operator: Operator
    ) -> Iterator[Clause]:
        usage = licence.permits.get(USAGE)
        demands = _demands(content, licence)
        fit, excluded = _fit(licence, operator)
        limits = tuple(
            shorten(f"{kind}={' '.join(words)}")
            for kind, words in licence.permits.items()
            if kind != USAGE
        )
        kind = Kind.GRANT
        if fit is not None:
            # Who cannot be told from those who must pay may have to.
            kind = Kind.DEMAND if demands and fit else Kind.UNFIT
        elif demands:
            kind = Kind.DEMAND
        offers = {one: self._offers(content, licence, one) for one in (kind, Kind.PROHIBIT)}
        # Where some uses have a price, the others are not to be had under this licence.
        offers[Kind.CLOSED] = () if kind is Kind.DEMAND else offers[kind]
        identifiers = tuple(
            Identifier(
                scheme="licence",
                value=payment.standard,
                signal=NAME,
                document=self._source.document.url,
                line=self._at(payment.line),
            )
            for payment in licence.payments
            if payment.standard
        )

        def clause(
            kind: Kind,
            broad: int,
            category: str,
            leaves: Sequence[str],
            text: str,
            conditions: tuple[str, ...] = (),
        ) -> Clause:
            return Clause(
                kind,
                (broad, not limits),
                number,
                Statement(
                    signal=NAME,
                    carrier=self.carrier,
                    category=category,
                    covers=tuple(leaves),
                    preference=(
                        Preference.ALLOWED if kind is Kind.GRANT else Preference.DISALLOWED
                    ),
                    text=shorten(text),
                    span=self._source.span(self._at(licence.line)),
                    scope=Scope(content.url[:400] or None),
                    conditions=conditions,
                ),
                offers[kind],
                identifiers if kind is not Kind.CLOSED else (),
            )

        permitted = [leaf for word in usage or () for leaf in _LEAVES[word]]
        prohibited = licence.prohibits.get(USAGE, ())
        named = {leaf for word in prohibited for leaf in _LEAVES[word]}
        named.update(permitted)
        unnamed = [leaf for leaf in LEAVES if leaf not in named]
        given = [f"permits {kind}: {' '.join(words)}" for kind, words in licence.permits.items()]
        text = "; ".join((*given, *demands))
        if excluded:
            kind, demands, text = Kind.PROHIBIT, (), f"prohibits {excluded}"
        conditions = (*limits, *demands) if kind is not Kind.GRANT else ()
        for word in usage or ():
            yield clause(kind, _CLASS.get(word, ONE_USE), word, _LEAVES[word], text, conditions)
        if usage is None and kind is not Kind.GRANT and unnamed:
            # No list of uses: what is asked for is asked of them all.
            yield clause(kind, UNNAMED, "all", unnamed, text, conditions)
        if fit is not False:
            barred = f"prohibits usage: {' '.join(prohibited)}"
            for word in prohibited:
                broad = _CLASS.get(word, ONE_USE)
                yield clause(Kind.PROHIBIT, broad, word, _LEAVES[word], barred)
        rest = [leaf for leaf in LEAVES if leaf not in permitted]
        if usage is not None and rest:
            # A list of uses is closed.
            listed = f"permits only usage: {' '.join(usage)}"
            yield clause(Kind.CLOSED, UNNAMED, "all", rest, listed)

    def _offers(self, content: RslContent, licence: License, kind: Kind) -> tuple[Offer, ...]:
        """Where a clause's uses can be had: at a price only what is demanded for."""
        absolute = self._source.address
        url = self._source.document.url
        contact = next(
            filter(
                None, (_contact(one, absolute) for one in (*licence.contacts, *content.contacts))
            ),
            None,
        )
        line = self._at(licence.line)
        offers: list[Offer] = []
        terms = absolute(content.terms)
        demanded = kind is Kind.DEMAND
        priced = [one for one in licence.payments if demanded and one.type != FREE]
        for payment in priced[:4]:
            where = absolute(payment.custom) or _with_scheme(payment.standard, absolute)
            if not (where or contact or payment.type or payment.amount or payment.accepts):
                continue  # that payment is asked for is all it says
            offers.append(
                Offer(
                    kind="price",
                    signal=NAME,
                    url=where,
                    price=payment.amount if _is_price(payment.amount) else None,
                    currency=payment.currency or None,
                    per=payment.type or None,
                    contact=contact or where,
                    protocols=payment.accepts,
                    document=url,
                    line=self._at(payment.line),
                )
            )
        asks = kind in (Kind.DEMAND, Kind.PROHIBIT)
        server = _with_scheme(content.server, absolute) if asks else None
        if server:
            offers.append(
                Offer(
                    kind="token-server",
                    signal=NAME,
                    url=server,
                    per=(priced[0].type or None) if priced else FREE if demanded else None,
                    contact=contact,
                    document=url,
                    line=self._at(content.line),
                )
            )
        if terms:
            offers.append(
                Offer(kind="policy", signal=NAME, url=terms, contact=contact, document=url)
            )
        if contact and not offers:
            offers.append(
                Offer(kind="contact", signal=NAME, contact=contact, document=url, line=line)
            )
        return tuple(offers)

    def _at(self, line: int | None) -> int | None:
        return None if line is None or self._line is None else line + self._line


def _demands(content: RslContent, licence: License) -> tuple[str, ...]:
    """What must be done or had before a use is licensed."""
    asked = [
        f"payment={one.type}" if one.type else "payment"
        for one in licence.payments
        if one.type != FREE
    ]
    asked += [f"reporting={kind}" for kind in licence.reports]
    if content.server:
        asked.append("token")
    if content.encrypted:
        asked.append("encrypted")
    return tuple(dict.fromkeys(asked))


def _fit(licence: License, operator: Operator) -> tuple[bool | None, str]:
    """Whether a licence is for an operator, and by which words it is expressly not.

    None: it is. True: it may be, but that is not known. False: it is for others only.
    """
    fit: bool | None = None
    for kind, given in ((USER, operator[0]), (GEO, operator[1])):
        own = _widened(given)
        barred = licence.prohibits.get(kind)
        if barred is not None:
            if own & _widened(barred):
                return True, f"{kind}: {' '.join(barred)}"
            if not own:
                fit = True
        permitted = licence.permits.get(kind)
        if permitted is not None and not (own and own <= _widened(permitted)):
            if own and own.isdisjoint(_widened(permitted)):
                return False, ""
            fit = True
    return fit, ""


def _widened(words: Iterable[str]) -> frozenset[str]:
    """Words with the member states in place of the EU."""
    found = frozenset(words)
    return (found - {"EU"}) | _EU if "EU" in found else found


def _is_price(text: str) -> bool:
    whole, dot, rest = text.partition(".")
    return text.isascii() and whole.isdigit() and (rest.isdigit() if dot else True)


def _with_scheme(text: str, absolute: Callable[[str], str | None]) -> str | None:
    """An address of the web that says so; without its scheme it would be taken for a path here."""
    return absolute(text) if text.lower().startswith(("https://", "http://")) else None


def _contact(text: str, absolute: Callable[[str], str | None]) -> str | None:
    """A mail address, a telephone number or a page."""
    scheme, colon, rest = text.partition(":")
    if colon and scheme.lower() == "mailto":
        text = rest.partition("?")[0]
    elif colon and scheme.lower() == "tel":
        return shorten(text)
    if "@" in text and "/" not in text and not any(one.isspace() for one in text):
        return shorten(text)
    return absolute(text) if text.lower().startswith(("https://", "http://", "/")) else None
