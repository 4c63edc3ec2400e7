"""Header fields and tags by region: what servers send with pages and what pages hold themselves."""

from collections.abc import Sequence

import msgspec

from reservation_middleware.owners.intent import SiteIntent

from .regions import Region, Regions
from .site_files import EXPRESS_RESERVATION
from .statements import head_fields, tags


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What goes with the pages of one region.

    Attributes:
        number: of the region, the longest pattern first; 0 is the rest of the site.
        region: which one.
        fields: header fields, names as they are written.
        tags: elements for the head of a page, a line each.
        sentence: the express reservation, "" where it is not wanted.
    """

    number: int
    region: Region
    fields: tuple[tuple[str, str], ...]
    tags: str
    sentence: str = ""

    @property
    def file(self) -> str:
        """The file of the tags."""
        return f"head-{self.number}.html" if self.number else "head.html"

    @property
    def document(self) -> bytes:
        """The tags with a comment that says where they belong."""
        where = (
            self.region.pattern.replace("--", "-%2D")
            or "every page that has no file of its own here"
        )
        sentence = f"<!-- {self.sentence} -->\n" if self.sentence else ""
        return f"<!-- for the head of: {where} -->\n{sentence}{self.tags}".encode()

    @property
    def page(self) -> bytes:
        """A page with the tags in its head."""
        return f"<!doctype html><html><head>{self.tags}<title>x</title></head></html>".encode()


def heads(intent: SiteIntent, where: Regions, signals: Sequence[str]) -> tuple[Head, ...]:
    """What goes with the pages of each region, narrow ones first, the rest of the site last."""
    sentence = " ".join(EXPRESS_RESERVATION) if intent.express_reservation else ""
    return tuple(
        Head(
            number=number,
            region=region,
            fields=head_fields(intent, region, signals),
            tags=tags(intent, region, signals),
            sentence=sentence,
        )
        for number, region in [*enumerate(where.narrow, 1), (0, where.rest)]
    )
