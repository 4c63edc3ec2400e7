"""The files of one segment: lines and records appended whole or not at all, and signed.

A line is acknowledged when the system has taken it: it outlives the process, killed or not. It
outlives the machine from the next checkpoint on, which is written to disk with all before it.
Not here: what lines say (``ledger.py``), segments of writers that are gone (``recover.py``).
"""

import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from errno import ENOSPC
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import Self

from filelock import BaseFileLock, FileLock, Timeout

from reservation_middleware.ledger.format.canonical import new_salt, time_text
from reservation_middleware.ledger.format.folder import (
    LONGEST_LINE,
    Folder,
    archive_name,
    origin,
    read_note,
    segment_of,
)
from reservation_middleware.ledger.format.lines import (
    Archive,
    ArchiveLine,
    Index,
    SegmentLine,
    encode,
)
from reservation_middleware.ledger.format.merkle import Tree, leaf_hash
from reservation_middleware.ledger.format.signed_note import (
    Checkpoint,
    NoteError,
    Signer,
    parse_note,
)
from reservation_middleware.ledger.format.warc import info_record
from reservation_middleware.model import LedgerError
from reservation_middleware.model.version import SPEC_VERSION, __version__

SOFTWARE = f"reservation-middleware/{__version__}"
_INFO = {"software": SOFTWARE, "format": "WARC File Format 1.1"}
#: Other segments that a new one names.
MOST_OTHERS = 1000
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)


class SegmentWriter:
    """A segment that is being written, by this process only.

    Args:
        folder: the ledger.
        name: of the segment.
        signer: the key.
        lock: held for as long as this lives; None if somebody else sees to it.
        tree: over the lines that are there already.
        size: bytes of lines that are there.
        archived: bytes of the archive that are there.

    Attributes:
        unsigned: lines since the last checkpoint.
    """

    def __init__(
        self,
        folder: Folder,
        name: str,
        *,
        signer: Signer,
        lock: BaseFileLock | None = None,
        tree: Tree | None = None,
        size: int = 0,
        archived: int = 0,
    ) -> None:
        self.name = name
        self.unsigned = 0
        self._folder = folder
        self._signer = signer
        self._lock = lock
        self._tree = tree or Tree()
        self._size, self._archived = size, archived
        self._torn = False
        self._archive_name = archive_name(name)
        self._log = os.open(folder.log(name), _APPEND, 0o644)
        try:
            self._archive = os.open(folder.archive(name), _APPEND, 0o644)
        except OSError:
            os.close(self._log)
            raise

    @classmethod
    def begin(cls, folder: Folder, signer: Signer, moment: datetime) -> Self:
        """A new segment with its first lines, signed.

        Raises:
            OSError: the disk takes none.
        """
        name, lock = _new_name(folder, moment)
        try:
            writer = cls(folder, name, signer=signer, lock=lock)
        except OSError:
            _discard(folder, name, lock)
            raise
        try:
            writer.append(
                encode(
                    SegmentLine(
                        salt=new_salt(),
                        segment=name,
                        time=time_text(moment),
                        software=SOFTWARE,
                        spec_version=SPEC_VERSION,
                        key=signer.verifier.text,
                        others=others(folder),
                    )
                )
            )
            writer.archived(info_record(f"{name}.warc.gz", _INFO, moment))
            writer.sign()
            _to_disk(folder.path / "log")
            _to_disk(folder.path / "policy")
        except OSError:
            writer.leave()
            _discard(folder, name, lock)
            raise
        return writer

    @property
    def lines(self) -> Index:
        """How many lines there are: the index of the next one."""
        return self._tree.size

    def append(self, line: bytes) -> Index:
        """Append a line, given without its end; its index.

        Raises:
            OSError: the disk did not take it; nothing of it is left.
            LedgerError: it is longer than lines may be.
        """
        if len(line) + 1 >= LONGEST_LINE:
            raise LedgerError(f"a line is longer than {LONGEST_LINE} bytes")
        if self._torn:
            self._mend()
        try:
            _write(self._log, line + b"\n")
        except BaseException:
            self._cut()
            raise
        self._size += len(line) + 1
        self.unsigned += 1
        index = self._tree.size
        self._tree.append(leaf_hash(line))
        return index

    def append_with(self, record: bytes, line: Callable[[Archive], bytes]) -> Index:
        """Append a record to the archive and the line that names it: both or none.

        Raises:
            OSError: the disk did not take them.
        """
        self._mend()
        before = self._archived
        try:
            _write(self._archive, record)
        except BaseException:
            self._cut()
            raise
        self._archived += len(record)
        place = Archive(
            file=self._archive_name,
            offset=before,
            length=len(record),
            sha256=sha256(record).hexdigest(),
        )
        try:
            return self.append(line(place))
        except BaseException:
            self._archived = before
            self._cut()
            raise

    def archived(self, record: bytes) -> Index:
        """Append a record that no document line names, and a line of its own.

        Raises:
            OSError: the disk did not take them.
        """
        return self.append_with(
            record, lambda place: encode(ArchiveLine(salt=new_salt(), archive=place))
        )

    def sign(self) -> None:
        """Write everything to disk, and a checkpoint of it.

        Raises:
            OSError: the disk took it not; the checkpoint before it still stands.
        """
        self._mend()
        os.fsync(self._archive)
        os.fsync(self._log)
        name = origin(self._signer.name, self.name)
        note = self._signer.sign(Checkpoint(name, self._tree.size, self._tree.root()).text)
        file = self._folder.checkpoint(self.name)
        draft = self._folder.drafts(self.name)[0]
        try:
            with draft.open("wb") as stream:
                stream.write(note)
                stream.flush()
                os.fsync(stream.fileno())
            draft.replace(file)
        except OSError:
            with suppress(OSError):
                draft.unlink()
            raise
        self.unsigned = 0

    def leave(self) -> None:
        """Close the files without a last word, as after a fork: they are another's."""
        for number in (self._log, self._archive):
            with suppress(OSError):
                os.close(number)

    def close(self, *, finished: bool = True) -> None:
        """Close the files and let go of the segment.

        Args:
            finished: nothing is left to be recovered.
        """
        self.leave()
        if self._lock is not None:
            release(self._lock, finished=finished)

    def _mend(self) -> None:
        """Cut off what a failure left, before anything is appended behind it."""
        if self._torn:
            os.ftruncate(self._log, self._size)
            os.ftruncate(self._archive, self._archived)
            self._torn = False

    def _cut(self) -> None:
        self._torn = True
        with suppress(OSError):
            self._mend()


