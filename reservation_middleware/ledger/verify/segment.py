"""One segment checked from its first byte to its last, in bounded memory.

The latest checkpoint is read before the lines, since a living writer adds lines and then signs.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from reservation_middleware.ledger.format.folder import (
    LONGEST_LINE,
    Folder,
    archive_name,
    opened,
    origin,
    read_note,
    unreadable,
)
from reservation_middleware.ledger.format.lines import ErasedLine, SegmentLine, decode
from reservation_middleware.ledger.format.merkle import Tree, leaf_hash
from reservation_middleware.ledger.format.signed_note import Checkpoint, Verifier, open_note
from reservation_middleware.model import LedgerError
from reservation_middleware.model.error import StorageError
from reservation_middleware.model.plural import counted

from .archive import Tiles
from .lines import LineChecker

_CHUNK = 4 * 1024 * 1024


class Problem(msgspec.Struct, frozen=True):
    """Something that is not as it was written.

    Attributes:
        file: in which file of the ledger.
        line: in which line of it, from 1; None where it is about the file.
        text: one sentence.
    """

    file: str
    line: int | None
    text: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: {self.text}"


class SegmentReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of a segment.

    Attributes:
        name: its name.
        key: its verifier key as its first line has it, None if that has none.
        running: its lock is held, so a writer seems to live; anybody can hold a lock, and nothing
            is judged by it.
        ended: it was closed.
        lines: whole lines.
        signed: how many of them its latest checkpoint covers.
        unsigned: how many came after that.
        torn: bytes of a line that was not written to its end.
        archive_torn: bytes of the archive that no line names.
        counts: lines by kind.
        erased: lines that were erased.
        gaps: times that the disk took no lines.
        lost: lines that were lost then.
        recovered: times that somebody else closed it for a writer that was gone.
        documents: lines about documents.
        decisions: lines about one decision.
        root: the root that the latest checkpoint signs, None if it signs none that holds.
    """

    name: str
    key: str | None
    running: bool
    ended: bool
    lines: int
    signed: int
    unsigned: int
    torn: int
    archive_torn: int
    counts: dict[str, int]
    erased: int
    gaps: int
    lost: int
    recovered: int
    documents: int
    decisions: int
    root: str | None


class SignedRoot(NamedTuple):
    """That a segment had this root when it had so many lines.

    Attributes:
        source: who says so, for people.
    """

    size: int
    root: bytes
    source: str


def first_line(path: Path) -> SegmentLine | None:
    """The segment line of a segment's file, None if it has none.

    Raises:
        StorageError: rights are missing, or the disk fails.
    """
    try:
        with opened(path) as file:
            line = file.readline(LONGEST_LINE)
        entry = decode(line.removesuffix(b"\n"))
    except LedgerError:
        return None
    except OSError as error:
        if isinstance(found := unreadable(path, error), StorageError):
            raise found from None
        return None
    return entry if isinstance(entry, SegmentLine) else None


