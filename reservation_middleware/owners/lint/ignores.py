"""Findings that an owner has decided about: comments, ``[lint.ignore]``, and a baseline.

A comment ``# reservations: ignore[ident] reason`` stands on the finding's line or above it. In
reservations.toml ``[lint.ignore]`` has an ident with a table, or several, of ``glob`` and ``reason``.
A baseline is a JSON file of fingerprints. Whatever ignores nothing any more is told.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import msgspec

from reservation_middleware.model import ConfigurationError
from reservation_middleware.model.vocabulary import unknown_word

from .finding import Finding, found
from .ignore_kinds import NO_REASON, STALE, UNKNOWN
from .places import LintedSite
from .registry import kinds
from .source import LintSource

_MARK = re.compile(r"reservations:\s*ignore\[([a-z0-9, -]*)\](.*)")
#: Comments of one file that are read.
_MOST = 1000


class IgnoreRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule of ``[lint.ignore]``."""

    reason: str
    glob: str = "*"
    ident: str = ""


class Baseline(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Findings that were there when it was made: fingerprints, each with what it stands for."""

    version: int = 1
    fingerprints: dict[str, str] = {}


class Ignored(msgspec.Struct, frozen=True):
    """What is left of findings, and fingerprints of a baseline that had one."""

    findings: tuple[Finding, ...]
    number: int
    met: frozenset[str]


class _Comment(msgspec.Struct, frozen=True):
    source: LintSource
    line: int
    idents: tuple[str, ...]
    reason: str

    @property
    def is_alone(self) -> bool:
        """Whether nothing but the comment stands on its line."""
        before = self.source.lines[self.line - 1].partition("reservations:")[0]
        return not before.strip(" \t#/*<!-;")


def read_rules(table: Any, where: str) -> tuple[IgnoreRule, ...]:
    """The rules of ``[lint.ignore]``.

    Args:
        table: as TOML has it.
        where: the name of the file, for errors.

    Raises:
        ConfigurationError: an ident is unknown, or a rule has no reason.
    """
    rules: list[IgnoreRule] = []
    if not isinstance(table, dict):
        raise ConfigurationError(f"{where}: lint.ignore must be a table")
    for ident, given in table.items():
        if ident not in kinds():
            raise ConfigurationError(
                f"{where}: lint.ignore: {unknown_word('ident', ident, kinds())}"
            )
        for entry in given if isinstance(given, list) else [given]:
            try:
                rule = msgspec.convert(entry, IgnoreRule)
            except msgspec.ValidationError as error:
                raise ConfigurationError(f"{where}: lint.ignore.{ident}: {error}") from None
            if not rule.reason.strip():
                raise ConfigurationError(f"{where}: lint.ignore.{ident}: the reason is empty")
            rules.append(msgspec.structs.replace(rule, ident=ident))
    return tuple(rules)


def read_baseline(file: Path) -> Baseline:
    """A baseline file; an empty one where there is none yet.

    Raises:
        ConfigurationError: it cannot be read, or is no baseline.
    """
    try:
        return msgspec.json.decode(file.read_bytes(), type=Baseline)
    except FileNotFoundError:
        return Baseline()
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror or error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file}: no baseline: {error}") from None


def baseline_of(findings: Iterable[Finding]) -> bytes:
    """A baseline file that holds some findings, sorted so that its changes are small."""
    entries = {
        finding.fingerprint: f"{finding.kind.ident} {finding.source.name}" for finding in findings
    }
    by_text = dict(sorted(entries.items(), key=lambda entry: (entry[1], entry[0])))
    return msgspec.json.format(msgspec.json.encode(Baseline(1, by_text)), indent=2) + b"\n"


def apply_ignores(
    findings: Sequence[Finding],
    sites: Sequence[LintedSite],
    rules: Sequence[IgnoreRule],
    baseline: Baseline,
) -> Ignored:
    """Findings without those that are ignored, with what is wrong about the ignores."""
    comments = [
        comment
        for places in sites
        for source in places.all_sources
        for comment in _comments(source)
    ]
    valid = [comment for comment in comments if comment.reason]
    by_line: dict[tuple[str, int], list[_Comment]] = {}
    for comment in valid:
        # On its own line, or else on the next that is no such comment.
        for line in (_next(comment) if comment.is_alone else comment.line,):
            by_line.setdefault((comment.source.name, line), []).append(comment)
    used_comments: set[tuple[_Comment, str]] = set()
    used_rules: set[IgnoreRule] = set()
    met: set[str] = set()
    left: list[Finding] = []
    for finding in findings:
        ident = finding.kind.ident
        matching = [
            comment
            for comment in by_line.get((finding.source.name, finding.line or 1), ())
            if ident in comment.idents
        ]
        ruled = [
            rule
            for rule in rules
            if rule.ident == ident and fnmatch(finding.source.name, rule.glob)
        ]
        used_comments.update((comment, ident) for comment in matching)
        used_rules.update(ruled)
        print_ = finding.fingerprint if baseline.fingerprints else ""
        if print_ in baseline.fingerprints:
            met.add(print_)
        elif not matching and not ruled:
            left.append(finding)
    number = len(findings) - len(left)
    for comment in comments:
        left.extend(_about(comment, used_comments))
    return Ignored(tuple(left), number, frozenset(met))


def stale_rules(rules: Sequence[IgnoreRule], findings: Sequence[Finding]) -> list[str]:
    """Rules of ``[lint.ignore]`` that match none of all findings, in words."""
    return [
        f"[lint.ignore] {rule.ident}, glob {rule.glob}"
        for rule in rules
        if not any(
            rule.ident == finding.kind.ident and fnmatch(finding.source.name, rule.glob)
            for finding in findings
        )
    ]


def stale_entries(baseline: Baseline, met: frozenset[str]) -> Mapping[str, str]:
    """Entries of a baseline that no finding has."""
    return {key: text for key, text in baseline.fingerprints.items() if key not in met}


def _comments(source: LintSource) -> Iterable[_Comment]:
    if b"reservations:" not in source.body:
        return
    number = 0
    for line, text in enumerate(source.lines, 1):
        match = _MARK.search(text) if "ignore[" in text else None
        if match is not None and number < _MOST:
            number += 1
            idents = tuple(ident.strip() for ident in match[1].split(",") if ident.strip())
            reason = re.sub(r"-->\s*$|\*/\s*$", "", match[2]).strip()
            yield _Comment(source, line, idents, reason)


def _next(comment: _Comment) -> int:
    """The first line below a comment that is no such comment."""
    line = comment.line + 1
    lines = comment.source.lines
    while line <= len(lines) and _MARK.search(lines[line - 1]):
        line += 1
    return line


def _about(comment: _Comment, used: set[tuple[_Comment, str]]) -> Iterable[Finding]:
    """What is wrong about a comment itself."""
    for ident in comment.idents or ("",):
        if ident not in kinds():
            yield found(UNKNOWN, comment.source, comment.line, detail=ident)
        elif not comment.reason:
            yield found(NO_REASON, comment.source, comment.line, detail=ident)
        elif (comment, ident) not in used:
            yield found(STALE, comment.source, comment.line, detail=ident)
