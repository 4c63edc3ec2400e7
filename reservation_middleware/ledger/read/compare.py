"""Whether a decision that was made again is the one that a line tells of, and where it is not.

Pure. A line has addresses without secrets and no half characters, so what was made again is
brought into that form before it is compared.
"""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from reservation_middleware.ledger.format.canonical import canonical, time_text
from reservation_middleware.ledger.format.lines import DecisionLine, NotePart
from reservation_middleware.model import Decision, Note
from reservation_middleware.syntax.redact import redacted, redacted_text

#: Fields of a decision's line that are facts of the fetch, or made up for the line: nothing in
#: the documents says what they must be.
NOT_COMPARED = (
    *("salt", "id", "time", "mode", "adapter", "octets", "policy", "documents", "page"),
    *("url", "agent", "agents", "purposes", "spec_version"),
)
#: Fields that are made again and compared.
COMPARED = tuple(
    name for name in DecisionLine.__struct_fields__ if name not in (*NOT_COMPARED, "blocked")
)


class Difference(NamedTuple):
    """A field that does not come out as recorded."""

    field: str
    recorded: Any
    replayed: Any


def differences(line: DecisionLine, decision: Decision) -> tuple[Difference, ...]:
    """The fields of a line that a decision made again has otherwise."""
    found: list[Difference] = []
    # Most are equal as they stand.
    same = _PLAIN(line) == _PLAIN(decision)
    for name in _OTHERS if same else COMPARED:
        recorded = getattr(line, name)
        again = _AGAIN[name](decision) if name in _AGAIN else getattr(decision, name)
        if recorded != again:
            # Lines have addresses without secrets, and no half characters.
            redone = tuple(map(_as_recorded, again)) if name in _REDACTED else again
            if canonical(recorded) != canonical(redone):
                found.append(Difference(name, recorded, redone))
    # Of a fallback list the documents say which token counts.
    if line.agents and line.agent != decision.agent:
        found.append(Difference("agent", line.agent, decision.agent))
    if line.blocked and not decision.blocked:
        found.append(Difference("blocked", recorded=True, replayed=False))
    return tuple(found)


def _as_recorded(value: Any) -> Any:
    return msgspec.structs.replace(value, document=redacted(value.document))


def _notes(decision: Decision) -> tuple[NotePart, ...]:
    return tuple(map(_note, decision.notes))


@lru_cache(maxsize=10_000)
def _note(note: Note) -> NotePart:
    kind = note.kind
    return NotePart(
        ident=kind.ident,
        level=kind.level,
        document=redacted(note.document),
        line=note.line,
        summary=redacted_text(note.summary),
        remedy=kind.remedy,
        reference=kind.reference,
    )


@lru_cache(maxsize=10_000)
def _time(moment: datetime) -> str:
    return time_text(moment)


#: Parts of a record that name the document in which they stand.
_REDACTED = ("reasons", "offers", "identifiers")
_AGAIN: dict[str, Callable[[Decision], Any]] = {
    "notes": _notes,
    "expires": lambda decision: decision.expires and _time(decision.expires),
}
_OTHERS = tuple(_AGAIN)
_PLAIN = attrgetter(*(name for name in COMPARED if name not in _AGAIN))
