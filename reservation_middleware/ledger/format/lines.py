"""The lines of a ledger: one type for each kind, written and read strictly.

A line is one JSON object in canonical form (RFC 8785). Here: what kinds there are, bytes from
a line and a line from bytes. Not here: files, hashes, signatures; ``canonical.py`` has times.
``spec/schemas/ledger.schema.json`` says the same for every language.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from reservation_middleware.model import (
    Action,
    Headers,
    Identifier,
    LedgerError,
    Level,
    Mode,
    Offer,
    Outcome,
    Preference,
    Reason,
    Stage,
)

from .canonical import canonical, exact

#: Whole numbers that every reader of JSON holds exactly (RFC 8785 §3.2.2.3, RFC 7493 §2.2).
Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]
#: The place of a line in its segment's tree, from 0.
Index = Count
Status = Annotated[int, Meta(ge=0, le=999)]
#: SHA-256.
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
#: Sixteen random bytes: no leaf hash can be guessed, so that a line may be erased.
Salt = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
Ident = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
#: The name of a segment: when it was begun, and eight random digits.
Name = Annotated[str, Meta(pattern=r"^[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}\Z")]
#: RFC 3339, UTC, with microseconds.
Time = Annotated[
    str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z\Z")
]
File = Annotated[str, Meta(pattern=r"^policy/[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}[.]warc[.]gz\Z")]

#: What a line that says nothing of its writing would say; ``Ledger`` gives each its own.
NO_SALT = "0" * 32


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a line."""


class _Line(_Part, frozen=True, kw_only=True, tag_field="kind"):
    """A line."""

    salt: Salt = NO_SALT


class Archive(_Part, frozen=True, kw_only=True):
    """Where in the archive of policy documents a record stands, and the digest of its bytes."""

    file: File
    offset: Count
    length: Count
    sha256: Digest


class SegmentLine(_Line, frozen=True, kw_only=True, tag="segment"):
    """The first line of every segment.

    Attributes:
        key: verifier key of who signs.
        others: name, size and root of other segments' checkpoints as they were at the start.
    """

    segment: Name
    time: Time
    software: str
    spec_version: str
    key: str
    others: tuple[tuple[Name, Count, Digest], ...] = ()


class PolicyLine(_Line, frozen=True, kw_only=True, tag="policy"):
    """What the operator decided: plain values of ``model.Policy``, without secrets."""

    policy: dict[str, Any]


class ArchiveLine(_Line, frozen=True, kw_only=True, tag="archive"):
    """A record of the archive that no document line names."""

    archive: Archive


class DocumentLine(_Line, frozen=True, kw_only=True, tag="document"):
    """A document that decisions rest on, or a page that spoke.

    Attributes:
        archive: its record; None where nothing was answered.
        body: index of the document line whose record holds the body, None without body.

    The others are those of ``model.Document``.
    """

    url: str
    location: str | None = None
    address: str | None = None
    resource: str
    outcome: Outcome
    status: Status | None = None
    fetched_at: Time | None = None
    expires: Time | None = None
    problem: str | None = None
    stale: str | None = None
    digest: Digest | None = None
    archive: Archive | None = None
    body: Index | None = None


class NotePart(_Part, frozen=True, kw_only=True):
    """A note, as records have it (``spec/record.md``)."""

    ident: str
    level: Level
    document: str
    line: Count | None
    summary: str
    remedy: str
    reference: str


class PagePart(_Part, frozen=True, kw_only=True):
    """What was seen of a page.

    Attributes:
        headers: the fields that matter.
        document: index of the page's document line, None if it was not kept.
        content: not looked into; looked into and silent; kept; spoke and is not kept.
    """

    status: Status | None
    headers: Headers
    document: Index | None
    content: Literal["none", "silent", "kept", "dropped"]


