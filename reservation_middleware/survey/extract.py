"""The kernel of a survey: a batch of captures in, the rows of every table out.

A pure function but for the policy store, which remembers what bodies say: no file, no clock, no
order between rows, so that any engine may run it. What a site sends never raises.
"""

import gc
from collections.abc import Mapping
from typing import Any, NamedTuple

from reservation_middleware.decide.bot_check import no_policy
from reservation_middleware.decide.check import Check
from reservation_middleware.decide.profiles import profile
from reservation_middleware.decide.reading import content_reading, head_key, head_reading
from reservation_middleware.decide.site import Site
from reservation_middleware.ledger.read.columns import host as host_of
from reservation_middleware.model import LEAVES, PAGE, Agent, Document, Headers, Outcome
from reservation_middleware.model.document import NOT_YET
from reservation_middleware.syntax.domains import registrable
from reservation_middleware.syntax.path import split_url
from reservation_middleware.syntax.surt import surt_host_name, url_surtkey

from .captures import Capture, record_batch
from .policy import POLICY_PATHS, PolicyFacts, PolicyStore, Row, is_blank, rows_of
from .schema import TABLES
from .words import UNKNOWN, Access, CaptureWord

_ROBOTS = "robots.txt"
_ASKING = Agent("*")
_NO_SITE = Site(())


class Extracted(NamedTuple):
    """What a batch amounts to.

    Attributes:
        tables: a record batch for each of ``schema.TABLES``.
        parents: for each row of them the row of the batch that it comes from.
        counts: captures by place, rows left out, by reason.
    """

    tables: Mapping[str, Any]
    parents: Mapping[str, list[int]]
    counts: Mapping[str, int]


class Kernel:
    """Turns captures into rows; one for each process, since it remembers policies.

    Attributes:
        store: what bodies say that were met before.
    """

    def __init__(self) -> None:
        self.store = PolicyStore()

    def extract(self, batch: Any) -> Extracted:
        """The rows of a batch.

        Args:
            batch: a ``pyarrow.RecordBatch`` with the schema ``schema.CAPTURES``.
        """
        rows = _Rows()
        # Rows are many and point to nothing that points back: looking for circles among them takes
        # as long as parsing (benchmark row survey).
        was_enabled = gc.isenabled()
        gc.disable()
        try:
            self._take_all(rows, batch)
            tables = rows.tables()
        finally:
            if was_enabled:
                gc.enable()
        return Extracted(tables, rows.parents, rows.counts)

    def _take_all(self, rows: "_Rows", batch: Any) -> None:
        columns = [batch.column(number).to_pylist() for number in range(batch.num_columns)]
        for number, values in enumerate(zip(*columns, strict=True)):
            self._take(rows, number, Capture(*values))

    def _take(self, rows: "_Rows", number: int, capture: Capture) -> None:
        origin, target = split_url(capture.url)
        host = host_of(capture.url)
        place = POLICY_PATHS.get(target, PAGE)
        rows.count(f"captures of {place}")
        common = host, capture.wave, origin
        if place == PAGE:
            _page(rows, number, capture, common)
            return
        word, body = capture_word(capture)
        facts = None if body is None else self.store.facts(place, body)
        if facts is not None and facts.left_out:
            rows.count("statements left out", facts.left_out)
        if place == _ROBOTS:
            _site(rows, number, capture, common, word, facts)
        if facts is not None:
            rows.statements(number, common, capture.url, facts.rows)


class _Rows:
    """Rows of every table, by column, until they become Arrow."""

    def __init__(self) -> None:
        self._columns: dict[str, list[list[Any]]] = {
            name: [[] for _ in schema] for name, schema in TABLES.items()
        }
        self.parents: dict[str, list[int]] = {name: [] for name in TABLES}
        self.counts: dict[str, int] = {}

    def count(self, what: str, times: int = 1) -> None:
        """Count something that is told in survey.json."""
        self.counts[what] = self.counts.get(what, 0) + times

    def add(self, table: str, parent: int, row: tuple[Any, ...]) -> None:
        """Add one row."""
        for column, value in zip(self._columns[table], row, strict=True):
            column.append(value)
        self.parents[table].append(parent)

    def statements(
        self, parent: int, common: tuple[str, str, str], document: str, rows: tuple[Row, ...]
    ) -> None:
        """Add the statements of a document."""
        if not rows:
            return
        count = len(rows)
        agents, *others = zip(*rows, strict=True)
        host, wave, origin = common
        columns = [host] * count, [wave] * count, [origin] * count, agents, [document] * count
        for column, values in zip(self._columns["statements"], (*columns, *others), strict=True):
            column.extend(values)
        self.parents["statements"] += [parent] * count

    def tables(self) -> dict[str, Any]:
        """A record batch for each table."""
        return {name: record_batch(self._columns[name], schema) for name, schema in TABLES.items()}


