"""A block of lines of our own in a text file of somebody else's: put in, replaced, never doubled.

What stands outside the two markers is kept to the octet. Lines that begin with # are comments in
each format that this is used for: robots.txt, ai.txt, trust.txt.
"""

import re

from reservation_middleware.model import ConfigurationError

BEGIN = "# BEGIN reservations"
END = "# END reservations"
_BLOCK = re.compile(
    rb"^# BEGIN reservations[^\r\n]*(?:\r\n|\r|\n)(?:.*?)^# END reservations[^\r\n]*(?:\r\n|\r|\n|\Z)",
    re.DOTALL | re.MULTILINE,
)
_MARKER = re.compile(rb"^# (BEGIN|END) reservations", re.MULTILINE)


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
    if rest == text:
        gap = (
            b""
            if not rest.strip(b"\xef\xbb\xbf")
            else b"\n"
            if rest.endswith((b"\n", b"\r"))
            else b"\n\n"
        )
        return rest + gap + block
    return _BLOCK.sub(lambda _: block, text)
