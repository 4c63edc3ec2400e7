"""The licences file: TOML, tokens from the environment, errors with their line.

The only I/O about licences. The format is told in ``spec/licences.md``.
"""

import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from reservation_middleware.decide.licences import checked
from reservation_middleware.model import (
    ConfigurationError,
    Licence,
    LicenceError,
    Secret,
    Server,
)
from reservation_middleware.model.vocabulary import unknown_word
from reservation_middleware.runtime.toml_file import read_toml


def load(
    file: Path,
    *,
    now: datetime | None = None,
    environment: Mapping[str, str] | None = None,
) -> tuple[Licence, ...]:
    """Read a licences file.

    Args:
        file: TOML, see ``spec/licences.md``.
        now: the time, for licences that have ended; the clock's if None.
        environment: where tokens are; the process's if None.

    Raises:
        ConfigurationError: the file cannot be read, or one of its licences cannot be used
            or has ended; the message names file and line.
    """
    environment = os.environ if environment is None else environment
    now = now or datetime.now(UTC)
    read = read_toml(file)
    if read is None:
        raise ConfigurationError(f"{file}: there is no such file")
    data, text = read
    for key in data:
        if key != "licence":
            where = _line(text, 0, key, "")
            raise ConfigurationError(f"{file}:{where}: {unknown_word('key', key, ('licence',))}")
    given = data.get("licence", [])
    if not isinstance(given, list):
        where = _line(text, 0, "licence", "")
        raise ConfigurationError(f"{file}:{where}: write [[licence]], with two brackets")
    found: list[Licence] = []
    for number, table in enumerate(given):
        try:
            licence = _with_tokens(checked(Licence.given(table)), environment)
            if licence.id in {known.id for known in found}:
                raise LicenceError(f"id: {licence.id!r} is there twice", "id")
            if licence.until is not None and licence.until <= now:
                raise LicenceError(f"licence {licence.id!r} has ended", "until")
        except LicenceError as error:
            where = _line(text, number, error.key, error.word)
            raise ConfigurationError(f"{file}:{where}: {error}") from None
        found.append(licence)
    return tuple(found)


def _with_tokens(licence: Licence, environment: Mapping[str, str]) -> Licence:
    """A licence whose tokens have been looked up in the environment."""
    if not any(server.token_env for server in licence.servers):
        return licence
    servers = []
    for server in licence.servers:
        name = server.token_env
        if name:
            if not environment.get(name):
                raise LicenceError(f"servers: {name} is not set in the environment", "token_env")
            token = Server.given({"url": server.url, "token": environment[name].strip()}).token
            server = Server(url=server.url, token=Secret(token.reveal()) if token else None)
        servers.append(server)
    return msgspec.structs.replace(licence, servers=tuple(servers))


def _line(text: str, number: int, key: str, word: str) -> int:
    """Where an entry of the file stands, or a key of it, or a word of that; from 1."""
    lines = text.splitlines()
    begins = [n for n, line in enumerate(lines) if re.match(r"\s*\[\[\s*licence\s*\]\]", line)]
    first = begins[number] if number < len(begins) else 0
    last = begins[number + 1] if number + 1 < len(begins) else len(lines)
    if not key:
        return first + 1
    written = re.compile(rf"""(^|[\s,{{\[."'])["']?{re.escape(key)}["']?\s*[=\]]""")
    found = next((n for n in range(first, last) if written.search(lines[n])), None)
    if found is None:
        return first + 1
    if word:
        found = next((n for n in range(found, last) if word in lines[n]), found)
    return found + 1
