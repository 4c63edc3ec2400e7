"""JSON-LD as pages carry it: the nodes that are about the page, and their values as text.

No JSON-LD processor: contexts are not fetched and nothing is expanded, since pages write
schema.org's names as they are, or with a known prefix. Bounded in depth and in nodes.

Reference: https://www.w3.org/TR/json-ld11/
"""

import json
import re
from collections.abc import Iterator, Mapping

import msgspec

#: Nodes that are looked at, how deep they may lie, and values of one property.
MOST_NODES, MOST_DEPTH, MOST_VALUES = 500, 12, 16

_PREFIX = (
    r"^(?:https?://schema\.org/|schema:|https?://purl\.org/dc/(?:terms|elements/1\.1)/"
    r"|dc:|dct:|dcterms:|cc:|https?://creativecommons\.org/ns#)"
)
# What older templates put around a script, behind a comment sign or not.
_OPENINGS, _CLOSINGS, _COMMENT = ("<!--", "<![CDATA["), ("-->", "]]>"), "//"
#: Properties whose nodes are the page's own content, its media, and who made it.
_MAIN = ("mainEntity", "mainEntityOfPage")
_MEDIA = ("image", "primaryImageOfPage", "associatedMedia", "video", "audio")
_MAKERS = ("author", "creator", "publisher", "copyrightHolder", "contributor")
_MEDIA_TYPES = frozenset(
    {"ImageObject", "Photograph", "VideoObject", "AudioObject", "MediaObject", "ImageGallery"}
)


class MalformedJsonLdError(ValueError):
    """A script that is no JSON."""


class Node(msgspec.Struct, frozen=True):
    """A node with its properties by bare name.

    Attributes:
        part: ``page`` for the page and its main entity, ``media`` for an image, a video or a
            sound on it, ``maker`` for a person or an organisation behind it.
        properties: values as they are in the JSON.
    """

    part: str
    properties: Mapping[str, object]

    def texts(self, name: str, *inner: str) -> tuple[str, ...]:
        """The values of a property as text.

        Args:
            name: the property.
            inner: of a value that is a node, the property to take: the first that it has.
        """
        return tuple(_texts(self.properties.get(name), inner, 0))[:MOST_VALUES]


def nodes(text: str) -> tuple[Node, ...]:
    """Read a script.

    Raises:
        MalformedJsonLdError: it is no JSON, or too deep to be any.
    """
    try:
        # Not strict: line breaks in strings are a common mistake, and harmless.
        root = json.loads(_unwrapped(text), strict=False)
    except (ValueError, RecursionError):
        raise MalformedJsonLdError("no JSON") from None
    found: list[Node] = []
    for node in _walk(root, "page", 0):
        found.append(node)
        if len(found) == MOST_NODES:
            break
    return tuple(found)


def _unwrapped(text: str) -> str:
    text = text.strip()
    begun = text.removeprefix(_COMMENT).lstrip()
    for opening in _OPENINGS:
        if begun.startswith(opening):
            text = begun.removeprefix(opening)
    for closing in _CLOSINGS:
        if text.endswith(closing):
            text = text.removesuffix(closing).rstrip().removesuffix(_COMMENT)
    return text


def _walk(value: object, part: str, depth: int) -> Iterator[Node]:
    if depth > MOST_DEPTH:
        return
    if isinstance(value, list):
        for item in value:
            yield from _walk(item, part, depth + 1)
    elif isinstance(value, dict):
        own = _bare(value)
        if part == "page" and not _MEDIA_TYPES.isdisjoint(_types(own)):
            part = "media"
        yield Node(part, own)
        if part != "page":
            return
        yield from _walk(own.get("@graph"), "page", depth + 1)
        for names, of in ((_MAIN, "page"), (_MEDIA, "media"), (_MAKERS, "maker")):
            for name in names:
                if name in own:
                    yield from _walk(own[name], of, depth + 1)


def _bare(node: Mapping[str, object]) -> dict[str, object]:
    """The properties by name without prefix; those that only differ in it stand side by side."""
    found: dict[str, object] = {}
    for name, value in node.items():
        name = re.sub(_PREFIX, "", name)
        found[name] = [found[name], value] if name in found else value
    return found


def _types(node: Mapping[str, object]) -> Iterator[str]:
    types = node.get("@type")
    for name in (types if isinstance(types, list) else [types])[:MOST_VALUES]:
        if isinstance(name, str):
            yield re.sub(_PREFIX, "", name, count=1)


def _texts(value: object, inner: tuple[str, ...], depth: int) -> Iterator[str]:
    if isinstance(value, str):
        if value.strip():
            yield _whole(value)
    elif isinstance(value, list):
        for item in value[:MOST_VALUES] if depth < MOST_DEPTH else ():
            yield from _texts(item, inner, depth + 1)
    elif isinstance(value, dict):
        own = _bare(value)
        for name in ("@value", *inner):
            text = own.get(name)
            if isinstance(text, str) and text.strip():
                yield _whole(text)
                return


def _whole(value: str) -> str:
    """A string without lone surrogates, which JSON may escape and no UTF-8 holds."""
    return value.strip().encode("utf-8", "replace").decode()
