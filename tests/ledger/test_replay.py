"""Decisions made again from a ledger: all vectors come out as recorded, what was changed does not.

The ledgers here are written by `Ledger`, as the adapters write them.
"""

import json
import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reservation_middleware.decide.batch import (
    Given,
    _document,
    answers_to,
    documents_for,
    policy_of,
)
from reservation_middleware.decide.check import Check
from reservation_middleware.decide.licences import licences_of
from reservation_middleware.decide.profiles import PROFILES, profile
from reservation_middleware.ledger.read.reader import LedgerReader
from reservation_middleware.ledger.read.replay import (
    COUNTED,
    DROPPED,
    ERASED,
    OTHER_SPEC,
    Rejudge,
    Rejudging,
    decisions,
    replay,
)
from reservation_middleware.ledger.write.ledger import Ledger, LineMode, Page
from reservation_middleware.model import Action, Agent, Decision, Document, Mode, Outcome, Policy
from reservation_middleware.model.version import SPEC_VERSION
from reservation_middleware.runtime.journal import Journal, JudgedPage
from reservation_middleware.runtime.stores import OpenStores
from support import Vector, by_id, load_vectors, quarter, skip_without_extra

NOW = datetime(2026, 11, 22, 5, 30, tzinfo=UTC)
LATER = NOW + timedelta(hours=24)


def document(url: str, resource: str, body: bytes | None, **more: Any) -> Document:
    given: dict[str, Any] = {
        "outcome": Outcome.FETCHED if body is not None else Outcome.UNAVAILABLE,
        "status": 200 if body is not None else 404,
        "headers": (("content-type", "text/plain"),),
        "fetched_at": NOW,
        "expires": LATER,
        **more,
    }
    return Document(url=url, resource=resource, body=body, **given)


def told(
    ledger: Ledger,
    check: Check,
    *,
    policy: Policy,
    blocked: bool = False,
    mode: Mode = Mode.OBSERVE,
    octets: int | None = None,
) -> Decision:
    decision = check.decide()
    ledger.decision(
        decision,
        check.documents,
        policy=policy,
        mode=mode,
        adapter="aiohttp",
        blocked=blocked,
        page=JudgedPage(check, decision, blocked=blocked).seen,
        octets=octets,
    )
    return decision


def asked(
    url: str,
    policy: Policy,
    documents: Sequence[Document],
    *,
    agent: Agent | None = None,
    now: datetime | None = None,
) -> Check:
    check = Check(url, agent=agent or Agent("ExampleBot"), policy=policy, now=now)
    for one in documents:
        check.feed(one)
    return check


def of_vector(vector: Vector) -> tuple[Check, Policy]:
    """A vector's check as the batch face makes it."""
    given = msgspec.convert(vector.input, Given)
    now = given.now or NOW
    policy = policy_of(given.profile, given.policy)
    if given.licences:
        policy = policy.changed({"licences": licences_of(given.licences)})
    check = Check(given.url, agent=Agent(given.agent, given.purposes), policy=policy, now=now)
    documents = [_document(one, now) for one in given.documents]
    for one in documents_for(given.url, documents):
        check.feed(one)
    while answers := answers_to(check.wants(), documents):
        for one in answers:
            check.feed(one)
    return check, policy


def replayed(folder: Path) -> list[tuple[str | None, list[str]]]:
    with LedgerReader(folder) as reader:
        return [(one.apart, [d.field for d in one.differences]) for one in replay(reader)]


@pytest.mark.parametrize("vector", quarter(load_vectors()), ids=by_id)
def test_every_vector_replays(vector: Vector, tmp_path: Path) -> None:
    skip_without_extra(vector)
    check, policy = of_vector(vector)
    now = msgspec.convert(vector.input, Given).now or NOW
    with Ledger.open(tmp_path / "ledger", clock=lambda: now) as ledger:
        told(ledger, check, policy=policy)
    with LedgerReader(tmp_path / "ledger") as reader:
        [found] = replay(reader)
    assert found.apart is None
    assert found.differences == ()


ROBOTS = b"User-agent: *\nDisallow: /private/\nContent-Signal: ai-train=no\n"


