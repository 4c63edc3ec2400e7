"""Standard input, output and error of a command, and how a command ends.

Exit status 1 is a verdict (contract, "Command line"), so what goes wrong on this machine must
never look like one: an output that is full or closed, an input that cannot be read, a missing
file or right, a configuration that cannot be used give one line on standard error and status 2.
A closed pipe ends the command in silence, by the signal that ends ``cat``.

Nothing here knows of reservations.
"""

import codecs
import errno
import io
import os
import re
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn, Self, cast

#: What a terminal obeys beyond the colours that are meant: C0 and C1 controls, directions of
#: writing, invisible characters, and escapes that are no "select graphic rendition" or the like.
_OBEYED = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e"
    r"\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]|\x1b(?!\[[0-9;?]*[A-Za-z])"
)
_PLAIN = {
    "✕": "x",
    "✓": "v",
    "·": "-",
    "─": "-",
    "▸": ">",
    "¹": "^1",
    "²": "^2",
    "…": "...",
    "–": "-",
    "—": "-",
    "×": "x",
    "→": "->",
    "’": "'",
}


class StreamError(Exception):
    """Standard input or output failed. No ``OSError``: libraries take that for their own.

    Attributes:
        errno: the system's number of the error.
    """

    def __init__(self, what: str, error: OSError) -> None:
        self.errno = error.errno
        why = "it is closed" if error.errno == errno.EBADF else error.strerror or str(error)
        super().__init__(f"cannot {what}: {why}")


class UnusableError(Exception):
    """Something of this machine cannot be used; the message is one line for the user."""

    @classmethod
    def of(cls, what: str, error: OSError | ValueError) -> Self:
        """What could not be done, and why.

        Args:
            what: such as ``read FILE``.
            error: a ``ValueError`` is a path that no file can have.
        """
        return cls(f"cannot {what}: {getattr(error, 'strerror', None) or error}")


def run(command: Callable[[], object], *, explain: Callable[[Exception], str | None]) -> NoReturn:
    """Run a command and exit as it says; what goes wrong on this machine is status 2.

    Args:
        command: raises SystemExit with its status, or returns for 0.
        explain: what an error says to users; None for one that it knows nothing of.

    Raises:
        SystemExit: always.
    """
    _take_over()
    try:
        status = _status(command, explain)
        sys.stdout.flush()
    except StreamError as error:
        if error.errno == errno.EPIPE:
            _end_like_cat()
        say(str(error))
        status = 2
    # What could not be written is not tried again when the interpreter ends.
    with suppress(OSError, ValueError):
        sys.stderr.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    raise SystemExit(status)


def _status(command: Callable[[], object], explain: Callable[[Exception], str | None]) -> int:
    try:
        command()
    except SystemExit as error:
        if isinstance(error.code, str):
            say(error.code)
        return error.code if isinstance(error.code, int) else 2 if error.code else 0
    except StreamError:
        raise
    except UnusableError as error:
        say(str(error))
    except OSError as error:
        name = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
        say(f"{name}{error.strerror or str(error) or type(error).__name__}")
    except MemoryError:
        say("not enough memory")
    except Exception as error:
        if (known := explain(error)) is not None:
            say(known)
            return 2
        if sys.flags.dev_mode:
            raise
        where = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        say(f"internal error, {where[:300]} (python -X dev -m reservation_middleware shows where)")
    return 2


def say(message: str) -> None:
    """Print one line on standard error, without anything that a terminal would obey."""
    sys.stderr.write(f"reservations: {printable(message)}\n")


def printable(text: str) -> str:
    """A text on one line: what has no glyph becomes a blank."""
    return "".join(c if c.isprintable() else " " for c in text)


def write_json(data: bytes, *, end: bytes = b"\n") -> None:
    r"""Write JSON on one line, given without its end, to standard output at once.

    On a terminal what has no glyph (controls, directions of writing) is written as ``\uXXXX``,
    which is the same JSON; a file or a pipe gets the bytes as they are.

    Raises:
        StreamError: it cannot be written.
    """
    if sys.stdout.isatty():
        text = data.decode("utf-8", "replace")
        if not text.isprintable():
            shown = (c if c.isprintable() or c == "\n" else _escaped(c) for c in text)
            data = "".join(shown).encode()
    sys.stdout.flush()
    sys.stdout.buffer.write(data + end)
    sys.stdout.buffer.flush()


