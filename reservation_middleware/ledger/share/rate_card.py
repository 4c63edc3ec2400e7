"""The offers in many decision records: a fold over lines, in bounded memory.

Pure: lines in, a rate card out. What cannot be read is counted and passed over.
"""

from codecs import BOM_UTF8
from collections.abc import Iterable
from contextlib import suppress
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from reservation_middleware.model import Offer
from reservation_middleware.syntax.domains import registrable
from reservation_middleware.syntax.path import split_url

#: Distinct offers that are kept; whoever has more should fold one site after the other.
MOST = 100_000
#: Characters that are kept of an offer's words.
_MOST_CHARACTERS = 2_048
_MOST_PROTOCOLS = 32
#: Two to the power of this many bits in the filter of pages that were counted: 16 MiB.
_FILTER = 27
_PROBES = 4


class OfferLine(msgspec.Struct, frozen=True):
    """One line of a rate card.

    Attributes:
        domain: the registrable domain of the pages that the offer is about.
        document: where it stands; of several places the first in order.
        pages: how many pages it was seen on.

    The others are those of ``model.Offer``.
    """

    domain: str
    kind: str
    price: str | None
    currency: str | None
    per: str | None
    protocols: tuple[str, ...]
    contact: str | None
    url: str | None
    until: str | None
    signal: str
    document: str
    line: int | None
    pages: int


class _Key(NamedTuple):
    """What makes two offers the same; the fields of ``OfferLine`` in their order."""

    domain: str
    kind: str
    price: str | None
    currency: str | None
    per: str | None
    protocols: tuple[str, ...]
    contact: str | None
    url: str | None
    until: str | None
    signal: str


class _Line(msgspec.Struct):
    """What matters here of a record, or of the error that takes its place."""

    url: str | None = None
    offers: tuple[Offer, ...] | None = None
    error: str | None = None


_DECODER = msgspec.json.Decoder(_Line)


class RateCard:
    """Offers by registrable domain, folded from decision records as they come.

    Attributes:
        records: decision records read.
        errors: lines that ``decide`` had put in place of a record.
        bad: lines that are neither.
        left_out: offers that were not kept since there were too many of them already.
    """

    def __init__(self) -> None:
        self.records = self.errors = self.bad = self.left_out = 0
        self._found: dict[_Key, _Sight] = {}
        self._seen = bytearray(1 << (_FILTER - 3))

    def read(self, lines: Iterable[bytes], *, longest: int) -> None:
        """Take lines of JSON; those that are longer than ``longest`` are not looked at."""
        for line in lines:
            if line.strip():
                self._read(line, longest)

    def lines(self) -> list[OfferLine]:
        """What was found, sorted; the order of what was read does not matter."""
        return [
            OfferLine(*key, sight.document, sight.line, sight.pages)
            for key, sight in sorted(self._found.items(), key=_order)
        ]

    def _read(self, line: bytes, longest: int) -> None:
        found = None
        if len(line) <= longest:
            with suppress(msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
                found = _DECODER.decode(line.removeprefix(BOM_UTF8))
        if found is not None and found.error is not None and found.url is None:
            self.errors += 1
            return
        if found is None or found.url is None or found.offers is None:
            self.bad += 1
            return
        origin, target = split_url(found.url)
        if not origin:
            self.bad += 1
            return
        self.records += 1
        if found.offers:
            domain = _cut(registrable(_host(origin)))
            for offer in found.offers:
                self._take(domain, origin + target, offer)

    def _take(self, domain: str, page: str, offer: Offer) -> None:
        key = _Key(
            domain,
            _cut(offer.kind),
            _cut_any(offer.price),
            _cut_any(offer.currency),
            _cut_any(offer.per),
            tuple(map(_cut, offer.protocols[:_MOST_PROTOCOLS])),
            _cut_any(offer.contact),
            _cut_any(offer.url),
            _cut_any(offer.until),
            _cut(offer.signal),
        )
        sight = self._found.get(key)
        document = _cut(offer.document)
        if sight is None:
            if len(self._found) >= MOST:
                self.left_out += 1
                return
            sight = self._found[key] = _Sight(document, offer.line)
        elif (document, offer.line or 0) < (sight.document, sight.line or 0):
            sight.document, sight.line = document, offer.line
        if self._first_time(repr((key, page))):
            sight.pages += 1

    def _first_time(self, what: str) -> bool:
        """Whether something was not asked about before.

        A Bloom filter: the memory stays the same however many pages there are. Among ten
        million pages some in a thousand are taken for known ones, among a million none.
        """
        digest = blake2b(what.encode("utf-8", "replace"), digest_size=4 * _PROBES).digest()
        new = False
        for start in range(0, len(digest), 4):
            place = int.from_bytes(digest[start : start + 4]) >> (32 - _FILTER)
            octet, bit = place >> 3, 1 << (place & 7)
            if not self._seen[octet] & bit:
                self._seen[octet] |= bit
                new = True
        return new


class _Sight:
    """Where an offer stands, and on how many pages."""

    __slots__ = ("document", "line", "pages")

    def __init__(self, document: str, line: int | None) -> None:
        self.document = document
        self.line = line
        self.pages = 0


def _cut(text: str) -> str:
    return text[:_MOST_CHARACTERS]


def _cut_any(text: str | None) -> str | None:
    return None if text is None else _cut(text)


def _host(origin: str) -> str:
    """The host of an origin, without its port."""
    authority = origin.partition("://")[2]
    if authority.startswith("["):
        return authority.partition("]")[0] + "]"
    return authority.partition(":")[0]


def _order(item: tuple[_Key, _Sight]) -> list[tuple[bool, object]]:
    """By domain, kind, price …; what is not there comes first."""
    return [(value is not None, "" if value is None else value) for value in item[0]]
