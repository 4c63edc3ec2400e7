"""The table of servers, platforms and frameworks that get a folder; its rows stand in servers.toml."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec

NOT_RUN = "*Not run*: its form was parsed by this project's tests, no server has run it."


class ServerFolder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A folder under ``servers/``.

    Attributes:
        name: of the folder.
        title: for people.
        files: what is in it beside README.md and verify.sh.
        steps: what to do.
        status: what was run.
        notes: what else one should know.
        checks: what verify.sh looks for beside the files.
        by_path: whether header fields and tags may differ from path to path.
        template: the folder of its templates, its name if empty.
    """

    name: str
    title: str
    files: tuple[str, ...]
    steps: tuple[str, ...]
    status: str = NOT_RUN
    notes: tuple[str, ...] = ()
    checks: Literal["headers", "tags"] = "headers"
    by_path: bool = True
    template: str = ""


@cache
def server_folders() -> tuple[ServerFolder, ...]:
    """The rows of the table, in its order."""
    table = tomllib.loads(files(__package__).joinpath("servers.toml").read_text("utf-8"))
    return msgspec.convert(table["server"], tuple[ServerFolder, ...])
