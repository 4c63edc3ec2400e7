"""An inspection as Markdown, for an issue or a wiki. What a site said stands in code spans only."""

import re
from collections.abc import Iterable

from reservation_middleware.owners.inspect.matrix import FETCH, USES, Value
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
from reservation_middleware.report.words import VALUES, listed

from .evidence import disagreements, place_words

#: What means something in Markdown or in the HTML that it may hold, and links that write themselves.
_MEANT = re.compile(r"([\\`*_{}\[\]<>#!|~&@]|:(?=//)|(?<=www)\.|^[-=+]|(?<=^\d)[.)])")
_NAMES = 12


def markdown(summary: Summary, screen: Screen) -> str:
    """The page, with a line break at its end."""
    inspection, verdict = summary.inspection, summary.verdict
    decision = inspection.decision
    parts = [
        f"# {_text(verdict.headline)}",
        (
            f"**{verdict.mark}** (exit status {inspection.status}) · {code(decision.url)} · "
            f"checked {moment(inspection.time)}, profile {decision.profile}"
        ),
        _list(map(_text, (*verdict.because, *verdict.elsewhere))),
    ]
    if not inspection.problem:
        parts += [
            "## What to mend",
            f"{level_counts(summary.mend)} to mend.",
            _list(
                f"**{finding.level}** {code(finding.place)} {_text(finding.summary)}. "
                f"{_text(finding.remedy)} ([{finding.ident}]({_link(finding.reference)}))"
                + "".join(f"  \n  {code(line)}" for line in finding.write.splitlines())
                for finding in summary.mend
            ),
            "## Who may do what",
            _agents(summary),
            _list(map(_text, footnotes(summary.rows, LONG))),
            "## What is said",
            _reasons(summary),
        ]
        conflicts = disagreements(inspection)
        if conflicts:
            names = listed([leaf for leaf, _, _ in conflicts])
            parts += ["## Disagreements", f"Places disagree about {names}: the no counts."]
        if summary.offers:
            parts += ["## On offer", _list(map(_text, summary.offers))]
    parts += ["## Places", _places(summary)]
    if summary.also:
        parts += ["## Also", _list(map(_text, summary.also))]
    command = f" {code(screen.command)}." if screen.command else ""
    parts.append(f"{_text(summary.read)}.{command} None of this is legal advice.")
    return "\n\n".join(filter(None, parts)) + "\n"


def code(text: str) -> str:
    """Words as they are written, in a code span that they cannot end.

    >>> code("a ` b")
    '`` a ` b ``'
    """
    line = "".join(c if c.isprintable() else " " for c in text)
    longest = max((len(run) for run in re.findall("`+", line)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {line} {fence}" if longest or not line.strip() else f"{fence}{line}{fence}"


def _text(text: str) -> str:
    line = "".join(c if c.isprintable() else " " for c in text)
    return _MEANT.sub(r"\\\1", line)


def _link(address: str) -> str:
    return re.sub(r"[\s()<>]", "", address)


def _cell(text: str) -> str:
    """Words in a table, where a bar would end the cell even inside a code span."""
    return text.replace("|", "\\|")


def _list(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


def _table(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [columns, ("---",) * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _agents(summary: Summary) -> str:
    return _table(
        ("agent", FETCH, *USES),
        [
            (
                _text(listed([name_of(row, token) for token in row.tokens], most=_NAMES)),
                *(
                    _text(answer.text + (UNBOUND if answer.value is Value.NOT_BOUND else ""))
                    for answer in row.answers.values()
                ),
            )
            for row in summary.rows
        ],
    )


def _reasons(summary: Summary) -> str:
    inspection = summary.inspection
    return _table(
        ("says", "about", "where", "words"),
        [
            (
                VALUES[reason.preference],
                "fetch" if reason.category == "crawl" else _text(reason.category),
                _cell(_text(where(reason, inspection))),
                _cell(code(reason.text)),
            )
            for reason in inspection.whole.reasons
        ],
    )


def _places(summary: Summary) -> str:
    return _table(
        ("place", "found"),
        [
            (_cell(code(place.url)), _cell(_text(place_words(place))))
            for place in summary.inspection.places
        ],
    )
