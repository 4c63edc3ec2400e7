"""What the spec's pages say of very long input, page by page, where no other test has it.

Time and memory are tests/decide/test_hostile.py's business; here is what is read, and what is not.
"""

import random

import pytest
from protego import Protego
from test_vectors import answer

from reservation_middleware import Agent, Check, Document, Outcome
from reservation_middleware.decide.panel import Panel
from reservation_middleware.decide.reading import RESOURCES, Reading
from reservation_middleware.decide.site import Site
from reservation_middleware.syntax.path import canonical
from reservation_middleware.syntax.robots import RobotsFile
from reservation_middleware.syntax.robots_rules import GroupRules
from support import Json

SITE = "https://a.example"
KIB = 1024


def decided(*documents: Json, url: str = f"{SITE}/x", **given: object) -> Json:
    return answer({"url": url, "agent": "ExampleBot", **given, "documents": list(documents)})


def robots(body: str) -> Json:
    return {"url": f"{SITE}/robots.txt", "status": 200, "headers": [], "body": body}


def page(body: str = "", *headers: tuple[str, str]) -> Json:
    fields = [["content-type", "text/html"], *map(list, headers)]
    return {"url": f"{SITE}/x", "status": 200, "headers": fields, "body": body}


def notes(record: Json) -> set[str]:
    return {note["ident"] for note in record["notes"]}


@pytest.mark.parametrize(("number", "crawl"), [(999, "disallowed"), (1000, "allowed")])
def test_robots_hears_a_thousand_agents_of_one_line(number: int, crawl: str) -> None:
    agents = [f"bot{n}" for n in range(2000)]
    agents[number] = "ExampleBot"
    record = decided(robots(f"User-agent: {', '.join(agents)}\nDisallow: /\n"))
    assert record["crawl"] == crawl


def test_robots_judges_the_beginning_of_a_very_long_address() -> None:
    url = f"{SITE}/{'x' * 8 * KIB}.pdf"
    for rules, crawl in (
        ("Disallow: /xx", "disallowed"),
        ("Disallow: /y", "allowed"),
        ("Disallow: /y*x", "allowed"),
        # What may match the rest disallows and never allows.
        ("Disallow: /*.pdf", "disallowed"),
        ("Disallow: /*.gif$", "disallowed"),
        ("Disallow: /xx\nAllow: /*.pdf", "disallowed"),
        ("Disallow: /xx\nAllow: /*xxxx$", "disallowed"),
        ("Disallow: /xx\nAllow: /*xxxx", "allowed"),
    ):
        assert decided(robots(f"User-agent: *\n{rules}\n"), url=url)["crawl"] == crawl, rules


def test_content_signals_read_sixteen_kib_of_a_value() -> None:
    for start, verdict in (("", "disallowed"), ("," * 16 * KIB, "unknown")):
        value = f"{start}ai-train=no{',' * 16 * KIB}"
        assert decided(robots(f"User-agent: *\nContent-Signal: {value}\n"))["verdict"] == verdict
        assert decided(page("", ("content-signal", value)))["verdict"] == verdict


@pytest.mark.parametrize("word", ["DisallowAITraining", "noai"])
def test_directives_are_read_from_the_first_sixteen_kib(word: str) -> None:
    for start, verdict in (("", "disallowed"), ("," * 16 * KIB, "unknown")):
        value = f"{start}{word}{',' * 16 * KIB}"
        meta = f'<meta name="robots" content="{value}">'
        assert decided(page("", ("x-robots-tag", value)))["verdict"] == verdict
        assert decided(page(meta))["verdict"] == verdict


def test_a_very_long_content_usage_header_counts_as_unreadable() -> None:
    record = decided(page("", ("content-usage", "train-ai=n" + " " * 16 * KIB + ", search=y")))
    assert (record["verdict"], notes(record)) == ("unknown", {"aipref-statement-invalid"})


def test_trust_txt_is_read_up_to_512_kib() -> None:
    line, filler = "datatrainingallowed=no\n", "member=https://b.example/\n" * (21 * KIB)
    for body, verdict in ((line + filler, "disallowed"), (filler + line, "unknown")):
        file = {"url": f"{SITE}/trust.txt", "status": 200, "headers": [], "body": body}
        assert decided(file, profile="record-only")["verdict"] == verdict


def test_pointers_note_a_script_over_256_kib() -> None:
    for size, noted in ((200, set()), (257, {"pointers-json-ld-malformed"})):
        node = f'{{"license": "https://b.example/l", "name": "{"x" * size * KIB}"}}'
        record = decided(page(f'<script type="application/ld+json">{node}</script>'))
        assert notes(record) == noted
        assert bool(record["identifiers"]) is not bool(noted)


