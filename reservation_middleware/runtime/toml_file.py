"""TOML files of the operator, read: what cannot be is an error of one line.

TOML: https://toml.io/en/v1.0.0. A byte order mark is passed over, as TOML 1.1 says.
"""

from pathlib import Path
from typing import Any

from reservation_middleware.model import ConfigurationError


def read_toml(file: Path, *, name: str | None = None) -> tuple[dict[str, Any], str] | None:
    """The tables of a file and its text; None where there is no such file.

    Args:
        file: which one.
        name: what errors call it; its path if None.

    Raises:
        ConfigurationError: it cannot be read or is no TOML.
    """
    name = name or str(file)
    try:
        raw = file.read_bytes()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{name}: {getattr(error, 'strerror', None) or error}") from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{name}:{line}: not UTF-8, which TOML is written in") from None
    try:
        import tomllib  # noqa: PLC0415 - only where there is a file

        return tomllib.loads(text), text
    except RecursionError:
        raise ConfigurationError(f"{name}: nested too deeply") from None
    except ValueError as error:  # no TOML, or a number of thousands of digits
        raise ConfigurationError(f"{name}: {error}") from None