def small(folder: Path, **more: Any) -> None:
    """A ledger with a block, a page that speaks and one that does not."""
    policy = profile()
    origin = "http://a.example"
    documents = [document(f"{origin}/robots.txt", "robots.txt", ROBOTS)]
    with Ledger.open(folder, clock=lambda: NOW, **more) as ledger:
        told(ledger, asked(f"{origin}/private/x", policy, documents), policy=policy)
        for path, body in (("/meta", b'<meta name="tdm-reservation" content="1">'), ("/p", b"<p>")):
            check = asked(f"{origin}{path}", policy, documents)
            check.feed(page(f"{origin}{path}", body))
            told(ledger, check, policy=policy, octets=len(body))


def page(url: str, body: bytes | None, *headers: tuple[str, str]) -> Document:
    fields = (("content-type", "text/html"), *headers)
    return Document(
        url=url, resource="page", outcome=Outcome.FETCHED, status=200, headers=fields, body=body
    )


def edited(folder: Path, old: bytes, new: bytes) -> None:
    [file] = (folder / "log").glob("*.jsonl")
    data = file.read_bytes()
    assert old in data
    file.write_bytes(data.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        (b'"action":"block"', b'"action":"proceed"', "action"),
        (b'"verdict":"disallowed"', b'"verdict":"unknown"', "verdict"),
        (b'"stage":"site"', b'"stage":"headers"', "stage"),
        (b'"line":2', b'"line":9', "reasons"),
        (b'"not_reached":["', b'"not_reached":["content","', "not_reached"),
        # The document's, which comes before all decisions that rest on it.
        (b'"expires":"2026-11-23', b'"expires":"2026-11-24', "expires"),
    ],
)
def test_what_was_changed_differs(old: bytes, new: bytes, field: str, tmp_path: Path) -> None:
    small(tmp_path / "ledger")
    assert [fields for _, fields in replayed(tmp_path / "ledger")] == [[], [], []]
    edited(tmp_path / "ledger", old, new)
    assert field in replayed(tmp_path / "ledger")[0][1]


@pytest.mark.parametrize("changed", [False, True])
def test_another_version_of_the_specification_may_differ(changed: bool, tmp_path: Path) -> None:
    policy = profile()
    with Ledger.open(tmp_path / "ledger", clock=lambda: NOW) as ledger:
        told(ledger, asked("http://a.example/", policy, []), policy=policy)
    [file] = (tmp_path / "ledger/log").glob("*.jsonl")
    version = f'"spec_version":"{SPEC_VERSION}"'.encode()
    file.write_bytes(file.read_bytes().replace(version, b'"spec_version":"2020-01-01"'))
    if changed:
        edited(tmp_path / "ledger", b'"crawl":"unknown"', b'"crawl":"disallowed"')
        assert replayed(tmp_path / "ledger") == [(OTHER_SPEC, ["crawl"])]
    else:
        assert replayed(tmp_path / "ledger") == [(None, [])]


def test_a_page_that_was_stopped_though_it_may_proceed_differs(tmp_path: Path) -> None:
    policy = profile("record-only")
    with Ledger.open(tmp_path / "ledger", clock=lambda: NOW) as ledger:
        told(ledger, asked("http://a.example/", policy, []), policy=policy, blocked=True)
    assert replayed(tmp_path / "ledger") == [(None, ["blocked"])]


def test_a_page_too_large_to_be_kept_is_told_apart(tmp_path: Path) -> None:
    policy = profile()
    body = b'<meta name="tdm-reservation" content="1">' + b" " * 1024 * 1024
    check = asked("http://a.example/", policy, [])
    check.feed(page("http://a.example/", body))
    with Ledger.open(tmp_path / "ledger", clock=lambda: NOW) as ledger:
        told(ledger, check, policy=policy)
    assert replayed(tmp_path / "ledger") == [(DROPPED, [])]


def test_a_head_that_spoke_before_a_silent_body_replays(tmp_path: Path) -> None:
    policy = profile()
    check = asked("http://a.example/", policy, [])
    check.feed(page("http://a.example/", b"<p>hello", ("tdm-reservation", "1")))
    with Ledger.open(tmp_path / "ledger", clock=lambda: NOW) as ledger:
        assert told(ledger, check, policy=policy).reasons[0].digest is not None
    assert replayed(tmp_path / "ledger") == [(None, [])]


