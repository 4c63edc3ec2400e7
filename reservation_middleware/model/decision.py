"""The answer: a decision, and the reasons that it rests on.

A ``Decision`` comes from ``resolve``. The shape of its record is public:
``spec/record.md`` and ``spec/schemas/``.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Self

import msgspec

from .identifier import Identifier
from .note import Note
from .offer import Offer
from .policy import Action
from .statement import Statement
from .vocabulary import Preference, expand

#: How the text of the reason begins where robots.txt could not be had.
_LOST = "unreachable: "


class Stage(StrEnum):
    """How far a fetch had come when the decision was made."""

    SITE = "site"
    HEADERS = "headers"
    CONTENT = "content"


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    """One statement that a decision rests on, flat, as records show it.

    ``near_miss``, the only field that has a default, is in a record only where it is true.
    """

    signal: str
    carrier: str
    category: str
    preference: Preference
    document: str
    line: int | None
    text: str
    inferred: bool
    covers: tuple[str, ...]
    digest: str | None
    conditions: tuple[str, ...]
    near_miss: bool = False

    @classmethod
    def of(cls, statement: Statement) -> Self:
        """The reason that a statement gives."""
        span = statement.span
        return cls(
            statement.signal,
            statement.carrier,
            statement.category,
            statement.preference,
            span.document,
            span.line,
            statement.text,
            statement.inferred,
            statement.covers,
            span.digest,
            statement.conditions,
            statement.near_miss,
        )


class Decision(msgspec.Struct, frozen=True):
    """The answer for one URL, one agent, one policy, at one stage.

    Attributes:
        agent: the product token that counted.
        action: what the profile makes of the answer.
        verdict: about the purposes asked.
        crawl: whether the page may be fetched; acquisition is not usage.
        usage: per leaf; None where crawling is disallowed and nobody else spoke.
        reasons: the statements it rests on.
        identifiers: names of works, rightsholders and licences met on the way.
        consulted: places that were read or found missing.
        not_reached: places that were not; a before-fetch block is provisional.
        expires: when the first of the documents grows stale.
        agents: the fallback list that the token is from, empty where there was one token.

    """

    url: str
    agent: str
    purposes: tuple[str, ...]
    profile: str
    stage: Stage
    action: Action
    verdict: Preference
    crawl: Preference
    usage: Mapping[str, Preference | None]
    reasons: tuple[Reason, ...] = ()
    offers: tuple[Offer, ...] = ()
    notes: tuple[Note, ...] = ()
    consulted: tuple[str, ...] = ()
    not_reached: tuple[str, ...] = ()
    expires: datetime | None = None
    crawl_action: Action = Action.PROCEED
    usage_action: Action = Action.PROCEED
    identifiers: tuple[Identifier, ...] = ()
    agents: tuple[str, ...] = ()

    @property
    def blocked(self) -> bool:
        """Whether the action is to block."""
        return self.action is Action.BLOCK

    @property
    def unreachable(self) -> str | None:
        """Why robots.txt could not be had, where that blocks and no reservation does; else None."""
        is_reserved = self.usage_action is Action.BLOCK and self.verdict is Preference.DISALLOWED
        if self.crawl_action is not Action.BLOCK or is_reserved:
            return None
        texts = (reason.text for reason in self.reasons if "crawl" in reason.covers)
        return next((text[len(_LOST) :] for text in texts if text.startswith(_LOST)), None)

    def sentence(self) -> str:
        """One line for people: what may be done, and the statement it rests on."""
        may = "may not" if self.blocked else "may"
        if self.crawl_action is Action.BLOCK:
            what, answer = f"{may} fetch", self.crawl
            deciding = [reason for reason in self.reasons if "crawl" in reason.covers]
        else:
            what, answer = f"{may} use for {', '.join(self.purposes)}", self.verdict
            leaves = set(expand(self.purposes))
            deciding = [
                reason
                for reason in self.reasons
                if reason.preference is self.verdict and not leaves.isdisjoint(reason.covers)
            ]
            deciding.sort(key=lambda reason: reason.inferred)
        under = "" if self.blocked else self._under()
        if self.verdict is Preference.DISALLOWED and not self.blocked and not under:
            what += " (recorded only: no)"
        if not deciding:
            silence = ": not said" if answer is Preference.UNKNOWN else ""
            return f"{what}{silence}{under}"
        reason = deciding[0]
        line = f" line {reason.line}" if reason.line else ""
        return f"{what} ({reason.text!r} in {reason.carrier}{line}){under}"

    def _under(self) -> str:
        """The licences without which it would be blocked."""
        held = dict.fromkeys(reason.text for reason in self.reasons if reason.signal == "licence")
        return f", under {' and '.join(held)}" if held else ""
