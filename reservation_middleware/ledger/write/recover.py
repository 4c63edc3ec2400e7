"""Segments whose writers are gone: torn tails are cut off, and what is left is signed.

A killed writer leaves whole lines, perhaps a torn one behind them, perhaps a record that no line
names. What was signed before must still be there unchanged: nobody's changes are signed here. A
segment for which that cannot be said stays as it is and is reported.
"""

import os
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple

from reservation_middleware.ledger.format.canonical import new_salt, time_text
from reservation_middleware.ledger.format.folder import (
    LONGEST_LINE,
    SEGMENT,
    Folder,
    archive_name,
    opened,
    origin,
    read_note,
)
from reservation_middleware.ledger.format.key import signer_of
from reservation_middleware.ledger.format.lines import (
    Archive,
    ArchiveLine,
    DocumentLine,
    EndLine,
    Entry,
    ErasedArchive,
    ErasedLine,
    RecoveredLine,
    SegmentLine,
    decode,
    encode,
)
from reservation_middleware.ledger.format.merkle import Tree, leaf_hash
from reservation_middleware.ledger.format.signed_note import Checkpoint, Signer, open_note
from reservation_middleware.ledger.share.erase import fill
from reservation_middleware.model import LedgerError
from reservation_middleware.model.error import StorageError
from reservation_middleware.model.plural import counted

from .segment_writer import SegmentWriter, locked, release

#: How lines begin that may name bytes of the archive: fields are sorted.
_MAY_NAME = (b'{"address":', b'{"archive":', b'{"erased":')
_LAST = 1024


class RecoverReport(NamedTuple):
    """What became of a segment whose writer was gone.

    Attributes:
        cut: bytes of lines that were cut off.
        archive_cut: bytes of the archive that were cut off.
        filled: an erasure was finished that had been cut off.
        left: drafts that a step which was cut off had left, and which were taken away.
        problem: why nothing was done, None if it was recovered.
        broken: it is the evidence's fault, not that of a disk or of missing rights.
    """

    segment: str
    cut: int = 0
    archive_cut: int = 0
    problem: str | None = None
    broken: bool = False
    left: int = 0
    filled: bool = False

    def __str__(self) -> str:
        """One line for people."""
        if self.problem is not None:
            return f"{self.segment}: not recovered: {self.problem}"
        if self.filled:
            return f"{self.segment}: an erasure that was cut off was finished"
        if self.left:
            return f"{self.segment}: drafts of unfinished steps were taken away: {self.left}"
        cut = f"{counted(self.cut, 'byte')} of lines and {self.archive_cut:,} of the archive were cut off"
        return f"{self.segment}: its writer was gone; {cut}"


def recover(
    folder: str | os.PathLike[str],
    *,
    key: str | os.PathLike[str] | None = None,
    clock: Callable[[], datetime] | None = None,
) -> list[RecoverReport]:
    """Recover the segments of a ledger whose writers are gone; living ones are not touched.

    Raises:
        LedgerError: there is no ledger, or no key of its own to sign with.
    """
    path = Path(folder).absolute()
    held = Folder(path)
    return recover_with(held, signer_of(path, key, "reservations"), (clock or _now)())


def recover_with(folder: Folder, signer: Signer, moment: datetime) -> list[RecoverReport]:
    """As ``recover``, with the key."""
    reports: list[RecoverReport] = []
    for name in folder.segments():
        try:
            found = _one(folder, name, signer, moment)
        except (LedgerError, OSError) as error:
            broken = isinstance(error, LedgerError) and not isinstance(error, StorageError)
            why = getattr(error, "strerror", None) or str(error)
            reports.append(RecoverReport(name, problem=why, broken=broken))
        else:
            reports += [found] if found else []
    # Last: a segment's own lock tells above that it is to be looked at.
    return reports + _sweep(folder)


def _one(folder: Folder, name: str, signer: Signer, moment: datetime) -> RecoverReport | None:
    """Recover one segment if it needs to be."""
    log, lock_file = folder.log(name), folder.lock(name)
    if not lock_file.exists() and _is_done(log):
        return None
    lock = locked(lock_file)
    if lock is None:
        return None
    finished = True
    try:
        return _recover(folder, name, signer, moment) if log.exists() else None
    except (OSError, StorageError):
        finished = False  # its lock tells the next call that there is something to be done
        raise
    finally:
        release(lock, finished=finished)


class _State(NamedTuple):
    """What is there of a segment."""

    tree: Tree
    size: int
    archived: int
    last: Entry | None
    torn: int
    holes: list[ErasedArchive]


def _recover(folder: Folder, name: str, signer: Signer, moment: datetime) -> RecoverReport | None:
    log, archive = folder.log(name), folder.archive(name)
    for draft in folder.drafts(name):
        draft.unlink(missing_ok=True)
    signed = _signed(folder, name, signer)
    there = archive.stat().st_size if archive.exists() else 0
    with opened(log) as stream:
        state = _read(stream, name, signer, signed, there)
    if not state.tree.size:
        # Nothing was acknowledged, not even that there is a segment.
        for file in (log, archive):
            file.unlink(missing_ok=True)
        return RecoverReport(name, state.torn, there)
    if there < state.archived:
        raise LedgerError(f"{archive}: shorter than the signed lines say")
    # An erasure may have been cut off between its lines and its archive.
    filled = bool(state.holes) and fill(archive, folder.drafts(name)[2], state.holes)
    cut, archive_cut = state.torn, there - state.archived
    done = isinstance(state.last, EndLine | RecoveredLine) and not cut and not archive_cut
    if done and signed is not None and signed.size == state.tree.size:
        return RecoverReport(name, filled=True) if filled else None
    os.truncate(log, state.size)
    if archive.exists():
        os.truncate(archive, state.archived)
    writer = SegmentWriter(
        folder,
        name,
        signer=signer,
        tree=state.tree,
        size=state.size,
        archived=state.archived,
    )
    try:
        if not done:
            line = RecoveredLine(
                salt=new_salt(), time=time_text(moment), cut=cut, archive_cut=archive_cut
            )
            writer.append(encode(line))
        writer.sign()
    finally:
        writer.leave()
    return RecoverReport(name, cut, archive_cut)


