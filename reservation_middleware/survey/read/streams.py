"""Where inputs are: files, standard input, and URLs through fsspec; packed ones are unpacked.

Reference: https://filesystem-spec.readthedocs.io/
"""

import bz2
import gzip
import io
import lzma
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from .items import InputError

#: Octets by which it is told what an input holds, and of one line at the most.
HEAD, LINE = 64 * 1024, 32 * 1024 * 1024
#: What a cut or broken stream raises.
BROKEN = (EOFError, OSError, zlib.error, lzma.LZMAError, ValueError)
_PACKED = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
)


class InputSource:
    """One input.

    Args:
        location: a path, a URL that fsspec knows (``s3://``, ``https://``), or ``-``.
        is_listed: whether a manifest names it.
    """

    def __init__(self, location: str, *, is_listed: bool = False) -> None:
        self.location = location
        self.is_listed = is_listed
        self._stdin: BinaryIO | None = None

    @property
    def is_local(self) -> bool:
        """Whether it is a file or folder of this machine."""
        return "://" not in self.location and self.location != "-"

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder of files."""
        return self.is_local and Path(self.location).is_dir()

    def files(self) -> Iterator[Path]:
        """The files of a folder, in order."""
        return iter(sorted(path for path in Path(self.location).rglob("*") if path.is_file()))

    def open(self) -> BinaryIO:
        """Its octets as they are.

        Raises:
            InputError: it cannot be opened.
        """
        try:
            if self.location == "-":
                if self._stdin is None:
                    raw = getattr(sys.stdin, "buffer", sys.stdin)
                    self._stdin = io.BufferedReader(cast("Any", raw), HEAD)
                return self._stdin
            if self.is_local:
                return Path(self.location).open("rb")
            import fsspec  # type: ignore[import-untyped, unused-ignore] # noqa: PLC0415 - slow

            return cast("BinaryIO", fsspec.open(self.location, "rb").open())
        except (OSError, ValueError, ImportError) as error:
            why = getattr(error, "strerror", None) or error
            raise InputError(f"cannot read {self.location}: {why}") from None

    @contextmanager
    def unpacked(self) -> Iterator[BinaryIO]:
        """Its octets, unpacked where they are packed as a whole, for as long as they are read.

        Raises:
            InputError: it cannot be opened.
        """
        stream = self.open()
        try:
            if not hasattr(stream, "peek"):
                stream = io.BufferedReader(cast("Any", stream), HEAD)
            yield unpacked(stream)
        finally:
            stream.close()

    @property
    def stamp(self) -> str:
        """What changes when a local file does: its size and time; "" for others."""
        if not self.is_local or self.is_folder:
            return ""
        found = Path(self.location).stat()
        return f"{found.st_size}-{found.st_mtime_ns}"


def unpacked(stream: Any) -> BinaryIO:
    """A stream unpacked by how it begins."""
    head = stream.peek(8)[:8]
    packing = next((name for magic, name in _PACKED if head.startswith(magic)), "")
    if packing == "gzip":
        return cast("BinaryIO", gzip.GzipFile(fileobj=stream))
    if packing == "bz2":
        return cast("BinaryIO", bz2.BZ2File(stream))
    if packing == "xz":
        return cast("BinaryIO", lzma.LZMAFile(stream))
    if packing == "zstd":
        import pyarrow as pa  # type: ignore[import-untyped, unused-ignore] # noqa: PLC0415 - rare

        return cast("BinaryIO", io.BufferedReader(pa.CompressedInputStream(stream, "zstd")))
    return cast("BinaryIO", stream)


def beginning(source: InputSource) -> bytes:
    """The first octets of an input, unpacked; it can still be read from its start.

    Raises:
        InputError: it cannot be opened.
    """
    if source.location == "-":
        head = cast("Any", source.open()).peek(HEAD)
        return _first(io.BufferedReader(cast("Any", io.BytesIO(head))))
    with source.open() as raw:
        return _first(raw if hasattr(raw, "peek") else io.BufferedReader(cast("Any", raw), HEAD))


def _first(stream: Any) -> bytes:
    found = b""
    try:
        packed = unpacked(stream)
        # What came before a broken place is told, so little is read at once.
        read = getattr(packed, "read1", packed.read)
        while len(found) < HEAD and (more := read(min(1024, HEAD - len(found)))):
            found += more
    except BROKEN:
        pass
    return found


def lines(stream: BinaryIO) -> Iterator[bytes | None]:
    """The lines of a stream without their ends; None for one that is longer than ``LINE``."""
    while line := stream.readline(LINE + 1):
        if len(line) <= LINE:
            yield line.rstrip(b"\r\n")
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(LINE)
        yield None
