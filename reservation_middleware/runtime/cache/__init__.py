"""Documents kept by (scheme, host, port, resource), never verdicts: policies may change.

`open_cache` makes a cache of an address; what each can do is in `protocol.py`.
"""

from urllib.parse import parse_qsl, unquote, urlsplit

from reservation_middleware.model import ConfigurationError

from .memory import MIB, MemoryCache
from .protocol import LEASE, Cache, Key

_KNOWN = "memory://, sqlite:///file.db or redis://host:6379/0"


def open_cache(url: str) -> Cache:
    """A cache of policy documents.

    - ``memory://``: in this process. A million hosts take about 1.2 GB:
      ``memory://?megabytes=1300`` (256 without it).
    - ``sqlite:///relative.db``, ``sqlite:////absolute.db``: for processes on one machine;
      ``?megabytes=4096`` bounds it.
    - ``redis://host:port/0``, ``rediss://…``, ``unix:///socket``: for several machines.

    Raises:
        ConfigurationError: nothing can be kept there.
        ImportError: the extra ``[redis]`` is not installed.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ConfigurationError(f"not the address of a cache: {error}") from error
    if parts.scheme == "memory" and not parts.netloc and not parts.path.strip("/"):
        return MemoryCache(octets=_octets(parts.query, 256))
    if parts.scheme == "sqlite":
        from .sqlite import SqliteCache  # noqa: PLC0415 - not every Python has it

        path = unquote(parts.path.removeprefix("/"))
        if parts.netloc or not path or "\0" in path:
            raise ConfigurationError(
                f"{url!r} names no file: sqlite:///relative.db or sqlite:////absolute.db"
            )
        if path == ":memory:":
            raise ConfigurationError(f"{url!r}: a cache in memory is memory://")
        return SqliteCache(path, octets=_octets(parts.query, 4096))
    if parts.scheme in ("redis", "rediss", "unix"):
        from .redis import RedisCache  # noqa: PLC0415 - an extra

        return RedisCache(url)
    # The address may hold a password.
    raise ConfigurationError(f"no cache is known by {parts.scheme or 'no scheme'!r}: {_KNOWN}")


def _octets(query: str, megabytes: int) -> int:
    """How much room an address asks for."""
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name != "megabytes":
            raise ConfigurationError(f"unknown option {name!r} of a cache; known: megabytes")
        if not (value.isascii() and value.isdigit() and len(value) <= 9 and int(value)):
            raise ConfigurationError(f"megabytes of a cache: {value!r} is not a positive number")
        megabytes = int(value)
    return megabytes * MIB


__all__ = ["LEASE", "Cache", "Key", "open_cache"]
