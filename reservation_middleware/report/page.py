"""A page's decision for a terminal: sentence, reasons, agents, places, notes.

Takes records and documents and draws them; decides nothing. Everything that comes
from a site is printed as text, control characters and markup included.
"""

from collections.abc import Collection, Iterable, Mapping

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from reservation_middleware.decide.resolve import verdict
from reservation_middleware.model import (
    LEAVES,
    Decision,
    Document,
    Identifier,
    Level,
    Outcome,
    Reason,
    expand,
)
from reservation_middleware.model.plural import counted

from .offers import show_offer
from .table import matrix, rows, safe

_STYLE = {"allowed": "green", "disallowed": "red", "unknown": "yellow", None: "dim"}
_MARK = {"allowed": "yes", "disallowed": "no", "unknown": "unknown", None: "-"}
#: An identifier is shown up to so many characters; all of it is in the JSON.
_SHORT = 60
_LEVEL = {Level.INFO: "blue", Level.WARNING: "yellow", Level.ERROR: "red"}


def show(
    console: Console,
    decision: Decision,
    *,
    asked: str,
    agents: Mapping[str, Decision],
    documents: Iterable[Document],
    problem: str | None,
    extra: Collection[str] = (),
) -> None:
    """Print all that is known about one page.

    Args:
        console: where to.
        decision: for the agent that asked.
        asked: the address that was asked for.
        agents: decisions for other agents.
        documents: what was asked, and what was found.
        problem: why the page could not be fetched.
        extra: places that a crawl under this profile does not ask.
    """
    documents = tuple(documents)
    once = _Once({document.problem for document in documents if document.problem})
    style = "bold red" if decision.blocked else "bold green"
    console.print(Text.assemble((str(decision.action).upper(), style), "  ", safe(decision.url)))
    if asked != decision.url:
        console.print(safe(f"redirected from {asked}"))
    sentence = f"{decision.agent}, profile {decision.profile}: {decision.sentence()}"
    console.print(safe(once.shorten(sentence)))
    for purpose in decision.purposes:
        answer = verdict(decision.usage, expand((purpose,)))
        console.print(Text.assemble(f"  for {purpose}: ", (answer, _STYLE[answer])))
    if problem:
        console.print(Text.assemble(("page not fetched: ", "red"), safe(once.shorten(problem))))
    elif decision.stage == "site":
        console.print("The page itself was not fetched: crawling it is disallowed.")
    _reasons(console, decision, once)
    _agents(console, agents)
    _places(console, decision, documents, extra, once)
    for offer in decision.offers:
        show_offer(console, offer)
    _identifiers(console, decision.identifiers)
    for note in decision.notes:
        where = f"{note.document}:{note.line}" if note.line else note.document
        console.print(
            Text.assemble(
                (f"{note.kind.level}  ", _LEVEL[note.kind.level]), safe(once.shorten(note.summary))
            )
        )
        remedy = safe(f"{note.kind.remedy} [{note.kind.ident}] {where}")
        console.print(Padding(remedy, (0, 0, 0, 2), expand=False), style="dim")


class _Once:
    """Network errors that are written out where they come first: a dead host has one per place.

    Args:
        problems: the errors.
    """

    def __init__(self, problems: Collection[str]) -> None:
        self._new = set(problems)
        # The longest first: one may be part of another.
        self._problems = sorted(problems, key=len, reverse=True)

    def shorten(self, text: str) -> str:
        """A text in which errors that stand further up are named and not repeated."""
        for problem in self._problems:
            if problem not in text:
                continue
            if problem in self._new:
                self._new.remove(problem)
                break
            text = text.replace(problem, "the same error")
        return text


def _reasons(console: Console, decision: Decision, once: _Once) -> None:
    if not decision.reasons:
        console.print("Nobody said anything about it.")
        return
    console.print()
    rows(
        console,
        ("reason", "says", "about", "where", "words"),
        [
            (
                safe(reason.signal + _marks(reason)),
                Text(reason.preference, style=_STYLE[reason.preference]),
                safe(reason.category),
                safe(f"{reason.carrier}:{reason.line}" if reason.line else reason.carrier),
                _words(reason, once),
            )
            for reason in decision.reasons
        ],
    )


def _marks(reason: Reason) -> str:
    marks = [
        *(["inferred"] if reason.inferred else []),
        *(["near miss"] if reason.near_miss else []),
    ]
    return f" ({', '.join(marks)})" if marks else ""


def _words(reason: Reason, once: _Once) -> Text:
    """What a reason quotes, and on what conditions it holds, unless the quotation says so."""
    more = "; ".join(condition for condition in reason.conditions if condition not in reason.text)
    text = once.shorten(reason.text)
    return safe(f"{text} (conditions: {more})" if more else text)


def _identifiers(console: Console, identifiers: Iterable[Identifier]) -> None:
    for identifier in dict.fromkeys(
        (identifier.scheme, identifier.value, identifier.signal) for identifier in identifiers
    ):
        scheme, value, signal = identifier
        short = value if len(value) <= _SHORT else value[: _SHORT - 1] + "…"
        console.print(Text.assemble(("identifier  ", "cyan"), safe(f"{scheme} {short} ({signal})")))


def _agents(console: Console, agents: Mapping[str, Decision]) -> None:
    console.print()
    matrix(
        console,
        ("agent", "crawl", *LEAVES),
        [
            (
                safe(token),
                *(
                    Text(_MARK[value], style=_STYLE[value])
                    for value in (decision.crawl, *(decision.usage[leaf] for leaf in LEAVES))
                ),
            )
            for token, decision in agents.items()
        ],
    )


def _places(
    console: Console,
    decision: Decision,
    documents: Iterable[Document],
    extra: Collection[str],
    once: _Once,
) -> None:
    cells = []
    for document in documents:
        status = document.status if document.status is not None else "no answer"
        if document.outcome is Outcome.FETCHED:
            found = f"{status}, {counted(len(document.body or b''), 'byte')}"
            if document.resource in extra:
                found += f"; a crawl under {decision.profile} does not ask for it"
        else:
            found = f"{status}, {document.outcome}"
            if document.problem:
                found += f": {once.shorten(document.problem)}"
        cells.append((safe(document.url), safe(found)))
    cells += [(safe(place), Text("not reached")) for place in decision.not_reached]
    console.print()
    rows(console, ("place", "found"), cells)
    console.print()
