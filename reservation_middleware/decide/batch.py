"""The batch face: JSON Lines in, one decision record per line out, for any language.

``spec/README.md`` describes the lines. Order is kept, a bad line becomes an error
record and the rest goes on; memory does not grow with the number of lines.
"""

import base64
import re
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any, BinaryIO

import msgspec

from reservation_middleware.model import (
    PAGE,
    Agent,
    ConfigurationError,
    Document,
    Level,
    Note,
    NoteKind,
    Outcome,
    Policy,
    PolicyRequest,
)
from reservation_middleware.signals import XML, known_signals
from reservation_middleware.syntax.content_coding import CODINGS, Content, is_marked, unpacked
from reservation_middleware.syntax.path import MAX_TARGET, split_url

from .check import Check
from .freshness import UNREACHABLE, lifetime
from .licences import licences_of
from .profiles import profile
from .reading import BY_PATH, FEED
from .record import record

#: A longer line is an error, not a reason to run out of memory.
MAX_LINE = 64 * 1024 * 1024


#: Notes about documents of other origins in one record.
_MOST_NOTES = 10
FOREIGN = NoteKind(
    "document-foreign",
    Level.WARNING,
    "a document of another origin was given, which nothing of this origin has read",
    "Give the documents of the page's own scheme, host and port.",
    "https://www.rfc-editor.org/rfc/rfc6454#section-5",
)


class Binary(msgspec.Struct, forbid_unknown_fields=True):
    """A body that is not text."""

    base64: str


class GivenDocument(msgspec.Struct, forbid_unknown_fields=True):
    """One document of an input line."""

    url: str
    status: Annotated[int, msgspec.Meta(ge=100, le=999)] | None = None
    outcome: Outcome | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: str | Binary | None = None
    stale: str | None = None
    fetched_at: datetime | None = None


class GivenPolicy(msgspec.Struct, forbid_unknown_fields=True):
    """What an input line changes of its profile's policy."""

    unknown: str | None = None
    reservation: str | None = None
    unreachable: str | None = None
    proxy_agents: str | None = None
    proxy_tokens: tuple[str, ...] | None = None
    policy_tokens: dict[str, tuple[str, ...]] | None = None
    signals: tuple[str, ...] | None = None
    user: tuple[str, ...] | None = None
    geo: tuple[str, ...] | None = None
    legacy_labels: str | None = None
    content_use: str | None = None
    near_miss: str | None = None


class Given(msgspec.Struct, forbid_unknown_fields=True):
    """An input line."""

    url: str
    agent: str | tuple[str, ...] = "*"
    purposes: tuple[str, ...] = ("ai-train",)
    profile: str = "opt-out"
    documents: tuple[GivenDocument, ...] = ()
    policy: GivenPolicy | None = None
    now: datetime | None = None
    licences: tuple[dict[str, Any], ...] = ()


_DECODER = msgspec.json.Decoder(Given)
_WITH_HOST = re.compile(r"https?://[^:]")
#: What a line may be wrong in; OverflowError is a date beyond the calendar.
_BAD = (
    msgspec.MsgspecError,
    ConfigurationError,
    OverflowError,
    RecursionError,
    UnicodeError,
)


def decide(given: Given, now: datetime) -> dict[str, Any]:
    """The decision record for one input line.

    Args:
        given: the line.
        now: the time to use where the line has none, timezone-aware.

    Raises:
        ConfigurationError: agent, purposes, profile or policy cannot be used.

    """
    check, notes = checked(given, now)
    decision = check.decide()
    if notes:
        decision = msgspec.structs.replace(decision, notes=(*decision.notes, *notes))
    return record(decision)


def checked(given: Given, now: datetime) -> tuple[Check, Sequence[Note]]:
    """A check that was fed all documents of a line, and notes about those that nothing asked for.

    Args:
        given: the line.
        now: the time to use where the line has none, timezone-aware.

    Raises:
        ConfigurationError: agent, purposes, profile or policy cannot be used.
    """
    now = given.now or now
    if now.tzinfo is None:
        raise ConfigurationError("now needs a time zone")
    policy = policy_of(given.profile, given.policy)
    if given.licences:
        policy = policy.changed({"licences": licences_of(given.licences)})
    check = Check(given.url, agent=Agent(given.agent, given.purposes), policy=policy, now=now)
    if not _WITH_HOST.match(check.origin):
        raise ConfigurationError(f"not an absolute http or https URL: {given.url[:200]!r}")
    documents = [_document(document, now) for document in given.documents]
    for document in documents_for(given.url, documents):
        _feed(check, document)
    used: set[object] = set()
    while answers := answers_to(check.wants(), documents):
        for document in answers:
            check.feed(document)
            used.add(_key(document.url))
    foreign = (
        Note(FOREIGN, document.url, None)
        for document in documents
        if split_url(document.url)[0] != check.origin and _key(document.url) not in used
    )
    return check, tuple(islice(foreign, _MOST_NOTES))


