"""The look into a response's content: before it is handed out, or while its reader reads it.

Which bodies are looked into is ``bodies``'s business, what they say the check's.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from weakref import ref

from aiohttp import EMPTY_PAYLOAD, ClientResponse

from reservation_middleware.decide.bodies import BEGINNING, Look, Part, is_media, look, part_of_page
from reservation_middleware.decide.reading import may_speak
from reservation_middleware.model import Document
from reservation_middleware.syntax.content_coding import CODINGS, unpacked

from . import _body
from ._body import Progress, ReplayedStream
from ._error import ReservedError
from ._middleware import RequestState, ReservationMiddleware
from ._page import length_of, page_of


async def look_into(
    middleware: ReservationMiddleware, known: RequestState, response: ClientResponse, *, media: bool
) -> None:
    """Decide with a response's content, as far as it is looked into, and tell the decision.

    A body that is not looked into is not touched. Another one is held until its end, for
    ``PAGE_SECONDS`` or ``MEDIA_SECONDS`` and up to ``MAX_PAGE`` octets. One that takes longer is
    handed out, and judged further as it is read: a reservation that comes late raises
    ReservedError from the read that would deliver it, or at the latest from the one that would
    find the end. One that is longer is left to its reader; its content counts as not reached.

    Args:
        middleware: which checked the head.
        known: what is known of the request.
        response: the response, whose stream is whole afterwards.
        media: look into images, PDF and EPUB, too.

    Raises:
        ReservedError: the content reserves what the head did not.
        RuntimeError: the session or the fetcher was closed meanwhile.
    """
    head, complete = known.check.page, _completeness(response)
    by_head = None if head is None else look(head)
    if known.redirect or head is None or complete is None or by_head is Look.NOTHING:
        middleware.passed(known, length_of(response))
        return
    codings = [value for name in CODINGS for value in response.headers.getall(name, ())]
    body: bytes | None = getattr(response, "_body", None)
    if body is None and response.content is EMPTY_PAYLOAD:
        body = b""
    if body is not None:  # read already, as by a middleware that caches
        found = look(head, body[:BEGINNING], codings=codings, ended=True)
        if (found is Look.PAGE and (media or not is_media("", body))) or (
            found is Look.MEDIA and media
        ):
            await _judge(middleware, known, body, codings, whole=complete)
        middleware.passed(known, len(body))
        return
    response.content = stream = ReplayedStream(response.content)
    found, body = (by_head, b"") if by_head else await _found(stream, head, codings)
    is_file = found is Look.MEDIA
    most = _body.MAX_MEDIA if is_file else _body.MAX_PAGE
    if (
        found is Look.NOTHING
        or (is_file and not media)
        or (is_file and (response.content_length or 0) > most)
    ):
        stream.hand_out()
        middleware.passed(known, length_of(response))
        return
    if found is not None:
        body = await stream.hold(most, _body.MEDIA_SECONDS if is_file else _body.PAGE_SECONDS)
    if not media and is_media("", body):
        stream.hand_out()
        middleware.passed(known, length_of(response))
        return
    whole = complete and stream.progress is Progress.WHOLE
    await _judge(middleware, known, body, codings, whole=whole)
    if stream.progress is Progress.COMING and complete and stream.octets <= most:
        # Of a packed page no piece says anything.
        beginning = body[:BEGINNING]
        is_plain = unpacked(beginning, codings, BEGINNING).body == beginning
        piecewise = not is_file and is_plain
        late = _LateExaminer(middleware, known, response, body, piecewise=piecewise)
        late.codings = codings
        late.is_page = found is not None
        stream.hand_out(late)
        return
    middleware.passed(
        known, length_of(response) if stream.progress is Progress.COMING else len(body)
    )
    stream.hand_out()


async def _judge(
    middleware: ReservationMiddleware,
    known: RequestState,
    body: bytes,
    codings: Sequence[str],
    *,
    whole: bool,
) -> None:
    """Judge a body, unpacked as far as that is possible; see ``judge_content``."""
    content, problem = unpacked(body, codings)
    check, head = known.check, known.check.page
    if head is None or not whole or problem is None:
        await middleware.judge_content(known, content, whole=whole)
        return
    check.feed_part(page_of(head, content), problem)
    known.decision = check.decide()
    if known.decision.action is middleware.stopping:
        raise middleware.blocked(check, known.decision, len(body))


async def _found(
    stream: ReplayedStream, head: Document, codings: Sequence[str]
) -> tuple[Look | None, bytes]:
    """How much of a body is looked into, and as much of its beginning as shows it.

    None where that does not come within ``PAGE_SECONDS``.
    """
    found, body = None, b""
    loop = asyncio.get_running_loop()
    until = loop.time() + _body.PAGE_SECONDS
    while found is None:
        body = await stream.hold(stream.octets, max(0.0, until - loop.time()))
        ended = stream.progress is not Progress.COMING
        found = look(head, body[:BEGINNING], codings=codings, ended=ended)
        if loop.time() >= until:
            break
    return found, body


def _completeness(response: ClientResponse) -> bool | None:
    """Whether a response's body is all of the page, or a part from its beginning on (False).

    None for another part, and where there is no body.
    """
    if response.method == "HEAD" or response.status in (101, 204, 304):
        return None
    if response.status != 206:
        return True
    part = part_of_page(response.headers.get("Content-Range", ""))
    return None if part is Part.ELSEWHERE else part is Part.WHOLE


class _LateExaminer:
    """Judges a body that was too slow to be held until its end, before each piece is delivered.

    A piece that holds none of the words that signals look for changes nothing; after another
    one all that came so far is read again, as often as that stays linear in its length. At the
    end everything is read once more, so that at the latest there nothing is missed.
    """

    #: Octets before a piece that are searched with it, as a tag may be cut in two.
    _OVERLAP = 4096
    #: How many times its length may be spent on reading a page anew, and octets beside that.
    _TIMES, _FREE = 8, 4 * 1024 * 1024

    def __init__(
        self,
        middleware: ReservationMiddleware,
        known: RequestState,
        response: ClientResponse,
        body: bytes,
        *,
        piecewise: bool,
    ) -> None:
        self._middleware = middleware
        self._known = known
        self._response = ref(response)
        self._piecewise = piecewise
        #: All that came so far; None when it is no longer looked into.
        self._body: bytearray | None = bytearray(body)
        self._octets = self._searched = len(body)
        self._spent = 0
        self._is_due = False
        self._is_told = False
        self.codings: Sequence[str] = ()
        #: Whether it is certain that it is looked into.
        self.is_page = True
        middleware.unfinished.add(self)

    def add(self, data: bytes) -> None:
        """Take the next octets."""
        self._octets += len(data)
        if self._body is not None:
            self._body += data

    async def examine(self, progress: Progress) -> None:
        """Judge all octets so far, if that may give anything new.

        Raises:
            ReservedError: they reserve the page; the connection is closed.
            RuntimeError: the session or the fetcher was closed meanwhile.
        """
        if self._body is None:
            return
        if not self.is_page:
            head = self._known.check.page
            beginning = bytes(self._body[:BEGINNING])
            ended = progress is not Progress.COMING
            found = head and look(head, beginning, codings=self.codings, ended=ended)
            if found is None:
                return
            self.is_page = found is not Look.NOTHING
        if len(self._body) > _body.MAX_PAGE or not self.is_page:
            self._body = None
            return
        if not (self._is_due or progress is not Progress.COMING or self._is_worthwhile()):
            return
        self._is_due = True  # until it is done, however often a reader gives up meanwhile
        try:
            await _judge(
                self._middleware,
                self._known,
                bytes(self._body),
                self.codings,
                whole=progress is Progress.WHOLE,
            )
        except ReservedError:
            self._is_told = True
            self._body = None
            response = self._response()
            if response is not None:
                response.close()
            raise
        self._is_due = False
        if progress is not Progress.COMING:
            self._body = None

    def _is_worthwhile(self) -> bool:
        body, head = self._body, self._known.check.page
        if body is None or head is None or not self._piecewise:
            return False
        piece = bytes(body[max(0, self._searched - self._OVERLAP) :])
        self._searched = len(body)
        if not may_speak(page_of(head, piece)):
            return False
        spent = self._spent + len(body)
        if spent > self._TIMES * len(body) + self._FREE:
            return False
        self._spent = spent
        return True

    def finish(self) -> None:
        """Tell what was decided, if that was not done yet."""
        if not self._is_told:
            self._is_told = True
            self._body = None
            self._middleware.passed(self._known, self._octets)

    def __del__(self) -> None:
        # A response that was neither read to its end nor closed.
        with suppress(Exception):
            self.finish()
