"""A finding: something a site's owner should know, where it stands, and what to write instead.

A kind is declared once, beside the function that finds it, and its page in ``docs/findings/`` is
generated from the declaration. No I/O.
"""

import re
from enum import StrEnum
from hashlib import sha256

import msgspec

from reservation_middleware.model import Level

from .source import LintSource

#: Where the page of a kind stands.
PAGES = "https://reservation-middleware.example/findings/"
_BLANKS = re.compile(r"\s+")
#: Characters of a detail and of a remedy that are shown.
_LONGEST = 200


class Confidence(StrEnum):
    """How sure it is that a finding is what its kind says."""

    CERTAIN = "certain"
    LIKELY = "likely"
    #: Right, and of little use to most owners; shown on request.
    PEDANTIC = "pedantic"


class FindingKind(msgspec.Struct, frozen=True, kw_only=True):
    """What can be found, declared once.

    Attributes:
        ident: stable identifier, ``family-what``; never used again for something else.
        level: how much it matters.
        confidence: how sure a finding of this kind is.
        summary: one sentence; ``{}`` is replaced by the detail.
        what: what is found, in a few sentences.
        why: why it matters to an owner.
        before: an example in which it is found.
        after: the example, mended.
        remedy: what to do, where the finding itself has nothing that could be pasted.
        reference: the text that says so.
        since: the version of the package in which it came.
        parsers: readers that differ about it, each with what it does.
    """

    ident: str
    level: Level
    confidence: Confidence = Confidence.CERTAIN
    summary: str
    what: str
    why: str
    before: str = ""
    after: str = ""
    remedy: str
    reference: str
    since: str = "0.1.0"
    parsers: tuple[str, ...] = ()

    @property
    def page(self) -> str:
        """The address of its page."""
        return f"{PAGES}{self.ident}"


class Edit(msgspec.Struct, frozen=True):
    """A change of one file: lines from ``start`` (from 1) up to, not with, ``end`` become others."""

    start: int
    end: int
    lines: tuple[str, ...]


class Fix(msgspec.Struct, frozen=True, kw_only=True):
    """How a finding is mended, and what may change by it.

    Attributes:
        edits: of the file in which the finding stands.
        agents: product tokens in lower case whose answers may change; None for everyone's.
        uses: leaves, or ``crawl``, that may change; none where nothing may.
    """

    edits: tuple[Edit, ...]
    agents: frozenset[str] | None = frozenset()
    uses: frozenset[str] = frozenset()


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of finding, met in one place.

    Attributes:
        kind: what was found.
        source: in which document.
        line: from 1; None where it is not about a line, as for header fields on the wire.
        column: from 1; None where there is no line.
        detail: the site's words, or what was reckoned of them.
        remedy: what to write, to be pasted.
        fix: how it is mended without a hand, None where it is not.
    """

    kind: FindingKind
    source: LintSource
    line: int | None = None
    column: int | None = None
    detail: str = ""
    remedy: str
    fix: Fix | None = None

    @property
    def summary(self) -> str:
        """The sentence with its detail, which comes from the site and is cut short."""
        detail = self.detail
        if len(detail) > _LONGEST:
            detail = detail[:_LONGEST] + "…"
        return self.kind.summary.replace("{}", detail)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over ident, path, the line without blanks and its number among equal lines.

        The line's number is no part of it, so that it survives lines that come and go above.
        """
        text, number = "", 0
        if self.line is not None:
            lines = self.source.lines
            text = _bare(lines[self.line - 1]) if self.line <= len(lines) else ""
            number = sum(_bare(line) == text for line in lines[: self.line])
        key = "\0".join((self.kind.ident, self.source.name, text, str(number)))
        return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def found(
    kind: FindingKind,
    source: LintSource,
    line: int | None = None,
    *,
    detail: str = "",
    remedy: str = "",
    near: str = "",
    fix: Fix | None = None,
) -> Finding:
    """A finding with its column: where the detail, or another text, begins in the line.

    Args:
        kind: what was found.
        source: in which document.
        line: from 1; the first of a file where None is given and the place is a file.
        detail: what the summary shows.
        remedy: what to write; the kind's own if empty.
        near: what the column points at, if that is not the detail.
        fix: how it is mended without a hand.
    """
    if line is None and not source.is_url:
        line = 1
    column = None if line is None else source.column(line, near or detail)
    return Finding(
        kind=kind,
        source=source,
        line=line,
        column=column,
        detail=detail,
        remedy=remedy or kind.remedy,
        fix=fix,
    )


def _bare(line: str) -> str:
    return _BLANKS.sub("", line)
