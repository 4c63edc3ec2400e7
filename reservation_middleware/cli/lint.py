"""``reservations lint``: findings for site owners in files, a folder, a site, or standard input."""

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import ColorOption, http_url, page_url, replace_file
from .standard_streams import UnusableError

if TYPE_CHECKING:
    from reservation_middleware.owners.lint.ignores import Baseline, IgnoreRule
    from reservation_middleware.owners.lint.places import LintedSite
    from reservation_middleware.owners.lint.run import Report


EXAMPLES = """Examples:

\b
  reservations lint public/
  reservations lint public/ --live https://www.example.org
  reservations lint robots.txt --fix
  reservations lint https://www.example.org --format sarif > findings.sarif"""


class LintFormat(StrEnum):
    """How to print."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"
    HTML = "html"
    MARKDOWN = "markdown"


class FailOn(StrEnum):
    """The lowest level of a finding that makes the status 1."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    NEVER = "never"


def lint(
    inputs: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH…|URL…|-", help="Files, folders, sites; - for standard input."),
    ] = None,
    live: Annotated[
        str | None,
        typer.Option("--live", metavar="URL", help="Compare the folder with what is served there."),
    ] = None,
    intent: Annotated[
        Path | None,
        typer.Option("--intent", metavar="FILE", help="Compare with what is meant, a TOML file."),
    ] = None,
    fix: Annotated[
        bool, typer.Option("--fix", help="Mend what is certain; no other effect changes.")
    ] = False,
    fix_all: Annotated[
        bool, typer.Option("--fix-all", help="Mend what is likely, too; look at the diff.")
    ] = False,
    explain: Annotated[
        str | None, typer.Option("--explain", metavar="ID", help="What a finding means.")
    ] = None,
    baseline: Annotated[
        Path | None,
        typer.Option(
            "--baseline", metavar="FILE", help="Leave out what is in it; made if it is not there."
        ),
    ] = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Take stale entries out of the baseline.")
    ] = False,
    no_ignores: Annotated[
        bool, typer.Option("--no-ignores", help="Show what is ignored or in the baseline, too.")
    ] = False,
    pedantic: Annotated[
        bool, typer.Option("--pedantic", help="Show findings of little use to most owners, too.")
    ] = False,
    fail_on: Annotated[
        FailOn, typer.Option("--fail-on", help="The lowest level that makes the status 1.")
    ] = FailOn.WARNING,
    proxy: Annotated[
        str | None, typer.Option("--proxy", metavar="URL", help="HTTP proxy to go through.")
    ] = None,
    format: Annotated[  # noqa: A002 - the flag's name
        LintFormat, typer.Option("--format", help="How to print.")
    ] = LintFormat.TEXT,
    no_color: ColorOption = False,
) -> None:
    """What is said in a way that nobody reads, or nobody means, with what to write instead.

    Exit status: 0 clean, 1 findings at or above --fail-on, 2 bad usage, 3 where something was not
    tested and nothing was found.
    """
    del no_color  # there are no colours; taken as by every command
    if explain is not None:
        sys.stdout.write(_explained(explain))
        return
    if not inputs:
        raise typer.BadParameter("a PATH, a URL or - is needed")
    from reservation_middleware.model import Level
    from reservation_middleware.owners.lint.finding import Confidence
    from reservation_middleware.owners.lint.ignores import Baseline, read_baseline
    from reservation_middleware.owners.lint.render import SUBJECT
    from reservation_middleware.owners.lint.run import lint as look
    from reservation_middleware.report.formats import Form, Screen, render

    if prune and baseline is None:
        raise typer.BadParameter("--prune needs --baseline FILE")
    sites = _sites(inputs, live=live, intent=intent, proxy=proxy)
    known = read_baseline(baseline) if baseline is not None else Baseline()
    rules = _rules()
    lowest = Confidence.PEDANTIC if pedantic else Confidence.LIKELY
    ignoring = () if no_ignores else ("comments",)
    report = look(sites, lowest=lowest, rules=rules, baseline=known, ignoring=ignoring)
    if fix or fix_all:
        up_to = Confidence.LIKELY if fix_all else Confidence.CERTAIN
        sites = _mended(sites, report, up_to)
        report = look(sites, lowest=lowest, rules=rules, baseline=known, ignoring=ignoring)
    if baseline is not None:
        report = _with_baseline(report, baseline, known, prune=prune)
    sys.stdout.write(render(SUBJECT, Form(format.value), report, Screen()))
    if format is LintFormat.GITHUB:
        _step_summary(report)
    level = None if fail_on is FailOn.NEVER else Level(fail_on.value)
    raise typer.Exit(report.status(level))


