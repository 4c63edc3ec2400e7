"""What an RSL document amounts to for one page and one operator.

Where documents are found is said in ``carriers.py``, how several of them combine in
``__init__.py``. Here: which contents match, and the order of narrower and broader (§3.1.1).
Nothing is read here.
"""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec.structs import replace

from reservation_middleware.model import LEAVES, Preference, Statement
from reservation_middleware.signals.base import ParsedDocument
from reservation_middleware.syntax.path import split_url
from reservation_middleware.syntax.pattern_index import PatternIndex
from reservation_middleware.syntax.rsl import USAGE, RslContent, RslDocument

from .clauses import AI_ALL, NAME, ONE_USE, UNNAMED, Clause, Kind, Operator, Reader

#: Contents that match one page; of more of them those left out may prohibit, so what the
#: others do not decide counts as prohibited.
_MOST_MATCHING = 500


class PageQuery(msgspec.Struct, frozen=True):
    """The page that is asked about, and for whom.

    Attributes:
        twin: the same host's origin with http where the page has https, of whose contents what
            they prohibit counts as a near miss; "" where that is not to be read.
    """

    origin: str
    path: str
    operator: Operator
    twin: str = ""


class Ruling:
    """What one document amounts to for a page: per leaf, and the clauses that decide."""

    __slots__ = ("clauses", "notice", "usage")

    def __init__(
        self,
        usage: Mapping[str, Preference],
        clauses: Mapping[str, Sequence[Clause]],
        notice: Statement | None = None,
    ) -> None:
        self.usage = usage
        self.clauses = clauses
        #: Says that nothing could be read, and that so nothing is licensed.
        self.notice = notice


class Licences:
    """A document's contents, ready to be asked about pages.

    Args:
        rsl: the document.
        source: where it stands.
        carrier: how it came.
        line: the line before its first.
    """

    __slots__ = (
        *("_clauses", "_here", "_index", "_origins", "_reader", "_source"),
        "rsl",
    )

    def __init__(
        self, rsl: RslDocument, source: ParsedDocument, carrier: str, line: int | None = 0
    ) -> None:
        self.rsl = rsl
        self._source = source
        self._reader = Reader(source, carrier, line)
        # Thousands of contents may have one long address.
        known = {url: _target(url) for url in {content.url for content in rsl.contents}}
        targets = [known[content.url] for content in rsl.contents]
        self._origins = [origin for origin, _ in targets]
        self._index = PatternIndex(pattern or "\0" for _, pattern in targets)
        self._here = [number for number, (_, pattern) in enumerate(targets) if not pattern]
        self._clauses: dict[tuple[int, Operator], tuple[Clause, ...]] = {}

    def on_page(self, asked: PageQuery, *, whole: bool) -> Ruling:
        """What it amounts to where a page or its head points to it, or a page holds it.

        Where it stands in the page but is about another address or a part, its yes says
        nothing of the page.
        """
        matching, near = self._about(asked)
        if self._reader.carrier == "rsl" or matching or self._here:
            return self._ruling(matching, self._here, near, asked.operator, yes=whole)
        return self._ruling([], range(len(self.rsl.contents)), [], asked.operator, yes=False)

    def on_site(self, asked: PageQuery) -> Ruling:
        """What it amounts to where the site points to it, or a feed holds it; "" is no page then."""
        matching, near = self._about(asked)
        return self._ruling(matching, (), near, asked.operator, yes=True)

    def _about(self, asked: PageQuery) -> tuple[list[int], list[int]]:
        """Numbers of the contents whose url matches a page, and of those that nearly do."""
        found, near = [], []
        for number in self._index.matching(asked.path):
            origin = self._origins[number]
            if origin in ("", asked.origin):
                found.append(number)
            elif origin == asked.twin:
                near.append(number)
        return found, near

    def prohibiting(self, origin: str) -> RslContent | None:
        """The first content that names an origin and prohibits a use."""
        for number, content in enumerate(self.rsl.contents):
            if self._origins[number] == origin and any(
                licence.prohibits.get(USAGE) for licence in content.licenses
            ):
                return content
        return None

    @property
    def names_http(self) -> bool:
        """Whether a content is about addresses with http."""
        return any(origin.startswith("http://") for origin in self._origins)

    @property
    def patterns(self) -> Sequence[str]:
        """The paths that its contents are about."""
        return self._index.texts

    def speaks_of(self, origin: str) -> bool:
        """Whether a content may be about pages of an origin; also of a document without contents."""
        return not self._origins or any(one in ("", origin) for one in self._origins)

    def statements(self) -> tuple[Statement, ...]:
        """Everything it says, to an operator of whom nothing is known."""
        return tuple(
            clause.statement
            for number in range(len(self.rsl.contents))
            for clause in self._of(number, ((), ()))
        )

    def _ruling(
        self,
        matching: Sequence[int],
        here: Sequence[int],
        near: Sequence[int],
        operator: Operator,
        *,
        yes: bool,
    ) -> Ruling:
        left_out = "a part of the document" if self.rsl.cut else ""
        if len(matching) + len(here) + len(near) > _MOST_MATCHING:
            left_out = f"contents that match beyond {_MOST_MATCHING}"
            narrowest = sorted(matching, key=self._index.octets, reverse=True)
            matching, here = narrowest[:_MOST_MATCHING], here[:_MOST_MATCHING]
            near = near[:_MOST_MATCHING]
        yes = yes and self.rsl.conformant and not left_out
        ruling = self._rule(matching, here, near, operator, yes=yes)
        return self._restricted(ruling, left_out) if left_out else ruling

    def _restricted(self, ruling: Ruling, left_out: str) -> Ruling:
        """What a ruling without a yes amounts to where something was left out."""
        text = f"what was not read may prohibit: {left_out}"
        closed = [Clause(Kind.CLOSED, (UNNAMED, True), -1, self._about_all(text), (), ())]
        return Ruling(
            {**dict.fromkeys(LEAVES, Preference.DISALLOWED), **ruling.usage},
            {**dict.fromkeys(LEAVES, closed), **ruling.clauses},
        )

    def _about_all(self, text: str) -> Statement:
        return Statement(
            signal=NAME,
            carrier=self._reader.carrier,
            category="all",
            covers=LEAVES,
            preference=Preference.DISALLOWED,
            text=text,
            span=self._source.span(),
        )

    def _rule(
        self,
        matching: Sequence[int],
        here: Sequence[int],
        near: Sequence[int],
        operator: Operator,
        *,
        yes: bool,
    ) -> Ruling:
        by_length: dict[int, list[Clause]] = {}
        for number in matching:
            by_length.setdefault(self._index.octets(number), []).extend(self._of(number, operator))
        for number in near:
            refused = map(_near_miss, self._of(number, operator))
            by_length.setdefault(self._index.octets(number), []).extend(filter(None, refused))
        # Narrower paths first, the page itself before every path.
        levels = [[clause for number in here for clause in self._of(number, operator)]]
        levels += [by_length[length] for length in sorted(by_length, reverse=True)]
        usage: dict[str, Preference] = {}
        clauses: dict[str, Sequence[Clause]] = {}
        for leaf in LEAVES:
            for level in levels:
                found = _weigh([one for one in level if leaf in one.statement.covers], yes=yes)
                if found:
                    usage[leaf], clauses[leaf] = found
                    break
        return Ruling(usage, clauses)

    def _of(self, number: int, operator: Operator) -> tuple[Clause, ...]:
        """What one content says."""
        key = number, operator
        found = self._clauses.get(key)
        if found is None:
            content = self.rsl.contents[number]
            found = self._clauses[key] = tuple(self._reader.of(number, content, operator))
        return found