class DecisionLine(_Line, frozen=True, kw_only=True, tag="decision"):
    """A decision record (``spec/record.md``), and what became of it.

    Attributes:
        id: of this decision; sorts by time.
        blocked: whether the adapter stopped the page.
        agents: the fallback list that ``agent`` is from; not in the line where it was one token.
        octets: length of the page's body, ``bytes`` in the line; None if it was not fetched.
        policy: index of the policy line.
        documents: indexes of the lines of the policy documents it rests on.
    """

    id: Ident
    time: Time
    mode: Mode
    adapter: str
    blocked: bool
    octets: Count | None = msgspec.field(name="bytes", default=None)
    policy: Index
    documents: tuple[Index, ...]
    page: PagePart | None = None
    url: str
    agent: str
    agents: tuple[str, ...] | UnsetType = UNSET
    purposes: tuple[str, ...]
    profile: str
    stage: Stage
    action: Action
    verdict: Preference
    crawl: Preference
    usage: Mapping[str, Preference | None]
    reasons: tuple[Reason, ...]
    offers: tuple[Offer, ...]
    identifiers: tuple[Identifier, ...]
    notes: tuple[NotePart, ...]
    consulted: tuple[str, ...]
    not_reached: tuple[str, ...]
    expires: Time | None
    spec_version: str


class Counted(_Part, frozen=True, kw_only=True):
    """How many decisions of an epoch came out alike, and how long their pages were together."""

    action: Action
    verdict: Preference
    crawl: Preference
    stage: Stage
    decisions: Count
    octets: Count = msgspec.field(name="bytes")


class EpochLine(_Line, frozen=True, kw_only=True, tag="epoch"):
    """Decisions that nobody needs one by one, counted: from ``time`` until ``until``."""

    time: Time
    until: Time
    origin: str
    agent: str
    purposes: tuple[str, ...]
    profile: str
    mode: Mode
    adapter: str
    policy: Index
    documents: tuple[Index, ...]
    counts: tuple[Counted, ...]


class GapLine(_Line, frozen=True, kw_only=True, tag="gap"):
    """Lines were lost from ``since`` until ``time``, as the disk took none."""

    time: Time
    since: Time
    lost: Count
    why: str


class RecoveredLine(_Line, frozen=True, kw_only=True, tag="recovered"):
    """The writer was gone; so many bytes of a torn line and a torn record were cut off."""

    time: Time
    cut: Count
    archive_cut: Count


class EndLine(_Line, frozen=True, kw_only=True, tag="end"):
    """The last line of a segment that was closed."""

    time: Time


class ErasedArchive(_Part, frozen=True, kw_only=True):
    """Where a record stood that was erased with its line."""

    file: File
    offset: Count
    length: Count


class ErasedLine(_Part, frozen=True, kw_only=True):
    """What stands where a line was erased: its leaf hash."""

    erased: Digest
    archive: ErasedArchive | UnsetType = UNSET


#: Every kind of line that is written; an erased one takes a written one's place.
Written = (
    SegmentLine
    | PolicyLine
    | ArchiveLine
    | DocumentLine
    | DecisionLine
    | EpochLine
    | GapLine
    | RecoveredLine
    | EndLine
)
Entry = Written | ErasedLine

_DECODER: msgspec.json.Decoder[Written] = msgspec.json.Decoder(Written)
_ERASED = msgspec.json.Decoder(ErasedLine)
_BAD = (msgspec.MsgspecError, RecursionError, UnicodeError)


def encode(entry: Entry) -> bytes:
    """A line without its end."""
    return canonical(entry)


def decode(line: bytes) -> Entry:
    """The line that some bytes without their end are.

    Raises:
        LedgerError: they are no line of this version, or not in canonical form.
    """
    # A quote within a text is escaped, so this is a key.
    erased = line.startswith((b'{"erased":', b'{"archive":')) and b'"kind":' not in line
    try:
        entry: Entry = _ERASED.decode(line) if erased else _DECODER.decode(line)
        same = canonical(entry) == line and (
            not isinstance(entry, PolicyLine) or exact(entry.policy)
        )
    except _BAD as error:
        raise LedgerError(f"no line of a ledger: {error}"[:300]) from None
    if not same:
        raise LedgerError("a line that is not in canonical form")
    return entry