class SegmentCheck:
    """The check of one segment.

    Args:
        folder: the ledger.
        name: of the segment.
        keys: one of which must have signed; None takes the segment's own word.
        claims: what others say of it.
        strict: what nobody signed yet is a problem.
        progress: called now and then with how many more bytes were read.
        most: problems that are told one by one.

    Attributes:
        problems: what it found.
        more: problems beyond those that are told.
    """

    def __init__(
        self,
        folder: Folder,
        name: str,
        *,
        keys: Collection[Verifier] | None,
        claims: Iterable[SignedRoot] = (),
        strict: bool = False,
        progress: Callable[[int], object] | None = None,
        most: int,
    ) -> None:
        self._folder, self._name = folder, name
        self._keys, self._strict = keys, strict
        self._progress, self._most = progress, most
        self._log = f"log/{name}.jsonl"
        self._claims = list(claims)
        self._broken = False
        self.problems: list[Problem] = []
        self.more = 0

    def run(self) -> SegmentReport:
        """Check it.

        Raises:
            StorageError: rights are missing, or the disk fails.
        """
        running = self._folder.running(self._name)
        signed = self._checkpoint()
        archive = archive_name(self._name)
        try:
            tiles = Tiles(self._folder.path / archive, archive)
        except StorageError as error:
            raise StorageError(f"{self._folder.path / archive}: {error}") from None
        except LedgerError as error:
            self._problem(archive, None, str(error))
            tiles = Tiles(None, archive)
        try:
            return self._lines(running, signed, tiles)
        finally:
            tiles.close()

    def _checkpoint(self) -> Checkpoint | None:
        """The latest checkpoint, if its signature is right."""
        path = self._folder.checkpoint(self._name)
        file = f"log/{self._name}.checkpoint"
        if not path.exists():
            self._problem(file, None, "the segment has no checkpoint: nothing of it is signed")
            return None
        line = first_line(self._folder.log(self._name))
        try:
            if line is None:
                raise LedgerError("the segment has no first line that tells the key")
            own = Verifier.parse(line.key)
            note = open_note(read_note(path), {own, *(self._keys or ())})
            found = Checkpoint.parse(note.text)
            if own not in note.verified:
                raise LedgerError("the segment's own key did not sign it")
            if self._keys is not None and not set(self._keys) & set(note.verified):
                raise LedgerError(f"none of the given keys signed it, only {own.text}")
            if found.origin != origin(own.name, self._name):
                raise LedgerError(f"it is about another log: {found.origin[:200]!r}")
        except StorageError as error:
            raise StorageError(f"{path}: {error}") from None
        except LedgerError as error:
            self._problem(file, None, str(error))
            return None
        for other in note.others:
            text = f"a signature of {other.name} could not be checked: its key was not given"
            self._problem(file, None, text)
        return found

    def _lines(self, running: bool, signed: Checkpoint | None, tiles: Tiles) -> SegmentReport:
        lines, tree = LineChecker(self._name, tiles), Tree()
        checkpoint = f"log/{self._name}.checkpoint"
        if signed is not None:
            self._claims.append(SignedRoot(signed.size, signed.root, checkpoint))
        due = sorted(self._claims, reverse=True)
        torn, last, root = 0, "", None
        for line in self._read():
            while due and due[-1].size == tree.size:
                self._claimed(due.pop(), tree)
            if not line.endswith(b"\n"):
                torn = len(line)
                break
            index = tree.size
            leaf = leaf_hash(line[:-1])
            try:
                entry = decode(line[:-1])
            except LedgerError as error:
                self._problem(self._log, index + 1, str(error))
                last = ""
            else:
                if isinstance(entry, ErasedLine):
                    leaf = bytes.fromhex(entry.erased)
                for text in lines.take(index, entry):
                    self._problem(self._log, index + 1, text)
                last = lines.last
            tree.append(leaf)
            if self.more:
                due = []
                break
        while due and due[-1].size == tree.size:
            self._claimed(due.pop(), tree)
        for claim in due[::-1]:
            text = f"it has {counted(tree.size, 'line')}, but had {claim.size}, says {claim.source}"
            self._problem(self._log, None, text)
        size = 0
        if signed is not None and not self._broken and not self.more:
            size, root = signed.size, signed.root.hex()
        if not self.more:
            closed = last in ("end", "recovered")
            self._tail(tree.size - size, torn, tiles, closed=closed)
        counts = lines.counts
        return SegmentReport(
            name=self._name,
            key=None if lines.key is None else lines.key.text,
            running=running,
            ended=lines.ended,
            lines=tree.size,
            signed=size,
            unsigned=tree.size - size,
            torn=torn,
            archive_torn=tiles.rest,
            counts=counts,
            erased=counts.get("erased", 0),
            gaps=counts.get("gap", 0),
            lost=lines.lost,
            recovered=counts.get("recovered", 0),
            documents=counts.get("document", 0),
            decisions=counts.get("decision", 0),
            root=root,
        )

    def _claimed(self, claim: SignedRoot, tree: Tree) -> None:
        """Compare what somebody says of the first lines with what they are."""
        if tree.root() == claim.root:
            return
        self._broken = True
        text = (
            f"its first {counted(claim.size, 'line is', 'lines are')} not those of {claim.source}"
        )
        self._problem(self._log, None, text)

    def _tail(self, unsigned: int, torn: int, tiles: Tiles, *, closed: bool) -> None:
        """What comes behind all that was signed: of a writer that lives, or was killed.

        Which of the two is not asked: a lock proves nothing.
        """
        if torn and (closed or self._strict):
            self._problem(
                self._log,
                None,
                f"{counted(torn, 'byte at its end is', 'bytes at its end are')} no whole line",
            )
        if tiles.rest and (closed or self._strict):
            self._problem(tiles.name, None, f"no line names its last {counted(tiles.rest, 'byte')}")
        if unsigned and self._strict:
            self._problem(
                self._log, None, f"no checkpoint covers its last {counted(unsigned, 'line')}"
            )

    def _read(self) -> Iterator[bytes]:
        """The lines, the last one perhaps without its end."""
        try:
            with opened(self._folder.log(self._name)) as file:
                passed = 0
                while line := file.readline(LONGEST_LINE):
                    if len(line) == LONGEST_LINE:
                        self._problem(self._log, None, "a line is longer than any of ours")
                        return
                    yield line
                    passed += len(line)
                    if self._progress is not None and passed >= _CHUNK:
                        self._progress(passed)
                        passed = 0
                if self._progress is not None:
                    self._progress(passed)
        except OSError as error:
            found = unreadable("it cannot be read", error)
            if isinstance(found, StorageError):
                raise StorageError(f"{self._folder.log(self._name)}: {found}") from None
            self._problem(self._log, None, str(found))

    def _problem(self, file: str, line: int | None, text: str) -> None:
        if len(self.problems) < self._most:
            self.problems.append(Problem(file, line, text))
        else:
            self.more += 1
