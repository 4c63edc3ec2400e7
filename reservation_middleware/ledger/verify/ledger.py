"""Whether a ledger is as it was written: every line, every signature, every archived byte.

It finds what was changed, cut or removed after it was signed. It cannot know what was never
logged, and without a key or an earlier checkpoint from elsewhere it cannot tell a ledger from one
that somebody wrote anew (``spec/ledger.md`` has the threat model).
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from pathlib import Path
from time import sleep
from typing import Self

import msgspec

from reservation_middleware.ledger.format.folder import Folder, combined, read_note, segment_of
from reservation_middleware.ledger.format.signed_note import Checkpoint, Verifier, open_note
from reservation_middleware.model import LedgerError
from reservation_middleware.model.error import StorageError

from .segment import Problem, SegmentCheck, SegmentReport, SignedRoot, first_line
from .stamp import StampReport, check_stamp

#: Problems that are told one by one; a ledger that is none has one in every line.
MOST_PROBLEMS = 1000
#: How often, for a whole ledger, a segment is looked at again that is being begun or erased from
#: meanwhile, and after how many seconds.
_TRIES, _PAUSE = 20, 0.05


class VerifyReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of a ledger.

    Attributes:
        folder: where it is.
        segments: its segments, oldest first.
        stamps: its time stamps.
        problems: what is not as it was written; empty if all is well.
        more: problems beyond those that are told.
        root: combined root of the signed lines of all segments, in hex.
        keys: verifier keys that the segments name as theirs.
        pinned: the keys were given by who asked, and so are not the ledger's own word.
    """

    folder: str
    segments: tuple[SegmentReport, ...]
    stamps: tuple[StampReport, ...]
    problems: tuple[Problem, ...]
    more: int
    root: str
    keys: tuple[str, ...]
    pinned: bool

    @property
    def ok(self) -> bool:
        """Whether everything is as it was written."""
        return not self.problems

    @property
    def lines(self) -> int:
        """Lines of all segments."""
        return sum(segment.lines for segment in self.segments)


class _Claims:
    """Who says what of which segment; a claim that many make is kept once."""

    def __init__(self) -> None:
        self._found: dict[str, dict[tuple[int, bytes], str]] = defaultdict(dict)

    def add(self, segment: str, size: int, root: bytes, source: str) -> None:
        self._found[segment].setdefault((size, root), source)

    def of(self, segment: str) -> list[SignedRoot]:
        claims = self._found.get(segment, {})
        return [SignedRoot(size, root, source) for (size, root), source in claims.items()]

    def missing(self, segments: Collection[str]) -> Iterable[Problem]:
        for segment in sorted(set(self._found) - set(segments)):
            source = next(iter(self._found[segment].values()))
            yield Problem(f"log/{segment}.jsonl", None, f"it is not there, but was: {source}")


