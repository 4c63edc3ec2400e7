"""From decisions, documents and policies to the lines that tell of them.

Addresses of pages and documents lose their secrets here (``syntax/redact.py``); what a site published,
such as the address of its licence server, is kept as it stands. Not here: files.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from reservation_middleware.ledger.format.canonical import canonical, new_salt, time_text
from reservation_middleware.ledger.format.lines import (
    Archive,
    DocumentLine,
    Index,
    NotePart,
    PagePart,
    PolicyLine,
)
from reservation_middleware.model import (
    Action,
    Decision,
    Document,
    Identifier,
    Licence,
    Mode,
    Note,
    Offer,
    Outcome,
    Policy,
    Preference,
    Reason,
    Server,
    Stage,
)
from reservation_middleware.model.lru import BoundedLru
from reservation_middleware.model.version import SPEC_VERSION
from reservation_middleware.syntax.redact import redacted, redacted_text

#: Stands for a licence server's token: that there was one matters to what it lifts.
WITHHELD = "withheld"
#: Answers whose lines' repeating parts are kept ready.
_MOST = 4096

_Stated = Reason | Offer | Identifier


class _Parts(NamedTuple):
    """What repeats from page to page of a site, as it stands in lines; and what it came from.

    Its sources are held, so that no other object comes to have their addresses.
    """

    sources: tuple[object, ...]
    reasons: msgspec.Raw
    offers: msgspec.Raw
    identifiers: msgspec.Raw
    notes: msgspec.Raw
    expires: str | None


class _Drafted(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="decision"):
    """A decision line whose longest parts are encoded already; the fields of ``DecisionLine``."""

    salt: str
    id: str
    time: str
    mode: Mode
    adapter: str
    blocked: bool
    octets: int | None = msgspec.field(name="bytes", default=None)
    policy: Index
    documents: tuple[Index, ...]
    page: PagePart | None
    url: str
    agent: str
    agents: tuple[str, ...] | UnsetType = UNSET
    purposes: tuple[str, ...]
    profile: str
    stage: Stage
    action: Action
    verdict: Preference
    crawl: Preference
    usage: Any
    reasons: msgspec.Raw
    offers: msgspec.Raw
    identifiers: msgspec.Raw
    notes: msgspec.Raw
    consulted: tuple[str, ...]
    not_reached: tuple[str, ...]
    expires: str | None
    spec_version: str


class Drafts:
    """Makes decision lines; most pages of a site get one of few answers."""

    def __init__(self) -> None:
        self._known: BoundedLru[tuple[int, ...], _Parts] = BoundedLru(_MOST)

    def decision(
        self,
        decision: Decision,
        *,
        ident: str,
        time: str,
        mode: Mode,
        adapter: str,
        blocked: bool,
        octets: int | None,
        policy: Index,
        documents: tuple[Index, ...],
        page: PagePart | None,
    ) -> bytes:
        """The line of a decision, without its end."""
        parts = self._parts(decision)
        return canonical(
            _Drafted(
                salt=new_salt(),
                id=ident,
                time=time,
                mode=mode,
                adapter=adapter,
                blocked=blocked,
                octets=octets,
                policy=policy,
                documents=documents,
                page=page,
                url=redacted(decision.url),
                agent=decision.agent,
                agents=decision.agents or UNSET,
                purposes=decision.purposes,
                profile=decision.profile,
                stage=decision.stage,
                action=decision.action,
                verdict=decision.verdict,
                crawl=decision.crawl,
                usage=decision.usage,
                reasons=parts.reasons,
                offers=parts.offers,
                identifiers=parts.identifiers,
                notes=parts.notes,
                consulted=decision.consulted,
                not_reached=decision.not_reached,
                expires=parts.expires,
                spec_version=SPEC_VERSION,
            )
        )

    def _parts(self, decision: Decision) -> _Parts:
        sources = (
            *(decision.reasons, decision.offers, decision.identifiers, decision.notes),
            decision.expires,
        )
        key = tuple(map(id, sources))
        known = self._known.get(key)
        if known is None:
            known = _Parts(
                sources,
                _raw([_redacted(reason) for reason in decision.reasons]),
                _raw([_redacted(offer) for offer in decision.offers]),
                _raw([_redacted(identifier) for identifier in decision.identifiers]),
                _raw([_note(note) for note in decision.notes]),
                None if decision.expires is None else time_text(decision.expires),
            )
            self._known.put(key, known)
        return known


def document_line(document: Document, archive: Archive | None, body: Index | None) -> DocumentLine:
    """The line of a document.

    Args:
        document: the document.
        archive: its record.
        body: index of the line whose record holds its body.
    """
    fetched, expires = document.fetched_at, document.expires
    return DocumentLine(
        salt=new_salt(),
        url=redacted(document.url),
        location=None if document.location is None else redacted(document.location),
        address=document.address,
        resource=document.resource,
        outcome=document.outcome,
        status=document.status,
        fetched_at=None if fetched is None else time_text(fetched),
        expires=None if expires is None else time_text(expires),
        problem=None if document.problem is None else redacted_text(document.problem),
        stale=None if document.stale is None else redacted_text(document.stale),
        digest=document.digest,
        archive=archive,
        body=body,
    )


def policy_line(policy: Policy) -> PolicyLine:
    """The line of a policy: plain values, licences as in their file, tokens withheld."""
    bare = msgspec.structs.replace(policy, licences=())
    plain: dict[str, Any] = msgspec.to_builtins(bare)
    plain["licences"] = [_licence(licence) for licence in policy.licences]
    return PolicyLine(salt=new_salt(), policy=plain)


def singled_out(decision: Decision, documents: Iterable[Document], *, blocked: bool) -> bool:
    """Whether somebody may ask for this very decision: a block, an unknown that mattered, a
    document that could not be had, families that contradict each other.
    """
    if blocked or decision.action is Action.BLOCK:
        return True
    for document in documents:
        if document.outcome is Outcome.UNREACHABLE:
            return True
    return bool(decision.notes) and any(note.kind.ident == "conflict" for note in decision.notes)


def _redacted(stated: _Stated) -> _Stated:
    document = redacted(stated.document)
    if document == stated.document:
        return stated
    return msgspec.structs.replace(stated, document=document)


def _note(note: Note) -> NotePart:
    return NotePart(
        ident=note.kind.ident,
        level=note.kind.level,
        document=redacted(note.document),
        line=note.line,
        summary=redacted_text(note.summary),
        remedy=note.kind.remedy,
        reference=note.kind.reference,
    )


def _raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(canonical(value))


def _licence(licence: Licence) -> dict[str, Any]:
    """A licence as ``Licence.given`` takes it."""
    plain: dict[str, Any] = {
        "id": licence.id,
        "licensor": licence.licensor,
        "purposes": list(licence.purposes),
    }
    for key in ("hosts", "domains", "paths", "geo"):
        if getattr(licence, key):
            plain[key] = list(getattr(licence, key))
    if licence.identifier is not None:
        plain["identifier"] = redacted(licence.identifier)
    if licence.paper is not None:
        plain["paper"] = redacted(licence.paper)
    for key, moment in (("from", licence.start), ("until", licence.until)):
        if moment is not None:
            plain[key] = time_text(moment)
    if licence.crawl:
        plain["crawl"] = True
    if licence.servers:
        plain["servers"] = [_server(server) for server in licence.servers]
    return plain


def _server(server: Server) -> dict[str, str]:
    plain = {"url": server.url}
    if server.armed:
        plain["token"] = WITHHELD
    return plain
