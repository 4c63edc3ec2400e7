"""What files say of themselves: XMP, the package of an EPUB, C2PA manifests.

Reads bytes into properties and knows no signal. Needs the extra ``[media]``; without
it nothing is recognised. Whatever is wrong with a file is a problem in ``Media``,
never an error.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Property(NamedTuple):
    """An XMP property: its namespace URI, its name, a value as text, and RSL's XML if it is one."""

    namespace: str
    name: str
    value: str


class Claim(NamedTuple):
    """A C2PA assertion about training and mining.

    Attributes:
        label: ``cawg.training-mining`` or ``c2pa.training-mining``.
        entries: entry name → (use, constraint or "").
        valid: whether the manifest that holds it could be verified.
    """

    label: str
    entries: Mapping[str, tuple[str, str]]
    valid: bool


class Media(NamedTuple):
    """What one file says of itself.

    Attributes:
        kind: jpeg, png, webp, tiff, pdf or epub; "" where it is none of them.
        xmp: properties of its XMP, in order.
        rsl: ``rsl`` elements in its XMP, serialised.
        epub: metas of its EPUB package: property or name, and content.
        claims: assertions of its active C2PA manifest.
        problems: what could not be read, in a few words each.
    """

    kind: str = ""
    xmp: tuple[Property, ...] = ()
    rsl: tuple[bytes, ...] = ()
    epub: tuple[tuple[str, str], ...] = ()
    claims: tuple[Claim, ...] = ()
    problems: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.xmp or self.rsl or self.epub or self.claims or self.problems)


NOTHING = Media()

#: Media types of content that is read, with what is installed.
TYPES: frozenset[str] = frozenset()


def recognised(body: bytes) -> str:
    """The kind of file that a body begins like, "" for none that is read."""
    del body
    return ""


def read(body: bytes, media_type: str) -> Media:
    """Read what a file says of itself.

    Args:
        body: the file.
        media_type: as it was sent, "" if none was.
    """
    del body, media_type
    return NOTHING
