"""One configuration for every face: file, then environment, then flags.

``reservations.toml``, or ``[tool.reservations]`` in ``pyproject.toml``, in the working
directory; then ``RESERVATION_*`` variables; then what the command line says. Unknown
keys are errors that name the nearest valid key.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from reservation_middleware.decide.profiles import profile
from reservation_middleware.model import Agent, ConfigurationError, Policy
from reservation_middleware.model.vocabulary import unknown_word
from reservation_middleware.signals import known_signals

from .licence_file import load
from .toml_file import read_toml

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
    "legacy_labels",
    "content_use",
    "near_miss",
    "licences",
)
#: What says where things are kept: none of it changes a decision.
STORES = ("cache", "ledger", "ledger_key", "ledger_lines", "ledger_name", "prometheus")
KEYS = (*_WORDS, *_LISTS, "policy_tokens", *STORES)
PREFIX = "RESERVATION_"
#: Settings of the Scrapy adapter that mean nothing here.
_ELSEWHERE = ("content", "enabled", "media", "robotstxt", "timeout")
#: Tables of single verbs, which read them themselves.
_OTHER_VERBS = ("lint",)
_LINES = ("all", "bulk")
_ENDPOINT = re.compile(r"(?:(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s:\[\]/]*):)?(?P<port>[0-9]{1,5})")


class Stores(msgspec.Struct, frozen=True, kw_only=True):
    """Where policies are cached, decisions kept and counts shown.

    Attributes:
        cache: URL of the cache; None for whatever is usual.
        ledger: its folder; None for no ledger.
        ledger_key: file of the key that signs; beside the folder if None.
        ledger_lines: ``all``, or ``bulk`` for one line per host and policy.
        ledger_name: of the key; the ledger's own if None.
        prometheus: where counts are shown, as host:port; None for nowhere.
    """

    cache: str | None = None
    ledger: Path | None = None
    ledger_key: Path | None = None
    ledger_lines: str = "all"
    ledger_name: str | None = None
    prometheus: str | None = None

    def keywords(self) -> dict[str, Any]:
        """The same as arguments of ``ReservationClient``."""
        given = {name: getattr(self, name) for name in STORES if name != "prometheus"}
        return {**given, "metrics": self.prometheus}


class Configuration(NamedTuple):
    """Who asks, what the operator decided, and where things are kept."""

    agent: Agent
    policy: Policy
    stores: Stores = Stores()

    def keywords(self) -> dict[str, Any]:
        """All of it as arguments of ``ReservationClient`` and ``reservation_middleware``."""
        return {"policy": self.policy, "agent": self.agent, **self.stores.keywords()}


def configuration(
    flags: Mapping[str, Any] | None = None,
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Configuration:
    """Read the configuration that holds here: ``reservations.toml``, then ``RESERVATION_*``.

    For those who make a client themselves::

        async with ReservationClient(**configuration().keywords()) as client: ...

    Args:
        flags: what wins over both, by the keys of the file; None stands for "not said".
        folder: where the file is looked for; the working directory if None.
        environment: the variables; the process's own if None.

    Raises:
        ConfigurationError: a file cannot be read, or a key or value is not valid.
    """
    keys = read_sources(folder=folder, environment=environment)
    keys.update({key: value for key, value in (flags or {}).items() if value is not None})
    return configured(keys, folder=folder, environment=environment)


def read_sources(
    *, folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What file and environment say, by key: each value checked, and where it stands is named.

    Licences stay the name of a file, from the folder; whoever uses them reads it.

    Raises:
        ConfigurationError: as ``configuration``.
    """
    where = Path.cwd() if folder is None else folder
    variables = os.environ if environment is None else environment
    return {**_from_files(where), **_from_environment(variables)}