def _sites(
    inputs: list[str], *, live: str | None, intent: Path | None, proxy: str | None
) -> "list[LintedSite]":
    """Every input, read."""
    import asyncio

    import msgspec

    from reservation_middleware.owners.intent import read_intent
    from reservation_middleware.owners.lint.files import read_input, read_path
    from reservation_middleware.syntax.path import split_url

    meant = read_intent(intent) if intent is not None else None
    session = {"proxy": http_url(proxy, proxy)} if proxy is not None else {}
    served = page_url(live) if live is not None else None
    origin = split_url(served)[0] if served else meant.origin if meant else None
    urls = [page_url(given) for given in inputs if "://" in given]
    if served is not None and urls:
        raise typer.BadParameter(
            "--live compares a folder or file with a site; give a PATH with it"
        )
    sites: list[LintedSite] = []
    for given in inputs:
        if given == "-":
            sites.append(read_input(sys.stdin.buffer))
        elif "://" in given:
            from reservation_middleware.owners.lint.live import read_url

            sites.append(asyncio.run(read_url(page_url(given), **session)))
        else:
            sites.append(read_path(Path(given), origin=origin))
    if served is not None:
        from reservation_middleware.owners.lint.live import read_wire

        for number, places in enumerate(sites):
            targets = [split_url(page.document.url)[1] for page in places.pages]
            wire, untested = asyncio.run(read_wire(served, targets, **session))
            sites[number] = msgspec.structs.replace(
                places, wire=wire, not_tested=(*places.not_tested, *untested)
            )
    if meant is not None:
        sites = [msgspec.structs.replace(places, intent=meant) for places in sites]
    return sites


def _rules() -> "tuple[IgnoreRule, ...]":
    """``[lint.ignore]`` of reservations.toml, or of pyproject.toml, in the working directory."""
    from reservation_middleware.model import ConfigurationError
    from reservation_middleware.owners.lint.ignores import read_rules
    from reservation_middleware.runtime.toml_file import read_toml

    for name in ("reservations.toml", "pyproject.toml"):
        found = read_toml(Path(name), name=name)
        table: Any = found[0] if found else {}
        for key in ("tool", "reservations") if name == "pyproject.toml" else ():
            table = table.get(key, {}) if isinstance(table, dict) else {}
        given = table.get("lint") if isinstance(table, dict) else None
        if given is None:
            continue
        if not isinstance(given, dict) or set(given) - {"ignore"}:
            raise ConfigurationError(f"{name}: [lint] has the table [lint.ignore] only")
        return read_rules(given.get("ignore", {}), name)
    return ()


def _mended(sites: "list[LintedSite]", report: "Report", up_to: object) -> "list[LintedSite]":
    """The sites with what could be mended mended, in files, too; diffs go to standard error."""
    from reservation_middleware.owners.lint.finding import Confidence
    from reservation_middleware.owners.lint.mend import diff, effects, mend, write

    assert isinstance(up_to, Confidence)
    mended_sites = []
    for places in sites:
        names = {source.name for source in places.all_sources}
        own = [finding for finding in report.findings if finding.source.name in names]
        mended = mend(places, own, up_to=up_to)
        try:
            write(mended)
        except OSError as error:
            raise UnusableError.of(f"write {error.filename}", error) from None
        sys.stderr.write(diff(places, mended) + effects(mended))
        for finding, change in mended.refused:
            sys.stderr.write(
                f"not mended: {finding.source.name}:{finding.line} {finding.kind.ident}: it would "
                f"change {change.cell.use} of {change.cell.agent} at {change.cell.path}\n"
            )
        mended_sites.append(mended.places)
    return mended_sites


def _with_baseline(report: "Report", file: Path, known: "Baseline", *, prune: bool) -> "Report":
    """Write the baseline where there is none yet, or without its stale entries."""
    import msgspec

    from reservation_middleware.owners.lint.ignores import baseline_of

    try:
        if not file.exists():
            replace_file(file, baseline_of(report.everything))
            sys.stderr.write(f"{file}: {len(report.everything)} findings are the baseline now\n")
            return msgspec.structs.replace(report, findings=(), ignored=len(report.everything))
        if prune and report.stale_fingerprints:
            left = [
                finding
                for finding in report.everything
                if finding.fingerprint in known.fingerprints
            ]
            replace_file(file, baseline_of(left))
            stale = tuple(text for text in report.stale if not text.startswith("baseline: "))
            return msgspec.structs.replace(report, stale=stale)
    except OSError as error:
        raise UnusableError.of(f"write {file}", error) from None
    return report


def _step_summary(report: "Report") -> None:
    """Put all findings into the summary of a step of GitHub's, if this is one."""
    from reservation_middleware.owners.lint.render_github import step_summary

    name = os.environ.get("GITHUB_STEP_SUMMARY")
    if name:
        try:
            with Path(name).open("a", encoding="utf-8") as file:
                file.write(step_summary(report))
        except OSError as error:
            raise UnusableError.of(f"write {name}", error) from None


def _explained(ident: str) -> str:
    """What a finding means.

    Raises:
        typer.BadParameter: there is no such finding.
    """
    from reservation_middleware.model.vocabulary import unknown_word
    from reservation_middleware.owners.lint.pages import explanation
    from reservation_middleware.owners.lint.registry import kinds

    kind = kinds().get(ident)
    if kind is None:
        raise typer.BadParameter(unknown_word("finding", ident, kinds()))
    return explanation(kind)
