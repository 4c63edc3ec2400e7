"""Where RSL stands: License lines, Link fields, links, scripts, feeds, files, documents.

Reads each carrier into findings and notes. How findings settle is ``__init__.py``'s business. The
reader of documents is imported with the first: it needs lxml, and most sites have no RSL.
"""

from collections.abc import Iterable, Sequence
from itertools import islice

import msgspec

from reservation_middleware.model import Note, Outcome
from reservation_middleware.signals.base import CONTENT, HEADERS, ROBOTS_TXT, Link, ParsedDocument
from reservation_middleware.syntax.challenge import challenges
from reservation_middleware.syntax.html import Element
from reservation_middleware.syntax.link import links
from reservation_middleware.syntax.path import split_url
from reservation_middleware.syntax.robots import Record
from reservation_middleware.syntax.rsl import MEDIA_TYPE, Fault, RslDocument
from reservation_middleware.syntax.spelling import nearest, shown

from .document import Licences, twin_of
from .findings import KEY, MOST_LINES, RSL, Pointer, RslFindings, address
from .notes import (
    ADDRESS,
    FOREIGN,
    INVALID,
    LINK_INVALID,
    LINK_RELATIVE,
    MANY,
    MISSPELT,
    NONCONFORMANT,
    OLD,
    STRAY,
    TOKEN,
    TOO_LARGE,
    UNREACHABLE,
    VALUE,
)

#: Documents of one origin that are fetched.
_MOST_DOCUMENTS = 8
_FAULTS = {
    "cut": TOO_LARGE,
    "nonconformant": NONCONFORMANT,
    "address": ADDRESS,
    "value": VALUE,
    "old": OLD,
}
#: Statuses with which a server asks for a token (§6), and with which a document may stand in
#: the body (§4.10).
_CHALLENGED, IN_BODY = (401, 402, 403), (401, 402)


def parse(source: ParsedDocument) -> RslFindings | None:
    """Read one document at any place; None where it says nothing of RSL."""
    if source.place is ROBOTS_TXT:
        return _robots(source)
    if source.place is HEADERS:
        return _head(source)
    if source.place is CONTENT:
        return _content(source)
    return _document(source)


def _robots(source: ParsedDocument) -> RslFindings | None:
    # The body of an error page is no robots.txt (RFC 9309 §2.3.1.3).
    if source.document.outcome is not Outcome.FETCHED:
        return None
    robots = source.robots
    notes = source.misspelt(MISSPELT, KEY)
    if KEY not in robots.keys:
        return RslFindings(source, notes) if notes else None
    notes += source.strays(STRAY, KEY)
    everyone = robots.named("*")
    fetched: dict[Link, None] = {}
    # Of many documents those for everyone first: no more are fetched than most agents need.
    several = [robots.loose, everyone.records if everyone else []]
    several += [group.records for group in robots.groups]
    lines: dict[str, Record] = {}
    for records in several:
        own = [record for record in records if record.key == KEY]
        for record in own[:MOST_LINES]:
            lines.setdefault(record.value, record)
    for record in islice(lines.values(), 2 * MOST_LINES):
        link = address(source, record.value)
        if link:
            fetched.setdefault(link)
        else:
            notes.append(source.note(LINK_INVALID, record.value, record.line))
    outside = dict.fromkeys(record.value for record in robots.loose if record.key == KEY)
    found = (address(source, value) for value in islice(outside, MOST_LINES))
    loose = dict.fromkeys(Pointer(link.url) for link in found if link)
    if len(fetched) > _MOST_DOCUMENTS:
        notes.insert(0, source.note(MANY, str(len(fetched))))
    return RslFindings(
        source, notes, pointers=tuple(loose), fetched=tuple(fetched)[:_MOST_DOCUMENTS]
    )


def _head(source: ParsedDocument) -> RslFindings | None:
    document = source.document
    notes: list[Note] = []
    found: dict[Link, None] = {}
    for one in links(", ".join(document.fields.get("link", ()))):
        if "license" not in one.rels or one.type != MEDIA_TYPE:
            if one.type == MEDIA_TYPE:
                notes += _meant(source, one.rels, None)
            continue  # without the type it is any licence (§4.5)
        anchor = one.attributes.get("anchor")
        if anchor is not None and not source.is_own(anchor):
            continue
        link = address(source, one.target)
        if link:
            found.setdefault(link)
        else:
            notes.append(source.note(LINK_INVALID, one.target))
    challenge = None
    if document.status in _CHALLENGED:
        said = challenges(", ".join(document.fields.get("www-authenticate", ())))
        challenge = next((one for one in said if one.scheme == KEY), None)
    if challenge:
        words = (challenge.parameters.get(name) for name in ("error", "error_description"))
        why = ": ".join(filter(None, words)) or f"HTTP {document.status}"
        notes.append(source.note(TOKEN, why))
    if not found and not notes:
        return None
    return RslFindings(
        source,
        notes,
        pointers=[Pointer(link.url) for link in found],
        fetched=tuple(found),
        challenged=challenge is not None,
    )


