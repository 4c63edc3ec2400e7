"""A report of lint as text for a terminal: worst first, one finding after the other."""

from reservation_middleware.model import Level
from reservation_middleware.model.plural import counted

from .run import Report

#: The plural of each level, worst first.
_LEVELS = {Level.ERROR: "errors", Level.WARNING: "warnings", Level.INFO: "info"}

#: Findings that are shown; the rest is counted.
_MOST = 500


def render_text(report: Report) -> str:
    """The report as plain text: a finding is a line, below it what to write and why."""
    lines: list[str] = []
    for finding in report.worst_first[:_MOST]:
        kind = finding.kind
        place = finding.source.name
        if finding.line is not None:
            place += f":{finding.line}:{finding.column}"
        lines.append(f"{place} {kind.level} {kind.ident} {_flat(finding.summary)}")
        remedy = finding.remedy.split("\n")
        lines.append(f"    write: {_flat(remedy[0])}" if finding.fix else f"    {_flat(remedy[0])}")
        lines += [
            f"           {_flat(line)}" if finding.fix else f"    {_flat(line)}"
            for line in remedy[1:]
        ]
        lines.append(f"    {kind.reference}")
    if len(report.findings) > _MOST:
        lines.append(f"… and {len(report.findings) - _MOST:,} more: --format json has all")
    if report.not_tested:
        lines.append("")
        lines += [
            f"not tested: {_flat(entry.place)}: {_flat(entry.why)}" for entry in report.not_tested
        ]
    lines += [f"stale: {_flat(text)}" for text in report.stale]
    lines.append(summary(report))
    return "\n".join(lines) + "\n"


def summary(report: Report) -> str:
    """How much was found, in one line."""
    parts = []
    for level, several in _LEVELS.items():
        number = sum(finding.kind.level is level for finding in report.findings)
        if number:
            parts.append(counted(number, level.value, several))
    text = f"{', '.join(parts) or 'nothing found'} in {counted(report.places, 'document')}"
    fixable = sum(finding.fix is not None for finding in report.findings)
    if fixable:
        text += f"; {fixable} can be mended by --fix or --fix-all"
    if report.ignored:
        text += f"; {report.ignored} ignored"
    if report.not_tested:
        text += f"; {len(report.not_tested)} not tested"
    return text


def _flat(text: str) -> str:
    """A site's words on one line, without anything that a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in text)
