"""The Link header field: RFC 8288 §3, read as its appendix B.2 does.

Knows how links are written, not what a relation means. A member that is no link is
skipped and the rest is read; nothing raises, whatever is sent.

Reference: https://www.rfc-editor.org/rfc/rfc8288#section-3
"""

import re
from collections.abc import Mapping
from functools import lru_cache

import msgspec

#: Characters of a field value that are read, and links in it: more is a flood.
LIMIT, MOST = 16 * 1024, 64
#: Longer values are not remembered: those of one site would fill the memory.
_KEPT = 1_000

_BETWEEN = re.compile(r"[\s,]*+")
# No "<" in a target, so that a flood of them is not read to its end again and again.
_TARGET = re.compile(r"<([^<>]*+)>")
# A parameter: none of it can fail half-way, so nothing is tried twice.
_NAME = re.compile(r"\s*;\s*([^\s=;,\"<>]*)\s*(=?)\s*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)(?:"|\\?\Z)', re.DOTALL)
_TOKEN = re.compile(r"[^\s;,]*")
_PAIR = re.compile(r"\\(.)", re.DOTALL)
# What stands between links: quoted strings may hold commas.
_SKIP = re.compile(r'(?:[^",]|"(?:[^"\\]|\\.)*(?:"|\\?\Z))*', re.DOTALL)
_SKIP_TO_PARAMETER = re.compile(r"[^;,]*")


class LinkValue(msgspec.Struct, frozen=True):
    """One link.

    Attributes:
        target: the URI reference as written, not yet resolved.
        rels: relation types, lower case.
        type: the media type hint in lower case without parameters, empty if there is none.
        attributes: every parameter by its name in lower case; of repeated ones the first
            (RFC 8288 §3.3, §3.4.1). ``anchor`` means that the link is about another resource.

    """

    target: str
    rels: frozenset[str]
    type: str
    attributes: Mapping[str, str]


def links(value: str) -> tuple[LinkValue, ...]:
    """Read a Link field value; several fields are to be joined by commas. Never raises.

    The result is shared between calls and must not be changed.
    """
    return (_known_links if len(value) <= _KEPT else _links)(value)


def _links(value: str) -> tuple[LinkValue, ...]:
    value = value[:LIMIT]
    found: list[LinkValue] = []
    position = 0
    while position < len(value) and len(found) < MOST:
        position = _end(_BETWEEN, value, position)
        target = _TARGET.match(value, position)
        if target is None:
            position = _end(_SKIP, value, position) + 1
            continue
        attributes, position = _attributes(value, target.end())
        found.append(
            LinkValue(
                target[1].strip(),
                frozenset(attributes.get("rel", "").lower().split()),
                attributes.get("type", "").partition(";")[0].strip().lower(),
                attributes,
            )
        )
        position = _end(_SKIP, value, position) + 1
    return tuple(found)


_known_links = lru_cache(1024)(_links)


def _attributes(value: str, position: int) -> tuple[dict[str, str], int]:
    found: dict[str, str] = {}
    while True:
        # Junk after the target or a value does not end the link, its next comma does.
        position = _end(_SKIP_TO_PARAMETER, value, position)
        name = _NAME.match(value, position)
        if name is None:
            return found, position
        position = name.end()
        text = ""
        if name[2]:
            quoted = _QUOTED.match(value, position)
            if quoted:
                text, position = _PAIR.sub(r"\1", quoted[1]), quoted.end()
            else:
                token = _TOKEN.match(value, position)
                text, position = (token[0], token.end()) if token else ("", position)
        if name[1]:
            found.setdefault(name[1].lower(), text)


def _end(pattern: re.Pattern[str], value: str, position: int) -> int:
    match = pattern.match(value, position)
    return match.end() if match else position
