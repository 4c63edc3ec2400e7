"""An identifier met on the way: the work's, its rightsholder's or its licence's.

Recorded so that an operator can look a work up elsewhere; it changes no preference.
"""

import msgspec


class Identifier(msgspec.Struct, frozen=True, kw_only=True):
    """What something is called in a scheme.

    Attributes:
        scheme: in lower case: licence, iscc, doi, isni, xmp-document …
        value: as written, cut where it is long.
        signal: the family that carried it.
        document: the document in which it stands.
        line: where in that document.

    """

    scheme: str
    value: str
    signal: str
    document: str
    line: int | None = None
