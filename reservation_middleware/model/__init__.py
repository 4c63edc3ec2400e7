"""The nouns, immutable: vocabulary, documents, statements, notes, offers, decisions.

Ground floor: imports nothing of the package but its own files.
"""

from .blocking import NO_SIGNAL, blocking_reasons, blocking_signals
from .decision import Decision, Reason, Stage
from .document import PAGE, Document, Headers, Outcome, PolicyRequest
from .error import ConfigurationError, LedgerError, ReservationError
from .identifier import Identifier
from .licence import Licence, LicenceError, Secret, Server
from .note import Level, Note, NoteKind
from .offer import Offer
from .policy import (
    Action,
    Agent,
    ContentUse,
    LegacyLabels,
    Mode,
    NearMiss,
    Policy,
    Probes,
    ProxyAgents,
)
from .statement import EVERYTHING, Scope, Span, Statement
from .vocabulary import CRAWL, LEAVES, SHORTHANDS, Preference, expand

__all__ = [
    "CRAWL",
    "EVERYTHING",
    "LEAVES",
    "NO_SIGNAL",
    "PAGE",
    "SHORTHANDS",
    "Action",
    "Agent",
    "ConfigurationError",
    "ContentUse",
    "Decision",
    "Document",
    "Headers",
    "Identifier",
    "LedgerError",
    "LegacyLabels",
    "Level",
    "Licence",
    "LicenceError",
    "Mode",
    "NearMiss",
    "Note",
    "NoteKind",
    "Offer",
    "Outcome",
    "Policy",
    "PolicyRequest",
    "Preference",
    "Probes",
    "ProxyAgents",
    "Reason",
    "ReservationError",
    "Scope",
    "Secret",
    "Server",
    "Span",
    "Stage",
    "Statement",
    "blocking_reasons",
    "blocking_signals",
    "expand",
]
