"""The verbs of ``reservations ledger`` that keep it: key, stamp, erase, recover, export.

Here too is what all its verbs share.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reservation_middleware.model.plural import counted

from .options import folder, http_url, replace_file
from .standard_streams import UnusableError, printable, say

if TYPE_CHECKING:
    from reservation_middleware.ledger.format.signed_note import Signer
    from reservation_middleware.ledger.share.summary import Protocol


class Tables(StrEnum):
    """What tables are written as."""

    PARQUET = "parquet"


LedgerArgument = Annotated[
    Path, typer.Argument(metavar="LEDGER", readable=False, help="The folder of a ledger.")
]
KeyFileOption = Annotated[
    Path | None,
    typer.Option(
        "--key-file", metavar="FILE", readable=False, help="The key that signs; default LEDGER.key."
    ),
]
HostOption = Annotated[
    str, typer.Option("--host", metavar="H", help="The host, and all hosts below it.")
]


@contextmanager
def errors_shown() -> Iterator[None]:
    """Tell in one line why a verb about a ledger ends, with the status that says whose fault it is.

    1 where the evidence contradicts itself, 3 where a time-stamp authority gave nothing, 0 where
    nothing is about what was asked. A disk, a key or rights that are missing are status 2.
    """
    from reservation_middleware.model.error import (
        AuthorityError,
        LedgerError,
        NothingSignedError,
        StorageError,
    )

    try:
        yield
    except StorageError:
        raise
    except LedgerError as error:
        say(str(error))
        status = {AuthorityError: 3, NothingSignedError: 0}.get(type(error), 1)
        raise typer.Exit(status) from None


def octets(folder: Path) -> int:
    """How long the lines of a ledger are together."""
    from reservation_middleware.ledger.read.reader import LedgerReader

    with LedgerReader(folder) as reader:
        return reader.octets


def read_file(path: Path) -> bytes:
    """A file that was named on the command line."""
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise UnusableError.of(f"read {path}", error) from None


def verifier_key(given: str) -> str:
    """A verifier key, or the text of a file that holds one, checked."""
    from reservation_middleware.ledger.format.signed_note import Verifier
    from reservation_middleware.model import LedgerError

    text = given if "+" in given else read_file(Path(given)).decode("utf-8", "replace").strip()
    if text.startswith("PRIVATE+KEY+"):
        raise typer.BadParameter(
            f"--key {given if given != text else '…'}: this is the private key; "
            "`reservations ledger key LEDGER` prints the verifier key"
        )
    try:
        return Verifier.parse(text).text
    except LedgerError as error:
        raise typer.BadParameter(f"--key {given[:200]}: no verifier key: {error}") from None


def certificates(path: Path) -> bytes:
    """A file of certificates, checked: a wrong one says nothing about the ledger."""
    from cryptography.x509 import load_pem_x509_certificates

    data = read_file(path)
    try:
        load_pem_x509_certificates(data)
    except ValueError:
        raise typer.BadParameter(f"--ca {path}: no certificates in PEM") from None
    return data


def checkpoint(path: Path) -> bytes:
    """A file with a checkpoint, checked: what is none says nothing about the ledger."""
    from reservation_middleware.ledger.format.signed_note import Checkpoint, parse_note
    from reservation_middleware.model import LedgerError

    data = read_file(path)
    try:
        Checkpoint.parse(parse_note(data)[0])
    except LedgerError as error:
        raise typer.BadParameter(f"--since {path}: no checkpoint: {error}") from None
    return data


def key(ledger: LedgerArgument, key_file: KeyFileOption = None) -> None:
    """The verifier key to publish: whoever has it need not take the ledger's own word.

    Exit status: 0, 2 bad usage or no key.
    """
    typer.echo(_signer(ledger, key_file).verifier.text)


def stamp(
    ledger: LedgerArgument,
    authority: Annotated[
        str, typer.Option("--authority", metavar="URL", help="Its address: RFC 3161, HTTP.")
    ],
    key_file: KeyFileOption = None,
) -> None:
    """Have a time-stamp authority say that the ledger, as it is signed now, was there by now.

    Exit status: 0, 1 if a checkpoint is broken, 2 bad usage, nothing signed or no disk, 3 if no
    stamp was granted.
    """
    from reservation_middleware.ledger.verify.stamp import stamp as ask  # the extra [stamp]

    authority = http_url(authority, authority)
    signer = _signer(ledger, key_file)
    with errors_shown():
        typer.echo(ask(ledger, authority, signer))


def erase(
    ledger: LedgerArgument,
    host: HostOption,
    yes: Annotated[bool, typer.Option("--yes", help="Needed, as it cannot be undone.")] = False,
) -> None:
    """Erase all lines about a host, and what only they rest on; the rest still verifies.

    Copies of the ledger, bundles, caches and logs are not touched. Exit status: 0, 1 if the ledger
    is broken, 2 bad usage, a living writer, no disk or no rights.
    """
    from reservation_middleware.ledger.read.host_filter import HostFilter
    from reservation_middleware.ledger.share.erase import erase as wipe

    HostFilter.parse(host)
    octets(ledger)
    if not yes:
        raise typer.BadParameter("it cannot be undone; say --yes")
    with errors_shown():
        found = wipe(ledger, host)
    if not (found.lines or found.documents or found.records or found.kept):
        typer.echo(f"nothing is about {host}", err=True)
        return
    summary = f"erased: {counted(found.lines, 'line')}, {counted(found.documents, 'document')}, "
    summary += f"{counted(found.records, 'record')} of the archive"
    if found.kept:
        stay = counted(found.kept, "document stays", "documents stay")
        summary += f"; {stay}, as lines of other hosts rest on what was kept"
    typer.echo(summary)


def recover(ledger: LedgerArgument, key_file: KeyFileOption = None) -> None:
    """Cut off what killed writers left unfinished, and sign what is whole.

    Exit status: 0, 1 if what was signed is not there any more, 2 bad usage, no disk or no rights.
    """
    from reservation_middleware.ledger.write.recover import recover as mend

    _signer(ledger, key_file)
    with errors_shown():
        reports = mend(ledger, key=key_file)
    for report in reports:
        typer.echo(printable(str(report)))
    if not reports:
        typer.echo("nothing to recover", err=True)
    if any(report.broken for report in reports):
        raise typer.Exit(1)
    raise typer.Exit(2 if any(report.problem for report in reports) else 0)


def export(
    ledger: LedgerArgument,
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="DIR", parser=folder, help="Where tables go."),
    ],
    format: Annotated[  # noqa: A002 - the flag's name
        Tables, typer.Option("--format", help="Of the tables.")
    ] = Tables.PARQUET,
    summed: Annotated[
        bool,
        typer.Option(
            "--summary",
            help="Instead of tables a summary for the public, as the EU AI Act asks for one.",
        ),
    ] = False,
    small: Annotated[
        bool,
        typer.Option(
            "--sme",
            help="In it the domains that small and medium enterprises name: top 5 %, at most 1,000.",
        ),
    ] = False,
) -> None:
    """Tables of decisions, reasons, documents and counts, or a summary of training content.

    Exit status: 0, 1 if the ledger is broken, 2 bad usage.
    """
    import msgspec

    from reservation_middleware.ledger.read.reader import LedgerReader
    from reservation_middleware.ledger.share.summary import domains_csv, markdown, summary
    from reservation_middleware.report.progress import progress

    del format  # there is one so far
    if small and not summed:
        raise typer.BadParameter("--sme is about the --summary")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise UnusableError.of(f"write to {output}", error) from None
    with LedgerReader(ledger) as reader, progress("reading", reader.octets) as advance:
        if summed:
            with errors_shown():
                found = summary(reader, protocols(), small=small, progress=advance)
            _write(
                output,
                {
                    "training-summary.json": msgspec.json.format(msgspec.json.encode(found)),
                    "training-summary.md": markdown(found).encode(),
                    "training-summary-domains.csv": domains_csv(found).encode(),
                },
            )
            return
        from reservation_middleware.ledger.share.export import (
            export as tables_of,  # the extra [export]
        )

        with errors_shown():
            rows = tables_of(reader, output, progress=advance)
    for name, number in rows.items():
        typer.echo(f"{output / name}.parquet: {counted(number, 'row')}")


def protocols() -> "list[Protocol]":
    """The families that are read, as they declare themselves."""
    from reservation_middleware.ledger.share.summary import Protocol
    from reservation_middleware.signals import SIGNALS

    return [
        Protocol(
            signal.name,
            signal.title,
            signal.reference,
            signal.status,
            signal.since,
            signal.governs_crawl or any(term.no for term in signal.terms.values()),
        )
        for signal in SIGNALS
    ]


def _write(output: Path, files: dict[str, bytes]) -> None:
    try:
        for name, data in files.items():
            replace_file(output / name, data)
            typer.echo(output / name)
    except OSError as error:
        raise UnusableError.of(f"write to {output}", error) from None


def _signer(ledger: Path, key_file: Path | None) -> "Signer":
    """The key of a ledger; none is made here."""
    from reservation_middleware.ledger.format.key import key_file as usual_key_file
    from reservation_middleware.ledger.format.key import signer_of
    from reservation_middleware.ledger.read.reader import LedgerReader

    LedgerReader(ledger).close()
    file = usual_key_file(ledger.resolve()) if key_file is None else key_file
    if not file.is_file():
        raise UnusableError(f"there is no key {file}; --key-file names another")
    return signer_of(ledger, file, "reservations")
