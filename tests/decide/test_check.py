"""The machine itself: order of feeding, what is kept between pages, what an operator filters."""

import pytest

from reservation_middleware import Agent, Check, Document, Outcome, Stage, profile
from reservation_middleware.decide.reading import RESOURCES, Reading
from reservation_middleware.decide.site import Site
from reservation_middleware.model import Headers, Preference

A = "https://a.example"
AGENT = Agent("ExampleBot")
HTML: Headers = (("content-type", "text/html"),)
NOAI = b'<!doctype html><meta name="robots" content="noai">'


def robots(body: str) -> Document:
    return Document(
        url=f"{A}/robots.txt",
        resource="robots.txt",
        outcome=Outcome.FETCHED,
        status=200,
        body=body.encode(),
    )


def page(body: bytes | None, headers: Headers = HTML) -> Document:
    return Document(
        url=f"{A}/x",
        resource="page",
        outcome=Outcome.FETCHED,
        status=200,
        headers=headers,
        body=body,
    )


def site(body: str) -> Site:
    return Site([Reading(robots(body), RESOURCES["robots.txt"])])


def test_deciding_early_does_not_end_the_wanting() -> None:
    check = Check(f"{A}/x", agent=AGENT)
    assert check.decide().crawl is Preference.UNKNOWN
    assert [request.resource for request in check.wants()] == ["robots.txt", "tdmrep.json"]
    check.feed(robots("User-agent: *\nDisallow: /\n"))
    assert check.decide().crawl is Preference.DISALLOWED
    assert [request.resource for request in check.wants()] == ["tdmrep.json"]


def test_a_body_that_comes_after_its_head_does_not_replace_it() -> None:
    check = Check(f"{A}/x", agent=AGENT)
    check.feed(page(None, (*HTML, ("tdm-reservation", "1"))))
    assert (check.decide().stage, check.decide().verdict) == (Stage.HEADERS, "disallowed")
    check.feed(page(b"<p>", ()))
    assert (check.decide().stage, check.decide().verdict) == (Stage.CONTENT, "disallowed")
    check.feed(page(b"<p>", HTML))  # a head of its own is a new answer
    assert check.decide().verdict == "unknown"


def test_a_page_that_never_came_says_nothing() -> None:
    check = Check(f"{A}/x", agent=AGENT)
    check.feed(Document(url=f"{A}/x", resource="page", outcome=Outcome.UNREACHABLE))
    assert check.stage is Stage.SITE


@pytest.mark.parametrize(
    ("content_type", "heard"),
    [
        ("text/html", True),
        ("Text/HTML;charset=utf-8", True),
        ("text/html charset=utf-8", True),
        ("text/html, text/html; charset=utf-8", True),
        ("html", True),
        ("*/*", True),
        ("unknown/unknown", True),
        ("", True),
        ("application/json", True),
        ("text/plain", True),
        ("image/png", False),
        ("font/woff2", False),
    ],
)
def test_pages_are_looked_into_unless_they_say_that_they_are_something_else(
    content_type: str, heard: bool
) -> None:
    check = Check(f"{A}/x", agent=AGENT)
    check.feed(page(NOAI, (("content-type", content_type),)))
    assert (check.decide().verdict == "disallowed") is heard


@pytest.mark.parametrize(
    ("rules", "odd", "target"),
    [
        ("Disallow: /\nAllow: /%", "/$", "/secret"),
        ("Disallow: /private\nAllow: /private/%", "/private/$", "/private/secret"),
        ("Disallow: /shop\nAllow: /shop/*%", "/shop/$", "/shop/secret"),
    ],
)
def test_one_page_does_not_answer_for_another(rules: str, odd: str, target: str) -> None:
    known = site(f"User-agent: *\n{rules}\n")
    Check(A + odd, agent=AGENT, site=known).decide()
    assert Check(A + target, agent=AGENT, site=known).decide().crawl == "disallowed"


def test_a_choice_of_signals_is_about_usage_and_never_about_crawling() -> None:
    policy = profile().changed({"signals": ("tdmrep",)})
    known = site("User-agent: *\nDisallow: /x\nContent-Signal: ai-train=no\n")
    assert Check(f"{A}/x", agent=AGENT, policy=policy, site=known).decide().blocked
    free = Check(f"{A}/y", agent=AGENT, policy=policy, site=known).decide()
    assert (free.crawl, free.verdict) == ("allowed", "unknown")


def test_agents_and_policies_do_not_share_answers() -> None:
    known = site("User-agent: GPTBot\nDisallow: /\n")
    url = f"{A}/x"
    for _ in range(2):
        assert not Check(url, agent=AGENT, site=known).decide().blocked
        assert Check(url, agent=Agent("GPTBot"), site=known).decide().blocked
        strict = Check(url, agent=AGENT, policy=profile("strict"), site=known).decide()
        assert strict.verdict == "disallowed"
        search = Check(url, agent=Agent("ExampleBot", ("search",)), site=known).decide()
        assert search.purposes == ("search",)


def test_what_is_kept_per_site_is_bounded() -> None:
    rules = "".join(f"Disallow: /{number}/\n" for number in range(1500))
    known = site(f"User-agent: *\n{rules}Content-Signal: ai-train=no\n")
    for number in range(1500):
        check = Check(f"{A}/{number}/x", agent=AGENT, site=known)
        assert check.decide().reasons[0].text == f"Disallow: /{number}/"
    table = known.answers.table(check._question)
    assert table is not None
    assert 0 < len(table.tails) <= 256


def test_user_information_with_an_at_sign_is_no_host() -> None:
    assert Check("http://u:p@ss@host/private", agent=AGENT).origin == "http://host"


def test_the_sentence_quotes_a_statement_about_the_purpose() -> None:
    tdmrep = Document(
        url=f"{A}/.well-known/tdmrep.json",
        resource="tdmrep.json",
        outcome=Outcome.FETCHED,
        status=200,
        body=b'[{"location": "/", "tdm-reservation": 1}]',
    )
    known = Site(
        [
            Reading(
                robots("User-agent: *\nContent-Signal: ai-train=no\n"), RESOURCES["robots.txt"]
            ),
            Reading(tdmrep, RESOURCES["tdmrep.json"]),
        ]
    )
    asked = Agent("ExampleBot", ("tdm",))
    assert "tdm-reservation" in Check(f"{A}/x", agent=asked, site=known).decide().sentence()
