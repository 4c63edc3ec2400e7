"""What a Host field says about whose page is asked for (RFC 9110 §7.1, §7.2).

A server reconstructs the URI that is asked for from the Host field, whatever address was connected
to. So that field, and not the URL's authority, says to which origin a page and its rules belong.
"""

import re

import msgspec

from .path import split_url

#: A host and perhaps a port; no user name, and nothing that would end it.
_AUTHORITY = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s/?#@:\[\]\\\x00-\x1f\x7f]+)(?::[0-9]{0,5})?")
_AFTER_AUTHORITY = re.compile(r"[/?#].*", re.DOTALL)


class HostField(msgspec.Struct, frozen=True):
    """A Host field that names another origin than the URL.

    Attributes:
        value: the field, as it is sent.
        origin: the origin that it names, to which page and policies belong.
        address: the origin that the URL names, which is connected to.
    """

    value: str
    origin: str
    address: str

    def target_of(self, url: str) -> str:
        """The URI that is asked for by a URL of the address; other URLs stay as they are."""
        return _moved(url, self.address, self.origin) or url

    def connected_by(self, url: str) -> str | None:
        """The URL by which one of the origin is asked for; None for those of other origins."""
        return _moved(url, self.origin, self.address)


def host_field(url: str, value: str) -> HostField | None:
    """What a request's Host field says, if that is not what its URL says, too.

    Args:
        url: absolute URL of the request.
        value: its Host field.

    Returns:
        None where both name the same origin, and where the field is no authority.
    """
    value = value.strip()
    if not _AUTHORITY.fullmatch(value):
        return None
    address, _ = split_url(url)
    origin, _ = split_url(f"{url.partition('://')[0]}://{value}/")
    if not origin or not address or origin == address:
        return None
    return HostField(value, origin, address)


def _moved(url: str, old: str, new: str) -> str | None:
    if split_url(url)[0] != old:
        return None
    found = _AFTER_AUTHORITY.search(url.partition("://")[2])
    return new + (found[0] if found else "/")