def test_pointers_read_the_first_64_elements_of_interest() -> None:
    many, last = '<a rel="license">x</a>' * 63, '<a rel="license" href="/l">x</a>'
    assert decided(page(many + last))["identifiers"]
    assert not decided(page(many * 2 + last))["identifiers"]


@pytest.mark.parametrize(
    ("filler", "verdict"), [("x", "disallowed"), ("x" * 8 * KIB * KIB, "unknown")]
)
def test_of_a_page_8_mib_are_read(filler: str, verdict: str) -> None:
    record = decided(page(f'{filler}<meta name="robots" content="noai">'))
    assert record["verdict"] == verdict
    assert ("page-truncated" in notes(record)) is (verdict == "unknown")


def test_robots_judges_pages_that_begin_alike_by_themselves() -> None:
    """A page whose address is not cut does not answer for one that is."""
    body = b"User-agent: *\nDisallow: /*.pdf\n"
    document = Document(
        url=f"{SITE}/robots.txt", resource="robots.txt", outcome=Outcome.FETCHED, body=body
    )
    site = Site([Reading(document, RESOURCES["robots.txt"])])
    for long, crawl in ((8 * KIB - 2, "allowed"), (8 * KIB, "disallowed"), (4000, "allowed")):
        check = Check(f"{SITE}/{'x' * long}", agent=Agent("ExampleBot"), site=site)
        assert check.decide().crawl == crawl


def test_rules_that_are_not_shown_to_protego_change_nothing() -> None:
    """Of a large group Protego sees few rules: its answer is the same as with all of them."""
    rng = random.Random(2026)
    letters = "ab/*$.?l"
    differ = 0
    for _ in range(60):
        text = "".join(
            f"{rng.choice(('Allow', 'Disallow'))}: "
            f"/{''.join(rng.choices(letters, k=rng.randrange(7)))}{rng.choice(('', '', 'index.html'))}\n"
            for _ in range(700)
        )
        group = RobotsFile(f"User-agent: *\n{text}".encode()).group_for("a")
        assert group is not None
        rules = group.rules
        large = GroupRules(rules)
        whole = Protego.parse(
            "User-agent: *\n"
            + "".join(f"{'Allow' if rule.allow else 'Disallow'}: {rule.path}\n" for rule in rules)
        )
        assert len(rules) > 500
        for _ in range(40):
            target = "/" + "".join(rng.choices("ab/.?l$", k=rng.randrange(12)))
            differ += large.decide(target, canonical(target))[0] is not whole.can_fetch(
                f"http://a{target}", "*"
            )
    assert differ == 0


def test_a_page_that_was_cut_gets_no_answer_of_one_that_was_not() -> None:
    """Their canonical paths may be the same where one has escapes."""
    body = b"User-agent: *\nDisallow: /*.pdf\n"
    document = Document(
        url=f"{SITE}/robots.txt", resource="robots.txt", outcome=Outcome.FETCHED, body=body
    )
    site = Site([Reading(document, RESOURCES["robots.txt"])])
    agent, panel = Agent("ExampleBot"), Panel([Agent("ExampleBot")])
    rest = "x" * (8 * KIB - 4)
    for page, crawl in ((f"/A{rest}", "allowed"), (f"/%41{rest}.pdf", "disallowed")):
        assert Check(f"{SITE}{page}", agent=agent, site=site).decide().crawl == crawl
        assert panel.decide(f"{SITE}{page}", site)[0].decision.crawl == crawl


@pytest.mark.parametrize("end", ["", "$"])
@pytest.mark.parametrize(
    ("rule", "signal"),
    [
        ("User-agent: CCBot\nDisallow: /*.pdf{}\n", "robots-agents"),
        ("User-agent: *\nDisallowAITraining: /*.pdf{}\n", "canel"),
    ],
)
def test_rules_like_those_of_robots_count_for_what_was_cut(
    rule: str, signal: str, end: str
) -> None:
    url = f"{SITE}/{'x' * 8 * KIB}.pdf"
    found = decided(robots(rule.format(end)), url=url, profile="strict")
    assert signal in [reason["signal"] for reason in found["reasons"]]


@pytest.mark.parametrize(
    "lines",
    [
        "Content-Signal: ai-train=no\nContent-Signal: /*a$ ai-train=yes\n",
        "Content-Usage: train-ai=n\nContent-Usage: /*a$ train-ai=y\n",
    ],
)
def test_where_an_address_was_cut_is_no_end_of_it(lines: str) -> None:
    found = decided(robots(f"User-agent: *\n{lines}"), url=f"{SITE}/{'a' * 9000}b")
    assert found["verdict"] == "disallowed"
