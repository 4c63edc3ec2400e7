"""Input made to hurt: floods, bombs and nonsense, each up to the size caps and beyond.

Every case must end in a decision whose record is small and encodes. Time is not asserted;
the number of calls is: doubling an input may not cost much more than twice the calls. Times
are measured by the benchmark ``hostile``.
"""

import random
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NamedTuple

import msgspec
import pytest

from reservation_middleware import Agent, Check, Decision, Document, Outcome, profile
from reservation_middleware.decide.record import record
from reservation_middleware.model import PAGE
from reservation_middleware.model.agents import catalogue

ORIGIN = "https://a.example"
KIB = 1024
CAP = 512 * KIB  # of robots.txt

#: A record that is longer than this repeats too much of what a site sent.
MAX_RECORD = 256 * KIB
#: Allowed growth of the number of calls when an input is doubled.
MAX_GROWTH = 2.5


class Case(NamedTuple):
    """Documents and the page they are about."""

    documents: tuple[Document, ...]
    url: str = f"{ORIGIN}/x"


Builder = Callable[[float], Case]
CASES: dict[str, Builder] = {}


def case(build: Builder) -> Builder:
    """Enter a builder; its argument scales the input, 1.0 being the full size."""
    CASES[build.__name__.replace("_", "-")] = build
    return build


def robots(text: str | bytes, url: str = f"{ORIGIN}/x") -> Case:
    body = text.encode() if isinstance(text, str) else text
    return Case(
        (
            Document(
                url=f"{ORIGIN}/robots.txt",
                resource="robots.txt",
                outcome=Outcome.FETCHED,
                status=200,
                body=body,
            ),
        ),
        url,
    )


def tdmrep(text: str | bytes) -> Case:
    return Case(
        (
            Document(
                url=f"{ORIGIN}/.well-known/tdmrep.json",
                resource="tdmrep.json",
                outcome=Outcome.FETCHED,
                status=200,
                body=text.encode() if isinstance(text, str) else text,
            ),
        )
    )


def page(
    text: str | bytes | None = None, headers: tuple[tuple[str, str], ...] = (), url: str = "/x"
) -> Case:
    body = text.encode() if isinstance(text, str) else text
    return Case(
        (
            Document(
                url=ORIGIN + url,
                resource=PAGE,
                outcome=Outcome.FETCHED,
                status=200,
                headers=(("content-type", "text/html"), *headers),
                body=body,
            ),
        )
    )


def filled(size: float, lines: Iterator[str], start: str = "User-agent: *\n") -> str:
    """``start`` and as many lines as fit into ``size`` characters."""
    found = [start]
    room = size - len(start)
    for line in lines:
        room -= len(line)
        if room < 0:
            break
        found.append(line)
    return "".join(found)


def numbered(pattern: str) -> Iterator[str]:
    number = 0
    while True:
        yield pattern.format(n=number)
        number += 1


# --- robots.txt ---------------------------------------------------------------------------


@case
def robots_10_mb(scale: float) -> Case:
    return robots(filled(10_000_000 * scale, numbered("Disallow: /p{n}\n")))


@case
def robots_one_group_of_plain_rules(scale: float) -> Case:
    return robots(filled(CAP * scale, numbered("Allow:/{n}\n")), f"{ORIGIN}/4711")


@case
def robots_one_group_of_wildcards(scale: float) -> Case:
    return robots(filled(CAP * scale, numbered("Allow:/*{n}\n")), f"{ORIGIN}/4711")


@case
def robots_one_group_of_rules_that_all_match(scale: float) -> Case:
    return robots(filled(CAP * scale, numbered("Disallow:*\n")))


@case
def robots_prefixes_of_every_length(scale: float) -> Case:
    count = int(1000 * scale)
    lines = "".join(f"Disallow: /{'a' * n}\n" for n in range(count))
    return robots(f"User-agent: *\n{lines}", f"{ORIGIN}/{'a' * 8000}")


@case
def robots_3_000_agents_over_3_000_rules(scale: float) -> Case:
    count = int(3000 * scale)
    agents = "".join(f"User-agent: bot{n}\n" for n in range(count))
    rules = "".join(f"Disallow: /p{n}\n" for n in range(count))
    return robots(f"{agents}User-agent: ExampleBot\n{rules}", f"{ORIGIN}/p17")


