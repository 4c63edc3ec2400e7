"""What an operator is asked to sum up of a crawl: crawlers, period, domains, protocols, measures.

Follows the template for the public summary of training content (Regulation (EU) 2024/1689,
Article 53(1)(d)): the parts of it that a crawl knows. It says what was asked, told and done, and
nothing about the law. Pure but for the temporary files of ``sorting.py``.
"""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import StringIO
from itertools import groupby
from math import ceil
from typing import Any, NamedTuple

from reservation_middleware.ledger.format.lines import (
    DecisionLine,
    EpochLine,
    PolicyLine,
    SegmentLine,
)
from reservation_middleware.ledger.read.columns import domain, media_type
from reservation_middleware.ledger.read.reader import LedgerReader
from reservation_middleware.model import Mode
from reservation_middleware.model.plural import counted

from .sorting import Sorter

#: Of the domains, by size of content: so many per cent; for small operators five, or a thousand.
SHARE, SMALL_SHARE, SMALL_MOST = 10, 5, 1_000
#: Domains, and media types, that are held in memory.
_MOST_DOMAINS, _MOST_TYPES = 100_000, 1_000
UNKNOWN_TYPE, OTHER_TYPES = "(not known)", "(others)"


class Protocol(NamedTuple):
    """A family of signals, as it declares itself.

    Attributes:
        name: as reasons name it.
        title: for people.
        text: the text that it follows, with its revision.
        status: how firm that is.
        since: when it came up.
        decides: it can reserve or disallow; False where it is only recorded.
    """

    name: str
    title: str
    text: str
    status: str
    since: str
    decides: bool


def summary(
    ledger: LedgerReader,
    protocols: Sequence[Protocol],
    *,
    small: bool = False,
    progress: Callable[[int], object] | None = None,
) -> dict[str, Any]:
    """Sum up a ledger as plain values.

    Args:
        ledger: which.
        protocols: those that this version reads.
        small: the share of domains that is asked of small and medium-sized enterprises.
        progress: called now and then with how many more bytes were read.

    Raises:
        LedgerError: the ledger is broken.
    """
    with Sorter(1) as by_name, Sorter(2) as by_size:
        found = _Fold(by_name)
        for segment, index, entry in ledger.lines(progress):
            found.take(segment.name, index, entry)
        found.spill()
        scraped = 0
        for name, rows in groupby(by_name, key=lambda row: row[0]):
            parts = list(rows)
            octets = sum(row[1] for row in parts)
            scraped += octets
            by_size.add((-octets, name, sum(row[2] for row in parts)))
        most = _most(by_size.rows, small=small)
        domains = [
            {"domain": name, "bytes": -octets, "pages": pages}
            for _, (octets, name, pages) in zip(range(most), by_size, strict=False)
        ]
        number = by_size.rows
    share = f"top {SMALL_SHARE} %, at most {SMALL_MOST:,}" if small else f"top {SHARE} %"
    return {
        "crawlers": _ordered(found.agents),
        "period": {"from": found.since, "until": found.until},
        "software": sorted(found.software),
        "spec_versions": sorted(found.specs),
        "purposes": _ordered(found.purposes),
        "pages": {"decided": found.decided, "fetched": found.fetched, "stopped": found.stopped},
        "bytes": scraped,
        "content_types": _ordered(found.types),
        "domains": {"share": share, "of": number, "listed": domains},
        "protocols": [
            {**protocol._asdict(), "decisions": found.signals.get(protocol.name, 0)}
            for protocol in protocols
        ],
        "measures": list(_measures(found)),
    }


class _Fold:
    def __init__(self, domains: Sorter) -> None:
        self.agents: dict[str, int] = {}
        self.purposes: dict[str, int] = {}
        self.types: dict[str, int] = {}
        self.signals: dict[str, int] = {}
        self.modes: dict[str, int] = {}
        self.places: dict[str, None] = {}
        self.policies: dict[tuple[str, ...], None] = {}
        self.software: set[str] = set()
        self.specs: set[str] = set()
        self.since = self.until = ""
        self.decided = self.fetched = self.stopped = self.counted = 0
        self._sorter = domains
        self._domains: dict[str, list[int]] = {}

    def take(self, segment: str, index: int, entry: object) -> None:
        """Take a line."""
        del segment, index
        if isinstance(entry, DecisionLine):
            self._decision(entry)
        elif isinstance(entry, EpochLine):
            self._epoch(entry)
        elif isinstance(entry, PolicyLine):
            knobs = ("profile", "reservation", "unknown", "unreachable", "proxy_agents")
            self.policies[tuple(str(entry.policy.get(knob, "")) for knob in knobs)] = None
        elif isinstance(entry, SegmentLine):
            self.software.add(entry.software)
            self.specs.add(entry.spec_version)

    def spill(self) -> None:
        """Hand on the domains that are in memory."""
        for name, (octets, pages) in self._domains.items():
            self._sorter.add((name, octets, pages))
        self._domains = {}

    def _decision(self, line: DecisionLine) -> None:
        self._who(line, line.time, line.time, 1)
        for place in line.consulted:
            self.places[place] = None
        for signal in {reason.signal for reason in line.reasons}:
            self.signals[signal] = self.signals.get(signal, 0) + 1
        if line.blocked:
            self.stopped += 1
            return
        if line.octets is None:
            return
        self.fetched += 1
        self._size(line.url, line.octets, 1)
        kind = media_type(line) or UNKNOWN_TYPE
        if kind not in self.types and len(self.types) >= _MOST_TYPES:
            kind = OTHER_TYPES
        self.types[kind] = self.types.get(kind, 0) + line.octets

    def _epoch(self, line: EpochLine) -> None:
        for count in line.counts:
            self._who(line, line.time, line.until, count.decisions)
            self.counted += count.decisions
            self.fetched += count.decisions
            self._size(line.origin, count.octets, count.decisions)
            self.types[UNKNOWN_TYPE] = self.types.get(UNKNOWN_TYPE, 0) + count.octets

    def _who(self, line: DecisionLine | EpochLine, since: str, until: str, number: int) -> None:
        self.decided += number
        self.agents[line.agent] = self.agents.get(line.agent, 0) + number
        self.modes[line.mode] = self.modes.get(line.mode, 0) + number
        for purpose in line.purposes:
            self.purposes[purpose] = self.purposes.get(purpose, 0) + number
        self.since = min(self.since or since, since)
        self.until = max(self.until, until)

    def _size(self, url: str, octets: int, pages: int) -> None:
        name = domain(url)
        known = self._domains.get(name)
        if known is None:
            if len(self._domains) >= _MOST_DOMAINS:
                self.spill()
            known = self._domains[name] = [0, 0]
        known[0] += octets
        known[1] += pages