def test_counts_are_told_apart(tmp_path: Path) -> None:
    policy = profile()
    with Ledger.open(tmp_path / "ledger", clock=lambda: NOW, lines=LineMode.BULK) as ledger:
        for number in range(5):
            told(ledger, asked(f"http://a.example/{number}", policy, []), policy=policy)
    with LedgerReader(tmp_path / "ledger") as reader:
        [found] = replay(reader)
    assert (found.apart, found.decisions) == (COUNTED, 5)


def test_secrets_in_addresses_do_not_keep_a_decision_from_replaying(tmp_path: Path) -> None:
    policy = profile()
    robots = b"License: http://a.example/rsl.xml?token=s3cret\nUser-agent: *\nAllow: /\n"
    rsl = (
        b'<rsl xmlns="https://rslstandard.org/rsl"><content url="/"><license>'
        b'<prohibits type="usage">ai-train</prohibits></license></content></rsl>'
    )
    link = "http://a.example/rsl.xml?token=s3cret"
    documents = [document("http://a.example/robots.txt", "robots.txt", robots)]
    check = asked("http://a.example/x?api_key=s3cret", policy, documents)
    [wanted] = [one for one in check.wants() if one.url == link]
    xml = (("content-type", "application/rsl+xml"),)
    check.feed(document(link, wanted.resource, rsl, headers=xml))
    with Ledger.open(tmp_path / "ledger", clock=lambda: NOW) as ledger:
        assert told(ledger, check, policy=policy).blocked
    [log] = (tmp_path / "ledger/log").glob("*.jsonl")
    assert b"s3cret" not in log.read_bytes()
    assert replayed(tmp_path / "ledger") == [(None, [])]


def test_licences_hold_as_they_held_at_the_time(tmp_path: Path) -> None:
    given = {
        "id": "deal-1",
        "licensor": "A",
        "hosts": ["*"],
        "purposes": ["ai-train"],
        "from": "2026-01-01",
        "until": "2026-11-21",
        "servers": [{"url": "https://olp.example/api", "token": "s3cret"}],
    }
    robots = b"License: http://a.example/rsl.xml\n"
    rsl = (
        b'<rsl xmlns="https://rslstandard.org/rsl"><content url="/" '
        b'server="https://olp.example/api"><license><permits type="usage">search</permits>'
        b"</license></content></rsl>"
    )
    policy = profile().changed({"licences": licences_of([given])})
    moments = [datetime(2026, 11, 21, 12, tzinfo=UTC), datetime(2026, 11, 22, tzinfo=UTC)]
    made = []
    now = moments[0]
    with Ledger.open(tmp_path / "ledger", clock=lambda: now) as ledger:
        for now in moments:
            documents = [
                document("http://a.example/robots.txt", "robots.txt", robots),
                document(
                    "http://a.example/rsl.xml",
                    "rsl.xml",
                    rsl,
                    headers=(("content-type", "application/rsl+xml"),),
                ),
            ]
            check = asked("http://a.example/x", policy, documents[:1], now=now)
            [wanted] = [one for one in check.wants() if one.url.endswith("rsl.xml")]
            check.feed(msgspec.structs.replace(documents[1], resource=wanted.resource))
            made.append(told(ledger, check, policy=policy).action)
    assert made == ["proceed", "block"]
    assert b"s3cret" not in b"".join(
        one.read_bytes() for one in (tmp_path / "ledger").rglob("*") if one.is_file()
    )
    assert replayed(tmp_path / "ledger") == [(None, []), (None, [])]


def test_a_licence_that_ends_while_a_page_is_fetched_replays(tmp_path: Path) -> None:
    """Licences are held against the time of the start; the line is written at the end."""
    given = {"id": "d", "licensor": "A", "hosts": ["a.example"], "purposes": ["ai-train"]}
    end = datetime(2026, 11, 22, 6, tzinfo=UTC)
    dates = [{"until": end.isoformat()}, {"from": end.isoformat()}]
    reserved = (("content-type", "text/html"), ("tdm-reservation", "1"))
    made = []
    for number, more in enumerate(dates):
        policy = profile().changed({"licences": licences_of([{**given, **more}])})
        folder = tmp_path / str(number)
        start, now = end - timedelta(seconds=1), end + timedelta(seconds=1)
        with Ledger.open(folder, clock=partial(lambda now: now, now)) as ledger:
            journal = Journal("aiohttp", policy, logging.getLogger("x"), OpenStores(ledger=ledger))
            check = asked("http://a.example/x", policy, [], now=start)
            check.feed(document("http://a.example/x", "page", None, status=200, headers=reserved))
            decision = check.decide()
            journal.tell(JudgedPage(check, decision, blocked=decision.action is Action.BLOCK))
        made.append(decision.action)
        assert replayed(folder) == [(None, [])]
    assert made == [Action.PROCEED, Action.BLOCK]


