"""Files on disk for ``generate``: the site as it is, read; the output folder, written.

The site's folder is never written: an output folder inside it is refused.
"""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import msgspec

from reservation_middleware.model import ConfigurationError
from reservation_middleware.owners.intent import SiteIntent
from reservation_middleware.syntax.path import split_url

from .statements import policy_url

#: Octets of one file of the site that are read.
MAX_OCTETS = 4 * 1024 * 1024
REPORT = "report.json"


def existing_files(folder: Path, places: tuple[str, ...], intent: SiteIntent) -> dict[str, bytes]:
    """The files of a site that matter, by path.

    Raises:
        ConfigurationError: there is no such folder, or a file cannot be read.
    """
    if not folder.is_dir():
        raise ConfigurationError(f"{folder} is no folder")
    policy = policy_url(intent)
    own = [split_url(policy)[1][1:]] if policy and split_url(policy)[0] == intent.origin else []
    found = {}
    for name in (*places, *own):
        file = folder / name
        try:
            if not file.is_file():
                continue
            if file.stat().st_size > MAX_OCTETS:
                raise ConfigurationError(f"{file}: longer than {MAX_OCTETS} bytes")
            found[name] = file.read_bytes()
        except OSError as error:
            raise ConfigurationError(f"{file}: {error.strerror}") from None
    return found


def check_size(file: Path) -> None:
    """Refuse an intent file that is longer than any intent.

    Raises:
        ConfigurationError: it is.
    """
    try:
        size = file.stat().st_size
    except (OSError, ValueError):
        return  # reading it says why
    if size > MAX_OCTETS:
        raise ConfigurationError(f"{file}: longer than {MAX_OCTETS} bytes")


def check_output(output: Path, site: Path | None) -> None:
    """Refuse an output folder that is the site's, or inside it.

    Raises:
        ConfigurationError: it is.
    """
    if site is not None and output.resolve().is_relative_to(site.resolve()):
        raise ConfigurationError(
            f"{output} is in {site}, which is never written; choose another folder"
        )


def write_files(output: Path, files: Mapping[str, bytes]) -> None:
    """Write the output folder; what an earlier run wrote and this one does not is taken away.

    Raises:
        OSError: it cannot be written.
    """
    for name in _written_before(output):
        if name not in files:
            (output / name).unlink(missing_ok=True)
    for name, body in files.items():
        file = output / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body)
        if file.suffix == ".sh":
            file.chmod(0o755)


def _written_before(output: Path) -> tuple[str, ...]:
    """What the report of an earlier run lists, as far as it is inside the folder."""
    try:
        report = msgspec.json.decode((output / REPORT).read_bytes())
        names = report["files"] if "reservation-middleware" in report["written_by"] else ()
    except (OSError, msgspec.DecodeError, KeyError, TypeError):
        return ()
    return tuple(
        name
        for name in names
        if isinstance(name, str)
        and name.startswith(("site/", "servers/", "html/"))
        and ".." not in PurePosixPath(name).parts
    )
