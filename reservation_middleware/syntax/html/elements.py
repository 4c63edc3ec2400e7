"""What a page says, as immutable values: metas with a name, and elements that are for something."""

from collections.abc import Mapping
from typing import NamedTuple

#: Metas of interest that are kept, and other elements; a page with more is not trying to be
#: understood.
MAX_METAS, MAX_ELEMENTS = 256, 64
#: Characters of an element's text that are kept.
MAX_TEXT = 256 * 1024


class Meta(NamedTuple):
    """A meta element with a name: both values stripped, the name in lower case."""

    name: str
    content: str
    line: int


class Element(NamedTuple):
    """A link or script, or an anchor or meta that says what it is for.

    Attributes:
        tag: its name in lower case.
        attributes: values of ``ATTRIBUTES`` by their names, stripped; of others nothing is kept.
        text: what stands in it, of scripts, and of anchors with white space folded.
        line: where its tag begins; of a script with text where that does.
        whole: whether it is a link or script about the whole page: in the head, or directly in
            the body, with no element before it left open.
    """

    tag: str
    attributes: Mapping[str, str]
    text: str
    line: int
    whole: bool


class Html(NamedTuple):
    """What a page holds of interest, in document order.

    Attributes:
        metas: those with a name and a content.
        elements: all others.
        truncated: whether some of the page was not read.
        pragmas: metas without a name that stand for a header field of ``PRAGMAS``
            (``http-equiv``), under the field's name.
    """

    metas: tuple[Meta, ...] = ()
    elements: tuple[Element, ...] = ()
    truncated: bool = False
    pragmas: tuple[Meta, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.metas or self.elements or self.truncated or self.pragmas)


NOTHING = Html()
