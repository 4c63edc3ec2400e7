"""Fixes of notes: what the line should be, where that can be written down without asking. No I/O."""

import re
from collections.abc import Callable, Mapping
from functools import cache

from reservation_middleware.model import LEAVES
from reservation_middleware.syntax.robots_line import AGENT, ALLOW, DISALLOW, SPEAKING, classify

from .finding import Edit, Fix
from .places import LintedSite
from .source import LintSource

_EVERY_USE = frozenset(("crawl", *LEAVES))
_MEANT = re.compile(r"^(?P<written>.*?) \((?P<meant>[^()]+)\?\)(?::|$)")
_WORDS = {AGENT: "User-agent", ALLOW: "Allow", DISALLOW: "Disallow"}
#: From a line, its number and a note's detail to the line to paste and the fix.
_Fixer = Callable[[str, int, str], tuple[str, Fix | None]]
_NO_FIX: tuple[str, Fix | None] = ("", None)


def fix_of(
    ident: str, source: LintSource, line: int | None, detail: str, places: LintedSite
) -> tuple[str, Fix | None]:
    """What to paste in the place of a note's line, and the fix; nothing where that is not known.

    Args:
        ident: of the note.
        source: in which document.
        line: which line, from 1.
        detail: what the note says of it.
        places: the site.
    """
    del places
    if line is None or source.document.resource != "robots.txt" or line > len(source.lines):
        return _NO_FIX
    text = source.lines[line - 1]
    make = _fixers().get(ident)
    return make(text, line, detail) if make else _NO_FIX


@cache
def _fixers() -> Mapping[str, _Fixer]:
    misspelt = dict.fromkeys(
        ("robots-key-misspelt", "content-signals-misspelt", "aipref-misspelt", "rsl-misspelt"),
        _misspelt_key,
    )
    return {
        **misspelt,
        "robots-misspelling-read": _misread,
        "robots-agent-list": _agent_list,
        "robots-agents-misspelt": _misspelt_agent,
        "content-signals-separator": _separators,
    }


def _misspelt_key(text: str, line: int, detail: str) -> tuple[str, Fix | None]:
    """A key that is nearly right; who and what it is about cannot be told before it is read."""
    meant = _MEANT.match(detail)
    key, colon, value = text.partition(":")
    if not meant or not colon or meant["meant"].lower() not in SPEAKING:
        return _NO_FIX
    del key
    mended = f"{SPEAKING[meant['meant'].lower()]}: {value.strip()}"
    return mended, Fix(edits=(_one_line(line, mended),), agents=None, uses=_EVERY_USE)


def _misread(text: str, line: int, detail: str) -> tuple[str, Fix | None]:
    """A key that is misspelt, or has no colon, and is read all the same: no answer changes."""
    del detail
    code, mark, comment = text.partition("#")
    key, colon, value = code.partition(":")
    kind, value, _ = classify(key, colon, value, code)
    if kind not in _WORDS:
        return _NO_FIX
    mended = f"{_WORDS[kind]}: {value.strip()}"
    if mark:
        mended += f" #{comment}"
    return mended, Fix(edits=(_one_line(line, mended),))


def _agent_list(text: str, line: int, detail: str) -> tuple[str, Fix | None]:
    """Several names on one line: a line for each, as they are read already."""
    del detail
    value = text.partition("#")[0].partition(":")[2]
    names = [name.strip() for name in value.split(",") if name.strip()]
    if len(names) < 2 or any(" " in name for name in names):
        return _NO_FIX
    lines = tuple(f"User-agent: {name}" for name in names)
    return "\n".join(lines), Fix(edits=(Edit(line, line + 1, lines),))


def _misspelt_agent(text: str, line: int, detail: str) -> tuple[str, Fix | None]:
    """A name that is nearly an AI agent's: that agent's answers change, and the wrong name's."""
    del text
    meant = _MEANT.match(detail)
    if not meant:
        return _NO_FIX
    mended = f"User-agent: {meant['meant']}"
    whom = frozenset((meant["meant"].lower(), meant["written"].lower()))
    return mended, Fix(edits=(_one_line(line, mended),), agents=whom, uses=_EVERY_USE)


def _separators(text: str, line: int, detail: str) -> tuple[str, Fix | None]:
    """Semicolons where commas belong, which are read as commas."""
    del detail
    code, mark, comment = text.partition("#")
    mended = re.sub(r"\s*;\s*", ", ", code.rstrip().rstrip(";"))
    if mark:
        mended += f" #{comment}"
    return mended, Fix(edits=(_one_line(line, mended),))


def _one_line(line: int, text: str) -> Edit:
    return Edit(line, line + 1, (text,))
