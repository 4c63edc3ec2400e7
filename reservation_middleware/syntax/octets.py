"""Text of a file whose paths are compared octet by octet, whatever its encoding.

Rules of robots.txt and of its relatives are compared as octets (RFC 9309 §2.2.2). What is no
UTF-8, such as an umlaut in Latin-1, stays in the text as the escape that a URL would have.
"""

from codecs import BOM_UTF8

_ESCAPES = {0xDC00 + octet: f"%{octet:02X}" for octet in range(0x80, 0x100)}


def text_of(body: bytes) -> str:
    r"""Decode UTF-8, with a percent-encoded octet (RFC 3986 §2.1) for each that is none.

    A byte order mark at the beginning is left out. Never raises.

    >>> text_of(b"/b\xfccher/")
    '/b%FCcher/'
    """
    body = body.removeprefix(BOM_UTF8)
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body.decode("utf-8", "surrogateescape").translate(_ESCAPES)