def _near_miss(clause: Clause) -> Clause | None:
    """A clause of a content that only nearly is about the page: what it prohibits, else nothing."""
    if clause.kind is not Kind.PROHIBIT:
        return None
    return replace(clause, statement=replace(clause.statement, near_miss=True))


def _weigh(clauses: Sequence[Clause], *, yes: bool) -> tuple[Preference, Sequence[Clause]] | None:
    """What clauses of equally narrow paths say about a leaf; None if they say nothing (§3.1.1).

    Args:
        clauses: those that cover the leaf.
        yes: whether a permission counts.
    """
    prohibits = [one for one in clauses if one.kind is Kind.PROHIBIT]
    permits = [one for one in clauses if one.kind in (Kind.GRANT, Kind.DEMAND)]
    counted = [one for one in permits if yes or one.kind is Kind.DEMAND]
    if prohibits:
        # One use is narrower than AI as a whole; beside "all" it contradicts.
        if any(one.broad[0] != AI_ALL for one in prohibits):
            return Preference.DISALLOWED, prohibits
        counted = [one for one in counted if one.broad[0] == ONE_USE]
        if not counted:
            return Preference.DISALLOWED, prohibits
    if counted:
        narrowest = min(one.broad for one in counted)
        counted = [one for one in counted if one.broad == narrowest]
        grants = [one for one in counted if one.kind is Kind.GRANT]
        # Licences of one content are there to choose from; several contents all hold.
        free = {one.content for one in grants}
        bound = [one for one in counted if one.content not in free]
        return (Preference.DISALLOWED, bound) if bound else (Preference.ALLOWED, grants)
    others = [] if permits else clauses
    unfit = [one for one in others if one.kind is Kind.UNFIT]
    return (Preference.DISALLOWED, unfit or others) if others else None


def combined(
    page: Sequence[Ruling], site: Sequence[Ruling], leaf: str
) -> tuple[Preference, Sequence[Clause]] | None:
    """What several documents say about a leaf: page before site, then most restrictive (§4.9).

    A document that should be there and was not read can only have taken away: beside it no
    yes counts.
    """
    unread = False
    for level in (page, site):
        unread = unread or any(ruling.notice for ruling in level)
        speaking = [ruling for ruling in level if leaf in ruling.usage]
        for preference in (Preference.DISALLOWED, Preference.ALLOWED):
            said = [
                clause
                for ruling in speaking
                if ruling.usage[leaf] is preference
                for clause in ruling.clauses[leaf]
            ]
            if said:
                return None if unread and preference is Preference.ALLOWED else (preference, said)
    return None


def twin_of(origin: str) -> str:
    """An origin's host with http for https; "" where there is no such thing, or a port is named."""
    scheme, _, host = origin.partition("://")
    has_port = ":" in host[host.rfind("]") + 1 :]
    return f"http://{host}" if scheme == "https" and not has_port else ""


def _target(url: str) -> tuple[str, str]:
    """Origin ("" for whatever the document is about) and path pattern of a content's url."""
    if url.lower().startswith(("https://", "http://")):
        return split_url(url)
    if not url or url.startswith(("/", "*")):
        return "", url
    return "", f"/{url}"
