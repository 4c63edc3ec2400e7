"""Challenges of WWW-Authenticate: RFC 9110 §11.6.1.

Commas part both challenges and their parameters, so a word opens a challenge unless an
equals sign follows. Nothing raises; what cannot be read is skipped.

Reference: https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1
"""

import re
from collections.abc import Mapping

import msgspec

#: Characters of a field value that are read, and challenges in it.
LIMIT, MOST = 64 * 1024, 32

_BETWEEN = re.compile(r"[\s,]*+")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]++")
_EQUALS = re.compile(r"[ \t]*+=[ \t]*+")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)(?:"|\\?\Z)', re.DOTALL)
_PLAIN = re.compile(r"[^\s,]*+")
_PAIR = re.compile(r"\\(.)", re.DOTALL)
_TOKEN68 = re.compile(r"[ \t]++[A-Za-z0-9._~+/-]++=*+[ \t]*+(?=,|\Z)")


class Challenge(msgspec.Struct, frozen=True):
    """A scheme in lower case and its parameters by name in lower case, the first of each."""

    scheme: str
    parameters: Mapping[str, str]


def challenges(value: str) -> tuple[Challenge, ...]:
    """Read a WWW-Authenticate value; several fields are to be joined by commas."""
    value = value[:LIMIT]
    found: list[tuple[str, dict[str, str]]] = []
    position = 0
    while True:
        position = _end(_BETWEEN, value, position)
        if position == len(value):
            break
        word = _TOKEN.match(value, position)
        if word is None:
            quoted = _QUOTED.match(value, position)
            position = quoted.end() if quoted else position + 1
            continue
        position = word.end()
        equals = _EQUALS.match(value, position)
        if equals is None:
            if len(found) == MOST:
                break
            found.append((word[0].lower(), {}))
            position = _end(_TOKEN68, value, position)
            continue
        position = equals.end()
        quoted = _QUOTED.match(value, position)
        if quoted:
            text, position = _PAIR.sub(r"\1", quoted[1]), quoted.end()
        else:
            end = _end(_PLAIN, value, position)
            text, position = value[position:end], end
        if found:
            found[-1][1].setdefault(word[0].lower(), text)
    return tuple(Challenge(scheme, parameters) for scheme, parameters in found)


def _end(pattern: re.Pattern[str], value: str, position: int) -> int:
    match = pattern.match(value, position)
    return match.end() if match else position
