"""A page's body read whole, but not without end, and left where its reader expects it."""

from typing import Any, cast

from aiohttp import ClientPayloadError, ClientResponse, StreamReader

_CHUNK = 64 * 1024

#: A page longer than this is not looked into but refused: it has to be held in memory.
MAX_PAGE = 64 * 1024 * 1024


class _Bounded:
    """Stands in for a response's stream while its body is read whole."""

    def __init__(self, content: StreamReader) -> None:
        self._content = content

    async def read(self) -> bytes:
        body = bytearray()
        async for chunk in self._content.iter_chunked(_CHUNK):
            body += chunk
            if len(body) > MAX_PAGE:
                raise ClientPayloadError(f"a page of more than {MAX_PAGE} bytes")
        return bytes(body)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)


async def read(response: ClientResponse) -> bytes:
    """The body, which the response then keeps for ``read()`` and ``text()``.

    Raises:
        ClientPayloadError: the body is cut off, or longer than ``MAX_PAGE``.
    """
    content = response.content
    response.content = cast("StreamReader", _Bounded(content))
    try:
        return await response.read()
    finally:
        response.content = content
