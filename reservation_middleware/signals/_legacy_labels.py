"""Content-Usage labels that only older drafts of the vocabulary had, and what they meant.

AIPREF's vocab-08 ignores these labels; an operator may choose to
hear them all the same. The labels of vocab-08 are not here: they mean what they mean now.
"""

from collections.abc import Mapping
from typing import NamedTuple

from reservation_middleware.model.vocabulary import (
    AI_INDEX,
    AI_INPUT,
    LEAVES,
    TRAIN,
    TRAIN_GEN,
)

from .base import Term


class Superseded(NamedTuple):
    """A label of an older draft.

    Attributes:
        draft: the revision that had it first.
        breadth: its place in the old hierarchies: 3 holds everything, 2 all training, and
            1 nothing but itself, as every label of vocab-08.
        category: what reasons call it.
        term: the leaves that its yes and its no cover; none if we have no leaf for it.
    """

    draft: str
    breadth: int
    category: str
    term: Term


# A reservation of everything leaves no leaf out; a permission is read narrowly and, as
# that of ai-use, does not reach the building of an index.
_EVERYTHING = Term(tuple(leaf for leaf in LEAVES if leaf != AI_INDEX), LEAVES)
_INPUT = Term((AI_INPUT,), (AI_INDEX, AI_INPUT))
_GENERATIVE = Term((TRAIN_GEN,), (TRAIN_GEN,))

SUPERSEDED: Mapping[str, Superseded] = {
    "tdm": Superseded("vocab-01", 3, "tdm", _EVERYTHING),
    "all": Superseded("vocab-02", 3, "tdm", _EVERYTHING),
    "bots": Superseded("vocab-03", 3, "tdm", _EVERYTHING),
    "ai": Superseded("vocab-01", 2, "ai-train", Term(TRAIN, TRAIN)),
    "genai": Superseded("vocab-01", 1, TRAIN_GEN, _GENERATIVE),
    "train-genai": Superseded("vocab-02", 1, TRAIN_GEN, _GENERATIVE),
    "inference": Superseded("vocab-01", 1, AI_INPUT, _INPUT),
    # No leaf is about what a system puts out.
    "ai-output": Superseded("vocab-04", 1, "ai-output", Term((), ())),
}


def mapped(
    said: Mapping[str, bool], current: Mapping[str, Term]
) -> Mapping[str, tuple[Superseded, tuple[str, ...]]]:
    """What the superseded labels of one statement cover.

    A narrower label that is written takes its leaves out of every broader one.

    Args:
        said: the labels of the statement, each with whether it says yes.
        current: the labels of vocab-08.
    """
    covered: dict[int, set[str]] = {1: set(), 2: set(), 3: set()}
    found: dict[str, tuple[Superseded, tuple[str, ...]]] = {}
    for label, yes in said.items():
        old = SUPERSEDED.get(label)
        term = old.term if old else current[label]
        covered[old.breadth if old else 1].update(term.yes if yes else term.no)
    for label, yes in said.items():
        old = SUPERSEDED.get(label)
        if old is None:
            continue
        narrower = {
            leaf for breadth, own in covered.items() if breadth < old.breadth for leaf in own
        }
        leaves = old.term.yes if yes else old.term.no
        left = tuple(leaf for leaf in leaves if leaf not in narrower)
        if left:
            found[label] = old, left
    return found