def capture_word(capture: Capture) -> tuple[CaptureWord, bytes | None]:
    """How asking for a policy document ended (M1), and its body where one is to be read.

    A challenge is forbidden, whatever status it has. Client errors that say neither that there is
    nothing (404, 410) nor "not now" (429) are forbidden, too. Without a known status an empty body
    is no capture: it may be the body of an error.
    """
    status, body = capture.status, capture.body
    if status is None:
        if body is not None and (capture.problem is None or not is_blank(body)):
            known = bool(body.strip())
            return (CaptureWord.NO_RULES, body) if known else (CaptureWord.NO_CAPTURE, None)
        return (CaptureWord.DEFER if capture.problem else CaptureWord.NO_CAPTURE), None
    why = no_policy(status, _headers(capture), body)
    if why is not None:
        return (CaptureWord.DEFER if why.startswith(NOT_YET) else CaptureWord.FORBIDDEN), None
    if 200 <= status < 300:
        if capture.problem:
            return CaptureWord.DEFER, None
        return CaptureWord.NO_RULES, b"" if body is None else body
    if status in (404, 410):
        return CaptureWord.ABSENT, None
    if 300 <= status < 400:
        return CaptureWord.REDIRECT, None
    if 400 <= status < 500 and status not in (407, 429):
        return CaptureWord.FORBIDDEN, None
    return CaptureWord.DEFER, None


def _headers(capture: Capture) -> Headers:
    fields = capture.fields or ()
    return tuple(zip((name.lower() for name in fields[::2]), fields[1::2], strict=False))


def _site(
    rows: _Rows,
    number: int,
    capture: Capture,
    common: tuple[str, str, str],
    word: CaptureWord,
    facts: PolicyFacts | None,
) -> None:
    host, wave, origin = common
    if facts is not None:
        word = facts.capture
    unknown = word in UNKNOWN
    agents = facts.agents if facts is not None and not unknown else ()
    if not agents:
        agents = (("*", Access.UNKNOWN if unknown else Access.NONE, None),)
    rows.add(
        "sites",
        number,
        (
            *(host, surt_host_name(host), registrable(host), wave, origin, word.value),
            capture.status,
            *((facts.digest, facts.size) if facts is not None else (None, None)),
            capture.fetched_at,
            *((facts.signals, facts.conflicts) if facts is not None else ((), ())),
            len(agents) - 1,
        ),
    )
    for agent, access, line in agents:
        rows.add("agents", number, (*common, agent, access.value, line))


_SILENT = ("proceed", "unknown", "unknown", *("unknown" for _ in LEAVES), ())


def _page(rows: _Rows, number: int, capture: Capture, common: tuple[str, str, str]) -> None:
    """A page's own words: its head and its body; what its site says is not looked at."""
    url, body = capture.url, capture.body
    key = url_surtkey(url), common[0], capture.fetched_at
    outcome = Outcome.FETCHED if capture.status is None else Outcome.of(capture.status)
    page = Document(
        url=url,
        resource=PAGE,
        outcome=outcome,
        status=capture.status,
        headers=_headers(capture),
        body=body,
    )
    readings = [head_reading(page)] if head_key(page) is not None else []
    content = content_reading(page)
    if content is not None:
        readings.append(content)
    if not readings:
        rows.add("pages", number, (url, *key, *_SILENT))
        return
    check = Check(url, agent=_ASKING, policy=profile(), site=_NO_SITE)
    check.feed(page)
    decision = check.decide()
    usage = (decision.usage[leaf] or "unknown" for leaf in LEAVES)
    reasons = tuple(
        f"{reason.signal} {reason.carrier}: {reason.text}" for reason in decision.reasons
    )
    answer = str(decision.action), str(decision.verdict), str(decision.crawl)
    rows.add("pages", number, (url, *key, *answer, *map(str, usage), reasons))
    found = [
        row for reading in readings for _, findings in reading.found for row in rows_of(findings)
    ]
    rows.statements(number, common, url, tuple(found))
