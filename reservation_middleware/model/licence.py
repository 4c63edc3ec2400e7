"""A licence that the operator holds: who gave it, for what, where, how long.

The file it stands in and how it is matched with a page are ``decide/licences.py``'s business;
the format is told in ``spec/licences.md``.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any, Self

import msgspec

from .error import ConfigurationError
from .vocabulary import expand, unknown_word

#: In ``hosts``: wherever a reservation offers one of the licence's servers.
ANY_HOST = "*"

_ID = r"[^\s\x00-\x1f\x7f]{1,100}"
_LABEL = r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?"
_HOST = rf"(\*\.)?{_LABEL}(\.{_LABEL})*|\[[0-9a-f:.]+\]"
_COUNTRY = r"[A-Z]{2}"
_TOKEN = r"[\x21-\x7e]{1,4096}"
_SERVER = r"(?i)(https?)://([^/?#@\s]+)(/[^?#\s]*)?"
_LOOPBACK = r"(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])"


class LicenceError(ConfigurationError):
    """A licence that cannot be used.

    Attributes:
        key: the key that is wrong, empty for the licence as a whole.
        word: of a list the word that is wrong.
    """

    def __init__(self, message: str, key: str = "", word: str = "") -> None:
        super().__init__(message)
        self.key = key
        self.word = word


class Secret:
    """A value that no repr, no record and no encoder shows."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """A licence server, and the token that it gave us.

    Attributes:
        url: without query and fragment; offers at it and below it are meant.
        token: what it gave us.
        token_env: the environment variable that holds the token.

    """

    url: str
    token: Secret | None = None
    token_env: str | None = None

    @property
    def armed(self) -> bool:
        """Whether there is a token, if only in the environment."""
        return self.token is not None or self.token_env is not None

    @classmethod
    def given(cls, data: object) -> Self:
        """A server as files and lines have it.

        Raises:
            LicenceError: it cannot be used.
        """
        fields = _known(data, ("url", "token", "token_env"), "servers")
        url = fields.get("url", "")
        found = re.fullmatch(_SERVER, url) if isinstance(url, str) else None
        if not found or (found[1].lower() == "http" and not is_loopback(_bare(found[2]))):
            raise LicenceError("servers: url must be an https URL without query", "url")
        for key in ("token", "token_env"):
            value = fields.get(key, "x")
            if not isinstance(value, str) or not re.fullmatch(_TOKEN, value):
                raise LicenceError(f"servers: {key} must be one word", key)
        if "token" in fields and "token_env" in fields:
            raise LicenceError("servers: token and token_env exclude each other", "token")
        token = fields.get("token")
        return cls(
            url=url, token=Secret(token) if token else None, token_env=fields.get("token_env")
        )


class Licence(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A licence held; made by ``Licence.given``.

    Attributes:
        id: what reasons call it.
        licensor: who gave it.
        identifier: number or URL of the contract.
        hosts: host names in lower case; ``*.`` in front means all below it.
        domains: registrable domains; all hosts below them are meant.
        paths: RFC 9309 patterns; empty means all.
        purposes: leaves or shorthands.
        geo: countries it is for; empty means anywhere.
        start: from when on it holds.
        until: when it ends; that moment is no longer in it.
        crawl: whether it also lifts crawl rules.
        paper: where the contract is.
        servers: licence servers whose tokens stand for it.

    """

    id: str
    licensor: str
    identifier: str | None = None
    hosts: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    purposes: tuple[str, ...]
    geo: tuple[str, ...] = ()
    start: datetime | None = None
    until: datetime | None = None
    crawl: bool = False
    paper: str | None = None
    servers: tuple[Server, ...] = ()

    @cached_property
    def leaves(self) -> frozenset[str]:
        """The leaf categories it is for."""
        return frozenset(expand(self.purposes))

    @property
    def dated(self) -> bool:
        """Whether the time matters."""
        return self.start is not None or self.until is not None

    @classmethod
    def given(cls, data: object) -> Self:
        """A licence as files and lines have it: plain values, dates as dates or as text.

        Raises:
            LicenceError: it cannot be used; the message names what is wrong.
        """
        fields = _known(data, KEYS, "licence")
        values: dict[str, Any] = {}
        for key, value in fields.items():
            if key in ("from", "until"):
                values["start" if key == "from" else key] = _moment(key, value)
            elif key == "servers":
                listed = _as(list[Any], key, value)
                values[key] = tuple(map(Server.given, listed))
            else:
                values[key] = _as(_TYPES[key], key, value)
        for key in ("id", "licensor", "purposes"):
            if not values.get(key):
                raise LicenceError(f"{key} is missing", key)
        if not re.fullmatch(_ID, values["id"]):
            raise LicenceError(f"id must be one word, not {values['id']!r}", "id")
        _check(values)
        return cls(**values)


