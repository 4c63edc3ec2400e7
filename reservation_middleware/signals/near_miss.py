"""Near misses: what counts as a refusal beyond doubt, and the note that names the right spelling.

A near miss is a malformed statement that names a use and refuses it, such as
``Content-Signals: ai-train=disallow``. Which spellings a family reads stands in that family's
file and on its page; what the policy makes of them is ``decide/settle.py``'s business.
Reference: ``spec/decision.md``, step 17.
"""

from reservation_middleware.model import Level, NoteKind

#: Words that refuse whatever they are said of, in lower case, with hyphens for other joints.
REFUSALS = frozenset(
    (
        *("no", "false", "0"),
        *("deny", "denied", "disallow", "disallowed", "forbid", "forbidden"),
        *("prohibit", "prohibited", "not-allowed", "notallowed", "not-permitted"),
    )
)
_LONGEST = 40


def refuses(value: str) -> bool:
    """Whether a value says no and nothing else, in quotes or not; case does not matter."""
    if len(value) > _LONGEST:
        return False
    word = value.strip().strip("\"'").strip().lower()
    return "-".join(word.replace("_", " ").split()) in REFUSALS


def near_miss_note(signal: str, remedy: str, reference: str) -> NoteKind:
    """The kind of note for the near misses of one signal.

    Args:
        signal: its name.
        remedy: the right spelling, as a sentence.
        reference: the text that has it.
    """
    return NoteKind(
        f"{signal}-near-miss",
        Level.WARNING,
        "clearly a no, but not spelled as the text has it: {}",
        remedy,
        reference,
    )
