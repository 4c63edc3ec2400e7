"""The grammars by themselves: robots.txt lines, path patterns, header fields, meta elements.

What a signal makes of them is the vectors' business.
"""

import itertools
import random

import pytest
from http_sf import Token

from reservation_middleware.syntax import field, link
from reservation_middleware.syntax.field import (
    LIMIT as FIELD_LIMIT,
)
from reservation_middleware.syntax.field import (
    Directive,
    MalformedFieldError,
    dictionary,
    robots_directives,
)
from reservation_middleware.syntax.html import MAX_METAS, Meta, metas
from reservation_middleware.syntax.path import MAX_PATTERN, Pattern, canonical, split_url
from reservation_middleware.syntax.path import octets as octets_of
from reservation_middleware.syntax.pattern_index import PatternIndex
from reservation_middleware.syntax.robots import (
    LIMIT,
    Group,
    Record,
    RobotsFile,
    Rule,
    product_tokens,
)
from reservation_middleware.syntax.robots_rules import GroupRules
from reservation_middleware.syntax.substring_index import SubstringIndex


def robots(text: str) -> RobotsFile:
    return RobotsFile(text.encode())


def named(file: RobotsFile, token: str) -> Group:
    group = file.named(token)
    assert group is not None
    return group


# --- robots.txt ---------------------------------------------------------------------------


def test_every_line_keeps_its_number() -> None:
    file = robots("# one\n\nUser-agent: a\r\nDisallow: /x # why\rAllow: /y\n\n Sitemap: /s\n")
    (group,) = file.groups
    assert group.tokens == [("a", 3)]
    assert group.rules == [Rule(False, "/x", 4), Rule(True, "/y", 5)]
    assert group.records == [Record("sitemap", "/s", 7)]
    assert file.line(4) == "Disallow: /x # why"
    assert file.line_count == 8
    assert file.problems == []


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_lines_end_with_any_of_three(end: str) -> None:
    file = robots(end.join(["User-agent: a", "Disallow: /x", "Disallow: /y"]))
    assert [rule.line for rule in file.groups[0].rules] == [2, 3]


@pytest.mark.parametrize("char", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c"])
def test_nothing_else_ends_a_line(char: str) -> None:
    file = robots(f"User-agent: a\nDisallow: /x{char}User-agent: b\n")
    assert file.tokens == ("a",)
    assert file.line_count == 3


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("Disallow: /x", "/x"),
        ("disallow:/x", "/x"),
        ("  DISALLOW :\t/x \t", "/x"),
        ("Disallow /x", "/x"),
        ("Dissallow: /x", "/x"),
        ("disallaw /x", "/x"),
        ("Disallow: /x y", "/x y"),
        ("Disallow: /x#y", "/x"),
        ("Disallow: http://a.example/x", "http://a.example/x"),
        ("Disallow http://a.example/x", "http://a.example/x"),
        ("Disallow: *.pdf$", "*.pdf$"),
    ],
)
def test_rules_are_read_leniently(line: str, path: str) -> None:
    file = robots(f"User-agent: a\n{line}\n")
    assert file.groups[0].rules == [Rule(False, path, 2)]


@pytest.mark.parametrize("line", ["User-agent: a", "user-agent:a", "useragent: a", "User agent a"])
def test_agents_are_read_leniently(line: str) -> None:
    assert robots(f"{line}\nDisallow: /\n").tokens == ("a",)


@pytest.mark.parametrize(
    ("value", "tokens"),
    [
        ("GPTBot", ("gptbot",)),
        ("*", ("*",)),
        ("* ", ("*",)),
        ("GPTBot/1.1", ("gptbot",)),
        ("Foo Bar", ("foo",)),
        ("a, b,a", ("a", "b")),
        ("a,,", ("a",)),
        ("", ()),
        (" , ", ()),
        ("/1.0", ()),
        ("Foo*", ("foo",)),
    ],
)
def test_product_tokens(value: str, tokens: tuple[str, ...]) -> None:
    assert product_tokens(value) == tokens


def test_an_empty_rule_is_no_rule_but_ends_the_run_of_agents() -> None:
    file = robots("User-agent: a\nDisallow:\nUser-agent: b\nDisallow: /\n")
    assert named(file, "a").rules == []
    assert len(named(file, "b").rules) == 1


