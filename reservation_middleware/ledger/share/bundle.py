"""A bundle: what a ledger has about one host, with proofs, in one file that needs nothing else.

Its file is canonical JSON with a newline at its end, so that no byte of it is free.
``spec/schemas/bundle.schema.json`` has its shape.
"""

from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from reservation_middleware.ledger.format.canonical import canonical
from reservation_middleware.ledger.format.lines import (
    DecisionLine,
    Digest,
    DocumentLine,
    Entry,
    EpochLine,
    Index,
    PolicyLine,
)

FORMAT: Final = "reservations-bundle/1"
#: Said in every bundle, since it is easily forgotten.
NOT_PROVED = (
    "that these are all lines about the host, or that everything that was done was logged",
    "that a line tells the truth: it proves what was logged and that it was not changed since",
    "whose key it is: compare it with one that its owner gave you",
    "when it was signed, other than by the signer's own clock: that takes a time stamp",
)


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a bundle."""


class BundleLine(_Part, frozen=True, kw_only=True, omit_defaults=True):
    """A line with its place in the tree.

    Attributes:
        index: its leaf.
        line: its text; None where it was erased.
        erased: its leaf hash where it was erased.
        path: its audit path, the leaf's sibling first.
        record: the gzip member of its WARC record in base64, where it has one.
        body: the body in base64, where the record of another line holds it; that line may be
            about somebody else.
    """

    index: Index
    line: str | None = None
    erased: Digest | None = None
    path: tuple[Digest, ...]
    record: str | None = None
    body: str | None = None


class BundleSegment(_Part, frozen=True, kw_only=True):
    """The lines of one segment, in order, line 0 first.

    Attributes:
        checkpoint: the signed note.
    """

    checkpoint: str
    lines: tuple[BundleLine, ...]


class Bundle(_Part, frozen=True, kw_only=True):
    """A bundle.

    Attributes:
        not_proved: what it does not prove, in words.
    """

    format: Literal["reservations-bundle/1"] = FORMAT
    host: str
    not_proved: tuple[str, ...] = NOT_PROVED
    segments: tuple[BundleSegment, ...]


class BundleReport(msgspec.Struct, frozen=True, kw_only=True):
    """What holds of a bundle.

    Attributes:
        host: whose lines they are.
        segments: how many segments they stand in.
        decisions: decision and epoch lines.
        documents: document lines.
        erased: lines that were erased.
        keys: the keys that signed, by the bundle's own word unless pinned.
        pinned: a key was given and is one of those that signed every segment.
        problems: what does not hold; empty if all does.
        not_proved: what nobody can read out of it.
    """

    host: str
    segments: int
    decisions: int
    documents: int
    erased: int
    keys: tuple[str, ...]
    pinned: bool
    problems: tuple[str, ...]
    not_proved: tuple[str, ...] = NOT_PROVED

    @property
    def ok(self) -> bool:
        """Whether everything holds."""
        return not self.problems


def encode_bundle(bundle: Bundle) -> bytes:
    """A bundle as its file."""
    return canonical(bundle) + b"\n"


def references(entry: Entry) -> Iterator[tuple[int, type[PolicyLine] | type[DocumentLine]]]:
    """The lines that a line refers to, and of which kind they are."""
    if isinstance(entry, DecisionLine | EpochLine):
        yield entry.policy, PolicyLine
        for document in entry.documents:
            yield document, DocumentLine
    if isinstance(entry, DecisionLine) and entry.page and entry.page.document is not None:
        yield entry.page.document, DocumentLine
