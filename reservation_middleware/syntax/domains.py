"""Whom a host belongs to: its registrable domain, by the Public Suffix List.

One helper for all who group or grant by domain. Uses the list that tldextract brings
along: nothing is fetched and nothing is written. https://publicsuffix.org/list/
"""

from functools import cache, lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING

from .origin import ascii_name

if TYPE_CHECKING:
    from tldextract import TLDExtract

#: RFC 1035 §2.3.4; what is longer is no host name, and is not looked up.
_MOST = 253


def registrable(host: str) -> str:
    """The domain that somebody registered, to which a host belongs.

    The list's private part counts: whoever writes ``a.github.io`` is not whoever writes
    ``b.github.io``. A top-level domain that the list does not have is a public suffix, as
    the list's default rule says. What has no registrable domain (an address, a public
    suffix, a single label) stands for itself. Always in lower case, without a final dot,
    in ASCII where the name can be written so.

    >>> registrable("news.shop.example.co.uk")
    'example.co.uk'
    >>> registrable("WWW.a.example.")
    'a.example'
    >>> registrable("[2001:DB8::1]")
    '2001:db8::1'
    """
    name = host.strip("[]").rstrip(".").lower()
    # Too long a name is not remembered, so that the memory for names stays bounded.
    return name if len(name) > _MOST else _looked_up(name)


@lru_cache(maxsize=16_384)
def _looked_up(name: str) -> str:
    try:
        return str(ip_address(name))
    except ValueError:
        pass
    if not name.isascii():
        name = ascii_name(name)
        if not name.isascii():
            return name  # no name that could be looked up
    found = _extract().extract_str(name)
    if found.suffix and found.domain:
        return f"{found.domain}.{found.suffix}"
    if found.suffix or not found.domain:
        return name
    return ".".join(name.split(".")[-2:])


@cache
def _extract() -> "TLDExtract":
    """The extractor; made on first use, since importing tldextract takes its time."""
    from tldextract import TLDExtract  # noqa: PLC0415 - see above

    return TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)
