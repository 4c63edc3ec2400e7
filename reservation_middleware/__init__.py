"""Machine-readable AI-training reservations, fetched, parsed and respected.

The core (``Check``) is sans-IO; ``reservation_middleware.scrapy`` and
``reservation_middleware.aiohttp`` put it into crawlers. See README.md.

A name is imported when it is first used (PEP 562): a command that judges nothing starts without
the core.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .decide.check import Check
    from .decide.panel import Panel
    from .decide.profiles import profile
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
    from .model.version import SPEC_VERSION, __version__
    from .runtime.config import Configuration, configuration

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

#: Where names are that are not of ``model``.
_HOMES = {
    "SPEC_VERSION": "model.version",
    "__version__": "model.version",
    "Check": "decide.check",
    "Configuration": "runtime.config",
    "configuration": "runtime.config",
    "Panel": "decide.panel",
    "profile": "decide.profiles",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(f".{_HOMES.get(name, 'model')}", __name__), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