def write_document(text: str) -> None:
    """Write a page or another document to standard output, in UTF-8 whatever the locale.

    Raises:
        StreamError: it cannot be written.
    """
    sys.stdout.flush()
    sys.stdout.buffer.write((text if text.endswith("\n") else f"{text}\n").encode())
    sys.stdout.buffer.flush()


def write_text(text: str) -> None:
    """Write text to standard output at once.

    Raises:
        StreamError: it cannot be written.
    """
    sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
    sys.stdout.flush()


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[place : place + 4]}" for place in range(0, len(units), 4))


class _Output(io.RawIOBase):
    """Standard output, whose errors nobody but ``run`` takes for theirs."""

    def __init__(self, raw: io.RawIOBase, stream: object) -> None:
        self._raw = raw
        self._stream = stream  # would close it on its way out

    def write(self, data: Any, /) -> int | None:
        try:
            return self._raw.write(data)
        except OSError as error:
            raise StreamError("write to standard output", error) from None

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._raw.fileno()

    def isatty(self) -> bool:
        return self._raw.isatty()


class _Talk(_Output):
    """Standard error: what nobody can read is no reason to stop."""

    def write(self, data: Any, /) -> int | None:
        try:
            return self._raw.write(data)
        except OSError:
            return len(data)


class _Input(io.RawIOBase):
    """Standard input, whose errors nobody but ``run`` takes for theirs."""

    def __init__(self, raw: io.RawIOBase, stream: object) -> None:
        self._raw = raw
        self._stream = stream  # would close it on its way out

    def readinto(self, buffer: Any, /) -> int | None:
        try:
            return cast("int | None", self._raw.readinto(buffer))
        except OSError as error:
            raise StreamError("read standard input", error) from None

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._raw.fileno()

    def isatty(self) -> bool:
        return self._raw.isatty()


class _Terminal(io.TextIOWrapper):
    """Text for a terminal: colours are kept, what else it would obey becomes a blank."""

    def write(self, text: str, /) -> int:
        super().write(_OBEYED.sub(" ", text))
        return len(text)


def _take_over() -> None:
    """Put guarded streams in the place of the interpreter's."""
    codecs.register_error("reservations", _degraded)
    # Opened in turn, and before any other file: each gets its number, which else a database
    # might get. As they are opened the wrong way round, using one fails as on a closed one.
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            wrong = os.O_WRONLY if mode == "r" else os.O_RDONLY
            found = os.open(os.devnull, wrong)
            if found != number:
                os.dup2(found, number)
                os.close(found)
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
    for name, guard in (("stdout", _Output), ("stderr", _Talk)):
        old = getattr(sys, name)
        raw = _raw(old)
        if raw is None:
            continue  # a test's
        kind = _Terminal if raw.isatty() else io.TextIOWrapper
        guarded = io.BufferedWriter(guard(raw, old))
        # A POSIX locale has the second of them, which cannot write what is no byte of a name.
        errors = "reservations" if old.errors in ("strict", "surrogateescape") else old.errors
        through = {"line_buffering": old.line_buffering, "write_through": old.write_through}
        setattr(sys, name, kind(guarded, encoding=old.encoding, errors=errors, **through))
    raw = _raw(sys.stdin)
    if raw is not None:
        old = sys.stdin
        reader = io.BufferedReader(_Input(raw, old))
        sys.stdin = io.TextIOWrapper(reader, encoding=old.encoding, errors=old.errors)


def _raw(stream: Any) -> io.RawIOBase | None:
    """What a stream reads from or writes to, without its buffers; None where it has none."""
    buffer = getattr(stream, "buffer", None)
    raw = getattr(buffer, "raw", buffer)
    return raw if isinstance(raw, io.RawIOBase) else None


def _degraded(error: UnicodeError) -> tuple[str | bytes, int]:
    """Another character in the place of one that the terminal cannot show; a byte of a file's name
    that is no text stays as it is.
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    code = ord(error.object[error.start])
    if 0xDC80 <= code <= 0xDCFF:
        return bytes([code - 0xDC00]), error.start + 1
    return _PLAIN.get(error.object[error.start], "?"), error.start + 1


def _end_like_cat() -> NoReturn:
    """The reader of a pipe has seen enough: end by SIGPIPE, where there is one."""
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGPIPE)
    os._exit(0)
