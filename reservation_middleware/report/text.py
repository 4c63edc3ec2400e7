"""A page's decision for a terminal: sentence, reasons, agents, places, notes.

Takes records and documents and draws them; decides nothing. Everything that comes
from a site is printed as text, control characters and markup included.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from reservation_middleware.model import LEAVES, Decision, Document, Level, Outcome, expand
from reservation_middleware.resolve import verdict

_STYLE = {"allowed": "green", "disallowed": "red", "unknown": "yellow", None: "dim"}
_MARK = {"allowed": "yes", "disallowed": "no", "unknown": "unknown", None: "-"}
_LEVEL = {Level.INFO: "blue", Level.WARNING: "yellow", Level.ERROR: "red"}


def safe(text: object) -> Text:
    """A site's words as plain text: no markup, no control characters."""
    return Text("".join(c if c.isprintable() else " " for c in str(text)))


def show(
    console: Console,
    decision: Decision,
    *,
    asked: str,
    agents: Mapping[str, Decision],
    documents: Iterable[Document],
    problem: str | None,
) -> None:
    """Print all that is known about one page."""
    style = "bold red" if decision.blocked else "bold green"
    console.print(Text.assemble((str(decision.action).upper(), style), "  ", safe(decision.url)))
    if asked != decision.url:
        console.print(safe(f"redirected from {asked}"))
    console.print(safe(f"{decision.agent}, profile {decision.profile}: {decision.sentence()}"))
    for purpose in decision.purposes:
        said = verdict(decision.usage, expand((purpose,)))
        console.print(Text.assemble(f"  for {purpose}: ", (said, _STYLE[said])))
    if problem:
        console.print(Text.assemble(("page not fetched: ", "red"), safe(problem)))
    elif decision.stage == "site":
        console.print("The page itself was not fetched: crawling it is disallowed.")
    _reasons(console, decision)
    _agents(console, agents)
    _places(console, decision, documents)
    for offer in decision.offers:
        console.print(Text.assemble(("offer  ", "cyan"), safe(offer.kind), " ", safe(offer.url)))
    for note in decision.notes:
        where = f"{note.document}:{note.line}" if note.line else note.document
        console.print(
            Text.assemble((f"{note.kind.level}  ", _LEVEL[note.kind.level]), safe(note.summary))
        )
        console.print(safe(f"  {note.kind.remedy} [{note.kind.ident}] {where}"), style="dim")


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _reasons(console: Console, decision: Decision) -> None:
    if not decision.reasons:
        console.print("Nobody said anything about it.")
        return
    table = _table("reason", "says", "about", "where", "words")
    for reason in decision.reasons:
        where = f"{reason.carrier}:{reason.line}" if reason.line else reason.carrier
        inferred = " (inferred)" if reason.inferred else ""
        table.add_row(
            reason.signal + inferred,
            Text(reason.preference, style=_STYLE[reason.preference]),
            reason.category,
            where,
            safe(reason.text),
        )
    console.print()
    console.print(table)


def _agents(console: Console, agents: Mapping[str, Decision]) -> None:
    table = _table("agent", "crawl", *LEAVES)
    for token, decision in agents.items():
        values: list[Any] = [decision.crawl, *(decision.usage[leaf] for leaf in LEAVES)]
        table.add_row(token, *(Text(_MARK[value], style=_STYLE[value]) for value in values))
    console.print()
    console.print(table)


def _places(console: Console, decision: Decision, documents: Iterable[Document]) -> None:
    table = _table("place", "found")
    for document in documents:
        status = document.status if document.status is not None else "no answer"
        if document.outcome is Outcome.FETCHED:
            found = f"{status}, {len(document.body or b'')} bytes"
        else:
            found = f"{status}, {document.outcome}"
            if document.problem:
                found += f": {document.problem}"
        table.add_row(safe(document.url), safe(found))
    for place in decision.not_reached:
        table.add_row(place, "not reached")
    console.print()
    console.print(table)
    console.print()
