"""A report of lint as SARIF 2.1.0, which code hosts show beside the lines.

Reference: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from typing import Any
from urllib.parse import quote

import msgspec

from reservation_middleware.model import Level
from reservation_middleware.model.version import __version__

from .finding import Finding, FindingKind
from .run import Report

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_LEVELS = {Level.ERROR: "error", Level.WARNING: "warning", Level.INFO: "note"}
#: Results that code hosts take of one run.
_MOST = 5000


def render_sarif(report: Report) -> str:
    """The report as one SARIF log with one run, worst first; paths are relative."""
    findings = report.worst_first[:_MOST]
    kinds = list({finding.kind.ident: finding.kind for finding in findings}.values())
    numbers = {kind.ident: number for number, kind in enumerate(kinds)}
    notifications = [
        {"level": "warning", "message": {"text": f"not tested: {entry.place}: {entry.why}"}}
        for entry in report.not_tested
    ]
    run = {
        "tool": {
            "driver": {
                "name": "reservations lint",
                "semanticVersion": __version__,
                "informationUri": "https://reservation-middleware.example/",
                "rules": [_rule(kind) for kind in kinds],
            }
        },
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": notifications}],
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, numbers[finding.kind.ident]) for finding in findings],
    }
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return msgspec.json.format(msgspec.json.encode(log), indent=1).decode() + "\n"


def _rule(kind: FindingKind) -> dict[str, Any]:
    return {
        "id": kind.ident,
        "shortDescription": {"text": kind.summary.replace("{}", "…")},
        "fullDescription": {"text": kind.what or kind.summary.replace("{}", "…")},
        "help": {"text": kind.remedy},
        "helpUri": kind.page,
        "defaultConfiguration": {"level": _LEVELS[kind.level]},
        "properties": {"confidence": kind.confidence, "since": kind.since},
    }


def _result(finding: Finding, number: int) -> dict[str, Any]:
    name = finding.source.name
    uri = name if finding.source.is_url else quote(name)
    place: dict[str, Any] = {"artifactLocation": {"uri": uri}}
    if finding.line is not None:
        place["region"] = {"startLine": finding.line, "startColumn": finding.column or 1}
    return {
        "ruleId": finding.kind.ident,
        "ruleIndex": number,
        "level": _LEVELS[finding.kind.level],
        "message": {"text": f"{finding.summary}. {finding.remedy}"},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"reservationsFinding/v1": finding.fingerprint},
    }
