"""A folder of robots.txt files: ``example.org.txt``, ``example.org`` or ``example.org/robots.txt``.

A folder between the root and the file's host names the wave: ``2025-01/example.org.txt``.
"""

from collections.abc import Iterator
from pathlib import Path

from reservation_middleware.survey.captures import ROBOTS_LIMIT, Capture
from reservation_middleware.syntax.path import split_url

from .items import Item, Unreadable

_ENDS = (".robots.txt", ".txt", ".robots")


def host_file(path: Path, root: Path, wave: str | None) -> Iterator[Item]:
    """The capture that one file stands for.

    Args:
        path: of the file.
        root: the folder that was given.
        wave: the name of the round; None for the folder that the file is in.
    """
    parts = path.relative_to(root).parts
    if parts[-1].lower() == "robots.txt" and len(parts) > 1:
        parts = parts[:-1]
    name = parts[-1]
    for end in _ENDS:
        name = name.removesuffix(end)
    url = f"https://{name}/robots.txt"
    if not split_url(url)[0] or "." not in name:
        yield Unreadable("a file whose name is no host")
        return
    try:
        with path.open("rb") as file:
            body = file.read(ROBOTS_LIMIT)
    except OSError:
        yield Unreadable("a file that cannot be read")
        return
    round_name = wave if wave is not None else "/".join(parts[:-1]) or "all"
    yield Capture(url, round_name, body=body)
