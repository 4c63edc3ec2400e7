"""W3C TDM Reservation Protocol: a file, HTTP fields, HTML metas, EPUB and PDF metadata.

What they say is read in ``statements.py``, ``file.py`` and ``policy.py``.
Reference: https://www.w3.org/community/reports/tdmrep/CG-FINAL-tdmrep-20240510/
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from reservation_middleware.model import Identifier, Note, Offer, Preference, Statement
from reservation_middleware.signals.base import (
    CONTENT,
    HEADERS,
    Carrier,
    Dependencies,
    Findings,
    Intent,
    ParsedDocument,
    Question,
    Rendering,
    Settled,
    Signal,
    Status,
    terms_for,
)
from reservation_middleware.syntax.spelling import nearest, shown

from .file import (
    NOT_ARRAY,
    NOT_JSON,
    NOT_RULE,
    NOT_UTF_8,
    STRING,
    TDMREP_JSON,
    TOO_LARGE,
    UNMATCHED,
    UNREACHABLE,
    read_file,
)
from .near_misses import NEAR_MISS
from .policy import (
    POLICY,
    POLICY_REPAIRED,
    POLICY_UNREACHABLE,
    POLICY_UNREADABLE,
    PolicyFindings,
    read_policy,
)
from .statements import (
    MISSPELT,
    NAME,
    PROPERTIES,
    TERM,
    TWICE,
    VALUE,
    Said,
    TdmrepFindings,
    textual,
)

# The report has the slash for PDF and the hash for EPUB; both are met in either.
_NAMESPACES = ("http://www.w3.org/ns/tdmrep/", "http://www.w3.org/ns/tdmrep#")


class Tdmrep(Signal[Findings]):
    """tdm-reservation and tdm-policy."""

    name = NAME
    title = "W3C TDM Reservation Protocol"
    reference = "CG-FINAL-tdmrep-20240510"
    status = Status.COMMUNITY
    since = "2024-05"
    carriers = (
        Carrier("tdmrep.json", TDMREP_JSON),
        Carrier("header", HEADERS),
        Carrier("meta", CONTENT),
        Carrier("epub", CONTENT),
        Carrier("pdf", CONTENT),
        Carrier("xmp", CONTENT),
        Carrier("tdm-policy", POLICY),
    )
    terms = {"tdm-reservation": TERM}
    notes = (
        *(UNREACHABLE, NOT_JSON, NOT_ARRAY, NOT_UTF_8, NOT_RULE, UNMATCHED, VALUE, TWICE, STRING),
        TOO_LARGE,
        *(POLICY_UNREACHABLE, POLICY_UNREADABLE, POLICY_REPAIRED, NEAR_MISS, MISSPELT),
    )
    fields = (b"tdm-reservation", b"tdm-policy")
    words = (b"tdm-", b"tdm:", b"tdm_", b"tdmres")  # so that misspelt ones are met, too

    def parse(self, source: ParsedDocument) -> Findings | None:
        """Read the file, the header fields, the page or the policy."""
        if source.place is HEADERS:
            return _head(source)
        if source.place is CONTENT:
            return _page(source)
        return read_policy(source) if source.place is POLICY else read_file(source)

    def settle(self, found: Sequence[Findings], question: Question) -> Settled | None:
        """File, then header, then content: later supersedes, absence never resets."""
        reservation: Statement | None = None
        policy: tuple[str, str, int | None] | None = None
        carriers = [one for one in found if isinstance(one, TdmrepFindings)]
        for findings in carriers:
            said = findings.about(question)
            if said is None:
                continue
            reservation = said.reservation or reservation
            if said.policy:
                policy = said.policy, findings.source.document.url, said.line
        if reservation is None:
            return None
        # With reservation 0 a policy SHOULD NOT be processed.
        reserved = reservation.preference is Preference.DISALLOWED
        last, at = reservation, policy if reserved else None
        document = at[0].partition("#")[0] if at else None
        paper = next(
            (one for one in found if isinstance(one, PolicyFindings) and one.url == document), None
        )
        return _settled(last, at, paper)

    def depends_on(self, found: Sequence[Findings], question: Question) -> Dependencies | None:  # noqa: ARG002
        """The locations of the file."""
        files = [one for one in found if isinstance(one, TdmrepFindings)]
        if len(files) == 1 and files[0].index is not None and not files[0].tells_reserved:
            return Dependencies(None, files[0].index.texts)
        return None  # paths that others take for one are two here

    def write(self, intent: Intent) -> tuple[Rendering, ...]:
        """The file, the header fields and the metas."""
        from html import escape  # noqa: PLC0415 - crawlers write nothing

        said = terms_for(self.terms, intent)
        if not said:
            return ()
        value = 1 if said["tdm-reservation"] is Preference.DISALLOWED else 0
        rule: dict[str, Any] = {"location": intent.path or "/", "tdm-reservation": value}
        fields = [("tdm-reservation", str(value))]
        if intent.policy and value:
            rule["tdm-policy"] = intent.policy
            fields.append(("tdm-policy", intent.policy))
        return (
            Rendering(self.carriers[0], msgspec.json.format(msgspec.json.encode([rule])).decode()),
            Rendering(self.carriers[1], "\n".join(f"{name}: {text}" for name, text in fields)),
            Rendering(
                self.carriers[2],
                "\n".join(
                    f'<meta name="{name}" content="{escape(text)}">' for name, text in fields
                ),
            ),
        )


def _settled(
    last: Statement, at: tuple[str, str, int | None] | None, paper: PolicyFindings | None
) -> Settled:
    """What a reservation amounts to, with its policy and what that says."""
    offers: tuple[Offer, ...] = ()
    identifiers: tuple[Identifier, ...] = ()
    if at:
        url, document, line = at
        contacts = paper.contacts if paper else ()
        contact = contacts[0].contact if contacts else None
        policy = Offer(
            kind="policy", signal=NAME, url=url, contact=contact, document=document, line=line
        )
        offers = (policy, *contacts)
    if paper:
        identifiers = paper.identifiers
        if paper.conditions:
            last = msgspec.structs.replace(last, conditions=paper.conditions)
    usage = dict.fromkeys(last.covers, last.preference)
    return Settled(usage=usage, statements=(last,), offers=offers, identifiers=identifiers)


def _head(source: ParsedDocument) -> TdmrepFindings | None:
    fields = source.document.fields
    values = fields.get("tdm-reservation")
    policies = fields.get("tdm-policy")
    notes = source.misspelt_fields(MISSPELT, *PROPERTIES)
    if not values and not policies and not notes:
        return None
    reservation = None
    if values:
        reservation = textual(source, "header", ", ".join(values), None, notes)
    policy = source.address(policies[-1]) if policies else None
    return _about_page(source, notes, Said(reservation, policy))


def _page(source: ParsedDocument) -> TdmrepFindings | None:
    # The colon form belongs to EPUB and PDF; its intent is clear in HTML, too.
    metas = ((one.name.replace("tdm:", "tdm-"), one.content, one.line) for one in source.metas)
    found = _properties(source, "meta", metas, cut=source.guessed)
    if found is not None:
        return found
    file = source.file
    if file.epub:
        pairs = ((name.replace("tdm:", "tdm-"), value, None) for name, value in file.epub)
        return _properties(source, "epub", pairs, cut=file.cut)
    if file.xmp:
        carrier = "pdf" if file.kind == "pdf" else "xmp"
        xmp = (
            (f"tdm-{one.name}", one.value, None) for one in file.xmp if one.namespace in _NAMESPACES
        )
        return _properties(source, carrier, xmp, cut=file.cut)
    return None


def _properties(
    source: ParsedDocument,
    carrier: str,
    pairs: Iterable[tuple[str, str, int | None]],
    *,
    cut: bool = False,
) -> TdmrepFindings | None:
    """Names with their values and lines; of several reservations the one that reserves.

    Where there are more than were read a reservation may be among the others, so that a 0 does
    not count.
    """
    notes: list[Note] = []
    reservation: Statement | None = None
    policy: tuple[str | None, int | None] = None, None
    for name, value, line in pairs:
        if name == "tdm-reservation":
            said = textual(source, carrier, value, line, notes)
            cut = cut or said is None  # a 0 beside another word is not set (TDMREP-15)
            reserves = said is not None and said.preference is Preference.DISALLOWED
            if said and reservation and said.preference is not reservation.preference:
                notes.append(source.note(TWICE, f"{reservation.text}, {said.text}", line))
            if reserves or reservation is None:
                reservation = said
        elif name == "tdm-policy":
            policy = source.address(value), line
        elif "tdm" in name and (meant := nearest(name, PROPERTIES)):
            notes.append(source.note(MISSPELT, f"{shown(name)} ({meant}?): {value}", line))
    if cut and reservation and reservation.preference is Preference.ALLOWED:
        reservation = None
    if reservation is None and policy[0] is None and not notes:
        return None
    return _about_page(source, notes, Said(reservation, *policy))


def _about_page(source: ParsedDocument, notes: Sequence[Note], said: Said) -> TdmrepFindings:
    """What is said of one page, and the policy that it points to."""
    link = source.link(POLICY, said.policy) if said.policy and said.asks else None
    return TdmrepFindings(source, notes, (said,), links=(link,) if link else ())