def test_what_was_erased_is_told_apart(tmp_path: Path) -> None:
    small(tmp_path / "ledger")
    [file] = (tmp_path / "ledger/log").glob("*.jsonl")
    lines = file.read_bytes().splitlines(keepends=True)
    number = next(n for n, one in enumerate(lines) if b'"kind":"document"' in one)
    lines[number] = json.dumps({"erased": "0" * 64}, separators=(",", ":")).encode() + b"\n"
    file.write_bytes(b"".join(lines))
    assert [apart for apart, _ in replayed(tmp_path / "ledger")] == [ERASED] * 3


def rejudged(folder: Path, question: Rejudging) -> Iterator[Decision]:
    judge = Rejudge(question)
    with LedgerReader(folder) as reader:
        for segment, evidence, _, line in decisions(reader):
            assert not hasattr(line, "counts")
            yield judge(evidence.check(line), line, segment.policy(line.policy))


@pytest.mark.parametrize("name", PROFILES)
def test_judged_again_is_as_judged_at_once(name: str, tmp_path: Path) -> None:
    small(tmp_path / "ledger")
    small(tmp_path / "ledger")  # a second segment
    found = list(rejudged(tmp_path / "ledger", Rejudging(change=lambda _: profile(name))))
    policy = profile(name)
    documents = [document("http://a.example/robots.txt", "robots.txt", ROBOTS)]
    expected = []
    for path, body in (
        ("/private/x", None),
        ("/meta", b'<meta name="tdm-reservation" content="1">'),
        ("/p", b"<p>"),
    ):
        check = asked(f"http://a.example{path}", policy, documents)
        if body is not None:
            check.feed(page(f"http://a.example{path}", body))
        expected.append(check.decide())
    key = [(one.action, one.verdict, one.usage, len(one.reasons)) for one in expected * 2]
    assert [(one.action, one.verdict, one.usage, len(one.reasons)) for one in found] == key


def test_another_agent_and_purpose_are_judged(tmp_path: Path) -> None:
    small(tmp_path / "ledger")
    [first, second, third] = rejudged(
        tmp_path / "ledger", Rejudging(token="OtherBot", purposes=("search",))
    )
    assert [one.agent for one in (first, second, third)] == ["OtherBot"] * 3
    assert [one.action for one in (first, second, third)] == ["block", "proceed", "proceed"]


def test_a_feed_that_speaks_of_a_page_is_read_again(tmp_path: Path) -> None:
    policy = profile()
    feed = (
        b'<rss xmlns:rsl="https://rslstandard.org/rsl"><channel><item>'
        b'<link>http://a.example/x</link><rsl:content url="http://a.example/x"><rsl:license>'
        b'<rsl:prohibits type="usage">ai-train</rsl:prohibits></rsl:license></rsl:content>'
        b"</item></channel></rss>"
    )
    document_ = document(
        "http://a.example/feed", "feed", feed, headers=(("content-type", "application/rss+xml"),)
    )
    check = asked("http://a.example/x", policy, [document_])
    with Ledger.open(tmp_path / "ledger", clock=lambda: NOW) as ledger:
        decision = told(ledger, check, policy=policy)
    assert {one.signal for one in decision.reasons} == {"rsl"}
    assert replayed(tmp_path / "ledger") == [(None, [])]


def test_a_page_that_a_ledger_was_not_given_is_not_looked_for(tmp_path: Path) -> None:
    policy = profile()
    check = asked("http://a.example/x", policy, [])
    head = page("http://a.example/x", None, ("tdm-reservation", "1"))
    check.feed(head)
    decision = check.decide()
    with Ledger.open(tmp_path / "ledger", clock=lambda: NOW) as ledger:
        ledger.decision(
            decision,
            (),
            policy=policy,
            mode=Mode.ENFORCE,
            adapter="scrapy",
            blocked=True,
            page=Page(head, "none"),
        )
    assert replayed(tmp_path / "ledger") == [(None, [])]
