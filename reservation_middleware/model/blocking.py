"""The reasons that block: one definition for stats, log, Prometheus and reports."""

from collections.abc import Sequence
from typing import Protocol

from .decision import Reason
from .policy import Action
from .vocabulary import CRAWL, Preference, expand

#: What counts call a block for which nobody gave a reason: the profile blocks what is unknown.
NO_SIGNAL = "none"


class Judged(Protocol):
    """A decision, or what a ledger's line keeps of one."""

    @property
    def action(self) -> Action:
        """What the profile makes of the answer."""

    @property
    def crawl(self) -> Preference:
        """Whether the page may be fetched."""

    @property
    def verdict(self) -> Preference:
        """The answer about the purposes asked."""

    @property
    def purposes(self) -> Sequence[str]:
        """The purposes asked."""

    @property
    def reasons(self) -> Sequence[Reason]:
        """The statements that it rests on."""


def blocking_reasons(answer: Judged) -> tuple[Reason, ...]:
    """The reasons for whose sake a decision blocks.

    They say no to crawling, where crawling is disallowed, or to a leaf of the purposes asked,
    where these are. What is aimed at others (inferred) counts only where nothing else says no.

    Returns:
        None of them where the decision does not block, or blocks since nobody said anything.
    """
    if answer.action is not Action.BLOCK:
        return ()
    about: set[str] = set()
    # Which of the two blocks is known of a decision only, and not of its line in a ledger.
    if getattr(answer, "crawl_action", Action.BLOCK) is Action.BLOCK:
        about.update((CRAWL,) if answer.crawl is Preference.DISALLOWED else ())
    if getattr(answer, "usage_action", Action.BLOCK) is Action.BLOCK:
        about.update(expand(answer.purposes) if answer.verdict is Preference.DISALLOWED else ())
    reasons = [
        reason
        for reason in answer.reasons
        if reason.preference is Preference.DISALLOWED and not about.isdisjoint(reason.covers)
    ]
    return tuple(reason for reason in reasons if not reason.inferred) or tuple(reasons)


def blocking_signals(answer: Judged) -> tuple[str, ...]:
    """The signals for whose sake a decision blocks, each once; ``NO_SIGNAL`` if it is none's.

    Returns:
        None of them where the decision does not block.
    """
    if answer.action is not Action.BLOCK:
        return ()
    return tuple(dict.fromkeys(reason.signal for reason in blocking_reasons(answer))) or (
        NO_SIGNAL,
    )
