"""What verbs about a ledger print: whether it verifies, whether it replays, what it holds.

What comes from a ledger may come from a site: it is printed as text.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

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
    unsigned = sum(one.unsigned for one in report.segments)
    said = f"{_number(report.lines, 'line')} in {_number(len(report.segments), 'segment')}"
    if unsigned:
        said += (
            f", {unsigned:,} {'not signed yet' if report.ok else 'that no checkpoint vouches for'}"
        )
    console.print(f"{said}.")
    for word, more, number in (
        ("erased line", "", sum(one.erased for one in report.segments)),
        ("line", " that the disk did not take", sum(one.lost for one in report.segments)),
        ("byte", " behind the last whole line", sum(one.torn for one in report.segments)),
        ("recovered segment", "", sum(one.recovered for one in report.segments)),
        ("segment", " being written", sum(one.running for one in report.segments)),
    ):
        if number:
            console.print(f"{_number(number, word)}{more}.")
    if report.ok and any(one.unsigned and not one.running for one in report.segments):
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
        console.print(safe(f"Stamp: {stamp.time}, {stamp.lines:,} lines ({checked})"))
    _problems(console, map(str, report.problems))
    if report.more:
        console.print(f"… and {report.more:,} more.")
    console.print("It proves what was logged and when, not that everything was.", style="dim")


def show_bundle(console: Console, name: str, report: "BundleReport") -> None:
    """Print what was found of a bundle."""
    _verdict(console, name, ok=not report.problems)
    said = f"{report.host}: {report.decisions:,} decisions, {report.documents:,} documents"
    if report.erased:
        said += f", {report.erased:,} erased lines"
    console.print(safe(f"{said}, in {_number(report.segments, 'segment')}."))
    whose = "given" if report.pinned else "by the bundle's own word; --key pins it"
    for key in report.keys:
        console.print(safe(f"Key: {key} ({whose})"))
    _problems(console, report.problems)
    if report.not_proved:
        console.print("Not proved:", style="dim")
    for one in report.not_proved:
        console.print(safe(f"- {one}"), style="dim")


def show_replay(console: Console, told: Mapping[str, Any]) -> None:
    """Print whether decisions came out as recorded."""
    for one in told["mismatches"]:
        console.print(
            Text.assemble(("differs  ", "red"), safe(f"{one['url']}  {one['id']}  {one['where']}"))
        )
        for field in one["fields"]:
            console.print(safe(f"  {field['field']} recorded: {_short(field['recorded'])}"))
            console.print(safe(f"  {field['field']} replayed: {_short(field['replayed'])}"))
    if told["mismatches_not_shown"]:
        console.print(f"… and {told['mismatches_not_shown']:,} more.")
    good = not told["different"]
    console.print(
        Text.assemble(
            (
                f"{told['different']:,} of {told['replayed']:,}",
                "bold green" if good else "bold red",
            ),
            " decisions that were made again differ from what is recorded.",
        )
    )
    for why, number in told["apart"].items():
        console.print(safe(f"{number:,} were not compared: {why}."))
    if told["erased_lines"]:
        console.print(f"{told['erased_lines']:,} lines were erased.")
    console.print(
        f"Compared: {', '.join(told['compared'])}. Not in the documents, so not compared: "
        f"{', '.join(told['not_compared'])}.",
        style="dim",
    )


def show_stats(console: Console, told: Mapping[str, Any]) -> None:
    """Print what a ledger holds."""
    console.print(safe(f"{told['ledger']}: {_number(told['segments'], 'segment')}"))
    if told["decisions"]:
        console.print(
            f"{told['decisions']:,} decisions from {told['since']} to {told['until']}, "
            f"{told['blocked']:,} pages stopped, {told['bytes']:,} bytes of pages"
        )
    for key, what in (
        ("counts_only", "of these only counted (bulk mode)"),
        ("lost_lines", "lines lost, as the disk took none"),
        ("torn", "bytes behind the last whole lines"),
        ("cut_bytes", "bytes cut off when segments were recovered"),
    ):
        if told[key]:
            console.print(f"{told[key]:,} {what}")
    for name, numbers in {"lines": told["lines"], **told["by"]}.items():
        if numbers:
            console.print()
            cells = [(safe(key), Text(f"{number:,}")) for key, number in numbers.items()]
            rows(console, (name, "number"), cells)


def _problems(console: Console, problems: Iterable[str]) -> None:
    named: Counter[str] = Counter()
    for one in problems:
        found = _LINE.match(one)
        if found:
            named[found["file"]] += 1
        if found is None or named[found["file"]] <= _LINES:
            console.print(Text.assemble(("problem  ", "red"), safe(one)))
    for file, number in named.items():
        if number > _LINES:
            console.print(
                safe(f"… and {number - _LINES:,} more lines of {file}; --format json names them.")
            )


def _number(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= _SHORT else text[:_SHORT] + "…"
