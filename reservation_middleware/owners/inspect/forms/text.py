"""An inspection on a terminal or in a pipe: a first screen of 24 lines, all of it, or one line."""

from rich.cells import cell_len
from rich.text import Text

from reservation_middleware.model import Level
from reservation_middleware.owners.inspect.findings import ShownFinding
from reservation_middleware.owners.inspect.matrix import FETCH, USES, MatrixRow, UseAnswer, Value
from reservation_middleware.owners.inspect.summary import (
    UNBOUND,
    Summary,
    footnotes,
    level_counts,
    moment,
    name_of,
)
from reservation_middleware.report.formats import Detail, Screen
from reservation_middleware.report.table import safe
from reservation_middleware.report.words import listed

from .evidence import evidence
from .lines import LABEL, Lines, padded

#: Lines of the first screen, and columns up to which the exit status is moved to the right.
_HEIGHT, _RIGHT = 24, 80
#: Rows of agents, names in one of them, lines for the verdict and offers on the first screen.
_ROWS, _NAMES, _REASONS, _OFFERS, _ALSO = 5, 3, 3, 2, 2
#: Lines around the rows: blanks, head, rows left out, footnote, and something to mend.
_AROUND_ROWS = 10
_GAP = 2
#: Columns that names of agents need, or the table becomes lines.
_LEAST = 18
_MARKS = {"BLOCK": "bold red", "PROCEED": "bold green"}
_STYLES = {
    Value.YES: "green",
    Value.NO: "red",
    Value.MAY_NOT_FETCH: "red",
    Value.NOT_BOUND: "yellow",
    Value.PARTIAL: "yellow",
    Value.NOT_SAID: "dim",
    Value.NOT_APPLICABLE: "dim",
}
_LEVELS = {Level.ERROR: "bold red", Level.WARNING: "yellow", Level.INFO: "blue"}


def text(summary: Summary, screen: Screen) -> str:
    """The text of an inspection, as much of it as is asked for."""
    lines = Lines(screen)
    if screen.detail is Detail.QUIET:
        _quiet(lines, summary)
        return lines.text()
    _head(lines, summary)
    if summary.inspection.problem:
        if screen.detail is Detail.ALL:
            evidence(lines, summary)
        return lines.text()
    if screen.detail is Detail.ALL:
        lines.blank()
        _agents(lines, summary, most=None)
        _mend(lines, summary, room=None)
        lines.blank()
        _tail(lines, summary, most=None)
        evidence(lines, summary)
        return lines.text()
    tail = Lines(screen)
    _tail(tail, summary, most=_OFFERS)
    hint = "--all: every place and reason · --format html > report.html"
    tail.put(Text(" " * LABEL + hint, style="dim"), hang=LABEL)
    free = _HEIGHT - lines.count - tail.count
    lines.blank()
    _agents(lines, summary, most=max(2, min(_ROWS, free - _AROUND_ROWS)))
    _mend(lines, summary, room=_HEIGHT - lines.count - tail.count - 1)
    lines.blank()
    lines.append(tail.lines)
    return lines.text()


def _quiet(lines: Lines, summary: Summary) -> None:
    verdict = summary.verdict
    found = f"{verdict.mark}  {summary.inspection.decision.url}  "
    if summary.inspection.problem:
        lines.put(safe(f"{verdict.mark}  {verdict.headline}"))
        return
    because = f": {verdict.because[0]}" if verdict.because else ""
    lines.put(Text.assemble(safe(found), safe(f"{verdict.headline}{because}")))


def _head(lines: Lines, summary: Summary) -> None:
    """Who asked for what, the verdict, and why."""
    inspection, verdict = summary.inspection, summary.verdict
    decision = inspection.decision
    if inspection.problem:
        lines.put(
            Text.assemble((verdict.mark, "bold red"), "  ", safe(verdict.headline)), hang=LABEL
        )
        for because in verdict.because:
            lines.put(f"  {because}", hang=2)
        return
    agent = "everyone" if decision.agent == "*" else decision.agent
    asked = f"checked {moment(inspection.time)} as {agent}, profile {decision.profile}"
    lines.put(safe(f"{decision.url}     {asked}"), hang=2)
    lines.blank()
    headline = Text.assemble("  ", (safe(verdict.headline).plain, "bold"))
    mark = f"{verdict.mark} (exit status {inspection.status})"
    right = min(lines.width or _RIGHT, _RIGHT)
    if headline.cell_len + _GAP + len(mark) <= right:
        headline = padded(headline, right - len(mark))
    else:
        headline.append(" " * _GAP)
    headline.append(mark, style=_MARKS[verdict.mark])
    lines.put(headline, hang=2)
    for because in verdict.because[:_REASONS]:
        lines.put(f"  {because}", hang=4)
    if len(verdict.because) > _REASONS:
        lines.put(f"  and {len(verdict.because) - _REASONS} more reasons: --all", style="dim")
    for sentence in verdict.elsewhere[:2]:
        lines.put(f"  {sentence}", hang=4)


