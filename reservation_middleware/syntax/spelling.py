"""Names that are nearly right, and names that sound as if they were about AI use.

For notes only: nothing is ever read by way of a guess. The words that are right belong to their
signals. Reference: https://docs.python.org/3/library/difflib.html#difflib.get_close_matches
"""

import re
from functools import lru_cache

#: Characters of a name that is looked at, and how alike two names must be: 1 is equal.
_SHORTEST, _LONGEST, _ALIKE = 4, 40, 0.84
# Hyphens of all kinds, blanks, underscores, and what is not seen at all.
_BETWEEN = r"[\W_]+"
_AI_USE = (
    r"(?:^|[-_:. ])no-?(?:ai|ml)(?:$|[-_:. ]|-?train)"
    r"|(?:^|[-_:. ])(?:gen-?)?(?:ai|llms?|tdm(?:rep)?|ml|gpt)[-_:. ]?"
    r"(?:content-?)?(?:train|usage|use$|polic|permi|consent|opt-?(?:in|out)|licen|scrap|mining|reserv"
    r"|declaration|signal|allow|disallow|indexing|inference|access)"
    r"|(?:^|[-_:. ])(?:allow|disallow|deny|block|no)[-_:. ]?(?:gen-?)?(?:ai|llms?|tdm|ml)(?:$|[-_:. ])"
)


def plain(name: str) -> str:
    """A name as it is compared: lower case, letters and digits only.

    >>> plain("X-Robots_Tag ")
    'xrobotstag'
    """
    return re.sub(_BETWEEN, "", name.lower())


def nearest(name: str, known: tuple[str, ...]) -> str | None:
    """The known name that another one was meant to be, None where none is near.

    Args:
        name: as it is written; one that is known is nearest to itself.
        known: names that are right.

    >>> nearest("tdm-reservations", ("tdm-reservation", "tdm-policy"))
    'tdm-reservation'
    """
    return _nearest(name, known) if _SHORTEST <= len(name) <= _LONGEST else None


@lru_cache(1024)
def _nearest(name: str, known: tuple[str, ...]) -> str | None:
    from difflib import get_close_matches  # noqa: PLC0415 - most sites misspell nothing

    by_plain = {plain(one): one for one in known}
    found = get_close_matches(plain(name), by_plain, n=1, cutoff=_ALIKE)
    return by_plain[found[0]] if found else None


def sounds_of_ai_use(name: str) -> bool:
    """Whether a name, of a field, a key or a meta, seems to be about what AI may do.

    >>> [sounds_of_ai_use(name) for name in ("X-AI-Training", "noai", "X-AI-Request-Id")]
    [True, True, False]
    """
    return len(name) <= _LONGEST and _sounds(name)


@lru_cache(1024)
def _sounds(name: str) -> bool:
    return re.search(_AI_USE, name, re.IGNORECASE) is not None


def seems_meant(name: str, known: tuple[str, ...]) -> bool:
    """Whether a name that nothing reads is nearly one of some, or sounds of AI use."""
    return sounds_of_ai_use(name) or nearest(name, known) is not None


def shown(name: str) -> str:
    """A name whose characters can all be seen."""
    return (
        name
        if name.isprintable() and name.isascii()
        else name.encode("ascii", "backslashreplace").decode("ascii")
    )
