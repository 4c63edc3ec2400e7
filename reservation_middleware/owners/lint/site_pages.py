"""Findings between a page and the rest of its site: header and meta, robots.txt, images."""

from collections.abc import Iterator, Mapping

from reservation_middleware.decide.reading import Reading
from reservation_middleware.model import LEAVES, Document, Level, Preference, Statement
from reservation_middleware.model.vocabulary import TRAIN
from reservation_middleware.syntax.media import TYPES as MEDIA_TYPES

from .finding import Confidence, Finding, FindingKind, found
from .places import LintedSite
from .source import LintSource

#: Pages of which a finding is shown, for one kind.
_MOST = 20

DISAGREE = FindingKind(
    ident="site-header-meta-disagree",
    level=Level.ERROR,
    summary="the page's header fields say one thing and its metas another: {}",
    what="A header field and a meta of one page speak of one use, one with yes and one with no.",
    why=(
        "By TDMRep the meta takes the field's place, in other families the stricter counts; other "
        "readers see one of the two only."
    ),
    before='TDM-Reservation: 1\n\n<meta name="tdm-reservation" content="0">\n',
    after='TDM-Reservation: 1\n\n<meta name="tdm-reservation" content="1">\n',
    remedy="Say the same in both, or in one of them only.",
    reference="https://www.w3.org/community/reports/tdmrep/CG-FINAL-tdmrep-20240510/",
)
HIDDEN = FindingKind(
    ident="site-meta-hidden",
    level=Level.INFO,
    summary="robots.txt keeps everyone from this page, so nobody sees what it says of itself: {}",
    what="A page reserves AI uses in its head or content, and no crawler may fetch it.",
    why="A reservation that cannot be fetched is not known to those who have the page from elsewhere.",
    before='User-agent: *\nDisallow: /press/\n\n<!-- /press/x.html --><meta name="robots" content="noai">\n',
    after="User-agent: *\nDisallow: /press/\nContent-Signal: ai-train=no\n",
    remedy="Say it in robots.txt or tdmrep.json, too: these are read before any page.",
    reference="https://developers.google.com/search/docs/crawling-indexing/block-indexing",
)
IMAGES = FindingKind(
    ident="site-images-uncovered",
    level=Level.WARNING,
    confidence=Confidence.LIKELY,
    summary="the pages reserve AI training and the images on them say nothing: {}",
    what=(
        "Pages reserve AI training in their metas only. Images are fetched by their own address, "
        "where neither a file of the site, nor a header field, nor the image itself says anything."
    ),
    why="Image data sets are made from lists of addresses; the page is not fetched again.",
    before='<meta name="robots" content="noai, noimageai"><img src="/photo.jpg">\n',
    after="# robots.txt\nUser-agent: *\nContent-Signal: ai-train=no\n",
    remedy="User-agent: *\nContent-Signal: ai-train=no",
    reference="https://contentsignals.org/",
)
KINDS = (DISAGREE, HIDDEN, IMAGES)


def find(places: LintedSite) -> Iterator[Finding]:
    """What is wrong between a page and the rest."""
    hidden = 0
    for source in places.pages:
        head, content = places.page_readings[source.document.url]
        first, second = _by_leaf(head), _by_leaf(content)
        yield from _disagreements(source, first, second)
        refusal = next(
            (
                statement
                for statement in (*first.values(), *second.values())
                if statement.preference is Preference.DISALLOWED
            ),
            None,
        )
        if refusal is None or hidden >= _MOST or places.robots is None:
            continue
        decision = places.decide(source.document.url, "*")
        site = places.site_usage(source.document.url)
        if decision.crawl is Preference.DISALLOWED and Preference.DISALLOWED not in site.values():
            hidden += 1
            yield found(HIDDEN, source, refusal.span.line, detail=refusal.text, near=refusal.text)
    yield from _images(places)


def _by_leaf(reading: Reading | None) -> Mapping[str, Statement]:
    """What one carrier of a page says to everyone, by leaf; a no before a yes."""
    found_by_leaf: dict[str, Statement] = {}
    for _, findings in reading.found if reading else ():
        for statement in findings.statements():
            everyone = statement.scope.agents == ("*",) and statement.scope.path is None
            if statement.preference is Preference.UNKNOWN or not everyone or statement.inferred:
                continue
            if statement.scope.media is not None:
                continue
            for leaf in statement.covers:
                known = found_by_leaf.get(leaf)
                if known is None or known.preference is Preference.ALLOWED:
                    found_by_leaf[leaf] = statement
    return found_by_leaf


def _disagreements(
    source: LintSource,
    head: Mapping[str, Statement],
    content: Mapping[str, Statement],
) -> Iterator[Finding]:
    for leaf in LEAVES:
        field, meta = head.get(leaf), content.get(leaf)
        if field is None or meta is None or field.preference is meta.preference:
            continue
        detail = f"{field.text} and {meta.text}"
        yield found(DISAGREE, source, meta.span.line, detail=detail, near=meta.text)
        return


def _images(places: LintedSite) -> Iterator[Finding]:
    """Images that nothing covers, on a site whose pages reserve training."""
    if not places.is_folder:
        return
    images = [source for source in places.pages if _is_image(source.document)]
    refusals = [
        (source, statement)
        for source in places.pages
        if not _is_image(source.document)
        and (statement := _refusal_of_training(places.page_readings[source.document.url][1]))
    ]
    if not images or not refusals:
        return
    bare = [source for source in images if not _covered(places, source)]
    if bare:
        source, statement = refusals[0]
        names = ", ".join(image.name for image in bare[:3])
        more = f" and {len(bare) - 3} more" if len(bare) > 3 else ""
        yield found(
            IMAGES, source, statement.span.line, detail=f"{names}{more}", near=statement.text
        )


def _is_image(document: Document) -> bool:
    return document.media_type in MEDIA_TYPES


def _refusal_of_training(reading: Reading | None) -> Statement | None:
    for _, findings in reading.found if reading else ():
        for statement in findings.statements():
            refused = statement.preference is Preference.DISALLOWED
            if refused and not set(TRAIN).isdisjoint(statement.covers):
                return statement
    return None


def _covered(places: LintedSite, image: LintSource) -> bool:
    decision = places.decide(image.document.url, "*")
    if decision.crawl is Preference.DISALLOWED:
        return True
    return any(decision.usage.get(leaf) not in (None, Preference.UNKNOWN) for leaf in TRAIN)