_TYPES: Mapping[str, Any] = {
    **dict.fromkeys(("id", "licensor", "identifier", "paper"), str),
    **dict.fromkeys(("hosts", "domains", "paths", "purposes", "geo"), tuple[str, ...]),
    "crawl": bool,
}
#: The keys of a licence as they are written.
KEYS: tuple[str, ...] = (
    *("id", "licensor", "identifier", "hosts", "domains", "paths", "purposes", "geo"),
    *("from", "until", "crawl", "paper", "servers"),
)


def host_name(text: str) -> str:
    """A host name as it is compared: lower case, ASCII, no final dot.

    One that IDNA 2003 and 2008 write differently stays as it is: that may be two owners' names.
    """
    name = text.strip().lower().removesuffix(".")
    if not name.isascii():
        try:
            found = name.encode("idna")
            return found.decode("ascii") if found.decode("idna") == name else name
        except UnicodeError:
            return name
    return name


def is_host_name(name: str) -> bool:
    """Whether a name in the form that is compared can be a host's."""
    return re.fullmatch(_HOST, name) is not None


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own."""
    return re.fullmatch(_LOOPBACK, host) is not None


def _bare(authority: str) -> str:
    """An authority without its port, in lower case."""
    return re.sub(r":\d*$", "", authority).lower()


def _check(values: dict[str, Any]) -> None:
    """Check values with a form of their own, and put names into the form that is compared."""
    try:
        expand(values["purposes"])
    except ConfigurationError as error:
        word = next(w for w in values["purposes"] if repr(w) in str(error))
        raise LicenceError(str(error), "purposes", word) from None
    for key in ("hosts", "domains"):
        names = tuple(map(host_name, values.get(key, ())))
        for name, word in zip(names, values.get(key, ()), strict=True):
            if not (re.fullmatch(_HOST, name) or (key == "hosts" and name == ANY_HOST)):
                raise LicenceError(f"{key}: {word!r} is no host name", key, word)
            if key == "domains" and name[0] in "*[":
                raise LicenceError(f"{key}: {word!r} is no domain", key, word)
        values[key] = names
    for word in values.get("paths", ()):
        if not word.startswith(("/", "*")):
            raise LicenceError(f"paths: {word!r} does not start with / or *", "paths", word)
    for word in values.get("geo", ()):
        if not re.fullmatch(_COUNTRY, word):
            raise LicenceError(f"geo: {word!r} is no ISO 3166-1 alpha-2 code", "geo", word)
    start, until = values.get("start"), values.get("until")
    if start and until and until <= start:
        raise LicenceError("until is before from", "until")
    if not values["hosts"] and not values["domains"]:
        raise LicenceError("hosts or domains are missing: nothing says where it holds")
    armed = any(server.armed for server in values.get("servers", ()))
    if ANY_HOST in values["hosts"] and not armed:
        raise LicenceError('hosts: "*" needs a server with a token', "hosts", ANY_HOST)


def _known(data: object, keys: tuple[str, ...], what: str) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        raise LicenceError(f"{what} must be a table, not {type(data).__name__}")
    for key in data:
        if key not in keys:
            raise LicenceError(unknown_word("key", str(key), keys), str(key))
    return dict(data)


def _as(kind: Any, key: str, value: object) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise LicenceError(f"{key}: {error}", key) from None


def _moment(key: str, value: object) -> datetime:
    """A date or a time; a date counts in UTC, and as ``until`` it is the last day."""
    if isinstance(value, str):
        try:
            parsed = date.fromisoformat(value) if len(value) == 10 else None
            value = parsed or datetime.fromisoformat(value)
        except ValueError:
            raise LicenceError(f"{key}: {value!r} is no date and no time", key) from None
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise LicenceError(f"{key}: a time needs a time zone", key)
        try:
            return value.astimezone(UTC)
        except OverflowError:
            raise LicenceError(f"{key}: {value} is outside the calendar", key) from None
    if not isinstance(value, date):
        raise LicenceError(f"{key} must be a date or a time, not {value!r}"[:200], key)
    midnight = datetime(value.year, value.month, value.day, tzinfo=UTC)
    if key != "until":
        return midnight
    last = datetime.max.replace(tzinfo=UTC)
    return midnight + timedelta(days=1) if midnight < last - timedelta(days=1) else last