def _feed(check: Check, document: Document) -> None:
    """Feed a document; a page's body is content, but if it is clearly packed, it is unpacked."""
    if document.resource != PAGE or not document.body:
        check.feed(document)
        return
    fields = document.fields
    codings = [value for name in CODINGS for value in fields.get(name, ())]
    found = unpacked(document.body, codings) if is_marked(document.body) else Content(document.body)
    page = msgspec.structs.replace(document, body=found.body)
    if found.problem:
        check.feed_part(page, found.problem)
    else:
        check.feed(page)


def policy_of(name: str, changes: GivenPolicy | None) -> Policy:
    """A profile's policy with some fields changed.

    Raises:
        ConfigurationError: the profile, a value or a signal is not known.

    """
    policy = profile(name)
    if changes is None:
        return policy
    if changes.signals is not None:
        known_signals(changes.signals)
    return policy.changed(
        {
            key: list(value.items()) if isinstance(value, Mapping) else value
            for key, value in msgspec.to_builtins(changes).items()
            if value is not None
        }
    )


def decide_lines(
    lines: Iterable[bytes], now: datetime | None = None
) -> Iterator[tuple[bytes, bool]]:
    """One output line (without its end) per input line, and whether the input was good."""
    for number, line in enumerate(lines, 1):
        if number == 1:
            line = line.removeprefix(BOM_UTF8)
        if not line.strip():
            continue
        try:
            if len(line) > MAX_LINE:
                raise ConfigurationError(f"longer than {MAX_LINE} bytes")
            given = _DECODER.decode(line)
            found = msgspec.json.encode(decide(given, now or datetime.now(UTC)))
        except _BAD as error:
            said = str(error) or type(error).__name__
            yield msgspec.json.encode({"error": said, "line": number}), False
        else:
            yield found, True


def bounded_lines(stream: BinaryIO) -> Iterator[bytes]:
    """The lines of a stream; of one that is too long only so much that this can be seen."""
    while line := stream.readline(MAX_LINE + 1):
        yield line
        while len(line) > MAX_LINE and not line.endswith(b"\n"):
            line = stream.readline(MAX_LINE + 1)


def _document(given: GivenDocument, now: datetime) -> Document:
    if given.outcome is not None:
        outcome = given.outcome
    elif given.status is not None:
        outcome = Outcome.of(given.status)
    else:
        outcome = Outcome.FETCHED
    body: bytes | None
    if isinstance(given.body, Binary):
        try:
            body = base64.b64decode(given.body.base64, validate=True)
        except ValueError as error:
            raise ConfigurationError(f"a body is not base64: {error}") from None
    else:
        body = None if given.body is None else given.body.encode()
    headers = tuple((name.lower(), value) for name, value in given.headers)
    return Document(
        url=given.url,
        resource="",
        outcome=outcome,
        status=given.status,
        headers=headers,
        body=body,
        fetched_at=_with_zone(given.fetched_at or now),
        expires=now + (lifetime(outcome, headers) if given.stale is None else UNREACHABLE),
        stale=given.stale,
    )


def _with_zone(time: datetime) -> datetime:
    if time.tzinfo is None:
        raise ConfigurationError("fetched_at needs a time zone")
    return time.astimezone(UTC)


def documents_for(url: str, documents: Iterable[Document]) -> Iterable[Document]:
    """Name the resources of documents that are given by URL only, as the batch face gets them.

    The document at the asked URL is the page; one at a well-known place of the same
    origin is that resource; others are left out.
    """
    origin, target = split_url(url)
    for document in documents:
        where, path = split_url(document.url)
        if where != origin:
            continue
        place = BY_PATH.get(path)
        if place is not None:
            yield _renamed(document, place.name)
        if path == target:
            yield _renamed(document, PAGE)
        elif document.media_type in XML:
            yield _renamed(document, FEED)


def answers_to(requests: Iterable[PolicyRequest], documents: Iterable[Document]) -> list[Document]:
    """Of documents that are given by URL only, those that some requests are for."""
    by_url = {_key(document.url): document for document in documents}
    # Under the address that was asked for: the other may be another spelling of it.
    return [
        msgspec.structs.replace(found, resource=request.resource, url=request.url)
        for request in requests
        if (found := by_url.get(_key(request.url))) is not None
    ]


def _key(url: str) -> object:
    """What equal addresses have in common, however they are written."""
    return split_url(url) if len(url) < MAX_TARGET else url


def _renamed(document: Document, resource: str) -> Document:
    return msgspec.structs.replace(document, resource=resource)
