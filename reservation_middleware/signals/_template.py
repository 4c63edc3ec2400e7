"""What a new signal looks like: copy this file, say what lives here, and name the reference URL.

A signal is five files: one like this, its name in ``SIGNALS``, a page ``spec/signals/<name>.md``
(from TEMPLATE.md there), vectors ``spec/vectors/<name>.json``, and rows in ``spec/vocabulary.md``.
``tests/spec/test_spec.py`` names whatever is missing. This one is complete and tested, but not in
``SIGNALS``: it reads ``Example-Signal: train=no``, which no site sends.
"""

from collections.abc import Sequence

from reservation_middleware.model import Level, Note, NoteKind, Preference, Statement
from reservation_middleware.model.vocabulary import TRAIN

from .base import (
    HEADERS,
    Carrier,
    Findings,
    Intent,
    ParsedDocument,
    Question,
    Rendering,
    Settled,
    Signal,
    Status,
    Term,
    settled_from,
    shorten,
    terms_for,
)

KEY = "example-signal"

# Each kind of note is declared once, has a remedy, and is emitted by some vector.
VALUE = NoteKind(
    "example-value-unknown",
    Level.WARNING,
    "an Example-Signal value other than yes or no says nothing: {}",
    "Use yes or no.",
    "https://example.org/example-signal#values",
)


class ExampleFindings(Findings):
    """What a response head says; more carriers add more fields."""

    __slots__ = ("read",)

    def __init__(
        self, source: ParsedDocument, notes: Sequence[Note], read: Sequence[Statement]
    ) -> None:
        super().__init__(source.place, tuple(notes))
        self.read = tuple(read)

    def statements(self) -> tuple[Statement, ...]:
        """All statements, for those who survey rather than ask."""
        return self.read


class Example(Signal[ExampleFindings]):
    """Example-Signal."""

    name = "example"
    title = "Example Signal"
    reference = "draft-example-signal-00"
    status = Status.DRAFT
    since = "2026-11"
    carriers = (Carrier("header", HEADERS),)
    # The leaves that a yes and a no cover; the page says why.
    terms = {"train": Term(TRAIN, TRAIN)}
    notes = (VALUE,)
    # A head without one of these fields costs nothing.
    fields = (KEY.encode(),)

    def parse(self, source: ParsedDocument) -> ExampleFindings | None:
        """Read one document. It comes from a stranger: bound everything, raise nothing."""
        values = source.document.fields.get(KEY)
        if not values:
            return None
        notes: list[Note] = []
        statements: list[Statement] = []
        for member in ", ".join(values)[:1000].split(","):
            word, _, value = (part.strip().lower() for part in member.partition("="))
            term = self.terms.get(word)
            if term is None:
                continue
            if value not in ("yes", "no"):
                notes.append(source.note(VALUE, member.strip()))
                continue
            statements.append(
                Statement(
                    signal=self.name,
                    carrier="header",
                    category="ai-train",
                    covers=term.yes if value == "yes" else term.no,
                    preference=Preference.ALLOWED if value == "yes" else Preference.DISALLOWED,
                    text=shorten(f"Example-Signal: {', '.join(values)}"),
                    span=source.span(),
                )
            )
        return ExampleFindings(source, notes, statements)

    def settle(self, found: Sequence[ExampleFindings], question: Question) -> Settled | None:  # noqa: ARG002
        """Apply the family's own precedence; here the most restrictive counts."""
        return settled_from([statement for findings in found for statement in findings.read])

    def write(self, intent: Intent) -> tuple[Rendering, ...]:
        """Put an intent into this signal's words, so that it can be read back."""
        values = terms_for(self.terms, intent)
        if not values:
            return ()
        value = "yes" if values["train"] is Preference.ALLOWED else "no"
        return (Rendering(self.carriers[0], f"Example-Signal: train={value}"),)
