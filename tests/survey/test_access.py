"""What a group denies, from its rules; held against decisions about real paths."""

import pytest
from survey_support import files_of_2019, panel

from reservation_middleware import Agent, Check, ConfigurationError, Document, Outcome
from reservation_middleware.decide.reading import RESOURCES, Reading
from reservation_middleware.decide.site import Site
from reservation_middleware.survey.access import access_of, is_everything, witness
from reservation_middleware.survey.policy import read_policy
from reservation_middleware.syntax.robots import RobotsFile

PATHS = ("/", "/zq-nowhere/x9.html", "/a/b?c=d", "/index.html")


@pytest.mark.parametrize(
    ("rules", "access"),
    [
        ("", "none"),
        ("Disallow:", "none"),
        ("Disallow: /", "full"),
        ("Disallow: /*", "full"),
        ("Disallow: *", "full"),
        ("Disallow: */", "full"),
        ("Disallow: /\nDisallow: /x", "full"),
        ("Disallow: /$", "partial"),
        ("Disallow: /*/", "partial"),
        ("Disallow: /x", "partial"),
        ("Allow: /", "explicit-allow"),
        ("Allow: /\nDisallow: /", "explicit-allow"),  # §2.2.2: Allow on a tie
        ("Allow: /*\nDisallow: /", "explicit-allow"),
        ("Disallow: /*\nAllow: /", "full"),
        ("Allow: /x", "none"),
        ("Allow: /\nDisallow: /x", "partial"),
        ("Disallow: /\nAllow: /$", "partial"),
        ("Disallow: /\nAllow: /press/", "partial"),
        ("Disallow: /\nAllow: /press/\nDisallow: /press/*", "full"),
        ("Disallow: /\nAllow: /a\nDisallow: /a**", "full"),
        ("Disallow: /x\nAllow: /x", "none"),
        ("Disallow: /x\nAllow: /x\nAllow: /", "explicit-allow"),
        ("Disallow: /%78\nAllow: /x", "none"),
    ],
)
def test_structure(rules: str, access: str) -> None:
    group = RobotsFile(f"User-agent: a\n{rules}\n".encode()).named("a")
    assert access_of(group) == access


def test_everything() -> None:
    assert all(map(is_everything, ("/", "*", "/*", "*/", "**", "/**", "*/*")))
    assert not any(map(is_everything, ("/$", "/*$", "/*/", "//", "/a", "*a", "/?")))


def test_groups_of_one_agent_are_one() -> None:
    file = (
        b"User-agent: a\nDisallow: /x\n\nUser-agent: b\nDisallow:\n\nUser-agent: a\nDisallow: /\n"
    )
    facts = read_policy("robots.txt", file, "")
    assert [tuple(row) for row in facts.agents] == [
        ("a", "full", 1),
        ("b", "none", 4),
        ("*", "none", None),
    ]


def contradictions(body: bytes) -> list[tuple[str, str, list[bool]]]:
    """Agents whose access is not what decisions about some paths say."""
    facts = read_policy("robots.txt", body, "")
    if facts.capture == "not-robots":
        return []
    document = Document(
        url="https://a.example/robots.txt",
        resource="robots.txt",
        outcome=Outcome.FETCHED,
        status=200,
        body=body,
    )
    site = Site((Reading(document, RESOURCES["robots.txt"]),))
    robots, found = RobotsFile(body), []
    for token, access, _ in facts.agents:
        try:
            agent = Agent(token)
        except ConfigurationError:
            continue
        group = robots.group_for(token.lower())
        own = [witness(path) for _, path, _ in (group.plain if group else ())[:200]]
        targets = [*PATHS, *(path for path in own if path.isascii())]
        allowed = [
            Check("https://a.example" + target, agent=agent, site=site).decide().crawl == "allowed"
            for target in targets
            if not target.startswith("/robots.txt")
        ]
        if access == "full":
            bad = any(allowed)
        elif access == "partial":
            bad = False  # what is denied, or allowed, may be a path that is not tried
        else:
            bad = not all(allowed)
        if bad:
            found.append((token, str(access), allowed))
    return found


def test_agrees_with_decisions_about_some_real_files() -> None:
    bodies = files_of_2019()[::40]
    assert len(bodies) > 50
    assert [found for body in bodies for found in contradictions(body)] == []


@pytest.mark.slow
def test_agrees_with_decisions_about_all_real_files() -> None:
    bodies = (*files_of_2019(), *(text.encode() for text in panel()["bodies"].values()))
    assert [found for body in bodies for found in contradictions(body)] == []


def test_many_rules_take_no_long_time() -> None:
    allow = "".join(f"Allow: /{number}\nDisallow: /{number}*\n" for number in range(9000))
    group = RobotsFile(f"User-agent: a\nDisallow: /\n{allow}".encode()).named("a")
    assert access_of(group) == "full"
