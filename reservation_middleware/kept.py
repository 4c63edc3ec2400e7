"""A decision about a page's head, kept for the other pages of its origin whose heads say the same.

A site says the same in nearly all of its responses. What follows from that is made once; for
the next page only what names the page is put in anew. No I/O.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from .model import Decision, Document, Reason
from .signals import Link

#: The status of a head that says something, and its fields that matter.
Heard = tuple[int | None, tuple[tuple[str, str], ...]]

# Fields of a decision: those between its agent and its reasons, and those after the reasons.
_FIELDS = Decision.__struct_fields__
_AGENT, _REASONS = _FIELDS.index("agent"), _FIELDS.index("reasons")
# The same of a reason, which names document and digest.
_DOCUMENT, _DIGEST = (Reason.__struct_fields__.index(name) for name in ("document", "digest"))


class Kept:
    """What follows for the pages of one origin whose heads say the same.

    Args:
        decision: that for one of them.
        page: the page that it is about.
        links: what its head points to.
    """

    __slots__ = ("_after", "_before", "_decision", "_moves", "_page", "_reasons", "links")

    def __init__(self, decision: Decision, page: Document, links: tuple[Link, ...]) -> None:
        self.links = links
        self._page = page.url
        self._decision = decision
        values = msgspec.structs.astuple(decision)
        self._before = values[_AGENT + 1 : _REASONS]
        self._after = values[_REASONS + 1 :]
        #: Each as it is, or in parts if it stands in the page itself.
        self._reasons = [
            _parted(reason) if reason.document == page.url else reason
            for reason in decision.reasons
        ]
        self._moves = any(
            one.document == page.url
            for several in (decision.notes, decision.offers, decision.identifiers)
            for one in several
        )

    def about(self, page: Document, url: str, agent: str) -> Decision:
        """The same decision about another page.

        Args:
            page: the page as it was fetched.
            url: its address as it was asked for.
            agent: who asks.
        """
        where = page.url
        reasons = tuple(
            [
                Reason(*one[0], where, *one[1], page.digest, *one[2])  # type: ignore[call-arg]
                if type(one) is tuple
                else one
                for one in self._reasons
            ]
        )
        after = self._moved(where) if self._moves else self._after
        return Decision(url, agent, *self._before, reasons, *after)  # type: ignore[call-arg]

    def _moved(self, url: str) -> tuple[Any, ...]:
        """What comes after the reasons, with another page's address."""
        decision = self._decision

        def moved(several: Iterable[Any]) -> tuple[Any, ...]:
            return tuple(
                msgspec.structs.replace(one, document=url) if one.document == self._page else one
                for one in several
            )

        changed = msgspec.structs.replace(
            decision,
            notes=moved(decision.notes),
            offers=moved(decision.offers),
            identifiers=moved(decision.identifiers),
        )
        return msgspec.structs.astuple(changed)[_REASONS + 1 :]


def _parted(reason: Reason) -> tuple[tuple[Any, ...], ...]:
    """A reason without its document and digest."""
    values = msgspec.structs.astuple(reason)
    return values[:_DOCUMENT], values[_DOCUMENT + 1 : _DIGEST], values[_DIGEST + 1 :]
