"""A report of lint as Markdown: a table with a row per finding. A site's words are escaped."""

import re

from .render_text import summary
from .run import Report

#: What would be read as markup.
_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#+!|~&@-])")
#: Rows of the table: GitHub takes 1 MiB of a step's summary.
_MOST = 2000


def render_markdown(report: Report) -> str:
    """The report as Markdown."""
    lines = ["## reservations lint", "", f"{summary(report)}.", ""]
    if report.findings:
        lines += ["| level | where | finding | write |", "| --- | --- | --- | --- |"]
    for finding in report.worst_first[:_MOST]:
        place = finding.source.name + (f":{finding.line}" if finding.line is not None else "")
        kind = finding.kind
        remedy = "<br>".join(map(_escaped, finding.remedy.split("\n")))
        lines.append(
            f"| {kind.level} | {_escaped(place)} | {_escaped(finding.summary)} "
            f"([{kind.ident}]({kind.page})) | {remedy} |"
        )
    if len(report.findings) > _MOST:
        lines += ["", f"… and {len(report.findings) - _MOST:,} more."]
    if report.not_tested:
        lines += ["", "Not tested:", ""]
        lines += [
            f"- {_escaped(entry.place)}: {_escaped(entry.why)}" for entry in report.not_tested
        ]
    if report.stale:
        lines += ["", "Stale ignores:", ""]
        lines += [f"- {_escaped(text)}" for text in report.stale]
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    flat = "".join(c if c.isprintable() else " " for c in text)
    return _MARKUP.sub(r"\\\1", flat)
