"""One run of lint: sites in, a report out. No I/O."""

from collections.abc import Mapping, Sequence

import msgspec

from reservation_middleware.model import Level, Outcome

from .finding import Confidence, Finding
from .ignores import Baseline, IgnoreRule, apply_ignores, stale_entries, stale_rules
from .places import LintedSite, NotTested
from .registry import find_all

_ORDER = {Level.ERROR: 0, Level.WARNING: 1, Level.INFO: 2}
_SURE = {Confidence.CERTAIN: 0, Confidence.LIKELY: 1, Confidence.PEDANTIC: 2}


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What lint found.

    Attributes:
        findings: sorted by place and line.
        not_tested: what nothing can be told of.
        places: how many documents were looked at.
        ignored: how many findings are ignored or in the baseline.
        stale: ignores and baseline entries that have no finding any more, in words.
        stale_fingerprints: those of the baseline.
        everything: findings with those that are ignored, for a baseline.
    """

    findings: tuple[Finding, ...]
    not_tested: tuple[NotTested, ...] = ()
    places: int = 0
    ignored: int = 0
    stale: tuple[str, ...] = ()
    stale_fingerprints: Mapping[str, str] = {}
    everything: tuple[Finding, ...] = ()

    @property
    def worst_first(self) -> list[Finding]:
        """Errors before warnings, what is certain before what is likely."""
        return sorted(
            self.findings,
            key=lambda finding: (
                _ORDER[finding.kind.level],
                _SURE[finding.kind.confidence],
                finding.source.name,
                finding.line or 0,
            ),
        )

    def status(self, fail_on: Level | None) -> int:
        """The exit status: 1 with a finding that counts, 3 where something was not tested, else 0.

        Args:
            fail_on: the lowest level that counts; None for none.
        """
        if fail_on is not None and any(
            _ORDER[finding.kind.level] <= _ORDER[fail_on] for finding in self.findings
        ):
            return 1
        return 3 if self.not_tested else 0


def lint(
    sites: Sequence[LintedSite],
    *,
    lowest: Confidence = Confidence.LIKELY,
    rules: Sequence[IgnoreRule] = (),
    baseline: Baseline = Baseline(),  # noqa: B008 - immutable
    ignoring: Sequence[str] = ("comments",),
) -> Report:
    """Look for everything in some sites' documents.

    Args:
        sites: what to look at.
        lowest: findings of lower confidence are left out.
        rules: of ``[lint.ignore]``.
        baseline: findings that were there before.
        ignoring: ``comments`` if ignores in files hold; empty to see everything.
    """
    every: list[Finding] = []
    for places in sites:
        every += [f for f in find_all(places) if _SURE[f.kind.confidence] <= _SURE[lowest]]
    every.sort(key=_by_place)
    untested = tuple(entry for places in sites for entry in places.not_tested)
    documents = sum(
        source.document.outcome is Outcome.FETCHED
        for places in sites
        for source in places.all_sources
    )
    if not ignoring:
        return Report(
            findings=tuple(every), not_tested=untested, places=documents, everything=tuple(every)
        )
    ignored = apply_ignores(every, sites, rules, baseline)
    old = stale_entries(baseline, ignored.met)
    stale = (*stale_rules(rules, every), *(f"baseline: {text}" for text in old.values()))
    return Report(
        findings=tuple(sorted(ignored.findings, key=_by_place)),
        not_tested=untested,
        places=documents,
        ignored=ignored.number,
        stale=stale,
        stale_fingerprints=old,
        everything=tuple(every),
    )


def _by_place(finding: Finding) -> tuple[str, int, int, str]:
    return finding.source.name, finding.line or 0, finding.column or 0, finding.kind.ident
