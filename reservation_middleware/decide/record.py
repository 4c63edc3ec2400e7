"""A decision as a record: the one shape that log, survey and report read.

``spec/record.md`` describes it and ``spec/schemas/decision.schema.json`` checks it.
"""

from typing import Any

import msgspec

from reservation_middleware.model import Decision, Note
from reservation_middleware.model.version import SPEC_VERSION


def record(decision: Decision) -> dict[str, Any]:
    """A decision as plain JSON values, in the order of the contract."""
    plain: dict[str, Any] = msgspec.to_builtins(
        {
            "url": decision.url,
            "agent": decision.agent,
            **({"agents": decision.agents} if decision.agents else {}),
            "purposes": decision.purposes,
            "profile": decision.profile,
            "stage": decision.stage,
            "action": decision.action,
            "verdict": decision.verdict,
            "crawl": decision.crawl,
            "usage": decision.usage,
            "reasons": decision.reasons,
            "offers": decision.offers,
            "identifiers": decision.identifiers,
            "notes": [_note(note) for note in decision.notes],
            "consulted": decision.consulted,
            "not_reached": decision.not_reached,
            "expires": decision.expires,
            "spec_version": SPEC_VERSION,
        }
    )
    return plain


def _note(note: Note) -> dict[str, Any]:
    return {
        "ident": note.kind.ident,
        "level": note.kind.level,
        "document": note.document,
        "line": note.line,
        "summary": note.summary,
        "remedy": note.kind.remedy,
        "reference": note.kind.reference,
    }