def test_other_records_do_not_end_a_run_of_agents() -> None:
    file = robots("User-agent: a\nSitemap: /s\nContent-Signal: x\nUser-agent: b\nDisallow: /\n")
    assert named(file, "a") is named(file, "b")
    assert file.keys == {"sitemap", "content-signal"}


def test_records_before_a_group_are_loose() -> None:
    file = robots("License: /l\nUser-agent: a\nLICENSE: /m: n\n")
    assert file.loose == [Record("license", "/l", 1)]
    assert named(file, "a").records == [Record("license", "/m: n", 3)]


def test_problems_have_their_line_and_text() -> None:
    file = robots("Disallow: /\nnonsense\nUser-agent:\nDisallow: /\nUser-agent: a,b\nAllow: /\n")
    assert file.problems == [
        ("rule-outside-group", 1, "Disallow: /"),
        ("unreadable", 2, "nonsense"),
        ("agent-unreadable", 3, ""),
        ("agent-list", 5, "a,b"),
    ]
    # A group of nobody takes the rules below it along.
    assert [group.tokens for group in file.groups] == [[], [("a", 5), ("b", 5)]]


@pytest.mark.parametrize("key", ["Sitemap", "sitemap", "Host", "Noindex", "Content-Signal"])
def test_a_key_without_a_colon_is_no_record(key: str) -> None:
    file = robots(f"{key}\nUser-agent: a\n{key} # : x\n")
    assert not file.keys
    assert file.problems == [("unreadable", 1, key), ("unreadable", 3, key)]


def test_groups_of_one_token_are_merged_in_file_order() -> None:
    file = robots(
        "User-agent: a\nDisallow: /1\nUser-agent: b\nDisallow: /2\nUser-agent: A\nAllow: /3\nX: y\n"
    )
    group = named(file, "a")
    assert [rule.path for rule in group.rules] == ["/1", "/3"]
    assert group.records == [Record("x", "y", 7)]
    assert group.line_of("a") == 1
    assert named(file, "b") is file.groups[1]


def test_tokens_that_share_groups_share_one_merged_view() -> None:
    file = robots("User-agent: a\nUser-agent: b\nDisallow: /1\n" * 2 + "User-agent: b\nAllow: /\n")
    assert named(file, "a") is named(file, "a")
    assert named(file, "a") is not named(file, "b")
    twice = robots("User-agent: a\nUser-agent: b\nDisallow: /1\n" * 2)
    assert named(twice, "a") is named(twice, "b")
    assert [rule.line for rule in named(twice, "a").rules] == [3, 6]


def test_a_token_named_twice_in_a_group_counts_once() -> None:
    file = robots("User-agent: a\nUser-agent: a\nDisallow: /\n")
    assert named(file, "a") is file.groups[0]
    assert named(file, "a").line_of("a") == 1


def test_the_group_for_everyone_stands_in_for_missing_ones_only() -> None:
    file = robots("User-agent: *\nDisallow: /\nUser-agent: a\nDisallow:\n")
    assert file.group_for("a") is named(file, "a")
    assert file.group_for("b") is named(file, "*")
    assert file.named("b") is None
    assert named(file, "*").line_of("b") == 1
    assert robots("User-agent: a\n").group_for("b") is None
    assert robots("").group_for("*") is None


@pytest.mark.parametrize(
    "body",
    [
        "\ufeffUser-agent: a\n".encode(),
        "\ufeffUser-agent: a\n".encode("utf-16-le"),
        "\ufeffUser-agent: a\n".encode("utf-16-be"),
    ],
)
def test_byte_order_marks_are_skipped(body: bytes) -> None:
    assert RobotsFile(body).tokens == ("a",)


def test_octets_that_are_not_utf_8_spoil_only_themselves() -> None:
    file = RobotsFile(b"User-agent: a\nDisallow: /\xff\nDisallow: /x\0y\n")
    assert [rule.path for rule in file.groups[0].rules] == ["/%FF", "/x\0y"]


def test_a_file_is_cut_before_the_line_that_crosses_the_limit() -> None:
    start = b"User-agent: a\nDisallow: /x\n"
    fits = start + b"#" * (LIMIT - len(start) - 1) + b"\n"
    assert not RobotsFile(fits).truncated
    file = RobotsFile(fits[:-5] + b"\nDisallow: /private\n")
    assert file.truncated
    assert [rule.path for rule in file.groups[0].rules] == ["/x"]
    assert RobotsFile(b"x" * (LIMIT + 1)).line_count == 1
    with_cr = RobotsFile(start.replace(b"\n", b"\r") + b"x" * LIMIT)
    assert [rule.path for rule in with_cr.groups[0].rules] == ["/x"]


