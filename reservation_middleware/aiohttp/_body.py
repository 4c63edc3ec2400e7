"""A response's body: held while it is looked into, then whole for its reader.

``ReplayedStream`` is a real ``aiohttp.StreamReader`` that takes its bytes from the response's own.
What the bytes say is not judged here. Reference: https://docs.aiohttp.org/en/stable/streams.html
"""

import asyncio
from collections import deque
from contextlib import suppress
from enum import Enum, auto
from operator import itemgetter
from typing import Protocol

from aiohttp import ClientError, ClientResponse, StreamReader

from reservation_middleware.model import ReservationError

#: Seconds for a body that is read only for the sake of an offer.
_PATIENCE = 10.0

#: Octets of a page, an image, a PDF or an EPUB that are held and looked into at the most.
MAX_PAGE = MAX_MEDIA = 64 * 1024 * 1024
#: Seconds from its head on that a page is held; one that takes longer is handed out, and what
#: comes then is looked into as it is read.
PAGE_SECONDS = 2.0
#: Seconds for a file whose metadata may stand at its end.
MEDIA_SECONDS = 30.0
#: Pieces of a body that are held at the most: each costs some hundred octets of memory.
MAX_PIECES = 65_536


async def beginning(response: ClientResponse, limit: int) -> bytes:
    """What comes first of a body that nobody else will read; nothing if it does not come."""
    try:
        async with asyncio.timeout(_PATIENCE):
            body = bytearray()
            async for chunk in response.content.iter_chunked(limit):
                body += chunk
                if len(body) >= limit:
                    break
            return bytes(body)
    except (ClientError, TimeoutError, OSError):
        return b""


class Progress(Enum):
    """How far a body has come."""

    COMING = auto()
    #: It failed before its end.
    CUT = auto()
    WHOLE = auto()


class Examiner(Protocol):
    """Judges what comes of a body after its response was handed out."""

    def add(self, data: bytes) -> None:
        """Take the next octets, which were not delivered yet."""

    async def examine(self, progress: Progress) -> None:
        """Judge all octets so far.

        Raises:
            ReservedError: the last of them must not be delivered.
        """

    def finish(self) -> None:
        """Learn that no more octets will be read."""


class _NoFlowControl:
    """Stands in for the protocol of a stream that is fed no more than is asked for."""

    connected = True
    _reading_paused = False  # read by aiohttp before 3.14

    def pause_reading(self) -> None:
        """Do nothing: nothing is sent here unasked."""

    def resume_reading(self, *, resume_parser: bool = True) -> None:
        """Do nothing: the source's own reader resumes its transport."""


_NO_FLOW_CONTROL = _NoFlowControl()


class ReplayedStream(StreamReader):
    """A response's stream that was read ahead: the same octets and chunks, then the same error.

    First ``hold`` takes octets from the source, which nobody can read yet; ``hand_out`` makes
    them readable. What the source has beyond is taken when a reader asks for more, so that its
    flow control, its timeouts and its errors hold, and judged by an examiner, if there is one,
    before it is delivered.

    Args:
        source: the response's stream, of which nothing was read.
    """

    __slots__ = ("_busy", "_examiner", "_failure", "_held", "_source", "octets", "progress")

    def __init__(self, source: StreamReader) -> None:
        limit, _ = source.get_read_buffer_limits()
        loop = asyncio.get_running_loop()
        super().__init__(_NO_FLOW_CONTROL, limit, loop=loop)  # type: ignore[arg-type]
        self.begin_http_chunk_receiving()
        self._source = source
        #: How far the body has come.
        self.progress = Progress.COMING
        #: Why the source gives no more: raised when all that came before it was read.
        self._failure: BaseException | None = None
        #: What was taken and is not readable yet: octets, and whether an HTTP chunk ends there.
        self._held: deque[tuple[bytes, bool]] = deque()
        self._examiner: Examiner | None = None
        self._busy = False
        #: How many octets were taken from the source so far.
        self.octets = 0

    async def hold(self, octets: int, seconds: float) -> bytes:
        """Take what comes until the body ends, there are more octets, or the time is over.

        Returns:
            All that is held. An error of the body is left to be raised to its reader.
        """
        held = self._held
        # A body's own timeouts are failures that `_take` keeps.
        with suppress(TimeoutError):
            async with asyncio.timeout(None if self._source.is_eof() else seconds):
                while (
                    self.progress is Progress.COMING
                    and self.octets <= octets
                    and len(held) < MAX_PIECES
                ):
                    await self._take()
        return b"".join(map(itemgetter(0), held))

    def hand_out(self, examiner: Examiner | None = None) -> None:
        """Make what is held readable, and have an examiner judge what comes after it."""
        self._examiner = examiner
        self._release()

    def set_exception(self, exc: BaseException, *cause: BaseException) -> None:
        """Make readers fail, as when the response is closed or released before its end."""
        super().set_exception(exc, *cause)
        self._held.clear()
        if self._source.exception() is None:
            self._source.set_exception(exc, *cause)
        self._finish()

    async def wait_eof(self) -> None:
        """Wait until all of the body has come, read or not."""
        if not self._eof:
            await self._source.wait_eof()

    async def _wait(self, func_name: str) -> None:
        """Get more for a reader that has read all there is; ``StreamReader`` calls it.

        Raises:
            ReservedError: what comes next must not be delivered, and nothing after it is.
            Exception: what the source fails with.
        """
        if self._busy:
            raise RuntimeError(
                f"{func_name}() called while another coroutine is already waiting for incoming data"
            )
        self._busy = True
        try:
            if not self._held and self.progress is Progress.COMING:
                await self._take()
                if self._source.at_eof() and self.progress is Progress.COMING:
                    await self._take()  # its end, which is there already
            if self._examiner is not None:
                await self._examiner.examine(self.progress)
        except ReservationError as error:
            self._held.clear()
            super().set_exception(error)
            self._finish()
            raise
        finally:
            self._busy = False
        if self._failure is not None and not self._held:
            self._finish()
            raise self._failure
        self._release()

    async def _take(self) -> None:
        """Take the next octets, or the end, from the source."""
        try:
            data, chunk_ends = await self._source.readchunk()
        except Exception as error:  # noqa: BLE001 - whatever it is, the reader is to have it
            self._failure = error
            self.progress = Progress.CUT
            return
        if data:
            self.octets += len(data)
            if self._examiner is not None:
                self._examiner.add(data)
        if data or chunk_ends:
            self._held.append((data, chunk_ends))
        else:
            self.progress = Progress.WHOLE

    def _release(self) -> None:
        """Make what is held readable."""
        held = self._held
        while held:
            data, chunk_ends = held.popleft()
            self.feed_data(data)
            if chunk_ends:
                self.end_http_chunk_receiving()
        self.total_compressed_bytes = self._source.total_compressed_bytes
        if self.progress is Progress.WHOLE and not self._eof:
            self.feed_eof()
            self._finish()

    def _finish(self) -> None:
        examiner, self._examiner = self._examiner, None
        if examiner is not None:
            examiner.finish()
