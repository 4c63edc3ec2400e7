"""A report of lint as JSON; the form is public (the contract, "Site owners")."""

from typing import Any

import msgspec

from .finding import Finding
from .run import Report


def render_json(report: Report) -> str:
    """The report as one line of JSON, findings sorted by place and line."""
    return (
        msgspec.json.encode(
            {
                "version": 1,
                "findings": [_finding(finding) for finding in report.findings],
                "not_tested": [
                    {"place": entry.place, "why": entry.why} for entry in report.not_tested
                ],
            }
        ).decode()
        + "\n"
    )


def _finding(finding: Finding) -> dict[str, Any]:
    kind = finding.kind
    return {
        "ident": kind.ident,
        "level": kind.level,
        "confidence": kind.confidence,
        "url" if finding.source.is_url else "path": finding.source.name,
        "line": finding.line,
        "column": finding.column,
        "summary": finding.summary,
        "remedy": finding.remedy,
        "reference": kind.reference,
        "since": kind.since,
        "fixable": finding.fix is not None,
        "fingerprint": finding.fingerprint,
    }
