"""Cache entry: one decision per distinct response head, re-addressed for each page of the origin.

A site says the same in nearly all of its responses. What follows from that is made once; for
the next page only what names the page is put in anew. No I/O.
"""

from typing import Any

from msgspec.structs import astuple, replace

from reservation_middleware.model import Decision, Document, Reason

#: The status of a head that says something, and its fields that matter.
HeadKey = tuple[int | None, tuple[tuple[str, str], ...]]

# Fields of a decision: those between its agent and its reasons, and those after the reasons.
_FIELDS = Decision.__struct_fields__
_SEVERAL = ("notes", "offers", "identifiers")
_AGENT, _REASONS = _FIELDS.index("agent"), _FIELDS.index("reasons")


class HeadTemplate:
    """What follows for the pages of one origin whose heads say the same.

    Args:
        decision: that for one of them.
        page: the page that it is about.
        points: whether its head points to documents.
    """

    __slots__ = ("_after", "_before", "_moving", "_reasons", "points")

    def __init__(self, decision: Decision, page: Document, *, points: bool) -> None:
        self.points = points
        values = astuple(decision)
        self._before = values[_AGENT + 1 : _REASONS]
        #: Each as it is, or in parts if it stands in the page itself.
        self._reasons: list[Any] = [
            _parted(reason) if reason.document == page.url else reason
            for reason in decision.reasons
        ]
        self._after = values[_REASONS + 1 :]
        #: Which fields of those name the page, with what stands there: itself or elsewhere.
        self._moving = [
            (place, [(one, one.document == page.url) for one in several])
            for place, several in enumerate(self._after)
            if _FIELDS[_REASONS + 1 + place] in _SEVERAL
            and any(one.document == page.url for one in several)
        ]

    def about(self, page: Document, url: str, agent: str) -> Decision:
        """The same decision about another page.

        Args:
            page: the page as it was fetched.
            url: its address as it was asked for.
            agent: who asks.
        """
        where = page.url
        digest = None if page.body is None else page.digest
        reasons: tuple[Reason, ...] = tuple(
            [_reason(one, where, digest) if type(one) is tuple else one for one in self._reasons]
        )
        after: Any = self._after
        if self._moving:
            after = list(after)
            for place, several in self._moving:
                after[place] = tuple(
                    [replace(one, document=where) if own else one for one, own in several]
                )
        # By position and not with stars, which take half as long again: this is for every page.
        purposes, under, stage, action, verdict, crawl, usage = self._before
        offers, notes, consulted, others, expires, on_crawl, on_usage, identifiers, agents = after
        return Decision(
            url,
            agent,
            purposes,
            under,
            stage,
            action,
            verdict,
            crawl,
            usage,
            reasons,
            offers,
            notes,
            consulted,
            others,
            expires,
            on_crawl,
            on_usage,
            identifiers,
            agents,
        )


def _parted(reason: Reason) -> tuple[Any, ...]:
    """A reason without its document and digest."""
    return tuple(
        value
        for name, value in zip(Reason.__struct_fields__, astuple(reason), strict=True)
        if name not in ("document", "digest")
    )


def _reason(parts: tuple[Any, ...], document: str, digest: str | None) -> Reason:
    """The same reason in another document; taken apart by position, as it is made for each page."""
    signal, carrier, category, preference, line, text, inferred, covers, conditions, near = parts
    return Reason(
        signal,
        carrier,
        category,
        preference,
        document,
        line,
        text,
        inferred,
        covers,
        digest,
        conditions,
        near,
    )
