"""Really Simple Licensing 1.0: how what was found of it settles, and how it is written.

Where it is found is ``carriers.py``'s business, what one document amounts to ``document.py``'s. Reference: https://rslstandard.org/rsl
"""

from collections.abc import Sequence

from reservation_middleware.model import LEAVES, Identifier, Note, Offer, Preference, Statement
from reservation_middleware.signals.base import (
    CONTENT,
    HEADERS,
    ROBOTS_TXT,
    Carrier,
    Dependencies,
    Intent,
    ParsedDocument,
    Question,
    Rendering,
    Settled,
    Signal,
    Status,
    for_display,
)
from reservation_middleware.syntax.path import split_url
from reservation_middleware.syntax.rsl import MEDIA_TYPE, NAMESPACE

from .carriers import parse
from .clauses import NAME, TERMS
from .document import PageQuery, Ruling, combined, twin_of
from .findings import RSL, RslFindings
from .notes import (
    ADDRESS,
    ELSEWHERE,
    FOREIGN,
    INVALID,
    LINK_INVALID,
    LINK_RELATIVE,
    MANY,
    MISSPELT,
    NEAR_MISS,
    NONCONFORMANT,
    OLD,
    STRAY,
    TOKEN,
    TOO_LARGE,
    UNREACHABLE,
    VALUE,
)

#: Offers that are shown.
_MOST_OFFERS = 8


class Rsl(Signal[RslFindings]):
    """Really Simple Licensing."""

    name = NAME
    title = "Really Simple Licensing"
    reference = "RSL-SPEC-1.0"
    status = Status.COMMUNITY
    since = "2025-12"
    carriers = (
        Carrier("robots.txt", ROBOTS_TXT),
        Carrier("header", HEADERS),
        Carrier("link", CONTENT),
        Carrier("script", CONTENT),
        Carrier("feed", CONTENT),
        Carrier("xmp", CONTENT),
        Carrier("epub", CONTENT),
        Carrier("rsl", RSL),
    )
    terms = TERMS
    notes = (
        *(LINK_INVALID, LINK_RELATIVE, MANY, UNREACHABLE, INVALID, NONCONFORMANT),
        *(TOO_LARGE, ADDRESS, ELSEWHERE, VALUE, OLD, TOKEN, FOREIGN, NEAR_MISS, MISSPELT, STRAY),
    )
    common_fields = {b"link": (MEDIA_TYPE,), b"www-authenticate": ("license",)}
    element_words = (MEDIA_TYPE.encode(),)
    xml_words = (NAMESPACE.encode(),)

    def parse(self, source: ParsedDocument) -> RslFindings | None:
        """Read one document; what it points to is fetched and comes here by itself."""
        return parse(source)

    def settle(self, found: Sequence[RslFindings], question: Question) -> Settled | None:
        """Page before site, then the most restrictive (§4.9)."""
        policy = question.policy
        origin, _ = split_url(question.url)
        operator = policy.user, policy.geo
        asked = PageQuery(origin, question.path, operator, twin_of(origin))
        documents = {one.source.document.url: one for one in found if one.place is RSL}
        site: list[Ruling] = []
        page: list[Ruling] = []
        offers: list[Offer] = []
        notes: list[Note] = []
        for one in found:
            if one.place is ROBOTS_TXT:
                for url in one.candidates(question.agent.key):
                    document = documents.get(url)
                    site += document.on_site(asked) if document else [one.absent]
                    notes += _elsewhere(document, asked)
            elif one.place is not RSL:
                page += one.here(asked)
                notes += filter(None, [one.near_miss(asked)])
                for pointer in one.pointers:
                    url = pointer.url
                    if url in documents:
                        page += documents[url].on_page(asked, whole=pointer.whole)
                        notes += _elsewhere(documents[url], asked)
                    if one.challenged:
                        offers.append(_challenge(one, url))
        return _settled(page, site, offers, notes)

    def depends_on(self, found: Sequence[RslFindings], question: Question) -> Dependencies | None:
        """The paths in the documents that robots.txt names for the agent."""
        if any(one.place not in (ROBOTS_TXT, RSL) for one in found):
            return None
        documents = {one.source.document.url: one for one in found if one.place is RSL}
        named: list[str] = []
        for one in found:
            if one.place is ROBOTS_TXT:
                named += one.candidates(question.agent.key)
        return Dependencies(
            tuple(named),
            [
                text
                for url in dict.fromkeys(named)
                if url in documents
                for licences, _ in documents[url].licences
                for text in licences.patterns
            ],
        )

    def write(self, intent: Intent) -> tuple[Rendering, ...]:
        """A document as a script and as a file, and what points to it where its address is known.

        ``intent.policy`` is the address at which the file is served.
        """
        from html import escape  # noqa: PLC0415 - crawlers write nothing

        from .writing import document, exact_licence  # noqa: PLC0415

        licence = exact_licence(intent.usage)
        if licence is None:
            return ()
        by_name = {carrier.name: carrier for carrier in self.carriers}
        script = f'<script type="{MEDIA_TYPE}">\n{document([("", licence)])}</script>'
        written = [
            Rendering(by_name["script"], script),
            Rendering(by_name["rsl"], document([(intent.path or "/", licence)])),
        ]
        if intent.policy:
            field = f'Link: <{intent.policy}>; rel="license"; type="{MEDIA_TYPE}"'
            link = f'<link rel="license" type="{MEDIA_TYPE}" href="{escape(intent.policy)}">'
            written += [
                Rendering(by_name["robots.txt"], intent.group(f"License: {intent.policy}")),
                Rendering(by_name["header"], field),
                Rendering(by_name["link"], link),
            ]
        return tuple(written)


def _challenge(found: RslFindings, url: str) -> Offer:
    """Where a server that asks for a token says that the terms are (§4.10)."""
    return Offer(kind="policy", signal=NAME, url=url, document=found.source.document.url)


def _elsewhere(found: RslFindings | None, asked: PageQuery) -> Sequence[Note]:
    """Notes about a document that speaks of other addresses than those it is asked for."""
    if found is None:
        return ()
    note = found.near_miss(asked) or found.elsewhere(asked.origin)
    return (note,) if note else ()


def _settled(
    page: Sequence[Ruling],
    site: Sequence[Ruling],
    offers: Sequence[Offer],
    notes: Sequence[Note],
) -> Settled | None:
    usage: dict[str, Preference] = {}
    statements: list[Statement] = []
    identifiers: list[Identifier] = []
    offers = list(offers)
    for leaf in LEAVES:
        found = combined(page, site, leaf)
        if found is None:
            continue
        usage[leaf], clauses = found
        for clause in clauses:
            statements.append(clause.statement)
            identifiers += clause.identifiers
            if usage[leaf] is Preference.DISALLOWED:
                offers += clause.offers
    statements += [ruling.notice for ruling in (*page, *site) if ruling.notice]
    if not (usage or statements or offers or notes):
        return None
    return Settled(
        usage=usage,
        statements=for_display(statements),
        offers=tuple(dict.fromkeys(offers))[:_MOST_OFFERS],
        identifiers=tuple(dict.fromkeys(identifiers))[:_MOST_OFFERS],
        notes=tuple(dict.fromkeys(notes))[:_MOST_OFFERS],
    )
