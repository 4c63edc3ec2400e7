"""Beside the page: an image and a PDF of it, and the site's other addresses.

Says what may be asked for and what answers mean; makes no request.
"""

import codecs
from collections.abc import Iterator
from ipaddress import ip_address
from itertools import islice
from urllib.parse import urljoin, urlsplit

from turbohtml import TokenType, tokenize

from reservation_middleware.model import Document
from reservation_middleware.syntax.path import split_url

#: Characters of a page, and tags, that are searched for an image and a PDF.
_MAX_TEXT, _MAX_TOKENS = 512 * 1024, 50_000
#: Addresses of each kind that are compared.
_MAX_FOUND = 100
#: Characters of an address.
_MAX_URL = 2_000


def samples_of(page: Document) -> dict[str, str]:
    """The address of one image and one PDF that a page shows or links to, by kind.

    Those of the page's own origin come first, as no other site has to be asked for its rules.
    """
    found: dict[str, list[str]] = {"image": [], "PDF": []}
    if page.body and "html" in page.media_type:
        text = page.body[:_MAX_TEXT].decode(_codec(page.charset), "replace")
        for kind, address in _addresses(text):
            url = _absolute(page.url, address)
            if url and len(found[kind]) < _MAX_FOUND:
                found[kind].append(url)
    origin = split_url(page.url)[0]
    return {
        kind: min(urls, key=lambda url: split_url(url)[0] != origin)
        for kind, urls in found.items()
        if urls
    }


def _addresses(text: str) -> Iterator[tuple[str, str]]:
    for token in islice(tokenize(text), _MAX_TOKENS):
        if token.type is not TokenType.START_TAG:
            continue
        if token.tag == "img":
            yield "image", _attribute(token, "src")
        elif token.tag == "a":
            address = _attribute(token, "href")
            if _path(address).lower().endswith(".pdf"):
                yield "PDF", address


def _attribute(token: object, name: str) -> str:
    attributes = getattr(token, "attrs", None) or {}
    value = dict(attributes).get(name)
    return value if isinstance(value, str) else ""


def _path(address: str) -> str:
    """The path of an address, "" for what is none."""
    try:
        return urlsplit(address).path
    except ValueError:
        return ""


def _absolute(base: str, address: str) -> str:
    address = address.strip()
    if not address or len(address) > _MAX_URL:
        return ""
    try:
        url = urljoin(base, address).partition("#")[0]
        host = urlsplit(url).hostname
    except ValueError:
        return ""
    usable = url.startswith(("http://", "https://")) and url.isprintable() and " " not in url
    return url if usable and host else ""


def _codec(charset: str) -> str:

    try:
        return codecs.lookup(charset or "utf-8").name
    except (LookupError, ValueError):
        return "utf-8"


def other_origins(url: str) -> tuple[str, ...]:
    """The other addresses that people type for a site: www and apex, http and https.

    Args:
        url: of its page.

    Returns:
        None of them where the host is an address or a single word, or the port is not the usual.

    >>> other_origins("https://www.a.example/x")
    ('https://a.example', 'http://www.a.example', 'http://a.example')
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.port is not None or "." not in host.strip(".") or _is_address(host):
        return ()
    twin = host.removeprefix("www.") if host.startswith("www.") else f"www.{host}"
    other = "http" if parts.scheme == "https" else "https"
    return f"{parts.scheme}://{twin}", f"{other}://{host}", f"{other}://{twin}"


def _is_address(host: str) -> bool:

    try:
        ip_address(host)
    except ValueError:
        return False
    return True
