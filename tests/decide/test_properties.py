"""Properties that hold for any document whatever: hypothesis looks for one that breaks them.

Nothing raises, a decision is a pure function of what was fed, a record is JSON, and what a
signal writes it reads back.
"""

import itertools
import random
import re
import string
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit

import http_sf
import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from reservation_middleware import Agent, Check, Decision, Document, Outcome, Policy, profile
from reservation_middleware.decide.freshness import LONGEST, SHORTEST, UNREACHABLE, lifetime
from reservation_middleware.decide.profiles import PROFILES
from reservation_middleware.decide.reading import FIELDS, PLACES, Reading
from reservation_middleware.decide.record import record
from reservation_middleware.model import LEAVES, PAGE, Preference
from reservation_middleware.model.policy import ProxyAgents
from reservation_middleware.signals import SIGNALS, Intent, Rendering, Signal
from reservation_middleware.syntax.field import (
    LIMIT,
    MalformedFieldError,
    dictionary,
    robots_directives,
)
from reservation_middleware.syntax.media.embed import embed
from reservation_middleware.syntax.path import Pattern, canonical, octets, split_url
from reservation_middleware.syntax.pattern_index import PatternIndex
from reservation_middleware.syntax.robots import RobotsFile, product_tokens

T = TypeVar("T")