def _content(source: ParsedDocument) -> RslFindings | None:
    notes: list[Note] = []
    pointers: list[Pointer] = []
    fetched: dict[Link, None] = {}
    licences: list[tuple[Licences, bool | None]] = []
    unread = False
    for element in source.page.elements:
        if element.attributes.get("type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
            continue
        if element.tag == "link" and "license" in element.attributes.get("rel", "").lower().split():
            link = _href(source, element, notes)
            if link:
                fetched.setdefault(link)
                pointers.append(Pointer(link.url, element.whole and not source.guessed))
        elif element.tag == "link":
            rels = element.attributes.get("rel", "").lower().split()
            notes += _meant(source, rels, element.line)
        elif element.tag == "script":
            above = element.line - 1
            body = element.text.strip().encode("utf-8", "replace")
            read_here = _embedded(source, body, "script", above, notes)
            unread = unread or read_here is None
            if read_here:
                licences.append((read_here, element.whole and not source.guessed))
    # Of more documents than are read another may prohibit.
    unread = unread or (bool(source.file.rsl) and source.file.cut)
    for body in source.file.rsl:
        carrier = "epub" if source.file.kind == "epub" else "xmp"
        read_here = _embedded(source, body, carrier, None, notes)
        unread = unread or read_here is None
        if read_here:
            licences.append((read_here, True))
    if source.xml is not None and _is_body(source):
        whole = _embedded(source, source.xml, "rsl", 0, notes)
        unread = unread or whole is None or _is_empty(whole.rsl)
        if whole:
            licences.append((whole, True))
    elif source.xml is not None:
        feed = _feed(source, source.xml, notes)
        if feed:
            licences.append((feed, None))
    if not (notes or pointers or licences):
        return None
    return RslFindings(
        source,
        notes,
        pointers=pointers,
        licences=licences,
        fetched=tuple(fetched),
        unread=unread,
    )


def _meant(source: ParsedDocument, rels: Iterable[str], line: int | None) -> list[Note]:
    """Notes about relations of a link to RSL that were meant to be ``license`` (§4.5)."""
    return [
        source.note(MISSPELT, f"rel={shown(rel)} ({KEY}?)", line)
        for rel in rels
        if nearest(rel, (KEY,))
    ]


def _href(source: ParsedDocument, element: Element, notes: list[Note]) -> Link | None:
    """What a link element points to; HTML completes addresses, so they are here, too."""
    href = element.attributes.get("href", "")
    link = address(source, href)
    if link is None:
        # An address that says where it is but may not be fetched is no relative one.
        link = None if ":" in href.partition("/")[0] or not href else source.link(RSL, href)
        notes.append(source.note(LINK_RELATIVE if link else LINK_INVALID, href, element.line))
    return link


def _embedded(
    source: ParsedDocument, body: bytes, carrier: str, above: int | None, notes: list[Note]
) -> Licences | None:
    """A document inside a page or a file, with exactly one content (§4.6.2, §4.8), or as a body."""
    from reservation_middleware.syntax.rsl.reader import XmlError, read  # noqa: PLC0415

    charset, single = (source.document.charset, False) if carrier == "rsl" else ("", True)
    try:
        rsl = read(body, charset, single=single)
    except XmlError as error:
        notes.append(source.note(INVALID, str(error), _at(error.line, above)))
        return None
    notes += _faults(source, rsl.faults, above)
    return Licences(rsl, source, carrier, above)


def _feed(source: ParsedDocument, body: bytes, notes: list[Note]) -> Licences | None:
    """The contents of a feed's items; those of other origins do not count (§4.7)."""
    from reservation_middleware.syntax.rsl.reader import XmlError, read_feed  # noqa: PLC0415

    try:
        rsl = read_feed(body, source.document.charset)
    except XmlError as error:
        notes.append(source.note(INVALID, str(error), error.line))
        return None
    if rsl is None:
        return None  # an RSL document says nothing of itself
    own, _ = split_url(source.document.url)
    kept = []
    for content in rsl.contents:
        if content.url.startswith("/") or split_url(content.url)[0] in ("", own, twin_of(own)):
            kept.append(content)
        else:
            notes.append(source.note(FOREIGN, content.url, content.line))
    notes += _faults(source, rsl.faults, 0)
    return Licences(msgspec.structs.replace(rsl, contents=tuple(kept)), source, "feed")


def _document(source: ParsedDocument) -> RslFindings:
    from reservation_middleware.syntax.rsl.reader import XmlError, read  # noqa: PLC0415

    document = source.document
    if document.outcome is not Outcome.FETCHED or document.body is None:
        why = document.problem or (f"HTTP {document.status}" if document.status else "no answer")
        return RslFindings(source, [source.note(UNREACHABLE, why)], unread=True)
    try:
        rsl = read(document.body, document.charset)
    except XmlError as error:
        return RslFindings(source, [source.note(INVALID, str(error), error.line)], unread=True)
    notes = _faults(source, rsl.faults, 0)
    licences = [(Licences(rsl, source, "rsl"), None)]
    return RslFindings(source, notes, licences=licences, unread=_is_empty(rsl))


def _is_body(source: ParsedDocument) -> bool:
    """Whether a response that asks for a licence has the document as its body (§4.10)."""
    document = source.document
    return document.status in IN_BODY and document.media_type == MEDIA_TYPE


def _is_empty(rsl: RslDocument) -> bool:
    """Whether no content has a licence, so that there is no valid document either."""
    return not rsl.cut and not any(content.licenses for content in rsl.contents)


def _faults(source: ParsedDocument, faults: Sequence[Fault], above: int | None) -> list[Note]:
    # What makes a document invalid is not crowded out by smaller things.
    first = sorted(faults, key=lambda fault: list(_FAULTS).index(fault.what))
    return [
        source.note(_FAULTS[fault.what], fault.detail, _at(fault.line, above)) for fault in first
    ]


def _at(line: int | None, above: int | None) -> int | None:
    return None if line is None or above is None else line + above