def others(folder: Folder) -> tuple[tuple[str, int, str], ...]:
    """Name, size and root of the newest segments that have a checkpoint."""
    found: list[tuple[str, int, str]] = []
    for name in reversed(folder.segments()):
        if len(found) == MOST_OTHERS:
            break
        with suppress(LedgerError):
            point = Checkpoint.parse(parse_note(read_note(folder.checkpoint(name)))[0])
            if segment_of(point) != name:
                raise NoteError("another segment's")
            found.append((name, point.size, point.root.hex()))
    return tuple(found[::-1])


def locked(file: Path) -> BaseFileLock | None:
    """The lock of a segment, held; None while its writer lives."""
    lock = FileLock(file, timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        return None
    return lock


def release(lock: BaseFileLock, *, finished: bool = True) -> None:
    """Let go of a lock; its file goes first, while nobody else can hold it.

    Args:
        lock: held.
        finished: if not, the file stays, as after a kill: so ``recover`` knows where to look.
    """
    if finished:
        with suppress(OSError):
            Path(lock.lock_file).unlink()
    lock.release()


def _new_name(folder: Folder, moment: datetime) -> tuple[str, BaseFileLock]:
    """The name of a new segment, and its lock."""
    while True:
        name = f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}-{token_hex(4)}"
        lock = locked(folder.lock(name))
        if lock is not None and not folder.log(name).exists():
            return name, lock
        if lock is not None:
            lock.release()


def _discard(folder: Folder, name: str, lock: BaseFileLock) -> None:
    """Take a segment back that could not be begun."""
    for file in (folder.log(name), folder.archive(name), folder.checkpoint(name)):
        with suppress(OSError):
            file.unlink()
    release(lock)


def _write(number: int, data: bytes) -> None:
    """Write all of it: the system may take a part, and say only next time why."""
    done = 0
    while done < len(data):
        taken = os.write(number, data[done:] if done else data)
        if not taken:
            raise OSError(ENOSPC, os.strerror(ENOSPC))
        done += taken


def _to_disk(folder: Path) -> None:
    """Write a folder's list of files to disk, where the system can."""
    if os.name == "posix":
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