def _read(
    stream: BinaryIO, name: str, signer: Signer, signed: Checkpoint | None, there: int
) -> _State:
    """Read the lines that are whole, and compare those that were signed.

    Raises:
        LedgerError: they are not what was signed, or not ours.
    """
    tree, size, archived, least = Tree(), 0, 0, signed.size if signed else 0
    holes: list[ErasedArchive] = []
    last: Entry | None = None
    closed = False
    while line := stream.readline(LONGEST_LINE):
        if not line.endswith(b"\n"):
            break
        if closed:
            raise LedgerError("there are lines behind its end, which nobody of ours wrote")
        last = _entry(line[:-1], tree.size, least)
        if not tree.size:
            _ours(last, name, signer)
        if isinstance(last, DocumentLine | ArchiveLine | ErasedLine) and last.archive:
            reach = _reach(last.archive, archived, name)
            if reach > there and tree.size >= least:
                break  # the machine went down before the archive was on disk
            archived = reach
            if isinstance(last.archive, ErasedArchive):
                holes.append(last.archive)
        tree.append(_leaf(last, line[:-1]))
        size += len(line)
        if tree.size == least and signed is not None:
            if tree.root() != signed.root:
                raise LedgerError("lines that were signed were changed")
            closed = isinstance(last, EndLine | RecoveredLine)
    if tree.size < least:
        raise LedgerError(f"of {counted(least, 'signed line')} {tree.size:,} are there")
    # Before its first checkpoint a writer writes two lines.
    if signed is None and tree.size > 2:
        raise LedgerError("it has no checkpoint, so nobody knows whether it was changed")
    return _State(tree, size, archived, last, os.fstat(stream.fileno()).st_size - size, holes)


def _entry(line: bytes, index: int, least: int) -> Entry | None:
    """A line that matters here: of decisions that were signed the hash is enough."""
    if index and index + 1 < least and not line.startswith(_MAY_NAME):
        return decode(line) if line.startswith(b'{"kind":') else None
    try:
        return decode(line)
    except LedgerError as error:
        raise LedgerError(f"line {index + 1}: {error}") from None


def _leaf(entry: Entry | None, line: bytes) -> bytes:
    return bytes.fromhex(entry.erased) if isinstance(entry, ErasedLine) else leaf_hash(line)


def _ours(entry: Entry | None, name: str, signer: Signer) -> None:
    if not isinstance(entry, SegmentLine) or entry.segment != name:
        raise LedgerError("its first line is not that of the segment")
    if entry.key != signer.verifier.text:
        raise LedgerError(f"it was signed by another key, {entry.key.partition('+')[0]!r}")


def _reach(place: Archive | ErasedArchive, archived: int, name: str) -> int:
    """Up to where the archive is named by lines."""
    if place.file != archive_name(name) or place.offset != archived:
        raise LedgerError("the lines do not name the archive's bytes one after the other")
    return place.offset + place.length


def _signed(folder: Folder, name: str, signer: Signer) -> Checkpoint | None:
    """The latest checkpoint, None if there is none.

    Raises:
        LedgerError: it is not valid.
    """
    file = folder.checkpoint(name)
    if not file.exists():
        return None
    point = Checkpoint.parse(open_note(read_note(file), [signer.verifier]).text)
    if point.origin != origin(signer.name, name):
        raise LedgerError("its checkpoint is about another segment")
    return point


def _is_done(log: Path) -> bool:
    """Whether the last line says that nobody writes any more."""
    with opened(log) as stream:
        stream.seek(max(0, stream.seek(0, os.SEEK_END) - _LAST))
        tail = stream.read(_LAST)
    start, end, last = tail.removesuffix(b"\n").rpartition(b"\n")
    if not end or not tail.endswith(b"\n") or not start:
        return False
    try:
        return isinstance(decode(last), EndLine | RecoveredLine)
    except LedgerError:
        return False


def _sweep(folder: Folder) -> list[RecoverReport]:
    """Take away what steps left that were cut off: drafts, and locks of no segment."""
    left: dict[str, list[Path]] = defaultdict(list)
    segments = folder.segments()
    for path in folder.left():
        name = path.name.partition(".")[0]
        if path != folder.lock(name) or name not in segments:
            left[name].append(path)
    reports = []
    for name, files in sorted(left.items()):
        # A stamp has no segment, and its draft lives for as long as one call to the disk.
        lock = locked(folder.lock(name)) if SEGMENT.fullmatch(name) else None
        if lock is None and SEGMENT.fullmatch(name):
            continue  # its writer lives, or somebody erases from it
        try:
            for path in files:
                path.unlink(missing_ok=True)
        except OSError as error:
            reports.append(RecoverReport(name, problem=error.strerror or str(error)))
        else:
            drafts = sum(path != folder.lock(name) for path in files)
            reports += [RecoverReport(name, left=drafts)] if drafts else []
        finally:
            if lock is not None:
                release(lock)
    return reports


def _now() -> datetime:
    return datetime.now(UTC)
