"""The ledger as a crawler writes it: each decision, and the documents that it rests on.

One process writes one segment; no process waits for another. A decision whose call returned is
in the ledger, signed with the next checkpoint. What the disk does not take is counted, and told
in a line of its own as soon as it takes lines again: no crawl stops for its ledger.
"""

import logging
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from threading import RLock
from typing import Self

from reservation_middleware.ledger.format.canonical import new_ident, new_salt, time_text
from reservation_middleware.ledger.format.folder import Folder
from reservation_middleware.ledger.format.key import signer_of
from reservation_middleware.ledger.format.lines import EndLine, GapLine, encode
from reservation_middleware.ledger.format.signed_note import Signer
from reservation_middleware.model import Decision, Document, LedgerError, Mode, Policy
from reservation_middleware.model.error import StorageError

from .epochs import Epochs
from .line_encoder import Drafts, singled_out
from .recover import recover_with
from .segment_index import Page, SegmentIndex
from .segment_writer import SegmentWriter

logger = logging.getLogger("reservation_middleware.ledger")

#: A checkpoint is written after so many lines, or after so long.
LINES, SECONDS = 1000, 10.0
_FAR = timedelta(seconds=SECONDS)


class LineMode(StrEnum):
    """Which decisions get a line of their own."""

    #: Every one.
    ALL = "all"
    #: Those that somebody may ask for; the others are counted by host and policy.
    BULK = "bulk"


