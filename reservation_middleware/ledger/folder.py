"""A ledger's folder: which files it has, whose writer still lives, and the root over all of it.

Nothing here writes. ``spec/ledger.md`` describes the folder.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from reservation_middleware.model import LedgerError

from .form import canonical
from .merkle import leaf_hash, root_of
from .note import Checkpoint

#: The name of a segment.
SEGMENT = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}")
#: The name of a time stamp's file.
STAMP = re.compile(r"[0-9]{8}T[0-9]{6}(?:\.[0-9]{6})?Z(?:-[0-9a-f]{8})?\.stamp")
#: A note of ours is shorter than this, even one that names thousands of segments.
LARGEST_NOTE = 32 * 1024 * 1024


class Folder:
    """The files of a ledger.

    Attributes:
        path: where it is.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not (self.path / "log").is_dir():
            raise LedgerError(f"{self.path} is no ledger: it has no folder log")

    def segments(self) -> list[str]:
        """The names of its segments, oldest first."""
        found = (path.name.removesuffix(".jsonl") for path in self.path.glob("log/*.jsonl"))
        return sorted(name for name in found if SEGMENT.fullmatch(name))

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
        """The time stamps, oldest first."""
        return sorted(
            path for path in self.path.glob("stamps/*.stamp") if STAMP.fullmatch(path.name)
        )

    def strangers(self) -> Iterator[str]:
        """Files and folders that no ledger has, as paths below the folder."""
        segments = set(self.segments())
        # What a checkpoint is drafted in may be left by a writer that was killed.
        drafts = {f"log/{name}.checkpoint.new" for name in segments if self.lock(name).exists()}
        for path in sorted(self.path.rglob("*")):
            name = path.relative_to(self.path).as_posix()
            if path.is_dir() and not path.is_symlink():
                if name not in {"log", "policy", "stamps"}:
                    yield name
            elif not _belongs(name, segments) and name not in drafts:
                yield name

    def running(self, segment: str) -> bool:
        """Whether the writer of a segment lives."""
        try:
            with self.held(segment):
                return False
        except LedgerError:
            return True

    @contextmanager
    def held(self, segment: str) -> Iterator[None]:
        """Keep everybody else from writing a segment.

        Raises:
            LedgerError: its writer lives.
        """
        path = self.lock(segment)
        if not path.exists():
            yield
            return
        lock = FileLock(path, timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise LedgerError(f"the writer of {segment} still lives") from None
        except OSError:
            # A copy that cannot be written to: nobody else can write to it either.
            yield
            return
        try:
            yield
        finally:
            lock.release()


def archive_name(segment: str) -> str:
    """The file of a segment's policy documents, as lines name it."""
    return f"policy/{segment}.warc.gz"


def combined(checkpoints: Mapping[str, tuple[int, bytes]]) -> bytes:
    """The root over segments: a tree over the size and root of each, sorted by name."""
    return root_of(
        leaf_hash(canonical({"root": root.hex(), "segment": name, "size": size}))
        for name, (size, root) in sorted(checkpoints.items())
    )


def read_note(path: Path) -> bytes:
    """A note's file.

    Raises:
        LedgerError: it cannot be read.
    """
    try:
        # Looked at first, since reading allocates what it is allowed to read.
        size = path.stat().st_size
        data = path.read_bytes() if size <= LARGEST_NOTE else b""
    except OSError as error:
        raise LedgerError(f"it cannot be read: {error.strerror or error}") from None
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


def _belongs(name: str, segments: set[str]) -> bool:
    folder, _, file = name.partition("/")
    segment, _, kind = file.partition(".")
    if folder == "stamps":
        return bool(STAMP.fullmatch(file))
    if (folder, kind) == ("log", "lock"):
        return bool(SEGMENT.fullmatch(segment))  # held before there is a line
    return segment in segments and (folder, kind) in {
        ("log", "jsonl"),
        ("log", "checkpoint"),
        ("policy", "warc.gz"),
    }
