"""Sort-friendly keys of hosts and URLs, in the form that Common Crawl's tables have.

A key turns a host's labels around, so that a domain and its hosts stand together, and leaves a
leading ``www.`` or ``www2.`` out, so that both spellings of a site get one key. Reference:
https://github.com/internetarchive/surt (rules only), https://commoncrawl.org/columnar-index
"""

import re
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from .origin import ascii_name

_WWW = re.compile(r"www\d*\.(?=[^.]+\.)")
#: RFC 1035 §2.3.4; a longer name is not remembered.
_MOST = 253
_PORTS = {"http": "80", "https": "443"}


def surt_host_name(host: str) -> str:
    """The key of a host name; an address stays as it is.

    >>> surt_host_name("www.example.co.uk")
    'uk,co,example'
    >>> surt_host_name("www.com")
    'com,www'
    >>> surt_host_name("[2001:DB8::1]")
    '2001:db8::1'
    """
    name = host.strip("[]").rstrip(".").lower()
    return _key(name) if len(name) <= _MOST else _key.__wrapped__(name)


@lru_cache(maxsize=16_384)
def _key(name: str) -> str:
    try:
        return str(ip_address(name))
    except ValueError:
        pass
    if not name.isascii():
        name = ascii_name(name)
    bare = _WWW.sub("", name, count=1) if name.startswith("www") else name
    return ",".join(reversed(bare.split(".")))


def url_surtkey(url: str) -> str:
    """The key of a URL: host, port where it is not the usual one, path and sorted query.

    The whole is in lower case, without fragment, user and a slash at the end; "" where the URL has
    no host.

    >>> url_surtkey("https://www.Example.org:443/A/?b=2&a=1#top")
    'org,example)/a?a=1&b=2'
    """
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    if not host:
        return ""
    shown = "" if port is None or str(port) == _PORTS.get(parts.scheme.lower()) else f":{port}"
    path = parts.path.rstrip("/").lower() or "/"
    query = "&".join(sorted(parts.query.lower().split("&"))) if parts.query else ""
    return f"{surt_host_name(host)}{shown}){path}{'?' if query else ''}{query}"
