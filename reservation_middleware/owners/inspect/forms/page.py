"""An inspection as one HTML page: no script, no request of its own, prints, from 360 px up."""

from functools import cache
from importlib.resources import files
from typing import Any

import jinja2

from reservation_middleware.decide.profiles import PROFILES, profile
from reservation_middleware.model import PAGE, Action, Preference, Reason
from reservation_middleware.model.agents import catalogue
from reservation_middleware.model.version import SPEC_VERSION, __version__
from reservation_middleware.owners.inspect.inspection import Inspection, SeenPlace, State
from reservation_middleware.owners.inspect.matrix import FETCH, USES, UseAnswer, Value
from reservation_middleware.owners.inspect.summary import (
    LONG,
    UNBOUND,
    Summary,
    footnotes,
    level_counts,
    moment,
    name_of,
    where,
)
from reservation_middleware.report.formats import Screen
from reservation_middleware.report.words import STAGES, VALUES, listed

from .evidence import disagreements, place_words

#: Lines before and after one that decides, and characters of a line, that are shown.
_AROUND, _WIDE = 2, 400
#: Names in a row before the rest is folded away.
_NAMES = 6
_CLASSES = {
    Value.YES: "yes",
    Value.NO: "no",
    Value.MAY_NOT_FETCH: "no",
    Value.NOT_BOUND: "hint",
    Value.PARTIAL: "hint",
    Value.NOT_SAID: "dim",
    Value.NOT_APPLICABLE: "dim",
}
_RANK = {"": 0, "dim": 1, "hint": 2, "yes": 3, "no": 4}
_SHAPES = {"yes": "✓", "no": "✕", "hint": "~", "dim": ""}
_OBEYS = {
    "yes": "says it obeys robots.txt",
    "no": "says robots.txt does not bind it",
    "unclear": "does not say whether it obeys robots.txt",
    "": "not in the catalogue",
}


def html(summary: Summary, screen: Screen) -> str:
    """The page."""
    inspection = summary.inspection
    return _template().render(
        summary=summary,
        inspection=inspection,
        decision=inspection.decision,
        verdict=summary.verdict,
        host=_host(inspection),
        checked=moment(inspection.time),
        expires=moment(inspection.decision.expires) if inspection.decision.expires else "",
        stage=STAGES[inspection.decision.stage],
        counts=level_counts(summary.mend),
        columns=(FETCH, *USES),
        rows=[_row(summary, number) for number in range(len(summary.rows))],
        silence=[_silence(name) for name in PROFILES],
        files=_files(summary),
        footnotes=footnotes(summary.rows, LONG),
        silent=_silent_places(inspection),
        conflicts=disagreements(inspection),
        where=lambda reason: where(reason, inspection),
        anchor=lambda reason: _anchor(reason, inspection),
        values=VALUES,
        deciding=inspection.deciding,
        listed=listed,
        version=__version__,
        spec_version=SPEC_VERSION,
        command=screen.command,
        links=screen.links,
    )


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible,
    )
    return environment.from_string(
        files(__package__).joinpath("page.html.jinja").read_text("utf-8")
    )


def _visible(value: object) -> object:
    """A value of which browsers show every character: no controls, no directions of writing."""
    if not isinstance(value, str) or value.isprintable():
        return value
    shown = "".join(c if c.isprintable() else " " for c in value)
    return type(value)(shown)


def _host(inspection: Inspection) -> str:
    return inspection.decision.url.split("//", 1)[-1].rstrip("/")[:200]


def _row(summary: Summary, number: int) -> dict[str, Any]:
    row = summary.rows[number]
    names = [name_of(row, token) for token in row.tokens]
    known = catalogue().find(row.tokens[0])
    return {
        "names": names[:_NAMES],
        "more": names[_NAMES:],
        "operator": (known.operator if known else "") if len(names) == 1 else "",
        "obeys": _OBEYS[known.obeys if known else ""]
        if len(names) == 1 and row.tokens[0] != "*"
        else "",
        "cells": [
            (
                name,
                _words(answer),
                f"{_CLASSES[answer.value]}{' inherited' if answer.inherited else ''}",
                _SHAPES[_CLASSES[answer.value]],
            )
            for name, answer in row.answers.items()
        ],
    }


def _words(answer: UseAnswer) -> str:
    return f"{answer.text}{UNBOUND}" if answer.value is Value.NOT_BOUND else answer.text


def _silence(name: str) -> tuple[str, str]:
    policy = profile(name)
    if policy.unknown is Action.BLOCK:
        return name, "takes silence for a no: the page is left alone"
    return name, "takes silence for leave: the page may be used"


def _files(summary: Summary) -> list[dict[str, Any]]:
    """The documents with lines that say something, those lines marked in words."""
    inspection, found = summary.inspection, []
    # What is inferred for one agent may be said to another, and then counts as said.
    behind = [reason for row in summary.rows for reason in row.reasons]
    every = sorted({*inspection.whole.reasons, *behind}, key=lambda reason: reason.line or 0)
    for number, place in enumerate(inspection.places):
        reasons = [reason for reason in every if reason.document == place.url]
        if not reasons:
            continue
        marks: dict[int, tuple[str, str]] = {}
        for reason in reasons:
            mark = _mark(reason)
            if reason.line and _RANK[mark[0]] > _RANK[marks.get(reason.line, ("", ""))[0]]:
                marks[reason.line] = mark
        found.append(
            {
                "place": place,
                "number": number,
                "lines": _lines(place, marks),
                "elsewhere": [
                    (*_mark(reason), f"{reason.carrier}: {reason.text}"[:_WIDE])
                    for reason in reasons
                    if not reason.line or reason.line > len(place.lines) or place.name == PAGE
                ],
            }
        )
    return found


def _mark(reason: Reason) -> tuple[str, str]:
    if reason.inferred:
        return "hint", "~ inferred"
    if reason.preference is Preference.DISALLOWED:
        return "no", "✕ no"
    if reason.preference is Preference.ALLOWED:
        return "yes", "✓ yes"
    return "dim", "not said"


def _lines(place: SeenPlace, marks: dict[int, tuple[str, str]]) -> list[dict[str, Any]]:
    near = {line for marked in marks for line in range(marked - _AROUND, marked + _AROUND + 1)}
    lines: list[dict[str, Any]] = []
    gap = False
    for number, text in enumerate(place.lines, 1):
        if number not in near:
            gap = bool(lines)
            continue
        kind, words = marks.get(number, ("", ""))
        lines.append(
            {
                "number": number,
                "text": "".join(c if c.isprintable() else " " for c in text[:_WIDE]),
                "kind": kind,
                "words": words,
                "gap": gap,
            }
        )
        gap = False
    return lines


def _anchor(reason: Reason, inspection: Inspection) -> str:
    """The identifier of the line that a reason quotes, "" where that is not shown."""
    for number, place in enumerate(inspection.places):
        if place.url == reason.document:
            has_line = reason.line is not None and reason.line <= len(place.lines)
            return f"file-{number}-{reason.line}" if has_line else f"file-{number}"
    return ""


def _silent_places(inspection: Inspection) -> dict[str, list[str]]:
    """The other places: those that say nothing, by what became of them."""
    groups: dict[str, list[str]] = {}
    for place in inspection.places:
        if not any(reason.document == place.url for reason in inspection.whole.reasons):
            words = place_words(place) if place.state is not State.PRESENT else "says nothing"
            groups.setdefault(words.removesuffix(", not asked by this profile"), []).append(
                place.name
            )
    return groups
