"""Machine-readable AI-training reservations, fetched, parsed and respected.

The core (``Check``) is sans-IO; ``reservation_middleware.scrapy`` and
``reservation_middleware.aiohttp`` put it into crawlers. See README.md.
"""

from .check import Check
from .config import Configuration, configuration
from .model import (
    Action,
    Agent,
    ConfigurationError,
    Decision,
    Document,
    Mode,
    Outcome,
    Policy,
    Preference,
    ReservationError,
    Stage,
)
from .panel import Panel
from .profiles import profile
from .version import SPEC_VERSION, __version__

__all__ = [
    "SPEC_VERSION",
    "Action",
    "Agent",
    "Check",
    "Configuration",
    "ConfigurationError",
    "Decision",
    "Document",
    "Mode",
    "Outcome",
    "Panel",
    "Policy",
    "Preference",
    "ReservationError",
    "Stage",
    "__version__",
    "configuration",
    "profile",
]