@case
def robots_10_000_agents_over_10_000_rules(scale: float) -> Case:
    count = int(50_000 * scale)
    agents = "".join(f"User-agent: bot{n}\n" for n in range(count))
    rules = "".join(f"Disallow: /p{n}\n" for n in range(count))
    return robots(f"{agents}User-agent: *\n{rules}", f"{ORIGIN}/p17")


@case
def robots_30_stars(scale: float) -> Case:
    pattern = "/" + "*a" * 30 + "*{n}b$"
    return robots(filled(CAP * scale, numbered(f"Disallow: {pattern}\n")), f"{ORIGIN}/{'a' * 2000}")


@case
def robots_thousands_of_stars_in_a_pattern(scale: float) -> Case:
    pattern = "/" + "*a" * 4000 + "*b$"
    return robots(filled(CAP * scale, numbered(f"Disallow: {pattern}\n")), f"{ORIGIN}/{'a' * 9000}")


@case
def robots_5_mb_line(scale: float) -> Case:
    return robots("User-agent: *\nDisallow: /\nAllow: /" + "x" * int(5_000_000 * scale))


@case
def robots_long_line_within_the_cap(scale: float) -> Case:
    size = int(500_000 * scale)
    return robots(f"User-agent: *\nDisallow: /{'x' * size}\n", f"{ORIGIN}/{'x' * size}y")


@case
def robots_long_unreadable_line(scale: float) -> Case:
    return robots("x" * int(500_000 * scale) + "\nUser-agent: *\nDisallow: /\n")


@case
def robots_long_content_signal(scale: float) -> Case:
    size = int(500_000 * scale)
    return robots(f"User-agent: *\nContent-Signal: ai-train=no, x={'y' * size}\n")


@case
def robots_long_content_usage(scale: float) -> Case:
    return robots(f"User-agent: *\nContent-Usage: {'train-ai=n,' * int(45_000 * scale)}search=n\n")


@case
def robots_nuls(scale: float) -> Case:
    return robots(b"User-agent: *\nDisallow: /\0\n" + b"\0" * int(CAP * scale))


@case
def robots_empty_lines(scale: float) -> Case:
    return robots(b"\r" * int(CAP * scale))


@case
def robots_unreadable_lines(scale: float) -> Case:
    return robots(b"x\n" * int(CAP / 2 * scale))


@case
def robots_rules_for_nobody(scale: float) -> Case:
    return robots("Disallow:/\n" * int(CAP / 11 * scale))


@case
def robots_comments(scale: float) -> Case:
    return robots("#\n" * int(CAP / 2 * scale))


@case
def robots_one_agent_in_thousands_of_groups(scale: float) -> Case:
    return robots(
        filled(CAP * scale, numbered("User-agent:ExampleBot\nDisallow:/{n}\n"), ""),
        f"{ORIGIN}/471",
    )


@case
def robots_agent_list_of_100_000(scale: float) -> Case:
    return robots(f"User-agent: {'a,' * int(250_000 * scale)}ExampleBot\nDisallow: /\n")


@case
def robots_ai_agents_that_share_one_large_group(scale: float) -> Case:
    """Every known agent also has a group of its own, so that no two merged views are alike."""
    tokens = [agent.token for agent in catalogue().agents if agent.purposes]
    own = "".join(f"User-agent: {token}\nDisallow: /own/{token}\n" for token in tokens)
    agents = "".join(f"User-agent: {token}\n" for token in tokens)
    rules = filled(CAP * scale - len(own) - len(agents), numbered("Disallow:/{n}\n"), "")
    return robots(own + agents + rules, f"{ORIGIN}/471")


@case
def robots_ai_agents_with_a_group_each(scale: float) -> Case:
    tokens = [agent.token for agent in catalogue().agents if agent.purposes]
    room = CAP * scale / len(tokens)
    groups = [filled(room, numbered("Disallow:/*{n}\n"), f"User-agent: {t}\n") for t in tokens]
    return robots("".join(groups), f"{ORIGIN}/471")


@case
def robots_content_signals_that_all_match(scale: float) -> Case:
    return robots(filled(CAP * scale, numbered("Content-Signal: ai-train=no\n")))


@case
def robots_content_signals_with_paths(scale: float) -> Case:
    return robots(filled(CAP * scale, numbered("Content-Signal:/*{n} ai-train=no\n")))


