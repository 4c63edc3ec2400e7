"""The verbs of ``reservations ledger``.

Exit statuses: 0 ok, 1 tampered, broken or mismatch, 2 bad usage or no ledger.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from reservation_middleware.model.plural import counted

from . import ledger_manage as custody
from .help import Command
from .ledger_manage import HostOption, LedgerArgument, errors_shown, octets, read_file
from .options import ColorOption, Format, FormatOption, console, print_json, replace_file
from .standard_streams import UnusableError, say, write_json

if TYPE_CHECKING:
    from reservation_middleware.ledger.read.replay import Replayed

app = typer.Typer(help="The evidence: decision records and what is in them.", no_args_is_help=True)


@app.callback()
def _main() -> None:
    """The evidence: decision records and what is in them."""


@app.command(cls=Command)
def verify(
    ledger: Annotated[
        Path,
        typer.Argument(
            metavar="LEDGER|BUNDLE", readable=False, help="A ledger's folder, or a bundle."
        ),
    ],
    key: Annotated[
        list[str] | None,
        typer.Option(
            "--key",
            metavar="VKEY|FILE",
            help="Whose signature must be on it, as `ledger key` prints it; repeated.",
        ),
    ] = None,
    since: Annotated[
        list[Path] | None,
        typer.Option(
            "--since",
            metavar="CHECKPOINT",
            readable=False,
            help="A copy of log/*.checkpoint that was kept elsewhere; repeated.",
        ),
    ] = None,
    ca: Annotated[
        list[Path] | None,
        typer.Option(
            "--ca",
            metavar="PEM",
            readable=False,
            help="A time-stamp authority's root certificates; repeated.",
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Lines that nobody signed yet are problems, too.")
    ] = False,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
    no_color: ColorOption = False,
) -> None:
    """Whether a ledger, or a host's bundle of one, is as it was written and signed.

    Exit status: 0 it is, 1 it is not, 2 bad usage, or it cannot be read.
    """
    from reservation_middleware.ledger.share.prove import verify_bundle
    from reservation_middleware.ledger.verify.ledger import verify as check
    from reservation_middleware.report.ledger import show_bundle, show_verified
    from reservation_middleware.report.progress import progress

    keys = [custody.verifier_key(text) for text in key or ()] or None
    if ledger.is_dir():
        with progress("verifying", octets(ledger)) as advance:
            found = check(
                ledger,
                keys=keys,
                since=[custody.checkpoint(text) for text in since or ()],
                authorities=[custody.certificates(file) for file in ca or ()],
                strict=strict,
                progress=advance,
            )
        if format is Format.JSON:
            print_json({"ok": found.ok, **_plain(found)})
        else:
            show_verified(console(no_color), found)
        raise typer.Exit(0 if found.ok else 1)
    if since or ca or strict or (keys and len(keys) > 1):
        raise typer.BadParameter("a bundle is checked with one --key, and no other flag")
    data = read_file(ledger)
    with errors_shown():
        bundle = verify_bundle(data, key=keys[0] if keys else None)
    ok = not bundle.problems
    if format is Format.JSON:
        print_json({"ok": ok, **_plain(bundle)})
    else:
        show_bundle(console(no_color), str(ledger), bundle)
    raise typer.Exit(0 if ok else 1)


@app.command(cls=Command)
def prove(
    ledger: LedgerArgument,
    host: HostOption,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE", readable=False, help="Default: standard output."
        ),
    ] = None,
) -> None:
    """A bundle with all lines about one host and nobody else's, which verifies by itself.

    Exit status: 0, also where nothing signed is about the host, 1 if the ledger is broken, 2 bad
    usage, no disk or no rights.
    """
    from reservation_middleware.ledger.read.host_filter import HostFilter
    from reservation_middleware.ledger.share.prove import prove as bundle_of
    from reservation_middleware.report.progress import progress

    HostFilter.parse(host)
    with progress("reading", 2 * octets(ledger)) as advance, errors_shown():
        data = bundle_of(ledger, host, progress=advance)
    if output is None:
        write_json(data, end=b"")
        return
    try:
        replace_file(output, data)
    except (OSError, ValueError) as error:
        raise UnusableError.of(f"write {output}", error) from None
    say(f"{counted(len(data), 'byte')} about {host} in {output}")


@app.command(cls=Command)
def replay(
    ledger: LedgerArgument,
    show: Annotated[
        int, typer.Option("--show", min=0, help="How many differences are shown.")
    ] = 20,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
    no_color: ColorOption = False,
) -> None:
    """Make every decision again from the documents that are kept, and say which differ.

    Exit status: 0 none differs, 1 one does or the ledger is broken, 2 bad usage, 3 some could not
    be made again; what bulk mode only counted is none of these.
    """
    from reservation_middleware.ledger.read.reader import LedgerReader
    from reservation_middleware.ledger.read.replay import COUNTED
    from reservation_middleware.ledger.read.replay import replay as replayed
    from reservation_middleware.report.ledger import show_replay
    from reservation_middleware.report.progress import progress

    with (
        LedgerReader(ledger) as reader,
        progress("replaying", reader.octets) as advance,
        errors_shown(),
    ):
        found = _replayed(replayed(reader, advance), show=show)
        found["erased_lines"] = sum(segment.erased for segment in reader.segments)
    if format is Format.JSON:
        print_json(found)
    else:
        show_replay(console(no_color), found)
    left = found["apart"].keys() - {COUNTED}
    raise typer.Exit(1 if found["different"] else 3 if left else 0)


@app.command(cls=Command)
def stats(
    ledger: LedgerArgument,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
    no_color: ColorOption = False,
) -> None:
    """What a ledger holds, in numbers. Nothing is verified.

    Exit status: 0, 1 if the ledger is broken, 2 bad usage.
    """
    from reservation_middleware.ledger.read.reader import LedgerReader
    from reservation_middleware.ledger.share.stats import Stats
    from reservation_middleware.report.ledger import show_stats
    from reservation_middleware.report.progress import progress

    found = Stats()
    with LedgerReader(ledger) as reader:
        with progress("reading", reader.octets) as advance, errors_shown():
            for _, _, entry in reader.lines(advance):
                found.take(entry)
        values = {
            "ledger": str(ledger),
            "segments": len(reader.segments),
            "torn": sum(segment.torn for segment in reader.segments),
            **found.plain(),
        }
    if format is Format.JSON:
        print_json(values)
    else:
        show_stats(console(no_color), values)


@app.command(cls=Command)
def offers(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE…|LEDGER|-]",
            help="Decision records as JSON Lines, or ledgers; default -.",
        ),
    ] = None,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
    no_color: ColorOption = False,
) -> None:
    """A rate card of the licences on offer, by registrable domain.

    Reads what `reservations decide` prints, and ledgers. Lines that are no records are counted
    and passed over. Exit status: 0, 1 if a ledger is broken, 2 for bad usage or a file that
    cannot be read.
    """
    from reservation_middleware.decide.batch import MAX_LINE
    from reservation_middleware.ledger.share.rate_card import MOST, RateCard
    from reservation_middleware.report.offers import show_rate_card

    card = RateCard()
    with ExitStack() as stack:
        # All are opened before any is read: a wrong name is told at once.
        streams = [_lines(name, stack) for name in dict.fromkeys(files or ["-"])]
        for name, lines in streams:
            try:
                with errors_shown():
                    card.read(lines(), longest=MAX_LINE)
            except OSError as error:
                raise UnusableError.of(f"read {name}", error) from None
    if format is Format.JSON:
        for line in card.lines():
            print_json(line)
    else:
        show_rate_card(console(no_color), card.lines())
    for number, what in (
        (card.errors, "error records passed over"),
        (card.bad, "lines passed over that are no decision records"),
        (card.left_out, f"sightings of further offers left out: more than {MOST} different ones"),
    ):
        if number:
            say(f"{number} {what}")
    if format is Format.TEXT:
        typer.echo(f"offers: {len(card.lines())}, records: {card.records}", err=True)


for verb in (custody.key, custody.stamp, custody.erase, custody.recover, custody.export):
    app.command(cls=Command)(verb)


def _lines(name: str, stack: ExitStack) -> tuple[str, Callable[[], Iterator[bytes]]]:
    from reservation_middleware.decide.batch import bounded_lines
    from reservation_middleware.ledger.format.lines import DecisionLine, encode
    from reservation_middleware.ledger.read.reader import LedgerReader

    if name != "-" and (Path(name) / "log").is_dir():
        reader = stack.enter_context(LedgerReader(name))
        return name, lambda: (
            encode(entry) for _, _, entry in reader.lines() if isinstance(entry, DecisionLine)
        )
    name, stream = _opened(name, stack)
    return name, lambda: bounded_lines(stream)


def _opened(name: str, stack: ExitStack) -> tuple[str, BinaryIO]:
    if name == "-":
        return "standard input", sys.stdin.buffer
    try:
        return name, stack.enter_context(Path(name).open("rb"))
    except (OSError, ValueError) as error:
        raise UnusableError.of(f"read {name}", error) from None


def _replayed(results: "Iterable[Replayed]", *, show: int) -> dict[str, Any]:
    """What came of a replay, as plain values: numbers, and the first that differ."""
    import msgspec

    from reservation_middleware.ledger.format.lines import DecisionLine
    from reservation_middleware.ledger.read.compare import COMPARED, NOT_COMPARED

    made = different = 0
    apart: dict[str, int] = {}
    shown: list[dict[str, Any]] = []
    for result in results:
        if result.apart is not None:
            apart[result.apart] = apart.get(result.apart, 0) + result.decisions
            continue
        made += 1
        if result.differences:
            different += 1
            if len(shown) < show and isinstance(result.line, DecisionLine):
                shown.append(
                    {
                        "where": result.where,
                        "id": result.line.id,
                        "url": result.line.url,
                        "fields": [
                            msgspec.to_builtins(field._asdict()) for field in result.differences
                        ],
                    }
                )
    return {
        "replayed": made,
        "different": different,
        "apart": dict(sorted(apart.items())),
        "compared": [*COMPARED, "blocked"],
        "not_compared": ["bytes" if name == "octets" else name for name in NOT_COMPARED],
        "mismatches": shown,
        "mismatches_not_shown": different - len(shown),
    }


def _plain(report: Any) -> dict[str, Any]:
    import msgspec

    plain: dict[str, Any] = msgspec.to_builtins(report)
    return plain
