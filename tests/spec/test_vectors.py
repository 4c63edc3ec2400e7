"""Every conformance vector through the bare core, and proof that a vector can fail.

The same vectors run through real crawls and from Node elsewhere; what they must cover is
tests/spec/test_spec.py's business.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from reservation_middleware.decide.answers import Answers, NoAnswers
from reservation_middleware.decide.batch import Given, checked, decide_lines
from reservation_middleware.decide.check import Check
from reservation_middleware.decide.record import record as record_of
from reservation_middleware.decide.site import Site
from support import Expect, Json, Vector, by_id, load_vectors, matches, skip_without_extra

NOW = datetime(2026, 11, 21, tzinfo=UTC)
NOWHERE = "no-such-thing"

each_vector = pytest.mark.parametrize("vector", load_vectors(), ids=by_id)


def answer(given: Json) -> Json:
    [(line, good)] = decide_lines([msgspec.json.encode(given)], NOW)
    record: Json = msgspec.json.decode(line)
    assert good, record
    return record


def changed(expect: Expect, **changes: Any) -> Expect:
    return msgspec.structs.replace(expect, **changes)


def falsified(expect: Expect, record: Json) -> Iterator[Expect]:
    """Every way of getting one value of an expectation wrong."""
    for key in ("action", "verdict", "crawl", "stage", "expires"):
        if getattr(expect, key) is not UNSET:
            yield changed(expect, **{key: NOWHERE})
    if expect.usage is not UNSET:
        for leaf, value in expect.usage.items():
            wrong = None if value else "allowed"
            yield changed(expect, usage={**expect.usage, leaf: wrong})
    for key in ("reasons", "offers", "identifiers"):
        parts = getattr(expect, key)
        if parts is UNSET:
            continue
        for number, part in enumerate(parts):
            for field in part:
                wrong_part = {**part, field: NOWHERE}
                yield changed(expect, **{key: (*parts[:number], wrong_part, *parts[number + 1 :])})
        yield changed(expect, **{key: () if parts else ({"signal": NOWHERE},)})
    if expect.reasons_from is not UNSET:
        yield changed(expect, reasons_from=(*expect.reasons_from, NOWHERE))
        if expect.reasons_from:
            yield changed(expect, reasons_from=expect.reasons_from[1:])
    if expect.notes is not UNSET:
        yield changed(expect, notes=(*expect.notes, NOWHERE))
    for key in ("consulted", "not_reached"):
        places = getattr(expect, key)
        if places is not UNSET:
            yield changed(expect, **{key: (*places, NOWHERE)})
            yield changed(expect, **{key: places[1:] or (NOWHERE,)})
    for note in record["notes"]:
        yield changed(expect, notes=())
        yield changed(expect, absent_notes=(note["ident"],))


def test_there_are_vectors() -> None:
    assert len(load_vectors()) > 100


@each_vector
def test_vector(vector: Vector) -> None:
    skip_without_extra(vector)
    assert matches(vector.expect, answer(vector.input)) == []


@each_vector
def test_answers_that_are_remembered_are_those_that_are_made(vector: Vector) -> None:
    skip_without_extra(vector)
    given = msgspec.convert(vector.input, Given)
    check, _ = checked(given, NOW)
    site = check.site

    def asked(answers: NoAnswers) -> Iterator[Json]:
        """Records of the page as it was given and, before and after, of the page before its fetch."""
        known = Site(site.readings, site.lessons, answers=answers)
        for _ in range(2):
            for one in (Check(given.url, agent=check.agent, site=known), checked(given, NOW)[0]):
                one.know(known)
                yield record_of(one.decide())

    made = list(asked(NoAnswers()))
    assert made[0] == made[2]
    assert made[1] == made[3] == record_of(check.decide())
    assert list(asked(Answers(site.found))) == made


@each_vector
def test_falsified_vector_fails(vector: Vector) -> None:
    skip_without_extra(vector)
    record = answer(vector.input)
    tried = list(falsified(vector.expect, record))
    assert tried
    assert [wrong for wrong in tried if not matches(wrong, record)] == []


@each_vector
def test_same_input_same_record(vector: Vector) -> None:
    line = msgspec.json.encode(vector.input)
    assert list(decide_lines([line], NOW)) == list(decide_lines([line], NOW))


def test_expectations_that_hold_and_that_do_not() -> None:
    record = answer(
        {
            "url": "https://a.example/x",
            "documents": [
                {"url": "https://a.example/robots.txt", "status": 404, "body": ""},
                {
                    "url": "https://a.example/x",
                    "status": 200,
                    "headers": [
                        ["content-type", "text/html"],
                        ["tdm-reservation", "1"],
                        ["tdm-policy", "/terms"],
                        ["content-usage", "train-ai=y"],
                    ],
                    "body": "",
                },
            ],
        }
    )
    right = [
        Expect(),
        Expect(action="block", verdict="disallowed", crawl="allowed", stage="content"),
        Expect(usage={"search": "unknown", "tdm": "disallowed"}),
        Expect(reasons=({"signal": "tdmrep", "line": None}, {"preference": "allowed"})),
        Expect(reasons_from=("tdmrep", "aipref")),
        Expect(notes=("conflict",), absent_notes=("robots-is-html",)),
        Expect(offers=({"kind": "policy", "url": "https://a.example/terms"},)),
        Expect(consulted=("robots.txt", "headers", "content")),
        Expect(
            not_reached=(
                *("ai.txt", ".well-known/ai.txt", "ai.json", "trust.txt", ".well-known/trust.txt"),
                *("tdmrep.json", "tdm-policy"),
            )
        ),
        Expect(expires="2026-11-22T00:00:00Z"),
    ]
    assert [matches(expect, record) for expect in right] == [[]] * len(right)
    wrong = [
        Expect(action="proceed"),
        Expect(verdict="unknown"),
        Expect(crawl="disallowed"),
        Expect(stage="site"),
        Expect(usage={"search": None}),
        Expect(usage={"no-such-leaf": None}),
        Expect(reasons=({"signal": "tdmrep", "preference": "allowed"},)),  # of two reasons
        Expect(reasons=({"no-such-field": None},)),
        Expect(reasons=()),
        Expect(reasons_from=("tdmrep",)),
        Expect(reasons_from=()),
        Expect(notes=("robots-is-html",)),
        Expect(notes=()),
        Expect(absent_notes=("conflict",)),
        Expect(offers=({"kind": "price"},)),
        Expect(offers=()),
        Expect(consulted=("headers", "robots.txt", "content")),
        Expect(not_reached=()),
        Expect(expires=None),
    ]
    assert [len(matches(expect, record)) for expect in wrong] == [1] * len(wrong)
    assert matches(Expect(), {"error": "no JSON", "line": 1}) == ["error: no JSON"]