def verify(
    folder: str | Path,
    *,
    keys: Iterable[str | Verifier] | None = None,
    since: Iterable[bytes] = (),
    authorities: Iterable[bytes] = (),
    strict: bool = False,
    progress: Callable[[int], object] | None = None,
) -> VerifyReport:
    """Check a ledger.

    Args:
        folder: where it is.
        keys: verifier keys, one of which must have signed each segment; None takes the
            ledger's own word for whose it is.
        since: checkpoints, as the notes that they are, which were kept elsewhere.
        authorities: root certificates of time-stamp authorities, in PEM; without them the
            signatures of time stamps are not checked.
        strict: whatever no signature covers is a problem, also where a writer lives or was
            killed: lines, torn lines, bytes of the archive, drafts, locks of no segment. Without it
            these are counted only. Whether a lock is held makes no difference to either.
        progress: called now and then with how many more bytes of lines were read.

    Raises:
        StorageError: the folder is no ledger, or it cannot be read.
        LedgerError: a key is none.
    """
    place = Folder(folder)
    pinned = None if keys is None else tuple(map(_verifier, keys))
    names = place.segments()
    claims, own = _Claims(), _own(place, names)
    problems = _Problems()
    for name, (_, others) in own.items():
        for other, size, root in others:
            claims.add(other, size, bytes.fromhex(root), f"log/{name}.jsonl:1")
    known = pinned if pinned is not None else {key for key, _ in own.values() if key}
    for number, data in enumerate(since, 1):
        try:
            checkpoint = Checkpoint.parse(open_note(data, known).text)
            segment = segment_of(checkpoint)
        except LedgerError as error:
            problems.add(Problem(f"earlier checkpoint {number}", None, str(error)))
        else:
            source = f"the earlier checkpoint {number}"
            claims.add(segment, checkpoint.size, checkpoint.root, source)
    stamps = _stamps(place, known, tuple(authorities), claims, problems)
    # Listed again: a segment may have been begun meanwhile.
    problems.extend(claims.missing(place.segments()))
    if pinned is not None and not names:
        problems.add(Problem("log", None, "there is no segment: nothing is signed by a given key"))
    reports = []
    tries = _TRIES
    for name in names:
        while True:
            before = _identity(place, name)
            check = SegmentCheck(
                place,
                name,
                keys=pinned,
                claims=claims.of(name),
                strict=strict,
                progress=progress,
                most=MOST_PROBLEMS,
            )
            report = check.run()
            if not check.problems or not tries or not _replaced(place, name, before):
                break
            tries -= 1
            sleep(_PAUSE)
        reports.append(report)
        problems.extend(check.problems)
        problems.more += check.more
    for stranger in place.strangers(strict=strict):
        problems.add(Problem(stranger, None, "it does not belong into a ledger"))
    roots = {
        report.name: (report.signed, bytes.fromhex(report.root))
        for report in reports
        if report.root
    }
    return VerifyReport(
        folder=str(folder),
        segments=tuple(reports),
        stamps=stamps,
        problems=tuple(problems.listed),
        more=problems.more,
        root=combined(roots).hex(),
        keys=tuple(sorted({report.key for report in reports if report.key})),
        pinned=pinned is not None,
    )


class _Problems:
    """Problems, as many as may be told."""

    def __init__(self) -> None:
        self.listed: list[Problem] = []
        self.more = 0

    def add(self, problem: Problem) -> None:
        if len(self.listed) < MOST_PROBLEMS:
            self.listed.append(problem)
        else:
            self.more += 1

    def extend(self, problems: Iterable[Problem]) -> Self:
        for problem in problems:
            self.add(problem)
        return self


def _identity(place: Folder, name: str) -> list[int]:
    """Which files a segment's lines and archive are in."""
    found = []
    for path in (place.log(name), place.archive(name)):
        with suppress(OSError):
            found.append(path.stat().st_ino)
    return found


def _replaced(place: Folder, name: str, before: list[int]) -> bool:
    """Whether a segment is being begun or erased from, so that its files do not fit each other yet.

    It only decides whether to look again.
    """
    if _identity(place, name) != before or not place.checkpoint(name).exists():
        return True
    return place.running(name) and any(path.exists() for path in place.drafts(name)[1:])


def _own(
    place: Folder, names: Iterable[str]
) -> dict[str, tuple[Verifier | None, tuple[tuple[str, int, str], ...]]]:
    """The key of each segment that has one, and what it says of others."""
    found: dict[str, tuple[Verifier | None, tuple[tuple[str, int, str], ...]]] = {}
    for name in names:
        line = first_line(place.log(name))
        if line is None:
            continue  # told where the segment is checked
        try:
            key = Verifier.parse(line.key)
        except LedgerError:
            key = None
        found[name] = key, line.others
    return found


def _stamps(
    place: Folder,
    known: Collection[Verifier],
    authorities: tuple[bytes, ...],
    claims: _Claims,
    problems: _Problems,
) -> tuple[StampReport, ...]:
    found = []
    for path in place.stamps():
        file = f"stamps/{path.name}"
        try:
            report, roots = check_stamp(file, read_note(path), known, authorities)
        except StorageError as error:
            raise StorageError(f"{path}: {error}") from None
        except LedgerError as error:
            problems.add(Problem(file, None, str(error)))
            continue
        for segment, (size, root) in roots.items():
            claims.add(segment, size, root, file)
        found.append(report)
    return tuple(found)


def _verifier(key: str | Verifier) -> Verifier:
    return key if isinstance(key, Verifier) else Verifier.parse(key)