def _most(domains: int, *, small: bool) -> int:
    if small:
        return min(SMALL_MOST, ceil(domains * SMALL_SHARE / 100))
    return ceil(domains * SHARE / 100)


def _ordered(numbers: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(numbers.items(), key=lambda item: (-item[1], item[0])))


_DONE = {"block": "not used", "proceed": "recorded and used"}


def _measures(found: _Fold) -> Iterator[str]:
    """What was done about reservations, as the ledger has it."""
    if found.places:
        yield f"Places that were asked or read before use: {', '.join(found.places)}."
    for mode, number in _ordered(found.modes).items():
        what = (
            "pages were stopped where the policy says so"
            if mode == Mode.ENFORCE
            else "reservations were recorded, and stopped no page"
        )
        yield f"{counted(number, 'decision')} in {mode} mode: {what}."
    for name, reservation, unknown, unreachable, proxies in found.policies:
        yield (
            f"Policy {name}: a reserved page is {_DONE.get(reservation, reservation)}; one about "
            f"which nobody said anything is {_DONE.get(unknown, unknown)}; where robots.txt could "
            f"not be reached it is {_DONE.get(unreachable, unreachable)}; a block of other AI "
            f"agents: {proxies}."
        )
    yield f"{counted(found.stopped, 'page was', 'pages were')} stopped."
    if found.counted:
        yield (
            f"{counted(found.counted, 'decision was', 'decisions were')} only counted (bulk mode): "
            "counts name no signal and no media type."
        )
    yield "Each decision is in a signed log together with the documents that it rests on."


def markdown(summary: Mapping[str, Any]) -> str:
    """The summary as text with tables."""
    period, pages, domains = summary["period"], summary["pages"], summary["domains"]
    lines = [
        "# Summary of a crawl",
        "",
        "What a crawler asked, was told and did, as its ledger has it; no statement about the law.",
        "",
        f"- Crawlers: {_list(summary['crawlers'])}",
        f"- Period: {period['from'] or '–'} to {period['until'] or '–'}",
        f"- Purposes: {_list(summary['purposes'])}",
        (
            f"- Pages decided on: {pages['decided']:,}; fetched: {pages['fetched']:,}; "
            f"stopped: {pages['stopped']:,}"
        ),
        f"- Size of content: {counted(summary['bytes'], 'byte')}",
        f"- Software: {_list(summary['software'])}; specification {_list(summary['spec_versions'])}",
        "",
        "## Measures",
        "",
        *(f"- {_cell(measure)}" for measure in summary["measures"]),
        "",
        "## Protocols",
        "",
        "| protocol | text, revision | status | known since | decides | decisions with it |",
        "|---|---|---|---|---|---|",
        *(
            f"| {_cell(protocol['title'])} | {_cell(protocol['text'])} | {protocol['status']} | {protocol['since']} "
            f"| {'yes' if protocol['decides'] else 'recorded only'} | {protocol['decisions']:,} |"
            for protocol in summary["protocols"]
        ),
        "",
        "## Content types",
        "",
        "| media type | bytes |",
        "|---|---|",
        *(f"| {_cell(kind)} | {octets:,} |" for kind, octets in summary["content_types"].items()),
        "",
        f"## Domains: {domains['share']} of {domains['of']:,} by size of content",
        "",
        "| domain | bytes | pages |",
        "|---|---|---|",
        *(
            f"| {_cell(domain['domain'])} | {domain['bytes']:,} | {domain['pages']:,} |"
            for domain in domains["listed"]
        ),
    ]
    return "\n".join(lines) + "\n"


def domains_csv(summary: Mapping[str, Any]) -> str:
    """The domains as a table for spreadsheets."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("domain", "bytes", "pages"))
    for row in summary["domains"]["listed"]:
        # A cell that begins like a formula would be one.
        name = row["domain"]
        writer.writerow((f"'{name}" if name[:1] in "=+-@" else name, row["bytes"], row["pages"]))
    return out.getvalue()


def _list(words: Sequence[str] | Mapping[str, Any]) -> str:
    return ", ".join(map(_cell, words)) or "–"


def _cell(text: str) -> str:
    """A site's words in a cell: one line, no markup."""
    plain = "".join(c if c.isprintable() else " " for c in text)
    return "".join(f"\\{c}" if c in "\\|`<>[]*_" else c for c in plain)
