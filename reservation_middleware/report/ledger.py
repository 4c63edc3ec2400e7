"""What verbs about a ledger print: whether it verifies, whether it replays, what it holds.

What comes from a ledger may come from a site: it is printed as text.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from reservation_middleware.model.plural import counted

from .table import rows, safe

if TYPE_CHECKING:
    from reservation_middleware.ledger.share.prove import BundleReport
    from reservation_middleware.ledger.verify.ledger import VerifyReport

#: A value that differs is shown up to so many characters; all of it is in the JSON.
_SHORT = 300
#: Lines of one file that are named; one that is changed may leave no later one in its place.
_LINES = 5
#: What a problem with one line begins with.
_LINE = re.compile(r"(?P<file>\S+):[0-9]+: ")


def _verdict(console: Console, what: str, *, ok: bool) -> None:
    word = Text("VERIFIES", style="bold green") if ok else Text("DOES NOT VERIFY", style="bold red")
    console.print(Text.assemble(word, "  ", safe(what)))


def show_verified(console: Console, report: "VerifyReport") -> None:
    """Print what was found of a ledger."""
    _verdict(console, report.folder, ok=report.ok)
    unsigned = sum(segment.unsigned for segment in report.segments)
    summary = f"{counted(report.lines, 'line')} in {counted(len(report.segments), 'segment')}"
    if unsigned:
        summary += (
            f", {unsigned:,} {'not signed yet' if report.ok else 'that no checkpoint vouches for'}"
        )
    console.print(f"{summary}.")
    for word, more, number in (
        ("erased line", "", sum(segment.erased for segment in report.segments)),
        ("line", " that the disk did not take", sum(segment.lost for segment in report.segments)),
        ("byte", " behind the last whole line", sum(segment.torn for segment in report.segments)),
        ("recovered segment", "", sum(segment.recovered for segment in report.segments)),
        ("segment", " being written", sum(segment.running for segment in report.segments)),
    ):
        if number:
            console.print(f"{counted(number, word)}{more}.")
    if report.ok and any(segment.unsigned and not segment.running for segment in report.segments):
        console.print(
            "A writer was killed: `reservations ledger recover` signs what it left, and so does "
            "the next crawl."
        )
    console.print(f"Root: {report.root}")
    whose = "given" if report.pinned else "by the ledger's own word; --key pins it"
    for key in report.keys:
        console.print(safe(f"Key: {key} ({whose})"))
    for stamp in report.stamps:
        checked = "checked" if stamp.authority else "signature not checked; --ca names whose"
        console.print(safe(f"Stamp: {stamp.time}, {counted(stamp.lines, 'line')} ({checked})"))
    _problems(console, map(str, report.problems))
    if report.more:
        console.print(f"… and {report.more:,} more.")
    console.print("It proves what was logged and when, not that everything was.", style="dim")


def show_bundle(console: Console, name: str, report: "BundleReport") -> None:
    """Print what was found of a bundle."""
    _verdict(console, name, ok=not report.problems)
    summary = (
        f"{report.host}: {counted(report.decisions, 'decision')}, "
        f"{counted(report.documents, 'document')}"
    )
    if report.erased:
        summary += f", {counted(report.erased, 'erased line')}"
    console.print(safe(f"{summary}, in {counted(report.segments, 'segment')}."))
    whose = "given" if report.pinned else "by the bundle's own word; --key pins it"
    for key in report.keys:
        console.print(safe(f"Key: {key} ({whose})"))
    _problems(console, report.problems)
    if report.not_proved:
        console.print("Not proved:", style="dim")
    for reason in report.not_proved:
        console.print(safe(f"- {reason}"), style="dim")


def show_replay(console: Console, result: Mapping[str, Any]) -> None:
    """Print whether decisions came out as recorded."""
    for mismatch in result["mismatches"]:
        console.print(
            Text.assemble(
                ("differs  ", "red"),
                safe(f"{mismatch['url']}  {mismatch['id']}  {mismatch['where']}"),
            )
        )
        for field in mismatch["fields"]:
            console.print(safe(f"  {field['field']} recorded: {_short(field['recorded'])}"))
            console.print(safe(f"  {field['field']} replayed: {_short(field['replayed'])}"))
    if result["mismatches_not_shown"]:
        console.print(f"… and {result['mismatches_not_shown']:,} more.")
    good = not result["different"]
    console.print(
        Text.assemble(
            (
                f"{result['different']:,} of {result['replayed']:,}",
                "bold green" if good else "bold red",
            ),
            " decisions that were made again differ from what is recorded.",
        )
    )
    for why, number in result["apart"].items():
        console.print(safe(f"{counted(number, 'was', 'were')} not compared: {why}."))
    if result["erased_lines"]:
        console.print(f"{counted(result['erased_lines'], 'line was', 'lines were')} erased.")
    console.print(
        f"Compared: {', '.join(result['compared'])}. Not in the documents, so not compared: "
        f"{', '.join(result['not_compared'])}.",
        style="dim",
    )


def show_stats(console: Console, stats: Mapping[str, Any]) -> None:
    """Print what a ledger holds."""
    console.print(safe(f"{stats['ledger']}: {counted(stats['segments'], 'segment')}"))
    if stats["decisions"]:
        console.print(
            f"{counted(stats['decisions'], 'decision')} from {stats['since']} to {stats['until']}, "
            f"{counted(stats['blocked'], 'page')} stopped, {counted(stats['bytes'], 'byte')} of pages"
        )
    if stats["counts_only"]:
        console.print(f"{stats['counts_only']:,} of these only counted (bulk mode)")
    for key, word, more in (
        ("lost_lines", "line", "lost, as the disk took none"),
        ("torn", "byte", "behind the last whole lines"),
        ("cut_bytes", "byte", "cut off when segments were recovered"),
    ):
        if stats[key]:
            console.print(f"{counted(stats[key], word)} {more}")
    for name, numbers in {"lines": stats["lines"], **stats["by"]}.items():
        if numbers:
            console.print()
            cells = [(safe(key), Text(f"{number:,}")) for key, number in numbers.items()]
            rows(console, (name, "number"), cells)


def _problems(console: Console, problems: Iterable[str]) -> None:
    named: Counter[str] = Counter()
    for problem in problems:
        found = _LINE.match(problem)
        if found:
            named[found["file"]] += 1
        if found is None or named[found["file"]] <= _LINES:
            console.print(Text.assemble(("problem  ", "red"), safe(problem)))
    for file, number in named.items():
        if number > _LINES:
            console.print(
                safe(
                    f"… and {counted(number - _LINES, 'more line')} of {file}; --format json names them."
                )
            )


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= _SHORT else text[:_SHORT] + "…"