# --- rules --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "path", "line"),
    [
        ("Disallow: /\nAllow: /x", "/x", 3),
        ("Allow: /x\nDisallow: /x", "/x", 2),
        ("Disallow: /x\nAllow: /x", "/x", 3),
        ("Disallow: /*.pdf$\nAllow: /", "/a.pdf", 2),
        ("Disallow: /*.pdf$\nAllow: /", "/a.pdf?", 3),
        ("Disallow: /%7Ea", "/~a", 2),
        ("Disallow: /~a", "/%7ea", 2),
        ("Disallow: /é", "/%C3%A9", 2),
        ("Disallow: /a%2Fb", "/a/b", None),
        ("Disallow: /a$", "/a$", 2),
        ("Allow: /index.html\nDisallow: /", "/", 2),
        ("Disallow: http://a.example/x", "/x", None),
    ],
)
def test_the_deciding_rule(rules: str, path: str, line: int | None) -> None:
    group = robots(f"User-agent: a\n{rules}\n").groups[0]
    found = GroupRules.of(group)
    rule = found.deciding(canonical(path))
    assert (rule and rule.line) == line
    assert found.allows(path, canonical(path)) is (rule is None or rule.allow)
    assert GroupRules.of(group) is found


def test_large_groups_answer_as_small_ones_do() -> None:
    lines = "".join(f"Disallow: /p{n}\nAllow: /p{n}/*x$\n" for n in range(600))
    large = GroupRules.of(robots(f"User-agent: a\n{lines}").groups[0])
    for path, allowed in [("/p7", False), ("/p7/ax", True), ("/p7/axy", False), ("/q", True)]:
        rule = large.deciding(path)
        assert large.allows(path, path) is allowed
        assert (rule is None or rule.allow) is allowed


# --- paths --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "origin", "target"),
    [
        ("https://a.example", "https://a.example", "/"),
        ("HTTP://A.Example:80/X?Y#z", "http://a.example", "/X?Y"),
        ("https://a.example:8443?q", "https://a.example:8443", "/?q"),
        ("https://user:pass@a.example/", "https://a.example", "/"),
        ("https://a.example\\@b.example/", "https://a.example", "/@b.example/"),
        ("https://a.example:/x", "https://a.example", "/x"),
        ("http://[::1]:80/x", "http://[::1]", "/x"),
        ("https://a.example/@x:80", "https://a.example", "/@x:80"),
        ("mailto:a@b.example", "", "/mailto:a@b.example"),
        ("/x#y", "", "/x"),
        ("", "", "/"),
    ],
)
def test_urls_are_split(url: str, origin: str, target: str) -> None:
    assert split_url(url) == (origin, target)


def test_stars_match_in_order_and_do_not_overlap() -> None:
    assert Pattern("/a*b*c").matches("/a-b-c-")
    assert not Pattern("/a*b*c").matches("/a-c-b")
    assert Pattern("/*aba*aba$").matches("/abaaba")
    assert not Pattern("/*aba*aba$").matches("/ababa")
    assert Pattern("*").matches("")
    assert Pattern("/x$").matches("/x")
    assert not Pattern("/x$").matches("/x/")
    assert Pattern("$").matches("")
    assert not Pattern("").matches("") or Pattern("").plain


@pytest.mark.parametrize(
    ("pattern", "octets"),
    [("/", 1), ("/abc", 4), ("/a*b$", 5), ("/%7E", 2), ("/é", 7), ("/%c3%a9", 7), ("/a%2fb", 6)],
)
def test_octets_of_a_pattern(pattern: str, octets: int) -> None:
    assert octets_of(pattern) == octets
    assert PatternIndex([pattern]).octets(0) == octets


def test_the_longest_patterns_win_and_may_tie() -> None:
    index = PatternIndex(["/", "/x", "/*y", "/xy", "/z"])
    assert sorted(index.matching("/xy")) == [0, 1, 2, 3]
    assert sorted(index.longest("/xy")) == [2, 3]
    assert index.longest("/z") == [4]
    assert index.longest("no") == []


