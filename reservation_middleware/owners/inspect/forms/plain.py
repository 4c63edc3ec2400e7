"""An inspection as one line of JSON: the record of the decision, and what else was found.

The record's fields are those of ``spec/record.md``; fields are added, never renamed.
"""

from typing import Any

import msgspec

from reservation_middleware.decide.record import record
from reservation_middleware.model import Document
from reservation_middleware.owners.inspect.summary import Summary
from reservation_middleware.report.formats import Screen


def plain(summary: Summary, _screen: Screen) -> str:
    """The line of JSON, without its end."""
    inspection, verdict = summary.inspection, summary.verdict
    shown: dict[str, Any] = {
        **record(inspection.decision),
        "agents": {
            token: {"crawl": decision.crawl, "usage": decision.usage}
            for token, decision in summary.judged.items()
        },
        "documents": [_described(document) for document in inspection.documents],
        "asked": inspection.asked,
        "problem": inspection.problem,
        "exit_status": inspection.status,
        "checked": inspection.time.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "asked_as": inspection.asked_as,
        "requests": inspection.requests,
        "sentence": {
            "mark": verdict.mark,
            "headline": verdict.headline,
            "because": verdict.because,
            "elsewhere": verdict.elsewhere,
        },
        "matrix": [
            {
                "agents": row.tokens,
                "switch": row.is_switch,
                "answers": {
                    name: {"value": answer.value, "inherited": answer.inherited}
                    for name, answer in row.answers.items()
                },
            }
            for row in summary.rows
        ],
        "places": [
            {
                "name": place.name,
                "url": place.url,
                "state": place.state,
                "status": place.status,
                "speaks": place.speaks,
                "asked_by_profile": place.is_asked,
            }
            for place in inspection.places
        ],
        "findings": [finding._asdict() for finding in summary.findings],
        "elsewhere": inspection.elsewhere,
        "variants": [variant._asdict() for variant in inspection.variants],
        "samples": [
            {
                "kind": sample.kind,
                "url": sample.url,
                "outcome": sample.outcome,
                "action": sample.decision and sample.decision.action,
            }
            for sample in inspection.samples
        ],
        "served": [served._asdict() for served in inspection.served],
    }
    return msgspec.json.encode(shown).decode()


def _described(document: Document) -> dict[str, Any]:
    return {
        "url": document.url,
        "resource": document.resource,
        "outcome": document.outcome,
        "status": document.status,
        "bytes": None if document.body is None else len(document.body),
        "sha256": document.digest,
        "problem": document.problem,
    }
