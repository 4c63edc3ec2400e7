"""XMP: packets of RDF/XML into flat properties.

Properties are known by their namespace, never by a prefix. Here: the forms that RDF has for
one value. Not here: vocabularies. Reference:
https://github.com/adobe/XMP-Toolkit-SDK/blob/main/docs/XMPSpecificationPart1.pdf
"""

from collections.abc import Iterator
from itertools import islice

from lxml import etree

from reservation_middleware.syntax.xml import LIMIT, XmlError, name_of, parse, text_of

#: Properties, elements looked at, and characters of a value that are kept of one file.
MOST, MOST_ELEMENTS, LONGEST = 1_000, 15_000, 4_000
#: RSL elements of one file, and bytes of each.
MOST_RSL, LONGEST_RSL = 4, 64 * 1024

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RSL = "https://rslstandard.org/rsl"
_XML = "http://www.w3.org/XML/1998/namespace"
#: Ingredients and history: other works and other states.
_OTHER_WORKS = ("http://ns.adobe.com/xap/1.0/mm/", "http://ns.adobe.com/xap/1.0/g/")
_ARRAYS = {f"{{{RDF}}}{name}" for name in ("Bag", "Seq", "Alt")}
_ITEM, _DESCRIPTION = f"{{{RDF}}}li", f"{{{RDF}}}Description"
_VALUE, _RESOURCE = f"{{{RDF}}}value", f"{{{RDF}}}resource"
_PARSE_TYPE = f"{{{RDF}}}parseType"

_Property = tuple[str, str, str]


class Found:
    """What the packets of one file hold so far."""

    __slots__ = ("inner", "rsl", "xmp")

    def __init__(self) -> None:
        self.xmp: list[_Property] = []
        self.inner: list[_Property] = []
        self.rsl: list[bytes] = []

    def add(self, name: tuple[str, str], value: str, *, inner: bool) -> None:
        """Keep one property."""
        several = self.inner if inner else self.xmp
        if len(several) < MOST and value:
            several.append((*name, value))


def read(packet: bytes, found: Found, problems: list[str]) -> None:
    """Read one packet."""
    try:
        root = parse(_utf8(packet))
    except XmlError as error:
        problems.append(f"XMP that cannot be read: {error}")
        return
    left = iter(range(MOST_ELEMENTS))
    for rdf in list(root.iter(f"{{{RDF}}}RDF"))[:16]:
        for node in rdf.iterchildren(etree.Element):
            _node(node, found, left, inner=False)
    if next(left, None) is None or len(found.xmp) >= MOST:
        problems.append("too many properties of XMP")
    found.rsl += rsl_of(root, MOST_RSL - len(found.rsl), problems)


def rsl_of(root: etree._Element, most: int, problems: list[str]) -> list[bytes]:
    """The RSL elements in a document, serialised."""
    elements = list(islice(root.iter(f"{{{RSL}}}rsl"), most + 1))
    texts = [etree.tostring(element, with_tail=False) for element in elements[:most]]
    short = [text for text in texts if len(text) <= LONGEST_RSL]
    if len(short) < len(elements):
        problems.append("too many documents of RSL, or one that is too long")
    return short


def _utf8(packet: bytes) -> bytes:
    """A packet without padding, in UTF-8: its byte order mark may stand inside the wrapper
    (part 1, packet wrapper), so that UTF-16 is known by where the zeros are.
    """
    for beginning, encoding in (
        (b"<\0\0\0", "utf-32-le"),
        (b"\xff\xfe\0\0", "utf-32"),
        (b"\0\0\0<", "utf-32-be"),
        (b"\0\0\xfe\xff", "utf-32"),
        (b"<\0", "utf-16-le"),
        (b"\0<", "utf-16-be"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
    ):
        if packet.startswith(beginning):
            if len(packet) > 4 * LIMIT:
                break
            return packet.decode(encoding, "replace").rstrip("\0 ").encode("utf-8", "replace")
    return packet.rstrip(b"\0 \r\n\t")


def _node(node: etree._Element, found: Found, left: Iterator[int], *, inner: bool) -> None:
    """The properties of a description: attributes, and elements."""
    for key, text in node.attrib.items():
        name = etree.QName(str(key))
        if name.namespace and name.namespace not in (RDF, _XML):
            found.add((name.namespace, name.localname), _cut(str(text)), inner=inner)
    for element in node.iterchildren(etree.Element):
        # Of a file with so many properties it is said that it has too many.
        if next(left, None) is None or len(found.xmp) >= MOST:
            return
        _property(element, name_of(element), found, left, inner=inner)


def _property(
    element: etree._Element,
    name: tuple[str, str],
    found: Found,
    left: Iterator[int],
    *,
    inner: bool,
) -> None:
    """The values of a property: a resource, a text, the items of an array, or a structure."""
    if name[0] == RSL:
        return  # kept as XML
    resource = element.get(_RESOURCE)
    if resource is not None:
        found.add(name, _cut(resource), inner=inner)
    other_works = name[0] in _OTHER_WORKS
    how = element.get(_PARSE_TYPE)
    children = [] if how == "Literal" else list(element.iterchildren(etree.Element))
    if how == "Resource":
        _structure(element, name, found, left, inner=inner)
    elif not children:
        if resource is None:
            found.add(name, _cut(text_of(element)), inner=inner)
        # An abbreviated structure: its fields are attributes of the property.
        if not other_works:
            _node(element, found, left, inner=True)
    for child in children if how != "Resource" else ():
        if next(left, None) is None:
            return
        if child.tag in _ARRAYS:
            for item in child.iterchildren(_ITEM):
                if next(left, None) is None:
                    return
                _property(item, name, found, left, inner=inner)
        else:  # rdf:Description, or the type of the structure
            _structure(child, name, found, left, inner=inner)


def _structure(
    node: etree._Element,
    name: tuple[str, str],
    found: Found,
    left: Iterator[int],
    *,
    inner: bool,
) -> None:
    """A structure; one with rdf:value is that value with qualifiers (part 1, qualifiers)."""
    values = [node.get(_VALUE), *(text_of(value) for value in node.iterchildren(_VALUE))]
    value = next((text for text in values if text), None)
    if value is not None:
        found.add(name, _cut(value), inner=inner)
    elif name[0] not in _OTHER_WORKS:
        _node(node, found, left, inner=True)


def _cut(text: str) -> str:
    return text.strip()[:LONGEST]
