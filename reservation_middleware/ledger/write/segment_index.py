"""What a segment tells already: documents, bodies and policies that later lines refer to."""

from datetime import datetime
from typing import Literal, NamedTuple, TypeVar

from reservation_middleware.ledger.format.canonical import time_text
from reservation_middleware.ledger.format.lines import Index, PagePart, encode
from reservation_middleware.ledger.format.warc import First, document_record, request_record, uri_of
from reservation_middleware.model import Document, Headers, LedgerError, Policy
from reservation_middleware.syntax.path import split_url
from reservation_middleware.syntax.redact import public_fields

from .line_encoder import document_line, policy_line
from .segment_writer import SegmentWriter

#: A longer page is not kept, whatever it says.
MAX_PAGE = 1024 * 1024
#: Fields of an answer that are longer together are not kept, nor is what rests on them: some
#: frameworks read on for as long as a site sends.
MAX_HEAD = 1024 * 1024
#: Documents, bodies and policies that are remembered. A forgotten one is written again.
_MOST = 100_000
#: Fields of an answer that are the crawler's secrets and not the site's words.

K = TypeVar("K")
V = TypeVar("V")


class Page(NamedTuple):
    """What was seen of a page.

    Attributes:
        document: its head, and its body if that was looked into.
        content: whether its body was looked into and held anything that a signal reads.
        headers: the fields that matter; None for all that the document has.
    """

    document: Document
    content: Literal["none", "silent", "spoke"] = "none"
    headers: Headers | None = None


class SegmentIndex:
    """What a segment tells already; what it does not is written when it is asked for.

    Every method raises ``OSError`` where the disk does not take a line, and ``LedgerError``
    where a head is too long for one.

    Attributes:
        writer: of the segment.
    """

    def __init__(self, writer: SegmentWriter) -> None:
        self.writer = writer
        self._documents: dict[tuple[object, ...], Index] = {}
        #: By origin, too: whoever is shown what one site said is shown no other's records.
        self._bodies: dict[tuple[str, str], tuple[Index, First]] = {}
        self._policies: dict[Policy, Index] = {}
        self._last: tuple[Policy | None, Index] = None, 0

    def document(self, document: Document, now: datetime) -> Index:
        """The index of a document's line, which is written if it is not there."""
        digest = document.digest
        key = (
            *(document.url, document.resource, document.fetched_at, digest),
            *(document.outcome, document.stale),
        )
        known = self._documents.get(key)
        if known is not None:
            return known
        _short(document.headers)
        index = self.writer.lines
        answered = document.status is not None or bool(document.headers) or digest is not None
        # An empty body is as short as a reference to another one.
        origin, _ = split_url(document.url)
        body, first = index, None
        if document.body and digest:
            body, first = self._bodies.get((origin, digest), (index, None))
        where = None if digest is None else body
        if answered:
            record = document_record(document, now, first=first)
            self.writer.append_with(
                record, lambda place: encode(document_line(document, place, where))
            )
            if digest is not None and first is None:
                date = time_text(document.fetched_at or now)
                _keep(self._bodies, (origin, digest), (index, First(uri_of(document), date)))
        else:
            self.writer.append(encode(document_line(document, None, where)))
        _keep(self._documents, key, index)
        if answered:
            self.writer.archived(request_record(document, now))
        return index

    def policy(self, policy: Policy) -> Index:
        """The index of a policy's line, which is written if it is not there."""
        if policy is self._last[0]:
            return self._last[1]
        index = self._policies.get(policy)
        if index is None:
            index = self.writer.append(encode(policy_line(policy)))
            _keep(self._policies, policy, index)
        self._last = policy, index
        return index

    def page(self, page: Page, now: datetime) -> PagePart:
        """What a decision's line tells of a page, whose own line is written if it spoke."""
        document, content, headers = page
        if headers is None:
            headers = public_fields(document.headers)
        _short(headers)
        index = None
        kind: Literal["none", "silent", "kept", "dropped"]
        if content == "spoke":
            short = document.body is not None and len(document.body) <= MAX_PAGE
            kind = "kept" if short else "dropped"
            if short:
                index = self.document(document, now)
        else:
            kind = content
        return PagePart(status=document.status, headers=headers, document=index, content=kind)


def _short(headers: Headers) -> None:
    if sum(len(name) + len(value) for name, value in headers) > MAX_HEAD:
        raise LedgerError(f"an answer has fields of more than {MAX_HEAD} bytes")


def _keep(known: dict[K, V], key: K, value: V) -> None:
    """Keep one more; the oldest makes room."""
    if len(known) >= _MOST:
        del known[next(iter(known))]
    known[key] = value