def examples(count: int) -> Callable[[T], T]:
    """Settings for a test with so many examples for a hundred of Hypothesis's profile."""
    found: Any = settings(
        max_examples=count * settings().max_examples // 100,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    return found  # type: ignore[no-any-return]


ORIGIN = "https://a.example"
WORDS = tuple(dict.fromkeys(word for signal in SIGNALS for word in signal.words))
RESOURCES = {place.name: place for place in PLACES if place.path}

# --- documents ----------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        *("User-agent", "user-agent:", "User-agent: *", "User-agent: ExampleBot", "GPTBot, CCBot"),
        *("Disallow: /", "Allow: /x$", "Disallow: /*.pdf$", "Disallow /x", "Disallow: *x*y*$"),
        *("Content-Usage: train-ai=n", "Content-Usage: /x train-ai=y, ai-use=n", "Content-Usage:"),
        *("Content-Signal: ai-train=no; search=yes", "Content-Signal: /x use=full", "Sitemap: x"),
        *("noai", "noimageai", "noml", "nosnippet", "max-snippet:0", "unavailable_after: Mon, 1"),
        *("tdm-reservation", "tdm-policy", "location", "1", "0", '"1"', "null", "[", "]", "{", "}"),
        *('"', "'", "<meta ", "name=", "content=", "robots", ">", "<!--", "-->", "<script>", "/>"),
        *("<noscript>", "</noscript>", "<template>", "<svg>", "</", "&#110;", "&colon;", "&#58;"),
        *("\n", "\r", "\r\n", "\t", " ", "\0", "\x0b", "\x85", "\u2028", "\ufeff", "\xa0", "#"),
        *(",", ";", ":", "=", "*", "$", "%", "%2F", "%C3", "%2a", "/", "?", "\\", "é", "中", "😀"),
    ]
)
LINES = st.lists(st.lists(PIECES, max_size=6).map("".join), max_size=14).map("\n".join)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["/", "/*", "/x$", "1", "0", "https://a.example/p", "//[", "*"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["location", "tdm-reservation", "tdm-policy", "x"]), inner, max_size=4
        )
    ),
    max_leaves=8,
).map(msgspec.json.encode)
TEXT = LINES.map(lambda text: text.encode("utf-8", "surrogatepass"))


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Something that looks right, with a few bytes replaced, lost or repeated."""
    body = bytearray(draw(TEXT | JSON))
    for _ in range(draw(st.integers(0, 4))):
        if not body:
            break
        place = draw(st.integers(0, len(body) - 1))
        kind = draw(st.integers(0, 3))
        if kind == 0:
            body[place] = draw(st.integers(0, 255))
        elif kind == 1:
            del body[place : place + draw(st.integers(1, 8))]
        elif kind == 2:
            body[place:place] = body[: draw(st.integers(1, 16))]
        else:
            body[place:place] = draw(st.binary(max_size=4))
    return bytes(body)


BODIES = (
    st.none()
    | st.binary(max_size=200)
    | mutated()
    | TEXT.map(lambda body: body.decode("utf-8", "replace").encode("utf-16"))
)
# What HTTP libraries hand over: latin-1 or UTF-8 text; lone surrogates have a test of their own.
VALUES = (
    LINES.map(lambda text: text.replace("\n", ", "))
    | st.text(st.characters(codec="utf-8"), max_size=30)
    | st.binary(max_size=30).map(lambda raw: raw.decode("latin-1"))
)
NAMES = (
    st.sampled_from(sorted(field.decode() for field in FIELDS))
    | st.sampled_from(["content-type", "cache-control", "link", "set-cookie"])
    | st.text(string.ascii_lowercase + "-", max_size=12)
)
TYPES = st.sampled_from(
    ["text/html", "text/html; charset=utf-16", "text/plain", "image/png", "application/json", ""]
)
HEADERS = st.tuples(st.lists(st.tuples(NAMES, VALUES), max_size=5), TYPES | VALUES).map(
    lambda given: (("content-type", given[1]), *given[0])
)
URLS = st.sampled_from([f"{ORIGIN}/", f"{ORIGIN}/x", f"{ORIGIN}/x%2Fy?z=1#f", f"{ORIGIN}/é%FF*$"])


@st.composite
def documents(draw: st.DrawFn, resource: str | None = None) -> Document:
    resource = resource or draw(st.sampled_from([*RESOURCES, PAGE]))
    path = getattr(RESOURCES.get(resource), "path", None) or "/x"
    status = draw(st.none() | st.sampled_from([200, 204, 301, 401, 404, 429, 503]) | st.integers())
    return Document(
        url=ORIGIN + path,
        resource=resource,
        outcome=draw(st.sampled_from(Outcome)) if status is None else Outcome.of(status),
        status=status,
        headers=draw(HEADERS),
        body=draw(BODIES),
    )


def decided(
    url: str, fed: Iterable[Document], policy: Policy, agent: str = "ExampleBot"
) -> Decision:
    check = Check(url, agent=Agent(agent, ("ai",)), policy=policy)
    for document in fed:
        check.feed(document)
    return check.decide()


POLICIES = st.sampled_from(PROFILES).map(profile)


@examples(300)
@given(URLS, st.lists(documents(), max_size=4), POLICIES)
def test_anything_fed_ends_in_a_decision_that_is_json(
    url: str, fed: list[Document], policy: Policy
) -> None:
    decision = decided(url, fed, policy)
    assert decision == decided(url, fed, policy)
    plain = record(decision)
    again = msgspec.json.decode(msgspec.json.encode(plain))
    assert again["verdict"] == decision.verdict
    assert set(plain["usage"]) == set(LEAVES)
    assert {reason.signal for reason in decision.reasons} <= {signal.name for signal in SIGNALS}


FRAGMENTS = (
    *(
        "User-agent: ",
        "ExampleBot",
        "GPTBot",
        "*",
        "Disallow: ",
        "Allow: ",
        "/",
        "/x",
        "$",
        "*",
        "\n",
    ),
    *(
        "Content-Usage: ",
        "train-ai=n",
        "Content-Signal: ",
        "ai-train=no",
        ", ",
        "; ",
        "=",
        "yes",
        ":",
    ),
    *(
        '[{"location": "/',
        '", "tdm-reservation": ',
        "1",
        "0",
        "}]",
        ', "tdm-policy": "',
        '"',
        "[",
        "{",
    ),
    *(
        '<meta name="robots" content="',
        "noai",
        '">',
        "<meta name=tdm-reservation content=1>",
        "<!--",
    ),
    *(
        "<noscript>",
        "<template>",
        "\r",
        "\0",
        "\ufeff",
        "\u2028",
        "%2F",
        "%C3",
        "é",
        "#",
        "max-snippet:0",
    ),
)


def document_by(seed: int) -> Document:
    """A document made fast, where hypothesis would spend its time on making it."""
    chooser = random.Random(seed)
    resource = chooser.choice([*RESOURCES, PAGE])
    text = "".join(chooser.choices(FRAGMENTS, k=chooser.randrange(40)))
    body = bytearray(text.encode(chooser.choice(["utf-8", "utf-8", "utf-8", "utf-16"])))
    for _ in range(chooser.randrange(4)):
        if body:
            place = chooser.randrange(len(body))
            body[place : place + chooser.randrange(3)] = chooser.randbytes(chooser.randrange(3))
    headers = [("content-type", "text/html")] * chooser.randrange(2)
    for field in chooser.sample(sorted(FIELDS), chooser.randrange(3)):
        value = "".join(chooser.choices(FRAGMENTS, k=chooser.randrange(8)))
        headers.append((field.decode(), value))
    return Document(
        url=ORIGIN + (getattr(RESOURCES.get(resource), "path", None) or "/x"),
        resource=resource,
        outcome=chooser.choice(list(Outcome)) if chooser.random() < 0.1 else Outcome.FETCHED,
        status=chooser.choice([None, 200, 200, 200, 404, 503]),
        headers=tuple(headers),
        body=bytes(body),
    )


@examples(300)
@given(st.integers(0, 2**64), POLICIES)
def test_documents_by_the_thousand_end_in_records(seed: int, policy: Policy) -> None:
    for number in range(seed, seed + 50):
        decision = decided(f"{ORIGIN}/x", [document_by(number)], policy)
        msgspec.json.encode(record(decision))


@examples(500)
@given(mutated(), POLICIES)
def test_anything_served_as_any_policy_resource_is_read(body: bytes, policy: Policy) -> None:
    for resource, place in RESOURCES.items():
        document = Document(
            url=ORIGIN + (place.path or ""),
            resource=resource,
            outcome=Outcome.FETCHED,
            status=200,
            body=body,
        )
        for _, findings in Reading(document, place).found:
            findings.statements()
        msgspec.json.encode(record(decided(f"{ORIGIN}/x", [document], policy)))


@examples(300)
@given(HEADERS, mutated(), POLICIES)
def test_any_page_is_read(
    headers: tuple[tuple[str, str], ...], body: bytes, policy: Policy
) -> None:
    head = Document(url=f"{ORIGIN}/x", resource=PAGE, outcome=Outcome.FETCHED, headers=headers)
    whole = Document(
        url=f"{ORIGIN}/x",
        resource=PAGE,
        outcome=Outcome.FETCHED,
        headers=(("content-type", "text/html"),),
        body=body,
    )
    msgspec.json.encode(record(decided(f"{ORIGIN}/x", [head, whole], policy)))


@examples(150)
@given(
    URLS,
    st.tuples(*map(documents, [*RESOURCES, PAGE])),
    st.lists(st.permutations(range(len(RESOURCES) + 1)), min_size=1, max_size=4),
    POLICIES,
)
def test_the_order_of_feeding_does_not_matter(
    url: str, fed: tuple[Document, ...], orders: list[list[int]], policy: Policy
) -> None:
    first = decided(url, fed, policy)
    for order in orders:
        assert decided(url, [fed[number] for number in order], policy) == first


@examples(100)
@given(URLS, documents(PAGE), POLICIES)
def test_head_then_body_is_the_same_as_both_at_once(
    url: str, page: Document, policy: Policy
) -> None:
    head = msgspec.structs.replace(page, body=None)
    assert decided(url, [head, page], policy) == decided(url, [page], policy)


@pytest.mark.parametrize("field", sorted(field.decode() for field in FIELDS))
def test_header_bytes_that_are_not_utf_8_do_not_spoil_the_record(field: str) -> None:
    # aiohttp hands such bytes over as lone surrogates.
    for value in ("\udcff", "1, \udcff", "noai, \udcff", "ai-train=\udcff", "/\udcff"):
        headers = ((field, value), ("tdm-reservation", "1"))
        page = Document(url=f"{ORIGIN}/x", resource=PAGE, outcome=Outcome.FETCHED, headers=headers)
        msgspec.json.encode(record(decided(f"{ORIGIN}/x", [page], profile())))


@pytest.mark.parametrize(
    "url",
    ["", "[", "x", "//[x", "http://", "http://[", "https://a.example/\udcff", "a:b", "http://a\n/"],
)
def test_no_url_makes_a_decision_raise(url: str) -> None:
    rules = Document(
        url=f"{ORIGIN}/robots.txt",
        resource="robots.txt",
        outcome=Outcome.FETCHED,
        body=b"User-agent: *\nDisallow: /x\nDisallow: *\n",
    )
    decision = decided(url, [rules], profile())
    assert decision.stage == "site"


# --- a signal reads what it writes --------------------------------------------------------

#: Terms that are not written: they are other people's words, or say more than was meant.
UNWRITTEN = {"robots-meta": {"noarchive", "nocache", "nosnippet"}}


def wishes(signal: Signal[Any]) -> list[dict[str, Preference]]:
    """Every choice of yes, no or silence per native term that does not contradict itself."""
    unwritten = UNWRITTEN.get(signal.name, set())
    terms = [term for name, term in signal.terms.items() if name not in unwritten]
    found: list[dict[str, Preference]] = []
    for choice in itertools.product((None, *Preference), repeat=len(terms)):
        usage: dict[str, Preference] = {}
        fits = Preference.UNKNOWN not in choice
        for term, said in zip(terms, choice, strict=True):
            leaves = {Preference.ALLOWED: term.yes, Preference.DISALLOWED: term.no}.get(
                said or Preference.UNKNOWN, ()
            )
            fits = fits and (said is None or bool(leaves))
            for leaf in leaves:
                fits = fits and usage.setdefault(leaf, said or Preference.UNKNOWN) is said
        if fits and usage not in found:
            found.append(usage)
    return found


JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9"
PLUS = "http://ns.useplus.org/ldf/xmp/1.0/"


def carried(written: Rendering) -> Document:
    """A document that carries what a signal wrote."""
    place = written.carrier.place
    headers: list[tuple[str, str]] = []
    body: bytes | None = written.text.encode()
    if place.path is None and written.carrier.name == "header":
        for line in written.text.splitlines():
            name, _, value = line.partition(":")
            headers.append((name.lower(), value.strip()))
        body = None
    elif written.carrier.name == "xmp":
        body = embed(JPEG, PLUS, "DataMining", written.text, prefix="plus")
    elif place.path is None:
        headers.append(("content-type", "text/html"))
        body = f"<!doctype html><title>x</title>{written.text}".encode()
    return Document(
        url=ORIGIN + (place.path or "/x"),
        resource=place.name if place.path else PAGE,
        outcome=Outcome.FETCHED,
        status=200,
        headers=tuple(headers),
        body=body,
    )


#: Carriers for which a wish says too little, or which are not a text: files, bills.
NOT_WRITTEN = {
    "tdmrep": {"epub", "pdf", "xmp", "tdm-policy"},
    "trust-txt": {"well-known-trust.txt"},
    "payment": {"status", "crawler-price", "payment-required", "www-authenticate", "body"},
    "cawg": {"c2pa"},
}
#: Signals with one word for all that is meant, which may say less, and never something else.
SAYS_A_PART = {"plus"}
#: What it writes stands in two documents, or it has a dialect that is never written; read back in
#: tests/signals/test_rsl.py and tests/signals/test_ai_txt.py.
ELSEWHERE = {"rsl", "ai-txt"}


@pytest.mark.parametrize("agents", [("*",), ("ExampleBot", "OtherBot")], ids="+".join)
@pytest.mark.parametrize(
    "signal", [one for one in SIGNALS if one.name not in ELSEWHERE], ids=lambda signal: signal.name
)
def test_a_signal_reads_what_it_writes(signal: Signal[Any], agents: tuple[str, ...]) -> None:
    policy = msgspec.structs.replace(
        profile(), proxy_agents=ProxyAgents.COUNT, signals=tuple({signal.name, "robots"})
    )
    carriers = set()
    for usage in wishes(signal):
        for policy_url in (None, "https://a.example/terms?a=1&b=2"):
            for written in signal.write(Intent(usage=usage, agents=agents, policy=policy_url)):
                carriers.add(written.carrier.name)
                decision = decided(f"{ORIGIN}/x", [carried(written)], policy)
                said = {
                    leaf: preference
                    for leaf, preference in decision.usage.items()
                    if preference is not Preference.UNKNOWN
                }
                if signal.name in SAYS_A_PART:
                    assert said, written.text
                    assert said.items() <= usage.items(), written.text
                else:
                    assert said == usage, written.text
                for offer in decision.offers:
                    assert offer.url == policy_url
    if signal.terms:
        assert carriers == {carrier.name for carrier in signal.carriers} - NOT_WRITTEN.get(
            signal.name, set()
        )


@pytest.mark.parametrize("crawl", [Preference.ALLOWED, Preference.DISALLOWED])
@pytest.mark.parametrize("agents", [("*",), ("ExampleBot", "OtherBot")], ids="+".join)
def test_robots_reads_the_crawl_rule_it_writes(crawl: Preference, agents: tuple[str, ...]) -> None:
    (robots,) = (signal for signal in SIGNALS if signal.name == "robots")
    (written,) = robots.write(Intent(crawl=crawl, agents=agents))
    for path in ("/", "/x", "/x?y"):
        assert decided(ORIGIN + path, [carried(written)], profile()).crawl is crawl
    other = decided(f"{ORIGIN}/x", [carried(written)], profile(), "ThirdBot")
    assert other.crawl is (crawl if agents == ("*",) else Preference.ALLOWED)


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.name)
def test_a_signal_with_nothing_to_say_writes_nothing(signal: Signal[Any]) -> None:
    assert signal.write(Intent()) == ()
    assert signal.write(Intent(usage=dict.fromkeys(LEAVES, Preference.UNKNOWN))) == ()


# --- path patterns ------------------------------------------------------------------------

ALPHABET = "ab/*$?%é"
PATTERNS = st.text(ALPHABET, max_size=8).map(lambda text: f"/{text}") | st.text(
    ALPHABET, max_size=6
)


def naive(pattern: str, path: str) -> bool:
    """RFC 9309 §2.2.3 by a regular expression, on canonical text."""
    anchored = pattern.endswith("$")
    parts = (pattern[:-1] if anchored else pattern).split("*")
    expression = ".*".join(re.escape(canonical(part)) for part in parts)
    return re.match(expression + (r"\Z" if anchored else ""), path, re.DOTALL) is not None


@examples(600)
@given(st.lists(PATTERNS, max_size=6), st.text("ab/$?%é*", max_size=12))
def test_patterns_match_as_a_regular_expression_does(patterns: list[str], rest: str) -> None:
    path = canonical(f"/{rest}")
    found = PatternIndex(patterns).matching(path)
    assert sorted(found) == [n for n, text in enumerate(patterns) if naive(text, path)]
    assert [Pattern(text).matches(path) for text in patterns] == [
        naive(text, path) for text in patterns
    ]


@examples(200)
@given(st.text(st.characters(codec="utf-8"), max_size=20))
def test_both_spellings_of_a_path_are_the_same(text: str) -> None:
    text = text.replace("%", "").replace("/", "")
    encoded = "".join(f"%{octet:02x}" for octet in text.encode())
    assert canonical(encoded) == canonical(encoded.upper()) == canonical(text)
    pattern = Pattern("/" + encoded)
    assert pattern.matches(canonical("/" + text))
    assert octets("/" + encoded) == octets("/" + encoded.upper())


# --- URLs ---------------------------------------------------------------------------------

LABELS = st.text(string.ascii_letters + string.digits, min_size=1, max_size=5)


@examples(300)
@given(
    st.sampled_from(["http", "https", "HTTPS", "Http"]),
    st.lists(LABELS, min_size=1, max_size=3).map(".".join) | st.just("[::1]"),
    st.none() | st.integers(1, 65535) | st.sampled_from([80, 443]),
    st.text(string.ascii_letters + "/%~;=é.", max_size=10),
    st.none() | st.text(string.ascii_letters + "/?&=%", max_size=8),
    st.none() | st.text(string.ascii_letters + "?/#", max_size=5),
)
def test_urls_are_split_as_the_standard_library_does(
    scheme: str, host: str, port: int | None, path: str, query: str | None, fragment: str | None
) -> None:
    url = f"{scheme}://{host}" + (f":{port}" if port else "") + (f"/{path}" if path else "")
    url += f"?{query}" if query is not None else ""
    url += f"#{fragment}" if fragment is not None else ""
    origin, target = split_url(url)
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}[parts.scheme]
    shown = "" if parts.port in (None, default) else f":{parts.port}"
    assert origin == f"{parts.scheme}://{host.lower()}{shown}"
    assert target == (parts.path or "/") + (f"?{parts.query}" if query is not None else "")


@examples(300)
@given(st.text(max_size=40) | st.text(":/?#@[]\\%ahtps.0", max_size=30))
def test_splitting_any_string_gives_an_origin_and_a_target(url: str) -> None:
    origin, target = split_url(url)
    assert origin == "" or (target.startswith("/") and origin == origin.lower())
    assert "#" not in target
    assert target


# --- fields -------------------------------------------------------------------------------


@examples(500)
@given(VALUES | st.text(max_size=60), st.sampled_from(["*", "googlebot"]))
def test_robots_directives_never_raise(value: str, bot: str) -> None:
    for directive in robots_directives(value, bot):
        assert directive.name == directive.name.lower()
        assert directive.bot == directive.bot.lower()
        assert directive.name


def test_directives_survive_being_written_again() -> None:
    value = "googlebot: noai, max-snippet: -1, unavailable_after: Mon, 25 Jun 2029 15:00:00 GMT"
    for _ in range(2):
        found = robots_directives(value)
        assert [directive.bot for directive in found] == ["googlebot"] * 3
        value = "googlebot: " + ", ".join(
            f"{one.name}: {one.value}" if one.value else one.name for one in found
        )


MEMBERS = st.lists(
    st.tuples(
        st.sampled_from(["train-ai", "search", "a", "*x", "b.c", "A", "1a", ""]),
        st.sampled_from(
            [
                *(
                    "",
                    "=y",
                    "=n",
                    "=?1",
                    "=?0",
                    "=1",
                    "=1.5",
                    '="x"',
                    "=:YQ==:",
                    "=:a:",
                    "=(a b);q=1",
                ),
                *("=@1659578233", "=@99999999999999", '=%"f%c3%bc"', '=%"%ff"', "=y;p=1", " = y"),
                *("=-", "=1234567890123456", "=()", "=(", '="', "=é", "=\0"),
            ]
        ),
    ).map("".join),
    max_size=4,
)


@examples(400)
@given(MEMBERS.map(", ".join) | st.text(max_size=20) | VALUES)
@example("a=@99999999999999")
@example("a=@-99999999999999")
def test_dictionaries_are_what_http_sf_says(value: str) -> None:
    try:
        ours: dict[str, object] | None = dictionary(value)
    except MalformedFieldError:
        ours = None
    theirs: dict[str, object] | None
    try:
        parsed: Any = http_sf.parse(value.encode("ascii"), tltype="dictionary")
        theirs = {key: member for key, (member, _) in parsed.items()}
    except (UnicodeEncodeError, http_sf.StructuredFieldError):
        theirs = None
    assert ours == theirs


def test_a_dictionary_beyond_the_limit_is_malformed() -> None:
    assert dictionary("a=1," * (LIMIT // 4 - 1) + "a=2") == {"a": 2}
    with pytest.raises(MalformedFieldError):
        dictionary("a" * (LIMIT + 1))


# --- robots.txt, HTML, freshness ----------------------------------------------------------


@examples(400)
@given(TEXT | st.binary(max_size=120))
def test_every_line_of_robots_txt_has_its_number(body: bytes) -> None:
    robots = RobotsFile(body)
    for group in robots.groups:
        for rule in group.rules:
            assert rule.path in robots.line(rule.line)
        for token, number in group.tokens:
            assert token.rstrip("*") in robots.line(number).lower()
        for record_ in group.records:
            assert record_.value in robots.line(record_.line)
    for problem in robots.problems:
        assert problem.text.strip() in robots.line(problem.line)
    for token in robots.tokens:
        group_ = robots.named(token)
        assert group_ is not None
        assert group_ is robots.named(token)
        assert group_.line_of(token) is not None
        assert product_tokens(token)[:1] in ((token,), ())


CONTROL = st.lists(
    st.sampled_from(["max-age", "=", "0", "86400", "99999999999", '"', "no-store", "no-cache", "-"])
    | st.text(max_size=5),
    max_size=6,
).map("".join)


@examples(300)
@given(
    st.sampled_from(Outcome),
    st.lists(st.tuples(st.sampled_from(["cache-control", "expires"]), CONTROL), max_size=3),
)
def test_lifetimes_are_within_their_bounds(
    outcome: Outcome, headers: list[tuple[str, str]]
) -> None:
    found = lifetime(outcome, tuple(headers))
    if outcome is Outcome.UNREACHABLE:
        assert found == UNREACHABLE
    assert SHORTEST <= found <= LONGEST


@pytest.mark.parametrize(
    ("control", "expected"),
    [
        ("max-age=600", timedelta(minutes=10)),
        ("public, Max-Age = 600", timedelta(minutes=10)),
        ("max-age=0", SHORTEST),
        ("max-age=9999999999", LONGEST),
        ("max-age=99999999999999999999", LONGEST),
        ("no-store, max-age=600", SHORTEST),
        ('no-cache="set-cookie"', SHORTEST),
        ("s-maxage=600", LONGEST),
        ("x-no-store", LONGEST),
        ("", LONGEST),
    ],
)
def test_lifetimes(control: str, expected: timedelta) -> None:
    assert lifetime(Outcome.FETCHED, (("cache-control", control),)) == expected
