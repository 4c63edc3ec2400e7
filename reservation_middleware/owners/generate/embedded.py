"""Copies of a site's images with plus:DataMining in their XMP, as the intent's ``[media]`` asks.

The site's folder is read and never written. A file whose C2PA manifest a change would break, and one
that is neither JPEG nor PNG, is told and not copied. Reference: IPTC Photo Metadata Standard 2023.1.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import msgspec

from reservation_middleware.model import ConfigurationError
from reservation_middleware.owners.intent import SiteIntent
from reservation_middleware.signals import SIGNALS
from reservation_middleware.signals.base import Intent
from reservation_middleware.syntax.media.embed import EmbedError, embed
from reservation_middleware.syntax.media.image import STORES

from .read_back import ServedPage, media_type, read_back
from .regions import regions
from .survival import contradictions

PLUS = "http://ns.useplus.org/ldf/xmp/1.0/"
#: Files that are copied, and octets of one of them.
MAX_FILES, MAX_OCTETS = 10_000, 64 * 1024 * 1024


class Copies(msgspec.Struct, frozen=True, kw_only=True):
    """Images with their reservation.

    Attributes:
        files: by path in the site.
        lost: sentences: what is not read as it was meant.
        notes: sentences: what was not copied, and why.
    """

    files: Mapping[str, bytes]
    lost: Sequence[str] = ()
    notes: Sequence[str] = ()


def copies(intent: SiteIntent, folder: Path) -> Copies:
    """Copy the images that the intent names, with what is meant for them.

    Raises:
        ImportError: the extra that reads images is not installed.
        ConfigurationError: no file matches a pattern, too many do, or one cannot be read.
    """
    if find_spec("pikepdf") is None:
        raise ImportError("[media] needs pip install 'reservation-middleware[media]'")
    where = regions(intent)
    files: dict[str, bytes] = {}
    lost, notes = [], []
    for name, file in _matching(intent, folder):
        path = "/" + quote(name)
        region = where.of(path)
        value = _value(Intent(usage=region.usage))
        if value is None:
            notes.append(f"{name} is not copied: PLUS has no word for what is meant there")
            continue
        body = _read(file, name)
        try:
            if _has_manifest(body):
                raise EmbedError("it has a C2PA manifest, whose signature a change would break")
            changed = embed(body, PLUS, "DataMining", value, prefix="plus")
        except EmbedError as error:
            notes.append(f"{name} is not copied: {error}")
            continue
        page = ServedPage((), changed, media_type(name))
        reading = read_back(intent.origin + path, {}, page, signals=["plus"])
        wrong = contradictions(region, reading)
        if wrong or not any(value != "unknown" for value in reading.usage.values()):
            lost.append(f"{name}: its XMP is read otherwise than it was meant")
        files[name] = changed
    return Copies(files=files, lost=lost, notes=notes)


def _value(intent: Intent) -> str | None:
    plus = next(signal for signal in SIGNALS if signal.name == "plus")
    return next((rendering.text for rendering in plus.write(intent)), None)


def _matching(intent: SiteIntent, folder: Path) -> Iterator[tuple[str, Path]]:
    """The files that the patterns match, each once, with their paths in the site."""
    root = folder.resolve()
    found: dict[str, Path] = {}
    for number, pattern in enumerate(intent.media.files, 1):
        matched = False
        for file in _glob(root, pattern, number):
            # A link that leads out of the folder is none of the site's files.
            if file.is_file() and file.resolve().is_relative_to(root):
                matched = True
                found[file.relative_to(root).as_posix()] = file
                if len(found) > MAX_FILES:
                    raise ConfigurationError(f"media.files: more than {MAX_FILES} files match")
        if not matched:
            raise ConfigurationError(
                f"media.files[{number}]: no file in {folder} matches {pattern!r}"
            )
    yield from sorted(found.items())


def _glob(root: Path, pattern: str, number: int) -> Iterable[Path]:
    try:
        yield from root.glob(pattern)
    except (ValueError, NotImplementedError, OSError) as error:
        raise ConfigurationError(f"media.files[{number}]: {error}") from None


def _read(file: Path, name: str) -> bytes:
    try:
        if file.stat().st_size > MAX_OCTETS:
            raise ConfigurationError(f"{name}: longer than {MAX_OCTETS} bytes")
        return file.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{name}: {error.strerror}") from None


def _has_manifest(body: bytes) -> bool:
    kind = "jpeg" if body.startswith(b"\xff\xd8") else "png"
    return any(True for _ in STORES[kind](body, []))