@case
def robots_content_usage_that_all_match(scale: float) -> Case:
    return robots(filled(CAP * scale, numbered("Content-Usage: train-ai=n\n")))


@case
def robots_content_usage_all_different(scale: float) -> Case:
    return robots(filled(CAP * scale, numbered("Content-Usage:/{n} train-ai=n,x{n}=1\n")))


@case
def robots_percent_signs(scale: float) -> Case:
    size = int(4_000 * scale)
    lines = "".join(f"Disallow: /{'%41' * n}*{'%C3' * 40}\n" for n in range(0, 1300, 10))
    return robots(f"User-agent: *\n{lines}", f"{ORIGIN}/{'%41' * size}")


@case
def robots_bytes_at_random(scale: float) -> Case:
    return robots(random.Random(1).randbytes(int(CAP * scale)))


@case
def url_of_1_mb(scale: float) -> Case:
    rules = "".join(f"Disallow: /*a{n}*b$\nContent-Signal: /*{n} ai-train=no\n" for n in range(200))
    return robots(f"User-agent: *\n{rules}", f"{ORIGIN}/{'a1' * int(500_000 * scale)}")


# --- tdmrep.json --------------------------------------------------------------------------


@case
def tdmrep_100_000_levels(scale: float) -> Case:
    depth = int(100_000 * scale)
    return tdmrep("[" * depth + "]" * depth)


@case
def tdmrep_levels_inside_a_rule(scale: float) -> Case:
    depth = int(900 * scale)
    rule = f'{{"location": "/", "tdm-reservation": {"[" * depth}1{"]" * depth}}}'
    return tdmrep(f"[{','.join([rule] * 500)}]")


@case
def tdmrep_100_000_rules(scale: float) -> Case:
    rules = (f'{{"location":"/{n}","tdm-reservation":1}}' for n in range(int(100_000 * scale)))
    return tdmrep(f"[{','.join(rules)}]")


@case
def tdmrep_all_rules_that_fit(scale: float) -> Case:
    rules = (f'{{"location":"/{n}","tdm-reservation":1}}' for n in range(int(25_000 * scale)))
    return tdmrep(f"[{','.join(rules)}]")


@case
def tdmrep_wildcards(scale: float) -> Case:
    rules = (f'{{"location":"/*{n}*b$","tdm-reservation":1}}' for n in range(int(20_000 * scale)))
    return tdmrep(f"[{','.join(rules)}]")


@case
def tdmrep_numbers_as_rules(scale: float) -> Case:
    return tdmrep(f"[{'1,' * int(500_000 * scale)}1]")


@case
def tdmrep_bad_values(scale: float) -> Case:
    rules = (f'{{"location":"/{n}","tdm-reservation":"x{n}"}}' for n in range(int(20_000 * scale)))
    return tdmrep(f"[{','.join(rules)}]")


@case
def tdmrep_1_mb_location(scale: float) -> Case:
    size = int(1_000_000 * scale)
    return tdmrep(f'[{{"location": "/*{"a" * size}", "tdm-reservation": 1}}]')


@case
def tdmrep_long_number(scale: float) -> Case:
    return tdmrep(f'[{{"location": "/", "tdm-reservation": {"1" * int(1_000_000 * scale)}}}]')


@case
def tdmrep_1_mb_value(scale: float) -> Case:
    rule = '{"location": "/", "tdm-reservation": 1}'
    return tdmrep(f'[{{"location": "/z", "x": "{"é" * int(500_000 * scale)}"}}, {rule}]')


@case
def tdmrep_10_mb(scale: float) -> Case:
    return tdmrep(b" " * int(10_000_000 * scale))


# --- HTML ---------------------------------------------------------------------------------


@case
def html_100_000_metas_that_matter(scale: float) -> Case:
    return page('<meta name="robots" content="noai">\n' * int(100_000 * scale))


@case
def html_100_000_other_metas(scale: float) -> Case:
    return page('<meta name="x" content="y">\n' * int(100_000 * scale))


@case
def html_100_000_other_metas_and_one(scale: float) -> Case:
    return page(
        '<meta name="x" content="y">\n' * int(100_000 * scale) + "<meta name=robots content=noai>"
    )