def test_places_of_literals_are_those_that_a_search_finds() -> None:
    chance = random.Random(3)
    for alphabet in ("a", "ab", "abc/", "aé\udc80\0\U0010ffff") * 30:
        path = "".join(chance.choices(alphabet, k=chance.randint(1, 600)))
        known = SubstringIndex(path)
        for length in (0, 1, 2, 3, 20, 99, 100, 101, 300):
            at = chance.randrange(len(path))
            other = "".join(chance.choices(alphabet + "z", k=length))
            for literal in (path[at : at + length], other):
                for start in (0, at, len(path) - 1, len(path), len(path) + 1):
                    assert known.find(literal, start) == path.find(literal, start)


@pytest.mark.parametrize("half", ["", "%C3", "é"])
def test_long_paths_match_what_short_ones_do(half: str) -> None:
    chance = random.Random(4)
    for _ in range(50):
        path = canonical("/" + half + "".join(chance.choices("ab/", k=500)))
        patterns = [
            "/" + half + "".join(chance.choices(["a", "b", "/", "*", path[-30:]], k=8)) + end
            for end in ("", "$", "*%C3", "*%C3%A9") * 10
        ]
        expected = [number for number, one in enumerate(patterns) if Pattern(one).matches(path)]
        assert sorted(PatternIndex(patterns).matching(path)) == expected


def test_a_pattern_that_is_too_long_matches_nothing() -> None:
    text = "/" + "x" * MAX_PATTERN
    assert PatternIndex([text]).matching(text) == []
    assert PatternIndex([text[:-1]]).matching(text) == [0]


# --- fields -------------------------------------------------------------------------------


def test_dictionaries() -> None:
    assert dictionary("a=y;p=1, b, c=(x y), a=n") == {
        "a": Token("n"),
        "b": True,
        "c": [(Token("x"), {}), (Token("y"), {})],
    }
    assert dictionary("") == {}


@pytest.mark.parametrize(
    "value", ["a=", "A=y", "a=y,", "a = y", "a=é", "a\0", "a" * (FIELD_LIMIT + 1)]
)
def test_malformed_dictionaries(value: str) -> None:
    with pytest.raises(MalformedFieldError):
        dictionary(value)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("noai", [("*", "noai", "")]),
        ("NoAI , noimageai", [("*", "noai", ""), ("*", "noimageai", "")]),
        ("GPTBot: noai, noml", [("gptbot", "noai", ""), ("gptbot", "noml", "")]),
        ("a: noai, b: noml", [("a", "noai", ""), ("b", "noml", "")]),
        ("max-snippet:-1, noai", [("*", "max-snippet", "-1"), ("*", "noai", "")]),
        ("a: max-snippet: 0", [("a", "max-snippet", "0")]),
        (
            "unavailable_after: Mon, 25 Jun 2029 15:00:00 GMT, noai",
            [("*", "unavailable_after", "Mon, 25 Jun 2029 15:00:00 GMT"), ("*", "noai", "")],
        ),
        (
            "unavailable_after: 2029-06-25T15:00:00Z, noai",
            [("*", "unavailable_after", "2029-06-25T15:00:00Z"), ("*", "noai", "")],
        ),
        ("noai noml", [("*", "noai noml", "")]),
        (",, ,", []),
        ("googlebot:", []),
        ("", []),
    ],
)
def test_robots_directives(value: str, found: list[tuple[str, str, str]]) -> None:
    assert list(robots_directives(value)) == [Directive(*one) for one in found]


# --- HTML ---------------------------------------------------------------------------------

WORDS = (b"noai", b"tdm:policy")


@pytest.mark.parametrize(
    ("page", "found"),
    [
        ('<meta name="robots" content="noai">', [Meta("robots", "noai", 1)]),
        ("\n\n<META CONTENT=' NoAI ' NAME=' Robots '>", [Meta("robots", "NoAI", 3)]),
        ("<meta/name=robots content=noai>", [Meta("robots", "noai", 1)]),
        ("<meta name=robots content='a>noai'>", [Meta("robots", "a>noai", 1)]),
        ("<p>x</p><meta name=noai content=''>", [Meta("noai", "", 1)]),
        ("<meta name=robots content=index><meta name=x content=noai>", [Meta("x", "noai", 1)]),
        ("<meta property=robots content=noai>", []),
        ("<meta name=robots>noai", []),
        ("noai", []),
        ("<!-- <meta name=robots content=noai> -->", []),
        ("<script>x='<meta name=robots content=noai>'</script>", []),
        ("<noscript><meta name=robots content=noai></noscript>", []),
        ("<template><p><meta name=robots content=noai></template>", []),
        ("<title><meta name=robots content=noai></title>", []),
        ("<metadata name=robots content=noai>", []),
        ("<meta name=robots content='noai", []),
        ("", []),
    ],
)
def test_metas(page: str, found: list[Meta]) -> None:
    assert list(metas(page.encode(), WORDS)) == found


