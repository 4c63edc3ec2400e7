"""Hosts as addresses: which of them are this machine's or a private net's.

Literals only: names are resolved, and their addresses checked, by the fetcher (``runtime/address_guard.py``).
Reference: the IANA special-purpose address registries, RFC 6890.
"""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

#: Domains that are never public (RFC 6761, RFC 6762, RFC 8375, and ICANN's choice of 2024).
_PRIVATE = (".localhost", ".local", ".internal", ".home.arpa")
#: IPv6 addresses that stand for an IPv4 one: compatible (RFC 4291 §2.5.5.1), and translated
#: (RFC 6052, RFC 7915). The prefix that a net chose for itself cannot be told.
_EMBEDDING = tuple(map(IPv6Network, ("::/96", "64:ff9b::/96", "::ffff:0:0:0/96")))
#: All that the Internet routes: what lies outside is private, or nothing yet.
_GLOBAL = IPv6Network("2000::/3")
#: What ``is_global`` says yes to, always or in some versions of Python: documentation, old
#: relays, and the address at which a cloud (Azure) serves its machines their secrets.
_NOT_GLOBAL = tuple(
    map(ip_network, ("3fff::/20", "192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32"))
)


def reachable(source: str, target: str) -> bool:
    """Whether a document at one URL may make us fetch another: no public one points into a
    private net.
    """
    return is_public(target) or not is_public(source)


def is_public(url: str) -> bool:
    """Whether a URL's host is neither this machine nor, as written, in a private net."""
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return False
    try:
        return _is_global(ip_address(host))
    except ValueError:
        pass
    # A name without a dot is one of the local net, one with a percent sign is whatever
    # somebody decodes it to.
    if "." not in host or "%" in host or host.endswith(_PRIVATE):
        return False
    # A last label of digits makes an address of it, however it is written.
    last = host.rpartition(".")[2]
    return not (last.isdigit() or last.startswith("0x"))


def is_public_address(address: str) -> bool:
    """Whether an IP address, as sockets tell it, is public; what is none is not."""
    try:
        return _is_global(ip_address(address.partition("%")[0]))
    except ValueError:
        return False


def _is_global(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and any(address in net for net in _EMBEDDING):
            inner = IPv4Address(address.packed[-4:])
        if inner is not None:
            return _is_global(inner)
        if address not in _GLOBAL:
            return False
    if address.is_multicast or any(address in net for net in _NOT_GLOBAL):
        return False
    return address.is_global
