"""Content codings undone by hand, so that a bomb takes no more memory than a short file.

We ask for none, but servers may send some all the same (RFC 9110 §8.4). Only as much is
unpacked as will be read; what unpacks to more than that at a ratio that no policy has is refused.
Pure; brotli and zstd need the packages that aiohttp and Scrapy use for them.
"""

import zlib
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from typing import Any, NamedTuple, Protocol

from .media import recognised
from .sniff import is_binary

#: How many times longer than what was sent a body may be, once it is longer than what is read.
#: Text packs 3 to 20 times smaller; zlib can do 1,032 times, brotli and zstd thousands.
RATIO = 100
#: Codings on top of each other. One is usual; more than these are an attack.
MAX_CODINGS = 4
#: Compressed streams, one after the other, in one body (RFC 1952 §2.2).
_MAX_MEMBERS = 1024
#: How much is unpacked at once, and of how much: a ratio is that of what was sent by then, however
#: it came in pieces.
_STEP, _BITE = 64 * 1024, 512
#: RFC 9659: a window for content of at most 8 MiB.
_ZSTD_WINDOW = 23
#: Codings that would leave unreadable bytes, where nothing here undoes them. Any other word, such
#: as "utf-8" or "none", is a mistake that is common and means nothing.
_UNKNOWN = frozenset({"br", "zstd", "compress", "x-compress", "dcb", "dcz", "exi", "pack200-gzip"})


class EncodingError(ValueError):
    """A body that cannot, or must not, be unpacked."""


class _Stream(Protocol):
    """One coding of a body that is unpacked bit by bit."""

    def unpack(self, data: bytes, most: int) -> bytes:
        """Up to ``most`` bytes more; what is left of the data is kept for the next call."""

    @property
    def pending(self) -> bool:
        """Whether there may be more without more data."""

    @property
    def whole(self) -> bool:
        """Whether it ends where a stream ends."""


class Unpacker:
    """Unpacks a body as it comes.

    Args:
        codings: values of Content-Encoding.
        limit: how many bytes of it will be read.

    Attributes:
        body: what was unpacked so far, at most some more than ``limit`` bytes.

    Raises:
        EncodingError: a coding is not known, or there are too many.
    """

    def __init__(self, codings: Iterable[str], limit: int) -> None:
        words = [word.strip().lower() for word in ",".join(codings).split(",") if word.strip()]
        if len(words) > MAX_CODINGS:
            raise EncodingError(f"{len(words)} content codings on top of each other")
        self._streams = [stream for word in reversed(words) if (stream := _stream(word))]
        self._limit = limit
        self._received = 0
        self.body = bytearray()

    @property
    def enough(self) -> bool:
        """Whether there is more than will be read."""
        return len(self.body) > self._limit

    def feed(self, data: bytes) -> None:
        """Take what came.

        Raises:
            EncodingError: it is damaged, or a bomb.
        """
        bite = _BITE if self._streams else len(data)
        for start in range(0, len(data), bite or 1):
            if self.enough:
                return
            piece = data[start : start + bite]
            self._received += len(piece)
            try:
                self._pass(piece, 0)
            except EncodingError:
                raise
            except Exception as error:  # noqa: BLE001 - each library has errors of its own
                raise EncodingError(f"damaged: {error}") from None
            refuse_bomb(self._received, len(self.body), self._limit)

    def end(self) -> None:
        """Say that nothing more comes.

        Raises:
            EncodingError: it was cut off.
        """
        if self._received and not self.enough and not all(stream.whole for stream in self._streams):
            raise EncodingError("cut off")

    def _pass(self, data: bytes, level: int) -> None:
        """Unpack data from one coding on, in steps, so that no coding between grows either."""
        if level == len(self._streams):
            self.body += data
            return
        stream = self._streams[level]
        while not self.enough:
            piece = stream.unpack(data, min(_STEP, self._limit + 1))
            data = b""
            if piece:
                self._pass(piece, level + 1)
            elif not stream.pending:
                return


def refuse_bomb(received: int, unpacked: int, limit: int) -> None:
    """Refuse a body that is longer than what is read, and far longer than what was sent.

    Raises:
        EncodingError: it is.
    """
    if unpacked > limit and unpacked > received * RATIO:
        raise EncodingError(
            f"{received} bytes unpack to more than {limit}, over {RATIO} times as many"
        )


class Content(NamedTuple):
    """A body as it is looked into.

    Attributes:
        body: as much of it as could be unpacked.
        problem: why that is not all of it, in a few words; None where it is, or is as much as is
            read.
    """

    body: bytes
    problem: str | None = None


#: Octets of a packed page that are unpacked to be looked into: of HTML no more is read.
LOOK = 8 * 1024 * 1024


def unpacked(body: bytes, codings: Sequence[str], limit: int = LOOK) -> Content:
    """A page's body without its content codings, whether or not a client undid them.

    Clients undo some codings and leave others, renderers and caches keep the fields of what they
    unpacked, and some servers pack in Transfer-Encoding. So it is the body that shows whether it
    is packed; nothing raises.

    Args:
        body: as the client has it.
        codings: values of Content-Encoding and behind them of Transfer-Encoding (RFC 9112 §6.1).
        limit: how much is unpacked.
    """
    if not codings and not body.startswith(_GZIP):
        return Content(body)
    words = [word.strip().lower() for word in ",".join(codings).split(",")] if codings else []
    words = [word for word in words if word in _STREAMS or word in _UNKNOWN]
    if len(words) > MAX_CODINGS:
        return Content(b"", f"{len(words)} content codings on top of each other")
    if not words:
        if not body.startswith(_GZIP):
            return Content(body)
        words = ["gzip"]
    for word in reversed(words):
        if not _is_packed(body, word):
            continue
        try:
            unpacker = Unpacker([word], limit)
        except EncodingError as error:
            return Content(b"", str(error))
        try:
            unpacker.feed(body)
            unpacker.end()
        except EncodingError as error:
            return Content(bytes(unpacker.body), f"packed with {word}: {error}")
        body = bytes(unpacker.body)
    return Content(body)


