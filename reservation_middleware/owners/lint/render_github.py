"""A report of lint as GitHub's workflow commands, and as the page of a step's summary.

Of annotations GitHub shows ten of each level for a step, so the ten worst are printed; all stand in
the summary. Reference: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from .render_markdown import render_markdown
from .run import Report

_WORDS = {"error": "error", "warning": "warning", "info": "notice"}
#: Annotations that are printed.
MOST = 10


def render_github(report: Report) -> str:
    """The ten worst findings as annotations."""
    lines = []
    for finding in report.worst_first[:MOST]:
        place = [] if finding.source.is_url else [f"file={_property(finding.source.name)}"]
        if finding.line is not None and place:
            place += [f"line={finding.line}", f"col={finding.column or 1}"]
        place.append(f"title={_property(finding.kind.ident)}")
        where = f"{finding.source.name}: " if finding.source.is_url else ""
        text = _message(f"{where}{finding.summary}. {finding.remedy}")
        lines.append(f"::{_WORDS[finding.kind.level]} {','.join(place)}::{text}")
    lines += [
        f"::warning title=not tested::{_message(f'{entry.place}: {entry.why}')}"
        for entry in report.not_tested[:MOST]
    ]
    return "\n".join(lines) + "\n" if lines else ""


def step_summary(report: Report) -> str:
    """All findings, for the file that ``GITHUB_STEP_SUMMARY`` names."""
    return render_markdown(report)


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