class Ledger:
    """A ledger that this process writes to. Made by ``Ledger.open``.

    A killed process loses no line that was acknowledged. In bulk mode it loses the counts of
    about the last minute, which are in memory: the decisions with lines of their own are not
    among them.

    After ``os.fork`` the child writes a segment of its own, begun with its first decision.

    Attributes:
        written: decisions that were written or counted.
        lost: lines that the disk did not take.
    """

    def __init__(
        self, folder: Folder, signer: Signer, lines: LineMode, clock: Callable[[], datetime]
    ) -> None:
        self.written = self.lost = 0
        self._folder, self._signer = folder, signer
        self._bulk = lines is LineMode.BULK
        self._clock = clock
        self._closed = False
        self._begin_process()
        self._known: SegmentIndex | None = self._begin()

    @classmethod
    def open(
        cls,
        folder: str | os.PathLike[str],
        *,
        key: str | os.PathLike[str] | None = None,
        name: str = "reservations",
        lines: LineMode = LineMode.ALL,
        clock: Callable[[], datetime] | None = None,
    ) -> Self:
        """Open a ledger to write to it; a folder and a key are made where there are none.

        Segments whose writers are gone are recovered on the way.

        Args:
            folder: the ledger.
            key: the file of the key that signs; beside the folder if None.
            name: the name that a new key bears.
            lines: which decisions get a line of their own.
            clock: tells the time, timezone-aware.

        Raises:
            LedgerError: it cannot be written to.
        """
        path = Path(folder).absolute()
        clock = clock or partial(datetime.now, UTC)
        try:
            for part in ("log", "policy"):
                (path / part).mkdir(parents=True, exist_ok=True)
            signer = signer_of(path, key, name)
            held = Folder(path)
            for report in recover_with(held, signer, clock()):
                logger.warning("%s", report)
            return cls(held, signer, lines, clock)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise StorageError(f"no ledger can be kept in {path}: {why}") from None

    @property
    def segment(self) -> str | None:
        """The name of this process's segment, None if none is begun."""
        return None if self._known is None else self._known.writer.name

    @property
    def key(self) -> str:
        """The key that its signatures are checked with."""
        return self._signer.verifier.text

    def decision(
        self,
        decision: Decision,
        documents: Sequence[Document],
        *,
        policy: Policy,
        mode: Mode,
        adapter: str,
        blocked: bool,
        page: Page | None = None,
        octets: int | None = None,
        asked_at: datetime | None = None,
    ) -> str:
        """Write what was decided; the decision's identifier.

        Args:
            decision: the decision.
            documents: the policy documents that it rests on, linked ones included.
            policy: what the operator decided.
            mode: whether the adapter acts on the decision.
            adapter: its name.
            blocked: whether it stopped the page.
            page: what was seen of the page.
            octets: length of the page's body in bytes, None if it was not fetched.
            asked_at: the line's time, which licences were held against; now if None.
        """
        now = self._clock()
        ident = new_ident(now)
        with self._here():
            try:
                known = self._ready(now)
                writer = known.writer
                indexes = tuple([known.document(document, now) for document in documents])
                rule = known.policy(policy)
                if self._bulk and not singled_out(decision, documents, blocked=blocked):
                    self._epochs.count(decision, indexes, rule, mode, adapter, octets or 0, now)
                else:
                    line = self._drafts.decision(
                        decision,
                        ident=ident,
                        time=time_text(asked_at or now),
                        mode=mode,
                        adapter=adapter,
                        blocked=blocked,
                        octets=octets,
                        policy=rule,
                        documents=indexes,
                        page=None if page is None else known.page(page, now),
                    )
                    writer.append(line)
                self.written += 1
            except (OSError, LedgerError) as error:
                self._lose(now, error)
            else:
                self._tick(writer, now)
        return ident

    def checkpoint(self) -> None:
        """Write everything to disk and sign it; of the counts those older than a minute."""
        now = self._clock()
        with self._here():
            if self._known is not None and not self._closed:
                try:
                    self._sign(self._ready(now).writer, now)
                except (OSError, LedgerError) as error:
                    self._fail(now, error)

    def close(self) -> None:
        """Write what is counted, the last line and the last checkpoint."""
        now = self._clock()
        with self._here():
            known, self._known = self._known, None
            self._closed = True
            if known is None:
                return
            writer, finished = known.writer, False
            try:
                self._gap(writer, now)
                self._epochs.flush(writer, None)
                writer.append(encode(EndLine(salt=new_salt(), time=time_text(now))))
                writer.sign()
                finished = True
            except OSError as error:
                self.lost += len(self._epochs)
                self._fail(now, error)
            finally:
                writer.close(finished=finished)
            if self.lost:
                logger.error("%s: %d lines were lost", self._folder.path, self.lost)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _begin_process(self) -> None:
        """Know nothing yet: what another process knows is in its segment and not in ours."""
        self._process = os.getpid()
        self._guard = RLock()
        self._drafts = Drafts()
        self._epochs = Epochs()
        self._since: datetime | None = None
        self._missed = 0
        self._why = ""
        # Told once until a checkpoint is written: on a full disk a short line may still fit.
        self._failing = False
        self._ticked = self._clock()

    def _here(self) -> RLock:
        """What keeps threads apart, in this very process."""
        if os.getpid() != self._process:
            if self._known is not None:
                self._known.writer.leave()
            self._known = None
            self.written = self.lost = 0
            self._begin_process()
        return self._guard

    def _begin(self) -> SegmentIndex:
        return SegmentIndex(SegmentWriter.begin(self._folder, self._signer, self._clock()))

    def _ready(self, now: datetime) -> SegmentIndex:
        if self._closed:
            raise LedgerError("the ledger is closed")
        if self._known is None:
            self._known = self._begin()
        if self._since is not None:
            self._gap(self._known.writer, now)
        return self._known

    def _tick(self, writer: SegmentWriter, now: datetime) -> None:
        """Sign if it is time to."""
        due = writer.unsigned >= LINES or abs(now - self._ticked) >= _FAR
        if not due and not self._epochs.full:
            return
        try:
            self._sign(writer, now)
        except OSError as error:
            dropped = self._epochs.drop()
            self.lost += dropped
            self._missed += dropped
            self._fail(now, error)

    def _sign(self, writer: SegmentWriter, now: datetime) -> None:
        self._ticked = now
        self._epochs.flush(writer, now)
        if not writer.unsigned:
            return
        writer.sign()
        if self._failing:
            self._failing = False
            logger.warning("%s: lines are written again", self._folder.path)

    def _gap(self, writer: SegmentWriter, now: datetime) -> None:
        """Tell of lines that were lost, if there are any, before anything else is written."""
        if self._since is None:
            return
        if self._missed:
            salt, time, since = new_salt(), time_text(now), time_text(self._since)
            gap = GapLine(salt=salt, time=time, since=since, lost=self._missed, why=self._why)
            writer.append(encode(gap))
        self._since, self._missed = None, 0

    def _lose(self, now: datetime, error: Exception) -> None:
        self.lost += 1
        self._missed += 1
        self._fail(now, error)

    def _fail(self, now: datetime, error: Exception) -> None:
        if self._since is None:
            self._since = now
            problem = error.strerror if isinstance(error, OSError) else str(error)
            self._why = problem or type(error).__name__
        if not self._failing:
            self._failing = True
            logger.error("%s: lines are lost: %s", self._folder.path, self._why)


__all__ = ["Ledger", "LineMode", "Page"]
