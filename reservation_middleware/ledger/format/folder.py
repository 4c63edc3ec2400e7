"""A ledger's folder: which files it has, whose writer still lives, and the root over all of it.

Nothing here writes. ``spec/ledger.md`` describes the folder.
"""

import os
import re
import stat
import sys
from collections.abc import Iterator, Mapping
from errno import EINVAL, EISDIR, ELOOP, ENOENT, ENOTDIR
from pathlib import Path
from typing import BinaryIO

from reservation_middleware.model import LedgerError
from reservation_middleware.model.error import StorageError

from .canonical import canonical
from .merkle import leaf_hash, root_of
from .signed_note import Checkpoint

if sys.platform == "win32":
    from filelock import FileLock, Timeout
else:
    import fcntl

#: The name of a segment.
SEGMENT = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}")
#: The name of a time stamp's file.
STAMP = re.compile(r"[0-9]{8}T[0-9]{6}(?:\.[0-9]{6})?Z(?:-[0-9a-f]{8})?\.stamp")
#: How the names of drafts end.
DRAFT = ".new"
#: A note of ours is shorter than this, even one that names thousands of segments.
LARGEST_NOTE = 32 * 1024 * 1024
#: With its end. A longer line is none of ours, and no reason to run out of memory.
LONGEST_LINE = 16 * 1024 * 1024
# Neither a link to somewhere else nor a pipe that nobody writes to is waited for or followed.
_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


class Folder:
    """The files of a ledger.

    Attributes:
        path: where it is.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            there = (self.path / "log").is_dir()
        except (OSError, ValueError) as error:
            raise StorageError(f"{self.path}: {getattr(error, 'strerror', error)}") from None
        if not there:
            raise StorageError(
                f"{self.path} is no ledger: a ledger is a folder with a folder log in it, as a crawl with RESERVATION_LEDGER leaves it"
            )

    def segments(self) -> list[str]:
        """The names of its segments, oldest first.

        Raises:
            StorageError: the folder cannot be listed.
        """
        files = self._names("log")
        found = (file.removesuffix(".jsonl") for file in files if file.endswith(".jsonl"))
        return sorted(name for name in found if SEGMENT.fullmatch(name))

    def _names(self, part: str) -> list[str]:
        """What is in a folder of the ledger; nothing if it is not there.

        Globbing would take a folder without rights for an empty one.
        """
        try:
            return sorted(path.name for path in (self.path / part).iterdir())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StorageError(f"{self.path / part}: {error.strerror or error}") from None

    def log(self, segment: str) -> Path:
        """The lines of a segment."""
        return self.path / "log" / f"{segment}.jsonl"

    def checkpoint(self, segment: str) -> Path:
        """The latest checkpoint of a segment."""
        return self.path / "log" / f"{segment}.checkpoint"

    def lock(self, segment: str) -> Path:
        """What a segment's writer holds while it lives."""
        return self.path / "log" / f"{segment}.lock"

    def archive(self, segment: str) -> Path:
        """The policy documents of a segment."""
        return self.path / archive_name(segment)

    def stamps(self) -> list[Path]:
        """The time stamps, oldest first.

        Raises:
            StorageError: the folder cannot be listed.
        """
        return [self.path / "stamps" / name for name in self._names("stamps") if _is_stamp(name)]

    def drafts(self, segment: str) -> tuple[Path, Path, Path]:
        """What a segment's checkpoint, lines and archive are drafted in before they are replaced:
        may be left by a writer that was killed.
        """
        files = (self.checkpoint(segment), self.log(segment), self.archive(segment))
        first, second, third = (file.with_name(f"{file.name}{DRAFT}") for file in files)
        return first, second, third

    def strangers(self, *, strict: bool = False) -> Iterator[str]:
        """Files and folders that no ledger has, as paths below the folder.

        Args:
            strict: drafts and locks that belong to no segment count, too, which killed writers
                leave and ``recover`` takes away.
        """
        segments = set(self.segments())
        for path in sorted(self.path.rglob("*")):
            try:
                found = path.lstat()
            except OSError:
                continue  # gone meanwhile, as locks and drafts go
            mode, name = found.st_mode, path.relative_to(self.path).as_posix()
            if stat.S_ISDIR(mode):
                known = name in {"log", "policy", "stamps"}
            else:
                known = stat.S_ISREG(mode) and (
                    _belongs(name, segments) or (not strict and self._is_left(path))
                )
            if not known or (name.endswith(".lock") and found.st_size):  # a lock says nothing
                yield name.encode("utf-8", "backslashreplace").decode()

    def left(self) -> list[Path]:
        """Files that a step may have left which was cut off: drafts, and locks.

        Raises:
            StorageError: a folder cannot be listed.
        """
        found = (
            self.path / part / name
            for part in ("log", "policy", "stamps")
            for name in self._names(part)
        )
        return [path for path in found if self._is_left(path)]

    def _is_left(self, path: Path) -> bool:
        """Whether a file is what a step leaves that was cut off: a draft, or a lock of no segment."""
        if path.parent == self.path / "stamps":
            return path.name.endswith(DRAFT) and _is_stamp(path.name.removesuffix(DRAFT))
        name = path.name.partition(".")[0]
        return bool(SEGMENT.fullmatch(name)) and path in (*self.drafts(name), self.lock(name))

    def running(self, segment: str) -> bool:
        """Whether the writer of a segment lives, or somebody erases from it.

        Nothing is written for it, and any number may ask at a time.
        """
        path = self.lock(segment)
        if sys.platform == "win32":
            try:
                with FileLock(path, timeout=0):
                    return False
            except Timeout:
                return True
            except OSError:
                return False
        try:
            with opened(path) as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False