@case
def html_metas_that_are_spelled(scale: float) -> Case:
    """No source tag holds the words as they are parsed, so each is looked for in vain."""
    spelled = '<meta name="robots" content="&#110;oai">' * 300
    return page('<meta name="x" content="y">' * int(100_000 * scale) + spelled)


@case
def html_metas_in_noscript(scale: float) -> Case:
    metas = '<meta name="robots" content="noai">' * int(50_000 * scale)
    return page(f"<noscript>{metas}</noscript>")


@case
def html_metas_deep_down(scale: float) -> Case:
    depth = int(200_000 * scale)
    return page("<div>" * depth + '<meta name="robots" content="noai">' * 300)


@case
def html_metas_in_noscript_deep_down(scale: float) -> Case:
    count = int(4_000 * scale)
    metas = '<meta name="robots" content="noai">' * count
    return page(f"<body><noscript>{'<div>' * count}{metas}")


@case
def html_a_meta_on_every_level(scale: float) -> Case:
    return page('<div><meta name="robots" content="noai">' * int(50_000 * scale))


@case
def html_unclosed_quote(scale: float) -> Case:
    return page("<meta name=robots content='noai" + "<meta name='x" * int(100_000 * scale))


@case
def html_quotes_in_turn(scale: float) -> Case:
    return page("<meta name=robots content=noai>" + "<meta '\"\"'" * int(200_000 * scale) + "\"'")


@case
def html_unclosed_comments(scale: float) -> Case:
    return page("<meta name=robots content=noai>" + "<!--" * int(500_000 * scale))


@case
def html_open_tags_only(scale: float) -> Case:
    return page("<meta name=robots content=noai>" + "<" * int(4_000_000 * scale))


@case
def html_meta_starts_only(scale: float) -> Case:
    return page("<meta name=robots content=noai>" + "<meta" * int(800_000 * scale))


@case
def html_attributes_by_the_thousand(scale: float) -> Case:
    attributes = " ".join(f"a{n}=noai" for n in range(int(50_000 * scale)))
    return page(f"<meta {attributes} name=robots content=noai>")


@case
def html_same_attribute_again_and_again(scale: float) -> Case:
    return page(f"<meta {'content=noai ' * int(50_000 * scale)} name=robots>")


@case
def html_8_mb_content(scale: float) -> Case:
    return page(f'<meta name="robots" content="{"noai, " * int(1_100_000 * scale)}">')


@case
def html_references(scale: float) -> Case:
    return page(f'<meta name="robots" content="{"&#x6e;" * int(500_000 * scale)}">')


@case
def html_misnested_formatting(scale: float) -> Case:
    return page("<meta name=robots content=noai>" + "<b><i><p></b>" * int(50_000 * scale))


@case
def html_nested_tables(scale: float) -> Case:
    return page("<meta name=robots content=noai>" + "<table><td>" * int(50_000 * scale))


@case
def html_text_in_tables(scale: float) -> Case:
    return page("<meta name=robots content=noai>" + "<table>x<b>" * int(20_000 * scale))


@case
def html_open_anchors(scale: float) -> Case:
    return page("<meta name=robots content=noai>" + "<a><div>" * int(50_000 * scale))


@case
def html_open_formatting(scale: float) -> Case:
    tags = "".join(f"<font size={n}>" for n in range(int(3_000 * scale)))
    return page(f"<meta name=robots content=noai>{tags}" + "<p>x" * int(1000 * scale))


@case
def html_8_mb_of_text(scale: float) -> Case:
    return page("<meta name=robots content=noai>" + "lorem ipsum " * int(700_000 * scale))


@case
def html_lines(scale: float) -> Case:
    return page("\n" * int(8_000_000 * scale) + "<meta name=robots content=noai>" * 250)


@case
def html_utf_16(scale: float) -> Case:
    text = "\ufeff<meta name=robots content=noai>" + "x" * int(4_000_000 * scale)
    return page(text.encode("utf-16-le"))


# --- headers ------------------------------------------------------------------------------


@case
def headers_1_000(scale: float) -> Case:
    return page(
        headers=(("x-robots-tag", "examplebot: noai, noimageai, nosnippet"),) * int(1000 * scale)
    )


