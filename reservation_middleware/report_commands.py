"""The verb ``reservations report``: what a crawl blocked, and what another policy would."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from .ledger.entry import EpochLine
from .ledger.hosts import domain
from .ledger.reader import LedgerReader
from .model import Agent, Policy
from .model.vocabulary import unknown_word
from .options import (
    AgentOption,
    ColorOption,
    ProfileOption,
    PurposeOption,
    console,
    print_json,
    words,
)
from .profiles import PROFILES, profile
from .reading import probed
from .replay import COUNTED, NotKeptError, Question, Rejudge, decisions
from .report.progress import progress
from .report.rollout import BY, DEFAULT_BY, PURPOSES, Rollout
from .report.rollout_text import html, plain, show_rollout
from .signals import known_signals

#: Knobs that a profile sets; the others are the operator's whatever the profile.
_OF_PROFILE = ("profile", "unknown", "reservation", "unreachable", "proxy_agents", "probes")


class ReportFormat(StrEnum):
    """How to print."""

    TEXT = "text"
    JSON = "json"
    HTML = "html"


def report(
    ledger: Annotated[Path, typer.Argument(metavar="LEDGER", help="The folder of a ledger.")],
    agent: AgentOption = None,
    purpose: PurposeOption = None,
    profile: ProfileOption = None,
    signal: Annotated[
        list[str] | None,
        typer.Option("--signal", metavar="S", help="Only these count; repeated or with commas."),
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option("--by", metavar="|".join(BY), help="Which tables; repeated or with commas."),
    ] = None,
    top: Annotated[int, typer.Option("--top", min=1, help="Rows of each table.")] = 10,
    matrix: Annotated[
        bool, typer.Option("--matrix/--no-matrix", help="Each profile with each purpose.")
    ] = True,
    format: Annotated[  # noqa: A002 - the flag's name
        ReportFormat, typer.Option("--format", help="How to print.")
    ] = ReportFormat.TEXT,
    no_color: ColorOption = False,
) -> None:
    """What was blocked, what would have been, and what another policy would change.

    With --profile, --purpose, --agent or --signal the same evidence is judged again by these;
    nothing is fetched. Exit status: 0, or 2 for bad usage or a ledger that cannot be read.
    """
    tables = words(by) or list(DEFAULT_BY)
    for name in tables:
        if name not in BY:
            raise typer.BadParameter(unknown_word("table", name, BY))
    asked: dict[str, Any] = {"agent": agent, "purpose": words(purpose), "profile": profile}
    asked["signal"] = words(signal)
    question = question_of(agent, asked["purpose"], profile, asked["signal"])
    rollout = Rollout(tables)
    with LedgerReader(ledger) as reader:
        fold(reader, rollout, question, matrix=matrix)
    told = {
        "ledger": str(ledger),
        "question": {
            key: ", ".join(value) if isinstance(value, list) else value
            for key, value in asked.items()
            if value
        },
        **plain(rollout, top=top),
    }
    if format is ReportFormat.JSON:
        print_json(told)
    elif format is ReportFormat.HTML:
        typer.echo(html(told))
    else:
        show_rollout(console(no_color), told)


def question_of(
    agent: str | None,
    purposes: Sequence[str] | None,
    name: str | None,
    signals: Sequence[str] | None,
) -> Question | None:
    """What is asked anew; None if nothing is.

    Raises:
        ConfigurationError: a word is not known.
    """
    if not (agent or purposes or name or signals):
        return None
    Agent(agent or "*", tuple(purposes or PURPOSES))  # checks both
    changes = {} if signals is None else {"signals": known_signals(signals)}
    to_profile = _to_profile(name) if name else None

    def change(policy: Policy) -> Policy:
        found = to_profile(policy) if to_profile else policy
        return msgspec.structs.replace(found, **changes)

    return Question(agent, tuple(purposes) if purposes else None, change)


def fold(
    reader: LedgerReader, rollout: Rollout, question: Question | None, *, matrix: bool
) -> None:
    """Fold a ledger, judged again as far as that is asked for.

    Raises:
        LedgerError: it is broken.
    """
    again = Rejudge(question) if question else None
    cells = [
        (
            rollout.cell(name, purpose),
            Rejudge(Question(purposes=(purpose,), change=_to_profile(name))),
            name,
        )
        for name in (PROFILES if matrix else ())
        for purpose in PURPOSES
    ]
    judged = again is not None or matrix
    with progress("reading", reader.octets) as advance:
        for segment, evidence, _, line in decisions(reader, advance):
            if isinstance(line, EpochLine):
                rollout.epoch(line)
                if judged:
                    rollout.left_out(COUNTED, sum(one.decisions for one in line.counts))
                continue
            if not judged:
                rollout.decision(line)
                continue
            try:
                check = evidence.check(line)
            except NotKeptError as error:
                rollout.decision(line)
                rollout.left_out(str(error))
                continue
            policy = segment.policy(line.policy)
            rollout.decision(line, again(check, line, policy) if again else None)
            host = domain(line.url)
            for cell, rejudge, name in cells:
                after = rejudge(check, line, policy).action
                asked = _asked(line.consulted, name)
                cell.add(host, line.action, after, line.stage, asked=asked)


def _to_profile(name: str) -> Callable[[Policy], Policy]:
    preset = profile(name)
    knobs = {key: getattr(preset, key) for key in _OF_PROFILE}
    return lambda policy: msgspec.structs.replace(policy, **knobs)


@lru_cache(maxsize=10_000)
def _asked(consulted: tuple[str, ...], name: str) -> bool:
    """Whether all places that a profile asks were asked."""
    return {place.name for place in probed(profile(name).probes)}.issubset(consulted)