_GZIP = b"\x1f\x8b"
_MAGIC = {"gzip": _GZIP, "x-gzip": _GZIP, "zstd": b"\x28\xb5\x2f\xfd", "compress": b"\x1f\x9d"}
_MAGIC_NUMBERS = tuple(_MAGIC.values())


#: Fields that name codings, in the order in which they were applied.
CODINGS = ("content-encoding", "transfer-encoding")


def is_marked(body: bytes) -> bool:
    """Whether a body begins with the magic number of a coding: what is unpacked never does."""
    return body.startswith(_MAGIC_NUMBERS)


def _is_packed(body: bytes, word: str) -> bool:
    """Whether a body is still packed; a coding without a magic number leaves no text."""
    if word in _MAGIC:
        return body.startswith(_MAGIC[word])
    return bool(body) and is_binary(body) and not recognised(body)


def _stream(word: str) -> _Stream | None:
    make = _STREAMS.get(word)
    stream = make() if make else None
    if stream is None and word in _UNKNOWN:
        raise EncodingError(f"content coding {word}, which nothing here undoes")
    return stream


class _Zlib:
    """gzip and deflate: members one after the other, and deflate without its head."""

    def __init__(self, bits: int) -> None:
        self._bits = bits
        self._inflate = zlib.decompressobj(bits)
        self._left = b""
        self._members = 0
        self._waits = bits == zlib.MAX_WBITS

    def unpack(self, data: bytes, most: int) -> bytes:
        data = self._left + data
        self._left = b""
        if self._waits and len(data) < 2:
            self._left = data
            return b""  # its head is two bytes, and must be seen as one
        if self._inflate.eof:
            # Zeros may fill up the last block (gzip's own manual says so), and must mean no more.
            if not data.strip(b"\0"):
                return b""
            self._members += 1
            if self._members > _MAX_MEMBERS:
                raise EncodingError(f"more than {_MAX_MEMBERS} streams in one body")
            self._inflate = zlib.decompressobj(self._bits)
        try:
            piece = self._inflate.decompress(data, most)
        except zlib.error:
            if not self._waits:
                raise
            # Some servers send deflate without the zlib head (RFC 9110 §8.4.1.2).
            self._bits = -zlib.MAX_WBITS
            self._inflate = zlib.decompressobj(self._bits)
            piece = self._inflate.decompress(data, most)
        self._waits = False
        self._left = self._inflate.unused_data or self._inflate.unconsumed_tail
        return piece

    @property
    def pending(self) -> bool:
        if self._waits:
            return False
        return bool(self._left.strip(b"\0")) if self._inflate.eof else bool(self._left)

    @property
    def whole(self) -> bool:
        return self._inflate.eof


class _Brotli:
    """br, where the package can be told how much to unpack at once."""

    def __init__(self, module: Any) -> None:
        self._decompressor = module.Decompressor()
        self._full = False

    def unpack(self, data: bytes, most: int) -> bytes:
        try:
            piece: bytes = self._decompressor.process(data, output_buffer_limit=most)
        except TypeError:
            raise EncodingError("content coding br, and a brotli older than 1.2") from None
        self._full = bool(piece)
        return piece

    @property
    def pending(self) -> bool:
        return self._full and not self._decompressor.is_finished()

    @property
    def whole(self) -> bool:
        return bool(self._decompressor.is_finished())


class _Zstd:
    """zstd: frames one after the other."""

    def __init__(self, module: Any) -> None:
        self._module = module
        self._decompressor = self._new()
        self._left = b""
        self._members = 0

    def _new(self) -> Any:
        most = self._module.DecompressionParameter.window_log_max
        return self._module.ZstdDecompressor(options={most: _ZSTD_WINDOW})

    def unpack(self, data: bytes, most: int) -> bytes:
        data = self._left + data
        self._left = b""
        if self._decompressor.eof:
            if not data:
                return b""
            self._members += 1
            if self._members > _MAX_MEMBERS:
                raise EncodingError(f"more than {_MAX_MEMBERS} frames in one body")
            self._decompressor = self._new()
        piece: bytes = self._decompressor.decompress(data, most)
        if self._decompressor.eof:
            self._left = self._decompressor.unused_data
        return piece

    @property
    def pending(self) -> bool:
        if self._decompressor.eof:
            return bool(self._left)
        return not self._decompressor.needs_input

    @property
    def whole(self) -> bool:
        return bool(self._decompressor.eof)


def _from(names: Iterable[str], make: Callable[[Any], _Stream]) -> _Stream | None:
    """A stream of the first package that is there."""
    for name in names:
        try:
            return make(import_module(name))
        except ImportError:
            continue
    return None


_STREAMS: dict[str, Callable[[], _Stream | None]] = {
    "gzip": lambda: _Zlib(16 + zlib.MAX_WBITS),
    "x-gzip": lambda: _Zlib(16 + zlib.MAX_WBITS),
    "deflate": lambda: _Zlib(zlib.MAX_WBITS),
    "br": lambda: _from(("brotli", "brotlicffi"), _Brotli),
    "zstd": lambda: _from(("compression.zstd", "backports.zstd"), _Zstd),
}
