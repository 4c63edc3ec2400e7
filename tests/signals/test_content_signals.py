"""Content Signals: what vectors cannot say. Where an operator declares how content is used.

The vectors are in spec/vectors/content-signals.json.
"""

from pathlib import Path

import pytest

from reservation_middleware import Agent, Check, Decision, Document, Outcome, Policy, profile
from reservation_middleware.decide.reading import Reading
from reservation_middleware.decide.site import Site
from reservation_middleware.ledger.write.line_encoder import policy_line
from reservation_middleware.model import ConfigurationError, ContentUse
from reservation_middleware.runtime.config import configuration
from reservation_middleware.signals import ROBOTS_TXT

RULES = "User-agent: *\nContent-Signal: ai-train=yes, use=reference\n"


def site(robots: str) -> Site:
    document = Document(
        url="https://a.example/robots.txt",
        resource="robots.txt",
        outcome=Outcome.FETCHED,
        status=200,
        body=robots.encode(),
    )
    return Site([Reading(document, ROBOTS_TXT)])


def decided(known: Site, policy: Policy) -> Decision:
    return Check(
        "https://a.example/x", agent=Agent("ExampleBot"), policy=policy, site=known
    ).decide()


def test_one_site_answers_each_operator_by_what_that_one_declares() -> None:
    known = site(RULES)
    policies = [profile().changed({"content_use": use}) for use in (None, *ContentUse)]
    for _ in range(2):  # made, then remembered
        verdicts = [decided(known, policy).verdict for policy in policies]
        assert verdicts == ["allowed", "allowed", "allowed", "disallowed"]


def test_file_environment_and_flag_say_it(tmp_path: Path) -> None:
    (tmp_path / "reservations.toml").write_text('content_use = "full"\n', "utf-8")
    variables = {"RESERVATION_CONTENT_USE": "reference"}

    def said(environment: dict[str, str], flag: str | None = None) -> ContentUse | None:
        found = configuration({"content_use": flag}, folder=tmp_path, environment=environment)
        return found.policy.content_use

    assert said({}) is ContentUse.FULL
    assert said(variables) is ContentUse.REFERENCE
    assert said(variables, "immediate") is ContentUse.IMMEDIATE
    with pytest.raises(ConfigurationError, match="content_use cannot be 'all'; known: immediate"):
        said({}, "all")


def test_scrapy_has_it_as_a_setting() -> None:
    pytest.importorskip("scrapy")
    from scrapy.settings import BaseSettings

    from reservation_middleware.scrapy._settings import policy_from

    found = policy_from(BaseSettings({"RESERVATION_CONTENT_USE": "reference"}))
    assert found.content_use is ContentUse.REFERENCE
    with pytest.raises(ConfigurationError, match="RESERVATION_CONTENT_USE"):
        policy_from(BaseSettings({"RESERVATION_CONTENT_USE": "some"}))


def test_the_ledger_keeps_it_with_the_policy() -> None:
    policy = profile().changed({"content_use": "reference"})
    assert policy_line(policy).policy["content_use"] == "reference"
    assert policy_line(profile()).policy["content_use"] is None


def test_a_flood_of_uses_is_bounded() -> None:
    lines = "".join(
        f"Content-Signal: /x* ai-train=yes, use={use}, x{number}=1\n"
        for number in range(4_000)
        for use in ("full", "reference", "immediate")
    )
    known = site("User-agent: *\n" + lines)
    policy = profile().changed({"content_use": "full"})
    decision = decided(known, policy)
    assert decision.verdict == "disallowed"
    assert len(decision.reasons) <= 16
