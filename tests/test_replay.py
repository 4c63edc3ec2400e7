"""Decisions made again from a ledger: all vectors come out as recorded, what was changed does not.

The ledgers here are written by `Ledger`, as the adapters write them.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reservation_middleware.batch import (
    Given,
    _document,
    answers_to,
    documents_for,
    policy_of,
)
from reservation_middleware.check import Check
from reservation_middleware.journal import page_of
from reservation_middleware.ledger.reader import LedgerReader
from reservation_middleware.ledger.segment import Ledger, Lines, Page
from reservation_middleware.licences import licences_of
from reservation_middleware.model import Agent, Decision, Document, Mode, Outcome, Policy
from reservation_middleware.profiles import PROFILES, profile
from reservation_middleware.replay import (
    COUNTED,
    DROPPED,
    ERASED,
    Question,
    Rejudge,
    decisions,
    replay,
)
from support import Vector, by_id, load_vectors, skip_without_extra

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
        page=page_of(check),
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


@pytest.mark.parametrize("vector", load_vectors(), ids=by_id)
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
