"""One configuration for every face: file, then environment, then flags.

``reservations.toml``, or ``[tool.reservations]`` in ``pyproject.toml``, in the working
directory; then ``RESERVATION_*`` variables; then what the command line says. Unknown
keys are errors that name the nearest valid key.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from .check import known_signals
from .model import Agent, ConfigurationError, Policy
from .model.vocabulary import unknown_word
from .profiles import profile

#: Lists may be written with commas in the environment.
_LISTS = ("purposes", "proxy_tokens", "signals", "user", "geo")
_WORDS = (
    "agent",
    "profile",
    "mode",
    "unknown",
    "reservation",
    "unreachable",
    "proxy_agents",
    "probes",
)
KEYS = (*_WORDS, *_LISTS, "policy_tokens")
PREFIX = "RESERVATION_"
#: Settings of the Scrapy adapter that mean nothing here.
_ELSEWHERE = ("cache", "content", "ledger", "licences", "robotstxt", "timeout")


class Configuration(NamedTuple):
    """Who asks, and what the operator decided."""

    agent: Agent
    policy: Policy


def configuration(
    flags: Mapping[str, Any], *, folder: Path, environment: Mapping[str, str]
) -> Configuration:
    """Read the configuration that holds here.

    Args:
        flags: what the command line says; None stands for "not said".
        folder: where the file is looked for.
        environment: the process's environment.

    Raises:
        ConfigurationError: a file cannot be read, or a key or value is not valid.
    """
    said: dict[str, Any] = {**_from_files(folder), **_from_environment(environment)}
    said.update({key: value for key, value in flags.items() if value is not None})
    agent = Agent(said.pop("agent", "*"), said.pop("purposes", ("ai-train",)))
    if "signals" in said:
        said["signals"] = known_signals(said["signals"])
    if isinstance(said.get("policy_tokens"), Mapping):
        said["policy_tokens"] = list(said["policy_tokens"].items())
    base = profile(said.pop("profile", "opt-out"))
    return Configuration(agent, base.changed(said))


def _from_files(folder: Path) -> dict[str, Any]:
    own, project = folder / "reservations.toml", folder / "pyproject.toml"
    for file in (own, project):
        try:
            with file.open("rb") as stream:
                data = tomllib.load(stream)
        except FileNotFoundError:
            continue
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{file.name}: {error}") from None
        if file is project:
            tool = data.get("tool", {})
            data = tool.get("reservations", {}) if isinstance(tool, dict) else {}
        if not isinstance(data, dict):
            raise ConfigurationError(f"{file.name}: tool.reservations must be a table")
        _known(data, file.name)
        _typed(data, file.name)
        if data:
            return dict(data)
    return {}


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in environment.items():
        if not name.startswith(PREFIX):
            continue
        key = name.removeprefix(PREFIX).lower()
        if key in _ELSEWHERE:
            continue
        if key not in KEYS:
            names = [PREFIX + known.upper() for known in KEYS]
            raise ConfigurationError(unknown_word("environment variable", name, names))
        if key == "policy_tokens":
            raise ConfigurationError(f"{name}: set policy_tokens in reservations.toml")
        words = [word.strip() for word in value.split(",") if word.strip()]
        found[key] = words if key in _LISTS else value
    return found


def _typed(data: dict[str, Any], where: str) -> None:
    """Check what is no enumeration, and take one word for a list of one."""
    for key, value in data.items():
        if key in ("agent", "profile") and not isinstance(value, str):
            raise ConfigurationError(f"{where}: {key} must be a string, not {value!r}")
        if key in _LISTS:
            words = [value] if isinstance(value, str) else value
            if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
                raise ConfigurationError(f"{where}: {key} must be a list of strings, not {value!r}")
            data[key] = words


def _known(data: Mapping[str, Any], where: str) -> None:
    for key in data:
        if key not in KEYS:
            raise ConfigurationError(f"{where}: {unknown_word('key', key, KEYS)}")