def archive_name(segment: str) -> str:
    """The file of a segment's policy documents, as lines name it."""
    return f"policy/{segment}.warc.gz"


def combined(checkpoints: Mapping[str, tuple[int, bytes]]) -> bytes:
    """The root over segments: a tree over the size and root of each, sorted by name."""
    return root_of(
        leaf_hash(canonical({"root": root.hex(), "segment": name, "size": size}))
        for name, (size, root) in sorted(checkpoints.items())
    )


def opened(path: Path) -> BinaryIO:
    """A file of a ledger, to be read.

    Raises:
        OSError: it cannot be read, or is a link, a pipe or a device: who hands a ledger on
            chooses what its files are.
    """
    number = os.open(path, _READ | getattr(os, "O_BINARY", 0))
    try:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise OSError(EINVAL, "it is no regular file", str(path))
        return os.fdopen(number, "rb")
    except BaseException:
        os.close(number)
        raise


def unreadable(what: object, error: OSError) -> LedgerError:
    """What to raise where a file of a ledger cannot be read.

    A file that is not there, or is a link, a folder or a device, is no longer the ledger that was
    written; rights that are missing and disks that fail say nothing about it (``StorageError``).
    """
    kind = LedgerError if error.errno in _NOT_AS_WRITTEN else StorageError
    return kind(f"{what}: {error.strerror or error}")


_NOT_AS_WRITTEN = (EINVAL, EISDIR, ELOOP, ENOENT, ENOTDIR)


def read_note(path: Path) -> bytes:
    """A note's file.

    Raises:
        LedgerError: it cannot be read.
    """
    try:
        with opened(path) as file:
            # Looked at first, since reading allocates what it is allowed to read.
            size = os.fstat(file.fileno()).st_size
            data = file.read(size) if size <= LARGEST_NOTE else b""
    except OSError as error:
        raise unreadable("it cannot be read", error) from None
    if size > LARGEST_NOTE:
        raise LedgerError("it is too large for a note")
    return data


def origin(name: str, segment: str) -> str:
    """The first line of a segment's checkpoints: the key's name and the segment's."""
    return f"{name}/{segment}"


def segment_of(checkpoint: Checkpoint) -> str:
    """The segment that a checkpoint is about.

    Raises:
        LedgerError: its first line names none.
    """
    name = checkpoint.origin.rpartition("/")[2]
    if not SEGMENT.fullmatch(name):
        raise LedgerError("the checkpoint names no segment")
    return name


def _is_stamp(name: str) -> bool:
    return bool(STAMP.fullmatch(name))


def _belongs(name: str, segments: set[str]) -> bool:
    folder, _, file = name.partition("/")
    segment, _, kind = file.partition(".")
    if folder == "stamps":
        return bool(STAMP.fullmatch(file))
    return segment in segments and (folder, kind) in {
        ("log", "lock"),
        ("log", "jsonl"),
        ("log", "checkpoint"),
        ("policy", "warc.gz"),
    }