def configured(
    keys: Mapping[str, Any],
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Configuration:
    """The configuration that some keys and values stand for.

    Args:
        keys: by the keys of the file.
        folder: what the licences' file and the ledger are relative to; the working directory
            if None.
        environment: where licences' tokens are; the process's own if None.

    Raises:
        ConfigurationError: a value is not valid.
    """
    changes = dict(keys)
    stores = _stores({key: changes.pop(key) for key in STORES if key in changes}, folder)
    agent = Agent(_tokens(changes.pop("agent", "*")), changes.pop("purposes", ("ai-train",)))
    if "signals" in changes:
        changes["signals"] = known_signals(changes["signals"])
    if isinstance(changes.get("policy_tokens"), Mapping):
        changes["policy_tokens"] = list(changes["policy_tokens"].items())
    if "licences" in changes:
        # Beside the configuration file, or from where the program was started: the same folder.
        file = (folder or Path.cwd()) / changes["licences"]
        changes["licences"] = load(file, environment=environment)
    base = profile(changes.pop("profile", "opt-out"))
    return Configuration(agent, base.changed(changes), stores)


def _tokens(given: Any) -> Any:
    """One product token, or a fallback list; with commas where a list cannot be written."""
    if not isinstance(given, str):
        return given
    words = [word.strip() for word in given.split(",")]
    return words if len(words) > 1 else given


def endpoint(given: str) -> tuple[str, int]:
    """Where counts are shown: host, loopback if none is named, and port, 0 for any free one.

    Raises:
        ConfigurationError: it is no host:port.
    """
    found = _ENDPOINT.fullmatch(given.strip())
    if found is None or int(found["port"]) > 65_535:
        raise ConfigurationError(f"prometheus must be host:port, not {given!r}")
    return (found["host"] or "127.0.0.1").strip("[]"), int(found["port"])


def _stores(given: Mapping[str, Any], folder: Path | None) -> Stores:
    """Where things are kept; an empty word stands for nothing."""
    words: dict[str, Any] = {}
    for key, value in given.items():
        if key == "prometheus" and isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if isinstance(value, os.PathLike) and key in ("ledger", "ledger_key"):
            value = os.fspath(value)
        if value is not None and not isinstance(value, str):
            raise ConfigurationError(f"{key} must be a string, not {value!r}")
        if value and value.strip():
            words[key] = value
    if words.get("ledger_lines", "all") not in _LINES:
        raise ConfigurationError(unknown_word("ledger_lines", words["ledger_lines"], _LINES))
    if re.search(r"[\s+]", words.get("ledger_name", "")):
        name = words["ledger_name"]
        raise ConfigurationError(f"ledger_name has white space or a plus in it: {name!r}")
    if "prometheus" in words:
        endpoint(words["prometheus"])
    for key in ("ledger", "ledger_key"):
        if key in words:
            if "\0" in words[key]:
                raise ConfigurationError(f"{key} must be the name of a file, not {words[key]!r}")
            # Beside the configuration file, or from where the program was started.
            words[key] = (folder or Path.cwd()) / words[key]
    return Stores(**words)


def _from_files(folder: Path) -> dict[str, Any]:
    own, project = folder / "reservations.toml", folder / "pyproject.toml"
    for file in (own, project):
        found = read_toml(file, name=file.name)
        if found is None:
            continue
        data = found[0]
        if file is project:
            tool = data.get("tool", {})
            data = tool.get("reservations", {}) if isinstance(tool, dict) else {}
        if not isinstance(data, dict):
            raise ConfigurationError(f"{file.name}: tool.reservations must be a table")
        data = {key: value for key, value in data.items() if key not in _OTHER_VERBS}
        reject_unknown_keys(data, file.name)
        check_types(data, file.name)
        for key, value in data.items():
            _valid(key, value, file.name)
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
        _valid(key, found[key], name)
    return found


def _valid(key: str, value: Any, where: str) -> None:
    """Check one value by itself, so that an error can say where it stands."""
    if key == "licences":
        return  # another file, whose errors name it
    try:
        configured({key: value})
    except ConfigurationError as error:
        raise ConfigurationError(f"{where}: {error}") from None


def check_types(data: dict[str, Any], where: str) -> None:
    """Check what is no enumeration, and take one word for a list of one."""
    for key, value in data.items():
        if key == "prometheus" and type(value) is int:
            continue  # a port
        if key == "agent" and isinstance(value, list):
            if not value or not all(isinstance(word, str) for word in value):
                raise ConfigurationError(
                    f"{where}: agent must be a string or a list of strings, not {value!r}"
                )
            continue
        if key in ("agent", "profile", "licences", *STORES) and not isinstance(value, str):
            raise ConfigurationError(f"{where}: {key} must be a string, not {value!r}")
        if key in _LISTS:
            words = [value] if isinstance(value, str) else value
            if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
                raise ConfigurationError(f"{where}: {key} must be a list of strings, not {value!r}")
            data[key] = words


def reject_unknown_keys(data: Mapping[str, Any], where: str) -> None:
    """Raise ConfigurationError if a key is not one of this table, and say what it may have meant."""
    for key in data:
        if key in _ELSEWHERE:
            raise ConfigurationError(
                f"{where}: {key} is no key here but a setting of Scrapy, {PREFIX}{key.upper()}"
            )
        if key not in KEYS:
            raise ConfigurationError(f"{where}: {unknown_word('key', key, KEYS)}")
