"""The one spelling of an origin, by which documents, caches and rules are told apart.

Two spellings are one origin where browsers would send both to one place, and a final dot does
not make a host another one (RFC 3986 §3.2.2: it marks a name as complete). What is different
stays different: scheme, port, and names that only an old mapping takes for each other
(``straße`` is not ``strasse``). No I/O. Reference: https://url.spec.whatwg.org/#host-parsing,
UTS 46, RFC 6454 §4.
"""

import re
from ipaddress import IPv6Address
from urllib.parse import unquote_to_bytes

_DEFAULT_PORTS = {"http": "80", "https": "443"}
# An authority in lower case that is in its one spelling, but for a default port.
_USUAL = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*(?::[1-9][0-9]*)?")
_PARTS = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(?::([0-9]*))?")
# What no host name may hold, decoded or not.
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f/?#@\\:<>^|%\[\]]")
#: A longer name is none (RFC 1035 §2.3.4); a margin for names that are shorter in ASCII.
_MAX_NAME = 1024


def origin(scheme: str, authority: str) -> str:
    """Scheme, host and port in their one spelling, without the scheme's default port.

    Args:
        scheme: without the colon.
        authority: host and port, without user name.

    >>> origin("HTTPS", "B%C3%BCcher.example.:0443")
    'https://xn--bcher-kva.example'
    """
    scheme, authority = scheme.lower(), authority.lower()
    port = _DEFAULT_PORTS.get(scheme, "")
    if not _USUAL.fullmatch(authority):
        found = _PARTS.fullmatch(authority)
        if found is None:
            return f"{scheme}://{authority}"
        host, given = _host(found[1]), (found[2] or "").lstrip("0")
        if found[2] and not given:
            given = "0"
        authority = f"{host}:{given}" if given else host
    return f"{scheme}://{authority.removesuffix(f':{port}') if port else authority}"


def _host(text: str) -> str:
    """A host in lower case in its one spelling; what is no host stays as it is."""
    if text.startswith("["):
        try:
            return f"[{IPv6Address(text[1:-1])}]"
        except ValueError:
            return text
    name = text
    if "%" in name:
        try:
            name = unquote_to_bytes(name).decode().lower()
        except UnicodeDecodeError:
            return text
        if _FORBIDDEN.search(name):
            return text
    if not name.isascii():
        name = ascii_name(name)
    return text if name.endswith("..") else name.removesuffix(".") or text


def ascii_name(name: str) -> str:
    """A host name in ASCII as browsers write it (UTS 46, nontransitional); others unchanged."""
    if name.isascii() or len(name) > _MAX_NAME:
        return name
    import idna  # noqa: PLC0415 - large tables; nearly every name is ASCII

    try:
        mapped = idna.uts46_remap(name, std3_rules=False, transitional=False)
        labels = [
            label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii")
            for label in mapped.split(".")
        ]
    except (idna.IDNAError, UnicodeError):
        return name
    found = ".".join(labels)
    return name if _FORBIDDEN.search(found) else found
