"""What a site serves, as far as it was asked: the other side of ``lint FOLDER --live URL``. No I/O."""

from collections.abc import Mapping

import msgspec

from reservation_middleware.model import Document


class Wire(msgspec.Struct, frozen=True):
    """One site on the wire.

    Attributes:
        origin: that was asked.
        documents: by path, what was answered.
        not_asked: paths of the folder that were not asked for, so that requests stay few.
    """

    origin: str
    documents: Mapping[str, Document]
    not_asked: int = 0