def _agents(lines: Lines, summary: Summary, most: int | None) -> None:
    """Agents × uses: a table, or lines of their own where it does not fit."""
    rows = summary.rows[:most]
    columns = (FETCH, *USES)
    names = [Text(_names(row, most=_NAMES if most else len(row.tokens))) for row in rows]
    texts = [[_words(row.answers[column]) for column in columns] for row in rows]
    widths = [
        max(
            cell_len(name),
            *(
                cell_len(cells[n])
                for cells in texts
                if not cells[n].startswith(Value.MAY_NOT_FETCH)
            ),
            0,
        )
        + _GAP
        for n, name in enumerate(columns)
    ]
    indent = 2
    room = min(lines.width or _RIGHT, 2 * _RIGHT) - sum(widths) - indent
    if room < _LEAST:
        _stacked(lines, rows, names)
    else:
        if most:
            names = [_fitting(row, room - _GAP) for row in rows]
        fitting = (name.cell_len for name in names if name.cell_len <= room - _GAP)
        first = max(cell_len("agent"), *fitting, 0) + _GAP
        head = padded(Text("agent"), first)
        for column, width in zip(columns, widths, strict=True):
            head += padded(Text(column), width)
        lines.put(Text.assemble(" " * indent, (head.plain.rstrip(), "bold")))
        for row, name in zip(rows, names, strict=True):
            _row(lines, row, name, first=first, widths=widths, indent=" " * indent)
    left = len(summary.rows) - len(rows)
    if left > 0:
        lines.put(f"  and {left} more rows: --all", style="dim")
    notes = footnotes(rows)
    if notes:
        lines.put(f"  {'   '.join(notes)}", hang=2, style="dim")


def _names(row: MatrixRow, *, most: int) -> str:
    if row.tokens[0] == "*" and most < len(row.tokens):
        return f"everyone + {len(row.tokens) - 1} more"
    return listed([name_of(row, token) for token in row.tokens], most=most)


def _fitting(row: MatrixRow, room: int) -> Text:
    """As many names of a row as fit, at least one."""
    for most in range(_NAMES, 1, -1):
        name = Text(_names(row, most=most))
        if name.cell_len <= room:
            return name
    return Text(_names(row, most=1))


def _row(
    lines: Lines, row: MatrixRow, name: Text, *, first: int, widths: list[int], indent: str
) -> None:
    cells = Text()
    for (column, answer), width in zip(row.answers.items(), widths, strict=True):
        if column != FETCH and answer.value is Value.MAY_NOT_FETCH:
            cells.append("no (may not fetch)", style="red")
            break
        cells += padded(_cell(answer), width)
    head = name if name.cell_len <= first - _GAP else None
    if head is None:
        # A long list of names stands above its answers.
        lines.put(Text(indent) + name, hang=len(indent) + 2)
        head = Text()
    line = Text(indent) + padded(head, first) + cells
    line.rstrip()
    lines.append([line])


def _stacked(lines: Lines, rows: tuple[MatrixRow, ...], names: list[Text]) -> None:
    for row, name in zip(rows, names, strict=True):
        lines.put(name, hang=2, style="bold")
        cells = Text("  ")
        for column, answer in row.answers.items():
            if column != FETCH and answer.value is Value.MAY_NOT_FETCH:
                cells.append("no (may not fetch)", style="red")
                break
            cells += Text(f"{column} ") + _cell(answer) + Text("  ")
        cells.rstrip()
        lines.put(cells, hang=2)


def _words(answer: UseAnswer) -> str:
    """A cell's words; a no that does not bind has its footnote."""
    if answer.value is Value.NOT_BOUND:
        return f"no{UNBOUND}{'*' if answer.inherited else ''}"
    return answer.text


def _cell(answer: UseAnswer) -> Text:
    style = _STYLES[answer.value]
    return Text(_words(answer), style=f"{style} dim" if answer.inherited else style)


def _mend(lines: Lines, summary: Summary, *, room: int | None) -> None:
    """What to mend: as many as there is room for, at least one."""
    mend = summary.mend
    lines.blank()
    if not mend:
        lines.put("TO MEND  nothing found")
        return
    lines.put(Text.assemble(("TO MEND", "bold"), f"  {level_counts(mend)}"))
    shown = 0
    used = 2
    for finding in mend:
        block = finding_lines(lines, finding, is_whole=room is None)
        more = 1 if shown + 1 < len(mend) else 0
        if room is not None and shown and used + len(block) + more > room:
            break
        lines.append(block)
        used += len(block)
        shown += 1
    if shown < len(mend):
        lines.put(f"{'':{LABEL}}and {len(mend) - shown} more: --all", style="dim")


def finding_lines(lines: Lines, finding: ShownFinding, *, is_whole: bool) -> list[Text]:
    """The lines that show one finding."""
    level = padded(Text(str(finding.level), style=_LEVELS[finding.level]), LABEL)
    place = Text(safe(finding.place).plain, style="bold")
    if not is_whole:
        words = safe(f"{finding.summary}. {finding.remedy}")
        return lines.wrapped(level + place + "  " + words, hang=LABEL)
    block = lines.wrapped(level + place + "  " + safe(finding.summary), hang=LABEL)
    block += lines.wrapped(Text(" " * LABEL + "→ ") + safe(finding.remedy), hang=LABEL + 2)
    for line in finding.write.splitlines():
        block += lines.wrapped(f"{'':{LABEL}}  {line}", hang=LABEL + 2)
    about = safe(f"{'':{LABEL}}{finding.ident}, {finding.reference}")
    return block + lines.wrapped(about, hang=LABEL, style="dim")


def _tail(lines: Lines, summary: Summary, *, most: int | None) -> None:
    """Offers, other addresses, and what was read."""
    for number, offer in enumerate(summary.offers[:most]):
        label = "ON OFFER" if not number else ""
        lines.put(Text.assemble((f"{label:{LABEL}}", "bold"), safe(offer)), hang=LABEL)
    if most is not None and len(summary.offers) > most:
        lines.put(f"{'':{LABEL}}and {len(summary.offers) - most} more: --all", style="dim")
    for number, sentence in enumerate(summary.also[: None if most is None else _ALSO]):
        label = "ALSO" if not number else ""
        lines.put(Text.assemble((f"{label:{LABEL}}", "bold"), safe(sentence)), hang=LABEL)
    lines.put(Text.assemble((f"{'READ':{LABEL}}", "bold"), safe(summary.read)), hang=LABEL)
