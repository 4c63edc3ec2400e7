"""A block of lines of our own in a text file of somebody else's: put in, replaced, never doubled.

What stands outside the two markers is kept to the octet. Lines that begin with # are comments in
each format that this is used for: robots.txt, ai.txt, trust.txt.
"""

import re

from reservation_middleware.model import ConfigurationError

BEGIN = "# BEGIN reservations"
END = "# END reservations"
#: Octets that every crawler reads (RFC 9309 §2.5).
MOST_READ = 500 * 1024
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_BLOCK = re.compile(
    rb"(?:^|(?<=\xef\xbb\xbf))# BEGIN reservations[^\r\n]*(?:\r\n|\r|\n)(?:.*?)^# END reservations[^\r\n]*(?:\r\n|\r|\n|\Z)",
    re.DOTALL | re.MULTILINE,
)
_MARKER = re.compile(rb"(?:^|(?<=\xef\xbb\xbf))# (BEGIN|END) reservations", re.MULTILINE)


def without_block(text: bytes, name: str) -> bytes:
    """A file without the block.

    Args:
        text: the file.
        name: what errors call it.

    Raises:
        ConfigurationError: one of the markers is missing, or there are several.
    """
    markers = [found[1] for found in _MARKER.finditer(text)]
    if markers not in ([], [b"BEGIN", b"END"]):
        raise ConfigurationError(
            f"{name}: the markers {BEGIN!r} and {END!r} do not stand there once each, in this "
            "order; remove them and what was generated between them"
        )
    return _BLOCK.sub(b"", text)


def with_block(text: bytes, lines: list[str], name: str) -> bytes:
    """A file with a block of these lines: where it stands already, else at the end.

    In a file of which crawlers would not read the end it is put first.

    Args:
        text: the file, empty where there is none.
        lines: what stands between the markers; none for no block.
        name: what errors call the file.

    Raises:
        ConfigurationError: as ``without_block``.
    """
    rest = without_block(text, name)
    if not lines:
        return rest
    block = "".join(
        f"{line}\n" for line in (f'{BEGIN}: written by "reservations generate"', *lines, END)
    ).encode()
    if len(rest) + len(block) > MOST_READ:
        mark = _BYTE_ORDER_MARK if rest.startswith(_BYTE_ORDER_MARK) else b""
        return mark + block + rest.removeprefix(mark)
    if rest != text:
        return _BLOCK.sub(lambda _: block, text)
    if not rest.removeprefix(_BYTE_ORDER_MARK).strip():
        return rest + block
    return rest + (b"\n" if rest.endswith((b"\n", b"\r")) else b"\n\n") + block
