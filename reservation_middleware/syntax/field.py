"""HTTP field grammars: RFC 9651 dictionaries and the shape of X-Robots-Tag.

Knows how values are written, not what they mean. Structured fields are http-sf's work, which is
imported with the first of them; values repeat from page to page, so what was parsed is kept by
the string.
"""

import re
from functools import lru_cache
from typing import TYPE_CHECKING, cast

import msgspec

if TYPE_CHECKING:
    from http_sf.types import ParamsType

#: A field value longer than this is not read: no declaration needs so much, floods do.
LIMIT = 16 * 1024
#: Longer values are not remembered: those of one site would fill the memory.
_KEPT = 1_000

#: Rules of X-Robots-Tag that take a value after a colon; any other ``word:`` names a bot.
VALUED_RULES = frozenset(
    {"max-snippet", "max-image-preview", "max-video-preview", "unavailable_after"}
)
_BOT = re.compile(r"[A-Za-z0-9_.*/-]+")
# A date swallowed by unavailable_after: RFC 822/850 dates have a comma after the weekday.
_WEEKDAY = r"(?i)(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\s*\Z"


class MalformedFieldError(ValueError):
    """A field value that is not of its grammar; the message says where."""


def dictionary(value: str) -> dict[str, object]:
    """Parse an RFC 9651 dictionary to bare values by key; parameters are dropped.

    A token is an ``http_sf.Token``, an inner list a list. The result is shared between
    calls and must not be changed.

    Raises:
        MalformedFieldError: the value is no dictionary (RFC 9651 §4.2: all of it fails).

    """
    return (_known_dictionary if len(value) <= _KEPT else _dictionary)(value)


def _dictionary(value: str) -> dict[str, object]:
    return {key: value for key, (value, _) in _members(value).items()}


_known_dictionary = lru_cache(4096)(_dictionary)


def parameters(value: str) -> dict[str, tuple[str, ...]]:
    """The parameters of a dictionary's members, by key, each as ``name=value``.

    Members without one are left out. The result is shared between calls and must not be
    changed.

    Raises:
        MalformedFieldError: the value is no dictionary.

    """
    return (_known_parameters if len(value) <= _KEPT else _parameters)(value)


def _parameters(value: str) -> dict[str, tuple[str, ...]]:
    from http_sf.parameters import ser_params  # noqa: PLC0415

    return {
        key: tuple(ser_params({name: value}).removeprefix(";") for name, value in given.items())
        for key, (_, given) in _members(value).items()
        if given
    }


_known_parameters = lru_cache(1024)(_parameters)


def token(value: object) -> str | None:
    """A bare value as a token (RFC 9651 §3.3.4), None where it is none."""
    from http_sf import Token  # noqa: PLC0415

    return str(value) if isinstance(value, Token) else None


def _members(value: str) -> "dict[str, tuple[object, ParamsType]]":
    import http_sf  # noqa: PLC0415

    if len(value) > LIMIT:
        raise MalformedFieldError(f"longer than {LIMIT} characters")
    try:
        parsed = http_sf.parse(value.encode("ascii"), tltype="dictionary")
    except UnicodeEncodeError:
        raise MalformedFieldError("not ASCII") from None
    except http_sf.StructuredFieldError as error:
        raise MalformedFieldError(str(error)) from None
    return cast("dict[str, tuple[object, ParamsType]]", parsed)


class Directive(msgspec.Struct, frozen=True):
    """One rule of an X-Robots-Tag or robots meta: lower-case name, for one bot or all."""

    bot: str
    name: str
    value: str


def robots_directives(value: str, bot: str = "*") -> tuple[Directive, ...]:
    """Read an X-Robots-Tag value; a ``bot:`` prefix holds for the rules after it.

    ``unavailable_after`` keeps its date whole, commas and colons included. A member
    that holds several words is kept as it stands. What is repeated is there once.
    """
    return (_known_directives if len(value) <= _KEPT else _directives)(value, bot)


def _directives(value: str, bot: str) -> tuple[Directive, ...]:
    found: list[Directive] = []
    parts = value[:LIMIT].split(",")
    position = 0
    plain_rules: set[str] = set()  # plain rules to this bot, as they stand
    while position < len(parts):
        part = parts[position]
        position += 1
        if part in plain_rules:
            continue
        if ":" not in part:
            plain_rules.add(part)
        part = part.strip()
        name, colon, rest = part.partition(":")
        name = name.strip()
        while colon and name.lower() not in VALUED_RULES and _BOT.fullmatch(name):
            # As in a user-agent line, ``ExampleBot/1.0`` means the product token.
            bot = name.lower().partition("/")[0]
            plain_rules.clear()
            part = rest.strip()
            name, colon, rest = part.partition(":")
            name = name.strip()
        if not part:
            continue
        if colon and name.lower() in VALUED_RULES:
            rest = rest.strip()
            if name.lower() == "unavailable_after" and re.fullmatch(_WEEKDAY, rest):
                date = parts[position].strip() if position < len(parts) else ""
                position += 1
                rest = f"{rest}, {date}"
            found.append(Directive(bot, name.lower(), rest))
            continue
        found.append(Directive(bot, part.lower(), ""))
    return tuple(dict.fromkeys(found))


_known_directives = lru_cache(4096)(_directives)
