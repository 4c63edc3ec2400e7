"""The product token that a User-Agent claims: published fields of crawlers and browsers."""

import json
from pathlib import Path

import pytest

from reservation_middleware.model import Agent
from reservation_middleware.model.policy import TOKEN
from reservation_middleware.model.user_agent import claimed_token, product_token

AGENTS = Path(__file__).parents[3] / "shared" / "data" / "ai-robots-txt.json"
FIELDS = json.loads((Path(__file__).parent / "user_agents.json").read_text("utf-8"))
MOZILLA = "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; {}; +https://b.example)"


@pytest.mark.parametrize(("field", "token"), FIELDS["crawlers"])
def test_a_crawler_is_known_by_its_own_name(field: str, token: str) -> None:
    assert claimed_token(field) == (token, False)
    assert Agent(token).token == product_token(field) == token


@pytest.mark.parametrize(("field", "token"), FIELDS["ambiguous"])
def test_what_can_be_read_in_several_ways_says_so(field: str, token: str) -> None:
    assert claimed_token(field) == (token, True)


@pytest.mark.parametrize(("field", "token"), FIELDS["libraries"])
def test_a_library_is_not_ones_own_name(field: str, token: str) -> None:
    claimed = claimed_token(field)
    assert claimed.is_library
    assert (claimed.token, claimed.is_ambiguous) == (token, False)


@pytest.mark.parametrize("field", FIELDS["browsers"])
def test_a_browser_claims_no_token(field: str) -> None:
    assert claimed_token(field) == (None, False)


@pytest.mark.skipif(not AGENTS.exists(), reason="the shared data is not there")
def test_every_ai_agent_of_the_public_list_is_found() -> None:
    names = [name for name in json.loads(AGENTS.read_text("utf-8")) if TOKEN.fullmatch(name)]
    assert len(names) > 140
    forms = ("{}/1.0", "{} (+https://b.example)", "Mozilla/5.0 (compatible; {})", MOZILLA)
    wrong = [
        (form, name)
        for name in names
        for form in forms
        if claimed_token(form.format(name)) != (name, False)
    ]
    assert wrong == []


def test_there_are_sixty_fields_of_crawlers() -> None:
    assert len({field for field, _ in FIELDS["crawlers"]}) >= 60


@pytest.mark.parametrize(
    "form",
    [
        "{}/1.0",
        "{}",
        "  {}/1.0",
        "(operated by Example) {}/1.0 (+https://b.example)",
        "(a (nested) comment) {}/1.0",
        "{}/1.0 (+https://b.example) Mozilla/5.0",
        "{}/1.0; (+https://b.example)",
        '"{}/1.0"',
        "Mozilla/5.0 (compatible; {})",
        "Mozilla/5.0 (compatible;{}/1.0;+https://b.example)",
        "Mozilla/5.0 (compatible; +https://b.example; {}/1.0)",
        "Mozilla/5.0 (compatible; bot@b.example; {}/1.0)",
        "Mozilla/5.0 ( compatible ; {}/v1.0 +https://b.example )",
        "Mozilla/5.0 (X11; Linux x86_64; compatible; {}/1.0)",
        "Mozilla/5.0 (compatible) {} (+https://b.example)",
        "Mozilla/5.0 {}/1.0",
        "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; {}/1.0)",
        MOZILLA,
        MOZILLA + " Chrome/131.0.0.0 Safari/537.36",
        "Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko); compatible; {}/1.0; +https://b",
        "Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko) Safari/537.36 {}/1.0",
        "Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko) Safari/537.36 (compatible; {})",
        "Mozilla/5.0 (Linux; Android 8.0; Pixel 2 Build/OPD3; {}/1.0) AppleWebKit/537.36",
    ],
)
def test_a_name_is_found_in_every_form(form: str) -> None:
    assert claimed_token(form.format("ExampleBot")) == ("ExampleBot", False)


@pytest.mark.parametrize(
    "field", ["", " ", "()", "((((", "))))", ";;;", "+https://b.example", "*/*"]
)
def test_nothing_is_claimed_by_nothing(field: str) -> None:
    assert claimed_token(field) == (None, False)


def test_a_very_long_field_is_cut() -> None:
    assert product_token("(" * 1_000_000) is None
    assert product_token("ExampleBot/1.0 " + "(;" * 500_000) == "ExampleBot"
