"""Whose lines are meant: a host and all hosts below it, with one port or any.

Names are compared as they are looked up: in lower case, in ASCII (RFC 5890), without a final dot.
"""

from functools import lru_cache
from ipaddress import ip_address
from typing import NamedTuple, Self
from urllib.parse import urlsplit

from reservation_middleware.model import LedgerError
from reservation_middleware.syntax.origin import ascii_name
from reservation_middleware.syntax.path import split_url

_PORTS = {"http": 80, "https": 443}


class HostFilter(NamedTuple):
    """A host whose lines are asked for.

    Attributes:
        name: in its normal form; an IPv6 address without brackets.
        port: None for all of them.
    """

    name: str
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a host as people type it, with or without a port.

        Raises:
            LedgerError: it is none.
        """
        bare = text.strip()
        if bare.count(":") > 1 and not bare.startswith("["):
            bare = f"[{bare}]"
        try:
            parts = urlsplit(f"//{bare}")
            name, port = _normal(parts.hostname or ""), parts.port
        except ValueError:
            name, port = "", None
        if (
            not name
            or parts.netloc != bare
            or "@" in bare
            or bare.endswith(":")
            or any(character.isspace() for character in name)
        ):
            raise LedgerError(f"this is no host such as a.example: {text[:200]!r}")
        return cls(name, port)

    @classmethod
    def of(cls, url: str) -> Self:
        """The host of a URL, with any port."""
        return cls(_host_of(url)[0])

    @property
    def text(self) -> str:
        """The host in its one form."""
        name = f"[{self.name}]" if ":" in self.name else self.name
        return name if self.port is None else f"{name}:{self.port}"

    def covers(self, url: str) -> bool:
        """Whether the host of a URL or of an origin is this one or below it."""
        name, port = _host_of(url)
        if self.port is not None and port != self.port:
            return False
        return name == self.name or (name.endswith("." + self.name) and not _is_address(name))


@lru_cache(maxsize=4096)
def _normal(name: str) -> str:
    name = name.rstrip(".").lower()
    try:
        return str(ip_address(name))
    except ValueError:
        pass
    return ascii_name(name)


def _host_of(url: str) -> tuple[str, int | None]:
    try:
        # As decisions have it: a backslash ends the host, whatever stands behind it.
        parts = urlsplit(split_url(url)[0])
        return _normal(parts.hostname or ""), parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return "", None


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
