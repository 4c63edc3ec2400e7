"""A page's body read whole, but not without end, and left where its reader expects it."""

import asyncio
import warnings
from typing import Any, cast

from aiohttp import ClientError, ClientPayloadError, ClientResponse, StreamReader

_CHUNK = 64 * 1024
#: Seconds for a body that is read only for the sake of an offer.
_PATIENCE = 10.0

#: A page longer than this is not looked into but refused: it has to be held in memory.
MAX_PAGE = 64 * 1024 * 1024
_TOO_LONG = f"a page of more than {MAX_PAGE} bytes"

#: The same of an image, a PDF or an EPUB, which is left to be streamed.
MAX_MEDIA = MAX_PAGE


class _Bounded:
    """Stands in for a response's stream while its body is read whole."""

    def __init__(self, content: StreamReader) -> None:
        self._content = content

    async def read(self) -> bytes:
        body = bytearray()
        async for chunk in self._content.iter_chunked(_CHUNK):
            body += chunk
            if len(body) > MAX_PAGE:
                raise ClientPayloadError(_TOO_LONG)
        return bytes(body)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)


async def read(response: ClientResponse) -> bytes:
    """The body, which the response then keeps for ``read()`` and ``text()``.

    Raises:
        ClientPayloadError: the body is cut off, or longer than ``MAX_PAGE``.
    """
    content = response.content
    if content.is_eof():  # all of it came with the head, as of most pages that are not long
        body = await response.read()
        if len(body) > MAX_PAGE:
            raise ClientPayloadError(_TOO_LONG)
        return body
    response.content = cast("StreamReader", _Bounded(content))
    try:
        return await response.read()
    finally:
        response.content = content


async def beginning(response: ClientResponse, limit: int = _CHUNK) -> bytes:
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


class _Known:
    """Stands in for a response's stream that was read already."""

    def __init__(self, content: StreamReader, body: bytes) -> None:
        self._content = content
        self._body = body

    async def read(self) -> bytes:
        return self._body

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)


async def read_media(response: ClientResponse) -> bytes | None:
    """The same of a body that people stream: None if it is longer than ``MAX_MEDIA``.

    Then its reader finds the stream as if nobody had read of it: one that says its length is
    not touched, of another what was read is put back.

    Raises:
        ClientPayloadError: the body is cut off.
    """
    if (response.content_length or 0) > MAX_MEDIA:
        return None
    content = response.content
    body = bytearray()
    async for chunk in content.iter_chunked(_CHUNK):
        body += chunk
        if len(body) > MAX_MEDIA:
            with warnings.catch_warnings():
                # Deprecated since 2018 without another way to do it.
                warnings.simplefilter("ignore", DeprecationWarning)
                content.unread_data(bytes(body))
            return None
    response.content = cast("StreamReader", _Known(content, bytes(body)))
    try:
        return await response.read()
    finally:
        response.content = content
