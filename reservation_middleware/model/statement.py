"""A statement: who said what about which categories, where, about which path, for which agent.

Statements are facts read from one document. What they amount to is settled by their
signal and resolved across signals; nothing here decides.
"""

import msgspec

from .vocabulary import Preference


class Span(msgspec.Struct, frozen=True):
    """Where a statement stands: the document, its digest and the line (from 1)."""

    document: str
    digest: str | None = None
    line: int | None = None


class Scope(msgspec.Struct, frozen=True):
    """What a statement is about.

    Attributes:
        path: path pattern, None for all that the carrier covers.
        agents: product tokens in lower case, ``*`` for everyone.
        media: a top-level media type (``image``) if only such content is meant.

    """

    path: str | None = None
    agents: tuple[str, ...] = ("*",)
    media: str | None = None


EVERYTHING = Scope()


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """One party's words about one category.

    Attributes:
        signal: the family's name.
        carrier: robots.txt, header, meta, tdmrep.json, …
        category: a leaf, a shorthand, ``crawl`` or the native term if it has no mapping.
        covers: the leaves (or ``crawl``) that it speaks about.
        preference: allowed, disallowed or unknown (said, but not understood).
        text: the words as they stand in the document.
        span: where.
        scope: about what.
        inferred: drawn from words aimed at somebody else.
        conditions: what it asks for besides, as written (``exceptions=cc-cr``).
        near_miss: a refusal that is clearly meant and not spelled as its text has it.

    """

    signal: str
    carrier: str
    category: str
    covers: tuple[str, ...]
    preference: Preference
    text: str
    span: Span
    scope: Scope = EVERYTHING
    inferred: bool = False
    conditions: tuple[str, ...] = ()
    near_miss: bool = False