@case
def headers_1_000_of_each_family(scale: float) -> Case:
    one = (
        ("content-usage", "train-ai=n"),
        ("content-signal", "ai-train=no"),
        ("tdm-reservation", "1"),
        ("tdm-policy", "/p"),
        ("x-robots-tag", "noai"),
    )
    return page(headers=one * int(1000 * scale))


def _long_header(name: str, unit: str, times: int) -> Builder:
    def build(scale: float) -> Case:
        return page(headers=((name, unit * int(times * scale)),))

    return build


CASES["header-x-robots-tag-100-000-commas"] = _long_header("x-robots-tag", ",", 100_000)
CASES["header-x-robots-tag-1-mb"] = _long_header("x-robots-tag", "noai, ", 170_000)
CASES["header-x-robots-tag-bots"] = _long_header("x-robots-tag", "a:", 500_000)
CASES["header-x-robots-tag-unavailable"] = _long_header(
    "x-robots-tag", "unavailable_after: Mon, ", 50_000
)
CASES["header-x-robots-tag-words"] = _long_header("x-robots-tag", "noai ", 200_000)
CASES["header-content-signal-1-mb"] = _long_header("content-signal", "ai-train=no;", 90_000)
CASES["header-content-signal-unknown"] = _long_header("content-signal", "a=b,", 250_000)
CASES["header-content-usage-1-mb"] = _long_header("content-usage", "a=?1,", 200_000)
CASES["header-tdm-reservation-1-mb"] = _long_header("tdm-reservation", "1,", 500_000)
CASES["header-tdm-policy-1-mb"] = _long_header("tdm-policy", "a/../", 200_000)
CASES["header-content-type-1-mb"] = _long_header("content-type", "; charset=x", 90_000)


@case
def header_content_usage_10_000_members(scale: float) -> Case:
    members = ", ".join(f"k{n}={n}" for n in range(int(50_000 * scale)))
    return page(headers=(("content-usage", members),))


@case
def header_content_usage_up_to_the_cap(scale: float) -> Case:
    members = ",".join(f"k{n}={n}" for n in range(int(1300 * scale)))
    return page(headers=(("content-usage", f"train-ai=n,{members}"),))


@case
def header_content_usage_parentheses(scale: float) -> Case:
    return page(headers=(("content-usage", f"a={'(' * int(16_000 * scale)}"),))


def decided(given: Case, name: str = "strict") -> Decision:
    """The decision under the profile that looks at most."""
    check = Check(given.url, agent=Agent("ExampleBot"), policy=profile(name))
    for document in given.documents:
        check.feed(document)
    return check.decide()


def calls(given: Case) -> int:
    """How many Python and C functions a decision calls: what work costs, without a clock."""
    count = 0

    def counting(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        if event in ("call", "c_call"):
            count += 1

    sys.setprofile(counting)
    try:
        decided(given)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("name", CASES)
def test_ends_in_a_decision_with_a_small_record(name: str) -> None:
    given = CASES[name](1.0)
    decision = decided(given)
    plain = record(decision)
    # The URL is the operator's own, however long.
    size = len(msgspec.json.encode(plain)) - len(given.url)
    assert size <= MAX_RECORD, f"a record of {size} bytes"
    assert len(decision.notes) <= 100


@pytest.mark.parametrize("name", CASES)
def test_calls_grow_no_faster_than_the_input(name: str) -> None:
    build = CASES[name]
    calls(build(0.02))  # fills caches that are shared by all decisions
    half, full = calls(build(0.1)), calls(build(0.2))
    if full > half * MAX_GROWTH + 500:
        # Large input may be looked at in another way: a step, and none at the next doubling.
        half, full = full, calls(build(0.4))
    # A few hundred calls are the floor of every decision.
    assert full <= half * MAX_GROWTH + 500, f"{half} calls → {full}"


def test_a_flood_of_rules_is_cut_and_said_to_be() -> None:
    decision = decided(CASES["robots-10-mb"](1.0))
    assert "robots-truncated" in {note.kind.ident for note in decision.notes}


def test_what_stands_before_the_flood_still_counts() -> None:
    flood = "x" * 1000 + "\n"
    body = "User-agent: *\nDisallow: /\n" + flood * 1000
    assert decided(robots(body)).crawl == "disallowed"
    content = "<meta name=robots content=noai>" + "<p>" * 4_000_000
    assert decided(page(content)).verdict == "disallowed"
