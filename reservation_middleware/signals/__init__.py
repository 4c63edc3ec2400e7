"""The signals, one file per family, and the only place that names them all.

A new signal is five files: its own here, its name in ``SIGNALS``, its page in ``spec/signals/``,
its vectors in ``spec/vectors/``, and its rows in ``spec/vocabulary.md``. The order is that of
settling: the family that answers whether a page may be crawled comes first, since others depend
on its answer.
"""

from collections.abc import Iterable
from typing import Any

from reservation_middleware.model import ConfigurationError
from reservation_middleware.model.vocabulary import unknown_word

from .ai_txt import AiTxt
from .aipref import Aipref
from .base import Dependencies, Findings, Intent, Question, Rendering, Settled, Signal, Status, Term
from .canel import Canel
from .cawg import Cawg
from .content_signals import ContentSignals
from .parsed_document import (
    CONTENT,
    HEADERS,
    HTML,
    ROBOTS_TXT,
    XML,
    Carrier,
    Link,
    ParsedDocument,
    Place,
    Words,
)
from .payment import Payment
from .plus import Plus
from .pointers import Pointers
from .robots import Robots
from .robots_agents import RobotsAgents
from .robots_meta import RobotsMeta
from .rsl import Rsl
from .tdmrep import Tdmrep
from .trust_txt import TrustTxt

SIGNALS: tuple[Signal[Any], ...] = (
    Robots(),
    RobotsAgents(),
    Canel(),
    Aipref(),
    ContentSignals(),
    AiTxt(),
    TrustTxt(),
    Tdmrep(),
    Rsl(),
    RobotsMeta(),
    Payment(),
    Plus(),
    Cawg(),
    Pointers(),
)


def known_signals(names: Iterable[str]) -> tuple[str, ...]:
    """Names of signals, checked.

    Raises:
        ConfigurationError: a name is not a signal's.

    """
    known = [signal.name for signal in SIGNALS]
    given = tuple(names)
    for name in given:
        if name not in known:
            raise ConfigurationError(unknown_word("signal", name, known))
    return given


__all__ = [
    "CONTENT",
    "HEADERS",
    "HTML",
    "ROBOTS_TXT",
    "SIGNALS",
    "XML",
    "Carrier",
    "Dependencies",
    "Findings",
    "Intent",
    "Link",
    "ParsedDocument",
    "Place",
    "Question",
    "Rendering",
    "Settled",
    "Signal",
    "Status",
    "Term",
    "Words",
    "known_signals",
]