@pytest.mark.parametrize(
    "content", ["no&#97;i", "no&#x61;i", "&#110oai", "&#X006E;oai", "n&#0000111;ai"]
)
def test_metas_that_are_spelled_with_references(content: str) -> None:
    (meta,) = metas(f'<meta name="robots" content="{content}">'.encode(), WORDS)
    assert (meta.name, meta.content) == ("robots", "noai")


@pytest.mark.parametrize("name", ["tdm&#58;policy", "tdm&#x3a;policy", "tdm&colon;policy"])
def test_a_colon_may_be_spelled_too(name: str) -> None:
    (meta,) = metas(f'<meta name="{name}" content="/p">'.encode(), WORDS)
    assert meta.name == "tdm:policy"


def test_metas_in_utf_16() -> None:
    page = "<meta name=robots content=noai>"
    assert len(metas(("\ufeff" + page).encode("utf-16-le"), WORDS)) == 1
    assert len(metas(("\ufeff" + page).encode("utf-16-be"), WORDS)) == 1
    assert len(metas(page.encode("utf-16-be"), WORDS, charset="UTF-16BE")) == 1
    assert len(metas(page.encode("utf-16-le"), WORDS, charset="utf-16")) == 1


def test_lines_of_metas_that_are_alike() -> None:
    page = "<meta name=robots content=noai>\n" * 3
    assert [meta.line for meta in metas(page.encode(), WORDS)] == [1, 2, 3]


def test_metas_are_bounded() -> None:
    page = b"<meta name=robots content=noai>" * (MAX_METAS + 10)
    assert len(metas(page, WORDS)) == MAX_METAS


# --- what one site may repeat ---------------------------------------------------------------

_REMEMBERED = (
    field._known_dictionary,
    field._known_parameters,
    field._known_directives,
    link._known_links,
)


def test_long_values_are_not_remembered() -> None:
    # Thousands of them, as one site may send, would stay in memory.
    before = [one.cache_info().currsize for one in _REMEMBERED]
    robots_directives("noai, " * 1_000)
    link.links(f'</x>; title="{"x" * 2_000}"')
    dictionary(f'a="{"x" * 2_000}"')
    field.parameters(f'a;b="{"x" * 2_000}"')
    assert [one.cache_info().currsize for one in _REMEMBERED] == before


def test_directives_are_there_once_for_each_bot() -> None:
    said = robots_directives(
        "noai, noai, a: noai,noai, unavailable_after: Mon, noai, noai, b: noai"
    )
    assert said == (
        Directive("*", "noai", ""),
        Directive("a", "noai", ""),
        Directive("a", "unavailable_after", "Mon, noai"),
        Directive("b", "noai", ""),
    )


def test_groups_asked_as_one_say_what_their_rules_say_together() -> None:
    chance = random.Random(93)
    pieces = ("/", "a", "b", "*", "$", "%41", "%D8", "/index.html", "https://a/", "é")
    for _ in range(400):
        lines = itertools.count(1)
        parts = [
            [
                (
                    chance.random() < 0.5,
                    "/" + "".join(chance.choices(pieces, k=chance.randint(0, 4))),
                    next(lines),
                )
                for _ in range(chance.randint(1, 4))
            ]
            for _ in range(chance.randint(2, 3))
        ]
        plain = [rule for part in parts for rule in part]
        together = GroupRules(plain)
        joined = GroupRules(plain, [GroupRules(part) for part in parts])
        assert set(joined.patterns) == set(together.patterns)
        for _ in range(10):
            target = "/" + "".join(chance.choices(pieces, k=chance.randint(0, 5)))
            path = canonical(target)
            # Of rules that are equally long any may be named.
            assert joined.allows(target, path) == together.allows(target, path)
            assert joined.longest(path)[0] == together.longest(path)[0]
            # Of an address that was cut nothing more is allowed.
            ours, theirs = joined.deciding(path, cut=True), together.deciding(path, cut=True)
            assert not (theirs and not theirs.allow) or (ours and not ours.allow)
