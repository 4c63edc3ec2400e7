"""A licence on offer: the door in the wall that a reservation is.

An offer never changes a preference. It is recorded so that an operator can ask for, or
buy, what is reserved.
"""

import msgspec


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """Where a licence can be had.

    Attributes:
        kind: contact, policy, price or token-server.
        signal: the family that carried it.
        url: policy document, contact page or token server.
        price: decimal amount as written, never a float.
        currency: ISO 4217 code.
        per: what is paid for (``fetch``, ``training`` …).
        contact: mail address or page.
        protocols: accepted payment protocols.
        until: until when it is good, RFC 3339, None if nothing was said.
        document: the document that offers it.
        line: where in that document.

    """

    kind: str
    signal: str
    url: str | None = None
    price: str | None = None
    currency: str | None = None
    per: str | None = None
    contact: str | None = None
    protocols: tuple[str, ...] = ()
    until: str | None = None
    document: str
    line: int | None = None
