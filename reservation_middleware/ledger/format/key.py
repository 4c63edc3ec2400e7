"""The key that signs a ledger: a file beside its folder, made by whoever comes first.

It is not in the folder: who is given the evidence is not given the means to change it.
"""

import os
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from reservation_middleware.model import LedgerError
from reservation_middleware.model.error import StorageError

from .signed_note import Signer

#: For the owner only.
_MODE = 0o600


def key_file(folder: Path) -> Path:
    """Where the key of a ledger is if nobody says otherwise: beside its folder."""
    return folder.with_name(f"{folder.name}.key")


def signer_of(folder: Path, key: str | os.PathLike[str] | None, name: str) -> Signer:
    """The key of a ledger; one is made if there is none.

    Args:
        folder: the ledger.
        key: the key's file, None for the usual place.
        name: the name that a new key bears.

    Raises:
        LedgerError: it cannot be read or made, or it is in the folder.
    """
    folder = folder.resolve()
    file = key_file(folder) if key is None else Path(key).resolve()
    if file.is_relative_to(folder):
        raise StorageError(f"{file}: the key must not be in the ledger's folder")
    try:
        text = _text(file)
        if text is None:
            _make(file, Signer.generate(name).text)
            text = _text(file)
    except OSError as error:
        raise StorageError(f"{file}: {error.strerror or error}") from None
    try:
        return Signer.parse(text or "")
    except LedgerError as error:
        raise StorageError(f"{file}: {error}") from None


def _text(file: Path) -> str | None:
    try:
        return file.read_text("utf-8", "replace")
    except FileNotFoundError:
        return None


def _make(file: Path, text: str) -> None:
    """Make a key's file if it is not there yet: it is whole as soon as it is there."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{token_hex(8)}")
    number = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
    try:
        with os.fdopen(number, "w", encoding="utf-8") as stream:
            stream.write(text + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        with suppress(FileExistsError):  # somebody else was first
            os.link(draft, file)
    finally:
        draft.unlink()
