"""The words of usage: leaf categories, shorthands and the three values of a preference.

Knows no signal and no document: how a native term maps to these leaves is the business
of each signal and stands on its page under ``spec/signals/``. See ``spec/vocabulary.md``.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType

from .error import ConfigurationError


class Preference(StrEnum):
    """What a declaring party says about one category; unknown is never allowed."""

    ALLOWED = "allowed"
    DISALLOWED = "disallowed"
    UNKNOWN = "unknown"


SEARCH = "search"
AI_INDEX = "ai-index"
AI_INPUT = "ai-input"
TRAIN_GEN = "ai-train-gen"
TRAIN_NONGEN = "ai-train-nongen"
TDM = "tdm"

#: Acquisition is not usage: the answer of robots.txt, kept apart from the leaves.
CRAWL = "crawl"

#: The leaf categories, in the order in which records show them.
LEAVES: tuple[str, ...] = (SEARCH, AI_INDEX, AI_INPUT, TRAIN_GEN, TRAIN_NONGEN, TDM)

TRAIN: tuple[str, ...] = (TRAIN_GEN, TRAIN_NONGEN)

#: What people may type instead of leaves.
SHORTHANDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "ai-train": TRAIN,
        "ai": (AI_INDEX, AI_INPUT, *TRAIN),
        "tdm-all": (AI_INDEX, AI_INPUT, *TRAIN, TDM),
    }
)


def expand(terms: Iterable[str]) -> tuple[str, ...]:
    """Expand purposes (leaves or shorthands) to leaves, in record order, each once.

    Raises:
        ConfigurationError: a term is neither a leaf nor a shorthand, or there is none.

    """
    wanted: set[str] = set()
    for term in terms:
        if term in SHORTHANDS:
            wanted.update(SHORTHANDS[term])
        elif term in LEAVES:
            wanted.add(term)
        else:
            raise ConfigurationError(unknown_word("purpose", term, (*LEAVES, *SHORTHANDS)))
    if not wanted:
        raise ConfigurationError("at least one purpose is needed")
    return tuple(leaf for leaf in LEAVES if leaf in wanted)


def unknown_word(what: str, word: str, known: Iterable[str]) -> str:
    """One line that says a word is not known and names the nearest that is."""
    from difflib import get_close_matches  # noqa: PLC0415 - only for somebody's slip of the pen

    words = sorted(known)
    near = get_close_matches(word, words, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(words)}"
    return f"unknown {what} {word!r}; {hint}"
